//! Flags and feature gates that the kubelet does not have, for which it does not start.

use super::config_value::ConfigValue;
use super::kubelet::{KubeletInput, KubeletProblem, KubeletProblemKind};
use super::kubelet_names::{Standing, flag, gate};
use super::origin::split_commas;
use super::versions::kubelet_judges_gates_of_file;
use crate::source::Located;

/// Every flag, and every feature gate of flags and of the merged files, that this release does not have (`pflag` refuses
/// the one, `featuregate.Set` the other).
pub(super) fn flags_and_gates(input: &KubeletInput<'_>, merged: &ConfigValue) -> Vec<KubeletProblem> {
    let mut found = Vec::new();
    for given in input.flags.iter().filter(|flag| !flag.name.value.starts_with('-')) {
        let name = given.folded_name();
        let standing = flag(&name, input.version);
        if standing != Standing::Known {
            let (kind, at) = (KubeletProblemKind::Flag(standing), given.name.location());
            found.push(KubeletProblem { kind, name, at });
        }
    }
    for name in gates(input, merged) {
        let standing = gate(&name.value, input.version);
        if standing != Standing::Known {
            let (kind, at) = (KubeletProblemKind::Gate(standing), name.location());
            found.push(KubeletProblem { kind, name: name.value, at });
        }
    }
    found
}

/// The names of all feature gates that are set. OpenShift's kubelet warns of gates that it does not know and starts.
fn gates(input: &KubeletInput<'_>, merged: &ConfigValue) -> Vec<Located<String>> {
    if input.openshift {
        return Vec::new();
    }
    let mut names = gates_in(merged);
    if kubelet_judges_gates_of_file(input.version) {
        let own = input.config.map(|file| gates_in(&file.tree.value)).unwrap_or_default();
        names.extend(own.into_iter().filter(|gate| !names.contains(gate)).collect::<Vec<_>>());
    }
    for flag in input.flags.iter().filter(|flag| flag.folded_name() == "feature-gates") {
        let pairs = split_commas(&flag.located_value()).into_iter();
        names.extend(pairs.filter_map(|pair| Some(pair.with(pair.value.split_once('=')?.0.trim().to_owned()))));
    }
    names.retain(|name| !name.value.is_empty());
    names
}

fn gates_in(tree: &ConfigValue) -> Vec<Located<String>> {
    let Some(ConfigValue::Map(entries)) = tree.get("featureGates").map(|gates| &gates.value) else { return Vec::new() };
    entries.iter().map(|(name, _)| name.clone()).collect()
}
