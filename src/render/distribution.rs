//! What the distributions install by themselves, as far as a node cache must know it.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The way a cluster was installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distribution {
    /// k3s.
    K3s,
    /// kubeadm.
    Kubeadm,
    /// RKE2.
    Rke2,
    /// kubespray.
    Kubespray,
}

impl Distribution {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::K3s, Self::Kubeadm, Self::Rke2, Self::Kubespray];

    /// Its word in flags, configuration files and assumptions.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::K3s => "k3s",
            Self::Kubeadm => "kubeadm",
            Self::Rke2 => "rke2",
            Self::Kubespray => "kubespray",
        }
    }

    /// Its name in texts.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::K3s => "k3s",
            Self::Kubeadm => "kubeadm",
            Self::Rke2 => "RKE2",
            Self::Kubespray => "kubespray",
        }
    }

    /// Name of the DNS Service in `kube-system`.
    ///
    /// k3s `manifests/coredns.yaml`; kubeadm `cmd/kubeadm/app/phases/addons/dns/manifests.go`; chart `rke2-coredns`;
    /// kubespray `roles/kubernetes-apps/ansible/templates/coredns-svc.yml.j2`.
    #[must_use]
    pub const fn dns_service(self) -> &'static str {
        match self {
            Self::K3s | Self::Kubeadm => "kube-dns",
            Self::Rke2 => "rke2-coredns-rke2-coredns",
            Self::Kubespray => "coredns",
        }
    }

    /// Labels that the Service selects, which the CoreDNS pods carry.
    #[must_use]
    pub fn dns_selector(self) -> BTreeMap<String, String> {
        let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        match self {
            Self::Rke2 => BTreeMap::from([
                label("app.kubernetes.io/instance", "rke2-coredns"),
                label("app.kubernetes.io/name", "rke2-coredns"),
                label("k8s-app", "kube-dns"),
            ]),
            _ => BTreeMap::from([label("k8s-app", "kube-dns")]),
        }
    }

    /// ClusterIP of the DNS Service when nothing was set: the tenth address of the service range (kubespray: the third).
    #[must_use]
    pub const fn dns_address(self) -> IpAddr {
        IpAddr::V4(match self {
            Self::K3s | Self::Rke2 => Ipv4Addr::new(10, 43, 0, 10),
            Self::Kubeadm => Ipv4Addr::new(10, 96, 0, 10),
            Self::Kubespray => Ipv4Addr::new(10, 233, 0, 3),
        })
    }

    /// Which address of a service range the DNS Service gets.
    #[must_use]
    pub const fn dns_ordinal(self) -> u8 {
        if matches!(self, Self::Kubespray) { 3 } else { 10 }
    }

    /// kube-proxy's mode when nothing was set.
    #[must_use]
    pub const fn proxy_is_ipvs(self) -> bool {
        matches!(self, Self::Kubespray)
    }

    /// The address that the cache answers on: kubespray's `nodelocaldns_ip`, else the one of the Kubernetes add-on.
    #[must_use]
    pub const fn local_ip(self) -> IpAddr {
        IpAddr::V4(match self {
            Self::Kubespray => Ipv4Addr::new(169, 254, 25, 10),
            _ => Ipv4Addr::new(169, 254, 20, 10),
        })
    }

    /// The same for IPv6: a unique local address, since a link-local one would need an interface in every resolv.conf.
    #[must_use]
    pub const fn local_ip6(self) -> IpAddr {
        IpAddr::V6(Ipv6Addr::new(0xfd00, 0x169, 0x254, 0x20, 0, 0, 0, 0x10))
    }

    /// The distribution brings its own manifests of the node cache and takes settings for it.
    #[must_use]
    pub const fn has_own_manifests(self) -> bool {
        matches!(self, Self::Rke2 | Self::Kubespray)
    }

    /// The `kubelet` belongs to k3s or RKE2 and takes its settings from their `config.yaml`.
    #[must_use]
    pub const fn is_rancher(self) -> bool {
        matches!(self, Self::K3s | Self::Rke2)
    }
}
