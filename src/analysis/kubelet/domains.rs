//! Cluster domains that disagree: kubelets, CoreDNS, node caches, kubeadm, and names that workloads' files spell out.

use super::addresses::vouched;
use super::listed;
use crate::analysis::facts::{Facts, clean_domain};
use crate::analysis::node_dns::NodeDns;
use crate::analysis::servers::read::{ASSUMED, Upstream, blocks};
use crate::analysis::servers::served::{Served, is_domain, is_reverse};
use crate::analysis::views::cluster::{DomainClaim, DomainMismatch};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::source::{Located, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Longest text of a ConfigMap entry that is searched for names.
const MAX_TEXT: usize = 1 << 20;

/// Every domain that disagrees, located at the odd one.
#[must_use]
pub fn mismatches(cluster: &Cluster, facts: &Facts, nodes: &[NodeDns]) -> Vec<Located<DomainMismatch>> {
    let served = Served::of(cluster);
    if served.unclear || served.own.is_empty() {
        return Vec::new();
    }
    let kubelets = kubelet_domains(nodes);
    let mut found: Vec<_> = kubelets
        .iter()
        .filter(|(domain, _)| !served.knows(domain))
        .filter_map(|(domain, places)| against_kubelet(domain, places, &kubelets, &served, facts))
        .collect();
    if found.is_empty() {
        found.extend(against_kubeadm(&served, facts, &kubelets));
        found.extend(kubelets.keys().flat_map(|domain| against_node_cache(cluster, facts, domain)));
        found.extend(configured_names(cluster, &served));
    }
    found
}

/// Who serves which zone.
fn claims(served: &Served) -> Vec<Located<DomainClaim>> {
    let claim =
        |who: &str, zone: &Located<String>| zone.with(DomainClaim { who: who.to_owned(), domain: zone.value.clone() });
    served.own.iter().map(|(who, zone)| claim(program_name(who), zone)).collect()
}

/// The zones in words.
fn domains(served: &Served) -> String {
    listed(served.own.iter().map(|(_, zone)| zone.value.as_str()))
}

fn program_name(kind: &str) -> &str {
    match kind {
        "coredns" => "CoreDNS",
        other => other,
    }
}

type Places<'a> = Vec<(&'a NodeDns, Located<String>)>;

fn kubelet_domains(nodes: &[NodeDns]) -> BTreeMap<String, Places<'_>> {
    let server = nodes.iter().any(|n| n.k3s.as_ref().is_some_and(|k| k.server == Some(true)));
    let mut found: BTreeMap<String, Places<'_>> = BTreeMap::new();
    for node in nodes.iter().filter(|node| vouched(node, server)) {
        let domain = clean_domain(node.kubelet.cluster_domain.clone());
        if is_domain(&domain.value) {
            found.entry(domain.value.clone()).or_default().push((node, domain));
        }
    }
    found
}

/// A kubelet's domain that no DNS server knows: who is the odd one?
///
/// Nodes that differ from other nodes; else the side that kubeadm contradicts; else CoreDNS where several nodes agree or
/// the kubelets' domain is only a default, or CoreDNS serves a word of an unfilled template; else the kubelet.
fn against_kubelet(
    domain: &str,
    places: &Places<'_>,
    kubelets: &BTreeMap<String, Places<'_>>,
    served: &Served,
    facts: &Facts,
) -> Option<Located<DomainMismatch>> {
    let written: Vec<_> = places.iter().filter(|(_, value)| !value.origins.is_empty()).collect();
    let peers_are_right = kubelets.keys().any(|other| served.knows(other));
    let kubeadm_says = |wanted: &str| facts.domains.iter().any(|d| d.value == wanted);
    let kubeadm_sides_with_servers = facts.domains.iter().any(|d| served.knows(&d.value));
    let servers_odd = !peers_are_right
        && !kubeadm_sides_with_servers
        && (kubeadm_says(domain) || written.is_empty() || places.len() > 1 || served.is_unfilled());
    let claim = |who: &str, value: &Located<String>| {
        value.with(DomainClaim { who: who.to_owned(), domain: value.value.clone() })
    };
    let kubelet_claims: Vec<_> = written.iter().map(|(_, value)| claim("the kubelet", value)).collect();
    let kubeadm: Vec<_> = facts.domains.iter().map(|d| claim("kubeadm", d)).collect();
    let nodes = listed(places.iter().map(|(node, _)| node.name.as_str()));
    let (odd, value, expected, others) = if servers_odd {
        let (kind, zone) = served.own.first()?;
        let others = kubelet_claims.into_iter().chain(kubeadm).collect();
        (*kind, zone.clone(), domain.to_owned(), others)
    } else {
        let (_, value) = written.first()?;
        let rest = kubelet_claims.into_iter().skip(1);
        let others = claims(served).into_iter().chain(kubeadm).chain(rest).collect();
        ("kubelet", value.clone(), domains(served), others)
    };
    let view = DomainMismatch { odd: odd.to_owned(), domain: value.value.clone(), expected, nodes, others };
    Some(value.with(view))
}

/// kubeadm's `dnsDomain` that neither the servers nor the kubelets share.
fn against_kubeadm(
    served: &Served,
    facts: &Facts,
    kubelets: &BTreeMap<String, Places<'_>>,
) -> Option<Located<DomainMismatch>> {
    let stale = facts.domains.iter().find(|d| is_domain(&d.value) && !served.knows(&d.value))?;
    let others = claims(served);
    let first = served.own.first().filter(|_| kubelets.is_empty());
    let claim = stale.with(DomainClaim { who: "kubeadm".to_owned(), domain: stale.value.clone() });
    // without a kubelet to ask, kubeadm's word is what its kubelets got
    let (odd, place, expected, others) = match first {
        Some((kind, zone)) => (*kind, zone.clone(), stale.value.clone(), vec![claim]),
        None => ("configuration", stale.clone(), domains(served), others),
    };
    let view =
        DomainMismatch { odd: odd.to_owned(), domain: place.value.clone(), expected, nodes: String::new(), others };
    Some(place.with(view))
}

/// A node cache whose block for the cluster is for another domain.
fn against_node_cache(cluster: &Cluster, facts: &Facts, domain: &str) -> Vec<Located<DomainMismatch>> {
    let caches = cluster.dns_servers.iter().filter(|s| s.kind == ServerKind::NodeCache);
    caches.filter_map(|server| stray_cache_zone(server, facts, domain)).collect()
}

fn stray_cache_zone(server: &DnsServer, facts: &Facts, domain: &str) -> Option<Located<DomainMismatch>> {
    let config = server.config.as_ref()?;
    let to_cluster = |upstream: &Upstream| match upstream {
        Upstream::Address { ip, .. } => facts.dns_addresses.iter().any(|own| own.value == *ip),
        Upstream::Placeholder(text) => text.contains("CLUSTER__DNS"),
        _ => false,
    };
    let mut stray = None;
    for block in blocks(config, ASSUMED) {
        let leads = block.forwards.iter().any(|f| f.upstreams.iter().any(|u| to_cluster(&u.value)));
        let named = block.forwards.iter().any(|f| f.from.trim_end_matches('.') == domain);
        for zone in block.zones.iter().cloned().map(clean_domain) {
            if zone.value == domain || named || (leads && zone.value.is_empty()) {
                return None;
            }
            let own = leads && !is_reverse(&zone.value);
            if own && !is_domain(&zone.value) {
                return None;
            }
            stray = stray.or_else(|| own.then_some(zone));
        }
    }
    let zone = stray?;
    let (others, nodes) = (Vec::new(), String::new());
    let (odd, expected) = ("node-cache".to_owned(), domain.to_owned());
    Some(zone.with(DomainMismatch { odd, domain: zone.value.clone(), expected, nodes, others }))
}

/// Names of Services of this cluster that the files of workloads complete with a domain that nothing serves.
///
/// Only names whose Service the snapshot has: a foreign cluster's names are nobody's mistake.
fn configured_names(cluster: &Cluster, served: &Served) -> Vec<Located<DomainMismatch>> {
    let services: BTreeSet<(&str, &str)> = cluster
        .objects
        .services
        .iter()
        .map(|s| (s.meta.name.value.as_str(), s.meta.namespace.value.as_str()))
        .collect();
    let mut seen = BTreeSet::new();
    let mut found = Vec::new();
    for entry in cluster.objects.config_maps.iter().flat_map(|map| &map.data) {
        let text = &entry.text.text;
        if text.len() > MAX_TEXT || entry.key.value == "Corefile" {
            continue;
        }
        for (start, word) in words(text) {
            let Some((domain, service)) = service_name(word) else { continue };
            if services.contains(&service) && !served.knows(&domain) && seen.insert(domain.clone()) {
                let place = entry.text.locate(Span::new(start, start + word.len()));
                let (odd, expected) = ("configuration".to_owned(), domains(served));
                let view = DomainMismatch { odd, domain, expected, nodes: String::new(), others: claims(served) };
                found.push(Located::at(view, place));
            }
        }
    }
    found
}

/// Runs of letters that may be in a host name, with where they start.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let part = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.'));
    let base = text.as_ptr() as usize;
    text.split(part).filter(|word| word.contains(".svc.")).map(move |word| (word.as_ptr() as usize - base, word))
}

/// The domain and the Service of `[pod.]service.namespace.svc.domain`.
fn service_name(word: &str) -> Option<(String, (&str, &str))> {
    let (head, domain) = word.split_once(".svc.")?;
    let domain = domain.trim_end_matches('.').to_ascii_lowercase();
    let mut labels = head.rsplit('.');
    let (namespace, service) = (labels.next()?, labels.next()?);
    is_domain(&domain).then_some((domain, (service, namespace)))
}
