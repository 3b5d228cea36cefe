//! Configuration files with which the kubelet or k3s does not start, because they are not there or cannot be read.

use crate::analysis::effective::kubelet::{EffectiveKubelet, KubeletProblem, KubeletProblemKind};
use crate::model::node::{K3s, Node};
use crate::model::value::Value;
use crate::source::{Located, Location, Lookup, NodeRoot};

/// A file that is not YAML.
pub(super) fn syntax(path: &str, at: Location) -> KubeletProblem {
    KubeletProblem { kind: KubeletProblemKind::Syntax, name: path.to_owned(), at: Some(at) }
}

/// Puts broken files in place of what there is against their settings.
pub(super) fn unread(kubelet: &mut EffectiveKubelet, broken: Vec<KubeletProblem>) {
    forget(kubelet, &broken);
    kubelet.problems.extend(broken);
}

/// Drops what there is against settings of broken files: what is read of one says nothing about its fields.
pub(super) fn forget(kubelet: &mut EffectiveKubelet, broken: &[KubeletProblem]) {
    let stands =
        |at: Option<Location>| at.is_some_and(|at| broken.iter().any(|b| b.at.is_some_and(|b| b.file == at.file)));
    kubelet.problems.retain(|problem| !stands(problem.at));
    kubelet.invalid_dropins.retain(|dropin| !stands(dropin.at));
}

/// The file of `--config` that the node does not have, as far as its snapshot proves it.
pub(super) fn missing(root: &NodeRoot, path: &Located<String>) -> Option<KubeletProblem> {
    let gone = match root.lookup(&path.value) {
        Lookup::Dangling { parent_known, .. } => root.live || parent_known,
        Lookup::Absent { parent_known } => root.whole && root.live && parent_known,
        _ => false,
    };
    let (kind, name) = (KubeletProblemKind::ConfigMissing, path.value.clone());
    gone.then(|| KubeletProblem { kind, name, at: path.location() })
}

/// The configuration files of k3s that are no YAML, or no map (`readConfigFile` in `pkg/configfilearg/parser.go`).
pub(super) fn k3s(node: &Node, k3s: &K3s) -> Vec<KubeletProblem> {
    let judge = |(path, file): (&str, &crate::model::node::ConfigFile)| {
        if let Some(at) = file.refused.filter(|refused| !refused.key).map(|refused| refused.at) {
            return Some(syntax(path, at));
        }
        let is_map = matches!(file.value.value, Value::Map(_) | Value::Null);
        let (kind, name, at) = (KubeletProblemKind::NotAMap, path.to_owned(), file.value.location());
        (!is_map).then_some(KubeletProblem { kind, name, at })
    };
    k3s.config_files(node).into_iter().filter_map(judge).collect()
}
