//! The root directory of one node, on disk or in memory.

use super::file::{ClusterIndex, NodeIndex, SourceFile};
use super::span::FileId;
use super::tree::{Entry, Lookup, Tree};
use std::path::PathBuf;

/// The files of one node, under the paths they have there.
#[derive(Clone, Debug)]
pub struct NodeRoot {
    /// Its index in the snapshot.
    pub index: NodeIndex,
    /// The node's name: its directory below `nodes/`, else /etc/hostname, else the directory's name or `localhost`.
    pub name: String,
    /// The directory as shown.
    pub path: String,
    /// The cluster it belongs to.
    pub cluster: ClusterIndex,
    /// Whether this is a whole file system (`/`, a mounted disk, an image) of which only the known places were read:
    /// a file that is absent here is absent on the node.
    pub live: bool,
    /// Whether the root itself was given; otherwise only some files in it were (as a pre-commit hook does), so that
    /// nothing follows from what is absent.
    pub whole: bool,
    pub(crate) tree: Tree,
    /// Its files, in the order of their ids.
    pub(crate) files: Vec<FileId>,
    pub(crate) disk_root: Option<PathBuf>,
    pub(crate) extra_files: usize,
}

impl NodeRoot {
    /// What an absolute path on the node leads to, links resolved inside the root (path_resolution(7)).
    #[must_use]
    pub fn lookup(&self, abs_path: &str) -> Lookup {
        self.tree.lookup(abs_path, self.live)
    }

    /// The entry names of a directory of the node, sorted; empty when it is none or not in the snapshot.
    #[must_use]
    pub fn list(&self, directory: &str) -> Vec<String> {
        self.tree.list(directory)
    }

    /// All known absolute paths that are files or links, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        let shown = |entry: &Entry| !matches!(entry, Entry::Directory { .. } | Entry::Missing);
        self.tree.iter().filter(move |(_, entry)| shown(entry)).map(|(path, _)| path)
    }

    /// The name in /etc/hostname, if that is a name (hostname(5): the first line that is no comment).
    pub(crate) fn own_hostname(&self, files: &[SourceFile]) -> Option<String> {
        let Lookup::File { file, .. } = self.lookup("/etc/hostname") else { return None };
        let lines = files.get(file.index())?.text.lines().map(str::trim);
        let name = lines.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'))?;
        let valid =
            name.len() <= 253 && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'));
        valid.then(|| name.to_owned())
    }

    /// The target of a link as written, if the path (whose directories must be real) is one.
    #[must_use]
    pub fn link_target(&self, abs_path: &str) -> Option<&str> {
        match self.tree.get(abs_path) {
            Some(Entry::Link(target)) => Some(target),
            _ => None,
        }
    }
}
