//! Views: documented structs that analyses fill and rules read, held as generic values with their origins.

mod path;
mod serializer;
mod subject;

pub use path::{PathError, Step, ViewPath, flatten};
pub use serializer::{MAX_VIEW_DEPTH, ViewError, to_view};
pub use subject::{Subject, ViewFailure, ViewSet};

use crate::source::Location;
use schemars::{JsonSchema, Schema, generate::SchemaSettings};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kind of subject that rules are written for.
///
/// The fields of the struct are the vocabulary of the rules, so every one has a doc comment: it becomes the JSON Schema
/// that rule files are proved against. Optional fields are `Option`s (a rule guards them with `has(subject.field)`).
/// What only identifies the subject (its name and namespace) belongs into the `object` of [`ViewSet::add`] rather than
/// into the struct: subjects of equal content are evaluated once.
pub trait View: Serialize + JsonSchema {
    /// The name that a rule gives in `on:`.
    const KIND: &'static str;
    /// What one subject of this kind is.
    const DOC: &'static str;
}

/// A value of a view: plain data, and where each part of it stands in the input.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewValue {
    /// The data.
    pub data: Data,
    /// Where the value stands, most specific place first; empty for a default and for a value that is not [`Located`](crate::source::Located).
    pub origins: Vec<Location>,
    /// Whether the value was [`Located`](crate::source::Located): only then do empty origins say "no text of the input says this".
    pub located: bool,
}

/// The data of a [`ViewValue`], in the types of JSON and CEL.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// An absent option.
    Null,
    /// A truth value.
    Bool(bool),
    /// Every integer; unsigned ones beyond `i64::MAX` are held as `i64::MAX`.
    Int(i64),
    /// A floating point number.
    Float(f64),
    /// Text.
    Str(Arc<str>),
    /// A sequence.
    List(Vec<ViewValue>),
    /// A struct (fields in declared order) or a map (keys sorted).
    Map(Vec<(Arc<str>, ViewValue)>),
}

impl From<Data> for ViewValue {
    fn from(data: Data) -> Self {
        Self { data, origins: Vec::new(), located: false }
    }
}

impl ViewValue {
    /// The value of a field; `None` where this is no map or has no such field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Self> {
        match &self.data {
            Data::Map(entries) => entries.iter().find(|(key, _)| &**key == name).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The one value at a path such as `a.b` or `a.list[0].b`; a path that fans out over a list gives its first value.
    #[must_use]
    pub fn get_path(&self, path: &str) -> Option<&Self> {
        ViewPath::parse(path).ok()?.select(self).into_iter().next().map(|(_, value)| value)
    }

    /// The value at exact steps.
    #[must_use]
    pub fn at(&self, steps: &[Step]) -> Option<&Self> {
        steps.iter().try_fold(self, Self::step)
    }

    fn step(&self, step: &Step) -> Option<&Self> {
        match (step, &self.data) {
            (Step::Field(name), _) => self.field(name),
            (Step::Index(index), Data::List(items)) => items.get(*index),
            _ => None,
        }
    }

    /// Where the value at exact steps stands.
    ///
    /// A part that does not carry its own origin (a plain field of a located struct) stands where the nearest enclosing
    /// located value stands; a located value without origin is a default and stands nowhere, nor do its parts.
    #[must_use]
    pub fn origins_at(&self, steps: &[Step]) -> &[Location] {
        let mut nearest: &[Location] = &self.origins;
        let mut value = self;
        for step in steps {
            let Some(next) = value.step(step) else { return &[] };
            value = next;
            if value.located {
                nearest = &value.origins;
            }
        }
        if matches!(value.data, Data::Null) && !value.located { &[] } else { nearest }
    }

    /// The text, where this is a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, where this is a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether both hold the same data, wherever it stands.
    #[must_use]
    pub fn same_content(&self, other: &Self) -> bool {
        match (&self.data, &other.data) {
            (Data::List(a), Data::List(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same_content(b)),
            (Data::Map(a), Data::Map(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|((k, a), (l, b))| k == l && a.same_content(b))
            }
            (Data::Float(a), Data::Float(b)) => a.to_bits() == b.to_bits(),
            (a, b) => a == b,
        }
    }

    /// A hash of the data that ignores origins; equal content has equal hashes (confirm with [`Self::same_content`]).
    #[must_use]
    pub fn content_hash(&self) -> u64 {
        let mut hash = ContentHash::default();
        self.feed(&mut hash);
        hash.0
    }

    fn feed(&self, hash: &mut ContentHash) {
        match &self.data {
            Data::Null => hash.write(b"n"),
            Data::Bool(value) => hash.write(if *value { b"t" } else { b"f" }),
            Data::Int(value) => hash.tagged(b"i", &value.to_le_bytes()),
            Data::Float(value) => hash.tagged(b"d", &value.to_bits().to_le_bytes()),
            Data::Str(value) => hash.text(b"s", value),
            Data::List(items) => {
                hash.tagged(b"l", &items.len().to_le_bytes());
                items.iter().for_each(|item| item.feed(hash));
            }
            Data::Map(entries) => {
                hash.tagged(b"m", &entries.len().to_le_bytes());
                for (key, value) in entries {
                    hash.text(b"k", key);
                    value.feed(hash);
                }
            }
        }
    }

    /// The data as JSON, for `dnslint facts`.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(value) => (*value).into(),
            Data::Int(value) => (*value).into(),
            Data::Float(value) => (*value).into(),
            Data::Str(value) => serde_json::Value::from(&**value),
            Data::List(items) => items.iter().map(Self::to_json).collect(),
            Data::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|(k, v)| (k.to_string(), v.to_json())).collect())
            }
        }
    }

    /// The data as a template value, for messages.
    #[must_use]
    pub fn to_template(&self) -> minijinja::Value {
        match &self.data {
            Data::Null => minijinja::Value::from(()),
            Data::Bool(value) => (*value).into(),
            Data::Int(value) => (*value).into(),
            Data::Float(value) => (*value).into(),
            Data::Str(value) => minijinja::Value::from(value.clone()),
            Data::List(items) => items.iter().map(Self::to_template).collect::<Vec<_>>().into(),
            Data::Map(entries) => entries
                .iter()
                .map(|(k, v)| (k.to_string(), v.to_template()))
                .collect::<BTreeMap<String, minijinja::Value>>()
                .into(),
        }
    }
}

/// FNV-1a over 64 bits; tags and lengths keep different shapes apart.
struct ContentHash(u64);

impl Default for ContentHash {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl ContentHash {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn tagged(&mut self, tag: &[u8], bytes: &[u8]) {
        self.write(tag);
        self.write(bytes);
    }

    fn text(&mut self, tag: &[u8], text: &str) {
        self.tagged(tag, &text.len().to_le_bytes());
        self.write(text.as_bytes());
    }
}

/// The schema of one view kind.
#[derive(Clone, Debug)]
pub struct ViewSchema {
    /// The name that a rule gives in `on:`.
    pub kind: &'static str,
    /// What one subject of this kind is.
    pub doc: &'static str,
    /// JSON Schema (2020-12) of the serialised view.
    pub schema: Schema,
}

impl ViewSchema {
    /// The schema of a view struct.
    #[must_use]
    pub fn of<V: View>() -> Self {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        Self { kind: V::KIND, doc: V::DOC, schema: generator.into_root_schema_for::<V>() }
    }
}

/// Every view kind that rules may be written for.
#[derive(Clone, Debug, Default)]
pub struct Schemas {
    kinds: BTreeMap<&'static str, ViewSchema>,
}

impl Schemas {
    /// No view kinds.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same kinds and `V`.
    #[must_use]
    pub fn with<V: View>(mut self) -> Self {
        self.kinds.insert(V::KIND, ViewSchema::of::<V>());
        self
    }

    /// The schema of a kind.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&ViewSchema> {
        self.kinds.get(kind)
    }

    /// Every kind, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &ViewSchema> {
        self.kinds.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Located, Span};

    fn at(start: usize) -> Location {
        Location::new(FileId(3), Span::new(start, start + 1))
    }

    #[derive(Serialize)]
    struct Hop {
        address: Located<String>,
        port: u16,
        zone: Option<String>,
        mode: Located<&'static str>,
    }

    #[derive(Serialize)]
    struct Toy {
        hops: Vec<Located<Hop>>,
        labels: std::collections::HashMap<String, u8>,
    }

    fn toy(offset: usize) -> Located<Toy> {
        let hop = |n: usize| Hop {
            address: Located::at(format!("10.0.0.{n}"), at(offset + n)),
            port: 53,
            zone: None,
            mode: Located::default_value("udp"),
        };
        let hops = vec![Located::at(hop(1), at(offset + 10)), Located::at(hop(2), at(offset + 20))];
        Located::at(Toy { hops, labels: [("b".into(), 2), ("a".into(), 1)].into() }, at(offset))
    }

    #[test]
    fn origins_survive_and_are_inherited_but_defaults_stand_nowhere() {
        let value = to_view(&toy(100)).unwrap();
        let origins = |path: &str| {
            let path = ViewPath::parse(path).unwrap();
            path.select(&value).iter().map(|(steps, _)| value.origins_at(steps).to_vec()).collect::<Vec<_>>()
        };
        assert_eq!(value.origins, vec![at(100)]);
        assert_eq!(origins("hops.address"), vec![vec![at(101)], vec![at(102)]]);
        assert_eq!(origins("hops[1].port"), vec![vec![at(120)]], "inherits the hop's place");
        assert_eq!(origins("hops[0].mode"), vec![vec![]], "a default stands nowhere");
        assert_eq!(origins("hops[0].zone"), vec![vec![]], "so does an absent option");
        assert_eq!(origins("hops[7].port"), Vec::<Vec<Location>>::new());
    }

    #[test]
    fn content_ignores_origins_and_map_order() {
        let (a, b) = (to_view(&toy(0)).unwrap(), to_view(&toy(500)).unwrap());
        assert_ne!(a, b);
        assert!(a.same_content(&b));
        assert_eq!(a.content_hash(), b.content_hash());
        let mut other = toy(0);
        other.value.labels.insert("c".into(), 3);
        assert_ne!(to_view(&other).unwrap().content_hash(), a.content_hash());
        assert_eq!(
            serde_json::to_string(&a.to_json()).unwrap(),
            r#"{"hops":[{"address":"10.0.0.1","port":53,"zone":null,"mode":"udp"},{"address":"10.0.0.2","port":53,"zone":null,"mode":"udp"}],"labels":{"a":1,"b":2}}"#
        );
        assert_eq!(a.to_template().to_string(), b.to_template().to_string());
    }
}
