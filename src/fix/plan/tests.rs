//! Which fixes are tried, kept, taken back and named.

use super::*;

/// A finding of a rule with a fix that puts `text` in the place of the first byte.
fn finding(rule: &str, text: &str) -> Diagnostic {
    let at = Location::new(FileId(0), Span::new(0, 1));
    let mut finding = Diagnostic::new(rule, Severity::Warning, "m", at);
    finding.fingerprint = format!("print of {rule}");
    let edits = vec![Edit { file: at.file, span: at.span, text: text.to_owned() }];
    let applicability = Applicability::Safe;
    finding.fixes = vec![Fix { title: format!("write {text}"), applicability, edits, creates: Vec::new() }];
    finding
}

/// Mends a file with the byte `0`; the findings of each text that may come of it are given.
fn mended(texts: &[(&str, &[(&str, &str)])]) -> Outcome {
    let check = |snapshot: &Snapshot| {
        let text = snapshot.text(FileId(0));
        let found = texts.iter().filter(|(of, _)| *of == text).flat_map(|(_, found)| *found);
        Judged { findings: found.map(|(rule, fix)| finding(rule, fix)).collect(), broken: 0 }
    };
    run(&Snapshot::from_texts([("f", "0")]), Mode::Safe, &check, &|judged, _| judged.findings.clone())
}

#[test]
fn a_fix_that_waits_for_another_is_tried_when_that_one_fails() {
    let outcome = mended(&[("0", &[("a", "1"), ("b", "2")]), ("1", &[("a", "1"), ("b", "2")]), ("2", &[("a", "1")])]);
    assert_eq!(outcome.snapshot.text(FileId(0)), "2");
    assert_eq!(outcome.failed.iter().map(|failed| failed.title.as_str()).collect::<Vec<_>>(), ["write 1"]);
}

#[test]
fn what_another_fix_mended_did_not_fail() {
    let outcome = mended(&[("0", &[("a", "1"), ("b", "2")]), ("1", &[("a", "1"), ("b", "2")]), ("2", &[])]);
    assert_eq!((outcome.snapshot.text(FileId(0)), outcome.mended), ("2", 2));
    assert_eq!(outcome.failed, []);
}

#[test]
fn many_that_fail_leave_trials_for_others() {
    let paths: Vec<String> = (0..300).map(|number| format!("f{number}")).collect();
    let snapshot = Snapshot::from_texts(paths.iter().map(|path| (path.as_str(), "0")));
    let check = |snapshot: &Snapshot| {
        let in_file = |id: FileId, rule: &str| {
            let mut found = finding(rule, "1");
            found.fingerprint = format!("{rule} {}", id.0);
            found.labels[0].location.file = id;
            found.fixes[0].edits[0].file = id;
            found
        };
        let all = snapshot.files.iter().map(|file| if file.id.0 < 299 { "never" } else { "works" });
        let open = snapshot.files.iter().zip(all).filter(|(file, rule)| *rule == "never" || *file.text == *"0");
        Judged { findings: open.map(|(file, rule)| in_file(file.id, rule)).collect(), broken: 0 }
    };
    let outcome = run(&snapshot, Mode::Safe, &check, &|judged, _| judged.findings.clone());
    assert_eq!(outcome.applied.iter().map(|one| one.rule.as_str()).collect::<Vec<_>>(), ["works"]);
    assert_eq!(outcome.failed.iter().filter(|one| one.reason == Reason::Remains).count(), MAX_FAILURES);
}

#[test]
fn a_failure_refutes_the_fix_of_its_own_finding_if_it_was_tried() {
    let one = finding("a", "1");
    let failed = |fingerprint: &str, reason| Failed {
        rule: "a".to_owned(),
        fingerprint: fingerprint.to_owned(),
        title: "write 1".to_owned(),
        path: "f".to_owned(),
        line: 1,
        reason,
    };
    assert!(failed(&one.fingerprint, Reason::Remains).refutes(&one, &one.fixes[0]));
    assert!(!failed(&one.fingerprint, Reason::Limit).refutes(&one, &one.fixes[0]));
    assert!(!failed("of another", Reason::Remains).refutes(&one, &one.fixes[0]));
}

#[test]
fn edits_meet_where_they_touch() {
    let taken: BTreeSet<Span> = [(2, 4), (6, 6), (8, 9)].map(|(start, end)| Span::new(start, end)).into();
    let meeting = |start, end| meets(&taken, Span::new(start, end));
    for (start, end) in [(3, 3), (2, 2), (4, 4), (1, 3), (0, 20), (6, 6), (5, 7), (4, 6), (8, 9)] {
        assert!(meeting(start, end), "{start}..{end}");
    }
    for (start, end) in [(0, 2), (5, 5), (7, 7), (7, 8), (9, 12)] {
        assert!(!meeting(start, end), "{start}..{end}");
    }
}
