//! Addresses and ports of the Corefile, the arguments and the probe that do not fit each other.

use super::cache::{Cache, is_variable};
use crate::analysis::servers::read::split_address;
use crate::analysis::views::node_cache::MismatchView;
use crate::model::pillar::{LOCAL_DNS, PILLAR};
use crate::model::pod::Probe;
use crate::source::{Located, Origins, Span};
use crate::syntax::corefile::Place;
use std::net::IpAddr;

/// Port of the `health` plugin without an argument.
const HEALTH_PORT: u16 = 8080;

/// Where a `health` directive listens.
pub struct Health {
    /// The address; `None` for all.
    pub ip: Option<IpAddr>,
    /// The port.
    pub port: u16,
    /// The argument, else the directive.
    pub place: Located<String>,
    /// The port alone, where the argument has it.
    pub port_place: Option<Located<String>>,
}

/// Every mismatch of a cache whose `-localip` is sound.
pub fn all(cache: &Cache<'_>) -> Vec<Located<MismatchView>> {
    let mut found = Vec::new();
    if cache.workload.is_some() && cache.local_ip.is_some() && cache.makes_interface() && cache.on_host() {
        found.extend(binds(cache));
        // a mistyped `bind` leaves the right address unbound: one mistake
        if found.is_empty() {
            found.extend(unbound(cache));
        }
        found.extend(foreign_health(cache));
    }
    // a health address that nobody has is the cause; the probe then fails for that reason
    if found.iter().all(|mismatch| mismatch.kind != "health") {
        found.extend(probes(cache));
    }
    found
}

/// `bind` addresses that the process does not create.
fn binds(cache: &Cache<'_>) -> Vec<Located<MismatchView>> {
    let mut found: Vec<Located<MismatchView>> = Vec::new();
    for bind in cache.vertex.blocks.iter().flat_map(|block| &block.bind) {
        let Ok(ip) = bind.value.parse::<IpAddr>() else { continue };
        let known = cache.owns(ip).is_some() || ip.is_unspecified() || ip.is_loopback() || on_ipvs(cache, ip);
        if known {
            continue;
        }
        if let Some(same) = found.iter_mut().find(|m| m.value.value == bind.value) {
            same.origins.extend(bind.location());
            continue;
        }
        let view = MismatchView {
            kind: "bind".to_owned(),
            value: bind.value.clone(),
            reason: "-localip does not have it".to_owned(),
            consequence: format!(
                "nothing gives the node that address: listen tcp {ip}:53: bind: cannot assign requested address"
            ),
            expected: expected(cache),
            other: cache.local_ip.clone(),
        };
        found.push(bind.with(view));
    }
    found
}

/// Under IPVS kube-proxy itself puts Service addresses on the node.
fn on_ipvs(cache: &Cache<'_>, ip: IpAddr) -> bool {
    let ipvs = cache.facts.proxy.as_ref().is_some_and(|mode| mode.value == crate::analysis::facts::ProxyMode::Ipvs);
    ipvs && cache.facts.dns_addresses.iter().any(|dns| dns.value == ip)
}

fn expected(cache: &Cache<'_>) -> Option<String> {
    let all: Vec<String> = cache.own.iter().map(|ip| ip.value.to_string()).collect();
    (!all.is_empty()).then(|| all.join(" "))
}

/// Addresses of `-localip` on which no block answers, or not every block.
fn unbound(cache: &Cache<'_>) -> Vec<Located<MismatchView>> {
    let mut found = Vec::new();
    let dynamic = |text: &str| text.parse::<IpAddr>().is_err();
    // an interface name, a variable or a placeholder may stand for any address
    if cache.blocks().next().is_none() || cache.blocks().any(|b| b.bind.iter().any(|bind| dynamic(&bind.value))) {
        return found;
    }
    let wildcard = |text: &str| text.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
    for own in &cache.own {
        let listens = |bind: &[Located<String>]| {
            bind.is_empty() || bind.iter().any(|b| b.value.parse() == Ok(own.value) || wildcard(&b.value))
        };
        let deaf: Vec<_> = cache.blocks().filter(|block| !listens(&block.bind)).collect();
        if deaf.len() == cache.blocks().count() {
            found.push(own.with(MismatchView {
                kind: "unbound".to_owned(),
                value: own.value.to_string(),
                reason: "no server block binds it".to_owned(),
                consequence: "the node takes queries to it and nothing answers them".to_owned(),
                expected: None,
                other: deaf.first().and_then(|block| block.bind.first()).cloned(),
            }));
            continue;
        }
        for block in deaf {
            let zone = block.zones.first().map(|zone| zone.value.clone()).unwrap_or_default();
            let Some(place) = block.bind.first() else { continue };
            let value: Vec<&str> = block.bind.iter().map(|bind| bind.value.as_str()).collect();
            found.push(place.with(MismatchView {
                kind: "partly-bound".to_owned(),
                value: value.join(" "),
                reason: format!("it leaves out {} of -localip, which other blocks bind", own.value),
                consequence: format!("a query for zone {zone} to {} ends in another block, or is refused", own.value),
                expected: expected(cache),
                other: cache.local_ip.clone(),
            }));
        }
    }
    found
}

/// The `health` directives that could be read.
pub fn healths(cache: &Cache<'_>) -> Vec<Health> {
    let config = cache.server.config.as_ref();
    let blocks = config.map(|c| c.corefile.blocks.as_slice()).unwrap_or_default();
    blocks
        .iter()
        .flat_map(|block| block.directives_named("health"))
        .filter_map(|directive| {
            let Some(arg) = directive.args.first() else {
                let place = Located::from_origins("health".to_owned(), cache.locate(directive.name_place()));
                return Some(Health { ip: None, port: HEALTH_PORT, place, port_place: None });
            };
            let place = Located::from_origins(arg.text.clone(), cache.locate(Place::of(arg)));
            let (ip, port) = listener(&arg.text)?;
            Some(Health { ip, port, place, port_place: port_of(cache, Place::of(arg)) })
        })
        .collect()
}

/// The digits behind the last colon of a word.
fn port_of(cache: &Cache<'_>, word: Place) -> Option<Located<String>> {
    let (_, digits) = cache.server.config.as_ref()?.corefile.text(word).rsplit_once(':')?;
    let span = Span::new(word.span.end - digits.len(), word.span.end);
    let is_port = digits.parse::<u16>().is_ok();
    is_port.then(|| Located::from_origins(digits.to_owned(), cache.locate(Place { span, ..word })))
}

/// `:8080`, `1.2.3.4:8080`, `[::1]:8080`; `None` for a host name or a placeholder.
fn listener(text: &str) -> Option<(Option<IpAddr>, u16)> {
    if let Some(port) = text.strip_prefix(':') {
        return Some((None, port.parse().ok()?));
    }
    let (ip, port) = split_address(text)?;
    Some((Some(ip).filter(|ip| !ip.is_unspecified()), port.unwrap_or(HEALTH_PORT)))
}

fn foreign_health(cache: &Cache<'_>) -> Vec<Located<MismatchView>> {
    let foreign =
        |health: &Health| health.ip.filter(|ip| !ip.is_loopback() && cache.owns(*ip).is_none() && !on_ipvs(cache, *ip));
    healths(cache)
        .into_iter()
        .filter_map(|health| {
            let ip = foreign(&health)?;
            let expected = cache.own.first().map(|own| std::net::SocketAddr::new(own.value, health.port).to_string());
            let view = MismatchView {
                kind: "health".to_owned(),
                value: health.place.value.clone(),
                reason: format!("-localip does not have {ip}"),
                consequence: "the health plugin cannot listen there and the process exits".to_owned(),
                expected,
                other: cache.local_ip.clone(),
            };
            Some(health.place.with(view))
        })
        .collect()
}

/// A liveness probe that asks elsewhere than the `health` plugin listens.
pub fn probes(cache: &Cache<'_>) -> Vec<Located<MismatchView>> {
    let Some(container) = cache.container else { return Vec::new() };
    let Some(config) = cache.server.config.as_ref().filter(|c| c.corefile.first_error().is_none()) else {
        return Vec::new();
    };
    let probe = container.probes.iter().find(|p| p.kind == "livenessProbe");
    let Some(probe) = probe.filter(|p| p.path.as_ref().is_some_and(|path| path.value == "/health")) else {
        return Vec::new();
    };
    let written = config.corefile.blocks.iter().any(|block| block.has("health"));
    let listeners = healths(cache);
    let Some(health) = listeners.first() else {
        let missing = (!written && config.corefile.is_complete()).then(|| no_health(probe));
        return missing.into_iter().collect();
    };
    // several listeners: one that fits is enough
    if listeners.iter().any(|health| probe_mismatch(cache, probe, health).is_none()) {
        return Vec::new();
    }
    probe_mismatch(cache, probe, health).into_iter().collect()
}

fn no_health(probe: &Probe) -> Located<MismatchView> {
    let view = MismatchView {
        kind: "probe-without-health".to_owned(),
        value: "/health".to_owned(),
        reason: "no block of the Corefile has the health plugin".to_owned(),
        consequence: RESTARTS.to_owned(),
        expected: None,
        other: None,
    };
    Located::at(view, probe.location)
}

/// What a failing liveness probe does.
const RESTARTS: &str = "the kubelet gets no answer and restarts the cache again and again";

fn probe_mismatch(cache: &Cache<'_>, probe: &Probe, health: &Health) -> Option<Located<MismatchView>> {
    let mismatch = |kind: &str, place: Origins, value: String, reason: String, expected: String| {
        let view = MismatchView {
            kind: kind.to_owned(),
            value,
            reason,
            consequence: RESTARTS.to_owned(),
            expected: Some(expected),
            other: Some(health.place.clone()),
        };
        Some(Located::from_origins(view, place))
    };
    let port = probe.port.as_ref().and_then(|port| Some((port, probe_port(cache, &port.value)?)));
    if let Some((place, number)) = port.filter(|(_, number)| *number != i64::from(health.port)) {
        let reason = format!("the health plugin listens on port {}", health.port);
        return mismatch("probe-port", place.origins.clone(), number.to_string(), reason, health.port.to_string());
    }
    let ip = health.ip?;
    let reason = format!("the health plugin listens on {ip} only");
    match &probe.host {
        Some(host) if host.value.contains(PILLAR) || is_variable(&host.value) => None,
        Some(host) if host.value.parse() == Ok(ip) => None,
        Some(host) => mismatch("probe-host", host.origins.clone(), host.value.clone(), reason, ip.to_string()),
        None => {
            let value = if cache.on_host() { "the node's own address" } else { "the pod's address" };
            mismatch("probe-host", probe.location.into(), value.to_owned(), reason, ip.to_string())
        }
    }
}

/// A probe's port, by number or by the name of a container port.
fn probe_port(cache: &Cache<'_>, text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let named = |p: &&crate::model::pod::ContainerPort| p.name.as_ref().is_some_and(|name| name.value == text);
    cache.container?.ports.iter().find(named)?.port.as_ref().map(|port| port.value)
}

/// `health` arguments that hold the placeholder of the local addresses: two addresses become two arguments.
pub fn split_health(cache: &Cache<'_>) -> Option<Located<String>> {
    let config = cache.server.config.as_ref().filter(|_| cache.own.len() > 1)?;
    let directives = config.corefile.blocks.iter().flat_map(|block| block.directives_named("health"));
    let arg = directives.flat_map(|d| &d.args).find(|arg| arg.text.contains(LOCAL_DNS))?;
    Some(Located::from_origins(arg.text.clone(), cache.locate(Place::of(arg))))
}
