//! Where the questions of pods go, as network policies see it: the DNS pods behind the Service, or a node cache.

use super::Folders;
use super::backend::{Backend, mark_asked};
use super::namespaces::Namespaces;
use super::selector::{Answer, Labels, read_label_selector};
use crate::analysis::facts::Facts;
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::model::manifests::Generic;
use crate::model::object::selects;
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use ipnet::IpNet;
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
    pod_nets: Vec<IpNet>,
    service_nets: Vec<IpNet>,
    service_addresses: BTreeSet<IpAddr>,
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
            pod_nets: facts.pod_cidrs.iter().map(|net| net.value).collect(),
            service_nets: facts.service_cidrs.iter().map(|net| net.value).collect(),
            service_addresses: cluster.objects.services.iter().flat_map(Service::addresses).collect(),
            api_ports: api_ports(cluster),
            namespaces: Namespaces::of(cluster),
        };
        world.backends = world.servers(cluster, facts, folder_of);
        mark_asked(&mut world.backends, nameservers, DNS_NAMESPACE);
        if let Some((place, backends)) = world.redirected(cluster, facts, folder_of) {
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
        let known = [("k8s-app".to_owned(), "kube-dns".to_owned())].into();
        let mut backend =
            Backend::unseen(DNS_NAMESPACE, "kube-dns", Labels { known, complete: false }, None, &self.namespaces);
        backend.assumed = true;
        (backend.udp, backend.tcp) = (Some(53), Some(53));
        vec![backend]
    }

    /// The pods that a CiliumLocalRedirectPolicy for the DNS Service sends every question to.
    fn redirected(&self, cluster: &Cluster, facts: &Facts, folder_of: Folders<'_>) -> Option<(Location, Vec<Backend>)> {
        let policy =
            cluster.objects.of_kind("CiliumLocalRedirectPolicy").iter().find(|p| redirects_dns(p, cluster, facts))?;
        let backend = policy.value.value.path(&["spec", "redirectBackend"])?;
        let selector = read_label_selector(&backend.value.get("localEndpointSelector")?.value);
        let namespace = &policy.meta.namespace.value;
        let port = |protocol: &str| {
            let ports = backend.value.get("toPorts")?;
            let entry =
                ports.value.items().iter().find(|p| p.text_at("protocol").is_some_and(|t| t.value == protocol))?;
            entry.text_at("port")?.value.parse::<u16>().ok()
        };
        let wanted: BTreeMap<String, String> =
            selector.demanded().into_iter().map(|(key, value)| (plain_key(&key).to_owned(), value)).collect();
        let chosen = cluster.objects.workloads.iter().filter(|w| {
            w.meta.namespace.value == *namespace && !w.pod.uses_host_network() && selects(&wanted, &w.pod_labels)
        });
        let mut backends: Vec<Backend> =
            chosen.map(|workload| Backend::of(workload, None, &self.namespaces, folder_of)).collect();
        if backends.is_empty() {
            let labels = Labels { known: wanted, complete: false };
            backends.push(Backend::unseen(namespace, &policy.meta.name.value, labels, None, &self.namespaces));
        }
        for found in &mut backends {
            (found.udp, found.tcp) = (port("UDP"), port("TCP"));
            found.asked = true;
            found.service = self.backends.first().and_then(|b| b.service.clone());
        }
        Some((policy.meta.name_location(), backends))
    }

    /// The snapshot does not tell the range of pods. Where Services have private addresses, pods are taken to have some, too.
    #[must_use]
    pub fn may_be_private(&self, backend: &Backend) -> bool {
        let addresses = backend.service.as_ref().map(|s| s.addresses.as_slice()).unwrap_or_default();
        let private = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if v4.is_private());
        self.pod_nets.is_empty() && !addresses.is_empty() && addresses.iter().all(private)
    }

    /// Whether a block of addresses holds those of the backend's pods.
    #[must_use]
    pub fn judge_net(&self, net: IpNet, except: &[IpNet], backend: &Backend) -> Answer {
        if net.prefix_len() == 0 && except.is_empty() {
            return Answer::Yes;
        }
        if backend.host_network {
            return Answer::Unknown;
        }
        let overlap = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let inside = |pods: &IpNet| {
            if !overlap(&net, pods) || except.iter().any(|e| e.contains(pods)) {
                Answer::No
            } else if net.contains(pods) && !except.iter().any(|e| overlap(e, pods)) {
                Answer::Yes
            } else {
                Answer::Unknown
            }
        };
        if !self.pod_nets.is_empty() {
            return self.pod_nets.iter().fold(Answer::No, |found, pods| found.or(inside(pods)));
        }
        if is_internet(net, except) && self.may_be_private(backend) {
            return Answer::No;
        }
        let of_services = self.service_nets.iter().any(|services| services.contains(&net))
            || (net.prefix_len() == net.max_prefix_len() && self.service_addresses.contains(&net.addr()));
        if of_services { Answer::No } else { Answer::Unknown }
    }
}

/// The private networks of RFC 1918.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Whether a block is the internet: all of IPv4 without the private networks.
#[must_use]
pub fn is_internet(net: IpNet, except: &[IpNet]) -> bool {
    let left_out = |private: &str| private.parse::<IpNet>().is_ok_and(|p| except.iter().any(|e| e.contains(&p)));
    net.prefix_len() == 0 && net.addr().is_ipv4() && PRIVATE.iter().all(|private| left_out(private))
}

/// A Cilium label key without the prefix that says where the label comes from.
#[must_use]
pub fn plain_key(key: &str) -> &str {
    key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key)
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

/// Whether a local redirect policy catches the DNS Service.
fn redirects_dns(policy: &Generic, cluster: &Cluster, facts: &Facts) -> bool {
    let Some(frontend) = policy.value.value.path(&["spec", "redirectFrontend"]) else { return false };
    if let Some(matcher) = frontend.value.get("serviceMatcher") {
        let text = |key: &str| matcher.text_at(key).map(|t| t.value).unwrap_or_default();
        let (namespace, name) = (text("namespace"), text("serviceName"));
        let services = facts.dns_services.iter().filter_map(|index| cluster.objects.services.get(*index));
        let known = services.into_iter().any(|s| s.meta.is(&namespace, &name));
        return known || (facts.dns_services.is_empty() && name == "kube-dns");
    }
    let ip = frontend.value.get("addressMatcher").and_then(|m| m.text_at("ip"));
    ip.and_then(|ip| ip.value.parse::<IpAddr>().ok())
        .is_some_and(|ip| facts.dns_addresses.iter().any(|a| a.value == ip))
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
