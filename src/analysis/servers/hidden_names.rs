//! Answers of `template` that take names away from the plugins behind it.

use super::block_view::Ends;
use super::read::{Block, in_zone, zone_of};
use crate::analysis::coredns::regexp;
use crate::analysis::views::dns_server::FallthroughView;
use crate::model::dns_server::ServerConfig;
use crate::source::Located;
use crate::syntax::corefile::{Directive, Property};
use regex::Regex;
use std::net::IpAddr;

/// The zone in which a template answers NXDOMAIN to queries for one family of addresses and leaves the other alone.
///
/// NXDOMAIN says that the name does not exist, whatever the type (RFC 8020). musl, which asks for both families at once,
/// drops the addresses of the other answer (`name_from_dns` in src/network/lookup_name.c).
pub(super) fn denied_zone(block: &Block<'_>, directive: &Directive) -> Option<Ends> {
    let family = |d: &Directive| d.arg_texts().nth(1).filter(|t| matches!(*t, "A" | "AAAA")).map(str::to_owned);
    let denies = |d: &&Directive| {
        let rcode = d.property("rcode").and_then(|p| p.arg_texts().next()).is_some_and(|r| r == "NXDOMAIN");
        d.name == "template" && rcode && d.property("answer").is_none()
    };
    let own = family(directive).filter(|_| denies(&directive))?;
    // who denies both families blocks the names
    let both = block.syntax.directives.iter().filter(denies).any(|d| family(d).is_some_and(|other| other != own));
    let named = directive.arg_texts().nth(2).is_some();
    let zone = block.zones_of(directive).into_iter().min_by_key(String::len)?;
    (!both).then_some(Ends { zone, named, answer: "NXDOMAIN", denies: true })
}

/// Entries of `hosts` whose names a template of the block answers: it comes first, whatever the file says.
///
/// (`plugin.cfg` of CoreDNS; a template matches its patterns on the name with the final dot.)
pub(super) fn hidden_hosts(config: &ServerConfig, block: &Block<'_>) -> Vec<Located<FallthroughView>> {
    let entries: Vec<(&Property, IpAddr)> = block
        .syntax
        .directives_named("hosts")
        .flat_map(|directive| &directive.properties)
        .filter_map(|property| Some((property, property.name.parse().ok()?)))
        .collect();
    if entries.is_empty() {
        return Vec::new();
    }
    let templates = block.syntax.directives_named("template");
    templates.filter_map(|directive| hides(config, block, directive, &entries)).collect()
}

/// The first entry that a template hides.
fn hides(
    config: &ServerConfig,
    block: &Block<'_>,
    directive: &Directive,
    entries: &[(&Property, IpAddr)],
) -> Option<Located<FallthroughView>> {
    let mut words = directive.arg_texts();
    let (class, kind) = (words.next()?, words.next()?);
    let zones = block.zones_of(directive);
    let answers = directive.property("answer").is_some();
    let family = |ip: &IpAddr| kind == "ANY" || kind == if ip.is_ipv6() { "AAAA" } else { "A" };
    let patterns: Vec<Regex> = directive
        .properties_named("match")
        .flat_map(|property| property.arg_texts())
        .map(regexp)
        .collect::<Option<_>>()?;
    let takes = |name: &str| {
        let within = zones.iter().any(|zone| in_zone(name, zone));
        within && (patterns.is_empty() || patterns.iter().any(|pattern| pattern.is_match(name)))
    };
    if !answers || !matches!(class, "IN" | "ANY") {
        return None;
    }
    let (entry, name) = entries.iter().filter(|(_, ip)| family(ip)).find_map(|(entry, _)| {
        let name = entry.arg_texts().map(zone_of).find(|name| takes(name))?;
        Some((*entry, name))
    })?;
    let text = format!("{} {}", entry.name, entry.arg_texts().collect::<Vec<_>>().join(" "));
    let view = FallthroughView {
        kind: "hides".to_owned(),
        plugin: "template".to_owned(),
        answer: name.trim_end_matches('.').to_owned(),
        query_type: Some(kind.to_owned()).filter(|kind| kind != "ANY"),
        zone: zones.first().cloned()?,
        has_fallthrough: false,
        starved: Located::at(text, config.locate(entry.place())?),
    };
    Some(Located::at(view, super::read::first_line(config, directive)?))
}
