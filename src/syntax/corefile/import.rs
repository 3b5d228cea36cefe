//! The `import` statement: what it may name, and where the named text comes from.

use super::token::{FileIndex, ImportIndex, Place};

/// A file that an `import` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedFile {
    /// Absolute path in the file system of the CoreDNS process.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// What an `import` pattern finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Import {
    /// The files that match, in lexical order of their paths.
    Files(Vec<ImportedFile>),
    /// Nothing matches, and that is certain.
    NoMatch,
    /// The path, or the first match, is a directory.
    Directory(String),
    /// The path exists and cannot be read; the operating system's reason.
    Unreadable(String, String),
    /// The input does not tell what is at that path.
    Unknown,
}

/// Gives the parser the files that `import` statements name.
pub trait ImportResolver {
    /// The files that match an absolute pattern with at most one `*` and one `?`; see [`matches_glob`].
    fn glob(&self, pattern: &str) -> Import;
}

/// A resolver that knows no file: every import stays unresolved.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoImports;

impl ImportResolver for NoImports {
    fn glob(&self, _pattern: &str) -> Import {
        Import::Unknown
    }
}

/// What became of an `import` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportOutcome {
    /// The words of a snippet were put in its place.
    Snippet,
    /// The words of these files were put in its place.
    Files(Vec<FileIndex>),
    /// A pattern with a wildcard matched nothing: CoreDNS logs a warning and goes on.
    NothingMatched,
    /// The input does not say what the statement finds.
    Unknown,
    /// CoreDNS refuses the statement; the error is in [`Corefile::errors`](super::Corefile::errors).
    Refused,
}

/// An `import` statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportSite {
    /// The word `import` up to its argument.
    pub place: Place,
    /// The argument after replacement of environment references.
    pub argument: String,
    /// The absolute pattern for a file import, empty for a snippet.
    pub pattern: String,
    /// The import that brought in this statement itself.
    pub parent: Option<ImportIndex>,
    /// The statement of the main file (or of itself) at the start of that chain.
    pub root: ImportIndex,
    /// What it found.
    pub outcome: ImportOutcome,
}

/// The absolute, cleaned pattern of an import argument that stands in a file of `directory` (`filepath.Join`).
#[must_use]
pub fn absolute_pattern(argument: &str, directory: &str) -> String {
    if argument.starts_with('/') { argument.to_owned() } else { clean_path(&format!("{directory}/{argument}")) }
}

/// The directory part of a path: `/` for `/x`, empty for `x`.
#[must_use]
pub fn directory_of(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((directory, _)) => directory,
        None => "",
    }
}

/// Removes `.`, `..` and doubled slashes from a path without looking at the file system (`filepath.Clean`).
fn clean_path(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if rooted => {}
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if rooted { format!("/{joined}") } else { joined }
}

/// Whether CoreDNS refuses the pattern for having too many wildcards.
pub(super) fn too_many_wildcards(pattern: &str) -> bool {
    let count = |c: char| pattern.chars().filter(|p| *p == c).count();
    count('*') > 1 || count('?') > 1 || (pattern.contains('[') && pattern.contains(']'))
}

/// Whether the pattern is no pattern (`filepath.Match`): a class never closed, a backslash with nothing behind it.
pub(super) fn is_malformed(pattern: &str) -> bool {
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c == '[' || (c == '\\' && chars.next().is_none()) {
            return true; // closed classes are refused before
        }
    }
    false
}

/// Whether the pattern has a wildcard character, so that matching nothing is no error.
#[must_use]
pub fn has_wildcard(pattern: &str) -> bool {
    pattern.contains(['*', '?', '[', ']'])
}

/// Whether `path` matches `pattern`: `*` stands for any characters but `/`, `?` for one of them, a backslash
/// takes away the meaning of what follows (`filepath.Match`).
///
/// Patterns with more wildcards than an import accepts are matched as well, in time linear in the product of lengths.
#[must_use]
pub fn matches_glob(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<Sign>, Vec<char>) = (signs(pattern), path.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&c) = path.get(t) {
        match pattern.get(p) {
            Some(Sign::Many) => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(Sign::One) if c != '/' => {}
            Some(Sign::Literal(literal)) if *literal == c => {}
            _ => {
                let Some((at, from)) = star.filter(|(_, from)| path.get(*from).is_some_and(|c| *c != '/')) else {
                    return false;
                };
                star = Some((at, from + 1));
                (p, t) = (at + 1, from + 1);
                continue;
            }
        }
        p += 1;
        t += 1;
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|sign| matches!(sign, Sign::Many)))
}

/// A place of a pattern.
enum Sign {
    Many,
    One,
    Literal(char),
}

fn signs(pattern: &str) -> Vec<Sign> {
    let mut chars = pattern.chars();
    let mut signs = Vec::new();
    while let Some(c) = chars.next() {
        signs.push(match c {
            '*' => Sign::Many,
            '?' => Sign::One,
            '\\' => Sign::Literal(chars.next().unwrap_or('\\')),
            c => Sign::Literal(c),
        });
    }
    signs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_stay_in_their_directory() {
        assert!(matches_glob("/etc/coredns/custom/*.override", "/etc/coredns/custom/a.override"));
        assert!(matches_glob("/c/a?*.x", "/c/ab1.x"));
        assert!(!matches_glob("/c/a?*.x", "/c/a.x"));
        assert!(!matches_glob("/c/*.x", "/c/d/e.x"));
        assert!(!matches_glob("/c/*.x", "/c/e.xy"));
        assert!(matches_glob("/c/*", "/c/"));
        assert!(matches_glob("/c/a\\b\\*", "/c/ab*") && !matches_glob("/c/\\*", "/c/a"));
    }

    #[test]
    fn patterns_are_relative_to_the_importing_file() {
        assert_eq!(absolute_pattern("../b/./*.x", "/etc/coredns"), "/etc/b/*.x");
        assert_eq!(absolute_pattern("/x/../y", "/etc"), "/x/../y");
        assert_eq!((directory_of("/Corefile"), directory_of("/a/b"), directory_of("c")), ("/", "/a", ""));
    }
}
