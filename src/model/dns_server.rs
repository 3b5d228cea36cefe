//! DNS servers of the cluster: which workload runs which binary with which Corefile, and which Services reach it.

use super::config_map::{ConfigEntry, ConfigMap, EmbeddedText};
use super::manifests::Objects;
use super::object::{Meta, selects};
use super::pillar;
use super::pod::{Container, PodSpec};
use super::workload::Workload;
use crate::source::{Located, Location, Span};
use crate::syntax::corefile::{
    self, Corefile, Import, ImportResolver, ImportedFile, Options, Place, has_wildcard, matches_glob,
};
use crate::syntax::yaml::Style;
use std::cell::RefCell;

/// Which program a server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServerKind {
    /// CoreDNS.
    CoreDns,
    /// NodeLocal DNSCache (`node-cache`).
    NodeCache,
    /// kube-dns (dnsmasq and skydns), which has no Corefile.
    KubeDns,
}

/// A DNS server of the cluster.
#[derive(Clone, Debug)]
pub struct DnsServer {
    /// The program.
    pub kind: ServerKind,
    /// `namespace/name` of the workload, else of the ConfigMap, else the path of the Corefile.
    pub name: String,
    /// Namespace of the workload or ConfigMap.
    pub namespace: String,
    /// Index of the workload in [`Objects::workloads`].
    pub workload: Option<usize>,
    /// Index of the server's container in the pod.
    pub container: Option<usize>,
    /// The container's image.
    pub image: Option<Located<String>>,
    /// The configuration, where the snapshot has it.
    pub config: Option<ServerConfig>,
    /// Indexes of the Services whose selector matches the pods and that have port 53.
    pub services: Vec<usize>,
    /// Where a label on "this server" goes.
    pub location: Location,
    /// k3s installs its Corefile and writes it anew at each start: its content is not the user's.
    pub packaged: bool,
    /// The image is neither CoreDNS's nor the node cache's own: a build with plugins that nobody can know.
    pub custom_build: bool,
}

/// A server's Corefile with everything that it imports.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Index of the ConfigMap in [`Objects::config_maps`]; `None` for a plain Corefile.
    pub config_map: Option<usize>,
    /// The parsed Corefile.
    pub corefile: Corefile,
    /// The texts behind the file indexes of the tokens; 0 is the Corefile itself.
    pub texts: Vec<EmbeddedText>,
    /// ConfigMap keys of a mounted custom ConfigMap, with whether an import took them.
    pub custom: Vec<CustomKey>,
}

/// A key of a ConfigMap that is mounted for imports.
#[derive(Clone, Debug)]
pub struct CustomKey {
    /// Index of the ConfigMap.
    pub config_map: usize,
    /// The key.
    pub key: Located<String>,
    /// Whether an `import` of the Corefile reads it.
    pub imported: bool,
    /// The first word of its text that is no comment: a plugin where it holds lines of a block, else a zone.
    pub first_word: String,
}

impl ServerConfig {
    /// The place in the snapshot of a place in the Corefile or in an imported text.
    #[must_use]
    pub fn locate(&self, place: Place) -> Option<Location> {
        Some(self.texts.get(place.file.index())?.locate(place.span))
    }

    /// Indexes of texts whose lines YAML joined into one because the key lacks `|`: what they say is lost.
    #[must_use]
    pub fn folded(&self) -> Vec<usize> {
        let is_folded = |text: &EmbeddedText| {
            matches!(text.style, Some(Style::Folded | Style::Plain)) && corefile::looks_folded(&text.text)
        };
        self.texts.iter().enumerate().filter(|(_, text)| is_folded(text)).map(|(index, _)| index).collect()
    }

    /// The Corefile's own text.
    #[must_use]
    pub fn text(&self) -> Option<&EmbeddedText> {
        self.texts.first()
    }
}

/// Directory that holds the imported `*.override` and `*.server` files in every packaged Corefile.
const CUSTOM_DIRECTORY: &str = "/etc/coredns/custom";
/// ConfigMap that AKS, k3s and RKE2 mount there.
const CUSTOM_CONFIG_MAP: &str = "coredns-custom";
/// Where a Corefile lives unless the container says otherwise.
const DEFAULT_DIRECTORY: &str = "/etc/coredns";

/// Finds every DNS server of the snapshot: workloads first, then Corefiles that no workload of the snapshot mounts.
#[must_use]
pub fn find(objects: &Objects, plain: &[(String, EmbeddedText)]) -> Vec<DnsServer> {
    let mut servers: Vec<DnsServer> = objects
        .workloads
        .iter()
        .enumerate()
        .filter_map(|(index, workload)| from_workload(objects, index, workload))
        .collect();
    let used: Vec<usize> = servers.iter().filter_map(|s| s.config.as_ref()?.config_map).collect();
    for (index, map) in objects.config_maps.iter().enumerate() {
        if !used.contains(&index) && map.get("Corefile").is_some() {
            attach_or_add(objects, &mut servers, index, map);
        }
    }
    for (path, text) in plain {
        servers.push(from_plain(objects, path, text.clone()));
    }
    servers
}

/// The program that an image runs, by the last part of its name.
#[must_use]
pub fn kind_of_image(image: &str) -> Option<ServerKind> {
    let name = image.rsplit('/').next().unwrap_or(image);
    let name = name.split(['@', ':']).next().unwrap_or(name);
    if name.contains("node-cache") {
        Some(ServerKind::NodeCache)
    } else if name.contains("coredns") && !["autoscaler", "operator"].iter().any(|other| name.contains(other)) {
        Some(ServerKind::CoreDns)
    } else if name.contains("k8s-dns-kube-dns") || name.contains("kubedns-amd64") {
        Some(ServerKind::KubeDns)
    } else {
        None
    }
}

fn from_workload(objects: &Objects, index: usize, workload: &Workload) -> Option<DnsServer> {
    let (position, container, kind) =
        workload.pod.containers.iter().enumerate().find_map(|(position, container)| {
            let image = container.image.as_ref()?;
            Some((position, container, kind_of_image(&image.value)?))
        })?;
    let config = (kind != ServerKind::KubeDns).then(|| corefile_of(objects, workload, container, kind)).flatten();
    let map = config.as_ref().and_then(|c| objects.config_maps.get(c.config_map?));
    let map_packaged = map.is_some_and(|map| is_packaged(&map.meta));
    Some(DnsServer {
        kind,
        name: format!("{}/{}", workload.meta.namespace.value, workload.meta.name.value),
        namespace: workload.meta.namespace.value.clone(),
        workload: Some(index),
        container: Some(position),
        image: container.image.clone(),
        config,
        services: services_of(objects, workload),
        location: workload.meta.name_location(),
        packaged: is_packaged(&workload.meta) || map_packaged,
        custom_build: false,
    })
}

/// Services with port 53 that select the workload's pods.
fn services_of(objects: &Objects, workload: &Workload) -> Vec<usize> {
    objects
        .services
        .iter()
        .enumerate()
        .filter(|(_, service)| {
            service.meta.namespace.value == workload.meta.namespace.value
                && selects(&service.selector, &workload.pod_labels)
                && (service.has_port(53, "UDP") || service.has_port(53, "TCP"))
        })
        .map(|(index, _)| index)
        .collect()
}

/// The file that the container reads its Corefile from.
fn corefile_path(container: &Container, kind: ServerKind) -> String {
    let (flag, usual) = match kind {
        ServerKind::NodeCache => ("basecorefile", "Corefile.base"),
        _ => ("conf", "Corefile"),
    };
    container.flag(flag).map_or_else(|| format!("{DEFAULT_DIRECTORY}/{usual}"), |(path, _)| path.value)
}

/// The Corefile of a container: the ConfigMap key that its mounts put at the path the arguments name.
fn corefile_of(
    objects: &Objects,
    workload: &Workload,
    container: &Container,
    kind: ServerKind,
) -> Option<ServerConfig> {
    let namespace = &workload.meta.namespace.value;
    let wanted = corefile_path(container, kind);
    let base = mounted_entry(objects, namespace, &workload.pod, container, &wanted).or_else(|| {
        // kubespray mounts the finished file where `-conf` points and has no base file
        let finished = corefile_path(container, ServerKind::CoreDns);
        mounted_entry(objects, namespace, &workload.pod, container, &finished)
    });
    let (config_map, text) = base?;
    let directory = wanted.rsplit_once('/').map_or("/", |(directory, _)| directory).to_owned();
    let mounts = Mounts { objects, namespace, pod: Some((&workload.pod, container)), taken: RefCell::default() };
    Some(parse(objects, Some(config_map), text, &directory, &mounts))
}

/// The ConfigMap entry that a container sees at `path`, and the index of the ConfigMap.
#[must_use]
pub fn mounted_entry(
    objects: &Objects,
    namespace: &str,
    pod: &PodSpec,
    container: &Container,
    path: &str,
) -> Option<(usize, EmbeddedText)> {
    container.mounts.iter().find_map(|mount| {
        let volume = pod.volumes.iter().find(|v| v.name.value == mount.name.value)?;
        let source = volume.config_map.as_ref()?;
        let inside = match &mount.sub_path {
            Some(sub) if mount.mount_path.value == path => sub.value.clone(),
            Some(_) => return None,
            None => path.strip_prefix(mount.mount_path.value.trim_end_matches('/'))?.trim_start_matches('/').to_owned(),
        };
        let key = if source.items.is_empty() {
            inside
        } else {
            source.items.iter().find(|(_, path)| path.value == inside)?.0.value.clone()
        };
        let (index, map) = config_map_named(objects, namespace, &source.name.value)?;
        Some((index, map.get(&key)?.text.clone()))
    })
}

fn config_map_named<'a>(objects: &'a Objects, namespace: &str, name: &str) -> Option<(usize, &'a ConfigMap)> {
    objects.config_maps.iter().enumerate().find(|(_, map)| map.meta.is(namespace, name))
}

/// A Corefile without its workload: by its name and what it holds, the node cache's or CoreDNS's.
fn attach_or_add(objects: &Objects, servers: &mut Vec<DnsServer>, index: usize, map: &ConfigMap) {
    let Some(entry) = map.get("Corefile") else { return };
    let kind = kind_of_text(&map.meta.name.value, &entry.text.text);
    let directory = DEFAULT_DIRECTORY;
    let namespace = map.meta.namespace.value.clone();
    let mounts = Mounts { objects, namespace: &namespace, pod: None, taken: RefCell::default() };
    let config = parse(objects, Some(index), entry.text.clone(), directory, &mounts);
    let orphan = servers
        .iter_mut()
        .find(|s| s.config.is_none() && s.kind == kind && s.namespace == namespace && mounts_unknown(objects, s));
    if let Some(server) = orphan {
        server.config = Some(config);
        return;
    }
    let mounted = mounted_by(objects, map);
    let workload = mounted.and_then(|(index, _)| objects.workloads.get(index));
    servers.push(DnsServer {
        kind,
        name: format!("{namespace}/{}", map.meta.name.value),
        namespace,
        workload: mounted.map(|(workload, _)| workload),
        container: mounted.map(|(_, container)| container),
        image: None,
        config: Some(config),
        services: workload.map(|w| services_of(objects, w)).unwrap_or_default(),
        location: map.meta.name_location(),
        packaged: is_packaged(&map.meta),
        custom_build: mounted.is_some() || !has_usual_name(&map.meta.name.value),
    });
}

/// Whether k3s's deploy controller owns an object (its Addon annotations).
fn is_packaged(meta: &Meta) -> bool {
    let owner = meta.annotations.get("objectset.rio.cattle.io/owner-gvk");
    owner.is_some_and(|gvk| gvk.value.contains("k3s.cattle.io") && gvk.value.contains("Kind=Addon"))
}

/// Whether a ConfigMap is named like those of CoreDNS and the node cache; another name is another program's Corefile.
fn has_usual_name(name: &str) -> bool {
    ["coredns", "kube-dns", "node-local", "nodelocal", "node-cache", "dns-default"].iter().any(|n| name.contains(n))
}

/// The workload (and its container) that mounts a ConfigMap although its image is no known DNS server.
fn mounted_by(objects: &Objects, map: &ConfigMap) -> Option<(usize, usize)> {
    objects.workloads.iter().enumerate().find_map(|(index, workload)| {
        let names_map =
            |v: &&super::pod::Volume| v.config_map.as_ref().is_some_and(|c| c.name.value == map.meta.name.value);
        let volume = workload.pod.volumes.iter().find(names_map)?;
        let mounts = |c: &Container| c.mounts.iter().any(|m| m.name.value == volume.name.value);
        let container = workload.pod.containers.iter().position(mounts)?;
        (workload.meta.namespace.value == map.meta.namespace.value).then_some((index, container))
    })
}

/// Whether the snapshot leaves open which ConfigMap a server mounts (its manifest shows no ConfigMap volume).
fn mounts_unknown(objects: &Objects, server: &DnsServer) -> bool {
    let workload = server.workload.and_then(|index| objects.workloads.get(index));
    workload.is_none_or(|w| w.pod.volumes.iter().all(|v| v.config_map.is_none()))
}

fn kind_of_text(name: &str, text: &str) -> ServerKind {
    let node_cache_name = name.contains("node-local") || name.contains("nodelocal") || name.contains("node-cache");
    if node_cache_name || [pillar::LOCAL_DNS, pillar::CLUSTER_DNS].iter().any(|word| text.contains(word)) {
        ServerKind::NodeCache
    } else {
        ServerKind::CoreDns
    }
}

fn from_plain(objects: &Objects, path: &str, text: EmbeddedText) -> DnsServer {
    let kind = kind_of_text(path, &text.text);
    let location = Location::new(text.file, Span::new(0, text.text.find('\n').unwrap_or(text.text.len())));
    let mounts = Mounts { objects, namespace: "", pod: None, taken: RefCell::default() };
    DnsServer {
        kind,
        name: path.to_owned(),
        namespace: String::new(),
        workload: None,
        container: None,
        image: None,
        config: Some(parse(objects, None, text, DEFAULT_DIRECTORY, &mounts)),
        services: Vec::new(),
        location,
        packaged: false,
        custom_build: false,
    }
}

/// What a server's `import` lines find: entries of mounted ConfigMaps.
struct Mounts<'a> {
    objects: &'a Objects,
    namespace: &'a str,
    pod: Option<(&'a PodSpec, &'a Container)>,
    /// Every entry handed to the parser: its path, the ConfigMap's index, and the text.
    taken: RefCell<Vec<(String, usize, EmbeddedText)>>,
}

impl Mounts<'_> {
    /// The ConfigMap mounted at `directory`; with no pod in the snapshot, the packaged convention.
    fn config_map_at(&self, directory: &str) -> Mounted<'_> {
        let Some((pod, container)) = self.pod else {
            return match config_map_named(self.objects, self.namespace, CUSTOM_CONFIG_MAP) {
                Some((index, map)) if directory == CUSTOM_DIRECTORY => Mounted::Map(index, map),
                _ => Mounted::Unknown,
            };
        };
        let mount = container.mounts.iter().find(|m| m.mount_path.value.trim_end_matches('/') == directory);
        let volume = mount.and_then(|m| pod.volumes.iter().find(|v| v.name.value == m.name.value));
        let Some(source) = volume.and_then(|v| v.config_map.as_ref()) else { return Mounted::Unknown };
        match config_map_named(self.objects, self.namespace, &source.name.value) {
            Some((index, map)) => Mounted::Map(index, map),
            None if source.optional => Mounted::Empty,
            None => Mounted::Unknown,
        }
    }
}

enum Mounted<'a> {
    Map(usize, &'a ConfigMap),
    Empty,
    Unknown,
}

impl ImportResolver for Mounts<'_> {
    fn glob(&self, pattern: &str) -> Import {
        let directory = corefile::directory_of(pattern);
        match self.config_map_at(directory) {
            Mounted::Unknown => Import::Unknown,
            Mounted::Empty => Import::NoMatch,
            Mounted::Map(index, map) => self.entries(pattern, directory, index, map),
        }
    }
}

impl Mounts<'_> {
    /// The keys of a mounted ConfigMap that a pattern matches, in lexical order.
    fn entries(&self, pattern: &str, directory: &str, index: usize, map: &ConfigMap) -> Import {
        let path = |key: &str| format!("{directory}/{key}");
        let wanted = |key: &str| {
            if has_wildcard(pattern) { matches_glob(pattern, &path(key)) } else { pattern == path(key) }
        };
        let mut entries: Vec<_> = map.data.iter().filter(|entry| wanted(&entry.key.value)).collect();
        entries.sort_by(|a, b| a.key.value.cmp(&b.key.value));
        if entries.is_empty() {
            return Import::NoMatch;
        }
        let mut taken = self.taken.borrow_mut();
        taken.extend(entries.iter().map(|entry| (path(&entry.key.value), index, entry.text.clone())));
        let file = |entry: &&ConfigEntry| ImportedFile { path: path(&entry.key.value), text: entry.text.text.clone() };
        Import::Files(entries.iter().map(file).collect())
    }
}

fn parse(
    objects: &Objects,
    config_map: Option<usize>,
    text: EmbeddedText,
    directory: &str,
    mounts: &Mounts<'_>,
) -> ServerConfig {
    let main = format!("{directory}/Corefile");
    let options = Options { main_file_name: &main, directory, env: &|_| None, valid_directives: None, imports: mounts };
    let corefile = corefile::parse(&text.text, &options);
    let taken = mounts.taken.take();
    let custom = custom_keys(objects, mounts, &taken);
    let imported = |file: &corefile::SourceFile| {
        taken.iter().find(|(path, ..)| *path == file.name).map_or_else(|| text.clone(), |(.., text)| text.clone())
    };
    let texts = std::iter::once(text.clone()).chain(corefile.files.iter().skip(1).map(imported)).collect();
    ServerConfig { config_map, corefile, texts, custom }
}

fn first_word(text: &str) -> &str {
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.next().and_then(|line| line.split_whitespace().next()).unwrap_or("")
}

/// Every key of the ConfigMap mounted for imports, and whether an import reads it.
fn custom_keys(objects: &Objects, mounts: &Mounts<'_>, taken: &[(String, usize, EmbeddedText)]) -> Vec<CustomKey> {
    let Mounted::Map(index, _) = mounts.config_map_at(CUSTOM_DIRECTORY) else { return Vec::new() };
    let Some(map) = objects.config_maps.get(index) else { return Vec::new() };
    map.data
        .iter()
        .map(|entry| CustomKey {
            config_map: index,
            key: entry.key.clone(),
            imported: taken.iter().any(|(_, from, text)| *from == index && text.location == entry.text.location),
            first_word: first_word(&entry.text.text).to_owned(),
        })
        .collect()
}
