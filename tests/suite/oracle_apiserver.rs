//! Rendered objects against the API server: decoded strictly, with defaults set, and validated as it does on creation.

use crate::common::oracle::answers;
use crate::common::renderings::requests;
use dnslint::analysis::collect::Assumptions;
use dnslint::analysis::facts::ProxyMode;
use dnslint::model::{Cluster, assemble};
use dnslint::render::distribution::Distribution;
use dnslint::render::request::Companion;
use dnslint::render::{Part, Request, plan};
use dnslint::source::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Texts with a mistake, and a word of the reason why they are refused: else a judge that accepts everything would do.
const WRONG: [(&str, &str); 9] = [
    ("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {selectors: {a: b}}\n", "selectors"),
    (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {ports: [{port: 53, protocol: UPD}]}\n",
        "UPD",
    ),
    (
        "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, namespace: b}\nspec:\n  selector: {matchLabels: {a: b}}\n  \
         template:\n    metadata: {labels: {a: c}}\n    spec: {containers: [{name: a, image: b}]}\n",
        "does not match",
    ),
    ("apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDns: [10.96.0.10]\n", "clusterDns"),
    (
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: a, namespace: b}\nspec: {podSelector: {}, \
         egress: [{to: [{ipBlock: {cidr: 10.0.0.1}}]}]}\n",
        "cidr",
    ),
    (
        "apiVersion: cilium.io/v2\nkind: CiliumLocalRedirectPolicy\nmetadata: {name: a}\nspec: {skipRedirect: true}\n",
        "skipRedirect",
    ),
    (
        "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\nmetadata: {name: a}\nspec: {valueContent: a}\n",
        "valueContent",
    ),
    (
        "apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: a}\nspec: {endpoints: []}\n",
        "endpoints",
    ),
    ("apiVersion: cilium.io/v9\nkind: CiliumLocalRedirectPolicy\nmetadata: {name: a}\n", "no kind"),
];

/// Every text that the API server or a kubelet will read, once, without dnslint's own version.
fn texts() -> BTreeSet<String> {
    let mut texts = BTreeSet::new();
    let mut add = |request: &Request, snapshot: &Snapshot, cluster: &Cluster| {
        let made = plan(request, snapshot, cluster, &Assumptions::default()).unwrap_or_else(|r| panic!("{}", r.reason));
        let read = |path: &str| path.contains("kubeadm-patches/") || path.ends_with("var/lib/kubelet/config.yaml");
        let files = made.files.into_iter().filter(|file| file.part == Part::Manifests || read(&file.path));
        texts.extend(files.map(|file| file.text.replace(env!("CARGO_PKG_VERSION"), "VERSION")));
    };
    for request in requests() {
        add(&request, &Snapshot::default(), &Cluster::default());
    }
    for name in ["kubeadm-conntrack-ipvs", "healthy-split-horizon", "healthy-cilium-local-redirect", "stock-rke2"] {
        let snapshot = crate::common::snapshot(&crate::common::root().join("testdata/clusters").join(name));
        let clusters = assemble(&snapshot);
        let distribution = if name == "stock-rke2" { Distribution::Rke2 } else { Distribution::Kubeadm };
        add(&Request::of(distribution), &snapshot, &clusters[0]);
    }
    // policies stand beside those that restrict: in a namespace, and for some pods of it
    let restricted = Snapshot::from_texts([("manifests/restricted.yaml", RESTRICTED)]);
    let clusters = assemble(&restricted);
    for proxy in [ProxyMode::Iptables, ProxyMode::Ipvs, ProxyMode::Replaced] {
        for dns in ["10.99.0.10", "fd00:99::a"] {
            let request = Request {
                proxy: Some(proxy),
                cluster_dns: vec![dns.parse().unwrap()],
                companions: vec![Companion::NetworkPolicy],
                ..Request::of(Distribution::Kubeadm)
            };
            add(&request, &restricted, &clusters[0]);
        }
    }
    texts
}

const RESTRICTED: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec: {podSelector: {}, policyTypes: [Egress]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: backend, namespace: bank}
spec:
  podSelector:
    matchExpressions: [{key: app, operator: In, values: [backend, \"on\"]}]
    matchLabels: {tier: \"1\"}
  egress: [{}]
";

#[test]
fn every_rendered_object_is_accepted() {
    let texts: Vec<String> = texts().into_iter().collect();
    let cases: Vec<Value> =
        texts.iter().map(String::as_str).chain(WRONG.iter().map(|(text, _)| *text)).map(|text| json!(text)).collect();
    let real = answers("apiserver-objects", &cases);
    let (rendered, wrong) = real.values.split_at(texts.len());
    let mut objects = 0;
    for (text, verdicts) in texts.iter().zip(rendered) {
        let verdicts: Vec<&str> = verdicts.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        let refused: Vec<&&str> = verdicts.iter().filter(|verdict| !verdict.ends_with(": ok")).collect();
        assert!(refused.is_empty(), "{refused:#?}\n{text}");
        assert_eq!(verdicts.len(), text.lines().filter(|line| line.starts_with("kind: ")).count(), "{text}");
        objects += verdicts.len();
    }
    for ((text, reason), verdict) in WRONG.iter().zip(wrong) {
        let verdict = verdict[0].as_str().unwrap();
        assert!(!verdict.ends_with(": ok") && verdict.contains(reason), "{verdict}\n{text}");
    }
    println!(
        "apiserver-objects: {objects} objects in {} texts accepted by {} ({})",
        texts.len(),
        real.program,
        real.source
    );
    assert!(objects >= 950, "{objects}");
}
