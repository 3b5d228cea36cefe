//! Where the questions of pods go, as network policies see it: the DNS pods behind the Service, or a node cache.

use super::backend::{Backend, mark_asked};
use super::labels::Labels;
use super::namespaces::Namespaces;
use super::nets::Nets;
use super::redirect::redirected;
use super::scope::Folders;
use crate::analysis::facts::{DNS_LABEL, Facts};
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// The namespace that cluster DNS runs in unless the snapshot shows otherwise.
const DNS_NAMESPACE: &str = "kube-system";

/// A node cache on the node's own network.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Addresses that pods ask it on.
    pub addresses: Vec<Located<IpAddr>>,
    /// They do ask it: a kubelet tells them to, or it answers on the Service's address. Else no kubelet's settings are known.
    pub certain: bool,
}

/// What cluster DNS looks like to policies.
#[derive(Clone, Debug)]
pub struct World {
    /// The pods that answer; those that pods ask first.
    pub backends: Vec<Backend>,
    /// The node cache that pods ask instead, or may ask.
    pub cache: Option<Cache>,
    /// A local redirect policy sends DNS to the pods of a node cache.
    pub redirect: Option<Location>,
    /// Addresses of pods and Services.
    pub nets: Nets,
    /// Ports that API servers listen on.
    pub api_ports: BTreeSet<u16>,
    /// Labels of namespaces.
    pub namespaces: Namespaces,
}

impl World {
    /// Reads it off the cluster; `nameservers` are the addresses that kubelets give to pods, `folder_of` tells what is
    /// applied together.
    #[must_use]
    pub fn of(cluster: &Cluster, facts: &Facts, nameservers: &[Located<IpAddr>], folder_of: Folders<'_>) -> Self {
        let mut world = Self {
            backends: Vec::new(),
            cache: None,
            redirect: None,
            nets: Nets::of(cluster, facts),
            api_ports: api_ports(cluster),
            namespaces: Namespaces::of(cluster),
        };
        world.backends = world.servers(cluster, facts, folder_of);
        mark_asked(&mut world.backends, nameservers, DNS_NAMESPACE);
        if let Some((place, mut backends)) = redirected(cluster, facts, &world.namespaces, folder_of) {
            let service = world.backends.first().and_then(|first| first.service.clone());
            backends.iter_mut().for_each(|backend| backend.service.clone_from(&service));
            world.redirect = Some(place);
            world.backends = backends;
        } else {
            world.cache = cache(cluster, facts, nameservers);
        }
        world
    }

    /// The DNS pods of the snapshot, behind their Services.
    fn servers(&self, cluster: &Cluster, facts: &Facts, folder_of: Folders<'_>) -> Vec<Backend> {
        let mut behind: BTreeMap<usize, Vec<&Workload>> = BTreeMap::new();
        for server in cluster.dns_servers.iter().filter(|s| s.kind != ServerKind::NodeCache) {
            let Some(workload) = server.workload.and_then(|at| cluster.objects.workloads.get(at)) else { continue };
            server.services.iter().for_each(|index| behind.entry(*index).or_default().push(workload));
        }
        let mut found = Vec::new();
        for index in &facts.dns_services {
            let Some(service) = cluster.objects.services.get(*index) else { continue };
            let workloads = behind.remove(index).unwrap_or_default();
            if workloads.is_empty() && !service.selector.is_empty() {
                found.push(self.unseen(service));
            }
            let of = |workload: &&Workload| Backend::of(workload, Some(service), &self.namespaces, folder_of);
            found.extend(workloads.iter().map(of));
        }
        if found.is_empty() {
            found.extend(self.unserved(cluster, folder_of));
        }
        found
    }

    /// The pods behind a Service, of which the snapshot has no workload.
    fn unseen(&self, service: &Service) -> Backend {
        let known = service.selector.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
        let labels = Labels { known, complete: false };
        let (namespace, name) = (&service.meta.namespace.value, &service.meta.name.value);
        Backend::unseen(namespace, name, labels, Some(service), &self.namespaces)
    }

    /// DNS pods without a Service in the snapshot; with neither, what every packaging has in common.
    fn unserved(&self, cluster: &Cluster, folder_of: Folders<'_>) -> Vec<Backend> {
        let servers =
            cluster.dns_servers.iter().filter(|s| s.kind != ServerKind::NodeCache && s.namespace == DNS_NAMESPACE);
        let found: Vec<Backend> = servers
            .filter_map(|s| cluster.objects.workloads.get(s.workload?))
            .map(|workload| Backend::of(workload, None, &self.namespaces, folder_of))
            .collect();
        if !found.is_empty() {
            return found;
        }
        let known = [(DNS_LABEL.0.to_owned(), DNS_LABEL.1.to_owned())].into();
        let mut backend =
            Backend::unseen(DNS_NAMESPACE, "kube-dns", Labels { known, complete: false }, None, &self.namespaces);
        backend.assumed = true;
        (backend.udp, backend.tcp) = (Some(53), Some(53));
        vec![backend]
    }
}

/// The port that API servers listen on, of kubeadm, k3s and others, and MicroK8s's.
const API_SERVER: [u16; 2] = [6443, 16443];

/// The usual ports of API servers, and those that kubeadm's configuration states.
fn api_ports(cluster: &Cluster) -> BTreeSet<u16> {
    let bound = cluster.embedded_of_kind("InitConfiguration").filter_map(|config| {
        let port = config.value.path(&["localAPIEndpoint", "bindPort"])?;
        port.value.scalar_text()?.parse().ok()
    });
    bound.chain(API_SERVER).collect()
}

/// The node cache on the node's network that pods ask: because it binds the address that they ask.
///
/// Where no kubelet's settings are known and it has an address of its own, nothing tells whether they do.
fn cache(cluster: &Cluster, facts: &Facts, nameservers: &[Located<IpAddr>]) -> Option<Cache> {
    let on_host = cluster
        .dns_servers
        .iter()
        .filter(|s| s.kind == ServerKind::NodeCache)
        .filter_map(|s| cluster.objects.workloads.get(s.workload?))
        .any(|w| w.pod.uses_host_network());
    if !on_host {
        return None;
    }
    let asked = if nameservers.is_empty() { facts.dns_addresses.as_slice() } else { nameservers };
    let is_asked = |address: &&Located<IpAddr>| asked.iter().any(|n| n.value == address.value);
    let addresses: Vec<_> = facts.node_cache_addresses.iter().filter(is_asked).cloned().collect();
    if !addresses.is_empty() {
        return Some(Cache { addresses, certain: true });
    }
    let addresses = facts.node_cache_addresses.clone();
    (nameservers.is_empty() && !addresses.is_empty()).then_some(Cache { addresses, certain: false })
}
