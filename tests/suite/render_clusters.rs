//! Rendering into stock clusters, in every mode, and again in another mode over the first result: nothing that the rules find
//! comes of it, and nothing of the first one is left that the second one does not have.

use crate::common::{root, rules};
use dnslint::analysis::collect::Assumptions;
use dnslint::analysis::facts::ProxyMode;
use dnslint::analysis::node_dns;
use dnslint::diagnostic::Severity;
use dnslint::model::{Cluster, assemble};
use dnslint::render::distribution::Distribution;
use dnslint::render::places::{Places, patched};
use dnslint::render::request::Companion;
use dnslint::render::{Plan, Request, plan};
use dnslint::source::{FileId, Snapshot};
use dnslint::{CheckOptions, check};
use std::collections::{BTreeMap, BTreeSet};

const CLUSTERS: [(&str, Distribution); 6] = [
    ("stock-k3s", Distribution::K3s),
    ("stock-kubeadm", Distribution::Kubeadm),
    ("stock-node-cache-ipvs", Distribution::Kubeadm),
    ("healthy-dual-stack", Distribution::Kubeadm),
    ("stock-rke2", Distribution::Rke2),
    ("stock-kubespray", Distribution::Kubespray),
];

const MODES: [(ProxyMode, &str); 4] = [
    (ProxyMode::Iptables, "iptables"),
    (ProxyMode::Ipvs, "ipvs"),
    (ProxyMode::Nftables, "nftables"),
    (ProxyMode::Replaced, "none"),
];

/// A pod that asks cluster DNS, which an empty cluster does not have.
const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: default}\nspec:\n  containers:\n  - {name: web, \
                   image: \"docker.io/library/nginx:1.27-alpine\"}\n";

/// The cluster with that pod, and without a word about kube-proxy, whose mode is assumed.
fn with_pod(name: &str) -> Snapshot {
    let snapshot = crate::common::snapshot(&root().join("testdata/clusters").join(name));
    let proxy = snapshot.files.iter().filter(|file| file.text.contains("KubeProxyConfiguration"));
    let silent: BTreeMap<FileId, String> = proxy.map(|file| (file.id, String::new())).collect();
    snapshot.with_texts(&silent, [("manifests/web-of-default.yaml".to_owned(), POD.to_owned())])
}

fn assumed(mode: &str) -> Assumptions {
    Assumptions { proxy_mode: Some(mode.to_owned()), ..Assumptions::default() }
}

fn found(snapshot: &Snapshot, mode: &str) -> BTreeSet<(String, String)> {
    let options = CheckOptions { assume: assumed(mode), ..CheckOptions::default() };
    let diagnostics = check(snapshot, rules(), &options).diagnostics;
    diagnostics.into_iter().filter(|d| d.severity > Severity::Info).map(|d| (d.rule, d.message)).collect()
}

fn request(distribution: Distribution, snapshot: &Snapshot, mode: ProxyMode) -> Request {
    // kubespray's cache is the same in every mode
    let proxy = Some(mode).filter(|_| distribution != Distribution::Kubespray);
    Request { proxy, base: snapshot.clusters[0].path.clone(), ..Request::of(distribution) }
}

fn rendered(request: &Request, snapshot: &Snapshot, mode: &str) -> (Plan, Snapshot) {
    let clusters = assemble(snapshot);
    let made = plan(request, snapshot, &clusters[0], &assumed(mode)).unwrap_or_else(|r| panic!("{request:?}: {r:?}"));
    let after = patched(snapshot, &Places::new(snapshot, &request.base), &made.files);
    (made, after)
}

fn objects(cluster: &Cluster) -> BTreeSet<String> {
    cluster.objects.metas().map(dnslint::model::object::Meta::display).collect()
}

#[test]
fn a_second_rendering_in_another_mode_leaves_nothing_of_the_first() {
    let mut problems = Vec::new();
    for (name, distribution) in CLUSTERS {
        let before = with_pod(name);
        let known: BTreeMap<&str, _> = MODES.iter().map(|(_, mode)| (*mode, found(&before, mode))).collect();
        // kubespray's cache is the same in every mode
        let modes = if distribution == Distribution::Kubespray { &MODES[..1] } else { &MODES };
        for (first, first_word) in modes.iter().copied() {
            let (_, once) = rendered(&request(distribution, &before, first), &before, first_word);
            let new: Vec<_> = found(&once, first_word).difference(&known[first_word]).cloned().collect();
            if !new.is_empty() {
                problems.push(format!("{name} {first_word}: {new:?}"));
            }
            // one of the two modes that are alike for a cache is enough
            for (second, second_word) in modes.iter().copied().filter(|(_, word)| *word != "nftables") {
                let (made, twice) = rendered(&request(distribution, &once, second), &once, second_word);
                let new: Vec<_> = found(&twice, second_word).difference(&known[second_word]).cloned().collect();
                if !new.is_empty() {
                    problems.push(format!("{name} {first_word} {second_word}: {new:?}"));
                }
                problems.extend(left(name, &once, &twice, &made));
                if second == first {
                    assert_eq!(texts(&once), texts(&twice), "{name} {first_word}");
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

fn texts(snapshot: &Snapshot) -> Vec<(String, String)> {
    snapshot.files.iter().map(|file| (file.path.clone(), file.text.to_string())).collect()
}

/// Objects that are gone from the files must go from the cluster, and kubelets name an address that is answered.
fn left(name: &str, once: &Snapshot, twice: &Snapshot, made: &Plan) -> Vec<String> {
    let (before, after) = (assemble(once), assemble(twice));
    let steps = made.steps.join("\n");
    let gone = objects(&before[0]).difference(&objects(&after[0])).cloned().collect::<Vec<_>>();
    let told = |object: &String| {
        let parts: Vec<&str> = object.split('/').collect();
        steps.contains(&format!("{}/{}", parts[0].to_lowercase(), parts[2]))
    };
    let mut problems: Vec<String> =
        gone.iter().filter(|object| !told(object)).map(|object| format!("{name}: {object} stays\n{steps}")).collect();
    let answered: BTreeSet<String> = dnslint::analysis::facts::Facts::of(&after[0])
        .dns_addresses
        .iter()
        .chain(&dnslint::analysis::facts::Facts::of(&after[0]).node_cache_addresses)
        .map(|ip| ip.value.to_string())
        .collect();
    for node in node_dns::all(twice, &after[0], None) {
        let lost = node.kubelet.cluster_dns.iter().find(|ip| !answered.contains(&ip.value));
        // RKE2 and kubespray make their caches from settings
        if let Some(ip) = lost.filter(|_| !["stock-rke2", "stock-kubespray"].contains(&name)) {
            problems.push(format!("{name}: {} names {}", node.name, ip.value));
        }
    }
    problems
}

const SHOP: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress, Egress]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-dns, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Egress]
  egress:
  - ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]
    to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      podSelector: {matchLabels: {k8s-app: kube-dns}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: backend, namespace: bank}
spec:
  podSelector: {matchLabels: {app: backend}}
  policyTypes: [Egress]
  egress:
  - to:
    - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      podSelector: {matchLabels: {k8s-app: kube-dns}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: incoming, namespace: open}
spec:
  podSelector: {}
  ingress: [{}]
---
apiVersion: v1
kind: Pod
metadata: {name: till, namespace: shop}
spec:
  containers: [{name: till, image: docker.io/library/nginx:1.27-alpine}]
";

#[test]
fn policies_stand_only_beside_those_that_restrict() {
    for (name, distribution) in [("stock-kubeadm", Distribution::Kubeadm), ("stock-k3s", Distribution::K3s)] {
        let snapshot =
            with_pod(name).with_texts(&BTreeMap::new(), [("manifests/shop.yaml".to_owned(), SHOP.to_owned())]);
        for (mode, word) in MODES {
            let before = found(&snapshot, word);
            let plain = request(distribution, &snapshot, mode);
            let (_, without) = rendered(&plain, &snapshot, word);
            let missed = found(&without, word).difference(&before).count();
            assert!(missed > 0, "{name} {word}");
            let with = Request { companions: vec![Companion::NetworkPolicy], ..plain };
            let (made, after) = rendered(&with, &snapshot, word);
            let new: Vec<_> = found(&after, word).difference(&before).cloned().collect();
            assert_eq!(new, [], "{name} {word}");
            let policies = &made.files[0];
            assert_eq!(policies.path, "manifests/allow-node-local-dns.yaml");
            let names: Vec<&str> = policies.text.lines().filter(|line| line.starts_with("  name")).collect();
            let bank = ["  name: \"allow-node-local-dns-backend\"", "  namespace: \"bank\""];
            let shop = ["  name: \"allow-node-local-dns\"", "  namespace: \"shop\""];
            assert_eq!(names, [bank, shop].concat(), "{}", policies.text);
            assert!(
                policies.text.contains("podSelector: {\"matchLabels\":{\"app\":\"backend\"}}\n"),
                "{}",
                policies.text
            );
            // first the policies, then the cache; all of it goes on the way back
            assert!(made.steps[0].contains("allow-node-local-dns.yaml"), "{:?}", made.steps);
            for gone in [
                "-n bank delete --ignore-not-found networkpolicy/allow-node-local-dns-backend",
                "configmap/node-local-dns",
            ] {
                assert!(made.back.iter().any(|step| step.contains(gone)), "{gone}: {:?}", made.back);
            }
            // and again, in another mode
            let (other, other_word) = if mode == ProxyMode::Replaced { MODES[1] } else { MODES[3] };
            let again = Request { companions: vec![Companion::NetworkPolicy], ..request(distribution, &after, other) };
            let (_, twice) = rendered(&again, &after, other_word);
            let new: Vec<_> = found(&twice, other_word).difference(&found(&snapshot, other_word)).cloned().collect();
            assert_eq!(new, [], "{name} {word} {other_word}");
        }
    }
}

/// A pod monitor of an earlier rendering is not lost, nor in the way.
#[test]
fn a_monitor_stays_beside_the_cache() {
    let before = with_pod("stock-kubeadm");
    let plain = request(Distribution::Kubeadm, &before, ProxyMode::Iptables);
    let with = Request { companions: vec![Companion::PodMonitor], ..plain.clone() };
    let (_, once) = rendered(&with, &before, "iptables");
    let (_, twice) = rendered(&Request { proxy: Some(ProxyMode::Ipvs), ..plain }, &once, "ipvs");
    let file = twice.files.iter().find(|file| file.path.ends_with("node-local-dns.yaml")).unwrap();
    assert!(file.text.contains("kind: PodMonitor") && !file.text.contains("kube-dns-upstream"), "{}", file.text);
}

const PLACE: &str = "nodes/k3s-server/var/lib/rancher/k3s/server/manifests/node-local-dns.yaml";

#[test]
fn a_cache_on_a_server_of_k3s_is_replaced_there() {
    let before = with_pod("stock-k3s");
    let (first, _) = rendered(&request(Distribution::K3s, &before, ProxyMode::Iptables), &before, "iptables");
    let text = first.files[0].text.replace("success 9984", "success 100");
    let on_server = before.with_texts(&BTreeMap::new(), [(PLACE.to_owned(), text)]);
    let (made, after) = rendered(&request(Distribution::K3s, &on_server, ProxyMode::Iptables), &on_server, "iptables");
    assert_eq!(after.find(PLACE).unwrap().text.as_ref(), first.files[0].text);
    let path = "/var/lib/rancher/k3s/server/manifests/node-local-dns.yaml";
    assert_eq!(made.steps[0], format!("on k3s-server: copy {PLACE} to {path}: k3s applies it by itself"));
    assert!(made.back[0].starts_with(&format!("on k3s-server: remove {path}, ")), "{:?}", made.back);
    assert!(made.back[1].contains("delete daemonset/node-local-dns"), "{:?}", made.back);
}

/// A cache under another name, made by hand or by a role, is neither replaced nor doubled.
#[test]
fn a_second_cache_is_refused() {
    let refused = |name: &str, request: Request| {
        let snapshot = with_pod(name);
        let base = snapshot.clusters[0].path.clone();
        let clusters = assemble(&snapshot);
        let request = Request { base, ..request };
        plan(&request, &snapshot, &clusters[0], &Assumptions::default()).unwrap_err().reason
    };
    let kubespray = refused("stock-kubespray", Request::of(Distribution::Kubeadm));
    assert!(kubespray.contains("DaemonSet/kube-system/nodelocaldns is a node cache already"), "{kubespray}");
    let resolver = Request {
        resolver: dnslint::render::request::Resolver::CoreDns,
        proxy: Some(ProxyMode::Ipvs),
        ..Request::of(Distribution::Kubeadm)
    };
    let beside = refused("stock-node-cache-ipvs", resolver);
    assert!(beside.contains("answers on 169.254.20.10 of every node already"), "{beside}");
    let k3s = refused("stock-k3s", Request::of(Distribution::Kubeadm));
    assert!(k3s.contains("runs k3s, not the kubelet of kubeadm"), "{k3s}");
}

/// RKE2's values go into the file that holds them, not into one that holds a hand-made cache.
#[test]
fn the_chart_takes_no_file_that_it_does_not_own() {
    let before = with_pod("stock-rke2");
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns-upstream, namespace: kube-system}\nspec:\n  \
                   selector: {k8s-app: kube-dns}\n  ports: [{port: 53, protocol: UDP}]\n";
    let with = before.with_texts(&BTreeMap::new(), [("manifests/upstream.yaml".to_owned(), service.to_owned())]);
    let (made, _) = rendered(&request(Distribution::Rke2, &with, ProxyMode::Iptables), &with, "iptables");
    assert_eq!(made.files[0].path, "manifests/rke2-coredns-config.yaml");
    // nor one that holds something else under the usual name
    let other = before.with_texts(&BTreeMap::new(), [(made.files[0].path.clone(), service.to_owned())]);
    let clusters = assemble(&other);
    let request = request(Distribution::Rke2, &other, ProxyMode::Iptables);
    let refusal = plan(&request, &other, &clusters[0], &Assumptions::default()).unwrap_err();
    assert!(refusal.reason.contains("also holds Service/kube-system/kube-dns-upstream"), "{refusal:?}");
}

/// Cilium joins the ports of a Service with those of pods by their names.
#[test]
fn a_redirect_has_the_port_names_of_the_service() {
    let before = with_pod("stock-kubeadm");
    let file = before.files.iter().find(|file| file.path.ends_with("manifests/coredns.yaml")).unwrap();
    let (service, rest) = file.text.split_once("kind: Service\n").unwrap();
    let text = format!(
        "{service}kind: Service\n{}",
        rest.replace("name: dns-tcp", "name: tcp-53").replace("name: dns\n", "name: udp-53\n")
    );
    let named = before.with_texts(&BTreeMap::from([(file.id, text)]), []);
    let (made, _) = rendered(&request(Distribution::Kubeadm, &named, ProxyMode::Replaced), &named, "none");
    let text = &made.files[0].text;
    for (name, protocol) in [("udp-53", "UDP"), ("tcp-53", "TCP")] {
        assert!(
            text.contains(&format!("    - port: \"53\"\n      name: \"{name}\"\n      protocol: {protocol}\n")),
            "{text}"
        );
        assert!(text.contains(&format!("- name: \"{name}\"\n          containerPort: 53\n")), "{text}");
    }
}

#[test]
fn only_the_clusters_own_placeholders_are_the_cluster() {
    let caches = |upstream: &str| {
        let snapshot = with_pod("stock-node-cache-ipvs");
        let file = snapshot.files.iter().find(|file| file.path.ends_with("manifests/nodelocaldns.yaml")).unwrap();
        let block =
            format!("    corp.example:53 {{\n        errors\n        forward . {upstream}\n    }}\n    .:53 {{\n");
        let text = file.text.replacen("    .:53 {\n", &block, 1);
        assert_ne!(text, *file.text);
        let with = snapshot.with_texts(&BTreeMap::from([(file.id, text)]), []);
        let (made, _) = rendered(&request(Distribution::Kubeadm, &with, ProxyMode::Iptables), &with, "iptables");
        let text = made.files[0].text.clone();
        let start = text.find("    corp.example:53 {\n").unwrap();
        text[start..]
            .split("    }\n    ")
            .next()
            .unwrap()
            .lines()
            .find(|l| l.contains("forward"))
            .unwrap()
            .trim()
            .to_owned()
    };
    assert_eq!(caches("__PILLAR__DNS__SERVER__"), "forward . __PILLAR__CLUSTER__DNS__ {");
    assert_eq!(caches("__PILLAR__CLUSTER__DNS__"), "forward . __PILLAR__CLUSTER__DNS__ {");
    assert_eq!(caches("__PILLAR__UPSTREAM__SERVERS__"), "forward . /etc/resolv.conf");
}

/// A policy that somebody wrote under a name like ours restricts like any other, and is not written over.
#[test]
fn only_a_label_makes_a_policy_one_of_ours() {
    let by_hand = |name: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: till}}\nspec:\n  \
             podSelector: {{matchLabels: {{app: till}}}}\n  policyTypes: [Egress]\n  egress: [{{ports: [{{port: 443}}]}}]\n"
        )
    };
    let with = |name: &str| {
        with_pod("stock-kubeadm").with_texts(&BTreeMap::new(), [("manifests/till.yaml".to_owned(), by_hand(name))])
    };
    let asked = |snapshot: &Snapshot| Request {
        companions: vec![Companion::NetworkPolicy],
        ..request(Distribution::Kubeadm, snapshot, ProxyMode::Iptables)
    };
    let snapshot = with("allow-node-local-dns-of-till");
    let (made, after) = rendered(&asked(&snapshot), &snapshot, "iptables");
    assert!(
        made.files[0].text.contains("name: \"allow-node-local-dns-allow-node-local-dns-of-till\""),
        "{}",
        made.files[0].text
    );
    assert_eq!(after.find("manifests/till.yaml").unwrap().text.as_ref(), by_hand("allow-node-local-dns-of-till"));
    // the rendered one is known again
    let (again, _) = rendered(&asked(&after), &after, "iptables");
    assert_eq!(made.files[0].text, again.files[0].text);
    let all = with("allow-node-local-dns");
    let text = by_hand("allow-node-local-dns").replace("{matchLabels: {app: till}}", "{}");
    let all = all.with_texts(&BTreeMap::new(), [("manifests/till.yaml".to_owned(), text)]);
    let refusal = plan(&asked(&all), &all, &assemble(&all)[0], &assumed("iptables")).unwrap_err();
    assert!(refusal.reason.contains("NetworkPolicy/till/allow-node-local-dns stands already"), "{refusal:?}");
}

/// `kubectl get -o yaml` writes lists.
#[test]
fn a_cache_in_a_list_is_replaced() {
    let before = with_pod("stock-kubeadm");
    let plain = request(Distribution::Kubeadm, &before, ProxyMode::Iptables);
    let (first, _) = rendered(&plain, &before, "iptables");
    let text = &first.files[0].text;
    let item = |object: &str| {
        let lines = object.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.enumerate().map(|(at, line)| format!("{}{line}\n", if at == 0 { "- " } else { "  " })).collect::<String>()
    };
    let items: String = text.split("---\n").map(item).collect();
    let list = format!("apiVersion: v1\nkind: List\nitems:\n{items}").replace("success 9984", "success 100");
    let path = "manifests/cache.yaml";
    let listed = before.with_texts(&BTreeMap::new(), [(path.to_owned(), list.clone())]);
    let (made, after) = rendered(&plain, &listed, "iptables");
    assert_eq!((made.files[0].path.as_str(), &made.files[0].text), (path, text));
    assert_eq!(after.find(path).unwrap().text.as_ref(), text);
    // beside something else, that is named
    let other = "- {apiVersion: v1, kind: ConfigMap, metadata: {name: other, namespace: shop}}\n";
    let mixed = before.with_texts(&BTreeMap::new(), [(path.to_owned(), list + other)]);
    let refusal = plan(&plain, &mixed, &assemble(&mixed)[0], &assumed("iptables")).unwrap_err();
    assert!(refusal.reason.contains("also holds ConfigMap/shop/other"), "{refusal:?}");
}

/// YAML 1.1 takes a plain `y` for a truth value.
#[test]
fn keys_of_labels_and_names_of_ports_stay_texts() {
    let before = with_pod("stock-kubeadm");
    let file = before.files.iter().find(|file| file.path.ends_with("manifests/coredns.yaml")).unwrap();
    let (head, service) = file.text.split_once("kind: Service\n").unwrap();
    let (head, service) = (
        head.replace("k8s-app: kube-dns", "k8s-app: kube-dns\n        \"y\": \"1\""),
        service.replace("  selector:\n", "  selector:\n    \"y\": \"1\"\n"),
    );
    let named = before.with_texts(&BTreeMap::from([(file.id, format!("{head}kind: Service\n{service}"))]), []);
    let plain = request(Distribution::Kubeadm, &named, ProxyMode::Iptables);
    let made = plan(&plain, &named, &assemble(&named)[0], &assumed("iptables")).unwrap();
    let text = &made.files[0].text;
    assert!(text.contains("    \"y\": \"1\"\n") && text.contains("targetPort: 53\n"), "{text}");
}
