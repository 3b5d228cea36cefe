//! What keeps the kubelet of a node, or k3s around it, from starting.

use super::at;
use crate::analysis::effective::kubelet::{KubeletProblem, KubeletProblemKind};
use crate::analysis::effective::kubelet_names::{Standing, flags, gates};
use crate::analysis::node_dns::NodeDns;
use crate::analysis::views::kubelet::{Refusal, RefusedStart};
use crate::diagnostic::nearest;
use crate::source::{Located, Location};
use crate::syntax::kubelet_flags::{CommandLine, Flag, FlagProblem, Positional};

/// Everything that stands somewhere.
pub(super) fn starts(dns: &NodeDns, line: &CommandLine) -> Vec<Located<RefusedStart>> {
    let own = dns.distribution().map_or("kubelet", |distribution| distribution.name());
    let files = dns.k3s.iter().flat_map(|k3s| &k3s.refused).filter_map(|problem| view(problem, own));
    let words = line.flags.iter().filter_map(flag_word).chain(positional(line));
    // what a broken file of k3s leaves says nothing about its arguments
    let broken = |at: Option<Location>| {
        let mut files = dns.k3s.iter().flat_map(|k3s| &k3s.refused).filter_map(|problem| problem.at);
        at.is_some_and(|at| files.any(|broken| broken.file == at.file))
    };
    let rest = dns.kubelet.problems.iter().filter(|problem| !broken(problem.at));
    let rest = rest.filter_map(|problem| view(problem, "kubelet"));
    let mut found: Vec<_> = files.chain(words).chain(rest).filter(|found| !found.origins.is_empty()).collect();
    // a flag with wrong dashes is told by its word, too
    found.dedup_by(|a, b| a.location() == b.location() && a.value.kind == b.value.kind);
    found
}

fn start(program: &str, kind: Refusal, name: &str) -> RefusedStart {
    RefusedStart { program: program.to_owned(), kind, name: name.to_owned(), release: None, meant: None }
}

fn view(problem: &KubeletProblem, program: &str) -> Option<Located<RefusedStart>> {
    use KubeletProblemKind as K;
    let mut release = None;
    let mut by_release = |standing, kinds: [Refusal; 3]| {
        let [unknown, gone, not_yet] = kinds;
        let minor = match standing {
            Standing::Known => return None,
            Standing::Unknown => return Some(unknown),
            Standing::Gone(minor) => minor,
            Standing::NotYet(minor) => Some(minor),
        };
        release = minor.map(|minor| format!("1.{minor}"));
        Some(if matches!(standing, Standing::NotYet(_)) { not_yet } else { gone })
    };
    let kind = match problem.kind {
        K::Flag(standing) => by_release(standing, [Refusal::UnknownFlag, Refusal::FlagGone, Refusal::FlagNotYet])?,
        K::Gate(standing) => by_release(standing, [Refusal::UnknownGate, Refusal::GateGone, Refusal::GateNotYet])?,
        K::ConfigDirUnknown => by_release(Standing::NotYet(28), [Refusal::FlagNotYet; 3])?,
        K::ConfigDirRefused => Refusal::ConfigDirAlpha,
        K::ConfigMissing => Refusal::ConfigMissing,
        K::Syntax => Refusal::ConfigSyntax,
        K::NotAMap => Refusal::ConfigNotAMap,
        K::NoHeader => Refusal::ConfigHeader,
        K::WrongType => Refusal::FieldType,
        K::FlagSyntax => Refusal::FlagSyntax,
        K::FlagQuotes => Refusal::FlagQuotes,
    };
    let meant = match kind {
        Refusal::UnknownFlag => nearest(&problem.name, flags()),
        Refusal::UnknownGate => nearest(&problem.name, gates()),
        _ => None,
    };
    let meant = meant.map(str::to_owned);
    Some(at(RefusedStart { release, meant, ..start(program, kind, &problem.name) }, problem.at))
}

/// A flag that pflag refuses by its word.
fn flag_word(flag: &Flag) -> Option<Located<RefusedStart>> {
    let kind = match flag.problem? {
        FlagProblem::MissingValue => Refusal::FlagWithoutValue,
        FlagProblem::SingleDash | FlagProblem::TooManyDashes | FlagProblem::NoName => Refusal::FlagSyntax,
    };
    Some(at(start("kubelet", kind, flag.spelt.as_str()), flag.location()))
}

/// The first word that belongs to no flag (`cobra` takes it for a command); what a variable or template stands for is
/// not known, nor what an unknown flag takes.
fn positional(line: &CommandLine) -> Option<Located<RefusedStart>> {
    let plain = |word: &&Positional| !word.text.as_str().contains(['$', '{', '%']) && !word.text.as_str().is_empty();
    let word = line.positional.first().filter(plain)?;
    let before = line.flags.iter().rfind(|flag| flag.index < word.index);
    let known = before.is_none_or(|flag| flags().any(|known| known == flag.name));
    known.then(|| at(start("kubelet", Refusal::Argument, word.text.as_str()), word.text.location()))
}
