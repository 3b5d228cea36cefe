//! Drawings of a [`Topology`]: text, Mermaid, Graphviz and SVG.

mod dot;
mod layers;
mod layout;
mod mermaid;
mod metrics;
mod order;
mod placing;
mod svg;
mod text;
mod words;

pub use layout::{Area, End, Layout, Link, Node, Point, Route, layout};

use crate::analysis::topology::Topology;

/// A way to draw the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GraphFormat {
    /// A list for a terminal.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// The language of Graphviz.
    Dot,
    /// Scalable Vector Graphics.
    Svg,
}

/// How the graph is drawn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphOptions {
    /// What it is of, such as the name of a directory.
    pub title: String,
    /// ANSI colours; only the text looks at it.
    pub color: bool,
}

/// Draws the graph; the text ends with a newline.
#[must_use]
pub fn render(format: GraphFormat, topology: &Topology, options: &GraphOptions) -> String {
    match format {
        GraphFormat::Text => text::render(topology, options),
        GraphFormat::Mermaid => mermaid::render(topology, options),
        GraphFormat::Dot => dot::render(topology, options),
        GraphFormat::Svg => svg::render(topology, options),
    }
}
