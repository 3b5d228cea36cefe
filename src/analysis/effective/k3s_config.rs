//! The configuration files of k3s and RKE2, turned into arguments (`pkg/configfilearg/parser.go`).

use super::Distribution;
use super::config_value::{ConfigValue, comma_text};
use super::flag::FlagValue;
use super::losing::{Losing, LosingReason};
use super::versions::{KubeVersion, k3s_server_skips_unknown_keys};
use crate::source::Located;
use crate::syntax::kubelet_flags::k3s::{agent_knows, is_told_by_servers, server_knows};
use std::collections::BTreeMap;

/// Whether a file of the drop-in directory is read: every name that ends in `.yaml` or `.yml`, in any case.
///
/// They are read in byte order of their names, after the main file, without entering directories.
#[must_use]
pub fn is_dropin_name(name: &str) -> bool {
    let name = name.to_lowercase();
    name.ends_with(".yaml") || name.ends_with(".yml")
}

/// The configuration file: the variable `K3S_CONFIG_FILE` (`RKE2_CONFIG_FILE`) beats the flag `--config`, which beats
/// the default. Drop-ins stand in the same path with `.d` appended.
#[must_use]
pub fn config_path(
    distribution: Distribution,
    variable: Option<&Located<String>>,
    flag: Option<&Located<String>>,
) -> Located<String> {
    let given = |path: &&Located<String>| !path.value.is_empty();
    variable
        .filter(given)
        .or_else(|| flag.filter(given))
        .cloned()
        .unwrap_or_else(|| Located::default_value(distribution.default_config().to_owned()))
}

/// The sub-command whose arguments the files become.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// `k3s server`, `rke2 server`.
    Server,
    /// `k3s agent`, `rke2 agent`.
    Agent,
}

/// The arguments that the files become, and what is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigArguments {
    /// One flag for each scalar and each list item, in the order in which the keys were first seen. The origins of a
    /// value are its own place and that of its key.
    pub args: Vec<FlagValue>,
    /// Values without effect, and list items that are maps.
    pub losing: Vec<Losing>,
}

/// Merges the main file and its drop-ins, in reading order; a file that is not a map has no keys.
///
/// `key` replaces what earlier entries said, in the same file or another, `key+` appends to it. Keys that the command does
/// not know are skipped or fatal (`stripInvalidFlags`), unless they end as empty lists, which make no argument.
#[must_use]
pub fn merge(
    distribution: Distribution,
    command: Command,
    version: KubeVersion,
    files: &[&ConfigValue],
) -> ConfigArguments {
    let (places, keys, unknown, losing) = (BTreeMap::new(), Vec::new(), Vec::new(), Vec::new());
    let mut merger = Merger { distribution, command, version, places, keys, unknown, losing };
    for (index, file) in files.iter().enumerate() {
        if let ConfigValue::Map(entries) = file {
            entries.iter().for_each(|(key, value)| merger.entry(index, key, value));
        }
    }
    merger.finish()
}

struct Merger {
    distribution: Distribution,
    command: Command,
    version: KubeVersion,
    places: BTreeMap<String, usize>,
    keys: Vec<Key>,
    /// Entries under keys that the command does not know.
    unknown: Vec<(Located<String>, Vec<FlagValue>)>,
    losing: Vec<Losing>,
}

struct Key {
    items: Vec<FlagValue>,
    is_known: bool,
    /// The file that set it without `+`.
    file: usize,
    /// The value so far is null, to which `+` adds as to an empty list.
    is_null: bool,
}

impl Merger {
    fn entry(&mut self, file: usize, key: &Located<String>, value: &Located<ConfigValue>) {
        let plain = key.value.strip_suffix('+');
        let name = key.with(plain.unwrap_or(&key.value).to_owned());
        let new = self.items(&name, value);
        let is_known = self.refusal(&name.value).is_none();
        if !is_known {
            self.unknown.push((name.clone(), new.clone()));
        }
        let is_null = value.value == ConfigValue::Null;
        let place = *self.places.entry(name.value.clone()).or_insert(self.keys.len());
        let Some(known) = self.keys.get_mut(place) else {
            return self.keys.push(Key { items: new, is_known, file, is_null });
        };
        if plain.is_none() {
            let old = std::mem::replace(known, Key { items: new.clone(), is_known, file, is_null });
            let reason =
                if old.file == file { LosingReason::ReplacedInFile } else { LosingReason::ReplacedByLaterFile };
            if is_known {
                self.replaced(&name.value, &old, &new, reason);
            }
            return;
        }
        if std::mem::take(&mut known.is_null) {
            known.items.clear();
        }
        known.items.extend(if is_null { Vec::new() } else { new });
    }

    /// The flags of one entry. Only the first level of a list is spread; a map in it is an accident worth telling.
    fn items(&mut self, name: &Located<String>, value: &Located<ConfigValue>) -> Vec<FlagValue> {
        let items =
            if let ConfigValue::List(items) = &value.value { items.as_slice() } else { std::slice::from_ref(value) };
        let mut flags = Vec::with_capacity(items.len());
        for item in items {
            // of a list inside a list the first item counts (`convert.ToString` of wrangler)
            let nested = if let ConfigValue::List(inner) = &item.value { inner.first() } else { Some(item) };
            let text = item.with(nested.map(|value| value.value.go_text()).unwrap_or_default());
            if matches!(item.value, ConfigValue::Map(_)) {
                self.losing.push(Losing::alone(&name.value, text.clone(), LosingReason::MapItem));
            }
            let flag = FlagValue::new(name.clone(), text);
            flags.push(FlagValue { value: flag.located_value(), ..flag });
        }
        flags
    }

    /// What becomes of a key that the command does not know; of RKE2 only a few flags are known here, and it skips all
    /// others.
    fn refusal(&self, name: &str) -> Option<LosingReason> {
        let known = match (self.distribution, self.command) {
            (Distribution::K3s, Command::Server) => server_knows(name),
            (Distribution::K3s, Command::Agent) => agent_knows(name),
            (Distribution::Rke2, Command::Server) => true,
            (Distribution::Rke2, Command::Agent) => !is_told_by_servers(name),
        };
        let skips = match self.command {
            Command::Server => k3s_server_skips_unknown_keys(self.version),
            Command::Agent => self.distribution == Distribution::Rke2,
        };
        let reason = if skips { LosingReason::UnknownKeySkipped } else { LosingReason::UnknownKeyFatal };
        (!known).then_some(reason)
    }

    /// The arguments, and what is lost of the keys that the command does not know.
    fn finish(mut self) -> ConfigArguments {
        for (name, items) in std::mem::take(&mut self.unknown) {
            let end = self.places.get(&name.value).and_then(|at| self.keys.get(*at));
            let harms = !items.is_empty() && end.is_some_and(|key| !key.items.is_empty());
            let values: Vec<_> = items.into_iter().map(|item| item.value).collect();
            let reason = self.refusal(&name.value).filter(|_| harms);
            self.losing.extend(reason.map(|reason| Losing::alone(&name.value, comma_text(&values), reason)));
        }
        let known = self.keys.into_iter().filter(|key| key.is_known);
        ConfigArguments { args: known.flat_map(|key| key.items).collect(), losing: self.losing }
    }

    fn replaced(&mut self, name: &str, old: &Key, new: &[FlagValue], reason: LosingReason) {
        let values: Vec<_> = new.iter().map(|item| item.value.clone()).collect();
        let winning = comma_text(&values);
        let kept: std::collections::BTreeSet<&str> = values.iter().map(|value| value.value.as_str()).collect();
        for item in old.items.iter().filter(|_| !old.is_null) {
            let value = item.value.clone();
            let mut losing = Losing::one_of_many(name, value, &winning, reason);
            losing.same_value = kept.contains(item.value.value.as_str());
            self.losing.push(losing);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Location, Span};

    const NOW: KubeVersion = KubeVersion::new(1, 34, 0);

    fn scalar(file: u32, start: usize, text: &str) -> Located<ConfigValue> {
        let span = Span::new(start, start + text.len());
        Located::at(ConfigValue::Scalar(text.to_owned()), Location::new(FileId(file), span))
    }

    fn file(key: &str, value: ConfigValue) -> ConfigValue {
        let key = Located::default_value(key.to_owned());
        ConfigValue::Map(vec![(key, Located::default_value(value))])
    }

    fn losses(merged: &ConfigArguments) -> Vec<(&str, &str, LosingReason, bool)> {
        merged.losing.iter().map(|l| (l.name.as_str(), l.value.value.as_str(), l.reason, l.same_value)).collect()
    }

    #[test]
    fn a_later_list_drops_items() {
        let list = |items: &[Located<ConfigValue>]| file("kubelet-arg", ConfigValue::List(items.to_vec()));
        let first = list(&[scalar(0, 5, "resolv-conf=/a"), scalar(0, 30, "max-pods=9")]);
        let second = list(&[scalar(1, 5, "max-pods=9")]);
        let merged = merge(Distribution::K3s, Command::Server, NOW, &[&first, &second]);
        assert_eq!(merged.args.len(), 1);
        assert_eq!(
            losses(&merged),
            [
                ("kubelet-arg", "resolv-conf=/a", LosingReason::ReplacedByLaterFile, false),
                ("kubelet-arg", "max-pods=9", LosingReason::ReplacedByLaterFile, true),
            ]
        );
        let winning = merged.losing.first().and_then(|l| l.winning.as_ref()).and_then(Located::location);
        assert_eq!(winning, Some(Location::new(FileId(1), Span::new(5, 15))));
    }

    #[test]
    fn a_map_item_becomes_nonsense() {
        let entry = (Located::default_value("resolv-conf".to_owned()), scalar(0, 9, "/x"));
        let item = Located::default_value(ConfigValue::Map(vec![entry]));
        let merged =
            merge(Distribution::K3s, Command::Agent, NOW, &[&file("kubelet-arg", ConfigValue::List(vec![item]))]);
        assert_eq!(
            merged.args.first().map(FlagValue::k3s_argument).as_deref(),
            Some("--kubelet-arg=[{resolv-conf /x}]")
        );
        assert_eq!(losses(&merged), [("kubelet-arg", "[{resolv-conf /x}]", LosingReason::MapItem, false)]);
    }

    #[test]
    fn an_agent_does_not_know_server_flags() {
        let file = file("cluster-dns", ConfigValue::Scalar("10.43.0.11".to_owned()));
        for (distribution, want) in
            [(Distribution::K3s, LosingReason::UnknownKeyFatal), (Distribution::Rke2, LosingReason::UnknownKeySkipped)]
        {
            let merged = merge(distribution, Command::Agent, NOW, &[&file]);
            assert_eq!(losses(&merged), [("cluster-dns", "10.43.0.11", want, false)]);
            assert!(merged.args.is_empty());
            assert!(merge(distribution, Command::Server, NOW, &[&file]).losing.is_empty());
        }
    }

    #[test]
    fn an_unknown_key_that_ends_as_an_empty_list_harms_nobody() {
        let some = file("cluster-dns", ConfigValue::Scalar("10.43.0.11".to_owned()));
        let none = file("cluster-dns", ConfigValue::List(Vec::new()));
        let merged = |files: &[&ConfigValue]| merge(Distribution::K3s, Command::Agent, NOW, files);
        assert_eq!(merged(&[&some, &none]), ConfigArguments::default());
        assert_eq!(losses(&merged(&[&none, &some])).len(), 1);
    }

    #[test]
    fn a_server_skips_what_it_does_not_know() {
        let file = file("resolv_conf", ConfigValue::Scalar("/x".to_owned()));
        for (version, want) in [
            (KubeVersion::new(1, 21, 6), LosingReason::UnknownKeyFatal),
            (KubeVersion::new(1, 21, 7), LosingReason::UnknownKeySkipped),
            (KubeVersion::new(1, 22, 3), LosingReason::UnknownKeyFatal),
            (NOW, LosingReason::UnknownKeySkipped),
        ] {
            let merged = merge(Distribution::K3s, Command::Server, version, &[&file]);
            assert_eq!(losses(&merged), [("resolv_conf", "/x", want, false)], "{version}");
        }
        assert!(merge(Distribution::Rke2, Command::Server, NOW, &[&file]).losing.is_empty());
    }

    #[test]
    fn plus_after_null_adds_to_nothing() {
        let merged = merge(
            Distribution::K3s,
            Command::Server,
            NOW,
            &[
                &file("v", ConfigValue::Null),
                &file("v+", ConfigValue::Null),
                &file("v+", ConfigValue::Scalar("x".into())),
            ],
        );
        assert_eq!(merged.args.iter().map(FlagValue::k3s_argument).collect::<Vec<_>>(), ["-v=x"]);
        assert!(merged.losing.is_empty());
    }

    #[test]
    fn names_and_paths() {
        assert!(is_dropin_name("10-DNS.YML") && is_dropin_name(".yaml") && !is_dropin_name("a.yaml.bak"));
        let path = |text: &str| Located::default_value(text.to_owned());
        let (flag, variable) = (path("/flag"), path("/variable"));
        assert_eq!(config_path(Distribution::Rke2, Some(&variable), Some(&flag)).value, "/variable");
        assert_eq!(config_path(Distribution::Rke2, Some(&path("")), Some(&flag)).value, "/flag");
        assert_eq!(config_path(Distribution::Rke2, None, None).value, "/etc/rancher/rke2/config.yaml");
    }
}
