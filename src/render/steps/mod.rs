//! What to do with rendered files: the order of restarts, how to see that each step worked, and the way back.

mod back;
mod forward;
mod nodes;
mod words;

use super::changes::NodeChange;
use super::distribution::Distribution;
use super::manifests::Manifests;
use super::node_files::Delivery;
use super::parameters::{Mode, OldCache};
use super::plan::File;
use super::request::Update;
use super::scene::Scene;
pub use back::back;
pub use forward::forward;
use std::collections::BTreeMap;

/// What the steps are about.
pub struct Work<'a> {
    /// What it is made from.
    pub scene: &'a Scene<'a>,
    /// Every rendered file.
    pub files: &'a [File],
    /// The objects in them.
    pub manifests: &'a Manifests,
    /// What nodes are told.
    pub changes: &'a [NodeChange],
    /// How that reaches them.
    pub deliveries: &'a [Delivery],
}

impl Work<'_> {
    /// The resolver itself is rendered, not only settings of nodes.
    fn has_resolver(&self) -> bool {
        self.scene.request.wants(self.scene.request.resolver_part())
    }

    fn mode(&self) -> Mode {
        self.scene.parameters.mode
    }

    /// Kubelets are told to name the cache.
    fn is_named(&self) -> bool {
        self.mode() == Mode::LocalOnly && self.changes_cluster_dns()
    }

    /// Kubelets name an address that goes away, and are told the Service's.
    fn is_taken_back(&self) -> bool {
        self.mode() != Mode::LocalOnly && self.changes_cluster_dns()
    }

    fn changes_cluster_dns(&self) -> bool {
        self.changes.iter().any(|change| !change.cluster_dns.is_empty())
    }

    fn changes_resolv_conf(&self) -> bool {
        self.changes.iter().any(|change| change.resolv_conf.is_some())
    }

    /// The rendered DaemonSet as kubectl names it.
    fn daemon_set(&self) -> &'static str {
        daemon_set(self.scene.request.update == Update::InPlace)
    }

    /// Manifests that k3s or RKE2 applies by itself, by their paths on the servers that are named (none: all). Where nothing
    /// is written, those that stand there already.
    fn picked_up(&self) -> BTreeMap<&str, Vec<String>> {
        let scene = self.scene;
        let stands = |file: &&File| !scene.request.stream || scene.standing(&file.path, file.node.as_deref()).is_some();
        let mut by_path: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for file in self.manifests.files.iter().filter(|file| is_picked_up(&file.path)).filter(stands) {
            by_path.entry(&file.path).or_default().extend(file.node.clone());
        }
        by_path
    }

    /// CoreDNS starts anew, with the resolver file that its node hands out by then.
    fn restart_coredns(&self) -> Option<String> {
        self.changes_resolv_conf().then(|| {
            format!(
                "restart CoreDNS, which keeps the resolver file that it started with: `kubectl -n kube-system rollout restart \
                 deployment/{}`",
                deployment(self.scene.request.distribution)
            )
        })
    }

    /// The node cache of the snapshot, which the rendered one replaces.
    fn old_cache(&self) -> Option<&OldCache> {
        self.scene.parameters.caches.first().filter(|_| !self.manifests.files.is_empty())
    }
}

/// Whether k3s or RKE2 applies what stands there.
fn is_picked_up(path: &str) -> bool {
    path.starts_with("var/lib/rancher/") && path.contains("/server/manifests/")
}

/// OpenKruise's DaemonSet and that of Kubernetes have one name.
const fn daemon_set(kruise: bool) -> &'static str {
    if kruise { "daemonsets.apps.kruise.io/node-local-dns" } else { "daemonset/node-local-dns" }
}

/// CoreDNS's Deployment in kube-system.
const fn deployment(distribution: Distribution) -> &'static str {
    match distribution {
        Distribution::Rke2 => "rke2-coredns-rke2-coredns",
        _ => "coredns",
    }
}
