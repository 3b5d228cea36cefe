//! Reading typed values out of a YAML tree while keeping where they stand.

use super::string_map::StringMap;
use crate::source::{FileId, Located, Location, Span, TextMap};
use crate::syntax::yaml::{Kind, NodeRef, Scalar};

/// The file a YAML tree stands in; a tree inside a ConfigMap value maps its spans through the value's text map.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file.
    pub file: FileId,
    /// Set where the YAML text is itself a decoded scalar of that file.
    pub map: Option<TextMap>,
}

impl Place {
    /// YAML that is the file's own text.
    #[must_use]
    pub const fn file(file: FileId) -> Self {
        Self { file, map: None }
    }

    /// YAML inside a decoded scalar.
    #[must_use]
    pub const fn inside(file: FileId, map: TextMap) -> Self {
        Self { file, map: Some(map) }
    }

    /// The place in the file of a span of the YAML text.
    #[must_use]
    pub fn locate(&self, span: Span) -> Location {
        Location::new(self.file, self.map.as_ref().map_or(span, |map| map.span(span)))
    }
}

/// A YAML node together with the place of its tree.
#[derive(Clone, Copy)]
pub struct At<'a> {
    /// The node.
    pub node: NodeRef<'a>,
    /// Where its tree stands.
    pub place: &'a Place,
}

impl<'a> At<'a> {
    /// A node of the tree at `place`.
    #[must_use]
    pub const fn new(node: NodeRef<'a>, place: &'a Place) -> Self {
        Self { node, place }
    }

    /// The place of the value.
    #[must_use]
    pub fn location(self) -> Location {
        self.place.locate(self.node.span())
    }

    /// The value under `key`, unless it is absent or null.
    #[must_use]
    pub fn get(self, key: &str) -> Option<Self> {
        let node = self.node.get(key)?;
        (node.kind() != Kind::Null).then_some(Self { node, place: self.place })
    }

    /// The value under a chain of keys.
    #[must_use]
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |at, key| at.get(key))
    }

    /// The place of `key: value` as a whole: what a label on "this setting" covers.
    #[must_use]
    pub fn entry_location(self, key: &str) -> Option<Location> {
        let value = self.node.get(key)?;
        let span = self.node.key_span(key).map_or(value.span(), |k| k.join(value.span()));
        Some(self.place.locate(span))
    }

    /// The place of `key` alone.
    #[must_use]
    pub fn key_location(self, key: &str) -> Option<Location> {
        self.node.key_span(key).map(|span| self.place.locate(span))
    }

    /// The items of a sequence; empty for anything else.
    pub fn items(self) -> impl Iterator<Item = Self> + 'a {
        let place = self.place;
        self.node.items().map(move |node| Self { node, place })
    }

    /// The decoded text of a scalar of any type (`port: 53` reads as `53`).
    #[must_use]
    pub fn text(self) -> Option<Located<String>> {
        self.node.scalar_text().map(|text| Located::at(text.to_owned(), self.location()))
    }

    /// The text under `key`.
    #[must_use]
    pub fn text_at(self, key: &str) -> Option<Located<String>> {
        self.get(key)?.text()
    }

    /// The boolean under `key`, by the rules of the Kubernetes YAML reader (`yes` is true).
    #[must_use]
    pub fn bool_at(self, key: &str) -> Option<Located<bool>> {
        let at = self.get(key)?;
        match at.node.scalar()? {
            Scalar::Bool(value) => Some(Located::at(value, at.location())),
            _ => None,
        }
    }

    /// The integer under `key`.
    #[must_use]
    pub fn int_at(self, key: &str) -> Option<Located<i64>> {
        let at = self.get(key)?;
        at.node.as_i64().map(|value| Located::at(value, at.location()))
    }

    /// The texts of the sequence under `key`.
    #[must_use]
    pub fn texts_at(self, key: &str) -> Vec<Located<String>> {
        self.get(key).map(|list| list.items().filter_map(Self::text).collect()).unwrap_or_default()
    }

    /// The string map under `key` (labels, selectors, annotations); each value located at `key: value`.
    #[must_use]
    pub fn string_map_at(self, key: &str) -> StringMap {
        self.get(key).map(Self::string_map).unwrap_or_default()
    }

    /// This mapping as a string map; each value located at its `key: value`.
    #[must_use]
    pub fn string_map(self) -> StringMap {
        self.entries()
            .filter_map(|(key, value)| {
                let name = key.node.scalar_text()?.to_owned();
                let location = self.place.locate(key.node.span().join(value.node.span()));
                Some((name, Located::at(value.node.scalar_text()?.to_owned(), location)))
            })
            .collect()
    }

    /// The (key, value) pairs of a mapping, in file order.
    pub fn entries(self) -> impl Iterator<Item = (Self, Self)> + 'a {
        let place = self.place;
        self.node.entries().map(move |entry| (Self { node: entry.key, place }, Self { node: entry.value, place }))
    }
}
