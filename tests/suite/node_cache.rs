//! Node caches: the rules of this group over the incidents, the sound clusters, and the rules' own cases.

use crate::common::folders;
use dnslint::analysis::facts::{Facts, parse_located};
use dnslint::analysis::node_cache::{NodeListener, views};
use dnslint::analysis::node_dns;
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::view::{Schemas, ViewSet};
use dnslint::analysis::views::node_cache::NodeCacheView;
use dnslint::diagnostic::{Diagnostic, Severity};
use dnslint::lint::{LintOptions, NoFixes, RuleSet, builtin, run};
use dnslint::model::Cluster;
use dnslint::model::cluster::assemble;
use dnslint::model::node::Node;
use dnslint::source::{LoadOptions, Located, Snapshot};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

fn testdata(part: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(part)
}

fn rules() -> RuleSet {
    // `node-cache-plugin-unavailable` looks at another view; `tests/suite/rules.rs` has its cases
    let other_view = |path: &str| path.ends_with("node-cache-plugin-unavailable.yaml");
    let mine = builtin().into_iter().filter(|source| {
        (source.path.contains("/node-cache/") && !other_view(&source.path))
            || source.path.ends_with("cluster-dns-not-node-cache.yaml")
    });
    let (rules, problems) =
        RuleSet::load(mine.collect(), &Schemas::new().with::<NodeCacheView>(), dnslint::fix::BUILDERS);
    let problems: Vec<String> = problems
        .iter()
        .map(|p| {
            let file = &p.labels[0].location;
            format!("{}: {}", dnslint::diagnostic::Files::path(&rules, file.file), p.message)
        })
        .collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    rules
}

/// What listens on port 53 of the nodes.
fn listeners(snapshot: &Snapshot, cluster: &Cluster) -> Vec<NodeListener> {
    let of_node = |node: &Node| Some(node_dns::locals::listeners(snapshot, snapshot.node(node.index)?, node));
    cluster.nodes.iter().filter_map(of_node).flatten().collect()
}

/// `clusterDNS` of every node whose files tell it.
fn cluster_dns(snapshot: &Snapshot, cluster: &Cluster) -> Vec<(String, Located<IpAddr>)> {
    let nodes = node_dns::all(snapshot, cluster, None);
    nodes
        .iter()
        .flat_map(|n| n.kubelet.cluster_dns.iter().filter_map(parse_located).map(|ip| (n.name.clone(), ip)))
        .collect()
}

fn check(rules: &RuleSet, dir: &Path) -> (Snapshot, Vec<Diagnostic>) {
    let options = LoadOptions { current_dir: Some(dir.to_path_buf()), ..LoadOptions::default() };
    let snapshot = Snapshot::load(&[dir.to_path_buf()], &options);
    let mut set = ViewSet::default();
    for cluster in assemble(&snapshot) {
        let facts = Facts::of(&cluster);
        let routes = Routes::of(&cluster, &facts, Vec::new());
        let around = (listeners(&snapshot, &cluster), cluster_dns(&snapshot, &cluster));
        for (view, object) in views(&cluster, &facts, &routes, &around.0, &around.1) {
            set.add(&view, object);
        }
    }
    let result = run(rules, &set, &snapshot, &NoFixes, &LintOptions::default()).unwrap();
    (snapshot, result.diagnostics)
}

fn lines(snapshot: &Snapshot, found: &[Diagnostic]) -> Vec<String> {
    let line = |d: &Diagnostic| {
        let label = d.labels.iter().find(|l| l.primary).unwrap();
        let file = snapshot.file(label.location.file);
        let at = file.position(label.location.span.start);
        format!("{}:{}:{}: {}: {} [{}]", file.path, at.line, at.column, d.severity.as_str(), d.message, d.rule)
    };
    found.iter().map(line).collect()
}

/// Rules of errors and warnings.
fn loud(found: &[Diagnostic]) -> Vec<&str> {
    let mut ids: Vec<&str> = found.iter().filter(|d| d.severity != Severity::Info).map(|d| d.rule.as_ref()).collect();
    ids.dedup();
    ids
}

#[test]
fn incidents_give_their_rule_and_nothing_else() {
    let rules = rules();
    let want: &[(&str, &[&str])] = &[
        ("k8s-101339-ipvs-trailing-comma", &["node-cache-localip-syntax"]),
        ("kops-9245-health-port-8080", &["node-cache-port-conflict"]),
        ("kubespray-4979-dnsmasq-port-53", &["node-cache-port-conflict"]),
        ("rke2-charts-398-localip-trailing-space", &["node-cache-localip-syntax"]),
        ("deliveryhero-663-ipvs-defaults", &["node-cache-ipvs-binding"]),
        ("rke2-5832-cilium-replaces-kube-proxy", &["node-cache-needs-local-redirect-policy"]),
        ("rke-2093-ipvs-cluster-dns", &["cluster-dns-not-node-cache"]),
        ("kubekey-572-empty-forward", &[]),
        ("deliveryhero-670-pillar-without-upstream-svc", &["node-cache-forwards-to-self"]),
        ("coredns-3298-rewrite-behind-nodelocaldns", &["node-cache-upstream-disagrees"]),
    ];
    let mut problems = Vec::new();
    for folder in folders(&testdata("incidents")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (snapshot, found) = check(&rules, &folder.join("cluster"));
        let want = want.iter().find(|(case, _)| *case == name).map_or(&[][..], |(_, rules)| rules);
        if loud(&found) != want {
            problems.push(format!("{name}: want {want:?}\n  {}", lines(&snapshot, &found).join("\n  ")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn clusters_say_what_they_should() {
    let rules = rules();
    let unfilled: &[&str] = &["node-cache-unresolved-pillar"];
    let want: &[(&str, &[&str])] = &[
        ("kubeadm-conntrack", unfilled),
        ("kubeadm-conntrack-ipvs", unfilled),
        ("k3s-tailscale-node-cache", &["node-cache-missing-object", "node-cache-reverse-zones-unrouted"]),
    ];
    let mut problems = Vec::new();
    for folder in folders(&testdata("clusters")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let (snapshot, found) = check(&rules, &folder);
        let mut got = loud(&found);
        got.sort_unstable();
        got.dedup();
        let want = want.iter().find(|(case, _)| *case == name).map_or(&[][..], |(_, rules)| rules);
        if got != want {
            problems.push(format!("{name}: want {want:?}\n  {}", lines(&snapshot, &found).join("\n  ")));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The rules' own cases: each bad one gives its rule and no other error, each good one gives nothing of it.
#[test]
fn cases_of_the_rules() {
    let rules = rules();
    let mut problems = Vec::new();
    for id in rules.rules().iter().map(|rule| rule.id.as_str()) {
        let cases = folders(&testdata("rules").join(id));
        let starts = |prefix: &str| {
            cases.iter().filter(|c| c.file_name().unwrap().to_string_lossy().starts_with(prefix)).count()
        };
        if starts("bad-") == 0 || starts("good-") == 0 {
            problems.push(format!("{id}: lacks cases"));
        }
        for case in &cases {
            let bad = case.file_name().unwrap().to_string_lossy().starts_with("bad-");
            let (snapshot, found) = check(&rules, case);
            let hit = found.iter().any(|d| d.rule == id);
            let noise = found.iter().any(|d| d.rule != id && d.severity == Severity::Error);
            if bad != hit || noise {
                problems.push(format!("{}\n  {}", case.display(), lines(&snapshot, &found).join("\n  ")));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
