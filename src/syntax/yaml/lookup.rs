//! Walking: items of lists, entries of mappings, and what merge keys bring in.

use super::node::NodeRef;
use super::tree::{Data, Tree};
use super::{MAX_MERGE_DEPTH, MAX_MERGE_SOURCES};
use crate::source::Span;
use std::borrow::Cow;
use std::collections::BTreeSet;

/// A key and its value.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// The key.
    pub key: NodeRef<'a>,
    /// The value.
    pub value: NodeRef<'a>,
    /// Whether it comes in through a merge key `<<`; its spans then lie in the merged mapping.
    pub merged: bool,
}

impl<'a> Entry<'a> {
    /// The key as Kubernetes reads it, see [`NodeRef::key_text`].
    #[must_use]
    pub fn name(&self) -> Option<Cow<'a, str>> {
        self.key.key_text()
    }
}

/// Children of a node, from one sibling to the next.
struct Siblings<'a> {
    tree: &'a Tree,
    next: Option<u32>,
}

impl<'a> Iterator for Siblings<'a> {
    type Item = NodeRef<'a>;
    fn next(&mut self) -> Option<NodeRef<'a>> {
        let id = self.next?;
        // The last sibling's link is `NONE`, which no node has.
        self.next = self.tree.node(id).map(|node| node.next).filter(|next| self.tree.node(*next).is_some());
        Some(NodeRef::new(self.tree, id))
    }
}

/// The mappings that one mapping merges in, strongest first, each visited within fixed limits.
struct Merges<'a> {
    /// Mappings still to visit, last first, with the length of the chain that leads there.
    pending: Vec<(NodeRef<'a>, usize)>,
    visited: usize,
}

impl<'a> Merges<'a> {
    fn of(map: NodeRef<'a>) -> Self {
        let mut merges = Self { pending: Vec::new(), visited: 0 };
        merges.push_sources(map, 1);
        merges
    }

    fn push_sources(&mut self, map: NodeRef<'a>, depth: usize) {
        for (_, value) in map.pairs().filter(|(key, _)| key.is_merge()) {
            let from = self.pending.len();
            match value.target().data() {
                Some(Data::Map(_)) => self.pending.push((value.target(), depth)),
                Some(Data::Seq(_)) => self.pending.extend(value.items().map(|item| (item.target(), depth))),
                _ => {}
            }
            // Of one list the first mapping wins; of several merge keys the last.
            if let Some(sources) = self.pending.get_mut(from..) {
                sources.reverse();
            }
        }
    }
}

impl<'a> Iterator for Merges<'a> {
    type Item = NodeRef<'a>;
    fn next(&mut self) -> Option<NodeRef<'a>> {
        let (map, depth) = self.pending.pop()?;
        self.visited += 1;
        if self.visited > MAX_MERGE_SOURCES {
            return None;
        }
        if depth < MAX_MERGE_DEPTH {
            self.push_sources(map, depth + 1);
        }
        Some(map)
    }
}

impl<'a> NodeRef<'a> {
    fn data(self) -> Option<Data> {
        self.tree.node(self.id).map(|node| node.data)
    }

    fn children(self) -> Siblings<'a> {
        let next = self.resolved().and_then(|(target, _)| self.tree.first_child(target.id));
        Siblings { tree: self.tree, next }
    }

    fn is_merge(self) -> bool {
        self.tree.node(self.id).is_some_and(|node| node.merge)
    }

    fn is_shadowed(self) -> bool {
        self.tree.node(self.id).is_some_and(|node| node.shadowed)
    }

    /// The items of a list; nothing for any other value.
    pub fn items(self) -> impl Iterator<Item = NodeRef<'a>> + 'a {
        let is_list = matches!(self.target().data(), Some(Data::Seq(_)));
        self.children().filter(move |_| is_list)
    }

    /// Keys and values as written, with overridden duplicates and merge keys; nothing for what is no mapping.
    pub fn pairs(self) -> impl Iterator<Item = (NodeRef<'a>, NodeRef<'a>)> + 'a {
        let is_map = matches!(self.target().data(), Some(Data::Map(_)));
        let mut children = self.children();
        std::iter::from_fn(move || {
            if !is_map {
                return None;
            }
            Some((children.next()?, children.next()?))
        })
    }

    /// The effective entries of a mapping: its own in file order (the last of equal keys, as in kubectl), then those that
    /// merge keys add. Nothing for what is no mapping.
    pub fn entries(self) -> impl Iterator<Item = Entry<'a>> + 'a {
        let own = self.pairs().filter(|(key, _)| !key.is_merge() && !key.is_shadowed()).map(|(key, value)| Entry {
            key,
            value,
            merged: false,
        });
        own.chain(self.merged_entries())
    }

    /// The entries of a mapping as a reader sees them that keeps all of equal keys (yaml.v2's `MapSlice`).
    pub fn all_entries(self) -> impl Iterator<Item = Entry<'a>> + 'a {
        let own =
            self.pairs().filter(|(key, _)| !key.is_merge()).map(|(key, value)| Entry { key, value, merged: false });
        own.chain(self.merged_entries())
    }

    fn merged_entries(self) -> Vec<Entry<'a>> {
        let mut sources = Merges::of(self).peekable();
        let mut added = Vec::new();
        if sources.peek().is_none() {
            return added;
        }
        let mut names: BTreeSet<Cow<'a, str>> = self.pairs().filter_map(|(key, _)| key.own_name()).collect();
        for source in sources {
            for (key, value) in source.pairs().filter(|(key, _)| !key.is_shadowed()) {
                if let Some(name) = key.own_name()
                    && names.insert(name)
                {
                    added.push(Entry { key, value, merged: true });
                }
            }
        }
        added
    }

    /// The key text of a key that is no merge key.
    fn own_name(self) -> Option<Cow<'a, str>> {
        if self.is_merge() { None } else { self.key_text() }
    }

    fn own_pair(self, name: &str) -> Option<(NodeRef<'a>, NodeRef<'a>)> {
        self.pairs().find(|(key, _)| !key.is_shadowed() && key.own_name().is_some_and(|own| own == name))
    }

    fn pair(self, name: &str) -> Option<(NodeRef<'a>, NodeRef<'a>)> {
        self.own_pair(name).or_else(|| Merges::of(self).find_map(|source| source.own_pair(name)))
    }

    /// The value of a key as kubectl sees it: the last of equal keys, then what merge keys bring.
    #[must_use]
    pub fn get(self, key: &str) -> Option<NodeRef<'a>> {
        self.pair(key).map(|(_, value)| value)
    }

    /// Span of the key that [`NodeRef::get`] finds.
    #[must_use]
    pub fn key_span(self, key: &str) -> Option<Span> {
        self.pair(key).map(|(key, _)| key.span())
    }

    /// The value at a path of keys.
    #[must_use]
    pub fn path(self, keys: &[&str]) -> Option<NodeRef<'a>> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }
}
