//! The files with nameservers that a server reads in its container.

use crate::analysis::effective::versions::MAX_NAMESERVERS;
use crate::analysis::servers::routing::{Graph, NodeSite, Vertex};
use crate::source::{Located, Location};

/// A file with nameservers in a server's container.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServerFile<'f> {
    /// /etc/resolv.conf as the kubelet makes it.
    Own,
    /// One that a volume puts there.
    Mounted(&'f str),
}

impl ServerFile<'_> {
    pub(super) fn name(self) -> String {
        match self {
            Self::Own => "its resolv.conf".to_owned(),
            Self::Mounted(path) => format!("{path} in its container"),
        }
    }

    pub(super) fn nameservers(
        self,
        graph: &Graph<'_>,
        vertex: &Vertex<'_>,
        node: usize,
    ) -> Option<Vec<Located<String>>> {
        match self {
            Self::Own => {
                let mut list = nameservers(vertex, graph.nodes.get(node))?;
                list.truncate(MAX_NAMESERVERS);
                Some(list)
            }
            Self::Mounted(path) => graph.in_mounted_file(vertex, node, path).map(<[_]>::to_vec),
        }
    }

    /// Where it is decided which file that is.
    pub(super) fn decided_at(self, vertex: &Vertex<'_>) -> Option<Location> {
        match self {
            Self::Own => vertex.policy_location,
            Self::Mounted(path) => vertex.files.get(path).map(|file| file.mount),
        }
    }

    pub(super) fn places(self, graph: &Graph<'_>, vertex: &Vertex<'_>, node: usize) -> Vec<Location> {
        let reasons = graph.nodes.get(node).map(|n| n.host_reasons.iter().map(|(at, _)| *at)).into_iter().flatten();
        let reasons = reasons.filter(|_| matches!(self, Self::Own));
        self.decided_at(vertex).into_iter().chain(reasons).collect()
    }
}

fn nameservers(vertex: &Vertex<'_>, site: Option<&NodeSite>) -> Option<Vec<Located<String>>> {
    let site = site?;
    let clustered =
        vertex.policy == "ClusterFirstWithHostNet" || (vertex.policy == "ClusterFirst" && !vertex.host_network);
    if clustered && !site.cluster_dns.is_empty() {
        return Some(site.cluster_dns.iter().map(|ip| ip.with(ip.value.to_string())).collect());
    }
    if vertex.policy == "None" { None } else { site.host_nameservers.clone() }
}
