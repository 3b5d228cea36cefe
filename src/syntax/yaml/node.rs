//! A value of a document: what it is, where it stands, what it holds.

use super::decode;
use super::scalar::{self, Scalar};
use super::tree::{Data, Kind, NONE, Node, Style, Tree};
use crate::source::{Span, TextMap};
use std::borrow::Cow;
use std::fmt;

/// A value at one place of a document. Copying is free.
///
/// Aliases (`*name`) are followed by everything that asks for content (`get`, `items`, `scalar`, `text_map`, `kind`);
/// what asks for the place (`span`, `key_of`, `entry_span`) speaks of the alias itself. [`NodeRef::target`] goes over to
/// the anchored value.
#[derive(Clone, Copy)]
pub struct NodeRef<'a> {
    pub(super) tree: &'a Tree,
    pub(super) id: u32,
}

impl<'a> NodeRef<'a> {
    pub(super) const fn new(tree: &'a Tree, id: u32) -> Self {
        Self { tree, id }
    }

    fn raw(self) -> Option<&'a Node> {
        self.tree.node(self.id)
    }

    pub(super) fn resolved(self) -> Option<(Self, &'a Node)> {
        let (id, node) = self.tree.resolve(self.id)?;
        Some((Self { id, ..self }, node))
    }

    /// The bytes of the value: with its quotes or brackets; a block text from its `|` to the end of its last line that
    /// is not blank; a block collection from its first key or `-` to the end of its last value. Anchors and tags stay
    /// outside. A value that is left out is empty and stands behind its `:` or `-`.
    #[must_use]
    pub fn span(self) -> Span {
        self.raw().map_or_else(Span::default, span_of)
    }

    /// The value that an alias stands for; any other value is its own target.
    #[must_use]
    pub fn target(self) -> Self {
        self.resolved().map_or(self, |(target, _)| target)
    }

    /// Whether the value is written as an alias `*name`.
    #[must_use]
    pub fn is_alias(self) -> bool {
        self.raw().is_some_and(|node| matches!(node.data, Data::Alias(_)))
    }

    /// What the value is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self.resolved().map(|(_, node)| node.data) {
            Some(Data::Seq(_)) => Kind::Seq,
            Some(Data::Map(_)) => Kind::Map,
            _ if matches!(self.scalar(), None | Some(Scalar::Null)) => Kind::Null,
            _ => Kind::Scalar,
        }
    }

    /// How the value is written.
    #[must_use]
    pub fn style(self) -> Style {
        self.resolved().map_or(Style::Plain, |(_, node)| node.style)
    }

    /// Whether the value is a block text (`|` or `>`).
    #[must_use]
    pub fn is_block_scalar(self) -> bool {
        matches!(self.style(), Style::Literal | Style::Folded)
    }

    /// Decoded text of a scalar, whatever its type; `""` for a value that is left out.
    #[must_use]
    pub fn scalar_text(self) -> Option<&'a str> {
        match self.resolved()?.1.data {
            Data::Scalar(text) => Some(self.tree.text_of(text)),
            _ => None,
        }
    }

    /// The scalar as Kubernetes sees it; a text that its tag forbids (`!!int x`) stays a string.
    #[must_use]
    pub fn scalar(self) -> Option<Scalar<'a>> {
        let text = self.scalar_text()?;
        let (_, node) = self.resolved()?;
        Some(scalar::resolve(text, node.style, node.tag).unwrap_or(Scalar::Str(text)))
    }

    /// The text of a scalar that Kubernetes reads as a string: `None` for `yes`, `10`, `null` without quotes.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self.scalar()? {
            Scalar::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self.scalar()? {
            Scalar::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a whole number that fits.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self.scalar()? {
            Scalar::Int(value) => i64::try_from(value).ok(),
            _ => None,
        }
    }

    /// Whether the value is null, written or left out.
    #[must_use]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The JSON key this scalar makes as a key of a mapping: `y` makes `true`, `0x10` makes `16`, null makes none.
    #[must_use]
    pub fn key_text(self) -> Option<Cow<'a, str>> {
        let text = self.scalar_text()?;
        let (_, node) = self.resolved()?;
        scalar::key_text(text, node.style, node.tag)
    }

    /// Where each byte of [`NodeRef::scalar_text`] stands in the file; empty for what is no scalar.
    #[must_use]
    pub fn text_map(self) -> TextMap {
        let Some((target, node)) = self.resolved() else { return TextMap::default() };
        let Data::Scalar(text) = node.data else { return TextMap::default() };
        decode::text_map(self.tree, target.id, node, text)
    }

    /// The mapping or list that holds this value.
    #[must_use]
    pub fn parent(self) -> Option<Self> {
        let parent = self.raw()?.parent;
        (parent != NONE).then_some(Self { id: parent, ..self })
    }

    /// The nearest enclosing value (or this one) that stands behind a key.
    fn keyed(self) -> Option<&'a Node> {
        let mut id = self.id;
        loop {
            let node = self.tree.node(id)?;
            if node.key != NONE {
                return Some(node);
            }
            // Ids fall towards the root, so this ends.
            id = node.parent;
        }
    }

    /// The key under which this value stands; for an item of a list, the key of the list.
    #[must_use]
    pub fn key(self) -> Option<Self> {
        self.keyed().map(|node| Self { id: node.key, ..self })
    }

    /// Span of the key under which this value stands; for an item of a list, of the key of the list.
    #[must_use]
    pub fn key_of(self) -> Option<Span> {
        self.key().map(Self::span)
    }

    /// From the key under which this value stands to the end of that key's value; without a key, the value alone.
    #[must_use]
    pub fn entry_span(self) -> Span {
        let Some(node) = self.keyed() else { return self.span() };
        let key = Self { id: node.key, ..self }.span();
        key.join(span_of(node))
    }
}

fn span_of(node: &Node) -> Span {
    Span::new(node.start as usize, node.end as usize)
}

impl fmt::Debug for NodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = self.span();
        match self.scalar() {
            Some(scalar) => write!(f, "{scalar:?}@{}..{}", span.start, span.end),
            None => write!(f, "{:?}@{}..{}", self.kind(), span.start, span.end),
        }
    }
}
