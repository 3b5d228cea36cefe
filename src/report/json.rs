//! The JSON contract, version 1: 1-based lines and columns in characters, edits in byte offsets.

use super::fingerprint::fingerprint;
use super::sanitize::sanitize_char;
use super::{Coverage, Report};
use crate::diagnostic::{Applicability, Diagnostic, Files, Fix, Label, Other};
use crate::source::Location;
use serde::Serialize;
use std::fmt::Write as _;

/// Version of the document; grows when a field changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<'a> {
    version: u32,
    summary: Counts,
    coverage: &'a [Coverage],
    diagnostics: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Counts {
    errors: usize,
    warnings: usize,
    infos: usize,
    files: usize,
    fixable: usize,
    unsafe_fixable: usize,
    fixed: usize,
    /// Further fixes come when these are applied.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    fixes_withheld: bool,
}

#[derive(Serialize)]
struct Finding<'a> {
    rule: &'a str,
    severity: &'a str,
    confidence: &'a str,
    message: &'a str,
    #[serde(flatten)]
    place: Place<'a>,
    object: Option<&'a str>,
    labels: Vec<Mark<'a>>,
    notes: &'a [String],
    help: Option<&'a str>,
    url: Option<&'a str>,
    fingerprint: String,
    fixes: Vec<Repair<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    others: Vec<Another<'a>>,
}

/// A finding that this one stands for.
#[derive(Serialize)]
struct Another<'a> {
    object: Option<&'a str>,
    #[serde(flatten)]
    place: Place<'a>,
    fingerprint: &'a str,
}

#[derive(Serialize)]
struct Place<'a> {
    path: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct Mark<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    text: &'a str,
    primary: bool,
}

#[derive(Serialize)]
struct Repair<'a> {
    title: &'a str,
    applicability: Applicability,
    edits: Vec<Change<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    creates: Vec<Creation<'a>>,
}

/// A file that does not exist yet.
#[derive(Serialize)]
struct Creation<'a> {
    path: &'a str,
    text: &'a str,
}

#[derive(Serialize)]
struct Change<'a> {
    path: &'a str,
    start: usize,
    end: usize,
    text: &'a str,
}

fn place(at: Location, files: &dyn Files) -> Place<'_> {
    let start = files.position(at.file, at.span.start);
    let end = files.position(at.file, at.span.end);
    Place {
        path: files.path(at.file),
        line: start.line,
        column: start.column,
        end_line: end.line,
        end_column: end.column,
    }
}

fn mark<'a>(label: &'a Label, files: &'a dyn Files) -> Mark<'a> {
    Mark { place: place(label.location, files), text: &label.text, primary: label.primary }
}

fn repair<'a>(fix: &'a Fix, files: &'a dyn Files) -> Repair<'a> {
    let change = |e: &'a crate::diagnostic::Edit| Change {
        path: files.path(e.file),
        start: e.span.start,
        end: e.span.end,
        text: &e.text,
    };
    Repair {
        title: &fix.title,
        applicability: fix.applicability,
        edits: fix.edits.iter().map(change).collect(),
        creates: fix.creates.iter().map(|file| Creation { path: &file.path, text: &file.text }).collect(),
    }
}

fn another<'a>(other: &'a Other, files: &'a dyn Files) -> Another<'a> {
    Another { object: other.object.as_deref(), place: place(other.location, files), fingerprint: &other.fingerprint }
}

fn finding<'a>(d: &'a Diagnostic, files: &'a dyn Files) -> Finding<'a> {
    Finding {
        rule: &d.rule,
        severity: d.severity.as_str(),
        confidence: d.confidence.as_str(),
        message: &d.message,
        place: place(d.primary(), files),
        object: d.object.as_deref(),
        labels: d.labels.iter().map(|l| mark(l, files)).collect(),
        notes: &d.notes,
        help: d.help.as_deref(),
        url: d.url.as_deref(),
        fingerprint: fingerprint(d, files),
        fixes: d.fixes.iter().map(|f| repair(f, files)).collect(),
        others: d.others.iter().map(|other| another(other, files)).collect(),
    }
}

/// The whole report as one document.
pub fn render(report: &Report<'_>) -> String {
    let s = report.summary;
    let document = Document {
        version: VERSION,
        summary: Counts {
            errors: s.errors,
            warnings: s.warnings,
            infos: s.infos,
            files: s.files,
            fixable: s.fixable,
            unsafe_fixable: s.unsafe_fixable,
            fixed: s.fixed,
            fixes_withheld: s.fixes_withheld,
        },
        coverage: &s.coverage,
        diagnostics: report.diagnostics.iter().map(|d| finding(d, report.files)).collect(),
    };
    pretty(&document)
}

/// One object a line, each as in `diagnostics` of the document.
pub fn render_lines(report: &Report<'_>) -> String {
    report
        .diagnostics
        .iter()
        .filter_map(|d| serde_json::to_string(&finding(d, report.files)).ok())
        .map(|line| escape_invisible(&line) + "\n")
        .collect()
}

/// Indented JSON with a final newline.
pub fn pretty(value: &impl Serialize) -> String {
    // Serialising strings, numbers and lists into memory has no way to fail.
    escape_invisible(&serde_json::to_string_pretty(value).unwrap_or_default()) + "\n"
}

/// Writes what could steer a terminal as `\uXXXX`: the document keeps its value, since such characters stand only
/// inside strings (serde_json escapes C0 itself).
fn escape_invisible(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || sanitize_char(c) == c {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaping_keeps_the_value() {
        let text = "\u{1b}[31m \u{9b}2J \u{202e}x\u{e0041} 名前 \u{7f}";
        let json = pretty(&text);
        assert!(!json.trim_end().chars().any(|c| sanitize_char(c) != c), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), text);
    }
}
