//! The graph in the language of Graphviz; servers are tables whose rows are their blocks.

use super::{GraphOptions, words};
use crate::analysis::topology::{Kind, Topology, Vertex};
use crate::report::sanitize_line;
use std::fmt::Write as _;

pub fn render(topology: &Topology, options: &GraphOptions) -> String {
    let title = format!("{}\\n{}", quote(&words::title(&options.title)), quote(&words::summary(topology)));
    let mut text = format!(
        "digraph dns {{\n  graph [rankdir=LR, ranksep=1.2, nodesep=0.35, labelloc=t, fontname=\"Helvetica\", \
         label=\"{title}\"];\n  node [shape=plain, fontname=\"Helvetica\", fontsize=11];\n  edge \
         [fontname=\"Helvetica\", fontsize=10, color=\"#6e7781\", fontcolor=\"#1b1f24\"];\n"
    );
    for (index, vertex) in topology.vertices.iter().enumerate() {
        let _ = writeln!(text, "  v{index} [label=<{}>];", table(vertex));
    }
    for kinds in [&[Kind::Pods, Kind::NodeProcesses][..], &[Kind::Outside, Kind::Unknown, Kind::DeadEnd]] {
        let same: Vec<String> = topology
            .vertices
            .iter()
            .enumerate()
            .filter(|(_, v)| kinds.contains(&v.kind))
            .map(|(index, _)| format!("v{index}"))
            .collect();
        if same.len() > 1 {
            let _ = writeln!(text, "  {{ rank=same; {}; }}", same.join("; "));
        }
    }
    for edge in &topology.edges {
        let port = edge.block.map(|block| format!(":b{block}:e")).unwrap_or_default();
        let lines: Vec<String> = words::edge_lines(topology, edge).iter().map(|line| quote(line)).collect();
        let style = if edge.in_loop { ", color=\"#cf2e0e\", fontcolor=\"#cf2e0e\", penwidth=2.5" } else { "" };
        let label = lines.join("\\n");
        let _ = writeln!(text, "  v{}{port} -> v{} [label=\"{label}\"{style}];", edge.from, edge.to);
    }
    let missing = words::left_out(topology);
    if topology.vertices.is_empty() {
        let _ = writeln!(text, "  empty [shape=plaintext, label=\"{}\"];", quote(words::NOTHING));
    } else if !missing.is_empty() {
        let _ = writeln!(text, "  more [shape=plaintext, label=\"{}\"];", quote(&missing));
    }
    text.push_str("}\n");
    text
}

fn table(vertex: &Vertex) -> String {
    let (fill, border) = colors(vertex.kind);
    let dashed = if matches!(vertex.kind, Kind::Unknown | Kind::DeadEnd) { " STYLE=\"dashed\"" } else { "" };
    let mut head = format!("<B>{}</B>", html(&words::short(&vertex.title)));
    let caption = words::caption(vertex.kind);
    let _ = write!(head, "<BR ALIGN=\"LEFT\"/><FONT POINT-SIZE=\"9\" COLOR=\"{border}\">{}</FONT>", html(caption));
    for line in words::details(vertex) {
        let _ = write!(head, "<BR ALIGN=\"LEFT\"/>{}", html(&line));
    }
    let mut table = format!(
        "<TABLE BORDER=\"1\" CELLBORDER=\"0\" CELLSPACING=\"0\" CELLPADDING=\"6\" COLOR=\"{border}\" \
         BGCOLOR=\"{fill}\"{dashed}><TR><TD ALIGN=\"LEFT\" BALIGN=\"LEFT\">{head}</TD></TR>"
    );
    for (index, row) in vertex.blocks.iter().enumerate() {
        let (zones, plugins) = (html(&words::row_zones(row)), html(&words::row_plugins(row)));
        let _ = write!(
            table,
            "<HR/><TR><TD PORT=\"b{index}\" ALIGN=\"LEFT\" BALIGN=\"LEFT\"><B>{zones}</B><BR/>\
             <FONT POINT-SIZE=\"9\">{}</FONT></TD></TR>",
            if plugins.is_empty() { "-" } else { &plugins }
        );
    }
    table.push_str("</TABLE>");
    table
}

const fn colors(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Pods | Kind::NodeProcesses => ("#e3f1fb", "#0072b2"),
        Kind::NodeCache => ("#def5ec", "#00765a"),
        Kind::Server => ("#f2e8f8", "#7b4fa3"),
        Kind::NodeResolver | Kind::PodResolver => ("#fbf1d9", "#8a5f00"),
        Kind::Outside => ("#f1f3f5", "#57606a"),
        Kind::Unknown | Kind::DeadEnd => ("#ffffff", "#57606a"),
    }
}

/// The inside of a double-quoted string.
fn quote(text: &str) -> String {
    sanitize_line(text).replace('\\', "\\\\").replace('"', "\\\"")
}

/// Text of an HTML-like label; an empty one would be a syntax error.
fn html(text: &str) -> String {
    let text = super::svg::escape(text);
    if text.is_empty() { " ".to_owned() } else { text }
}
