//! Names that CoreDNS answers in a way of its own, and that the cache sends past it.

use super::cache::{Cache, upstream_text};
use super::forwards::is_external;
use crate::analysis::servers::chain::{Asked, Passage, literal_end, pass};
use crate::analysis::servers::read::{
    Block, Forward, Upstream, blocks, first_line, in_zone, release, rule_line, zone_of,
};
use crate::analysis::servers::rewriting::{Effect, Names, Rule};
use crate::analysis::views::node_cache::DisagreementView;
use crate::model::dns_server::{ServerConfig, ServerKind};
use crate::model::pillar::UPSTREAM_SERVERS;
use crate::source::{Located, Location};
use crate::syntax::corefile::Directive;

/// What stands before a zone to make a name of it.
const LABEL: &str = "dnslint-example";

/// Something that CoreDNS has for some names.
struct Special {
    /// The names, as the Corefile has them.
    text: String,
    /// One of them, fully qualified.
    name: String,
    /// The plugin that makes them special; `None` for a server block of their own.
    plugin: Option<String>,
    place: Location,
}

/// Those names, by the forward of the cache that takes them away.
pub fn names(cache: &Cache<'_>) -> Vec<Located<DisagreementView>> {
    if !cache.is_readable() {
        return Vec::new();
    }
    let mut found: Vec<Located<DisagreementView>> = Vec::new();
    for special in specials(cache) {
        let Some(forward) = taken_by(cache, &special) else { continue };
        let name = Located::at(special.text, special.place);
        if let Some(same) = found.iter_mut().find(|f| f.location() == Some(forward.location)) {
            same.value.names.push(name);
            continue;
        }
        let view = DisagreementView {
            upstreams: forward.upstreams.iter().map(|u| words(&u.value)).collect(),
            coredns: Vec::new(),
            other: None,
            names: vec![name],
        };
        found.push(Located::at(view, forward.location));
    }
    found
}

/// An upstream in words: node-cache fills its placeholder with the node's nameservers, unless told otherwise.
fn words(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Placeholder(text) if text == UPSTREAM_SERVERS => "the nameservers of the node".to_owned(),
        other => upstream_text(other),
    }
}

/// The cache's forward to resolvers outside the cluster that takes the name, unless the cache knows it as CoreDNS does.
fn taken_by<'a>(cache: &Cache<'a>, special: &Special) -> Option<&'a Forward<'a>> {
    let length = |block: &&Block<'a>| block.best_zone(&special.name).map_or(0, |zone| zone.value.len());
    let block = cache.blocks().filter(|block| block.best_zone(&special.name).is_some()).max_by_key(length)?;
    if special.plugin.as_ref().is_some_and(|plugin| block.syntax.has(plugin)) {
        return None;
    }
    // a zone that the cache has a block for is routed on purpose
    let own_zone = block.best_zone(&special.name).is_some_and(|zone| zone.value != ".");
    let Passage::Forward { forwards, .. } = pass(block, &special.name, Asked::Clients) else { return None };
    let forward = block.forwards.get(*forwards.first()?)?;
    (!own_zone && forward.from == "." && is_external(cache, forward)).then_some(forward)
}

fn specials(cache: &Cache<'_>) -> Vec<Special> {
    let mut found = Vec::new();
    for server in cache.cluster.dns_servers.iter().filter(|server| server.kind == ServerKind::CoreDns) {
        let Some(config) = &server.config else { continue };
        for block in blocks(config, release(server)) {
            if block.zones.iter().any(|zone| zone.value == ".") {
                found.extend(block.syntax.directives.iter().filter_map(|d| of_directive(config, d)));
            } else {
                let zones = block.zones.iter().filter_map(|zone| Some((zone.value.clone(), zone.location()?)));
                found.extend(zones.map(|(zone, place)| of_zone(&zone, None, place)));
            }
        }
    }
    found.retain(|special| is_outside(cache, &special.name));
    found
}

/// A name with a dot that belongs neither to the cluster nor to reverse look-ups.
fn is_outside(cache: &Cache<'_>, name: &str) -> bool {
    let reverse = in_zone(name, "in-addr.arpa.") || in_zone(name, "ip6.arpa.");
    let within = cache.domains.iter().any(|domain| in_zone(name, domain));
    let dotted = name.trim_end_matches('.').contains('.');
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    dotted && plain && !reverse && !within
}

fn of_zone(zone: &str, plugin: Option<&str>, place: Location) -> Special {
    let text = zone.trim_end_matches('.').to_owned();
    Special { text, name: format!("{LABEL}.{zone}"), plugin: plugin.map(str::to_owned), place }
}

/// What a directive of a root block has for some names only.
fn of_directive(config: &ServerConfig, directive: &Directive) -> Option<Special> {
    let place = first_line(config, directive)?;
    let plugin = directive.name.as_str();
    match plugin {
        "hosts" => {
            let names = directive.properties.iter().filter(|p| p.name.parse::<std::net::IpAddr>().is_ok());
            let name = names.flat_map(|p| p.arg_texts()).find(|name| name.contains('.'))?;
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            Some(Special { text: name.clone(), name: format!("{name}."), plugin: Some(plugin.to_owned()), place })
        }
        "template" => {
            let zone = directive.arg_texts().nth(2).map(zone_of).filter(|zone| zone != ".")?;
            Some(of_zone(&zone, Some(plugin), place))
        }
        "forward" | "proxy" => {
            let zone = directive.arg_texts().next().map(zone_of).filter(|zone| zone != ".")?;
            Some(of_zone(&zone, Some(plugin), place))
        }
        "rewrite" => rewritten(config, directive),
        _ => None,
    }
}

/// The names that a `rewrite name` rule takes, as far as they have a literal end.
fn rewritten(config: &ServerConfig, directive: &Directive) -> Option<Special> {
    let rule = Rule::read(directive);
    let place = rule_line(config, directive)?;
    let special = |text: String, name: String| Some(Special { text, name, plugin: Some("rewrite".to_owned()), place });
    let plain = |text: &str| text.trim_matches('.').to_ascii_lowercase();
    match (rule.names(), rule.effect(".")) {
        (Some(Names::Single([from, _])), _) => special(plain(from), from.to_owned()),
        (Some(Names::Suffixes([from, _])), _) => special(plain(from), format!("{LABEL}.{}.", plain(from))),
        (None, Effect::Regex(pattern, Some(_))) => {
            let end = plain(&literal_end(&pattern));
            if end.contains('.') { special(end.clone(), format!("{LABEL}.{end}.")) } else { None }
        }
        _ => None,
    }
}
