//! The test of k3s and RKE2 whether a resolver file is good enough for their kubelet (`pkg/agent/config`).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::source::Span;

use super::address::{is_global_unicast, strict};
use super::{LineKind, ResolvConf};

/// A release of k3s or RKE2: the Kubernetes version it carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct K3sVersion {
    /// Major version, 1 so far.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Patch number.
    pub patch: u32,
}

/// The address of the cloud metadata service, usable as nameserver in newer releases.
const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// Bytes of a line, without its newline, that Go's line scanner does not take.
const SCANNER_LIMIT: usize = 64 << 10;

impl K3sVersion {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// Whether this release has a change that went into `patches` of older minor releases (minor, patch; newest
    /// first) and into everything newer.
    fn has_backport(self, patches: &[(u32, u32)]) -> bool {
        if self.major != 1 {
            return self.major > 1;
        }
        patches.iter().find(|(minor, _)| *minor == self.minor).map_or_else(
            || patches.first().is_some_and(|(newest, _)| self.minor > *newest),
            |(_, patch)| self.patch >= *patch,
        )
    }

    /// Whether a file without nameserver is refused (June 2024).
    #[must_use]
    pub fn refuses_empty_list(self) -> bool {
        self.has_backport(&[(30, 2), (29, 6), (28, 11), (27, 15)])
    }

    /// Whether 169.254.169.254 is accepted, and the fallback has an IPv6 server (August 2025).
    #[must_use]
    pub fn accepts_metadata_address(self) -> bool {
        self.has_backport(&[(33, 4), (32, 8), (31, 12)])
    }

    /// The file that is generated when no candidate is viable.
    #[must_use]
    pub fn fallback_file(self) -> &'static str {
        if self.accepts_metadata_address() {
            "nameserver 8.8.8.8\nnameserver 2001:4860:4860::8888\n"
        } else {
            "nameserver 8.8.8.8\n"
        }
    }
}

/// Why a file is not viable: the first line that fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotViable {
    /// The address, the line, or an empty span if something is missing.
    pub span: Span,
    /// What is wrong with it.
    pub reason: NotViableReason,
}

/// What makes a resolver file unusable for k3s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum NotViableReason {
    /// No `nameserver` line in column 1.
    NoNameserver,
    /// `nameserver` and blanks, but no address.
    NoAddress,
    /// Not an IP address in Go's strict syntax (zone, port, short form, host name).
    NotAnAddress,
    /// A loopback address, as of a stub resolver on the node.
    Loopback,
    /// 0.0.0.0 or `::`.
    Unspecified,
    /// A link-local address.
    LinkLocal,
    /// A multicast or the broadcast address.
    Multicast,
    /// A line of 64 KiB or more.
    LineTooLong,
}

impl fmt::Display for NotViableReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoNameserver => "it has no nameserver line",
            Self::NoAddress => "a nameserver line has no address",
            Self::NotAnAddress => "a nameserver is not a plain IP address",
            Self::Loopback => "a nameserver is a loopback address",
            Self::Unspecified => "a nameserver is the unspecified address",
            Self::LinkLocal => "a nameserver is a link-local address",
            Self::Multicast => "a nameserver is a multicast or broadcast address",
            Self::LineTooLong => "a line is longer than 64 KiB",
        })
    }
}

/// Whether k3s or RKE2 of `version` gives this file to its kubelet; every `nameserver` line in column 1 must hold a
/// global unicast address.
///
/// # Errors
/// The first line that makes the file unusable.
pub fn viability(conf: &ResolvConf, version: K3sVersion) -> Result<(), NotViable> {
    let mut seen = false;
    for line in &conf.lines {
        let text = line.raw.strip_suffix('\r').unwrap_or(&line.raw);
        if line.raw.len() >= SCANNER_LIMIT {
            return Err(NotViable { span: line.span, reason: NotViableReason::LineTooLong });
        }
        let Some(value) = text.strip_prefix("nameserver").filter(|rest| rest.starts_with(is_go_space)) else {
            continue;
        };
        seen = true;
        let word = value.trim_start_matches(is_go_space);
        let start = line.span.start + text.len() - word.len();
        let word = word.split(is_go_space).next().unwrap_or_default();
        if let Some(reason) = unusable(word, version) {
            let span = if word.is_empty() { line.span } else { Span::new(start, start + word.len()) };
            return Err(NotViable { span, reason });
        }
    }
    if seen || !version.refuses_empty_list() {
        return Ok(());
    }
    let span = conf.lines_of(LineKind::Nameserver).next().map_or_else(Span::default, |line| line.span);
    Err(NotViable { span, reason: NotViableReason::NoNameserver })
}

/// `\s` of Go's regular expressions.
const fn is_go_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{c}' | '\r')
}

fn unusable(word: &str, version: K3sVersion) -> Option<NotViableReason> {
    if word.is_empty() {
        return Some(NotViableReason::NoAddress);
    }
    let Some(ip) = strict(word) else { return Some(NotViableReason::NotAnAddress) };
    if is_global_unicast(ip) || (ip == METADATA && version.accepts_metadata_address()) {
        return None;
    }
    let ip = ip.to_canonical();
    Some(match ip {
        _ if ip.is_unspecified() => NotViableReason::Unspecified,
        _ if ip.is_loopback() => NotViableReason::Loopback,
        IpAddr::V4(v4) if v4.is_broadcast() => NotViableReason::Multicast,
        _ if ip.is_multicast() => NotViableReason::Multicast,
        _ => NotViableReason::LinkLocal,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: K3sVersion = K3sVersion::new(1, 33, 4);
    const OLD: K3sVersion = K3sVersion::new(1, 30, 4);

    fn check(text: &str, version: K3sVersion) -> Result<(), (&str, NotViableReason)> {
        viability(&ResolvConf::parse(text), version).map_err(|n| (n.span.text(text), n.reason))
    }

    #[test]
    fn one_bad_address_rejects_the_file() {
        assert_eq!(
            check("nameserver 10.0.0.2\nnameserver 127.0.0.1\n", NOW),
            Err(("127.0.0.1", NotViableReason::Loopback))
        );
        assert_eq!(check("nameserver fe80::1%2\n", NOW), Err(("fe80::1%2", NotViableReason::NotAnAddress)));
        assert_eq!(check("nameserver 10.0.0.2#x\n", NOW), Err(("10.0.0.2#x", NotViableReason::NotAnAddress)));
        assert_eq!(check("nameserver 0.0.0.0\n", NOW), Err(("0.0.0.0", NotViableReason::Unspecified)));
        assert_eq!(check("nameserver 169.254.0.1\n", NOW), Err(("169.254.0.1", NotViableReason::LinkLocal)));
        assert_eq!(check("nameserver 224.0.0.1\n", NOW), Err(("224.0.0.1", NotViableReason::Multicast)));
        assert_eq!(check("nameserver \n", NOW), Err(("nameserver ", NotViableReason::NoAddress)));
        assert_eq!(check("nameserver 127.1\n", NOW), Err(("127.1", NotViableReason::NotAnAddress)));
    }

    #[test]
    fn good_files_and_invisible_lines() {
        for text in [
            "nameserver fd00::53\nnameserver 10.0.0.1\nnameserver 100.100.100.100\n",
            " nameserver 127.0.0.53\nnameserver 10.0.0.1\n",
            "nameserver\nnameserver 10.0.0.1 # comment\r\n",
            "#nameserver 127.0.0.1\nnameserver\t10.0.0.1",
        ] {
            assert_eq!(check(text, NOW), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn no_nameserver_is_refused_since_june_2024() {
        assert_eq!(check("search lan\n", OLD), Err(("", NotViableReason::NoNameserver)));
        assert_eq!(check(" nameserver 1.1.1.1\n", OLD), Err((" nameserver 1.1.1.1", NotViableReason::NoNameserver)));
        for (version, viable) in
            [((1, 28, 4), true), ((1, 28, 11), false), ((1, 26, 9), true), ((1, 30, 1), true), ((1, 31, 0), false)]
        {
            let version = K3sVersion::new(version.0, version.1, version.2);
            assert_eq!(check("search lan\n", version).is_ok(), viable, "{version:?}");
        }
    }

    #[test]
    fn the_metadata_address_is_accepted_since_august_2025() {
        let text = "nameserver 169.254.169.254\n";
        assert_eq!(check(text, K3sVersion::new(1, 32, 8)), Ok(()));
        assert_eq!(check(text, K3sVersion::new(1, 32, 7)), Err(("169.254.169.254", NotViableReason::LinkLocal)));
        assert_eq!(check(text, K3sVersion::new(1, 34, 0)), Ok(()));
        assert!(NOW.fallback_file().contains("2001:4860:4860::8888") && !OLD.fallback_file().contains("2001"));
    }

    #[test]
    fn an_overlong_line_is_an_error() {
        let text = format!("nameserver 1.1.1.1\n#{}\n", "x".repeat(SCANNER_LIMIT));
        assert_eq!(viability(&ResolvConf::parse(&text), NOW).map_err(|n| n.reason), Err(NotViableReason::LineTooLong));
        let text = format!("nameserver 1.1.1.1\n#{}\n", "x".repeat(SCANNER_LIMIT - 2));
        assert_eq!(viability(&ResolvConf::parse(&text), NOW), Ok(()));
    }
}
