//! The pods that answer for cluster DNS, as network policies see them: by labels, and on the port behind the Service.

use super::labels::{Labels, calico_labels};
use super::namespaces::Namespaces;
use super::scope::{Folders, Scope, scope_of};
use crate::analysis::facts::is_packaged_dns;
use crate::analysis::transport::Transport;
use crate::model::pod::{Container, ContainerPort};
use crate::model::service::Service;
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::net::IpAddr;
use std::sync::Arc;

/// Pods that answer for cluster DNS.
#[derive(Clone, Debug)]
pub struct Backend {
    /// `namespace/name` of what makes the pods.
    pub name: String,
    /// Their namespace.
    pub namespace: String,
    /// Where their manifest names no namespace: with what it is applied.
    pub scope: Scope,
    /// Labels of the pods.
    pub pod_labels: Labels,
    /// Labels of the namespace.
    pub namespace_labels: Arc<Labels>,
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
    /// Pods ask it, as far as the snapshot tells; other DNS servers run in clusters, too.
    pub asked: bool,
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
    /// It has the name and labels of a packaged DNS Service.
    packaged: bool,
}

impl From<&Service> for ServiceRef {
    fn from(service: &Service) -> Self {
        Self {
            namespace: service.meta.namespace.value.clone(),
            name: service.meta.name.value.clone(),
            addresses: service.addresses().collect(),
            packaged: is_packaged_dns(service),
        }
    }
}

impl Backend {
    /// The pods of a workload; `folder_of` tells what is applied together.
    #[must_use]
    pub fn of(workload: &Workload, service: Option<&Service>, namespaces: &Namespaces, folder_of: Folders<'_>) -> Self {
        let namespace = &workload.meta.namespace.value;
        let named = workload.pod.all_containers().flat_map(named_ports).collect();
        let host_network = workload.pod.uses_host_network();
        let location = Some(workload.meta.name_location());
        let found = Self::unseen(namespace, &workload.meta.name.value, Labels::of_pods(workload), None, namespaces);
        Self { named, host_network, location, scope: scope_of(&workload.meta, folder_of), ..found }.behind(service)
    }

    /// Pods that the snapshot does not have but names.
    #[must_use]
    pub fn unseen(
        namespace: &str,
        name: &str,
        mut labels: Labels,
        service: Option<&Service>,
        namespaces: &Namespaces,
    ) -> Self {
        labels.known.extend(calico_labels(namespace));
        let found = Self {
            name: format!("{namespace}/{name}"),
            namespace: namespace.to_owned(),
            scope: None,
            pod_labels: labels,
            namespace_labels: namespaces.labels(namespace),
            udp: None,
            tcp: None,
            named: Vec::new(),
            host_network: false,
            service: None,
            location: service.map(|s| s.meta.name_location()),
            assumed: false,
            asked: false,
        };
        found.behind(service)
    }

    fn behind(mut self, service: Option<&Service>) -> Self {
        self.service = service.map(ServiceRef::from);
        self.udp = service.and_then(|s| self.target_port(s, Transport::Udp));
        self.tcp = service.and_then(|s| self.target_port(s, Transport::Tcp));
        self
    }

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

    /// The container port behind port 53: `targetPort` by number, by name, or 53 itself.
    fn target_port(&self, service: &Service, transport: Transport) -> Option<u16> {
        let port = service.ports.iter().find(|p| {
            p.value.protocol.value == transport.as_str() && p.value.port.as_ref().is_some_and(|n| n.value == 53)
        })?;
        match &port.value.target_port {
            None => Some(53),
            Some(target) => target.value.parse().ok().or_else(|| self.named_port(&target.value, transport)),
        }
    }
}

/// Marks the backends that pods ask, and puts them first, those of `usual` before others.
///
/// A kubelet that hands out the address of a Service shows it. Where none does, it is the Service that is packaged as
/// cluster DNS, or the only one: a DNS server of a tenant or of the local network has a Service with port 53, too.
pub fn mark_asked(backends: &mut [Backend], nameservers: &[Located<IpAddr>], usual: &str) {
    let told = |backend: &Backend| {
        let addresses = backend.service.as_ref().map(|s| s.addresses.as_slice()).unwrap_or_default();
        addresses.iter().any(|ip| nameservers.iter().any(|given| given.value == *ip))
    };
    let packaged = |backend: &Backend| backend.service.as_ref().is_some_and(|s| s.packaged);
    let by_kubelet = backends.iter().any(told);
    let by_package = backends.iter().any(packaged);
    let only = backends.len() == 1;
    for backend in backends.iter_mut() {
        backend.asked = if by_kubelet { told(backend) } else { packaged(backend) || (only && !by_package) };
    }
    backends.sort_by_key(|backend| (!backend.asked, backend.namespace != usual));
}

fn named_ports(container: &Container) -> Vec<(String, Transport, u16)> {
    let read = |port: &ContainerPort| {
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
