//! Public resolvers and address classes.

use std::net::IpAddr;

/// Addresses of well-known public resolvers.
const PUBLIC: [&str; 40] = [
    "1.0.0.1",
    "1.0.0.2",
    "1.1.1.1",
    "1.1.1.2",
    "1.2.4.8",
    "101.101.101.101",
    "114.114.114.114",
    "114.114.115.115",
    "119.28.28.28",
    "119.29.29.29",
    "149.112.112.112",
    "168.95.1.1",
    "180.184.1.1",
    "180.184.2.2",
    "180.76.76.76",
    "185.222.222.222",
    "185.228.168.9",
    "193.110.81.0",
    "208.67.220.220",
    "208.67.222.222",
    "210.2.4.8",
    "223.5.5.5",
    "223.6.6.6",
    "4.2.2.1",
    "4.2.2.2",
    "64.6.64.6",
    "64.6.65.6",
    "76.76.2.0",
    "8.20.247.20",
    "8.26.56.26",
    "8.8.4.4",
    "8.8.8.8",
    "84.200.69.80",
    "9.9.9.10",
    "9.9.9.9",
    "94.140.14.14",
    "2001:4860:4860::8844",
    "2001:4860:4860::8888",
    "2606:4700:4700::1001",
    "2606:4700:4700::1111",
];

/// Whether an address is a well-known public resolver.
#[must_use]
pub fn is_public_resolver(ip: IpAddr) -> bool {
    let text = ip.to_canonical().to_string();
    PUBLIC.contains(&text.as_str()) || text == "2620:fe::fe" || text == "2400:3200::1"
}

/// Whether an address is private: RFC 1918, shared (100.64/10), unique local, link-local.
#[must_use]
pub fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_private() || v4.is_link_local() || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}
