//! Workloads: every kind that carries a pod template.

use super::object::Meta;
use super::pod::PodSpec;
use super::read::At;
use super::string_map::StringMap;
use crate::source::Located;

/// A Pod, or an object that makes pods from a template.
#[derive(Clone, Debug)]
pub struct Workload {
    /// Identity.
    pub meta: Meta,
    /// `spec.replicas`.
    pub replicas: Option<Located<i64>>,
    /// Labels of the pods it makes.
    pub pod_labels: StringMap,
    /// Annotations of the pods it makes.
    pub pod_annotations: StringMap,
    /// The pods' specification.
    pub pod: PodSpec,
    /// `spec.serviceName` of a StatefulSet.
    pub service_name: Option<Located<String>>,
}

/// Where a template may stand: the keys from the object to the object that holds `metadata` and `spec`.
const TEMPLATE_PATHS: [&[&str]; 3] =
    [&["spec", "template"], &["spec", "jobTemplate", "spec", "template"], &["spec", "workload", "template"]];

impl Workload {
    /// Reads an object that carries a pod template, whatever its kind (custom resources such as Rollout, too).
    #[must_use]
    pub fn read(meta: Meta, object: At<'_>) -> Option<Self> {
        let template = template(&meta, object)?;
        let spec = template.get("spec")?;
        spec.get("containers")?;
        let anchor = template.key_location("spec").unwrap_or_else(|| spec.location());
        let (pod_labels, pod_annotations) = if meta.kind.value == "Pod" {
            (meta.labels.clone(), meta.annotations.clone())
        } else {
            let template_meta = template.get("metadata");
            let maps = |key: &str| template_meta.map(|m| m.string_map_at(key)).unwrap_or_default();
            (maps("labels"), maps("annotations"))
        };
        Some(Self {
            replicas: object.get("spec").and_then(|s| s.int_at("replicas")),
            pod_labels,
            pod_annotations,
            pod: PodSpec::read(spec, anchor),
            service_name: object.get("spec").and_then(|s| s.text_at("serviceName")),
            meta,
        })
    }

    /// Whether its pods run to completion: Job, CronJob, and the custom kinds that are named after them (`PyTorchJob`).
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.meta.kind.value.ends_with("Job")
    }

    /// Whether it is of `kind`.
    #[must_use]
    pub fn is_kind(&self, kind: &str) -> bool {
        self.meta.kind.value == kind
    }
}

fn template<'a>(meta: &Meta, object: At<'a>) -> Option<At<'a>> {
    if meta.kind.value == "Pod" {
        return Some(object);
    }
    TEMPLATE_PATHS
        .iter()
        .filter_map(|path| object.path(path))
        .find(|template| template.path(&["spec", "containers"]).is_some())
        .or_else(|| object.get("template").filter(|_| meta.kind.value == "PodTemplate"))
}
