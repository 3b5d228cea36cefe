//! Settings of a node: where the kubelet, k3s or RKE2 of the node reads them, in a file that is there or in a new one.

use super::build::{Arguments, Draft, FixRequest, Workshop};
use super::kubelet::kubelet_config_file;
use super::yaml;
use crate::diagnostic::NewFile;
use crate::source::{FileKind, Location, NodeIndex, SourceFile};

/// Sets a DNS setting of the node that the request is about: at `at:` if a text there says it already, else in the
/// configuration file of k3s or RKE2 (made where there is none), else in the kubelet's.
///
/// # Errors
/// A missing argument.
pub(super) fn set(
    workshop: &Workshop<'_>,
    request: &FixRequest<'_>,
    arguments: &Arguments<'_>,
) -> Result<Option<Draft>, String> {
    let (kubelet, k3s) = (arguments.required("kubelet")?, arguments.required("k3s")?);
    let value = arguments.required("value")?;
    for at in request.at {
        let file = workshop.snapshot.file(at.file);
        if file.kind == FileKind::ResolvConf || at.span.len() > 512 {
            continue;
        }
        if let Some(edits) = yaml::set_value(workshop, *at, value, None).filter(|_| is_value(file, *at)) {
            return Ok(Some(edits.into()));
        }
    }
    let places = request.at.iter().chain(&request.subject.origins);
    let Some(node) = places.filter_map(|at| workshop.snapshot.file(at.file).node).next() else { return Ok(None) };
    Ok(on_node(workshop, node, kubelet, k3s, value))
}

/// Whether the text at a place is the value of a setting: a path, or a flag with one.
fn is_value(file: &SourceFile, at: Location) -> bool {
    let text = file.slice(at.span).trim_matches(['"', '\'']);
    let value = text.split_once('=').map_or(text, |(_, value)| value);
    !value.contains(char::is_whitespace) && (value.starts_with('/') || value.is_empty())
}

fn on_node(workshop: &Workshop<'_>, node: NodeIndex, kubelet: &str, k3s: &str, value: &str) -> Option<Draft> {
    let files: Vec<&SourceFile> = workshop.snapshot.files.iter().filter(|file| file.node == Some(node)).collect();
    let patch = |key: &str| serde_json::json!({ key: value }).to_string();
    if let Some(distribution) = distribution(&files) {
        let path = format!("/etc/rancher/{distribution}/config.yaml");
        if let Some(file) = files.iter().find(|file| file.node_path.as_deref() == Some(path.as_str())) {
            return yaml::add_to_root(workshop, file.id, &patch(k3s)).map(Draft::from);
        }
        let root = workshop.snapshot.node(node).filter(|root| root.whole)?;
        let path = match root.path.as_str() {
            "." => path.trim_start_matches('/').to_owned(),
            "/" => path,
            root => format!("{root}{path}"),
        };
        let text = format!("{k3s}: {value}\n");
        return Some(Draft { edits: Vec::new(), creates: vec![NewFile { path, text }] });
    }
    let config = kubelet_config_file(workshop.snapshot, node)?;
    yaml::add_to_root(workshop, config.id, &patch(kubelet)).map(Draft::from)
}

/// `k3s` or `rke2`, if the node has one of their units or configuration files.
fn distribution(files: &[&SourceFile]) -> Option<&'static str> {
    let has = |name: &str| {
        files.iter().filter_map(|file| file.node_path.as_deref()).any(|path| {
            path.starts_with(&format!("/etc/rancher/{name}/"))
                || path.rsplit('/').next().is_some_and(|unit| unit.starts_with(name) && unit.ends_with(".service"))
        })
    };
    ["k3s", "rke2"].into_iter().find(|name| has(name))
}
