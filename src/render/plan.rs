//! The files of a rendering, where they go, what decides their content, and what to do with them.

use super::chosen::Source;
use super::parameters::Parameters;
use super::request::{Request, Resolver};
use super::scene::Scene;
use super::steps::{self, Work};
use super::{changes, manifests, node_files, notes, proof, refuse, resolver_config, rows};
use crate::analysis::collect::Assumptions;
use crate::model::Cluster;
use crate::source::{Location, Snapshot};

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Kubernetes objects.
    Manifests,
    /// Settings of nodes, or variables of what installs them.
    Node,
    /// The configuration of a resolver that runs outside Kubernetes.
    Resolver,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the directory of the cluster, or below the node's root where [`node`](Self::node) names one.
    pub path: String,
    /// Its whole text.
    pub text: String,
    /// What it is for.
    pub part: Part,
    /// The node that it belongs to.
    pub node: Option<String>,
}

/// Whether a file is printed where none is written: objects alone where there are any, so that kubectl takes the output.
#[must_use]
pub fn is_printed(files: &[File], file: &File) -> bool {
    file.part == Part::Manifests || files.iter().all(|other| other.part != Part::Manifests)
}

/// A parameter as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// A rendering.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The files, in the order in which they are written.
    pub files: Vec<File>,
    /// What decided them.
    pub parameters: Vec<Row>,
    /// True sentences about what is not carried over.
    pub notes: Vec<String>,
    /// What to do, in order: each with how to see that it worked.
    pub steps: Vec<String>,
    /// How to go back.
    pub back: Vec<String>,
}

/// Why nothing is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence.
    pub reason: String,
    /// The place that shows it.
    pub at: Option<Location>,
    /// What to choose instead.
    pub help: Option<String>,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, at: None, help: None }
    }
}

/// Renders what `request` asks for.
///
/// # Errors
/// What the snapshot or the request makes impossible.
pub fn plan(request: &Request, snapshot: &Snapshot, cluster: &Cluster, assume: &Assumptions) -> Result<Plan, Refusal> {
    request.check()?;
    let parameters = Parameters::of(request, snapshot, cluster, assume);
    refuse::check(request, &parameters, assume)?;
    let scene = Scene::of(request, snapshot, cluster, &parameters);
    let needed = changes::changes(&scene);
    let changes = if request.wants(Part::Node) { needed.clone() } else { Vec::new() };
    let manifests =
        if request.wants(Part::Manifests) { manifests::render(&scene)? } else { manifests::Manifests::default() };
    let resolver = match request.resolver {
        Resolver::CoreDns | Resolver::HickoryDns if request.wants(Part::Resolver) => {
            resolver_config::files(request, &parameters)?
        }
        _ => Vec::new(),
    };
    let nodes =
        if request.wants(Part::Node) { node_files::files(&scene, &changes)? } else { node_files::NodeFiles::default() };
    proof::check(&scene, &changes, &nodes.deliveries, &nodes.files, assume.kubernetes.as_deref())?;
    let notes = notes::of(&scene, &needed, &nodes);
    let files: Vec<File> = manifests.files.iter().chain(&resolver).chain(&nodes.files).cloned().collect();
    let work =
        Work { scene: &scene, files: &files, manifests: &manifests, changes: &changes, deliveries: &nodes.deliveries };
    Ok(Plan {
        steps: steps::forward(&work),
        back: steps::back(&work),
        parameters: rows::of(request, &parameters, &changes),
        files,
        notes,
    })
}
