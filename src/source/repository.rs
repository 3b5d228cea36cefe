//! Walking a directory of manifests: which files may matter by their name, and where node roots begin.

use super::disk::{self, Item, ItemKind};
use super::gitignore::IgnoreRules;
use super::kind;
use super::limits::Limits;
use super::problem::{InputProblem, ProblemKind};
use super::walk::{Directory, Listing, Visit, walk};
use std::path::{Path, PathBuf};

/// Directories of other tools that hold copies or downloads, never the cluster's own files.
const SKIPPED: &[&str] = &["node_modules", "__pycache__"];

/// Something worth keeping from the walk; paths are relative to its start.
#[derive(Debug)]
pub(crate) enum Found {
    /// A file whose name says that it may matter.
    File { relative: String, in_chart: bool },
    /// A link of such a name, or to a directory.
    Link { relative: String, path: PathBuf },
    /// The root of a node.
    Node { path: PathBuf },
    /// Something that could not be read.
    Problem { relative: String, problem: InputProblem },
}

#[derive(Clone, Debug)]
struct Context {
    ignored: IgnoreRules,
    /// Whether the directory is the root of a Helm chart.
    chart: bool,
    /// Whether it lies in the `templates` of one.
    templates: bool,
}

/// Whether a directory looks like the root of a node's file system.
pub(crate) fn is_node_root(directory: &Path) -> bool {
    kind::ROOT_DIRECTORIES
        .iter()
        .any(|name| disk::look(&directory.join(name)).is_ok_and(|kind| kind == ItemKind::Directory))
}

/// Names in a `nodes/` directory that are looked at to see whether it holds node roots.
const MAX_PROBED_NODES: usize = 4096;

/// Whether a directory has a `nodes/` with at least one node root in it.
pub(crate) fn has_nodes(directory: &Path) -> bool {
    let nodes = disk::list(&directory.join("nodes"), MAX_PROBED_NODES);
    nodes.ok().flatten().is_some_and(|nodes| nodes.iter().any(|node| is_node_root(&node.path)))
}

/// Finds everything of interest below a directory; the second value is `false` when the walk was cut short.
pub(crate) fn find(start: &Path, limits: &Limits) -> (Vec<Found>, bool) {
    let context = Context { ignored: IgnoreRules::for_start(start), chart: false, templates: false };
    let start = Directory { path: start.to_owned(), relative: String::new(), depth: 0, context };
    walk(start, limits, |directory, listing| visit(directory, listing, limits))
}

fn visit(directory: &Directory<Context>, listing: Listing, limits: &Limits) -> Visit<Context, Found> {
    let mut visit = Visit { directories: Vec::new(), found: Vec::new() };
    let problem = |relative: &str, problem| Found::Problem { relative: relative.to_owned(), problem };
    let items = match listing {
        Ok(Some(items)) => items,
        Ok(None) => {
            let kind = ProblemKind::TooMany { limit: limits.entries };
            visit.found.push(problem(&directory.relative, InputProblem::new("", kind)));
            return visit;
        }
        Err(error) => {
            visit.found.push(problem(&directory.relative, InputProblem::io("", &error)));
            return visit;
        }
    };
    let inside = enter(directory, &items);
    for item in &items {
        if item.name.starts_with('.') || SKIPPED.contains(&item.name.as_str()) {
            continue;
        }
        let relative = directory.child(&item.name);
        match &item.kind {
            Ok(ItemKind::Directory) => visit_directory(directory, &inside, item, limits, &mut visit),
            _ if !is_candidate(&relative) && !matches!(item.kind, Ok(ItemKind::Link(_))) => {}
            _ if inside.ignored.ignores(&item.path, false) => {}
            Ok(ItemKind::File) => {
                visit.found.push(Found::File { relative, in_chart: inside.templates });
            }
            Ok(ItemKind::Link(_)) => visit.found.push(Found::Link { relative, path: item.path.clone() }),
            Ok(ItemKind::Special) => {
                visit.found.push(problem(&relative, InputProblem::new("", ProblemKind::NotRegular)));
            }
            Err(error) => visit.found.push(problem(&relative, InputProblem::io("", error))),
        }
    }
    visit
}

/// The context for the entries of a directory, once its names are known.
fn enter(directory: &Directory<Context>, items: &[Item]) -> Context {
    let file = |name: &str| items.iter().find(|item| item.name == name && matches!(item.kind, Ok(ItemKind::File)));
    let above = &directory.context;
    let ignored = match file(".gitignore") {
        Some(item) => above.ignored.with_file(&directory.path, &item.path),
        None => above.ignored.clone(),
    };
    Context { ignored, chart: file("Chart.yaml").is_some(), templates: above.templates }
}

fn visit_directory(
    directory: &Directory<Context>,
    inside: &Context,
    item: &Item,
    limits: &Limits,
    visit: &mut Visit<Context, Found>,
) {
    let below_nodes = directory.path.file_name().is_some_and(|name| name == "nodes");
    if below_nodes && is_node_root(&item.path) {
        visit.found.push(Found::Node { path: item.path.clone() });
        return;
    }
    // Snapshots are often kept out of git; those right below the given path are meant all the same.
    let own_nodes = directory.depth == 0 && item.name == "nodes";
    if !own_nodes && inside.ignored.ignores(&item.path, true) {
        return;
    }
    if directory.depth >= limits.depth {
        let problem = InputProblem::new("", ProblemKind::TooDeep { limit: limits.depth });
        visit.found.push(Found::Problem { relative: directory.child(&item.name), problem });
        return;
    }
    let templates = inside.templates || (inside.chart && item.name == "templates");
    visit.directories.push(directory.enter(item, Context { templates, chart: false, ..inside.clone() }));
}

/// Whether a file is worth opening, by its name alone.
pub(crate) fn is_candidate(relative: &str) -> bool {
    kind::is_structured(relative) || kind::of_repository_path(relative).is_some()
}
