//! The default format: headline, source frames in evidence order, notes, help and fixes, as cargo and ruff show them.

use super::fix_preview::preview;
use super::frame::FrameWriter;
use super::others;
use super::sanitize::{sanitize, sanitize_line};
use super::style::{Painter, Style, hyperlink};
use super::{Report, ReportOptions};
use crate::diagnostic::{Applicability, Confidence, Diagnostic, Files, Fix};
use std::fmt::Write as _;

/// Narrowest and widest frame.
const WIDTHS: (usize, usize) = (40, 1000);

/// Every finding with its frames, then the summary.
pub fn render(report: &Report<'_>, options: &ReportOptions) -> String {
    let mut out = String::new();
    for diagnostic in report.diagnostics {
        write_diagnostic(diagnostic, report.files, options, &mut out);
        out.push('\n');
    }
    if !options.quiet {
        out.push_str(&report.summary.text(options.verbose));
    }
    out
}

fn write_diagnostic(d: &Diagnostic, files: &dyn Files, options: &ReportOptions, out: &mut String) {
    let painter = Painter { color: options.color };
    let _ =
        writeln!(out, "{}{}", tag(d, options), painter.paint(Style::Bold, &format!(": {}", sanitize_line(&d.message))));
    let frames = FrameWriter { files, painter, width: options.width.clamp(WIDTHS.0, WIDTHS.1) };
    let gutter = frames.write(d, out);
    let mut first = true;
    let mut footer = |word: &str, text: &str| {
        if std::mem::take(&mut first) {
            frames.write_rule(gutter, out);
        }
        let equals = painter.paint(Style::Gutter, "=");
        // Further lines stand under the first one.
        let text = text.replace('\n', &format!("\n{:1$}", "", gutter + 5 + word.len()));
        let _ = writeln!(out, "{:gutter$} {equals} {}: {text}", "", painter.paint(Style::Bold, word));
    };
    // a file that is its own object is named above the frame already
    if let Some(object) = d.object.as_ref().filter(|object| *object != files.path(d.primary().file)) {
        footer("object", &sanitize_line(object));
    }
    if d.confidence != Confidence::High {
        footer("confidence", d.confidence.as_str());
    }
    for note in &d.notes {
        footer("note", &sanitize(note));
    }
    let others = if options.verbose { others::list(d, files) } else { others::note(d, files) };
    if let Some(others) = others {
        footer("note", &others);
    }
    if let Some(help) = &d.help {
        footer("help", &sanitize(help));
    }
    for (index, fix) in d.fixes.iter().enumerate() {
        // Only the best fix is spelled out; the others are alternatives by name.
        let lines = if index == 0 { preview(fix, d.primary().file, files, painter) } else { String::new() };
        footer("fix", &format!("{} ({}){lines}", sanitize_line(&fix.title), how(fix)));
    }
    if let Some(url) = d.url.as_ref().filter(|_| !options.links || options.is_ci) {
        footer("docs", &sanitize_line(url));
    }
}

/// `error[rule-id]`, linked to the rule's documentation where the terminal can.
fn tag(d: &Diagnostic, options: &ReportOptions) -> String {
    let text = format!("{}[{}]", d.severity.as_str(), sanitize_line(&d.rule));
    let text = Painter { color: options.color }.paint(Style::Severity(d.severity), &text);
    match &d.url {
        Some(url) if options.links => hyperlink(&text, url),
        _ => text,
    }
}

const fn how(fix: &Fix) -> &'static str {
    match fix.applicability {
        Applicability::Safe => "safe, --fix applies it",
        Applicability::Unsafe => "changes what is resolved, --fix --unsafe-fixes applies it",
        Applicability::Display => "by hand",
    }
}
