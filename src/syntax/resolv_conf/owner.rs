//! Which program generated a `resolv.conf`, told from its marker comments or its shape: a hand edit of such a file is
//! lost when the program writes it again.

use std::fmt;

use crate::source::Span;

use super::{Line, LineKind, ResolvConf};

/// A program that writes `resolv.conf` files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Owner {
    /// systemd-resolved, `stub-resolv.conf`: the stub on 127.0.0.53.
    ResolvedStub,
    /// systemd-resolved, `/run/systemd/resolve/resolv.conf`: the real servers.
    ResolvedUplink,
    /// The static file that the systemd package ships.
    ResolvedStatic,
    /// NetworkManager.
    NetworkManager,
    /// Debian's resolvconf.
    Resolvconf,
    /// openresolv.
    Openresolv,
    /// ISC dhclient (`dhclient-script`).
    Dhclient,
    /// dhcpcd.
    Dhcpcd,
    /// cloud-init (`manage_resolv_conf`, or its sysconfig renderer).
    CloudInit,
    /// Tailscale in direct mode.
    Tailscale,
    /// The Windows Subsystem for Linux.
    Wsl,
    /// Docker in a container on a user-defined network: the embedded resolver on 127.0.0.11.
    DockerEmbedded,
    /// Docker in a container on the default bridge: a filtered copy of the host's file.
    DockerBridge,
    /// ConnMan.
    ConnMan,
    /// k3s or RKE2, the generated fallback.
    K3sFallback,
    /// Proxmox VE, in an LXC container.
    Proxmox,
    /// vpnc or openconnect.
    Vpnc,
    /// SUSE netconfig.
    Netconfig,
    /// Hetzner's installimage, once at installation.
    HetznerInstallimage,
    /// The kubelet, in a pod with policy ClusterFirst.
    Kubelet,
    /// OpenBSD's resolvd.
    Resolvd,
    /// macOS, where the file is not consulted.
    MacOs,
}

impl Owner {
    /// The name of the program as its documentation writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResolvedStub | Self::ResolvedUplink | Self::ResolvedStatic => "systemd-resolved",
            Self::NetworkManager => "NetworkManager",
            Self::Resolvconf => "resolvconf",
            Self::Openresolv => "openresolv",
            Self::Dhclient => "dhclient",
            Self::Dhcpcd => "dhcpcd",
            Self::CloudInit => "cloud-init",
            Self::Tailscale => "Tailscale",
            Self::Wsl => "WSL",
            Self::DockerEmbedded | Self::DockerBridge => "Docker",
            Self::ConnMan => "ConnMan",
            Self::K3sFallback => "k3s",
            Self::Proxmox => "Proxmox VE",
            Self::Vpnc => "vpnc",
            Self::Netconfig => "netconfig",
            Self::HetznerInstallimage => "Hetzner installimage",
            Self::Kubelet => "the kubelet",
            Self::Resolvd => "resolvd",
            Self::MacOs => "macOS",
        }
    }

    /// Whether it is systemd-resolved.
    #[must_use]
    pub const fn is_resolved(self) -> bool {
        matches!(self, Self::ResolvedStub | Self::ResolvedUplink | Self::ResolvedStatic)
    }

    /// Where the servers and search domains of the file are set, where the program has a place for that: resolved.conf(5),
    /// nm-settings(5), dhclient.conf(5), resolvconf.conf(5), dhcpcd.conf(5), wsl.conf.
    #[must_use]
    pub const fn setting(self) -> Option<&'static str> {
        Some(match self {
            Self::ResolvedStub | Self::ResolvedUplink | Self::ResolvedStatic => {
                "`DNS=` and `Domains=` in /etc/systemd/resolved.conf, and the settings of the link (netplan, systemd.network)"
            }
            Self::NetworkManager => "the connection's `ipv4.dns` and `ipv4.dns-search` (`nmcli connection modify`)",
            Self::Resolvconf => "`dns-nameservers` and `dns-search` in /etc/network/interfaces",
            Self::Openresolv => "/etc/resolvconf.conf",
            Self::Dhclient => "`supersede domain-name-servers` and `domain-search` in /etc/dhcp/dhclient.conf",
            Self::Dhcpcd => "`static domain_name_servers` and `domain_search` in /etc/dhcpcd.conf",
            Self::CloudInit => "the sections `network` and `resolv_conf` of cloud-init's configuration",
            Self::Tailscale => "`tailscale set --accept-dns=false`, or the DNS settings of the tailnet",
            Self::Wsl => "`generateResolvConf=false` in /etc/wsl.conf",
            Self::DockerEmbedded | Self::DockerBridge => {
                "`dns` in /etc/docker/daemon.json, or `--dns` of the container"
            }
            Self::K3sFallback => "`resolv-conf` in the configuration of k3s",
            Self::Netconfig => "`NETCONFIG_DNS_STATIC_SERVERS` in /etc/sysconfig/network/config",
            Self::Proxmox => "the DNS settings of the container in Proxmox VE",
            Self::ConnMan | Self::Vpnc | Self::HetznerInstallimage | Self::Kubelet | Self::Resolvd | Self::MacOs => {
                return None;
            }
        })
    }

    /// Whether the program writes the file again later, so that a hand edit is lost.
    #[must_use]
    pub const fn regenerates(self) -> bool {
        !matches!(self, Self::HetznerInstallimage | Self::MacOs | Self::ResolvedStatic)
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Texts of marker comments, lower case, the more specific first.
const MARKERS: &[(&str, Owner)] = &[
    ("/run/systemd/resolve/stub-resolv.conf managed by man:systemd-resolved", Owner::ResolvedStub),
    ("/run/systemd/resolve/resolv.conf managed by man:systemd-resolved", Owner::ResolvedUplink),
    ("this file belongs to man:systemd-resolved", Owner::ResolvedStatic),
    // Before systemd 249 stub and uplink file begin alike; the server tells them apart.
    ("this file is managed by man:systemd-resolved", Owner::ResolvedUplink),
    ("@vpnc_generated@", Owner::Vpnc),
    ("generated by networkmanager", Owner::NetworkManager),
    ("generated by resolvconf(8)", Owner::Resolvconf),
    ("generated by resolvconf", Owner::Openresolv),
    ("generated by dhcpcd", Owner::Dhcpcd),
    ("generated by /usr/sbin/dhclient-script", Owner::Dhclient),
    ("generated by /sbin/dhclient-script", Owner::Dhclient),
    ("file generated by tailscale", Owner::Tailscale),
    ("automatically generated by wsl", Owner::Wsl),
    ("generated by connection manager", Owner::ConnMan),
    ("generated by docker engine", Owner::DockerBridge),
    ("based on host file:", Owner::DockerBridge),
    ("created by cloud-init", Owner::CloudInit),
    ("configured with 'manage-resolv-conf' set to true", Owner::CloudInit),
    ("--- begin pve ---", Owner::Proxmox),
    ("autogenerated by netconfig", Owner::Netconfig),
    ("/netconfig/resolv.conf", Owner::Netconfig),
    ("hetzner online gmbh installimage", Owner::HetznerInstallimage),
    ("macos notice", Owner::MacOs),
    ("mac os x notice", Owner::MacOs),
    ("# resolvd:", Owner::Resolvd),
];

/// The generator of the file and the line (or lines) that tell it; none for files written by hand, and for generators
/// that leave no trace (Debian's dhclient, udhcpc).
#[must_use]
pub fn owner(conf: &ResolvConf) -> Option<(Owner, Span)> {
    conf.lines.iter().find_map(|line| marker(conf, line)).or_else(|| shape(conf))
}

fn marker(conf: &ResolvConf, line: &Line) -> Option<(Owner, Span)> {
    // Only comments mark a file; resolvd puts its one behind the address.
    let at = line.words.iter().find(|word| word.value.starts_with(['#', ';']))?.span.start;
    let text = line.raw.get(at - line.span.start..)?.to_lowercase();
    let owner = MARKERS.iter().find(|(marker, _)| text.contains(marker)).map(|(_, owner)| *owner)?;
    let owner = match owner {
        Owner::Resolvd if line.kind != LineKind::Nameserver => return None,
        Owner::ResolvedUplink if only_server_is(conf, "127.0.0.53") => Owner::ResolvedStub,
        Owner::DockerBridge if only_server_is(conf, "127.0.0.11") => Owner::DockerEmbedded,
        owner => owner,
    };
    Some((owner, line.span))
}

fn servers(conf: &ResolvConf) -> Vec<&str> {
    conf.lines_of(LineKind::Nameserver).filter_map(|l| l.arguments().first()).map(|w| w.value.as_str()).collect()
}

fn only_server_is(conf: &ResolvConf, address: &str) -> bool {
    servers(conf) == [address]
}

/// Generators that write no comment but always the same lines.
fn shape(conf: &ResolvConf) -> Option<(Owner, Span)> {
    let whole = Span::new(conf.lines.first()?.span.start, conf.lines.last()?.span.end);
    if conf.lines.iter().all(|line| line.kind == LineKind::Nameserver && line.words.len() == 2) {
        // The generated file has nothing else; with more servers or a search line somebody else wrote it.
        let fallback = matches!(servers(conf).as_slice(), ["8.8.8.8"] | ["8.8.8.8", "2001:4860:4860::8888"]);
        return fallback.then_some((Owner::K3sFallback, whole));
    }
    if only_server_is(conf, "127.0.0.11") {
        return conf.lines_of(LineKind::Nameserver).next().map(|line| (Owner::DockerEmbedded, line.span));
    }
    conf.lines_of(LineKind::Search).find(|line| is_cluster_search(line)).map(|line| (Owner::Kubelet, line.span))
}

/// Whether a search line begins with `NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN`.
fn is_cluster_search(line: &Line) -> bool {
    let [namespaced, service, domain, ..] = line.arguments() else { return false };
    service.value.strip_prefix("svc.") == Some(&domain.value)
        && namespaced
            .value
            .strip_suffix(service.value.as_str())
            .is_some_and(|head| head.len() > 1 && head.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Option<(Owner, &str)> {
        owner(&ResolvConf::parse(text)).map(|(owner, span)| (owner, span.text(text)))
    }

    #[test]
    fn shapes_without_marker() {
        assert_eq!(check("nameserver 8.8.8.8\n"), Some((Owner::K3sFallback, "nameserver 8.8.8.8")));
        assert_eq!(check("nameserver 8.8.8.8\nsearch lan\n"), None);
        assert_eq!(check("nameserver 8.8.8.8\nnameserver 8.8.4.4\n"), None);
        assert_eq!(
            check("search x\nnameserver 127.0.0.11\noptions ndots:0\n").map(|o| o.0),
            Some(Owner::DockerEmbedded)
        );
        let pod = "search web.svc.cluster.local svc.cluster.local cluster.local lan\nnameserver 10.43.0.10\n";
        assert_eq!(check(pod).map(|o| o.0), Some(Owner::Kubelet));
        assert_eq!(check("search .svc.a svc.a a\nnameserver 10.43.0.10\n"), None);
        assert_eq!(check(""), None);
    }

    #[test]
    fn old_resolved_headers_are_told_apart_by_their_server() {
        let header = "# This file is managed by man:systemd-resolved(8). Do not edit.";
        assert_eq!(check(&format!("{header}\nnameserver 127.0.0.53\n")).map(|o| o.0), Some(Owner::ResolvedStub));
        assert_eq!(check(&format!("{header}\nnameserver 10.0.0.1\n")).map(|o| o.0), Some(Owner::ResolvedUplink));
    }

    #[test]
    fn a_marker_is_a_comment() {
        assert_eq!(check("search generated by networkmanager\n"), None);
        assert_eq!(
            check("\n  # Generated by NetworkManager\nnameserver 1.1.1.1\n").map(|o| o.0),
            Some(Owner::NetworkManager)
        );
        assert_eq!(check("# written by hand, see resolvd: docs\nnameserver 1.1.1.1\n"), None);
    }
}
