//! The entries of `-localip`: which the process refuses, and which belong to something else.

use super::Surroundings;
use super::cache::{Cache, is_variable};
use crate::analysis::effective::address::OF_CLOUDS;
use crate::analysis::servers::public::is_private;
use crate::analysis::views::node_cache::{AddressProblemView, LocalIpProblemView};
use crate::model::pillar::PILLAR;
use crate::source::Located;
use std::net::IpAddr;

/// What node-cache logs about an entry that is no address.
fn invalid(entry: &str) -> String {
    format!("Error parsing flags - invalid localip specified - \"{entry}\", Exiting")
}

/// Entries with which the process exits (`parseAndValidateFlags`): each must be an address, all of one family.
pub fn problems(cache: &Cache<'_>) -> Vec<Located<LocalIpProblemView>> {
    let Some(value) = &cache.local_ip else { return absent(cache).into_iter().collect() };
    if cache.has_open_local_ip() {
        return Vec::new();
    }
    let entries: Vec<&str> = value.value.split(',').collect();
    let clean: Vec<&str> = entries.iter().map(|e| e.trim()).filter(|e| e.parse::<IpAddr>().is_ok()).collect();
    let all_sound = entries.iter().all(|e| e.trim().is_empty() || e.trim().parse::<IpAddr>().is_ok());
    let repaired = (all_sound && !clean.is_empty()).then(|| clean.join(","));
    // the process stops at the first one, and one edit mends them all
    let bad = entries.iter().enumerate().find(|(_, entry)| entry.parse::<IpAddr>().is_err());
    if let Some((at, entry)) = bad {
        let (kind, reason) = judge(entry, at + 1 == entries.len(), entries.len() == 1);
        let view = LocalIpProblemView {
            entry: (*entry).to_owned(),
            kind: kind.to_owned(),
            reason,
            logged: invalid(entry),
            repaired,
            lead: cache.local_ip_lead.clone(),
        };
        return vec![value.with(view)];
    }
    mixed(&clean).map(|view| value.with(view)).into_iter().collect()
}

/// No `-localip` at all: its default is the empty string, which is no address either.
fn absent(cache: &Cache<'_>) -> Option<Located<LocalIpProblemView>> {
    let container = cache.container?;
    let words: Vec<&str> = container.command.iter().chain(&container.args).map(|w| w.value.as_str()).collect();
    // a wrapper script or the image's own command may add it
    let plain = !container.args.is_empty() && words.iter().all(|w| !w.contains("localip") && !w.contains(' '));
    let shell = words.first().is_some_and(|w| w.ends_with("sh"));
    let place = container.args_location.filter(|_| plain && !shell)?;
    let view = LocalIpProblemView {
        entry: String::new(),
        kind: "absent".to_owned(),
        reason: "the arguments have no -localip".to_owned(),
        logged: invalid(""),
        repaired: None,
        lead: String::new(),
    };
    Some(Located::at(view, place))
}

fn judge(entry: &str, last: bool, only: bool) -> (&'static str, String) {
    let trimmed = entry.trim();
    if entry.is_empty() && only {
        ("empty", "the value is empty".to_owned())
    } else if entry.is_empty() && last {
        ("empty", "the comma at its end makes an empty entry".to_owned())
    } else if entry.is_empty() {
        ("empty", "it has an empty entry".to_owned())
    } else if trimmed.is_empty() {
        ("blank", "it has an entry of blanks".to_owned())
    } else if trimmed != entry && trimmed.parse::<IpAddr>().is_ok() {
        let side = if entry.starts_with(trimmed) { "behind" } else { "before" };
        ("blank", format!("there is a blank {side} {trimmed}, and entries are not trimmed"))
    } else {
        ("not-an-address", format!("`{trimmed}` is not an IP address"))
    }
}

fn mixed(entries: &[&str]) -> Option<LocalIpProblemView> {
    let mut addresses = entries.iter().filter_map(|e| e.parse::<IpAddr>().ok());
    let first = addresses.next()?;
    // for Go an IPv4 address inside IPv6 is IPv4
    let is_ipv6 = |ip: &IpAddr| ip.to_canonical().is_ipv6();
    let odd = addresses.find(|ip| is_ipv6(ip) != is_ipv6(&first))?;
    Some(LocalIpProblemView {
        entry: odd.to_string(),
        kind: "mixed-families".to_owned(),
        reason: format!("{first} and {odd} are of different families: one process serves IPv4 or IPv6"),
        logged: format!(
            "Error parsing flags - unexpected IP Family for localIP - \"{odd}\", want IPv6={}",
            is_ipv6(&first)
        ),
        repaired: None,
        lead: String::new(),
    })
}

/// Addresses of the cache that are something else's, or that pods cannot reach.
pub fn collisions(cache: &Cache<'_>, around: Surroundings<'_>) -> Vec<Located<AddressProblemView>> {
    if !cache.makes_interface()
        || cache.local_ip.as_ref().is_some_and(|l| l.value.contains(PILLAR) || is_variable(&l.value))
    {
        return Vec::new();
    }
    cache
        .own
        .iter()
        .filter_map(|own| {
            let (reason, other) = collision(cache, around, own.value)?;
            Some(own.with(AddressProblemView { address: own.value.to_string(), reason, other }))
        })
        .collect()
}

fn collision(cache: &Cache<'_>, around: Surroundings<'_>, ip: IpAddr) -> Option<(String, Option<Located<String>>)> {
    if let Some(what) = OF_CLOUDS.iter().find(|own| own.ip == ip).map(|own| own.what) {
        return Some((
            format!("it is the address of {what}, which the cache would hide from every pod of the node"),
            None,
        ));
    }
    if ip.is_loopback() {
        return Some(("in a pod a loopback address is the pod itself, not the node".to_owned(), None));
    }
    let is_dns = cache.facts.dns_addresses.iter().any(|dns| dns.value == ip)
        || around.kubelet_cluster_dns.iter().any(|(_, dns)| dns.value == ip);
    if let Some(service) =
        cache.service_with(ip).filter(|s| !is_dns && !s.has_port(53, "UDP") && !s.has_port(53, "TCP"))
    {
        let reason = format!("it is the address of Service {}, which is no DNS", service.meta.name.value);
        return Some((reason, cache.service_label(ip)));
    }
    if let Some(cidr) = cache.facts.pod_cidrs.iter().find(|cidr| cidr.value.contains(&ip)) {
        let reason = format!("it lies in the pod range {}, so that a pod can get it too", cidr.value);
        return Some((reason, Some(cidr.with(cidr.value.to_string()))));
    }
    let service_cidr = cache.facts.service_cidrs.iter().find(|cidr| cidr.value.contains(&ip));
    if let Some(cidr) = service_cidr.filter(|_| !is_dns && !cache.facts.dns_addresses.is_empty()) {
        let reason = format!("it lies in the Service range {} and is not the address of the DNS Service", cidr.value);
        return Some((reason, Some(cidr.with(cidr.value.to_string()))));
    }
    let known = is_dns || service_cidr.is_some() || cache.service_with(ip).is_some();
    (!known && !is_private(ip) && !ip.is_unspecified())
        .then(|| ("it is a public address, which belongs to someone on the internet".to_owned(), None))
}
