//! Every rule has bad cases whose findings are recorded and good near misses on which it is silent.

use crate::common::{assert_none, check, compare, folders, lines, name, root, rule_ids, snapshot};

#[test]
fn every_rule_finds_its_bad_cases_and_spares_its_good_ones() {
    let mut problems = Vec::new();
    for rule in rule_ids() {
        let cases = folders(&root().join("testdata/rules").join(rule));
        let bad: Vec<_> = cases.iter().filter(|c| name(c).starts_with("bad-")).collect();
        let good: Vec<_> = cases.iter().filter(|c| name(c).starts_with("good-")).collect();
        if bad.is_empty() || good.is_empty() {
            problems.push(format!("{rule}: {} bad and {} good cases", bad.len(), good.len()));
        }
        for case in bad {
            let snapshot = snapshot(case);
            let found = check(&snapshot, &[rule]);
            if !found.iter().any(|d| d.rule == rule) {
                problems.push(format!("{}: nothing found", case.display()));
            }
            problems.extend(compare(&case.join("expect.txt"), &lines(&snapshot, &found)));
        }
        for case in good {
            let snapshot = snapshot(case);
            let found = check(&snapshot, &[rule]);
            if !found.is_empty() {
                problems.push(format!("{}: not silent\n{}", case.display(), lines(&snapshot, &found)));
            }
        }
    }
    assert_none(&problems);
}

#[test]
fn every_case_folder_belongs_to_a_rule() {
    let ids = rule_ids();
    let strays: Vec<String> = folders(&root().join("testdata/rules"))
        .iter()
        .map(|f| name(f))
        .filter(|f| !ids.contains(&f.as_str()))
        .collect();
    assert_none(&strays);
}
