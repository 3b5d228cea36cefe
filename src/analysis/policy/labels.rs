//! Labels of pods and namespaces, as far as the snapshot shows them.

use crate::model::workload::Workload;
use std::collections::BTreeMap;

/// Labels that Calico gives every pod.
#[must_use]
pub fn calico_labels(namespace: &str) -> [(String, String); 2] {
    [
        ("projectcalico.org/namespace".to_owned(), namespace.to_owned()),
        ("projectcalico.org/orchestrator".to_owned(), "k8s".to_owned()),
    ]
}

/// Labels of a pod or a namespace, as far as the snapshot shows them.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The labels that are known.
    pub known: BTreeMap<String, String>,
    /// No other label exists.
    pub complete: bool,
}

/// Keys that a network plugin derives from more than the labels of the object.
const DERIVED: [&str; 4] = ["projectcalico.org/serviceaccount", "io.cilium.k8s.policy.", "pcns.", "pcsa."];

/// Whether a network plugin may give a pod a label of this key, whatever the labels of the object.
#[must_use]
pub fn is_derived(key: &str) -> bool {
    DERIVED.iter().any(|prefix| key.starts_with(prefix))
}

impl Labels {
    /// All labels of the pods of a workload, those that Calico gives them included.
    #[must_use]
    pub fn of_pods(workload: &Workload) -> Self {
        let mut known: BTreeMap<String, String> =
            workload.pod_labels.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect();
        known.extend(calico_labels(&workload.meta.namespace.value));
        Self { known, complete: true }
    }

    /// The value of a label: `Ok(None)` where the object is known not to have it, `Err` where nothing tells.
    pub(super) fn look_up(&self, key: &str) -> Result<Option<&str>, ()> {
        match self.known.get(key) {
            Some(value) => Ok(Some(value)),
            None if self.complete && !is_derived(key) => Ok(None),
            None => Err(()),
        }
    }
}

/// A Cilium label key without the prefix that says where the label comes from.
#[must_use]
pub fn plain_key(key: &str) -> &str {
    key.strip_prefix("k8s:").or_else(|| key.strip_prefix("any:")).unwrap_or(key)
}
