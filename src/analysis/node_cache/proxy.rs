//! How Services are translated, and whether queries to the DNS Service meet the cache at all.

use super::Surroundings;
use super::cache::Cache;
use crate::analysis::facts::{Facts, ProxyMode};
use crate::analysis::views::node_cache::{BypassView, IpvsBindingView, NodeCacheView, RedirectNeededView};
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::model::read::{At, Place};
use crate::model::value::Value;
use crate::source::Located;
use crate::syntax::yaml;
use std::net::IpAddr;

/// The HelmChartConfig of RKE2's CoreDNS chart.
const COREDNS_CHART: &str = "rke2-coredns";
/// Where Cilium's own configuration says that it replaces kube-proxy.
const CILIUM_CONFIG: &str = "cilium-config";

/// Service addresses of `-localip` that kube-proxy's IPVS owns.
pub fn ipvs_bindings(cache: &Cache<'_>) -> Vec<Located<IpvsBindingView>> {
    let Some(mode) = cache.facts.proxy.as_ref().filter(|mode| mode.value == ProxyMode::Ipvs) else { return Vec::new() };
    // without its interface and its rules the cache takes nothing away from IPVS
    if !cache.makes_interface() || !cache.makes_iptables() {
        return Vec::new();
    }
    let is_service =
        |ip: IpAddr| cache.service_with(ip).is_some() || cache.facts.dns_addresses.iter().any(|dns| dns.value == ip);
    let rest: Vec<String> =
        cache.own.iter().filter(|own| !is_service(own.value)).map(|own| own.value.to_string()).collect();
    cache
        .own
        .iter()
        .filter(|own| is_service(own.value))
        .map(|own| {
            own.with(IpvsBindingView {
                address: own.value.to_string(),
                service: cache.service_label(own.value),
                mode: mode.with(mode.value.as_str().to_owned()),
                rest: rest.join(","),
                places: places(cache, own),
            })
        })
        .collect()
}

/// Where an address is taken: the entry of `-localip`, and each `bind` line that names it.
fn places(cache: &Cache<'_>, own: &Located<IpAddr>) -> Vec<Located<String>> {
    let binds = cache.vertex.blocks.iter().flat_map(|block| &block.bind);
    let same = binds.filter(|bind| bind.value.parse() == Ok(own.value)).cloned();
    let mut places = vec![own.with(own.value.to_string())];
    for place in same {
        if !places.iter().any(|known| known.location() == place.location()) {
            places.push(place);
        }
    }
    places
}

/// Cilium in kube-proxy's place and nothing that redirects DNS to the cache.
pub fn redirect_needed(cache: &Cache<'_>, around: Surroundings<'_>) -> Option<Located<RedirectNeededView>> {
    if has_redirect(cache.cluster) || !cache.makes_interface() {
        return None;
    }
    // pods that ask the cache's own address need no translation
    let direct = |ip: &IpAddr| cache.owns(*ip).is_some() && !cache.facts.dns_addresses.iter().any(|d| d.value == *ip);
    let all_direct = around.kubelet_cluster_dns.iter().all(|(_, ip)| direct(&ip.value));
    if !around.kubelet_cluster_dns.is_empty() && all_direct {
        return None;
    }
    let replacement = replacement(cache.cluster, cache.facts)?;
    let chart = enabled_by_chart(cache.cluster);
    let by_chart = chart.is_some();
    let name = || cache.workload.map(|w| w.meta.name_location()).unwrap_or(cache.server.location);
    let lines = chart.as_ref().map(|enabled| chart_lines(cache.cluster, enabled, &replacement)).unwrap_or_default();
    let place = chart.map_or_else(|| name().into(), |enabled| enabled.origins);
    Some(Located::from_origins(RedirectNeededView { replacement, by_chart, lines }, place))
}

/// The view of a cache that only RKE2's chart values speak of.
pub fn chart_view(cluster: &Cluster, facts: &Facts) -> Option<(Located<NodeCacheView>, Option<String>)> {
    let enabled = enabled_by_chart(cluster)?;
    if has_redirect(cluster) {
        return None;
    }
    let replacement = replacement(cluster, facts)?;
    let lines = chart_lines(cluster, &enabled, &replacement);
    let needed = enabled.with(RedirectNeededView { replacement, by_chart: true, lines });
    let object = cluster.objects.of_kind("HelmChartConfig").iter().find(|o| o.meta.name.value == COREDNS_CHART)?;
    let view = NodeCacheView { redirect_needed: Some(needed), ..NodeCacheView::default() };
    Some((enabled.with(view), Some(object.meta.display())))
}

/// What switches the redirect policy on: in the values of CoreDNS, and in Cilium's where they have no word of it.
fn chart_lines<T>(cluster: &Cluster, enabled: &Located<T>, replacement: &Located<String>) -> Vec<Located<String>> {
    let line = |text: &str, at| Located::at(text.to_owned(), at);
    let mut lines: Vec<_> = enabled.location().map(|at| line("use_cilium_lrp: true", at)).into_iter().collect();
    let set = helm_values(cluster).iter().any(|values| values.value.get("localRedirectPolicy").is_some());
    let of_values = replacement.value == "kubeProxyReplacement" && !set;
    lines.extend(replacement.location().filter(|_| of_values).map(|at| line("localRedirectPolicy: true", at)));
    lines
}

/// Whether a redirect policy is in the snapshot, or the chart makes one.
fn has_redirect(cluster: &Cluster) -> bool {
    let by_chart = chart_values(cluster, COREDNS_CHART)
        .iter()
        .filter_map(|values| values.value.path(&["nodelocal", "use_cilium_lrp"]))
        .any(|lrp| truth(&lrp.value));
    by_chart || !cluster.objects.of_kind("CiliumLocalRedirectPolicy").is_empty()
}

/// `nodelocal.enabled: true` in the values of RKE2's CoreDNS chart.
fn enabled_by_chart(cluster: &Cluster) -> Option<Located<String>> {
    let values = chart_values(cluster, COREDNS_CHART);
    let nodelocal = values
        .iter()
        .filter_map(|v| v.value.get("nodelocal"))
        .find(|n| n.value.get("enabled").is_some_and(|enabled| truth(&enabled.value)))?;
    let place = nodelocal.value.entry_location("enabled");
    Some(Located::from_origins("nodelocal.enabled".to_owned(), place.into_iter().collect()))
}

/// The setting by which kube-proxy is replaced.
#[must_use]
pub fn replacement(cluster: &Cluster, facts: &Facts) -> Option<Located<String>> {
    if let Some(mode) = facts.proxy.as_ref().filter(|mode| mode.value == ProxyMode::Replaced) {
        return Some(mode.with("kube-proxy is replaced".to_owned()));
    }
    let by_values = helm_values(cluster).into_iter().find_map(|values| {
        values.value.get("kubeProxyReplacement").filter(|v| truth(&v.value))?;
        let place = values.value.entry_location("kubeProxyReplacement");
        Some(Located::from_origins("kubeProxyReplacement".to_owned(), place.into_iter().collect()))
    });
    let by_config = || {
        let mut maps = cluster.objects.config_maps.iter().filter(|map| map.meta.name.value == CILIUM_CONFIG);
        maps.find_map(|map| map.get("kube-proxy-replacement")).and_then(|entry| {
            let on = matches!(entry.text.text.trim(), "true" | "strict");
            on.then(|| Located::at("kube-proxy-replacement".to_owned(), entry.text.location))
        })
    };
    by_values.or_else(by_config)
}

/// `true`, `"true"` and the older `strict`.
fn truth(value: &Value) -> bool {
    value.scalar_text().is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "true" | "strict"))
}

/// Values of all charts of the snapshot that could be Cilium's.
fn helm_values(cluster: &Cluster) -> Vec<Located<Value>> {
    ["HelmChartConfig", "HelmChart"]
        .iter()
        .flat_map(|kind| cluster.objects.of_kind(kind))
        .filter(|object| object.meta.name.value.contains("cilium"))
        .filter_map(values_content)
        .chain(cluster.objects.of_kind("HelmRelease").iter().filter_map(|r| r.value.path(&["spec", "values"]).cloned()))
        .collect()
}

/// Values of a chart that k3s or RKE2 installs.
fn chart_values(cluster: &Cluster, name: &str) -> Vec<Located<Value>> {
    let charts = ["HelmChartConfig", "HelmChart"].iter().flat_map(|kind| cluster.objects.of_kind(kind));
    charts.filter(|object| object.meta.name.value == name).filter_map(values_content).collect()
}

/// `spec.valuesContent`, a YAML text of its own.
fn values_content(object: &Generic) -> Option<Located<Value>> {
    let text = object.values_content.as_ref()?;
    let parsed = yaml::parse(&text.text);
    let root = parsed.documents.first()?.root();
    Some(Value::read(At::new(root, &Place::inside(text.file, text.map.clone()))))
}

/// Kubelets whose pods ask the DNS Service although queries to it do not meet the cache.
pub fn bypasses(cache: &Cache<'_>, around: Surroundings<'_>) -> Vec<Located<BypassView>> {
    if has_redirect(cache.cluster) || !cache.makes_interface() || cache.has_open_local_ip() {
        return Vec::new();
    }
    let is_service = |ip: IpAddr| cache.facts.dns_addresses.iter().any(|dns| dns.value == ip);
    let Some(own) = cache.own.iter().find(|own| !is_service(own.value)) else { return Vec::new() };
    let ipvs = cache.facts.proxy.as_ref().filter(|mode| mode.value == ProxyMode::Ipvs);
    let reason = match ipvs {
        Some(_) => "kube-proxy in IPVS mode takes queries to it before the cache could".to_owned(),
        None => format!("the cache answers on {} only", own.value),
    };
    let mut found: Vec<Located<BypassView>> = Vec::new();
    for (node, address) in around.kubelet_cluster_dns {
        let here = || around.kubelet_cluster_dns.iter().filter(|(n, _)| n == node);
        let asks_cache = here().any(|(_, ip)| cache.owns(ip.value).is_some() && !is_service(ip.value));
        let intercepted = cache.owns(address.value).is_some() && ipvs.is_none();
        if asks_cache || intercepted || !cache.is_cluster_dns(address.value) {
            continue;
        }
        if let Some(same) = found.iter_mut().find(|f| f.location() == address.location() && f.location().is_some()) {
            same.value.nodes.push(node.clone());
            continue;
        }
        found.push(address.with(BypassView {
            nodes: vec![node.clone()],
            address: address.value.to_string(),
            cache: own.with(own.value.to_string()),
            reason: reason.clone(),
            because: ipvs.map(|mode| mode.with(mode.value.as_str().to_owned())),
        }));
    }
    found
}

/// The redirect policy that sends an address to the cache, and the cache's own queries back to it.
pub fn redirect_without_exception(cache: &Cache<'_>, ip: IpAddr) -> Option<Located<String>> {
    let service = cache.service_with(ip);
    cache.cluster.objects.of_kind("CiliumLocalRedirectPolicy").iter().find_map(|policy| {
        let spec = policy.value.get("spec")?;
        let skip = spec.value.get("skipRedirectFromBackend").and_then(|s| s.value.as_bool()).unwrap_or(false);
        let frontend = spec.value.get("redirectFrontend")?;
        let by_service = frontend.value.get("serviceMatcher").is_some_and(|matcher| {
            let name = matcher.value.text_at("serviceName").map(|n| n.value);
            let namespace = matcher.value.text_at("namespace").map(|n| n.value);
            service.is_some_and(|s| {
                Some(&s.meta.name.value) == name.as_ref() && namespace.is_none_or(|n| n == s.meta.namespace.value)
            })
        });
        let by_address = frontend.value.path(&["addressMatcher", "ip"]).and_then(|a| a.value.scalar_text());
        let matches = by_service || by_address.is_some_and(|text| text.parse() == Ok(ip));
        (matches && !skip).then(|| policy.meta.name.with(policy.meta.display()))
    })
}
