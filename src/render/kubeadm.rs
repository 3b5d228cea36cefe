//! Settings of kubeadm's kubelets: in the file that a kubelet reads where the snapshot has it, else as a patch for kubeadm.

use super::node_files::NodeChange;
use super::parameters::Parameters;
use super::plan::{File, Part};
use super::templates::render;
use crate::fix::{kubelet_config_file, with_dns_settings};
use crate::source::{FileId, FileKind, Location, NodeRoot, Snapshot};
use serde_json::json;
use std::collections::BTreeMap;

/// The directory that `kubeadm --patches` is given.
pub const PATCHES: &str = "kubeadm-patches";

/// The files for these changes.
///
/// # Errors
/// A fault of the template.
pub fn files(snapshot: &Snapshot, parameters: &Parameters, changes: &[NodeChange]) -> Result<Vec<File>, String> {
    let mut files = Vec::new();
    let mut rest = Vec::new();
    for change in changes {
        match own_files(snapshot, parameters, change) {
            Some(own) => files.extend(own),
            None => rest.push(change),
        }
    }
    files.extend(patches(&rest)?);
    Ok(files)
}

/// The files of a node that say these settings, with the new values; `None` where a patch must do.
fn own_files(snapshot: &Snapshot, parameters: &Parameters, change: &NodeChange) -> Option<Vec<File>> {
    let root = snapshot.nodes.iter().find(|root| root.name == change.node)?;
    let kubelet = &parameters.nodes.iter().find(|node| node.name == change.node)?.kubelet;
    let mut texts: BTreeMap<FileId, String> = BTreeMap::new();
    let mut set = |at: Option<Location>, cluster_dns: &[String], resolv_conf: Option<&str>| {
        let file = place(snapshot, root, at)?;
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

/// One patch for all, or one a node where they differ.
fn patches(changes: &[&NodeChange]) -> Result<Vec<File>, String> {
    let same = changes.windows(2).all(|pair| match pair {
        [a, b] => (&a.resolv_conf, &a.cluster_dns) == (&b.resolv_conf, &b.cluster_dns),
        _ => true,
    });
    let patch = |change: &&NodeChange| {
        let context = json!({
            "version": env!("CARGO_PKG_VERSION"),
            "cluster_dns": change.cluster_dns,
            "resolv_conf": change.resolv_conf.as_ref().map(|path| &path.value),
        });
        let folder = if same { String::new() } else { format!("{}/", change.node) };
        let path = format!("{PATCHES}/{folder}kubeletconfiguration0+merge.yaml");
        Ok(File { path, text: render("node/kubelet-patch.yaml.j2", &context)?, part: Part::Node, node: None })
    };
    changes.iter().take(if same { 1 } else { usize::MAX }).map(patch).collect()
}
