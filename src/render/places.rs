//! Where rendered files go in the snapshot, and the snapshot with them in place.

use super::plan::File;
use crate::source::{FileId, Snapshot, path_in};
use std::collections::BTreeMap;

/// The directories that files are placed below.
#[derive(Clone, Debug)]
pub struct Places<'a> {
    base: &'a str,
    /// Roots of nodes by name.
    roots: BTreeMap<&'a str, &'a str>,
}

impl<'a> Places<'a> {
    /// Places below the nodes' roots, and below `base` for what belongs to no node.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot, base: &'a str) -> Self {
        let mut roots = BTreeMap::new();
        for root in &snapshot.nodes {
            roots.entry(root.name.as_str()).or_insert(root.path.as_str());
        }
        Self { base, roots }
    }

    /// The shown path of a file.
    #[must_use]
    pub fn shown(&self, file: &File) -> String {
        self.shown_path(&file.path, file.node.as_deref())
    }

    /// The shown path of a path, below the node's root where it belongs to one.
    #[must_use]
    pub fn shown_path(&self, path: &str, node: Option<&str>) -> String {
        let root = node.and_then(|name| self.roots.get(name)).copied().unwrap_or(self.base);
        path_in(root, path)
    }
}

/// The snapshot with the files in their places.
#[must_use]
pub fn patched(snapshot: &Snapshot, places: &Places<'_>, files: &[File]) -> Snapshot {
    let placed = files.iter().map(|file| (places.shown(file), file.text.clone()));
    if snapshot.files.is_empty() {
        return Snapshot::from_texts(placed);
    }
    let known: BTreeMap<&str, FileId> = snapshot.files.iter().map(|file| (file.path.as_str(), file.id)).collect();
    let mut replaced: BTreeMap<FileId, String> = BTreeMap::new();
    let mut new: Vec<(String, String)> = Vec::new();
    for (path, text) in placed {
        match known.get(path.as_str()) {
            Some(id) => drop(replaced.insert(*id, text)),
            None => new.push((path, text)),
        }
    }
    snapshot.with_texts(&replaced, new)
}
