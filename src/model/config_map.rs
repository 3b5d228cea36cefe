//! ConfigMaps: each value is a text of its own that maps back to the file.

use super::object::Meta;
use super::read::At;
use crate::source::{FileId, Located, Location, Span, TextMap};
use crate::syntax::yaml::Style;

/// A ConfigMap.
#[derive(Clone, Debug)]
pub struct ConfigMap {
    /// Identity.
    pub meta: Meta,
    /// `data`, in file order.
    pub data: Vec<ConfigEntry>,
}

/// One key of `data`.
#[derive(Clone, Debug)]
pub struct ConfigEntry {
    /// The key.
    pub key: Located<String>,
    /// The value.
    pub text: EmbeddedText,
}

/// A text inside a file: a ConfigMap value, or a whole file.
#[derive(Clone, Debug)]
pub struct EmbeddedText {
    /// The decoded text.
    pub text: String,
    /// The file it stands in.
    pub file: FileId,
    /// Where each byte of `text` stands.
    pub map: TextMap,
    /// The value as a whole.
    pub location: Location,
    /// The key under which the value stands; `None` for a whole file.
    pub key_location: Option<Location>,
    /// How the value is written; `None` for a whole file.
    pub style: Option<Style>,
}

impl EmbeddedText {
    /// The text of a whole file.
    #[must_use]
    pub fn whole_file(file: FileId, text: &str) -> Self {
        let map = TextMap::identity(0, text.len());
        let location = Location::new(file, Span::new(0, text.len()));
        Self { text: text.to_owned(), file, map, location, key_location: None, style: None }
    }

    /// The decoded scalar at `value`.
    #[must_use]
    pub fn read(value: At<'_>) -> Option<Self> {
        let text = value.node.scalar_text()?.to_owned();
        let location = value.location();
        let map = value.node.text_map();
        let map = value.place.map.as_ref().map_or_else(|| map.clone(), |outer| map.through(outer));
        let key_location = value.node.key_of().map(|span| value.place.locate(span));
        Some(Self { text, file: value.place.file, map, location, key_location, style: Some(value.node.style()) })
    }

    /// The place in the file of a span of the text.
    #[must_use]
    pub fn locate(&self, span: Span) -> Location {
        Location::new(self.file, self.map.span(span))
    }
}

impl ConfigMap {
    /// Reads a ConfigMap object.
    #[must_use]
    pub fn read(meta: Meta, object: At<'_>) -> Self {
        let entries = object.get("data").map(|data| {
            data.entries()
                .filter_map(|(key, value)| Some(ConfigEntry { key: key.text()?, text: EmbeddedText::read(value)? }))
                .collect()
        });
        Self { meta, data: entries.unwrap_or_default() }
    }

    /// The entry with that key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&ConfigEntry> {
        self.data.iter().rev().find(|entry| entry.key.value == key)
    }
}
