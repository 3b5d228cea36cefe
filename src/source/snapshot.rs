//! The snapshot: every file of a run with its kind, node and cluster, and what could not be read.

use super::disk;
use super::explore::Explorer;
use super::file::{ClusterIndex, NodeIndex, SourceFile};
use super::kind::{self, FileKind};
use super::limits::{Limits, LoadOptions};
use super::load;
use super::memory;
use super::node::NodeRoot;
use super::paths::{clean, path_below};
use super::problem::InputProblem;
use super::span::FileId;
use super::tree::{End, Entry, Lookup};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// One cluster of a run: the directory that contains `nodes/`, or a given path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Its index in the snapshot.
    pub index: ClusterIndex,
    /// The directory as shown; `.` for the current one.
    pub path: String,
}

/// Everything that was read, in a fixed order.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The files by id: sorted by shown path (bytes), then those added later by [`load_extra`](Self::load_extra) and
    /// [`with_texts`](Self::with_texts), so that ids stay valid.
    pub files: Vec<SourceFile>,
    /// The node roots, sorted by shown path.
    pub nodes: Vec<NodeRoot>,
    /// The clusters that own them, sorted by path.
    pub clusters: Vec<Cluster>,
    /// What was not read, sorted.
    pub problems: Vec<InputProblem>,
    pub(crate) limits: Limits,
}

impl Snapshot {
    /// Reads cluster directories, repositories, node roots, files and `-` (standard input).
    ///
    /// Never fails: what could not be read is in [`problems`](Self::problems). The same input gives the same snapshot.
    #[must_use]
    pub fn load(paths: &[PathBuf], options: &LoadOptions) -> Self {
        load::load(paths, options)
    }

    /// A snapshot of texts by shown path, classified as if the current directory held just these files.
    #[must_use]
    pub fn from_texts<P: Into<String>, T: Into<String>>(texts: impl IntoIterator<Item = (P, T)>) -> Self {
        Self::from_texts_and_links(texts, std::iter::empty::<(String, String)>())
    }

    /// The same with symbolic links (shown path, target as written); links outside node roots are ignored.
    #[must_use]
    pub fn from_texts_and_links<P: Into<String>, T: Into<String>, L: Into<String>, G: Into<String>>(
        texts: impl IntoIterator<Item = (P, T)>,
        links: impl IntoIterator<Item = (L, G)>,
    ) -> Self {
        let texts = texts.into_iter().map(|(path, text)| (clean(&path.into()), text.into())).collect();
        let links = links.into_iter().map(|(path, target)| (clean(&path.into()), target.into())).collect();
        memory::snapshot(texts, links)
    }

    /// The file of an id. An id of another snapshot gives an empty file rather than a panic.
    #[must_use]
    pub fn file(&self, id: FileId) -> &SourceFile {
        self.files.get(id.index()).unwrap_or_else(|| empty_file())
    }

    /// The node root of an index.
    #[must_use]
    pub fn node(&self, index: NodeIndex) -> Option<&NodeRoot> {
        self.nodes.get(index.index())
    }

    /// The node whose root this given path is, whatever links lead there.
    #[must_use]
    pub fn node_at(&self, given: &Path) -> Option<&NodeRoot> {
        let real = disk::real_path(given);
        self.nodes.iter().find(|root| root.disk_root.as_ref() == Some(&real))
    }

    /// The file that is shown under a path.
    #[must_use]
    pub fn find(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// All files of a kind, in order.
    pub fn of_kind(&self, kind: FileKind) -> impl Iterator<Item = &SourceFile> {
        self.files.iter().filter(move |file| file.kind == kind)
    }

    /// All files of one node, in order.
    pub fn of_node(&self, node: NodeIndex) -> impl Iterator<Item = &SourceFile> {
        let ids = self.node(node).map_or(&[][..], |root| &root.files);
        ids.iter().filter_map(|id| self.files.get(id.index()))
    }

    /// The same snapshot with other texts: what a fix would leave behind. Ids stay; new files (shown path, text) are
    /// appended in path order, placed and classified like any other. A new file whose path exists replaces its text.
    #[must_use]
    pub fn with_texts(
        &self,
        replacements: &BTreeMap<FileId, String>,
        new_files: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut changed = self.clone();
        for (id, text) in replacements {
            if let Some(file) = changed.files.get_mut(id.index()) {
                *file = file.with_text(text.as_str().into());
            }
        }
        let new_files: BTreeMap<String, String> =
            new_files.into_iter().map(|(path, text)| (clean(&path), text)).collect();
        for (path, text) in new_files {
            let text: Arc<str> = text.into();
            match changed.files.iter_mut().find(|file| file.path == path) {
                Some(file) => *file = file.with_text(text),
                None => changed.add_text(path, text),
            }
        }
        changed
    }

    /// Appends a text under its shown path.
    fn add_text(&mut self, path: String, text: Arc<str>) {
        let on_node = |root: &NodeRoot| Some((root.index, root.cluster, memory::path_on(&root.path, &path)?));
        let place = self.nodes.iter().filter_map(on_node).next();
        let node_path = place.as_ref().map(|(.., node_path)| node_path.as_str());
        let hints = kind::Hints { node_path, path: &path, ..kind::Hints::default() };
        let mut file = SourceFile::new(path.clone(), text.clone(), kind::classify(&hints, &text));
        file.cluster = self.cluster_of(&path);
        if let Some((node, cluster, node_path)) = place {
            file.cluster = cluster;
            file.node = Some(node);
            file.node_path = Some(node_path);
        }
        self.push(file);
    }

    /// Where a new file of a node would lie on disk; `None` outside the node roots that were given as a whole.
    #[must_use]
    pub fn new_file_on_disk(&self, shown: &str) -> Option<PathBuf> {
        let below = |root: &NodeRoot| {
            let path = path_below(&root.path, shown).filter(|_| root.whole)?;
            Some(root.disk_root.as_ref()?.join(path))
        };
        self.nodes.iter().find_map(below)
    }

    /// The cluster whose directory is the nearest above a shown path, else the first.
    fn cluster_of(&self, path: &str) -> ClusterIndex {
        let holds = |cluster: &&Cluster| path_below(&cluster.path, path).is_some();
        let nearest = self.clusters.iter().filter(holds).max_by_key(|cluster| cluster.path.len());
        nearest.map_or_else(ClusterIndex::default, |cluster| cluster.index)
    }

    /// Appends a file, numbers it and makes it known in its node's tree.
    fn push(&mut self, mut file: SourceFile) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        file.id = id;
        let root = file.node.and_then(|node| self.nodes.get_mut(node.index()));
        if let (Some(root), Some(path)) = (root, &file.node_path) {
            root.tree.insert(path, Entry::File(id));
            root.files.push(id);
        }
        self.files.push(file);
        id
    }

    /// Reads a file that some setting of a node names, inside that node's root only, and tells what the path leads to.
    ///
    /// What is known already is not read again. Roots that were not given as a whole, and texts in memory, are only
    /// looked up: nothing outside the given paths is read. At most [`Limits::extra_files`] are read for each node.
    pub fn load_extra(&mut self, node: NodeIndex, abs_path: &str) -> Lookup {
        let limits = self.limits;
        let Some(root) = self.nodes.get_mut(node.index()) else {
            return Lookup::Absent { parent_known: false };
        };
        let Some(disk_root) = root.disk_root.clone().filter(|_| root.whole && root.extra_files < limits.extra_files)
        else {
            return root.lookup(abs_path);
        };
        let mut explorer = Explorer::new(&disk_root, &limits, std::mem::take(&mut root.tree));
        let found = explorer.probe(abs_path);
        root.tree = explorer.tree;
        if found.end == End::Entry(Entry::Unread) && !kind::is_secret(&found.path) {
            root.extra_files += 1;
            match load::read_extra(root, &found.path, &limits) {
                Ok(mut file) => {
                    file.cluster = root.cluster;
                    file.node = Some(node);
                    file.node_path = Some(found.path);
                    self.push(file);
                }
                Err(reason) => root.tree.insert(&found.path, Entry::Refused(reason)),
            }
        }
        self.nodes.get(node.index()).map_or(Lookup::Absent { parent_known: false }, |root| root.lookup(abs_path))
    }
}

/// A file that stands in for an id that does not exist.
fn empty_file() -> &'static SourceFile {
    static EMPTY: std::sync::OnceLock<SourceFile> = std::sync::OnceLock::new();
    EMPTY.get_or_init(|| SourceFile::new(String::new(), "".into(), FileKind::Other))
}
