//! Services, as far as DNS is concerned.

use super::object::Meta;
use super::read::At;
use super::string_map::StringMap;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// A Service.
#[derive(Clone, Debug)]
pub struct Service {
    /// Identity.
    pub meta: Meta,
    /// `spec.type`; absent means ClusterIP.
    pub type_: Option<Located<String>>,
    /// `spec.clusterIP` and `spec.clusterIPs` without `None`, each once with all its places.
    pub cluster_ips: Vec<Located<String>>,
    /// `spec.clusterIPs` as a setting.
    pub cluster_ips_location: Option<Location>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// `spec.ports`.
    pub ports: Vec<Located<ServicePort>>,
    /// `spec.ports` as a setting.
    pub ports_location: Option<Location>,
    /// `spec.selector`.
    pub selector: StringMap,
    /// `spec.selector` as a setting.
    pub selector_location: Option<Location>,
    /// `spec.externalName`.
    pub external_name: Option<Located<String>>,
    /// `spec.loadBalancerIP` and `spec.externalIPs`.
    pub external_ips: Vec<Located<String>>,
    /// Addresses of a load balancer: `status.loadBalancer.ingress`, and annotations that ask for one.
    pub ingress_ips: Vec<Located<String>>,
    /// `spec.loadBalancerClass`.
    pub load_balancer_class: Option<Located<String>>,
    /// `spec.publishNotReadyAddresses`.
    pub publish_not_ready: bool,
}

/// One entry of `spec.ports`.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// Name, if any.
    pub name: Option<Located<String>>,
    /// Port number.
    pub port: Option<Located<i64>>,
    /// `TCP` where the manifest says nothing.
    pub protocol: Located<String>,
    /// Number or name of the pods' port.
    pub target_port: Option<Located<String>>,
    /// Port on every node.
    pub node_port: Option<Located<i64>>,
}

/// Annotations by which MetalLB, kube-vip and Cilium are asked for an address.
const ADDRESS_ANNOTATIONS: [&str; 6] = [
    "metallb.universe.tf/loadBalancerIPs",
    "metallb.io/loadBalancerIPs",
    "kube-vip.io/loadbalancerIPs",
    "io.cilium/lb-ipam-ips",
    "lbipam.cilium.io/ips",
    "purelb.io/addresses",
];

fn ingress(meta: &Meta, object: At<'_>) -> Vec<Located<String>> {
    let list = object.path(&["status", "loadBalancer", "ingress"]);
    let mut addresses: Vec<Located<String>> =
        list.into_iter().flat_map(At::items).filter_map(|i| i.text_at("ip")).collect();
    for annotation in ADDRESS_ANNOTATIONS.iter().filter_map(|name| meta.annotations.get(name)) {
        addresses.extend(annotation.value.split(',').map(|ip| annotation.with(ip.trim().to_owned())));
    }
    addresses
}

impl Service {
    /// Reads a Service object.
    #[must_use]
    pub fn read(meta: Meta, object: At<'_>) -> Self {
        let spec = object.get("spec");
        let ports_at = spec.and_then(|s| s.get("ports"));
        let ingress_ips = ingress(&meta, object);
        let mut service = Self {
            meta,
            ingress_ips,
            type_: spec.and_then(|s| s.text_at("type")),
            cluster_ips: Vec::new(),
            cluster_ips_location: spec.and_then(|s| s.entry_location("clusterIPs")),
            headless: false,
            ports: ports_at
                .map(|list| list.items().map(|p| Located::at(ServicePort::read(p), p.location())).collect())
                .unwrap_or_default(),
            ports_location: spec.and_then(|s| s.entry_location("ports")),
            selector: spec.map(|s| s.string_map_at("selector")).unwrap_or_default(),
            selector_location: spec.and_then(|s| s.entry_location("selector")),
            external_name: spec.and_then(|s| s.text_at("externalName")),
            external_ips: spec.map(|s| s.texts_at("externalIPs")).unwrap_or_default(),
            load_balancer_class: spec.and_then(|s| s.text_at("loadBalancerClass")),
            publish_not_ready: spec.and_then(|s| s.bool_at("publishNotReadyAddresses")).is_some_and(|b| b.value),
        };
        let Some(spec) = spec else { return service };
        service.external_ips.extend(spec.text_at("loadBalancerIP"));
        for ip in spec.text_at("clusterIP").into_iter().chain(spec.texts_at("clusterIPs")) {
            service.add_cluster_ip(ip);
        }
        service
    }

    fn add_cluster_ip(&mut self, ip: Located<String>) {
        if ip.value == "None" {
            self.headless = true;
        } else if let Some(known) = self.cluster_ips.iter_mut().find(|known| known.value == ip.value) {
            known.origins.extend(ip.origins.iter());
        } else if !ip.value.is_empty() {
            self.cluster_ips.push(ip);
        }
    }

    /// The ClusterIPs that are addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.cluster_ips.iter().filter_map(|ip| ip.value.parse().ok())
    }

    /// Whether the Service has `port` for `protocol` (`UDP` or `TCP`).
    #[must_use]
    pub fn has_port(&self, port: i64, protocol: &str) -> bool {
        self.ports.iter().any(|p| p.port.as_ref().is_some_and(|n| n.value == port) && p.protocol.value == protocol)
    }

    /// Whether `spec.type` is `kind`.
    #[must_use]
    pub fn is_type(&self, kind: &str) -> bool {
        self.type_.as_ref().is_some_and(|t| t.value == kind)
    }
}

impl ServicePort {
    fn read(port: At<'_>) -> Self {
        Self {
            name: port.text_at("name"),
            port: port.int_at("port"),
            protocol: port.text_at("protocol").unwrap_or_else(|| Located::default_value("TCP".to_owned())),
            target_port: port.text_at("targetPort"),
            node_port: port.int_at("nodePort"),
        }
    }
}
