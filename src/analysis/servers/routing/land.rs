//! Where a query for a name comes out: the vertex behind each door, with the hops that lead there.

use super::doors::{Door, Route, Sender, Taker};
use super::{Graph, Hop, Site, Target};
use crate::analysis::servers::select::select;
use crate::source::Location;

/// A vertex that takes a query, the node on which it does, and why it gets there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Landing {
    pub site: Site,
    pub node: usize,
    pub hops: Vec<Hop>,
    /// The address is a Service's, or another entrance that is translated on the way.
    pub service: bool,
}

impl Graph<'_> {
    /// Every vertex that takes `name` at a target for a sender on a node.
    ///
    /// A server that gets the packets and has no block for the name refuses it: that way ends.
    pub(super) fn land(&self, sender: Sender, node: usize, target: Target, name: &str) -> Vec<Landing> {
        let doors = self.doors(sender, node, target);
        doors.into_iter().filter_map(|door| self.behind(&door, node, target, name)).collect()
    }

    fn behind(&self, door: &Door, from: usize, target: Target, name: &str) -> Option<Landing> {
        let site = match door.taker {
            Taker::Server { server, arrival } => {
                Site::Block { server, block: select(&self.servers.get(server)?.blocks, name, arrival)? }
            }
            Taker::Resolver(site) => site,
        };
        let hops = self.entry_hop(door, target).into_iter().chain(self.taking_hop(site, door, target)).collect();
        Some(Landing { site, node: door.node.unwrap_or(from), hops, service: door.route.is_translated() })
    }

    /// What leads to a taker, where something is written that does.
    fn entry_hop(&self, door: &Door, target: Target) -> Option<Hop> {
        let ip = target.ip;
        let whose = self.taker_name(door.taker);
        match &door.route {
            Route::Itself | Route::Beside | Route::Node(_) => None,
            Route::Redirect(index) => {
                let location = self.redirects.get(*index)?.location;
                Some(Hop { location, text: format!("the policy sends {ip} to {whose} on the same node") })
            }
            Route::Cache(location) => {
                Some(Hop { location: (*location)?, text: format!("{whose} listens on {ip} on every node") })
            }
            Route::Entrance { what, location, of_nodes } => {
                let text = if *of_nodes {
                    format!("port {} of every node is {what} in front of {whose}", target.port)
                } else {
                    format!("{ip} is {what} in front of {whose}")
                };
                Some(Hop { location: (*location)?, text })
            }
        }
    }

    /// The taker itself.
    fn taking_hop(&self, site: Site, door: &Door, target: Target) -> Option<Hop> {
        let ip = target.ip;
        match site {
            Site::Block { server, block } => {
                let location = self.block_location(server, block)?;
                let text = match &door.route {
                    Route::Itself => format!("{ip} is the server itself: this block answers there"),
                    Route::Node(_) => format!("{} listens on {ip} of the node", self.taker_name(door.taker)),
                    _ => "this block takes it".to_owned(),
                };
                Some(Hop { location, text })
            }
            Site::Local { node, index } => {
                let node = self.nodes.get(node)?;
                let local = node.locals.get(index)?;
                let text = format!("{} on node {} answers on {ip}", local.program, node.name);
                Some(Hop { location: local.location, text })
            }
            Site::Pod { index } => {
                let pod = self.pods.get(index)?;
                let text = format!("{} of {} takes it", pod.resolver.program, pod.name);
                Some(Hop { location: pod.resolver.location, text })
            }
        }
    }

    /// The name of a server or pod; that of the program for resolvers on nodes.
    #[must_use]
    pub fn taker_name(&self, taker: Taker) -> &str {
        let name = match taker {
            Taker::Server { server, .. } => self.servers.get(server).map(|v| v.name.as_str()),
            Taker::Resolver(site) => self.resolver(site).map(|(_, name)| name),
        };
        name.unwrap_or_default()
    }

    pub(super) fn block_location(&self, server: usize, block: usize) -> Option<Location> {
        Some(self.servers.get(server)?.blocks.get(block)?.location)
    }
}
