//! One file of the snapshot: its text, its places in the tree, and its lines.

use super::kind::FileKind;
use super::span::{FileId, Span};
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

/// Index of a node root in [`Snapshot::nodes`](super::Snapshot::nodes).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

impl NodeIndex {
    /// The index into the snapshot's node list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of a cluster in [`Snapshot::clusters`](super::Snapshot::clusters).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClusterIndex(pub u32);

impl ClusterIndex {
    /// The index into the snapshot's cluster list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in a text as people count it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Position {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters (Unicode scalar values, a tab is one), from 1.
    pub column: usize,
}

/// A text file and everything about where it came from.
#[derive(Clone, Debug)]
pub struct SourceFile {
    /// Its id in the snapshot.
    pub id: FileId,
    /// The path as shown: relative to the current directory where it lies below it, with `/` on every platform.
    pub path: String,
    /// The content, byte for byte (line ends and a byte order mark included) unless [`lossy`](Self::lossy).
    pub text: Arc<str>,
    /// Whether invalid UTF-8 was replaced; offsets then differ from those on disk, so the file must not be edited.
    pub lossy: bool,
    /// What the file is.
    pub kind: FileKind,
    /// The cluster it belongs to.
    pub cluster: ClusterIndex,
    /// The node root that holds it.
    pub node: Option<NodeIndex>,
    /// Its absolute path on that node, without links.
    pub node_path: Option<String>,
    /// The real file on disk, behind any links; `None` for standard input and texts in memory.
    pub disk_path: Option<PathBuf>,
    lines: OnceLock<LineIndex>,
}

impl SourceFile {
    /// A file with everything but its places in the snapshot.
    pub(crate) fn new(path: String, text: Arc<str>, kind: FileKind) -> Self {
        Self {
            id: FileId(0),
            path,
            text,
            lossy: false,
            kind,
            cluster: ClusterIndex(0),
            node: None,
            node_path: None,
            disk_path: None,
            lines: OnceLock::new(),
        }
    }

    /// The same file with another text.
    pub(crate) fn with_text(&self, text: Arc<str>) -> Self {
        Self { text, lines: OnceLock::new(), ..self.clone() }
    }

    fn lines(&self) -> &LineIndex {
        self.lines.get_or_init(|| LineIndex::new(&self.text))
    }

    /// Number of lines; a text that ends with a line feed has no further empty line, an empty text has one line.
    #[must_use]
    pub fn line_count(&self) -> usize {
        let starts = self.lines().starts.len();
        if starts > 1 && self.text.ends_with('\n') { starts - 1 } else { starts }
    }

    /// Line and column of a byte offset; offsets behind the end give the end, those inside a character its start.
    #[must_use]
    pub fn position(&self, offset: usize) -> Position {
        let offset = floor_char_boundary(&self.text, offset);
        let lines = self.lines();
        let line = lines.line_at(offset);
        let start = lines.start(line);
        let column = lines.chars_before(&self.text, offset).saturating_sub(lines.chars_before(&self.text, start));
        Position { line, column: column + 1 }
    }

    /// The bytes of a line (from 1) without its line end; `None` when there is no such line.
    #[must_use]
    pub fn line_span(&self, line: usize) -> Option<Span> {
        let lines = self.lines();
        let start = *lines.starts.get(line.checked_sub(1)?)?;
        let end = lines.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let body = self.text.get(start..end)?;
        Some(Span::new(start, start + body.strip_suffix('\r').unwrap_or(body).len()))
    }

    /// The bytes of a line (from 1) together with its line end: what must go when the line is removed.
    #[must_use]
    pub fn full_line_span(&self, line: usize) -> Option<Span> {
        let lines = self.lines();
        let start = *lines.starts.get(line.checked_sub(1)?)?;
        Some(Span::new(start, lines.starts.get(line).copied().unwrap_or(self.text.len())))
    }

    /// The text of a line (from 1) without its line end, or `""` when there is no such line.
    #[must_use]
    pub fn line_text(&self, line: usize) -> &str {
        self.line_span(line).map_or("", |span| span.text(&self.text))
    }

    /// The text that a span covers, or `""` where it does not fit.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        span.text(&self.text)
    }
}

fn floor_char_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

/// Bytes between two character counts: bounds the work for a column, even in one line of many megabytes.
const CHECKPOINT: usize = 1024;

/// Where lines start, and how many characters lie before every [`CHECKPOINT`]th byte (unless all are ASCII).
#[derive(Clone, Debug)]
struct LineIndex {
    starts: Vec<usize>,
    chars: Option<Vec<usize>>,
}

impl LineIndex {
    fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        starts.extend(bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1));
        let chars = (!text.is_ascii()).then(|| {
            let mut total = 0;
            let count = |chunk: &[u8]| {
                let before = total;
                total += count_chars(chunk);
                before
            };
            bytes.chunks(CHECKPOINT).map(count).collect()
        });
        Self { starts, chars }
    }

    /// Line (from 1) that holds the offset.
    fn line_at(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).max(1)
    }

    fn start(&self, line: usize) -> usize {
        self.starts.get(line.saturating_sub(1)).copied().unwrap_or(0)
    }

    /// Characters before a byte offset; a byte order mark at the start of the file is not one.
    fn chars_before(&self, text: &str, offset: usize) -> usize {
        let Some(chars) = &self.chars else { return offset };
        let block = offset / CHECKPOINT;
        let rest = text.as_bytes().get(block * CHECKPOINT..offset).map_or(0, count_chars);
        let mark = usize::from(offset > 0 && text.starts_with('\u{feff}'));
        // An offset at the very end of a text whose length is a multiple of the block size has no block of its own.
        let counted = chars.get(block).copied().unwrap_or_else(|| count_chars(text.as_bytes()));
        (counted + rest).saturating_sub(mark)
    }
}

/// Counts characters as the bytes that do not continue one.
fn count_chars(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte & 0xC0 != 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile::new("t".into(), text.into(), FileKind::Other)
    }

    fn at(text: &str, needle: &str) -> (usize, usize) {
        let position = file(text).position(text.find(needle).unwrap());
        (position.line, position.column)
    }

    #[test]
    fn columns_count_characters() {
        assert_eq!(at("a: 1\n# 节点\tx\n", "x"), (2, 6));
        assert_eq!(at("😀b\r\n\tc", "b"), (1, 2));
        assert_eq!(at("😀b\r\n\tc", "c"), (2, 2));
        assert_eq!(at("\u{feff}nameserver 1", "nameserver"), (1, 1));
        assert_eq!(at("\u{feff}a\nb", "b"), (2, 1));
    }

    #[test]
    fn offsets_outside_are_clamped() {
        let f = file("点\n");
        assert_eq!(f.position(1), Position { line: 1, column: 1 });
        assert_eq!(f.position(99), Position { line: 2, column: 1 });
        assert_eq!(file("").position(0), Position { line: 1, column: 1 });
        assert_eq!(file("").line_count(), 1);
    }

    #[test]
    fn lines_end_before_cr_lf() {
        let f = file("a\r\nbc\n\nd");
        assert_eq!((1..=5).map(|n| f.line_text(n)).collect::<Vec<_>>(), ["a", "bc", "", "d", ""]);
        assert_eq!(f.line_span(2), Some(Span::new(3, 5)));
        assert_eq!(f.full_line_span(1), Some(Span::new(0, 3)));
        assert_eq!(f.line_span(0), None);
        assert_eq!(f.line_span(5), None);
        assert_eq!(f.line_count(), 4);
        assert_eq!(file("a\n").line_count(), 1);
    }

    #[test]
    fn columns_in_a_long_line_agree_with_a_plain_count() {
        let text: String = "é1点😀".repeat(1500);
        let f = file(&text);
        for (count, (offset, _)) in text.char_indices().enumerate() {
            assert_eq!(f.position(offset), Position { line: 1, column: count + 1 });
        }
        let exact = "é".repeat(CHECKPOINT / 2);
        assert_eq!(file(&exact).position(CHECKPOINT).column, CHECKPOINT / 2 + 1);
    }
}
