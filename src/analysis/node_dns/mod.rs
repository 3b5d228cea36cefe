//! Nodes: the kubelet's DNS settings in effect, the file that pods inherit, and the node's own resolvers.

pub mod inputs;
pub mod k3s;
pub mod locals;
mod plain;
pub mod pod_file;
mod refused;
mod resolved;

use crate::analysis::effective::kubelet::EffectiveKubelet;
use crate::analysis::effective::{Distribution, KubeVersion};
use crate::analysis::facts::{node_info, parse_located};
use crate::analysis::servers::routing::NodeSite;
use crate::analysis::servers::upstream_files;
use crate::model::Cluster;
use crate::model::node::{Agent, Node};
use crate::source::{NodeRoot, Origins, Snapshot};
use k3s::{K3sDns, ServerSettings};
use pod_file::{PodFile, PodFileState};
use rayon::prelude::*;

/// The release that is assumed where the snapshot names none.
pub const ASSUMED_KUBE: KubeVersion = KubeVersion::new(1, 34, 0);
/// Without this variable, releases 1.28 and 1.29 do not start with `--config-dir` (`cmd/kubelet/app/server.go`).
const ALPHA_DROPINS: &str = "KUBELET_CONFIG_DROPIN_DIR_ALPHA";

/// What names the release of a kubelet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionSource {
    /// The node's own object, or the user.
    Own,
    /// Another node, or kubeadm's configuration: releases of one cluster may differ.
    Cluster,
    /// Nothing.
    Assumed,
}

/// The DNS settings of a node.
#[derive(Clone, Debug)]
pub struct NodeDns {
    /// Its name.
    pub name: String,
    /// Index in [`Cluster::nodes`].
    pub node: usize,
    /// Release of the kubelet.
    pub version: KubeVersion,
    /// What names the release.
    pub version_source: VersionSource,
    /// The snapshot shows how the kubelet is configured: a unit, a configuration file, or k3s.
    pub configured: bool,
    /// The settings in effect.
    pub kubelet: EffectiveKubelet,
    /// k3s or RKE2, if that runs here.
    pub k3s: Option<K3sDns>,
    /// The file that pods with the node's resolver inherit.
    pub pod_file: PodFile,
    /// `/etc/resolv.conf` of the node itself.
    pub host_file: PodFileState,
}

/// The settings of every node of a cluster.
#[must_use]
pub fn all(snapshot: &Snapshot, cluster: &Cluster, assumed: Option<&str>) -> Vec<NodeDns> {
    let assumed = assumed.and_then(KubeVersion::parse);
    let server = server_settings(snapshot, cluster, assumed);
    (0..cluster.nodes.len())
        .into_par_iter()
        .filter_map(|index| of(snapshot, index, cluster, server.as_ref(), assumed))
        .collect()
}

/// What the first k3s server of the cluster tells its agents.
fn server_settings(snapshot: &Snapshot, cluster: &Cluster, assumed: Option<KubeVersion>) -> Option<ServerSettings> {
    cluster.nodes.iter().find_map(|node| {
        let k3s = node.k3s().filter(|k3s| k3s.server == Some(true))?;
        let root = snapshot.node(node.index)?;
        let (version, _) = version_of(node, cluster, assumed);
        let (settings, _) = k3s::resolve(snapshot, root, node, k3s, version, None);
        Some(ServerSettings { cluster_dns: settings.cluster_dns, cluster_domain: settings.cluster_domain })
    })
}

/// The kubelet's release: the node's own Node object, else any of the cluster, else what kubeadm says, else what the
/// user says.
fn version_of(node: &Node, cluster: &Cluster, told: Option<KubeVersion>) -> (KubeVersion, VersionSource) {
    let own = node.versions.kubelet.as_ref().and_then(|v| KubeVersion::parse(&v.value));
    let other = || node_info(cluster, "kubeletVersion").find_map(|v| KubeVersion::parse(&v.value));
    let kubeadm = || {
        let mut configs = cluster.embedded_of_kind("ClusterConfiguration");
        configs.find_map(|c| KubeVersion::parse(&c.value.text_at("kubernetesVersion")?.value))
    };
    if let Some(own) = own {
        return (own, VersionSource::Own);
    }
    let borrowed = other().or_else(kubeadm).map(|version| (version, VersionSource::Cluster));
    borrowed.or_else(|| Some((told?, VersionSource::Own))).unwrap_or((ASSUMED_KUBE, VersionSource::Assumed))
}

fn of(
    snapshot: &Snapshot,
    index: usize,
    cluster: &Cluster,
    server: Option<&ServerSettings>,
    assumed: Option<KubeVersion>,
) -> Option<NodeDns> {
    let node = cluster.nodes.get(index)?;
    let root = snapshot.node(node.index)?;
    let (version, version_source) = version_of(node, cluster, assumed);
    let (mut kubelet, k3s) = match &node.agent {
        Agent::K3s(k3s) => {
            let (settings, kubelet) = k3s::resolve(snapshot, root, node, k3s, version, server);
            (kubelet, Some(settings))
        }
        Agent::Kubelet { arguments, unit } => {
            let alpha_dropins = may_have_variable(node, unit.as_deref(), ALPHA_DROPINS);
            let around = plain::Surroundings { alpha_dropins, openshift: openshift(cluster) };
            (plain::kubelet(snapshot, root, node, arguments, version, around), None)
        }
        Agent::Unknown => {
            let around = plain::Surroundings { alpha_dropins: true, openshift: openshift(cluster) };
            (plain::kubelet(snapshot, root, node, &[], version, around), None)
        }
    };
    let known = version_source != VersionSource::Assumed;
    kubelet.problems.retain(|problem| known || !problem.depends_on_release());
    let pod_file = pod_file(snapshot, root, node, &kubelet, k3s.as_ref(), version);
    Some(NodeDns {
        name: node.name.clone(),
        node: index,
        version,
        version_source,
        configured: !matches!(node.agent, Agent::Unknown),
        pod_file,
        host_file: pod_file::read(snapshot, root, node, "/etc/resolv.conf", version),
        kubelet,
        k3s,
    })
}

/// Whether a service has a variable in its environment, or may have it, because the snapshot lacks the service or a file
/// of its environment.
fn may_have_variable(node: &Node, unit: Option<&str>, name: &str) -> bool {
    let service = unit.and_then(|unit| node.services.get(unit));
    service.is_none_or(|service| {
        service.file.is_none()
            || !service.missing_environment_files.is_empty()
            || service.environment.get(name).is_some()
    })
}

/// Whether objects of OpenShift show that its kubelet runs on the nodes.
fn openshift(cluster: &Cluster) -> bool {
    let kinds = ["ClusterVersion", "KubeletConfig", "MachineConfig", "MachineConfigPool"];
    let mut objects = kinds.iter().flat_map(|kind| cluster.objects.of_kind(kind));
    objects.any(|object| object.meta.api_version.split('/').next().is_some_and(|group| group.ends_with("openshift.io")))
}

fn pod_file(
    snapshot: &Snapshot,
    root: &NodeRoot,
    node: &Node,
    kubelet: &EffectiveKubelet,
    k3s: Option<&K3sDns>,
    version: KubeVersion,
) -> PodFile {
    let path = &kubelet.resolv_conf;
    let setting = path.origins.clone();
    if path.value.is_empty() {
        return PodFile { path: String::new(), setting, state: PodFileState::EmptySetting };
    }
    let generated = k3s.and_then(|k3s| match k3s.choice.reason {
        crate::analysis::effective::k3s_resolver::ChoiceReason::Fallback { text }
            if k3s.choice.path.value == path.value =>
        {
            Some(text)
        }
        _ => None,
    });
    let state = match generated {
        Some(text) => PodFileState::Generated(text),
        None => pod_file::read(snapshot, root, node, &path.value, version),
    };
    // a candidate that k3s took by itself is no setting of anybody
    let chosen = k3s.is_some_and(|k| {
        k.choice.path.value == path.value
            && k.choice.reason == crate::analysis::effective::k3s_resolver::ChoiceReason::Candidate
    });
    PodFile { path: path.value.clone(), setting: if chosen { Origins::none() } else { setting }, state }
}

impl NodeDns {
    /// Whether anything names the kubelet's release.
    #[must_use]
    pub fn version_known(&self) -> bool {
        self.version_source != VersionSource::Assumed
    }

    /// The distribution that runs the kubelet, if it is k3s or RKE2.
    #[must_use]
    pub fn distribution(&self) -> Option<Distribution> {
        self.k3s.as_ref().map(|k3s| k3s.distribution)
    }
}

/// Whether a k3s server makes its nodes listen on the ports of LoadBalancer Services (ServiceLB); `None` where the node
/// runs no such server.
#[must_use]
pub fn servicelb(node: &NodeDns) -> Option<bool> {
    let k3s = node.k3s.as_ref().filter(|k3s| k3s.distribution == Distribution::K3s && k3s.server != Some(false))?;
    Some(!k3s.disabled.iter().any(|d| d.value.split(',').any(|part| part.trim() == "servicelb")))
}

/// The nodes as the routing graph sees them.
#[must_use]
pub fn sites(snapshot: &Snapshot, cluster: &Cluster, nodes: &[NodeDns]) -> Vec<NodeSite> {
    nodes.par_iter().map(|node| site(snapshot, cluster, node)).collect()
}

fn site(snapshot: &Snapshot, cluster: &Cluster, node: &NodeDns) -> NodeSite {
    let own = cluster.nodes.get(node.node);
    let reason = || format!("the kubelet of {} hands {} to pods", node.name, node.pod_file.path);
    let locals = own.and_then(|n| Some(locals::resolvers(snapshot, snapshot.node(n.index)?, n)));
    let files = own.and_then(|n| Some(upstream_files::on_node(snapshot, cluster, snapshot.node(n.index)?)));
    NodeSite {
        name: node.name.clone(),
        addresses: own.map(|n| n.addresses.clone()).unwrap_or_default(),
        host_nameservers: node.pod_file.nameservers(),
        host_reasons: node.pod_file.setting.first().map(|at| (at, reason())).into_iter().collect(),
        cluster_dns: node.kubelet.cluster_dns.iter().filter_map(parse_located).collect(),
        files: files.unwrap_or_default(),
        locals: locals.unwrap_or_default(),
        servicelb: servicelb(node),
    }
}
