//! Snapshots of texts that are not on disk: tests, the samples of rules, what a fix would leave behind.

use super::file::{ClusterIndex, NodeIndex, SourceFile};
use super::kind::{self, Hints};
use super::limits::Limits;
use super::node::NodeRoot;
use super::paths::{cluster_of, node_context_of, path_below};
use super::snapshot::{Cluster, Snapshot};
use super::span::FileId;
use super::tree::{Entry, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// The path on a node of a shown path below its root.
pub(crate) fn path_on(root: &str, path: &str) -> Option<String> {
    path_below(root, path).map(|rest| format!("/{rest}"))
}

/// Builds a snapshot from clean shown paths.
pub(crate) fn snapshot(texts: BTreeMap<String, String>, links: BTreeMap<String, String>) -> Snapshot {
    let single_root = is_single_root(texts.keys().chain(links.keys()));
    let mut roots: BTreeSet<String> =
        texts.keys().chain(links.keys()).filter_map(|path| Some(node_context_of(path)?.0)).collect();
    if single_root {
        roots.insert(String::new());
    }
    // Once one file shows that a directory is the root of a node, everything below it is on that node.
    let place = |path: &str| {
        let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at)).find(|above| roots.contains(*above));
        let root = above.or_else(|| single_root.then_some(""))?;
        Some((root.to_owned(), path_on(root, path)?))
    };
    let mut nodes = node_roots(&roots);
    let clusters = clusters(texts.keys(), &roots);
    for root in &mut nodes {
        let path = if root.path == "." { "." } else { cluster_of(&root.path) };
        root.cluster = nearest(&clusters, path);
    }
    let mut linked: BTreeMap<(String, String), String> = BTreeMap::new();
    for (path, target) in &links {
        if let Some((root, node_path)) = place(path) {
            linked.insert((root, node_path), target.clone());
        }
    }
    let mut files: Vec<SourceFile> = Vec::new();
    for (id, (path, text)) in (0..).map(FileId).zip(texts) {
        let node = place(&path);
        let node_path = node.as_ref().map(|(_, node_path)| node_path.as_str());
        let hints = Hints { node_path, path: &path, ..Hints::default() };
        let mut file = SourceFile::new(path.clone(), text.as_str().into(), kind::classify(&hints, &text));
        file.id = id;
        file.cluster = nearest(&clusters, &path);
        if let Some((root, node_path)) = node
            && let Some(at) = roots.iter().position(|known| *known == root)
            && let Some(node_root) = nodes.get_mut(at)
        {
            node_root.tree.insert(&node_path, Entry::File(id));
            node_root.files.push(id);
            file.cluster = node_root.cluster;
            file.node = Some(node_root.index);
            file.node_path = Some(node_path);
        }
        files.push(file);
    }
    for (at, root) in roots.iter().enumerate() {
        if let Some(node_root) = nodes.get_mut(at) {
            finish(node_root, root, &linked, &mut files);
        }
    }
    Snapshot { files, nodes, clusters, problems: Vec::new(), limits: Limits::default() }
}

/// Whether the texts are those of one node: something below `etc/` that we know, and no `nodes/`.
fn is_single_root<'a>(paths: impl Iterator<Item = &'a String>) -> bool {
    let mut known = false;
    for path in paths {
        if path.starts_with("nodes/") {
            return false;
        }
        known |= path.starts_with("etc/") && kind::of_node_path(path).is_some();
    }
    known
}

fn node_roots(roots: &BTreeSet<String>) -> Vec<NodeRoot> {
    let root = |(index, path): (NodeIndex, &String)| NodeRoot {
        index,
        name: path.rsplit('/').next().filter(|name| !name.is_empty()).unwrap_or("localhost").to_owned(),
        path: if path.is_empty() { ".".to_owned() } else { path.clone() },
        cluster: ClusterIndex(0),
        live: false,
        whole: true,
        tree: Tree::default(),
        files: Vec::new(),
        disk_root: None,
        extra_files: 0,
    };
    (0..).map(NodeIndex).zip(roots).map(root).collect()
}

/// The directories that contain a `nodes/`, and the current one for everything else.
fn clusters<'a>(mut paths: impl Iterator<Item = &'a String>, roots: &BTreeSet<String>) -> Vec<Cluster> {
    let mut known: BTreeSet<&str> =
        roots.iter().map(|root| if root.is_empty() { "." } else { cluster_of(root) }).collect();
    if known.is_empty() || paths.any(|path| !known.iter().any(|cluster| path_below(cluster, path).is_some())) {
        known.insert(".");
    }
    let cluster = |(index, path): (ClusterIndex, &str)| Cluster { index, path: path.to_owned() };
    (0..).map(ClusterIndex).zip(known).map(cluster).collect()
}

fn nearest(clusters: &[Cluster], path: &str) -> ClusterIndex {
    let holds = |cluster: &&Cluster| cluster.path == path || path_below(&cluster.path, path).is_some();
    let found = clusters.iter().filter(holds).max_by_key(|cluster| cluster.path.len());
    found.map_or_else(ClusterIndex::default, |cluster| cluster.index)
}

/// Adds a root's links, gives files the kinds of links to them, and its own name.
fn finish(root: &mut NodeRoot, key: &str, links: &BTreeMap<(String, String), String>, files: &mut [SourceFile]) {
    let own: Vec<_> = links.iter().filter(|((of, _), _)| of == key).map(|((_, path), target)| (path, target)).collect();
    for (path, target) in &own {
        root.tree.insert(path, Entry::Link((*target).clone()));
    }
    root.tree.close();
    for (path, _) in own {
        let Some(kind) = kind::of_node_path(path) else { continue };
        if let super::Lookup::File { file, .. } = root.lookup(path)
            && let Some(file) = files.get_mut(file.index())
            && file.kind == kind::FileKind::Other
        {
            file.kind = kind;
        }
    }
    if key.is_empty()
        && let Some(name) = root.own_hostname(files)
    {
        root.name = name;
    }
}
