//! Builds the `unit` view: settings of units that do not do what they seem to.

use crate::analysis::views::unit::{UnitProblemKind, UnitProblemView, UnitView};
use crate::model::Cluster;
use crate::model::node::Node;
use crate::model::process::Process;
use crate::source::{FileId, Located, Location, Lookup, NodeRoot, Snapshot, Span};
use crate::syntax::systemd::{Refusal, Traced};

/// Words by which a text sets the DNS of a kubelet or of k3s.
const DNS_WORDS: [&str; 9] = [
    "cluster-dns",
    "cluster_dns",
    "cluster-domain",
    "cluster_domain",
    "resolv-conf",
    "resolv_conf",
    "RESOLV_CONF",
    "KUBELET_DNS_ARGS",
    "CLUSTER_DNS",
];
/// Programs whose own syntax has `$NAME`.
const SHELLS: [&str; 5] = ["sh", "bash", "dash", "ash", "env"];
/// Ends of the names of left-over copies that nobody expects to be read.
const LEFT_OVERS: [&str; 12] = [
    "~",
    ".bak",
    ".old",
    ".orig",
    ".save",
    ".rpmsave",
    ".rpmnew",
    ".dpkg-old",
    ".dpkg-dist",
    ".disabled",
    ".swp",
    ".off",
];

/// The services of all nodes.
pub fn views(snapshot: &Snapshot, cluster: &Cluster) -> Vec<(Located<UnitView>, Option<String>)> {
    let mut found = Vec::new();
    for node in &cluster.nodes {
        let Some(root) = snapshot.node(node.index) else { continue };
        for process in node.services.values().filter(|p| runs_kubelet(p)) {
            let view = UnitView { unit: process.unit.clone(), problems: problems(snapshot, root, process) };
            let place = process.location().into_iter().collect();
            found.push((Located::from_origins(view, place), Some(format!("Node/{}", node.name))));
        }
    }
    found
}

/// Whether a unit of the node does not do what it was written for, so that its flags say little about intent.
pub fn has_problems(snapshot: &Snapshot, root: &NodeRoot, node: &Node) -> bool {
    node.services.values().filter(|p| runs_kubelet(p)).any(|p| !problems(snapshot, root, p).is_empty())
}

fn runs_kubelet(process: &Process) -> bool {
    let named = ["kubelet", "k3s", "rke2"].iter().any(|name| process.unit.starts_with(name));
    named || matches!(process.program(), "kubelet" | "kubelet-wrapper" | "k3s" | "rke2" | "hyperkube")
}

fn speaks_of_dns(text: &str) -> bool {
    DNS_WORDS.iter().any(|word| text.contains(word))
}

fn problems(snapshot: &Snapshot, root: &NodeRoot, process: &Process) -> Vec<Located<UnitProblemView>> {
    let mut found = Vec::new();
    found.extend(dropins(snapshot, process));
    found.extend(second_command(process));
    found.extend(masked(process));
    found.extend(defeated(process));
    found.extend(words(process));
    found.extend(missing_files(root, process));
    found
}

fn problem(kind: UnitProblemKind, setting: &str, reason: &str, winner: Option<Located<String>>) -> UnitProblemView {
    UnitProblemView { kind, setting: setting.to_owned(), reason: reason.to_owned(), winner }
}

fn dropins<'a>(snapshot: &'a Snapshot, process: &'a Process) -> impl Iterator<Item = Located<UnitProblemView>> + 'a {
    process.ineffective.iter().filter_map(|dropin| {
        let file = snapshot.file(dropin.file);
        let left_over = LEFT_OVERS.iter().any(|end| file.path.ends_with(end));
        if left_over || dropin.shadowed {
            return None;
        }
        let place = dns_line(dropin.file, &file.text)?;
        let name = file.path.rsplit('/').next().unwrap_or_default();
        Some(Located::at(problem(UnitProblemKind::DropIn, name, &dropin.reason, None), place))
    })
}

/// The first line that sets DNS and is no comment.
fn dns_line(file: FileId, text: &str) -> Option<Location> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if speaks_of_dns(trimmed) && !trimmed.starts_with(['#', ';']) {
            let start = offset + (line.len() - line.trim_start().len());
            return Some(Location::new(file, Span::new(start, start + trimmed.len())));
        }
        offset += line.len();
    }
    None
}

fn second_command(process: &Process) -> Option<Located<UnitProblemView>> {
    let Some(Refusal::SeveralExecStart { first, second }) = &process.effective.refused else { return None };
    let winner = Located::at("ExecStart=".to_owned(), *first);
    let reason = "systemd refuses a unit with two commands: an empty `ExecStart=` has to come before the second one";
    Some(Located::at(problem(UnitProblemKind::SecondExecStart, "ExecStart=", reason, Some(winner)), *second))
}

/// A masked unit for which somebody nevertheless set DNS flags.
fn masked(process: &Process) -> Option<Located<UnitProblemView>> {
    let assignments = &process.effective.environment;
    let set = assignments.iter().find(|a| speaks_of_dns(&a.name) || speaks_of_dns(a.value.as_str()))?;
    let reason = "the unit is masked, so that nothing starts it";
    process.masked.then(|| Located::at(problem(UnitProblemKind::Masked, &set.name, reason, None), set.assignment))
}

/// `Environment=` with DNS flags that an environment file replaces.
fn defeated(process: &Process) -> Vec<Located<UnitProblemView>> {
    let assignments = &process.effective.environment;
    let of_unit = |value: &Traced| assignments.iter().any(|a| a.value.location() == value.location());
    let mut found = Vec::new();
    for loss in process.environment.overshadowed() {
        let Some(by) = &loss.by else { continue };
        let direct = loss.name.contains("RESOLV_CONF");
        let lost = (direct || speaks_of_dns(loss.value.as_str())) && !speaks_of_dns(by.as_str())
            || (direct && by != &loss.value);
        let differs = loss.value.as_str() != by.as_str();
        if lost && differs && (direct || is_used(process, &loss.name)) && of_unit(&loss.value) && !of_unit(by) {
            let reason = "an EnvironmentFile= always beats Environment=, wherever the two stand";
            let view = problem(UnitProblemKind::EnvironmentFileWins, &loss.name, reason, Some(by.located()));
            found.push(loss.value.located().with(view));
        }
    }
    found
}

/// Whether the command line refers to a variable.
fn is_used(process: &Process, name: &str) -> bool {
    let (bare, braced) = (format!("${name}"), format!("${{{name}}}"));
    let commands = process.effective.exec_start.iter().flat_map(|c| &c.command.words);
    commands.map(|word| word.text.as_str()).any(|word| word == bare || word.contains(&braced) || word.contains(&bare))
}

/// Words of the command line in which variables come out otherwise than meant.
fn words(process: &Process) -> Vec<Located<UnitProblemView>> {
    if SHELLS.contains(&process.program()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    for word in process.arguments() {
        let text = word.text.as_str();
        if let Some(name) = unexpanded(process, text) {
            let reason = "systemd expands `$NAME` only where it is a word of its own; inside a word it takes `${NAME}`";
            found.push(word.text.located().with(problem(
                UnitProblemKind::NotExpanded,
                &format!("${name}"),
                reason,
                None,
            )));
        } else if let [name] = word.variables.as_slice()
            && speaks_of_dns(text)
            && text.split_whitespace().filter(|part| part.starts_with("--")).count() > 1
        {
            let reason = "`${NAME}` is one argument, whatever blanks it has; `$NAME` is split at them";
            found.push(word.text.located().with(problem(
                UnitProblemKind::OneArgument,
                &format!("${{{name}}}"),
                reason,
                None,
            )));
        }
    }
    found
}

/// The variable that stays in a DNS flag, or whose value has DNS flags.
fn unexpanded<'a>(process: &Process, text: &'a str) -> Option<&'a str> {
    let (_, rest) = text.split_once('$')?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let name = rest.get(..end).filter(|name| !name.is_empty())?;
    let value = process.environment.get(name);
    let dns = speaks_of_dns(text) || value.is_some_and(|value| speaks_of_dns(value.as_str()));
    dns.then_some(name)
}

/// Environment files that the unit needs and that a whole file system lacks.
fn missing_files<'a>(root: &'a NodeRoot, process: &'a Process) -> impl Iterator<Item = Located<UnitProblemView>> + 'a {
    let gone =
        |path: &&Traced| root.live && matches!(root.lookup(path.as_str()), Lookup::Absent { parent_known: true });
    process.missing_environment_files.iter().filter(gone).map(|path| {
        let reason = "the file is not there, and without `-` in front of its name the unit does not start";
        path.located().with(problem(UnitProblemKind::EnvironmentFileMissing, path.as_str(), reason, None))
    })
}
