//! Many pods with one fault are one finding that lists the others, and each can be excused by itself.

use crate::common::program;
use serde_json::Value;
use std::path::Path;

/// `count` pods on the host's network with the default DNS policy; `second` is written into the second one.
fn pods(count: usize, second: &str) -> String {
    let pod = |n: usize| {
        let extra = if n == 1 { second } else { "" };
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}, namespace: default}}\nspec:\n  hostNetwork: true{extra}\n  \
             containers: [{{name: c, image: alpine}}]\n"
        )
    };
    (0..count).map(pod).collect::<Vec<_>>().join("---\n")
}

fn dnslint(dir: &Path, args: &[&str]) -> String {
    let rule = ["check", ".", "--select", "pod-hostnetwork-dns-policy"];
    let out = program(dir).args(rule).args(args).output().unwrap();
    assert!(out.stderr.is_empty(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn with_pods(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("pods.yaml"), text).unwrap();
    dir
}

fn findings(dir: &Path, args: &[&str]) -> Vec<Value> {
    let document: Value = serde_json::from_str(&dnslint(dir, &[args, &["--output-format", "json"]].concat())).unwrap();
    document["diagnostics"].as_array().unwrap().clone()
}

#[test]
fn the_others_are_named_and_all_of_them_on_demand() {
    let dir = with_pods(&pods(9, ""));
    let short = dnslint(dir.path(), &[]);
    let named = "note: and 8 more: Pod/default/p1, Pod/default/p2, Pod/default/p3, Pod/default/p4, Pod/default/p5, …\n";
    assert!(short.contains(named), "{short}");
    assert!(!short.contains("Pod/default/p8"), "{short}");
    let long = dnslint(dir.path(), &["--verbose"]);
    for n in 1..9 {
        let line = format!("Pod/default/p{n} (pods.yaml:{})\n", n * 7 + 5);
        assert!(long.contains(&line), "{line}{long}");
    }
    let concise = dnslint(dir.path(), &["--output-format", "concise"]);
    assert!(concise.lines().next().unwrap().ends_with(" (and 8 more)"), "{concise}");
    let found = findings(dir.path(), &[]);
    let others = found[0]["others"].as_array().unwrap();
    assert_eq!((found.len(), others.len()), (1, 8));
    assert_eq!(others[7]["object"], "Pod/default/p8");
    assert_eq!((&others[7]["path"], &others[7]["line"]), (&"pods.yaml".into(), &61.into()));
}

#[test]
fn an_excuse_holds_for_its_own_pod_only() {
    let excused = pods(9, " # dnslint: ignore[pod-hostnetwork-dns-policy] resolves by itself");
    let dir = with_pods(&excused);
    let found = findings(dir.path(), &[]);
    let others = found[0]["others"].as_array().unwrap();
    assert_eq!((found.len(), others.len()), (1, 7), "{found:?}");
    assert!(others.iter().all(|other| other["object"] != "Pod/default/p1"), "{others:?}");
}

#[test]
fn a_baseline_knows_each_of_them() {
    let dir = with_pods(&pods(8, ""));
    let path = dir.path().join("pods.yaml");
    let written = program(dir.path())
        .args(["check", ".", "--select", "pod-hostnetwork-dns-policy", "--write-baseline=known.json"])
        .output()
        .unwrap();
    assert!(written.status.success());
    assert_eq!(findings(dir.path(), &["--baseline", "known.json"]), Vec::<Value>::new());
    std::fs::write(path, pods(9, "")).unwrap();
    let found = findings(dir.path(), &["--baseline", "known.json"]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((&found[0]["object"], &found[0]["others"]), (&"Pod/default/p8".into(), &Value::Null));
}
