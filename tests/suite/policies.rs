//! The rules on policies, DNS Services and address pools: their cases, and every incident, from the manifests alone.

use crate::common::{folders, root};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::view::{Schemas, ViewSet};
use dnslint::analysis::views::address_pool::AddressPoolView;
use dnslint::analysis::views::policy::PolicyView;
use dnslint::analysis::views::service::ServiceView;
use dnslint::analysis::{address_pool, policy, service};
use dnslint::diagnostic::{Diagnostic, Files, MemoryFiles};
use dnslint::lint::{LintOptions, NoFixes, RuleSet, RuleSource, run};
use dnslint::model::Cluster;
use dnslint::model::manifests::Objects;
use dnslint::source::Located;
use dnslint::syntax::yaml;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const RULES: [&str; 7] = [
    "network/network-policy-blocks-dns",
    "network/network-policy-misses-node-cache",
    "network/loadbalancer-port-53-hijacks-node",
    "network/cni-pool-mismatch",
    "coredns/dns-service-port-missing",
    "coredns/dns-service-selects-nothing",
    "kubelet/cluster-dns-ip-taken",
];

/// Every file below a folder, sorted.
fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).map(|list| list.map(|e| e.unwrap().path()).collect()).unwrap_or_default();
    entries.sort();
    for path in entries {
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

/// What the command lines of the nodes say, read as plainly as the cases need it.
fn node_words(folder: &Path) -> Vec<String> {
    let mut files = Vec::new();
    files_below(&folder.join("nodes"), &mut files);
    let texts = files.iter().filter_map(|f| std::fs::read_to_string(f).ok());
    texts
        .flat_map(|t| t.split(|c: char| c.is_whitespace() || c == '\'').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn after<'a>(words: &'a [String], flag: &str) -> Option<&'a str> {
    words.iter().enumerate().find_map(|(at, word)| {
        let rest = word.trim_start_matches("--").strip_prefix(flag)?;
        match rest {
            ":" => words.get(at + 1).map(String::as_str),
            _ => rest.strip_prefix('='),
        }
    })
}

struct Case {
    files: MemoryFiles,
    found: Vec<Diagnostic>,
}

fn check(folder: &Path, rules: &RuleSet) -> Case {
    let mut paths = Vec::new();
    files_below(&folder.join("manifests"), &mut paths);
    let mut files = MemoryFiles::default();
    let mut objects = Objects::default();
    let mut folders = BTreeMap::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(folder).unwrap().display().to_string();
        let id = files.add(&name, &text);
        folders.insert(id, name.rsplit_once('/').map_or_else(String::new, |(folder, _)| folder.to_owned()));
        objects.extend(Objects::read(id, &yaml::parse(&text)));
    }
    let cluster = Cluster::of_objects(objects, &[]);
    let facts = Facts::of(&cluster);
    let words = node_words(folder);
    let k3s = words.iter().any(|w| w.ends_with("/k3s"));
    let servicelb = k3s && !words.iter().any(|w| w.ends_with("servicelb"));
    let wanted: Vec<Located<_>> =
        after(&words, "cluster-dns").and_then(|w| w.parse().ok()).map(Located::default_value).into_iter().collect();
    let ranges = after(&words, "cluster-cidr").unwrap_or_default();
    let ranges: Vec<Located<_>> =
        ranges.split(',').filter_map(|r| r.parse().ok().map(Located::default_value)).collect();
    let mut views = ViewSet::default();
    policy::views(&cluster, &facts, &wanted, &|file| folders[&file].clone())
        .iter()
        .for_each(|(v, o)| views.add(v, o.clone()));
    service::views(&cluster, &facts, &wanted, servicelb).iter().for_each(|(v, o)| views.add(v, o.clone()));
    address_pool::views(&cluster, &facts, &ranges).iter().for_each(|(v, o)| views.add(v, o.clone()));
    let found = run(rules, &views, &files, &NoFixes, &LintOptions::default()).unwrap().diagnostics;
    Case { files, found }
}

fn rules() -> RuleSet {
    let sources = RULES.iter().map(|id| {
        let text = std::fs::read_to_string(root().join(format!("rules/{id}.yaml"))).unwrap();
        RuleSource::new(format!("rules/{id}.yaml"), &format!("{id}.yaml"), text)
    });
    let schemas = Schemas::new().with::<PolicyView>().with::<ServiceView>().with::<AddressPoolView>();
    let (rules, problems) = RuleSet::load(sources.collect(), &schemas, dnslint::fix::BUILDERS);
    let problems: Vec<_> = problems
        .iter()
        .map(|p| format!("{} {:?}: {}", rules.path(p.primary().file), p.primary().span, p.message))
        .collect();
    assert!(problems.is_empty(), "{problems:#?}");
    rules
}

fn line(case: &Case, found: &Diagnostic) -> String {
    let label = found.primary();
    let position = case.files.position(label.file, label.span.start);
    let text = case.files.text(label.file).lines().nth(position.line - 1).unwrap_or_default().trim().to_owned();
    format!(
        "{} {}:{} `{text}` {} {}",
        found.rule,
        case.files.path(label.file),
        position.line,
        found.severity.as_str(),
        found.message
    )
}

fn lines(case: &Case) -> Vec<String> {
    case.found.iter().map(|d| line(case, d)).collect()
}

#[test]
fn bad_cases_are_found_and_good_ones_spared() {
    let rules = rules();
    let mut problems = Vec::new();
    for rule in RULES {
        let id = rule.rsplit('/').next().unwrap();
        let cases = folders(&root().join("testdata/rules").join(id));
        assert!(cases.len() >= 2, "{id} has too few cases");
        for folder in cases {
            let name = folder.file_name().unwrap().to_string_lossy().into_owned();
            let case = check(&folder, &rules);
            println!("{id}/{name}: {:#?}", lines(&case));
            let ours = case.found.iter().filter(|d| d.rule == id).count();
            let others = case.found.len() - ours;
            if ours != usize::from(name.starts_with("bad-")) || others > 0 {
                problems.push(format!("{id}/{name}: {:#?}", lines(&case)));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Incident, rule, and the line that it blames.
const INCIDENTS: [(&str, &str, &str); 12] = [
    ("calico-5170-netpol-dns-selectors", "network-policy-blocks-dns", "name: kube-system"),
    ("cilium-13308-backend-port-8053", "network-policy-blocks-dns", "- port: \"53\""),
    ("cilium-24654-lrp-fqdn-policy", "network-policy-blocks-dns", "k8s-app: kube-dns"),
    ("akash-1546-namespace-label", "network-policy-blocks-dns", "kubernetes.io/metadata.name: kube-system"),
    ("calico-2199-tcp-only", "network-policy-blocks-dns", "protocol: TCP"),
    ("couchdb-helm-48-deny-all", "network-policy-blocks-dns", "- Egress"),
    ("weave-3302-ingress-deny-on-kube-system", "network-policy-blocks-dns", "k8s-app: coredns"),
    ("k3s-1640-loadbalancer-53-vs-stub", "loadbalancer-port-53-hijacks-node", "type: LoadBalancer"),
    ("k8s-gateway-150-lb-53-fedora", "loadbalancer-port-53-hijacks-node", "type: LoadBalancer"),
    ("k3s-10611-cluster-dns-ip-taken", "cluster-dns-ip-taken", "clusterIP: 10.43.0.10"),
    ("k3s-11270-tcp-only-dns-service", "dns-service-port-missing", "- name: dns-tcp"),
    ("k3s-3366-calico-pool-vs-cluster-cidr", "cni-pool-mismatch", "cidr: 192.168.0.0/16"),
];

#[test]
fn incidents_are_told_apart() {
    let rules = rules();
    let mut problems = Vec::new();
    for folder in folders(&root().join("testdata/incidents")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let case = check(&folder.join("cluster"), &rules);
        let found = lines(&case);
        let good = match INCIDENTS.iter().find(|(incident, ..)| *incident == name) {
            Some((_, rule, text)) => {
                matches!(found.as_slice(), [one] if one.starts_with(rule) && one.contains(&format!("{text}` ")))
            }
            None => found.is_empty(),
        };
        if !good {
            problems.push(format!("{name}: {found:#?}"));
        }
    }
    for folder in folders(&root().join("testdata/clusters")) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let case = check(&folder, &rules);
        if !case.found.is_empty() {
            problems.push(format!("{name}: {:#?}", lines(&case)));
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
