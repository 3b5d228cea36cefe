//! Endpoints of Services: `Endpoints` and `EndpointSlice` objects of the snapshot.

use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::model::service::Service;
use crate::model::value::Value;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// One ready address behind a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The Service.
    pub service: String,
    /// Its namespace.
    pub namespace: String,
    /// The address.
    pub address: IpAddr,
    /// `hostname`.
    pub hostname: Option<String>,
    /// Name of the pod behind it.
    pub pod: Option<String>,
    /// The entry.
    pub location: Location,
}

impl Endpoint {
    /// The label that stands for it in names (`endpointHostname` of the plugin).
    #[must_use]
    pub fn label(&self, pod_names: bool) -> String {
        let pod = self.pod.clone().filter(|_| pod_names);
        let dashed = || self.address.to_string().replace(['.', ':'], "-");
        self.hostname.clone().filter(|h| !h.is_empty()).or(pod).unwrap_or_else(dashed)
    }
}

/// Label that ties an EndpointSlice to its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// All ready endpoints of the snapshot; a Service with both kinds of objects counts its EndpointSlices.
#[must_use]
pub fn endpoints_of(cluster: &Cluster) -> Vec<Endpoint> {
    let slices = cluster.objects.of_kind("EndpointSlice");
    let mut found: Vec<Endpoint> = slices.iter().flat_map(of_slice).collect();
    for object in cluster.objects.of_kind("Endpoints") {
        let sliced = slices.iter().any(|s| {
            s.meta.namespace.value == object.meta.namespace.value
                && service_of(s) == Some(object.meta.name.value.as_str())
        });
        if !sliced {
            found.extend(of_endpoints(object));
        }
    }
    found
}

/// The endpoints of one Service; `None` where the snapshot has no object that lists them.
#[must_use]
pub fn service_endpoints(cluster: &Cluster, service: &Service) -> Option<Vec<Endpoint>> {
    let (namespace, name) = (&service.meta.namespace.value, &service.meta.name.value);
    let listed = cluster.objects.of_kind("Endpoints").iter().any(|e| e.meta.is(namespace, name))
        || cluster
            .objects
            .of_kind("EndpointSlice")
            .iter()
            .any(|s| s.meta.namespace.value == *namespace && service_of(s) == Some(name.as_str()));
    let own = |e: &Endpoint| e.service == *name && e.namespace == *namespace;
    listed.then(|| endpoints_of(cluster).into_iter().filter(own).collect())
}

fn service_of(slice: &Generic) -> Option<&str> {
    slice.meta.labels.get(SERVICE_LABEL).map(|l| l.value.as_str())
}

fn of_slice(slice: &Generic) -> Vec<Endpoint> {
    let Some(service) = service_of(slice) else { return Vec::new() };
    let entries = slice.value.get("endpoints").map(|l| l.value.items()).unwrap_or_default();
    let ready =
        |e: &&Located<Value>| e.value.path(&["conditions", "ready"]).and_then(|r| r.value.as_bool()).unwrap_or(true);
    let each = |entry: &Located<Value>| -> Vec<Endpoint> {
        let addresses = entry.value.texts_at("addresses");
        addresses.iter().filter_map(|ip| endpoint(slice, service, entry, ip)).collect()
    };
    entries.iter().filter(ready).flat_map(each).collect()
}

fn of_endpoints(object: &Generic) -> Vec<Endpoint> {
    let subsets = object.value.get("subsets").map(|l| l.value.items()).unwrap_or_default();
    let addresses = subsets.iter().filter_map(|s| s.value.get("addresses")).flat_map(|a| a.value.items());
    let name = object.meta.name.value.as_str();
    addresses.filter_map(|entry| endpoint(object, name, entry, &entry.value.text_at("ip")?)).collect()
}

fn endpoint(object: &Generic, service: &str, entry: &Located<Value>, ip: &Located<String>) -> Option<Endpoint> {
    let target = entry.value.get("targetRef");
    Some(Endpoint {
        service: service.to_owned(),
        namespace: object.meta.namespace.value.clone(),
        address: ip.value.parse().ok()?,
        hostname: entry.value.text_at("hostname").map(|h| h.value),
        pod: target.and_then(|t| t.value.text_at("name")).map(|n| n.value),
        location: ip.location().unwrap_or(object.meta.location),
    })
}
