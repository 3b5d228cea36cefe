//! What the tests of fixes share: mending a snapshot, and the patch as it is recorded.

use super::rules;
use dnslint::CheckOptions;
use dnslint::diagnostic::Diagnostic;
use dnslint::fix::{Change, Judged, Mode, Outcome, run, unified_diff};
use dnslint::source::Snapshot;
use std::fmt::Write as _;

pub fn judge(snapshot: &Snapshot) -> Judged {
    let checked = dnslint::check(snapshot, rules(), &CheckOptions::default());
    Judged { findings: checked.diagnostics, broken: checked.broken.len() }
}

/// Mends the findings of one rule (of all for `""`).
pub fn mend(snapshot: &Snapshot, rule: &str, mode: Mode) -> Outcome {
    let wanted = |judged: &Judged, _: &Snapshot| -> Vec<Diagnostic> {
        judged.findings.iter().filter(|d| rule.is_empty() || d.rule == rule).cloned().collect()
    };
    run(snapshot, mode, &judge, &wanted)
}

/// The files that differ, in order of their paths.
pub fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for file in &after.files {
        let old = before.files.get(file.id.index()).map(|f| f.text.to_string());
        if old.as_deref() != Some(&*file.text) {
            changes.push(Change { path: file.path.clone(), old, new: file.text.to_string() });
        }
    }
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

/// What was done, as the head of the recorded patch; `git apply` passes over it.
pub fn recorded(outcome: &Outcome, before: &Snapshot) -> String {
    let mut out = String::new();
    for applied in &outcome.applied {
        let _ = writeln!(out, "# {}", applied.title);
    }
    for failed in &outcome.failed {
        let _ = writeln!(out, "# not applied: {}: {}", failed.title, failed.reason);
    }
    out + &unified_diff(&changes(before, &outcome.snapshot))
}
