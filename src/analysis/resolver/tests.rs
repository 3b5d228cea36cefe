//! The views of small snapshots.

use super::*;
use crate::analysis::node_dns;
use crate::model::assemble;

/// All views of a snapshot of one cluster.
fn all(snapshot: &Snapshot) -> Vec<(Located<ResolvConfView>, Option<String>)> {
    let clusters = assemble(snapshot);
    let views = |cluster: &Cluster| {
        let facts = Facts::of(cluster);
        views(snapshot, cluster, &facts, &node_dns::all(snapshot, cluster, None))
    };
    clusters.iter().flat_map(views).collect()
}

/// The only view of a snapshot with one resolver file.
fn one(texts: &[(&str, &str)]) -> ResolvConfView {
    let snapshot = Snapshot::from_texts(texts.iter().map(|(path, text)| (*path, *text)));
    let mut views = all(&snapshot);
    assert_eq!(views.len(), 1, "{views:?}");
    let (view, object) = views.remove(0);
    assert_eq!(object.as_deref(), Some("Node/n"));
    view.value
}

const UNIT: (&str, &str) =
    ("nodes/n/etc/systemd/system/kubelet.service", "[Service]\nExecStart=/usr/bin/kubelet --v=2\n");
const K3S: (&str, &str) =
    ("nodes/n/etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server\n");

fn texts(list: &[Located<String>]) -> Vec<&str> {
    list.iter().map(|word| word.value.as_str()).collect()
}

#[test]
fn the_file_that_pods_inherit() {
    let text = "search lan\nnameserver 127.0.0.1\nnameserver 10.0.0.1\nnameserver fe80::1%eth0\nnameserver 10.0.0.3\n";
    let view = one(&[UNIT, ("nodes/n/etc/resolv.conf", text)]);
    assert!(view.used_by_pods && view.used_by_host && view.kubelet_known && view.loopback_beside_others);
    assert_eq!(texts(&view.loopback), ["127.0.0.1"]);
    assert_eq!(texts(&view.scoped_nameservers), ["fe80::1%eth0"]);
    assert_eq!(texts(&view.dropped_nameservers), ["10.0.0.3"]);
    assert_eq!(view.nameservers.len(), 4);
    let classes: Vec<_> = view.searches.iter().map(|s| (s.domain.as_str(), s.class.as_str())).collect();
    assert_eq!(classes, [("lan", "internal")]);
    let span = view.loopback.first().and_then(Located::location).map(|at| at.span.text(text));
    assert_eq!(span, Some("127.0.0.1"));
}

#[test]
fn what_k3s_rejects_reaches_no_pod() {
    let texts = [
        K3S,
        ("nodes/n/etc/resolv.conf", "search lan\nnameserver 127.0.0.1\n"),
        ("nodes/n/run/dnsmasq/resolv.conf", "nameserver 192.168.225.1\n"),
    ];
    let snapshot = Snapshot::from_texts(texts);
    let views = all(&snapshot);
    let paths: Vec<_> = views.iter().map(|(view, _)| (view.value.path.as_str(), view.value.used_by_pods)).collect();
    assert_eq!(paths, [("/var/lib/rancher/k3s/agent/etc/resolv.conf", true), ("/etc/resolv.conf", false)]);
    let view = &views.first().unwrap().0.value;
    assert!(view.loopback.is_empty() && view.searches.is_empty());
    let fallback = view.k3s_fallback.as_ref().unwrap();
    assert_eq!(fallback.nameservers, ["8.8.8.8", "2001:4860:4860::8888"]);
    let rejected: Vec<_> = fallback.rejected.iter().map(|r| (r.path.as_str(), r.text.as_str())).collect();
    assert_eq!(rejected, [("/etc/resolv.conf", "127.0.0.1"), ("/run/systemd/resolve/resolv.conf", "")]);
    assert!(fallback.home.is_some());
    let upstream: Vec<_> = view.upstream_files.iter().map(|f| f.path.as_str()).collect();
    assert_eq!(upstream, ["/run/dnsmasq/resolv.conf"]);
}

#[test]
fn a_file_without_a_node_is_judged_as_text_alone() {
    let snapshot = Snapshot::from_texts([("files/pods.resolv.conf", "nameserver 127.0.0.1\noptions timeout:0\n")]);
    let views = all(&snapshot);
    let (view, object) = views.first().unwrap();
    assert_eq!((views.len(), object.as_deref(), view.value.used_by_pods), (1, None, false));
    assert!(view.value.loopback.is_empty());
    assert_eq!(view.value.zero_options.len(), 1);
}

#[test]
fn nodes_that_ask_the_cluster() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: \
                   kube-dns}}\nspec: {clusterIP: 10.96.0.10, selector: {k8s-app: kube-dns}}\n";
    let with = |resolv: &str| {
        let view = one(&[UNIT, ("manifests/dns.yaml", service), ("nodes/n/etc/resolv.conf", resolv)]);
        let facts = view.cluster_dependencies.iter().map(|d| (d.address.clone(), d.kind.clone(), d.has_other));
        facts.collect::<Vec<_>>()
    };
    let found = |other| vec![("10.96.0.10".to_owned(), "service".to_owned(), other)];
    assert_eq!(with("nameserver 10.96.0.10\n"), found(false));
    assert_eq!(with("nameserver 10.96.0.10\nnameserver 10.0.0.2\n"), found(true));
    assert_eq!(with("nameserver 10.0.0.2\n"), []);
}
