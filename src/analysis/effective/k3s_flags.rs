//! Which source of a k3s or RKE2 flag counts: command line, configuration files, environment, default.

use super::flag::FlagValue;
use super::losing::{Losing, LosingReason};
use crate::source::Located;

/// Everything that may set a flag. The files' arguments stand before the command line's
/// (`pkg/configfilearg/parser.go`), so for a flag with one value the command line wins, and a list gets both.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlagSources<'a> {
    /// From the configuration files, see [`merge`](super::k3s_config::merge).
    pub config: &'a [FlagValue],
    /// From the service's command line.
    pub command_line: &'a [FlagValue],
    /// The flag's environment variable, if it is set; counts only if no other source has the flag.
    pub environment: Option<&'a Located<String>>,
    /// What the program assumes if nothing is set.
    pub default: Option<&'static str>,
}

/// The source that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rank {
    /// The program's default.
    Default,
    /// An environment variable.
    Environment,
    /// A configuration file.
    ConfigFile,
    /// The command line.
    CommandLine,
}

/// The effective value of a flag with one value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SingleFlag {
    /// The value, if any source has one.
    pub value: Option<Located<String>>,
    /// Where it comes from.
    pub rank: Rank,
    /// The values that it beats.
    pub losing: Vec<Losing>,
}

/// Resolves a flag with one value: the last occurrence wins.
#[must_use]
pub fn single(name: &str, sources: &FlagSources<'_>) -> SingleFlag {
    let ranked = |flags: &[FlagValue], rank| {
        flags.iter().filter(|f| f.name.value == name).map(|f| (rank, f.located_value())).collect::<Vec<_>>()
    };
    let mut candidates: Vec<_> =
        sources.environment.map(|value| (Rank::Environment, value.clone())).into_iter().collect();
    candidates.extend(ranked(sources.config, Rank::ConfigFile));
    candidates.extend(ranked(sources.command_line, Rank::CommandLine));
    let Some((rank, value)) = candidates.pop() else {
        let value = sources.default.map(|text| Located::default_value(text.to_owned()));
        return SingleFlag { value, rank: Rank::Default, losing: Vec::new() };
    };
    let reason = |loser| match loser {
        Rank::Environment => LosingReason::EnvironmentIgnored,
        Rank::ConfigFile if rank == Rank::CommandLine => LosingReason::BeatenByCommandLine,
        _ => LosingReason::RepeatedFlag,
    };
    let losing = candidates.into_iter().map(|(loser, old)| Losing::one_of_many(name, old, &value, reason(loser)));
    SingleFlag { losing: losing.collect(), value: Some(value), rank }
}

/// Resolves a list flag without environment variable (`kubelet-arg`, `cluster-dns`, `disable`): the files' values,
/// then the command line's; nothing is overridden, whatever the documentation says.
#[must_use]
pub fn list(name: &str, sources: &FlagSources<'_>) -> Vec<Located<String>> {
    let flags = sources.config.iter().chain(sources.command_line);
    flags.filter(|flag| flag.name.value == name).map(FlagValue::located_value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(name: &str, value: &str) -> FlagValue {
        FlagValue::new(Located::default_value(name.to_owned()), Located::default_value(value.to_owned()))
    }

    #[test]
    fn ranks() {
        let environment = Located::default_value("/env".to_owned());
        let (config, command_line) =
            ([flag("resolv-conf", "/a"), flag("resolv-conf", "/b")], [flag("resolv-conf", "/c")]);
        let all = FlagSources {
            config: &config,
            command_line: &command_line,
            environment: Some(&environment),
            default: Some("/default"),
        };
        let resolved = single("resolv-conf", &all);
        assert_eq!((resolved.value.map(|v| v.value).as_deref(), resolved.rank), (Some("/c"), Rank::CommandLine));
        let reasons: Vec<_> = resolved.losing.iter().map(|l| (l.value.value.as_str(), l.reason)).collect();
        assert_eq!(
            reasons,
            [
                ("/env", LosingReason::EnvironmentIgnored),
                ("/a", LosingReason::BeatenByCommandLine),
                ("/b", LosingReason::BeatenByCommandLine),
            ]
        );
        let files = single("resolv-conf", &FlagSources { command_line: &[], ..all });
        assert_eq!(files.losing.last().map(|l| l.reason), Some(LosingReason::RepeatedFlag));
        let environment = single("other", &all);
        assert_eq!(environment.rank, Rank::Environment);
        let none = single("other", &FlagSources { environment: None, ..all });
        assert_eq!((none.value.map(|v| v.value).as_deref(), none.rank), (Some("/default"), Rank::Default));
    }

    #[test]
    fn lists_add_up() {
        let (config, command_line) = ([flag("kubelet-arg", "a=1")], [flag("kubelet-arg", "b=2"), flag("x", "y")]);
        let sources = FlagSources { config: &config, command_line: &command_line, ..FlagSources::default() };
        let got: Vec<_> = list("kubelet-arg", &sources).into_iter().map(|v| v.value).collect();
        assert_eq!(got, ["a=1", "b=2"]);
    }
}
