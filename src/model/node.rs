//! Nodes: which processes run there with which command line, and which configuration files they read.

use super::manifests::{Generic, Objects};
use super::process::{self, Process};
use super::read::{At, Place};
use super::value::Value;
use crate::source::{FileId, FileKind, Located, Location, Lookup, NodeIndex, NodeRoot, Snapshot, Span};
use crate::syntax::systemd::{Environment, ExpandedWord, Traced};
use crate::syntax::yaml;
use std::collections::BTreeMap;
use std::net::IpAddr;

/// A node of the snapshot.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its root in the snapshot.
    pub index: NodeIndex,
    /// Its name.
    pub name: String,
    /// Services that matter for DNS, by unit name.
    pub services: BTreeMap<String, Process>,
    /// What runs the kubelet here.
    pub agent: Agent,
    /// YAML and JSON configuration files by absolute path: kubelet, k3s, RKE2.
    pub configs: BTreeMap<String, ConfigFile>,
    /// Index of the Node object in [`Objects::generic`], matched by name or host name.
    pub object: Option<usize>,
    /// Addresses of the node, from its Node object.
    pub addresses: Vec<IpAddr>,
    /// `kubeletVersion`, `containerRuntimeVersion`, `kernelVersion` of the Node object.
    pub versions: NodeVersions,
}

/// The Node objects of a cluster, found by name.
pub struct NodeObjects<'a> {
    list: &'a [Generic],
    /// The first object of each name.
    by_name: BTreeMap<&'a str, usize>,
    /// The first object of each label `kubernetes.io/hostname`.
    by_hostname: BTreeMap<&'a str, usize>,
}

impl<'a> NodeObjects<'a> {
    /// The Node objects among all.
    #[must_use]
    pub fn new(objects: &'a Objects) -> Self {
        let list = objects.of_kind("Node");
        let (mut by_name, mut by_hostname) = (BTreeMap::new(), BTreeMap::new());
        for (index, object) in list.iter().enumerate() {
            by_name.entry(object.meta.name.value.as_str()).or_insert(index);
            if let Some(label) = object.meta.labels.get("kubernetes.io/hostname") {
                by_hostname.entry(label.value.as_str()).or_insert(index);
            }
        }
        Self { list, by_name, by_hostname }
    }

    /// Index of the first object that is called as the node or its `/etc/hostname`, or that is labelled as the node.
    fn of(&self, name: &str, hostname: Option<&str>) -> Option<usize> {
        let named = [Some(name), hostname].into_iter().flatten().filter_map(|name| self.by_name.get(name));
        named.chain(self.by_hostname.get(name)).min().copied()
    }
}

/// What a Node object says about versions.
#[derive(Clone, Debug, Default)]
pub struct NodeVersions {
    /// `v1.21.7+k3s1`.
    pub kubelet: Option<Located<String>>,
    /// `containerd://1.7.20`.
    pub runtime: Option<Located<String>>,
    /// `5.15.0-91-generic`.
    pub kernel: Option<Located<String>>,
}

/// A configuration file of the node.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// The file.
    pub file: FileId,
    /// Its first document; null where it is empty or broken.
    pub value: Located<Value>,
    /// The first mistake for which the kubelet does not read the document.
    pub refused: Option<RefusedYaml>,
}

/// A mistake for which a document is not read.
#[derive(Clone, Copy, Debug)]
pub struct RefusedYaml {
    /// Where.
    pub at: Location,
    /// It is a key that JSON does not have, which k3s does not mind.
    pub key: bool,
}

/// What runs the kubelet.
#[derive(Clone, Debug)]
pub enum Agent {
    /// A kubelet of its own, with its arguments (which may be empty where the snapshot has only its configuration).
    Kubelet {
        /// Unit name in [`Node::services`], if a unit of the snapshot runs it.
        unit: Option<String>,
        /// Arguments behind the program.
        arguments: Vec<Traced>,
    },
    /// k3s or RKE2.
    K3s(K3s),
    /// Nothing in the snapshot tells.
    Unknown,
}

/// Which of the two related distributions runs a node; they share their code and differ in names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Distribution {
    /// k3s.
    K3s,
    /// RKE2.
    Rke2,
}

impl Distribution {
    /// `k3s` or `rke2`, as in commands, paths and file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::K3s => "k3s",
            Self::Rke2 => "rke2",
        }
    }

    /// Prefix of its environment variables, `K3S_` or `RKE2_`.
    #[must_use]
    pub const fn env_prefix(self) -> &'static str {
        match self {
            Self::K3s => "K3S_",
            Self::Rke2 => "RKE2_",
        }
    }

    /// The `--data-dir` that it uses if none is set.
    #[must_use]
    pub const fn default_data_dir(self) -> &'static str {
        match self {
            Self::K3s => "/var/lib/rancher/k3s",
            Self::Rke2 => "/var/lib/rancher/rke2",
        }
    }

    /// The configuration file that it reads if no other is named; drop-ins stand in the same path with `.d` appended.
    #[must_use]
    pub const fn default_config(self) -> &'static str {
        match self {
            Self::K3s => "/etc/rancher/k3s/config.yaml",
            Self::Rke2 => "/etc/rancher/rke2/config.yaml",
        }
    }
}

/// k3s or RKE2 on a node.
#[derive(Clone, Debug)]
pub struct K3s {
    /// Which of the two.
    pub distribution: Distribution,
    /// Whether this node runs the server; `None` where nothing tells.
    pub server: Option<bool>,
    /// Unit name in [`Node::services`], if a unit of the snapshot runs it.
    pub unit: Option<String>,
    /// Arguments behind the sub-command.
    pub arguments: Vec<Traced>,
    /// Environment of the unit.
    pub environment: Environment,
    /// Absolute path of the main configuration file, whether or not it exists.
    pub config_path: String,
}

impl K3s {
    /// The configuration files that are read, in the order in which they apply: the main file, then the drop-ins.
    #[must_use]
    pub fn config_files<'a>(&self, node: &'a Node) -> Vec<(&'a str, &'a ConfigFile)> {
        let directory = format!("{}.d/", self.config_path);
        let dropin = |path: &str| {
            path.strip_prefix(&directory).is_some_and(|name| {
                let lower = name.to_ascii_lowercase();
                !name.contains('/') && (lower.ends_with(".yaml") || lower.ends_with(".yml"))
            })
        };
        let main = node.configs.get_key_value(&self.config_path);
        let dropins = node.configs.iter().filter(|(path, _)| dropin(path));
        main.into_iter().chain(dropins).map(|(path, file)| (path.as_str(), file)).collect()
    }
}

impl Node {
    /// Reads a node of the snapshot.
    #[must_use]
    pub fn read(snapshot: &Snapshot, root: &NodeRoot, objects: &NodeObjects<'_>) -> Self {
        let services = process::services(snapshot, root);
        let configs = configs(snapshot, root);
        let agent = agent(snapshot, root, &services, &configs);
        let hostname = hostname(snapshot, root);
        let object = objects.of(&root.name, hostname.as_deref());
        let found = object.and_then(|index| objects.list.get(index));
        Self {
            index: root.index,
            name: root.name.clone(),
            services,
            agent,
            configs,
            object,
            addresses: found.map(addresses).unwrap_or_default(),
            versions: found.map(versions).unwrap_or_default(),
        }
    }

    /// k3s or RKE2, if that runs here.
    #[must_use]
    pub const fn k3s(&self) -> Option<&K3s> {
        match &self.agent {
            Agent::K3s(k3s) => Some(k3s),
            _ => None,
        }
    }
}

/// The text of a file of the node, links followed.
#[must_use]
pub fn text_of<'a>(snapshot: &'a Snapshot, root: &NodeRoot, path: &str) -> Option<(FileId, &'a str)> {
    match root.lookup(path) {
        Lookup::File { file, .. } => Some((file, &snapshot.file(file).text)),
        _ => None,
    }
}

fn hostname(snapshot: &Snapshot, root: &NodeRoot) -> Option<String> {
    text_of(snapshot, root, "/etc/hostname").map(|(_, text)| text.trim().to_owned()).filter(|name| !name.is_empty())
}

fn configs(snapshot: &Snapshot, root: &NodeRoot) -> BTreeMap<String, ConfigFile> {
    let wanted = |path: &str, kind: FileKind| {
        // k3s takes drop-ins whose suffix is in upper case
        let lower = path.to_ascii_lowercase();
        let config_suffix = [".yaml", ".yml", ".json", ".conf"].iter().any(|suffix| lower.ends_with(suffix));
        matches!(kind, FileKind::KubeletConfig | FileKind::K3sConfig)
            || (config_suffix && (path.contains("kubelet") || path.contains("/k3s") || path.contains("rke2")))
    };
    root.paths()
        .filter_map(|path| {
            let (file, text) = text_of(snapshot, root, path)?;
            let kind = snapshot.file(file).kind;
            let structured = !matches!(kind, FileKind::SystemdDropIn | FileKind::SystemdUnit | FileKind::EnvFile);
            // k3s reads every one of equal keys
            let of_k3s = kind == FileKind::K3sConfig || !path.contains("kubelet");
            let read = if of_k3s { Value::read_repeated } else { Value::read };
            (structured && wanted(path, kind)).then(|| (path.to_owned(), read_config(file, text, read)))
        })
        .collect()
}

/// Parses a configuration file: its first document.
#[must_use]
pub fn config_file(file: FileId, text: &str) -> ConfigFile {
    read_config(file, text, Value::read)
}

fn read_config(file: FileId, text: &str, read: fn(At<'_>) -> Located<Value>) -> ConfigFile {
    let parsed = yaml::parse(text);
    let place = Place::file(file);
    let whole = Location::new(file, Span::new(0, 0));
    let value = parsed
        .documents
        .first()
        .map_or(Located::at(Value::Null, whole), |document| read(At::new(document.root(), &place)));
    // what stands behind the first document is not read
    let end = parsed.documents.first().map_or(text.len(), |document| document.span.end);
    let mut errors = parsed.errors.iter().filter(|error| error.kind.refused_by_kubernetes() && error.span.start <= end);
    let refused = errors.next().map(|error| {
        let at = Location::new(file, error.span);
        RefusedYaml { at, key: error.kind == yaml::ErrorKind::InvalidKey }
    });
    ConfigFile { file, value, refused }
}

fn agent(
    snapshot: &Snapshot,
    root: &NodeRoot,
    services: &BTreeMap<String, Process>,
    configs: &BTreeMap<String, ConfigFile>,
) -> Agent {
    let by_unit = services.values().filter(|s| !s.masked).find_map(of_process);
    by_unit
        .or_else(|| microk8s(snapshot, root))
        .or_else(|| k3s_by_files(root, configs))
        .or_else(|| kubelet_by_files(services, configs))
        .unwrap_or(Agent::Unknown)
}

fn traced(words: &[ExpandedWord]) -> Vec<Traced> {
    words.iter().map(|word| word.text.clone()).collect()
}

fn of_process(service: &Process) -> Option<Agent> {
    let unit = Some(service.unit.clone());
    match service.program() {
        // Container Linux's wrapper hands its arguments on
        "kubelet" | "kubelet-wrapper" => Some(Agent::Kubelet { unit, arguments: traced(service.arguments()) }),
        "hyperkube" => {
            let rest = service.arguments().iter().position(|w| w.text.as_str() == "kubelet")?;
            Some(Agent::Kubelet { unit, arguments: traced(service.arguments().get(rest + 1..)?) })
        }
        "k3s" | "rke2" => {
            let distribution = if service.program() == "k3s" { Distribution::K3s } else { Distribution::Rke2 };
            let command = service.arguments().first().map(|w| w.text.as_str());
            let server = match command {
                Some("server") => Some(true),
                Some("agent") => Some(false),
                _ => None,
            };
            let skip = usize::from(server.is_some());
            let arguments = traced(service.arguments().get(skip..).unwrap_or_default());
            let config_path = config_path(distribution, &arguments, Some(&service.environment));
            Some(Agent::K3s(K3s {
                distribution,
                server,
                unit,
                arguments,
                environment: service.environment.clone(),
                config_path,
            }))
        }
        _ => None,
    }
}

/// `K3S_CONFIG_FILE` beats `--config`, which beats the default path.
fn config_path(distribution: Distribution, arguments: &[Traced], environment: Option<&Environment>) -> String {
    let variable = format!("{}CONFIG_FILE", distribution.env_prefix());
    if let Some(path) = environment.and_then(|e| e.get(&variable)).filter(|p| !p.as_str().is_empty()) {
        return path.as_str().to_owned();
    }
    let mut words = arguments.iter().map(Traced::as_str);
    while let Some(word) = words.next() {
        if word == "--config" || word == "-c" {
            return words.next().unwrap_or_default().to_owned();
        }
        if let Some(path) = word.strip_prefix("--config=").or_else(|| word.strip_prefix("-c=")) {
            return path.to_owned();
        }
    }
    distribution.default_config().to_owned()
}

/// MicroK8s keeps the kubelet's arguments in a file, one a line.
fn microk8s(snapshot: &Snapshot, root: &NodeRoot) -> Option<Agent> {
    let (file, text) = text_of(snapshot, root, "/var/snap/microk8s/current/args/kubelet")?;
    let mut arguments = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#') {
            let mut from = 0;
            for word in line.split_whitespace() {
                let start = line.get(from..).and_then(|rest| rest.find(word)).map_or(from, |found| from + found);
                arguments.push(Traced::verbatim(word, file, at + start));
                from = start + word.len();
            }
        }
        at += line.len();
    }
    Some(Agent::Kubelet { unit: None, arguments })
}

/// k3s or RKE2 without a unit in the snapshot: its directories are there.
fn k3s_by_files(root: &NodeRoot, configs: &BTreeMap<String, ConfigFile>) -> Option<Agent> {
    [Distribution::Rke2, Distribution::K3s].into_iter().find_map(|distribution| {
        let name = distribution.name();
        let (etc, data) = (format!("/etc/rancher/{name}/"), format!("/var/lib/rancher/{name}/"));
        let present = root.paths().any(|path| path.starts_with(&etc) || path.starts_with(&data));
        let config_path = config_path(distribution, &[], None);
        let server_files = root.paths().any(|path| path.starts_with(&format!("{data}server/")));
        let server_keys =
            ["cluster-dns", "cluster-domain", "service-cidr", "cluster-cidr", "disable", "tls-san", "cni"];
        let keys = configs.get(&config_path).map(|config| &config.value.value);
        let names_server = keys.is_some_and(|v| server_keys.iter().any(|key| v.get(key).is_some()));
        present.then(|| {
            Agent::K3s(K3s {
                distribution,
                server: (server_files || names_server).then_some(true),
                unit: None,
                arguments: Vec::new(),
                environment: Environment::default(),
                config_path,
            })
        })
    })
}

/// A kubelet whose unit the snapshot lacks: its configuration file is there.
fn kubelet_by_files(services: &BTreeMap<String, Process>, configs: &BTreeMap<String, ConfigFile>) -> Option<Agent> {
    let kubelet_unit = services.get("kubelet.service").map(|s| s.unit.clone());
    let default_config = configs.contains_key("/var/lib/kubelet/config.yaml");
    (kubelet_unit.is_some() || default_config).then_some(Agent::Kubelet { unit: kubelet_unit, arguments: Vec::new() })
}

/// The addresses of a Node object.
#[must_use]
pub fn addresses(object: &Generic) -> Vec<IpAddr> {
    let list = object.value.path(&["status", "addresses"]);
    let address = |a: &Located<Value>| a.text_at("address").and_then(|t| t.value.parse().ok());
    list.map(|l| l.items().iter().filter_map(address).collect()).unwrap_or_default()
}

fn versions(object: &Generic) -> NodeVersions {
    NodeVersions {
        kubelet: object.node_info("kubeletVersion"),
        runtime: object.node_info("containerRuntimeVersion"),
        kernel: object.node_info("kernelVersion"),
    }
}
