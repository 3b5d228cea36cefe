//! Every rule has bad cases whose findings are recorded and good near misses on which it is silent.

use crate::common::{assert_none, check, compare, folders, lines, name, root, rule_ids, snapshot};
use regex::Regex;
use serde_json::Value;
use std::fs;

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

/// What conditions may look into: names that users choose, never sentences of ours.
const NAMES: [&str; 3] = ["item.key", "option", "item.right"];

/// Every condition of a rule file.
fn conditions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value.as_str() {
                    Some(text) if matches!(key.as_str(), "when" | "where" | "if") => found.push(text.to_owned()),
                    _ => conditions(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| conditions(item, found)),
        _ => {}
    }
}

#[test]
fn no_condition_depends_on_wording() {
    let looks_into = Regex::new(r"([\w.]+)\.(contains|startsWith|endsWith|matches)\(").unwrap();
    let sentence =
        Regex::new(r"\.(message|coredns_message|what|holder|reason)\.|' in \w+\.(message|what|holder)\b").unwrap();
    let mut problems = Vec::new();
    for group in folders(&root().join("rules")) {
        for rule in fs::read_dir(group).unwrap() {
            let path = rule.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let mut all = Vec::new();
            conditions(&serde_saphyr::from_str(&text).unwrap(), &mut all);
            for condition in all.iter().chain([&text].into_iter().filter(|text| sentence.is_match(text))) {
                let wording = looks_into.captures_iter(condition).any(|call| !NAMES.contains(&&call[1]));
                if wording || sentence.is_match(condition) {
                    problems.push(format!("{}: {condition}", path.display()));
                }
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
