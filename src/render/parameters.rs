//! Parameters of a rendering: from flags, else from the snapshot, else from the distribution.

use super::chosen::Chosen;
use super::distribution::Distribution;
use super::request::{Request, Resolver, is_domain};
use super::stubs::{self, StubZone};
use crate::analysis::collect::Assumptions;
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::facts::{Facts, ProxyMode, parse_cidrs, parse_located};
use crate::analysis::node_cache::proxy::replacement;
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::servers::entrances;
use crate::analysis::servers::graph::Routes;
use crate::analysis::servers::read::Upstream;
use crate::analysis::servers::served::served_domains;
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::model::manifests::Generic;
use crate::model::object::Meta;
use crate::model::service::{Service, ServicePort};
use crate::source::{Located, Location, Snapshot};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The resolver file that a container finds in its own file system.
pub const OWN_FILE: &str = "/etc/resolv.conf";
/// The image that is taken where the snapshot has none; its arguments and plugins are those that dnslint knows.
const IMAGE: &str = "registry.k8s.io/dns/k8s-dns-node-cache:1.26.7";

/// The redirect policy that is rendered.
pub const REDIRECT: &str = "CiliumLocalRedirectPolicy/kube-system/node-local-dns";

/// How queries of pods reach the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The cache also answers on the address of the DNS Service: pods keep what they have (iptables).
    Intercept,
    /// Pods must be sent to the cache's own address (IPVS, nftables).
    LocalOnly,
    /// Cilium redirects the Service to the cache's pod on each node.
    Redirect,
}

/// The DNS Service of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsService {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What it selects.
    pub selector: BTreeMap<String, String>,
    /// The port of the CoreDNS pods: a number or a name.
    pub target_port: String,
    /// Names of its port 53 over UDP and TCP. Cilium's redirect joins a port of the Service with that of a pod by name
    /// (`processConfigWithNamedPorts` in `pkg/redirectpolicy/manager.go`).
    pub port_names: [String; 2],
}

/// A CiliumLocalRedirectPolicy that is not the one that is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherRedirect {
    /// The object.
    pub name: String,
    /// Where it is named.
    pub location: Location,
    /// It sends queries to the pods that are rendered.
    pub to_cache: bool,
}

/// A node cache that the snapshot has.
#[derive(Clone, Debug)]
pub struct OldCache {
    /// Its workload.
    pub meta: Meta,
    /// How queries reach it.
    pub mode: Mode,
}

/// Everything that the templates need.
#[derive(Clone, Debug)]
pub struct Parameters {
    /// Cluster domain without dots at its ends.
    pub cluster_domain: Chosen<String>,
    /// The DNS Service.
    pub dns_service: Chosen<DnsService>,
    /// Its ClusterIPs.
    pub cluster_dns: Chosen<Vec<IpAddr>>,
    /// kube-proxy's mode.
    pub proxy: Chosen<ProxyMode>,
    /// What follows from it.
    pub mode: Mode,
    /// Addresses that the cache makes for itself.
    pub local_ips: Chosen<Vec<IpAddr>>,
    /// Where names outside the cluster go: addresses, or one resolver file.
    pub upstreams: Chosen<Vec<String>>,
    /// Zones that CoreDNS sends elsewhere.
    pub stub_zones: Vec<Chosen<StubZone>>,
    /// Image of the cache.
    pub image: Chosen<String>,
    /// Port of the health check.
    pub health_port: Chosen<u16>,
    /// Port of the metrics.
    pub metrics_port: Chosen<u16>,
    /// A redirect policy of another name that has the DNS Service, in whatever mode.
    pub redirect: Option<OtherRedirect>,
    /// Entries of the cache for the cluster's names.
    pub cache_entries: Chosen<u32>,
    /// The nodes as they are.
    pub nodes: Vec<NodeDns>,
    /// Node caches of the snapshot.
    pub caches: Vec<OldCache>,
    /// Addresses that these answer on.
    pub cache_addresses: Vec<IpAddr>,
    /// True sentences about what the rendering does not carry over.
    pub notes: Vec<String>,
}

impl Parameters {
    /// Takes the parameters together.
    #[must_use]
    pub fn of(request: &Request, snapshot: &Snapshot, cluster: &Cluster, assume: &Assumptions) -> Self {
        let mut facts = Facts::of(cluster);
        facts.assume_proxy(assume.proxy_mode.as_deref());
        let nodes = node_dns::all(snapshot, cluster, assume.kubernetes.as_deref());
        let sites = node_dns::sites(snapshot, cluster, &nodes);
        let routes = Routes::of(cluster, &facts, sites);
        let served = served_domains(cluster);
        let cluster_domain = cluster_domain(request, &facts, &nodes, &served);
        let cluster_dns = cluster_dns(request, &facts, &nodes);
        let proxy = proxy(request, cluster, &facts);
        let mode = match proxy.value {
            // its role binds the cache's own address alone and has every kubelet name it, whatever translates Services
            _ if request.distribution == Distribution::Kubespray => Mode::LocalOnly,
            ProxyMode::Iptables => Mode::Intercept,
            ProxyMode::Ipvs | ProxyMode::Nftables => Mode::LocalOnly,
            ProxyMode::Replaced => Mode::Redirect,
        };
        let (stub_zones, notes) = stubs::of(&routes.graph, &cluster_domain.value, &cluster_dns.value, &served);
        let role = request.takes_settings_alone() && request.distribution == Distribution::Kubespray;
        let (health, whose) = if role { (9254, "kubespray") } else { (super::HEALTH_PORT, "the Kubernetes add-on") };
        Self {
            dns_service: dns_service(request.distribution, cluster, &facts),
            local_ips: local_ips(request, &facts, &cluster_dns.value),
            upstreams: upstreams(request, &routes),
            image: image(request, cluster),
            health_port: port(request.health_port, "--health-port", health, whose),
            metrics_port: port(request.metrics_port, "--metrics-port", super::METRICS_PORT, whose),
            cache_entries: match request.cache_entries {
                Some(entries) => Chosen::flag(entries, "--cache-entries"),
                None => Chosen::default_of(9984, "the Kubernetes add-on"),
            },
            proxy,
            cluster_domain,
            redirect: other_redirect(cluster, &cluster_dns.value),
            caches: caches(cluster, &facts, &cluster_dns.value),
            cache_addresses: facts.node_cache_addresses.iter().map(|ip| ip.value).collect(),
            cluster_dns,
            mode,
            stub_zones,
            nodes,
            notes,
        }
    }

    /// ClusterIPs of the family that the cache serves: one process serves IPv4 or IPv6 (`parseFlags` in
    /// `cmd/node-cache/main.go`).
    #[must_use]
    pub fn served_dns(&self) -> Vec<IpAddr> {
        let v4 = self.local_ips.value.first().is_none_or(IpAddr::is_ipv4);
        self.cluster_dns.value.iter().copied().filter(|ip| ip.is_ipv4() == v4).collect()
    }

    /// Whether an address is one of a node cache, by the snapshot or by the distributions' defaults, on which the rendered
    /// one does not answer.
    fn goes_away(&self, ip: IpAddr) -> bool {
        let defaults =
            [Distribution::K3s.local_ip(), Distribution::Kubespray.local_ip(), Distribution::K3s.local_ip6()];
        let of_caches = self.cache_addresses.contains(&ip) || defaults.contains(&ip);
        of_caches && !self.cluster_dns.value.contains(&ip) && !self.answers_on().contains(&ip)
    }

    /// The address that goes away and that the kubelet of a node names.
    #[must_use]
    pub fn leaving<'n>(&self, node: &'n NodeDns) -> Option<&'n Located<String>> {
        let goes_away = |ip: &&Located<String>| ip.value.parse().is_ok_and(|ip| self.goes_away(ip));
        node.kubelet.cluster_dns.iter().find(goes_away)
    }

    /// Addresses on which pods reach the cache.
    #[must_use]
    pub fn answers_on(&self) -> Vec<IpAddr> {
        match self.mode {
            Mode::Intercept => self.local_ips.value.iter().copied().chain(self.served_dns()).collect(),
            Mode::LocalOnly => self.local_ips.value.clone(),
            Mode::Redirect => self.cluster_dns.value.clone(),
        }
    }
}

/// What kubelets, k3s or kubeadm say; else what CoreDNS serves.
fn cluster_domain(request: &Request, facts: &Facts, nodes: &[NodeDns], served: &[Located<String>]) -> Chosen<String> {
    if let Some(domain) = &request.cluster_domain {
        return Chosen::flag(domain.trim_matches('.').to_ascii_lowercase(), "--cluster-domain");
    }
    let of_k3s = nodes.iter().filter_map(|n| n.k3s.as_ref()).map(|k3s| &k3s.cluster_domain);
    let of_kubelets = nodes.iter().map(|n| &n.kubelet.cluster_domain);
    let written = of_k3s
        .chain(of_kubelets)
        .chain(&facts.domains)
        .chain(served)
        .find(|d| !d.origins.is_empty() && is_domain(&d.value));
    match written {
        Some(domain) => Chosen::located(domain.with(domain.value.trim_matches('.').to_owned()), "the cluster"),
        None => Chosen::default_of(CLUSTER_DOMAIN.to_owned(), request.distribution.name()),
    }
}

/// The Services' own addresses; what kubelets or k3s are told; the usual place in the service range; the default.
fn cluster_dns(request: &Request, facts: &Facts, nodes: &[NodeDns]) -> Chosen<Vec<IpAddr>> {
    if !request.cluster_dns.is_empty() {
        return Chosen::flag(request.cluster_dns.clone(), "--cluster-dns");
    }
    if let Some(first) = facts.dns_addresses.first() {
        return Chosen::shown(
            distinct(facts.dns_addresses.iter().map(|ip| ip.value)),
            first.location(),
            "the DNS Service",
        );
    }
    let is_service =
        |ip: &Located<IpAddr>| !facts.node_cache_addresses.iter().any(|own| own.value == ip.value) && !is_own(ip.value);
    let of_k3s = nodes.iter().filter_map(|n| n.k3s.as_ref()).map(|k3s| &k3s.cluster_dns);
    let of_kubelets = nodes.iter().map(|n| &n.kubelet.cluster_dns);
    let told = of_k3s
        .chain(of_kubelets)
        .map(|list| list.iter().filter_map(parse_located).filter(is_service).collect::<Vec<_>>());
    if let Some(list) = told.into_iter().find(|list| !list.is_empty()) {
        let at = list.iter().find_map(Located::location);
        return Chosen::shown(distinct(list.iter().map(|ip| ip.value)), at, "the nodes");
    }
    let ranges = nodes.iter().filter_map(|n| n.k3s.as_ref()).flat_map(|k3s| &k3s.service_cidr).flat_map(parse_cidrs);
    let ranges: Vec<Located<IpNet>> = ranges.chain(facts.service_cidrs.iter().cloned()).collect();
    let ordinal = request.distribution.dns_ordinal();
    match ranges.first() {
        Some(first) => {
            let list = distinct(ranges.iter().filter_map(|range| nth(&range.value, ordinal)));
            Chosen::shown(list, first.location(), format!("address {ordinal} of the service range"))
        }
        None => Chosen::default_of(vec![request.distribution.dns_address()], request.distribution.name()),
    }
}

/// Addresses that only a node cache has: link-local ones.
const fn is_own(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.is_link_local())
}

/// At most one address of each family, in order: a Service has no more.
fn distinct(addresses: impl Iterator<Item = IpAddr>) -> Vec<IpAddr> {
    let mut list: Vec<IpAddr> = Vec::new();
    for ip in addresses {
        if !list.iter().any(|known| known.is_ipv4() == ip.is_ipv4()) {
            list.push(ip);
        }
    }
    list
}

/// The address with a number in a range.
fn nth(range: &IpNet, ordinal: u8) -> Option<IpAddr> {
    let address = match range.network() {
        IpAddr::V4(ip) => IpAddr::V4(u32::from(ip).checked_add(u32::from(ordinal))?.into()),
        IpAddr::V6(ip) => IpAddr::V6(u128::from(ip).checked_add(u128::from(ordinal))?.into()),
    };
    range.contains(&address).then_some(address)
}

fn proxy(request: &Request, cluster: &Cluster, facts: &Facts) -> Chosen<ProxyMode> {
    if let Some(mode) = request.proxy {
        return Chosen::flag(mode, "--proxy-mode");
    }
    if let Some(setting) = replacement(cluster, facts) {
        return Chosen::located(setting.with(ProxyMode::Replaced), "Cilium");
    }
    match &facts.proxy {
        Some(mode) => Chosen::located(mode.clone(), "kube-proxy"),
        None if request.distribution.proxy_is_ipvs() => {
            Chosen::default_of(ProxyMode::Ipvs, request.distribution.name())
        }
        None => Chosen::default_of(ProxyMode::Iptables, request.distribution.name()),
    }
}

fn local_ips(request: &Request, facts: &Facts, cluster_dns: &[IpAddr]) -> Chosen<Vec<IpAddr>> {
    if !request.local_ips.is_empty() {
        return Chosen::flag(request.local_ips.clone(), "--local-ip");
    }
    let own: Vec<_> = facts
        .node_cache_addresses
        .iter()
        .filter(|ip| !cluster_dns.contains(&ip.value) && !ip.value.is_unspecified())
        .collect();
    if let Some(first) = own.first().copied() {
        let own = own.iter().filter(|ip| ip.value.is_ipv4() == first.value.is_ipv4());
        return Chosen::shown(distinct(own.map(|ip| ip.value)), first.location(), "the node cache of the snapshot");
    }
    let default =
        |ip: &IpAddr| if ip.is_ipv4() { request.distribution.local_ip() } else { request.distribution.local_ip6() };
    let whose = if request.distribution == Distribution::Kubespray { "kubespray" } else { "the Kubernetes add-on" };
    // pods ask the first address of the Service first, so the cache is of its family; RKE2's chart knows IPv4 alone
    let rke2 = request.distribution == Distribution::Rke2 && request.resolver == Resolver::NodeCache;
    let served = cluster_dns.iter().find(|ip| ip.is_ipv4() && rke2).or_else(|| cluster_dns.first());
    Chosen::default_of(served.map(default).into_iter().collect(), whose)
}

/// The Service in front of CoreDNS, as it is or as the distribution installs it.
fn dns_service(distribution: Distribution, cluster: &Cluster, facts: &Facts) -> Chosen<DnsService> {
    let found = facts.dns_services.iter().filter_map(|index| cluster.objects.services.get(*index));
    match found.into_iter().find(|service| !service.selector.is_empty()) {
        Some(service) => Chosen::shown(
            DnsService {
                namespace: service.meta.namespace.value.clone(),
                name: service.meta.name.value.clone(),
                selector: service.selector.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect(),
                target_port: target_port(service),
                port_names: [port_name(service, "UDP", "dns"), port_name(service, "TCP", "dns-tcp")],
            },
            service.meta.name.location(),
            "the DNS Service",
        ),
        None => Chosen::default_of(
            DnsService {
                namespace: "kube-system".to_owned(),
                name: distribution.dns_service().to_owned(),
                selector: distribution.dns_selector(),
                target_port: "53".to_owned(),
                port_names: ["dns".to_owned(), "dns-tcp".to_owned()],
            },
            distribution.name(),
        ),
    }
}

/// Port 53 of a Service.
fn dns_port<'s>(service: &'s Service, protocol: &str) -> Option<&'s ServicePort> {
    let mut ports = service.ports.iter().map(|port| &port.value);
    ports.find(|p| p.protocol.value == protocol && p.port.as_ref().is_some_and(|n| n.value == 53))
}

/// The name of port 53, which must do for a port of a container, too: those have 15 characters at most, a letter and
/// no `--` (`IsValidPortName` in `k8s.io/apimachinery/pkg/util/validation`).
fn port_name(service: &Service, protocol: &str, usual: &str) -> String {
    let named = dns_port(service, protocol).and_then(|port| port.name.as_ref()).map(|name| name.value.as_str());
    let fits = |name: &&str| name.len() <= 15 && name.bytes().any(|b| b.is_ascii_lowercase()) && !name.contains("--");
    named.filter(fits).unwrap_or(usual).to_owned()
}

/// The port of the pods behind port 53 over TCP, which is how the cache asks.
fn target_port(service: &Service) -> String {
    let of = |protocol: &str| dns_port(service, protocol)?.target_port.as_ref().map(|port| port.value.clone());
    of("TCP").or_else(|| of("UDP")).unwrap_or_else(|| "53".to_owned())
}

/// Where CoreDNS sends the root zone: fixed addresses are taken over, its own resolver file becomes the cache's.
fn upstreams(request: &Request, routes: &Routes<'_>) -> Chosen<Vec<String>> {
    if !request.upstreams.is_empty() {
        return Chosen::flag(request.upstreams.clone(), "--upstream");
    }
    let servers = routes.graph.servers.iter().filter(|server| server.kind == ServerKind::CoreDns);
    let roots =
        servers.flat_map(|server| &server.blocks).filter(|block| block.zones.iter().any(|zone| zone.value == "."));
    let forward = roots.flat_map(|block| &block.forwards).find(|forward| forward.from == ".");
    let Some(forward) = forward else { return Chosen::default_of(vec![OWN_FILE.to_owned()], "CoreDNS") };
    let list = stubs::targets(&forward.upstreams);
    let file = forward.upstreams.iter().any(|upstream| matches!(upstream.value, Upstream::File(_)));
    let value = if file || list.is_empty() { vec![OWN_FILE.to_owned()] } else { list };
    Chosen::shown(value, Some(forward.location), "CoreDNS's own forward")
}

/// The policies by which Cilium redirects the DNS Service: those that name it or its address, and the rendered one.
fn redirects<'c>(cluster: &'c Cluster, cluster_dns: &'c [IpAddr]) -> impl Iterator<Item = &'c Generic> {
    cluster.objects.of_kind("CiliumLocalRedirectPolicy").iter().filter(|policy| {
        let frontend = entrances::frontend(cluster, policy);
        policy.meta.display() == REDIRECT
            || frontend.is_some_and(|taken| taken.iter().any(|ip| cluster_dns.contains(ip)))
    })
}

/// Cilium takes one policy for a Service and ignores a second.
fn other_redirect(cluster: &Cluster, cluster_dns: &[IpAddr]) -> Option<OtherRedirect> {
    let policy = redirects(cluster, cluster_dns).find(|policy| policy.meta.display() != REDIRECT)?;
    let backend = ["spec", "redirectBackend", "localEndpointSelector", "matchLabels"];
    let labels = policy.value.value.path(&backend).map(|labels| labels.value.entries().len());
    let label = policy.value.value.path(&backend).and_then(|labels| labels.value.text_at("k8s-app"));
    let to_cache = policy.meta.namespace.value == "kube-system"
        && labels == Some(1)
        && label.is_some_and(|label| label.value == "node-local-dns");
    Some(OtherRedirect { name: policy.meta.display(), location: policy.meta.name_location(), to_cache })
}

/// The node caches that run, with what leads queries to them.
fn caches(cluster: &Cluster, facts: &Facts, cluster_dns: &[IpAddr]) -> Vec<OldCache> {
    let mode = if redirects(cluster, cluster_dns).next().is_some() {
        Mode::Redirect
    } else if facts.node_cache_addresses.iter().any(|ip| cluster_dns.contains(&ip.value)) {
        Mode::Intercept
    } else {
        Mode::LocalOnly
    };
    let servers = cluster.dns_servers.iter().filter(|server| server.kind == ServerKind::NodeCache);
    let workloads = servers.filter_map(|server| cluster.objects.workloads.get(server.workload?));
    workloads.map(|workload| OldCache { meta: workload.meta.clone(), mode }).collect()
}

fn image(request: &Request, cluster: &Cluster) -> Chosen<String> {
    if let Some(image) = &request.image {
        return Chosen::flag(image.clone(), "--image");
    }
    let caches = cluster.dns_servers.iter().filter(|server| server.kind == ServerKind::NodeCache);
    match caches.filter_map(|server| server.image.clone()).find(|image| super::request::is_image(&image.value)) {
        Some(image) => Chosen::located(image, "the node cache of the snapshot"),
        None => Chosen::default_of(IMAGE.to_owned(), "the Kubernetes add-on"),
    }
}

fn port(asked: Option<u16>, flag: &'static str, usual: u16, whose: &str) -> Chosen<u16> {
    asked.map_or_else(|| Chosen::default_of(usual, whose), |port| Chosen::flag(port, flag))
}
