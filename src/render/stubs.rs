//! Zones that CoreDNS sends elsewhere: the cache must know them, since it asks CoreDNS only for the cluster's names.

use super::chosen::Chosen;
use super::parameters::OWN_FILE;
use super::request::{is_domain, is_path};
use crate::analysis::servers::read::{Block, Forward, Upstream};
use crate::analysis::servers::routing::Graph;
use crate::model::dns_server::ServerKind;
use crate::model::pillar::{CLUSTER_DNS, DNS_SERVER, UPSTREAM_SERVERS};
use crate::source::Located;
use std::net::{IpAddr, SocketAddr};

/// A zone with its own servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StubZone {
    /// The zone, fully qualified.
    pub zone: String,
    /// Its servers; empty where CoreDNS itself answers, so that the cache must ask CoreDNS.
    pub servers: Vec<String>,
    /// CoreDNS asks them over TCP.
    pub force_tcp: bool,
}

/// Placeholders that become an address of the cluster's own DNS: the first by node-cache, the second by whoever fills in the
/// add-on's manifest.
const TO_CLUSTER: [&str; 2] = [CLUSTER_DNS, DNS_SERVER];

/// Plugins of a block that change what clients see; what they do only CoreDNS can do.
const ANSWERING: [&str; 14] = [
    "hosts",
    "file",
    "auto",
    "secondary",
    "template",
    "rewrite",
    "etcd",
    "route53",
    "azure",
    "clouddns",
    "k8s_external",
    "kubernetes",
    "acl",
    "dns64",
];

/// The stub zones of every CoreDNS, with further domains of the cluster among them (`served`), and notes about what its
/// root block does that the cache will not.
#[must_use]
pub fn of(
    graph: &Graph<'_>,
    cluster_domain: &str,
    cluster_dns: &[IpAddr],
    served: &[Located<String>],
) -> (Vec<Chosen<StubZone>>, Vec<String>) {
    let mut zones: Vec<Chosen<StubZone>> = Vec::new();
    let mut notes = Vec::new();
    let servers = graph.servers.iter().filter(|server| server.kind == ServerKind::CoreDns);
    for (server, block) in servers.flat_map(|server| server.blocks.iter().map(move |block| (server, block))) {
        if !block.sockets.iter().any(|socket| socket.port == 53 && !socket.encrypted) {
            continue;
        }
        let found: Vec<Chosen<StubZone>> = if block.zones.iter().any(|zone| zone.value == ".") {
            notes.extend(of_root(&server.name, block));
            block
                .forwards
                .iter()
                .filter(|forward| forward.from != ".")
                .map(|forward| stub(&forward.from, forward))
                .collect()
        } else {
            block.zones.iter().map(|zone| of_block(zone, block)).collect()
        };
        for zone in found.into_iter().filter(|zone| is_foreign(&zone.value.zone, cluster_domain)) {
            if !zones.iter().any(|known| known.value.zone == zone.value.zone) {
                zones.push(zone);
            }
        }
    }
    for (zone, note) in of_node_caches(graph, cluster_dns) {
        notes.extend(note);
        let zone = zone.filter(|zone| is_foreign(&zone.value.zone, cluster_domain));
        zones.extend(zone.filter(|zone| !zones.iter().any(|known| known.value.zone == zone.value.zone)));
    }
    for zone in served.iter().filter(|zone| is_foreign(&zone.value, cluster_domain)) {
        let name = format!("{}.", zone.value);
        if !zones.iter().any(|known| known.value.zone == name) {
            let value = StubZone { zone: name, servers: Vec::new(), force_tcp: true };
            zones.push(Chosen::shown(value, zone.location(), "a further domain of CoreDNS"));
        }
    }
    zones.sort_by(|a, b| a.value.zone.cmp(&b.value.zone));
    (zones, notes)
}

/// Stub zones of a node cache that is replaced, which CoreDNS need not have; a note where one cannot be taken over.
fn of_node_caches(graph: &Graph<'_>, cluster_dns: &[IpAddr]) -> Vec<(Option<Chosen<StubZone>>, Option<String>)> {
    let caches = graph.servers.iter().filter(|server| server.kind == ServerKind::NodeCache);
    let mut found = Vec::new();
    for (server, block) in caches.flat_map(|server| server.blocks.iter().map(move |block| (server, block))) {
        let own: Vec<&str> = ANSWERING.iter().copied().filter(|plugin| block.syntax.has(plugin)).collect();
        let note = (!own.is_empty()).then(|| {
            let zones = block.zones.iter().map(|zone| zone.value.as_str()).collect::<Vec<_>>().join(" ");
            format!("`{}` in block {zones} of {} is not taken over", own.join("`, `"), server.name)
        });
        found.push((None, note));
        for forward in &block.forwards {
            // the cluster's own resolver is CoreDNS, however it is named
            let to_cluster = |upstream: &Located<Upstream>| match &upstream.value {
                Upstream::Address { ip, .. } => cluster_dns.contains(ip),
                Upstream::Placeholder(name) => TO_CLUSTER.contains(&name.as_str()),
                Upstream::File(_) | Upstream::Other(_) => false,
            };
            let zones = block.zones.iter().filter(|zone| forward.from == "." && zone.value != ".");
            let zones =
                zones.map(|zone| zone.value.as_str()).chain(Some(forward.from.as_str()).filter(|from| *from != "."));
            // a placeholder that nobody filled is no zone
            for zone in zones.filter(|zone| !zone.contains("__")) {
                let mut value = stub(zone, forward).value;
                if forward.upstreams.iter().any(to_cluster) {
                    value.servers.clear();
                }
                let zone = Chosen::shown(value, Some(forward.location), "a stub zone of the node cache");
                found.push((Some(zone), None));
            }
        }
    }
    found
}

/// A zone that is neither the cluster's nor one of the reverse zones, and a name that may stand in a Corefile.
fn is_foreign(zone: &str, cluster_domain: &str) -> bool {
    let bare = zone.trim_end_matches('.');
    is_domain(bare) && bare != cluster_domain && bare != "in-addr.arpa" && bare != "ip6.arpa"
}

fn of_block(zone: &Located<String>, block: &Block<'_>) -> Chosen<StubZone> {
    let answers = ANSWERING.iter().any(|plugin| block.syntax.has(plugin));
    match block.forwards.first().filter(|forward| !answers && forward.from == ".") {
        Some(forward) => stub(&zone.value, forward),
        None => {
            let value = StubZone { zone: zone.value.clone(), servers: Vec::new(), force_tcp: true };
            Chosen::shown(value, zone.location(), "a server block of CoreDNS that answers itself")
        }
    }
}

fn stub(zone: &str, forward: &Forward<'_>) -> Chosen<StubZone> {
    let value = StubZone {
        zone: zone.to_owned(),
        servers: targets(&forward.upstreams),
        force_tcp: forward.force_tcp.is_some(),
    };
    Chosen::shown(value, Some(forward.location), "a stub zone of CoreDNS")
}

/// Upstreams as a Corefile names them; what is neither an address nor a file is left out.
#[must_use]
pub fn targets(upstreams: &[Located<Upstream>]) -> Vec<String> {
    let text = |upstream: &Located<Upstream>| match &upstream.value {
        Upstream::Address { ip, port, encrypted } => {
            let (scheme, usual) = if *encrypted { ("tls://", 853) } else { ("", 53) };
            let address = if *port == usual { ip.to_string() } else { SocketAddr::new(*ip, *port).to_string() };
            Some(format!("{scheme}{address}"))
        }
        Upstream::File(path) => Some(path.clone()).filter(|path| is_path(path)),
        // the upstreams of the ConfigMap kube-dns, else its own resolver file
        Upstream::Placeholder(name) if name == UPSTREAM_SERVERS => Some(OWN_FILE.to_owned()),
        Upstream::Placeholder(_) | Upstream::Other(_) => None,
    };
    upstreams.iter().filter_map(text).collect()
}

/// What the root block answers besides the cluster's names: with the cache in front, outside names never reach it.
fn of_root(server: &str, block: &Block<'_>) -> Option<String> {
    let own: Vec<&str> = ANSWERING.iter().copied().filter(|p| *p != "kubernetes" && block.syntax.has(p)).collect();
    let list = own.iter().map(|plugin| format!("`{plugin}`")).collect::<Vec<_>>().join(", ");
    (!own.is_empty()).then(|| {
        format!(
            "the root block of {server} has {list}: the cache sends names outside the cluster to their upstream directly, so \
             only the cluster's zones still see it; `--upstream` with the address of a server of your own, or a server block \
             for the zones concerned, keeps it"
        )
    })
}
