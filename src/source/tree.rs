//! The directory tree of one node as far as it is known, and path resolution inside it as the node's kernel would do it.

use super::span::FileId;
use std::collections::BTreeMap;

/// Links followed before a path is called a loop, as on Linux (path_resolution(7), `ELOOP`).
const MAX_LINKS: usize = 40;

/// Bytes of a path that may still be looked at while resolving; more than any kernel takes (`PATH_MAX` is 4096).
const MAX_PATH: usize = 64 << 10;

/// What is known about one absolute path without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A directory; `listed` when all its names are known.
    Directory { listed: bool },
    /// A regular file that is part of the snapshot.
    File(FileId),
    /// A regular file that was not read because nothing was known to need it.
    Unread,
    /// A symbolic link and its target as written.
    Link(String),
    /// Something that could not or must not be read, and why.
    Refused(String),
    /// Looked for and not there.
    Missing,
}

/// What a path on a node leads to.
///
/// `chain` holds the path after each symbolic link that was followed, in order; it is empty when no link was involved,
/// and its last element is the path that the answer is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// A file of the snapshot.
    File {
        /// The file.
        file: FileId,
        /// Every link hop.
        chain: Vec<String>,
    },
    /// A link whose target is not there (`/dev/null`, as masked units have it, counts as not there in a snapshot).
    Dangling {
        /// Every link hop; the last one is the path that is missing.
        chain: Vec<String>,
        /// Whether the directory that should hold the target is in the snapshot, so that its absence means something.
        parent_known: bool,
    },
    /// Links that lead back to themselves, or more than 40 in a row.
    Loop {
        /// The hops until it was given up.
        chain: Vec<String>,
    },
    /// A directory.
    Directory,
    /// It is there, but it could not be read, is too large, binary, or not a regular file.
    Unreadable {
        /// Why, in a few words.
        reason: String,
        /// Every link hop.
        chain: Vec<String>,
    },
    /// Nothing of that name is known.
    Absent {
        /// Whether its directory is in the snapshot, so that its absence means something.
        parent_known: bool,
    },
}

/// Where a path ends, before it is told as a [`Lookup`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolution {
    /// The final path, without links as far as it is known.
    pub path: String,
    /// Every link hop.
    pub chain: Vec<String>,
    /// What stands there.
    pub end: End,
}

/// What a resolved path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// An entry of the tree, never a link.
    Entry(Entry),
    /// A name that its parent does not have; `last` when it is the last one of the path.
    NoEntry { parent: String, last: bool },
    /// Too many links.
    Loop,
}

/// Splits a path into names, dropping empty ones and `.`.
fn names(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split('/').filter(|name| !name.is_empty() && *name != ".")
}

/// Joins names to an absolute path.
fn absolute<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut path = String::new();
    for name in names {
        path.push('/');
        path.push_str(name);
    }
    if path.is_empty() { "/".to_owned() } else { path }
}

/// `directory/name` for an absolute directory.
pub(crate) fn join(directory: &str, name: &str) -> String {
    if directory == "/" { format!("/{name}") } else { format!("{directory}/{name}") }
}

/// The directory of an absolute path without trailing slash.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((directory, _)) => directory,
    }
}

/// Follows a path name by name; `entry` tells what stands at an absolute path whose parents are real directories.
///
/// Absolute targets start again at the node's root, and `..` never leaves it (path_resolution(7), as in a chroot).
pub(crate) fn resolve(path: &str, mut entry: impl FnMut(&str) -> Option<Entry>) -> Resolution {
    let mut pending: Vec<String> = names(path).rev().map(str::to_owned).collect();
    let mut current = "/".to_owned();
    let mut chain: Vec<String> = Vec::new();
    let mut budget = MAX_PATH;
    while let Some(name) = pending.pop() {
        if name == ".." {
            current = parent(&current).to_owned();
            continue;
        }
        let here = join(&current, &name);
        budget = budget.saturating_sub(name.len() + 1);
        match entry(&here) {
            _ if budget == 0 => return Resolution { path: here, chain, end: End::Loop },
            Some(Entry::Directory { .. }) => current = here,
            Some(Entry::Link(target)) => {
                if chain.len() >= MAX_LINKS {
                    return Resolution { path: here, chain, end: End::Loop };
                }
                if target.starts_with('/') {
                    current = "/".to_owned();
                }
                pending.extend(names(&target).rev().map(str::to_owned));
                while pending.last().is_some_and(|next| next == "..") {
                    pending.pop();
                    current = parent(&current).to_owned();
                }
                chain.push(absolute(names(&current).chain(pending.iter().rev().map(String::as_str))));
            }
            Some(found @ Entry::Refused(_)) => return Resolution { path: here, chain, end: End::Entry(found) },
            Some(found @ (Entry::File(_) | Entry::Unread)) if pending.is_empty() => {
                return Resolution { path: here, chain, end: End::Entry(found) };
            }
            // A file in the middle of a path (ENOTDIR) hides what is asked for as surely as a missing directory.
            Some(Entry::File(_) | Entry::Unread | Entry::Missing) => {
                return Resolution { path: here, chain, end: End::Entry(Entry::Missing) };
            }
            None => {
                let last = pending.is_empty();
                return Resolution { path: here, chain, end: End::NoEntry { parent: current, last } };
            }
        }
    }
    let found = if current == "/" { Some(Entry::Directory { listed: false }) } else { entry(&current) };
    let end = found.map_or(End::NoEntry { parent: parent(&current).to_owned(), last: true }, End::Entry);
    Resolution { path: current, chain, end }
}

/// Everything known about one node's files, by absolute path without links.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    entries: BTreeMap<String, Entry>,
}

impl Tree {
    /// What is known about a path without links.
    pub(crate) fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// Notes an entry; its directories become known too (a listed one stays listed).
    pub(crate) fn insert(&mut self, path: &str, entry: Entry) {
        let mut above = path;
        while above != "/" {
            above = parent(above);
            if self.entries.contains_key(above) {
                break;
            }
            self.entries.insert(above.to_owned(), Entry::Directory { listed: false });
        }
        let keep = matches!(
            (self.entries.get(path), &entry),
            (Some(Entry::Directory { listed: true }), Entry::Directory { .. }) | (Some(Entry::File(_)), Entry::Unread)
        );
        if !keep {
            self.entries.insert(path.to_owned(), entry);
        }
    }

    /// Marks every directory as listed: the tree is all there is to know (texts in memory).
    pub(crate) fn close(&mut self) {
        for entry in self.entries.values_mut() {
            if let Entry::Directory { listed } = entry {
                *listed = true;
            }
        }
    }

    /// All known paths with what stands there, sorted.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// Follows a path in what is known.
    pub(crate) fn resolve(&self, path: &str) -> Resolution {
        resolve(path, |at| self.entries.get(at).cloned())
    }

    fn is_listed(&self, directory: &str) -> bool {
        matches!(self.entries.get(directory), Some(Entry::Directory { listed: true }))
    }

    /// What a path leads to; `complete` when the tree can be asked about any path (a live root), so that a missing
    /// directory proves that the file is missing too.
    pub(crate) fn lookup(&self, path: &str, complete: bool) -> Lookup {
        let Resolution { path, mut chain, end } = self.resolve(path);
        // A hop may lead through further linked directories (`/lib/../x`); where it ended is the plain path.
        if let (Some(hop), End::Entry(_) | End::NoEntry { last: true, .. }) = (chain.last_mut(), &end) {
            *hop = path;
        }
        let parent_known = match end {
            End::Loop => return Lookup::Loop { chain },
            End::Entry(Entry::Directory { .. }) => return Lookup::Directory,
            End::Entry(Entry::File(file)) => return Lookup::File { file, chain },
            End::Entry(Entry::Refused(reason)) => return Lookup::Unreadable { reason, chain },
            End::Entry(Entry::Missing) => true,
            End::Entry(Entry::Unread | Entry::Link(_)) => false,
            End::NoEntry { parent, last } => (last || complete) && self.is_listed(&parent),
        };
        if chain.is_empty() { Lookup::Absent { parent_known } } else { Lookup::Dangling { chain, parent_known } }
    }

    /// Names directly below a directory, links to it resolved; sorted.
    pub(crate) fn list(&self, directory: &str) -> Vec<String> {
        let Resolution { path, end: End::Entry(Entry::Directory { .. }), .. } = self.resolve(directory) else {
            return Vec::new();
        };
        let prefix = if path == "/" { path } else { format!("{path}/") };
        let below = self.entries.range(prefix.clone()..).take_while(|(path, _)| path.starts_with(&prefix));
        below
            .filter(|(_, entry)| **entry != Entry::Missing)
            .filter_map(|(path, _)| path.strip_prefix(&prefix))
            .filter(|name| !name.is_empty() && !name.contains('/'))
            .map(str::to_owned)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(entries: &[(&str, Entry)]) -> Tree {
        let mut tree = Tree::default();
        for (path, entry) in entries {
            tree.insert(path, entry.clone());
        }
        tree.close();
        tree
    }

    fn link(target: &str) -> Entry {
        Entry::Link(target.into())
    }

    fn file(id: u32) -> Entry {
        Entry::File(FileId(id))
    }

    fn found(id: u32, chain: &[&str]) -> Lookup {
        Lookup::File { file: FileId(id), chain: chain.iter().map(|hop| (*hop).to_owned()).collect() }
    }

    #[test]
    fn links_stay_in_the_root() {
        let tree = tree(&[
            ("/run/systemd/resolve/stub-resolv.conf", file(1)),
            ("/etc/absolute", link("/run/systemd/resolve/stub-resolv.conf")),
            ("/etc/relative", link("../run/systemd/resolve/stub-resolv.conf")),
            ("/etc/above", link("../../../../run/systemd/resolve/stub-resolv.conf")),
            ("/etc/twice", link("absolute")),
            ("/rundir", link("/run/systemd")),
            ("/etc/through", link("../rundir/../systemd/resolve/./stub-resolv.conf")),
        ]);
        let end = "/run/systemd/resolve/stub-resolv.conf";
        assert_eq!(tree.lookup("/etc/absolute", false), found(1, &[end]));
        assert_eq!(tree.lookup("/etc/relative", false), found(1, &[end]));
        assert_eq!(tree.lookup("/etc/above", false), found(1, &[end]));
        assert_eq!(tree.lookup("/etc//twice", false), found(1, &["/etc/absolute", end]));
        // `..` after a linked directory leads to the parent of its target: /run/systemd/.. is /run.
        let hop = "/rundir/../systemd/resolve/stub-resolv.conf";
        assert_eq!(tree.lookup("/etc/through", false), found(1, &[hop, end]));
        assert_eq!(tree.lookup("/rundir/resolve/stub-resolv.conf", false), found(1, &[end]));
        assert_eq!(tree.list("/rundir"), ["resolve"]);
    }

    #[test]
    fn loops_and_dangling_links() {
        let tree = tree(&[
            ("/etc/a", link("b")),
            ("/etc/b", link("a")),
            ("/etc/self", link("/etc/self/x")),
            ("/etc/gone", link("/etc/nothing")),
            ("/etc/far", link("/mnt/x/y")),
        ]);
        assert!(matches!(tree.lookup("/etc/a", false), Lookup::Loop { chain } if chain.len() == MAX_LINKS));
        assert!(matches!(tree.lookup("/etc/self", false), Lookup::Loop { .. }));
        let dangling = |to: &str, parent_known| Lookup::Dangling { chain: vec![to.to_owned()], parent_known };
        assert_eq!(tree.lookup("/etc/gone", false), dangling("/etc/nothing", true));
        assert_eq!(tree.lookup("/etc/far", false), dangling("/mnt/x/y", false));
        assert_eq!(tree.lookup("/etc/far", true), dangling("/mnt/x/y", true));
    }

    #[test]
    fn forty_links_are_followed() {
        let chain = |n: usize| {
            let mut entries: Vec<_> = (0..n).map(|i| (format!("/l{i}"), link(&format!("l{}", i + 1)))).collect();
            entries.push((format!("/l{n}"), file(7)));
            let mut tree = Tree::default();
            entries.into_iter().for_each(|(path, entry)| tree.insert(&path, entry));
            tree.lookup("/l0", false)
        };
        assert!(matches!(chain(MAX_LINKS), Lookup::File { .. }));
        assert!(matches!(chain(MAX_LINKS + 1), Lookup::Loop { .. }));
    }

    #[test]
    fn absence_is_told_apart() {
        let mut tree = tree(&[("/etc/hosts", file(1)), ("/opt/x", Entry::Unread), ("/etc/gone", Entry::Missing)]);
        tree.insert("/srv/a/b", file(2));
        assert_eq!(tree.lookup("/etc/resolv.conf", false), Lookup::Absent { parent_known: true });
        assert_eq!(tree.lookup("/etc/dnsmasq.d/x", false), Lookup::Absent { parent_known: false });
        assert_eq!(tree.lookup("/etc/dnsmasq.d/x", true), Lookup::Absent { parent_known: true });
        assert_eq!(tree.lookup("/srv/a/c", true), Lookup::Absent { parent_known: false });
        assert_eq!(tree.lookup("/etc/gone", true), Lookup::Absent { parent_known: true });
        assert_eq!(tree.lookup("/opt/x", true), Lookup::Absent { parent_known: false });
        assert_eq!(tree.lookup("/etc/hosts/x", false), Lookup::Absent { parent_known: true });
        assert_eq!(tree.lookup("/etc", false), Lookup::Directory);
        assert_eq!(tree.lookup("/", false), Lookup::Directory);
        assert_eq!(tree.list("/etc"), ["hosts"]);
        assert_eq!(tree.list("/"), ["etc", "opt", "srv"]);
    }
}
