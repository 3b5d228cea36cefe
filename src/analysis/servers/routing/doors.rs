//! Who takes the packets that are sent to an address: the order in which the kernel, redirect policies, node caches,
//! Services and nodes decide it. The name that is asked for plays no part yet.

use super::{Entrance, Graph, Placement, Redirect, Site, Target, Vertex};
use crate::analysis::servers::select::{Arrival, is_bound_to, listens};
use crate::source::Location;
use std::net::IpAddr;

/// Who sends a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// A process in the node's network namespace.
    Node,
    /// A process in a pod of its own.
    Client,
    /// A server, by its index.
    Server(usize),
    /// Another resolver in a pod, by its index.
    Pod(usize),
}

/// A program that takes packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// A server with a Corefile: which of its blocks depends on the name.
    Server {
        /// Index in [`Graph::servers`].
        server: usize,
        /// How the query arrives at its sockets.
        arrival: Arrival,
    },
    /// A resolver on a node or in a pod.
    Resolver(Site),
}

/// How packets get to their taker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// The address is the sender's own.
    Itself,
    /// Another program of the sender's pod listens there.
    Beside,
    /// A redirect policy, by its index in [`Graph::redirects`].
    Redirect(usize),
    /// A node cache has the address on every node; where that is written.
    Cache(Option<Location>),
    /// A Service or a port of the nodes.
    Entrance {
        /// What it is: `the Service`, `a hostPort`.
        what: &'static str,
        /// Where it is written.
        location: Option<Location>,
        /// It is a port of every node, not one of an address.
        of_nodes: bool,
    },
    /// The address is that of a node, by its index where the snapshot has the node's files.
    Node(Option<usize>),
}

impl Route {
    /// Whether the destination address is translated on the way.
    #[must_use]
    pub const fn is_translated(&self) -> bool {
        matches!(self, Self::Redirect(_) | Self::Entrance { .. })
    }
}

/// A way into a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Door {
    /// Who takes the query.
    pub taker: Taker,
    /// The node on which it does; `None` where that may be any.
    pub node: Option<usize>,
    /// Why the query gets there.
    pub route: Route,
}

impl Graph<'_> {
    /// Everything that may take the packets of a sender on a node; empty where the snapshot shows nobody.
    #[must_use]
    pub fn doors(&self, sender: Sender, node: usize, target: Target) -> Vec<Door> {
        let ip = target.ip;
        if ip.is_loopback() {
            return match sender {
                Sender::Server(own) if !self.is_on_host(sender) => self.itself(own, node, target),
                Sender::Pod(own) if !self.is_on_host(sender) => self.beside(own, node, target),
                Sender::Client => Vec::new(),
                _ => self.on_node(Some(node), node, target),
            };
        }
        if let Some(found) = self.redirected(sender, node, target) {
            return vec![found];
        }
        // an address that the sender itself binds stays with it, before any Service translation
        if let Sender::Server(own) = sender
            && self.servers.get(own).is_some_and(|vertex| owns(vertex, ip))
        {
            return self.itself(own, node, target);
        }
        let translated = self.services_first && self.is_service(ip);
        let caches = if translated { Vec::new() } else { self.caches_on(node, target) };
        if !caches.is_empty() {
            return caches;
        }
        let services = self.entered(Some(ip), node, target);
        if !services.is_empty() {
            return services;
        }
        match self.node_addresses.get(&ip) {
            Some(home) => self.on_node(*home, node, target),
            None => Vec::new(),
        }
    }

    /// Whether a sender's loopback is that of the node.
    #[must_use]
    pub fn is_on_host(&self, sender: Sender) -> bool {
        match sender {
            Sender::Node => true,
            Sender::Client => false,
            Sender::Server(index) => self.servers.get(index).is_some_and(|v| v.dns.host_network),
            Sender::Pod(index) => self.pods.get(index).is_some_and(|p| p.dns.host_network),
        }
    }

    /// Whether an address is that of a Service in front of a server.
    pub(super) fn is_service(&self, ip: IpAddr) -> bool {
        let lists = self.servers.iter().map(|v| &v.entrances).chain(self.pods.iter().map(|pod| &pod.entrances));
        lists.flatten().any(|entrance| entrance.ip == Some(ip))
    }

    /// The sender, where one of its sockets takes the packets: another program of its pod may have the port.
    fn itself(&self, server: usize, node: usize, target: Target) -> Vec<Door> {
        let arrival = arrival(target);
        let listens = self.servers.get(server).is_some_and(|vertex| listens(&vertex.blocks, arrival));
        let door = Door { taker: Taker::Server { server, arrival }, node: Some(node), route: Route::Itself };
        listens.then_some(door).into_iter().collect()
    }

    /// Other resolvers in the same pod.
    fn beside(&self, own: usize, node: usize, target: Target) -> Vec<Door> {
        let Some(sender) = self.pods.get(own) else { return Vec::new() };
        let takes = |pod: &super::PodResolver| {
            pod.workload == sender.workload && !target.encrypted && pod.resolver.takes(target.ip, target.port)
        };
        let found = self.pods.iter().enumerate().filter(|(_, pod)| takes(pod));
        found.map(|(index, _)| pod_door(index, Some(node), Route::Beside)).collect()
    }

    /// What a redirect policy makes of the query; `None` where none takes it.
    fn redirected(&self, sender: Sender, node: usize, target: Target) -> Option<Door> {
        let takes = |redirect: &Redirect| {
            let from_backend = sender == Sender::Server(redirect.server);
            redirect.addresses.contains(&target.ip) && !(from_backend && redirect.skips_backend)
        };
        let index = self.redirects.iter().position(takes)?;
        let redirect = self.redirects.get(index)?;
        let arrival = Arrival { ip: None, port: redirect.port, encrypted: target.encrypted };
        let taker = Taker::Server { server: redirect.server, arrival };
        Some(Door { taker, node: Some(node), route: Route::Redirect(index) })
    }

    fn caches_on(&self, node: usize, target: Target) -> Vec<Door> {
        let door = |(server, vertex): (usize, &Vertex<'_>)| {
            let local = vertex.local_ips.iter().find(|local| local.value == target.ip)?;
            let taker = Taker::Server { server, arrival: arrival(target) };
            Some(Door { taker, node: Some(node), route: Route::Cache(local.location()) })
        };
        self.servers.iter().enumerate().filter_map(door).collect()
    }

    /// What the entrances of an address lead to; `None` stands for those on every node.
    fn entered(&self, ip: Option<IpAddr>, node: usize, target: Target) -> Vec<Door> {
        let fits = |placement: &Placement, entrance: &Entrance| {
            let beside = !entrance.beside_pods || self.runs_on(placement, Some(node));
            entrance.ip == ip && entrance.port == target.port && beside
        };
        let home = |placement: &Placement, entrance: &Entrance| {
            self.home_of(placement).or_else(|| entrance.beside_pods.then_some(node))
        };
        let route = |e: &Entrance| Route::Entrance { what: e.what, location: e.location, of_nodes: e.ip.is_none() };
        let mut found = Vec::new();
        for (server, vertex) in self.servers.iter().enumerate() {
            let Some(entrance) = vertex.entrances.iter().find(|e| fits(&vertex.placement, e)) else { continue };
            let arrival = Arrival { ip: None, port: entrance.pod_port, encrypted: target.encrypted };
            let taker = Taker::Server { server, arrival };
            found.push(Door { taker, node: home(&vertex.placement, entrance), route: route(entrance) });
        }
        for (index, pod) in self.pods.iter().enumerate().filter(|_| !target.encrypted) {
            let Some(entrance) = pod.entrances.iter().find(|e| fits(&pod.placement, e)) else { continue };
            if entrance.pod_port.is_none_or(|port| port == pod.resolver.port) {
                found.push(pod_door(index, home(&pod.placement, entrance), route(entrance)));
            }
        }
        found
    }

    /// Whether pods run on a node for certain.
    fn runs_on(&self, placement: &Placement, node: Option<usize>) -> bool {
        match placement {
            Placement::Every => true,
            Placement::Any => self.nodes.len() == 1 && node.is_some(),
            Placement::Node(_) => node.is_some() && self.home_of(placement) == node,
        }
    }

    /// The node that pods are pinned to.
    pub(super) fn home_of(&self, placement: &Placement) -> Option<usize> {
        let Placement::Node(name) = placement else { return None };
        self.nodes.iter().position(|node| node.name == *name)
    }

    /// What answers on an address of a node itself: entrances on every node, resolvers of the node, and servers in its
    /// network namespace. `home` is the node, where the snapshot has its files; `from` the sender's node.
    fn on_node(&self, home: Option<usize>, from: usize, target: Target) -> Vec<Door> {
        if !target.ip.is_loopback() {
            let entered = self.entered(None, home.unwrap_or(from), target);
            if !entered.is_empty() {
                return entered;
            }
        }
        let servers = self.servers_on(home, from, target);
        let bound = |door: &Door| {
            let Taker::Server { server, .. } = door.taker else { return false };
            self.servers.get(server).is_some_and(|v| v.blocks.iter().any(|block| is_bound_to(block, target.ip)))
        };
        if servers.iter().any(bound) {
            return servers;
        }
        let locals = self.locals_on(home, target);
        if locals.is_empty() { servers } else { locals }
    }

    /// Resolvers of a node that answer on the address; a socket on that very address comes first.
    fn locals_on(&self, home: Option<usize>, target: Target) -> Vec<Door> {
        let Some((at, node)) = home.and_then(|at| Some((at, self.nodes.get(at)?))) else { return Vec::new() };
        let takes = |local: &super::LocalResolver| !target.encrypted && local.takes(target.ip, target.port);
        let exact = node.locals.iter().any(|local| takes(local) && !local.listens.is_empty());
        let taking = node.locals.iter().enumerate().filter(|(_, local)| takes(local));
        taking
            .filter(|(_, local)| !exact || !local.listens.is_empty())
            .map(|(index, _)| Door {
                taker: Taker::Resolver(Site::Local { node: at, index }),
                node: Some(at),
                route: Route::Node(home),
            })
            .collect()
    }

    /// Servers in the network namespace of a node. On another node than the sender's one is there for certain only if
    /// it runs on every node, or is pinned to that one.
    fn servers_on(&self, home: Option<usize>, from: usize, target: Target) -> Vec<Door> {
        let node = home.unwrap_or(from);
        let is_there = |placement: &Placement| {
            self.runs_on(placement, home) || (*placement == Placement::Any && home == Some(from))
        };
        let arrival = arrival(target);
        let mut found = Vec::new();
        for (server, vertex) in self.servers.iter().enumerate() {
            if vertex.dns.host_network && is_there(&vertex.placement) && listens(&vertex.blocks, arrival) {
                let taker = Taker::Server { server, arrival };
                found.push(Door { taker, node: Some(node), route: Route::Node(home) });
            }
        }
        for (index, pod) in self.pods.iter().enumerate().filter(|(_, pod)| pod.dns.host_network) {
            if is_there(&pod.placement) && !target.encrypted && pod.resolver.takes(target.ip, target.port) {
                found.push(pod_door(index, Some(node), Route::Node(home)));
            }
        }
        found
    }
}

const fn pod_door(index: usize, node: Option<usize>, route: Route) -> Door {
    Door { taker: Taker::Resolver(Site::Pod { index }), node, route }
}

const fn arrival(target: Target) -> Arrival {
    Arrival { ip: Some(target.ip), port: Some(target.port), encrypted: target.encrypted }
}

/// Whether a server creates the address, or one of its blocks is bound to it.
fn owns(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    creates(vertex, ip) || vertex.blocks.iter().any(|block| is_bound_to(block, ip))
}

/// Whether a node cache creates the address on its node.
pub(super) fn creates(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    vertex.local_ips.iter().any(|local| local.value == ip)
}
