//! What the kubelet makes of `dnsConfig`: the merged lists, their limits, and the options (`pkg/kubelet/network/dns`).

use super::surroundings::Surroundings;
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::effective::versions::{MAX_NAMESERVERS, search_limits};
use crate::analysis::node_dns::ASSUMED_KUBE;
use crate::analysis::views::pod::{DroppedView, OddOption};
use crate::model::pod::{DnsConfig, DnsOption, PodSpec};
use crate::source::Located;
use std::net::IpAddr;

/// `ndots` of pods that ask the cluster DNS, unless `dnsConfig` says otherwise.
const CLUSTER_NDOTS: i64 = 5;
/// glibc reads greater values as this one (`RES_MAXNDOTS`).
const MAX_NDOTS: i64 = 15;

/// The search list of a pod.
#[derive(Clone, Debug, Default)]
pub struct Searches {
    /// Domains that the pod keeps.
    pub kept: usize,
    /// Entries of `dnsConfig.searches` that it loses.
    pub dropped: Vec<Located<DroppedView>>,
}

/// Merges the search lists of the policy and of `dnsConfig` and cuts the result as the kubelet does.
#[must_use]
pub fn searches(pod: &PodSpec, namespace: &str, effective: &str, around: &Surroundings<'_>) -> Searches {
    let domain = around.domain.as_deref().unwrap_or(CLUSTER_DOMAIN);
    let cluster = effective.starts_with("ClusterFirst");
    let config = pod.dns_config.as_ref().map(|c| c.value.searches.as_slice()).unwrap_or_default();
    let from_node = if effective == "None" { &[] } else { around.node_searches.as_slice() };
    if config.is_empty() && from_node.is_empty() {
        return Searches { kept: if cluster { 3 } else { 0 }, dropped: Vec::new() };
    }
    let mut merged: Vec<(String, Option<&Located<String>>)> = Vec::new();
    let own = [format!("{namespace}.svc.{domain}"), format!("svc.{domain}"), domain.to_owned()];
    let first = own.into_iter().filter(|_| cluster).chain(from_node.iter().cloned()).map(|text| (text, None));
    for entry in first.chain(config.iter().map(|search| (search.value.clone(), Some(search)))) {
        if !merged.iter().any(|(text, _)| *text == entry.0) {
            merged.push(entry);
        }
    }
    cut(merged, around)
}

fn cut(merged: Vec<(String, Option<&Located<String>>)>, around: &Surroundings<'_>) -> Searches {
    let version = around.oldest_kubelet.unwrap_or(ASSUMED_KUBE);
    let limits = search_limits(version);
    let before = merged.iter().filter(|(_, own)| own.is_none()).count();
    let mut result = Searches::default();
    let mut bytes = 0;
    let mut full = false;
    for (index, (text, own)) in merged.into_iter().enumerate() {
        let longer = limits.entry.filter(|limit| text.len() > *limit);
        let with_entry = bytes + text.len() + usize::from(bytes > 0);
        let reason = if index >= limits.paths {
            format!(
                "kubelet {version} keeps {} search domains and {before} stand before those of dnsConfig",
                limits.paths
            )
        } else if let Some(limit) = longer {
            format!("it is longer than {limit} bytes")
        } else if full || with_entry > limits.chars {
            full = true;
            format!("kubelet {version} keeps {} bytes of search list", limits.chars)
        } else {
            bytes = with_entry;
            result.kept += 1;
            continue;
        };
        result.dropped.extend(own.map(|entry| entry.with(DroppedView { entry: text, reason })));
    }
    result
}

/// Nameservers behind the third after the cluster DNS and `dnsConfig` are merged.
///
/// Lists that the API server refuses are left to the rule about those.
#[must_use]
pub fn dropped_nameservers(pod: &PodSpec, effective: &str, around: &Surroundings<'_>) -> Vec<Located<DroppedView>> {
    let Some(config) = pod.dns_config.as_ref().map(|c| &c.value) else { return Vec::new() };
    if !effective.starts_with("ClusterFirst") || config.nameservers.len() != MAX_NAMESERVERS {
        return Vec::new();
    }
    let repeated = |index: usize| {
        config.nameservers.iter().take(index).any(|n| config.nameservers.get(index).is_some_and(|m| m.value == n.value))
    };
    let distinct = (0..MAX_NAMESERVERS).all(|index| !repeated(index));
    let known = around.facts.dns_addresses.iter().chain(&around.facts.node_cache_addresses);
    let is_cluster_dns = |ip: IpAddr| known.clone().any(|a| a.value == ip);
    // without the DNS Service a private address may be the cluster DNS itself, which is not added twice
    let may_be = |ip: IpAddr| if known.clone().next().is_some() { is_cluster_dns(ip) } else { is_private(ip) };
    let mut addresses = config.nameservers.iter().map(|n| n.value.parse::<IpAddr>());
    if !distinct || addresses.any(|ip| ip.map_or(true, may_be)) {
        return Vec::new();
    }
    let reason = format!("a pod keeps {MAX_NAMESERVERS} nameservers and the cluster DNS stands first");
    let third = config.nameservers.get(MAX_NAMESERVERS - 1);
    third.map(|n| n.with(DroppedView { entry: n.value.clone(), reason })).into_iter().collect()
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            v4.is_private() || v4.is_link_local() || v4.is_loopback() || v4.octets().first() == Some(&100)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// An option as it is written to the file.
#[must_use]
pub fn option_text(option: &DnsOption) -> String {
    match &option.value {
        Some(value) if !value.value.is_empty() => format!("{}:{}", option.name, value.value),
        _ => option.name.clone(),
    }
}

/// Name and value as a resolver reads them: an option *named* `ndots:2` reads like `ndots` with the value 2.
#[must_use]
pub fn name_and_value(option: &DnsOption) -> (&str, Option<&str>) {
    let written = option.value.as_ref().map(|v| v.value.as_str()).filter(|v| !v.is_empty());
    match option.name.split_once(':') {
        Some((name, value)) => (name, Some(value)),
        None => (&option.name, written),
    }
}

/// `ndots` in force: dnsConfig's, else 5 under cluster policies; `None` where the node's file or chance decides.
#[must_use]
pub fn ndots(options: &[Located<DnsOption>], effective: &str) -> Option<i64> {
    let cluster = effective.starts_with("ClusterFirst");
    let hidden = options.iter().any(|o| o.value.name.starts_with("ndots:"));
    if hidden && cluster {
        return None;
    }
    let written = options.iter().rev().map(|o| name_and_value(&o.value)).find(|(name, _)| *name == "ndots");
    match written {
        Some((_, Some(value))) => value.parse::<i64>().ok().map(|n| n.clamp(0, MAX_NDOTS)),
        Some((_, None)) => Some(1),
        None => cluster.then_some(CLUSTER_NDOTS),
    }
}

/// Options that do not do what they say, whatever the C library.
#[must_use]
pub fn odd_options(config: &DnsConfig, effective: &str) -> Vec<Located<OddOption>> {
    config.options.iter().filter_map(|option| Some(option.with(odd(&option.value, effective)?))).collect()
}

fn odd(option: &DnsOption, effective: &str) -> Option<OddOption> {
    let written = option_text(option);
    let (name, value) = name_and_value(option);
    let takes_number = matches!(name, "ndots" | "timeout" | "attempts");
    let correct = |value: &str| format!("{{name: {name}, value: \"{value}\"}}");
    if option.name.contains(':') && name == "ndots" && effective.starts_with("ClusterFirst") {
        let reason = format!(
            "the kubelet takes `{}` for another option than `ndots` and writes ndots:5 too, in random order",
            option.name
        );
        return Some(OddOption { option: written, reason, instead: correct(value.unwrap_or("2")) });
    }
    if !takes_number {
        return None;
    }
    let example = if name == "timeout" { "2" } else { "1" };
    match value {
        None => Some(OddOption {
            reason: format!("`{name}` without a value sets nothing"),
            option: written,
            instead: correct(example),
        }),
        Some(value) if value.parse::<u32>().is_err() => {
            Some(OddOption { reason: format!("`{value}` is not a number"), option: written, instead: correct(example) })
        }
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{objects, pod};
    use super::*;
    use crate::analysis::facts::Facts;
    use crate::model::Cluster;

    fn with<T>(manifest: &str, run: impl FnOnce(&Surroundings<'_>) -> T) -> T {
        let cluster = Cluster::of_objects(objects(manifest), &[]);
        let facts = Facts::of(&cluster);
        run(&Surroundings::of(&cluster, &facts))
    }

    const OLD_NODE: &str =
        "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {nodeInfo: {kubeletVersion: v1.21.14}}\n";

    #[test]
    fn old_kubelets_cut_the_search_list() {
        let spec = pod("dnsConfig: {searches: [a.example, svc.cluster.local, b.example, c.example, d.example]}\n");
        with(OLD_NODE, |around| {
            let result = searches(&spec, "default", "ClusterFirst", around);
            assert_eq!(result.kept, 6);
            assert_eq!(result.dropped.iter().map(|d| d.value.entry.as_str()).collect::<Vec<_>>(), ["d.example"]);
            assert!(result.dropped.iter().all(|d| d.value.reason.contains("1.21.14 keeps 6 search domains")));
            assert!(searches(&spec, "default", "None", around).dropped.is_empty());
        });
        with("", |around| assert!(searches(&spec, "default", "ClusterFirst", around).dropped.is_empty()));
    }

    #[test]
    fn the_line_and_its_entries_have_a_length() {
        let long = ["a".repeat(60), "b".repeat(60), "c".repeat(60), "d".repeat(60)].join(".");
        let spec = pod(&format!("dnsConfig: {{searches: [{long}.example, x.example]}}\n"));
        with(OLD_NODE, |around| {
            let result = searches(&spec, "default", "ClusterFirst", around);
            assert_eq!(result.dropped.len(), 2, "{:?}", result.dropped);
        });
        let longer = format!("{long}.{long}");
        let spec = pod(&format!("dnsConfig: {{searches: [{longer}, x.example]}}\n"));
        with("", |around| {
            let result = searches(&spec, "default", "ClusterFirst", around);
            assert_eq!(result.dropped.len(), 1);
            assert_eq!(result.kept, 4);
        });
    }

    #[test]
    fn the_nodes_domains_count() {
        with("", |around| {
            let around = Surroundings::empty(around.facts).with_node_searches(vec!["lan".to_owned()]);
            assert_eq!(searches(&pod("restartPolicy: Always\n"), "default", "ClusterFirst", &around).kept, 4);
            assert_eq!(searches(&pod("restartPolicy: Always\n"), "default", "Default", &around).kept, 1);
            assert!(!around.nodes_know_the_cluster());
        });
    }

    #[test]
    fn the_third_nameserver_falls_off() {
        let three = pod("dnsConfig: {nameservers: [1.1.1.1, 8.8.8.8, 9.9.9.9]}\n");
        let private = pod("dnsConfig: {nameservers: [10.96.0.10, 8.8.8.8, 9.9.9.9]}\n");
        with("", |around| {
            let dropped = dropped_nameservers(&three, "ClusterFirst", around);
            assert_eq!(dropped.iter().map(|d| d.value.entry.as_str()).collect::<Vec<_>>(), ["9.9.9.9"]);
            assert!(dropped_nameservers(&three, "None", around).is_empty());
            assert!(dropped_nameservers(&private, "ClusterFirst", around).is_empty(), "may be the cluster DNS");
        });
    }

    #[test]
    fn ndots_and_odd_options() {
        let of = |options: &str, effective: &str| {
            let spec = pod(&format!("dnsConfig: {{options: {options}}}\n"));
            let config = spec.dns_config.unwrap().value;
            (ndots(&config.options, effective), odd_options(&config, effective).len())
        };
        assert_eq!(of("[{name: ndots, value: '2'}]", "ClusterFirst"), (Some(2), 0));
        assert_eq!(of("[{name: 'ndots:2'}]", "ClusterFirst"), (None, 1));
        assert_eq!(of("[{name: 'ndots:2'}]", "None"), (Some(2), 0));
        assert_eq!(of("[{name: 'timeout:2'}]", "ClusterFirst"), (Some(5), 0));
        assert_eq!(of("[{name: ndots, value: two}]", "ClusterFirst"), (None, 1));
        assert_eq!(of("[{name: ndots, value: '40'}]", "ClusterFirst"), (Some(15), 0));
        assert_eq!(of("[{name: timeout}]", "ClusterFirst"), (Some(5), 1));
        assert_eq!(of("[{name: rotate}]", "Default"), (None, 0));
    }
}
