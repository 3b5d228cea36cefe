//! Commands and lists of names as the steps write them.

use crate::render::plan::File;
use crate::render::request::Request;
use crate::render::scene::Scene;
use std::collections::BTreeMap;

/// Most nodes that a step names.
const MAX_NAMES: usize = 6;

/// `a`, `a and b`, `a, b and c`.
pub fn list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// Where a step is done: on these nodes, or on every one where none is named.
pub fn on(nodes: &[String]) -> String {
    match nodes {
        [] => "on every node, one after the other".to_owned(),
        [one] => format!("on {one}"),
        _ if nodes.len() <= MAX_NAMES => format!("on {}, one after the other", list(nodes)),
        _ => {
            let (named, rest) = nodes.split_at(MAX_NAMES - 1);
            format!("on {} and {} more nodes (those with the file), one after the other", named.join(", "), rest.len())
        }
    }
}

/// How to see that a restart worked.
pub fn ready(nodes: &[String]) -> String {
    match nodes {
        [one] => format!("`kubectl get node {one}` until it is Ready"),
        _ => "`kubectl get node` until it is Ready".to_owned(),
    }
}

/// A path with the directory before it, below which files are written.
pub fn shown(scene: &Scene<'_>, file: &File) -> String {
    let request = scene.request;
    let below = scene.places.shown(file);
    let below = below.strip_prefix(&request.base).map_or(below.as_str(), |rest| rest.trim_start_matches('/'));
    directory(request, below)
}

/// A path below the directory of the files.
pub fn directory(request: &Request, path: &str) -> String {
    match request.directory.trim_end_matches('/') {
        "" | "." => path.to_owned(),
        directory => format!("{directory}/{path}"),
    }
}

/// Commands that delete objects, given as kind, namespace and name: one a namespace.
pub fn delete<'o>(objects: impl IntoIterator<Item = &'o String>) -> Vec<String> {
    let mut by_namespace: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for object in objects {
        let mut parts = object.splitn(3, '/');
        let mut next = || parts.next().unwrap_or_default();
        let (kind, namespace, name) = (next(), next(), next());
        by_namespace.entry(namespace).or_default().push(format!("{}/{name}", kind.to_lowercase()));
    }
    let command = |(namespace, names): (&str, Vec<String>)| {
        format!("`kubectl -n {namespace} delete --ignore-not-found {}`", names.join(" "))
    };
    by_namespace.into_iter().map(command).collect()
}
