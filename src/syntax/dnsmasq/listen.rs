//! On which sockets dnsmasq listens.

use std::net::IpAddr;

use super::settings::{LocalService, Settings};

/// How dnsmasq binds its DNS sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ListenMode {
    /// `port=0`: no DNS.
    Off,
    /// 0.0.0.0 and `::`; interfaces and addresses only filter packets after receipt. The default.
    Wildcard,
    /// `bind-interfaces`: one socket for each allowed address that exists at start.
    BindInterfaces,
    /// `bind-dynamic`: the same, and for addresses that appear later.
    BindDynamic,
    /// `local-service=host`: the loopback interface only.
    Loopback,
}

/// The listening configuration of all files and the command line together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listening {
    /// How sockets are bound.
    pub mode: ListenMode,
    /// The port, 53 by default.
    pub port: u16,
    /// Interfaces that are allowed; `interface=` adds `lo`. With no interface and no address, all are.
    pub interfaces: Vec<String>,
    /// Addresses that are allowed; `listen-address=` alone does not add 127.0.0.1.
    pub addresses: Vec<IpAddr>,
    /// Interfaces that are not.
    pub except_interfaces: Vec<String>,
}

/// Puts the settings of all files and the command line together, in the order dnsmasq reads them.
#[must_use]
pub fn listening(all: &[&Settings]) -> Listening {
    let mut interfaces = all.iter().flat_map(|s| &s.interfaces).map(|i| i.value.clone()).collect::<Vec<_>>();
    if !interfaces.is_empty() && !interfaces.iter().any(|name| name == "lo") {
        interfaces.push("lo".to_owned());
    }
    let addresses = all.iter().flat_map(|s| &s.listen_addresses).map(|a| a.value).collect::<Vec<_>>();
    let except_interfaces = all.iter().flat_map(|s| &s.except_interfaces).map(|i| i.value.clone()).collect::<Vec<_>>();
    let port = all.iter().filter_map(|s| s.port.as_ref()).next_back().map_or(53, |port| port.value);
    let restricted = !interfaces.is_empty()
        || !addresses.is_empty()
        || !except_interfaces.is_empty()
        || all.iter().any(|s| s.auth_server.is_some());
    let local = all.iter().filter_map(|s| s.local_service.as_ref()).next_back().map(|local| local.value);
    let mode = if port == 0 {
        ListenMode::Off
    } else if all.iter().any(|s| s.bind_dynamic.is_some()) {
        ListenMode::BindDynamic
    } else if all.iter().any(|s| s.bind_interfaces.is_some()) {
        ListenMode::BindInterfaces
    } else if local == Some(LocalService::Host) && !restricted {
        ListenMode::Loopback
    } else {
        ListenMode::Wildcard
    };
    Listening { mode, port, interfaces, addresses, except_interfaces }
}

impl Listening {
    /// Whether an interface of this name with this address is served, as far as the configuration alone decides.
    #[must_use]
    pub fn serves(&self, interface: &str, address: IpAddr) -> bool {
        let loopback = interface == "lo";
        let allowed = match self.mode {
            ListenMode::Off => false,
            ListenMode::Loopback => loopback,
            _ if self.interfaces.is_empty() && self.addresses.is_empty() => true,
            _ => self.addresses.contains(&address) || self.interfaces.iter().any(|name| matches(name, interface)),
        };
        allowed && !self.except_interfaces.iter().any(|name| matches(name, interface))
    }
}

/// Interface names may end in `*`.
fn matches(pattern: &str, interface: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == interface, |head| interface.starts_with(head))
}

#[cfg(test)]
mod tests {
    use super::super::DnsmasqConf;
    use super::*;

    fn listen(texts: &[&str]) -> Listening {
        let files = texts.iter().map(|text| DnsmasqConf::parse(text).settings).collect::<Vec<_>>();
        listening(&files.iter().collect::<Vec<_>>())
    }

    #[test]
    fn modes() {
        for (text, mode) in [
            ("", ListenMode::Wildcard),
            ("interface=eth0\nlisten-address=10.0.0.1\n", ListenMode::Wildcard),
            ("bind-interfaces\n", ListenMode::BindInterfaces),
            ("bind-dynamic\n", ListenMode::BindDynamic),
            ("local-service\n", ListenMode::Wildcard),
            ("local-service=host\n", ListenMode::Loopback),
            ("local-service=host\ninterface=eth0\n", ListenMode::Wildcard),
            ("port=0\nbind-dynamic\n", ListenMode::Off),
        ] {
            assert_eq!(listen(&[text]).mode, mode, "{text}");
        }
        assert_eq!(listen(&["port=5353\n", "bind-interfaces\n"]).port, 5353);
    }

    #[test]
    fn interface_adds_lo_but_an_address_does_not() {
        assert_eq!(listen(&["interface=eth0\n"]).interfaces, ["eth0", "lo"]);
        let address = listen(&["listen-address=10.0.0.1\n"]);
        assert!(address.interfaces.is_empty());
        assert!(!address.serves("lo", "127.0.0.1".parse().unwrap()));
        assert!(address.serves("eth0", "10.0.0.1".parse().unwrap()));
    }

    #[test]
    fn the_node_cache_address_is_served_unless_excluded() {
        let ip = "169.254.20.10".parse().unwrap();
        for (text, served) in [
            ("bind-dynamic\n", true),
            ("bind-dynamic\nexcept-interface=nodelocaldns\n", false),
            ("bind-dynamic\nexcept-interface=nodelocal*\n", false),
            ("bind-interfaces\ninterface=eth0\n", false),
            ("port=0\n", false),
        ] {
            assert_eq!(listen(&[text]).serves("nodelocaldns", ip), served, "{text}");
        }
    }
}
