//! A kubelet of its own: its files, and the settings in effect.

use super::{inputs, refused};
use crate::analysis::effective::KubeVersion;
use crate::analysis::effective::kubelet::{
    EffectiveKubelet, KubeletFile, KubeletInput, KubeletProblem, effective, flag_value, is_dropin,
};
use crate::model::node::{ConfigFile, Node, config_file};
use crate::source::{Located, Lookup, NodeRoot, Snapshot};
use crate::syntax::kubelet_flags;
use crate::syntax::systemd::Traced;

/// The file of kubeadm's kubelets.
const KUBEADM_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// The file that OpenShift's Machine Config Operator writes; elsewhere, that is the name of a kubeconfig.
const OPENSHIFT_CONFIG: &str = "/etc/kubernetes/kubelet.conf";

/// What is not in a kubelet's files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    /// Its environment has the variable for drop-ins, or may have it.
    pub alpha_dropins: bool,
    /// The cluster is one of OpenShift.
    pub openshift: bool,
}

/// Flags over drop-ins over the configuration file.
pub(super) fn kubelet(
    snapshot: &Snapshot,
    root: &NodeRoot,
    node: &Node,
    arguments: &[Traced],
    version: KubeVersion,
    around: Surroundings,
) -> EffectiveKubelet {
    let line = kubelet_flags::parse_kubelet(arguments);
    let flags: Vec<_> = line.flags.iter().map(inputs::flag_value).collect();
    let named = flag_value(&flags, "config");
    let default_path = Located::default_value(KUBEADM_CONFIG.to_owned());
    // a kubelet whose command line the snapshot lacks reads kubeadm's file if that is there
    let path = named.clone().or_else(|| arguments.is_empty().then_some(default_path));
    let read = path.as_ref().and_then(|path| Some((path, config_at(snapshot, root, node, &path.value)?)));
    let config = read.as_ref().map(|(path, file)| kubelet_file(path, file));
    let directory = flag_value(&flags, "config-dir");
    let dropins = directory.as_ref().map(|directory| dropins(snapshot, root, directory)).unwrap_or_default();
    let openshift = around.openshift || path.as_ref().is_some_and(|path| path.value == OPENSHIFT_CONFIG);
    let mut kubelet = effective(&KubeletInput {
        version,
        flags: &flags,
        config: config.as_ref(),
        dropins: &dropins.files,
        alpha_dropins: around.alpha_dropins,
        openshift,
    });
    let mut broken = dropins.broken;
    broken.extend(read.and_then(|(path, file)| Some(refused::syntax(&path.value, file.refused?.at))));
    refused::unread(&mut kubelet, broken);
    kubelet.problems.extend(named.as_ref().and_then(|path| refused::missing(root, path)));
    kubelet
}

fn config_at(snapshot: &Snapshot, root: &NodeRoot, node: &Node, path: &str) -> Option<ConfigFile> {
    if let Some(file) = node.configs.get(path) {
        return Some(file.clone());
    }
    match root.lookup(path) {
        Lookup::File { file, .. } => Some(config_file(file, &snapshot.file(file).text)),
        _ => None,
    }
}

fn kubelet_file(path: &Located<String>, file: &ConfigFile) -> KubeletFile {
    KubeletFile { path: path.value.clone(), tree: inputs::config_value(&file.value), named_by: path.origins.clone() }
}

/// The files below a drop-in directory.
#[derive(Debug, Default)]
pub(super) struct DropIns {
    /// All of them, sub-directories included, in the order of their paths.
    pub files: Vec<KubeletFile>,
    /// Those that the kubelet would read and that are no YAML.
    pub broken: Vec<KubeletProblem>,
}

/// Reads a drop-in directory.
pub(super) fn dropins(snapshot: &Snapshot, root: &NodeRoot, directory: &Located<String>) -> DropIns {
    let prefix = format!("{}/", directory.value.trim_end_matches('/'));
    let mut found = DropIns::default();
    for path in root.paths().filter(|path| path.starts_with(&prefix)) {
        let Lookup::File { file, .. } = root.lookup(path) else { continue };
        let config = config_file(file, &snapshot.file(file).text);
        if let Some(refused) = config.refused.filter(|_| is_dropin(path)) {
            found.broken.push(refused::syntax(path, refused.at));
        }
        let (path, tree) = (path.to_owned(), inputs::config_value(&config.value));
        found.files.push(KubeletFile { path, tree, named_by: directory.origins.clone() });
    }
    found
}
