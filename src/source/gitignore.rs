//! What git ignores: `.gitignore` of each directory, `.git/info/exclude`, innermost first (gitignore(5)).

use super::disk;
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest ignore file that is honoured, in bytes.
const MAX_IGNORE_FILE: u64 = 256 << 10;

/// Directories looked at above a given path for the top of its repository.
const MAX_PARENTS: usize = 64;

/// The ignore rules in force in a directory: its own and those of the directories above.
#[derive(Clone, Debug, Default)]
pub(crate) struct IgnoreRules(Option<Arc<Rules>>);

#[derive(Debug)]
struct Rules {
    own: Gitignore,
    above: IgnoreRules,
}

impl IgnoreRules {
    /// The rules for a directory that the walk starts in: those of its repository, from the top down to its parent.
    pub(crate) fn for_start(directory: &Path) -> Self {
        let Some(top) = repository_top(directory) else { return Self::default() };
        let mut rules = Self::default().with_file(&top, &top.join(".git/info/exclude"));
        let between: Vec<&Path> = directory.ancestors().skip(1).take_while(|above| above.starts_with(&top)).collect();
        for above in between.into_iter().rev() {
            rules = rules.with_file(above, &above.join(".gitignore"));
        }
        rules
    }

    /// These rules and those of an ignore file, read through the same safe door as any input.
    pub(crate) fn with_file(&self, directory: &Path, file: &Path) -> Self {
        let Ok(text) = disk::read(file, MAX_IGNORE_FILE) else { return self.clone() };
        let mut builder = GitignoreBuilder::new(directory);
        for line in text.text.trim_start_matches('\u{feff}').lines() {
            // A line that is no valid pattern ignores nothing, as with git.
            let _ = builder.add_line(None, line);
        }
        builder.build().map_or_else(|_| self.clone(), |own| Self(Some(Arc::new(Rules { own, above: self.clone() }))))
    }

    /// Whether git would ignore this path.
    pub(crate) fn ignores(&self, path: &Path, is_directory: bool) -> bool {
        let mut rules = self;
        while let Some(inner) = &rules.0 {
            match inner.own.matched(path, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => rules = &inner.above,
            }
        }
        false
    }
}

/// The nearest directory at or above this one that has a `.git`.
pub(crate) fn repository_top(directory: &Path) -> Option<PathBuf> {
    let has_git = |at: &&Path| disk::look(&at.join(".git")).is_ok();
    directory.ancestors().take(MAX_PARENTS).find(has_git).map(Path::to_owned)
}
