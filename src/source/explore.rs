//! Looking at a node root on disk: all of a snapshot, the known places of a whole file system, or single paths.

use super::disk::{self, ItemKind};
use super::glob::matches_name;
use super::kind::{self, FileKind};
use super::limits::Limits;
use super::problem::{InputProblem, ProblemKind, io_reason};
use super::tree::{self, End, Entry, Resolution, Tree};
use super::walk::{Directory, Listing, Visit, walk};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where name resolution is decided on a node. `/**` at the end means everything below, `*` stands within a name.
const KNOWN_PLACES: &[&str] = &[
    "etc/*resolv.conf*",
    "etc/hosts",
    "etc/hostname",
    "etc/nsswitch.conf",
    "etc/os-release",
    "etc/environment",
    "etc/dnsmasq.conf",
    "etc/dnsmasq.d/**",
    "etc/dhcp/**",
    "etc/dhcpcd.conf",
    "etc/default/*",
    "etc/sysconfig/*",
    "etc/sysconfig/network-scripts/ifcfg-*",
    "etc/network/interfaces",
    "etc/network/interfaces.d/*",
    "etc/netplan/*",
    "etc/resolvconf/**",
    "etc/NetworkManager/**",
    "etc/systemd/**",
    "etc/kubernetes/**",
    "etc/rancher/**",
    "etc/cni/net.d/*",
    "run/dnsmasq/**",
    "run/NetworkManager/*.conf",
    "run/NetworkManager/conf.d/*",
    "run/resolvconf/**",
    "run/netplan/*",
    "run/systemd/resolve/*.conf",
    "run/systemd/resolved.conf.d/*",
    "run/systemd/network/**",
    "run/systemd/system/**",
    "run/systemd/system.control/**",
    "run/systemd/transient/**",
    "run/systemd/generator/**",
    "run/systemd/generator.early/**",
    "run/systemd/generator.late/**",
    "lib/systemd/system/**",
    "usr/lib/systemd/system/**",
    "usr/local/lib/systemd/system/**",
    "lib/systemd/resolved.conf.d/*",
    "usr/lib/systemd/resolved.conf.d/*",
    "usr/local/lib/systemd/resolved.conf.d/*",
    "usr/lib/systemd/resolved.conf",
    "usr/lib/NetworkManager/conf.d/*",
    "usr/lib/os-release",
    "usr/etc/nsswitch.conf",
    "var/lib/kubelet/*.yaml",
    "var/lib/kubelet/*.json",
    "var/lib/kubelet/*.env",
    "var/lib/kubelet/config/*",
    "var/lib/rancher/*/agent/etc/**",
    "var/lib/rancher/*/server/manifests/**",
    "opt/rke/*",
];

/// Files one of which makes a directory with `etc/` the root of a node.
const TELLING_PATHS: &[&str] = &[
    "etc/resolv.conf",
    "etc/os-release",
    "etc/hosts",
    "etc/hostname",
    "etc/nsswitch.conf",
    "etc/dnsmasq.conf",
    "etc/dnsmasq.d",
    "etc/rancher",
    "etc/kubernetes",
    "etc/systemd/resolved.conf",
    "etc/systemd/resolved.conf.d",
    "etc/systemd/system",
    "etc/NetworkManager",
    "etc/netplan",
    "etc/default/kubelet",
    "etc/sysconfig/kubelet",
];

/// Whether a given directory is the root of one node: it has `etc/` with a file we know, and no `nodes/` beside it.
pub(crate) fn is_given_root(directory: &Path) -> bool {
    directory.parent().is_none()
        || (!disk::is_directory(&directory.join("nodes"))
            && TELLING_PATHS.iter().any(|path| disk::look(&directory.join(path)).is_ok()))
}

/// Whether a node root is a whole file system rather than a collection of files from one.
pub(crate) fn is_whole_system(directory: &Path) -> bool {
    let has = |path: &str| disk::look(&directory.join(path)).is_ok();
    directory.parent().is_none() || has("usr/bin") || (has("bin") && has("sbin"))
}

/// A node root while it is being looked at.
#[derive(Debug)]
pub(crate) struct Explorer<'a> {
    root: &'a Path,
    limits: &'a Limits,
    /// What is known so far.
    pub tree: Tree,
    /// What went wrong, with paths on the node.
    pub problems: Vec<InputProblem>,
}

/// One entry that the walk below a directory of the node found.
type Finding = (String, Entry, Option<InputProblem>);

impl<'a> Explorer<'a> {
    /// Goes on from what is known of a root.
    pub(crate) const fn new(root: &'a Path, limits: &'a Limits, tree: Tree) -> Self {
        Self { root, limits, tree, problems: Vec::new() }
    }

    fn on_disk(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// Follows a path on disk inside the root; everything on the way becomes known.
    ///
    /// Each step looks at one name below directories that are real, so no step can leave the root.
    pub(crate) fn probe(&mut self, path: &str) -> Resolution {
        let root = self.root;
        let known = &mut self.tree;
        tree::resolve(path, |at| {
            if let Some(entry) = known.get(at) {
                return Some(entry.clone());
            }
            let entry = look(&root.join(at.trim_start_matches('/')));
            known.insert(at, entry.clone());
            Some(entry)
        })
    }

    /// Takes in everything below the root.
    pub(crate) fn all(&mut self) {
        self.below("/");
    }

    /// Takes in the places where name resolution is decided.
    pub(crate) fn known_places(&mut self) {
        for place in KNOWN_PLACES {
            self.place(place);
        }
        self.link_targets();
    }

    /// Takes in one path and everything below it, and tells what it is.
    pub(crate) fn part(&mut self, path: &str) -> Resolution {
        let found = self.probe(path);
        if let End::Entry(Entry::Directory { .. }) = found.end {
            self.below(&found.path);
            self.link_targets();
        }
        found
    }

    fn place(&mut self, pattern: &str) {
        let mut directories = vec!["/".to_owned()];
        for name in pattern.split('/') {
            let mut next = Vec::new();
            for directory in &directories {
                match name {
                    "**" => self.below(directory),
                    _ if name.contains('*') => next.extend(self.matching(directory, name)),
                    _ => next.push(tree::join(directory, name)),
                }
            }
            directories = next.iter().filter_map(|path| self.directory(path)).collect();
        }
    }

    /// The real path of a directory, if one stands there.
    fn directory(&mut self, path: &str) -> Option<String> {
        let found = self.probe(path);
        matches!(found.end, End::Entry(Entry::Directory { .. })).then_some(found.path)
    }

    fn matching(&mut self, directory: &str, pattern: &str) -> Vec<String> {
        self.list(directory);
        let names = self.tree.list(directory);
        names.iter().filter(|name| matches_name(pattern, name)).map(|name| tree::join(directory, name)).collect()
    }

    /// Takes in the names of one directory.
    fn list(&mut self, directory: &str) {
        if matches!(self.tree.get(directory), Some(Entry::Directory { listed: true })) {
            return;
        }
        let start = Directory { path: self.on_disk(directory), relative: String::new(), depth: 0, context: () };
        let listing = disk::list(&start.path, self.limits.entries);
        let visit = visit(&start, listing, directory, self.limits);
        self.take(visit.found);
        for below in visit.directories {
            self.tree.insert(&tree::join(directory, &below.relative), Entry::Directory { listed: false });
        }
    }

    /// Takes in everything below a directory, which must be real.
    fn below(&mut self, directory: &str) {
        let depth = directory.matches('/').count().saturating_sub(1);
        let start = Directory { path: self.on_disk(directory), relative: String::new(), depth, context: () };
        let limits = self.limits;
        let (found, finished) = walk(start, limits, |at, listing| visit(at, listing, directory, limits));
        self.take(found);
        if !finished {
            let kind = ProblemKind::TooMany { limit: limits.entries };
            self.problems.push(InputProblem::new(directory, kind));
        }
    }

    fn take(&mut self, found: Vec<Finding>) {
        for (path, entry, problem) in found {
            self.tree.insert(&path, entry);
            self.problems.extend(problem);
        }
    }

    /// Follows the links found so far, so that what they lead to is known; drop-in directories are listed too.
    fn link_targets(&mut self) {
        let is_link = |(path, entry): (&str, &Entry)| matches!(entry, Entry::Link(_)).then(|| path.to_owned());
        let links: Vec<String> = self.tree.iter().filter_map(is_link).collect();
        for link in links {
            if let Some(directory) = self.directory(&link)
                && link.ends_with(".d")
            {
                self.list(&directory);
            }
        }
    }

    /// Kinds that links give to files whose own path says nothing; loops of telling names become problems.
    pub(crate) fn linked_kinds(&mut self) -> BTreeMap<String, FileKind> {
        let mut kinds = BTreeMap::new();
        let links = self.tree.iter().filter(|(_, entry)| matches!(entry, Entry::Link(_)));
        for (path, kind) in links.filter_map(|(path, _)| Some((path, kind::of_node_path(path)?))) {
            let found = self.tree.resolve(path);
            match found.end {
                End::Entry(Entry::Unread) if kind::of_node_path(&found.path).is_none() => {
                    kinds.entry(found.path).or_insert(kind);
                }
                End::Loop => self.problems.push(InputProblem::new(path, ProblemKind::LinkLoop)),
                _ => {}
            }
        }
        kinds
    }
}

/// What stands at a path on disk, links not followed.
fn look(path: &Path) -> Entry {
    match disk::look(path) {
        Ok(kind) => entry_of(kind),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Entry::Missing
        }
        Err(error) => Entry::Refused(io_reason(&error)),
    }
}

fn entry_of(kind: ItemKind) -> Entry {
    match kind {
        ItemKind::File => Entry::Unread,
        ItemKind::Directory => Entry::Directory { listed: false },
        ItemKind::Link(target) => Entry::Link(target),
        ItemKind::Special => Entry::Refused("not a regular file".to_owned()),
    }
}

/// Notes all entries of one directory of a node; `base` is the node's path of the walk's start.
fn visit(directory: &Directory<()>, listing: Listing, base: &str, limits: &Limits) -> Visit<(), Finding> {
    let here = if directory.relative.is_empty() { base.to_owned() } else { tree::join(base, &directory.relative) };
    let mut visit = Visit { directories: Vec::new(), found: Vec::new() };
    let refuse = |path: String, problem: InputProblem| (path, Entry::Refused(problem.message.clone()), Some(problem));
    let items = match listing {
        Ok(Some(items)) => items,
        Ok(None) => {
            let problem = InputProblem::new(here.as_str(), ProblemKind::TooMany { limit: limits.entries });
            visit.found.push(refuse(here, problem));
            return visit;
        }
        Err(error) => {
            visit.found.push(refuse(here.clone(), InputProblem::io(here, &error)));
            return visit;
        }
    };
    visit.found.push((here.clone(), Entry::Directory { listed: true }, None));
    for item in &items {
        let path = tree::join(&here, &item.name);
        match &item.kind {
            Ok(ItemKind::Directory) if directory.depth >= limits.depth => {
                let problem = InputProblem::new(path.as_str(), ProblemKind::TooDeep { limit: limits.depth });
                visit.found.push(refuse(path, problem));
            }
            Ok(ItemKind::Directory) => visit.directories.push(directory.enter(item, ())),
            Ok(kind) => {
                let telling = *kind == ItemKind::Special && kind::of_node_path(&path).is_some();
                let problem = telling.then(|| InputProblem::new(path.as_str(), ProblemKind::NotRegular));
                visit.found.push((path, entry_of(kind.clone()), problem));
            }
            Err(error) => visit.found.push(refuse(path.clone(), InputProblem::io(path, error))),
        }
    }
    visit
}
