//! The words of `resolved.conf`: servers, search domains, extra stub listeners and modes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A server of `DNS=` or `FallbackDNS=`: `address[:port][%interface][#name]`, IPv6 with a port in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DnsServer {
    /// The address.
    pub address: IpAddr,
    /// The port if one is given; 53 (853 with DNS over TLS) otherwise.
    pub port: Option<u16>,
    /// The interface name or index after `%`.
    pub interface: Option<String>,
    /// The name after `#`, for the TLS certificate.
    pub server_name: Option<String>,
}

/// Addresses of resolved's own stub, which it never takes as a server.
pub const STUB_ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(127, 0, 0, 53), Ipv4Addr::new(127, 0, 0, 54)];

impl DnsServer {
    /// Reads one word; `None` where resolved logs it and goes on.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (rest, server_name) = split_tail(word, '#')?;
        let (rest, interface) = split_tail(rest, '%')?;
        let (address, port) = address_and_port(rest)?;
        Some(Self {
            address,
            port,
            interface: interface.map(str::to_owned),
            server_name: server_name.map(str::to_owned),
        })
    }

    /// Whether resolved leaves the server out without a message: 0.0.0.0, `::`, and its own stub addresses.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.address.is_unspecified() || STUB_ADDRESSES.iter().any(|stub| self.address == *stub)
    }

    /// The port that plain DNS uses.
    #[must_use]
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or(53)
    }
}

impl fmt::Display for DnsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.address, self.port) {
            (IpAddr::V6(ip), Some(port)) => write!(f, "[{ip}]:{port}")?,
            (ip, Some(port)) => write!(f, "{ip}:{port}")?,
            (ip, None) => write!(f, "{ip}")?,
        }
        if let Some(interface) = &self.interface {
            write!(f, "%{interface}")?;
        }
        if let Some(name) = &self.server_name {
            write!(f, "#{name}")?;
        }
        Ok(())
    }
}

/// The text before and after the first `separator`; an empty tail is an error.
fn split_tail(text: &str, separator: char) -> Option<(&str, Option<&str>)> {
    match text.split_once(separator) {
        Some((_, "")) => None,
        Some((head, tail)) => Some((head, Some(tail))),
        None => Some((text, None)),
    }
}

fn address_and_port(text: &str) -> Option<(IpAddr, Option<u16>)> {
    if let Ok(ip) = text.parse() {
        return Some((ip, None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, tail) = rest.split_once(']')?;
        let port = if tail.is_empty() { None } else { Some(port(tail.strip_prefix(':')?)?) };
        return ip.parse().ok().map(|ip| (IpAddr::V6(ip), port));
    }
    let (ip, digits) = text.split_once(':')?;
    Some((IpAddr::V4(ip.parse().ok()?), Some(port(digits)?)))
}

fn port(digits: &str) -> Option<u16> {
    let port = digits.bytes().all(|b| b.is_ascii_digit()).then(|| digits.parse().ok())?;
    port.filter(|&port| port != 0)
}

/// A word of `Domains=` (or of `search` in a foreign `resolv.conf`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SearchDomain {
    /// The domain without `~` and trailing dot; `.` is the root.
    pub name: String,
    /// Only routes queries and is no search domain: `~name`, `.` or `*`.
    pub route_only: bool,
}

impl SearchDomain {
    /// Reads one word; `None` if it is no domain name.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        let (route_only, name) = word.strip_prefix('~').map_or((false, word), |name| (true, name));
        if matches!(name, "." | "*") {
            return Some(Self { name: ".".to_owned(), route_only: true });
        }
        let name = name.strip_suffix('.').unwrap_or(name);
        let legal = name.len() <= 253 && name.split('.').all(|label| (1..=63).contains(&label.len()));
        legal.then(|| Self { name: name.to_owned(), route_only })
    }
}

/// An address of `DNSStubListenerExtra=`: `[udp:|tcp:]address[:port]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExtraListener {
    /// Listens on UDP.
    pub udp: bool,
    /// Listens on TCP.
    pub tcp: bool,
    /// The address.
    pub address: IpAddr,
    /// The port, 53 by default.
    pub port: u16,
}

impl ExtraListener {
    /// Reads the value; `None` if resolved ignores it.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (udp, tcp, rest) = match (value.strip_prefix("udp:"), value.strip_prefix("tcp:")) {
            (Some(rest), _) => (true, false, rest),
            (_, Some(rest)) => (false, true, rest),
            _ => (true, true, value),
        };
        let (address, port) = address_and_port(rest)?;
        Some(Self { udp, tcp, address, port: port.unwrap_or(53) })
    }
}

/// A value of a setting that is a boolean or one of a few words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// A true boolean.
    Yes,
    /// A false boolean.
    No,
    /// `udp` of `DNSStubListener=`.
    Udp,
    /// `tcp` of `DNSStubListener=`.
    Tcp,
    /// `no-negative` of `Cache=`.
    NoNegative,
    /// `resolve` of `LLMNR=` and `MulticastDNS=`.
    Resolve,
    /// `allow-downgrade` of `DNSSEC=`.
    AllowDowngrade,
    /// `opportunistic` of `DNSOverTLS=`.
    Opportunistic,
}

impl Mode {
    /// Reads a boolean in systemd's spellings, or a word of the file format.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let yes = ["1", "yes", "y", "true", "t", "on"];
        let no = ["0", "no", "n", "false", "f", "off"];
        if yes.iter().any(|word| value.eq_ignore_ascii_case(word)) {
            return Some(Self::Yes);
        }
        if no.iter().any(|word| value.eq_ignore_ascii_case(word)) {
            return Some(Self::No);
        }
        [Self::Udp, Self::Tcp, Self::NoNegative, Self::Resolve, Self::AllowDowngrade, Self::Opportunistic]
            .into_iter()
            .find(|mode| mode.word() == value)
    }

    /// The word as it stands in the file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::NoNegative => "no-negative",
            Self::Resolve => "resolve",
            Self::AllowDowngrade => "allow-downgrade",
            Self::Opportunistic => "opportunistic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_words() {
        for word in [
            "1.1.1.1",
            "1.1.1.1:54",
            "fe80::1%eth0",
            "[2001:db8::1]:9953%eth0#example.com",
            "2001:db8::1#dns.example",
            "1.1.1.1:853%2#x",
        ] {
            assert_eq!(DnsServer::parse(word).map(|s| s.to_string()).as_deref(), Some(word));
        }
        for word in [
            "",
            "x",
            "1.1.1",
            "1.1.1.1:",
            "1.1.1.1:x",
            "1.1.1.1:0",
            "1.1.1.1:70000",
            "1.1.1.1#",
            "1.1.1.1%",
            "[::1",
            "[1.1.1.1]:53",
            "1.1.1.1,2.2.2.2",
            "::1:x",
        ] {
            assert_eq!(DnsServer::parse(word), None, "{word}");
        }
        assert_eq!(DnsServer::parse("[::1]").map(|s| s.to_string()).as_deref(), Some("::1"));
    }

    #[test]
    fn its_own_stub_is_no_server() {
        for (word, dropped) in [
            ("0.0.0.0", true),
            ("::", true),
            ("127.0.0.53", true),
            ("127.0.0.54:54", true),
            ("127.0.0.1", false),
            ("::1", false),
        ] {
            assert_eq!(DnsServer::parse(word).map(|s| s.is_dropped()), Some(dropped), "{word}");
        }
    }

    #[test]
    fn domain_words() {
        let parse = |word| SearchDomain::parse(word).map(|d| (d.name, d.route_only));
        assert_eq!(parse("a.b."), Some(("a.b".to_owned(), false)));
        assert_eq!(parse("~corp"), Some(("corp".to_owned(), true)));
        for root in [".", "~.", "*", "~*"] {
            assert_eq!(parse(root), Some((".".to_owned(), true)), "{root}");
        }
        assert_eq!((parse("a..b"), parse("~"), parse(".a")), (None, None, None));
    }

    #[test]
    fn extra_listeners() {
        let parse = |value| ExtraListener::parse(value).map(|l| (l.udp, l.tcp, l.address.to_string(), l.port));
        assert_eq!(parse("10.0.0.1"), Some((true, true, "10.0.0.1".to_owned(), 53)));
        assert_eq!(parse("udp:[::1]:9953"), Some((true, false, "::1".to_owned(), 9953)));
        assert_eq!(parse("tcp:127.0.0.1:54"), Some((false, true, "127.0.0.1".to_owned(), 54)));
        assert_eq!(parse("10.0.0.1%eth0"), None);
    }
}
