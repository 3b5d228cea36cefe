//! Unified diffs as `git apply` and `patch` take them.

use similar::{ChangeTag, DiffOp, capture_diff_slices, group_diff_ops};
use std::fmt::Write as _;

/// Lines shown around a change.
const CONTEXT: usize = 3;

/// A file before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The path as shown.
    pub path: String,
    /// The text before; `None` for a file that comes into being.
    pub old: Option<String>,
    /// The text after.
    pub new: String,
}

/// The changes as one patch, in their order. Paths are written relative: an absolute one is meant from the root.
#[must_use]
pub fn unified_diff(changes: &[Change]) -> String {
    let one = |change: &Change| {
        let path = change.path.trim_start_matches("./").trim_start_matches('/');
        unified(path, change.old.as_deref(), &change.new)
    };
    changes.iter().map(one).collect()
}

/// The diff between two states of a file; `None` as `old` for a file that is created. Empty where nothing changes.
///
/// Lines end at line feeds alone, as for git: a lone carriage return is part of its line. `path` is relative, with `/`.
#[must_use]
pub fn unified(path: &str, old: Option<&str>, new: &str) -> String {
    let before: Vec<&str> = old.unwrap_or_default().split_inclusive('\n').collect();
    let after: Vec<&str> = new.split_inclusive('\n').collect();
    let operations = capture_diff_slices(similar::Algorithm::Myers, &before, &after);
    let mut out = String::new();
    for group in group_diff_ops(operations, CONTEXT) {
        hunk(&mut out, &group, &before, &after);
    }
    if out.is_empty() {
        // git has no diff without hunks for an empty new file, only its extended header
        return if old.is_none() { empty_file(path) } else { out };
    }
    let from = if old.is_some() { quoted("a/", path) } else { "/dev/null".to_owned() };
    format!("--- {from}\n+++ {}\n{out}", quoted("b/", path))
}

fn empty_file(path: &str) -> String {
    format!("diff --git {} {}\nnew file mode 100644\n", quoted("a/", path), quoted("b/", path))
}

fn hunk(out: &mut String, group: &[DiffOp], before: &[&str], after: &[&str]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else { return };
    let range = |from: usize, to: usize| match to - from {
        // an empty range stands behind the line before it
        0 => format!("{from},0"),
        1 => format!("{}", from + 1),
        count => format!("{},{count}", from + 1),
    };
    let old = range(first.old_range().start, last.old_range().end);
    let new = range(first.new_range().start, last.new_range().end);
    let _ = writeln!(out, "@@ -{old} +{new} @@");
    for change in group.iter().flat_map(|op| op.iter_changes(before, after)) {
        let sign = match change.tag() {
            ChangeTag::Equal => ' ',
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
        };
        let line = change.value();
        let _ = write!(out, "{sign}{line}");
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

/// A path as git writes it: in quotes with escapes where it holds a control character, a quote or a backslash.
fn quoted(prefix: &str, path: &str) -> String {
    let plain = |c: char| !c.is_control() && c != '"' && c != '\\';
    if path.chars().all(plain) {
        // git takes a tab for the end of a name with blanks
        let end = if path.contains(' ') { "\t" } else { "" };
        return format!("{prefix}{path}{end}");
    }
    let mut out = format!("\"{prefix}");
    for byte in path.bytes() {
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            0x20..=0x7e => out.push(char::from(byte)),
            _ => {
                let _ = write!(out, "\\{byte:03o}");
            }
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_new_files_and_missing_line_ends() {
        assert_eq!(unified("x", Some("a\n"), "a\n"), "");
        assert_eq!(unified("x", Some("a\nb\n"), "a\nc\n"), "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n");
        assert_eq!(unified("x", None, "a\n"), "--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+a\n");
        let marker = "\\ No newline at end of file\n";
        assert_eq!(unified("x", Some("a"), "b\n"), format!("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n{marker}+b\n"));
        assert_eq!(unified("x", Some("a\r\n"), "b\r\n"), "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\r\n+b\r\n");
        assert_eq!(unified("x", None, ""), "diff --git a/x b/x\nnew file mode 100644\n");
    }

    #[test]
    fn names_as_git_reads_them() {
        assert_eq!(quoted("a/", "nodes/gw 1/x"), "a/nodes/gw 1/x\t");
        assert_eq!(quoted("b/", "a\"b\\c\nd"), "\"b/a\\\"b\\\\c\\nd\"");
    }
}
