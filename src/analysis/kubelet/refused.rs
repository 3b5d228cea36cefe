//! What keeps the kubelet of a node, or k3s around it, from starting.

use super::at;
use crate::analysis::effective::kubelet::{KubeletProblem, KubeletProblemKind};
use crate::analysis::effective::kubelet_names::{Standing, flags, gates, is_flag};
use crate::analysis::node_dns::{NodeDns, VersionSource};
use crate::analysis::views::kubelet::{Refusal, RefusedStart};
use crate::diagnostic::nearest;
use crate::source::{Located, Location};
use crate::syntax::kubelet_flags::{CommandLine, Flag, FlagProblem, Positional};

/// Everything that stands somewhere.
pub(super) fn starts(dns: &NodeDns, line: &CommandLine) -> Vec<Located<RefusedStart>> {
    let own = dns.distribution().map_or("kubelet", |distribution| distribution.name());
    let files = dns.k3s.iter().flat_map(|k3s| &k3s.refused).filter_map(|problem| view(dns, problem, own));
    let words: Vec<_> = line.flags.iter().filter_map(flag_word).chain(positional(line)).collect();
    // a flag that is refused by its word is not judged by its name, too
    let told = |at: Option<Location>| at.is_some() && words.iter().any(|word| word.location() == at);
    let rest = dns.kubelet.problems.iter().filter(|problem| !told(problem.at));
    let rest = rest.filter_map(|problem| view(dns, problem, "kubelet"));
    let found = files.chain(words.iter().cloned()).chain(rest);
    found.filter(|found| !found.origins.is_empty()).collect()
}

fn start(program: &str, kind: Refusal, name: &str) -> RefusedStart {
    let (program, name) = (program.to_owned(), name.to_owned());
    RefusedStart { program, kind, name, release: None, borrowed: false, meant: None }
}

fn view(dns: &NodeDns, problem: &KubeletProblem, program: &str) -> Option<Located<RefusedStart>> {
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
        K::Flag(Standing::Unknown) if problem.name.contains(' ') => Refusal::FlagBlank,
        K::Flag(standing) => by_release(standing, [Refusal::UnknownFlag, Refusal::FlagGone, Refusal::FlagNotYet])?,
        K::Gate(standing) => by_release(standing, [Refusal::UnknownGate, Refusal::GateGone, Refusal::GateNotYet])?,
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
        Refusal::UnknownFlag => nearest(&problem.name, flags(dns.version)),
        Refusal::UnknownGate => nearest(&problem.name, gates(dns.version)),
        _ => None,
    };
    let borrowed = dns.version_source == VersionSource::Cluster && problem.depends_on_release();
    let meant = meant.map(str::to_owned);
    Some(at(RefusedStart { release, borrowed, meant, ..start(program, kind, &problem.name) }, problem.at))
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
    let known = before.is_none_or(|flag| is_flag(&flag.name));
    known.then(|| at(start("kubelet", Refusal::Argument, word.text.as_str()), word.text.location()))
}
