//! Whole snapshots: the four situations with their recorded findings, and stock installs that stay clean.

use crate::common::{assert_none, by_severity, check, compare, folders, lines, name, root, snapshot};

#[test]
fn clusters_give_the_recorded_findings() {
    let mut problems = Vec::new();
    let clusters = folders(&root().join("testdata/clusters"));
    assert!(clusters.len() >= 11, "only {} clusters", clusters.len());
    for cluster in clusters {
        let snapshot = snapshot(&cluster);
        let found = check(&snapshot, &[]);
        let expect = root().join("testdata/clusters").join(format!("{}.expect.txt", name(&cluster)));
        problems.extend(compare(&expect, &lines(&snapshot, &found)));
    }
    assert_none(&problems);
}

#[test]
fn stock_installs_and_healthy_traps_have_no_error_and_no_warning() {
    let mut problems = Vec::new();
    let mut seen = 0;
    for cluster in folders(&root().join("testdata/clusters")) {
        if !name(&cluster).starts_with("stock-") && !name(&cluster).starts_with("healthy-") {
            continue;
        }
        seen += 1;
        let snapshot = snapshot(&cluster);
        let found = check(&snapshot, &[]);
        if by_severity(&found).keys().any(|severity| *severity != "info") {
            problems.push(lines(&snapshot, &found));
        }
    }
    assert!(seen >= 20, "only {seen} stock and healthy clusters");
    assert_none(&problems);
}
