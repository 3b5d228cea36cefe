//! Keys, listeners and the overlap of zones (`core/dnsserver/register.go`, `address.go`).

use crate::model::pillar::PILLAR;
use std::collections::BTreeMap;

use super::super::golang::parse_ip;
use super::super::problem::{ProblemKind, Refusal};
use super::context::Check;
use crate::syntax::corefile::{Key, Place, ServerBlock, Transport, Version, ZoneKey, parse_key};

/// Listeners (zones times addresses) that are compared; real Corefiles have a few dozen.
const MAX_LISTENERS: usize = 50_000;

/// Reports keys that CoreDNS refuses, and those that mean something else than they look.
pub(super) fn check_keys(check: &mut Check<'_>) {
    for (index, block) in check.corefile.blocks.iter().enumerate() {
        check.enter_stage(3, 0, index);
        for key in &block.keys {
            match parse_key(&key.expanded, 53, check.version) {
                Ok(zones) => odd_key(check, key, &zones),
                Err(error) => {
                    let text = format!("error inspecting server blocks: {error}");
                    let message = format!("`{}` is no zone: {error}", key.expanded);
                    let refusal = Refusal::plain(Some(place(key)), "").kind(ProblemKind::InvalidKey).message(message);
                    check.push(refusal, true, None, Some(text));
                }
            }
        }
    }
}

const fn place(key: &Key) -> Place {
    Place { file: key.file, span: key.span }
}

fn odd_key(check: &mut Check<'_>, key: &Key, zones: &[ZoneKey]) {
    let [zone] = zones else { return };
    let text = key.expanded.as_str();
    let name = zone.zone.as_str();
    let message = if key.raw == "}" {
        return; // a stray brace, reported by the parser
    } else if name.contains(PILLAR) {
        return; // a placeholder that nobody filled, reported as such
    } else if let Some((scheme, _)) = name.split_once("://") {
        let known = ["dns", "tls", "quic", "grpc", "https", "https3"].contains(&scheme.to_lowercase().as_str());
        let hint = if known { "schemes are lower case and depend on the release" } else { "no such scheme" };
        format!("`{scheme}://` is read as part of the zone name: {hint}")
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
        format!("an IPv6 address loses its last group as port: this serves the zone `{name}` on port {}", zone.port)
    } else if parse_ip(name.trim_end_matches('.').trim_matches(['[', ']'])).is_some() {
        format!("this serves a zone named `{name}`; to listen on an address use `bind`, for reverse names a network")
    } else if name.ends_with("{.") || name.ends_with("}.") {
        format!("the brace is part of the zone name `{name}`")
    } else if name.starts_with("*.") {
        format!("`*` is no wildcard in a zone name: write `{}`", name.trim_start_matches("*."))
    } else if name.chars().any(char::is_uppercase) && check.version < Version::new(1, 14, 7) {
        format!("upper-case letters in a zone never match before CoreDNS 1.14.7: write `{}`", name.to_lowercase())
    } else if name.contains([',', ':', '/']) {
        format!("this serves a zone named `{name}`, which no query can ask for")
    } else {
        return;
    };
    check.warn(ProblemKind::OddKey, Some(place(key)), message);
}

/// A zone of a block on one address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Listener {
    zone: ZoneKey,
    address: String,
}

impl std::fmt::Display for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.zone)?;
        if self.address.is_empty() { Ok(()) } else { write!(f, " on {}", self.address) }
    }
}

/// Addresses that the `bind` lines of a block give, interface names as they are; `None` without `bind`.
///
/// The one entry `""` of an unbound block stands for the wildcard address.
#[must_use]
pub fn block_listeners(block: &ServerBlock) -> Vec<String> {
    if !block.has("bind") {
        return vec![String::new()];
    }
    let mut addresses = Vec::new();
    for directive in block.directives_named("bind") {
        let except: Vec<&str> = directive.property("except").map_or_else(Vec::new, |line| line.arg_texts().collect());
        addresses.extend(directive.arg_texts().filter(|arg| !except.contains(arg)).map(str::to_owned));
    }
    addresses
}

/// Reports listeners that cannot be made and zones that are served twice.
pub(super) fn check_listeners(check: &mut Check<'_>) {
    let mut seen = Overlap::default();
    let mut checked = 0;
    for (index, block) in check.corefile.blocks.iter().enumerate() {
        let views = block.directives_named("view").count();
        let addresses = block_listeners(block);
        for key in &block.keys {
            let Ok(zones) = parse_key(&key.expanded, 53, check.version) else { continue };
            for zone in zones.into_iter().filter(|zone| zone.transport != Transport::Unix) {
                check_listener(check, index, key, &zone, block.has("tls"));
                for address in &addresses {
                    checked += 1;
                    if checked > MAX_LISTENERS {
                        return;
                    }
                    let listener = Listener { zone: zone.clone(), address: address.clone() };
                    check_overlap(check, &mut seen, index, key, listener, views > 0);
                }
            }
        }
    }
}

fn check_listener(check: &mut Check<'_>, index: usize, key: &Key, zone: &ZoneKey, has_tls: bool) {
    let Some(text) = zone.listener_error(has_tls) else { return };
    let port = zone.port.parse::<u16>().is_err();
    check.enter_stage(if port { 5 } else { 8 }, 0, index);
    let message = if port {
        format!("`{}` is no port", zone.port)
    } else {
        format!("{} needs the plugin `tls` in this server block", zone.transport.scheme())
    };
    let refusal = Refusal::plain(Some(place(key)), "").kind(ProblemKind::Listener).message(message);
    check.push(refusal, true, None, Some(text));
}

/// What is registered so far, as CoreDNS keeps it.
#[derive(Default)]
struct Overlap {
    /// All registered listeners with the key that brought them.
    registered: BTreeMap<(ZoneKey, String), Place>,
    /// The last registered listener of each zone and port, whatever its address.
    last: BTreeMap<ZoneKey, Listener>,
}

fn check_overlap(check: &mut Check<'_>, seen: &mut Overlap, index: usize, key: &Key, new: Listener, filtered: bool) {
    let own = (new.zone.clone(), new.address.clone());
    let unbound = (new.zone.clone(), String::new());
    check.enter_stage(7, 0, index);
    if let Some(first) = seen.registered.get(&own).copied() {
        if !(filtered && check.version >= Version::new(1, 14, 3)) {
            duplicate(check, key, &new, first);
        }
        return;
    }
    let other = match seen.last.get(&new.zone) {
        Some(last) if new.address.is_empty() => Some(last.clone()),
        Some(_) if seen.registered.contains_key(&unbound) => {
            Some(Listener { zone: new.zone.clone(), address: String::new() })
        }
        _ => None,
    };
    if let Some(other) = other {
        let first = seen.registered.get(&(other.zone.clone(), other.address.clone())).copied();
        overlap(check, key, &new, &other, first);
        return;
    }
    if !filtered {
        seen.registered.insert(own, place(key));
        seen.last.insert(new.zone.clone(), new);
    }
}

fn duplicate(check: &mut Check<'_>, key: &Key, new: &Listener, first: Place) {
    let message = format!("`{new}` is served twice");
    let refusal = Refusal::plain(Some(place(key)), "")
        .kind(ProblemKind::DuplicateZone)
        .message(message)
        .related(first, "first served here");
    check.push(refusal, true, None, Some(format!("cannot serve {new} - it is already defined")));
}

fn overlap(check: &mut Check<'_>, key: &Key, new: &Listener, other: &Listener, first: Option<Place>) {
    let message = format!("`{}` is served once with and once without `bind`; CoreDNS allows one of them", new.zone);
    let mut refusal = Refusal::plain(Some(place(key)), "").kind(ProblemKind::ZoneOverlap).message(message);
    if let Some(first) = first {
        refusal = refusal.related(first, "already served here");
    }
    let text = format!("cannot serve {new} - zone overlap listener capacity with {other}");
    check.push(refusal, true, None, Some(text));
}
