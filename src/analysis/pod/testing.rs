//! Pod specifications from text, for tests.

use crate::model::manifests::Objects;
use crate::model::pod::PodSpec;
use crate::source::FileId;
use crate::syntax::yaml;

/// The specification of a Pod; containers are added where `spec` names none.
pub fn pod(spec: &str) -> PodSpec {
    let mut workloads = objects(&format!("{}\n---\n", pod_text(spec))).workloads;
    workloads.remove(0).pod
}

/// A Pod `default/p` with that specification, as text.
pub fn pod_text(spec: &str) -> String {
    let containers = if spec.contains("containers:") { "" } else { "containers: [{name: a}]\n" };
    let body: String = format!("{spec}{containers}").lines().map(|line| format!("  {line}\n")).collect();
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p, namespace: default}}\nspec:\n{body}")
}

/// The objects of a manifest.
pub fn objects(text: &str) -> Objects {
    Objects::read(FileId(0), &yaml::parse(text))
}
