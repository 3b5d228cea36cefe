//! Commands and lists of names as the steps write them.

use super::Work;
use crate::render::plan::{File, is_printed};
use crate::render::scene::Scene;
use crate::source::{path_below, path_in};
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

/// Where a step is done that concerns these servers, or all where none is named.
pub fn on_servers(nodes: &[String]) -> String {
    if nodes.is_empty() { "on every server".to_owned() } else { on(nodes) }
}

/// The path of a file below the directory that files are written to.
pub fn shown(scene: &Scene<'_>, file: &File) -> String {
    let place = scene.places.shown(file);
    path_in(&scene.request.directory, path_below(&scene.request.base, &place).unwrap_or(&place))
}

/// A file as a step takes it up: where it is written, or what prints it.
pub fn made(work: &Work<'_>, file: &File) -> String {
    told(work, file, shown(work.scene, file))
}

fn told(work: &Work<'_>, file: &File, shown: String) -> String {
    match (work.scene.request.stream, is_printed(work.files, file)) {
        (false, _) => shown,
        (true, true) => format!("the printed {shown}"),
        (true, false) => format!("{shown} (`--only node` prints it)"),
    }
}

/// How files come to a path on each of these nodes, or on all where none is named.
pub fn copied(work: &Work<'_>, nodes: &[String], path: &str) -> String {
    let of = |node: &str| {
        let is_at = |file: &&File| file.node.as_deref().unwrap_or_default() == node && path_in("/", &file.path) == path;
        work.files.iter().find(is_at)
    };
    let first = of(nodes.first().map_or("", String::as_str));
    let from = match nodes {
        [] | [_] => first.map(|file| shown(work.scene, file)),
        _ => of_each(nodes, path, |node| Some(shown(work.scene, of(node)?))),
    };
    match first.zip(from.filter(|from| from != path)) {
        Some((file, from)) => format!("copy {} to {path}", told(work, file, from)),
        None => format!("put {path} in place"),
    }
}

/// One path for files of several nodes, where their directories have the nodes' names.
fn of_each(nodes: &[String], path: &str, shown: impl Fn(&str) -> Option<String>) -> Option<String> {
    let above = |node: &String| {
        let shown = shown(node)?;
        Some(shown.strip_suffix(path)?.strip_suffix(node.as_str())?.to_owned())
    };
    let mut all = nodes.iter().map(above);
    let first = all.next()??;
    all.all(|other| other.as_ref() == Some(&first)).then(|| format!("{first}<node>{path}"))
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
