//! The parameters as the templates see them.

use super::parameters::{Mode, Parameters};
use super::policies::Policy;
use super::request::{Request, Update};
use super::{chosen::Chosen, stubs::StubZone};
use crate::model::pillar::CLUSTER_DNS;
use serde::Serialize;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

/// The Service that leads past the cache to CoreDNS.
const UPSTREAM_SERVICE: &str = "kube-dns-upstream";

/// A server block of the cache.
#[derive(Debug, Serialize)]
pub struct Block {
    /// Its zone without the dot at the end, or `.`.
    pub zone: String,
    /// Sizes of the cache are set, as for the cluster's own names.
    pub cache: bool,
    /// Asks over TCP, which no NAT entry of a UDP query can spoil and which a throttled link treats better.
    pub force_tcp: bool,
    /// Where it sends names.
    pub upstreams: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Cache {
    success: u32,
    denial: u32,
}

/// What the Corefile's template sees.
#[derive(Debug, Serialize)]
pub struct CorefileContext {
    blocks: Vec<Block>,
    bind: Vec<String>,
    cache: Cache,
    metrics_port: u16,
    health: String,
}

/// The blocks of the cache: the cluster's zones to CoreDNS, stub zones to their servers, the rest to the upstreams.
#[must_use]
pub fn blocks(request: &Request, parameters: &Parameters, cluster_upstreams: &[String]) -> Vec<Block> {
    let cluster = |zone: &str, cache: bool| Block {
        zone: zone.to_owned(),
        cache,
        force_tcp: !request.udp,
        upstreams: cluster_upstreams.to_vec(),
    };
    let mut blocks = vec![
        cluster(&parameters.cluster_domain.value, true),
        cluster("in-addr.arpa", false),
        cluster("ip6.arpa", false),
    ];
    let stub = |zone: &Chosen<StubZone>| {
        let bare = zone.value.zone.trim_end_matches('.');
        if zone.value.servers.is_empty() {
            return cluster(bare, false);
        }
        Block {
            zone: bare.to_owned(),
            cache: false,
            force_tcp: zone.value.force_tcp,
            upstreams: zone.value.servers.clone(),
        }
    };
    blocks.extend(parameters.stub_zones.iter().map(stub));
    blocks.push(Block {
        zone: ".".to_owned(),
        cache: false,
        force_tcp: false,
        upstreams: parameters.upstreams.value.clone(),
    });
    blocks
}

/// Where the cache asks for the cluster's names.
#[must_use]
pub fn cluster_upstreams(parameters: &Parameters) -> Vec<String> {
    match parameters.mode {
        // the cache owns the address of the DNS Service, or Cilium redirects it: only a second Service leads to CoreDNS
        Mode::Intercept | Mode::Redirect => vec![CLUSTER_DNS.to_owned()],
        Mode::LocalOnly => texts(&parameters.served_dns()),
    }
}

/// The context of the cache's Corefile.
#[must_use]
pub fn corefile(request: &Request, parameters: &Parameters, cluster_upstreams: &[String]) -> CorefileContext {
    let entries = parameters.cache_entries.value;
    CorefileContext {
        blocks: blocks(request, parameters, cluster_upstreams),
        bind: bind(parameters),
        cache: Cache { success: entries, denial: entries },
        metrics_port: parameters.metrics_port.value,
        health: health(parameters),
    }
}

fn bind(parameters: &Parameters) -> Vec<String> {
    if parameters.mode == Mode::Redirect {
        let any = |ip: &IpAddr| if ip.is_ipv4() { "0.0.0.0" } else { "::" };
        return parameters.cluster_dns.value.iter().map(|ip| any(ip).to_owned()).collect();
    }
    texts(&parameters.answers_on())
}

/// The argument of `health`: on the node only the cache's own address, in a pod every address.
fn health(parameters: &Parameters) -> String {
    let port = parameters.health_port.value;
    match parameters.local_ips.value.first().filter(|_| parameters.mode != Mode::Redirect) {
        Some(ip) => SocketAddr::new(*ip, port).to_string(),
        None => format!(":{port}"),
    }
}

#[derive(Debug, Serialize)]
struct ServiceName {
    namespace: String,
    name: String,
}

/// What the template of network policies sees.
#[derive(Debug, Serialize)]
pub struct PolicyContext<'a> {
    /// The value of the label by which they are known again.
    manager: &'static str,
    policies: &'a [Policy],
    /// The cache has pods that a selector selects.
    cache_pods: bool,
    /// Addresses of the node that the cache answers on.
    blocks: Vec<String>,
    /// The port of the CoreDNS pods where it is a number.
    port: Option<u16>,
    dns_service: ServiceName,
    selector: BTreeMap<String, String>,
}

/// The context of network policies: what reaches a pod of the cache is judged by its labels, what reaches an address of the
/// node by that address.
#[must_use]
pub fn policies<'a>(parameters: &Parameters, policies: &'a [Policy], manager: &'static str) -> PolicyContext<'a> {
    let redirect = parameters.mode == Mode::Redirect;
    let service = &parameters.dns_service.value;
    let block = |ip: IpAddr| format!("{ip}/{}", if ip.is_ipv4() { 32 } else { 128 });
    PolicyContext {
        manager,
        policies,
        cache_pods: redirect,
        blocks: parameters.answers_on().into_iter().filter(|_| !redirect).map(block).collect(),
        port: service.target_port.parse().ok(),
        dns_service: ServiceName { namespace: service.namespace.clone(), name: service.name.clone() },
        selector: service.selector.clone(),
    }
}

#[derive(Debug, Serialize)]
struct Families {
    policy: &'static str,
    names: Vec<&'static str>,
}

#[derive(Debug, Serialize)]
struct DaemonSet {
    api_version: &'static str,
    update_strategy: &'static str,
}

/// What the manifests' template sees.
#[derive(Debug, Serialize)]
pub struct ManifestContext {
    distribution: &'static str,
    answers_on: Vec<String>,
    upstream_service: bool,
    families: Option<Families>,
    selector: BTreeMap<String, String>,
    target_port: String,
    port_names: [String; 2],
    dns_service: ServiceName,
    corefile: String,
    daemon_set: DaemonSet,
    metrics_port: u16,
    health_port: u16,
    host_network: bool,
    net_admin: bool,
    image: String,
    args: Vec<String>,
    probe_host: Option<String>,
    redirect_services: Vec<ServiceName>,
    pod_monitor: bool,
}

/// The context of the manifests around a finished Corefile.
#[must_use]
pub fn manifests(request: &Request, parameters: &Parameters, corefile: String, pod_monitor: bool) -> ManifestContext {
    let redirect = parameters.mode == Mode::Redirect;
    let service = &parameters.dns_service.value;
    let name = || ServiceName { namespace: service.namespace.clone(), name: service.name.clone() };
    ManifestContext {
        distribution: request.distribution.name(),
        answers_on: texts(&parameters.answers_on()),
        upstream_service: parameters.mode != Mode::LocalOnly,
        families: families(parameters),
        selector: service.selector.clone(),
        target_port: service.target_port.clone(),
        port_names: service.port_names.clone(),
        dns_service: name(),
        corefile,
        daemon_set: daemon_set(request.update),
        metrics_port: parameters.metrics_port.value,
        health_port: parameters.health_port.value,
        host_network: !redirect,
        net_admin: !redirect,
        image: parameters.image.value.clone(),
        args: args(parameters),
        probe_host: parameters.local_ips.value.first().filter(|_| !redirect).map(ToString::to_string),
        redirect_services: (redirect && parameters.redirect.is_none()).then(name).into_iter().collect(),
        pod_monitor,
    }
}

/// The family of the second Service, where it could be in doubt: the cache asks it in its own.
fn families(parameters: &Parameters) -> Option<Families> {
    let v4 = parameters.served_dns().first().is_none_or(IpAddr::is_ipv4);
    if v4 && parameters.cluster_dns.value.len() < 2 {
        return None;
    }
    Some(Families { policy: "SingleStack", names: vec![if v4 { "IPv4" } else { "IPv6" }] })
}

const fn daemon_set(update: Update) -> DaemonSet {
    match update {
        Update::Rolling => DaemonSet {
            api_version: "apps/v1",
            update_strategy: "type: RollingUpdate\nrollingUpdate:\n  maxUnavailable: 10%",
        },
        Update::OnDelete => DaemonSet { api_version: "apps/v1", update_strategy: "type: OnDelete" },
        Update::InPlace => DaemonSet {
            api_version: "apps.kruise.io/v1alpha1",
            update_strategy: "type: RollingUpdate\nrollingUpdate:\n  rollingUpdateType: InPlaceIfPossible\n  maxUnavailable: 10%",
        },
    }
}

/// Arguments of node-cache (`cmd/node-cache/main.go` of kubernetes/dns).
fn args(parameters: &Parameters) -> Vec<String> {
    let join = |list: &[IpAddr]| texts(list).join(",");
    let service = match parameters.mode {
        Mode::LocalOnly => parameters.dns_service.value.name.as_str(),
        Mode::Intercept | Mode::Redirect => UPSTREAM_SERVICE,
    };
    let own = match parameters.mode {
        Mode::Redirect => parameters.local_ips.value.clone(),
        Mode::Intercept | Mode::LocalOnly => parameters.answers_on(),
    };
    let mut args = vec!["-localip".to_owned(), join(&own)];
    args.extend(["-conf", "/etc/Corefile", "-upstreamsvc", service].map(str::to_owned));
    if parameters.mode == Mode::Redirect {
        args.extend(["-skipteardown=true", "-setupinterface=false", "-setupiptables=false"].map(str::to_owned));
    } else {
        // with it the rules stand as soon as the server does, without it a minute later
        args.extend(["-pidfile", "/tmp/node-cache.pid"].map(str::to_owned));
    }
    args
}

/// Addresses as text.
#[must_use]
pub fn texts(list: &[IpAddr]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}
