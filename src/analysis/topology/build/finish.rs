//! The last step: folds rows and addresses, finds the edges of loops, and puts everything in order.

use super::{Builder, EdgeKey, Key};
use crate::analysis::topology::fold::{self, first_names, natural};
use crate::analysis::topology::{
    BlockRow, Edge, Kind, LeftOut, Loop, MAX_BLOCKS, MAX_NAMES, Topology, Transport, name_list,
};
use std::collections::{BTreeMap, BTreeSet};

impl Builder<'_, '_> {
    /// Folds what goes the same way, and orders everything.
    pub fn finish(mut self, one_zone: bool) -> Topology {
        let rows = self.fold_rows();
        let merged = self.merge_outside();
        let all: BTreeSet<usize> = (0..self.input.groups.len()).collect();
        let mut edges: Vec<(EdgeKey, Edge)> = Vec::new();
        for (key, carried) in std::mem::take(&mut self.edges) {
            let mut by_groups: BTreeMap<&BTreeSet<usize>, Vec<String>> = BTreeMap::new();
            for (zone, groups) in &carried.zones {
                by_groups.entry(groups).or_default().push(zone.clone());
            }
            for (groups, zones) in by_groups {
                let in_loop =
                    self.rounds.iter().any(|(set, z)| set.contains(&key) && zones.iter().any(|o| z.contains(o)));
                let edge = Edge {
                    from: key.from,
                    block: key.block,
                    to: key.to,
                    addresses: carried.addresses.clone(),
                    all_names: !one_zone && zones.len() == self.zones.len(),
                    zones,
                    transport: key.transport,
                    dnat: self.dnat && key.service.is_some(),
                    service: key.service.clone(),
                    nodes: if *groups == all { Vec::new() } else { self.names(groups) },
                    in_loop,
                };
                edges.push((key.clone(), edge));
            }
        }
        self.assemble(edges, &rows, &merged, one_zone)
    }

    fn names(&self, groups: &BTreeSet<usize>) -> Vec<String> {
        let names = groups.iter().filter_map(|g| self.input.groups.get(*g)).flat_map(|g| g.names.iter().cloned());
        let mut names: Vec<String> = names.collect();
        names.sort_by(|a, b| natural(a, b));
        names
    }

    /// Blocks that send the same way become one row; old to new index, by vertex.
    fn fold_rows(&mut self) -> BTreeMap<(usize, usize), usize> {
        type Way = (usize, Transport, Option<String>, Vec<String>, BTreeSet<usize>);
        let mut ways: BTreeMap<(usize, usize), BTreeSet<Way>> = BTreeMap::new();
        for (key, carried) in &self.edges {
            let Some(block) = key.block else { continue };
            let groups = carried.zones.values().flatten().copied().collect();
            let way = (key.to, key.transport, key.service.clone(), carried.addresses.clone(), groups);
            ways.entry((key.from, block)).or_default().insert(way);
        }
        let mut renamed = BTreeMap::new();
        for (index, vertex) in self.vertices.iter_mut().enumerate() {
            let mut rows: Vec<(BlockRow, Option<&BTreeSet<Way>>)> = Vec::new();
            for (old, row) in std::mem::take(&mut vertex.blocks).into_iter().take(MAX_BLOCKS).enumerate() {
                let way = ways.get(&(index, old));
                let same = |(other, its): &(BlockRow, Option<&BTreeSet<Way>>)| {
                    other.port == row.port && other.plugins == row.plugins && *its == way
                };
                let at = rows.iter().position(same).unwrap_or(rows.len());
                match rows.get_mut(at) {
                    Some((known, _)) => known.zones.extend(row.zones),
                    None => rows.push((row, way)),
                }
                renamed.insert((index, old), at);
            }
            vertex.blocks = rows.into_iter().map(|(row, _)| row).collect();
        }
        let rename = |key: EdgeKey| {
            let block = key.block.and_then(|old| renamed.get(&(key.from, old)).copied());
            EdgeKey { block, ..key }
        };
        self.rekey(&rename);
        renamed
    }

    /// Addresses outside that are asked alike become one vertex.
    fn merge_outside(&mut self) -> Vec<usize> {
        let merged = fold::outside(&self.vertices, &self.edges);
        for (old, new) in merged.iter().enumerate().filter(|(old, new)| old != *new) {
            let from = self.vertices.get(old).cloned();
            if let (Some(from), Some(into)) = (from, self.vertices.get_mut(*new)) {
                into.members.extend(from.members);
                into.count += from.count;
                into.title = name_list(&into.members, into.count, "addresses");
            }
        }
        self.rekey(&|key| EdgeKey { to: merged.get(key.to).copied().unwrap_or(key.to), ..key });
        merged
    }

    fn rekey(&mut self, rename: &dyn Fn(EdgeKey) -> EdgeKey) {
        for (key, carried) in std::mem::take(&mut self.edges) {
            let into = self.edges.entry(rename(key)).or_default();
            for address in carried.addresses {
                if !into.addresses.contains(&address) {
                    into.addresses.push(address);
                }
            }
            for (zone, groups) in carried.zones {
                into.zones.entry(zone).or_default().extend(groups);
            }
        }
        for (set, zones) in std::mem::take(&mut self.rounds) {
            self.rounds.entry(set.into_iter().map(rename).collect()).or_default().extend(zones);
        }
    }

    fn assemble(
        self,
        edges: Vec<(EdgeKey, Edge)>,
        rows: &BTreeMap<(usize, usize), usize>,
        merged: &[usize],
        one_zone: bool,
    ) -> Topology {
        let linked: BTreeSet<usize> = edges.iter().flat_map(|(_, e)| [e.from, e.to]).collect();
        let taken = if one_zone { self.taken_rows(rows) } else { BTreeSet::new() };
        let mut order: Vec<usize> = (0..self.vertices.len())
            .filter(|v| merged.get(*v) == Some(v))
            .filter(|v| !one_zone || linked.contains(v) || taken.iter().any(|(vertex, _)| vertex == v))
            .collect();
        order.sort_by_key(|v| self.vertices.get(*v).map(|vertex| vertex.kind));
        let place: BTreeMap<usize, usize> = order.iter().enumerate().map(|(new, old)| (*old, new)).collect();
        let moved = |old: usize| place.get(&old).copied().unwrap_or_default();
        let mut edges: Vec<(EdgeKey, Edge)> = edges;
        edges.iter_mut().for_each(|(_, edge)| (edge.from, edge.to) = (moved(edge.from), moved(edge.to)));
        edges.sort_by(|(_, a), (_, b)| (a.from, a.block, a.to, &a.zones).cmp(&(b.from, b.block, b.to, &b.zones)));
        let mut loops = Vec::new();
        for (set, zones) in &self.rounds {
            let of_round =
                |key: &EdgeKey, edge: &Edge| set.contains(key) && edge.zones.iter().any(|z| zones.contains(z));
            let found: Vec<usize> =
                edges.iter().enumerate().filter(|(_, (key, edge))| of_round(key, edge)).map(|(at, _)| at).collect();
            let vertices = way_round(&found, &edges);
            loops.push(Loop { vertices, edges: found, zones: zones.iter().cloned().collect() });
        }
        loops.sort_by(|a, b| (&a.vertices, &a.edges).cmp(&(&b.vertices, &b.edges)));
        let names: Vec<String> = self.input.groups.iter().flat_map(|g| g.names.iter().cloned()).collect();
        let kept = |old: &usize| {
            let mut vertex = self.vertices.get(*old).cloned()?;
            vertex.nodes.sort_by(|a, b| natural(a, b));
            if vertex.nodes.len() == names.len() && names.len() > 1 && vertex.kind != Kind::NodeResolver {
                vertex.nodes.clear();
            }
            vertex.members = vertex.members.into_iter().take(MAX_NAMES).collect();
            Some(vertex)
        };
        Topology {
            node_count: names.len(),
            zones: self.zones.iter().map(|(zone, _)| zone.clone()).collect(),
            zone: self.zones.first().filter(|_| one_zone).map(|(zone, _)| zone.clone()),
            vertices: order.iter().filter_map(kept).collect(),
            edges: edges.into_iter().map(|(_, edge)| edge).collect(),
            loops,
            left_out: self.missing(),
            nodes: first_names(names),
        }
    }

    /// Rows, by vertex, that take the only zone.
    fn taken_rows(&self, rows: &BTreeMap<(usize, usize), usize>) -> BTreeSet<(usize, usize)> {
        let graph = self.input.graph;
        let Some((_, name)) = self.zones.first() else { return BTreeSet::new() };
        let servers = self.known.iter().filter_map(|(key, vertex)| match key {
            Key::Server(index) => Some((*index, *vertex)),
            _ => None,
        });
        let mut taken = BTreeSet::new();
        for (server, vertex) in servers {
            let blocks = graph.servers.get(server).map_or(0, |v| v.blocks.len());
            for block in (0..blocks).filter(|b| graph.takes(server, *b, name)) {
                taken.extend(rows.get(&(vertex, block)).map(|row| (vertex, *row)));
            }
        }
        taken
    }

    fn missing(&self) -> Vec<LeftOut> {
        let more = |what: &str, count: usize| LeftOut { what: what.to_owned(), count };
        let mut list: Vec<LeftOut> = self.left_out.iter().map(|(what, keys)| more(what, keys.len())).collect();
        list.push(more("shapes of pods", self.left_out_pods));
        list.push(more("zones", self.left_out_zones));
        let blocks = self.input.graph.servers.iter().map(|v| v.blocks.len().saturating_sub(MAX_BLOCKS)).sum();
        list.push(more("server blocks", blocks));
        list.retain(|l| l.count > 0);
        list
    }
}

/// The vertices of a loop, from the first one along the edges.
fn way_round(found: &[usize], edges: &[(EdgeKey, Edge)]) -> Vec<usize> {
    let list: Vec<&Edge> = found.iter().filter_map(|at| edges.get(*at)).map(|(_, edge)| edge).collect();
    let mut way: Vec<usize> = list.iter().map(|e| e.from).min().into_iter().collect();
    while let Some(last) = way.last() {
        let next = list.iter().filter(|e| e.from == *last).map(|e| e.to).find(|to| !way.contains(to));
        let Some(next) = next else { break };
        way.push(next);
    }
    way
}
