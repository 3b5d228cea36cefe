//! JSON merge patch (RFC 7386) over located values, noting what each patch replaces.

use super::config_value::{ConfigValue, MAX_DEPTH, display_text};
use super::losing::{Losing, LosingReason};
use crate::source::Located;
use std::collections::{BTreeMap, BTreeSet};

/// Characters of one key of a dotted path that are kept in what is noted.
const MAX_KEY: usize = 256;

/// The keys down to a value, joined only where something is noted.
struct Path<'a> {
    parent: Option<&'a Self>,
    key: &'a str,
}

impl Path<'_> {
    fn dotted(&self) -> String {
        let mut keys = Vec::new();
        let mut next = Some(self);
        while let Some(path) = next {
            keys.push(path.key.chars().take(MAX_KEY).collect::<String>());
            next = path.parent;
        }
        keys.iter().rev().filter(|key| !key.is_empty()).cloned().collect::<Vec<_>>().join(".")
    }
}

type Entries = Vec<(Located<String>, Located<ConfigValue>)>;

/// Top-level keys that every file repeats and nobody loses.
const HEADER: [&str; 2] = ["apiVersion", "kind"];

/// Applies `patch` to `base`: maps merge, everything else (lists too) is replaced, null removes.
pub(super) fn merge_patch(base: &mut Located<ConfigValue>, patch: &Located<ConfigValue>, losing: &mut Vec<Losing>) {
    merge(base, patch, &Path { parent: None, key: "" }, 0, losing);
}

fn merge(
    base: &mut Located<ConfigValue>,
    patch: &Located<ConfigValue>,
    path: &Path<'_>,
    depth: usize,
    losing: &mut Vec<Losing>,
) {
    match (&mut base.value, &patch.value) {
        (ConfigValue::Map(entries), ConfigValue::Map(patches)) if depth < MAX_DEPTH => {
            merge_entries(entries, patches, path, depth, losing);
        }
        (_, _) => {
            note(path, base, patch, losing);
            *base = without_nulls(patch, depth);
        }
    }
}

fn merge_entries(entries: &mut Entries, patches: &Entries, path: &Path<'_>, depth: usize, losing: &mut Vec<Losing>) {
    let mut places: BTreeMap<String, usize> =
        entries.iter().enumerate().map(|(place, (key, _))| (key.value.clone(), place)).collect();
    let mut removed = BTreeSet::new();
    for (key, value) in patches {
        let path = &Path { parent: Some(path), key: &key.value };
        let known = places.get(&key.value).and_then(|place| entries.get_mut(*place));
        if value.value == ConfigValue::Null {
            if let Some((_, old)) = known
                && removed.insert(key.value.clone())
            {
                note(path, old, value, losing);
            }
        } else if let Some((name, old)) = known {
            *name = key.clone();
            if removed.remove(&key.value) {
                *old = without_nulls(value, depth + 1);
            } else {
                merge(old, value, path, depth + 1, losing);
            }
        } else {
            places.insert(key.value.clone(), entries.len());
            entries.push((key.clone(), without_nulls(value, depth + 1)));
        }
    }
    entries.retain(|(key, _)| !removed.contains(&key.value));
}

/// A patch that meets nothing to merge with: its nulls have nothing to remove.
fn without_nulls(patch: &Located<ConfigValue>, depth: usize) -> Located<ConfigValue> {
    let ConfigValue::Map(entries) = &patch.value else { return patch.clone() };
    if depth >= MAX_DEPTH {
        return patch.clone();
    }
    let kept = entries
        .iter()
        .filter(|(_, value)| value.value != ConfigValue::Null)
        .map(|(key, value)| (key.clone(), without_nulls(value, depth + 1)))
        .collect();
    patch.with(ConfigValue::Map(kept))
}

fn note(path: &Path<'_>, old: &Located<ConfigValue>, new: &Located<ConfigValue>, losing: &mut Vec<Losing>) {
    let name = path.dotted();
    if old.value == ConfigValue::Null || HEADER.contains(&name.as_str()) {
        return;
    }
    let removed = new.value == ConfigValue::Null;
    let reason = if removed { LosingReason::RemovedByNull } else { LosingReason::ReplacedByDropIn };
    let mut entry = Losing::against(&name, display_text(old), display_text(new), reason);
    entry.same_value &= !removed;
    losing.push(entry);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &serde_json::Value) -> Located<ConfigValue> {
        Located::default_value(match json {
            serde_json::Value::Null => ConfigValue::Null,
            serde_json::Value::Array(items) => ConfigValue::List(items.iter().map(value).collect()),
            serde_json::Value::Object(map) => {
                ConfigValue::Map(map.iter().map(|(k, v)| (Located::default_value(k.clone()), value(v))).collect())
            }
            serde_json::Value::String(text) => ConfigValue::Scalar(text.clone()),
            other => ConfigValue::Scalar(other.to_string()),
        })
    }

    /// The examples of RFC 7386, appendix A.
    #[test]
    fn rfc_examples() {
        let cases = [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r"{}"),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, r"null", r"null"),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            (r"[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            (r"{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ];
        for (base, patch, want) in cases {
            let [mut base, patch, want] = [base, patch, want].map(|text| value(&serde_json::from_str(text).unwrap()));
            let shown = format!("{base:?} + {patch:?}");
            merge_patch(&mut base, &patch, &mut Vec::new());
            assert_eq!(base, want, "{shown}");
        }
    }

    #[test]
    fn what_loses() {
        let mut base = value(&serde_json::json!({"kind": "K", "clusterDNS": ["1", "2"], "a": {"b": "x", "c": "y"}}));
        let patch = value(&serde_json::json!({"kind": "K", "clusterDNS": ["3"], "a": {"b": null, "c": "y"}}));
        let mut losing = Vec::new();
        merge_patch(&mut base, &patch, &mut losing);
        let got: Vec<_> =
            losing.iter().map(|l| (l.name.as_str(), l.value.value.as_str(), l.reason, l.same_value)).collect();
        assert_eq!(
            got,
            [
                ("clusterDNS", "1,2", LosingReason::ReplacedByDropIn, false),
                ("a.b", "x", LosingReason::RemovedByNull, false),
                ("a.c", "y", LosingReason::ReplacedByDropIn, true),
            ]
        );
    }
}
