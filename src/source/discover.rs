//! From given paths to a plan: which node roots to look at and which files to read. Reads no file's content.

use super::disk::{self, ItemKind};
use super::explore;
use super::gitignore;
use super::limits::Limits;
use super::paths::{Paths, node_context};
use super::problem::{InputProblem, ProblemKind};
use super::repository::{self, Found};
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

/// Directories looked at above a given file for the `nodes/` of its cluster.
const MAX_PARENTS: usize = 64;

/// A file outside node roots that is to be read.
#[derive(Clone, Debug)]
pub(crate) struct PlannedFile {
    /// As shown.
    pub shown: String,
    /// Whether the user named this very file.
    pub explicit: bool,
    /// Whether it lies in the templates of a Helm chart.
    pub in_chart: bool,
    /// The directory of the path that it was found below.
    pub own_cluster: Option<PathBuf>,
}

/// A node root that is to be looked at.
#[derive(Clone, Debug)]
pub(crate) struct PlannedRoot {
    /// As shown.
    pub shown: String,
    /// The directory with the `nodes/` that holds it; `None` when the root itself was given.
    pub cluster: Option<PathBuf>,
    /// Whether all of it was given.
    pub whole: bool,
    /// Paths on the node that were given one by one.
    pub parts: BTreeSet<String>,
}

/// Everything that is to be read, by real path, so that nothing is read twice.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    pub files: BTreeMap<PathBuf, PlannedFile>,
    pub roots: BTreeMap<PathBuf, PlannedRoot>,
    /// Directories that contain a `nodes/`, with what is shown for them.
    pub clusters: BTreeMap<PathBuf, String>,
    /// Directories that were given and walked, with what is shown for them.
    pub directories: BTreeMap<PathBuf, String>,
    pub problems: Vec<InputProblem>,
}

/// Plans with the same current directory and limits.
pub(crate) struct Discovery<'a> {
    pub paths: &'a Paths,
    pub limits: &'a Limits,
    pub plan: Plan,
}

impl Discovery<'_> {
    /// Adds one given path.
    pub(crate) fn add(&mut self, given: &Path) {
        let relative = given.is_relative();
        let path = self.paths.absolute(given);
        if let Some((root, rest)) = node_context(&path) {
            return self.add_in_node(&root, &rest, relative);
        }
        let shown = self.paths.shown(&path, relative);
        match disk::look_through(&path) {
            Ok(ItemKind::File) => self.add_file(&path, shown),
            Ok(ItemKind::Directory) if explore::is_given_root(&path) => {
                let root = self.root(&path, relative, None);
                root.whole = true;
            }
            Ok(ItemKind::Directory) => self.add_directory(&path, relative),
            Ok(_) => self.problem(InputProblem::new(shown, ProblemKind::NotRegular)),
            Err(error) => {
                let problem = given_problem(&path, shown, &error);
                self.problem(problem);
            }
        }
    }

    /// The plan for a node root, made when it is new.
    fn root(&mut self, path: &Path, relative: bool, cluster: Option<&Path>) -> &mut PlannedRoot {
        let shown = self.paths.shown(path, relative);
        let cluster = cluster.map(|directory| self.cluster(directory, relative));
        self.plan.roots.entry(disk::real_path(path)).or_insert_with(|| PlannedRoot {
            shown,
            cluster,
            whole: false,
            parts: BTreeSet::new(),
        })
    }

    /// Notes a directory with a `nodes/`; returns its real path.
    fn cluster(&mut self, directory: &Path, relative: bool) -> PathBuf {
        let key = disk::real_path(directory);
        self.plan.clusters.entry(key.clone()).or_insert_with(|| self.paths.shown(directory, relative));
        key
    }

    /// The plan for the node root `nodes/<name>`, so far without any of its files.
    pub(crate) fn node_root(&mut self, root: &Path, relative: bool) -> &mut PlannedRoot {
        self.root(root, relative, root.parent().and_then(Path::parent))
    }

    /// A given path inside `nodes/<name>/`, or that directory itself.
    fn add_in_node(&mut self, root: &Path, rest: &str, relative: bool) {
        let planned = self.node_root(root, relative);
        if rest == "/" {
            planned.whole = true;
        } else {
            planned.parts.insert(rest.to_owned());
        }
    }

    /// A given file outside node roots.
    fn add_file(&mut self, path: &Path, shown: String) {
        let real = disk::real_path(path);
        // In a repository the name of a file does not vouch for where a link of that name leads.
        let repository = path.parent().and_then(gitignore::repository_top).map(|top| disk::real_path(&top));
        if repository.is_some_and(|top| !real.starts_with(top)) {
            return self.problem(InputProblem::new(shown, ProblemKind::LinkEscapes));
        }
        self.declare_cluster_above(path, !shown.starts_with('/'));
        let file = PlannedFile { shown, explicit: true, in_chart: false, own_cluster: None };
        self.plan.files.insert(real, file);
    }

    /// Looks for the `nodes/` beside or above a given path, so that files given one by one share their cluster.
    fn declare_cluster_above(&mut self, path: &Path, relative: bool) {
        for directory in path.ancestors().skip(1).take(MAX_PARENTS) {
            if directory.parent().is_some() && repository::has_nodes(directory) {
                self.cluster(directory, relative);
                return;
            }
            if directory == self.paths.current() || disk::look(&directory.join(".git")).is_ok() {
                return;
            }
        }
    }

    /// A given directory of manifests and nodes.
    fn add_directory(&mut self, path: &Path, relative: bool) {
        self.declare_cluster_above(path, relative);
        let base = disk::real_path(path);
        self.plan.directories.insert(base.clone(), self.paths.shown(path, relative));
        let (found, finished) = repository::find(path, self.limits);
        let mut links = Vec::new();
        for item in found {
            match item {
                Found::File { relative: name, in_chart } => {
                    let shown = self.paths.shown(&path.join(&name), relative);
                    let file = PlannedFile { shown, explicit: false, in_chart, own_cluster: Some(base.clone()) };
                    self.plan.files.entry(base.join(name)).or_insert(file);
                }
                Found::Link { relative: name, path } => links.push((name, path)),
                Found::Node { path: root } => {
                    let cluster = root.parent().and_then(Path::parent).map(Path::to_owned);
                    self.root(&root, relative, cluster.as_deref()).whole = true;
                }
                Found::Problem { relative: name, problem } => {
                    let shown = self.paths.shown(&path.join(name), relative);
                    self.problem(InputProblem { path: or_dot(shown), ..problem });
                }
            }
        }
        for (name, link) in links {
            self.add_link(&base, &name, &link, relative);
        }
        if !finished {
            let shown = or_dot(self.paths.shown(path, relative));
            self.problem(InputProblem::new(shown, ProblemKind::TooMany { limit: self.limits.entries }));
        }
    }

    /// A link found while walking: read when it leads to a file below the given directory that is not read anyway.
    fn add_link(&mut self, base: &Path, name: &str, link: &Path, relative: bool) {
        let shown = self.paths.shown(link, relative);
        let candidate = repository::is_candidate(name);
        match disk::look_through(link) {
            Ok(kind) => {
                let real = disk::real_path(link);
                let below_nodes = link.parent().and_then(Path::file_name).is_some_and(|name| name == "nodes");
                if below_nodes && real.starts_with(base) && repository::is_node_root(&real) {
                    self.node_root(link, relative).whole = true;
                } else if !real.starts_with(base) {
                    if candidate || kind == ItemKind::Directory {
                        self.problem(InputProblem::new(shown, ProblemKind::LinkEscapes));
                    }
                } else if candidate
                    && kind == ItemKind::File
                    && !real.ancestors().any(|above| self.plan.roots.contains_key(above))
                {
                    let own_cluster = Some(base.to_owned());
                    let file = PlannedFile { shown, explicit: false, in_chart: false, own_cluster };
                    self.plan.files.entry(real).or_insert(file);
                }
            }
            Err(error) if candidate => {
                let problem = given_problem(link, shown, &error);
                self.problem(problem);
            }
            Err(_) => {}
        }
    }

    fn problem(&mut self, problem: InputProblem) {
        self.plan.problems.push(problem);
    }
}

/// What to say about a path that cannot be followed.
fn given_problem(path: &Path, shown: String, error: &io::Error) -> InputProblem {
    let is_link = matches!(disk::look(path), Ok(ItemKind::Link(_)));
    match error.kind() {
        io::ErrorKind::NotFound if is_link => InputProblem::new(shown, ProblemKind::LinkDangling),
        io::ErrorKind::NotFound => InputProblem::new(shown, ProblemKind::Missing),
        // The system's error for a loop (ELOOP) has no stable kind in the standard library.
        io::ErrorKind::PermissionDenied | io::ErrorKind::NotADirectory => InputProblem::io(shown, error),
        _ if is_link => InputProblem::new(shown, ProblemKind::LinkLoop),
        _ => InputProblem::io(shown, error),
    }
}

/// A shown path that can stand alone.
pub(crate) fn or_dot(shown: String) -> String {
    if shown.is_empty() { ".".to_owned() } else { shown }
}
