//! Builds the `address_pool` views: pools of network plugins against the pod ranges of the cluster.

use super::facts::Facts;
use super::views::address_pool::AddressPoolView;
use crate::model::Cluster;
use crate::model::read::{At, Place};
use crate::model::value::Value;
use crate::source::Located;
use crate::syntax::yaml;
use ipnet::IpNet;

/// ConfigMaps with flannel's network.
const FLANNEL_KEY: &str = "net-conf.json";
/// Variables by which Calico's manifest sets its first pools.
const CALICO_VARIABLES: [&str; 2] = ["CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"];

/// A pool, and the object that sets it.
struct Pool {
    plugin: &'static str,
    text: Located<String>,
    net: IpNet,
    object: String,
}

/// The view of every address pool, with the object that sets it; `extra_pod_cidrs` are pod ranges that nodes state
/// (`--cluster-cidr`).
#[must_use]
pub fn views(
    cluster: &Cluster,
    facts: &Facts,
    extra_pod_cidrs: &[Located<IpNet>],
) -> Vec<(Located<AddressPoolView>, Option<String>)> {
    let pools = pools(cluster);
    let ranges: Vec<&Located<IpNet>> = extra_pod_cidrs.iter().chain(&facts.pod_cidrs).collect();
    let outside_of = |pool: &Pool| -> Vec<Located<String>> {
        let family = |net: &IpNet| net.max_prefix_len() == pool.net.max_prefix_len();
        let nests = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let ranges: Vec<_> = ranges.iter().filter(|range| family(&range.value)).collect();
        // one pool inside the range is enough: further ones serve single namespaces or nodes
        let agree = pools
            .iter()
            .filter(|other| other.plugin == pool.plugin && family(&other.net))
            .any(|other| ranges.iter().any(|range| nests(&range.value, &other.net)));
        if agree { Vec::new() } else { ranges.iter().map(|range| range.with(range.value.to_string())).collect() }
    };
    pools
        .iter()
        .map(|pool| {
            let view = AddressPoolView {
                plugin: pool.plugin.to_owned(),
                cidr: pool.text.clone(),
                outside_of: outside_of(pool),
            };
            (Located::from_origins(view, pool.text.origins.clone()), Some(pool.object.clone()))
        })
        .collect()
}

fn pool(plugin: &'static str, text: Located<String>, object: String) -> Option<Pool> {
    let net = text.value.trim().parse().ok()?;
    Some(Pool { plugin, text, net, object })
}

fn pools(cluster: &Cluster) -> Vec<Pool> {
    let mut found = Vec::new();
    let group = |version: &str, wanted: &str| version.split_once('/').is_some_and(|(g, _)| g.ends_with(wanted));
    for object in cluster.objects.of_kind("IPPool").iter().filter(|o| group(&o.meta.api_version, "projectcalico.org")) {
        let name = format!("IPPool/{}", object.meta.name.value);
        let spec = object.value.get("spec").filter(|spec| in_use(&spec.value));
        found.extend(spec.and_then(|s| s.text_at("cidr")).and_then(|cidr| pool("calico", cidr, name)));
    }
    let installations = cluster.objects.of_kind("Installation").iter();
    for object in installations.filter(|o| group(&o.meta.api_version, "operator.tigera.io")) {
        let pools = object.value.path(&["spec", "calicoNetwork", "ipPools"]);
        for entry in pools.iter().flat_map(|list| list.value.items()).filter(|entry| in_use(&entry.value)) {
            let name = format!("Installation/{}", object.meta.name.value);
            found.extend(entry.text_at("cidr").and_then(|cidr| pool("calico", cidr, name)));
        }
    }
    for workload in &cluster.objects.workloads {
        let variables = workload.pod.containers.iter().flat_map(|container| &container.env);
        for variable in variables.filter(|v| CALICO_VARIABLES.contains(&v.name.value.as_str())) {
            found.extend(pool("calico", variable.value.clone(), workload.meta.display()));
        }
    }
    found.extend(flannel(cluster));
    found
}

/// Whether Calico gives out addresses of a pool.
fn in_use(pool: &Value) -> bool {
    let disabled = pool.get("disabled").and_then(|d| d.value.as_bool()) == Some(true);
    !disabled && pool.text_at("nodeSelector").is_none_or(|selector| selector.value.trim() != "!all()")
}

fn flannel(cluster: &Cluster) -> Vec<Pool> {
    let mut found = Vec::new();
    for map in &cluster.objects.config_maps {
        let Some(entry) = map.get(FLANNEL_KEY) else { continue };
        let place = Place::inside(entry.text.file, entry.text.map.clone());
        let parsed = yaml::parse(&entry.text.text);
        for document in &parsed.documents {
            let value = Value::read(At::new(document.root(), &place));
            for key in ["Network", "IPv6Network"] {
                found.extend(value.text_at(key).and_then(|net| pool("flannel", net, map.meta.display())));
            }
        }
    }
    found
}
