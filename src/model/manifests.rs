//! Kubernetes objects of the snapshot: typed where dnslint reads many fields, generic where few, ignored elsewhere.
//!
//! k8s-openapi's types are not used: they drop the position of every field, stop at the first wrong type, and know no
//! custom kinds, while dnslint needs places for labels and fixes and reads perhaps a hundred fields.

use super::config_map::{ConfigMap, EmbeddedText};
use super::object::Meta;
use super::read::{At, Place};
use super::service::Service;
use super::value::Value;
use super::workload::Workload;
use crate::source::{FileId, Located};
use crate::syntax::yaml::{NodeRef, Yaml};
use std::collections::BTreeMap;

/// Kinds that are kept as generic values.
const GENERIC_KINDS: [&str; 28] = [
    "AdminNetworkPolicy",
    "BaselineAdminNetworkPolicy",
    "CiliumClusterwideNetworkPolicy",
    "CiliumLocalRedirectPolicy",
    "CiliumNetworkPolicy",
    "ClusterConfiguration",
    "ClusterwideNetworkPolicy",
    "DNS",
    "DNSCache",
    "EndpointSlice",
    "Endpoints",
    "GlobalNetworkPolicy",
    "HelmChart",
    "HelmChartConfig",
    "HelmRelease",
    "IPPool",
    "InitConfiguration",
    "Installation",
    "JoinConfiguration",
    "KubeProxyConfiguration",
    "KubeletConfiguration",
    "Namespace",
    "Network",
    "NetworkPolicy",
    "Node",
    "Secret",
    "ServiceAccount",
    "Cluster",
];

/// Nesting of List objects that is followed.
const MAX_LIST_DEPTH: usize = 4;

/// An object kept as a generic value.
#[derive(Clone, Debug)]
pub struct Generic {
    /// Identity.
    pub meta: Meta,
    /// The whole object.
    pub value: Located<Value>,
    /// `spec.valuesContent` of a HelmChart or HelmChartConfig: chart values, a YAML text of its own.
    pub values_content: Option<EmbeddedText>,
}

/// Every object of a file with its kind, those of lists one by one.
#[must_use]
pub fn objects_of(yaml: &Yaml) -> Vec<(&str, NodeRef<'_>)> {
    let mut found = Vec::new();
    for document in &yaml.documents {
        unfold(document.root(), MAX_LIST_DEPTH, &mut found);
    }
    found
}

fn unfold<'y>(node: NodeRef<'y>, depth: usize, found: &mut Vec<(&'y str, NodeRef<'y>)>) {
    let Some(kind) = node.get("kind").and_then(NodeRef::scalar_text) else { return };
    match node.get("items").filter(|_| kind.ends_with("List") && depth > 0) {
        Some(items) => items.items().for_each(|item| unfold(item, depth - 1, found)),
        None => found.push((kind, node)),
    }
}

impl Generic {
    /// A field of `status.nodeInfo` of a Node object.
    #[must_use]
    pub fn node_info(&self, field: &str) -> Option<Located<String>> {
        self.value.path(&["status", "nodeInfo"])?.text_at(field)
    }
}

/// All objects that matter for DNS, in file order.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// Services.
    pub services: Vec<Service>,
    /// ConfigMaps.
    pub config_maps: Vec<ConfigMap>,
    /// Pods and everything with a pod template.
    pub workloads: Vec<Workload>,
    /// Other kinds that are read, by kind.
    pub generic: BTreeMap<String, Vec<Generic>>,
    /// Number of objects seen, of any kind.
    pub seen: usize,
}

impl Objects {
    /// The objects of one file.
    #[must_use]
    pub fn read(file: FileId, yaml: &Yaml) -> Self {
        let place = Place::file(file);
        let mut objects = Self::default();
        for (kind, node) in objects_of(yaml) {
            objects.add(kind, At::new(node, &place));
        }
        objects
    }

    fn add(&mut self, kind: &str, object: At<'_>) {
        self.seen += 1;
        match kind {
            "Service" => {
                if let Some(meta) = Meta::read(object).filter(|m| m.api_version == "v1") {
                    self.services.push(Service::read(meta, object));
                }
            }
            "ConfigMap" => {
                if let Some(meta) = Meta::read(object) {
                    self.config_maps.push(ConfigMap::read(meta, object));
                }
            }
            _ if GENERIC_KINDS.contains(&kind) => {
                if let Some(meta) = Meta::read(object) {
                    let values_content = object.path(&["spec", "valuesContent"]).and_then(EmbeddedText::read);
                    let generic = Generic { meta, value: Value::read(object), values_content };
                    self.generic.entry(kind.to_owned()).or_default().push(generic);
                }
            }
            _ => {
                if let Some(workload) = Meta::read(object).and_then(|meta| Workload::read(meta, object)) {
                    self.workloads.push(workload);
                }
            }
        }
    }

    /// Appends the objects of another file.
    pub fn extend(&mut self, other: Self) {
        self.services.extend(other.services);
        self.config_maps.extend(other.config_maps);
        self.workloads.extend(other.workloads);
        self.seen += other.seen;
        for (kind, list) in other.generic {
            self.generic.entry(kind).or_default().extend(list);
        }
    }

    /// Identity of every object that is kept.
    pub fn metas(&self) -> impl Iterator<Item = &Meta> {
        let typed = self.services.iter().map(|s| &s.meta).chain(self.config_maps.iter().map(|m| &m.meta));
        let workloads = self.workloads.iter().map(|w| &w.meta);
        typed.chain(workloads).chain(self.generic.values().flatten().map(|g| &g.meta))
    }

    /// The objects of a generic kind.
    #[must_use]
    pub fn of_kind(&self, kind: &str) -> &[Generic] {
        self.generic.get(kind).map_or(&[], Vec::as_slice)
    }

    /// ConfigMaps called `namespace/name`, in file order (several files may define the same one).
    pub fn config_maps_named<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a ConfigMap> {
        self.config_maps.iter().filter(move |map| map.meta.is(namespace, name))
    }

    /// Services called `namespace/name`.
    pub fn services_named<'a>(&'a self, namespace: &'a str, name: &'a str) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(move |service| service.meta.is(namespace, name))
    }
}
