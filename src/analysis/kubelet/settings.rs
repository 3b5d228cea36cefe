//! Builds the `kubelet` view.

use super::addresses::Known;
use super::fields::{self, DNS_FIELDS};
use super::{at, cluster_dns, k3s, refused, resolver, units};
use crate::analysis::effective::Distribution;
use crate::analysis::effective::k3s_kubelet::is_defaults_file;
use crate::analysis::effective::losing::{Losing, LosingReason};
use crate::analysis::effective::versions::kubelet_dropins_are_versioned;
use crate::analysis::node_dns::NodeDns;
use crate::analysis::views::kubelet::{ClusterDnsMissing, ConfigProblem, KubeletView, LosingView};
use crate::model::Cluster;
use crate::model::node::{Agent, ConfigFile, Node, config_file};
use crate::source::{Located, Location, Lookup, NodeRoot, Snapshot, Span};
use crate::syntax::kubelet_flags::{self, CommandLine};
use crate::syntax::systemd::Traced;

/// Where a kubelet of kubeadm has its configuration.
const DEFAULT_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// The kubelet of one node.
pub fn view(
    snapshot: &Snapshot,
    cluster: &Cluster,
    known: &Known,
    dns: &NodeDns,
) -> Option<(Located<KubeletView>, Option<String>)> {
    let node = cluster.nodes.get(dns.node)?;
    let root = snapshot.node(node.index)?;
    let config = Configuration::of(snapshot, root, node);
    let kubelet = &dns.kubelet;
    let view = KubeletView {
        distribution: match dns.distribution() {
            None => "kubelet",
            Some(Distribution::K3s) => "k3s",
            Some(Distribution::Rke2) => "rke2",
        }
        .to_owned(),
        version: dns.version_known().then(|| dns.version.to_string()),
        cluster_dns: kubelet.cluster_dns.iter().map(cluster_dns::entry).collect(),
        cluster_dns_missing: missing(known, dns, node, &config).filter(|_| !units::has_problems(snapshot, root, node)),
        cluster_dns_outside: cluster_dns::outside(known, dns),
        cluster_domain: kubelet.cluster_domain.clone(),
        resolv_conf: kubelet.resolv_conf.clone(),
        empty_resolv_conf: Some(kubelet.resolv_conf.clone()).filter(|r| r.value.is_empty() && !r.origins.is_empty()),
        other_resolver: resolver::other(dns),
        overridden: kubelet.overridden.iter().filter(|l| written(node, l)).filter_map(overridden).collect(),
        config_problems: config_problems(dns, node, &config),
        refused: refused::starts(dns, &config.line),
        k3s_losing: dns.k3s.iter().flat_map(k3s::losing).collect(),
        edited_manifests: k3s::edited_manifests(snapshot, root),
    };
    let place = config.file.as_ref().map(|file| start(file.file)).or_else(|| home(node));
    Some((at(view, place), Some(format!("Node/{}", dns.name))))
}

fn start(file: crate::source::FileId) -> Location {
    Location::new(file, Span::new(0, 0))
}

/// The configuration that decides about a kubelet of its own.
struct Configuration {
    line: CommandLine,
    /// The file of `--config`, or kubeadm's.
    file: Option<ConfigFile>,
    /// Files of the drop-in directory.
    dropins: Vec<(String, ConfigFile)>,
    /// Nothing that could set a flag is missing from the snapshot.
    complete: bool,
}

impl Configuration {
    fn of(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> Self {
        let none: &[_] = &[];
        let (arguments, unit) = match &node.agent {
            Agent::Kubelet { arguments, unit } => (arguments.as_slice(), unit.as_ref()),
            Agent::K3s(_) | Agent::Unknown => (none, None),
        };
        let line = kubelet_flags::parse_kubelet(arguments);
        let named = line.last("config").map(|flag| flag.value_text().to_owned());
        let path = named.clone().or_else(|| arguments.is_empty().then(|| DEFAULT_CONFIG.to_owned()));
        let file = path.filter(|_| node.k3s().is_none()).and_then(|path| read(snapshot, root, &path));
        let directory = line.last("config-dir").map(|flag| format!("{}/", flag.value_text().trim_end_matches('/')));
        let below = |path: &&str| directory.as_ref().is_some_and(|d| path.starts_with(d) && path.ends_with(".conf"));
        let dropins: Vec<_> =
            root.paths().filter(below).filter_map(|p| Some((p.to_owned(), read(snapshot, root, p)?))).collect();
        let process = unit.and_then(|unit| node.services.get(unit));
        let unset = process.is_some_and(|p| !p.missing_environment_files.is_empty() || speaks_of_dns(&p.unset));
        let all_words = file.is_some() || (!arguments.is_empty() && process.is_none_or(|p| p.unset.is_empty()));
        let unread = (named.is_some() && file.is_none()) || (directory.is_some() && dropins.is_empty());
        Self { line, file, dropins, complete: all_words && !unset && !unread }
    }
}

/// Variables that nobody sets and that carry DNS flags by their name (`KUBELET_DNS_ARGS`).
fn speaks_of_dns(unset: &[String]) -> bool {
    unset.iter().any(|name| name.to_ascii_uppercase().contains("DNS"))
}

fn read(snapshot: &Snapshot, root: &NodeRoot, path: &str) -> Option<ConfigFile> {
    match root.lookup(path) {
        Lookup::File { file, .. } => Some(config_file(file, &snapshot.file(file).text)),
        _ => None,
    }
}

/// Where the unit's command stands, or the arguments that it is given.
fn home(node: &Node) -> Option<Location> {
    let unit = match &node.agent {
        // MicroK8s keeps the arguments in a file of their own
        Agent::Kubelet { unit: None, arguments } => return arguments.first().and_then(Traced::location),
        Agent::Kubelet { unit, .. } => unit.as_ref(),
        Agent::K3s(k3s) => k3s.unit.as_ref(),
        Agent::Unknown => None,
    };
    unit.and_then(|unit| node.services.get(unit)).and_then(crate::model::process::Process::location)
}

fn missing(known: &Known, dns: &NodeDns, node: &Node, config: &Configuration) -> Option<Located<ClusterDnsMissing>> {
    if !dns.kubelet.cluster_dns.is_empty() || !dns.kubelet.problems.is_empty() {
        return None;
    }
    let (within, place) = match (&config.file, &dns.k3s) {
        (_, Some(own)) => ("command line", own.home),
        _ if !config.complete => return None,
        (Some(file), None) => place_in_file(file, &config.line)?,
        (None, None) => ("command line", home(node)),
    };
    let address = known.services.first().map(|ip| ip.with(ip.value.to_string()));
    Some(at(ClusterDnsMissing { within: within.to_owned(), address }, place))
}

/// The empty list, the neighbouring `clusterDomain`, or the first line of a configuration.
fn place_in_file(file: &ConfigFile, line: &CommandLine) -> Option<(&'static str, Option<Location>)> {
    let value = &file.value.value;
    if let Some(flag) = line.last("cluster-dns") {
        return Some(("command line", flag.location()));
    }
    // a slip in the key is the cause, and has a finding of its own
    if value.entries().is_empty() || fields::slips(value).iter().any(|slip| slip.meant == "clusterDNS") {
        return None;
    }
    if let Some(place) = value.entry_location("clusterDNS") {
        return Some(("configuration file", Some(place)));
    }
    let beside = value.entry_location("clusterDomain").or_else(|| value.entry_location("kind"));
    Some(("configuration file", beside.or_else(|| file.value.location())))
}

/// Whether a value stands in a configuration that somebody wrote for the kubelet, not one that k3s derived.
fn written(node: &Node, losing: &Losing) -> bool {
    let Some(place) = losing.value.location() else { return false };
    node.k3s().is_none() || k3s_files(node).any(|file| file.file == place.file)
}

/// A DNS setting of a file that a flag beats.
fn overridden(losing: &Losing) -> Option<Located<LosingView>> {
    let dns = DNS_FIELDS.contains(&losing.name.as_str());
    let by_flag = losing.reason == LosingReason::FlagBeatsFile;
    (dns && by_flag && !losing.same_value && !losing.value.origins.is_empty()).then(|| losing_view(losing))
}

/// The view of a value without effect.
pub fn losing_view(losing: &Losing) -> Located<LosingView> {
    losing.value.with(LosingView {
        name: losing.name.clone(),
        value: losing.value.value.clone(),
        winning: losing.winning.clone(),
        meant: None,
        of_server: false,
        reason: losing.reason,
    })
}

fn config_problems(dns: &NodeDns, node: &Node, config: &Configuration) -> Vec<Located<ConfigProblem>> {
    let mut found = Vec::new();
    found.extend(config.file.iter().flat_map(|file| fields::slips(&file.value.value)).map(slip_view));
    // from 1.32 on drop-ins are read without regard to case
    let any_case = kubelet_dropins_are_versioned(dns.version);
    let is_read = |slip: &fields::Slip| any_case && slip.key.value.eq_ignore_ascii_case(&slip.meant) && !slip.misplaced;
    for file in config.dropins.iter().map(|(_, file)| file).chain(k3s_files(node)) {
        found.extend(fields::slips(&file.value.value).into_iter().filter(|slip| !is_read(slip)).map(slip_view));
    }
    for invalid in &dns.kubelet.invalid_dropins {
        let problem =
            ConfigProblem { kind: "no-header".to_owned(), key: invalid.fields.join(" and "), meant: None, dns: true };
        found.push(at(problem, invalid.at));
    }
    for lost in dns.kubelet.overridden.iter().filter(|l| l.reason == LosingReason::IgnoredInDropIn) {
        let (kind, key) = ("ignored-in-dropin".to_owned(), lost.name.clone());
        found.push(lost.value.with(ConfigProblem { kind, key, meant: None, dns: true }));
    }
    found
}

fn slip_view(slip: fields::Slip) -> Located<ConfigProblem> {
    let kind = if slip.misplaced { "wrong-parent" } else { "unknown-key" }.to_owned();
    slip.key.with(ConfigProblem { kind, key: slip.key.value.clone(), meant: Some(slip.meant), dns: slip.dns })
}

/// Kubelet configurations on a node of k3s that somebody wrote: all but those that k3s writes at every start.
fn k3s_files(node: &Node) -> impl Iterator<Item = &ConfigFile> {
    let is_k3s = node.k3s().is_some();
    let by_hand = move |(path, file): &(&String, &ConfigFile)| {
        let kind = file.value.value.get("kind").and_then(|kind| kind.as_str());
        is_k3s && kind == Some("KubeletConfiguration") && !is_defaults_file(path)
    };
    node.configs.iter().filter(by_hand).map(|(_, file)| file)
}
