//! IP addresses as the kubelet and k3s read and print them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The cloud metadata service, which also answers DNS on some clouds.
pub const METADATA: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254));
/// An address that a cloud reserves on every machine.
#[derive(Clone, Copy, Debug)]
pub struct Reserved {
    /// The address.
    pub ip: IpAddr,
    /// What answers there.
    pub what: &'static str,
    /// It answers DNS, pods included.
    pub resolves: bool,
}

const fn v4(octets: [u8; 4], what: &'static str, resolves: bool) -> Reserved {
    let [a, b, c, d] = octets;
    Reserved { ip: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), what, resolves }
}

const fn aws_v6(last: u16, what: &'static str, resolves: bool) -> Reserved {
    Reserved { ip: IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, last)), what, resolves }
}

/// Addresses that clouds reserve.
pub const OF_CLOUDS: [Reserved; 8] = [
    Reserved { ip: METADATA, what: "the metadata service of AWS, Azure, GCP and OpenStack", resolves: true },
    v4([169, 254, 169, 253], "the resolver of AWS", true),
    v4([169, 254, 169, 123], "the time service of AWS", false),
    v4([100, 100, 100, 200], "the metadata service of Alibaba Cloud", false),
    v4([168, 63, 129, 16], "the resolver of Azure", true),
    v4([169, 254, 0, 23], "the metadata service of Tencent Cloud", false),
    aws_v6(0x254, "the metadata service of AWS", false),
    aws_v6(0x253, "the resolver of AWS", true),
];

/// Whether a cloud answers DNS on the address for every machine, pods included.
#[must_use]
pub fn is_cloud_resolver(ip: IpAddr) -> bool {
    OF_CLOUDS.iter().any(|own| own.resolves && own.ip == ip.to_canonical())
}

/// Tailscale's resolver, which only the node's own `tailscaled` answers.
#[must_use]
pub fn is_magic_dns(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4 == Ipv4Addr::new(100, 100, 100, 100),
        IpAddr::V6(v6) => v6 == Ipv6Addr::new(0xfd7a, 0x115c, 0xa1e0, 0, 0, 0, 0, 0x53),
    }
}

/// The gateway of Docker's default bridge: an address of whichever host asks.
#[must_use]
pub fn is_container_bridge(ip: IpAddr) -> bool {
    ip.to_canonical() == IpAddr::V4(Ipv4Addr::new(172, 17, 0, 1))
}

/// An address in Go's strict syntax (`net.ParseIP`): no leading zeros, port, zone or blank.
#[must_use]
pub fn parse_strict(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// An address as the kubelet reads `clusterDNS` (`ParseIPSloppy` of k8s.io/utils/net): leading zeros are tolerated,
/// and the digits are decimal all the same.
#[must_use]
pub fn parse_sloppy(text: &str) -> Option<IpAddr> {
    let trimmed = text.split(':').map(trim_group).collect::<Option<Vec<_>>>()?.join(":");
    trimmed.parse().ok()
}

/// One colon-separated group without its leading zeros; the dotted parts of an IPv4 tail each without theirs.
fn trim_group(group: &str) -> Option<String> {
    if !group.is_ascii() {
        return None;
    }
    let trim = |part: &str| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0".to_owned(),
        rest => rest.to_owned(),
    };
    Some(group.split('.').map(trim).collect::<Vec<_>>().join("."))
}

/// The text that Go prints (`net.IP.String`): IPv6 compressed and in lower case, an IPv4-mapped address as IPv4.
#[must_use]
pub fn canonical(ip: IpAddr) -> String {
    ip.to_canonical().to_string()
}

/// What is special about an address, in the classes of Go's `net.IP`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressClass {
    /// Global unicast in Go's sense; private, shared and unique local addresses count.
    Global,
    /// 0.0.0.0 or `::`.
    Unspecified,
    /// 127.0.0.0/8 or `::1`.
    Loopback,
    /// 169.254.0.0/16 or fe80::/10.
    LinkLocal,
    /// 224.0.0.0/4 or ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
}

/// The class of an address; an IPv4-mapped one counts as its IPv4 address.
#[must_use]
pub fn classify(ip: IpAddr) -> AddressClass {
    let ip = ip.to_canonical();
    let (link_local, broadcast) = match ip {
        IpAddr::V4(v4) => (v4.is_link_local(), v4.is_broadcast()),
        IpAddr::V6(v6) => (v6.is_unicast_link_local(), false),
    };
    match () {
        () if ip.is_unspecified() => AddressClass::Unspecified,
        () if ip.is_loopback() => AddressClass::Loopback,
        () if ip.is_multicast() => AddressClass::Multicast,
        () if broadcast => AddressClass::Broadcast,
        () if link_local => AddressClass::LinkLocal,
        () => AddressClass::Global,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sloppy_addresses() {
        let cases = [
            ("010.043.000.010", Some("10.43.0.10")),
            ("fd00:43:0:0::A", Some("fd00:43::a")),
            ("::ffff:010.0.0.1", Some("10.0.0.1")),
            ("::", Some("::")),
            ("::1", Some("::1")),
            ("0:0:0:0:0:0:0:00001", Some("::1")),
            ("10.43.0.10:53", None),
            (" 10.43.0.10", None),
            ("fe80::1%eth0", None),
            ("10.43.0.256", None),
            ("10..0.1", None),
            ("1.2.3.4.5", None),
            ("dns.example", None),
            ("", None),
        ];
        for (text, want) in cases {
            assert_eq!(parse_sloppy(text).map(canonical).as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn strict_addresses() {
        for bad in ["010.0.0.1", "10.0.0.1 ", "fe80::1%1", "10.0.0.1:53", "1.1.1", "10.0.0.00"] {
            assert_eq!(parse_strict(bad), None, "{bad:?}");
        }
        assert!(parse_strict("2001:db8::1").is_some());
    }

    #[test]
    fn classes() {
        let class = |text: &str| classify(text.parse().unwrap());
        assert_eq!(class("::ffff:127.0.0.1"), AddressClass::Loopback);
        assert_eq!(class("240.0.0.1"), AddressClass::Global);
        assert_eq!(class("100.64.0.1"), AddressClass::Global);
        assert_eq!(class("fd00::1"), AddressClass::Global);
        assert_eq!(class("255.255.255.255"), AddressClass::Broadcast);
        assert_eq!(class("fe80::1"), AddressClass::LinkLocal);
        assert_eq!(class("ff02::1"), AddressClass::Multicast);
        assert_eq!(class("::"), AddressClass::Unspecified);
    }
}
