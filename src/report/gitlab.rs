//! GitLab Code Quality report (a Code Climate subset).

use super::fingerprint::unique_fingerprints;
use super::json::pretty;
use super::others;
use super::{Report, last_line};
use crate::diagnostic::Severity;
use serde_json::{Value, json};

/// One entry a finding; fingerprints are unique, since GitLab keeps one entry of each.
pub fn render(report: &Report<'_>) -> String {
    let entry = |(d, print): (&crate::diagnostic::Diagnostic, String)| {
        let at = d.primary();
        let start = report.files.position(at.file, at.span.start);
        let end = last_line(report.files, at);
        let severity = match d.severity {
            Severity::Error => "critical",
            Severity::Warning => "major",
            Severity::Info => "info",
        };
        json!({
            "description": others::message(d),
            "check_name": d.rule,
            "fingerprint": print,
            "severity": severity,
            "location": {"path": report.files.path(at.file), "lines": {"begin": start.line, "end": end}},
        })
    };
    let entries: Vec<Value> = report.diagnostics.iter().zip(unique_fingerprints(report)).map(entry).collect();
    pretty(&entries)
}
