//! What the Corefiles of the cluster say of the nodes' resolver files, found once for all nodes.

use crate::analysis::servers::read::{Block, Upstream, blocks, release};
use crate::model::Cluster;
use crate::model::dns_server::DnsServer;

/// What the Corefiles tell.
#[derive(Default)]
pub struct Corefiles {
    /// There are DNS servers, and their Corefiles are there and name no file.
    pub read_no_file: bool,
    /// How a CoreDNS asks the servers of its node's file, where it does not keep their order.
    pub order: Option<&'static str>,
    /// What installs such a CoreDNS: `k3s` or `rke2`.
    pub distribution: Option<&'static str>,
}

impl Corefiles {
    /// Reads them.
    pub fn of(cluster: &Cluster) -> Self {
        let servers = &cluster.dns_servers;
        let reads = |server: &DnsServer| {
            let names_other = |up: &Upstream| !matches!(up, Upstream::Address { .. });
            server.config.is_none() || upstreams(&blocks_of(server)).any(names_other)
        };
        Self {
            read_no_file: !servers.is_empty() && !servers.iter().any(reads),
            order: servers.iter().filter(|server| inherits(cluster, server)).find_map(order),
            distribution: distribution(servers),
        }
    }
}

fn blocks_of(server: &DnsServer) -> Vec<Block<'_>> {
    let version = release(server);
    server.config.iter().flat_map(|config| blocks(config, version)).collect()
}

fn upstreams<'b>(blocks: &'b [Block<'_>]) -> impl Iterator<Item = &'b Upstream> {
    blocks.iter().flat_map(|block| &block.forwards).flat_map(|forward| &forward.upstreams).map(|up| &up.value)
}

/// Whether the pods of a server have the node's resolver file; they do where nothing tells.
fn inherits(cluster: &Cluster, server: &DnsServer) -> bool {
    let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
    workload.is_none_or(|workload| workload.pod.inherits_node_file())
}

/// How some forward to a file asks the servers in it, where it does not keep their order.
fn order(server: &DnsServer) -> Option<&'static str> {
    blocks_of(server).iter().flat_map(|block| &block.forwards).find_map(|forward| {
        let reads = forward.upstreams.iter().any(|up| matches!(up.value, Upstream::File(_)));
        forward.order().filter(|_| reads)
    })
}

/// k3s or RKE2, told by the image of the packaged CoreDNS, or by k3s's Corefile: it reads the names of the nodes from a file
/// that k3s maintains.
fn distribution(servers: &[DnsServer]) -> Option<&'static str> {
    let mut images = servers.iter().filter_map(|server| server.image.as_ref());
    if images.any(|image| image.value.contains("rancher/hardened-coredns")) {
        return Some("rke2");
    }
    let blocks = servers.iter().filter_map(|server| server.config.as_ref()).flat_map(|config| &config.corefile.blocks);
    let mut hosts = blocks.flat_map(|block| block.directives_named("hosts"));
    hosts.any(|directive| directive.args.iter().any(|word| word.text.contains("NodeHosts"))).then_some("k3s")
}
