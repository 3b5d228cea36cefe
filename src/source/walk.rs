//! A directory walk that is parallel and deterministic: level by level, each level in sorted order.

use super::disk::{self, Item};
use super::limits::Limits;
use rayon::prelude::*;
use std::io;
use std::path::PathBuf;

/// Directories that are listed at once; bounds what is held when a limit is reached.
const BATCH: usize = 64;

/// A directory on the way.
#[derive(Clone, Debug)]
pub(crate) struct Directory<C> {
    /// Where it is on disk.
    pub path: PathBuf,
    /// Its path relative to the start of the walk with `/`; empty for the start itself.
    pub relative: String,
    /// Directories between it and the start.
    pub depth: usize,
    /// What the directories above hand down.
    pub context: C,
}

impl<C> Directory<C> {
    /// Relative path of a name in it.
    pub(crate) fn child(&self, name: &str) -> String {
        if self.relative.is_empty() { name.to_owned() } else { format!("{}/{name}", self.relative) }
    }

    /// A directory in it.
    pub(crate) fn enter(&self, item: &Item, context: C) -> Self {
        Self { path: item.path.clone(), relative: self.child(&item.name), depth: self.depth + 1, context }
    }
}

/// What a visitor makes of one directory.
pub(crate) struct Visit<C, T> {
    /// Where to go on.
    pub directories: Vec<Directory<C>>,
    /// What was found.
    pub found: Vec<T>,
}

/// The names of a directory, or why they are not known.
pub(crate) type Listing = io::Result<Option<Vec<Item>>>;

/// Walks down from `start`; what is found comes in the same order on every run.
///
/// Returns `false` as second value when [`Limits::entries`] ended the walk. A single directory with more entries is
/// handed to the visitor as `Ok(None)`: which of its names the system tells first is not deterministic.
pub(crate) fn walk<C, T>(
    start: Directory<C>,
    limits: &Limits,
    visit: impl Fn(&Directory<C>, Listing) -> Visit<C, T> + Sync,
) -> (Vec<T>, bool)
where
    C: Send + Sync,
    T: Send,
{
    let mut level = vec![start];
    let mut found = Vec::new();
    let mut entries = 0;
    while !level.is_empty() {
        let mut next = Vec::new();
        for batch in level.chunks(BATCH) {
            let list = |directory: &Directory<C>| {
                let listing = disk::list(&directory.path, limits.entries);
                let count = listing.as_ref().map_or(0, |items| items.as_ref().map_or(0, Vec::len));
                (count, visit(directory, listing))
            };
            let visits: Vec<_> = batch.par_iter().map(list).collect();
            for (count, visit) in visits {
                entries += count;
                if entries > limits.entries {
                    return (found, false);
                }
                found.extend(visit.found);
                next.extend(visit.directories);
            }
        }
        level = next;
    }
    (found, true)
}
