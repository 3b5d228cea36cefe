//! Files on nodes and in inventories, and how they reach the nodes that they are for.

use super::changes::NodeChange;
use super::distribution::Distribution;
use super::plan::{File, Refusal};
use super::request::NodeForm;
use super::scene::Scene;
use super::standing::{self, Restated};
use super::{inventory, kubeadm, rancher};
use std::collections::BTreeMap;

/// How settings reach nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Files of the nodes themselves, by their paths there: those that are new, and those that had another text.
    Own {
        /// New files.
        new: Vec<String>,
        /// Files that are replaced.
        old: Vec<String>,
        /// The unit to restart; `None` where the snapshot does not tell.
        unit: Option<String>,
    },
    /// A patch for kubeadm, in this directory.
    Patch(String),
    /// Variables in this file of an inventory.
    Variables(String),
}

/// The nodes that get their settings in one way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Their names; none for every node.
    pub nodes: Vec<String>,
    /// The way.
    pub way: Way,
}

/// Files for nodes.
#[derive(Clone, Debug, Default)]
pub struct NodeFiles {
    /// The files.
    pub files: Vec<File>,
    /// How they reach their nodes.
    pub deliveries: Vec<Delivery>,
    /// Settings that are changed where they stand.
    pub restated: Vec<Restated>,
}

/// The files that make these changes.
///
/// # Errors
/// A setting that cannot be changed, or not in the asked form.
pub fn files(scene: &Scene<'_>, changes: &[NodeChange]) -> Result<NodeFiles, Refusal> {
    let request = scene.request;
    let (own, shared, restated) = match request.distribution {
        Distribution::Kubespray => (Vec::new(), inventory::kubespray(scene, changes)?, Vec::new()),
        _ => {
            let settled = standing::settle(scene, changes)?;
            let mut own: Made = BTreeMap::new();
            settled.files.into_iter().for_each(|file| add(&mut own, file));
            let shared = rest(scene, &settled.rest, &mut own)?;
            (own.into_values().collect(), shared, settled.restated)
        }
    };
    let mut deliveries = own_deliveries(scene, changes, &own);
    for (nodes, file) in &shared {
        let way = match file.path.rsplit_once('/') {
            Some((directory, _)) if directory.starts_with(kubeadm::PATCHES) => Way::Patch(directory.to_owned()),
            _ => Way::Variables(file.path.clone()),
        };
        deliveries.push(Delivery { nodes: nodes.clone(), way });
    }
    let files = own.into_iter().chain(shared.into_iter().map(|(_, file)| file)).collect();
    Ok(NodeFiles { files, deliveries, restated })
}

/// Files of nodes by node and path: one file may hold several settings.
pub type Made = BTreeMap<(String, String), File>;

fn add(made: &mut Made, file: File) {
    made.insert((file.node.clone().unwrap_or_default(), file.path.clone()), file);
}

/// What stands nowhere yet: into files of the nodes, or into files for several of them.
fn rest(scene: &Scene<'_>, changes: &[NodeChange], own: &mut Made) -> Result<Vec<(Vec<String>, File)>, String> {
    if scene.request.distribution == Distribution::Kubeadm {
        let mut without = Vec::new();
        for change in changes {
            match kubeadm::own_files(scene, change) {
                Some(files) => files.into_iter().for_each(|file| add(own, file)),
                None => without.push(change),
            }
        }
        return kubeadm::patches(&without);
    }
    if scene.request.node_form == NodeForm::Ansible {
        return inventory::k3s_ansible(scene, changes);
    }
    for change in changes {
        let file = rancher::file(scene, change, own)?;
        add(own, file);
    }
    Ok(Vec::new())
}

/// Nodes with files of the same paths, in the order of the nodes.
fn own_deliveries(scene: &Scene<'_>, changes: &[NodeChange], own: &[File]) -> Vec<Delivery> {
    let mut by_node: BTreeMap<&str, Vec<&File>> = BTreeMap::new();
    for file in own {
        by_node.entry(file.node.as_deref().unwrap_or_default()).or_default().push(file);
    }
    let mut deliveries: Vec<Delivery> = Vec::new();
    let mut places: BTreeMap<Way, usize> = BTreeMap::new();
    for change in changes {
        let Some(files) = by_node.get(change.node.as_str()) else { continue };
        let mut paths: (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for file in files {
            let stands = scene.standing(&file.path, file.node.as_deref()).is_some();
            if stands { &mut paths.1 } else { &mut paths.0 }.push(format!("/{}", file.path));
        }
        paths.0.sort();
        paths.1.sort();
        let unit = scene.site(&change.node).and_then(|site| match scene.request.distribution {
            Distribution::K3s | Distribution::Rke2 => site.node.k3s().map(|_| rancher::unit(scene, change)),
            Distribution::Kubeadm | Distribution::Kubespray => Some("kubelet".to_owned()),
        });
        let way = Way::Own { new: paths.0, old: paths.1, unit };
        let at = *places.entry(way.clone()).or_insert_with(|| {
            deliveries.push(Delivery { nodes: Vec::new(), way });
            deliveries.len() - 1
        });
        if let Some(delivery) = deliveries.get_mut(at).filter(|_| !change.node.is_empty()) {
            delivery.nodes.push(change.node.clone());
        }
    }
    deliveries
}
