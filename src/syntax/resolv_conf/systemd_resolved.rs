//! systemd-resolved as reader of a foreign `/etc/resolv.conf` (`resolved-resolv-conf.c`).

use crate::source::{Span, Spanned};
use crate::syntax::resolved::{DnsServer, SearchDomain};

use super::resolver::{IgnoreReason, Ignored};
use super::words::{is_white_space, split};
use super::{LineKind, ResolvConf};

/// What resolved takes from a file that it does not manage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Foreign {
    /// Servers of all lines, several a line allowed, in resolved's own word syntax.
    pub servers: Vec<Spanned<DnsServer>>,
    /// Domains of all `search` and `domain` lines; they accumulate.
    pub domains: Vec<Spanned<SearchDomain>>,
    /// What has no effect.
    pub ignored: Vec<Ignored>,
}

/// Reads the file as resolved does when `/etc/resolv.conf` is none of its own ("foreign" mode).
#[must_use]
pub fn read(conf: &ResolvConf) -> Foreign {
    let mut foreign = Foreign::default();
    for line in &conf.lines {
        let words = split(&line.raw, line.span.start, is_white_space).collect::<Vec<_>>();
        let Some((keyword, arguments)) = words.split_first() else { continue };
        let arguments = arguments.iter().map(|w| Spanned::new(w.text.to_owned(), w.span));
        match LineKind::of(keyword.text) {
            LineKind::Nameserver => arguments.for_each(|word| foreign.server(&word)),
            LineKind::Search | LineKind::Domain => arguments.for_each(|word| foreign.domain(&word)),
            LineKind::Comment | LineKind::Blank => {}
            LineKind::Options | LineKind::Sortlist | LineKind::Unknown => {
                let span = Span::new(keyword.span.start, words.last().map_or(keyword.span.end, |w| w.span.end));
                foreign.ignored.push(Ignored { span, reason: IgnoreReason::UnknownKeyword });
            }
        }
    }
    foreign
}

impl Foreign {
    fn server(&mut self, word: &Spanned<String>) {
        match DnsServer::parse(&word.value) {
            // 0.0.0.0, `::` and the stub's own addresses are left out without a message.
            Some(server) if !server.is_dropped() => self.servers.push(Spanned::new(server, word.span)),
            _ => self.ignored.push(Ignored { span: word.span, reason: IgnoreReason::NotAnAddress }),
        }
    }

    fn domain(&mut self, word: &Spanned<String>) {
        match SearchDomain::parse(&word.value) {
            Some(domain) => self.domains.push(Spanned::new(domain, word.span)),
            None => self.ignored.push(Ignored { span: word.span, reason: IgnoreReason::DroppedDomain }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_and_domains_accumulate() {
        let text = "  nameserver 1.1.1.1 9.9.9.9:54#dns.quad9.net bad 127.0.0.53\n; x\nnameserver 0.0.0.0 127.0.0.1\n\
                    search a .\ndomain b c\noptions ndots:5\n";
        let foreign = read(&ResolvConf::parse(text));
        let servers = foreign.servers.iter().map(|s| s.value.to_string()).collect::<Vec<_>>();
        assert_eq!(servers, ["1.1.1.1", "9.9.9.9:54#dns.quad9.net", "127.0.0.1"]);
        let domains = foreign.domains.iter().map(|d| (d.value.name.as_str(), d.value.route_only)).collect::<Vec<_>>();
        assert_eq!(domains, [("a", false), (".", true), ("b", false), ("c", false)]);
        let ignored = foreign.ignored.iter().map(|i| i.span.text(text)).collect::<Vec<_>>();
        assert_eq!(ignored, ["bad", "127.0.0.53", "0.0.0.0", "options ndots:5"]);
    }
}
