//! Values that someone wrote and that have no effect: which one, why, and what wins instead.

use crate::source::Located;

/// Characters of a value that is shown beside many others.
const MAX_SHOWN: usize = 200;
/// Origins of such a value.
const MAX_ORIGINS: usize = 8;

/// Why a value has no effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LosingReason {
    /// k3s, RKE2: a later configuration file sets the key again without `+`.
    ReplacedByLaterFile,
    /// k3s, RKE2: the same configuration file sets the key again without `+`.
    ReplacedInFile,
    /// k3s, RKE2: a list item is a map (`- resolv-conf: /x`), which becomes text that no flag understands.
    MapItem,
    /// k3s, RKE2: the sub-command does not know the key and skips it with a warning.
    UnknownKeySkipped,
    /// k3s: the agent, or an old server, does not know the key and does not start.
    UnknownKeyFatal,
    /// k3s, RKE2: the command line sets the same flag.
    BeatenByCommandLine,
    /// k3s, RKE2: an environment variable beside a configuration file or command line that sets the flag.
    EnvironmentIgnored,
    /// A flag with a single value is given again.
    RepeatedFlag,
    /// k3s, RKE2: a kubelet argument of the user stands in for k3s's own.
    ReplacesDefault,
    /// k3s, RKE2: the item before has no `=` and is taken for a flag that this one is the value of.
    SwallowedByPredecessor,
    /// kubelet: a command-line flag beats the files.
    FlagBeatsFile,
    /// kubelet: a drop-in, or a later one, beats the file before it.
    ReplacedByDropIn,
    /// kubelet: a drop-in sets the field to null, which brings the default back.
    RemovedByNull,
    /// kubelet before 1.32: `resolvConf` in a drop-in is not read.
    IgnoredInDropIn,
}

/// A value without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Losing {
    /// The flag, key or dotted field it is for.
    pub name: String,
    /// The value; a list as its items joined by commas.
    pub value: Located<String>,
    /// The value that counts instead, if there is one.
    pub winning: Option<Located<String>>,
    /// Why.
    pub reason: LosingReason,
    /// Whether the winner says the same, so that nothing is lost.
    pub same_value: bool,
}

impl Losing {
    /// A value that loses against `winning`.
    #[must_use]
    pub fn against(name: &str, value: Located<String>, winning: Located<String>, reason: LosingReason) -> Self {
        let same_value = value.value == winning.value;
        Self { name: name.to_owned(), value, winning: Some(winning), reason, same_value }
    }

    /// The same with a winner that many values lose against: its text and origins are shortened, so that all of them
    /// together stay in proportion to the input.
    #[must_use]
    pub fn one_of_many(name: &str, value: Located<String>, winning: &Located<String>, reason: LosingReason) -> Self {
        let same_value = value.value == winning.value;
        Self { name: name.to_owned(), value, winning: Some(shortened(winning)), reason, same_value }
    }

    /// A value that loses without a rival.
    #[must_use]
    pub fn alone(name: &str, value: Located<String>, reason: LosingReason) -> Self {
        Self { name: name.to_owned(), value, winning: None, reason, same_value: false }
    }
}

fn shortened(value: &Located<String>) -> Located<String> {
    let origins = value.origins.iter().take(MAX_ORIGINS).collect();
    let cut = value.value.char_indices().nth(MAX_SHOWN).and_then(|(at, _)| value.value.get(..at));
    Located::from_origins(cut.map_or_else(|| value.value.clone(), |text| format!("{text}…")), origins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_winner_is_shortened_but_compared_in_full() {
        let long = Located::default_value("ä".repeat(MAX_SHOWN + 1));
        let losing = Losing::one_of_many("x", long.clone(), &long, LosingReason::RepeatedFlag);
        assert!(losing.same_value);
        assert_eq!(losing.winning.map(|w| w.value.chars().count()), Some(MAX_SHOWN + 1));
        let short = Located::default_value("ä".repeat(MAX_SHOWN));
        assert_eq!(shortened(&short), short);
    }
}
