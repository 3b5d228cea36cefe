//! Builds the `pod` view of every workload.

use super::libc::{self, Libc};
use super::names::{self, MentionedName, NameKind};
use super::resolv_conf_edits::{self, EditKind};
pub use super::surroundings::Surroundings;
use super::{api_limits, dns_config, stale};
use crate::analysis::facts::ProxyMode;
use crate::analysis::views::pod::{
    DnsConfigView, EditView, ForeignName, NameView, OtherNameserver, PodView, RaceView, RefusalView,
};
use crate::model::pod::{DnsOption, PodSpec};
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// Options that musl's resolver does not know.
const UNKNOWN_TO_MUSL: [&str; 10] = [
    "single-request",
    "single-request-reopen",
    "use-vc",
    "rotate",
    "no-aaaa",
    "edns0",
    "trust-ad",
    "no-reload",
    "inet6",
    "no-tld-query",
];

/// The view of one workload's pods.
#[must_use]
pub fn view(index: usize, workload: &Workload, around: &Surroundings<'_>) -> Located<PodView> {
    let pod = &workload.pod;
    let namespace = workload.meta.namespace.value.as_str();
    let host_network = pod.host_network.clone().unwrap_or_else(|| Located::default_value(false));
    let effective = pod.effective_policy();
    let without_effect = effective != pod.policy();
    let (libc, libc_image) = library(pod);
    let options = pod.dns_config.as_ref().map(|c| c.value.options.as_slice()).unwrap_or_default();
    let ndots = dns_config::ndots(options, effective);
    let searches = dns_config::searches(pod, namespace, effective, around);
    let search_domains = i64::try_from(searches.kept).unwrap_or(i64::MAX);
    let edits = resolv_conf_edits::edits(pod, namespace, around.config_maps);
    let replaced = edits.iter().any(|e| e.value.kind == EditKind::Mount);
    let single_request =
        sets_single_request(options) || edits.iter().any(|e| e.value.single_request && e.value.flaw.is_none());
    let mentioned = names::mentioned(pod, namespace, &around.known);
    let foreign_domain_names = foreign_names(&mentioned, around);
    let (mut cluster_names, mut external_names) = (Vec::new(), Vec::new());
    for name in &mentioned {
        match name.value.kind {
            NameKind::Cluster | NameKind::Service => cluster_names.push(name_view(name)),
            NameKind::External => external_names.push(name_view(name)),
            NameKind::Foreign => {}
        }
    }
    let walks = |n: &Located<NameView>| !n.value.fully_qualified && ndots.is_some_and(|limit| n.value.dots < limit);
    let view = PodView {
        is_dns_server: around.dns_workloads.contains(&index),
        node_component: is_node_component(workload, host_network.value, cluster_names.is_empty()),
        node_knows_cluster: around.nodes_know_the_cluster(),
        needless_ndots: cluster_names.is_empty()
            && foreign_domain_names.is_empty()
            && effective.starts_with("ClusterFirst")
            && !replaced
            && !options.iter().any(|o| dns_config::name_and_value(&o.value).0 == "ndots")
            && external_names.iter().any(walks),
        queries_per_external_lookup: 2 * (search_domains + 1),
        search_domains,
        ndots,
        dns_policy: pod.dns_policy.clone(),
        cluster_first_without_effect: without_effect,
        dns_config: pod.dns_config.as_ref().map(dns_config_view),
        refusals: refusals(pod, around),
        none_without_nameserver: pod.policy() == "None"
            && pod.dns_config.as_ref().is_none_or(|c| c.value.nameservers.is_empty()),
        libc,
        libc_image,
        ignored_options: ignored_options(options, libc),
        use_vc: options.iter().find(|o| o.value.name == "use-vc").map(|o| o.with("use-vc".to_owned())),
        conntrack_race: (!single_request && !replaced).then(|| race(pod, effective, libc, around)).flatten(),
        single_request,
        resolv_conf_edits: edits.into_iter().map(|e| e.map(|edit| edit_view(edit, around))).collect(),
        stale_nameservers: stale::nameservers(pod, around),
        dropped_nameservers: dns_config::dropped_nameservers(pod, effective, around),
        dropped_searches: searches.dropped,
        odd_options: pod.dns_config.as_ref().map(|c| dns_config::odd_options(&c.value, effective)).unwrap_or_default(),
        foreign_domain_names,
        effective_policy: effective.to_owned(),
        cluster_names,
        external_names,
        host_network,
    };
    Located::from_origins(view, [pod.anchor, workload.meta.name_location()].into_iter().collect())
}

/// Parts of the node and of the control plane, which are made to work without the cluster DNS.
fn is_node_component(workload: &Workload, host_network: bool, names_nothing: bool) -> bool {
    let critical = workload.pod.priority_class.as_ref().is_some_and(|class| class.value == "system-node-critical");
    let namespace = workload.meta.namespace.value.as_str();
    let system = namespace == "kube-system"
        || namespace == "calico-system"
        || namespace == "tigera-operator"
        || namespace == "kube-flannel"
        || namespace == "metallb-system";
    critical || (host_network && system && names_nothing)
}

fn refusals(pod: &PodSpec, around: &Surroundings<'_>) -> Vec<Located<RefusalView>> {
    let found = api_limits::refusals(pod, around.newest_kubelet);
    found.into_iter().map(|r| r.map(|reason| RefusalView { reason })).collect()
}

fn sets_single_request(options: &[Located<DnsOption>]) -> bool {
    options.iter().any(|o| o.value.name.starts_with("single-request"))
}

fn name_view(mention: &Located<MentionedName>) -> Located<NameView> {
    let name = mention.value.name.clone();
    let dots = i64::try_from(name.matches('.').count()).unwrap_or(i64::MAX);
    let fully_qualified = name.ends_with('.');
    mention.with(NameView { name, within: mention.value.within.clone(), dots, fully_qualified })
}

fn dns_config_view(config: &Located<crate::model::pod::DnsConfig>) -> Located<DnsConfigView> {
    config.with(DnsConfigView {
        nameservers: config.value.nameservers.clone(),
        searches: config.value.searches.clone(),
        options: config.value.options.iter().map(|o| o.with(dns_config::option_text(&o.value))).collect(),
    })
}

/// The library that decides for the containers, and the image that tells it.
fn library(pod: &PodSpec) -> (Libc, Option<Located<String>>) {
    let images = || pod.containers.iter().filter_map(|c| c.image.as_ref());
    let (libc, index) = libc::of_images(images().map(|image| image.value.as_str()));
    (libc, index.and_then(|index| images().nth(index)).cloned())
}

/// Flags that musl does not know.
fn ignored_options(options: &[Located<DnsOption>], libc: Libc) -> Vec<Located<String>> {
    options
        .iter()
        .filter(|o| libc == Libc::Musl && UNKNOWN_TO_MUSL.contains(&o.value.name.as_str()))
        .map(|o| o.with(o.value.name.clone()))
        .collect()
}

fn edit_view(edit: resolv_conf_edits::ResolvConfEdit, around: &Surroundings<'_>) -> EditView {
    let kind = match edit.kind {
        EditKind::PostStart => "postStart",
        EditKind::Command => "command",
        EditKind::Mount => "mount",
    };
    let facts = around.facts;
    let known = |ip: IpAddr| facts.dns_addresses.iter().chain(&facts.node_cache_addresses).any(|a| a.value == ip);
    let other = |address: Located<String>| {
        let is_cluster_dns = address.value.parse().is_ok_and(known);
        (!is_cluster_dns).then(|| address.map(|address| OtherNameserver { address, cluster_dns: around.cluster_dns() }))
    };
    EditView {
        kind: kind.to_owned(),
        container: edit.container,
        text: edit.text,
        flaw: edit.flaw.map(str::to_owned),
        source: edit.source.to_owned(),
        replaces: edit.replaces,
        other_nameservers: edit.nameservers.into_iter().filter_map(other).collect(),
    }
}

/// Whether A and AAAA questions of this pod pass a translation that can lose one of them.
///
/// Needs: the cluster DNS behind a ClusterIP, no node cache in the path, kube-proxy (not an eBPF replacement), a C
/// library that sends both from one socket, and no Node object that shows kernels with the fix of Linux 5.6 (commit
/// 6a757c07e51f). musl sends both from one socket too, but has no option that would help.
fn race(pod: &PodSpec, effective: &str, libc: Libc, around: &Surroundings<'_>) -> Option<RaceView> {
    let facts = around.facts;
    let clustered = effective.starts_with("ClusterFirst");
    let cached = !facts.node_cache_addresses.is_empty();
    if !clustered || cached || matches!(libc, Libc::Musl | Libc::Go) || pod.resolves_elsewhere() {
        return None;
    }
    let proxy = facts.proxy.as_ref();
    if proxy.is_some_and(|p| p.value == ProxyMode::Replaced) {
        return None;
    }
    let old_kernel = around.old_kernel;
    if old_kernel.is_none() && !facts.kernels.is_empty() {
        return None;
    }
    // neither the library nor the kernel speaks for the race: nothing but absence would
    if old_kernel.is_none() && libc != Libc::Glibc {
        return None;
    }
    let nameserver = facts.dns_addresses.first()?;
    Some(RaceView {
        nameserver: nameserver.with(nameserver.value.to_string()),
        proxy_mode: proxy.map_or("unknown", |p| p.value.as_str()).to_owned(),
        old_kernel: old_kernel.cloned(),
        certain: libc == Libc::Glibc && proxy.is_some() && old_kernel.is_some(),
    })
}

/// Names such as `db.data.svc.other.domain` in a cluster whose domain is another, and which serves no such domain.
fn foreign_names(mentioned: &[Located<MentionedName>], around: &Surroundings<'_>) -> Vec<Located<ForeignName>> {
    let Some(domain) = &around.domain else { return Vec::new() };
    mentioned
        .iter()
        .filter(|mention| mention.value.kind == NameKind::Foreign)
        .filter_map(|mention| {
            let name = mention.value.name.trim_end_matches('.').to_ascii_lowercase();
            let (_, rest) = name.split_once(".svc.")?;
            let own = around.serves(rest);
            let written = &mention.value.name;
            let name_here = written.strip_suffix(rest).map(|start| format!("{start}{}", domain.trim_end_matches('.')));
            let view = ForeignName { name: written.clone(), domain: domain.clone(), name_here };
            (!own).then(|| mention.with(view))
        })
        .collect()
}

/// The place to name when a pod view is the subject: the key of its specification.
#[must_use]
pub fn anchor(workload: &Workload) -> Location {
    workload.pod.anchor
}
