//! unbound.conf(5), as far as it sends names on: `forward-zone:` and `stub-zone:` clauses, and the port.

use super::super::local_resolver::LocalResolver;
use super::super::read::{split_address, zone_of};
use crate::model::config_map::EmbeddedText;
use crate::source::{Located, Span};
use std::net::SocketAddr;

/// A clause that names a zone and servers.
#[derive(Default)]
struct Clause {
    is_zone: bool,
    name: Option<String>,
    servers: Vec<Located<String>>,
    over_tls: bool,
}

/// Reads one file into a resolver.
pub(super) fn read(text: &EmbeddedText, resolver: &mut LocalResolver) {
    let mut clause = Clause::default();
    let mut start = 0;
    for line in text.text.split_inclusive('\n') {
        let content = line.split('#').next().unwrap_or_default();
        if let Some((key, value)) = content.split_once(':') {
            let lead = content.len() - content.trim_start().len();
            let span = Span::new(start + lead, start + content.trim_end().len());
            let value = value.trim().trim_matches(['"', '\'']);
            match key.trim() {
                // addresses may hold `#` before the name for TLS: what is cut off does not matter here
                "forward-zone" | "stub-zone" => {
                    std::mem::replace(&mut clause, Clause { is_zone: true, ..Clause::default() }).close(resolver);
                }
                _ if value.is_empty() => std::mem::take(&mut clause).close(resolver),
                "name" if clause.is_zone => clause.name = Some(zone_of(value)),
                "forward-addr" | "stub-addr" if clause.is_zone => {
                    let server = server(value).map(|to| Located::at(to, text.locate(span)));
                    clause.servers.extend(server);
                }
                "forward-tls-upstream" | "stub-tls-upstream" | "forward-ssl-upstream" => {
                    clause.over_tls = value == "yes"
                }
                "port" if !clause.is_zone => resolver.port = value.parse().unwrap_or(resolver.port),
                _ => {}
            }
        }
        start += line.len();
    }
    clause.close(resolver);
}

impl Clause {
    fn close(self, resolver: &mut LocalResolver) {
        let Some(name) = self.name.filter(|_| !self.over_tls) else { return };
        if name == "." {
            resolver.upstreams.extend(self.servers);
        } else {
            resolver.conditional.extend(self.servers.into_iter().map(|to| (name.clone(), to)));
        }
    }
}

/// `IP[@port]`, as the graph writes it.
fn server(text: &str) -> Option<String> {
    let (address, port) = text.split_once('@').map_or((text, None), |(ip, port)| (ip, Some(port)));
    let (ip, _) = split_address(address)?;
    match port {
        None | Some("53") => Some(ip.to_string()),
        Some(port) => Some(SocketAddr::new(ip, port.parse().ok()?).to_string()),
    }
}
