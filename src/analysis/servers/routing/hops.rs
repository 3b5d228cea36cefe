//! The words of a cycle: what happens at each hop, and where it is written.

use super::cycles::{Hop, Search, Taken};
use super::steps::Via;
use super::{Site, Vertex};
use crate::analysis::servers::upstream_files::Source;
use crate::source::Located;

impl Search<'_, '_> {
    /// What happens on an edge: why the upstream is asked, then how it gets there.
    pub(super) fn hops(&self, taken: &Taken, zone: &str) -> Vec<Hop> {
        let step = &taken.step;
        let mut hops = match taken.from.site {
            Site::Block { server, block } => self.forward_hops(server, block, taken, zone),
            site => sent_on(self.graph.resolver(site).map(|(_, name)| name), &step.nameserver),
        };
        hops.extend(step.landings.get(taken.landing).into_iter().flat_map(|landing| landing.hops.iter().cloned()));
        hops
    }

    fn forward_hops(&self, server: usize, block: usize, taken: &Taken, zone: &str) -> Vec<Hop> {
        let step = &taken.step;
        let Some(vertex) = self.graph.servers.get(server) else { return Vec::new() };
        let forward = vertex.blocks.get(block).and_then(|b| b.forwards.get(step.forward));
        let names =
            if zone == "." { "every name that nothing else answers".to_owned() } else { format!("names below {zone}") };
        let text = match step.via {
            Via::File => format!("{names}: sent to the nameservers of the server's own /etc/resolv.conf"),
            Via::Mounted(at) => {
                let path = vertex.files.keys().nth(at).map_or("a file", String::as_str);
                format!("{names}: sent to the nameservers of {path} in its container")
            }
            Via::KubeDns => format!("{names}: sent to the upstreamNameservers of the kube-dns ConfigMap"),
            Via::Argument | Via::Resolver => format!("{names}: sent to {}", step.nameserver.value),
        };
        let mut hops: Vec<Hop> = forward.map(|f| Hop { location: f.location, text }).into_iter().collect();
        match step.via {
            Via::File => hops.extend(self.file_hops(vertex, taken)),
            Via::Mounted(at) => hops.extend(mounted_hops(vertex, at, &step.nameserver)),
            Via::KubeDns => {
                let text = format!("the ConfigMap names {}", step.nameserver.value);
                hops.extend(step.nameserver.location().map(|location| Hop { location, text }));
            }
            Via::Argument | Via::Resolver => {}
        }
        hops
    }

    /// Why a nameserver is in the server's own resolver file.
    fn file_hops(&self, vertex: &Vertex<'_>, taken: &Taken) -> Vec<Hop> {
        let mut hops = Vec::new();
        let nameserver = &taken.step.nameserver;
        let by_config = vertex.dns.nameservers.iter().any(|n| n.origins == nameserver.origins && !n.origins.is_empty());
        if let Some(location) = vertex.dns.policy_location.filter(|_| !by_config) {
            hops.push(Hop { location, text: format!("dnsPolicy {} decides which file that is", vertex.dns.policy) });
        }
        let node = self.graph.nodes.get(taken.from.node);
        let clustered = node.is_some_and(|n| n.cluster_dns.iter().any(|ip| ip.origins == nameserver.origins));
        if !by_config && !clustered {
            let reasons = node.map(|n| n.host_reasons.clone()).unwrap_or_default();
            hops.extend(reasons.into_iter().map(|(location, text)| Hop { location, text }));
        }
        let source = match (by_config, clustered) {
            (true, _) => "its dnsConfig names",
            (_, true) => "the kubelet writes its clusterDNS into the file:",
            _ => "the file names",
        };
        let text = format!("{source} {}", nameserver.value);
        hops.extend(nameserver.location().map(|location| Hop { location, text }));
        hops
    }
}

/// What puts a file into the container, and the nameserver in it.
fn mounted_hops(vertex: &Vertex<'_>, at: usize, nameserver: &Located<String>) -> Vec<Hop> {
    let Some(file) = vertex.files.values().nth(at) else { return Vec::new() };
    let whence = match &file.source {
        Source::Node(path) => format!("this mount puts {path} of the node there"),
        Source::Written(_) | Source::Unknown => "this mount puts the file there".to_owned(),
    };
    let text = format!("the file names {}", nameserver.value);
    let named = nameserver.location().map(|location| Hop { location, text });
    std::iter::once(Hop { location: file.mount, text: whence }).chain(named).collect()
}

fn sent_on(program: Option<&str>, upstream: &Located<String>) -> Vec<Hop> {
    let text = format!("{} sends it on to {}", program.unwrap_or_default(), upstream.value);
    upstream.location().map(|location| Hop { location, text }).into_iter().collect()
}
