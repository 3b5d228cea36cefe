//! Builds the `pod` view of every workload.

use super::api_limits;
use super::libc::{self, Libc};
use super::names::{self, KnownNames, MentionedName, NameKind};
use super::resolv_conf_edits::{self, EditKind};
use crate::analysis::facts::{Facts, ProxyMode};
use crate::analysis::views::pod::{
    DnsConfigView, EditView, ForeignName, NameView, PodView, RaceView, RefusalView, StaleNameserver,
};
use crate::model::Cluster;
use crate::model::pod::{DnsOption, PodSpec};
use crate::model::workload::Workload;
use crate::source::{Located, Location};
use std::net::IpAddr;

/// What every pod of the cluster is judged against.
pub struct Surroundings<'a> {
    /// Facts about the cluster.
    pub facts: &'a Facts,
    /// The names that exist in it.
    pub known: KnownNames,
    /// The cluster domain, where the snapshot states one.
    pub domain: Option<String>,
    /// Indexes of workloads that run a DNS server.
    pub dns_workloads: Vec<usize>,
}

impl<'a> Surroundings<'a> {
    /// Collects them once for all pods.
    #[must_use]
    pub fn of(cluster: &Cluster, facts: &'a Facts) -> Self {
        let objects = &cluster.objects;
        let services = objects.services.iter().map(|s| format!("{}.{}", s.meta.name.value, s.meta.namespace.value));
        let of_services = objects.services.iter().map(|s| s.meta.namespace.value.clone());
        let of_workloads = objects.workloads.iter().map(|w| w.meta.namespace.value.clone());
        let declared = objects.of_kind("Namespace").iter().map(|n| n.meta.name.value.clone());
        let known = KnownNames {
            domains: facts.domains.iter().map(|d| d.value.clone()).collect(),
            services: services.collect(),
            namespaces: of_services.chain(of_workloads).chain(declared).collect(),
        };
        Self {
            facts,
            known,
            domain: facts.domains.first().map(|d| d.value.clone()),
            dns_workloads: cluster.dns_servers.iter().filter_map(|s| s.workload).collect(),
        }
    }
}

/// The view of one workload's pods.
#[must_use]
pub fn view(index: usize, workload: &Workload, around: &Surroundings<'_>) -> Located<PodView> {
    let pod = &workload.pod;
    let host_network = pod.host_network.clone().unwrap_or_else(|| Located::default_value(false));
    let without_effect = host_network.value && pod.policy() == "ClusterFirst";
    let effective = if without_effect { "Default" } else { pod.policy() }.to_owned();
    let mentioned = names::mentioned(pod, &workload.meta.namespace.value, &around.known);
    let (libc, libc_image) = library(pod);
    let options = options(pod);
    let ndots = ndots(&options, &effective);
    let cluster_names: Vec<_> =
        mentioned.iter().filter(|n| n.value.kind != NameKind::External).map(name_view).collect();
    let external_names: Vec<_> =
        mentioned.iter().filter(|n| n.value.kind == NameKind::External).map(name_view).collect();
    let search_domains = search_domains(pod, &effective, around);
    let walks = |n: &Located<NameView>| !n.value.fully_qualified && ndots.is_some_and(|limit| n.value.dots < limit);
    let single_request = options.iter().any(|o| o.value.name.starts_with("single-request"));
    let view = PodView {
        is_dns_server: around.dns_workloads.contains(&index),
        needless_ndots: cluster_names.is_empty()
            && !external_names.is_empty()
            && effective.starts_with("ClusterFirst")
            && !options.iter().any(|o| o.value.name == "ndots")
            && external_names.iter().any(walks),
        queries_per_external_lookup: 2 * (search_domains + 1),
        search_domains,
        ndots,
        dns_policy: pod.dns_policy.clone(),
        cluster_first_without_effect: without_effect,
        dns_config: pod.dns_config.as_ref().map(dns_config_view),
        refusals: api_limits::refusals(pod).into_iter().map(|r| r.map(|reason| RefusalView { reason })).collect(),
        none_without_nameserver: pod.policy() == "None"
            && pod.dns_config.as_ref().is_none_or(|c| c.value.nameservers.is_empty()),
        libc,
        libc_image,
        ignored_options: ignored_options(&options, libc),
        use_vc: options.iter().find(|o| o.value.name == "use-vc").map(|o| o.with("use-vc".to_owned())),
        conntrack_race: (!single_request).then(|| race(pod, &effective, libc, around)).flatten(),
        single_request,
        resolv_conf_edits: resolv_conf_edits::edits(pod).into_iter().map(|e| e.map(edit_view)).collect(),
        stale_nameservers: stale_nameservers(pod, around),
        dropped_nameservers: dropped_nameservers(pod, &effective, around),
        dropped_searches: Vec::new(),
        foreign_domain_names: foreign_names(&mentioned, around),
        effective_policy: effective,
        cluster_names,
        external_names,
        host_network,
    };
    let mut origins = vec![pod.anchor];
    origins.push(workload.meta.name_location());
    Located::from_origins(view, origins)
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
        options: config.value.options.iter().map(|o| o.with(option_text(&o.value))).collect(),
    })
}

fn option_text(option: &DnsOption) -> String {
    match &option.value {
        Some(value) if !value.value.is_empty() => format!("{}:{}", option.name, value.value),
        _ => option.name.clone(),
    }
}

fn options(pod: &PodSpec) -> Vec<Located<DnsOption>> {
    pod.dns_config.as_ref().map(|c| c.value.options.clone()).unwrap_or_default()
}

/// The library of the containers; where they differ, what the first known one tells.
fn library(pod: &PodSpec) -> (Libc, Option<Located<String>>) {
    pod.containers
        .iter()
        .filter_map(|c| c.image.as_ref())
        .map(|image| (libc::of_image(&image.value), image))
        .find(|(libc, _)| *libc != Libc::Unknown)
        .map_or((Libc::Unknown, None), |(libc, image)| (libc, Some(image.clone())))
}

/// `ndots` in force: dnsConfig's, else 5 under cluster policies; a node's own file decides under Default.
fn ndots(options: &[Located<DnsOption>], effective: &str) -> Option<i64> {
    let written = options.iter().rev().find(|o| o.value.name == "ndots");
    let parsed = written.and_then(|o| o.value.value.as_ref()?.value.parse().ok());
    parsed.or_else(|| effective.starts_with("ClusterFirst").then_some(5))
}

/// The three cluster domains and what dnsConfig adds; the node's own are not counted here.
fn search_domains(pod: &PodSpec, effective: &str, _around: &Surroundings<'_>) -> i64 {
    let own = pod.dns_config.as_ref().map_or(0, |c| c.value.searches.len());
    let cluster = if effective.starts_with("ClusterFirst") { 3 } else { 0 };
    i64::try_from(own + cluster).unwrap_or(i64::MAX)
}

/// Flags that musl and Go do not know.
fn ignored_options(options: &[Located<DnsOption>], libc: Libc) -> Vec<Located<String>> {
    let unknown_to_musl = ["single-request", "single-request-reopen", "use-vc", "rotate", "no-aaaa", "edns0"];
    options
        .iter()
        .filter(|o| libc == Libc::Musl && unknown_to_musl.contains(&o.value.name.as_str()))
        .map(|o| o.with(o.value.name.clone()))
        .collect()
}

fn edit_view(edit: resolv_conf_edits::ResolvConfEdit) -> EditView {
    let kind = match edit.kind {
        EditKind::PostStart => "postStart",
        EditKind::Command => "command",
        EditKind::Mount => "mount",
    };
    EditView {
        kind: kind.to_owned(),
        container: edit.container,
        text: edit.text,
        effective: edit.effective,
        replaces: edit.replaces,
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
    let old_kernel = facts.kernels.iter().find(|k| kernel_is_older(&k.value, (5, 6)));
    if old_kernel.is_none() && !facts.kernels.is_empty() {
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

/// Whether a kernel release such as `5.4.0-150-generic` is older than (major, minor).
#[must_use]
pub fn kernel_is_older(release: &str, than: (u32, u32)) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < than,
        _ => false,
    }
}

/// Nameservers of dnsConfig inside the cluster's own ranges that no Service and no node cache answers.
fn stale_nameservers(pod: &PodSpec, around: &Surroundings<'_>) -> Vec<Located<StaleNameserver>> {
    let facts = around.facts;
    let Some(config) = &pod.dns_config else { return Vec::new() };
    config
        .value
        .nameservers
        .iter()
        .filter_map(|nameserver| {
            let ip: IpAddr = nameserver.value.parse().ok()?;
            let answered = facts.dns_addresses.iter().chain(&facts.node_cache_addresses).any(|a| a.value == ip);
            let reason = stale_reason(ip, facts).filter(|_| !answered)?;
            Some(nameserver.with(StaleNameserver { address: nameserver.value.clone(), reason }))
        })
        .collect()
}

/// Why an address that nothing answers must be stale; `None` where it may live outside the cluster.
fn stale_reason(ip: IpAddr, facts: &Facts) -> Option<String> {
    let in_services = facts.service_cidrs.iter().find(|net| net.value.contains(&ip));
    if let (Some(net), Some(dns)) = (in_services, facts.dns_addresses.first()) {
        return Some(format!("it lies in the Service range {} and the DNS Service has {}", net.value, dns.value));
    }
    let link_local = match ip {
        IpAddr::V4(v4) => {
            v4.is_link_local() && v4.octets() != [169, 254, 169, 254] && v4.octets() != [169, 254, 169, 253]
        }
        IpAddr::V6(_) => false,
    };
    if link_local && !facts.dns_services.is_empty() {
        return Some(match facts.node_cache_addresses.first() {
            Some(cache) => format!("the node cache of this cluster listens on {}", cache.value),
            None => "no node cache of this cluster listens on it".to_owned(),
        });
    }
    None
}

/// Nameservers behind the third after merging cluster DNS and dnsConfig.
fn dropped_nameservers(pod: &PodSpec, effective: &str, around: &Surroundings<'_>) -> Vec<Located<String>> {
    let Some(config) = &pod.dns_config else { return Vec::new() };
    let from_cluster =
        if effective.starts_with("ClusterFirst") && !around.facts.dns_addresses.is_empty() { 1 } else { 0 };
    config.value.nameservers.iter().skip(3 - from_cluster).take(from_cluster).cloned().collect()
}

/// Names such as `db.data.svc.other.domain` in a cluster whose domain is another.
fn foreign_names(mentioned: &[Located<MentionedName>], around: &Surroundings<'_>) -> Vec<Located<ForeignName>> {
    let Some(domain) = &around.domain else { return Vec::new() };
    mentioned
        .iter()
        .filter_map(|mention| {
            let name = mention.value.name.trim_end_matches('.').to_ascii_lowercase();
            let (_, rest) = name.split_once(".svc.")?;
            let own = around.known.domains.iter().any(|d| d == rest);
            (!own).then(|| mention.with(ForeignName { name: mention.value.name.clone(), domain: domain.clone() }))
        })
        .collect()
}

/// The place to name when a pod view is the subject: the key of its specification.
#[must_use]
pub fn anchor(workload: &Workload) -> Location {
    workload.pod.anchor
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_compare_by_number() {
        assert!(kernel_is_older("3.10.0-1062.el7.x86_64", (5, 6)));
        assert!(kernel_is_older("5.4.0-150-generic", (5, 6)));
        assert!(!kernel_is_older("5.10.0-23-amd64", (5, 6)));
        assert!(!kernel_is_older("6.1", (5, 6)));
        assert!(!kernel_is_older("unknown", (5, 6)));
    }
}
