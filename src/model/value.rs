//! A generic located value: YAML or JSON of kinds that the model does not type.

use super::read::At;
use crate::source::{Located, Location};
use crate::syntax::yaml::{Entry, Kind, NodeRef, Scalar};

/// Values nest at most this deep; what lies deeper reads as null.
const MAX_DEPTH: usize = 64;

/// A value; every part of it knows its place.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `null`, or nothing at all.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    Str(String),
    /// A sequence.
    List(Vec<Located<Value>>),
    /// A mapping in file order.
    Map(Vec<(Located<String>, Located<Value>)>),
}

impl Value {
    /// Copies a YAML node.
    #[must_use]
    pub fn read(at: At<'_>) -> Located<Self> {
        Self::read_to(at, MAX_DEPTH)
    }

    /// Copies a YAML node; of a mapping all entries, those too whose key comes again.
    #[must_use]
    pub fn read_repeated<'a>(at: At<'a>) -> Located<Self> {
        if at.node.kind() != Kind::Map {
            return Self::read(at);
        }
        let inner = |node: NodeRef<'a>| At { node, place: at.place };
        let entry =
            |entry: Entry<'a>| Some((inner(entry.key).text()?, Self::read_to(inner(entry.value), MAX_DEPTH - 1)));
        Located::at(Self::Map(at.node.all_entries().filter_map(entry).collect()), at.location())
    }

    fn read_to(at: At<'_>, depth: usize) -> Located<Self> {
        let value = match at.node.kind() {
            _ if depth == 0 => Self::Null,
            Kind::Map => Self::Map(
                at.entries().filter_map(|(key, value)| Some((key.text()?, Self::read_to(value, depth - 1)))).collect(),
            ),
            Kind::Seq => Self::List(at.items().map(|item| Self::read_to(item, depth - 1)).collect()),
            Kind::Null => Self::Null,
            Kind::Scalar => match at.node.scalar() {
                Some(Scalar::Bool(b)) => Self::Bool(b),
                // a number beyond the range stays as it was written
                Some(Scalar::Int(i)) => i64::try_from(i)
                    .map_or_else(|_| Self::Str(at.node.scalar_text().unwrap_or_default().to_owned()), Self::Int),
                Some(Scalar::Float(f)) => Self::Float(f),
                Some(Scalar::Null) | None => Self::Null,
                Some(_) => Self::Str(at.node.scalar_text().unwrap_or_default().to_owned()),
            },
        };
        Located::at(value, at.location())
    }

    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The text of any scalar: `53` and `true` as they would be printed.
    #[must_use]
    pub fn scalar_text(&self) -> Option<String> {
        match self {
            Self::Str(text) => Some(text.clone()),
            Self::Int(i) => Some(i.to_string()),
            Self::Float(f) => Some(f.to_string()),
            Self::Bool(b) => Some(b.to_string()),
            _ => None,
        }
    }

    /// The integer, if it is one.
    #[must_use]
    pub const fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(i) => Some(*i),
            _ => None,
        }
    }

    /// The boolean, if it is one.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// The items of a list; empty for anything else.
    #[must_use]
    pub fn items(&self) -> &[Located<Self>] {
        match self {
            Self::List(items) => items,
            _ => &[],
        }
    }

    /// The entries of a mapping; empty for anything else.
    #[must_use]
    pub fn entries(&self) -> &[(Located<String>, Located<Self>)] {
        match self {
            Self::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The entry with that key; of duplicates the last, as the Kubernetes reader takes it.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&(Located<String>, Located<Self>)> {
        self.entries().iter().rev().find(|(name, _)| name.value == key)
    }

    /// The value under `key`, unless it is absent or null.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Located<Self>> {
        self.entry(key).map(|(_, value)| value).filter(|value| value.value != Self::Null)
    }

    /// The value under a chain of keys.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<&Located<Self>> {
        let (first, rest) = keys.split_first()?;
        rest.iter().try_fold(self.get(first)?, |value, key| value.value.get(key))
    }

    /// The scalar text under `key`, with its place.
    #[must_use]
    pub fn text_at(&self, key: &str) -> Option<Located<String>> {
        let value = self.get(key)?;
        Some(value.with(value.value.scalar_text()?))
    }

    /// The scalar texts of the list under `key`.
    #[must_use]
    pub fn texts_at(&self, key: &str) -> Vec<Located<String>> {
        self.get(key)
            .map(|list| list.items().iter().filter_map(|item| Some(item.with(item.scalar_text()?))).collect())
            .unwrap_or_default()
    }

    /// The place of `key: value`.
    #[must_use]
    pub fn entry_location(&self, key: &str) -> Option<Location> {
        let (name, value) = self.entry(key)?;
        match (name.location(), value.location()) {
            (Some(k), Some(v)) if k.file == v.file => Some(Location::new(k.file, k.span.join(v.span))),
            (k, v) => k.or(v),
        }
    }
}
