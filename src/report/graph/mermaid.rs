//! The graph as a Mermaid flowchart, which GitHub and GitLab draw inside Markdown.

use super::{GraphOptions, words};
use crate::analysis::topology::{Kind, Topology, Vertex};
use crate::report::sanitize_line;
use std::fmt::Write as _;

/// Classes: name, fill, border, text.
const CLASSES: [(&str, &str); 6] = [
    ("client", "fill:#e3f1fb,stroke:#0072b2,color:#10243a"),
    ("cache", "fill:#def5ec,stroke:#009e73,color:#0b3325"),
    ("server", "fill:#f2e8f8,stroke:#7b4fa3,color:#2c1840"),
    ("resolver", "fill:#fbf1d9,stroke:#a87400,color:#3d2c05"),
    ("outside", "fill:#f1f3f5,stroke:#57606a,color:#1b1f24"),
    ("unknown", "fill:#ffffff,stroke:#57606a,color:#1b1f24,stroke-dasharray:5 4"),
];

pub fn render(topology: &Topology, options: &GraphOptions) -> String {
    let mut text = format!("---\ntitle: {}\n---\nflowchart LR\n", front_matter(&words::title(&options.title)));
    if topology.vertices.is_empty() {
        let _ = writeln!(text, "  empty[\"{}\"]", escape(words::NOTHING));
        return text;
    }
    for (index, vertex) in topology.vertices.iter().enumerate() {
        let _ = writeln!(text, "  v{index}[\"{}\"]:::{}", label(vertex), class(vertex.kind));
    }
    let mut red = Vec::new();
    for (index, edge) in topology.edges.iter().enumerate() {
        let lines: Vec<String> = words::edge_lines(topology, edge).iter().map(|line| escape(line)).collect();
        let arrow = if edge.in_loop { "==>" } else { "-->" };
        let _ = writeln!(text, "  v{} {arrow}|\"{}\"| v{}", edge.from, lines.join("<br/>"), edge.to);
        if edge.in_loop {
            red.push(index.to_string());
        }
    }
    let missing = words::left_out(topology);
    if !missing.is_empty() {
        let _ = writeln!(text, "  more[\"{}\"]:::unknown", escape(&missing));
    }
    for (name, style) in CLASSES {
        let _ = writeln!(text, "  classDef {name} {style}");
    }
    if !red.is_empty() {
        let _ = writeln!(text, "  linkStyle {} stroke:#cf2e0e,stroke-width:3px,color:#cf2e0e", red.join(","));
    }
    text
}

fn label(vertex: &Vertex) -> String {
    let mut lines = vec![format!("<b>{}</b>", escape(&words::short(&vertex.title)))];
    lines.extend(words::details(vertex).iter().map(|line| escape(line)));
    for row in &vertex.blocks {
        let plugins = words::row_plugins(row);
        lines.push(format!("<b>{}</b> {}", escape(&words::row_zones(row)), escape(&plugins)));
    }
    lines.join("<br/>")
}

const fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Pods | Kind::NodeProcesses => "client",
        Kind::NodeCache => "cache",
        Kind::Server => "server",
        Kind::NodeResolver | Kind::PodResolver => "resolver",
        Kind::Outside => "outside",
        Kind::Unknown | Kind::DeadEnd => "unknown",
    }
}

/// Mermaid's entity codes (`#35;`) for everything that means something to Mermaid, Markdown or HTML.
fn escape(text: &str) -> String {
    let mut out = String::new();
    for c in sanitize_line(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | ',' | '-' | '/' | '·' | '…' | '+') {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
    }
    out
}

/// A double-quoted YAML scalar; entity codes mean nothing there, so what Mermaid or HTML could read becomes `?`.
fn front_matter(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || " .,-/_·…+()".contains(c);
    format!("\"{}\"", sanitize_line(text).replace(|c: char| !plain(c), "?"))
}
