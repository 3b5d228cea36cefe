//! What every Kubernetes object has: kind, name, namespace, labels, and where it stands.

use super::read::At;
use super::string_map::StringMap;
use crate::source::{Located, Location};

/// Identity and metadata of an object of the snapshot.
#[derive(Clone, Debug)]
pub struct Meta {
    /// `apiVersion`, e.g. `apps/v1`.
    pub api_version: String,
    /// `kind`, located at its value.
    pub kind: Located<String>,
    /// `metadata.name`; `generateName` with a trailing `*` where there is no name.
    pub name: Located<String>,
    /// `metadata.namespace`; `default` without an origin where the manifest names none.
    pub namespace: Located<String>,
    /// `metadata.labels`.
    pub labels: StringMap,
    /// `metadata.annotations`.
    pub annotations: StringMap,
    /// The whole object.
    pub location: Location,
}

impl Meta {
    /// Reads the metadata of an object; `None` where it has no kind.
    #[must_use]
    pub fn read(object: At<'_>) -> Option<Self> {
        let kind = object.text_at("kind")?;
        let api_version = object.text_at("apiVersion").map(|v| v.value).unwrap_or_default();
        let metadata = object.get("metadata");
        let name = metadata
            .and_then(|m| m.text_at("name"))
            .or_else(|| metadata.and_then(|m| m.text_at("generateName")).map(|n| n.map(|t| format!("{t}*"))))
            .unwrap_or_else(|| kind.with(String::new()));
        let namespace = metadata
            .and_then(|m| m.text_at("namespace"))
            .unwrap_or_else(|| Located::default_value("default".to_owned()));
        let maps = |key: &str| metadata.map(|m| m.string_map_at(key)).unwrap_or_default();
        Some(Self {
            api_version,
            kind,
            name,
            namespace,
            labels: maps("labels"),
            annotations: maps("annotations"),
            location: object.location(),
        })
    }

    /// `Kind/namespace/name`, the way diagnostics and fingerprints name an object.
    #[must_use]
    pub fn display(&self) -> String {
        format!("{}/{}/{}", self.kind.value, self.namespace.value, self.name.value)
    }

    /// Whether this is `namespace/name`.
    #[must_use]
    pub fn is(&self, namespace: &str, name: &str) -> bool {
        self.name.value == name && self.namespace.value == namespace
    }

    /// The place of the name, or of the kind where there is none.
    #[must_use]
    pub fn name_location(&self) -> Location {
        self.name.location().or_else(|| self.kind.location()).unwrap_or(self.location)
    }
}

/// Whether every entry of an equality selector is among the labels; an empty selector selects nothing here.
#[must_use]
pub fn selects<'s, V: AsStr + 's>(selector: impl IntoIterator<Item = (&'s String, &'s V)>, labels: &StringMap) -> bool {
    let mut empty = true;
    let mut entries = selector.into_iter().inspect(|_| empty = false);
    let all = entries.all(|(key, want)| labels.get(key).is_some_and(|have| have.value == want.as_str()));
    all && !empty
}

/// Values of a selector: plain or located text.
pub trait AsStr {
    /// The text.
    fn as_str(&self) -> &str;
}

impl AsStr for String {
    fn as_str(&self) -> &str {
        self
    }
}

impl AsStr for Located<String> {
    fn as_str(&self) -> &str {
        &self.value
    }
}
