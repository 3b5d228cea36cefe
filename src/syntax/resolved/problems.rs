//! What is wrong with a `resolved.conf`: resolved itself only logs it and goes on.

use crate::diagnostic::nearest;
use crate::source::{Span, Spanned};

use super::words::{DnsServer, ExtraListener, Mode, SearchDomain};
use super::{Assignment, ResolvedConf};

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is.
    pub kind: ProblemKind,
    /// The word, assignment or line.
    pub span: Span,
    /// One sentence without the final dot.
    pub message: String,
    /// The known key that was probably meant.
    pub suggestion: Option<&'static str>,
}

/// Kinds of mistakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// A `[` line without `]`: resolved stops reading the file here.
    BadSectionHeader,
    /// A section other than `[Resolve]`.
    UnknownSection,
    /// An assignment before the first section header.
    OutsideSection,
    /// A key that resolved does not know.
    UnknownKey,
    /// A line without `=`.
    MissingEquals,
    /// A line that starts with `=`.
    EmptyKey,
    /// A word that is no server address.
    BadAddress,
    /// A server that resolved leaves out silently: 0.0.0.0, `::`, or its own stub.
    DroppedServer,
    /// A word that is no domain name.
    BadDomain,
    /// A value outside the set that the key takes.
    BadValue,
    /// Text after `#` or `;` behind a value: there is no such comment, it is part of the value.
    InlineComment,
    /// Words separated by a comma instead of a blank.
    CommaList,
}

impl Problem {
    pub(super) fn new(kind: ProblemKind, span: Span, text: &str) -> Self {
        let message = match kind {
            ProblemKind::BadSectionHeader => format!("`{text}` lacks its `]`; systemd-resolved reads nothing after it"),
            ProblemKind::UnknownSection => format!("systemd-resolved does not read the section `{text}`"),
            ProblemKind::OutsideSection => format!("`{text}` stands before the first section header and is ignored"),
            ProblemKind::UnknownKey => format!("systemd-resolved does not know the key `{text}`"),
            ProblemKind::MissingEquals => format!("`{text}` is no assignment; it lacks `=`"),
            ProblemKind::EmptyKey => "there is no key before `=`".to_owned(),
            ProblemKind::BadAddress => format!("`{text}` is not an IP address (`address[:port][%interface][#name]`)"),
            ProblemKind::DroppedServer => format!("systemd-resolved silently leaves out the server `{text}`"),
            ProblemKind::BadDomain => format!("`{text}` is not a domain name"),
            ProblemKind::BadValue => format!("`{text}` is not a value of this key"),
            ProblemKind::InlineComment => {
                format!("`{text}` is read as part of the value: a comment needs its own line")
            }
            ProblemKind::CommaList => format!("`{text}` is one word; separate words with blanks"),
        };
        Self { kind, span, message, suggestion: None }
    }
}

/// How the value of a key is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    Servers,
    Domains,
    Extra,
    Modes(&'static [Mode]),
    Free,
}

/// The keys of `[Resolve]` (`resolved-gperf.gperf`).
pub(super) const KEYS: &[(&str, ValueKind)] = &[
    ("DNS", ValueKind::Servers),
    ("FallbackDNS", ValueKind::Servers),
    ("Domains", ValueKind::Domains),
    ("LLMNR", ValueKind::Modes(&[Mode::Resolve])),
    ("MulticastDNS", ValueKind::Modes(&[Mode::Resolve])),
    ("DNSSEC", ValueKind::Modes(&[Mode::AllowDowngrade])),
    ("DNSOverTLS", ValueKind::Modes(&[Mode::Opportunistic])),
    ("Cache", ValueKind::Modes(&[Mode::NoNegative])),
    ("CacheFromLocalhost", ValueKind::Modes(&[])),
    ("DNSStubListener", ValueKind::Modes(&[Mode::Udp, Mode::Tcp])),
    ("DNSStubListenerExtra", ValueKind::Extra),
    ("ReadEtcHosts", ValueKind::Modes(&[])),
    ("ResolveUnicastSingleLabel", ValueKind::Modes(&[])),
    ("StaleRetentionSec", ValueKind::Free),
    ("RefuseRecordTypes", ValueKind::Free),
];

/// How the value of `key` is read, if resolved knows the key.
pub(super) fn value_kind(key: &str) -> Option<ValueKind> {
    KEYS.iter().find(|(name, _)| *name == key).map(|(_, kind)| *kind)
}

/// The value of a mode key, if it is one that the key takes.
pub(super) fn mode(value: &str, extra: &[Mode]) -> Option<Mode> {
    Mode::parse(value).filter(|mode| matches!(mode, Mode::Yes | Mode::No) || extra.contains(mode))
}

/// Adds the problems of sections and assignments to the file.
pub(super) fn check(conf: &mut ResolvedConf) {
    let mut problems = Vec::new();
    for section in &conf.sections {
        if section.value != "Resolve" && !section.value.starts_with("X-") {
            problems.push(Problem::new(ProblemKind::UnknownSection, section.span, &section.value));
        }
    }
    for assignment in &conf.assignments {
        match assignment.section.as_deref() {
            None => problems.push(on_key(ProblemKind::OutsideSection, assignment)),
            Some("Resolve") => check_assignment(assignment, &mut problems),
            Some(_) => {}
        }
    }
    conf.problems.append(&mut problems);
}

fn on_key(kind: ProblemKind, assignment: &Assignment) -> Problem {
    Problem::new(kind, assignment.key.span, &assignment.key.value)
}

fn check_assignment(assignment: &Assignment, problems: &mut Vec<Problem>) {
    let key = assignment.key.value.as_str();
    let Some(kind) = value_kind(key) else {
        if !key.starts_with("X-") {
            let suggestion = nearest(key, KEYS.iter().map(|(name, _)| *name));
            problems.push(Problem { suggestion, ..on_key(ProblemKind::UnknownKey, assignment) });
        }
        return;
    };
    let words = assignment.words().collect::<Vec<_>>();
    let comment = words.iter().position(|word| word.value.starts_with(['#', ';']));
    if let Some(from) = comment.and_then(|at| words.get(at)) {
        let end = assignment.value.span.end;
        problems.push(Problem::new(ProblemKind::InlineComment, Span::new(from.span.start, end), from.value));
    }
    let checked = words.get(..comment.unwrap_or(words.len())).unwrap_or_default();
    match kind {
        ValueKind::Servers => checked.iter().for_each(|word| problems.extend(check_server(word))),
        ValueKind::Domains => checked.iter().for_each(|word| problems.extend(check_domain(word))),
        ValueKind::Extra => problems.extend(
            checked
                .iter()
                .filter(|w| ExtraListener::parse(w.value).is_none())
                .map(|word| Problem::new(ProblemKind::BadAddress, word.span, word.value)),
        ),
        ValueKind::Modes(extra) if comment.is_none() && mode(&assignment.value.value, extra).is_none() => {
            problems.push(Problem::new(ProblemKind::BadValue, assignment.value.span, &assignment.value.value));
        }
        ValueKind::Modes(_) | ValueKind::Free => {}
    }
}

fn check_server(word: &Spanned<&str>) -> Option<Problem> {
    let kind = match DnsServer::parse(word.value) {
        None if word.value.contains(',') => ProblemKind::CommaList,
        None => ProblemKind::BadAddress,
        Some(server) if server.is_dropped() => ProblemKind::DroppedServer,
        Some(_) => return None,
    };
    Some(Problem::new(kind, word.span, word.value))
}

fn check_domain(word: &Spanned<&str>) -> Option<Problem> {
    let kind = match SearchDomain::parse(word.value) {
        _ if word.value.contains(',') => ProblemKind::CommaList,
        None => ProblemKind::BadDomain,
        Some(_) => return None,
    };
    Some(Problem::new(kind, word.span, word.value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<(ProblemKind, &str)> {
        ResolvedConf::parse(text).problems.iter().map(|p| (p.kind, p.span.text(text))).collect()
    }

    #[test]
    fn keys_and_sections() {
        assert_eq!(
            problems(
                "DNS=1.1.1.1\n[Resolver]\nDNS=x\n[Resolve]\nDNSServers=1\nDNSSSEC=no\nX-Foo=1\nwhat\n=1\n[X-Mine]\nq=1\n"
            ),
            [
                (ProblemKind::OutsideSection, "DNS"),
                (ProblemKind::UnknownSection, "[Resolver]"),
                (ProblemKind::UnknownKey, "DNSServers"),
                (ProblemKind::UnknownKey, "DNSSSEC"),
                (ProblemKind::MissingEquals, "what"),
                (ProblemKind::EmptyKey, "=1"),
            ]
        );
        let conf = ResolvedConf::parse("[Resolve]\ndns=1.1.1.1\nDNSSSEC=no\nFalbackDNS=\n");
        let nearest = conf.problems.iter().map(|p| p.suggestion).collect::<Vec<_>>();
        assert_eq!(nearest, [Some("DNS"), Some("DNSSEC"), Some("FallbackDNS")]);
    }

    #[test]
    fn values() {
        assert_eq!(
            problems(
                "[Resolve]\nDNS=1.1.1.1 # cloud flare\nDNS=1.1.1.1,9.9.9.9 x 127.0.0.53 8.8.8.8#dns.google\n\
                 Domains=a,b c..d ~.\nDNSStubListener=none\nDNSStubListener=udp\nCache=no-negative ; x\nDNSSEC=udp\n\
                 DNSStubListenerExtra=lo\nStaleRetentionSec=1d\nDNS=\nCache=\n"
            ),
            [
                (ProblemKind::InlineComment, "# cloud flare"),
                (ProblemKind::CommaList, "1.1.1.1,9.9.9.9"),
                (ProblemKind::BadAddress, "x"),
                (ProblemKind::DroppedServer, "127.0.0.53"),
                (ProblemKind::CommaList, "a,b"),
                (ProblemKind::BadDomain, "c..d"),
                (ProblemKind::BadValue, "none"),
                (ProblemKind::InlineComment, "; x"),
                (ProblemKind::BadValue, "udp"),
                (ProblemKind::BadAddress, "lo"),
                (ProblemKind::BadValue, ""),
            ]
        );
    }
}
