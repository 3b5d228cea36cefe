//! Whom dnsmasq asks: its `server=`, `local=`, `rev-server=` and `address=` options, wherever they stand.

use super::local_resolver::LocalResolver;
use super::read::zone_of;
use crate::source::{Located, Location, Span, Spanned};
use crate::syntax::dnsmasq::{AddressAnswer, AddressRule, DnsmasqConf, DomainMatch, Server, Target};

/// Options of dnsmasq with the places of their spans.
pub struct Source<'s> {
    /// The options of a file or a command line.
    pub conf: DnsmasqConf,
    /// Where a span of them stands.
    pub locate: Box<dyn Fn(Span) -> Option<Location> + 's>,
}

impl Source<'_> {
    fn located(&self, text: &Spanned<String>) -> Located<String> {
        Located::from_origins(text.value.clone(), (self.locate)(text.span).into_iter().collect())
    }
}

/// Zones of `bogus-priv`: reverse names of private addresses, which are answered without asking anybody.
const REVERSE: [&str; 2] = ["in-addr.arpa.", "ip6.arpa."];

/// Adds what the options say about upstreams to a resolver.
pub fn add(sources: &[Source<'_>], resolver: &mut LocalResolver) {
    for source in sources {
        let settings = &source.conf.settings;
        settings.servers.iter().for_each(|server| add_server(source, server, resolver));
        for rule in &settings.addresses {
            let none = rule.value.answer == AddressAnswer::NxDomain;
            if none { &mut resolver.answered } else { &mut resolver.fixed }.extend(fixed(&rule.value));
        }
        resolver.detects_loops |= settings.dns_loop_detect.is_some();
        if settings.bogus_priv.is_some() {
            resolver.answered.extend(REVERSE.map(ToOwned::to_owned));
        }
    }
}

fn add_server(source: &Source<'_>, server: &Spanned<Server>, resolver: &mut LocalResolver) {
    let zones = || server.value.domains.iter().filter_map(zone);
    match &server.value.target {
        Target::Address { address, port, .. } => {
            let text = match port {
                Some(port) if *port != 53 => std::net::SocketAddr::new(*address, *port).to_string(),
                _ => address.to_string(),
            };
            let located = source.located(&Spanned::new(text, server.span));
            if server.value.domains.is_empty() || server.value.domains.contains(&DomainMatch::Any) {
                resolver.upstreams.push(located.clone());
            }
            if !server.value.domains.contains(&DomainMatch::Any) {
                resolver.conditional.extend(zones().map(|zone| (zone, located.clone())));
            }
        }
        Target::Standard => resolver.general.extend(zones()),
        Target::LocalOnly => resolver.answered.extend(zones()),
        // an upstream by name is looked up at start: nobody knows its address
        Target::Host { .. } => {}
    }
}

/// The zone of a rule; names without dots have none.
fn zone(domain: &DomainMatch) -> Option<String> {
    match domain {
        DomainMatch::Domain(name) | DomainMatch::Suffix(name) => Some(zone_of(name.trim_start_matches('.'))),
        DomainMatch::Network { address, prefix } => Some(zone_of(&format!("{address}/{prefix}"))),
        DomainMatch::Any => Some(".".to_owned()),
        DomainMatch::Unqualified => None,
    }
}

/// The zones that `address=` answers.
fn fixed(rule: &AddressRule) -> Vec<String> {
    rule.domains.iter().filter_map(zone).collect()
}
