//! One step of a query, for those who draw the graph: whom a client, a server block or a resolver asks.

use super::doors::Sender;
use super::land::Landing;
use super::steps::{Step, Visit};
use super::{Graph, Site, Target};
use crate::analysis::servers::chain::Asked;
use crate::analysis::servers::read::zone_of;
use crate::source::Located;
use std::net::{IpAddr, SocketAddr};

/// One address that a query is sent to, and who takes it there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The address as written, or the word that stands for addresses which the snapshot does not know.
    pub upstream: Located<String>,
    /// The address and port; `None` where the snapshot does not know one.
    pub target: Option<SocketAddr>,
    /// Over TLS or HTTPS.
    pub encrypted: bool,
    /// Always over TCP (`force_tcp`).
    pub tcp: bool,
    /// The address is translated on the way: a Service's, a port of the nodes, or one of a redirect policy.
    pub service: bool,
    /// The name as it is there; a `rewrite` may have changed it.
    pub name: String,
    /// The vertices that take it; several behind one address share the queries.
    pub takers: Vec<Site>,
}

impl Graph<'_> {
    /// One zone and a name in it for each class of names that all take the same way, sorted by zone.
    #[must_use]
    pub fn zones(&self) -> Vec<(String, String)> {
        self.classes().into_iter().map(|class| (class.zone, class.name)).collect()
    }

    /// The zone of a text as the graph writes it, and a name in it that nothing mentions.
    #[must_use]
    pub fn zone(text: &str) -> (String, String) {
        let class = super::below(zone_of(text));
        (class.zone, class.name)
    }

    /// Whether a block is the one of its server that takes `name` on a listener of its own.
    #[must_use]
    pub fn takes(&self, server: usize, block: usize, name: &str) -> bool {
        self.starts(server, name).contains(&block)
    }

    /// Whom a client on a node asks when its resolver file names `ip`; `on_node`: it runs in the node's own network.
    #[must_use]
    pub fn from_client(&self, node: usize, on_node: bool, ip: &Located<IpAddr>, name: &str) -> Sent {
        let target = Target::plain(ip.value, 53);
        let sender = if on_node { Sender::Node } else { Sender::Client };
        let landings = self.land(sender, node, target, name);
        Sent {
            upstream: ip.with(ip.value.to_string()),
            target: Some(SocketAddr::new(target.ip, target.port)),
            encrypted: false,
            tcp: false,
            service: landings.iter().any(|landing| landing.service),
            name: name.to_owned(),
            takers: sites(&landings),
        }
    }

    /// Whom a vertex asks for `name` on a node; nothing where it answers itself or refuses.
    #[must_use]
    pub fn sent(&self, node: usize, site: Site, name: &str) -> Vec<Sent> {
        let node = if let Site::Local { node, .. } = site { node } else { node };
        let visit = Visit { site, node, name: name.to_owned() };
        self.steps(&visit, Asked::Clients).into_iter().map(|step| self.told(site, step)).collect()
    }

    fn told(&self, from: Site, step: Step) -> Sent {
        let forced = match from {
            Site::Block { server, block } => {
                let block = self.servers.get(server).and_then(|v| v.blocks.get(block));
                block.and_then(|b| b.forwards.get(step.forward)).is_some_and(|f| f.force_tcp.is_some())
            }
            _ => false,
        };
        let encrypted = step.target.is_some_and(|to| to.encrypted);
        Sent {
            target: step.target.map(|to| SocketAddr::new(to.ip, to.port)),
            encrypted,
            tcp: forced && !encrypted,
            service: step.landings.iter().any(|landing| landing.service),
            takers: sites(&step.landings),
            name: step.name,
            upstream: step.nameserver,
        }
    }
}

fn sites(landings: &[Landing]) -> Vec<Site> {
    landings.iter().map(|landing| landing.site).collect()
}
