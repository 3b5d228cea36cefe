//! What the kubelets of nodes must be told that they are not told yet.

use super::chosen::Chosen;
use super::context::texts;
use super::parameters::{Mode, Parameters};
use super::request::is_path;
use super::scene::Scene;
use crate::analysis::effective::k3s_kubelet::is_defaults_file;
use crate::analysis::effective::k3s_resolver::ChoiceReason;
use crate::analysis::facts::Facts;
use crate::analysis::node_dns::NodeDns;
use crate::analysis::resolver;
use crate::analysis::views::resolv_conf::ResolvConfView;
use crate::source::{Located, Snapshot};
use std::collections::BTreeMap;

/// The settings that a node needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeChange {
    /// The node's name; empty for every node that the snapshot does not have.
    pub node: String,
    /// The resolver file for pods.
    pub resolv_conf: Option<Chosen<String>>,
    /// Addresses of the cache; of the DNS Service where the address that the kubelet names goes away.
    pub cluster_dns: Vec<String>,
    /// The node runs a server of k3s or RKE2, as far as the snapshot tells.
    pub server: bool,
}

impl NodeChange {
    /// Whether anything is to be changed.
    #[must_use]
    pub const fn is_needed(&self) -> bool {
        self.resolv_conf.is_some() || !self.cluster_dns.is_empty()
    }

    /// Whether another node needs the same.
    #[must_use]
    pub fn same(&self, other: &Self) -> bool {
        let path = |change: &Self| change.resolv_conf.as_ref().map(|path| path.value.clone());
        path(self) == path(other) && self.cluster_dns == other.cluster_dns
    }
}

/// The changes of every node of the snapshot; of one nameless node where it has none.
#[must_use]
pub fn changes(scene: &Scene<'_>) -> Vec<NodeChange> {
    let parameters = scene.parameters;
    let asked = scene.request.resolv_conf.as_ref().map(|path| Chosen::flag(path.clone(), "--resolv-conf"));
    if parameters.nodes.is_empty() {
        let cluster_dns =
            if parameters.mode == Mode::LocalOnly { texts(&parameters.local_ips.value) } else { Vec::new() };
        let nameless = NodeChange { resolv_conf: asked, cluster_dns, server: true, ..NodeChange::default() };
        return Some(nameless).filter(NodeChange::is_needed).into_iter().collect();
    }
    let better = better_files(scene);
    let of = |node: &NodeDns| {
        let resolv_conf = match &asked {
            Some(path) => Some(path.clone()).filter(|path| path.value != handed_out(scene.snapshot, node)),
            None => better.get(&node.name).cloned(),
        };
        let server = node.k3s.as_ref().is_some_and(|k3s| k3s.server != Some(false));
        NodeChange { node: node.name.clone(), resolv_conf, cluster_dns: cluster_dns(parameters, node), server }
    };
    parameters.nodes.iter().map(of).filter(NodeChange::is_needed).collect()
}

/// The path that a kubelet hands to pods from its next start on. k3s writes its drop-in of the kubelet anew at each start, so
/// that a `resolv-conf` of its own beats what the last start left there.
#[must_use]
pub fn handed_out<'n>(snapshot: &Snapshot, node: &'n NodeDns) -> &'n str {
    let left = node.kubelet.resolv_conf.location().and_then(|at| snapshot.file(at.file).node_path.as_deref());
    let left = left.is_some_and(is_defaults_file);
    let explicit = node.k3s.as_ref().filter(|k3s| left && k3s.choice.reason == ChoiceReason::Explicit);
    explicit.map_or(&node.pod_file.path, |k3s| &k3s.choice.path.value)
}

/// Nodes whose kubelets name the cache by its own address and are not told otherwise.
#[must_use]
pub fn naming<'s>(scene: &'s Scene<'_>) -> Vec<&'s str> {
    let own = texts(&scene.parameters.local_ips.value);
    let names = |node: &&NodeDns| node.kubelet.cluster_dns.iter().any(|ip| own.contains(&ip.value));
    scene.parameters.nodes.iter().filter(names).map(|node| node.name.as_str()).collect()
}

/// Addresses that the kubelet must name; empty where those that it names will do.
fn cluster_dns(parameters: &Parameters, node: &NodeDns) -> Vec<String> {
    let told: Vec<&str> = node.kubelet.cluster_dns.iter().map(|ip| ip.value.as_str()).collect();
    let wanted = match parameters.mode {
        Mode::LocalOnly => texts(&parameters.local_ips.value),
        Mode::Intercept | Mode::Redirect if parameters.leaving(node).is_none() => return Vec::new(),
        Mode::Intercept | Mode::Redirect => texts(&parameters.cluster_dns.value),
    };
    if told == wanted { Vec::new() } else { wanted }
}

/// By node: a file with nameservers that pods can reach, where the one they inherit has none.
fn better_files(scene: &Scene<'_>) -> BTreeMap<String, Chosen<String>> {
    let facts = Facts::of(scene.cluster);
    let views = resolver::views(scene.snapshot, scene.cluster, &facts, &scene.parameters.nodes);
    let useless = views.into_iter().filter(|(view, _)| {
        let view = &view.value;
        view.used_by_pods
            && (view.k3s_fallback.is_some() || (!view.loopback.is_empty() && !view.loopback_beside_others))
    });
    let file = |(view, object): (Located<ResolvConfView>, Option<String>)| {
        let node = object?.strip_prefix("Node/")?.to_owned();
        let better = view.value.upstream_files.into_iter().find(|file| is_path(&file.value.path))?;
        let at = better.location();
        Some((node, Chosen::shown(better.value.path, at, "its nameservers can be reached from pods")))
    };
    useless.filter_map(file).collect()
}
