//! Address literals: the forms that each C library, Go and `inet_pton` accept.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IPv4 in the syntax of `inet_aton(3)`: one to four parts, each decimal, octal (`010`) or hexadecimal (`0x0a`), the
/// last one filling the remaining bytes; the whole text must match.
#[must_use]
pub fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let mut parts = text.split('.').map(c_number).collect::<Option<Vec<u64>>>()?;
    let last = parts.pop()?;
    if parts.len() > 3 || parts.iter().any(|&part| part > 0xff) {
        return None;
    }
    let free_bits = 8 * (4 - parts.len());
    if last >> free_bits != 0 {
        return None;
    }
    let high = parts.iter().fold(0_u64, |value, part| (value << 8) | part);
    u32::try_from((high << free_bits) | last).ok().map(Ipv4Addr::from)
}

/// A number as `strtoul(…, 0)` reads it, without sign or blanks.
fn c_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (text.get(1..)?, 8),
        None => (text, 10),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    // More than 32 bits are no address; saturating keeps the overflow visible to the caller.
    Some(u64::from_str_radix(digits, radix).unwrap_or(u64::MAX))
}

/// An IPv6 address with the text after its `%`, if any; the address as `inet_pton(AF_INET6)` takes it.
#[must_use]
pub fn v6_with_zone(text: &str) -> Option<(Ipv6Addr, Option<&str>)> {
    let (address, zone) = text.split_once('%').map_or((text, None), |(address, zone)| (address, Some(zone)));
    address.parse().ok().map(|ip| (ip, zone))
}

/// An address in the strict syntax of `inet_pton` and Go: dotted quad without leading zeros, or IPv6; no zone.
#[must_use]
pub fn strict(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// An IPv6 link-local address, unicast (`fe80::/10`) or multicast (`ff02::/16`): the ones whose zone matters.
#[must_use]
pub const fn is_v6_link_local(ip: Ipv6Addr) -> bool {
    let first = ip.segments()[0];
    first & 0xffc0 == 0xfe80 || first & 0xff0f == 0xff02
}

/// Go's `net.IP.IsGlobalUnicast`: everything but unspecified, loopback, multicast, link-local unicast and the IPv4
/// broadcast address; private, shared and unique local addresses count as global.
#[must_use]
pub fn is_global_unicast(ip: IpAddr) -> bool {
    let ip = ip.to_canonical();
    let link_local = match ip {
        IpAddr::V4(v4) => v4.is_link_local() || v4.is_broadcast(),
        IpAddr::V6(v6) => v6.segments()[0] & 0xffc0 == 0xfe80,
    };
    !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || link_local)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inet_aton_forms() {
        let cases = [
            ("10.0.0.1", Some("10.0.0.1")),
            ("127.1", Some("127.0.0.1")),
            ("10.1.258", Some("10.1.1.2")),
            ("010.0.0.010", Some("8.0.0.8")),
            ("0x7f.0.0.1", Some("127.0.0.1")),
            ("0x0a000001", Some("10.0.0.1")),
            ("1", Some("0.0.0.1")),
            ("4294967295", Some("255.255.255.255")),
            ("4294967296", None),
            ("99999999999999999999999", None),
            ("1.16777216", None),
            ("10.0.0.256", None),
            ("10.0.0.1.1", None),
            ("10.0.0.", None),
            ("10..0.1", None),
            ("08", None),
            ("0x", None),
            ("-1", None),
            ("+1", None),
            ("", None),
            ("10.0.0.1\r", None),
        ];
        for (text, want) in cases {
            assert_eq!(inet_aton(text).map(|ip| ip.to_string()).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn global_unicast_is_go_s_notion() {
        for good in ["10.0.0.1", "100.100.100.100", "fd00::53", "240.0.0.1", "8.8.8.8", "168.63.129.16"] {
            assert!(is_global_unicast(good.parse().unwrap()), "{good}");
        }
        for bad in [
            "0.0.0.0",
            "::",
            "127.0.0.53",
            "::1",
            "255.255.255.255",
            "224.0.0.1",
            "ff02::1",
            "169.254.169.254",
            "fe80::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(!is_global_unicast(bad.parse().unwrap()), "{bad}");
        }
    }
}
