//! Rewrites to names of the cluster in blocks where nobody knows these names.

use super::read::{Block, Forward, Upstream, in_zone, rule_line, zone_of};
use super::rewriting::{Effect, Names, Rule};
use super::served::served_domains;
use crate::analysis::coredns::Role;
use crate::analysis::facts::Facts;
use crate::analysis::views::dns_server::DeadEndView;
use crate::model::Cluster;
use crate::model::dns_server::ServerConfig;
use crate::source::Located;
use std::net::IpAddr;

/// What is known of the cluster's own names and of who answers for them.
#[derive(Debug, Default)]
pub struct OwnNames<'a> {
    /// Cluster domains, fully qualified.
    domains: Vec<String>,
    facts: Option<&'a Facts>,
}

impl<'a> OwnNames<'a> {
    /// The cluster's own zones, and the addresses of its DNS.
    #[must_use]
    pub fn of(cluster: &Cluster, facts: &'a Facts) -> Self {
        let domains = served_domains(cluster).iter().map(|domain| zone_of(&domain.value)).collect();
        Self { domains, facts: Some(facts) }
    }

    fn is_service_name(&self, name: &str) -> bool {
        self.domains.iter().any(|domain| name.ends_with(&format!(".svc.{domain}")))
    }

    /// Whether an upstream is a resolver that does not know the cluster.
    ///
    /// An address says so only where the addresses of the cluster DNS are known.
    fn is_outside(&self, upstream: &Upstream) -> bool {
        let Some(facts) = self.facts else { return false };
        let own = |ip: &IpAddr| {
            facts.dns_addresses.iter().chain(&facts.node_cache_addresses).any(|known| known.value == *ip)
                || facts.service_cidrs.iter().any(|range| range.value.contains(ip))
                || ip.is_loopback()
        };
        match upstream {
            Upstream::Address { ip, .. } => !facts.dns_addresses.is_empty() && !own(ip),
            Upstream::File(path) => path.ends_with("/resolv.conf"),
            Upstream::Placeholder(_) => upstream.is_placeholder_of_upstreams(),
            Upstream::Other(_) => false,
        }
    }
}

/// Rewrites of a block whose new name nothing in the block can answer.
#[must_use]
pub fn dead_ends(config: &ServerConfig, block: &Block<'_>, own: &OwnNames<'_>) -> Vec<Located<DeadEndView>> {
    let plugins = || block.syntax.directives.iter().map(|directive| directive.name.as_str());
    // whose addresses tell where names go
    let readable = |name: &str| matches!(name, "forward" | "proxy");
    if plugins().any(|name| Role::of(name).may_handle() && !readable(name)) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for directive in block.syntax.directives_named("rewrite") {
        let Some(target) = new_name(&Rule::read(directive)) else { continue };
        if !own.is_service_name(&target) {
            continue;
        }
        let takes = |forward: &&Forward<'_>| in_zone(&target, &forward.from);
        let Some(forward) = block.forwards.iter().find(takes) else { continue };
        if forward.upstreams.is_empty() || !forward.upstreams.iter().all(|up| own.is_outside(&up.value)) {
            continue;
        }
        let text = forward.syntax.arg_texts().skip(1).map(str::to_owned).collect();
        let view = DeadEndView {
            target: Some(target.trim_end_matches('.').to_owned()),
            upstreams: text,
            forward: Some(Located::at(forward.from.clone(), forward.location)),
        };
        found.extend(rule_line(config, directive).map(|place| Located::at(view, place)));
    }
    found
}

/// What a rule for names makes of them: the whole name, its end, or the replacement of an expression.
fn new_name(rule: &Rule) -> Option<String> {
    match (rule.names(), rule.effect(".")) {
        (Some(Names::Single([_, to]) | Names::Suffixes([_, to])), _) => Some(to.to_owned()),
        (None, Effect::Regex(_, to)) => to,
        _ => None,
    }
}
