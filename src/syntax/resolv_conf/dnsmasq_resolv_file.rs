//! dnsmasq as reader of its `resolv-file` (`reload_servers()` in network.c, 2.90).

use std::net::IpAddr;

use crate::source::{Span, Spanned};

use super::ResolvConf;
use super::address::{strict, v6_with_zone};
use super::resolver::{IgnoreReason, Ignored, Nameserver, Scope};
use super::words::split;

/// The upstreams that dnsmasq takes from a resolv-file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Upstreams {
    /// Addresses in order, without a limit. 0.0.0.0, `::` and dnsmasq's own addresses are dropped only later.
    pub servers: Vec<Spanned<Nameserver>>,
    /// Server lines that have no effect.
    pub ignored: Vec<Ignored>,
}

/// Reads the file as dnsmasq does: `nameserver` or `server`, indented or not, with one strict address.
#[must_use]
pub fn read(conf: &ResolvConf) -> Upstreams {
    let mut upstreams = Upstreams::default();
    for line in &conf.lines {
        let mut words = split(&line.raw, line.span.start, is_separator);
        let Some(keyword) = words.next().filter(|k| matches!(k.text, "nameserver" | "server")) else { continue };
        let Some(word) = words.next() else {
            upstreams.ignored.push(Ignored { span: keyword.span, reason: IgnoreReason::NoValue });
            continue;
        };
        match address(word.text) {
            Some(server) => upstreams.servers.push(Spanned::new(server, word.span)),
            None => upstreams.ignored.push(Ignored { span: word.span, reason: IgnoreReason::NotAnAddress }),
        }
        if let Some(span) = words.map(|w| w.span).reduce(Span::join) {
            upstreams.ignored.push(Ignored { span, reason: IgnoreReason::ExtraWord });
        }
    }
    upstreams
}

const fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn address(text: &str) -> Option<Nameserver> {
    if let Some(IpAddr::V4(ip)) = strict(text) {
        return Some(Nameserver::plain(ip));
    }
    let (ip, zone) = v6_with_zone(text)?;
    Some(Nameserver { address: ip.into(), scope: zone.map(|zone| Scope::Name(zone.to_owned())) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_lines_without_limit() {
        let text = "  nameserver 1.1.1.1 # x\nserver 1.0.0.1\r\nnameserver 9.9.9.9#5353\nnameserver 127.1\n\
                    nameserver fe80::1%eth0\nnameserver 8.8.8.8\nnameserver\n# nameserver 7.7.7.7\nsearch a\n";
        let upstreams = read(&ResolvConf::parse(text));
        let servers = upstreams.servers.iter().map(|s| s.value.to_string()).collect::<Vec<_>>();
        assert_eq!(servers, ["1.1.1.1", "1.0.0.1", "fe80::1%eth0", "8.8.8.8"]);
        let ignored = upstreams.ignored.iter().map(|i| (i.span.text(text), i.reason)).collect::<Vec<_>>();
        assert_eq!(
            ignored,
            [
                ("# x", IgnoreReason::ExtraWord),
                ("9.9.9.9#5353", IgnoreReason::NotAnAddress),
                ("127.1", IgnoreReason::NotAnAddress),
                ("nameserver", IgnoreReason::NoValue),
            ]
        );
    }
}
