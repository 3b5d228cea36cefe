//! Search domains that a node's file gives to pods.

use super::{Around, quoted};
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::effective::pod_dns::HostDns;
use crate::analysis::effective::versions::{RootSearch, root_search, search_limits_with_gate};
use crate::analysis::node_dns::pod_file::ReadFile;
use crate::analysis::pod::libc::{Libc, of_image};
use crate::analysis::views::resolv_conf::{DroppedSearch, ResolvConfView, RootSearchView, SearchDomainView};
use crate::model::Cluster;
use crate::source::Located;
use crate::syntax::resolv_conf::LineKind;
use std::collections::BTreeSet;

/// Services that answer every name below them, so that each look-up of an external name ends there.
const WILDCARDS: [&str; 8] =
    ["nip.io", "sslip.io", "xip.io", "traefik.me", "localtest.me", "lvh.me", "vcap.me", "localho.st"];

/// Top-level domains below which anybody can register.
const PUBLIC_TLDS: [&str; 62] = [
    "ai", "app", "asia", "at", "au", "be", "biz", "br", "ca", "cc", "ch", "club", "cn", "co", "com", "cz", "de", "dev",
    "dk", "edu", "es", "eu", "fi", "fr", "gov", "hk", "hu", "ie", "il", "in", "info", "io", "it", "jp", "kr", "me",
    "mobi", "net", "nl", "no", "nz", "online", "org", "pl", "pro", "pt", "ro", "ru", "se", "sg", "shop", "site", "sk",
    "store", "tech", "tr", "tv", "tw", "ua", "uk", "us", "xyz",
];

/// Second labels that registries use below country domains (`co.uk`, `com.au`).
const SECOND_LEVEL: [&str; 7] = ["ac", "co", "com", "edu", "gov", "net", "org"];

/// Length of the namespace that is assumed where the length of a pod's search list matters.
const NAMESPACE: &str = "default";

/// Classifies the domains, applies the limits, and looks for the root.
pub fn fill(around: &Around<'_>, read: &ReadFile, host: &HostDns, view: &mut ResolvConfView) {
    let domain = cluster_domain(around);
    let own = |name: &str| name == domain || name.ends_with(&format!(".{domain}"));
    let names: Vec<_> = host.searches.iter().filter(|word| !word.value.is_empty() && word.value != ".").collect();
    let leaking = names.iter().filter(|word| !own(&word.value.to_ascii_lowercase()));
    view.searches = leaking
        .map(|word| word.with(SearchDomainView { domain: word.value.clone(), class: class(&word.value).to_owned() }))
        .collect();
    view.dropped_searches = dropped(around, &domain, &host.searches);
    view.root_search = root(around, read);
}

/// The kind of a domain; see [`SearchDomainView::class`].
pub fn class(domain: &str) -> &'static str {
    let name = domain.trim_end_matches('.').to_ascii_lowercase();
    let below = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|head| head.ends_with('.'));
    if WILDCARDS.iter().any(|zone| below(zone)) {
        return "wildcard";
    }
    if below("ts.net") || below("beta.tailscale.net") {
        return "tailnet";
    }
    let labels: Vec<&str> = name.rsplit('.').collect();
    match labels.as_slice() {
        [tld] if PUBLIC_TLDS.contains(tld) => "public-suffix",
        [tld, second] if tld.len() == 2 && PUBLIC_TLDS.contains(tld) && SECOND_LEVEL.contains(second) => {
            "public-suffix"
        }
        [tld, ..] if PUBLIC_TLDS.contains(tld) => "public",
        _ => "internal",
    }
}

fn cluster_domain(around: &Around<'_>) -> String {
    let kubelet = around.dns.kubelet.cluster_domain.value.trim_matches('.').to_ascii_lowercase();
    let fact = || around.facts.domains.first().map(|d| d.value.clone());
    if kubelet.is_empty() { fact().unwrap_or_else(|| CLUSTER_DOMAIN.to_owned()) } else { kubelet }
}

/// What the kubelet cuts of `NAMESPACE.svc.DOMAIN svc.DOMAIN DOMAIN` and the node's own domains
/// (`formDNSSearchFitsLimits`; duplicates are removed first).
fn dropped(around: &Around<'_>, domain: &str, searches: &[Located<String>]) -> Vec<Located<DroppedSearch>> {
    let gate = around.dns.kubelet.expanded_dns_config.as_ref().map(|gate| gate.value);
    let limits = search_limits_with_gate(around.dns.version, gate);
    let cluster = [format!("{NAMESPACE}.svc.{domain}"), format!("svc.{domain}"), domain.to_owned()];
    let mut seen: BTreeSet<&str> = cluster.iter().map(String::as_str).collect();
    let mut count = cluster.len();
    let mut length = cluster.iter().map(|name| name.len() + 1).sum::<usize>() - 1;
    let mut found = Vec::new();
    for word in searches {
        let drop = |limit: String| word.with(DroppedSearch { domain: word.value.clone(), limit });
        if limits.entry.is_some_and(|limit| word.value.len() > limit) {
            found.push(drop(format!("a search domain may have {} characters", limits.entry.unwrap_or_default())));
            continue;
        }
        if !seen.insert(&word.value) {
            continue;
        }
        count += 1;
        length += word.value.len() + 1;
        if count > limits.paths {
            found.push(drop(format!("the list may have {} domains, the cluster's three included", limits.paths)));
        } else if length > limits.chars {
            found.push(drop(format!(
                "the list may have {} characters, the cluster's three domains included",
                limits.chars
            )));
        }
    }
    found
}

/// `search .` where the kubelet passes it on, or where its release is unknown and a pod has a library that breaks on it.
fn root(around: &Around<'_>, read: &ReadFile) -> Option<Located<RootSearchView>> {
    let line = read.conf.lines_of(LineKind::Search).filter(|line| !line.arguments().is_empty()).last()?;
    let word = line.arguments().iter().find(|word| word.value == ".")?;
    let musl_image = around.whole.old_musl.clone();
    let reading = root_search(around.dns.version);
    let known = around.dns.version_known();
    let passed_on = known && matches!(reading, RootSearch::Verbatim | RootSearch::Kept);
    if !passed_on && (known || musl_image.is_none()) {
        return None;
    }
    let name = match reading {
        RootSearch::Verbatim => "verbatim",
        RootSearch::EmptyEntry => "empty-entry",
        RootSearch::Kept => "kept",
        RootSearch::Dropped => "dropped",
    };
    let place = quoted(around.snapshot, read.file, word.span);
    Some(place.with(RootSearchView { reading: if known { name } else { "unknown" }.to_owned(), musl_image }))
}

/// An image with musl 1.2.3 or older: Alpine up to 3.17.
pub fn old_musl(cluster: &Cluster) -> Option<Located<String>> {
    let containers = cluster.objects.workloads.iter().flat_map(|workload| &workload.pod.containers);
    let mut images = containers.filter_map(|container| container.image.as_ref());
    images.find(|image| is_old_alpine(&image.value) && of_image(&image.value) == Libc::Musl).cloned()
}

fn is_old_alpine(image: &str) -> bool {
    let tag = image.split('@').next().and_then(|i| i.rsplit_once(':')).map_or("", |(_, tag)| tag);
    let version = tag.rsplit("alpine").next().unwrap_or(tag);
    let mut parts = version.trim_start_matches(['v', '-']).split(['.', '-']);
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<u32>().ok());
    let (major, minor) = (number(parts.next()), number(parts.next()));
    let is_alpine = image.contains("alpine");
    is_alpine && major == Some(3) && minor.is_some_and(|minor| minor < 18)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes() {
        for (domain, want) in [
            ("192.0.2.69.nip.io", "wildcard"),
            ("nip.io", "wildcard"),
            ("snip.io", "public"),
            ("tail0000.ts.net", "tailnet"),
            ("com", "public-suffix"),
            ("co.uk", "public-suffix"),
            ("co.example", "internal"),
            ("hsd1.ca.comcast.net", "public"),
            ("home.net", "public"),
            ("lan", "internal"),
            ("corp.internal.", "internal"),
        ] {
            assert_eq!(class(domain), want, "{domain}");
        }
    }

    #[test]
    fn alpine_releases() {
        assert!(is_old_alpine("alpine:3.16") && is_old_alpine("python:3.11-alpine3.17"));
        assert!(!is_old_alpine("alpine:3.18") && !is_old_alpine("alpine") && !is_old_alpine("debian:3.1"));
    }
}
