//! The `pod` view: what name resolution looks like from inside one pod shape.

use crate::analysis::pod::libc::Libc;
use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// The pods of one workload (or a bare Pod), as far as name resolution is concerned.
///
/// The object's own name is not part of the view, so that pods of the same shape are judged once; templates name it
/// with `object`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PodView {
    /// The pod runs CoreDNS, the node cache or kube-dns itself.
    pub is_dns_server: bool,
    /// The pod is a part of the node or of the control plane (priority class `system-node-critical`, or on the host
    /// network of a system namespace): such pods are made to work without the cluster DNS.
    pub node_component: bool,
    /// The resolver files of all nodes search the cluster domain: their resolver is made to know Service names.
    pub node_knows_cluster: bool,
    /// The pod shares the node's network namespace.
    pub host_network: Located<bool>,
    /// `dnsPolicy` as written; absent where the manifest leaves it to the API's default (ClusterFirst).
    pub dns_policy: Option<Located<String>>,
    /// The policy that the kubelet follows: `ClusterFirst`, `ClusterFirstWithHostNet`, `Default` or `None`.
    pub effective_policy: String,
    /// The manifest sets `hostNetwork: true` with ClusterFirst (written or by default), which silently means Default.
    pub cluster_first_without_effect: bool,
    /// The pod names Services or cluster names that only the cluster DNS can answer.
    pub cluster_names: Vec<Located<NameView>>,
    /// Names outside the cluster that the environment, command and arguments mention.
    pub external_names: Vec<Located<NameView>>,
    /// `dnsConfig`, where there is one.
    pub dns_config: Option<Located<DnsConfigView>>,
    /// What the API server refuses.
    pub refusals: Vec<Located<RefusalView>>,
    /// `None` without a nameserver: the API server refuses it.
    pub none_without_nameserver: bool,
    /// `ndots` as the pod will have it, unless the node decides.
    pub ndots: Option<i64>,
    /// Search domains that the pod walks before it asks an external name as such: the cluster's, those of the nodes'
    /// resolver file where all nodes agree, and those of `dnsConfig`, after the kubelet's limits.
    pub search_domains: i64,
    /// Questions that one look-up of an external name with fewer dots than `ndots` costs: A and AAAA for every candidate.
    pub queries_per_external_lookup: i64,
    /// Every name that the pod mentions is external or fully qualified, and `ndots` makes each of them walk the search list.
    pub needless_ndots: bool,
    /// The C library of the containers, where the image names tell.
    pub libc: Libc,
    /// The image that tells it.
    pub libc_image: Option<Located<String>>,
    /// Options of `dnsConfig` that this C library ignores.
    pub ignored_options: Vec<Located<String>>,
    /// The pod sets `single-request` or `single-request-reopen`, in `dnsConfig` or by an effective edit of its file.
    pub single_request: bool,
    /// `use-vc` without anything that bounds its wait.
    pub use_vc: Option<Located<String>>,
    /// Why the A/AAAA conntrack race can strike this pod; absent where it cannot, or where nothing tells.
    pub conntrack_race: Option<RaceView>,
    /// Changes to its own /etc/resolv.conf.
    pub resolv_conf_edits: Vec<Located<EditView>>,
    /// `dnsConfig.nameservers` that point at nothing in this cluster.
    pub stale_nameservers: Vec<Located<StaleNameserver>>,
    /// Entries that the kubelet cuts after merging: nameservers behind the third.
    pub dropped_nameservers: Vec<Located<DroppedView>>,
    /// Search domains that the kubelet cuts after merging.
    pub dropped_searches: Vec<Located<DroppedView>>,
    /// Options of `dnsConfig` that do not do what they say, whatever the C library.
    pub odd_options: Vec<Located<OddOption>>,
    /// Names that end in another cluster domain than the cluster's.
    pub foreign_domain_names: Vec<Located<ForeignName>>,
}

impl View for PodView {
    const KIND: &'static str = "pod";
    const DOC: &'static str = "The pods of one workload (or a bare Pod), as far as name resolution is concerned.";
}

/// A name that the pod's specification mentions.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NameView {
    /// The name as written.
    pub name: String,
    /// Where: `env DATABASE_HOST`, `args`, `command`.
    pub within: String,
    /// Dots in it.
    pub dots: i64,
    /// It ends with a dot, so that no search list applies.
    pub fully_qualified: bool,
}

/// `dnsConfig`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DnsConfigView {
    /// `nameservers`.
    pub nameservers: Vec<Located<String>>,
    /// `searches`.
    pub searches: Vec<Located<String>>,
    /// `options`, as `name` or `name:value`.
    pub options: Vec<Located<String>>,
}

/// A field that the API server refuses.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RefusalView {
    /// The reason, as a clause.
    pub reason: String,
}

/// Why A and AAAA questions from one socket can be lost (resolv.conf option `single-request-reopen`).
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RaceView {
    /// The Service address behind which kube-proxy translates.
    pub nameserver: Located<String>,
    /// kube-proxy's mode: `iptables`, `ipvs`, `nftables` or `unknown`.
    pub proxy_mode: String,
    /// A node whose kernel is older than 5.6, which still drops one of the two; empty where no Node object tells.
    pub old_kernel: Option<Located<String>>,
    /// The mode and the library are known, so that the finding is more than advice.
    pub certain: bool,
}

/// A change to /etc/resolv.conf by the pod itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EditView {
    /// `postStart`, `command` or `mount`.
    pub kind: String,
    /// The container.
    pub container: String,
    /// The command line, or the source of the mount: `configMap/name`, a path of the node, `volume name`.
    pub text: String,
    /// Why the command leaves the file as it is, as a clause; absent where it works.
    pub flaw: Option<String>,
    /// What is mounted: `configMap`, `hostPath` or `volume`; empty for a command.
    pub source: String,
    /// The kubelet's file is replaced, not extended.
    pub replaces: bool,
    /// Nameservers in the mounted ConfigMap that are not the cluster DNS, where the snapshot has the map.
    pub other_nameservers: Vec<Located<OtherNameserver>>,
}

/// A nameserver in a file that is mounted over /etc/resolv.conf.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OtherNameserver {
    /// The address.
    pub address: String,
    /// The address of the cluster DNS, where the snapshot has its Service.
    pub cluster_dns: Option<String>,
}

/// An entry of `dnsConfig` that does not reach the pod.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DroppedView {
    /// The entry.
    pub entry: String,
    /// The limit that cuts it, as a clause.
    pub reason: String,
}

/// An option of `dnsConfig` that does not do what it says.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OddOption {
    /// The option, `name` or `name:value`.
    pub option: String,
    /// What happens, as a clause.
    pub reason: String,
    /// The form that works, as it stands in a manifest.
    pub instead: String,
}

/// A nameserver of `dnsConfig` that nothing in the cluster answers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct StaleNameserver {
    /// The address.
    pub address: String,
    /// Why it is stale, as a clause.
    pub reason: String,
}

/// A name with a foreign cluster domain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ForeignName {
    /// The name as written.
    pub name: String,
    /// The domain that this cluster has.
    pub domain: String,
    /// The same name with this cluster's domain; absent where that is not just another ending.
    pub name_here: Option<String>,
}
