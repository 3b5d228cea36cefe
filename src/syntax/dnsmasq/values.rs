//! Values that dnsmasq checks and dnslint does not use: numbers, addresses and words (`one_opt()` in option.c of 2.90).
//!
//! What only a DHCP server reads is left out.

use super::{Entry, Problem, ProblemKind};
use crate::source::Span;
use crate::syntax::resolv_conf::address::strict;
use std::net::{IpAddr, Ipv4Addr};

/// What the value of an option must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// Digits, or nothing.
    Number,
    /// A number of at least this.
    From(i32),
    /// Milliseconds from 50, and after a comma another number.
    Retry,
    /// A number up to 65535.
    Port,
    /// A mask of 32 bits that is not 0.
    Mask,
    /// Digits, up to four times.
    Limits,
    /// An address.
    Address,
    /// An address, and after a slash the length of its prefix.
    Network,
    /// Two or three IPv4 addresses, or a range in place of the first.
    Alias,
    /// One of these words.
    Words(&'static [&'static str]),
    /// A facility of syslog, a path, or `-`.
    Facility,
}

/// Options whose value is checked, sorted.
const SHAPES: [(&str, Shape); 27] = [
    ("alias", Shape::Alias),
    ("auth-peer", Shape::Address),
    ("auth-ttl", Shape::Number),
    ("bogus-nxdomain", Shape::Network),
    ("cache-size", Shape::Number),
    ("connmark-allowlist-enable", Shape::Mask),
    ("dns-forward-max", Shape::Number),
    ("dnssec-check-unsigned", Shape::Words(&["no"])),
    ("dnssec-limits", Shape::Limits),
    ("edns-packet-max", Shape::Number),
    ("fast-dns-retry", Shape::Retry),
    ("ignore-address", Shape::Network),
    ("local-service", Shape::Words(&["net", "host"])),
    ("local-ttl", Shape::Number),
    ("log-async", Shape::Number),
    ("log-facility", Shape::Facility),
    ("max-cache-ttl", Shape::Number),
    ("max-port", Shape::Port),
    ("max-tcp-connections", Shape::From(1)),
    ("max-ttl", Shape::Number),
    ("min-cache-ttl", Shape::Number),
    ("min-port", Shape::Port),
    ("neg-ttl", Shape::Number),
    ("port", Shape::Port),
    ("port-limit", Shape::From(1)),
    ("query-port", Shape::Port),
    ("use-stale-cache", Shape::Number),
];

/// Facilities of syslog (`facilitynames` of syslog.h).
const FACILITIES: [&str; 22] = [
    "auth", "authpriv", "cron", "daemon", "ftp", "kern", "local0", "local1", "local2", "local3", "local4", "local5",
    "local6", "local7", "lpr", "mail", "mark", "news", "security", "syslog", "user", "uucp",
];

/// Refuses the value that dnsmasq refuses.
pub(super) fn check(entry: &Entry) -> Result<(), Problem> {
    let found = SHAPES.binary_search_by(|(name, _)| name.cmp(&entry.option.name)).ok().and_then(|at| SHAPES.get(at));
    let Some((name, shape)) = found else { return Ok(()) };
    let (text, span) = match &entry.value {
        Some(value) => (value.value.as_str(), value.span),
        // the only option that may stand without a value and then has no default
        None if *name == "cache-size" => return Err(refusal(name, *shape, "", entry.span)),
        None => return Ok(()),
    };
    if is_sound(*shape, text) { Ok(()) } else { Err(refusal(name, *shape, text, span)) }
}

fn is_sound(shape: Shape, text: &str) -> bool {
    match shape {
        Shape::Number => atoi(text).is_some(),
        Shape::From(least) => atoi(text).is_some_and(|number| number >= least),
        Shape::Retry => {
            let (first, second) =
                text.split_once(',').map_or((text, None), |(a, b)| (a.trim_end(), Some(b.trim_start())));
            is_sound(Shape::From(50), first) && second.is_none_or(|second| atoi(second).is_some())
        }
        Shape::Port => port(text).is_some(),
        Shape::Mask => is_digits(text) && text.parse::<u32>().is_ok_and(|mask| mask > 0),
        Shape::Limits => text.split(',').take(4).all(|part| atoi(part.trim()).is_some()),
        Shape::Address => strict(text).is_some(),
        Shape::Network => network(text),
        Shape::Alias => alias(text),
        Shape::Words(words) => words.contains(&text),
        Shape::Facility => {
            text.contains('/') || text == "-" || FACILITIES.iter().any(|name| name.eq_ignore_ascii_case(text))
        }
    }
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

/// `atoi_check()`: digits or nothing; what does not fit into 32 bits wraps.
#[expect(clippy::cast_possible_truncation, reason = "as the C library's atoi does it")]
pub(super) fn atoi(text: &str) -> Option<i32> {
    let number = if text.is_empty() { 0 } else { text.parse().unwrap_or(i64::MAX) };
    is_digits(text).then_some(number as i32)
}

/// `atoi_check16()`.
pub(super) fn port(text: &str) -> Option<u16> {
    atoi(text).and_then(|number| u16::try_from(number).ok())
}

fn network(text: &str) -> bool {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let Some(ip) = strict(address) else { return false };
    let longest = if ip.is_ipv4() { 32 } else { 128 };
    prefix.is_none_or(|prefix| atoi(prefix).is_some_and(|length| length <= longest))
}

/// `old[-end],new[,mask]`: the range lies in one network, and does not run backwards.
fn alias(text: &str) -> bool {
    let mut parts = text.split(',').map(str::trim);
    let v4 = |text: &str| match strict(text) {
        Some(IpAddr::V4(v4)) => Some(v4),
        _ => None,
    };
    let (Some(old), Some(new)) = (parts.next(), parts.next()) else { return false };
    let mask = parts.next().map(v4);
    let (start, end) = old.split_once('-').map_or((old, None), |(start, end)| (start, Some(end)));
    let (Some(start), Some(_)) = (v4(start), v4(new)) else { return false };
    let bits = mask.unwrap_or(Some(Ipv4Addr::BROADCAST)).map(Ipv4Addr::to_bits);
    let ends_well = |end: &str| {
        let (end, bits) = (v4(end)?.to_bits(), bits?);
        Some(start.to_bits() & bits == end & bits && start.to_bits() <= end)
    };
    bits.is_some() && end.is_none_or(|end| ends_well(end) == Some(true))
}

fn refusal(name: &str, shape: Shape, text: &str, span: Span) -> Problem {
    let (kind, wanted) = match shape {
        Shape::Number | Shape::Limits => (ProblemKind::BadNumber, "a number".to_owned()),
        Shape::From(least) => (ProblemKind::BadNumber, format!("a number from {least}")),
        Shape::Retry => (ProblemKind::BadNumber, "a number of milliseconds from 50".to_owned()),
        Shape::Port => (ProblemKind::BadNumber, "a number from 0 to 65535".to_owned()),
        Shape::Mask => (ProblemKind::BadNumber, "a number from 1 to 4294967295".to_owned()),
        Shape::Address => (ProblemKind::BadAddress, "an IP address".to_owned()),
        Shape::Network => (ProblemKind::BadAddress, "an IP address, or one with the length of its prefix".to_owned()),
        Shape::Alias => (ProblemKind::BadAddress, "two IPv4 addresses".to_owned()),
        Shape::Words(words) => (ProblemKind::BadValue, format!("`{}`", words.join("` or `"))),
        Shape::Facility => (ProblemKind::BadValue, "a facility of syslog, or a path".to_owned()),
    };
    let message = format!("`{name}` takes {wanted}, and `{text}` is none; dnsmasq does not start");
    Problem { kind, span, line: 0, message, suggestion: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_its_options_exist() {
        assert!(SHAPES.is_sorted_by(|a, b| a.0 < b.0));
        assert!(SHAPES.iter().all(|(name, _)| super::super::table::find(name).is_some()));
    }

    #[test]
    fn what_dnsmasq_refuses() {
        let sound = |option: &str| super::super::DnsmasqConf::parse(option).problems.is_empty();
        for good in [
            "max-ttl=5",
            "max-ttl=",
            "max-ttl=99999999999",
            "max-port=65535",
            "bogus-nxdomain=1.1.1.1/24",
            "bogus-nxdomain=::1",
            "port-limit=2",
            "fast-dns-retry",
            "fast-dns-retry=60, 30",
            "log-facility=LOCAL0",
            "log-facility=/a",
            "log-facility=-",
            "alias=1.1.1.1,2.2.2.2",
            "alias=1.1.1.1-1.1.1.9,2.2.2.0,255.255.255.0",
            "dnssec-check-unsigned=no",
            "use-stale-cache",
        ] {
            assert!(sound(good), "{good}");
        }
        for bad in [
            "max-ttl=x",
            "max-ttl=-1",
            "neg-ttl=1h",
            "max-port=70000",
            "min-port=-1",
            "query-port=5x",
            "bogus-nxdomain=x",
            "bogus-nxdomain=1.1.1.1/33",
            "ignore-address=",
            "port-limit=0",
            "max-tcp-connections=",
            "fast-dns-retry=5",
            "fast-dns-retry=60,x",
            "log-facility=x",
            "alias=1.1.1.1",
            "alias=1.1.1.1-1.1.1.9,2.2.2.0",
            "local-service=all",
            "alias=1.1.1.9-1.1.1.1,2.2.2.0,255.255.255.0",
            "dnssec-check-unsigned=yes",
            "cache-size",
            "auth-peer=a",
        ] {
            assert!(!sound(bad), "{bad}");
        }
    }
}
