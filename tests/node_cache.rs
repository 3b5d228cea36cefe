//! Node caches: the rules of this group over the incidents, the sound clusters, and the rules' own cases.

use dnslint::analysis::facts::Facts;
use dnslint::analysis::node_cache::{NodeListener, views};
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::view::{Schemas, ViewSet};
use dnslint::analysis::views::node_cache::NodeCacheView;
use dnslint::diagnostic::{Diagnostic, Severity};
use dnslint::lint::{LintOptions, NoFixes, RuleSet, builtin, run};
use dnslint::model::Cluster;
use dnslint::model::manifests::Objects;
use dnslint::model::read::{At, Place};
use dnslint::model::value::Value;
use dnslint::source::{FileId, LoadOptions, Located, Location, Snapshot, Span};
use dnslint::syntax::yaml;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

fn testdata(part: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata").join(part)
}

fn folders(dir: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .map(|entries| entries.map(|e| e.unwrap().path()).filter(|p| p.is_dir()).collect())
        .unwrap_or_default();
    all.sort();
    all
}

fn rules() -> RuleSet {
    let mine = builtin().into_iter().filter(|source| {
        source.path.contains("/node-cache/") || source.path.ends_with("cluster-dns-not-node-cache.yaml")
    });
    let (rules, problems) = RuleSet::load(mine.collect(), &Schemas::new().with::<NodeCacheView>(), &[]);
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

fn node_of(path: &str) -> Option<&str> {
    path.split_once("nodes/")?.1.split('/').next()
}

/// What kubelets and dnsmasq of the nodes say, read as plainly as the cases need it.
fn surroundings(snapshot: &Snapshot) -> (Vec<NodeListener>, Vec<(String, Located<IpAddr>)>) {
    let (mut listeners, mut dns) = (Vec::new(), Vec::new());
    for (index, file) in snapshot.files().iter().enumerate() {
        let id = FileId(index as u32);
        let Some(node) = node_of(&file.path).map(ToOwned::to_owned) else { continue };
        if file.path.ends_with("dnsmasq.conf") && !file.text.contains("bind-interfaces") {
            let location = Location::new(id, Span::new(0, file.text.len()));
            listeners.push(NodeListener { node, program: "dnsmasq".into(), addresses: Vec::new(), location });
        } else if file.text.contains("KubeletConfiguration") {
            let parsed = yaml::parse(&file.text);
            let value = Value::read(At::new(parsed.documents[0].root(), &Place::file(id)));
            for ip in value.value.texts_at("clusterDNS") {
                dns.extend(ip.value.parse().ok().map(|parsed| (node.clone(), ip.with(parsed))));
            }
        } else if let Some(at) = file.text.find("--cluster-dns=") {
            let start = at + "--cluster-dns=".len();
            let text = file.text[start..].split([' ', '"', '\n']).next().unwrap();
            let location = Location::new(id, Span::new(start, start + text.len()));
            dns.extend(text.parse().ok().map(|ip| (node.clone(), Located::at(ip, location))));
        }
    }
    (listeners, dns)
}

fn check(rules: &RuleSet, dir: &Path) -> (Snapshot, Vec<Diagnostic>) {
    let options = LoadOptions { base: Some(dir.to_path_buf()), ..LoadOptions::default() };
    let snapshot = Snapshot::load(&[dir.to_path_buf()], &options);
    let mut objects = Objects::default();
    for (index, file) in snapshot.files().iter().enumerate() {
        let manifest = file.path.contains("manifests/");
        if manifest {
            objects.extend(Objects::read(FileId(index as u32), &yaml::parse(&file.text)));
        }
    }
    let cluster = Cluster::assemble(objects, &[]);
    let facts = Facts::of(&cluster);
    let routes = Routes::of(&cluster, &facts, Vec::new());
    let (listeners, dns) = surroundings(&snapshot);
    let mut set = ViewSet::default();
    for (view, object) in views(&cluster, &facts, &routes, &listeners, &dns) {
        set.add(&view, object);
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
        ("deliveryhero-663-ipvs-defaults", &["node-cache-ipvs-binding"]),
        ("rke2-5832-cilium-replaces-kube-proxy", &["node-cache-needs-local-redirect-policy"]),
        ("rke-2093-ipvs-cluster-dns", &["cluster-dns-not-node-cache"]),
        ("kubekey-572-empty-forward", &[]),
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
fn clusters() {
    let rules = rules();
    for folder in folders(&testdata("clusters")).into_iter().flat_map(|f| folders(&f).into_iter().chain([f])) {
        let (snapshot, found) = check(&rules, &folder);
        println!("{}\n  {}", folder.display(), lines(&snapshot, &found).join("\n  "));
    }
}
