//! The pods that policies are judged for.

use super::destination::World;
use super::labels::{Labels, calico_labels};
use super::rule::Policy;
use super::scope::Scope;
use super::selector::Answer;
use crate::analysis::pod::names::{self, KnownNames};
use crate::model::workload::Workload;
use crate::source::Located;
use std::sync::Arc;

/// Pods of one kind.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Their labels.
    pub labels: Labels,
    /// Their namespace's.
    pub namespace: Arc<Labels>,
    /// The name of their namespace, where it is one.
    pub namespace_name: Option<String>,
    /// Where their manifest names no namespace: with what it is applied.
    pub scope: Scope,
    /// `Kind/namespace/name`, where the snapshot has them.
    pub display: Option<String>,
    /// They run to completion: they may well compute without a network.
    pub is_batch: bool,
    /// They get their nameserver from the cluster.
    pub asks_cluster: bool,
    /// A name that they mention.
    pub name: Option<Located<String>>,
}

impl Subject {
    /// The pods of a workload.
    #[must_use]
    pub fn of(workload: &Workload, world: &World, known: &KnownNames, answers_dns: bool) -> Self {
        let namespace = &workload.meta.namespace.value;
        let pod = &workload.pod;
        let asks_cluster = !answers_dns && !pod.uses_host_network() && pod.asks_cluster_dns();
        let mentioned = || names::mentioned(pod, namespace, known).into_iter().next().map(|n| n.map(|n| n.name));
        Self {
            labels: Labels::of_pods(workload),
            namespace: world.namespaces.labels(namespace),
            namespace_name: Some(namespace.clone()),
            scope: None,
            display: Some(workload.meta.display()),
            is_batch: workload.is_batch(),
            asks_cluster,
            name: asks_cluster.then(mentioned).flatten(),
        }
    }

    /// Any pod that a policy selects: it has the labels that the policy asks for, and perhaps others.
    #[must_use]
    pub fn any(policy: &Policy, world: &World) -> Self {
        let (namespace_name, namespace) = match &policy.namespace {
            Some(name) => (Some(name.clone()), world.namespaces.labels(name)),
            None => world.namespaces.selected(&policy.namespaces),
        };
        let mut known = policy.pods.demanded();
        known.extend(namespace_name.iter().flat_map(|name| calico_labels(name)));
        Self {
            labels: Labels { known, complete: false },
            namespace,
            namespace_name,
            scope: policy.scope.clone(),
            display: None,
            is_batch: false,
            asks_cluster: true,
            name: None,
        }
    }

    /// Whether a policy applies to them.
    #[must_use]
    pub fn under(&self, policy: &Policy) -> Answer {
        policy.applies(&self.labels, &self.namespace, &self.scope)
    }
}
