//! k3s and RKE2: the flags in effect, the resolver file they choose, and the arguments of their kubelet.

use super::inputs::{config_value, flag_value};
use super::{plain, refused};
use crate::analysis::effective::cluster_dns::CLUSTER_DOMAIN;
use crate::analysis::effective::cluster_dns::cluster_dns;
use crate::analysis::effective::k3s_config::{self, Command};
use crate::analysis::effective::k3s_flags::{FlagSources, list, single};
use crate::analysis::effective::k3s_kubelet::{COPIED_CONFIG, K3sDefaults, K3sKubelet, start};
use crate::analysis::effective::k3s_resolver::{FileState, ResolverChoice, ResolverInput, choose};
use crate::analysis::effective::kubelet::{EffectiveKubelet, KubeletFile, KubeletInput, KubeletProblem, effective};
use crate::analysis::effective::losing::Losing;
use crate::analysis::effective::versions::k3s_reads_data_dir_variable;
use crate::analysis::effective::{ConfigValue, Distribution, FlagValue, KubeVersion};
use crate::model::node::{K3s, Node};
use crate::source::{Located, Location, Lookup, NodeRoot, Snapshot};
use crate::syntax::kubelet_flags::{self, k3s::long_name};

/// The DNS settings of k3s or RKE2 on a node.
#[derive(Clone, Debug)]
pub struct K3sDns {
    /// Which of the two.
    pub distribution: Distribution,
    /// Whether the server runs here; an agent where nothing tells counts as unknown.
    pub server: Option<bool>,
    /// `cluster-dns` of the server, with the default computed.
    pub cluster_dns: Vec<Located<String>>,
    /// `cluster-dns` entries outside every service CIDR.
    pub cluster_dns_outside: Vec<Located<String>>,
    /// `cluster-dns` as the user wrote it; empty where the default applies.
    pub cluster_dns_written: Vec<Located<String>>,
    /// `cluster-domain`, with the default.
    pub cluster_domain: Located<String>,
    /// `service-cidr` as written.
    pub service_cidr: Vec<Located<String>>,
    /// `cluster-cidr` as written.
    pub cluster_cidr: Vec<Located<String>>,
    /// Components that `disable` names.
    pub disabled: Vec<Located<String>>,
    /// The file for the kubelet, and which candidates were rejected.
    pub choice: ResolverChoice,
    /// Values without effect.
    pub losing: Vec<Losing>,
    /// Configuration files with which it does not start.
    pub refused: Vec<KubeletProblem>,
    /// The unit or configuration file where a setting belongs.
    pub home: Option<Location>,
}

/// What the server tells its agents.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// `cluster-dns`.
    pub cluster_dns: Vec<Located<String>>,
    /// `cluster-domain`.
    pub cluster_domain: Located<String>,
}

/// The flags of k3s on one node, by source.
struct Flags {
    config: Vec<FlagValue>,
    command_line: Vec<FlagValue>,
    losing: Vec<Losing>,
}

impl Flags {
    fn sources(&self) -> FlagSources<'_> {
        FlagSources { config: &self.config, command_line: &self.command_line, environment: None, default: None }
    }

    fn list(&self, name: &str) -> Vec<Located<String>> {
        list(name, &self.sources())
    }
}

fn flags(node: &Node, k3s: &K3s, version: KubeVersion) -> Flags {
    let files: Vec<ConfigValue> =
        k3s.config_files(node).iter().map(|(_, file)| config_value(&file.value).value).collect();
    let references: Vec<&ConfigValue> = files.iter().collect();
    let command = if k3s.server == Some(false) { Command::Agent } else { Command::Server };
    let merged = k3s_config::merge(k3s.distribution, command, version, &references);
    let command_line = kubelet_flags::parse_k3s(&k3s.arguments).flags.iter().map(flag_value).collect();
    let config = merged.args.into_iter().map(long).collect();
    Flags { config, command_line, losing: merged.losing }
}

/// A flag under its long name: `d` in a file is `data-dir`.
fn long(flag: FlagValue) -> FlagValue {
    let name = flag.name.with(long_name(&flag.name.value).to_owned());
    FlagValue { name, ..flag }
}

/// The settings of k3s on a node, and of the kubelet inside it.
#[must_use]
pub fn resolve(
    snapshot: &Snapshot,
    root: &NodeRoot,
    node: &Node,
    k3s: &K3s,
    version: KubeVersion,
    server: Option<&ServerSettings>,
) -> (K3sDns, EffectiveKubelet) {
    let distribution = k3s.distribution;
    let flags = flags(node, k3s, version);
    let mut losing = flags.losing.clone();
    let variable = |name: &str| {
        let name = format!("{}{name}", k3s.distribution.env_prefix());
        k3s.environment.get(&name).map(|value| value.located()).filter(|value| !value.value.is_empty())
    };
    let mut value = |name: &str, environment: Option<&Located<String>>| {
        let found = single(name, &FlagSources { environment, ..flags.sources() });
        losing.extend(found.losing);
        found.value
    };
    let explicit = value("resolv-conf", variable("RESOLV_CONF").as_ref());
    let data_dir = value("data-dir", variable("DATA_DIR").filter(|_| k3s_reads_data_dir_variable(version)).as_ref());
    let domain = value("cluster-domain", None).unwrap_or_else(|| Located::default_value(CLUSTER_DOMAIN.to_owned()));
    let (service_cidr, written) = (flags.list("service-cidr"), flags.list("cluster-dns"));
    let computed = cluster_dns(&service_cidr, &written);
    let own = computed.as_ref().map(|dns| dns.texts()).unwrap_or_default();
    let outside =
        computed.map(|dns| dns.outside.iter().map(|ip| ip.with(ip.value.to_string())).collect()).unwrap_or_default();
    let is_server = k3s.server != Some(false);
    let told = server.filter(|_| !is_server);
    let cluster_dns_list = told.map_or(own, |s| s.cluster_dns.clone());
    let cluster_domain = told.map_or(domain, |s| s.cluster_domain.clone());
    let input = ResolverInput { distribution, version, explicit: explicit.as_ref(), data_dir: data_dir.as_ref() };
    let choice = choose(&input, |path| file_state(snapshot, root, path));
    let defaults = K3sDefaults {
        cluster_dns: cluster_dns_list.clone(),
        cluster_domain: cluster_domain.clone(),
        resolv_conf: Some(choice.path.clone()),
        data_dir: data_dir.unwrap_or_else(|| Located::default_value(distribution.default_data_dir().to_owned())),
    };
    let started = start(distribution, version, &defaults, &flags.list("kubelet-arg"));
    losing.extend(started.filtered.losing.clone());
    let alpha_dropins = super::may_have_variable(node, k3s.unit.as_deref(), super::ALPHA_DROPINS);
    let mut kubelet = kubelet(root, snapshot, node, &started, version, alpha_dropins);
    let refused = refused::k3s(node, k3s);
    refused::forget(&mut kubelet, &refused);
    let settings = K3sDns {
        distribution,
        server: k3s.server,
        cluster_dns: cluster_dns_list,
        cluster_dns_outside: if is_server { outside } else { Vec::new() },
        cluster_dns_written: written,
        cluster_domain,
        service_cidr,
        cluster_cidr: flags.list("cluster-cidr"),
        disabled: flags.list("disable"),
        choice,
        losing,
        refused,
        home: home(node, k3s),
    };
    (settings, kubelet)
}

/// The configuration file, else the unit's command line: where a missing setting belongs.
fn home(node: &Node, k3s: &K3s) -> Option<Location> {
    let config = k3s.config_files(node).first().and_then(|(_, file)| file.value.location());
    let unit = || k3s.unit.as_ref().and_then(|unit| node.services.get(unit)).and_then(|process| process.location());
    config.or_else(unit)
}

fn file_state<'a>(snapshot: &'a Snapshot, root: &NodeRoot, path: &str) -> FileState<'a> {
    match root.lookup(path) {
        Lookup::File { file, .. } => FileState::Text { file, text: &snapshot.file(file).text },
        Lookup::Absent { .. } | Lookup::Dangling { .. } => FileState::Absent,
        _ => FileState::Unreadable,
    }
}

/// The kubelet's settings: its flags, and since 1.32 the drop-ins of k3s and of the administrator.
fn kubelet(
    root: &NodeRoot,
    snapshot: &Snapshot,
    node: &Node,
    started: &K3sKubelet,
    version: KubeVersion,
    alpha_dropins: bool,
) -> EffectiveKubelet {
    let mut dropins: Vec<KubeletFile> = started.defaults_file.iter().cloned().collect();
    let mut broken = Vec::new();
    if let Some(directory) = &started.config_dir {
        let found = plain::dropins(snapshot, root, directory);
        dropins.extend(found.files);
        broken.extend(found.broken);
        if let Some((path, file)) =
            started.filtered.config.as_ref().and_then(|p| Some((p, node.configs.get(&p.value)?)))
        {
            broken.extend(file.refused.map(|refused| refused::syntax(&path.value, refused.at)));
            dropins.push(KubeletFile {
                path: format!("{}/{COPIED_CONFIG}", directory.value),
                tree: config_value(&file.value),
                named_by: path.origins.clone(),
            });
        }
    }
    let flags = &started.args.args;
    let input = KubeletInput { version, flags, config: None, dropins: &dropins, alpha_dropins, openshift: false };
    let mut kubelet = effective(&input);
    refused::unread(&mut kubelet, broken);
    // k3s's own defaults that the user replaces are nobody's loss
    kubelet.overridden.retain(|loss| !loss.value.origins.is_empty());
    kubelet
}
