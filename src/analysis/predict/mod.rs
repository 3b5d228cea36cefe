//! A pod's `/etc/resolv.conf` on each node of the snapshot, with everything that had to be assumed.

pub mod target;

use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::effective::pod_dns::{
    DnsConfig, DnsConfigOption, DnsMode, HostDns, HostFile, KubeletDns, PodDns, PodDnsError, PodDnsInput, PodDnsSpec,
    ResolvConfSetting,
};
use crate::analysis::effective::pod_resolv_conf::{classify, predict};
use crate::analysis::effective::{KubeVersion, Runtime};
use crate::analysis::facts::Facts;
use crate::analysis::node_dns::pod_file::{PodFile, PodFileState};
use crate::analysis::node_dns::{self, ASSUMED_KUBE, NodeDns};
use crate::model::Cluster;
use crate::model::pod::PodSpec;
use crate::model::workload::Workload;
use crate::source::{Located, Lookup, Snapshot};

/// A node with everything that decides the files of its pods.
#[derive(Clone, Debug)]
pub struct NodeInput {
    /// Its name; empty where the snapshot has no node and one with default settings stands in.
    pub name: String,
    /// Index into the result of [`node_dns::all`].
    pub node: Option<usize>,
    /// Release of the kubelet.
    pub version: KubeVersion,
    /// Container runtime.
    pub runtime: Runtime,
    /// Settings of the kubelet.
    pub kubelet: KubeletDns,
    /// The file that `resolvConf` names; `None` where it was not collected.
    pub host: Option<HostFile>,
    /// That file in words, such as `/etc/resolv.conf of the node`.
    pub host_file: String,
    /// Text of the node's `/etc/resolv.conf`.
    pub etc_resolv_conf: Option<String>,
    /// What is taken for granted because the snapshot does not say it, as sentences.
    pub assumptions: Vec<String>,
}

/// The file of one pod on one node.
#[derive(Clone, Debug)]
pub struct Prediction {
    /// Name of the node; empty for the node that stands in.
    pub node: String,
    /// What the pod gets, or why there is no telling.
    pub outcome: Result<PodDns, NoFile>,
    /// The node's resolver file in words, such as `/etc/resolv.conf of the node`.
    pub host_file: String,
    /// What was taken for granted, as sentences.
    pub assumptions: Vec<String>,
}

/// Why there is no file to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoFile {
    /// The pod does not start.
    NeverStarts(PodDnsError),
    /// The snapshot lacks a file that decides; the sentence names it.
    Unknown(String),
}

impl Prediction {
    /// The text of the file, if it is known.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.outcome.as_ref().ok().and_then(PodDns::text)
    }

    /// The text, or the reason why there is none: equal for nodes that treat the pod alike.
    ///
    /// # Errors
    /// The reason, as a clause.
    pub fn variant(&self) -> Result<String, String> {
        match &self.outcome {
            Ok(dns) => match dns.text() {
                Some(text) => Ok(text.to_owned()),
                None => Err(match dns.copied_from() {
                    Some(path) => {
                        format!("the container runtime copies {path} of the node, which the snapshot does not have")
                    }
                    None => "Docker writes the file itself, from the node's own".to_owned(),
                }),
            },
            Err(NoFile::NeverStarts(error)) => Err(format!("the pod does not start: {error}")),
            Err(NoFile::Unknown(sentence)) => Err(sentence.clone()),
        }
    }

    /// Whether the pod never starts.
    #[must_use]
    pub const fn never_starts(&self) -> bool {
        matches!(self.outcome, Err(NoFile::NeverStarts(_)))
    }
}

/// The nodes of a cluster, or one with default settings where the snapshot has none.
#[must_use]
pub fn nodes(snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, assumed: Option<&str>) -> Vec<NodeInput> {
    inputs(snapshot, cluster, facts, &node_dns::all(snapshot, cluster, assumed))
}

/// The same for settings that were read already.
#[must_use]
pub fn inputs(snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) -> Vec<NodeInput> {
    if nodes.is_empty() {
        return vec![stand_in(facts)];
    }
    nodes.iter().enumerate().map(|(index, node)| input(snapshot, cluster, facts, index, node)).collect()
}

fn input(snapshot: &Snapshot, cluster: &Cluster, facts: &Facts, index: usize, node: &NodeDns) -> NodeInput {
    let mut assumptions = Vec::new();
    let name = &node.name;
    if !node.version_known() {
        assumptions.push(format!("the kubelet of {name} is release {}", release(node.version)));
    }
    let own = cluster.nodes.get(node.node);
    let runtime = own.and_then(|n| n.versions.runtime.as_ref()).and_then(|text| Runtime::parse(&text.value));
    if runtime.is_none() {
        assumptions.push(format!("the container runtime of {name} is a recent containerd"));
    }
    let mut kubelet = node.kubelet.dns();
    if !node.configured && kubelet.cluster_dns.is_empty() {
        assumptions
            .push(format!("the kubelet of {name}, whose settings the snapshot lacks, has {}", cluster_settings(facts)));
        fill(&mut kubelet, facts);
    }
    let root = own.and_then(|n| snapshot.node(n.index));
    let etc = root.and_then(|root| match root.lookup("/etc/resolv.conf") {
        Lookup::File { file, .. } => Some(snapshot.file(file).text.to_string()),
        _ => None,
    });
    let host = match &node.pod_file.state {
        PodFileState::EmptySetting => Some(HostFile::Read(HostDns::default())),
        _ => node.pod_file.host(),
    };
    NodeInput {
        name: name.clone(),
        node: Some(index),
        version: node.version,
        runtime: runtime.unwrap_or_default(),
        kubelet,
        host,
        host_file: host_file(&node.pod_file),
        etc_resolv_conf: etc,
        assumptions,
    }
}

fn host_file(file: &PodFile) -> String {
    match &file.state {
        PodFileState::Generated(_) => {
            format!("{}, which k3s writes because it rejects the node's own resolver files", file.path)
        }
        PodFileState::EmptySetting => "an empty resolvConf".to_owned(),
        _ => format!("{} of the node", file.path),
    }
}

fn release(version: KubeVersion) -> String {
    format!("{}.{}.{}", version.major, version.minor, version.patch)
}

/// A node of which nothing is known.
fn stand_in(facts: &Facts) -> NodeInput {
    let mut kubelet = KubeletDns::default();
    fill(&mut kubelet, facts);
    let assumptions = vec![
        format!("every node has release {} and a recent containerd", release(ASSUMED_KUBE)),
        format!("every kubelet has {}", cluster_settings(facts)),
    ];
    NodeInput {
        name: String::new(),
        node: None,
        version: ASSUMED_KUBE,
        runtime: Runtime::default(),
        kubelet,
        host: None,
        host_file: "the node's resolver file".to_owned(),
        etc_resolv_conf: None,
        assumptions,
    }
}

fn cluster_settings(facts: &Facts) -> String {
    let addresses: Vec<String> = facts.dns_addresses.iter().map(|ip| ip.value.to_string()).collect();
    let dns =
        if addresses.is_empty() { "no clusterDNS".to_owned() } else { format!("clusterDNS {}", addresses.join(",")) };
    format!("{dns} and clusterDomain {}", domain(facts).value)
}

fn domain(facts: &Facts) -> Located<String> {
    facts.domains.first().cloned().unwrap_or_else(|| Located::default_value(CLUSTER_DOMAIN.to_owned()))
}

fn fill(kubelet: &mut KubeletDns, facts: &Facts) {
    kubelet.cluster_dns = facts.dns_addresses.iter().map(|ip| ip.with(ip.value.to_string())).collect();
    if kubelet.cluster_domain.as_ref().is_none_or(|domain| domain.value.is_empty()) {
        kubelet.cluster_domain = Some(domain(facts));
    }
}

/// What decides the file of the pods of a workload.
#[must_use]
pub fn spec_of(workload: &Workload) -> PodDnsSpec {
    let pod = &workload.pod;
    let policy = pod.dns_policy.clone().unwrap_or_else(|| Located::default_value(pod.policy().to_owned()));
    PodDnsSpec {
        namespace: workload.meta.namespace.clone(),
        policy,
        host_network: pod.uses_host_network(),
        dns_config: pod.dns_config.as_ref().map(|config| DnsConfig {
            nameservers: config.nameservers.clone(),
            searches: config.searches.clone(),
            options: config
                .options
                .iter()
                .map(|option| DnsConfigOption {
                    name: option.with(option.value.name.clone()),
                    value: option.value.value.clone(),
                })
                .collect(),
        }),
    }
}

/// A pod with `dnsPolicy: Default` and nothing else.
#[must_use]
pub fn default_spec() -> PodDnsSpec {
    PodDnsSpec {
        namespace: Located::default_value("default".to_owned()),
        policy: Located::default_value("Default".to_owned()),
        host_network: false,
        dns_config: None,
    }
}

/// Whether pods of the specification may run on a node, as far as names decide (`nodeName`, the host name's label).
#[must_use]
pub fn may_run_on(pod: &PodSpec, node: &str) -> bool {
    let label = pod.node_selector.get("kubernetes.io/hostname");
    let wanted = pod.node_name.as_ref().or(label);
    node.is_empty() || wanted.is_none_or(|wanted| wanted.value == node)
}

/// The file of a pod on a node.
#[must_use]
pub fn on_node(node: &NodeInput, pod: &PodDnsSpec) -> Prediction {
    let mut assumptions = node.assumptions.clone();
    let host = match (&node.host, &node.kubelet.resolv_conf) {
        (Some(host), _) => host.clone(),
        (None, ResolvConfSetting::Empty(_)) => HostFile::Read(HostDns::default()),
        (None, ResolvConfSetting::File(path)) => {
            let place = if node.name.is_empty() { "a node".to_owned() } else { format!("node {}", node.name) };
            let clustered = classify(&pod.policy.value, pod.host_network) == DnsMode::Cluster;
            if !(pod.policy.value == "None" || clustered && !node.kubelet.cluster_dns.is_empty()) {
                let sentence =
                    format!("the file is made from {} of the node, which the snapshot does not have", path.value);
                return Prediction {
                    node: node.name.clone(),
                    outcome: Err(NoFile::Unknown(sentence)),
                    host_file: node.host_file.clone(),
                    assumptions,
                };
            }
            assumptions.push(format!("{} of {place}, which the snapshot lacks, has no search domain", path.value));
            HostFile::Read(HostDns::default())
        }
    };
    let input = PodDnsInput {
        version: node.version,
        runtime: node.runtime,
        kubelet: &node.kubelet,
        host: &host,
        node_etc_resolv_conf: node.etc_resolv_conf.as_deref(),
        pod,
    };
    let outcome = predict(&input).map_err(NoFile::NeverStarts);
    if outcome.as_ref().is_ok_and(|dns| dns.options_order_random) {
        assumptions.push("the options stand in this order; the kubelet writes them in a new random order".to_owned());
    }
    Prediction { node: node.name.clone(), outcome, host_file: node.host_file.clone(), assumptions }
}

/// Predictions that differ, each with its nodes, in the order of the nodes.
#[must_use]
pub fn variants(predictions: &[Prediction]) -> Vec<(Result<String, String>, Vec<&Prediction>)> {
    let mut groups: Vec<(Result<String, String>, Vec<&Prediction>)> = Vec::new();
    for prediction in predictions {
        // a reason names its node: two nodes without an answer are one variant only if the reason is the same
        let key = prediction.variant();
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, members)) => members.push(prediction),
            None => groups.push((key, vec![prediction])),
        }
    }
    groups
}
