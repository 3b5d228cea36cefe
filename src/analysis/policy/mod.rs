//! Network policies: whether the pods they select can still ask cluster DNS.

pub mod calico;
pub mod calico_selector;
pub mod cilium;
pub mod destination;
pub mod ingress;
pub mod kubernetes;
mod permit;
pub mod rule;
pub mod selector;
pub mod verdict;

use crate::analysis::facts::Facts;
use crate::analysis::views::policy::PolicyView;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::source::Located;
use destination::World;
use rule::Policy;
use std::net::IpAddr;

/// Kinds of objects that are read as policies.
const KINDS: [&str; 4] =
    ["CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy", "GlobalNetworkPolicy", "NetworkPolicy"];

/// The policy objects of the cluster and the policies that they state.
#[must_use]
pub fn read_all(cluster: &Cluster) -> (Vec<&Generic>, Vec<Policy>) {
    let objects: Vec<&Generic> = KINDS.iter().flat_map(|kind| cluster.objects.of_kind(kind)).collect();
    let policies = objects.iter().enumerate().flat_map(|(index, object)| read(index, object)).collect();
    (objects, policies)
}

fn read(index: usize, object: &Generic) -> Vec<Policy> {
    let group = object.meta.api_version.split_once('/').map_or("", |(group, _)| group);
    match (group, object.meta.kind.value.as_str()) {
        ("networking.k8s.io" | "extensions", "NetworkPolicy") => kubernetes::read(index, object).into_iter().collect(),
        ("cilium.io", _) => cilium::read(index, object),
        ("projectcalico.org" | "crd.projectcalico.org", _) => calico::read(index, object).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The view of every policy object, with its name; `nameservers` are the addresses that kubelets give to pods
/// (`clusterDNS`), as far as they are known beyond the DNS Service's own.
#[must_use]
pub fn views(
    cluster: &Cluster,
    facts: &Facts,
    nameservers: &[Located<IpAddr>],
) -> Vec<(Located<PolicyView>, Option<String>)> {
    let (objects, policies) = read_all(cluster);
    if policies.is_empty() {
        return Vec::new();
    }
    let world = World::of(cluster, facts, nameservers);
    let verdicts = verdict::Verdicts::of(cluster, facts, &world, &policies);
    let of_object = |(index, object): (usize, &&Generic)| {
        let own: Vec<usize> =
            policies.iter().enumerate().filter(|(_, p)| p.object == index).map(|(at, _)| at).collect();
        let view = verdicts.view(&own)?;
        let display = match policies.get(*own.first()?)?.namespace {
            Some(_) => object.meta.display(),
            None => format!("{}/{}", object.meta.kind.value, object.meta.name.value),
        };
        Some((Located::at(view, object.meta.name_location()), Some(display)))
    };
    objects.iter().enumerate().filter_map(of_object).collect()
}
