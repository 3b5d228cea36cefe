//! NetworkPolicies that let the pods of a cluster ask the cache, where egress is restricted already.
//!
//! A policy for egress isolates every pod that it selects, so one for DNS alone would cut a pod that no other policy selects
//! off from everything else (<https://kubernetes.io/docs/concepts/services-networking/network-policies/>).

use super::context;
use super::plan::Refusal;
use super::scene::Scene;
use super::templates;
use crate::analysis::policy::{Isolating, isolating};
use crate::model::manifests::Generic;
use crate::model::object::Meta;
use crate::model::value::Value;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;

/// Name of the policies; where they are several in a namespace, each with the name of the one beside it.
const NAME: &str = "allow-node-local-dns";
/// Who manages them, by the label that Kubernetes recommends for that
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>).
const MANAGER: &str = "dnslint";

/// A policy beside one that isolates the same pods.
#[derive(Debug, Serialize)]
pub struct Policy {
    namespace: String,
    name: String,
    /// A label selector as JSON, which YAML reads alike.
    pods: String,
}

impl Policy {
    /// Kind, namespace and name.
    #[must_use]
    pub fn display(&self) -> String {
        format!("NetworkPolicy/{}/{}", self.namespace, self.name)
    }
}

/// Whether an object is one of those that are rendered, whose label says so.
#[must_use]
pub fn is_ours(meta: &Meta) -> bool {
    let label = meta.labels.get("app.kubernetes.io/managed-by");
    meta.kind.value == "NetworkPolicy" && label.is_some_and(|label| label.value == MANAGER)
}

/// The policies that the snapshot has use for.
///
/// # Errors
/// No pod of it is isolated.
pub fn of(scene: &Scene<'_>) -> Result<Vec<Policy>, Refusal> {
    let mut by_namespace: BTreeMap<&str, Vec<Isolating<'_>>> = BTreeMap::new();
    for policy in isolating(scene.cluster).filter(|policy| !is_ours(&policy.object.meta)) {
        by_namespace.entry(&policy.object.meta.namespace.value).or_default().push(policy);
    }
    let policies: Vec<Policy> =
        by_namespace.into_iter().flat_map(|(name, isolating)| in_namespace(name, &isolating)).collect();
    if !policies.is_empty() {
        return unclaimed(scene, &policies).map(|()| policies);
    }
    Err(Refusal {
        reason:
            "--with network-policy: no NetworkPolicy of the snapshot restricts egress, and one for DNS alone would cut \
                 its pods off from everything else"
                .to_owned(),
        at: None,
        help: Some(
            "give the directory with the cluster's policies, or leave it out: pods that nothing restricts need none"
                .to_owned(),
        ),
    })
}

/// A policy of somebody else is not written over.
fn unclaimed(scene: &Scene<'_>, policies: &[Policy]) -> Result<(), Refusal> {
    let mut others = scene.cluster.objects.of_kind("NetworkPolicy").iter().filter(|object| !is_ours(&object.meta));
    let taken = |object: &&Generic| policies.iter().any(|policy| policy.display() == object.meta.display());
    match others.find(taken) {
        None => Ok(()),
        Some(other) => Err(Refusal {
            reason: format!("--with network-policy: {} stands already and was not rendered", other.meta.display()),
            at: Some(other.meta.name_location()),
            help: Some("give it another name, or leave --with network-policy out".to_owned()),
        }),
    }
}

fn in_namespace(namespace: &str, isolating: &[Isolating<'_>]) -> Vec<Policy> {
    let policy = |name: String, pods: Json| Policy { namespace: namespace.to_owned(), name, pods: pods.to_string() };
    if isolating.iter().any(|policy| policy.all_pods) {
        return vec![policy(NAME.to_owned(), json!({}))];
    }
    let mut seen: Vec<Json> = Vec::new();
    let mut policies = Vec::new();
    for Isolating { object, .. } in isolating {
        let pods = object.value.value.path(&["spec", "podSelector"]).map_or_else(|| json!({}), |s| json_of(&s.value));
        if !seen.contains(&pods) {
            policies.push(policy(format!("{NAME}-{}", object.meta.name.value), pods.clone()));
            seen.push(pods);
        }
    }
    policies
}

fn json_of(value: &Value) -> Json {
    match value {
        Value::List(items) => items.iter().map(|item| json_of(&item.value)).collect(),
        Value::Map(entries) => {
            let entry = |key: &str, value: &Value| (key.to_owned(), json_of(value));
            Json::Object(entries.iter().map(|(key, value)| entry(&key.value, &value.value)).collect::<Map<_, _>>())
        }
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Float(value) => json!(value),
        Value::Str(text) => json!(text),
        Value::Null => Json::Null,
    }
}

/// The file of the policies.
///
/// # Errors
/// A fault of the template.
pub fn text(scene: &Scene<'_>, policies: &[Policy]) -> Result<String, String> {
    templates::render("node-cache/network-policies.yaml.j2", &context::policies(scene.parameters, policies, MANAGER))
}
