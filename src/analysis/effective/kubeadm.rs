//! What kubeadm fills into a KubeletConfiguration (`cmd/kubeadm/app/componentconfigs/kubelet.go`).

use super::address::canonical;
use super::cluster_dns::{DNS_INDEX, indexed_address};
use super::config_value::comma_text;
use super::origin::split_commas;
use crate::source::Located;
use ipnet::IpNet;

/// The resolver file that kubeadm sets where systemd-resolved runs.
pub const SYSTEMD_RESOLV_CONF: &str = "/run/systemd/resolve/resolv.conf";
/// Cluster DNS if none can be computed.
pub const FALLBACK_CLUSTER_DNS: &str = "10.96.0.10";

/// The DNS fields of the user's KubeletConfiguration; `None` is unset or null.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserKubelet {
    /// `clusterDNS`.
    pub cluster_dns: Option<Vec<Located<String>>>,
    /// `clusterDomain`; empty counts as unset.
    pub cluster_domain: Option<Located<String>>,
    /// `resolvConf`.
    pub resolv_conf: Option<Located<String>>,
}

/// What kubeadm looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeadmInput {
    /// The user's KubeletConfiguration.
    pub user: UserKubelet,
    /// `networking.serviceSubnet` of the ClusterConfiguration.
    pub service_subnet: Located<String>,
    /// `networking.dnsDomain` of the ClusterConfiguration.
    pub dns_domain: Located<String>,
    /// Whether the service `systemd-resolved` is active on the machine where kubeadm runs.
    pub systemd_resolved_active: bool,
}

/// The DNS fields that end in the ConfigMap `kubelet-config` and in `/var/lib/kubelet/config.yaml` of every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeadmKubelet {
    /// `clusterDNS`.
    pub cluster_dns: Vec<Located<String>>,
    /// `clusterDomain`.
    pub cluster_domain: Located<String>,
    /// `resolvConf`; unset means the kubelet's default.
    pub resolv_conf: Option<Located<String>>,
    /// User's values that differ from what kubeadm recommends; kubeadm keeps them and prints a warning.
    pub warnings: Vec<KubeadmWarning>,
}

/// A value that kubeadm would have set otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeadmWarning {
    /// The field.
    pub field: &'static str,
    /// The user's value.
    pub value: Located<String>,
    /// kubeadm's value.
    pub recommended: Located<String>,
}

/// The cluster DNS that kubeadm derives: the tenth address of the service subnet, of the first one in a comma list.
#[must_use]
pub fn default_cluster_dns(service_subnet: &Located<String>) -> Located<String> {
    let first = split_commas(service_subnet).into_iter().next();
    let tenth = first.and_then(|subnet| {
        let network: IpNet = subnet.value.parse().ok()?;
        Some(subnet.with(canonical(indexed_address(network, DNS_INDEX)?)))
    });
    tenth.unwrap_or_else(|| Located::default_value(FALLBACK_CLUSTER_DNS.to_owned()))
}

/// Fills in what the user left open.
#[must_use]
pub fn default_kubelet(input: &KubeadmInput) -> KubeadmKubelet {
    let mut warnings = Vec::new();
    let cluster_dns = default_cluster_dns(&input.service_subnet);
    let cluster_dns = match &input.user.cluster_dns {
        None => vec![cluster_dns],
        Some(user) => {
            warn("clusterDNS", &comma_text(user), &cluster_dns, &mut warnings);
            user.clone()
        }
    };
    let domain = input.user.cluster_domain.as_ref().filter(|domain| !domain.value.is_empty());
    if let Some(domain) = domain {
        warn("clusterDomain", domain, &input.dns_domain, &mut warnings);
    }
    let resolved = Located::default_value(SYSTEMD_RESOLV_CONF.to_owned());
    let resolv_conf = match &input.user.resolv_conf {
        Some(user) if input.systemd_resolved_active => {
            warn("resolvConf", user, &resolved, &mut warnings);
            Some(user.clone())
        }
        None if input.systemd_resolved_active => Some(resolved),
        user => user.clone(),
    };
    KubeadmKubelet { cluster_dns, cluster_domain: domain.unwrap_or(&input.dns_domain).clone(), resolv_conf, warnings }
}

fn warn(
    field: &'static str,
    value: &Located<String>,
    recommended: &Located<String>,
    warnings: &mut Vec<KubeadmWarning>,
) {
    if value.value != recommended.value {
        warnings.push(KubeadmWarning { field, value: value.clone(), recommended: recommended.clone() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subnets() {
        let dns = |subnet: &str| default_cluster_dns(&Located::default_value(subnet.to_owned())).value;
        assert_eq!(dns("10.96.0.0/12"), "10.96.0.10");
        assert_eq!(dns("fd00:1::/108,10.96.0.0/12"), "fd00:1::a");
        assert_eq!(dns("10.0.0.0/30"), FALLBACK_CLUSTER_DNS);
        assert_eq!(dns(""), FALLBACK_CLUSTER_DNS);
    }
}
