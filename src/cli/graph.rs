//! `dnslint graph`: draws who asks whom for which names.

use super::io::Io;
use super::nearest;
use super::values::ColorChoice;
use crate::analysis::topology::{self, Topology, TopologyOptions};
use crate::model::Cluster;
use crate::report::graph::{self, GraphFormat, GraphOptions};
use crate::source::{LoadOptions, Snapshot};
use std::path::{Path, PathBuf};

const HELP: &str = "\
Examples:
  dnslint graph ./cluster
  dnslint graph ./cluster -o dns.svg
  dnslint graph ./cluster --zone cluster.local --format mermaid

Exit codes:
  0  drawn
  2  wrong usage, or a PATH or node that is not there";

/// Arguments of `graph`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct GraphArgs {
    /// Cluster directory, repository of manifests, files, or a node's root; together one cluster
    #[arg(value_name = "PATH", default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// How to draw it [default: by the extension of --output, else text]
    #[arg(long, visible_alias = "output-format", value_name = "FORMAT", value_enum)]
    pub format: Option<Drawing>,
    /// Write to a file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only the ways of names in this zone, such as `cluster.local` or `.`
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// Only the ways that start on this node
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// Title of the drawing [default: the name of the directory]
    #[arg(long, value_name = "TEXT")]
    pub title: Option<String>,
    /// Kubernetes release where the input does not show it
    #[arg(long, value_name = "VERSION")]
    pub k8s_version: Option<String>,
    /// When to use colour
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
}

/// Formats of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Drawing {
    /// For people, in a terminal.
    Text,
    /// A Mermaid flowchart, for Markdown.
    Mermaid,
    /// Graphviz.
    Dot,
    /// A picture; needs no other program.
    Svg,
    /// The graph as data.
    Json,
}

impl Drawing {
    /// The format that a file's extension stands for.
    fn of_file(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "txt" => Some(Self::Text),
            "mmd" | "mermaid" => Some(Self::Mermaid),
            "dot" | "gv" => Some(Self::Dot),
            "svg" => Some(Self::Svg),
            "json" => Some(Self::Json),
            _ => None,
        }
    }
}

/// Draws the graph; a loop is no failure here, that is for `check`.
///
/// # Errors
/// A path, node or format that is not there, several clusters, or a failed write.
pub fn run(args: &GraphArgs, io: &mut Io<'_>) -> Result<u8, String> {
    for path in args.paths.iter().filter(|path| path.as_os_str() != "-") {
        if let Some(reason) = super::disk::missing(path) {
            return Err(format!("{}: {reason}", path.display()));
        }
    }
    let format = format_of(args)?;
    let snapshot = Snapshot::load(&args.paths, &LoadOptions::default());
    let clusters = crate::model::assemble(&snapshot);
    let topology = match one_cluster(args, &snapshot, &clusters)? {
        Some(cluster) => {
            if let Some(node) = &args.node {
                known_node(cluster, node)?;
            }
            let options = TopologyOptions {
                zone: args.zone.clone(),
                node: args.node.clone(),
                kubernetes: args.k8s_version.clone(),
            };
            topology::of(&snapshot, cluster, &options)
        }
        None => Topology::default(),
    };
    let color = args.output.is_none() && io.report_options(args.color).color;
    let text = match format {
        Drawing::Json => format!("{}\n", serde_json::to_string_pretty(&topology).map_err(|e| e.to_string())?),
        Drawing::Text => draw(args, &topology, GraphFormat::Text, color),
        Drawing::Mermaid => draw(args, &topology, GraphFormat::Mermaid, color),
        Drawing::Dot => draw(args, &topology, GraphFormat::Dot, color),
        Drawing::Svg => draw(args, &topology, GraphFormat::Svg, color),
    };
    match &args.output {
        Some(path) => super::disk::write(path, &text)?,
        None => io.print(text.as_bytes())?,
    }
    Ok(super::EXIT_CLEAN)
}

fn draw(args: &GraphArgs, topology: &Topology, format: GraphFormat, color: bool) -> String {
    let title = args.title.clone().or_else(|| directory_name(args.paths.first()?));
    graph::render(format, topology, &GraphOptions { title: title.unwrap_or_default(), color })
}

/// The last part of a path that says something.
fn directory_name(path: &Path) -> Option<String> {
    let own = path.file_name().map(|name| name.to_string_lossy().into_owned());
    own.or_else(|| super::disk::search_start(path)?.file_name().map(|name| name.to_string_lossy().into_owned()))
        .filter(|name| name != "-")
}

fn format_of(args: &GraphArgs) -> Result<Drawing, String> {
    match (&args.format, &args.output) {
        (Some(format), _) => Ok(*format),
        (None, None) => Ok(Drawing::Text),
        (None, Some(path)) => Drawing::of_file(path).ok_or_else(|| {
            format!("{}: give --format, or a name that ends in .txt, .mmd, .dot, .svg or .json", path.display())
        }),
    }
}

/// The cluster that has anything to draw.
fn one_cluster<'c>(
    args: &GraphArgs,
    snapshot: &Snapshot,
    clusters: &'c [Cluster],
) -> Result<Option<&'c Cluster>, String> {
    let full = |c: &&Cluster| !(c.nodes.is_empty() && c.dns_servers.is_empty() && c.objects.workloads.is_empty());
    let mut found: Vec<&Cluster> = clusters.iter().filter(full).collect();
    if let Some(node) = args.node.as_ref().filter(|_| found.len() > 1) {
        found.retain(|c| c.nodes.iter().any(|n| n.name == *node));
    }
    match found.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        several => {
            let dirs: Vec<&str> = snapshot.clusters.iter().map(|c| c.path.as_str()).filter(|p| !p.is_empty()).collect();
            let some = dirs.iter().take(8).copied().collect::<Vec<_>>().join(", ");
            let dots = if dirs.len() > 8 { ", …" } else { "" };
            Err(format!("there are {} clusters: give the directory of one as PATH ({some}{dots})", several.len()))
        }
    }
}

fn known_node(cluster: &Cluster, node: &str) -> Result<(), String> {
    if cluster.nodes.iter().any(|n| n.name == node) {
        return Ok(());
    }
    let hint = nearest::hint(node, cluster.nodes.iter().map(|n| n.name.as_str()));
    Err(format!("there is no node `{node}`{hint}"))
}
