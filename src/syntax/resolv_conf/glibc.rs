//! glibc as reader of `resolv.conf` (`resolv/res_init.c`, releases 2.23 to 2.43).

use crate::source::{Span, Spanned};

use super::address::{inet_aton, is_v6_link_local, v6_with_zone};
use super::resolver::{
    Environment, Flag, IgnoreReason, Nameserver, Origin, Resolver, Scope, SearchOrigin, Setting, SortEntry,
};
use super::words::{is_blank, is_white_space, split};
use super::{LineKind, ResolvConf};

/// A release of glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Glibc {
    /// Major version, 2 so far.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
}

/// Highest `ndots` (`RES_MAXNDOTS`); the field has four bits.
pub const MAX_NDOTS: i32 = 15;
/// Highest `timeout` in seconds (`RES_MAXRETRANS`).
pub const MAX_TIMEOUT: i32 = 30;
/// Highest `attempts` (`RES_MAXRETRY`).
pub const MAX_ATTEMPTS: i32 = 5;
/// Search domains that releases before 2.26 keep (`MAXDNSRCH`).
pub const OLD_MAX_SEARCH: usize = 6;
/// Characters of search text that releases before 2.26 keep.
pub const OLD_MAX_SEARCH_CHARACTERS: usize = 255;
/// Bytes of a line that releases before 2.26 read at once; the tail counts as a new line.
const OLD_LINE_BYTES: usize = 8191;
/// `sortlist` pairs that are kept (`MAXRESOLVSORT`).
const MAX_SORTLIST: usize = 10;

impl Glibc {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    fn is_at_least(self, minor: u32) -> bool {
        self >= Self::new(2, minor)
    }

    /// Whether the whole search list is kept (2.26); before, six domains and 255 characters.
    #[must_use]
    pub fn has_unlimited_search(self) -> bool {
        self.is_at_least(26)
    }
}

/// Reads the file as `res_init()` of `version` does.
#[must_use]
pub fn read(conf: &ResolvConf, version: Glibc, env: &Environment<'_>) -> Resolver {
    let mut reader = Glib { version, env, resolver: Resolver::new() };
    for line in &conf.lines {
        for (text, start) in chunks(&line.raw, line.span.start, version) {
            reader.line(text, start);
        }
    }
    reader.finish()
}

/// The pieces that the parser sees as lines: the line itself, or buffers of 8191 bytes before 2.26.
fn chunks(raw: &str, start: usize, version: Glibc) -> Vec<(&str, usize)> {
    if version.is_at_least(26) || raw.len() < OLD_LINE_BYTES {
        return vec![(raw, start)];
    }
    let mut pieces = Vec::new();
    let (mut rest, mut offset) = (raw, start);
    while rest.len() > OLD_LINE_BYTES {
        let (piece, tail) = rest.split_at_checked(floor_char_boundary(rest, OLD_LINE_BYTES)).unwrap_or((rest, ""));
        pieces.push((piece, offset));
        offset += piece.len();
        rest = tail;
    }
    pieces.push((rest, offset));
    pieces
}

/// The last character boundary at or before `index`.
fn floor_char_boundary(text: &str, index: usize) -> usize {
    (0..=index).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0)
}

struct Glib<'a> {
    version: Glibc,
    env: &'a Environment<'a>,
    resolver: Resolver,
}

impl Glib<'_> {
    fn line(&mut self, text: &str, start: usize) {
        if text.starts_with(['#', ';']) {
            return;
        }
        let seen = text.split('\0').next().unwrap_or_default();
        if seen.len() < text.len() {
            self.resolver.ignore(Span::new(start + seen.len(), start + text.len()), IgnoreReason::NulByte);
        }
        let line = Span::new(start, start + seen.len());
        let Some((kind, value, value_start)) = keyword(seen, start) else {
            return self.unread(seen, start);
        };
        match kind {
            LineKind::Nameserver => self.nameserver(line, value, value_start),
            LineKind::Domain => self.domain(line, value, value_start),
            LineKind::Search => self.search(line, value, value_start),
            LineKind::Sortlist => self.sortlist(value, value_start),
            LineKind::Options => self.options(value, Some(value_start)),
            LineKind::Blank | LineKind::Comment | LineKind::Unknown => {}
        }
    }

    /// Notes why a line without keyword in column 1 is not read.
    fn unread(&mut self, text: &str, start: usize) {
        let mut words = split(text, start, is_white_space);
        let Some(first) = words.next().filter(|w| !w.text.starts_with(['#', ';'])) else { return };
        let span = Span::new(first.span.start, start + text.trim_end().len());
        let reason = match LineKind::of(first.text) {
            LineKind::Unknown => IgnoreReason::UnknownKeyword,
            _ if first.span.start > start => IgnoreReason::Indented,
            _ if words.next().is_none() => IgnoreReason::NoValue,
            // The keyword is followed by VT, FF or CR, which are no blanks here.
            _ => IgnoreReason::UnknownKeyword,
        };
        self.resolver.ignore(span, reason);
    }

    fn nameserver(&mut self, line: Span, value: &str, start: usize) {
        let mut words = split(value, start, is_blank);
        let Some(word) = words.next() else { return self.resolver.ignore(line, IgnoreReason::NoValue) };
        match self.address(word.text) {
            Some(address) => self.resolver.nameservers.push(Spanned::new(address, word.span)),
            None => self.resolver.ignore(word.span, IgnoreReason::NotAnAddress),
        }
        self.ignore_rest(words.map(|w| w.span));
    }

    fn address(&self, text: &str) -> Option<Nameserver> {
        // Up to 2.28 inet_aton() stopped at white space, which lets a carriage return pass.
        let v4 = if self.version.is_at_least(29) { text } else { text.split(is_white_space).next()? };
        if let Some(ip) = inet_aton(v4) {
            return Some(Nameserver::plain(ip));
        }
        let (ip, zone) = v6_with_zone(text)?;
        let scope = zone.and_then(|zone| self.scope(zone, is_v6_link_local(ip)));
        Some(Nameserver { address: ip.into(), scope })
    }

    /// The zone of an address: an interface for link-local ones, else a number; a bad zone becomes none.
    fn scope(&self, zone: &str, link_local: bool) -> Option<Scope> {
        if link_local && let Some(index) = self.env.interfaces.and_then(|known| known.get(zone)) {
            return Some(Scope::Index(*index));
        }
        if zone.starts_with(|c: char| c.is_ascii_digit()) {
            return zone.parse().ok().filter(|&index| index != 0).map(Scope::Index);
        }
        (link_local && self.env.interfaces.is_none() && !zone.is_empty()).then(|| Scope::Name(zone.to_owned()))
    }

    fn domain(&mut self, line: Span, value: &str, start: usize) {
        let mut words = split(value, start, is_blank);
        let Some(word) = words.next() else { return self.resolver.ignore(line, IgnoreReason::NoValue) };
        self.resolver.replace_search(line, vec![Spanned::new(word.text.to_owned(), word.span)]);
        self.ignore_rest(words.map(|w| w.span));
    }

    fn search(&mut self, line: Span, value: &str, start: usize) {
        let all = split(value, start, is_blank).collect::<Vec<_>>();
        let Some(first) = all.first() else { return self.resolver.ignore(line, IgnoreReason::NoValue) };
        let (end, max) = if self.version.has_unlimited_search() {
            (usize::MAX, usize::MAX)
        } else {
            (first.span.start + OLD_MAX_SEARCH_CHARACTERS, OLD_MAX_SEARCH)
        };
        let mut domains = Vec::new();
        for word in &all {
            let kept = end.saturating_sub(word.span.start).min(word.text.len());
            let kept = floor_char_boundary(word.text, kept);
            if domains.len() < max && kept > 0 {
                let text = word.text.get(..kept).unwrap_or(word.text);
                domains.push(Spanned::new(text.to_owned(), Span::new(word.span.start, word.span.start + kept)));
            }
            if domains.len() >= max && domains.last().is_some_and(|d| d.span.start < word.span.start)
                || kept < word.text.len()
            {
                self.resolver.ignore(word.span, IgnoreReason::SearchLimit);
            }
        }
        self.resolver.replace_search(line, domains);
    }

    fn sortlist(&mut self, value: &str, start: usize) {
        let text = value.split(';').next().unwrap_or_default();
        for word in split(text, start, is_white_space) {
            let (net, mask) = word.text.split_once(['/', '&']).map_or((word.text, None), |(n, m)| (n, Some(m)));
            match inet_aton(net) {
                Some(address) if self.resolver.sortlist.len() < MAX_SORTLIST => {
                    let entry = SortEntry { address, mask: mask.and_then(inet_aton) };
                    self.resolver.sortlist.push(Spanned::new(entry, word.span));
                }
                Some(_) => self.resolver.ignore(word.span, IgnoreReason::ExtraWord),
                None => self.resolver.ignore(word.span, IgnoreReason::NotAnAddress),
            }
        }
    }

    /// Applies an options line, or `RES_OPTIONS` if `start` is none.
    fn options(&mut self, value: &str, start: Option<usize>) {
        let base = start.unwrap_or(0);
        for word in split(value, base, is_blank) {
            // The number is read from the text of the line, so blanks after the colon are skipped.
            let tail = value.get(word.span.start - base..).unwrap_or(word.text);
            let span = if start.is_some() { word.span } else { Span::default() };
            if !self.number(tail, span, start.is_some()) && !self.flag(word.text, span) {
                self.resolver.ignore(span, IgnoreReason::UnknownOption);
            }
        }
    }

    fn number(&mut self, tail: &str, span: Span, in_file: bool) -> bool {
        let origin = if in_file { Origin::File(span) } else { Origin::Environment };
        let resolver = &mut self.resolver;
        let (setting, value) = if let Some(text) = tail.strip_prefix("ndots:") {
            (&mut resolver.ndots, atoi(text).min(MAX_NDOTS) & MAX_NDOTS)
        } else if let Some(text) = tail.strip_prefix("timeout:") {
            (&mut resolver.timeout, atoi(text).min(MAX_TIMEOUT))
        } else if let Some(text) = tail.strip_prefix("attempts:") {
            (&mut resolver.attempts, atoi(text).min(MAX_ATTEMPTS))
        } else {
            return false;
        };
        *setting = Setting { value, origin };
        true
    }

    /// Applies a flag; options match by prefix, the first of the table wins.
    fn flag(&mut self, word: &str, span: Span) -> bool {
        let (clears, name) = match word.strip_prefix('-') {
            Some(rest) if self.version.is_at_least(41) => (true, rest),
            _ => (false, word),
        };
        let known = FLAGS.iter().find(|known| known.exists_in(self.version) && name.starts_with(known.prefix));
        let Some(known) = known else { return false };
        match known.flag {
            Some(flag) if clears => drop(self.resolver.flags.remove(&flag)),
            Some(flag) => drop(self.resolver.flags.insert(flag, span)),
            None => {}
        }
        true
    }

    fn ignore_rest(&mut self, spans: impl Iterator<Item = Span>) {
        if let Some(span) = spans.reduce(Span::join) {
            self.resolver.ignore(span, IgnoreReason::ExtraWord);
        }
    }

    fn finish(mut self) -> Resolver {
        if let Some(domains) = self.env.localdomain {
            if let SearchOrigin::Line(line) = self.resolver.search_origin {
                self.resolver.ignore(line, IgnoreReason::Environment);
            }
            let words = split(domains, 0, is_blank).map(|w| Spanned::new(w.text.to_owned(), Span::default()));
            self.resolver.search = words.collect();
            self.resolver.search_origin = SearchOrigin::Localdomain;
        } else if self.resolver.search_origin == SearchOrigin::None {
            self.resolver.search_from_host_name(self.env.host_name);
        }
        if let Some(options) = self.env.res_options {
            self.options(options, None);
        }
        self.resolver.finish(&[Nameserver::plain(std::net::Ipv4Addr::LOCALHOST)]);
        self.resolver
    }
}

/// The keyword in column 1 and the text after the blank that must follow it.
fn keyword(text: &str, start: usize) -> Option<(LineKind, &str, usize)> {
    let end = text.find(is_blank)?;
    let (word, value) = text.split_at_checked(end)?;
    let kind = LineKind::of(word);
    (!matches!(kind, LineKind::Unknown | LineKind::Blank)).then_some((kind, value, start + end))
}

/// `atoi()` of a 64-bit glibc: blanks, sign and digits of a `long`, cut down to an `int`.
fn atoi(text: &str) -> i32 {
    let text = text.trim_start_matches(is_white_space);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = digits
        .bytes()
        .take_while(u8::is_ascii_digit)
        .fold(0_i64, |value, digit| value.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
    let long = if negative { magnitude.saturating_neg() } else { magnitude };
    // Truncation is what the C code does with an overflowing number.
    (long & 0xffff_ffff) as u32 as i32
}

struct KnownFlag {
    prefix: &'static str,
    /// `None` for words that are accepted without effect.
    flag: Option<Flag>,
    /// First minor release that knows it (0: all).
    since: u32,
    /// First minor release that no longer knows it.
    until: u32,
}

impl KnownFlag {
    fn exists_in(&self, version: Glibc) -> bool {
        version >= Glibc::new(2, self.since) && version < Glibc::new(2, self.until)
    }
}

const fn known(prefix: &'static str, flag: Option<Flag>, since: u32, until: u32) -> KnownFlag {
    KnownFlag { prefix, flag, since, until }
}

const STILL: u32 = u32::MAX;

/// The flags of `res_setoptions()` in the order of comparison.
const FLAGS: &[KnownFlag] = &[
    known("debug", None, 0, STILL),
    known("no_tld_query", Some(Flag::NoTldQuery), 14, STILL),
    known("no-tld-query", Some(Flag::NoTldQuery), 14, STILL),
    known("inet6", Some(Flag::Inet6), 0, 30),
    known("ip6-bytestring", None, 0, 25),
    known("ip6-dotint", None, 0, 25),
    known("no-ip6-dotint", None, 0, 25),
    known("rotate", Some(Flag::Rotate), 0, STILL),
    known("no-check-names", Some(Flag::NoCheckNames), 0, 25),
    known("edns0", Some(Flag::Edns0), 6, STILL),
    known("single-request-reopen", Some(Flag::SingleRequestReopen), 11, STILL),
    known("single-request", Some(Flag::SingleRequest), 10, STILL),
    known("no-reload", Some(Flag::NoReload), 26, STILL),
    known("use-vc", Some(Flag::UseVc), 14, STILL),
    known("trust-ad", Some(Flag::TrustAd), 31, STILL),
    known("no-aaaa", Some(Flag::NoAaaa), 36, STILL),
    known("strict-error", Some(Flag::StrictError), 41, STILL),
];

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Glibc = Glibc::new(2, 36);

    fn read_text(text: &str, env: &Environment<'_>) -> Resolver {
        read(&ResolvConf::parse(text), NOW, env)
    }

    fn domains(resolver: &Resolver) -> Vec<&str> {
        resolver.search.iter().map(|d| d.value.as_str()).collect()
    }

    #[test]
    fn localdomain_replaces_the_file_even_if_empty() {
        let mut env = Environment { localdomain: Some("x y"), host_name: Some("h.corp"), ..Environment::default() };
        let resolver = read_text("search a\n", &env);
        assert_eq!(domains(&resolver), ["x", "y"]);
        assert_eq!(resolver.search_origin, SearchOrigin::Localdomain);
        env.localdomain = Some("");
        assert_eq!(domains(&read_text("search a\n", &env)), [""; 0]);
    }

    #[test]
    fn res_options_come_last() {
        let env = Environment { res_options: Some("ndots:3 rotate"), ..Environment::default() };
        let resolver = read_text("options ndots:9 attempts:3\n", &env);
        assert_eq!(resolver.ndots, Setting { value: 3, origin: Origin::Environment });
        assert_eq!(resolver.attempts.value, 3);
        assert!(resolver.flags.contains_key(&Flag::Rotate));
    }

    #[test]
    fn a_search_line_hides_the_host_name_domain() {
        let env = Environment { host_name: Some("n1.corp.example"), ..Environment::default() };
        assert_eq!(domains(&read_text("search lan\n", &env)), ["lan"]);
        let derived = read_text("search\n", &env);
        assert_eq!((domains(&derived), derived.search_origin), (vec!["corp.example"], SearchOrigin::HostName));
    }

    #[test]
    fn reasons_and_places_of_what_is_ignored() {
        let text = " search a\nnameserver x 1\nnameservers 1\nsearch b\ndomain c d\noptions foo\nnameserver\n";
        let resolver = read_text(text, &Environment::default());
        let got = resolver.ignored.iter().map(|i| (i.span.text(text), i.reason)).collect::<Vec<_>>();
        assert_eq!(
            got,
            [
                ("search a", IgnoreReason::Indented),
                ("x", IgnoreReason::NotAnAddress),
                ("1", IgnoreReason::ExtraWord),
                ("nameservers 1", IgnoreReason::UnknownKeyword),
                ("search b", IgnoreReason::Replaced),
                ("d", IgnoreReason::ExtraWord),
                ("foo", IgnoreReason::UnknownOption),
                ("nameserver", IgnoreReason::NoValue),
            ]
        );
    }

    #[test]
    fn the_fourth_server_is_valid_but_unused() {
        let text = "nameserver 1.1.1.1\nnameserver 1.1.1.2\nnameserver 1.1.1.3\nnameserver 1.1.1.4\n";
        let resolver = read_text(text, &Environment::default());
        assert_eq!((resolver.nameservers.len(), resolver.used.len()), (4, 3));
        assert_eq!(
            resolver.ignored.first().map(|i| (i.span.text(text), i.reason)),
            Some(("1.1.1.4", IgnoreReason::TooManyNameservers))
        );
    }

    #[test]
    fn an_unknown_interface_is_kept_while_interfaces_are_unknown() {
        let resolver = read_text("nameserver fe80::1%eth0\n", &Environment::default());
        assert_eq!(resolver.used.first().map(|ns| ns.value.to_string()).as_deref(), Some("fe80::1%eth0"));
    }

    #[test]
    fn numbers_are_read_like_atoi() {
        for (text, want) in [("5abc", 5), (" 7", 7), ("x", 0), ("", 0), ("-3", -3), ("99999999999999999999", -1)] {
            assert_eq!(atoi(text), want, "{text:?}");
        }
    }

    #[test]
    fn old_releases_note_what_the_search_limit_cuts() {
        let text = "search a b c d e f g\n";
        let old = read(&ResolvConf::parse(text), Glibc::new(2, 25), &Environment::default());
        assert_eq!(domains(&old), ["a", "b", "c", "d", "e", "f"]);
        let cut = old.ignored.iter().map(|i| (i.span.text(text), i.reason)).collect::<Vec<_>>();
        assert_eq!(cut, [("g", IgnoreReason::SearchLimit)]);
    }
}
