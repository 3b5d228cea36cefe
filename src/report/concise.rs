//! `path:line:column: severity[rule] message`, one line a finding.

use super::others;
use super::sanitize::sanitize_line;
use super::style::{Painter, Style};
use super::{Report, ReportOptions};
use std::fmt::Write as _;

/// The report in one line a finding, then the summary.
pub fn render(report: &Report<'_>, options: &ReportOptions) -> String {
    let painter = Painter { color: options.color };
    let mut out = String::new();
    for d in report.diagnostics {
        let at = d.primary();
        let position = report.files.position(at.file, at.span.start);
        let path = painter.paint(Style::Bold, &sanitize_line(report.files.path(at.file)));
        let tag = format!("{}[{}]", d.severity.as_str(), sanitize_line(&d.rule));
        let tag = painter.paint(Style::Severity(d.severity), &tag);
        let message = others::message(d);
        let _ = writeln!(out, "{path}:{}:{}: {tag} {message}", position.line, position.column);
    }
    if !options.quiet {
        out.push_str(&report.summary.text(options.verbose));
    }
    out
}
