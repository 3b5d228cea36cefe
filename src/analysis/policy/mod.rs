//! Network policies: whether the pods they select can still ask cluster DNS.

mod backend;
mod calico;
mod calico_selector;
mod cilium;
mod destination;
mod index;
mod ingress;
mod intent;
mod judged;
mod kubernetes;
mod miss;
mod namespaces;
mod permit;
mod rule;
mod selector;
mod subject;
mod verdict;

pub use destination::plain_key;

use crate::analysis::facts::Facts;
use crate::analysis::views::policy::PolicyView;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::source::Located;
use destination::World;
use judged::Judged;
use rule::Policy;
use std::net::IpAddr;

/// Kinds of objects that are read as policies.
const KINDS: [&str; 4] =
    ["CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy", "GlobalNetworkPolicy", "NetworkPolicy"];

/// The policy objects of the cluster and the policies that they state.
fn read_all(cluster: &Cluster) -> (Vec<&Generic>, Vec<Policy>) {
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
    let judged: Vec<Judged> = policies.iter().map(|policy| Judged::of(policy, &world)).collect();
    let verdicts = verdict::Verdicts::of(cluster, facts, &world, &policies, &judged);
    let mut own: Vec<Vec<usize>> = vec![Vec::new(); objects.len()];
    for (at, policy) in policies.iter().enumerate() {
        own.get_mut(policy.object).into_iter().for_each(|list| list.push(at));
    }
    let of_object = |(object, own): (&&Generic, &Vec<usize>)| {
        let view = verdicts.view(own)?;
        let display = match policies.get(*own.first()?)?.namespace {
            Some(_) => object.meta.display(),
            None => format!("{}/{}", object.meta.kind.value, object.meta.name.value),
        };
        Some((Located::at(view, object.meta.name_location()), Some(display)))
    };
    objects.iter().zip(&own).filter_map(of_object).collect()
}
