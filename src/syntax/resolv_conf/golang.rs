//! Go's own resolver as reader of `resolv.conf` (`net/dnsconfig_unix.go`).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::source::{Span, Spanned};

use super::address::{strict, v6_with_zone};
use super::resolver::{Environment, Flag, IgnoreReason, Nameserver, Origin, Resolver, Scope, Setting};
use super::words::{Word, split};
use super::{Line, LineKind, ResolvConf};

/// A release of Go (of the toolchain that built the program).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Go {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
}

impl Go {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// Releases that know `edns0`, `trust-ad` and `no-reload` and drop a search domain `.`: 1.19 does not, 1.24 does;
    /// the releases between were not measured.
    fn is_modern(self) -> bool {
        self > Self::new(1, 19)
    }
}

/// Highest `ndots`.
pub const MAX_NDOTS: i32 = 15;
/// Where Go's number reader stops counting.
const BIG: i32 = 0xff_ffff;

/// Reads the file as a program built with `version` does when it does not use the C library.
#[must_use]
pub fn read(conf: &ResolvConf, version: Go, env: &Environment<'_>) -> Resolver {
    let mut reader = Reader { version, resolver: Resolver::new() };
    for line in &conf.lines {
        reader.line(line);
    }
    let Reader { mut resolver, .. } = reader;
    if resolver.search.is_empty() {
        resolver.search_from_host_name(env.host_name);
        for domain in &mut resolver.search {
            domain.value = rooted(&domain.value);
        }
    }
    resolver.finish(&[Nameserver::plain(Ipv4Addr::LOCALHOST), Nameserver::plain(Ipv6Addr::LOCALHOST)]);
    resolver
}

const fn is_separator(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r')
}

/// The domain with a dot at its end.
fn rooted(domain: &str) -> String {
    if domain.ends_with('.') { domain.to_owned() } else { format!("{domain}.") }
}

struct Reader {
    version: Go,
    resolver: Resolver,
}

impl Reader {
    fn line(&mut self, line: &Line) {
        if line.raw.starts_with(['#', ';']) {
            return;
        }
        let words = split(&line.raw, line.span.start, is_separator).collect::<Vec<_>>();
        let Some((keyword, arguments)) = words.split_first() else { return };
        match LineKind::of(keyword.text) {
            LineKind::Nameserver => self.nameserver(keyword, arguments),
            LineKind::Domain => self.domain(line, keyword, arguments),
            LineKind::Search => self.search(line, arguments),
            LineKind::Options => arguments.iter().for_each(|word| self.option(word)),
            // An OpenBSD keyword that Go knows.
            LineKind::Unknown if keyword.text == "lookup" => {}
            _ => {
                let end = words.last().map_or(keyword.span.end, |last| last.span.end);
                self.unknown(Span::new(keyword.span.start, end), IgnoreReason::UnknownKeyword);
            }
        }
    }

    fn unknown(&mut self, span: Span, reason: IgnoreReason) {
        self.resolver.unknown_option.get_or_insert(span);
        self.resolver.ignore(span, reason);
    }

    fn nameserver(&mut self, keyword: &Word<'_>, arguments: &[Word<'_>]) {
        let Some((word, extra)) = arguments.split_first() else {
            return self.resolver.ignore(keyword.span, IgnoreReason::NoValue);
        };
        match parse_addr(word.text) {
            Some(address) => self.resolver.nameservers.push(Spanned::new(address, word.span)),
            None => self.resolver.ignore(word.span, IgnoreReason::NotAnAddress),
        }
        self.ignore_rest(extra);
    }

    fn domain(&mut self, line: &Line, keyword: &Word<'_>, arguments: &[Word<'_>]) {
        let Some((word, extra)) = arguments.split_first() else {
            return self.resolver.ignore(keyword.span, IgnoreReason::NoValue);
        };
        self.resolver.replace_search(line.span, vec![Spanned::new(rooted(word.text), word.span)]);
        self.ignore_rest(extra);
    }

    fn search(&mut self, line: &Line, arguments: &[Word<'_>]) {
        let mut domains = Vec::new();
        for word in arguments {
            let domain = rooted(word.text);
            if domain == "." && self.version.is_modern() {
                self.resolver.ignore(word.span, IgnoreReason::DroppedDomain);
            } else {
                domains.push(Spanned::new(domain, word.span));
            }
        }
        self.resolver.replace_search(line.span, domains);
    }

    fn option(&mut self, word: &Word<'_>) {
        let origin = Origin::File(word.span);
        let resolver = &mut self.resolver;
        if let Some(text) = word.text.strip_prefix("ndots:") {
            resolver.ndots = Setting { value: number(text).clamp(0, MAX_NDOTS), origin };
        } else if let Some(text) = word.text.strip_prefix("timeout:") {
            resolver.timeout = Setting { value: number(text).max(1), origin };
        } else if let Some(text) = word.text.strip_prefix("attempts:") {
            resolver.attempts = Setting { value: number(text).max(1), origin };
        } else {
            self.flag(word);
        }
    }

    fn flag(&mut self, word: &Word<'_>) {
        let flag = match word.text {
            "rotate" => Flag::Rotate,
            "single-request" | "single-request-reopen" => Flag::SingleRequest,
            "use-vc" | "usevc" | "tcp" => Flag::UseVc,
            // EDNS(0) is always sent.
            "edns0" if self.version.is_modern() => return,
            "trust-ad" if self.version.is_modern() => Flag::TrustAd,
            "no-reload" if self.version.is_modern() => Flag::NoReload,
            _ => return self.unknown(word.span, IgnoreReason::UnknownOption),
        };
        self.resolver.flags.insert(flag, word.span);
    }

    fn ignore_rest(&mut self, extra: &[Word<'_>]) {
        if let Some(span) = extra.iter().map(|w| w.span).reduce(Span::join) {
            self.resolver.ignore(span, IgnoreReason::ExtraWord);
        }
    }
}

/// `netip.ParseAddr`: strict IPv4, or IPv6 with any non-empty zone, which is kept as text.
fn parse_addr(text: &str) -> Option<Nameserver> {
    if let Some(ip) = strict(text) {
        return Some(Nameserver::plain(ip));
    }
    let (ip, zone) = v6_with_zone(text)?;
    let zone = zone.filter(|zone| !zone.is_empty())?;
    Some(Nameserver { address: ip.into(), scope: Some(Scope::Name(zone.to_owned())) })
}

/// Decimal digits at the start of the text, 0 if there is none; very large numbers stop at a bound.
fn number(text: &str) -> i32 {
    let digits = text.bytes().take_while(u8::is_ascii_digit);
    digits.fold(0_i32, |value, digit| value.saturating_mul(10).saturating_add(i32::from(digit - b'0')).min(BIG))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_root_domain_brings_the_host_name_domain_back() {
        let env = Environment { host_name: Some("n1.corp.example"), ..Environment::default() };
        let conf = ResolvConf::parse("search .\n");
        let search = |version| read(&conf, version, &env).search.iter().map(|d| d.value.clone()).collect::<Vec<_>>();
        assert_eq!(search(Go::new(1, 24)), ["corp.example."]);
        assert_eq!(search(Go::new(1, 19)), ["."]);
    }

    #[test]
    fn numbers_stop_growing() {
        assert_eq!(number("99999999999999"), BIG);
        assert_eq!(number("5abc"), 5);
        assert_eq!(number("x"), 0);
    }

    #[test]
    fn the_first_unknown_word_is_remembered() {
        let text = "options rotate foo bar\n";
        let resolver = read(&ResolvConf::parse(text), Go::new(1, 24), &Environment::default());
        assert_eq!(resolver.unknown_option.map(|s| s.text(text)), Some("foo"));
        assert_eq!(resolver.ignored.len(), 2);
    }

    #[test]
    fn addresses_are_strict() {
        for bad in ["127.1", "010.0.0.1", "fe80::1%", "10.0.0.1%eth0", "[::1]"] {
            assert_eq!(parse_addr(bad), None, "{bad}");
        }
        assert_eq!(parse_addr("fe80::1%eth0").map(|ns| ns.to_string()).as_deref(), Some("fe80::1%eth0"));
    }
}
