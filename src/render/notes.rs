//! True sentences about what a rendering does not carry over, and about what the steps cannot do.

use super::changes::NodeChange;
use super::distribution::Distribution;
use super::inventory::kubespray_upstreams;
use super::kubeadm;
use super::node_files::{NodeFiles, Way};
use super::parameters::{Mode, OWN_FILE, Parameters};
use super::plan::Part;
use super::request::{Request, Resolver};
use super::scene::Scene;
use super::standing;
use crate::analysis::facts::ProxyMode;

/// The notes, each once. `needed` is what the nodes need, whether or not it is rendered.
#[must_use]
pub fn of(scene: &Scene<'_>, needed: &[NodeChange], nodes: &NodeFiles) -> Vec<String> {
    let (request, parameters) = (scene.request, scene.parameters);
    let mut notes = Vec::new();
    if request.wants(request.resolver_part()) {
        notes.extend(of_resolver(request, parameters));
        notes.extend(nodes_left_out(request, parameters, needed));
        let own = request.resolver == Resolver::NodeCache && !request.takes_settings_alone();
        let cache = parameters.caches.first().filter(|_| own);
        notes.extend(cache.map(|cache| {
            format!(
                "the way back leads to no node cache at all; for the one of the snapshot, {}, put its old files back and apply \
                 them in the order of the steps",
                cache.meta.display()
            )
        }));
    }
    notes.extend(standing::notes(&nodes.restated));
    notes.extend(kept_by_kubeadm(request, nodes));
    let mut seen: Vec<String> = Vec::new();
    for note in notes {
        if !seen.contains(&note) {
            seen.push(note);
        }
    }
    seen
}

fn of_resolver(request: &Request, parameters: &Parameters) -> Vec<String> {
    let mut notes = parameters.notes.clone();
    notes.extend(other_family(parameters));
    if parameters.mode == Mode::Redirect && request.resolver == Resolver::NodeCache {
        notes.extend(parameters.redirect.as_ref().map(|other| {
            format!("{} already sends the DNS Service to the cache: no second policy is rendered", other.name)
        }));
        notes.extend(parameters.redirect.is_none().then(|| {
            "Cilium ignores redirect policies unless they are switched on (`localRedirectPolicies.enabled: true` in its Helm \
             values, in older charts `localRedirectPolicy: true`)"
                .to_owned()
        }));
    }
    if request.takes_settings_alone() {
        notes.extend(not_in_settings(request.distribution, parameters));
    }
    notes
}

/// A dual-stack Service: the second family is left to CoreDNS.
fn other_family(parameters: &Parameters) -> Option<String> {
    if parameters.mode == Mode::Redirect {
        return None;
    }
    let served = parameters.served_dns();
    let other = parameters.cluster_dns.value.iter().find(|ip| !served.contains(ip))?;
    Some(match parameters.mode {
        // kubelets name the cache alone
        Mode::LocalOnly => {
            format!("one node cache serves one address family: pods ask it alone, and no longer {other}")
        }
        _ => format!("one node cache serves one address family: queries to {other} go to CoreDNS as before"),
    })
}

/// `--only manifests` where the cache needs nodes that name it.
fn nodes_left_out(request: &Request, parameters: &Parameters, needed: &[NodeChange]) -> Option<String> {
    let waits = needed.iter().any(|change| !change.cluster_dns.is_empty()) && !request.wants(Part::Node);
    waits.then(|| match parameters.mode {
        Mode::LocalOnly => {
            "no pod asks the cache before kubelets name it: `--only node` renders their settings".to_owned()
        }
        _ => {
            "kubelets name an address on which this cache does not answer: apply what `--only node` renders first, and \
              restart workloads"
                .to_owned()
        }
    })
}

/// What the distribution's own node cache does otherwise.
fn not_in_settings(distribution: Distribution, parameters: &Parameters) -> Vec<String> {
    let mut notes = Vec::new();
    let upstreams = &parameters.upstreams.value;
    let own_file = upstreams.iter().all(|upstream| upstream == OWN_FILE);
    match distribution {
        Distribution::Rke2 => {
            notes.extend((!own_file).then(|| {
                format!(
                    "RKE2's chart sends other names to the node's resolver file: CoreDNS's own upstreams ({}) are not taken over",
                    upstreams.join(", ")
                )
            }));
            notes.extend((!parameters.stub_zones.is_empty()).then(|| {
                "charts rke2-coredns before 1.46.003 ignore `extraClusterDomains`: there the stub zones go where all other \
                 names go"
                    .to_owned()
            }));
        }
        Distribution::Kubespray => {
            notes.extend((!own_file && kubespray_upstreams(parameters).is_empty()).then(|| {
                format!(
                    "kubespray writes `upstream_dns_servers` into the nodes' resolv.conf, too, which takes plain addresses: \
                     CoreDNS's own upstreams ({}) are not taken over",
                    upstreams.join(", ")
                )
            }));
            notes.extend((parameters.proxy.value == ProxyMode::Replaced).then(|| {
                "kubespray has no Cilium redirect for its node cache: pods are sent to its address instead".to_owned()
            }));
        }
        Distribution::K3s | Distribution::Kubeadm => {}
    }
    notes
}

/// kubeadm writes a kubelet's configuration from a ConfigMap (`cmd/kubeadm/app/phases/kubelet/config.go`).
fn kept_by_kubeadm(request: &Request, nodes: &NodeFiles) -> Vec<String> {
    let mut notes = Vec::new();
    if request.distribution != Distribution::Kubeadm {
        return notes;
    }
    if nodes.deliveries.iter().any(|delivery| matches!(delivery.way, Way::Own { .. })) {
        notes.push(
            "`kubeadm upgrade` and `kubeadm join` write the kubelet's configuration from the ConfigMap \
             kube-system/kubelet-config, and its flags from `kubeletExtraArgs`: set the same values there, or they are lost \
             at the next upgrade"
                .to_owned(),
        );
    }
    if nodes.deliveries.iter().any(|delivery| matches!(delivery.way, Way::Patch(_))) {
        notes.push(format!(
            "kubeadm keeps no patches: every later `kubeadm upgrade` and `kubeadm join` needs `--patches \
             {}`, too, or the values in the ConfigMap kube-system/kubelet-config",
            kubeadm::ON_NODE
        ));
    }
    notes
}
