//! Placeholders that nobody fills in.
//!
//! The installer fills `DNS__DOMAIN`, and everything outside the Corefile; the process fills the others in its template.

use super::cache::Cache;
use super::mismatch::split_health;
use crate::analysis::facts::ProxyMode;
use crate::analysis::views::node_cache::PlaceholderView;
use crate::model::pillar::{CLUSTER_DNS, DNS_DOMAIN, DNS_SERVER, FILLED, LOCAL_DNS, PILLAR, UPSTREAM_SERVERS};
use crate::source::Located;
use crate::syntax::corefile::Place;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Every placeholder that stays, once each: one replacement over the manifest mends all its places.
pub fn open(cache: &Cache<'_>) -> Vec<Located<PlaceholderView>> {
    let mut found: BTreeMap<String, Vec<Located<String>>> = BTreeMap::new();
    let mut add = |within: &str, text: &Located<String>| {
        for name in names(&text.value) {
            found.entry(name.to_owned()).or_default().push(text.with(within.to_owned()));
        }
    };
    let template = cache.is_template();
    for word in corefile_words(cache) {
        if word.value.contains(PILLAR) && !(template && names(&word.value).iter().all(|name| FILLED.contains(name))) {
            add("Corefile", &word);
        }
    }
    if let Some(container) = cache.container {
        container.command.iter().chain(&container.args).for_each(|word| add("args", word));
        for probe in &container.probes {
            probe.host.iter().chain(&probe.port).for_each(|text| add(probe.kind, text));
        }
        container.env.iter().for_each(|env| add("env", &env.value));
    }
    for service in &cache.cluster.objects.services {
        let within = format!("Service {}", service.meta.name.value);
        service.cluster_ips.iter().chain(std::iter::once(&service.meta.name)).for_each(|text| add(&within, text));
    }
    let mut views: Vec<_> = found.into_iter().filter_map(|(name, places)| view(&name, places, template)).collect();
    for found in &mut views {
        found.value.nothing = found.value.name == DNS_SERVER && is_ipvs(cache);
        found.value.value = value_of(cache, &found.value.name).filter(|_| !found.value.nothing);
    }
    if let Some(arg) = split_health(cache).filter(|_| template) {
        let view = PlaceholderView {
            name: LOCAL_DNS.to_owned(),
            within: "Corefile".to_owned(),
            meaning: "one address of -localip".to_owned(),
            consequence: "-localip has several entries, all of which are put here: the health plugin refuses the line"
                .to_owned(),
            places: Vec::new(),
            value: None,
            nothing: false,
            all_places: Vec::new(),
        };
        views.push(arg.with(view));
    }
    views
}

fn is_ipvs(cache: &Cache<'_>) -> bool {
    cache.facts.proxy.as_ref().is_some_and(|mode| mode.value == ProxyMode::Ipvs)
}

/// What the installer would have put for a placeholder, as far as the snapshot tells.
fn value_of(cache: &Cache<'_>, name: &str) -> Option<String> {
    let dns = || {
        let mut addresses = cache.facts.dns_addresses.iter().map(|ip| ip.value);
        let first = addresses.next()?;
        addresses.all(|ip| ip == first).then(|| first.to_string())
    };
    match name {
        DNS_DOMAIN => match cache.domains.as_slice() {
            [domain] => Some(domain.trim_end_matches('.').to_owned()),
            _ => None,
        },
        LOCAL_DNS => {
            let is_service = |ip: &IpAddr| cache.facts.dns_addresses.iter().any(|dns| dns.value == *ip);
            let mut own = cache.own.iter().map(|own| own.value).filter(|ip| !is_service(ip));
            own.next().filter(|_| own.next().is_none()).map(|ip| ip.to_string())
        }
        DNS_SERVER => dns(),
        CLUSTER_DNS => cache.vertex.cluster_dns_pillar.as_ref().map(|ip| ip.value.to_string()),
        UPSTREAM_SERVERS => Some("/etc/resolv.conf".to_owned()),
        _ => None,
    }
}

/// Keys and words of the Corefile.
fn corefile_words(cache: &Cache<'_>) -> Vec<Located<String>> {
    let Some(config) = &cache.server.config else { return Vec::new() };
    let mut words = Vec::new();
    for block in &config.corefile.blocks {
        for key in &block.keys {
            let place = Place { file: key.file, span: key.span };
            words.push(Located::from_origins(key.raw.clone(), cache.locate(place)));
        }
        for token in block.directives.iter().flat_map(|directive| &directive.tokens) {
            words.push(Located::from_origins(token.text.clone(), cache.locate(Place::of(token))));
        }
    }
    words
}

/// The placeholders in a text: `__PILLAR__` and words of capitals joined by two underscores, up to the closing pair.
fn names(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices(PILLAR) {
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_').unwrap_or(rest.len());
        found.extend(rest.get(..end));
    }
    found
}

fn view(name: &str, mut places: Vec<Located<String>>, template: bool) -> Option<Located<PlaceholderView>> {
    let first = places.first()?.clone();
    let mut within: Vec<&str> = places.iter().map(|place| place.value.as_str()).collect();
    within.dedup();
    let within = within.join(", ");
    let meaning = match name {
        DNS_DOMAIN => "the cluster domain, such as cluster.local",
        LOCAL_DNS => "the link-local address of the cache, such as 169.254.20.10",
        DNS_SERVER => "the address of the DNS Service, or nothing at all under IPVS",
        CLUSTER_DNS => "the address of the upstream Service",
        UPSTREAM_SERVERS => "the resolvers for external names",
        _ => "a value that the installer knows",
    };
    let consequence = match (first.value.as_str(), name) {
        ("Corefile", DNS_DOMAIN) => {
            "node-cache leaves it alone and serves a zone of this literal name, so that cluster names take the way of external ones"
        }
        ("Corefile", _) if template => "node-cache does not know it and leaves it in the Corefile",
        ("Corefile", _) => {
            "node-cache fills placeholders only in its template (-basecorefile), and this Corefile is not mounted there"
        }
        ("args", _) => "arguments are taken as they are, and this is no address: the process exits",
        ("env", _) => "the variable keeps the literal text",
        (probe, _) if probe.ends_with("Probe") => "the kubelet takes it for a host name, and the probe fails",
        _ => "the API server refuses the Service",
    };
    let all_places = places.clone();
    places.remove(0);
    Some(first.with(PlaceholderView {
        name: name.to_owned(),
        within,
        meaning: meaning.to_owned(),
        consequence: consequence.to_owned(),
        places,
        value: None,
        nothing: false,
        all_places,
    }))
}
