//! Local redirect policies of Cilium that send the questions of pods to a node cache.

use super::backend::Backend;
use super::labels::{Labels, plain_key};
use super::namespaces::Namespaces;
use super::scope::Folders;
use super::selector::read_label_selector;
use crate::analysis::facts::Facts;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::model::object::selects;
use crate::source::Location;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// The pods that a CiliumLocalRedirectPolicy for the DNS Service sends every question to.
#[must_use]
pub fn redirected(
    cluster: &Cluster,
    facts: &Facts,
    namespaces: &Namespaces,
    folder_of: Folders<'_>,
) -> Option<(Location, Vec<Backend>)> {
    let policy =
        cluster.objects.of_kind("CiliumLocalRedirectPolicy").iter().find(|p| redirects_dns(p, cluster, facts))?;
    let backend = policy.value.value.path(&["spec", "redirectBackend"])?;
    let selector = read_label_selector(&backend.value.get("localEndpointSelector")?.value);
    let namespace = &policy.meta.namespace.value;
    let port = |protocol: &str| {
        let ports = backend.value.get("toPorts")?;
        let entry = ports.value.items().iter().find(|p| p.text_at("protocol").is_some_and(|t| t.value == protocol))?;
        entry.text_at("port")?.value.parse::<u16>().ok()
    };
    let wanted: BTreeMap<String, String> =
        selector.demanded().into_iter().map(|(key, value)| (plain_key(&key).to_owned(), value)).collect();
    let chosen = cluster.objects.workloads.iter().filter(|w| {
        w.meta.namespace.value == *namespace && !w.pod.uses_host_network() && selects(&wanted, &w.pod_labels)
    });
    let mut backends: Vec<Backend> =
        chosen.map(|workload| Backend::of(workload, None, namespaces, folder_of)).collect();
    if backends.is_empty() {
        let labels = Labels { known: wanted, complete: false };
        backends.push(Backend::unseen(namespace, &policy.meta.name.value, labels, None, namespaces));
    }
    for found in &mut backends {
        (found.udp, found.tcp) = (port("UDP"), port("TCP"));
        found.asked = true;
    }
    Some((policy.meta.name_location(), backends))
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
