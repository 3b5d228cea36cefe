//! Who answers at an address: the order in which the kernel, redirect policies, node caches, Services and nodes take it.

use super::{Entrance, Graph, Hop, Placement, Site, Target, Vertex};
use crate::analysis::servers::select::{Arrival, is_bound_to, select};
use crate::source::Location;
use std::net::IpAddr;

/// Who sends a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A process in the node's network namespace.
    Node,
    /// A process in a pod of its own.
    Client,
    /// A server, by its index.
    Server(usize),
    /// Another resolver in a pod, by its index.
    Pod(usize),
}

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
    /// Everything that answers at a target for a sender on a node; in a pod, loopback is the pod itself.
    pub(super) fn land(&self, sender: Sender, node: usize, target: Target, name: &str) -> Vec<Landing> {
        let ip = target.ip;
        if ip.is_loopback() {
            return match sender {
                Sender::Server(own) if !self.is_on_host(sender) => self.own_block(own, node, target, name),
                Sender::Pod(own) if !self.is_on_host(sender) => self.beside(own, node, target),
                Sender::Client => Vec::new(),
                _ => self.on_node(Some(node), node, target, name),
            };
        }
        if let Some(found) = self.redirected(sender, node, target, name) {
            return found;
        }
        // an address that the sender itself binds stays with it, before any Service translation
        if let Sender::Server(own) = sender
            && self.servers.get(own).is_some_and(|vertex| owns(vertex, ip))
        {
            return self.own_block(own, node, target, name);
        }
        let translated = self.services_first && self.is_service(ip);
        let caches = if translated { Vec::new() } else { self.caches_on(node, target, name) };
        if !caches.is_empty() {
            return caches;
        }
        let services = self.entered(Some(ip), node, target, name);
        if !services.is_empty() {
            return services;
        }
        match self.node_addresses.get(&ip) {
            Some(home) => self.on_node(*home, node, target, name),
            None => Vec::new(),
        }
    }

    fn is_on_host(&self, sender: Sender) -> bool {
        match sender {
            Sender::Node => true,
            Sender::Client => false,
            Sender::Server(index) => self.servers.get(index).is_some_and(|v| v.host_network),
            Sender::Pod(index) => self.pods.get(index).is_some_and(|p| p.host_network),
        }
    }

    /// Whether an address is that of a Service in front of a server.
    pub(super) fn is_service(&self, ip: IpAddr) -> bool {
        self.servers.iter().any(|v| v.entrances.iter().any(|entrance| entrance.ip == Some(ip)))
    }

    fn own_block(&self, own: usize, node: usize, target: Target, name: &str) -> Vec<Landing> {
        let Some(vertex) = self.servers.get(own) else { return Vec::new() };
        let Some(block) = select(&vertex.blocks, name, arrival(target)) else { return Vec::new() };
        let text = format!("{} is the server itself: this block answers there", target.ip);
        vec![self.in_block(own, block, node, text)]
    }

    /// Other resolvers in the same pod.
    fn beside(&self, own: usize, node: usize, target: Target) -> Vec<Landing> {
        let Some(sender) = self.pods.get(own) else { return Vec::new() };
        let same = |pod: &&super::PodResolver| pod.workload == sender.workload;
        let found = self.pods.iter().enumerate().filter(|(_, pod)| same(pod));
        found
            .filter(|(_, pod)| !target.encrypted && pod.resolver.takes(target.ip, target.port))
            .map(|(index, _)| self.in_pod(index, node, Vec::new(), false))
            .collect()
    }

    fn in_block(&self, server: usize, block: usize, node: usize, text: String) -> Landing {
        let hops = self.block_location(server, block).map(|location| Hop { location, text });
        Landing { site: Site::Block { server, block }, node, hops: hops.into_iter().collect(), service: false }
    }

    fn in_pod(&self, index: usize, node: usize, mut hops: Vec<Hop>, service: bool) -> Landing {
        if let Some(pod) = self.pods.get(index) {
            let text = format!("{} of {} takes it", pod.resolver.program, pod.name);
            hops.push(Hop { location: pod.resolver.location, text });
        }
        Landing { site: Site::Pod { index }, node, hops, service }
    }

    pub(super) fn block_location(&self, server: usize, block: usize) -> Option<Location> {
        Some(self.servers.get(server)?.blocks.get(block)?.location)
    }

    /// What a redirect policy makes of the query; `None` where none takes it.
    fn redirected(&self, sender: Sender, node: usize, target: Target, name: &str) -> Option<Vec<Landing>> {
        let takes = |redirect: &&super::Redirect| {
            let from_backend = sender == Sender::Server(redirect.server);
            redirect.addresses.contains(&target.ip) && !(from_backend && redirect.skips_backend)
        };
        let redirect = self.redirects.iter().find(takes)?;
        let vertex = self.servers.get(redirect.server)?;
        let at_pod = Arrival { ip: None, port: redirect.port, encrypted: target.encrypted };
        let block = select(&vertex.blocks, name, at_pod)?;
        let text = format!("the policy sends {} to {} on the same node", target.ip, vertex.name);
        let mut landing = self.in_block(redirect.server, block, node, "this block takes it".to_owned());
        landing.hops.insert(0, Hop { location: redirect.location, text });
        landing.service = true;
        Some(vec![landing])
    }

    fn caches_on(&self, node: usize, target: Target, name: &str) -> Vec<Landing> {
        let ip = target.ip;
        let mut found = Vec::new();
        for (server, vertex) in self.servers.iter().enumerate() {
            if let Some(local) = vertex.local_ips.iter().find(|local| local.value == ip)
                && let Some(block) = select(&vertex.blocks, name, arrival(target))
            {
                let mut landing = self.in_block(server, block, node, "this block takes it".to_owned());
                let text = format!("{} listens on {ip} on every node", vertex.name);
                landing.hops.splice(0..0, local.location().map(|location| Hop { location, text }));
                found.push(landing);
            }
        }
        found
    }

    /// What the entrances of an address lead to; `None` stands for those on every node.
    fn entered(&self, ip: Option<IpAddr>, node: usize, target: Target, name: &str) -> Vec<Landing> {
        let fits = |placement: &Placement, entrance: &Entrance| {
            let beside = !entrance.beside_pods || self.runs_on(placement, Some(node));
            entrance.ip == ip && entrance.port == target.port && beside
        };
        let hop = |entrance: &Entrance, whose: &str| {
            let text = match entrance.ip {
                Some(ip) => format!("{ip} is {} in front of {whose}", entrance.what),
                None => format!("port {} of every node is {} in front of {whose}", entrance.port, entrance.what),
            };
            entrance.location.map(|location| Hop { location, text })
        };
        let mut found = Vec::new();
        for (server, vertex) in self.servers.iter().enumerate() {
            let Some(entrance) = vertex.entrances.iter().find(|e| fits(&vertex.placement, e)) else { continue };
            let at_pod = Arrival { ip: None, port: entrance.pod_port, encrypted: target.encrypted };
            if let Some(block) = select(&vertex.blocks, name, at_pod) {
                let home = self.home_of(&vertex.placement).unwrap_or(node);
                let mut landing = self.in_block(server, block, home, "this block takes it".to_owned());
                landing.hops.splice(0..0, hop(entrance, &vertex.name));
                landing.service = true;
                found.push(landing);
            }
        }
        for (index, pod) in self.pods.iter().enumerate().filter(|_| !target.encrypted) {
            let Some(entrance) = pod.entrances.iter().find(|e| fits(&pod.placement, e)) else { continue };
            if entrance.pod_port.is_none_or(|port| port == pod.resolver.port) {
                let home = self.home_of(&pod.placement).unwrap_or(node);
                found.push(self.in_pod(index, home, hop(entrance, &pod.name).into_iter().collect(), true));
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
    fn on_node(&self, home: Option<usize>, from: usize, target: Target, name: &str) -> Vec<Landing> {
        if !target.ip.is_loopback() {
            let entered = self.entered(None, home.unwrap_or(from), target, name);
            if !entered.is_empty() {
                return entered;
            }
        }
        let servers = self.servers_on(home, from, target, name);
        let bound = |landing: &Landing| match landing.site {
            Site::Block { server, block } => {
                let block = self.servers.get(server).and_then(|v| v.blocks.get(block));
                block.is_some_and(|block| is_bound_to(block, target.ip))
            }
            _ => false,
        };
        if servers.iter().any(bound) {
            return servers;
        }
        let locals = self.locals_on(home, target);
        if locals.is_empty() { servers } else { locals }
    }

    /// Resolvers of a node that answer on the address; a socket on that very address comes first.
    fn locals_on(&self, home: Option<usize>, target: Target) -> Vec<Landing> {
        let Some((at, node)) = home.and_then(|at| Some((at, self.nodes.get(at)?))) else { return Vec::new() };
        let takes = |local: &super::LocalResolver| !target.encrypted && local.takes(target.ip, target.port);
        let exact = node.locals.iter().any(|local| takes(local) && !local.listens.is_empty());
        let taking = node.locals.iter().enumerate().filter(|(_, local)| takes(local));
        taking
            .filter(|(_, local)| !exact || !local.listens.is_empty())
            .map(|(index, local)| {
                let text = format!("{} on node {} answers on {}", local.program, node.name, target.ip);
                let hops = vec![Hop { location: local.location, text }];
                Landing { site: Site::Local { node: at, index }, node: at, hops, service: false }
            })
            .collect()
    }

    /// Servers in the network namespace of a node. On another node than the sender's one is there for certain only if
    /// it runs on every node, or is pinned to that one.
    fn servers_on(&self, home: Option<usize>, from: usize, target: Target, name: &str) -> Vec<Landing> {
        let node = home.unwrap_or(from);
        let is_there = |placement: &Placement| {
            self.runs_on(placement, home) || (*placement == Placement::Any && home == Some(from))
        };
        let mut found = Vec::new();
        for (server, vertex) in self.servers.iter().enumerate() {
            if vertex.host_network
                && is_there(&vertex.placement)
                && let Some(block) = select(&vertex.blocks, name, arrival(target))
            {
                let text = format!("{} listens on {} of the node", vertex.name, target.ip);
                found.push(self.in_block(server, block, node, text));
            }
        }
        for (index, pod) in self.pods.iter().enumerate().filter(|(_, pod)| pod.host_network) {
            if is_there(&pod.placement) && !target.encrypted && pod.resolver.takes(target.ip, target.port) {
                found.push(self.in_pod(index, node, Vec::new(), false));
            }
        }
        found
    }
}

const fn arrival(target: Target) -> Arrival {
    Arrival { ip: Some(target.ip), port: Some(target.port), encrypted: target.encrypted }
}

/// Whether a server creates the address, or one of its blocks is bound to it.
pub(super) fn owns(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    creates(vertex, ip) || vertex.blocks.iter().any(|block| is_bound_to(block, ip))
}

/// Whether a node cache creates the address on its node.
pub(super) fn creates(vertex: &Vertex<'_>, ip: IpAddr) -> bool {
    vertex.local_ips.iter().any(|local| local.value == ip)
}
