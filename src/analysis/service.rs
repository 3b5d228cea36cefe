//! Builds the `service` views: DNS Services, and Services that get in the way of DNS.

use super::facts::Facts;
use super::views::service::{MissingProtocolView, NodePort53View, SelectsNothingView, ServiceView, TakenAddressView};
use crate::model::Cluster;
use crate::model::dns_server::ServerKind;
use crate::model::object::selects;
use crate::model::service::{Service, ServicePort};
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// The view of every Service that has to do with DNS, with its name.
///
/// `wanted_dns_addresses` are the addresses that kubelets and servers expect cluster DNS on; `servicelb` says that a
/// k3s node runs the service load balancer.
#[must_use]
pub fn views(
    cluster: &Cluster,
    facts: &Facts,
    wanted_dns_addresses: &[Located<IpAddr>],
    servicelb: bool,
) -> Vec<(Located<ServiceView>, Option<String>)> {
    let of_service = |(index, service): (usize, &Service)| {
        let is_cluster_dns = facts.dns_services.contains(&index);
        let view = ServiceView {
            is_cluster_dns,
            missing_protocols: if is_cluster_dns { missing_protocols(cluster, service) } else { Vec::new() },
            // only for the few Services of DNS: this looks at every workload
            selects_nothing: if is_cluster_dns { selects_nothing(cluster, service) } else { None },
            taken_address: taken_address(facts, service, wanted_dns_addresses).filter(|_| !is_cluster_dns),
            node_port_53: node_port_53(service).filter(|_| servicelb),
        };
        let relevant = is_cluster_dns || view.taken_address.is_some() || view.node_port_53.is_some();
        relevant.then(|| (Located::at(view, service.meta.name_location()), Some(service.meta.display())))
    };
    cluster.objects.services.iter().enumerate().filter_map(of_service).collect()
}

fn is_port_53(port: &&Located<ServicePort>) -> bool {
    port.value.port.as_ref().is_some_and(|number| number.value == 53)
}

/// Protocols that port 53 lacks.
fn missing_protocols(cluster: &Cluster, service: &Service) -> Vec<Located<MissingProtocolView>> {
    if service.external_name.is_some() {
        return Vec::new();
    }
    let present = service.ports.iter().find(is_port_53);
    // the first line of the entry, rather than all of its lines
    let place = present.and_then(|port| {
        let parts = [port.value.name.as_ref().and_then(Located::location), port.value.port.as_ref()?.location()];
        parts.into_iter().flatten().min()
    });
    let place = place.or(service.ports_location).unwrap_or_else(|| service.meta.name_location());
    ["UDP", "TCP"]
        .into_iter()
        .filter(|protocol| !service.has_port(53, protocol) && !has_sibling(cluster, service, protocol))
        .map(|protocol| {
            let target_port = present.and_then(|port| named_port(cluster, service, port));
            Located::at(MissingProtocolView { protocol: protocol.to_owned(), target_port }, place)
        })
        .collect()
}

/// The port of the pods that an entry names by a name, which belongs to one protocol, where it is another than its own.
fn named_port(cluster: &Cluster, service: &Service, port: &Located<ServicePort>) -> Option<i64> {
    let name = port.value.target_port.as_ref().filter(|name| name.value.parse::<i64>().is_err())?;
    let namespace = &service.meta.namespace.value;
    let workloads = cluster.objects.workloads.iter().filter(|w| w.meta.namespace.value == *namespace);
    let behind = workloads.filter(|w| selects(&service.selector, &w.pod_labels)).flat_map(|w| &w.pod.containers);
    let mut ports = behind.flat_map(|container| &container.ports);
    let target = ports.find(|port| port.name.as_ref().is_some_and(|own| own.value == name.value))?;
    let number = target.port.as_ref()?.value;
    port.value.port.as_ref().is_none_or(|own| own.value != number).then_some(number)
}

/// A DNS server published by one Service for each protocol, because a load balancer could not mix them.
fn has_sibling(cluster: &Cluster, service: &Service, protocol: &str) -> bool {
    let one_of_two = |s: &Service| {
        let name = &s.meta.name.value;
        s.is_type("LoadBalancer") || name.ends_with("-tcp") || name.ends_with("-udp")
    };
    cluster.objects.services.iter().any(|other| {
        let same_pods = other.selector.len() == service.selector.len()
            && other.selector.iter().all(|(k, v)| service.selector.get(k).is_some_and(|w| w.value == v.value));
        (one_of_two(other) || one_of_two(service))
            && same_pods
            && other.meta.namespace.value == service.meta.namespace.value
            && other.has_port(53, protocol)
    })
}

/// A selector that no DNS pod of the namespace has, while a DNS workload there is without a Service.
fn selects_nothing(cluster: &Cluster, service: &Service) -> Option<Located<SelectsNothingView>> {
    let objects = &cluster.objects;
    let namespace = &service.meta.namespace.value;
    let in_namespace = |w: &&Workload| w.meta.namespace.value == *namespace;
    let any_match = objects.workloads.iter().filter(in_namespace).any(|w| selects(&service.selector, &w.pod_labels));
    if service.selector.is_empty() || any_match {
        return None;
    }
    let unserved = cluster.dns_servers.iter().find(|server| {
        server.kind != ServerKind::NodeCache && server.namespace == *namespace && server.services.is_empty()
    });
    // a DNS workload that another Service serves may be another DNS server than the cluster's
    let workload = unserved.and_then(|server| objects.workloads.get(server.workload?))?;
    let has = |key: &String, value: &Located<String>| {
        workload.pod_labels.get(key).is_some_and(|label| label.value == value.value)
    };
    let (key, value) = service.selector.iter().find(|(key, value)| !has(key, value))?;
    Some(value.with(SelectsNothingView {
        requirement: format!("{key}: {}", value.value),
        workload: Located::at(workload.meta.display(), workload.meta.name_location()),
        actual: workload.pod_labels.get(key).cloned(),
    }))
}

/// The address of cluster DNS on another Service.
fn taken_address(facts: &Facts, service: &Service, wanted: &[Located<IpAddr>]) -> Option<Located<TakenAddressView>> {
    // a Service on port 53 may be cluster DNS under a name of its own
    if service.ports.iter().any(|port| is_port_53(&port)) {
        return None;
    }
    // where the DNS Service is known, what others take for its address is their mistake
    let wanted = if facts.dns_addresses.is_empty() { wanted } else { &facts.dns_addresses };
    service.cluster_ips.iter().find_map(|ip| {
        let address: IpAddr = ip.value.parse().ok()?;
        let wanted = wanted.iter().find(|wanted| wanted.value == address)?;
        let places = requests(service, ip).into_iter().map(|at| Located::at(ip.value.clone(), at)).collect();
        let wanted = wanted.with(address.to_string());
        let by_api_server = service.meta.is("default", "kubernetes");
        Some(ip.with(TakenAddressView { address: ip.value.clone(), wanted, by_api_server, places }))
    })
}

/// What asks for an address. The first one is asked for by `clusterIP` and by the whole list, which may not stand without
/// it (`ValidateServiceClusterIPsRelatedFields` in pkg/apis/core/validation of Kubernetes).
fn requests(service: &Service, ip: &Located<String>) -> Vec<Location> {
    let is_first = service.cluster_ips.first().is_some_and(|first| first.value == ip.value);
    let list = service.cluster_ips_location.filter(|_| is_first);
    let in_list = |at: &Location| list.is_some_and(|list| list.file == at.file && list.span.covers(at.span));
    ip.origins.iter().filter(|at| !in_list(at)).chain(list).collect()
}

/// Port 53 of a Service that k3s's load balancer takes care of.
fn node_port_53(service: &Service) -> Option<Located<NodePort53View>> {
    let type_ = service.type_.as_ref().filter(|t| t.value == "LoadBalancer")?;
    if service.load_balancer_class.is_some() {
        return None;
    }
    let ports: Vec<Located<String>> = service
        .ports
        .iter()
        .filter(is_port_53)
        .map(|port| {
            Located::from_origins(
                format!("53/{}", port.value.protocol.value),
                port.value.port.iter().filter_map(Located::location).collect(),
            )
        })
        .collect();
    (!ports.is_empty()).then(|| type_.with(NodePort53View { ports }))
}
