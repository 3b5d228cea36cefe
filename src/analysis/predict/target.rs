//! Finds the pod or workload that a name on the command line means.

use crate::model::Cluster;
use crate::model::workload::Workload;

/// Short names of `kubectl` for kinds with a pod template.
const SHORT_KINDS: [(&str, &str); 7] = [
    ("po", "pod"),
    ("deploy", "deployment"),
    ("ds", "daemonset"),
    ("sts", "statefulset"),
    ("rs", "replicaset"),
    ("rc", "replicationcontroller"),
    ("cj", "cronjob"),
];

/// A pod as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodName {
    /// Kind in lower case and singular, where one was given.
    pub kind: Option<String>,
    /// Namespace.
    pub namespace: String,
    /// Name of the pod or of its workload.
    pub name: String,
}

impl PodName {
    /// Reads `namespace/name`, `kind/namespace/name`, or a name in the namespace `default`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('/').collect();
        let (kind, namespace, name) = match parts.as_slice() {
            [name] => (None, "default", *name),
            [namespace, name] => (None, *namespace, *name),
            [kind, namespace, name] => (Some(kind_name(kind)), *namespace, *name),
            _ => return None,
        };
        let whole = !namespace.is_empty() && !name.is_empty() && kind.as_deref() != Some("");
        whole.then(|| Self { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

fn kind_name(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if let Some((_, long)) = SHORT_KINDS.iter().find(|(short, _)| *short == lower) {
        return (*long).to_owned();
    }
    lower.strip_suffix('s').map(str::to_owned).unwrap_or(lower)
}

/// The workloads that a name means: those called so, else those whose pods are called so.
///
/// A pod of a StatefulSet is `<name>-<ordinal>`, one of a DaemonSet or Job `<name>-<suffix>`, one of a Deployment
/// `<name>-<hash>-<suffix>`.
#[must_use]
pub fn find<'a>(cluster: &'a Cluster, asked: &PodName) -> Vec<&'a Workload> {
    let in_scope = |w: &&Workload| {
        let kind = w.meta.kind.value.to_ascii_lowercase();
        let of_kind = asked.kind.as_ref().is_none_or(|k| *k == kind || *k == "pod");
        of_kind && w.meta.namespace.value == asked.namespace
    };
    let scope: Vec<&Workload> = cluster.objects.workloads.iter().filter(in_scope).collect();
    let pods_only = asked.kind.as_deref() == Some("pod");
    let named = |w: &&Workload| w.meta.name.value == asked.name && (!pods_only || w.is_kind("Pod"));
    let exact: Vec<&Workload> = scope.iter().copied().filter(named).collect();
    if !exact.is_empty() {
        let pods: Vec<&Workload> = exact.iter().copied().filter(|w| w.is_kind("Pod")).collect();
        return if pods.is_empty() { exact } else { pods };
    }
    scope.into_iter().filter(|w| makes_pod(w, &asked.name)).collect()
}

/// Whether pods of the workload may be called `name`.
fn makes_pod(workload: &Workload, name: &str) -> bool {
    let rest = name.strip_prefix(workload.meta.name.value.as_str()).and_then(|rest| rest.strip_prefix('-'));
    let Some(rest) = rest else { return false };
    let words: Vec<&str> = rest.split('-').collect();
    let random = |word: &str, most: usize| {
        (1..=most).contains(&word.len()) && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    match (workload.meta.kind.value.as_str(), words.as_slice()) {
        ("Pod", _) => false,
        ("StatefulSet", [ordinal]) => ordinal.parse::<u32>().is_ok(),
        ("Deployment", [hash, suffix]) => random(hash, 10) && suffix.len() == 5 && random(suffix, 5),
        ("StatefulSet" | "Deployment", _) => false,
        (_, [suffix]) => random(suffix, 10),
        _ => false,
    }
}

/// Every name that [`find`] takes exactly, as `namespace/name`.
#[must_use]
pub fn names(cluster: &Cluster) -> Vec<String> {
    let of = |w: &Workload| format!("{}/{}", w.meta.namespace.value, w.meta.name.value);
    let mut names: Vec<String> = cluster.objects.workloads.iter().map(of).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::manifests::Objects;
    use crate::source::FileId;
    use crate::syntax::yaml;

    fn cluster() -> Cluster {
        let mut text = String::new();
        for (kind, name) in [("Deployment", "web"), ("StatefulSet", "db"), ("DaemonSet", "db"), ("Pod", "db-0")] {
            let body = "{containers: [{name: a}]}";
            let spec = if kind == "Pod" { body.to_owned() } else { format!("{{template: {{spec: {body}}}}}") };
            text += &format!("---\nkind: {kind}\nmetadata: {{name: {name}, namespace: x}}\nspec: {spec}\n");
        }
        Cluster::of_objects(Objects::read(FileId(0), &yaml::parse(&text)), &[])
    }

    #[test]
    fn workloads_and_their_pods() {
        let cluster = cluster();
        let kinds = |text: &str| -> Vec<String> {
            let found = find(&cluster, &PodName::parse(text).unwrap());
            found.iter().map(|w| format!("{} {}", w.meta.kind.value, w.meta.name.value)).collect()
        };
        assert_eq!(kinds("x/web"), ["Deployment web"]);
        assert_eq!(kinds("x/web-6d4cf56db6-x7k2p"), ["Deployment web"]);
        assert_eq!(kinds("x/web-1"), Vec::<String>::new());
        assert_eq!(kinds("x/db"), ["StatefulSet db", "DaemonSet db"]);
        assert_eq!(kinds("ds/x/db"), ["DaemonSet db"]);
        assert_eq!(kinds("StatefulSets/x/db"), ["StatefulSet db"]);
        assert_eq!(kinds("x/db-0"), ["Pod db-0"]);
        assert_eq!(kinds("sts/x/db-1"), ["StatefulSet db"]);
        assert_eq!(kinds("y/web"), Vec::<String>::new());
        assert_eq!(PodName::parse("a/b/c/d"), None);
        assert_eq!(PodName::parse("/x"), None);
    }
}
