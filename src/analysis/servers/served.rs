//! The zones that the DNS servers of the cluster serve, and those that they take for the cluster's own.

use super::read::{ASSUMED, blocks, located_token};
use crate::analysis::facts::{clean_domain, container_flag};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::source::Located;
use std::collections::BTreeSet;

/// What the DNS servers know.
#[derive(Default)]
pub struct Served {
    /// Zones of `kubernetes` plugins (of kube-dns: its domain), the cluster's own, each with the program.
    pub own: Vec<(&'static str, Located<String>)>,
    /// Every other zone that some block serves, and words of rewrites.
    other: BTreeSet<String>,
    /// A zone that cannot be read: a placeholder, the root.
    pub unclear: bool,
}

/// Zones that CoreDNS's `kubernetes` plugins and kube-dns take for the cluster's, without dots at their ends.
#[must_use]
pub fn served_domains(cluster: &Cluster) -> Vec<Located<String>> {
    let own = Served::of(cluster).own.into_iter().map(|(_, zone)| zone);
    own.filter(|zone| is_domain(&zone.value)).collect()
}

impl Served {
    /// Reads the servers.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let mut served = Self::default();
        for server in &cluster.dns_servers {
            match server.kind {
                ServerKind::CoreDns => coredns_zones(server, &mut served),
                ServerKind::KubeDns => {
                    let domain = container_flag(cluster, server, "domain").map(clean_domain);
                    served.own.extend(domain.filter(|d| is_domain(&d.value)).map(|d| ("kube-dns", d)));
                }
                ServerKind::NodeCache => {}
            }
        }
        served
    }

    /// Whether some server answers for a domain.
    #[must_use]
    pub fn knows(&self, domain: &str) -> bool {
        self.own.iter().any(|(_, zone)| zone.value == domain)
            || self.other.iter().any(|text| text == domain || text.contains(domain))
    }

    /// Every zone is a word with an underscore: a template's, not a domain's.
    #[must_use]
    pub fn is_unfilled(&self) -> bool {
        self.own.iter().all(|(_, zone)| zone.value.contains('_'))
    }
}

fn coredns_zones(server: &DnsServer, served: &mut Served) {
    let Some(config) = &server.config else { return };
    for block in blocks(config, ASSUMED) {
        let own: Vec<Located<String>> = block.zones.iter().cloned().map(clean_domain).collect();
        for directive in block.syntax.directives_named("kubernetes") {
            let args: Vec<_> = directive.args.iter().map(|arg| located_token(config, arg)).collect();
            served.unclear |= args.iter().any(|arg| is_placeholder(&arg.value));
            let zones = if args.is_empty() { own.clone() } else { args.into_iter().map(clean_domain).collect() };
            for zone in zones.into_iter().filter(|zone| !is_reverse(&zone.value)) {
                served.unclear |= !is_zone(&zone.value);
                served.own.push(("coredns", zone));
            }
        }
        served.other.extend(own.into_iter().map(|zone| zone.value).filter(|zone| !zone.is_empty()));
        for directive in block.syntax.directives.iter().filter(|d| matches!(d.name.as_str(), "rewrite" | "template")) {
            served.other.extend(directive.arg_texts().map(|text| text.replace('\\', "").to_ascii_lowercase()));
            let inside = directive.properties.iter().flat_map(|p| p.arg_texts());
            served.other.extend(inside.map(|text| text.replace('\\', "").to_ascii_lowercase()));
        }
    }
}

/// Whether a zone is one of addresses.
#[must_use]
pub fn is_reverse(zone: &str) -> bool {
    zone.ends_with("in-addr.arpa") || zone.ends_with("ip6.arpa") || zone.contains('/')
}

/// A zone as CoreDNS serves it: a word of an unfilled template, `dns_domain`, is one too.
///
/// Templates that a script fills in (`__DNS__DOMAIN__`) have a second underscore in a row.
fn is_zone(text: &str) -> bool {
    !text.contains("__") && is_domain(&text.replace('_', "-"))
}

/// A word that a script is to replace, as in the template of CoreDNS's deployment (`CLUSTER_DOMAIN`).
fn is_placeholder(zone: &str) -> bool {
    zone.contains('_') && !zone.contains(|c: char| c.is_ascii_lowercase())
}

/// A plain domain name, no placeholder.
#[must_use]
pub fn is_domain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    !text.is_empty() && text.chars().all(plain)
}
