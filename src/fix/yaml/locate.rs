//! From a place in the text to the value that stands there.

use crate::fix::build::Workshop;
use crate::source::{FileId, Location, Span};
use crate::syntax::yaml::{Document, NodeRef, Yaml};

/// One step from a value to a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::fix) enum Step {
    /// A key of a mapping.
    Key(String),
    /// An item of a list, from 0.
    Index(usize),
}

/// A value found by its place.
pub(in crate::fix) struct Found<'a> {
    /// Steps from the root.
    pub path: Vec<Step>,
    /// Every value from the root to the one that was found.
    pub line: Vec<NodeRef<'a>>,
    /// The innermost value around the place; with `on_key`, the value of that key.
    pub node: NodeRef<'a>,
    /// The place lies in the key.
    pub on_key: bool,
}

/// A document with what was read beside it.
#[derive(Clone, Copy)]
pub(in crate::fix) struct Page<'y> {
    /// The file.
    pub file: FileId,
    /// The document.
    pub document: &'y Document,
    /// What it was read with: its errors and comments, and perhaps those of other documents.
    pub read: &'y Yaml,
}

/// The document around a place; `None` too when the run has no work left for a document of that size.
pub(in crate::fix) fn document_at<'y>(workshop: &Workshop<'_>, read: &'y Yaml, at: Location) -> Option<Page<'y>> {
    let page = page_at(read, at)?;
    workshop.spend(page.document.span.len()).then_some(page)
}

/// The document around a place that was found before.
pub(super) fn page_at(read: &Yaml, at: Location) -> Option<Page<'_>> {
    let index = read.documents.partition_point(|document| document.span.start <= at.span.start).checked_sub(1)?;
    let document = read.documents.get(index).filter(|document| document.span.covers(at.span))?;
    Some(Page { file: at.file, document, read })
}

/// The innermost value around a place. Aliases are not entered: what they stand for is written elsewhere.
pub(in crate::fix) fn locate(root: NodeRef<'_>, at: Span) -> Found<'_> {
    let mut found = Found { path: Vec::new(), line: vec![root], node: root, on_key: false };
    while !found.on_key && !found.node.is_alias() {
        let Some((step, node, on_key)) = child(found.node, at) else { break };
        found.path.push(step);
        found.line.push(node);
        found.node = node;
        found.on_key = on_key;
    }
    found
}

fn child(node: NodeRef<'_>, at: Span) -> Option<(Step, NodeRef<'_>, bool)> {
    for (key, value) in node.pairs() {
        let on_key = key.span().covers(at);
        if on_key || value.span().covers(at) || key.span().join(value.span()).covers(at) {
            // between key and value, or over both, the entry as a whole is meant
            let whole = !value.span().covers(at);
            return Some((Step::Key(key.key_text()?.into_owned()), value, whole));
        }
    }
    let mut items = node.items().enumerate();
    items.find(|(_, item)| item.span().covers(at)).map(|(index, item)| (Step::Index(index), item, false))
}
