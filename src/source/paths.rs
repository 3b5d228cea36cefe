//! Paths as given, as found on disk and as shown.

use super::kind;
use super::repository;
use std::path::{Component, Path, PathBuf};

/// Turns given paths into absolute ones and absolute ones into what is shown.
#[derive(Clone, Debug)]
pub(crate) struct Paths {
    current: PathBuf,
}

impl Paths {
    /// Paths relative to a directory.
    pub(crate) fn new(current: Option<&Path>) -> Self {
        let current = current.map(Path::to_owned).or_else(|| std::env::current_dir().ok());
        Self { current: lexical(&current.unwrap_or_default()) }
    }

    /// The current directory.
    pub(crate) fn current(&self) -> &Path {
        &self.current
    }

    /// A given path as an absolute one without `.` and `..`; links are not considered.
    pub(crate) fn absolute(&self, given: &Path) -> PathBuf {
        lexical(&self.current.join(given))
    }

    /// How an absolute path is shown: relative below the current directory; elsewhere relative or absolute, as given.
    pub(crate) fn shown(&self, path: &Path, relative: bool) -> String {
        if let Ok(below) = path.strip_prefix(&self.current) {
            return slashes(below);
        }
        if !relative {
            return slashes(path);
        }
        let up = self.current.ancestors().position(|above| path.starts_with(above)).unwrap_or(0);
        let common = self.current.ancestors().nth(up).unwrap_or(&self.current);
        let below = slashes(path.strip_prefix(common).unwrap_or(path));
        format!("{}{below}", "../".repeat(up)).trim_end_matches('/').to_owned()
    }
}

/// A path without `.` and `..`.
fn lexical(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    kept
}

/// A path with `/` between its names, on every platform.
pub(crate) fn slashes(path: &Path) -> String {
    let mut shown = String::new();
    for component in path.components() {
        match component {
            Component::RootDir => shown.push('/'),
            other => {
                if !shown.is_empty() && !shown.ends_with('/') {
                    shown.push('/');
                }
                shown.push_str(&other.as_os_str().to_string_lossy());
            }
        }
    }
    shown
}

/// A shown path without `./` and doubled slashes.
pub(crate) fn clean(path: &str) -> String {
    let path = path.replace('\\', "/");
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty() && *name != ".").collect();
    format!("{}{}", if path.starts_with('/') { "/" } else { "" }, names.join("/"))
}

/// The shown path of a path below a shown directory; it may begin with a slash, as on a node.
#[must_use]
pub fn path_in(directory: &str, path: &str) -> String {
    let path = path.trim_start_matches('/');
    match directory.trim_end_matches('/') {
        "" if directory.starts_with('/') => format!("/{path}"),
        "" | "." => path.to_owned(),
        directory => format!("{directory}/{path}"),
    }
}

/// What of a shown path lies below a shown directory, without a slash before it; `None` for what lies elsewhere.
#[must_use]
pub fn path_below<'p>(directory: &str, path: &'p str) -> Option<&'p str> {
    match directory.trim_end_matches('/') {
        "" if directory.starts_with('/') => path.strip_prefix('/'),
        "" | "." => Some(path).filter(|path| !path.starts_with('/')),
        directory => path.strip_prefix(directory)?.strip_prefix('/'),
    }
}

/// The node root that an absolute path lies in, by its innermost `nodes/<name>/`, and the path on that node.
pub(crate) fn node_context(path: &Path) -> Option<(PathBuf, String)> {
    let behind = |root: &Path| path.strip_prefix(root).map(slashes).unwrap_or_default();
    path.ancestors().find_map(|root| {
        let below_nodes = root.parent()?.file_name()? == "nodes";
        let rest = behind(root);
        let first = rest.split('/').next().unwrap_or("");
        let known = below_nodes && (is_root_directory(first) || repository::is_node_root(root));
        known.then(|| (root.to_owned(), format!("/{rest}")))
    })
}

/// The same for a shown path of a text in memory whose path alone tells: the root's shown path and the path on the node.
pub(crate) fn node_context_of(path: &str) -> Option<(String, String)> {
    let names: Vec<&str> = path.split('/').collect();
    let start = names.windows(3).position(|three| {
        three.first() == Some(&"nodes") && three.get(2).is_some_and(|name| is_root_directory(name))
    })?;
    if start + 3 >= names.len() {
        return None;
    }
    Some((names.get(..start + 2)?.join("/"), format!("/{}", names.get(start + 2..)?.join("/"))))
}

fn is_root_directory(name: &str) -> bool {
    kind::ROOT_DIRECTORIES.contains(&name)
}

/// The directory that contains the `nodes/` of a node root; `.` for the current one.
pub(crate) fn cluster_of(root: &str) -> &str {
    let directory = root.rsplit('/').nth(1).map_or(0, str::len) + root.rsplit('/').next().map_or(0, str::len) + 1;
    let above = root.get(..root.len().saturating_sub(directory)).unwrap_or("");
    match above.trim_end_matches('/') {
        "" if above.starts_with('/') => "/",
        "" => ".",
        above => above,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_paths() {
        let paths = Paths::new(Some(Path::new("/home/u/repo")));
        let shown = |given: &str| paths.shown(&paths.absolute(Path::new(given)), !given.starts_with('/'));
        assert_eq!(shown("./a//b.yaml"), "a/b.yaml");
        assert_eq!(shown("."), "");
        assert_eq!(shown("/home/u/repo/a.yaml"), "a.yaml");
        assert_eq!(shown("../other/a.yaml"), "../other/a.yaml");
        assert_eq!(shown("a/../../other"), "../other");
        assert_eq!(shown("../.."), "../..");
        assert_eq!(shown("/etc/resolv.conf"), "/etc/resolv.conf");
        assert_eq!(shown("/"), "/");
    }

    #[test]
    fn paths_in_directories() {
        for (directory, path, shown) in [
            ("", "a/b", "a/b"),
            (".", "/etc/x", "etc/x"),
            ("/", "/etc/x", "/etc/x"),
            ("c/", "etc/x", "c/etc/x"),
            ("/c", "/etc/x", "/c/etc/x"),
        ] {
            assert_eq!(path_in(directory, path), shown);
            assert_eq!(path_below(directory, shown), Some(path.trim_start_matches('/')), "{directory}");
        }
        assert_eq!(path_below("c", "cd/x"), None);
        assert_eq!(path_below("c", "c"), None);
        assert_eq!(path_below(".", "/x"), None);
    }

    #[test]
    fn node_contexts() {
        let context = |path: &str| node_context(Path::new(path)).map(|(root, rest)| (slashes(&root), rest));
        let some = |root: &str, rest: &str| Some((root.to_owned(), rest.to_owned()));
        assert_eq!(context("/c/nodes/gw/etc/resolv.conf"), some("/c/nodes/gw", "/etc/resolv.conf"));
        assert_eq!(context("/nodes/x/repo/nodes/gw/etc/hosts"), some("/nodes/x/repo/nodes/gw", "/etc/hosts"));
        assert_eq!(context("/srv/nodes/repo/manifests/a.yaml"), None);
        assert_eq!(node_context_of("nodes/gw/etc/hosts"), some("nodes/gw", "/etc/hosts"));
        assert_eq!(node_context_of("c/a/nodes/gw/run/x/y"), some("c/a/nodes/gw", "/run/x/y"));
        assert_eq!(node_context_of("nodes/gw/kustomization.yaml"), None);
        assert_eq!(node_context_of("nodes/gw/etc"), None);
    }

    #[test]
    fn clusters() {
        assert_eq!(cluster_of("nodes/gw"), ".");
        assert_eq!(cluster_of("clusters/a/nodes/gw"), "clusters/a");
        assert_eq!(cluster_of("/nodes/gw"), "/");
        assert_eq!(cluster_of("/srv/nodes/gw"), "/srv");
        assert_eq!(cluster_of("../nodes/gw"), "..");
    }
}
