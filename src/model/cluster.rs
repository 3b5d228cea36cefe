//! The assembled cluster.

use super::config_map::EmbeddedText;
use super::dns_server::{self, DnsServer};
use super::manifests::Objects;
use super::node::{Node, NodeObjects};
use super::read::{At, Place};
use super::value::Value;
use crate::source::{ClusterIndex, FileId, FileKind, Located, Location, Snapshot, SourceFile, Span};
use crate::syntax::yaml;
use rayon::prelude::*;

/// Everything that the snapshot says about one cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Kubernetes objects.
    pub objects: Objects,
    /// DNS servers that run in it.
    pub dns_servers: Vec<DnsServer>,
    /// Nodes whose files the snapshot has.
    pub nodes: Vec<Node>,
    /// Manifests that could not be read whole.
    pub broken: Vec<BrokenInput>,
    /// Configuration objects that stand inside ConfigMaps (`kubeadm-config`, `kube-proxy`, `kubelet-config`).
    pub embedded: Vec<Located<Value>>,
}

/// A file that could not be read whole.
#[derive(Clone, Debug)]
pub struct BrokenInput {
    /// The place of the fault.
    pub location: Location,
    /// What is wrong, as a clause.
    pub message: String,
    /// A template that a program renders first: skipped, not faulty.
    pub templated: bool,
}

/// Every cluster of a snapshot, in its order.
#[must_use]
pub fn assemble(snapshot: &Snapshot) -> Vec<Cluster> {
    snapshot.clusters.iter().map(|cluster| one(snapshot, cluster.index)).collect()
}

fn one(snapshot: &Snapshot, index: ClusterIndex) -> Cluster {
    let files: Vec<&SourceFile> = snapshot.files.iter().filter(|file| file.cluster == index).collect();
    let structured: Vec<&SourceFile> = files
        .iter()
        .copied()
        .filter(|f| f.kind == FileKind::Manifest || (f.kind == FileKind::KubeletConfig && f.node.is_none()))
        .collect();
    let parsed: Vec<(Objects, Vec<BrokenInput>)> = structured.par_iter().map(|file| read_manifest(file)).collect();
    let mut objects = Objects::default();
    let mut broken = Vec::new();
    for (own, faults) in parsed {
        objects.extend(own);
        broken.extend(faults);
    }
    let plain: Vec<(String, EmbeddedText)> = files
        .iter()
        .filter(|f| f.kind == FileKind::Corefile)
        .map(|f| (f.path.clone(), EmbeddedText::whole_file(f.id, &f.text)))
        .collect();
    let mut cluster = Cluster::of_objects(objects, &plain);
    let roots: Vec<_> = snapshot.nodes.iter().filter(|root| root.cluster == index).collect();
    let node_objects = NodeObjects::new(&cluster.objects);
    cluster.nodes = roots.par_iter().map(|root| Node::read(snapshot, root, &node_objects)).collect();
    cluster.broken = broken;
    cluster
}

fn read_manifest(file: &SourceFile) -> (Objects, Vec<BrokenInput>) {
    let parsed = yaml::parse_shared(&file.text);
    let objects = Objects::read(file.id, &parsed);
    (objects, faults(file.id, &file.text, &parsed))
}

/// What Kubernetes would refuse in a file; a template is one fault that says so.
fn faults(file: FileId, text: &str, parsed: &yaml::Yaml) -> Vec<BrokenInput> {
    let refused: Vec<_> = parsed.errors.iter().filter(|e| e.kind.refused_by_kubernetes()).collect();
    if refused.is_empty() {
        return Vec::new();
    }
    if yaml::looks_templated(text) {
        let message = "is a template: render it first and check the result".to_owned();
        return vec![BrokenInput { location: Location::new(file, Span::new(0, 0)), message, templated: true }];
    }
    let fault = |e: &&yaml::YamlError| BrokenInput {
        location: Location::new(file, e.span),
        message: e.message.clone(),
        templated: false,
    };
    refused.iter().take(1).map(fault).collect()
}

impl Cluster {
    /// A cluster of objects and the Corefiles that stand alone, without nodes.
    #[must_use]
    pub fn of_objects(objects: Objects, plain_corefiles: &[(String, EmbeddedText)]) -> Self {
        let dns_servers = dns_server::find(&objects, plain_corefiles);
        let embedded = embedded_objects(&objects);
        Self { objects, dns_servers, embedded, ..Self::default() }
    }

    /// Configuration objects of a kind, as files of their own or inside ConfigMaps.
    pub fn embedded_of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Located<Value>> {
        let own = self.objects.of_kind(kind).iter().map(|object| &object.value);
        let inside = self.embedded.iter().filter(move |v| v.value.get("kind").and_then(|k| k.as_str()) == Some(kind));
        own.chain(inside)
    }
}

/// ConfigMaps whose values are configuration objects.
const CONFIGURATION_MAPS: [&str; 3] = ["kubeadm-config", "kube-proxy", "kubelet-config"];

fn embedded_objects(objects: &Objects) -> Vec<Located<Value>> {
    let mut found = Vec::new();
    for map in &objects.config_maps {
        if !CONFIGURATION_MAPS.iter().any(|name| map.meta.name.value.starts_with(name)) {
            continue;
        }
        for entry in &map.data {
            if entry.text.text.contains("kind:") {
                let place = Place::inside(entry.text.file, entry.text.map.clone());
                let parsed = yaml::parse(&entry.text.text);
                found.extend(parsed.documents.iter().map(|document| Value::read(At::new(document.root(), &place))));
            }
        }
    }
    found
}
