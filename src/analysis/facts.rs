//! Facts about the cluster as a whole that several passes need: addresses, domains, proxy mode, kernels.

use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::model::pod::Container;
use crate::model::service::Service;
use crate::model::string_map::StringMap;
use crate::source::Located;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// How Service addresses are translated on the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProxyMode {
    /// kube-proxy with iptables rules (its default).
    Iptables,
    /// kube-proxy with IPVS: Service addresses are bound to `kube-ipvs0`.
    Ipvs,
    /// kube-proxy with nftables rules.
    Nftables,
    /// No kube-proxy: Cilium translates in eBPF.
    Replaced,
}

impl ProxyMode {
    /// The word that kube-proxy's configuration uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iptables => "iptables",
            Self::Ipvs => "ipvs",
            Self::Nftables => "nftables",
            Self::Replaced => "replaced",
        }
    }

    /// The mode that a word of a configuration names; an empty word is the default.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "iptables" => Some(Self::Iptables),
            "ipvs" => Some(Self::Ipvs),
            "nftables" => Some(Self::Nftables),
            _ => None,
        }
    }
}

/// Facts about the cluster as a whole.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// ClusterIPs of the Services that reach a CoreDNS or kube-dns server.
    pub dns_addresses: Vec<Located<IpAddr>>,
    /// Indexes of those Services.
    pub dns_services: Vec<usize>,
    /// Addresses that a node cache listens on, on every node.
    pub node_cache_addresses: Vec<Located<IpAddr>>,
    /// Cluster domains that some part of the snapshot states, without dots at the ends.
    pub domains: Vec<Located<String>>,
    /// Service address ranges.
    pub service_cidrs: Vec<Located<IpNet>>,
    /// Pod address ranges.
    pub pod_cidrs: Vec<Located<IpNet>>,
    /// The proxy mode, where the snapshot tells.
    pub proxy: Option<Located<ProxyMode>>,
    /// Kernel versions by node, from Node objects.
    pub kernels: Vec<Located<String>>,
}

/// The label that packagings of cluster DNS give their pods and Service; by it the DNS Service is recognised when no workload of the snapshot is behind it.
pub const DNS_LABEL: (&str, &str) = ("k8s-app", "kube-dns");
/// Keys of labels by which packagings tell DNS pods from others; the first that pods have is taken.
const TELLING_LABELS: [&str; 3] = ["k8s-app", "app.kubernetes.io/name", "app"];
/// Names that packaged DNS Services have.
const DNS_SERVICE_NAMES: [&str; 4] = ["kube-dns", "coredns", "rke2-coredns-rke2-coredns", "dns-default"];

impl Facts {
    /// Collects the facts of a cluster.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let mut facts = Self::default();
        facts.collect_services(cluster);
        facts.collect_node_caches(cluster);
        facts.collect_manifests(cluster);
        facts.kernels = node_info(cluster, "kernelVersion").collect();
        facts
    }

    fn collect_services(&mut self, cluster: &Cluster) {
        let by_server: BTreeSet<usize> = cluster
            .dns_servers
            .iter()
            .filter(|s| s.kind != ServerKind::NodeCache)
            .flat_map(|s| s.services.iter().copied())
            .collect();
        for (index, service) in cluster.objects.services.iter().enumerate() {
            let in_front = by_server.contains(&index) || (is_packaged_dns(service) && !service.headless);
            if in_front && service.meta.name.value != "kube-dns-upstream" {
                self.dns_services.push(index);
                self.dns_addresses.extend(service.cluster_ips.iter().filter_map(parse_located));
            }
        }
    }

    fn collect_node_caches(&mut self, cluster: &Cluster) {
        for server in cluster.dns_servers.iter().filter(|s| s.kind == ServerKind::NodeCache) {
            self.node_cache_addresses.extend(node_cache_listeners(cluster, server));
        }
    }

    fn collect_manifests(&mut self, cluster: &Cluster) {
        for config in cluster.embedded_of_kind("ClusterConfiguration") {
            let networking = config.value.get("networking");
            let text = |key: &str| networking.and_then(|n| n.value.text_at(key));
            self.domains.extend(text("dnsDomain").map(clean_domain));
            self.service_cidrs.extend(text("serviceSubnet").iter().flat_map(parse_cidrs));
            self.pod_cidrs.extend(text("podSubnet").iter().flat_map(parse_cidrs));
        }
        for config in cluster.embedded_of_kind("KubeProxyConfiguration") {
            self.pod_cidrs.extend(config.value.text_at("clusterCIDR").iter().flat_map(parse_cidrs));
            let mode = config.value.text_at("mode");
            let place = mode.clone().unwrap_or_else(|| config.with(String::new()));
            let parsed = ProxyMode::parse(&place.value).map(|m| place.with(m));
            self.proxy = self.proxy.take().or(parsed);
        }
        self.pod_cidrs.extend(node_ranges(cluster));
    }

    /// Takes a proxy mode for granted where the snapshot names none.
    pub fn assume_proxy(&mut self, mode: Option<&str>) {
        let assumed = match mode {
            Some("none") => Some(ProxyMode::Replaced),
            Some(mode) => ProxyMode::parse(mode),
            None => None,
        };
        self.proxy = self.proxy.take().or(assumed.map(Located::default_value));
    }

    /// Whether pods' queries to the DNS Service are answered on the node because a cache binds the Service address.
    #[must_use]
    pub fn node_cache_intercepts(&self) -> bool {
        self.node_cache_addresses.iter().any(|cache| self.dns_addresses.iter().any(|dns| dns.value == cache.value))
    }
}

/// The pod ranges that Node objects state. Nodes of one cluster never share addresses (kube-controller-manager's range
/// allocator): where they do, the objects come from several clusters, or from tests, and prove nothing together.
fn node_ranges(cluster: &Cluster) -> Vec<Located<IpNet>> {
    let mut ranges: Vec<Located<IpNet>> = Vec::new();
    for object in cluster.objects.of_kind("Node") {
        let spec = object.value.get("spec");
        ranges.extend(spec.and_then(|s| s.value.text_at("podCIDR")).iter().flat_map(parse_cidrs));
    }
    let mut nets: Vec<IpNet> = ranges.iter().map(|range| range.value).collect();
    // sorted, a range that overlaps another one stands right before one that it holds
    nets.sort_unstable();
    let shared = nets.windows(2).any(|pair| matches!(pair, [a, b] if a.contains(b)));
    if shared { Vec::new() } else { ranges }
}

/// Whether a Service has the name, and where that is an ordinary word the labels, that packagings give cluster DNS.
#[must_use]
pub fn is_packaged_dns(service: &Service) -> bool {
    let name = service.meta.name.value.as_str();
    let is_dns = |labels: &StringMap| labels.get(DNS_LABEL.0).is_some_and(|v| v.value == DNS_LABEL.1);
    let labelled = is_dns(&service.meta.labels) || is_dns(&service.selector);
    DNS_SERVICE_NAMES.contains(&name) && (labelled || name != "coredns")
}

/// The key of the label by which packagings tell DNS pods from others, if these pods have one of that use.
#[must_use]
pub fn telling_label(has: impl Fn(&str) -> bool) -> Option<&'static str> {
    TELLING_LABELS.into_iter().find(|key| has(key))
}

/// The container of a DNS server, where the snapshot has its workload.
#[must_use]
pub fn container<'a>(cluster: &'a Cluster, server: &DnsServer) -> Option<&'a Container> {
    cluster.objects.workloads.get(server.workload?)?.pod.containers.get(server.container?)
}

/// The value of a flag of the Go `flag` package (`-name value`, `-name=value`, one or two dashes); the last one wins.
#[must_use]
pub fn container_flag(cluster: &Cluster, server: &DnsServer, name: &str) -> Option<Located<String>> {
    container_flag_word(cluster, server, name).map(|(value, _)| value)
}

/// The same, and what stands before the value in its word: `-name=`, or nothing where the value is a word of its own.
#[must_use]
pub fn container_flag_word(cluster: &Cluster, server: &DnsServer, name: &str) -> Option<(Located<String>, String)> {
    container(cluster, server)?.flag(name)
}

/// The `-localip` of a node cache that has no `-conf`: it writes its Corefile nowhere, and serves CoreDNS's built-in
/// `whoami` (`updateCorefile` in cmd/node-cache of kubernetes/dns, `defaultLoader` in coremain of CoreDNS).
#[must_use]
pub fn without_conf(cluster: &Cluster, server: &DnsServer) -> Option<Located<String>> {
    let local = container_flag(cluster, server, "localip").filter(|_| server.kind == ServerKind::NodeCache)?;
    container_flag(cluster, server, "conf").is_none().then_some(local)
}

/// The addresses that a node cache creates: `-localip`, where the manifest has its arguments.
#[must_use]
pub fn local_ips(cluster: &Cluster, server: &DnsServer) -> Vec<Located<String>> {
    let Some(value) = container_flag(cluster, server, "localip") else { return Vec::new() };
    value.value.split(',').map(|ip| value.with(ip.trim().to_owned())).filter(|ip| !ip.value.is_empty()).collect()
}

/// The addresses on which a node cache answers: `-localip`, or the `bind` lines where no workload is in the snapshot.
#[must_use]
pub fn node_cache_listeners(cluster: &Cluster, server: &DnsServer) -> Vec<Located<IpAddr>> {
    let flags: Vec<_> = local_ips(cluster, server).iter().filter_map(parse_located).collect();
    if !flags.is_empty() || server.workload.is_some() {
        return flags;
    }
    let mut bound: Vec<Located<IpAddr>> = Vec::new();
    if let Some(config) = &server.config {
        for arg in config.corefile.blocks.iter().flat_map(|b| b.directives_named("bind")).flat_map(|d| &d.args) {
            let place = config.locate(crate::syntax::corefile::Place::of(arg));
            let ip: Option<IpAddr> = arg.text.parse().ok();
            if let Some(ip) = ip.filter(|ip| !ip.is_unspecified() && !bound.iter().any(|b| b.value == *ip)) {
                bound.push(Located::from_origins(ip, place.into_iter().collect()));
            }
        }
    }
    bound
}

/// A located text as an address.
#[must_use]
pub fn parse_located(text: &Located<String>) -> Option<Located<IpAddr>> {
    text.value.trim().parse().ok().map(|ip| text.with(ip))
}

/// A comma-separated list of CIDRs.
#[must_use]
pub fn parse_cidrs(text: &Located<String>) -> Vec<Located<IpNet>> {
    text.value.split(',').filter_map(|part| part.trim().parse().ok().map(|net| text.with(net))).collect()
}

/// A domain without the dots at its ends, in lower case.
#[must_use]
pub fn clean_domain(text: Located<String>) -> Located<String> {
    text.map(|t| t.trim_matches('.').to_ascii_lowercase())
}

/// A field of `status.nodeInfo` of every Node object.
pub fn node_info<'a>(cluster: &'a Cluster, field: &'a str) -> impl Iterator<Item = Located<String>> + 'a {
    cluster.objects.of_kind("Node").iter().filter_map(move |node| node.node_info(field))
}
