//! Files that a `forward` names in place of addresses, where a volume puts them into the server's container.
//!
//! CoreDNS reads the nameservers of the file at the start (`parse.HostPortOrFile` in plugin/pkg/parse), in the mount
//! namespace of its container: a key of a ConfigMap, or a file of the node behind a `hostPath`. Anything else there is
//! not known.

use super::read::{ASSUMED, Upstream, blocks};
use crate::model::Cluster;
use crate::model::config_map::EmbeddedText;
use crate::model::dns_server::{DnsServer, mounted_entry};
use crate::model::pod::{Container, PodSpec, VolumeMount};
use crate::source::{Located, Location, Lookup, NodeRoot, Snapshot, Span};
use std::collections::{BTreeMap, BTreeSet};

/// A file in a server's container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountedFile {
    /// What puts it there.
    pub mount: Location,
    /// Where its text is.
    pub source: Source,
}

/// Where the text of a file is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a ConfigMap that names these nameservers.
    Written(Vec<Located<String>>),
    /// In a file of each node.
    Node(String),
    /// The snapshot does not have it.
    Unknown,
}

/// The files that the forwards of a server name and that a volume puts there, by their path in the container.
#[must_use]
pub fn of_server(cluster: &Cluster, server: &DnsServer) -> BTreeMap<String, MountedFile> {
    let Some((pod, container)) = container(cluster, server) else { return BTreeMap::new() };
    let found = paths(server).into_iter().filter_map(|path| {
        let mount = covering(container, &path)?;
        let source = source(cluster, server, pod, container, mount, &path);
        Some((path, MountedFile { mount: mount.location, source }))
    });
    found.collect()
}

/// The nameservers in the files of a node that servers of the cluster may read.
#[must_use]
pub fn on_node(snapshot: &Snapshot, cluster: &Cluster, root: &NodeRoot) -> BTreeMap<String, Vec<Located<String>>> {
    let files = cluster.dns_servers.iter().flat_map(|server| of_server(cluster, server).into_values());
    let wanted: BTreeSet<String> =
        files.filter_map(|file| if let Source::Node(path) = file.source { Some(path) } else { None }).collect();
    let read = |path: String| {
        let Lookup::File { file, .. } = root.lookup(&path) else { return None };
        let text = EmbeddedText::whole_file(file, &snapshot.file(file).text);
        Some((path, nameservers(&text)))
    };
    wanted.into_iter().filter_map(read).collect()
}

/// The words behind `nameserver`, with their places.
#[must_use]
pub fn nameservers(text: &EmbeddedText) -> Vec<Located<String>> {
    let mut found = Vec::new();
    let mut offset = 0;
    for line in text.text.split_inclusive('\n') {
        let mut words = line.split_whitespace();
        if let (Some("nameserver"), Some(address)) = (words.next(), words.next()) {
            let start = offset + line.find(address).unwrap_or(0);
            let place = text.locate(Span::new(start, start + address.len()));
            found.push(Located::at(address.to_owned(), place));
        }
        offset += line.len();
    }
    found
}

fn container<'c>(cluster: &'c Cluster, server: &DnsServer) -> Option<(&'c PodSpec, &'c Container)> {
    let pod = &cluster.objects.workloads.get(server.workload?)?.pod;
    Some((pod, pod.containers.get(server.container?)?))
}

fn paths(server: &DnsServer) -> BTreeSet<String> {
    let blocks = server.config.as_ref().map(|config| blocks(config, ASSUMED)).unwrap_or_default();
    let upstreams = blocks.iter().flat_map(|block| &block.forwards).flat_map(|forward| &forward.upstreams);
    let file = |upstream: &Upstream| match upstream {
        Upstream::File(path) if path.starts_with('/') => Some(path.clone()),
        _ => None,
    };
    upstreams.filter_map(|upstream| file(&upstream.value)).collect()
}

/// The mount that a path lies in: the innermost one.
fn covering<'c>(container: &'c Container, path: &str) -> Option<&'c VolumeMount> {
    let covers = |mount: &&VolumeMount| inside(mount, path).is_some();
    container.mounts.iter().filter(covers).max_by_key(|mount| mount.mount_path.value.trim_end_matches('/').len())
}

/// The path below a mount; empty for the mount itself.
fn inside<'p>(mount: &VolumeMount, path: &'p str) -> Option<&'p str> {
    let rest = path.strip_prefix(mount.mount_path.value.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

fn source(
    cluster: &Cluster,
    server: &DnsServer,
    pod: &PodSpec,
    container: &Container,
    mount: &VolumeMount,
    path: &str,
) -> Source {
    let Some(volume) = pod.volumes.iter().find(|v| v.name.value == mount.name.value) else { return Source::Unknown };
    if volume.config_map.is_some() {
        let entry = mounted_entry(&cluster.objects, &server.namespace, pod, container, path);
        return entry.map_or(Source::Unknown, |(_, text)| Source::Written(nameservers(&text)));
    }
    let Some(host) = &volume.host_path else { return Source::Unknown };
    let below = mount.sub_path.iter().map(|sub| sub.value.as_str()).chain(inside(mount, path));
    let below = below.filter(|part| !part.is_empty()).map(|part| format!("/{part}"));
    Source::Node(std::iter::once(host.value.trim_end_matches('/').to_owned()).chain(below).collect())
}
