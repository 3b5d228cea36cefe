//! The words for a door of the routing graph: what leads through it, and what it means where there is none.

use super::names::Answer;
use super::step::Step;
use super::walk::{Query, Walk};
use crate::analysis::servers::routing::{Door, Route, Sender, Target};
use crate::analysis::transport::Transport;
use crate::model::service::Service;
use crate::source::{Located, Location};
use std::net::IpAddr;

impl<'w> Walk<'w, '_> {
    /// The step that leads into a door; `None` where the taker is named at once.
    pub(super) fn title(&self, target: Target, door: &Door) -> Option<Step> {
        let ip = target.ip;
        let whose = self.graph.taker_name(door.taker);
        let (text, at) = match &door.route {
            Route::Itself | Route::Beside | Route::Node(_) => return None,
            Route::Redirect(index) => {
                let policy = self.graph.redirects.get(*index)?;
                let text = format!("{ip}: the redirect policy {} sends it to {whose} on the same node", policy.name);
                (text, Some(policy.location))
            }
            Route::Cache(location) => {
                (format!("{ip}: node cache {whose}, on the pod's own node, without NAT"), *location)
            }
            Route::Entrance { what, location, of_nodes: true } => {
                let text = format!("{ip}, port {}: {} of {whose}", target.port, what.trim_end_matches(','));
                (text, *location)
            }
            Route::Entrance { what, location, .. } => match self.service(ip) {
                Some(service) => (service_title(ip, service), service_place(ip, service).or(*location)),
                None if *what == "the Service" => (format!("{ip}: the DNS Service"), *location),
                None => (format!("{ip}: {what} of {whose}"), *location),
            },
        };
        let text = if target.encrypted { format!("{text}, over TLS") } else { text };
        let mut step = Step::new(text, at);
        step.dnat = matches!(door.route, Route::Entrance { .. }) && !self.socket_lb;
        Some(step)
    }

    /// What stands before the name of a taker.
    pub(super) fn lead(&self, target: Target, door: &Door) -> String {
        let ip = target.ip;
        match door.route {
            Route::Itself => format!("{ip} is the server itself"),
            Route::Node(home) => format!("{ip} of {}", self.node_words(home)),
            _ => ip.to_string(),
        }
    }

    pub(super) fn node_words(&self, node: Option<usize>) -> String {
        match node.and_then(|node| self.graph.nodes.get(node)).map(|site| site.name.as_str()) {
            None | Some("") => "the node".to_owned(),
            Some(name) => format!("node {name}"),
        }
    }

    fn service(&self, ip: IpAddr) -> Option<&'w Service> {
        let has = |service: &&Service| service_addresses(service).any(|own| own.value.parse() == Ok(ip));
        self.cluster.objects.services.iter().find(has)
    }

    /// A Service without the port and protocol, or one that leads to no server.
    pub(super) fn closed_service(&self, query: Query<'_>, target: Target, doors: &[Door]) -> Option<Step> {
        let translated = |door: &Door| matches!(door.route, Route::Entrance { of_nodes: false, .. });
        if !doors.is_empty() && !doors.iter().any(translated) {
            return None;
        }
        let service = self.service(target.ip)?;
        let protocol = if query.transport == Transport::Tcp || target.encrypted { "TCP" } else { "UDP" };
        let reason = if !service.has_port(i64::from(target.port), protocol) {
            format!("the Service has no port {}/{protocol}", target.port)
        } else if doors.is_empty() {
            "it leads to no DNS server of the snapshot".to_owned()
        } else {
            return None;
        };
        let (title, place) = (service_title(target.ip, service), service_place(target.ip, service));
        Some(Step::dead(title, place, reason))
    }

    /// The end of a query that nobody of the snapshot takes.
    pub(super) fn nobody(&self, query: Query<'_>, target: Target) -> Step {
        let Target { ip, port, encrypted } = target;
        let on_host = self.graph.is_on_host(query.sender);
        if ip.is_loopback() && query.sender == Sender::Client {
            return Step::dead(ip.to_string(), None, "in a pod that is the pod itself: nothing answers there");
        }
        if ip.is_loopback() && !on_host {
            let reason = format!("nothing that the snapshot shows in its pod listens on port {port}");
            return Step::new(format!("{ip}: its own pod"), None).ending(Answer::Unknown { reason });
        }
        let home =
            if ip.is_loopback() { Some(query.from.node) } else { *self.graph.node_addresses.get(&ip).unwrap_or(&None) };
        if let Some(home) = home {
            let place = self.node_words(Some(home));
            let reason = format!("the snapshot shows nothing on {place} that answers on port {port} there");
            return Step::new(format!("{ip}: {place}"), None).ending(Answer::Unknown { reason });
        }
        let text = if encrypted { format!("{ip}: over TLS") } else { format!("{ip}: outside the snapshot") };
        Step::new(text, None).ending(query.outside(ip))
    }
}

fn service_title(ip: IpAddr, service: &Service) -> String {
    format!("{ip}: Service {}/{}", service.meta.namespace.value, service.meta.name.value)
}

fn service_place(ip: IpAddr, service: &Service) -> Option<Location> {
    service_addresses(service).find(|own| own.value.parse() == Ok(ip)).and_then(Located::location)
}

/// Its own addresses, and those of the load balancer in front of it.
fn service_addresses(service: &Service) -> impl Iterator<Item = &Located<String>> {
    service.cluster_ips.iter().chain(&service.external_ips).chain(&service.ingress_ips)
}
