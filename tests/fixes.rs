//! Every fix of every bad case: what it changes is recorded, it cures its finding, and a second run changes nothing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails loudly and lays out its own files"
)]

mod common;

use common::{assert_none, compare, folders, name, root, rule_ids, rules, snapshot};
use dnslint::CheckOptions;
use dnslint::diagnostic::Diagnostic;
use dnslint::fix::{Change, Judged, Mode, Outcome, run, unified_diff};
use dnslint::source::Snapshot;
use std::fmt::Write as _;

fn judge(snapshot: &Snapshot) -> Judged {
    let checked = dnslint::check(snapshot, rules(), &CheckOptions::default());
    Judged { findings: checked.diagnostics, broken: checked.broken.len() }
}

/// Mends the findings of one rule (of all for `""`).
fn mend(snapshot: &Snapshot, rule: &str, mode: Mode) -> Outcome {
    let wanted = |judged: &Judged, _: &Snapshot| -> Vec<Diagnostic> {
        judged.findings.iter().filter(|d| rule.is_empty() || d.rule == rule).cloned().collect()
    };
    run(snapshot, mode, &judge, &wanted)
}

fn changes(before: &Snapshot, after: &Snapshot) -> Vec<Change> {
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
fn recorded(outcome: &Outcome, before: &Snapshot) -> String {
    let mut out = String::new();
    for applied in &outcome.applied {
        let _ = writeln!(out, "# {}", applied.title);
    }
    for failed in &outcome.failed {
        let _ = writeln!(out, "# not applied: {}: {}", failed.title, failed.reason);
    }
    out + &unified_diff(&changes(before, &outcome.snapshot))
}

#[test]
fn the_fix_of_every_bad_case_is_recorded_and_cures_it() {
    let mut problems = Vec::new();
    for rule in rule_ids() {
        let fixable = rules().get(rule).unwrap().fixable.is_some();
        let mut mended = 0;
        for case in folders(&root().join("testdata/rules").join(rule)) {
            if !name(&case).starts_with("bad-") {
                continue;
            }
            let before = snapshot(&case);
            let outcome = mend(&before, rule, Mode::Unsafe);
            let text = recorded(&outcome, &before);
            let file = case.join("fixed.diff");
            if text.is_empty() {
                problems.extend(file.exists().then(|| format!("{}: there is no fix any more", file.display())));
                continue;
            }
            mended += usize::from(!outcome.applied.is_empty());
            problems.extend(compare(&file, &text));
            let again = mend(&outcome.snapshot, rule, Mode::Unsafe);
            if !again.applied.is_empty() {
                problems.push(format!("{}: a second run changes something", case.display()));
            }
        }
        if fixable && mended == 0 {
            problems.push(format!("{rule}: no bad case shows its fix"));
        }
    }
    assert_none(&problems);
}
