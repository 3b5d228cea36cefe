//! `coredns-format`: a formatted Corefile is read like the one it was made from.

use crate::common::coredns::{parse_case, vectors};
use crate::common::oracle::{Seed, answers_so_far, judge};
use crate::common::{folders, root, snapshot};
use crate::oracle_coredns::parsing;
use crate::oracle_coredns::routing::cases::cases as servers;
use dnslint::fix::corefile_format::format_all;
use dnslint::model::{Cluster, assemble};
use dnslint::source::Snapshot;
use dnslint::syntax::corefile::{Shape, format};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Directives that an import puts into a block are read in one.
fn whole(text: &str, shape: Shape) -> String {
    if shape == Shape::Corefile { text.to_owned() } else { format!(". {{\n{text}\n}}\n") }
}

/// The Corefiles of a snapshot and their parts, in files of their own and inside ConfigMaps.
fn corefiles(snapshot: &Snapshot) -> Vec<String> {
    let clusters = assemble(snapshot);
    let plain = |cluster: &Cluster| -> Vec<String> {
        let configs = cluster.dns_servers.iter().filter_map(|server| server.config.as_ref());
        let alone = configs.filter(|config| config.config_map.is_none());
        alone.filter_map(|config| Some(config.text()?.text.clone())).collect()
    };
    let inside = clusters.iter().flat_map(|cluster| &cluster.objects.config_maps).flat_map(|map| &map.data);
    let inside = inside.filter_map(|entry| {
        let shape = match entry.key.value.as_str() {
            "Corefile" | "Corefile.base" => Shape::Corefile,
            key if key.ends_with(".server") => Shape::Corefile,
            key if key.ends_with(".override") => Shape::Directives,
            _ => return None,
        };
        Some(whole(&entry.text.text, shape))
    });
    clusters.iter().flat_map(plain).chain(inside).collect()
}

/// Every folder of the test data that stands for a cluster.
fn snapshots() -> Vec<PathBuf> {
    let data = root().join("testdata");
    let cases = ["rules", "loops"].iter().flat_map(|group| folders(&data.join(group)));
    let cases = cases.flat_map(|group| if folders(&group).is_empty() { vec![group] } else { folders(&group) });
    folders(&data.join("clusters")).into_iter().chain(folders(&data.join("incidents"))).chain(cases).collect()
}

fn question(before: &str, after: &str, case: &Value) -> Value {
    let mut question = json!({"conf": before, "formatted": after});
    for field in ["files", "env"].into_iter().filter(|field| case[field].is_object()) {
        question[field] = case[field].clone();
    }
    question
}

/// The test data's own, as `dnslint fmt` would write them; those that stay as they are prove nothing.
fn of_the_test_data() -> Vec<Value> {
    let mut found = Vec::new();
    for dir in snapshots() {
        let before = snapshot(&dir);
        let after = before.with_texts(&format_all(&before, &assemble(&before)).changed, []);
        let (old, new) = (corefiles(&before), corefiles(&after));
        assert_eq!(old.len(), new.len(), "{}: a Corefile is lost", dir.display());
        let pairs = old.into_iter().zip(new);
        found.extend(pairs.filter(|(old, new)| old != new).map(|(old, new)| question(&old, &new, &Value::Null)));
    }
    found
}

/// Made ones, as far as they can be formatted.
fn made() -> Vec<Value> {
    let mut seed = Seed::new(20_26);
    let texts = vectors("parse").into_iter().map(|mut vector| {
        vector["conf"] = vector["in"].take();
        vector
    });
    let made = (0..parsing::CASES).map(|_| parsing::case(&mut seed));
    let all = texts.chain(made).chain(servers());
    all.filter_map(|case| {
        let text = case["conf"].as_str()?;
        let formatted = format(text, Shape::Corefile).ok()?.text;
        (formatted != text).then(|| question(text, &formatted, &case))
    })
    .collect()
}

/// Whether CoreDNS reads it, whatever the plugins.
fn predict(question: &Value) -> Value {
    let corefile = parse_case(question["conf"].as_str().unwrap(), question, None);
    if corefile.first_error().is_some() { json!("refused") } else { json!(true) }
}

#[test]
fn formatted_corefiles_are_read_alike() {
    let made = made();
    assert!(made.len() > 1_000, "{}", made.len());
    judge("coredns-format", &made, predict, &[]);
}

/// The test data changes with the rules, so what is not recorded yet does not count.
#[test]
fn the_test_data_is_read_alike_once_formatted() {
    let all = of_the_test_data();
    let (asked, real) = answers_so_far("coredns-testdata-format", &all);
    let differing: Vec<String> = (asked.iter().zip(&real.values))
        .filter(|(question, answer)| **answer != predict(question))
        .map(|(question, answer)| format!("{}\n  {answer}", question["conf"].as_str().unwrap()))
        .collect();
    let agreed = asked.len() - differing.len();
    println!("coredns-testdata-format: {agreed} of {} agree with {} ({})", asked.len(), real.program, real.source);
    assert!(differing.is_empty() && agreed > 250, "{agreed} of {}\n{}", all.len(), differing.join("\n"));
}
