//! Reverse zones of a network in prefix notation (`plugin/pkg/cidr` and Go's `net.ParseCIDR`).

use std::net::{Ipv4Addr, Ipv6Addr};

/// A network with its host bits cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Network {
    V4(u32, u32),
    V6(u128, u32),
}

impl Network {
    /// Reads a full address with a decimal mask.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (address, mask) = text.split_once('/')?;
        if mask.is_empty() || mask.len() > 9 || !mask.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mask: u32 = mask.parse().ok()?;
        if let Ok(v4) = address.parse::<Ipv4Addr>() {
            let kept = u32::MAX.checked_shl(32_u32.checked_sub(mask)?).unwrap_or(0);
            return Some(Self::V4(u32::from(v4) & kept, mask));
        }
        let v6 = address.parse::<Ipv6Addr>().ok()?;
        let kept = u128::MAX.checked_shl(128_u32.checked_sub(mask)?).unwrap_or(0);
        Some(Self::V6(u128::from(v6) & kept, mask))
    }

    /// The reverse zones that together cover the network: at most 128 for IPv4 and 8 for IPv6.
    pub(super) fn zones(self) -> Vec<String> {
        match self {
            Self::V4(address, mask) => {
                let boundary = mask.div_ceil(8) * 8;
                let step = 1_u64 << (32 - boundary);
                (0..1_u64 << (boundary - mask))
                    .filter_map(|n| u32::try_from(u64::from(address) + n * step).ok())
                    .map(|net| reverse_v4(net, boundary))
                    .collect()
            }
            Self::V6(address, mask) => {
                let boundary = mask.div_ceil(4) * 4;
                let step = 1_u128.checked_shl(128 - boundary).unwrap_or(0);
                (0..1_u128 << (boundary - mask))
                    .filter_map(|n| address.checked_add(n.checked_mul(step)?))
                    .map(|net| reverse_v6(net, boundary))
                    .collect()
            }
        }
    }

    /// The one reverse zone that encloses the network, which releases before 1.8.5 served with a filter.
    pub(super) fn enclosing_zone(self) -> String {
        match self {
            Self::V4(address, mask) => reverse_v4(address, mask / 8 * 8),
            Self::V6(address, mask) => reverse_v6(address, mask / 4 * 4),
        }
    }
}

fn reverse_v4(address: u32, mask: u32) -> String {
    let octets = address.to_be_bytes();
    let kept = octets.iter().take(mask as usize / 8).rev();
    kept.map(|octet| format!("{octet}.")).collect::<String>() + "in-addr.arpa."
}

fn reverse_v6(address: u128, mask: u32) -> String {
    let nibbles = (0..mask / 4).rev().map(|n| (address >> (124 - 4 * n)) & 0xf);
    nibbles.map(|nibble| format!("{nibble:x}.")).collect::<String>() + "ip6.arpa."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zones(text: &str) -> Vec<String> {
        Network::parse(text).map(Network::zones).unwrap_or_default()
    }

    #[test]
    fn splits_at_label_boundaries() {
        assert_eq!(zones("10.0.0.0/15"), ["0.10.in-addr.arpa.", "1.10.in-addr.arpa."]);
        assert_eq!(zones("0.0.0.0/0"), ["in-addr.arpa."]);
        assert_eq!(zones("1::/0"), ["ip6.arpa."]);
        assert_eq!(zones("255.255.255.255/32"), ["255.255.255.255.in-addr.arpa."]);
        assert_eq!((zones("128.0.0.0/1").len(), zones("2001:db8::/33").len()), (128, 8));
        assert_eq!(zones("fd00::1/128").first().map(String::len), Some(32 * 2 + "ip6.arpa.".len()));
        for bad in ["10.0.0/24", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/+8", "010.0.0.0/8", "::/129"] {
            assert!(zones(bad).is_empty(), "{bad}");
        }
    }
}
