//! The `node_cache` view: a NodeLocal DNSCache, what it binds, where it forwards, and what is in its way.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// A node cache (NodeLocal DNSCache): its DaemonSet, its Corefile, and the cluster around it.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct NodeCacheView {
    /// The snapshot has the workload, not only the Corefile.
    pub has_workload: bool,
    /// Addresses that the process creates on every node (`-localip`); without the workload, what the blocks bind.
    pub addresses: Vec<Located<String>>,
    /// Entries of `-localip` with which the process exits.
    pub local_ip_problems: Vec<Located<LocalIpProblemView>>,
    /// Other arguments with which the process ends at its start.
    pub flag_problems: Vec<Located<FlagProblemView>>,
    /// `-localip` of a cache without `-conf`, which does not serve its Corefile.
    pub without_conf: Option<Located<String>>,
    /// Addresses and ports of the Corefile, the arguments and the probe that do not fit each other.
    pub mismatches: Vec<Located<MismatchView>>,
    /// `__PILLAR__…` placeholders that nothing fills in.
    pub placeholders: Vec<Located<PlaceholderView>>,
    /// Upstreams that are the cache itself.
    pub self_forwards: Vec<Located<SelfForwardView>>,
    /// The forward that takes reverse look-ups of Service and pod addresses away from the cluster DNS.
    pub unrouted_reverse: Option<Located<UnroutedReverseView>>,
    /// Forwards of a cluster domain that do not use TCP.
    pub udp_cluster_forwards: Vec<Located<PlainForwardView>>,
    /// Forwards with `force_tcp` to resolvers outside the cluster that are written out as addresses.
    pub tcp_external_forwards: Vec<Located<TcpForwardView>>,
    /// Objects that the cache needs and the snapshot, which has their neighbours, does not define.
    pub missing_objects: Vec<Located<MissingObjectView>>,
    /// Parts of the pod specification with which a node cache cannot do its work.
    pub pod_problems: Vec<Located<PodProblemView>>,
    /// Ports of the node that something else holds.
    pub port_conflicts: Vec<Located<PortConflictView>>,
    /// Addresses of the cache that belong to something else or cannot be reached by pods.
    pub address_problems: Vec<Located<AddressProblemView>>,
    /// `log` directives.
    pub query_logs: Vec<Located<QueryLogView>>,
    /// Service addresses that the cache binds although kube-proxy's IPVS owns them.
    pub ipvs_bindings: Vec<Located<IpvsBindingView>>,
    /// Why only a local redirect policy would bring queries to the cache, where the snapshot has none.
    pub redirect_needed: Option<Located<RedirectNeededView>>,
    /// Forwards of external names that go elsewhere than CoreDNS sends the same names.
    pub upstream_disagreements: Vec<Located<DisagreementView>>,
    /// Settings of kubelets that send pods past the cache.
    pub bypasses: Vec<Located<BypassView>>,
}

impl View for NodeCacheView {
    const KIND: &'static str = "node_cache";
    const DOC: &'static str =
        "A node cache (NodeLocal DNSCache): its DaemonSet, its Corefile, and the cluster around it.";
}

/// An entry of `-localip` that node-cache refuses.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LocalIpProblemView {
    /// The entry as the process sees it, blanks included.
    pub entry: String,
    /// `absent`, `empty`, `blank`, `not-an-address` or `mixed-families`.
    pub kind: String,
    /// What is wrong, as a clause.
    pub reason: String,
    /// What the process logs before it exits.
    pub logged: String,
    /// The list as it should be, where that is plain.
    pub repaired: Option<String>,
    /// What stands before the value in the same word: `-localip=`, or nothing.
    pub lead: String,
}

/// An argument with which node-cache ends at its start.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FlagProblemView {
    /// The flag, with its dash.
    pub flag: String,
    /// What is wrong, as a clause.
    pub reason: String,
    /// What the process writes when it ends.
    pub logged: String,
    /// The value that was meant, where that is plain.
    pub repaired: Option<String>,
    /// What stands before the value in the same word: `-syncinterval=`, or nothing.
    pub lead: String,
}

/// Two settings that do not fit each other.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MismatchView {
    /// `bind`, `unbound`, `partly-bound`, `health`, `probe-host`, `probe-port` or `probe-without-health`.
    pub kind: String,
    /// The value that is wrong.
    pub value: String,
    /// What it does not fit, as a clause.
    pub reason: String,
    /// What follows, as a sentence without full stop.
    pub consequence: String,
    /// The value that would fit, where it is plain.
    pub expected: Option<String>,
    /// The other setting.
    pub other: Option<Located<String>>,
}

/// A placeholder that stays as it is.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlaceholderView {
    /// The placeholder.
    pub name: String,
    /// Where it stands: `Corefile`, `args`, `livenessProbe`, `Service kube-dns`, joined with commas.
    pub within: String,
    /// What belongs there.
    pub meaning: String,
    /// What happens with it, as a clause.
    pub consequence: String,
    /// The other places where it stands.
    pub places: Vec<Located<String>>,
    /// What belongs there in this cluster, where the snapshot tells it.
    pub value: Option<String>,
    /// Nothing belongs there in this cluster: under IPVS the cache leaves the address of the DNS Service to kube-proxy.
    pub nothing: bool,
    /// Every place where it stands.
    pub all_places: Vec<Located<String>>,
}

/// An upstream that is the cache itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SelfForwardView {
    /// Zones whose names go there.
    pub zones: Vec<String>,
    /// The upstream as written.
    pub upstream: String,
    /// The address behind it.
    pub address: String,
    /// Why the query comes back, as a clause.
    pub reason: String,
    /// Where the cache takes the address: an entry of `-localip`, a `bind` line, a redirect policy.
    pub own: Located<String>,
    /// The Service whose address it is, where the snapshot has it.
    pub service: Option<Located<String>>,
    /// The block has the `loop` plugin, which stops the process.
    pub has_loop_plugin: bool,
    /// The same upstream in other blocks: the zone there.
    pub others: Vec<Located<String>>,
    /// What leads to the DNS pods past the cache: the upstream Service, as address or placeholder.
    pub instead: Option<String>,
    /// Every place of the upstream.
    pub places: Vec<Located<String>>,
}

/// Reverse zones that do not reach the cluster DNS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UnroutedReverseView {
    /// The zones, without the dot at the end.
    pub zones: Vec<String>,
    /// Where their names go.
    pub upstreams: Vec<Located<String>>,
    /// The forward of the cluster domain: where they should go, too.
    pub cluster: Option<Located<String>>,
}

/// A forward of a cluster domain without `force_tcp`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PlainForwardView {
    /// Zone of the forward.
    pub zone: String,
    /// Where it sends queries.
    pub upstreams: Vec<String>,
}

/// A forward over TCP to external resolvers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TcpForwardView {
    /// Zone of the forward.
    pub zone: String,
    /// The external resolvers.
    pub upstreams: Vec<Located<String>>,
    /// The `force_tcp` line.
    pub force_tcp: Located<String>,
}

/// An object that is not defined.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingObjectView {
    /// `ServiceAccount`, `Service`, `ConfigMap`, or `pods` for a Service that selects none.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// What follows, as a clause.
    pub consequence: String,
    /// The snapshot shows so much of the namespace that the object cannot just be left out of it.
    pub certain: bool,
    /// What refers to it or stands in for it.
    pub related: Vec<Located<String>>,
}

/// A part of the pod specification.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PodProblemView {
    /// `host-network`, `dns-policy`, `capability`, `tolerations`, `service-links` or `liveness`.
    pub kind: String,
    /// What is wrong, as a clause.
    pub reason: String,
    /// What follows, as a clause.
    pub consequence: String,
    /// The setting that belongs there.
    pub setting: String,
    /// What makes it necessary.
    pub related: Vec<Located<String>>,
}

/// A port of the node that something else holds.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct PortConflictView {
    /// Port number.
    pub port: i64,
    /// Address on which the cache wants it; `0.0.0.0` for all.
    pub address: String,
    /// What the cache needs it for: `DNS`, `health`, `metrics` (of CoreDNS), `its own metrics` (whose failure is only logged).
    pub purpose: String,
    /// Who holds it: `dnsmasq on node a`, `container healthcheck of Pod/kube-system/kube-apiserver`.
    pub holder: String,
    /// `resolver` for a program of the node, `hostNetwork` or `hostPort` for a pod.
    pub via: String,
    /// The cache's own setting.
    pub own: Located<String>,
    /// Where the digits of the port of `health` are written: the settings of the cache, and the probes that ask there.
    pub port_places: Vec<Located<String>>,
    /// The interface that the cache makes for its addresses, where the other program is a dnsmasq with a configuration file,
    /// whose `except-interface` can name it.
    pub except_interface: Option<String>,
    /// The other one's setting.
    pub other: Located<String>,
}

/// An address that the cache cannot have.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct AddressProblemView {
    /// The address.
    pub address: String,
    /// Why not, as a clause.
    pub reason: String,
    /// The setting with which it collides.
    pub other: Option<Located<String>>,
}

/// A `log` directive.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct QueryLogView {
    /// Zone of its block.
    pub zone: String,
}

/// A Service address that is bound under IPVS.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct IpvsBindingView {
    /// The address.
    pub address: String,
    /// The Service.
    pub service: Option<Located<String>>,
    /// kube-proxy's setting.
    pub mode: Located<String>,
    /// The addresses that remain without it, joined with commas.
    pub rest: String,
    /// Every place that takes the address: `-localip` and the `bind` lines.
    pub places: Vec<Located<String>>,
}

/// Service translation in eBPF that passes the cache.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RedirectNeededView {
    /// What replaces kube-proxy: the setting.
    pub replacement: Located<String>,
    /// The node cache is switched on in the values of the RKE2 chart, which has a setting for the policy.
    pub by_chart: bool,
    /// Lines that switch the policy on in the values of both charts; each stands at the line that it belongs behind.
    pub lines: Vec<Located<String>>,
}

/// External names that take two ways.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DisagreementView {
    /// Upstreams of the cache.
    pub upstreams: Vec<String>,
    /// Upstreams of CoreDNS.
    pub coredns: Vec<String>,
    /// CoreDNS' forward, where that goes elsewhere.
    pub other: Option<Located<String>>,
    /// Names and zones for which CoreDNS has something of its own that the cache does not let them reach.
    pub names: Vec<Located<String>>,
}

/// A kubelet that sends pods past the cache.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct BypassView {
    /// The nodes with this setting.
    pub nodes: Vec<String>,
    /// The address that pods get.
    pub address: String,
    /// The address of the cache.
    pub cache: Located<String>,
    /// Why the cache does not see queries to `address`, as a clause.
    pub reason: String,
    /// What makes it so.
    pub because: Option<Located<String>>,
}
