//! What the `loop` plugin notices of a cycle: its probe is followed as clients' queries are (plugin/loop of CoreDNS).

use super::cycles::{Search, Way};
use super::steps::Visit;
use super::{Graph, Site};
use crate::analysis::servers::chain::{Asked, Passage, pass, rewritten};
use crate::analysis::servers::read::{Block, Forward};
use crate::analysis::servers::select::{Arrival, select};
use std::cell::Cell;
use std::net::{IpAddr, Ipv4Addr};

/// Vertices that one probe passes at most, over all ways.
const MAX_STEPS: usize = 2000;

/// What the `loop` plugin makes of a cycle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It stops the process when it starts.
    Stops,
    /// It does so only if its one probe takes the upstream that leads back.
    Perhaps,
    /// It does not notice it, for a reason.
    Not(String),
}

impl Graph<'_> {
    /// What the plugin notices, over the blocks of a cycle: one that stops its process is enough.
    pub(super) fn notice(&self, way: &Way, node: usize, zone: &str) -> Notice {
        let blocks = way.blocks();
        let with_plugin = blocks.iter().filter(|(server, block)| self.has_loop(*server, *block));
        let mut judged: Vec<Notice> =
            with_plugin.map(|(server, block)| self.probe(*server, *block, node, zone)).collect();
        // a way that only some queries take is no certain end, wherever the probe starts
        if way.partial {
            judged.iter_mut().filter(|n| **n == Notice::Stops).for_each(|n| *n = Notice::Perhaps);
        }
        let of = |wanted: &Notice| judged.iter().find(|n| *n == wanted).cloned();
        let none = || match blocks.len() {
            1 => "the block does not have it".to_owned(),
            _ => "no server block on the way has it".to_owned(),
        };
        of(&Notice::Stops)
            .or_else(|| of(&Notice::Perhaps))
            .or_else(|| judged.first().cloned())
            .unwrap_or_else(|| Notice::Not(none()))
    }

    fn has_loop(&self, server: usize, block: usize) -> bool {
        self.block(server, block).is_some_and(|b| b.syntax.has("loop"))
    }

    fn block(&self, server: usize, block: usize) -> Option<&Block<'_>> {
        self.servers.get(server)?.blocks.get(block)
    }

    /// Follows the probe of a block: a name below its first zone, of type HINFO, over plain UDP to its first address.
    fn probe(&self, server: usize, index: usize, node: usize, looping: &str) -> Notice {
        let Some(block) = self.block(server, index) else { return Notice::Not(String::new()) };
        let Some(zone) = block.zones.first().map(|zone| zone.value.as_str()) else {
            return Notice::Not("its block has no zone".to_owned());
        };
        let below = if zone == "." { "the root".to_owned() } else { zone.to_owned() };
        let name = if zone == "." { "1.1.".to_owned() } else { format!("1.1.{zone}") };
        if let Some(reason) = self.misses(server, index, block, &name) {
            return Notice::Not(reason);
        }
        let search = Search { graph: self, asked: Asked::Probe, left: Cell::new(MAX_STEPS) };
        let start = Visit { site: Site::Block { server, block: index }, node, name };
        let mut ways = search.ways(&start);
        let found = ways.len();
        ways.retain(|way| !way.blocks().iter().any(|(s, b)| self.block(*s, *b).is_some_and(forwards_one_at_a_time)));
        if ways.is_empty() && found > 0 {
            return Notice::Not("`max_concurrent 1` refuses its probe when it comes back".to_owned());
        }
        match ways.iter().map(|way| way.partial).min() {
            Some(false) => Notice::Stops,
            Some(true) => Notice::Perhaps,
            None if looping == zone => {
                Notice::Not("its probe, of type HINFO and for a name of its own, does not come back".to_owned())
            }
            None => Notice::Not(format!("it probes a name below {below}, which does not go this way")),
        }
    }

    /// Why the probe ends before it has gone anywhere.
    fn misses(&self, server: usize, index: usize, block: &Block<'_>, name: &str) -> Option<String> {
        let socket = block.sockets.first()?;
        if socket.encrypted {
            return Some("it probes over plain UDP, and this block is served over TLS or HTTPS".to_owned());
        }
        let first = block.bind.first().map(|word| word.value.as_str());
        let address = first.map_or(Ok(IpAddr::V4(Ipv4Addr::LOCALHOST)), str::parse);
        if let (Ok(ip), Some(vertex)) = (address, self.servers.get(server)) {
            let arrival = Arrival { ip: Some(ip), port: Some(socket.port), encrypted: false };
            let taken = select(&vertex.blocks, name, arrival);
            if !ip.is_unspecified() && taken != Some(index) {
                return Some(format!("its probe to {ip} is taken by another block"));
            }
        }
        if rewritten(block, name).is_none_or(|new| new != name) {
            return Some("a `rewrite` changes the name of its probe".to_owned());
        }
        match pass(block, name, Asked::Probe) {
            Passage::Ends(plugin) if plugin == "rewrite" => {
                return Some("a `rewrite` changes the type of its probe".to_owned());
            }
            Passage::Ends(plugin) => return Some(format!("`{plugin}` answers its probe")),
            Passage::Unknown => return Some("another plugin may answer its probe".to_owned()),
            Passage::Nowhere | Passage::Forward { .. } => {}
        }
        None
    }
}

/// Whether a query that comes back to the block is refused because the first is still under way.
fn forwards_one_at_a_time(block: &Block<'_>) -> bool {
    let one = |forward: &Forward<'_>| {
        forward.syntax.property("max_concurrent").is_some_and(|p| p.arg_texts().next() == Some("1"))
    };
    block.forwards.iter().any(one)
}
