//! `kubelet-arg` entries of k3s and RKE2, assembled into the kubelet's command line (`pkg/util/args.go`).

use super::config_value::comma_text;
use super::flag::FlagValue;
use super::losing::{Losing, LosingReason};
use super::origin::part;
use crate::source::Located;
use std::collections::BTreeMap;

/// An entry that the kubelet will not understand as it was meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgProblem {
    /// What is wrong.
    pub kind: ArgProblemKind,
    /// The entry.
    pub entry: Located<String>,
}

/// What is wrong with a `kubelet-arg` entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ArgProblemKind {
    /// `-key=value` becomes `---key=value`, a syntax error.
    ExtraDash,
    /// `key value` in one entry becomes a flag whose name has a blank.
    BlankInName,
    /// `key` alone becomes `--key=true`.
    NoValue,
}

/// The kubelet's arguments, and what is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubeletArgs {
    /// Flags sorted by name, entries of one name in their order.
    pub args: Vec<FlagValue>,
    /// Defaults that an entry replaces.
    pub losing: Vec<Losing>,
    /// Entries that the kubelet misunderstands or refuses.
    pub problems: Vec<ArgProblem>,
}

/// One entry in its parts.
struct Entry {
    name: Located<String>,
    value: Located<String>,
    /// `+` keeps the values before, `-` puts this one first.
    mode: char,
}

fn parse(entry: &Located<String>) -> (Entry, Option<ArgProblemKind>) {
    let text = entry.value.as_str();
    let start = if text.starts_with("--") { 2 } else { 0 };
    let equals = text.get(start..).and_then(|rest| rest.find('=')).map(|at| start + at);
    let key = part(entry, start, equals.unwrap_or(text.len()));
    let name_len = key.value.trim_end_matches(['-', '+']).len();
    let name = part(&key, 0, name_len);
    let problem = match equals {
        _ if name.value.starts_with('-') => Some(ArgProblemKind::ExtraDash),
        _ if name.value.contains(char::is_whitespace) => Some(ArgProblemKind::BlankInName),
        None => Some(ArgProblemKind::NoValue),
        Some(_) => None,
    };
    let value = equals.map_or_else(|| entry.with("true".to_owned()), |at| part(entry, at + 1, text.len()));
    let mode = key.value.chars().last().filter(|last| "+-".contains(*last)).unwrap_or('=');
    (Entry { name, value, mode }, problem)
}

/// Puts the entries over the defaults.
///
/// `key=value` removes the default of that key, further entries of the key add up; `key+=value` keeps the default in
/// front, `key-=value` puts the value in front of it.
#[must_use]
pub fn assemble(defaults: &[FlagValue], entries: &[Located<String>]) -> KubeletArgs {
    let mut defaults: BTreeMap<&str, &FlagValue> = defaults.iter().map(|d| (d.name.value.as_str(), d)).collect();
    let mut flags: BTreeMap<String, std::collections::VecDeque<FlagValue>> = BTreeMap::new();
    let mut result = KubeletArgs::default();
    let mut replaced = Vec::new();
    for text in entries {
        let (Entry { name, value, mode }, problem) = parse(text);
        result.problems.extend(problem.map(|kind| ArgProblem { kind, entry: text.clone() }));
        let values = flags.entry(name.value.clone()).or_default();
        if let Some(default) = defaults.remove(name.value.as_str()) {
            if mode == '=' { replaced.push(default) } else { values.push_front(default.clone()) }
        }
        let flag = FlagValue::new(name, value);
        if mode == '-' { values.push_front(flag) } else { values.push_back(flag) }
    }
    for default in replaced {
        let name = default.name.value.as_str();
        let values: Vec<_> = flags.get(name).into_iter().flatten().map(|flag| flag.value.clone()).collect();
        let losing = Losing::against(name, default.located_value(), comma_text(&values), LosingReason::ReplacesDefault);
        result.losing.push(losing);
    }
    for (name, default) in defaults {
        flags.entry(name.to_owned()).or_default().push_back(default.clone());
    }
    result.args = flags.into_values().flatten().collect();
    result
}

/// What the filter of newer releases makes of the entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilteredArgs {
    /// The entries that go on to [`assemble`].
    pub entries: Vec<Located<String>>,
    /// `config=FILE`: the file is copied to the drop-in `10-cli-config.conf`, the flag is not passed.
    pub config: Option<Located<String>>,
    /// `config-dir=DIR`: the directory is copied to `20-cli-config-dir/`, the flag is not passed.
    pub config_dir: Option<Located<String>>,
    /// `config` or `config-dir` without value, which is fatal.
    pub missing_value: Option<Located<String>>,
    /// Entries that are dropped because the one before has no `=`.
    pub losing: Vec<Losing>,
}

/// The filter that k3s and RKE2 put before [`assemble`] since 1.32 (`extractConfigArgs` in
/// `pkg/daemons/agent/agent.go`): it takes an entry without `=` for a flag whose value is the next entry, and forgets
/// that value.
#[must_use]
pub fn extract_config(entries: &[Located<String>]) -> FilteredArgs {
    let mut result = FilteredArgs::default();
    let mut rest = entries.iter();
    while let Some(entry) = rest.next() {
        let start = if entry.value.starts_with("--") { 2 } else { 0 };
        let text = entry.value.get(start..).unwrap_or_default();
        let (key, inline) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        let value = match inline {
            Some(value) => Some(part(entry, entry.value.len() - value.len(), entry.value.len())),
            None => rest.next().cloned(),
        };
        let Some(slot) = (match key {
            "config" => Some(&mut result.config),
            "config-dir" => Some(&mut result.config_dir),
            _ => None,
        }) else {
            result.entries.push(entry.clone());
            if let Some(lost) = value.filter(|_| inline.is_none()) {
                let winning = entry.with(format!("{key}=true"));
                result.losing.push(Losing::against(key, lost, winning, LosingReason::SwallowedByPredecessor));
            }
            continue;
        };
        match value.filter(|value| !value.value.is_empty()) {
            Some(value) => *slot = Some(value),
            None => result.missing_value = Some(entry.clone()),
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Location, Span};

    fn entries(texts: &[&str]) -> Vec<Located<String>> {
        let at = |file: usize, text: &str| {
            let file = FileId(u32::try_from(file).unwrap());
            Located::at(text.to_owned(), Location::new(file, Span::new(10, 10 + text.len())))
        };
        texts.iter().enumerate().map(|(file, text)| at(file, text)).collect()
    }

    #[test]
    fn a_value_keeps_its_place() {
        let got = assemble(&[], &entries(&["--cluster-dns+=1.1.1.1"]));
        let flag = got.args.first().unwrap();
        assert_eq!(flag.name.location().map(|l| l.span), Some(Span::new(12, 23)));
        assert_eq!(flag.value.location().map(|l| l.span), Some(Span::new(25, 32)));
    }

    #[test]
    fn a_replaced_default_is_told() {
        let default = |name: &str, value: &str| {
            FlagValue::new(Located::default_value(name.to_owned()), Located::default_value(value.to_owned()))
        };
        let defaults = [default("cluster-dns", "10.43.0.10"), default("resolv-conf", "/a")];
        let got = assemble(&defaults, &entries(&["resolv-conf=/a", "cluster-dns=1.1.1.1", "cluster-dns=2.2.2.2"]));
        let losing: Vec<_> = got
            .losing
            .iter()
            .map(|l| {
                (l.name.as_str(), l.value.value.as_str(), l.winning.as_ref().unwrap().value.as_str(), l.same_value)
            })
            .collect();
        assert_eq!(
            losing,
            [("resolv-conf", "/a", "/a", true), ("cluster-dns", "10.43.0.10", "1.1.1.1,2.2.2.2", false)]
        );
    }

    #[test]
    fn misunderstood_entries() {
        let got = assemble(&[], &entries(&["-resolv-conf=/x", "resolv-conf /x", "fail-swap-on", "a=b"]));
        let kinds: Vec<_> = got.problems.iter().map(|p| p.kind).collect();
        assert_eq!(kinds, [ArgProblemKind::ExtraDash, ArgProblemKind::BlankInName, ArgProblemKind::NoValue]);
    }

    #[test]
    fn the_filter_takes_configuration_and_swallows() {
        let got = extract_config(&entries(&[
            "--config",
            "/k.yaml",
            "config-dir=/d",
            "fail-swap-on",
            "cluster-dns=1.1.1.1",
            "x",
        ]));
        assert_eq!(got.config.map(|c| c.value).as_deref(), Some("/k.yaml"));
        assert_eq!(got.config_dir.map(|c| c.value).as_deref(), Some("/d"));
        assert_eq!(got.entries.iter().map(|e| e.value.as_str()).collect::<Vec<_>>(), ["fail-swap-on", "x"]);
        let lost: Vec<_> = got.losing.iter().map(|l| (l.name.as_str(), l.value.value.as_str())).collect();
        assert_eq!(lost, [("fail-swap-on", "cluster-dns=1.1.1.1")]);
        assert!(extract_config(&entries(&["config="])).missing_value.is_some());
        assert!(extract_config(&entries(&["config"])).missing_value.is_some());
    }

    proptest::proptest! {
        #[test]
        fn every_entry_becomes_one_flag(texts in proptest::collection::vec("[-+=aé ]{0,6}", 0..6)) {
            let entries = entries(&texts.iter().map(String::as_str).collect::<Vec<_>>());
            proptest::prop_assert_eq!(assemble(&[], &entries).args.len(), entries.len());
            let filtered = extract_config(&entries);
            proptest::prop_assert_eq!(filtered.entries.len() + filtered.losing.len(), entries.len());
        }
    }
}
