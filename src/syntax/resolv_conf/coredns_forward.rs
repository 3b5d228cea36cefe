//! CoreDNS' `forward . FILE` as reader of a `resolv.conf` (miekg/dns `ClientConfigFromReader`, `plugin/pkg/parse`).

use crate::source::{Span, Spanned};

use super::ResolvConf;
use super::words::split;

/// An upstream that CoreDNS takes from the file; the port is always 53.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ForwardNameserver {
    /// The second word of the line without its zone. It is not checked: a host name is dialled at query time.
    pub host: String,
    /// The zone that was cut off, which makes a link-local server unreachable.
    pub stripped_zone: Option<String>,
}

/// Every `nameserver` of the file in order: no limit of three, no duplicates removed, nothing checked. `search`,
/// `domain` and `options` have no effect.
#[must_use]
pub fn nameservers(conf: &ResolvConf) -> Vec<Spanned<ForwardNameserver>> {
    conf.lines.iter().filter_map(|line| nameserver(&line.raw, line.span)).collect()
}

fn nameserver(raw: &str, line: Span) -> Option<Spanned<ForwardNameserver>> {
    let mut words = split(raw, line.start, char::is_whitespace);
    words.next().filter(|keyword| keyword.text == "nameserver")?;
    let word = words.next()?;
    let (host, zone) = word.text.split_once('%').map_or((word.text, None), |(host, zone)| (host, Some(zone)));
    let server = ForwardNameserver { host: host.to_owned(), stripped_zone: zone.map(str::to_owned) };
    Some(Spanned::new(server, word.span))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_counts_unchecked() {
        let text = " nameserver 1.1.1.1 # x\nNameserver 9.9.9.9\nnameserver\nnameserver fe80::1%2\nnameserver dns.corp\n\
                    nameserver 1.1.1.1\nnameserver 1.0.0.1\n#nameserver 7.7.7.7\nsearch a\n";
        let servers = nameservers(&ResolvConf::parse(text));
        let hosts = servers.iter().map(|s| s.value.host.as_str()).collect::<Vec<_>>();
        assert_eq!(hosts, ["1.1.1.1", "fe80::1", "dns.corp", "1.1.1.1", "1.0.0.1"]);
        assert_eq!(servers.get(1).and_then(|s| s.value.stripped_zone.as_deref()), Some("2"));
        assert_eq!(servers.get(1).map(|s| s.span.text(text)), Some("fe80::1%2"));
    }
}
