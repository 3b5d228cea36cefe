//! Ports of the node that the cache needs and something else holds.
//!
//! CoreDNS opens its ports with SO_REUSEPORT, so that a second CoreDNS may share them; no other program does. A TCP
//! listener on all addresses keeps everyone else from the port on any address.

use super::NodeListener;
use super::cache::Cache;
use super::mismatch::healths;
use crate::analysis::views::node_cache::PortConflictView;
use crate::model::dns_server::kind_of_image;
use crate::model::pod::{Container, ContainerPort};
use crate::model::workload::Workload;
use crate::source::Located;
use crate::syntax::corefile::Place;
use std::net::IpAddr;

/// Default port of the metrics of the process itself (`-metrics-listen-address`).
const OWN_METRICS: &str = "0.0.0.0:9353";

/// A port of the node that the cache opens.
struct Wanted {
    port: u16,
    /// Addresses; empty for all.
    addresses: Vec<IpAddr>,
    purpose: &'static str,
    place: Located<String>,
}

/// Every conflict: with resolvers of nodes, and with pods that have ports of the node.
pub fn conflicts(cache: &Cache<'_>, resolvers: &[NodeListener]) -> Vec<Located<PortConflictView>> {
    if !cache.on_host() {
        return Vec::new();
    }
    let wanted = wanted(cache);
    let mut found = with_resolvers(cache, &wanted, resolvers);
    found.extend(with_pods(cache, &wanted));
    found
}

fn wanted(cache: &Cache<'_>) -> Vec<Wanted> {
    let mut all = Vec::new();
    all.extend(dns(cache));
    for health in healths(cache) {
        let addresses = health.ip.into_iter().collect();
        all.push(Wanted { port: health.port, addresses, purpose: "health", place: health.place });
    }
    all.extend(metrics(cache));
    all
}

/// Where the port of `health` is written: its settings, and the probes that ask there; empty unless every one has it.
fn port_places(cache: &Cache<'_>, wanted: &Wanted) -> Vec<Located<String>> {
    if wanted.purpose != "health" {
        return Vec::new();
    }
    let own = healths(cache).into_iter().filter(|health| health.port == wanted.port).map(|health| health.port_place);
    let Some(mut places) = own.collect::<Option<Vec<_>>>() else { return Vec::new() };
    let port = wanted.port.to_string();
    let probes = cache.container.into_iter().flat_map(|container| &container.probes);
    places.extend(probes.filter_map(|probe| probe.port.clone()).filter(|asked| asked.value == port));
    places
}

/// The interface that the process makes for its addresses: `-interfacename` (`parseAndValidateFlags` in cmd/node-cache).
fn interface(cache: &Cache<'_>) -> Option<String> {
    cache.workload.filter(|_| cache.makes_interface())?;
    let name = cache.flag("interfacename").map_or_else(|| "nodelocaldns".to_owned(), |flag| flag.value);
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// Port 53: what the blocks bind, else `-localip`.
fn dns(cache: &Cache<'_>) -> Option<Wanted> {
    let binds: Vec<&Located<String>> = cache.blocks().flat_map(|block| &block.bind).collect();
    let unbound = cache.blocks().find(|block| block.bind.is_empty());
    let wildcard = binds.iter().find(|b| b.value.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified()));
    let open = wildcard.map(|bind| (*bind).clone()).or_else(|| unbound.and_then(|b| b.zones.first().cloned()));
    if let Some(place) = open {
        return Some(Wanted { port: 53, addresses: Vec::new(), purpose: "DNS", place });
    }
    let mut addresses: Vec<IpAddr> = binds.iter().filter_map(|bind| bind.value.parse().ok()).collect();
    addresses.extend(cache.own.iter().map(|own| own.value));
    let first = cache.own.first().map(|own| own.with(own.value.to_string()));
    let place = binds.first().map(|bind| (*bind).clone()).or(first)?;
    (!addresses.is_empty()).then_some(Wanted { port: 53, addresses, purpose: "DNS", place })
}

fn metrics(cache: &Cache<'_>) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    let config = cache.server.config.as_ref();
    let blocks = config.map(|c| c.corefile.blocks.as_slice()).unwrap_or_default();
    for arg in blocks.iter().flat_map(|b| b.directives_named("prometheus")).filter_map(|d| d.args.first()) {
        let place = Located::from_origins(arg.text.clone(), cache.locate(Place::of(arg)));
        let Some((addresses, port)) = listen_address(&arg.text) else { continue };
        if !all.iter().any(|w| w.port == port) {
            all.push(Wanted { port, addresses, purpose: "metrics", place });
        }
    }
    let flag = cache.flag("metrics-listen-address");
    let text = flag.as_ref().map_or(OWN_METRICS, |f| f.value.as_str());
    let default = || Some(cache.container?.name.with(OWN_METRICS.to_owned()));
    if let (Some((addresses, port)), Some(place)) = (listen_address(text), flag.clone().or_else(default)) {
        all.push(Wanted { port, addresses, purpose: "its own metrics", place });
    }
    all
}

fn listen_address(text: &str) -> Option<(Vec<IpAddr>, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().ok()?;
    if host.is_empty() {
        return Some((Vec::new(), port));
    }
    let ip: IpAddr = host.parse().ok()?;
    Some((Some(ip).filter(|ip| !ip.is_unspecified()).into_iter().collect(), port))
}

/// Whether two sets of addresses share one; an empty set is all addresses.
fn overlap(a: &[IpAddr], b: &[IpAddr]) -> bool {
    a.is_empty() || b.is_empty() || a.iter().any(|ip| b.contains(ip))
}

fn address_text(addresses: &[IpAddr]) -> String {
    addresses.first().map_or_else(|| "0.0.0.0".to_owned(), ToString::to_string)
}

fn with_resolvers(cache: &Cache<'_>, wanted: &[Wanted], resolvers: &[NodeListener]) -> Vec<Located<PortConflictView>> {
    let Some(dns) = wanted.iter().find(|w| w.port == 53) else { return Vec::new() };
    let mut found: Vec<Located<PortConflictView>> = Vec::new();
    for resolver in resolvers.iter().filter(|r| overlap(&r.addresses, &dns.addresses)) {
        let shared = dns.addresses.iter().filter(|ip| resolver.addresses.contains(ip)).copied().collect::<Vec<_>>();
        let address = address_text(if shared.is_empty() { &dns.addresses } else { &shared });
        let scope = if resolver.addresses.is_empty() { "every address" } else { "that address" };
        let view = PortConflictView {
            port: 53,
            address,
            purpose: dns.purpose.to_owned(),
            holder: format!("{} on node {}", resolver.program, resolver.node),
            via: "resolver".to_owned(),
            own: dns.place.clone(),
            port_places: Vec::new(),
            except_interface: interface(cache).filter(|_| resolver.has_file),
            other: Located::at(
                format!("{} listens on {scope} of node {}", resolver.program, resolver.node),
                resolver.location,
            ),
        };
        // nodes with the same file are told once
        if !found.iter().any(|f| f.location() == Some(resolver.location)) {
            found.push(Located::at(view, resolver.location));
        }
    }
    found
}

fn with_pods(cache: &Cache<'_>, wanted: &[Wanted]) -> Vec<Located<PortConflictView>> {
    let mut found = Vec::new();
    for (index, workload) in cache.cluster.objects.workloads.iter().enumerate() {
        if Some(index) == cache.server.workload || apart(cache, workload) {
            continue;
        }
        for container in workload.pod.all_containers().filter(|c| !shares_ports(c)) {
            for port in &container.ports {
                found.extend(conflict((cache, wanted), workload, container, port));
            }
        }
    }
    found
}

/// CoreDNS and node-cache share their ports with others of their kind.
fn shares_ports(container: &Container) -> bool {
    container.image.as_ref().is_some_and(|image| kind_of_image(&image.value).is_some())
}

/// Whether node selectors keep the two from ever meeting on a node.
fn apart(cache: &Cache<'_>, other: &Workload) -> bool {
    let Some(own) = cache.workload else { return false };
    own.pod
        .node_selector
        .iter()
        .any(|(key, value)| other.pod.node_selector.get(key).is_some_and(|theirs| theirs.value != value.value))
        || other.pod.node_selector.get("kubernetes.io/os").is_some_and(|os| os.value == "windows")
}

fn conflict(
    (cache, wanted): (&Cache<'_>, &[Wanted]),
    workload: &Workload,
    container: &Container,
    port: &ContainerPort,
) -> Option<Located<PortConflictView>> {
    let on_host = workload.pod.uses_host_network();
    let number = if on_host { port.port.as_ref().or(port.host_port.as_ref())? } else { port.host_port.as_ref()? };
    let ip: Option<IpAddr> = port.host_ip.as_ref().and_then(|ip| ip.value.parse().ok());
    let theirs: Vec<IpAddr> = ip.filter(|ip| !ip.is_unspecified()).into_iter().collect();
    let hit: &Wanted = wanted.iter().find(|w| i64::from(w.port) == number.value && overlap(&w.addresses, &theirs))?;
    let via = if on_host { "hostNetwork" } else { "hostPort" };
    let holder = format!("container {} of {}", container.name.value, workload.meta.display());
    let view = PortConflictView {
        port: number.value,
        address: address_text(&hit.addresses),
        purpose: hit.purpose.to_owned(),
        via: via.to_owned(),
        own: hit.place.clone(),
        port_places: port_places(cache, hit),
        except_interface: None,
        other: number.with(format!("{via}: {holder} has port {}", number.value)),
        holder,
    };
    Some(hit.place.with(view))
}
