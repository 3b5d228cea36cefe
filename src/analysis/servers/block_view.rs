//! Builds the `server_block` view.

use super::dead_ends::{OwnNames, dead_ends};
use super::hidden_names::{denied_zone, hidden_hosts};
use super::read::{Block, binary, blocks, falls_through, first_line, in_zone, release, zone_of};
use crate::analysis::coredns::{OptionStatus, Role, directive_known, option_status};
use crate::analysis::views::dns_server::{DeadEndView, FallthroughView, ServerBlockView};
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::source::Located;
use crate::syntax::corefile::Directive;

/// The name of the program, as views and messages have it.
#[must_use]
pub const fn program(kind: ServerKind) -> &'static str {
    match kind {
        ServerKind::CoreDns => "coredns",
        ServerKind::NodeCache => "node-cache",
        ServerKind::KubeDns => "kube-dns",
    }
}

/// The views of all blocks of a server.
#[must_use]
pub fn views(server: &DnsServer, own: &OwnNames<'_>) -> Vec<Located<ServerBlockView>> {
    let Some(config) = &server.config else { return Vec::new() };
    let version = release(server);
    let folded = config.folded();
    let readable = |block: &&Block<'_>| !folded.contains(&block.syntax.file.index());
    blocks(config, version).iter().filter(readable).map(|block| view(server, config, block, own)).collect()
}

fn view(server: &DnsServer, config: &ServerConfig, block: &Block<'_>, own: &OwnNames<'_>) -> Located<ServerBlockView> {
    let mut plugins: Vec<String> = Vec::new();
    for directive in &block.syntax.directives {
        if !plugins.contains(&directive.name) {
            plugins.push(directive.name.clone());
        }
    }
    let root = block.zones.iter().any(|zone| zone.value == ".");
    let can_answer = plugins.iter().any(|name| Role::of(name).may_handle());
    let forwards = plugins.iter().any(|name| Role::of(name) == Role::Forwards);
    let dead_ends = if can_answer {
        dead_ends(config, block, own)
    } else {
        let whole = DeadEndView { target: None, upstreams: Vec::new(), forward: None };
        vec![Located::at(whole, block.location)]
    };
    let view = ServerBlockView {
        dead_ends,
        program: program(server.kind).to_owned(),
        root,
        port: i64::from(block.port()),
        imported: block.syntax.via.is_some(),
        no_upstream: root && can_answer && !answers_everything(block) && config.corefile.is_complete(),
        missing_fallthrough: missing_fallthrough(config, block),
        zones: block.zones.clone(),
        plugins,
        forwards,
        has_loop_plugin: directive_known("loop", &binary(server, None)),
        can_answer,
    };
    Located::at(view, block.location)
}

/// Whether something in a root block takes every name: a forward of the root zone, or a plugin whose zones include it.
fn answers_everything(block: &Block<'_>) -> bool {
    block.syntax.directives.iter().any(|directive| {
        let zone_args = |skip: usize| directive.arg_texts().skip(skip).map(zone_of).collect::<Vec<_>>();
        match directive.name.as_str() {
            "forward" | "proxy" | "grpc" => directive.arg_texts().next().map(zone_of).as_deref() == Some("."),
            "kubernetes" | "hosts" | "k8s_external" | "etcd" => false,
            "file" | "auto" | "secondary" => zone_args(usize::from(directive.name == "file")).iter().any(|z| z == "."),
            "template" => directive.args.len() <= 2 && !narrow_template(directive),
            name => Role::of(name).may_handle(),
        }
    })
}

/// Plugins that end names which another plugin of the block is there for.
fn missing_fallthrough(config: &ServerConfig, block: &Block<'_>) -> Vec<Located<FallthroughView>> {
    let mut found = Vec::new();
    for directive in &block.syntax.directives {
        let Some(ends) = terminal_zone(block, directive).or_else(|| denied_zone(block, directive)) else { continue };
        let Some(starved) = starved(config, block, directive, &ends) else { continue };
        let Some(location) = first_line(config, directive) else { continue };
        let query_type = directive.arg_texts().nth(1).filter(|t| directive.name == "template" && *t != "ANY");
        let view = FallthroughView {
            plugin: directive.name.clone(),
            answer: ends.answer.to_owned(),
            kind: if ends.denies { "denies" } else { "no-fallthrough" }.to_owned(),
            query_type: query_type.map(str::to_owned),
            zone: ends.zone,
            has_fallthrough: option_status(&directive.name, "fallthrough", block.version) == OptionStatus::Accepted,
            starved,
        };
        found.push(Located::at(view, location));
    }
    found.extend(hidden_hosts(config, block));
    found
}

/// A zone whose names go no further than one plugin.
pub(super) struct Ends {
    pub(super) zone: String,
    /// The directive itself names the zone, so that the rest of the block is not for it.
    pub(super) named: bool,
    pub(super) answer: &'static str,
    /// It answers one type of query with NXDOMAIN, which is a statement about the whole name.
    pub(super) denies: bool,
}

/// The zone for which a plugin answers every name, known or not, and with what; `None` where it lets names go on.
///
/// `hosts` answers SERVFAIL and `file` NXDOMAIN for names they do not have; `template` answers SERVFAIL for names that
/// its patterns do not match. (CoreDNS `plugin/hosts`, `plugin/file`, `plugin/template`.)
fn terminal_zone(block: &Block<'_>, directive: &Directive) -> Option<Ends> {
    let (skip, answer) = match directive.name.as_str() {
        "hosts" => (1, "SERVFAIL"),
        "file" => (1, "NXDOMAIN"),
        "template" if takes_addresses_of_some(directive) => (2, "SERVFAIL"),
        _ => return None,
    };
    let zones: Vec<String> = directive.arg_texts().skip(skip).map(zone_of).collect();
    let own: Vec<String> = block.zones.iter().map(|z| z.value.clone()).collect();
    let named = !zones.is_empty();
    let zone = if named { zones } else { own }.into_iter().min_by_key(String::len)?;
    let probe = if zone == "." { "dnslint-example.".to_owned() } else { format!("dnslint-example.{zone}") };
    (!falls_through(directive, &probe)).then_some(Ends { zone, named, answer, denies: false })
}

/// A template that has only some names of its zones, or queries of some types.
fn narrow_template(directive: &Directive) -> bool {
    let some_types = directive.arg_texts().nth(1).is_some_and(|t| !t.eq_ignore_ascii_case("ANY"));
    some_types || some_names(directive)
}

/// A template whose patterns match only some names of its zones.
fn some_names(directive: &Directive) -> bool {
    let matches: Vec<&str> = directive.properties_named("match").flat_map(|p| p.arg_texts()).collect();
    !matches.is_empty() && !matches.iter().any(|m| matches!(*m, ".*" | "." | ""))
}

/// A template for address queries (other types it lets go on) that only some names match.
fn takes_addresses_of_some(directive: &Directive) -> bool {
    let addresses = directive.arg_texts().nth(1).is_some_and(|t| matches!(t, "ANY" | "A" | "AAAA"));
    addresses && some_names(directive)
}

/// The plugin of the block that is there for names of the zone, runs later, and never sees them.
///
/// `kubernetes` runs behind `hosts` and `template` and before `file`.
fn starved(config: &ServerConfig, block: &Block<'_>, directive: &Directive, ends: &Ends) -> Option<Located<String>> {
    let other = block.syntax.directives.iter().find(|other| {
        let serves: Vec<String> = match other.name.as_str() {
            "forward" | "proxy" => other.arg_texts().take(1).map(zone_of).collect(),
            "kubernetes" if directive.name != "file" => other.arg_texts().map(zone_of).collect(),
            _ => return false,
        };
        serves.iter().any(|served| in_zone(served, &ends.zone) || (!ends.named && in_zone(&ends.zone, served)))
    })?;
    let location = first_line(config, other)?;
    let args: Vec<&str> = other.arg_texts().collect();
    Some(Located::at(format!("{} {}", other.name, args.join(" ")), location))
}
