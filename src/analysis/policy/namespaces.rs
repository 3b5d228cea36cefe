//! Labels of namespaces: those of their manifests, and those that every namespace has without saying so.

use super::labels::Labels;
use super::selector::{Expr, implied};
use crate::analysis::effective::KubeVersion;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label that the API server gives every namespace since Kubernetes 1.21.
pub const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// The release since which it does (the feature NamespaceDefaultLabelName).
const NAMESPACE_NAME_SINCE: KubeVersion = KubeVersion::new(1, 21, 0);
/// Cilium's label for the namespace that a pod is in, whatever the release: here the key of every namespace's own name.
pub const ITSELF: &str = "io.kubernetes.pod.namespace";
/// Calico's label for the name of a namespace.
const CALICO_NAME: &str = "projectcalico.org/name";

/// Labels that no manifest of a namespace states.
pub const IMPLICIT: [&str; 2] = [ITSELF, CALICO_NAME];

/// The namespace of this name, as no manifest has to write it: the one that a policy is in.
#[must_use]
pub fn named(name: &str) -> Expr {
    implied(ITSELF, name)
}

/// What is known of the labels of namespaces.
#[derive(Clone, Debug, Default)]
pub struct Namespaces {
    /// Namespaces whose objects are in the snapshot: what they do not carry they do not have.
    seen: BTreeMap<String, Arc<Labels>>,
    /// Every node is older than the label that the API server gives to namespaces.
    unnamed: bool,
}

impl Namespaces {
    /// Reads the Namespace objects.
    #[must_use]
    pub fn of(cluster: &Cluster) -> Self {
        let mut all = Self { seen: BTreeMap::new(), unnamed: before_names(cluster) };
        let mut written: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::new();
        for object in cluster.objects.of_kind("Namespace") {
            let labels = written.entry(&object.meta.name.value).or_default();
            labels.extend(object.meta.labels.iter().map(|(key, value)| (key.clone(), value.value.clone())));
        }
        for (name, mut known) in written {
            known.extend(all.implicit(name));
            all.seen.insert(name.to_owned(), Arc::new(Labels { known, complete: true }));
        }
        all
    }

    /// Labels of a namespace.
    #[must_use]
    pub fn labels(&self, name: &str) -> Arc<Labels> {
        let unseen = || Arc::new(Labels { known: self.implicit(name), complete: false });
        self.seen.get(name).cloned().unwrap_or_else(unseen)
    }

    /// What is known of a namespace that a selector takes in; with its name, where the selector is for one alone.
    #[must_use]
    pub fn selected(&self, selector: &Expr) -> (Option<String>, Arc<Labels>) {
        let known = selector.demanded();
        match known.get(ITSELF).or_else(|| known.get(NAMESPACE_NAME)) {
            Some(name) => (Some(name.clone()), self.labels(name)),
            None => (None, Arc::new(Labels { known, complete: false })),
        }
    }

    /// Labels that a namespace has without its manifest saying so.
    fn implicit(&self, name: &str) -> BTreeMap<String, String> {
        let keys = IMPLICIT.into_iter().chain((!self.unnamed).then_some(NAMESPACE_NAME));
        keys.map(|key| (key.to_owned(), name.to_owned())).collect()
    }
}

/// Whether every node of the snapshot is older than the label that the API server gives to namespaces.
fn before_names(cluster: &Cluster) -> bool {
    let nodes = cluster.objects.of_kind("Node");
    let is_old = |node: &Generic| {
        let release = node.node_info("kubeletVersion").and_then(|text| KubeVersion::parse(&text.value));
        release.is_some_and(|version| version < NAMESPACE_NAME_SINCE)
    };
    !nodes.is_empty() && nodes.iter().all(is_old)
}
