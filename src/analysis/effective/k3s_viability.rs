//! Whether k3s and RKE2 take a resolver file for their kubelet (`pkg/agent/config/config.go`).

use super::address::{AddressClass, METADATA, classify, parse_strict};
use super::versions::{KubeVersion, k3s_accepts_metadata_address, k3s_requires_a_nameserver};
use crate::source::Span;
use std::fmt;

/// Bytes of a line, its newline not counted, from which on Go's line scanner gives up.
const SCANNER_LIMIT: usize = 64 << 10;

/// What makes a candidate file unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rejection {
    /// There is no such file, or the link dangles.
    Absent,
    /// It cannot be read.
    Unreadable,
    /// A line of 64 KiB or more.
    LineTooLong,
    /// No `nameserver` line that starts in column 1.
    NoNameserver,
    /// `nameserver` followed by blanks only.
    NoAddress,
    /// Not an IP address in strict syntax: a zone, a port, a host name, leading zeros.
    NotAnAddress,
    /// A loopback address: a stub resolver on the node, out of a pod's reach.
    Loopback,
    /// 0.0.0.0 or `::`.
    Unspecified,
    /// A link-local address.
    LinkLocal,
    /// A multicast address.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "it does not exist",
            Self::Unreadable => "it cannot be read",
            Self::LineTooLong => "it has a line of 64 KiB or more",
            Self::NoNameserver => "it has no nameserver line",
            Self::NoAddress => "a nameserver line has no address",
            Self::NotAnAddress => "a nameserver is not a plain IP address",
            Self::Loopback => "a nameserver is a loopback address",
            Self::Unspecified => "a nameserver is the unspecified address",
            Self::LinkLocal => "a nameserver is a link-local address",
            Self::Multicast => "a nameserver is a multicast address",
            Self::Broadcast => "a nameserver is the broadcast address",
        })
    }
}

/// Tests a candidate's text line by line; one unusable nameserver rejects the whole file.
///
/// Indented lines, comments and a bare `nameserver` are invisible to the test.
///
/// # Errors
/// The first reason, with the word or line that gives it, if there is one.
pub fn viability(text: &str, version: KubeVersion) -> Result<(), (Rejection, Option<Span>)> {
    let mut seen = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.strip_suffix('\n').unwrap_or(line);
        if body.len() >= SCANNER_LIMIT {
            return Err((Rejection::LineTooLong, Some(Span::new(start, start + body.len()))));
        }
        if let Some((offset, word)) = nameserver(body) {
            seen = true;
            if let Some(rejection) = unusable(word, version) {
                let word = Span::new(start + offset, start + offset + word.len());
                let line = Span::new(start, start + body.trim_end_matches('\r').len());
                return Err((rejection, Some(if word.is_empty() { line } else { word })));
            }
        }
        start += line.len();
    }
    if seen || !k3s_requires_a_nameserver(version) { Ok(()) } else { Err((Rejection::NoNameserver, None)) }
}

/// The address word of a line, with its offset: `nameserver` in column 1, at least one blank, a run of non-blanks.
fn nameserver(line: &str) -> Option<(usize, &str)> {
    let line = line.strip_suffix('\r').unwrap_or(line);
    let rest = line.strip_prefix("nameserver").filter(|rest| rest.starts_with(is_go_space))?;
    let word = rest.trim_start_matches(is_go_space);
    Some((line.len() - word.len(), word.split(is_go_space).next().unwrap_or_default()))
}

/// `\s` of Go's regular expressions, which has no vertical tab and no Unicode blanks.
const fn is_go_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{c}' | '\r')
}

fn unusable(word: &str, version: KubeVersion) -> Option<Rejection> {
    if word.is_empty() {
        return Some(Rejection::NoAddress);
    }
    let Some(ip) = parse_strict(word) else { return Some(Rejection::NotAnAddress) };
    match classify(ip) {
        AddressClass::Global => None,
        AddressClass::LinkLocal if ip == METADATA && k3s_accepts_metadata_address(version) => None,
        AddressClass::LinkLocal => Some(Rejection::LinkLocal),
        AddressClass::Unspecified => Some(Rejection::Unspecified),
        AddressClass::Loopback => Some(Rejection::Loopback),
        AddressClass::Multicast => Some(Rejection::Multicast),
        AddressClass::Broadcast => Some(Rejection::Broadcast),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), (Rejection, &str)> {
        let place = |span: Option<Span>| span.map_or("", |span| span.text(text));
        viability(text, KubeVersion::new(1, 33, 4)).map_err(|(rejection, span)| (rejection, place(span)))
    }

    #[test]
    fn the_first_bad_word_is_the_place() {
        assert_eq!(
            check("nameserver 10.0.0.1\nnameserver\t 127.0.0.53 #x\n"),
            Err((Rejection::Loopback, "127.0.0.53"))
        );
        assert_eq!(check("nameserver 10.0.0.1#x\n"), Err((Rejection::NotAnAddress, "10.0.0.1#x")));
        assert_eq!(check("nameserver 127.0.0.1\r\n"), Err((Rejection::Loopback, "127.0.0.1")));
        assert_eq!(check("search a\nnameserver \n"), Err((Rejection::NoAddress, "nameserver ")));
        assert_eq!(check("nameserver ff02::1"), Err((Rejection::Multicast, "ff02::1")));
        assert_eq!(check("nameserver 255.255.255.255"), Err((Rejection::Broadcast, "255.255.255.255")));
        assert_eq!(check("nameserver ::ffff:127.0.0.1"), Err((Rejection::Loopback, "::ffff:127.0.0.1")));
    }

    #[test]
    fn invisible_lines() {
        assert_eq!(check("nameserver\nnameserver 1.1.1.1"), Ok(()));
        assert_eq!(check("nameservers 127.0.0.1\n#nameserver 127.0.0.1\nnameserver 1.1.1.1\n"), Ok(()));
        assert_eq!(check("nameserver\n"), Err((Rejection::NoNameserver, "")));
        assert_eq!(check(""), Err((Rejection::NoNameserver, "")));
    }

    #[test]
    fn long_lines() {
        let line = |len: usize| format!("nameserver 1.1.1.1\n#{}\n", "x".repeat(len - 1));
        assert_eq!(viability(&line(SCANNER_LIMIT - 1), KubeVersion::new(1, 30, 0)), Ok(()));
        let got = viability(&line(SCANNER_LIMIT), KubeVersion::new(1, 30, 0)).map_err(|(rejection, _)| rejection);
        assert_eq!(got, Err(Rejection::LineTooLong));
    }

    proptest::proptest! {
        #[test]
        fn the_place_lies_in_the_text(text in "(nameserver|[ \t\r\né:.%01f#])*") {
            if let Err((_, Some(span))) = viability(&text, KubeVersion::new(1, 33, 4)) {
                proptest::prop_assert!(text.get(span.start..span.end).is_some());
            }
        }
    }
}
