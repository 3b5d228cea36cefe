//! The rules about resolver files, over recorded incidents and over the cases of each rule.

use crate::common::{folders, root};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::view::{Schemas, ViewSet};
use dnslint::analysis::views::resolv_conf::{ResolvConfView, ResolvedConfView};
use dnslint::analysis::{node_dns, resolver};
use dnslint::diagnostic::{Diagnostic, Severity};
use dnslint::lint::{LintOptions, NoFixes, RuleSet, builtin, run};
use dnslint::model::assemble;
use dnslint::source::{LoadOptions, Snapshot};
use std::fs;
use std::path::Path;

fn rules() -> RuleSet {
    let schemas = Schemas::new().with::<ResolvConfView>().with::<ResolvedConfView>();
    let on = |text: &str| text.contains("\non: resolv_conf\n") || text.contains("\non: resolved_conf\n");
    let sources = builtin().into_iter().filter(|source| on(&source.text)).collect();
    let (set, problems) = RuleSet::load(sources, &schemas, dnslint::fix::BUILDERS);
    let shown: Vec<_> = problems.iter().map(|p| format!("{} {:?} {:?}", p.message, p.labels, p.help)).collect();
    assert!(problems.is_empty(), "{}", shown.join("\n"));
    assert!(set.rules().len() >= 24, "{} rules", set.rules().len());
    set
}

fn check(set: &RuleSet, folder: &Path) -> (Snapshot, Vec<Diagnostic>) {
    let options = LoadOptions { current_dir: Some(folder.to_path_buf()), ..LoadOptions::default() };
    let snapshot = Snapshot::load(&[folder.to_path_buf()], &options);
    let mut views = ViewSet::default();
    for cluster in assemble(&snapshot) {
        let nodes = node_dns::all(&snapshot, &cluster, None);
        for (view, object) in resolver::views(&snapshot, &cluster, &Facts::of(&cluster), &nodes) {
            views.add(&view, object);
        }
    }
    for (view, object) in resolver::resolved_views(&snapshot) {
        views.add(&view, object);
    }
    let found = run(set, &views, &snapshot, &NoFixes, &LintOptions::default()).unwrap().diagnostics;
    (snapshot, found)
}

/// `severity rule path:line: message` of each finding.
fn show(snapshot: &Snapshot, found: &[Diagnostic]) -> String {
    let place = |d: &Diagnostic| {
        d.labels
            .iter()
            .filter(|l| l.primary)
            .map(|l| {
                let file = snapshot.file(l.location.file);
                format!("{}:{}", file.path, file.position(l.location.span.start).line)
            })
            .collect::<String>()
    };
    found.iter().map(|d| format!("    {} {} {}: {}\n", d.severity.as_str(), d.rule, place(d), d.message)).collect()
}

#[test]
fn every_rule_finds_its_bad_cases_and_spares_its_good_ones() {
    let set = rules();
    let mut problems = Vec::new();
    for rule in set.rules() {
        let cases = folders(&root().join(format!("testdata/rules/{}", rule.id)));
        let named = |prefix: &str| {
            cases.iter().filter(|c| c.file_name().unwrap().to_string_lossy().starts_with(prefix)).count()
        };
        if named("bad-") == 0 || named("good-") == 0 {
            problems.push(format!("{}: {} bad, {} good", rule.id, named("bad-"), named("good-")));
        }
        for case in cases {
            let (snapshot, found) = check(&set, &case);
            if found.iter().any(|d| set.get(&d.rule).is_none()) {
                problems.push(format!("{}\n{}", case.display(), show(&snapshot, &found)));
            }
            let bad = case.file_name().unwrap().to_string_lossy().starts_with("bad-");
            if bad != found.iter().any(|d| d.rule == rule.id) {
                problems.push(format!("{}\n{}", case.display(), show(&snapshot, &found)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn incidents_with_a_cause_in_resolver_files_are_found() {
    let set = rules();
    let mut problems = Vec::new();
    let mut report = String::new();
    for folder in folders(&root().join("testdata/incidents")) {
        let case = fs::read_to_string(folder.join("case.yaml")).unwrap();
        let (snapshot, found) = check(&set, &folder.join("cluster"));
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let rule = case.lines().find_map(|l| l.strip_prefix("  rule: ")).unwrap_or_default().to_owned();
        report.push_str(&format!("{name} [{rule}]\n{}", show(&snapshot, &found)));
        if let Some(place) = set.get(&rule).and(case.split("\n  - path: ").nth(1)) {
            let path = place.lines().next().unwrap_or_default();
            let labelled = |d: &Diagnostic| d.labels.iter().any(|l| snapshot.file(l.location.file).path == path);
            if !found.iter().any(labelled) {
                problems.push(format!("{name}: nothing in {path}\n{}", show(&snapshot, &found)));
            }
        }
        let loud = found.iter().any(|d| d.severity != Severity::Info);
        if name.starts_with("neg-") && loud {
            problems.push(format!("{name}: false alarm\n{}", show(&snapshot, &found)));
        }
        let accepted = |d: &Diagnostic| d.rule == rule || case.contains(&format!("\n  - {}\n", d.rule));
        if set.get(&rule).is_some() && !found.iter().any(accepted) {
            problems.push(format!("{name}: want {rule}\n{}", show(&snapshot, &found)));
        }
    }
    // shown where the test fails or with `--nocapture`
    println!("{report}");
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn sound_clusters_have_no_warning_about_resolver_files() {
    let set = rules();
    let mut problems = Vec::new();
    for folder in folders(&root().join("testdata/clusters")) {
        let (snapshot, found) = check(&set, &folder);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        println!("{name}\n{}", show(&snapshot, &found));
        let sound = name.starts_with("stock-") || name.starts_with("healthy-");
        if sound && found.iter().any(|d| d.severity != Severity::Info) {
            problems.push(format!("{name}: false alarm\n{}", show(&snapshot, &found)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
