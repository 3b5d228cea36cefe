//! Nameservers of `dnsConfig` that point at nothing in this cluster.

use super::surroundings::Surroundings;
use crate::analysis::effective::address::is_cloud_resolver;
use crate::analysis::views::pod::StaleNameserver;
use crate::model::pod::PodSpec;
use crate::source::Located;
use std::net::{IpAddr, Ipv4Addr};

/// Addresses of the cluster DNS that installers give by default, with the installer.
///
/// Only addresses that nobody gives to a resolver outside a cluster: AKS's 10.0.0.10 may be a server of any network.
const INSTALLER_DEFAULTS: [(Ipv4Addr, &str); 4] = [
    (Ipv4Addr::new(10, 96, 0, 10), "kubeadm"),
    (Ipv4Addr::new(10, 43, 0, 10), "k3s and RKE2"),
    (Ipv4Addr::new(10, 233, 0, 3), "kubespray"),
    (Ipv4Addr::new(10, 152, 183, 10), "MicroK8s"),
];

/// Nameservers of `dnsConfig` that must be stale: public and unknown addresses may live outside the cluster.
#[must_use]
pub fn nameservers(pod: &PodSpec, around: &Surroundings<'_>) -> Vec<Located<StaleNameserver>> {
    let Some(config) = &pod.dns_config else { return Vec::new() };
    config
        .value
        .nameservers
        .iter()
        .filter_map(|nameserver| {
            let reason = reason(nameserver.value.parse().ok()?, around)?;
            Some(nameserver.with(StaleNameserver { address: nameserver.value.clone(), reason }))
        })
        .collect()
}

/// Why an address must be stale; `None` where something answers on it, or may.
fn reason(ip: IpAddr, around: &Surroundings<'_>) -> Option<String> {
    let facts = around.facts;
    let dns = facts.dns_addresses.first()?;
    if facts.dns_addresses.iter().chain(&facts.node_cache_addresses).any(|a| a.value == ip) {
        return None;
    }
    let owner = around.services.iter().find(|s| s.addresses().any(|a| a == ip));
    if let Some(service) = owner {
        let answers = service.has_port(53, "UDP") || service.has_port(53, "TCP");
        let name = format!("{}/{}", service.meta.namespace.value, service.meta.name.value);
        return (!answers).then(|| format!("it is the address of Service {name}, which has no port 53"));
    }
    let cache = link_local(ip).then(|| match facts.node_cache_addresses.first() {
        Some(cache) => format!("the node cache of this cluster listens on {}", cache.value),
        None => "no node cache of this cluster listens on it".to_owned(),
    });
    cache
        .or_else(|| in_the_service_range(ip, around, dns.value))
        .or_else(|| of_another_installer(ip, around, dns.value))
}

fn link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V4(v4) if v4.is_link_local() && !is_cloud_resolver(ip))
}

/// In the Service range, stated or as far as the DNS Service's own /24 shows it, and no Service has the address.
fn in_the_service_range(ip: IpAddr, around: &Surroundings<'_>, dns: IpAddr) -> Option<String> {
    // a DNS Service whose address the manifest leaves to the API server may have this one
    let undecided = around
        .services
        .iter()
        .any(|s| !s.headless && s.addresses().next().is_none() && s.external_name.is_none() && s.has_port(53, "UDP"));
    if undecided {
        return None;
    }
    if let Some(net) = around.facts.service_cidrs.iter().find(|net| net.value.contains(&ip)) {
        return Some(format!(
            "it lies in the Service range {} and no Service has it; the DNS Service has {dns}",
            net.value
        ));
    }
    let (IpAddr::V4(own), IpAddr::V4(other)) = (dns, ip) else { return None };
    let neighbours = own.octets().get(..3) == other.octets().get(..3) && own.is_private();
    neighbours.then(|| format!("it lies beside the DNS Service's {dns} and no Service has it"))
}

/// The default of another installer: left over from a move between clusters.
fn of_another_installer(ip: IpAddr, around: &Surroundings<'_>, dns: IpAddr) -> Option<String> {
    let (_, installer) = INSTALLER_DEFAULTS.iter().find(|(address, _)| IpAddr::V4(*address) == ip)?;
    let elsewhere = around.facts.pod_cidrs.iter().all(|net| !net.value.contains(&ip));
    elsewhere.then(|| format!("it is the cluster DNS of {installer} by default, and this cluster's is {dns}"))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{objects, pod};
    use super::*;
    use crate::analysis::facts::Facts;
    use crate::model::Cluster;

    const SERVICES: &str = "\
apiVersion: v1
kind: Service
metadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}
spec: {clusterIP: 10.43.0.10, selector: {k8s-app: kube-dns}, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: pihole, namespace: lan}
spec: {clusterIP: 10.43.0.53, ports: [{port: 53, protocol: UDP}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: lan}
spec: {clusterIP: 10.43.0.80, ports: [{port: 80}]}
";

    fn stale(address: &str, manifest: &str) -> Option<String> {
        let cluster = Cluster::of_objects(objects(manifest), &[]);
        let facts = Facts::of(&cluster);
        let spec = pod(&format!("dnsConfig: {{nameservers: ['{address}']}}\n"));
        let found = nameservers(&spec, &Surroundings::of(&cluster, &facts));
        found.into_iter().next().map(|s| s.value.reason)
    }

    #[test]
    fn addresses_of_the_cluster_that_nothing_answers() {
        for (address, words) in [
            ("10.43.0.2", "beside the DNS Service's 10.43.0.10"),
            ("10.43.0.80", "Service lan/web, which has no port 53"),
            ("10.96.0.10", "the cluster DNS of kubeadm by default"),
            ("169.254.20.10", "no node cache"),
        ] {
            let reason = stale(address, SERVICES).unwrap_or_default();
            assert!(reason.contains(words), "{address}: {reason:?}");
        }
    }

    #[test]
    fn addresses_that_may_be_outside() {
        for address in ["10.43.0.10", "10.43.0.53", "1.1.1.1", "192.168.1.1", "10.0.0.10", "169.254.169.253", "fd00::1"]
        {
            assert_eq!(stale(address, SERVICES), None, "{address}");
        }
        assert_eq!(stale("10.96.0.10", ""), None, "without the DNS Service nothing is known");
    }
}
