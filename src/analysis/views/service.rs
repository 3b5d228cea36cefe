//! The `service` view: Services that carry cluster DNS, take its address, or publish port 53 on the nodes.

use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// A Service, as far as DNS is concerned.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServiceView {
    /// Pods ask this Service: it is the cluster's DNS Service.
    pub is_cluster_dns: bool,
    /// Protocols that port 53 of a DNS Service lacks (`UDP`, `TCP`); each stands at the port that is there, or at `ports`.
    pub missing_protocols: Vec<Located<MissingProtocolView>>,
    /// A DNS Service whose selector matches no DNS pod of its namespace, although the snapshot has them; stands at the
    /// selector.
    pub selects_nothing: Option<Located<SelectsNothingView>>,
    /// The Service has the address that cluster DNS needs, and is not it; stands at the address.
    pub taken_address: Option<Located<TakenAddressView>>,
    /// The service load balancer of k3s opens port 53 of every node for this Service; stands at its `type`.
    pub node_port_53: Option<Located<NodePort53View>>,
}

/// A selector that misses the DNS pods.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SelectsNothingView {
    /// The requirement that the pods do not meet, as `key: value`.
    pub requirement: String,
    /// The DNS workload of the namespace, as `Kind/namespace/name`.
    pub workload: Located<String>,
    /// The value that its pods have for that label, where they have one.
    pub actual: Option<Located<String>>,
}

/// A protocol that port 53 of a DNS Service lacks.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingProtocolView {
    /// `UDP` or `TCP`.
    pub protocol: String,
    /// The port of the pods behind the entry that is there, where that names it by a name and it is not 53: names belong to
    /// one protocol.
    pub target_port: Option<i64>,
}

/// An address that cluster DNS needs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct TakenAddressView {
    /// The address.
    pub address: String,
    /// What reserves it for DNS.
    pub wanted: Located<String>,
    /// It is the Service of the API server, which takes the first address of the range for itself.
    pub by_api_server: bool,
    /// Every place that asks for it: `clusterIP`, `clusterIPs`.
    pub places: Vec<Located<String>>,
}

/// Port 53 of the nodes.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct NodePort53View {
    /// The ports that are opened.
    pub ports: Vec<Located<String>>,
}

impl View for ServiceView {
    const KIND: &'static str = "service";
    const DOC: &'static str = "a Service that carries cluster DNS, holds its address, or publishes port 53";
}
