//! GitHub workflow commands: `::error file=…,line=…::message`, which the runner turns into annotations.

use super::others;
use super::sanitize::{sanitize, sanitize_line};
use super::{Report, last_line};
use crate::diagnostic::{Diagnostic, Files, Severity};
use std::fmt::Write as _;

/// One command a finding.
pub fn render(report: &Report<'_>) -> String {
    report.diagnostics.iter().map(|d| command(d, report.files)).collect()
}

fn command(d: &Diagnostic, files: &dyn Files) -> String {
    let at = d.primary();
    let (start, end) = (files.position(at.file, at.span.start), files.position(at.file, at.span.end));
    let last = last_line(files, at);
    let level = match d.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "notice",
    };
    let mut out = format!("::{level} file={},line={},endLine={last}", property(files.path(at.file)), start.line);
    // The runner knows columns only for a place inside one line.
    if start.line == end.line {
        let _ = write!(out, ",col={},endColumn={}", start.column, end.column.max(start.column + 1));
    }
    let _ = writeln!(out, ",title={}::{}", property(&format!("dnslint {}", d.rule)), data(&body(d, files)));
    out
}

/// The message, then the other labels as `path:line: text`, notes and help.
fn body(d: &Diagnostic, files: &dyn Files) -> String {
    let mut out = sanitize_line(&d.message);
    for label in d.labels.iter().filter(|l| !l.text.is_empty()) {
        let line = files.position(label.location.file, label.location.span.start).line;
        let path = sanitize_line(files.path(label.location.file));
        let _ = write!(out, "\n{path}:{line}: {}", sanitize_line(&label.text));
    }
    for note in d.notes.iter().map(|note| sanitize(note)).chain(others::note(d, files)) {
        let _ = write!(out, "\nnote: {note}");
    }
    for (word, text) in [("help", &d.help), ("docs", &d.url)] {
        if let Some(text) = text {
            let _ = write!(out, "\n{word}: {}", sanitize(text));
        }
    }
    out
}

/// Escapes the message part as the runner decodes it (actions/toolkit, packages/core/src/command.ts).
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property value, where `:` and `,` separate too.
fn property(text: &str) -> String {
    data(&sanitize_line(text)).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_separator_survives_in_a_property() {
        assert_eq!(property("a,b:c%0A\n::set-env::"), "a%2Cb%3Ac%250A %3A%3Aset-env%3A%3A");
        assert_eq!(data("50%\n::error::x\r"), "50%25%0A::error::x%0D");
    }
}
