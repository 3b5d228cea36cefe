//! Settings that a node says already: they are changed where they stand, since what is written elsewhere might not count.

use super::changes::NodeChange;
use super::plan::{File, Part, Refusal};
use super::request::NodeForm;
use super::scene::{Scene, Site};
use crate::analysis::effective::k3s_resolver::ChoiceReason;
use crate::diagnostic::Edit;
use crate::fix::{Draft, apply_edits, kubelet_config_file, restated};
use crate::source::{FileId, FileKind, Located, Location, path_below};
use std::collections::{BTreeMap, BTreeSet};

/// A setting that is changed where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restated {
    /// The node.
    pub node: String,
    /// The setting, as flags and configuration files name it.
    pub name: &'static str,
    /// Its place as shown: path and line.
    pub place: String,
    /// The drop-in that says it anew, on the node, where the place is not the administrator's to change.
    pub drop_in: Option<String>,
}

/// What is changed in place, and what of the changes is left to be written elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// The settings.
    pub restated: Vec<Restated>,
    /// The files that hold them, with the new values.
    pub files: Vec<File>,
    /// The rest.
    pub rest: Vec<NodeChange>,
}

/// One place where a setting is said, with the text that must come there.
struct Spot {
    name: &'static str,
    /// Where it counts first, and where it is said again.
    at: Location,
    more: Vec<Location>,
    new: String,
}

/// Splits the changes into what stands somewhere and what does not.
///
/// # Errors
/// A place that cannot be changed.
pub fn settle(scene: &Scene<'_>, changes: &[NodeChange]) -> Result<Settled, Refusal> {
    let mut settled = Settled::default();
    for change in changes {
        let left = match scene.site(&change.node) {
            Some(site) => of_node(scene, site, change, &mut settled)?,
            None => change.clone(),
        };
        settled.rest.extend(Some(left).filter(NodeChange::is_needed));
    }
    Ok(settled)
}

fn of_node(
    scene: &Scene<'_>,
    site: &Site<'_>,
    change: &NodeChange,
    settled: &mut Settled,
) -> Result<NodeChange, Refusal> {
    let mut left = change.clone();
    let spots: Vec<Spot> =
        [cluster_dns(scene, site, change), resolv_conf(scene, site, change)].into_iter().flatten().collect();
    if scene.request.node_form == NodeForm::Ansible {
        return spots.iter().try_for_each(|spot| behind_variables(scene, site, spot)).map(|()| left);
    }
    let Some(first) = spots.first() else { return Ok(left) };
    let set: Vec<(Location, String)> = spots.iter().map(|spot| (spot.at, spot.new.clone())).collect();
    let gone: Vec<Location> = spots.iter().flat_map(|spot| spot.more.iter().copied()).collect();
    let draft = restated(scene.snapshot, &set, &gone).ok_or_else(|| unchangeable(site, first))?;
    let edited: BTreeSet<FileId> = draft.edits.iter().map(|edit| edit.file).collect();
    let drop_in =
        draft.creates.first().and_then(|new| path_below(&site.root.path, &new.path)).map(|path| format!("/{path}"));
    settled.files.extend(written(scene, site, draft).ok_or_else(|| unchangeable(site, first))?);
    // a kubelet's file that says otherwise than its flags would mislead the next reader
    let file_too = site.dns.k3s.is_none() && kubelet_config_file(scene.snapshot, site.root.index).is_some();
    for spot in &spots {
        settled.restated.push(Restated {
            node: change.node.clone(),
            name: spot.name,
            place: place(scene, spot.at),
            drop_in: drop_in.clone().filter(|_| !edited.contains(&spot.at.file)),
        });
        match spot.name {
            _ if file_too => {}
            CLUSTER_DNS => left.cluster_dns.clear(),
            _ => left.resolv_conf = None,
        }
    }
    Ok(left)
}

const CLUSTER_DNS: &str = "cluster-dns";
const RESOLV_CONF: &str = "resolv-conf";

/// A place as shown.
fn place(scene: &Scene<'_>, at: Location) -> String {
    let file = scene.snapshot.file(at.file);
    format!("{}:{}", file.path, file.position(at.span.start).line)
}

fn cluster_dns(scene: &Scene<'_>, site: &Site<'_>, change: &NodeChange) -> Option<Spot> {
    if change.cluster_dns.is_empty() {
        return None;
    }
    // addresses that k3s gives its kubelet by itself are the Service's, and the server's own setting
    let server: Vec<&Located<String>> = site.dns.k3s.iter().flat_map(|k3s| &k3s.cluster_dns).collect();
    let own = |at: &Location| !server.iter().any(|ip| ip.origins.contains(at));
    let mut groups: Vec<(Location, String)> = Vec::new();
    for ip in &site.dns.kubelet.cluster_dns {
        let Some(at) = ip.location().filter(|at| stands(scene, site, *at) && own(at)) else { continue };
        let text = &scene.snapshot.file(at.file).text;
        match groups.last_mut() {
            Some((last, _)) if *last == at => {}
            // addresses of one flag, separated by commas
            Some((last, old)) if last.file == at.file && text.get(last.span.end..at.span.start) == Some(",") => {
                last.span.end = at.span.end;
                *old = format!("{old},{}", ip.value);
            }
            _ => groups.push((at, ip.value.clone())),
        }
    }
    let mut groups = groups.into_iter();
    let (at, old) = groups.next()?;
    let new = head(scene, at, &old) + &change.cluster_dns.join(",");
    Some(Spot { name: CLUSTER_DNS, at, more: groups.map(|(at, _)| at).collect(), new })
}

fn resolv_conf(scene: &Scene<'_>, site: &Site<'_>, change: &NodeChange) -> Option<Spot> {
    let wanted = &change.resolv_conf.as_ref()?.value;
    let explicit = site.dns.k3s.as_ref().filter(|k3s| k3s.choice.reason == ChoiceReason::Explicit);
    // a flag of the kubelet beats what k3s hands it
    let told = [Some(&site.dns.kubelet.resolv_conf), explicit.map(|k3s| &k3s.choice.path)];
    let mut found = told.into_iter().flatten().filter_map(|told| {
        let at = told.location().filter(|at| stands(scene, site, *at))?;
        Some((at, told.value.as_str()))
    });
    let (at, old) = found.next()?;
    Some(Spot { name: RESOLV_CONF, at, more: Vec::new(), new: head(scene, at, old) + wanted })
}

/// A place in a file of the node that an administrator writes; a kubelet's own configuration file is another matter, as are
/// those that k3s writes.
fn stands(scene: &Scene<'_>, site: &Site<'_>, at: Location) -> bool {
    let file = scene.snapshot.file(at.file);
    file.node == Some(site.root.index)
        && matches!(
            file.kind,
            FileKind::SystemdUnit | FileKind::SystemdDropIn | FileKind::EnvFile | FileKind::K3sConfig
        )
}

/// What of an entry such as `cluster-dns=10.43.0.10` stands before the value, where the place is that of the whole entry.
fn head(scene: &Scene<'_>, at: Location, old: &str) -> String {
    let text = scene.snapshot.file(at.file).slice(at.span).trim_matches(['"', '\'']);
    let head = text.strip_suffix(old).filter(|head| head.ends_with('=') && !head.starts_with("--"));
    head.unwrap_or_default().to_owned()
}

/// What the variables of a role become stands behind the entries of configuration files.
fn behind_variables(scene: &Scene<'_>, site: &Site<'_>, spot: &Spot) -> Result<(), Refusal> {
    let of_kubelet = spot.name == CLUSTER_DNS || site.dns.kubelet.resolv_conf.location() == Some(spot.at);
    let file = scene.snapshot.file(spot.at.file);
    if file.kind != FileKind::K3sConfig || !of_kubelet {
        return Ok(());
    }
    Err(Refusal {
        reason: format!(
            "{} says `{}` as an argument of the kubelet in its configuration file, which the variables would not replace",
            site.dns.name, spot.name
        ),
        at: Some(spot.at),
        help: Some("take it out there first, or leave --node-form out: then it is changed where it stands".to_owned()),
    })
}

fn unchangeable(site: &Site<'_>, spot: &Spot) -> Refusal {
    Refusal {
        reason: format!("{} says `{}` in a form that cannot be changed in place", site.dns.name, spot.name),
        at: Some(spot.at),
        help: Some(format!("set it to {} there, once, and render again", spot.new)),
    }
}

/// The files of a draft, below the node's root.
fn written(scene: &Scene<'_>, site: &Site<'_>, draft: Draft) -> Option<Vec<File>> {
    let own = |path: &str, text: String| File {
        path: path.trim_start_matches('/').to_owned(),
        text,
        part: Part::Node,
        node: Some(site.root.name.clone()),
    };
    let mut edits: BTreeMap<FileId, Vec<Edit>> = BTreeMap::new();
    for edit in draft.edits {
        edits.entry(edit.file).or_default().push(edit);
    }
    let edited = edits.into_iter().map(|(id, edits)| {
        let old = scene.snapshot.file(id);
        let path = old.node_path.as_deref().filter(|_| !old.lossy)?;
        Some(own(path, apply_edits(&old.text, &edits)?))
    });
    let created = draft.creates.into_iter().map(|new| Some(own(path_below(&site.root.path, &new.path)?, new.text)));
    edited.chain(created).collect()
}

/// One sentence for all settings that are changed in place, and one for those that a drop-in says anew.
#[must_use]
pub fn notes(restated: &[Restated]) -> Vec<String> {
    let (new, changed): (Vec<&Restated>, Vec<&Restated>) = restated.iter().partition(|one| one.drop_in.is_some());
    [note(&changed), note(&new)].into_iter().flatten().collect()
}

fn note(restated: &[&Restated]) -> Option<String> {
    let first = restated.first()?;
    let others = match restated.len() {
        1 => String::new(),
        2 => " and one other".to_owned(),
        n => format!(" and {} others", n - 1),
    };
    let how = match &first.drop_in {
        None => "is changed where it stands: what is written elsewhere would not count".to_owned(),
        Some(path) => {
            format!("is said anew in {path}: the unit belongs to a package or program, which may write it again")
        }
    };
    Some(format!("`{}` of {} at {}{others} {how}", first.name, first.node, first.place))
}
