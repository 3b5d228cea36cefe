//! Where the questions of pods go, as network policies see it: behind the Service, on the pods' own port.

use super::rule::Transport;
use super::selector::{Answer, Labels, read_label_selector};
use crate::analysis::effective::KubeVersion;
use crate::analysis::facts::Facts;
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::model::manifests::Generic;
use crate::model::object::selects;
use crate::model::pod::Container;
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The label that the API server gives every namespace since Kubernetes 1.21.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// The release since which it does (the feature NamespaceDefaultLabelName).
const NAMESPACE_NAME_SINCE: KubeVersion = KubeVersion::new(1, 21, 0);
/// The namespace that cluster DNS runs in unless the snapshot shows otherwise.
const DNS_NAMESPACE: &str = "kube-system";

/// Pods that answer for cluster DNS.
#[derive(Clone, Debug)]
pub struct Backend {
    /// `namespace/name` of what makes the pods.
    pub name: String,
    /// Their namespace.
    pub namespace: String,
    /// Labels of the pods.
    pub pod_labels: Labels,
    /// Labels of the namespace.
    pub namespace_labels: Labels,
    /// The port behind UDP 53.
    pub udp: Option<u16>,
    /// The port behind TCP 53.
    pub tcp: Option<u16>,
    /// Named ports of the containers.
    named: Vec<(String, Transport, u16)>,
    /// The pods share the node's network.
    pub host_network: bool,
    /// The Service in front.
    pub service: Option<ServiceRef>,
    /// Where the pods are declared.
    pub location: Option<Location>,
    /// Nothing of the snapshot shows cluster DNS: these are the labels that every packaging gives it.
    pub assumed: bool,
}

/// A Service by name, with its addresses.
#[derive(Clone, Debug)]
pub struct ServiceRef {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// ClusterIPs.
    pub addresses: Vec<IpAddr>,
}

impl Backend {
    /// The port behind port 53 of a transport.
    #[must_use]
    pub const fn port(&self, transport: Transport) -> Option<u16> {
        match transport {
            Transport::Udp => self.udp,
            Transport::Tcp => self.tcp,
        }
    }

    /// The number of a named container port.
    #[must_use]
    pub fn named_port(&self, name: &str, transport: Transport) -> Option<u16> {
        self.named.iter().find(|(n, t, _)| n == name && *t == transport).map(|(.., port)| *port)
    }
}

/// A node cache on the node's own network that pods ask.
#[derive(Clone, Debug)]
pub struct Cache {
    /// Addresses that pods ask it on.
    pub addresses: Vec<Located<IpAddr>>,
}

/// What cluster DNS looks like to policies.
#[derive(Clone, Debug)]
pub struct World {
    /// The pods that answer; cluster DNS proper first.
    pub backends: Vec<Backend>,
    /// The node cache that pods ask instead.
    pub cache: Option<Cache>,
    /// A local redirect policy sends DNS to the pods of a node cache.
    pub redirect: Option<Location>,
    pod_nets: Vec<IpNet>,
    service_nets: Vec<IpNet>,
    service_addresses: Vec<IpAddr>,
    namespaces: BTreeMap<String, Labels>,
}

impl World {
    /// Reads it off the cluster; `nameservers` are the addresses that kubelets give to pods.
    #[must_use]
    pub fn of(cluster: &Cluster, facts: &Facts, nameservers: &[Located<IpAddr>]) -> Self {
        let mut world = Self {
            backends: Vec::new(),
            cache: None,
            redirect: None,
            pod_nets: facts.pod_cidrs.iter().map(|net| net.value).collect(),
            service_nets: facts.service_cidrs.iter().map(|net| net.value).collect(),
            service_addresses: cluster.objects.services.iter().flat_map(Service::addresses).collect(),
            namespaces: namespaces(cluster),
        };
        world.backends = world.servers(cluster, facts);
        if let Some((place, backends)) = world.redirected(cluster, facts) {
            world.redirect = Some(place);
            world.backends = backends;
        } else {
            world.cache = cache(cluster, facts, nameservers);
        }
        world
    }

    /// Labels of a namespace.
    #[must_use]
    pub fn namespace_labels(&self, name: &str) -> Labels {
        self.namespaces.get(name).cloned().unwrap_or_else(|| Labels { known: implicit(name), complete: false })
    }

    /// The DNS pods of the snapshot, behind their Services.
    fn servers(&self, cluster: &Cluster, facts: &Facts) -> Vec<Backend> {
        let mut found = Vec::new();
        for index in &facts.dns_services {
            let Some(service) = cluster.objects.services.get(*index) else { continue };
            let namespace = &service.meta.namespace.value;
            let servers =
                cluster.dns_servers.iter().filter(|s| s.kind != ServerKind::NodeCache && s.services.contains(index));
            let workloads: Vec<&Workload> =
                servers.filter_map(|s| cluster.objects.workloads.get(s.workload?)).collect();
            found.extend(workloads.iter().map(|workload| self.backend(workload, Some(service))));
            if workloads.is_empty() && !service.selector.is_empty() {
                let known = service.selector.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
                let labels = Labels { known, complete: false };
                found.push(self.unseen(namespace, &service.meta.name.value, labels, Some(service)));
            }
        }
        if found.is_empty() {
            found.extend(self.unserved(cluster));
        }
        found.sort_by_key(|backend| backend.namespace != DNS_NAMESPACE);
        found
    }

    /// DNS pods without a Service in the snapshot; with neither, what every packaging has in common.
    fn unserved(&self, cluster: &Cluster) -> Vec<Backend> {
        let servers =
            cluster.dns_servers.iter().filter(|s| s.kind != ServerKind::NodeCache && s.namespace == DNS_NAMESPACE);
        let found: Vec<Backend> = servers
            .filter_map(|s| cluster.objects.workloads.get(s.workload?))
            .map(|workload| self.backend(workload, None))
            .collect();
        if !found.is_empty() {
            return found;
        }
        let known = [("k8s-app".to_owned(), "kube-dns".to_owned())].into();
        let mut backend = self.unseen(DNS_NAMESPACE, "kube-dns", Labels { known, complete: false }, None);
        backend.assumed = true;
        (backend.udp, backend.tcp) = (Some(53), Some(53));
        vec![backend]
    }

    fn backend(&self, workload: &Workload, service: Option<&Service>) -> Backend {
        let namespace = workload.meta.namespace.value.clone();
        let mut known: BTreeMap<String, String> =
            workload.pod_labels.iter().map(|(k, v)| (k.clone(), v.value.clone())).collect();
        known.extend(calico_labels(&namespace));
        let named = workload.pod.all_containers().flat_map(named_ports).collect();
        let mut backend = Backend {
            name: format!("{namespace}/{}", workload.meta.name.value),
            namespace_labels: self.namespace_labels(&namespace),
            namespace,
            pod_labels: Labels { known, complete: true },
            udp: None,
            tcp: None,
            named,
            host_network: workload.pod.uses_host_network(),
            service: service.map(service_ref),
            location: Some(workload.meta.name_location()),
            assumed: false,
        };
        backend.udp = service.and_then(|s| target_port(s, &backend, Transport::Udp));
        backend.tcp = service.and_then(|s| target_port(s, &backend, Transport::Tcp));
        backend
    }

    /// Pods that the snapshot does not have but names.
    fn unseen(&self, namespace: &str, name: &str, mut labels: Labels, service: Option<&Service>) -> Backend {
        labels.known.extend(calico_labels(namespace));
        let mut backend = Backend {
            name: format!("{namespace}/{name}"),
            namespace: namespace.to_owned(),
            pod_labels: labels,
            namespace_labels: self.namespace_labels(namespace),
            udp: None,
            tcp: None,
            named: Vec::new(),
            host_network: false,
            service: service.map(service_ref),
            location: service.map(|s| s.meta.name_location()),
            assumed: false,
        };
        backend.udp = service.and_then(|s| target_port(s, &backend, Transport::Udp));
        backend.tcp = service.and_then(|s| target_port(s, &backend, Transport::Tcp));
        backend
    }

    /// The pods that a CiliumLocalRedirectPolicy for the DNS Service sends every question to.
    fn redirected(&self, cluster: &Cluster, facts: &Facts) -> Option<(Location, Vec<Backend>)> {
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
        let mut backends: Vec<Backend> = chosen.map(|workload| self.backend(workload, None)).collect();
        if backends.is_empty() {
            backends.push(self.unseen(
                namespace,
                &policy.meta.name.value,
                Labels { known: wanted, complete: false },
                None,
            ));
        }
        for found in &mut backends {
            (found.udp, found.tcp) = (port("UDP"), port("TCP"));
            found.service = self.backends.first().and_then(|b| b.service.clone());
        }
        Some((policy.meta.name_location(), backends))
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
        let of_services = self.service_nets.iter().any(|services| services.contains(&net))
            || (net.prefix_len() == net.max_prefix_len() && self.service_addresses.contains(&net.addr()));
        if of_services { Answer::No } else { Answer::Unknown }
    }
}

/// A Cilium label key without the prefix that says where the label comes from.
#[must_use]
pub fn plain_key(key: &str) -> &str {
    key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key)
}

fn service_ref(service: &Service) -> ServiceRef {
    ServiceRef {
        namespace: service.meta.namespace.value.clone(),
        name: service.meta.name.value.clone(),
        addresses: service.addresses().collect(),
    }
}

/// The container port behind port 53: `targetPort` by number, by name, or 53 itself.
fn target_port(service: &Service, backend: &Backend, transport: Transport) -> Option<u16> {
    let port = service.ports.iter().find(|p| {
        p.value.protocol.value == transport.as_str() && p.value.port.as_ref().is_some_and(|n| n.value == 53)
    })?;
    match &port.value.target_port {
        None => Some(53),
        Some(target) => target.value.parse().ok().or_else(|| backend.named_port(&target.value, transport)),
    }
}

fn named_ports(container: &Container) -> Vec<(String, Transport, u16)> {
    let read = |port: &crate::model::pod::ContainerPort| {
        let name = port.name.as_ref()?.value.clone();
        let number = u16::try_from(port.port.as_ref()?.value).ok()?;
        match port.protocol.as_ref().map_or("TCP", |p| p.value.as_str()) {
            "UDP" => Some((name, Transport::Udp, number)),
            "TCP" => Some((name, Transport::Tcp, number)),
            _ => None,
        }
    };
    container.ports.iter().filter_map(read).collect()
}

/// Labels that Calico gives every pod.
#[must_use]
pub fn calico_labels(namespace: &str) -> [(String, String); 2] {
    [
        ("projectcalico.org/namespace".to_owned(), namespace.to_owned()),
        ("projectcalico.org/orchestrator".to_owned(), "k8s".to_owned()),
    ]
}

/// Labels that every namespace has without its manifest saying so.
fn implicit(name: &str) -> BTreeMap<String, String> {
    [NAMESPACE_NAME, "projectcalico.org/name"].map(|key| (key.to_owned(), name.to_owned())).into()
}

/// Whether every node of the snapshot is older than the label that the API server gives to namespaces.
fn before_namespace_names(cluster: &Cluster) -> bool {
    let nodes = cluster.objects.of_kind("Node");
    let is_old = |node: &Generic| {
        let info = node.value.value.path(&["status", "nodeInfo"]);
        let release = info.and_then(|info| info.value.text_at("kubeletVersion"));
        release.and_then(|text| KubeVersion::parse(&text.value)).is_some_and(|version| version < NAMESPACE_NAME_SINCE)
    };
    !nodes.is_empty() && nodes.iter().all(is_old)
}

/// Labels of the namespaces whose objects are in the snapshot: what they do not carry they do not have.
fn namespaces(cluster: &Cluster) -> BTreeMap<String, Labels> {
    let mut found: BTreeMap<String, Labels> = BTreeMap::new();
    let unnamed = before_namespace_names(cluster);
    for object in cluster.objects.of_kind("Namespace") {
        let name = &object.meta.name.value;
        let mut known = implicit(name);
        if unnamed {
            known.remove(NAMESPACE_NAME);
        }
        let labels = found.entry(name.clone()).or_insert_with(|| Labels { known, complete: true });
        labels.known.extend(object.meta.labels.iter().map(|(k, v)| (k.clone(), v.value.clone())));
    }
    found
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
    let asked = |address: &&Located<IpAddr>| {
        let given = nameservers.iter().any(|n| n.value == address.value);
        let service = facts.dns_addresses.iter().any(|n| n.value == address.value);
        given || (nameservers.is_empty() && service)
    };
    let addresses: Vec<_> = facts.node_cache_addresses.iter().filter(asked).cloned().collect();
    (!addresses.is_empty()).then_some(Cache { addresses })
}
