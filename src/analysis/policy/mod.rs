//! Network policies: whether the pods they select can still ask cluster DNS.

mod backend;
mod blocked;
mod calico;
mod calico_selector;
mod cilium;
mod destination;
mod index;
mod ingress;
mod intent;
mod judged;
mod kubernetes;
mod labels;
mod miss;
mod namespaces;
mod nets;
mod permit;
mod redirect;
mod rule;
mod scope;
mod selector;
mod subject;
mod sum;
mod verdict;

pub use labels::plain_key;

use crate::analysis::facts::Facts;
use crate::analysis::views::policy::PolicyView;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::source::Located;
use destination::World;
use judged::Judged;
use rule::Policy;
use scope::{Folders, scope_of};
use std::net::IpAddr;

/// Kinds of objects that are read as policies.
const KINDS: [&str; 4] =
    ["CiliumClusterwideNetworkPolicy", "CiliumNetworkPolicy", "GlobalNetworkPolicy", "NetworkPolicy"];

/// The policy objects of the cluster and the policies that they state.
fn read_all<'c>(cluster: &'c Cluster, folder_of: Folders<'_>) -> (Vec<&'c Generic>, Vec<Policy>) {
    let objects: Vec<&Generic> = KINDS.iter().flat_map(|kind| cluster.objects.of_kind(kind)).collect();
    let policies = objects.iter().enumerate().flat_map(|(index, object)| read(index, object));
    let scoped = |policy: Policy| {
        let meta = objects.get(policy.object).filter(|_| policy.namespace.is_some());
        Policy { scope: meta.and_then(|object| scope_of(&object.meta, folder_of)), ..policy }
    };
    let policies = policies.map(scoped).collect();
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

/// A NetworkPolicy that lets the pods that it selects send only what some policy allows.
#[derive(Clone, Copy, Debug)]
pub struct Isolating<'a> {
    /// The object.
    pub object: &'a Generic,
    /// It selects every pod of its namespace.
    pub all_pods: bool,
}

/// The NetworkPolicies that isolate egress, in file order.
pub fn isolating(cluster: &Cluster) -> impl Iterator<Item = Isolating<'_>> {
    let objects = cluster.objects.of_kind("NetworkPolicy").iter().enumerate();
    objects
        .flat_map(|(index, object)| read(index, object).into_iter().map(move |policy| (object, policy)))
        .filter(|(_, policy)| policy.dialect == rule::Dialect::Kubernetes && policy.isolates)
        .map(|(object, policy)| Isolating { object, all_pods: matches!(policy.pods, selector::Expr::All) })
}

/// The view of every policy object, with its name; `nameservers` are the addresses that kubelets give to pods
/// (`clusterDNS`), as far as they are known beyond the DNS Service's own; `folder_of` tells what is applied together.
#[must_use]
pub fn views(
    cluster: &Cluster,
    facts: &Facts,
    nameservers: &[Located<IpAddr>],
    folder_of: Folders<'_>,
) -> Vec<(Located<PolicyView>, Option<String>)> {
    let (objects, policies) = read_all(cluster, folder_of);
    if policies.is_empty() {
        return Vec::new();
    }
    let world = World::of(cluster, facts, nameservers, folder_of);
    let judged: Vec<Judged> = policies.iter().map(|policy| Judged::of(policy, &world)).collect();
    let verdicts = verdict::Verdicts::of((cluster, facts), &world, (&policies, &judged), folder_of);
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
