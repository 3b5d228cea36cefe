//! The `resolv_conf` and `resolved_conf` views: resolver files of nodes and what comes of them in pods.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// A resolver file: the one that the pods of a node inherit, the node's own, or one without a node; or the addresses of a
/// `forward` directive, where they do not belong together.
///
/// Facts about addresses leave out what an earlier cause explains: where k3s generates the file, the rejected candidates
/// are facts of `k3s_fallback` and not loopback addresses of the pods.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ResolvConfView {
    /// Its path: on the node, or in the snapshot where no node is known; of a directive, its words up to the zone.
    pub path: String,
    /// The snapshot shows a kubelet that hands this file to pods (CoreDNS included).
    pub used_by_pods: bool,
    /// The snapshot shows how the kubelet of the node is configured; without that, only loopback addresses that no
    /// default configuration can use are judged.
    pub kubelet_known: bool,
    /// The node itself resolves with it: it is `/etc/resolv.conf`, behind any link.
    pub used_by_host: bool,
    /// The settings that name it; empty where it is the default.
    pub used_by: Vec<Located<String>>,
    /// Release of the kubelet, or the one that is assumed.
    pub kubelet_version: String,
    /// The snapshot tells the release.
    pub version_known: bool,
    /// The program that writes the file, e.g. `NetworkManager`.
    pub owner: Option<Located<String>>,
    /// Where that program takes servers and search domains from, in words.
    pub owner_setting: Option<String>,
    /// Entries that this program does not write and will overwrite.
    pub foreign_entries: Vec<Located<ForeignEntry>>,
    /// The file is needed and is not there.
    pub missing: Option<Located<MissingFile>>,
    /// Pods inherit a file without a usable nameserver.
    pub empty: Option<Located<EmptyFile>>,
    /// k3s or RKE2 found no usable file and generates one with public resolvers.
    pub k3s_fallback: Option<Located<K3sFallback>>,
    /// The kubelet's file lies where a reboot or a cleaner removes it.
    pub volatile: Option<Located<VolatilePath>>,
    /// Nameservers that pods inherit, as the kubelet reads them, the dropped ones included.
    pub nameservers: Vec<Located<String>>,
    /// Nameservers that pods inherit and that are loopback addresses.
    pub loopback: Vec<Located<String>>,
    /// The file has other nameservers beside the loopback ones.
    pub loopback_beside_others: bool,
    /// Nameservers behind the third, which the kubelet and every C library drop.
    pub dropped_nameservers: Vec<Located<String>>,
    /// Nameservers in one list that answer from different views of the DNS.
    pub mixed: Option<Located<MixedNameservers>>,
    /// Search domains that the kubelet hands to pods, the root and the cluster's own left out.
    pub searches: Vec<Located<SearchDomainView>>,
    /// Search domains that the kubelet cuts off after it has put the cluster's three before them.
    pub dropped_searches: Vec<Located<DroppedSearch>>,
    /// `search .`, where some reader of the release breaks on it.
    pub root_search: Option<Located<RootSearchView>>,
    /// Mistakes in the text for which there is no list of their own below.
    pub problems: Vec<Located<TextProblem>>,
    /// The first line with a Windows line end.
    pub crlf: Option<Located<String>>,
    /// `attempts:0` or `timeout:0`.
    pub zero_options: Vec<Located<TextProblem>>,
    /// `search` and `domain` lines that make an earlier one void, where a domain is lost.
    pub replaced_searches: Vec<Located<TextProblem>>,
    /// Search domains that are no domain names.
    pub malformed_domains: Vec<Located<TextProblem>>,
    /// Lines that musl drops whole.
    pub long_lines: Vec<Located<TextProblem>>,
    /// IPv6 nameservers with a zone, in the list that pods inherit or for which k3s rejects the file.
    pub scoped_nameservers: Vec<Located<String>>,
    /// Tailscale's MagicDNS address, in the list that pods inherit.
    pub magic_dns: Vec<Located<String>>,
    /// The bridge address of a container engine, in the list that pods inherit.
    pub container_bridges: Vec<Located<String>>,
    /// Nameservers of the node itself that are addresses of the cluster, here or in resolved.conf.
    pub cluster_dependencies: Vec<Located<ClusterDependency>>,
    /// Nameservers in the address range of pods or Services.
    pub inside_cidrs: Vec<Located<InsideCidr>>,
    /// An address of the node, or the range of Services, in the address range of pods.
    pub network_overlap: Option<Located<NetworkOverlap>>,
    /// Other resolver files of the node whose nameservers pods can reach.
    pub upstream_files: Vec<Located<UpstreamFile>>,
    /// Nameservers that are the DNS Service, where the node cache stands beside them and answers the same.
    pub redundant_nameservers: Vec<Located<String>>,
    /// Where a resolver file for pods alone belongs: `/etc/kubernetes/resolv.conf`, or below `/etc/rancher`.
    pub own_path: Option<String>,
    /// A file for pods alone that could be written: with the servers that pods can use.
    pub own_file: Option<OwnFile>,
}

impl View for ResolvConfView {
    const KIND: &'static str = "resolv_conf";
    const DOC: &'static str =
        "A resolver file: the one that the pods of a node inherit, the node's own, or one without a node.";
}

/// An entry that the program which writes the file does not know.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ForeignEntry {
    /// The line.
    pub text: String,
    /// The program, located at what tells it.
    pub owner: Located<String>,
}

/// A resolver file that is not there.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingFile {
    /// The path that is asked for.
    pub path: String,
    /// The path that is missing at the end of the links.
    pub target: String,
    /// `path` is a link to nowhere.
    pub dangling: bool,
}

/// A resolver file without a usable nameserver.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EmptyFile {
    /// A `nameserver` line without an address: the kubelet refuses the file and starts no pod.
    pub refused: bool,
    /// The file has `nameserver` lines, none with an address.
    pub has_lines: bool,
    /// The snapshot has the Corefile of the cluster DNS, and nothing in it reads a resolver file.
    pub unread_by_dns: bool,
    /// k3s or RKE2 refuses the file and generates one with public resolvers.
    pub replaced_by: Option<String>,
}

/// The resolver file that k3s or RKE2 generates.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct K3sFallback {
    /// `k3s` or `rke2`.
    pub distribution: String,
    /// The nameservers that it writes.
    pub nameservers: Vec<String>,
    /// The candidates that were rejected, in the order tried.
    pub rejected: Vec<Located<RejectedFile>>,
    /// The unit or configuration file that lacks `resolv-conf`.
    pub home: Option<Located<String>>,
}

/// A candidate that k3s does not take.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RejectedFile {
    /// Its path.
    pub path: String,
    /// Why, as a clause about the file.
    pub reason: String,
    /// The text that gives the reason; empty where the file is not there.
    pub text: String,
}

/// A path that does not last.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct VolatilePath {
    /// The path.
    pub path: String,
    /// The directory that is emptied.
    pub directory: String,
}

/// Nameservers with different views.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MixedNameservers {
    /// `cluster-and-outside`, `private-and-public` or `private-networks`.
    pub kind: String,
    /// The odd ones: the smaller group, and of two equal ones the later.
    pub odd: Vec<Located<String>>,
    /// The others.
    pub others: Vec<Located<String>>,
    /// What the odd ones are, in words: `the cluster DNS`, `public`, `in another private network`.
    pub odd_is: String,
    /// What the others are.
    pub others_are: String,
    /// How a CoreDNS that reads the list asks its servers, where it does not keep their order: `in random order`, `in turn`.
    pub order: Option<String>,
}

/// A search domain.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SearchDomainView {
    /// The domain.
    pub domain: String,
    /// `wildcard` (a service that answers every name below it), `tailnet`, `public-suffix`, `public` (registered below a
    /// public top-level domain) or `internal`.
    pub class: String,
}

/// A search domain that is cut off.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DroppedSearch {
    /// The domain.
    pub domain: String,
    /// The limit, in words.
    pub limit: String,
}

/// `search .`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RootSearchView {
    /// What the kubelet of this release makes of it: `verbatim`, `empty-entry`, `kept` or `dropped`.
    pub reading: String,
    /// A pod of the snapshot runs an image with musl.
    pub musl_image: Option<Located<String>>,
}

/// A mistake in the text of a file.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TextProblem {
    /// The mistake, in kebab case, e.g. `port-in-nameserver`.
    pub kind: String,
    /// What is wrong and who misreads it, as a sentence without its dot.
    pub message: String,
    /// Something that the author wrote is lost or changed.
    pub harmful: bool,
    /// What was probably meant.
    pub suggestion: Option<String>,
    /// The other line that belongs to it.
    pub related: Option<Located<String>>,
}

/// A nameserver of the node that the cluster itself serves.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClusterDependency {
    /// The address.
    pub address: String,
    /// `service` or `node-cache`.
    pub kind: String,
    /// The file: `/etc/resolv.conf` or `/etc/systemd/resolved.conf`.
    pub file: String,
    /// The node has another nameserver beside it.
    pub has_other: bool,
}

/// A nameserver inside a range of the cluster.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct InsideCidr {
    /// The address.
    pub address: String,
    /// The range, located where it is set.
    pub cidr: Located<String>,
    /// `pod` or `Service`.
    pub kind: String,
    /// Nothing sets the range: it is the distribution's default.
    pub default_cidr: bool,
}

/// A node, or Services, inside the range of the pods.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NetworkOverlap {
    /// The node's address.
    pub address: Option<Located<String>>,
    /// The range of Services; absent where it is a node that lies in the range of the pods.
    pub services: Option<Located<String>>,
    /// The range.
    pub cidr: Located<String>,
    /// Nothing sets the range: it is the distribution's default.
    pub default_cidr: bool,
    /// Nameservers that lie in the same range.
    pub nameservers: Vec<Located<String>>,
}

/// A resolver file with reachable nameservers.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct UpstreamFile {
    /// Its path on the node.
    pub path: String,
    /// Its nameservers.
    pub nameservers: Vec<String>,
}

/// A resolver file for pods alone, which the node does not have yet.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OwnFile {
    /// Where it belongs: `/etc/rancher/k3s/resolv.conf`, `/etc/rancher/rke2/resolv.conf` or `/etc/kubernetes/resolv.conf`.
    pub path: String,
    /// What it would say.
    pub text: String,
    /// Its `nameserver` lines alone.
    pub nameserver_lines: String,
    /// Where its servers come from, in words.
    pub source: String,
}

/// A resolved.conf or one of its drop-ins.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct ResolvedConfView {
    /// Its path: on the node, or in the snapshot where no node is known.
    pub path: String,
    /// What systemd-resolved ignores or reads otherwise than it looks.
    pub problems: Vec<Located<TextProblem>>,
}

impl View for ResolvedConfView {
    const KIND: &'static str = "resolved_conf";
    const DOC: &'static str = "A resolved.conf(5) or one of its drop-ins.";
}

/// A configuration file of dnsmasq.
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub struct DnsmasqConfView {
    /// Its path: on the node, or in the snapshot where no node is known.
    pub path: String,
    /// What keeps dnsmasq from starting.
    pub problems: Vec<Located<TextProblem>>,
}

impl View for DnsmasqConfView {
    const KIND: &'static str = "dnsmasq_conf";
    const DOC: &'static str = "A configuration file of dnsmasq(8).";
}
