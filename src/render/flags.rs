//! Settings that a node's command line says: a flag beats every configuration file, so it is changed where it stands.

use super::node_files::NodeChange;
use super::parameters::Parameters;
use super::plan::{File, Part, Refusal};
use super::request::Request;
use crate::analysis::effective::k3s_resolver::ChoiceReason;
use crate::analysis::node_dns::NodeDns;
use crate::diagnostic::Edit;
use crate::fix::{apply_edits, kubelet_config_file};
use crate::source::{FileId, FileKind, Location, Snapshot, Span};
use std::collections::BTreeMap;

/// A flag that says otherwise than it should.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// The node.
    pub node: String,
    /// The flag, as its program names it.
    pub name: &'static str,
    /// What it should say.
    pub wanted: String,
    /// Its place as shown: path and line.
    pub place: String,
    /// The bytes to replace.
    edit: Location,
    /// What holds them.
    kind: FileKind,
}

/// The flags that stand in the way of these changes, and what of the changes is left for configuration files.
///
/// # Errors
/// A flag whose value cannot be replaced.
pub fn settle(
    request: &Request,
    snapshot: &Snapshot,
    parameters: &Parameters,
    changes: &[NodeChange],
) -> Result<(Vec<Flag>, Vec<NodeChange>), Refusal> {
    let mut flags = Vec::new();
    let mut rest = Vec::new();
    for change in changes {
        let mut left = change.clone();
        let node = parameters.nodes.iter().find(|node| node.name == change.node);
        if let Some(node) = node.filter(|_| !request.takes_settings_alone() || request.distribution.is_rancher()) {
            // a kubelet's file that says otherwise than its flags would mislead the next reader
            let file_too = node.k3s.is_none() && has_config_file(snapshot, node);
            if let Some(flag) = cluster_dns(request, snapshot, node, change)? {
                if !file_too {
                    left.cluster_dns.clear();
                }
                flags.push(flag);
            }
            if let Some(flag) = resolv_conf(request, snapshot, node, change)? {
                if !file_too {
                    left.resolv_conf = None;
                }
                flags.push(flag);
            }
        }
        rest.push(left);
    }
    rest.retain(NodeChange::is_needed);
    Ok((flags, rest))
}

fn has_config_file(snapshot: &Snapshot, node: &NodeDns) -> bool {
    let root = snapshot.nodes.iter().find(|root| root.name == node.name);
    root.is_some_and(|root| kubelet_config_file(snapshot, root.index).is_some())
}

type Found = Result<Option<Flag>, Refusal>;

fn cluster_dns(request: &Request, snapshot: &Snapshot, node: &NodeDns, change: &NodeChange) -> Found {
    let told = &node.kubelet.cluster_dns;
    let Some(first) = told.first().and_then(|ip| ip.location()).filter(|_| !change.cluster_dns.is_empty()) else {
        return Ok(None);
    };
    // an address that k3s gives its kubelet by itself is the Service's, and the server's own setting
    let of_server = node.k3s.iter().flat_map(|k3s| &k3s.cluster_dns).any(|ip| ip.origins.contains(&first));
    if of_server || !on_command_line(request, snapshot, first) {
        return Ok(None);
    }
    let places = told.iter().filter_map(|ip| ip.location()).filter(|at| at.file == first.file);
    let span =
        places.fold(first.span, |all, at| Span { start: all.start.min(at.span.start), end: all.end.max(at.span.end) });
    let old = told.iter().map(|ip| ip.value.as_str()).collect::<Vec<_>>().join(",");
    flag(snapshot, change, "--cluster-dns", Location { span, ..first }, &old, change.cluster_dns.join(",")).map(Some)
}

fn resolv_conf(request: &Request, snapshot: &Snapshot, node: &NodeDns, change: &NodeChange) -> Found {
    let told = match &node.k3s {
        Some(k3s) if k3s.choice.reason == ChoiceReason::Explicit => &k3s.choice.path,
        Some(_) => return Ok(None),
        None => &node.kubelet.resolv_conf,
    };
    let at = told.location().filter(|at| on_command_line(request, snapshot, *at));
    let (Some(at), Some(wanted)) = (at, &change.resolv_conf) else { return Ok(None) };
    flag(snapshot, change, "--resolv-conf", at, &told.value, wanted.value.clone()).map(Some)
}

/// A place whose words reach the program as arguments. k3s puts its configuration files before them; its variables weigh
/// less than either (<https://docs.k3s.io/installation/configuration#configuration-file>).
fn on_command_line(request: &Request, snapshot: &Snapshot, at: Location) -> bool {
    match snapshot.file(at.file).kind {
        FileKind::SystemdUnit | FileKind::SystemdDropIn => true,
        FileKind::EnvFile => !request.distribution.is_rancher(),
        _ => false,
    }
}

fn flag(
    snapshot: &Snapshot,
    change: &NodeChange,
    name: &'static str,
    at: Location,
    old: &str,
    wanted: String,
) -> Result<Flag, Refusal> {
    let file = snapshot.file(at.file);
    let head = file.slice(at.span).strip_suffix(old).filter(|head| head.is_empty() || head.ends_with('='));
    let Some(head) = head.filter(|_| !file.lossy && !old.is_empty()) else {
        return Err(Refusal {
            reason: format!(
                "{} takes `{name}` from its command line in a form that cannot be changed in place",
                change.node
            ),
            at: Some(at),
            help: Some(format!(
                "set it to {wanted} there, once, and render again: a flag beats every configuration file"
            )),
        });
    };
    Ok(Flag {
        node: change.node.clone(),
        name,
        wanted,
        place: format!("{}:{}", file.path, file.position(at.span.start).line),
        edit: Location { span: Span { start: at.span.start + head.len(), ..at.span }, ..at },
        kind: file.kind,
    })
}

/// The files with the flags set anew, everything else as it is.
///
/// # Errors
/// Flags that overlap, which no command line has.
pub fn files(snapshot: &Snapshot, flags: &[Flag]) -> Result<Vec<File>, String> {
    let mut edits: BTreeMap<FileId, (String, Vec<Edit>)> = BTreeMap::new();
    for flag in flags {
        let at = flag.edit;
        let edit = Edit { file: at.file, span: at.span, text: flag.wanted.clone() };
        edits.entry(at.file).or_insert_with(|| (flag.node.clone(), Vec::new())).1.push(edit);
    }
    let file = |(id, (node, edits)): (FileId, (String, Vec<Edit>))| {
        let old = snapshot.file(id);
        let text = apply_edits(&old.text, &edits).ok_or_else(|| format!("{}: flags that overlap", old.path))?;
        let path = old.node_path.as_deref().unwrap_or(&old.path).trim_start_matches('/').to_owned();
        Ok(File { path, text, part: Part::Node, node: Some(node) })
    };
    edits.into_iter().map(file).collect()
}

/// One sentence for all nodes whose flags are changed in place.
#[must_use]
pub fn note(flags: &[Flag]) -> Option<String> {
    let first = flags.first()?;
    let others = match flags.len() {
        1 => String::new(),
        2 => " and one other".to_owned(),
        n => format!(" and {} others", n - 1),
    };
    Some(format!(
        "a flag beats every configuration file: `{}` of {} at {}{others} is changed where it stands",
        first.name, first.node, first.place
    ))
}

/// A unit is among the changed files, which systemd must read again.
#[must_use]
pub fn in_units(flags: &[Flag]) -> bool {
    let unit = |kind: FileKind| matches!(kind, FileKind::SystemdUnit | FileKind::SystemdDropIn);
    flags.iter().any(|flag| unit(flag.kind))
}
