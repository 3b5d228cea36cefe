//! The line format of `expect.txt` beside the bad samples of rules.

use crate::diagnostic::{Diagnostic, Files};
use std::fmt::Write as _;

/// `path:line:col-col: severity: message [rule]` for the primary place; a span over several lines shows
/// `line:col-line:col`.
#[must_use]
pub fn line(files: &dyn Files, diagnostic: &Diagnostic) -> String {
    let at = diagnostic.primary();
    let (start, end) = (files.position(at.file, at.span.start), files.position(at.file, at.span.end));
    let mut text = format!("{}:{}:{}-", files.path(at.file), start.line, start.column);
    if start.line != end.line {
        let _ = write!(text, "{}:", end.line);
    }
    let severity = diagnostic.severity.as_str();
    let _ = write!(text, "{}: {severity}: {} [{}]", end.column, diagnostic.message, diagnostic.rule);
    text
}

/// The lines of all findings, in their order, each with its newline.
#[must_use]
pub fn lines(files: &dyn Files, diagnostics: &[Diagnostic]) -> String {
    diagnostics.iter().map(|diagnostic| line(files, diagnostic) + "\n").collect()
}
