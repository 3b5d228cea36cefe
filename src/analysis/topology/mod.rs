//! The map of a cluster's name resolution: who asks whom for which names, folded until a person can read it.
//!
//! Vertices are pods (folded by what decides their way), the nodes' own processes, node caches, DNS servers, other
//! resolvers on nodes and in pods, and addresses outside. An edge is a way that queries take. It works for the classes of names that the
//! routing graph knows ([`Graph::zones`](crate::analysis::servers::routing::Graph::zones)); drawing is not its matter.

mod build;
mod clients;
mod fold;
mod groups;
mod loops;
mod vertices;

pub use build::of;
pub use fold::{name_list, widest_zones};

use serde::Serialize;

/// Most vertices of one kind; more are counted in [`Topology::left_out`].
pub const MAX_OF_KIND: usize = 40;
/// Most blocks of one server.
pub const MAX_BLOCKS: usize = 64;
/// Most zones that are told apart.
pub const MAX_ZONES: usize = 256;
/// Most names that are listed of a group.
pub const MAX_NAMES: usize = 100;

/// What is to be mapped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopologyOptions {
    /// Only the ways of names in this zone.
    pub zone: Option<String>,
    /// Only the ways that start on this node.
    pub node: Option<String>,
    /// Kubernetes release where the input does not show it.
    pub kubernetes: Option<String>,
}

/// Who asks whom in a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Topology {
    /// Nodes that the map speaks of, in natural order; at most [`MAX_NAMES`].
    pub nodes: Vec<String>,
    /// How many nodes those are.
    pub node_count: usize,
    /// Zones whose names are told apart, fully qualified and sorted; `.` is every name that no other one holds.
    pub zones: Vec<String>,
    /// The only zone that is mapped, fully qualified.
    pub zone: Option<String>,
    /// Clients first, addresses outside last.
    pub vertices: Vec<Vertex>,
    /// Sorted by start, block and end.
    pub edges: Vec<Edge>,
    /// Ways on which a query comes back to where it was.
    pub loops: Vec<Loop>,
    /// What the map does not have room for.
    pub left_out: Vec<LeftOut>,
}

/// What a vertex is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Pods whose files name the same nameservers.
    Pods,
    /// Processes of the node itself, which read its own /etc/resolv.conf.
    NodeProcesses,
    /// NodeLocal DNSCache.
    NodeCache,
    /// CoreDNS or kube-dns.
    Server,
    /// dnsmasq or systemd-resolved on a node.
    NodeResolver,
    /// Another resolver in pods: Pi-hole, AdGuard Home, unbound, dnsmasq.
    PodResolver,
    /// An address outside the snapshot.
    Outside,
    /// The snapshot does not tell who that is.
    Unknown,
    /// Nothing answers there.
    DeadEnd,
}

/// Somebody who asks or is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Vertex {
    /// What it is.
    pub kind: Kind,
    /// Its name: `namespace/name`, a program, an address, or how many it stands for.
    pub title: String,
    /// Further facts, one a line.
    pub details: Vec<String>,
    /// Names of the workloads or addresses that it stands for; at most [`MAX_NAMES`].
    pub members: Vec<String>,
    /// How many those are.
    pub count: usize,
    /// Nodes where it is; empty where that is every node or no matter.
    pub nodes: Vec<String>,
    /// Server blocks; those that send the same names' queries the same way are one.
    pub blocks: Vec<BlockRow>,
}

/// A server block, or several that act alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlockRow {
    /// Zones, fully qualified.
    pub zones: Vec<String>,
    /// Port that it listens on.
    pub port: u16,
    /// Plugins that may answer or send on, and `cache`, in file order.
    pub plugins: Vec<String>,
}

/// How queries travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// UDP, repeated over TCP where the answer is truncated.
    Udp,
    /// TCP.
    Tcp,
    /// TLS or HTTPS.
    Tls,
}

impl Transport {
    /// The word for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
        }
    }
}

/// A way that queries take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Edge {
    /// Index of the vertex that asks.
    pub from: usize,
    /// Index of its block, where it is a server.
    pub block: Option<usize>,
    /// Index of the vertex that is asked.
    pub to: usize,
    /// Addresses that are asked, in the order in which they are written.
    pub addresses: Vec<String>,
    /// Zones whose names go this way, fully qualified and sorted; `.` is every name that no other zone holds.
    pub zones: Vec<String>,
    /// Those are all zones of the map.
    pub all_names: bool,
    /// How queries travel.
    pub transport: Transport,
    /// The Service that the address belongs to.
    pub service: Option<String>,
    /// The address is translated on the way (destination NAT of the Service).
    pub dnat: bool,
    /// Nodes on which this holds; empty where it holds on all.
    pub nodes: Vec<String>,
    /// It is part of a loop.
    pub in_loop: bool,
}

/// A way on which a query comes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loop {
    /// Indexes of the vertices, in the order of the way.
    pub vertices: Vec<usize>,
    /// Indexes of the edges.
    pub edges: Vec<usize>,
    /// Zones whose names go round.
    pub zones: Vec<String>,
}

/// Things of which only the first are in the map.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// What they are, in the plural.
    pub what: String,
    /// How many are missing.
    pub count: usize,
}
