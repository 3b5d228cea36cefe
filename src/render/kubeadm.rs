//! Settings of kubeadm's kubelets: in the file that a kubelet reads where the snapshot has it, else as a patch for kubeadm.

use super::changes::NodeChange;
use super::plan::{File, Part};
use super::scene::Scene;
use super::templates::render;
use crate::fix::{kubelet_config_file, with_dns_settings};
use crate::source::{FileId, FileKind, Location, NodeRoot, Snapshot};
use serde_json::json;
use std::collections::BTreeMap;

/// The directory of the patches among the files.
pub const PATCHES: &str = "kubeadm-patches";
/// The directory on a node that `kubeadm --patches` is given.
pub const ON_NODE: &str = "/etc/kubernetes/kubeadm-patches";
/// The patch in it: its target, and how it is merged
/// (<https://kubernetes.io/docs/setup/production-environment/tools/kubeadm/control-plane-flags/#patches>).
pub const PATCH: &str = "kubeletconfiguration0+merge.yaml";

/// The files of a node that say these settings, with the new values; `None` where a patch must do.
#[must_use]
pub fn own_files(scene: &Scene<'_>, change: &NodeChange) -> Option<Vec<File>> {
    let site = scene.site(&change.node)?;
    let (snapshot, kubelet) = (scene.snapshot, &site.dns.kubelet);
    let mut texts: BTreeMap<FileId, String> = BTreeMap::new();
    let mut set = |at: Option<Location>, cluster_dns: &[String], resolv_conf: Option<&str>| {
        let file = place(snapshot, site.root, at)?;
        let old = texts.get(&file).map_or(&*snapshot.file(file).text, String::as_str);
        let new = with_dns_settings(old, cluster_dns, resolv_conf)?;
        texts.insert(file, new);
        Some(())
    };
    if !change.cluster_dns.is_empty() {
        set(kubelet.cluster_dns.iter().find_map(|ip| ip.location()), &change.cluster_dns, None)?;
    }
    if let Some(path) = &change.resolv_conf {
        set(kubelet.resolv_conf.location(), &[], Some(&path.value))?;
    }
    let file = |(id, text): (FileId, String)| {
        let path = snapshot.file(id).node_path.as_deref()?.trim_start_matches('/').to_owned();
        Some(File { path, text, part: Part::Node, node: Some(change.node.clone()) })
    };
    texts.into_iter().map(file).collect()
}

/// The configuration file where a setting stands, or would stand.
fn place(snapshot: &Snapshot, root: &NodeRoot, at: Option<Location>) -> Option<FileId> {
    let said = at.map(|at| snapshot.file(at.file)).filter(|file| file.kind == FileKind::KubeletConfig);
    let file = match said {
        Some(file) => file,
        None => kubelet_config_file(snapshot, root.index)?,
    };
    (file.kind == FileKind::KubeletConfig && file.node == Some(root.index) && !file.lossy).then_some(file.id)
}

/// One patch for all of these nodes, or one for each where they differ, with the nodes that it is for.
///
/// # Errors
/// A fault of the template.
pub fn patches(changes: &[&NodeChange]) -> Result<Vec<(Vec<String>, File)>, String> {
    let Some(first) = changes.first() else { return Ok(Vec::new()) };
    let names = |changes: &[&NodeChange]| {
        changes.iter().map(|change| change.node.clone()).filter(|name| !name.is_empty()).collect::<Vec<_>>()
    };
    if changes.iter().all(|change| change.same(first)) {
        return Ok(vec![(names(changes), patch(PATCHES, first)?)]);
    }
    let own = |change: &&NodeChange| Ok((names(&[*change]), patch(&format!("{PATCHES}/{}", change.node), change)?));
    changes.iter().map(own).collect()
}

fn patch(directory: &str, change: &NodeChange) -> Result<File, String> {
    let context = json!({
        "cluster_dns": change.cluster_dns,
        "resolv_conf": change.resolv_conf.as_ref().map(|path| &path.value),
    });
    let text = render("node/kubelet-patch.yaml.j2", &context)?;
    Ok(File { path: format!("{directory}/{PATCH}"), text, part: Part::Node, node: None })
}
