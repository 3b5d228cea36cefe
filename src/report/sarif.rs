//! SARIF 2.1.0 (OASIS), with what GitHub code scanning uses of it.

use super::fingerprint::unique_fingerprints;
use super::json::pretty;
use super::others;
use super::{Report, RuleInfo};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Files, Fix, Label, Severity};
use crate::source::{FileId, Location};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Labels from which on the evidence is a path (a code flow) and not only related places.
const FLOW_FROM: usize = 3;

/// One run with every finding.
pub fn render(report: &Report<'_>) -> String {
    let rules = used_rules(report);
    let index: BTreeMap<&str, usize> = rules.iter().enumerate().map(|(i, r)| (r.id.as_str(), i)).collect();
    let results: Vec<Value> = report
        .diagnostics
        .iter()
        .zip(unique_fingerprints(report))
        .map(|(d, print)| result(d, &print, index.get(d.rule.as_str()).copied(), report.files))
        .collect();
    let notices: Vec<Value> = report.summary.coverage.iter().map(notice).collect();
    pretty(&json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {
                "name": "dnslint",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(descriptor).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "invocations": [{"executionSuccessful": true, "toolExecutionNotifications": notices}],
            "results": results,
        }],
    }))
}

/// The rules of the run, with a bare entry for each rule that only a finding names.
fn used_rules(report: &Report<'_>) -> Vec<RuleInfo> {
    let mut rules: BTreeMap<&str, RuleInfo> = report.rules.iter().map(|r| (r.id.as_str(), r.clone())).collect();
    for d in report.diagnostics {
        rules.entry(&d.rule).or_insert_with(|| RuleInfo {
            id: d.rule.clone(),
            severity: Some(d.severity),
            help: d.help.clone().unwrap_or_default(),
            url: d.url.clone(),
            ..RuleInfo::default()
        });
    }
    rules.into_values().collect()
}

fn descriptor(rule: &RuleInfo) -> Value {
    let summary = if rule.summary.is_empty() { &rule.id } else { &rule.summary };
    let help = if rule.help.is_empty() { summary } else { &rule.help };
    let mut out = json!({
        "id": rule.id,
        "shortDescription": {"text": summary},
        "help": {"text": help, "markdown": help},
        "defaultConfiguration": {"level": level(rule.severity.unwrap_or(Severity::Warning))},
        "properties": {"tags": [if rule.group.is_empty() { "dns" } else { &rule.group }]},
    });
    if let (Some(map), Some(url)) = (out.as_object_mut(), &rule.url) {
        map.insert("helpUri".into(), json!(url));
    }
    out
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn notice(gap: &super::Coverage) -> Value {
    let text = format!("not judged: {} (missing: {})", gap.rules.join(", "), gap.missing);
    json!({"level": "note", "message": {"text": text}})
}

fn result(d: &Diagnostic, print: &str, rule: Option<usize>, files: &dyn Files) -> Value {
    let mut message = d.message.clone();
    for text in d.notes.iter().chain(&others::note(d, files)).chain(&d.help) {
        message.push('\n');
        message.push_str(text);
    }
    let mut out = json!({
        "ruleId": d.rule,
        "level": level(d.severity),
        "message": {"text": message},
        "locations": [{"physicalLocation": physical(d.primary(), files)}],
        "partialFingerprints": {"primaryLocationLineHash": print, "dnslint/v1": print},
        "properties": {"confidence": d.confidence.as_str()},
    });
    let related: Vec<&Label> = d.labels.iter().filter(|l| !l.primary).collect();
    let fixes: Vec<Value> = d.fixes.iter().filter(|f| f.changes_something()).map(|f| fix(f, files)).collect();
    if let Some(map) = out.as_object_mut() {
        if let Some(rule) = rule {
            map.insert("ruleIndex".into(), json!(rule));
        }
        if !related.is_empty() {
            let list: Vec<Value> = related.iter().zip(1..).map(|(l, id)| label(l, Some(id), files)).collect();
            map.insert("relatedLocations".into(), json!(list));
        }
        if d.labels.len() >= FLOW_FROM {
            let steps: Vec<Value> = d.labels.iter().map(|l| json!({"location": label(l, None, files)})).collect();
            map.insert("codeFlows".into(), json!([{"threadFlows": [{"locations": steps}]}]));
        }
        if !fixes.is_empty() {
            map.insert("fixes".into(), json!(fixes));
        }
    }
    out
}

fn label(label: &Label, id: Option<usize>, files: &dyn Files) -> Value {
    let mut out = json!({"physicalLocation": physical(label.location, files)});
    if let Some(map) = out.as_object_mut() {
        if let Some(id) = id {
            map.insert("id".into(), json!(id));
        }
        if !label.text.is_empty() {
            map.insert("message".into(), json!({"text": label.text}));
        }
    }
    out
}

fn physical(at: Location, files: &dyn Files) -> Value {
    json!({"artifactLocation": {"uri": uri(files.path(at.file))}, "region": region(at, files)})
}

fn region(at: Location, files: &dyn Files) -> Value {
    let start = files.position(at.file, at.span.start);
    let end = files.position(at.file, at.span.end);
    json!({"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column})
}

fn fix(fix: &Fix, files: &dyn Files) -> Value {
    let mut by_file: BTreeMap<FileId, Vec<&Edit>> = BTreeMap::new();
    for edit in &fix.edits {
        by_file.entry(edit.file).or_default().push(edit);
    }
    let edited = by_file.iter().map(|(file, edits)| change(*file, edits, files));
    // a file that does not exist yet is an insertion into an empty one
    let created = fix.creates.iter().map(|file| {
        let start = json!({"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1});
        let replacement = json!({"deletedRegion": start, "insertedContent": {"text": file.text}});
        json!({"artifactLocation": {"uri": uri(&file.path)}, "replacements": [replacement]})
    });
    let changes: Vec<Value> = edited.chain(created).collect();
    let safety = match fix.applicability {
        Applicability::Safe => "",
        Applicability::Unsafe => " (unsafe: changes what is resolved)",
        Applicability::Display => " (to be completed by hand)",
    };
    json!({"description": {"text": format!("{}{safety}", fix.title)}, "artifactChanges": changes})
}

fn change(file: FileId, edits: &[&Edit], files: &dyn Files) -> Value {
    let replacement = |e: &&Edit| {
        let deleted = region(Location::new(e.file, e.span), files);
        json!({"deletedRegion": deleted, "insertedContent": {"text": e.text}})
    };
    let replacements: Vec<Value> = edits.iter().map(replacement).collect();
    json!({"artifactLocation": {"uri": uri(files.path(file))}, "replacements": replacements})
}

/// A path as a URI reference (RFC 3986): every byte that is not unreserved or `/` is percent-encoded.
fn uri(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    if path.starts_with('/') {
        out.push_str("file://");
    }
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_uri_references() {
        assert_eq!(uri("nodes/a b/名.conf"), "nodes/a%20b/%E5%90%8D.conf");
        assert_eq!(uri("/etc/resolv.conf"), "file:///etc/resolv.conf");
        assert_eq!(uri("a:b"), "a%3Ab");
    }
}
