//! The resolver file of a node's pods, named where the kubelet, k3s or RKE2 reads it, in a file that is there or in a new one.

use super::build::{Draft, FixRequest, Workshop};
use super::kubelet::kubelet_config_file;
use super::{flags, yaml};
use crate::analysis::view::ViewValue;
use crate::diagnostic::NewFile;
use crate::model::manifests::Objects;
use crate::model::node::{Agent, K3s, Node, NodeObjects};
use crate::source::{FileKind, Location, NodeIndex, Snapshot, SourceFile, path_in};
use crate::syntax::kubelet_flags::parse_kubelet;
use crate::syntax::systemd::Traced;

/// Name of the files that fixes and renderings add to a directory of drop-ins: late, so that it counts.
pub const DROP_IN: &str = "90-dnslint";

/// Name of a drop-in that is read behind those of these names.
#[must_use]
pub fn drop_in_behind<'n>(names: impl IntoIterator<Item = &'n str>, suffix: &str) -> String {
    let usual = format!("{DROP_IN}{suffix}");
    match names.into_iter().max().filter(|last| *last >= usual.as_str()) {
        // `_` sorts behind the dot
        Some(last) => format!("{}_dnslint{suffix}", last.rsplit_once('.').map_or(last, |(stem, _)| stem)),
        None => usual,
    }
}

/// Its key in a KubeletConfiguration.
const KUBELET_KEY: &str = "resolvConf";
/// Its key in the configuration of k3s and RKE2, which is the name of the kubelet's flag, too.
const K3S_KEY: &str = "resolv-conf";

/// Names the resolver file that the node hands to pods: at `at:` if a text there names one already, else in the
/// configuration of k3s or RKE2 (made where there is none), else in the kubelet's, else as a flag behind its others.
/// With a text, the file comes into being.
pub(super) fn set_resolv_conf(
    workshop: &Workshop<'_>,
    request: &FixRequest<'_>,
    path: &str,
    text: Option<&str>,
) -> Option<Draft> {
    let mut places = request.at.iter().chain(&request.subject.origins);
    let node = places.find_map(|at| workshop.snapshot.file(at.file).node)?;
    let mut draft = in_place(workshop, request.at, path, node).or_else(|| on_node(workshop, node, path))?;
    if let Some(text) = text {
        // templates lose the last line end of what they write
        draft.creates.push(new_file(workshop, node, path, format!("{}\n", text.trim_end()))?);
    }
    Some(draft)
}

/// The same with the file that the subject proposes, `own_file`.
pub(super) fn own_resolv_conf(workshop: &Workshop<'_>, request: &FixRequest<'_>) -> Option<Draft> {
    let own = request.subject.field("own_file")?;
    let text = own.field("text").and_then(ViewValue::as_str);
    set_resolv_conf(workshop, request, own.field("path")?.as_str()?, text)
}

/// Settings that stand somewhere, set anew: each place with the text that comes there, and places that say the same once more
/// and go. A unit that a package owns gets a drop-in. `None` where a place cannot be changed.
#[must_use]
pub fn restated(snapshot: &Snapshot, set: &[(Location, String)], gone: &[Location]) -> Option<Draft> {
    let workshop = Workshop::new(snapshot);
    let mut edits = Vec::new();
    for (at, value) in set {
        edits.extend(yaml::set_value(&workshop, *at, value, None)?);
    }
    for at in gone {
        edits.extend(flags::remove(&workshop, *at)?);
    }
    workshop.settled(edits.into())
}

/// Where a text says it already. A flag that stands before the same value of the configuration file goes.
fn in_place(workshop: &Workshop<'_>, places: &[Location], path: &str, node: NodeIndex) -> Option<Draft> {
    places.iter().find_map(|at| {
        let file = workshop.snapshot.file(at.file);
        if file.kind == FileKind::ResolvConf || at.span.len() > 512 || !is_value(file, *at) {
            return None;
        }
        let behind = || configured(workshop, node, path).then(|| flags::remove(workshop, *at))?;
        let edits = behind().or_else(|| yaml::set_value(workshop, *at, path, None))?;
        Some(edits.into())
    })
}

/// Whether the configuration file of the kubelet names the path, so that it counts where no flag stands before it.
fn configured(workshop: &Workshop<'_>, node: NodeIndex, path: &str) -> bool {
    let Some(file) = kubelet_config_file(workshop.snapshot, node) else { return false };
    let parsed = workshop.yaml(file.id);
    let root = parsed.documents.first().map(crate::syntax::yaml::Document::root);
    root.and_then(|root| root.get(KUBELET_KEY)).is_some_and(|value| value.as_str() == Some(path))
}

/// Whether the text at a place is the value of a setting: a path, or a flag with one.
fn is_value(file: &SourceFile, at: Location) -> bool {
    let text = file.slice(at.span).trim_matches(['"', '\'']);
    let value = text.split_once('=').map_or(text, |(_, value)| value);
    !value.contains(char::is_whitespace) && (value.starts_with('/') || value.is_empty())
}

fn on_node(workshop: &Workshop<'_>, index: NodeIndex, path: &str) -> Option<Draft> {
    let root = workshop.snapshot.node(index)?;
    let node = Node::read(workshop.snapshot, root, &NodeObjects::new(&Objects::default()));
    match &node.agent {
        Agent::K3s(k3s) => of_k3s(workshop, &node, k3s, path),
        Agent::Kubelet { arguments, .. } => of_kubelet(workshop, index, arguments, path),
        Agent::Unknown => of_kubelet(workshop, index, &[], path),
    }
}

/// The main file where there is one; beside drop-ins alone one more; a new main file where there is nothing.
fn of_k3s(workshop: &Workshop<'_>, node: &Node, k3s: &K3s, value: &str) -> Option<Draft> {
    if let Some(file) = node.configs.get(&k3s.config_path) {
        return yaml::add_to_root(workshop, file.file, &patch(K3S_KEY, value)).map(Draft::from);
    }
    let files = k3s.config_files(node);
    let names = files.iter().filter_map(|(path, _)| path.rsplit('/').next());
    let path = match files.as_slice() {
        [] => k3s.config_path.clone(),
        _ => format!("{}.d/{}", k3s.config_path, drop_in_behind(names, ".yaml")),
    };
    let text = format!("{K3S_KEY}: {value}\n");
    Some(Draft { edits: Vec::new(), creates: vec![new_file(workshop, node.index, &path, text)?] })
}

/// A drop-in where the kubelet reads a directory of them, else its configuration file, else its command line.
fn of_kubelet(workshop: &Workshop<'_>, node: NodeIndex, arguments: &[Traced], value: &str) -> Option<Draft> {
    let line = parse_kubelet(arguments);
    if let Some(directory) = line.last("config-dir") {
        let path = format!("{}/{DROP_IN}.conf", directory.value_text().trim_end_matches('/'));
        let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        let text = format!("{head}{KUBELET_KEY}: {value}\n");
        return Some(Draft { edits: Vec::new(), creates: vec![new_file(workshop, node, &path, text)?] });
    }
    let reads_file = arguments.is_empty() || line.last("config").is_some();
    if let Some(config) = kubelet_config_file(workshop.snapshot, node).filter(|_| reads_file) {
        return yaml::add_to_root(workshop, config.id, &patch(KUBELET_KEY, value)).map(Draft::from);
    }
    flags::add(workshop, arguments, &format!("--{K3S_KEY}={value}")).map(Draft::from)
}

fn patch(key: &str, value: &str) -> String {
    serde_json::json!({ key: value }).to_string()
}

/// A file of the node that comes into being; `None` where the snapshot is not of the whole node, so that it may exist.
pub(super) fn new_file(workshop: &Workshop<'_>, node: NodeIndex, path: &str, text: String) -> Option<NewFile> {
    let root = workshop.snapshot.node(node).filter(|root| root.whole)?;
    if !path.starts_with('/') || path.split('/').any(|part| part == "..") {
        return None;
    }
    Some(NewFile { path: path_in(&root.path, path), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_in_is_read_last() {
        for (names, new) in [
            (&[][..], "90-dnslint.yaml"),
            (&["10-a.yaml", "50-b.yml"], "90-dnslint.yaml"),
            (&["99-b.yaml", "10-a.yaml"], "99-b_dnslint.yaml"),
            (&["99-b.yml"], "99-b_dnslint.yaml"),
            (&["90-dnslint.yaml"], "90-dnslint_dnslint.yaml"),
        ] {
            let made = drop_in_behind(names.iter().copied(), ".yaml");
            assert_eq!(made, new);
            assert!(names.iter().all(|name| *name < made.as_str()), "{names:?}");
        }
    }
}
