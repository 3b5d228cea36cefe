//! Nodes: the kubelet's DNS settings in effect, the file that pods inherit, and the node's own resolvers.

pub mod inputs;
pub mod k3s;
pub mod locals;
pub mod pod_file;
mod refused;
mod resolved;

use crate::analysis::effective::kubelet::{EffectiveKubelet, KubeletFile, KubeletInput, effective, flag_value};
use crate::analysis::effective::{Distribution, KubeVersion};
use crate::analysis::facts::{node_info, parse_located};
use crate::analysis::servers::routing::NodeSite;
use crate::analysis::servers::upstream_files;
use crate::model::Cluster;
use crate::model::node::{Agent, ConfigFile, Node, config_file};
use crate::source::{Located, Lookup, NodeRoot, Origins, Snapshot};
use crate::syntax::kubelet_flags;
use k3s::{K3sDns, ServerSettings};
use pod_file::{PodFile, PodFileState};
use rayon::prelude::*;

/// The release that is assumed where the snapshot names none.
pub const ASSUMED_KUBE: KubeVersion = KubeVersion::new(1, 34, 0);

/// The DNS settings of a node.
#[derive(Clone, Debug)]
pub struct NodeDns {
    /// Its name.
    pub name: String,
    /// Index in [`Cluster::nodes`].
    pub node: usize,
    /// Release of the kubelet; assumed where [`version_known`](Self::version_known) is false.
    pub version: KubeVersion,
    /// The snapshot names the release.
    pub version_known: bool,
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

/// The kubelet's release: the node's own Node object, else any of the cluster, else what kubeadm says.
fn version_of(node: &Node, cluster: &Cluster, assumed: Option<KubeVersion>) -> (KubeVersion, bool) {
    let own = node.versions.kubelet.as_ref().map(|v| v.value.clone());
    let other = || node_info(cluster, "kubeletVersion").next().map(|v| v.value);
    let kubeadm = || {
        let mut configs = cluster.embedded_of_kind("ClusterConfiguration");
        configs.find_map(|c| c.value.text_at("kubernetesVersion")).map(|v| v.value)
    };
    let found = own.or_else(other).or_else(kubeadm).and_then(|text| KubeVersion::parse(&text));
    (found.or(assumed).unwrap_or(ASSUMED_KUBE), found.or(assumed).is_some())
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
    let (version, version_known) = version_of(node, cluster, assumed);
    let (mut kubelet, k3s) = match &node.agent {
        Agent::K3s(k3s) => {
            let (settings, kubelet) = k3s::resolve(snapshot, root, node, k3s, version, server);
            (kubelet, Some(settings))
        }
        Agent::Kubelet { arguments, .. } => (plain_kubelet(snapshot, root, node, arguments, version), None),
        Agent::Unknown => (plain_kubelet(snapshot, root, node, &[], version), None),
    };
    kubelet.problems.retain(|problem| version_known || !problem.depends_on_release());
    let pod_file = pod_file(snapshot, root, node, &kubelet, k3s.as_ref(), version);
    Some(NodeDns {
        name: node.name.clone(),
        node: index,
        version,
        version_known,
        configured: !matches!(node.agent, Agent::Unknown),
        pod_file,
        host_file: pod_file::read(snapshot, root, node, "/etc/resolv.conf", version),
        kubelet,
        k3s,
    })
}

/// A kubelet of its own: flags over drop-ins over the configuration file.
fn plain_kubelet(
    snapshot: &Snapshot,
    root: &NodeRoot,
    node: &Node,
    arguments: &[crate::syntax::systemd::Traced],
    version: KubeVersion,
) -> EffectiveKubelet {
    let line = kubelet_flags::parse_kubelet(arguments);
    let flags: Vec<_> = line.flags.iter().map(inputs::flag_value).collect();
    let named = flag_value(&flags, "config");
    let default_path = Located::default_value("/var/lib/kubelet/config.yaml".to_owned());
    // a kubelet whose command line the snapshot lacks reads kubeadm's file if that is there
    let path = named.clone().or_else(|| arguments.is_empty().then_some(default_path));
    let read = path.as_ref().and_then(|path| Some((path, config_at(snapshot, root, node, &path.value)?)));
    let config = read.as_ref().map(|(path, file)| kubelet_file(path, file));
    let directory = flag_value(&flags, "config-dir");
    let dropins = directory.as_ref().map(|dir| dropins(snapshot, root, dir)).unwrap_or_default();
    let input =
        KubeletInput { version, flags: &flags, config: config.as_ref(), dropins: &dropins, alpha_dropins: false };
    let mut kubelet = effective(&input);
    if let Some((path, at)) = read.as_ref().and_then(|(path, file)| Some((path, file.refused?.at))) {
        // what is read of a broken file says nothing about its fields
        kubelet.problems.retain(|problem| problem.at.is_none_or(|place| place.file != at.file));
        kubelet.problems.push(refused::syntax(&path.value, at));
    }
    kubelet.problems.extend(named.as_ref().and_then(|path| refused::missing(root, path)));
    kubelet
}

fn config_at(snapshot: &Snapshot, root: &NodeRoot, node: &Node, path: &str) -> Option<ConfigFile> {
    if let Some(file) = node.configs.get(path) {
        return Some(file.clone());
    }
    match root.lookup(path) {
        Lookup::File { file, .. } => Some(config_file(file, &snapshot.file(file).text)),
        _ => None,
    }
}

fn kubelet_file(path: &Located<String>, file: &ConfigFile) -> KubeletFile {
    KubeletFile { path: path.value.clone(), tree: inputs::config_value(&file.value), named_by: path.origins.clone() }
}

/// All files below a drop-in directory, sub-directories included.
fn dropins(snapshot: &Snapshot, root: &NodeRoot, directory: &Located<String>) -> Vec<KubeletFile> {
    let prefix = format!("{}/", directory.value.trim_end_matches('/'));
    root.paths()
        .filter(|path| path.starts_with(&prefix))
        .filter_map(|path| match root.lookup(path) {
            Lookup::File { file, .. } => {
                let tree = inputs::config_value(&config_file(file, &snapshot.file(file).text).value);
                Some(KubeletFile { path: path.to_owned(), tree, named_by: directory.origins.clone() })
            }
            _ => None,
        })
        .collect()
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
