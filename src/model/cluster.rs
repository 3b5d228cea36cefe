//! The assembled cluster.

use super::config_map::EmbeddedText;
use super::dns_server::{self, DnsServer};
use super::manifests::Objects;
use super::read::{At, Place};
use super::value::Value;
use crate::source::Located;
use crate::syntax::yaml;

/// Everything that the snapshot says about one cluster.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Kubernetes objects.
    pub objects: Objects,
    /// DNS servers that run in it.
    pub dns_servers: Vec<DnsServer>,
    /// Configuration objects that stand inside ConfigMaps (`kubeadm-config`, `kube-proxy`, `kubelet-config`).
    pub embedded: Vec<Located<Value>>,
}

impl Cluster {
    /// Puts a cluster together from its objects and the Corefiles that stand alone.
    #[must_use]
    pub fn assemble(objects: Objects, plain_corefiles: &[(String, EmbeddedText)]) -> Self {
        let dns_servers = dns_server::find(&objects, plain_corefiles);
        let embedded = embedded_objects(&objects);
        Self { objects, dns_servers, embedded }
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
