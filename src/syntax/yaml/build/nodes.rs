//! Growing the tree: nodes are added under the innermost open collection, which is closed in its turn.

use super::super::tree::{Data, NONE, Node, Style, Tag, Text};
use super::super::{check, repair};
use super::{Anchor, Builder, Open, narrow};
use crate::source::Span;
use granit_parser::StructureStyle;

impl Builder<'_> {
    pub(super) fn define(&mut self, anchor: usize, value: Anchor) {
        if anchor == 0 {
            return;
        }
        if self.anchors.len() <= anchor {
            self.anchors.resize(anchor + 1, None);
        }
        if let Some(slot) = self.anchors.get_mut(anchor) {
            *slot = Some(value);
        }
    }

    pub(super) fn open(&mut self, is_map: bool, style: StructureStyle, anchor: usize, span: Span) {
        let is_flow = style == StructureStyle::Flow;
        let under_key = self.open.last().is_some_and(|open| open.is_map);
        let span = if is_flow {
            self.places.pass(span.end);
            span
        } else {
            let start = if is_map { span.start } else { self.places.list_start(span.start, under_key) };
            self.places.pass(start);
            Span::new(start, start)
        };
        let data = if is_map { Data::Map(0) } else { Data::Seq(0) };
        let node = self.add(data, span, if is_flow { Style::Flow } else { Style::Block }, Tag::None, 1);
        self.define(anchor, Anchor { node, size: None });
        self.open.push(Open {
            node,
            last_child: NONE,
            count: 0,
            key: NONE,
            is_map,
            is_flow,
            joined: false,
            anchor,
            size: 1,
        });
    }

    /// Adds a node under the innermost open collection.
    pub(super) fn add(&mut self, data: Data, span: Span, style: Style, tag: Tag, size: u64) -> u32 {
        let nodes = &mut self.out.tree.nodes;
        let id = narrow(nodes.len());
        let (mut parent, mut key) = (NONE, NONE);
        if let Some(open) = self.open.last_mut() {
            parent = open.node;
            if let Some(previous) = nodes.get_mut(open.last_child as usize) {
                previous.next = id;
            }
            open.last_child = id;
            if open.is_map && open.count % 2 == 1 {
                key = open.key;
            } else {
                open.key = id;
            }
            open.count += 1;
            // Collections add their size when they close.
            if matches!(data, Data::Scalar(_) | Data::Alias(_)) {
                open.size = open.size.saturating_add(size);
            }
        } else {
            self.doc.root = Some(id);
            self.doc.expanded = size;
        }
        let (start, end) = (narrow(span.start), narrow(span.end));
        nodes.push(Node { start, end, parent, next: NONE, key, data, style, tag, shadowed: false, merge: false });
        id
    }

    /// Closes the innermost collection; `end` is where a flow collection ends, if its bracket was found.
    pub(super) fn close(&mut self, end: Option<usize>) {
        let Some(open) = self.open.pop() else { return };
        if self.unwrap_pair(&open) {
            self.count_closed(&Open { size: 1, ..open });
            return;
        }
        let nodes = &mut self.out.tree.nodes;
        let last_end = nodes.get(open.last_child as usize).map(|child| child.end);
        if let Some(node) = nodes.get_mut(open.node as usize) {
            node.data = if open.is_map { Data::Map(open.count) } else { Data::Seq(open.count) };
            node.end = match end {
                Some(end) if open.is_flow => narrow(end),
                _ => last_end.unwrap_or(node.end).max(node.end),
            };
        }
        if let (Some(end), true) = (end, open.is_flow) {
            self.places.pass(end);
        }
        self.count_closed(&open);
        if open.is_map {
            self.out.errors.extend(check::keys(&mut self.out.tree, open.node));
        }
    }

    /// Adds the size of a closed collection to its parent and makes its anchor known.
    fn count_closed(&mut self, open: &Open) {
        match self.open.last_mut() {
            Some(parent) => parent.size = parent.size.saturating_add(open.size),
            None => self.doc.expanded = open.size,
        }
        self.define(open.anchor, Anchor { node: open.node, size: Some(open.size) });
    }

    /// Within brackets go-yaml takes a colon without a blank behind it for text: `[64:ff9b::]` is a list of one text, not of
    /// one mapping. Called in front of a value that is left out at `at`: gives the colon back to the key.
    pub(super) fn join_colon(&mut self, at: usize) {
        let Some(open) = self.open.last_mut().filter(|open| open.is_flow) else { return };
        let Some(key) = self.out.tree.nodes.get_mut(open.last_child as usize) else { return };
        let adjacent = key.style == Style::Plain && key.end as usize == at && key.start < key.end;
        if let Data::Scalar(Text::File { len, .. }) = &mut key.data
            && adjacent
            && repair::colon_of_text(self.text, at).is_some()
        {
            *len += 1;
            key.end += 1;
            open.joined = true;
        }
    }

    /// Makes a list's `x:` that was read as a mapping of one key a text again.
    fn unwrap_pair(&mut self, open: &Open) -> bool {
        let nodes = &mut self.out.tree.nodes;
        let (map, key) = (open.node as usize, open.node as usize + 1);
        // An anchor on the key would refer to a node that goes away.
        let anchored = self.anchors.last().is_some_and(|last| last.is_none_or(|anchor| anchor.node > open.node));
        let (Some(pair), Some(text)) = (nodes.get(map).copied(), nodes.get(key).copied()) else { return false };
        if !open.joined || anchored || open.count != 2 || nodes.len() != map + 3 || pair.start != pair.end {
            return false;
        }
        nodes.truncate(key);
        if let Some(node) = nodes.get_mut(map) {
            *node = Node { parent: pair.parent, next: NONE, key: pair.key, ..text };
        }
        true
    }

    /// Closes what an error left open; a key without value gets null.
    pub(super) fn close_all(&mut self) {
        while let Some(open) = self.open.last() {
            if open.is_map && open.count % 2 == 1 {
                let end = self.out.tree.node(open.last_child).map_or(self.body.start, |key| key.end as usize);
                let data = Data::Scalar(Text::File { start: narrow(end), len: 0 });
                self.add(data, Span::new(end, end), Style::Plain, Tag::None, 1);
            }
            self.close(None);
        }
    }
}
