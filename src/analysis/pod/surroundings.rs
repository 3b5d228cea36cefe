//! What every pod of a cluster is judged against, collected once.

use super::names::KnownNames;
use crate::analysis::effective::KubeVersion;
use crate::analysis::facts::{self, Facts};
use crate::analysis::servers::served::served_domains;
use crate::model::Cluster;
use crate::model::config_map::ConfigMap;
use crate::model::service::Service;
use crate::source::Located;
use std::collections::BTreeSet;

/// What every pod of the cluster is judged against.
pub struct Surroundings<'a> {
    /// Facts about the cluster.
    pub facts: &'a Facts,
    /// The names that exist in it.
    pub known: KnownNames,
    /// The cluster domain, where the snapshot states one.
    pub domain: Option<String>,
    /// Indexes of workloads that run a DNS server.
    pub dns_workloads: Vec<usize>,
    /// The Services.
    pub services: &'a [Service],
    /// The ConfigMaps, for files that pods mount.
    pub config_maps: &'a [ConfigMap],
    /// The oldest kubelet, whose limits some pod meets, where Node objects tell.
    pub oldest_kubelet: Option<KubeVersion>,
    /// The newest kubelet: the API server is at least as new.
    pub newest_kubelet: Option<KubeVersion>,
    /// Search domains of the file that the kubelets hand out, where all nodes agree; else empty.
    pub node_searches: Vec<String>,
    /// The first kernel of the nodes that loses answers when two questions race (before Linux 5.6).
    pub old_kernel: Option<&'a Located<String>>,
    /// Text of every Corefile: a domain that stands there is served or rewritten.
    corefiles: Vec<&'a str>,
}

impl<'a> Surroundings<'a> {
    /// Collects them once for all pods.
    #[must_use]
    pub fn of(cluster: &'a Cluster, facts: &'a Facts) -> Self {
        let objects = &cluster.objects;
        let services = objects.services.iter().map(|s| format!("{}.{}", s.meta.name.value, s.meta.namespace.value));
        let spaces: BTreeSet<&str> = objects
            .services
            .iter()
            .map(|s| s.meta.namespace.value.as_str())
            .chain(objects.workloads.iter().map(|w| w.meta.namespace.value.as_str()))
            .chain(objects.of_kind("Namespace").iter().map(|n| n.meta.name.value.as_str()))
            .collect();
        let domains = domains(cluster, facts);
        let kubelets = facts::node_info(cluster, "kubeletVersion");
        let versions: Vec<KubeVersion> = kubelets.filter_map(|v| KubeVersion::parse(&v.value)).collect();
        let configs = cluster.dns_servers.iter().filter_map(|server| server.config.as_ref());
        Self {
            facts,
            domain: domains.first().cloned(),
            known: KnownNames {
                domains: domains.into_iter().collect(),
                services: services.collect(),
                namespaces: spaces.into_iter().map(str::to_owned).collect(),
            },
            dns_workloads: cluster.dns_servers.iter().filter_map(|s| s.workload).collect(),
            services: &objects.services,
            config_maps: &objects.config_maps,
            oldest_kubelet: versions.iter().min().copied(),
            newest_kubelet: versions.iter().max().copied(),
            node_searches: Vec::new(),
            old_kernel: old_kernel(facts),
            corefiles: configs.flat_map(|config| &config.texts).map(|text| text.text.as_str()).collect(),
        }
    }

    /// A cluster of which nothing is known but facts.
    #[must_use]
    pub fn empty(facts: &'a Facts) -> Self {
        Self {
            facts,
            known: KnownNames::default(),
            domain: None,
            dns_workloads: Vec::new(),
            services: &[],
            config_maps: &[],
            oldest_kubelet: None,
            newest_kubelet: None,
            node_searches: Vec::new(),
            old_kernel: old_kernel(facts),
            corefiles: Vec::new(),
        }
    }

    /// The same with the search domains of the file that the kubelets hand out, where all nodes agree.
    #[must_use]
    pub fn with_node_searches(mut self, searches: Vec<String>) -> Self {
        self.node_searches = searches;
        self
    }

    /// Whether the nodes' resolver files search the cluster domain, as kubespray's `host_resolvconf` makes them.
    #[must_use]
    pub fn nodes_know_the_cluster(&self) -> bool {
        self.node_searches.iter().any(|search| {
            let bare = search.trim_end_matches('.').to_ascii_lowercase();
            self.known.in_domain(&bare) || self.known.domains.contains(&bare)
        })
    }

    /// Whether some Corefile mentions a domain.
    #[must_use]
    pub fn serves(&self, domain: &str) -> bool {
        self.corefiles.iter().any(|text| text.contains(domain))
    }

    /// The address of the cluster DNS, where the snapshot has its Service.
    #[must_use]
    pub fn cluster_dns(&self) -> Option<String> {
        self.facts.dns_addresses.first().map(|a| a.value.to_string())
    }
}

/// First kernel in which a Service address no longer costs one of two queries from one socket (commit 6a757c07e51f).
pub const FIXED_KERNEL: (u32, u32) = (5, 6);

fn old_kernel(facts: &Facts) -> Option<&Located<String>> {
    facts.kernels.iter().find(|kernel| kernel_is_older(&kernel.value, FIXED_KERNEL))
}

/// Whether a kernel release such as `5.4.0-150-generic` is older than (major, minor).
#[must_use]
pub fn kernel_is_older(release: &str, than: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < than,
        _ => false,
    }
}

/// The cluster's domains: what its configuration states, then what its DNS serves.
fn domains(cluster: &Cluster, facts: &Facts) -> Vec<String> {
    let stated = facts.domains.iter().map(|d| d.value.clone());
    let served = served_domains(cluster).into_iter().map(|domain| domain.value);
    let mut seen = BTreeSet::new();
    stated.chain(served).filter(|domain| !domain.is_empty() && seen.insert(domain.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_compare_by_number() {
        assert!(kernel_is_older("3.10.0-1062.el7.x86_64", (5, 6)));
        assert!(kernel_is_older("5.4.0-150-generic", (5, 6)));
        assert!(!kernel_is_older("5.10.0-23-amd64", (5, 6)));
        assert!(!kernel_is_older("6.1", (5, 6)));
        assert!(!kernel_is_older("unknown", (5, 6)));
    }
}
