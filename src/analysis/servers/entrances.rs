//! The addresses and ports that lead to pods: Services, ports of the nodes, redirect policies.

use super::routing::{Entrance, Placement, Redirect};
use crate::analysis::policy::plain_key;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::model::object::selects;
use crate::model::pod::Container;
use crate::model::service::{Service, ServicePort};
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Every entrance to the pods of a workload; `servicelb`: k3s puts the ports of LoadBalancer Services on every node.
#[must_use]
pub fn of_workload(cluster: &Cluster, workload: &Workload, servicelb: bool) -> Vec<Entrance> {
    let mut found = Vec::new();
    let mine = |service: &&Service| {
        service.meta.namespace.value == workload.meta.namespace.value
            && selects(&service.selector, &workload.pod_labels)
    };
    for service in cluster.objects.services.iter().filter(mine) {
        for port in &service.ports {
            of_port(service, &port.value, &workload.pod.containers, servicelb, &mut found);
        }
    }
    if !workload.pod.uses_host_network() {
        host_ports(&workload.pod.containers, &mut found);
    }
    found
}

fn of_port(
    service: &Service,
    port: &ServicePort,
    containers: &[Container],
    servicelb: bool,
    found: &mut Vec<Entrance>,
) {
    let Some(number) = port.port.as_ref().and_then(|p| u16::try_from(p.value).ok()) else { return };
    let pod_port = match &port.target_port {
        None => Some(number),
        Some(target) => target.value.parse().ok().or_else(|| named_port(containers, &target.value)),
    };
    let mut add = |ip: Option<IpAddr>, port: u16, location: Option<Location>, what: &'static str| {
        let known = |e: &Entrance| e.ip == ip && e.port == port && e.pod_port == pod_port;
        if !found.iter().any(known) {
            found.push(Entrance { ip, port, pod_port, location, what, beside_pods: false });
        }
    };
    let balanced = service.is_type("LoadBalancer");
    let balancer = service.ingress_ips.iter().filter(|_| balanced);
    for address in service.cluster_ips.iter().chain(&service.external_ips).chain(balancer) {
        if let Ok(ip) = address.value.trim().parse::<IpAddr>() {
            add(Some(ip.to_canonical()), number, address.location(), "the Service");
        }
    }
    if let Some(node_port) = &port.node_port
        && let Ok(number) = u16::try_from(node_port.value)
    {
        add(None, number, node_port.location(), "the NodePort");
    }
    if balanced && servicelb && service.load_balancer_class.is_none() {
        let location = service.type_.as_ref().and_then(Located::location);
        add(None, number, location, "the LoadBalancer Service, which k3s puts on every node,");
    }
}

/// The number of a container port with that name.
fn named_port(containers: &[Container], name: &str) -> Option<u16> {
    let mut ports = containers.iter().flat_map(|c| &c.ports);
    let port = ports.find(|p| p.name.as_ref().is_some_and(|n| n.value == name))?;
    u16::try_from(port.port.as_ref()?.value).ok()
}

fn host_ports(containers: &[Container], found: &mut Vec<Entrance>) {
    for port in containers.iter().flat_map(|c| &c.ports) {
        let Some(host) = &port.host_port else { continue };
        let number = |n: &Located<i64>| u16::try_from(n.value).ok();
        let Some(outer) = number(host) else { continue };
        let address = port.host_ip.as_ref().and_then(|ip| ip.value.parse::<IpAddr>().ok());
        let ip = address.filter(|ip| !ip.is_unspecified());
        let pod_port = port.port.as_ref().and_then(number);
        let entrance =
            Entrance { ip, port: outer, pod_port, location: host.location(), what: "a hostPort", beside_pods: true };
        if !found.iter().any(|e| e.ip == ip && e.port == outer && e.pod_port == pod_port) {
            found.push(entrance);
        }
    }
}

/// Which nodes the pods of a workload run on.
#[must_use]
pub fn placement(workload: &Workload) -> Placement {
    let by_label = || workload.pod.node_selector.get("kubernetes.io/hostname");
    let selected = workload.pod.node_selector.keys().any(|key| key != "kubernetes.io/os");
    match workload.pod.node_name.as_ref().or_else(by_label) {
        Some(node) => Placement::Node(node.value.clone()),
        None if workload.is_kind("DaemonSet") && !selected => Placement::Every,
        None => Placement::Any,
    }
}

/// The redirect policies that send queries to one of these servers, given by their workloads.
///
/// (CiliumLocalRedirectPolicy: `redirectFrontend`, `redirectBackend` and `skipRedirectFromBackend` in
/// pkg/k8s/apis/cilium.io/v2 of Cilium.)
#[must_use]
pub fn redirects(cluster: &Cluster, workloads: &[Option<usize>]) -> Vec<Redirect> {
    let policies = cluster.objects.of_kind("CiliumLocalRedirectPolicy").iter();
    policies.filter_map(|policy| redirect(cluster, policy, workloads)).collect()
}

fn redirect(cluster: &Cluster, policy: &Generic, workloads: &[Option<usize>]) -> Option<Redirect> {
    let spec = policy.value.get("spec")?;
    let namespace = &policy.meta.namespace.value;
    let labels = spec.value.path(&["redirectBackend", "localEndpointSelector", "matchLabels"])?;
    let wanted: BTreeMap<String, String> = labels
        .value
        .entries()
        .iter()
        .filter_map(|(key, value)| Some((plain_key(&key.value).to_owned(), value.value.scalar_text()?)))
        .collect();
    let serves = |index: &Option<usize>| {
        let workload = index.and_then(|index| cluster.objects.workloads.get(index));
        workload.is_some_and(|w| w.meta.namespace.value == *namespace && selects(&wanted, &w.pod_labels))
    };
    let server = workloads.iter().position(serves)?;
    let port = spec.value.path(&["redirectBackend", "toPorts"]).and_then(|ports| {
        let first = ports.value.items().first()?;
        first.value.text_at("port")?.value.parse().ok()
    });
    Some(Redirect {
        name: policy.meta.display(),
        addresses: frontend(cluster, policy)?,
        server,
        port,
        skips_backend: spec.value.get("skipRedirectFromBackend").and_then(|s| s.value.as_bool()).unwrap_or(false),
        location: policy.meta.name_location(),
    })
}

/// The addresses that a redirect policy takes over; `None` where the snapshot does not have its Service.
#[must_use]
pub fn frontend(cluster: &Cluster, policy: &Generic) -> Option<Vec<IpAddr>> {
    let frontend = policy.value.value.path(&["spec", "redirectFrontend"])?;
    if let Some(ip) = frontend.value.path(&["addressMatcher", "ip"]).and_then(|ip| ip.value.scalar_text()) {
        return Some(ip.parse().ok().into_iter().collect());
    }
    let matcher = frontend.value.get("serviceMatcher")?;
    let name = matcher.value.text_at("serviceName")?.value;
    let namespace = matcher.value.text_at("namespace").map_or_else(|| policy.meta.namespace.value.clone(), |n| n.value);
    let mut services = cluster.objects.services_named(&namespace, &name);
    services.next().map(|service| service.addresses().collect())
}
