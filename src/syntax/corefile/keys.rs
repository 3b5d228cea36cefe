//! Server block keys: `[SCHEME://]ZONE[:PORT]` to transport, zones and port (`core/dnsserver`, `plugin/normalize.go`).

use super::cidr::Network;
use super::version::Version;

/// How clients reach a server block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// Plain DNS over UDP and TCP.
    Dns,
    /// DNS over TLS.
    Tls,
    /// DNS over QUIC (since 1.11.0).
    Quic,
    /// DNS over gRPC.
    Grpc,
    /// DNS over HTTPS.
    Https,
    /// DNS over HTTP/3 (since 1.13.2).
    Https3,
    /// A Unix socket; a key with it starts no server (since 1.11.0).
    Unix,
}

impl Transport {
    /// All transports in the order in which CoreDNS tries their prefixes.
    const ALL: [Self; 7] = [Self::Tls, Self::Dns, Self::Quic, Self::Grpc, Self::Https3, Self::Https, Self::Unix];

    /// The scheme as written in front of `://`.
    #[must_use]
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Quic => "quic",
            Self::Grpc => "grpc",
            Self::Https => "https",
            Self::Https3 => "https3",
            Self::Unix => "unix",
        }
    }

    /// First release that knows the scheme; older ones read it as part of the zone.
    #[must_use]
    pub const fn since(self) -> Version {
        match self {
            Self::Quic | Self::Unix => Version::new(1, 11, 0),
            Self::Https3 => Version::new(1, 13, 2),
            _ => Version::new(1, 0, 0),
        }
    }

    /// Port when the key names none; `dns_port` is the `-dns.port` flag.
    #[must_use]
    pub fn default_port(self, dns_port: &str) -> String {
        match self {
            Self::Dns => dns_port.to_owned(),
            Self::Tls | Self::Quic => "853".to_owned(),
            Self::Grpc | Self::Https | Self::Https3 => "443".to_owned(),
            Self::Unix => String::new(),
        }
    }
}

/// One zone that a key serves.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ZoneKey {
    /// The transport.
    pub transport: Transport,
    /// Fully qualified zone; lower case only from 1.14.7 on.
    pub zone: String,
    /// Port in decimal, not checked for its range; empty for a Unix socket.
    pub port: String,
}

impl ZoneKey {
    /// Why a server cannot be made for this key although CoreDNS accepts it: the port's range, a missing `tls`.
    #[must_use]
    pub fn listener_error(&self, has_tls: bool) -> Option<String> {
        if self.transport != Transport::Unix && self.port.parse::<u16>().is_err() {
            return Some(format!("address {}: invalid port", self.port));
        }
        match self.transport {
            Transport::Quic if !has_tls => Some("ListenPacket: quic: tls.Config not set".to_owned()),
            Transport::Https3 if !has_tls => Some("DoH3 requires TLS, no TLS config found".to_owned()),
            _ => None,
        }
    }
}

impl std::fmt::Display for ZoneKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", self.transport.scheme(), self.zone, self.port)
    }
}

/// Why CoreDNS refuses a key; its text follows `error inspecting server blocks: `.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// The key ends in a colon.
    EmptyPort(String),
    /// The zone has more than 255 bytes.
    TooLong(usize),
    /// The zone is no domain name.
    NotADomainName(String),
    /// A network that CoreDNS does not expand.
    InvalidCidr(String),
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::EmptyPort(key) => write!(f, "expecting data after last colon: {}", quote(key)),
            Self::TooLong(len) => write!(f, "specified zone is too long: {len} > 255"),
            Self::NotADomainName(zone) => write!(f, "zone is not a valid domain name: {zone}"),
            Self::InvalidCidr(zone) => write!(f, "invalid CIDR {zone}"),
        }
    }
}

/// Go's `%q` for the texts that occur in keys.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Splits the transport off a key, a plugin's zone argument or an upstream.
#[must_use]
pub fn split_transport(text: &str, coredns: Version) -> (Transport, &str) {
    for transport in Transport::ALL.into_iter().filter(|transport| coredns >= transport.since()) {
        let rest = text.strip_prefix(transport.scheme()).and_then(|rest| rest.strip_prefix("://"));
        if let Some(rest) = rest {
            return (transport, rest);
        }
    }
    (Transport::Dns, text)
}

/// The zones of a key and their port (the `-dns.port` flag is `default_port`, 53 unless set).
///
/// # Errors
/// What CoreDNS reports while it inspects server blocks.
pub fn parse_key(raw: &str, default_port: u16, coredns: Version) -> Result<Vec<ZoneKey>, KeyError> {
    let (transport, rest) = split_transport(raw, coredns);
    let (hosts, port) = split_host_port(rest, coredns)?;
    for host in &hosts {
        split_host_port(&fqdn(host), coredns)?;
    }
    let port = port.unwrap_or_else(|| transport.default_port(&default_port.to_string()));
    let lower = coredns >= Version::new(1, 14, 7);
    let zone = |host: String| if lower { fqdn(&host).to_lowercase() } else { fqdn(&host) };
    Ok(hosts.into_iter().map(|host| ZoneKey { transport, zone: zone(host), port: port.clone() }).collect())
}

/// Splits `ZONE[:PORT]` without scheme; a network gives several zones (`plugin.SplitHostPort`).
///
/// # Errors
/// What CoreDNS reports for the zone.
pub fn split_host_port(text: &str, coredns: Version) -> Result<(Vec<String>, Option<String>), KeyError> {
    if text.is_empty() || text.ends_with(':') {
        return Err(KeyError::EmptyPort(text.to_owned()));
    }
    let split = text.rsplit_once(':').and_then(|(zone, port)| Some((zone, go_atoi(port)?.to_string())));
    let (zone, port) = split.map_or((text, None), |(zone, port)| (zone, Some(port)));
    if zone.len() > 255 {
        return Err(KeyError::TooLong(zone.len()));
    }
    if !is_domain_name(zone) {
        return Err(KeyError::NotADomainName(zone.to_owned()));
    }
    let Some(network) = Network::parse(zone) else { return Ok((vec![zone.to_owned()], port)) };
    if zone.starts_with(':') || (zone.starts_with('0') && zone.contains(':')) {
        return Err(KeyError::InvalidCidr(zone.to_owned()));
    }
    let expands = coredns >= Version::new(1, 8, 5);
    Ok((if expands { network.zones() } else { vec![network.enclosing_zone()] }, port))
}

/// Go's `strconv.Atoi`: an optional sign and digits.
fn go_atoi(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// The zones a plugin serves: its arguments, or those of the block without any; also the arguments dropped silently.
///
/// `block` are the block's zones, fully qualified. Zones of arguments are lower-cased in every release.
#[must_use]
pub fn origins_from_args(args: &[&str], block: &[String], coredns: Version) -> (Vec<String>, Vec<usize>) {
    if args.is_empty() {
        return (block.iter().map(|zone| normalize_name(zone)).collect(), Vec::new());
    }
    let mut zones = Vec::new();
    let mut dropped = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        match split_host_port(split_transport(arg, coredns).1, coredns) {
            Ok((hosts, _)) => zones.extend(hosts.iter().map(|host| normalize_name(host))),
            Err(_) => dropped.push(at),
        }
    }
    (zones, dropped)
}

/// Lower case and fully qualified (`plugin.Name.Normalize`).
#[must_use]
pub fn normalize_name(name: &str) -> String {
    fqdn(name).to_lowercase()
}

fn is_fqdn(name: &str) -> bool {
    let Some(rest) = name.strip_suffix('.') else { return false };
    rest.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 0
}

fn fqdn(name: &str) -> String {
    if is_fqdn(name) { name.to_owned() } else { format!("{name}.") }
}

/// Whether miekg/dns takes the text for a domain name: lengths, dots and escapes; no check of characters.
#[must_use]
pub fn is_domain_name(name: &str) -> bool {
    const MAX_WIRE_LEN: usize = 255;
    if name.is_empty() {
        return false;
    }
    let name = fqdn(name);
    let bytes = name.as_bytes();
    if name == "." {
        return true;
    }
    let (mut at, mut label, mut total) = (0, 0, 0);
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        if byte == b'\\' {
            let ddd = bytes.get(at..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
            if bytes.get(at).is_none() {
                return false;
            }
            at += if ddd { 3 } else { 1 };
            label += 1;
        } else if byte == b'.' {
            if label == 0 || label > 63 {
                return false;
            }
            total += 1 + label;
            label = 0;
        } else {
            label += 1;
        }
    }
    label == 0 && total <= MAX_WIRE_LEN
}

/// Whether a zone raises no start-up warning about RFC 1035's preferred syntax: the root, a reverse zone, or labels of
/// letters, digits and inner hyphens that start with a letter.
#[must_use]
pub fn follows_rfc1035(zone: &str) -> bool {
    let zone = zone.to_lowercase();
    let zone = zone.strip_suffix('.').unwrap_or(&zone);
    if zone.is_empty() || zone == "in-addr.arpa" || zone == "ip6.arpa" {
        return true;
    }
    if zone.ends_with(".in-addr.arpa") || zone.ends_with(".ip6.arpa") {
        return true;
    }
    zone.split('.').all(|label| {
        label.starts_with(|c: char| c.is_ascii_lowercase())
            && label.ends_with(|c: char| c.is_ascii_alphanumeric())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: Version = Version::new(1, 13, 2);

    fn zones(key: &str, version: Version) -> Vec<String> {
        parse_key(key, 53, version)
            .map_or_else(|e| vec![e.to_string()], |k| k.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn releases_differ_in_schemes_case_and_networks() {
        assert_eq!(zones("Example.org", V), ["dns://Example.org.:53"]);
        assert_eq!(zones("Example.org", Version::new(1, 14, 7)), ["dns://example.org.:53"]);
        assert_eq!(zones("quic://a", Version::new(1, 10, 1)), ["dns://quic://a.:53"]);
        assert_eq!(zones("quic://a", V), ["quic://a.:853"]);
        assert_eq!(zones("10.0.0.0/27", Version::new(1, 8, 4)), ["dns://0.0.10.in-addr.arpa.:53"]);
        assert_eq!(zones("unix:///run/x", V), ["unix:///run/x.:"]);
    }

    #[test]
    fn names_are_checked_for_form_only() {
        let long = "a".repeat(63);
        assert!(is_domain_name(&long) && !is_domain_name(&format!("a{long}")));
        let full = [long.as_str(); 4].join(".");
        assert!(!is_domain_name(&full), "256 bytes on the wire");
        for (name, ok) in [(".", true), ("a..b", false), (".a", false), ("a\\", false), ("a\\.b", true), ("*._x", true)]
        {
            assert_eq!(is_domain_name(name), ok, "{name}");
        }
    }

    #[test]
    fn plugin_zones_drop_what_does_not_parse() {
        let block = vec!["Example.org.".to_owned()];
        assert_eq!(origins_from_args(&[], &block, V), (vec!["example.org.".to_owned()], vec![]));
        let (zones, dropped) = origins_from_args(&["dns://A.b:5300", "a..b", "10.0.0.0/8"], &block, V);
        assert_eq!((zones, dropped), (vec!["a.b.".to_owned(), "10.in-addr.arpa.".to_owned()], vec![1]));
    }
}
