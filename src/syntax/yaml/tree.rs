//! The arena: nodes in the order of the text, linked by 32-bit ids.

use super::node::NodeRef;
use crate::source::Span;
use std::sync::Arc;

/// "No node".
pub(super) const NONE: u32 = u32::MAX;

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Style {
    /// Unquoted text.
    Plain,
    /// `'…'`.
    SingleQuoted,
    /// `"…"`.
    DoubleQuoted,
    /// A block text after `|`.
    Literal,
    /// A block text after `>`, whose lines are joined.
    Folded,
    /// `[…]` or `{…}`.
    Flow,
    /// A list with `- ` or a mapping in lines of its own.
    Block,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Null, written or left out; also an alias that leads nowhere.
    Null,
    /// A text, number or boolean.
    Scalar,
    /// A list.
    Seq,
    /// A mapping.
    Map,
}

/// Explicit type of a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    None,
    Str,
    Int,
    Float,
    Bool,
    Null,
    /// Local and unknown tags: the text stays text.
    Other,
}

/// Where the decoded text of a scalar is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Text {
    /// In the file, byte for byte.
    File { start: u32, len: u32 },
    /// In [`Tree::decoded`].
    Decoded { start: u32, len: u32 },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Data {
    Scalar(Text),
    /// Number of items.
    Seq(u32),
    /// Number of keys and values together.
    Map(u32),
    /// The anchored node, or [`NONE`].
    Alias(u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Node {
    pub start: u32,
    pub end: u32,
    pub parent: u32,
    /// Next item, key or value of the same parent.
    pub next: u32,
    /// The key of a mapping's value.
    pub key: u32,
    pub data: Data,
    pub style: Style,
    pub tag: Tag,
    /// A key that a later equal key overrides.
    pub shadowed: bool,
    /// The key is a merge key `<<`.
    pub merge: bool,
}

/// Layout of a block text.
#[derive(Clone, Copy, Debug)]
pub(super) struct BlockText {
    pub node: u32,
    /// Columns taken off each line.
    pub indent: u32,
    /// End of the raw text, blank lines behind it included.
    pub end: u32,
}

/// All nodes of a file with the texts they refer to.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub text: Arc<str>,
    pub decoded: String,
    pub nodes: Vec<Node>,
    /// Ascending by node.
    pub block_texts: Vec<BlockText>,
}

impl Tree {
    pub(super) fn node(&self, id: u32) -> Option<&Node> {
        self.nodes.get(id as usize)
    }

    /// The node an alias leads to, or the node itself. Aliases never lead to aliases.
    pub(super) fn resolve(&self, id: u32) -> Option<(u32, &Node)> {
        let node = self.node(id)?;
        match node.data {
            Data::Alias(target) => self.node(target).map(|target_node| (target, target_node)),
            _ => Some((id, node)),
        }
    }

    /// First child in the order of the text: a node's children follow it at once.
    pub(super) fn first_child(&self, id: u32) -> Option<u32> {
        match self.node(id)?.data {
            Data::Seq(count) | Data::Map(count) if count > 0 => Some(id + 1),
            _ => None,
        }
    }

    pub(super) fn text_of(&self, text: Text) -> &str {
        let (whole, start, len): (&str, u32, u32) = match text {
            Text::File { start, len } => (&self.text, start, len),
            Text::Decoded { start, len } => (&self.decoded, start, len),
        };
        let start = start as usize;
        whole.get(start..start + len as usize).unwrap_or("")
    }

    pub(super) fn block_text(&self, id: u32) -> Option<BlockText> {
        let at = self.block_texts.binary_search_by_key(&id, |block| block.node).ok()?;
        self.block_texts.get(at).copied()
    }
}

/// Root of one document.
#[derive(Clone, Copy, Debug)]
pub(super) struct Root {
    pub node: u32,
    pub span: Span,
    pub complete: bool,
}

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Document {
    tree: Arc<Tree>,
    root: u32,
    complete: bool,
    /// The bytes between the separator lines.
    pub span: Span,
}

impl Document {
    pub(super) fn new(tree: Arc<Tree>, root: Root) -> Self {
        Self { tree, root: root.node, complete: root.complete, span: root.span }
    }

    /// The value of the document.
    #[must_use]
    pub fn root(&self) -> NodeRef<'_> {
        NodeRef::new(&self.tree, self.root)
    }

    /// Whether the document was read to its end; otherwise keys behind the first error are missing.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        self.complete
    }
}
