//! Forwarding loops: every case of the catalogue as a small cluster, with near misses, through the whole check.
//!
//! `testdata/loops/cNN-<what>/` is a cluster with a loop of kind NN, `cNN-not-<what>/` one that only looks like it.
//! `expect.txt` beside each holds the rules that speak of it, and each loop with its zone, share, cause and hops.

use crate::common::{assert_none, check, compare, folders, name, root, snapshot};
use dnslint::analysis::collect::{self, Assumptions};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::node_dns;
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::servers::routing::{Graph, Loop, Notice};
use dnslint::analysis::trace::names::Answer;
use dnslint::analysis::trace::walk::Walk;
use dnslint::analysis::view::ViewValue;
use dnslint::diagnostic::Diagnostic;
use dnslint::model::cluster::{Cluster, assemble};
use dnslint::model::config_map::EmbeddedText;
use dnslint::model::manifests::Objects;
use dnslint::source::{FileId, Snapshot};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The rules that tell a loop: each at its own root cause.
const RULES: [&str; 5] =
    ["forward-loop", "loopback-nameserver", "coredns-dns-policy", "node-cache-forwards-to-self", "node-cache-pod-spec"];

/// What the `loop` plugin makes of a loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plugin {
    /// The process stops.
    Stops,
    /// It depends on where its one probe goes.
    Perhaps,
    /// It notices nothing.
    Silent,
}
use Plugin::{Perhaps, Silent, Stops};

/// The catalogue: the kinds that are loops, and what the plugin may make of their cases.
const CATALOGUE: [(&str, bool, &[Plugin]); 28] = [
    ("c01", true, &[Stops]),
    ("c02", false, &[]),
    ("c03", true, &[Stops]),
    ("c04", true, &[Stops]),
    ("c05", true, &[Stops]),
    ("c06", true, &[Stops]),
    ("c07", true, &[Stops]),
    ("c08", true, &[Silent]),
    ("c09", true, &[Stops]),
    ("c10", true, &[Stops]),
    ("c11", true, &[Stops]),
    ("c12", true, &[Stops]),
    ("c13", true, &[Stops]),
    ("c14", true, &[Silent]),
    ("c15", true, &[Silent, Stops]),
    ("c16", true, &[Stops]),
    ("c17", true, &[Silent]),
    ("c18", true, &[Silent]),
    ("c19", true, &[Stops, Silent]),
    ("c20", true, &[Perhaps]),
    ("c21", true, &[Stops]),
    ("c22", true, &[Stops]),
    ("c23", true, &[Silent]),
    ("c24", true, &[Silent]),
    ("c25", false, &[]),
    ("c26", false, &[]),
    ("c27", true, &[Stops]),
    ("c28", false, &[]),
];

/// A loop as the views have it.
struct Found {
    text: String,
    plugin: Plugin,
}

fn cases() -> Vec<PathBuf> {
    folders(&root().join("testdata/loops"))
}

#[test]
fn every_case_is_as_recorded() {
    let mut problems = Vec::new();
    for case in cases() {
        let snapshot = snapshot(&case);
        let mut text = String::new();
        for diagnostic in told(&snapshot) {
            let line = place(&snapshot, diagnostic.primary().file, diagnostic.primary().span.start);
            writeln!(text, "{} {} at {line}", diagnostic.severity.as_str(), diagnostic.rule).unwrap();
        }
        loops(&snapshot).iter().for_each(|found| text.push_str(&found.text));
        if text.is_empty() {
            text.push_str("no loop\n");
        }
        problems.extend(compare(&case.join("expect.txt"), &text));
    }
    assert_none(&problems);
}

#[test]
fn the_verdicts_are_those_of_the_catalogue() {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for case in cases() {
        let name = name(&case);
        let (kind, what) = name.split_once('-').unwrap();
        let (_, looping, plugin) = CATALOGUE.iter().find(|(id, ..)| *id == kind).unwrap();
        let expected = *looping && !what.starts_with("not-");
        seen.insert((kind.to_owned(), expected));
        let snapshot = snapshot(&case);
        let (mut told, found) = (told(&snapshot), loops(&snapshot));
        // a nameserver that no pod can reach is worth a finding whether or not a server asks itself
        told.retain(|d| d.rule != "loopback-nameserver" || !found.is_empty());
        if told.is_empty() == expected {
            problems.push(format!("{name}: {} findings, expected {expected}", told.len()));
        }
        // one loop is told once
        if told.len() > 1 {
            problems.push(format!("{name}: told by {:?}", told.iter().map(|d| &d.rule).collect::<Vec<_>>()));
        }
        if !expected && !found.is_empty() {
            problems.push(format!("{name}: a loop where none is: {}", found[0].text));
        }
        for wrong in found.iter().filter(|found| expected && !plugin.contains(&found.plugin)) {
            problems.push(format!("{name}: the plugin {:?}: {}", wrong.plugin, wrong.text));
        }
        // what the plugin cannot see is said to be so
        for diagnostic in told.iter().filter(|d| d.rule == "forward-loop") {
            let silent = diagnostic.notes.iter().any(|note| note.contains("does not notice this one: "));
            if silent != (found[0].plugin == Silent) {
                problems.push(format!("{name}: notes {:?}", diagnostic.notes));
            }
        }
    }
    for (kind, looping, _) in CATALOGUE {
        if !seen.contains(&(kind.to_owned(), looping)) {
            problems.push(format!("{kind}: no case"));
        }
    }
    assert_none(&problems);
}

/// Following one name and searching the graph for cycles are two ways to the same answer: a trace comes back to where it
/// was for the names of each loop, and for no name where no loop is.
#[test]
fn a_trace_comes_round_where_a_loop_is() {
    let mut problems = Vec::new();
    for case in cases() {
        let name = name(&case);
        let snapshot = snapshot(&case);
        for cluster in assemble(&snapshot) {
            let nodes = node_dns::all(&snapshot, &cluster, None);
            let sites = node_dns::sites(&snapshot, &cluster, &nodes);
            let routes = Routes::of(&cluster, &Facts::of(&cluster), sites);
            let rounds = |server: usize, block: usize, node: usize, asked: &str| {
                let kind = if asked.ends_with(".arpa.") { "PTR" } else { "A" };
                let way = Walk::new(&cluster, &routes.graph, node, false, &[kind]).from_block(server, block, asked);
                let back =
                    |answer: &&Answer| matches!(answer, Answer::DeadEnd { reason } if reason.ends_with(": a loop"));
                way.answers().into_iter().any(|answer| back(&answer))
            };
            let zones = routes.graph.zones();
            for found in &routes.loops {
                let mut asked = zones.iter().filter(|(zone, _)| *zone == found.zone);
                let on = |node: &usize| found.node.as_ref().is_none_or(|n| *n == routes.graph.nodes[*node].name);
                let node = (0..routes.graph.nodes.len()).find(on).unwrap();
                if !asked.any(|(_, asked)| rounds(found.server, found.block, node, asked)) {
                    problems.push(format!("{name}: no trace finds the loop of {}", found.zone));
                }
            }
            if !routes.loops.is_empty() {
                continue;
            }
            for (server, vertex) in routes.graph.servers.iter().enumerate() {
                for (block, node) in
                    (0..vertex.blocks.len()).flat_map(|b| (0..routes.graph.nodes.len()).map(move |n| (b, n)))
                {
                    let asked = zones.iter().filter(|(_, asked)| routes.graph.takes(server, block, asked));
                    let wrong = asked.filter(|(_, asked)| rounds(server, block, node, asked));
                    problems.extend(
                        wrong.map(|(zone, _)| format!("{name}: a trace of {zone} comes round, and no loop is found")),
                    );
                }
            }
        }
    }
    assert_none(&problems);
}

/// What CoreDNS 1.13.2 did with the Corefiles of the vectors: each ran in a process of its own.
///
/// Where the plugin stopped the process, a loop is found that it notices; where it did not, none that it would notice
/// for certain.
#[test]
fn the_plugin_is_judged_as_coredns_ran() {
    let text = std::fs::read_to_string(root().join("testdata/vectors/vectors-coredns.yaml")).unwrap();
    let all: Value = serde_saphyr::from_str(&text).unwrap();
    let mut problems = Vec::new();
    let mut seen = 0;
    let lists = ["loop", "routing"].into_iter().flat_map(|key| all[key].as_array().unwrap());
    for vector in lists.filter(|v| v.get("loop_fatal").is_some()) {
        seen += 1;
        let (id, conf) = (vector["id"].as_str().unwrap(), vector["conf"].as_str().unwrap());
        let plain = ("Corefile".to_owned(), EmbeddedText::whole_file(FileId(0), conf));
        let cluster = Cluster::of_objects(Objects::default(), &[plain]);
        let found = Graph::of(&cluster, &Facts::of(&cluster), Vec::new()).loops();
        let zone = vector["loop_fatal"]["zone"].as_str();
        let stops = |l: &Loop| match l.notice {
            Notice::Stops => true,
            // the other upstream is dead there
            Notice::Perhaps => id == "loop-secondupstream",
            Notice::Not(_) => false,
        };
        let noticed: Vec<&str> = found.iter().filter(|l| stops(l)).map(|l| l.zone.as_str()).collect();
        if noticed != zone.into_iter().collect::<Vec<_>>() {
            problems.push(format!(
                "{id}: noticed {noticed:?}, CoreDNS {zone:?}; all {:?}",
                found.iter().map(|l| (&l.zone, &l.notice)).collect::<Vec<_>>()
            ));
        }
    }
    assert!(seen >= 24, "only {seen} vectors");
    assert_none(&problems);
}

/// The findings of the rules that tell loops.
fn told(snapshot: &Snapshot) -> Vec<Diagnostic> {
    let found = check(snapshot, &[]).into_iter().filter(|d| RULES.contains(&d.rule.as_str()));
    // that rule has more to say than this
    found.filter(|d| d.rule != "node-cache-pod-spec" || d.message.contains("lead back")).collect()
}

/// The loops of the `forward` views.
fn loops(snapshot: &Snapshot) -> Vec<Found> {
    let mut all = Vec::new();
    for cluster in assemble(snapshot) {
        let collected = collect::views(snapshot, &cluster, &Assumptions::default());
        for subject in collected.views.of("forward") {
            let value = subject.value();
            let list = value.field("loops").unwrap();
            all.extend(list.as_list().unwrap().iter().map(|found| describe(snapshot, found)));
        }
    }
    all
}

fn describe(snapshot: &Snapshot, found: &ViewValue) -> Found {
    let json = found.to_json();
    let word = |key: &str| json[key].as_str().map(ToOwned::to_owned);
    let yes = |key: &str| json[key].as_bool().unwrap();
    let plugin = match word("unseen_because") {
        Some(_) => Silent,
        None if yes("perhaps_seen") => Perhaps,
        None => Stops,
    };
    assert!((plugin == Stops) == yes("seen_by_loop_plugin"));
    let share = if yes("partial") { "some" } else { "all" };
    let (zone, cause) = (word("zone").unwrap(), word("cause").unwrap());
    let mut text = format!("{share} queries below {zone} by {cause}; loop plugin: {plugin:?}");
    if let Some(reason) = word("unseen_because") {
        write!(text, ", {reason}").unwrap();
    }
    text.push('\n');
    for hop in found.field("hops").unwrap().as_list().unwrap() {
        let at = hop.origins[0];
        let line = place(snapshot, at.file, at.span.start);
        writeln!(text, "  {line}: {}", hop.to_json()["text"].as_str().unwrap()).unwrap();
    }
    Found { text, plugin }
}

fn place(snapshot: &Snapshot, file: FileId, offset: usize) -> String {
    let file = snapshot.file(file);
    format!("{}:{}", file.path, file.position(offset).line)
}
