//! musl as reader of `resolv.conf` (`src/network/resolvconf.c`, unchanged from 1.1.17 to 1.2.6).

use std::borrow::Cow;

use crate::source::{Span, Spanned};

use super::address::{inet_aton, is_v6_link_local, v6_with_zone};
use super::resolver::{Environment, IgnoreReason, Nameserver, Origin, Resolver, Scope, Setting};
use super::words::{Word, is_white_space, split};
use super::{Line, LineKind, ResolvConf};

/// A release of musl. The parser is the same in all; how names are asked for changed with 1.2.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Musl {
    /// Major version.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Patch number.
    pub patch: u32,
}

impl Musl {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Whether `search` and `domain` lines are read at all (1.1.13).
    #[must_use]
    pub fn has_search(self) -> bool {
        self >= Self::new(1, 1, 13)
    }
}

/// Bytes of a line, newline included, that musl's buffer cannot take: the line is dropped whole.
pub const LINE_LIMIT: usize = 256;
/// Highest `ndots`.
pub const MAX_NDOTS: i32 = 15;
/// Highest `timeout` in seconds.
pub const MAX_TIMEOUT: i32 = 60;
/// Highest `attempts`.
pub const MAX_ATTEMPTS: i32 = 10;

/// Reads the file as `__get_resolv_conf()` of `version` does.
#[must_use]
pub fn read(conf: &ResolvConf, version: Musl, env: &Environment<'_>) -> Resolver {
    let mut reader = Reader { version, env, resolver: Resolver::new() };
    let mut swallow_next = false;
    for (index, line) in conf.lines.iter().enumerate() {
        let terminated = conf.is_terminated(index);
        if std::mem::take(&mut swallow_next) {
            reader.resolver.ignore(line.span, IgnoreReason::NulByte);
        } else if line.raw.len() + 1 >= LINE_LIMIT {
            reader.too_long(line);
        } else if line.raw.contains('\0') && terminated {
            // The buffer seems to hold no newline, so the reader skips to the next one, which ends the next line.
            reader.resolver.ignore(line.span, IgnoreReason::NulByte);
            swallow_next = true;
        } else {
            reader.line(line, terminated);
        }
    }
    reader.resolver.finish(&[Nameserver::plain(std::net::Ipv4Addr::LOCALHOST)]);
    reader.resolver
}

struct Reader<'a> {
    version: Musl,
    env: &'a Environment<'a>,
    resolver: Resolver,
}

impl Reader<'_> {
    fn too_long(&mut self, line: &Line) {
        if !matches!(line.kind, LineKind::Blank | LineKind::Comment) {
            self.resolver.ignore(line.span, IgnoreReason::LineTooLong);
        }
    }

    fn line(&mut self, line: &Line, terminated: bool) {
        let seen = line.raw.split('\0').next().unwrap_or_default();
        let newline = terminated && seen.len() == line.raw.len();
        let text = if newline { Cow::Owned(format!("{seen}\n")) } else { Cow::Borrowed(seen) };
        // A keyword must be followed by white space; the newline counts, the end of the file does not.
        let keyword = text.find(is_white_space).and_then(|end| text.split_at_checked(end));
        let Some((kind, value)) = keyword.map(|(word, value)| (LineKind::of(word), value)) else {
            return self.unread(line);
        };
        let start = line.span.start + text.len() - value.len();
        match kind {
            LineKind::Nameserver => self.nameserver(line, split(value, start, is_white_space)),
            LineKind::Search | LineKind::Domain if self.version.has_search() => {
                let words = split(value, start, is_white_space);
                let search = words.map(|w| Spanned::new(w.text.to_owned(), w.span)).collect();
                self.resolver.replace_search(line.span, search);
            }
            LineKind::Options => self.options(line, &text),
            _ => self.unread(line),
        }
    }

    fn unread(&mut self, line: &Line) {
        let Some(first) = line.keyword() else { return };
        let reason = match line.kind {
            LineKind::Blank | LineKind::Comment => return,
            LineKind::Unknown | LineKind::Sortlist => IgnoreReason::UnknownKeyword,
            _ if line.is_indented() => IgnoreReason::Indented,
            _ if line.arguments().is_empty() => IgnoreReason::NoValue,
            _ => IgnoreReason::UnknownKeyword,
        };
        let end = line.words.last().map_or(first.span.end, |last| last.span.end);
        self.resolver.ignore(Span::new(first.span.start, end), reason);
    }

    fn nameserver<'w>(&mut self, line: &Line, mut words: impl Iterator<Item = Word<'w>>) {
        let Some(word) = words.next() else { return self.resolver.ignore(line.span, IgnoreReason::NoValue) };
        match self.address(word.text) {
            Ok(address) => self.resolver.nameservers.push(Spanned::new(address, word.span)),
            Err(reason) => self.resolver.ignore(word.span, reason),
        }
        if let Some(span) = words.map(|w| w.span).reduce(Span::join) {
            self.resolver.ignore(span, IgnoreReason::ExtraWord);
        }
    }

    fn address(&self, text: &str) -> Result<Nameserver, IgnoreReason> {
        if let Some(ip) = inet_aton(text) {
            return Ok(Nameserver::plain(ip));
        }
        let (ip, zone) = v6_with_zone(text).ok_or(IgnoreReason::NotAnAddress)?;
        let scope = match zone {
            Some(zone) => self.scope(zone, is_v6_link_local(ip)).ok_or(IgnoreReason::BadScope)?,
            None => None,
        };
        Ok(Nameserver { address: ip.into(), scope })
    }

    /// A number as it is, or the name of an existing interface for a link-local address; `None` rejects the address.
    fn scope(&self, zone: &str, link_local: bool) -> Option<Option<Scope>> {
        if !zone.is_empty() && zone.bytes().all(|b| b.is_ascii_digit()) {
            let index: u32 = zone.parse().ok()?;
            return Some((index != 0).then_some(Scope::Index(index)));
        }
        if !link_local || zone.is_empty() {
            return None;
        }
        match self.env.interfaces {
            Some(known) => known.get(zone).map(|&index| Some(Scope::Index(index))),
            None => Some(Some(Scope::Name(zone.to_owned()))),
        }
    }

    /// Each key is found anywhere in the line, even inside another word, and its first occurrence decides.
    fn options(&mut self, line: &Line, text: &str) {
        let start = line.span.start;
        let resolver = &mut self.resolver;
        let settings = [
            (&mut resolver.ndots, "ndots:", MAX_NDOTS),
            (&mut resolver.attempts, "attempts:", MAX_ATTEMPTS),
            (&mut resolver.timeout, "timeout:", MAX_TIMEOUT),
        ];
        let mut read = Vec::new();
        for (setting, key, max) in settings {
            let Some(at) = text.find(key) else { continue };
            let digits = leading_digits(text.get(at + key.len()..).unwrap_or_default());
            if digits.is_empty() {
                continue;
            }
            // A number that does not fit is far above every cap.
            let value = digits.parse::<i32>().map_or(max, |value| value.min(max));
            let span = Span::new(start + at, start + at + key.len() + digits.len());
            *setting = Setting { value, origin: Origin::File(span) };
            read.push(span);
        }
        for word in line.arguments() {
            let used = read.iter().any(|span| word.span.covers(*span));
            if !used {
                let numeric = ["ndots:", "attempts:", "timeout:"].iter().any(|key| word.value.contains(key));
                let repeated = numeric && word.value.contains(|c: char| c.is_ascii_digit());
                let reason = match (numeric, repeated) {
                    (true, true) => IgnoreReason::Replaced,
                    (true, false) => IgnoreReason::BadNumber,
                    _ => IgnoreReason::UnknownOption,
                };
                self.resolver.ignore(word.span, reason);
            }
        }
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Resolver {
        read(&ResolvConf::parse(text), Musl::new(1, 2, 5), &Environment::default())
    }

    fn ignored(text: &str) -> Vec<(&str, IgnoreReason)> {
        read_text(text).ignored.iter().map(|i| (i.span.text(text), i.reason)).collect()
    }

    #[test]
    fn an_empty_search_clears_but_not_without_newline() {
        assert!(read_text("search a\nsearch\n").search.is_empty());
        assert_eq!(read_text("search a\nsearch").search.len(), 1);
        assert!(read_text("search a\nsearch ").search.is_empty());
    }

    #[test]
    fn a_nul_byte_swallows_the_next_line_too() {
        let text = "search a\0\nnameserver 1.1.1.1\nnameserver 2.2.2.2\n";
        let resolver = read_text(text);
        assert_eq!(resolver.used.first().map(|ns| ns.value.to_string()).as_deref(), Some("2.2.2.2"));
        assert_eq!(
            ignored(text),
            [("search a\0", IgnoreReason::NulByte), ("nameserver 1.1.1.1", IgnoreReason::NulByte)]
        );
        assert_eq!(read_text("nameserver 1.1.1.1\0x").used.len(), 1);
    }

    #[test]
    fn a_line_of_256_bytes_vanishes() {
        let long = format!("search {}\n", "a".repeat(255 - 7));
        assert_eq!(long.len(), 256);
        let resolver = read_text(&long);
        assert!(resolver.search.is_empty());
        assert_eq!(resolver.ignored.first().map(|i| i.reason), Some(IgnoreReason::LineTooLong));
        let fits = format!("search {}\n", "a".repeat(254 - 7));
        assert_eq!(read_text(&fits).search.len(), 1);
    }

    #[test]
    fn flags_and_bad_numbers_are_ignored() {
        assert_eq!(
            ignored("options rotate ndots:x ndots:2 timeout:3 timeout:4\n"),
            [
                ("rotate", IgnoreReason::UnknownOption),
                ("ndots:x", IgnoreReason::BadNumber),
                ("ndots:2", IgnoreReason::Replaced),
                ("timeout:4", IgnoreReason::Replaced),
            ]
        );
    }

    #[test]
    fn a_bad_zone_drops_the_line() {
        assert_eq!(ignored("nameserver 2001:db8::1%eth0\n"), [("2001:db8::1%eth0", IgnoreReason::BadScope)]);
        assert_eq!(read_text("nameserver fe80::1%eth0\n").nameservers.len(), 1);
        assert_eq!(ignored("nameserver fe80::1%\n"), [("fe80::1%", IgnoreReason::BadScope)]);
    }

    #[test]
    fn releases_before_1_1_13_have_no_search() {
        let conf = ResolvConf::parse("search a\n");
        assert!(read(&conf, Musl::new(1, 1, 12), &Environment::default()).search.is_empty());
    }
}
