//! Which server block takes a query: the listener first, then the longest zone among that listener's blocks.

use super::read::Block;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where a query arrives at a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The destination address; `None` for the server's own pod address, which no manifest names.
    pub ip: Option<IpAddr>,
    /// The port; `None` for whichever port the server listens on.
    pub port: Option<u16>,
    /// It comes over TLS or HTTPS.
    pub encrypted: bool,
}

impl Arrival {
    /// A plain query to the server's pod, on a port.
    #[must_use]
    pub const fn at_pod(port: Option<u16>) -> Self {
        Self { ip: None, port, encrypted: false }
    }
}

/// The address behind a destination: v4-mapped forms unpacked, and the unspecified address, which Linux connects to
/// the local system.
#[must_use]
pub fn connected(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) if v4.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(v6) if v6.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        other => other,
    }
}

/// The index of the block that takes `name`.
///
/// A socket bound to the destination address comes before one on every address, whatever the zones: the kernel
/// decides. Among the blocks of that socket the longest zone takes the name, and there is no way back to a shorter one
/// (`ServeDNS` in core/dnsserver/server.go of CoreDNS).
#[must_use]
pub fn select(blocks: &[Block<'_>], name: &str, arrival: Arrival) -> Option<usize> {
    taking(blocks, name, arrival).max_by(|a, b| a.1.cmp(&b.1).then(b.0.cmp(&a.0))).map(|(index, _)| index)
}

/// The index of the block that takes a query of type DS for `name`: DS records stand in the parent, so it is the shortest
/// zone that takes the name, and the root only where there is no other.
#[must_use]
pub fn select_parent(blocks: &[Block<'_>], name: &str, arrival: Arrival) -> Option<usize> {
    let shortest = |(_, length): &(usize, usize)| if *length == 1 { usize::MAX } else { *length };
    taking(blocks, name, arrival).min_by_key(shortest).map(|(index, _)| index)
}

/// The blocks on the socket that have zones for a name, each with the length of each zone.
fn taking<'b>(blocks: &'b [Block<'_>], name: &'b str, arrival: Arrival) -> impl Iterator<Item = (usize, usize)> + 'b {
    listening(blocks, arrival).flat_map(move |(index, block)| {
        let zones = block.zones.iter().zip(&block.sockets).filter(move |(_, socket)| fits(**socket, arrival));
        let of_name = zones.filter(|(zone, _)| super::read::in_zone(name, &zone.value));
        of_name.map(move |(zone, _)| (index, zone.value.len()))
    })
}

/// The blocks on the socket that takes the packets, whatever their zones.
fn listening<'b, 'a>(blocks: &'b [Block<'a>], arrival: Arrival) -> impl Iterator<Item = (usize, &'b Block<'a>)> {
    let on_socket = move |block: &Block<'_>| block.sockets.iter().any(|socket| fits(*socket, arrival));
    let any_bound = arrival.ip.is_some_and(|ip| blocks.iter().any(|b| on_socket(b) && is_bound_to(b, ip)));
    let listens = move |block: &Block<'_>| match arrival.ip {
        Some(ip) if any_bound => is_bound_to(block, ip),
        Some(_) => takes_every_address(block),
        None => !is_bound_to_loopback_only(block),
    };
    blocks.iter().enumerate().filter(move |(_, block)| on_socket(block) && listens(block))
}

/// Whether a server has a socket that takes the packets, whatever the names.
#[must_use]
pub fn listens(blocks: &[Block<'_>], arrival: Arrival) -> bool {
    listening(blocks, arrival).next().is_some()
}

/// A port that a key of a server block names, and whether its transport is plain DNS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// The port.
    pub port: u16,
    /// A transport other than plain DNS.
    pub encrypted: bool,
}

fn fits(socket: Socket, arrival: Arrival) -> bool {
    socket.encrypted == arrival.encrypted && arrival.port.is_none_or(|port| port == socket.port)
}

/// Whether `bind` names the address, itself or as the loopback interface.
#[must_use]
pub fn is_bound_to(block: &Block<'_>, ip: IpAddr) -> bool {
    let own = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    block.bind.iter().any(|word| address(&word.value) == Some(ip) || (word.value == "lo" && own.contains(&ip)))
}

/// Whether the block listens on every address of its network namespace.
#[must_use]
pub fn takes_every_address(block: &Block<'_>) -> bool {
    block.bind.is_empty() || block.bind.iter().any(|w| address(&w.value).is_some_and(|ip| ip.is_unspecified()))
}

/// Whether nothing from outside the network namespace can reach the block.
fn is_bound_to_loopback_only(block: &Block<'_>) -> bool {
    let local = |word: &str| word == "lo" || address(word).is_some_and(|ip| ip.is_loopback());
    !block.bind.is_empty() && block.bind.iter().all(|word| local(&word.value))
}

fn address(word: &str) -> Option<IpAddr> {
    word.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::super::read::{ASSUMED, blocks};
    use super::*;
    use crate::model::Cluster;
    use crate::model::config_map::EmbeddedText;
    use crate::model::manifests::Objects;
    use crate::source::FileId;

    /// The first zone of the block that takes a name at an address, for the Corefile of the table below.
    fn taken(name: &str, arrival: Arrival) -> Option<String> {
        let text = ".:53 {\n whoami\n}\norg:53 example.org:53 {\n whoami\n}\nexample.org:5300 tls://sub.example.org {\n \
                    whoami\n}\ncorp:53 {\n bind 10.0.0.5\n whoami\n}\nlocal:53 {\n bind lo\n whoami\n}\n";
        let plain = ("Corefile".to_owned(), EmbeddedText::whole_file(FileId(0), text));
        let cluster = Cluster::of_objects(Objects::default(), &[plain]);
        let config = cluster.dns_servers[0].config.as_ref().unwrap();
        let blocks = blocks(config, ASSUMED);
        let index = select(&blocks, name, arrival)?;
        blocks[index].zones.first().map(|zone| zone.value.clone())
    }

    #[test]
    fn ds_records_stand_in_the_parent() {
        let text = ".:53 {\n whoami\n}\norg:53 {\n whoami\n}\nexample.org:53 {\n whoami\n}\n";
        let plain = ("Corefile".to_owned(), EmbeddedText::whole_file(FileId(0), text));
        let cluster = Cluster::of_objects(Objects::default(), &[plain]);
        let blocks = blocks(cluster.dns_servers[0].config.as_ref().unwrap(), ASSUMED);
        let arrival = Arrival { ip: None, port: Some(53), encrypted: false };
        let at = |name: &str| (select(&blocks, name, arrival), select_parent(&blocks, name, arrival));
        assert_eq!(at("www.example.org."), (Some(2), Some(1)));
        assert_eq!(at("org."), (Some(1), Some(1)));
        assert_eq!(at("com."), (Some(0), Some(0)));
    }

    #[test]
    fn the_listener_comes_before_the_zone() {
        let at = |ip: &str, port: u16, encrypted: bool| Arrival {
            ip: Some(connected(ip.parse().unwrap())),
            port: Some(port),
            encrypted,
        };
        for (name, arrival, want) in [
            ("a.example.org.", at("10.0.0.9", 53, false), Some("org.")),
            ("xexample.org.", at("10.0.0.9", 53, false), Some("org.")),
            ("a.com.", at("10.0.0.9", 53, false), Some(".")),
            ("a.example.org.", at("10.0.0.9", 5300, false), Some("example.org.")),
            ("a.org.", at("10.0.0.9", 5300, false), None),
            ("a.sub.example.org.", at("10.0.0.9", 853, true), Some("example.org.")),
            ("a.example.org.", at("10.0.0.9", 853, true), None),
            // a socket on the very address: its blocks alone, although a wildcard block has the zone
            ("a.corp.", at("10.0.0.5", 53, false), Some("corp.")),
            ("a.org.", at("10.0.0.5", 53, false), None),
            ("a.local.", at("127.0.0.1", 53, false), Some("local.")),
            ("a.local.", at("0.0.0.0", 53, false), Some("local.")),
            ("a.local.", at("127.0.0.53", 53, false), Some(".")),
            ("a.corp.", at("10.0.0.9", 53, false), Some(".")),
            // a pod's own address may be the bound one, and is never loopback
            ("a.corp.", Arrival::at_pod(Some(53)), Some("corp.")),
            ("a.local.", Arrival::at_pod(Some(53)), Some(".")),
            ("a.example.org.", Arrival::at_pod(None), Some("org.")),
        ] {
            assert_eq!(taken(name, arrival).as_deref(), want, "{name} {arrival:?}");
        }
    }
}
