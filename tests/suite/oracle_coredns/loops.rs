//! `coredns-loop`: whether the plugin `loop` of a running server ends its process.

use crate::common::coredns::{start, vectors};
use crate::common::oracle::{Known, Seed, judge};
use crate::oracle_coredns::any;
use dnslint::analysis::collect::{Assumptions, views};
use dnslint::analysis::coredns::Binary;
use dnslint::model::assemble;
use dnslint::source::Snapshot;
use dnslint::syntax::corefile::Version;
use serde_json::{Value, json};

const CASES: usize = 260;

const ZONES: [&str; 8] =
    [".", ".", "example.org", "a.example.org", "corp.test", "10.0.0.0/8", "example.org corp.test", "corp.test ."];

const TARGETS: [&str; 14] = [
    "127.0.0.1:5300",
    "127.0.0.1:5300",
    "127.0.0.1:5301",
    "127.0.0.1:5301",
    "127.0.0.2:5300",
    "127.0.0.3:5300",
    "127.9.9.9:5300",
    "0.0.0.0:5300",
    "[::ffff:127.0.0.1]:5300",
    "127.0.0.2:5301",
    "127.0.0.1:5399",
    "dns://127.0.0.1:5300",
    "tls://127.0.0.1:5300",
    "127.0.0.3:5301",
];

/// What may stand before a forward.
const BEFORE: [&str; 22] = [
    "",
    "",
    "",
    "errors",
    "cache 30",
    "log",
    "hosts {\n10.0.0.1 a.b\n}",
    "hosts {\n10.0.0.1 a.b\nfallthrough\n}",
    "hosts {\n10.0.0.1 a.b\nfallthrough example.org\n}",
    "template IN A {\nanswer \"{{ .Name }} 60 IN A 1.1.1.1\"\n}",
    "template ANY ANY {\nrcode NXDOMAIN\n}",
    "template ANY ANY example.org {\nrcode NXDOMAIN\n}",
    "template ANY HINFO {\nrcode NXDOMAIN\n}",
    "rewrite name suffix .example.org .corp.test answer auto",
    "rewrite name suffix .corp.test .example.org",
    "rewrite name exact a.b c.d",
    "rewrite type HINFO A",
    "acl {\nblock net 127.0.0.0/8\n}",
    "acl {\nallow net 127.0.0.0/8\n}",
    "acl {\nblock type HINFO\n}",
    "whoami",
    "loadbalance",
];

const PROPERTIES: [&str; 8] =
    ["", "", "", "force_tcp", "except example.org", "except .", "max_concurrent 1", "prefer_udp\nmax_fails 0"];

fn block(seed: &mut Seed, port: usize) -> String {
    let zones: Vec<String> = any(seed, &ZONES).split(' ').map(|zone| format!("{zone}:{port}")).collect();
    let mut text = format!("{} {{\n", zones.join(" "));
    if seed.chance(35) {
        text.push_str(&format!(
            "bind {}\n",
            any(seed, &["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.2 127.0.0.1"])
        ));
    }
    if seed.chance(75) {
        text.push_str("loop\n");
    }
    text.push_str(any(seed, &BEFORE));
    text.push('\n');
    if seed.chance(90) {
        let from = if seed.chance(70) { "." } else { any(seed, &["example.org", "corp.test", "a.example.org"]) };
        let target = any(seed, &TARGETS);
        text.push_str(&format!("forward {from} {target} {{\n{}\n}}\n", any(seed, &PROPERTIES)));
    }
    if seed.chance(15) {
        text.push_str(&format!("forward . {}\n", any(seed, &TARGETS)));
    }
    text + "}\n"
}

fn case(seed: &mut Seed) -> Value {
    let blocks = 1 + seed.below(3);
    let conf: String = (0..blocks)
        .map(|at| {
            let port = if at == 0 || seed.chance(50) { 5300 } else { 5301 };
            block(seed, port)
        })
        .collect();
    json!({"conf": conf})
}

fn predict(case: &Value) -> Value {
    if start(case, Binary::CoreDns(Some(Version::new(1, 14, 7)))).0.is_some() {
        return json!("refused");
    }
    let snapshot = Snapshot::from_texts([("Corefile", case["conf"].as_str().unwrap())]);
    let clusters = assemble(&snapshot);
    let collected = views(&snapshot, &clusters[0], &Assumptions::default());
    let mut forwards = collected.views.of("forward").iter().map(|subject| subject.content().to_json());
    let seen = |forward: Value| {
        let loops = forward["loops"].as_array().cloned().unwrap_or_default();
        loops.iter().any(|found| found["seen_by_loop_plugin"] == json!(true))
    };
    json!(forwards.any(seen))
}

fn known() -> Vec<Known> {
    vec![Known {
        reason: "whether an upstream is alive, so that the next is never asked, is not in the configuration",
        is: |case, predicted, real| {
            *predicted == json!(false)
                && *real == json!(true)
                && case["conf"].as_str().is_some_and(|conf| conf.contains("policy sequential"))
        },
    }]
}

#[test]
fn the_loop_plugin_sees_what_is_proved() {
    let ran = vectors("loop").into_iter().chain(vectors("routing"));
    let looping = ran.filter(|vector| vector.get("loop_fatal").is_some() && vector.get("conf").is_some());
    let mut cases: Vec<Value> = looping.map(|vector| json!({"conf": vector["conf"]})).collect();
    let mut seed = Seed::new(127);
    cases.extend((0..CASES).map(|_| case(&mut seed)));
    judge("coredns-loop", &cases, predict, &known());
}
