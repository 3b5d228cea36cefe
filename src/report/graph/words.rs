//! What all drawings say: captions, labels of edges, the line under the title. Input text is made harmless here.

use crate::analysis::topology::{BlockRow, Edge, Kind, Topology, Vertex, name_list, widest_zones};
use crate::report::{plural, sanitize_line};

/// Characters of one line in a drawing; longer ones are cut.
const MAX_LINE: usize = 44;
/// Zones that a label writes out.
const MAX_ZONES: usize = 3;

/// The word above a vertex, in lower case.
pub const fn caption(kind: Kind) -> &'static str {
    match kind {
        Kind::Pods => "pods",
        Kind::NodeProcesses => "node",
        Kind::NodeCache => "node cache",
        Kind::Server => "DNS server",
        Kind::NodeResolver => "resolver on the node",
        Kind::PodResolver => "resolver in pods",
        Kind::Outside => "outside",
        Kind::Unknown => "not known",
        Kind::DeadEnd => "dead end",
    }
}

/// A text of the input on one line: harmless, and no longer than a drawing can bear.
pub fn short(text: &str) -> String {
    let line = sanitize_line(text);
    if line.chars().count() <= MAX_LINE {
        return line;
    }
    line.chars().take(MAX_LINE - 1).chain(['…']).collect()
}

/// A zone without its last dot; the root is hard to see as a dot alone.
fn zone_text(zone: &str) -> String {
    let bare = zone.trim_end_matches('.');
    short(if bare.is_empty() { ". (root)" } else { bare })
}

/// Zones of a block, the first of them, and how many more.
pub fn zones(list: &[&str]) -> String {
    let shown: Vec<String> = list.iter().take(MAX_ZONES).map(|zone| zone_text(zone)).collect();
    let more = list.len().saturating_sub(MAX_ZONES);
    if more == 0 { shown.join(", ") } else { format!("{}, +{more}", shown.join(", ")) }
}

/// The zones of a row, with the port where it is not 53.
pub fn row_zones(row: &BlockRow) -> String {
    let list: Vec<&str> = row.zones.iter().map(String::as_str).collect();
    let text = zones(&list);
    if row.port == 53 { text } else { format!("{text}  port {}", row.port) }
}

/// The plugins of a row.
pub fn row_plugins(row: &BlockRow) -> String {
    short(&row.plugins.join(" · "))
}

/// Zones of an edge, without those that a wider one covers.
pub fn edge_zones(topology: &Topology, edge: &Edge) -> String {
    if edge.all_names {
        return "all names".to_owned();
    }
    let map = topology.zones.iter().map(String::as_str).collect();
    let widest = widest_zones(&edge.zones, &map);
    if widest == ["."] && topology.zone.is_none() { "other names".to_owned() } else { zones(&widest) }
}

/// `UDP`, `TCP, DNAT`.
pub fn edge_transport(edge: &Edge) -> String {
    let dnat = if edge.dnat { " · DNAT" } else { "" };
    format!("{}{dnat}", edge.transport.as_str())
}

/// `only on node1`, where that is so.
pub fn edge_nodes(edge: &Edge) -> Option<String> {
    let list = name_list(&edge.nodes, edge.nodes.len(), "nodes");
    (!edge.nodes.is_empty()).then(|| format!("on {}", short(&list)))
}

/// The lines of an edge's label.
pub fn edge_lines(topology: &Topology, edge: &Edge) -> Vec<String> {
    let zones = edge_zones(topology, edge);
    let first = if edge.in_loop { format!("loop: {zones}") } else { zones };
    let lines = [Some(short(&first)), Some(edge_transport(edge)), edge_nodes(edge)];
    lines.into_iter().flatten().collect()
}

/// The lines of a vertex below its title.
pub fn details(vertex: &Vertex) -> Vec<String> {
    let mut lines: Vec<String> = vertex.details.iter().map(|line| short(line)).collect();
    if vertex.kind == Kind::Outside && vertex.count > 1 {
        let rest = vertex.count.saturating_sub(6);
        lines.extend(vertex.members.iter().take(6).map(|member| short(member)).filter(|_| vertex.count > 3));
        if rest > 0 {
            lines.push(format!("and {rest} more"));
        }
    }
    if !vertex.nodes.is_empty() {
        lines.push(short(&format!("on {}", name_list(&vertex.nodes, vertex.nodes.len(), "nodes"))));
    }
    lines
}

/// The title of the drawing.
pub fn title(name: &str) -> String {
    if name.is_empty() { "Name resolution".to_owned() } else { format!("Name resolution of {}", short(name)) }
}

/// What the drawing shows, in numbers.
pub fn summary(topology: &Topology) -> String {
    let count = |kinds: &[Kind]| topology.vertices.iter().filter(|v| kinds.contains(&v.kind)).count();
    let servers = count(&[Kind::NodeCache, Kind::Server]);
    let outside: usize = topology.vertices.iter().filter(|v| v.kind == Kind::Outside).map(|v| v.count).sum();
    let mut parts = vec![
        plural(topology.node_count, "node"),
        plural(servers, "DNS server"),
        if outside == 1 { "1 upstream outside".to_owned() } else { format!("{outside} upstreams outside") },
    ];
    parts.push(if topology.loops.is_empty() { "no loop".to_owned() } else { plural(topology.loops.len(), "loop") });
    if let Some(zone) = &topology.zone {
        parts.push(format!("names in {}", zone_text(zone)));
    }
    parts.join(" · ")
}

/// What is missing from the drawing; empty where it is whole.
pub fn left_out(topology: &Topology) -> String {
    let parts: Vec<String> = topology.left_out.iter().map(|l| format!("{} more {}", l.count, l.what)).collect();
    if parts.is_empty() { String::new() } else { format!("not shown: {}", parts.join(", ")) }
}

/// What an empty drawing says.
pub const NOTHING: &str = "Nothing to draw: no node, no DNS server and no pod here.";
