//! Carrying out the plan: look at node roots, read files in parallel, put everything in order.

use super::discover::{Discovery, Plan, PlannedRoot, or_dot};
use super::disk::{self, ReadError, Text};
use super::explore::{self, Explorer};
use super::file::{ClusterIndex, NodeIndex, SourceFile};
use super::kind::{self, FileKind, Hints};
use super::limits::{Limits, LoadOptions};
use super::node::NodeRoot;
use super::paths::{Paths, clean, node_context, path_in};
use super::problem::{InputProblem, ProblemKind, io_reason};
use super::snapshot::{Cluster, Snapshot};
use super::sniff;
use super::span::FileId;
use super::tree::{End, Entry, Tree};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A file that is about to be read, or was given as text.
#[derive(Clone, Debug, Default)]
struct Job {
    shown: String,
    disk: PathBuf,
    explicit: bool,
    in_chart: bool,
    /// Real path of the node root, and the path on the node.
    node: Option<(PathBuf, String)>,
    linked_as: Option<FileKind>,
    /// Whether only its being on a node speaks for reading it.
    unknown: bool,
    own_cluster: Option<PathBuf>,
}

/// What became of a job.
enum Outcome {
    Read(SourceFile),
    /// Nothing for us in it.
    Nothing,
    Template,
    /// Not read, and the reason.
    Refused(InputProblem),
}

/// A node root that was looked at.
struct Explored {
    planned: PlannedRoot,
    live: bool,
    tree: Tree,
    /// Its files, in the order of their ids.
    files: Vec<FileId>,
}

/// Reads all given paths.
pub(crate) fn load(given: &[PathBuf], options: &LoadOptions) -> Snapshot {
    let paths = Paths::new(options.current_dir.as_deref());
    let mut discovery = Discovery { paths: &paths, limits: &options.limits, plan: Plan::default() };
    for path in given.iter().filter(|path| path.as_os_str() != "-") {
        discovery.add(path);
    }
    let stdin = given.iter().any(|path| path.as_os_str() == "-").then(|| stdin_job(&paths, options, &mut discovery));
    let mut loader = Loader { limits: options.limits, plan: discovery.plan, roots: BTreeMap::new(), jobs: Vec::new() };
    loader.explore();
    loader.plan_files();
    if let Some(job) = &stdin {
        loader.jobs.retain(|other| other.disk != job.disk);
    }
    let mut results = loader.read();
    if let Some(job) = stdin {
        let outcome = read_text(&job, read_stdin(options));
        results.push((job, outcome));
    }
    loader.assemble(results)
}

fn read_stdin(options: &LoadOptions) -> Result<Text, ReadError> {
    let limit = options.limits.file_bytes;
    match &options.stdin {
        Some(bytes) if bytes.len() as u64 > limit => Err(ReadError::Refused(ProblemKind::TooLarge { limit })),
        Some(bytes) => disk::decode(bytes.clone()),
        None => disk::read_stdin(limit),
    }
}

/// Standard input stands for the file that its name says, in that file's node root if it has one.
fn stdin_job(paths: &Paths, options: &LoadOptions, discovery: &mut Discovery<'_>) -> Job {
    let Some(name) = options.stdin_filename.as_deref().map(clean).filter(|name| !name.is_empty()) else {
        return Job { shown: "<stdin>".to_owned(), explicit: true, ..Job::default() };
    };
    let path = paths.absolute(Path::new(&name));
    let node = node_context(&path).map(|(root, rest)| {
        discovery.node_root(&root, !name.starts_with('/'));
        (disk::real_path(&root), rest)
    });
    Job { shown: name, disk: disk::real_path(&path), explicit: true, node, ..Job::default() }
}

struct Loader {
    limits: Limits,
    plan: Plan,
    roots: BTreeMap<PathBuf, Explored>,
    jobs: Vec<Job>,
}

impl Loader {
    /// Looks at all node roots and plans the reading of their files.
    fn explore(&mut self) {
        let roots: Vec<(PathBuf, PlannedRoot)> = std::mem::take(&mut self.plan.roots).into_iter().collect();
        let limits = &self.limits;
        let looks: Vec<_> = roots.into_par_iter().map(|(real, planned)| look_at(real, planned, limits)).collect();
        for look in looks {
            self.plan.problems.extend(look.problems);
            self.jobs.extend(look.jobs);
            self.roots.insert(look.real, look.explored);
        }
    }

    /// Plans the files outside node roots.
    fn plan_files(&mut self) {
        let known: BTreeSet<PathBuf> = self.jobs.iter().map(|job| job.disk.clone()).collect();
        for (disk, file) in std::mem::take(&mut self.plan.files) {
            if known.contains(&disk) {
                continue;
            }
            let own_cluster = file.own_cluster;
            let (explicit, in_chart) = (file.explicit, file.in_chart);
            self.jobs.push(Job { shown: file.shown, disk, explicit, in_chart, own_cluster, ..Job::default() });
        }
        self.jobs.sort_by(|a, b| a.shown.cmp(&b.shown).then_with(|| a.disk.cmp(&b.disk)));
    }

    /// Reads what was planned, within the limits on number and total size; which files they cut off is deterministic.
    fn read(&mut self) -> Vec<(Job, Outcome)> {
        let jobs = std::mem::take(&mut self.jobs);
        let limit = |job: &Job| if job.unknown { self.limits.unknown_file_bytes } else { self.limits.file_bytes };
        let sizes: Vec<_> = jobs.par_iter().map(|job| disk::size(&job.disk, limit(job)).unwrap_or(0)).collect();
        let mut total = 0_u64;
        let fits = sizes.iter().take(self.limits.files).take_while(|size| {
            total = total.saturating_add(**size);
            total <= self.limits.total_bytes
        });
        let fits = fits.count();
        if let Some(first) = jobs.get(fits) {
            let kind = if fits == self.limits.files {
                ProblemKind::TooMany { limit: self.limits.files }
            } else {
                ProblemKind::TotalTooLarge { limit: self.limits.total_bytes }
            };
            self.plan.problems.push(InputProblem::new(first.shown.as_str(), kind));
        }
        let outcomes: Vec<Outcome> =
            jobs.par_iter().take(fits).map(|job| read_text(job, disk::read(&job.disk, limit(job)))).collect();
        jobs.into_iter().zip(outcomes).collect()
    }

    /// Numbers everything and ties files to nodes and clusters.
    fn assemble(mut self, results: Vec<(Job, Outcome)>) -> Snapshot {
        let mut files = Vec::new();
        let mut templates = Vec::new();
        for (job, outcome) in results {
            match outcome {
                Outcome::Read(file) => files.push((job, file)),
                Outcome::Nothing => {}
                Outcome::Template => templates.push(job.shown),
                Outcome::Refused(problem) => self.refuse(&job, problem),
            }
        }
        if let Some(first) = templates.first() {
            let kind = ProblemKind::Templated { files: templates.len() };
            self.plan.problems.push(InputProblem::new(first.as_str(), kind));
        }
        files.sort_by(|(a, _), (b, _)| a.shown.cmp(&b.shown).then_with(|| a.disk.cmp(&b.disk)));
        let clusters = Clusters::new(&self.plan, &files, &self.roots);
        let order = node_order(&self.roots);
        let indexes: BTreeMap<&Path, NodeIndex> =
            order.iter().map(PathBuf::as_path).zip((0..).map(NodeIndex)).collect();
        let mut snapshot = Snapshot { limits: self.limits, ..Snapshot::default() };
        for (id, (job, mut file)) in (0..).map(FileId).zip(files) {
            file.id = id;
            if file.lossy {
                self.plan.problems.push(InputProblem::new(file.path.as_str(), ProblemKind::InvalidUtf8));
            }
            if job.explicit && file.kind == FileKind::Other {
                self.plan.problems.push(InputProblem::new(file.path.as_str(), ProblemKind::Unrecognised));
            }
            file.cluster = clusters.of_file(&job);
            if let Some((root, path)) = job.node
                && let Some(explored) = self.roots.get_mut(&root)
            {
                explored.tree.insert(&path, Entry::File(id));
                explored.files.push(id);
                file.node = indexes.get(root.as_path()).copied();
                file.node_path = Some(path);
            }
            snapshot.files.push(file);
        }
        for (index, real) in (0..).map(NodeIndex).zip(order) {
            if let Some(explored) = self.roots.remove(&real) {
                let cluster = clusters.of_root(&explored.planned);
                snapshot.nodes.push(node_root(index, real, explored, cluster, &snapshot.files));
            }
        }
        snapshot.clusters = clusters.list;
        snapshot.problems = self.plan.problems;
        snapshot.problems.sort();
        snapshot.problems.dedup();
        snapshot
    }

    /// Notes why a file has no text: in the tree of its node always, as a problem unless nobody asked for it.
    fn refuse(&mut self, job: &Job, problem: InputProblem) {
        if let Some((root, path)) = &job.node
            && !job.unknown
            && let Some(explored) = self.roots.get_mut(root)
        {
            explored.tree.insert(path, Entry::Refused(problem.message.clone()));
        }
        let silent = job.unknown || (problem.kind == ProblemKind::Binary && !job.explicit && job.node.is_none());
        if !silent {
            self.plan.problems.push(problem);
        }
    }
}

/// What a look at one node root gave.
struct Look {
    real: PathBuf,
    explored: Explored,
    jobs: Vec<Job>,
    problems: Vec<InputProblem>,
}

fn look_at(real: PathBuf, planned: PlannedRoot, limits: &Limits) -> Look {
    let live = planned.whole && explore::is_whole_system(&real);
    let mut explorer = Explorer::new(&real, limits, Tree::default());
    match (planned.whole, live) {
        (true, true) => explorer.known_places(),
        (true, false) => explorer.all(),
        (false, _) => {}
    }
    let named = named_files(&mut explorer, &planned.parts);
    let linked = explorer.linked_kinds();
    let Explorer { tree, problems, .. } = explorer;
    let shown = |problem: InputProblem| InputProblem { path: path_in(&planned.shown, &problem.path), ..problem };
    let problems = problems.into_iter().map(shown).collect();
    let jobs = node_jobs(&real, &planned, &tree, &Wanted { named, linked, live }, limits);
    Look { real, explored: Explored { planned, live, tree, files: Vec::new() }, jobs, problems }
}

/// Looks at the paths of a node that the user named; returns the files among them, links resolved.
fn named_files(explorer: &mut Explorer<'_>, parts: &BTreeSet<String>) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for part in parts {
        let found = explorer.part(part);
        let problem = match found.end {
            End::Entry(Entry::Unread) => {
                named.insert(found.path);
                continue;
            }
            End::Entry(Entry::Missing) | End::NoEntry { .. } if found.chain.is_empty() => {
                InputProblem::new(part.as_str(), ProblemKind::Missing)
            }
            End::Entry(Entry::Missing) | End::NoEntry { .. } => {
                InputProblem::new(part.as_str(), ProblemKind::LinkDangling)
            }
            End::Entry(Entry::Refused(reason)) => {
                let message = format!("cannot be read: {reason}");
                InputProblem { message, ..InputProblem::new(part.as_str(), ProblemKind::Unreadable) }
            }
            End::Loop => InputProblem::new(part.as_str(), ProblemKind::LinkLoop),
            End::Entry(_) => continue,
        };
        explorer.problems.push(problem);
    }
    named
}

/// Real paths of the node roots in the order of their shown paths.
fn node_order(roots: &BTreeMap<PathBuf, Explored>) -> Vec<PathBuf> {
    let mut order: Vec<_> = roots.iter().map(|(real, root)| (root.planned.shown.clone(), real.clone())).collect();
    order.sort();
    order.into_iter().map(|(_, real)| real).collect()
}

fn node_root(index: NodeIndex, real: PathBuf, from: Explored, cluster: ClusterIndex, files: &[SourceFile]) -> NodeRoot {
    let Explored { planned, live, tree, files: own } = from;
    let directory = real.file_name().map_or_else(|| "localhost".to_owned(), |name| name.to_string_lossy().into_owned());
    let mut root = NodeRoot {
        index,
        name: directory,
        path: or_dot(planned.shown),
        cluster,
        live,
        whole: planned.whole,
        tree,
        files: own,
        disk_root: Some(real),
        extra_files: 0,
    };
    if planned.cluster.is_none()
        && let Some(name) = root.own_hostname(files)
    {
        root.name = name;
    }
    root
}

/// What speaks for reading files of a node, apart from their own paths.
struct Wanted {
    /// Paths on the node that the user named.
    named: BTreeSet<String>,
    /// Kinds that links give to what they lead to.
    linked: BTreeMap<String, FileKind>,
    /// Whether the root is a whole file system.
    live: bool,
}

/// Which files of a node are read: those that its paths, links or the user name, and some of the others.
fn node_jobs(real: &Path, planned: &PlannedRoot, tree: &Tree, wanted: &Wanted, limits: &Limits) -> Vec<Job> {
    let mut unknown_left = limits.unknown_files;
    let mut jobs = Vec::new();
    for (path, _) in tree.iter().filter(|(_, entry)| **entry == Entry::Unread) {
        let explicit = wanted.named.contains(path);
        let linked_as = wanted.linked.get(path).copied();
        let unknown = !explicit && linked_as.is_none() && kind::of_node_path(path).is_none();
        if unknown && (unknown_left == 0 || !kind::is_readable_unknown(path, wanted.live)) {
            continue;
        }
        unknown_left -= usize::from(unknown);
        jobs.push(Job {
            shown: path_in(&planned.shown, path),
            disk: real.join(path.trim_start_matches('/')),
            explicit,
            node: Some((real.to_owned(), path.to_owned())),
            linked_as,
            unknown,
            ..Job::default()
        });
    }
    jobs
}

/// Classifies what was read.
fn read_text(job: &Job, text: Result<Text, ReadError>) -> Outcome {
    let Text { text, lossy } = match text {
        Ok(text) => text,
        Err(ReadError::Io(error)) => return Outcome::Refused(InputProblem::io(job.shown.as_str(), &error)),
        Err(ReadError::Refused(kind)) => return Outcome::Refused(InputProblem::new(job.shown.as_str(), kind)),
    };
    let node_path = job.node.as_ref().map(|(_, path)| path.as_str());
    let hints = Hints { node_path, linked_as: job.linked_as, path: &job.shown, explicit: job.explicit };
    let kind = kind::classify(&hints, &text);
    if kind == FileKind::Other && !job.explicit && job.node.is_none() {
        return Outcome::Nothing;
    }
    if job.node.is_none() && kind::is_structured(&job.shown) && sniff::is_template(&text, job.in_chart) {
        return Outcome::Template;
    }
    let mut file = SourceFile::new(job.shown.clone(), text.into(), kind);
    file.lossy = lossy;
    file.disk_path = (!job.disk.as_os_str().is_empty()).then(|| job.disk.clone());
    Outcome::Read(file)
}

/// Which cluster a path belongs to.
struct Clusters {
    list: Vec<Cluster>,
    indexes: BTreeMap<Option<PathBuf>, ClusterIndex>,
    declared: BTreeSet<PathBuf>,
    /// The cluster of what was given outside any directory: the only other one, if there is just one.
    shared: Option<PathBuf>,
}

impl Clusters {
    fn new(plan: &Plan, files: &[(Job, SourceFile)], roots: &BTreeMap<PathBuf, Explored>) -> Self {
        let declared: BTreeSet<PathBuf> = plan.clusters.keys().cloned().collect();
        let mut clusters = Self { list: Vec::new(), indexes: BTreeMap::new(), declared, shared: None };
        let mut used: BTreeSet<Option<PathBuf>> = files.iter().map(|(job, _)| clusters.key(job)).collect();
        used.extend(roots.values().map(|root| root.planned.cluster.clone()));
        let mut others = used.iter().flatten();
        clusters.shared = others.next().cloned().filter(|_| others.next().is_none());
        if clusters.shared.is_some() {
            used.remove(&None);
        }
        let shown = |key: &Option<PathBuf>| {
            let known = key.as_ref().and_then(|key| plan.clusters.get(key).or_else(|| plan.directories.get(key)));
            or_dot(known.cloned().unwrap_or_default())
        };
        let mut order: Vec<_> = used.into_iter().map(|key| (shown(&key), key)).collect();
        order.sort();
        for (index, (path, key)) in (0..).map(ClusterIndex).zip(order) {
            clusters.list.push(Cluster { index, path });
            clusters.indexes.insert(key, index);
        }
        clusters
    }

    fn key(&self, job: &Job) -> Option<PathBuf> {
        let declared = |path: &Path| path.ancestors().find(|above| self.declared.contains(*above)).map(Path::to_owned);
        declared(&job.disk).or_else(|| job.own_cluster.clone()).or_else(|| self.shared.clone())
    }

    fn of_file(&self, job: &Job) -> ClusterIndex {
        self.indexes.get(&self.key(job)).copied().unwrap_or_default()
    }

    fn of_root(&self, planned: &PlannedRoot) -> ClusterIndex {
        let key = planned.cluster.clone().or_else(|| self.shared.clone());
        self.indexes.get(&key).copied().unwrap_or_default()
    }
}

/// Reads a file of a node that some setting names; the tree then knows it.
pub(crate) fn read_extra(root: &NodeRoot, node_path: &str, limits: &Limits) -> Result<SourceFile, String> {
    let Some(disk_root) = &root.disk_root else { return Err("not in the snapshot".to_owned()) };
    let disk = disk_root.join(node_path.trim_start_matches('/'));
    match disk::read(&disk, limits.file_bytes) {
        Ok(Text { text, lossy }) => {
            let hints = Hints { node_path: Some(node_path), ..Hints::default() };
            let kind = kind::classify(&hints, &text);
            let mut file = SourceFile::new(path_in(&root.path, node_path), text.into(), kind);
            file.lossy = lossy;
            file.disk_path = Some(disk);
            Ok(file)
        }
        Err(ReadError::Io(error)) => Err(io_reason(&error)),
        Err(ReadError::Refused(kind)) => Err(kind.to_string()),
    }
}
