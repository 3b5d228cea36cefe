//! Files that a server's pods are to have from ConfigMaps and do not get.

use super::read::located_token;
use crate::analysis::facts::container;
use crate::analysis::views::dns_server::MissingKeyView;
use crate::model::Cluster;
use crate::model::config_map::ConfigMap;
use crate::model::dns_server::{DnsServer, ServerKind};
use crate::model::pod::{ConfigMapVolume, VolumeMount};
use crate::model::workload::Workload;
use crate::source::Located;

/// Files that every container has, whatever is mounted.
const ALWAYS: [&str; 3] = ["/etc/hosts", "/etc/resolv.conf", "/etc/hostname"];
/// The key that k3s adds at run time.
const NODE_HOSTS: &str = "NodeHosts";

/// Keys that volumes name and ConfigMaps do not have, and files of the Corefile that no volume brings.
#[must_use]
pub fn find(cluster: &Cluster, server: &DnsServer, workload: &Workload) -> Vec<Located<MissingKeyView>> {
    let mut found = items(cluster, workload);
    found.extend(files(cluster, server, workload));
    found
}

/// The one ConfigMap behind a volume.
fn map_of<'a>(cluster: &'a Cluster, workload: &'a Workload, source: &'a ConfigMapVolume) -> Option<&'a ConfigMap> {
    let maps: Vec<_> = cluster.objects.config_maps_named(&workload.meta.namespace.value, &source.name.value).collect();
    match maps.as_slice() {
        [map] => Some(map),
        _ => None,
    }
}

/// Items of volumes whose key does not exist.
fn items(cluster: &Cluster, workload: &Workload) -> Vec<Located<MissingKeyView>> {
    let mut found = Vec::new();
    for source in workload.pod.volumes.iter().filter_map(|v| v.config_map.as_ref()).filter(|c| !c.optional) {
        let Some(map) = map_of(cluster, workload, source) else { continue };
        let absent = source.items.iter().filter(|(key, _)| key.value != NODE_HOSTS && map.get(&key.value).is_none());
        for (key, _) in absent {
            let config_map = Some(map.meta.name.clone());
            let view = MissingKeyView { key: key.value.clone(), config_map, path: None, plugin: None };
            found.push(key.with(view));
        }
    }
    found
}

/// Absolute paths that `hosts` and `file` of the Corefile name and that no volume of the container brings.
fn files(cluster: &Cluster, server: &DnsServer, workload: &Workload) -> Vec<Located<MissingKeyView>> {
    let (Some(config), Some(container)) = (&server.config, container(cluster, server)) else { return Vec::new() };
    if server.custom_build || server.kind != ServerKind::CoreDns || container.image.is_none() {
        return Vec::new();
    }
    let directives = config.corefile.blocks.iter().flat_map(|block| &block.directives);
    let named = directives.filter(|d| matches!(d.name.as_str(), "hosts" | "file")).filter_map(|directive| {
        let path = directive.args.first().filter(|arg| arg.text.starts_with('/'))?;
        Some((directive.name.as_str(), located_token(config, path)))
    });
    named
        .filter(|(_, path)| !ALWAYS.contains(&path.value.as_str()))
        .filter_map(|(plugin, path)| {
            let brought = brought(cluster, workload, &container.mounts, &path.value);
            let (Brought::No(config_map) | Brought::NotMounted(config_map)) = brought else { return None };
            let key = path.value.rsplit('/').next().unwrap_or_default().to_owned();
            let view =
                MissingKeyView { key, config_map, path: Some(path.value.clone()), plugin: Some(plugin.to_owned()) };
            Some(path.with(view))
        })
        .collect()
}

/// Whether the container has a file.
enum Brought {
    /// It has, or the snapshot does not tell.
    Perhaps,
    /// The volume from this ConfigMap lacks it.
    No(Option<Located<String>>),
    /// No volume holds its directory, and the image of CoreDNS has only the program.
    NotMounted(Option<Located<String>>),
}

fn brought(cluster: &Cluster, workload: &Workload, mounts: &[VolumeMount], path: &str) -> Brought {
    let below = |mount: &&VolumeMount| {
        let directory = mount.mount_path.value.trim_end_matches('/');
        path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let Some(mount) = mounts.iter().filter(below).max_by_key(|mount| mount.mount_path.value.len()) else {
        return Brought::NotMounted(None);
    };
    let volume = workload.pod.volumes.iter().find(|volume| volume.name.value == mount.name.value);
    let Some(source) = volume.and_then(|volume| volume.config_map.as_ref()).filter(|_| mount.sub_path.is_none()) else {
        return Brought::Perhaps;
    };
    let rest = path.get(mount.mount_path.value.trim_end_matches('/').len()..).unwrap_or_default();
    let file = rest.trim_start_matches('/');
    let Some(map) = map_of(cluster, workload, source) else { return Brought::Perhaps };
    let has = match source.items.as_slice() {
        // k3s adds a key that the packaged manifest does not have
        [] => map.get(file).is_some() || file == NODE_HOSTS,
        items => items.iter().any(|(_, path)| path.value.trim_start_matches("./") == file),
    };
    if has { Brought::Perhaps } else { Brought::No(Some(map.meta.name.clone())) }
}
