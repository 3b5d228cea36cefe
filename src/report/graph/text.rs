//! The graph as a list: every vertex with its blocks, and below each whom it asks.

use super::{GraphOptions, words};
use crate::analysis::topology::{Edge, Kind, Topology, Vertex};
use crate::diagnostic::Severity;
use crate::report::sanitize_line;
use crate::report::style::{Painter, Style};
use std::fmt::Write as _;

/// The headings, with the kinds that stand below each.
const SECTIONS: [(&str, &[Kind]); 4] = [
    ("clients", &[Kind::Pods, Kind::NodeProcesses]),
    ("node caches", &[Kind::NodeCache]),
    ("DNS servers", &[Kind::Server]),
    ("other resolvers", &[Kind::NodeResolver, Kind::PodResolver]),
];
const RED: Style = Style::Severity(Severity::Error);

pub fn render(topology: &Topology, options: &GraphOptions) -> String {
    let paint = Painter { color: options.color };
    let mut text = format!("{}\n", paint.paint(Style::Bold, &words::title(&options.title)));
    if topology.vertices.is_empty() {
        let _ = writeln!(text, "{}", words::NOTHING);
        return text;
    }
    let _ = writeln!(text, "{}", words::summary(topology));
    for (heading, kinds) in SECTIONS {
        let mut found = topology.vertices.iter().enumerate().filter(|(_, v)| kinds.contains(&v.kind)).peekable();
        if found.peek().is_some() {
            let _ = writeln!(text, "\n{}", paint.paint(Style::Gutter, heading));
        }
        found.for_each(|(index, vertex)| one(&mut text, topology, index, vertex, paint));
    }
    for (at, round) in topology.loops.iter().enumerate() {
        if at == 0 {
            let _ = writeln!(text, "\n{}", paint.paint(RED, "loops"));
        }
        let first = round.vertices.first();
        let names: Vec<String> =
            round.vertices.iter().chain(first).filter_map(|v| topology.vertices.get(*v)).map(title).collect();
        let zones: Vec<&str> = round.zones.iter().map(String::as_str).collect();
        let way = format!("{} -> {}", words::zones(&zones), names.join(" -> "));
        let _ = writeln!(text, "  {}", paint.paint(RED, &way));
    }
    let missing = words::left_out(topology);
    if !missing.is_empty() {
        let _ = writeln!(text, "\n{missing}");
    }
    text
}

fn title(vertex: &Vertex) -> String {
    sanitize_line(&vertex.title)
}

fn one(text: &mut String, topology: &Topology, index: usize, vertex: &Vertex, paint: Painter) {
    let details = words::details(vertex).join(", ");
    let _ = writeln!(text, "  {}  {details}", paint.paint(Style::Bold, &title(vertex)));
    let edges = |block: Option<usize>| {
        topology.edges.iter().filter(move |e| e.from == index && e.block == block).collect::<Vec<&Edge>>()
    };
    lines(text, topology, &edges(None), "    ", paint);
    for (at, row) in vertex.blocks.iter().enumerate() {
        let plugins = words::row_plugins(row);
        let _ = writeln!(text, "    {}  {plugins}", paint.paint(Style::Bold, &words::row_zones(row)));
        lines(text, topology, &edges(Some(at)), "      ", paint);
    }
}

fn lines(text: &mut String, topology: &Topology, edges: &[&Edge], indent: &str, paint: Painter) {
    for edge in edges {
        let Some(to) = topology.vertices.get(edge.to) else { continue };
        let mut line = format!("-> {}", target(edge, to));
        let _ = write!(line, "  {}, {}", words::edge_zones(topology, edge), edge.transport.as_str());
        if let Some(service) = &edge.service {
            let nat = if edge.dnat { ", DNAT" } else { "" };
            let _ = write!(line, " through Service {}{nat}", sanitize_line(service));
        }
        if let Some(nodes) = words::edge_nodes(edge) {
            let _ = write!(line, ", {nodes}");
        }
        let line = if edge.in_loop { paint.paint(RED, &format!("{line}  LOOP")) } else { line };
        let _ = writeln!(text, "{indent}{line}");
    }
}

/// The addresses, and whose they are.
fn target(edge: &Edge, to: &Vertex) -> String {
    let addresses: Vec<String> = edge.addresses.iter().take(6).map(|a| words::short(a)).collect();
    let more = edge.addresses.len().saturating_sub(6);
    let dots = if more > 0 { format!(" and {more} more") } else { String::new() };
    let who = match to.kind {
        Kind::Outside | Kind::Unknown | Kind::DeadEnd => {
            to.details.first().map(|detail| sanitize_line(detail)).unwrap_or_default()
        }
        _ => title(to),
    };
    format!("{}{dots} ({who})", addresses.join(", "))
}
