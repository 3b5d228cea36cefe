//! What a diagnostic needs to know about files: their path, their text, and line and column of an offset.

use crate::source::{FileId, Location, Position, Snapshot};

/// The files that locations point into.
///
/// Every method takes any id and any offset: an unknown file is empty and has the path `<unknown>`, an offset past the
/// end counts as the end, one inside a character as its start.
pub trait Files {
    /// Path for people and machines, relative to the current directory, with `/`.
    fn path(&self, file: FileId) -> &str;
    /// The text that spans of this file index.
    fn text(&self, file: FileId) -> &str;
    /// Line and column of a byte offset.
    fn position(&self, file: FileId, offset: usize) -> Position {
        position_in(self.text(file), offset)
    }

    /// The text at a location; empty where it does not fit.
    fn quoted(&self, at: Location) -> &str {
        at.span.text(self.text(at.file))
    }
}

/// Line and column of a byte offset, counted from the start of the text.
#[must_use]
pub fn position_in(text: &str, offset: usize) -> Position {
    let before = text.get(..text.floor_char_boundary(offset)).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = before.matches('\n').count() + 1;
    Position { line, column: before.get(start..).unwrap_or("").chars().count() + 1 }
}

impl Files for Snapshot {
    fn path(&self, file: FileId) -> &str {
        self.files.get(file.index()).map_or(UNKNOWN_PATH, |f| &f.path)
    }

    fn text(&self, file: FileId) -> &str {
        self.files.get(file.index()).map_or("", |f| &f.text)
    }

    fn position(&self, file: FileId, offset: usize) -> Position {
        self.files.get(file.index()).map_or(Position { line: 1, column: 1 }, |f| f.position(offset))
    }
}

/// The offset of the character that holds the byte at `offset`, at most the length of the text.
#[must_use]
pub fn char_floor(text: &str, offset: usize) -> usize {
    let offset = offset.min(text.len());
    // A character has at most four bytes, so a boundary is at most three bytes back.
    (offset.saturating_sub(3)..=offset).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// The offset behind the character that holds the byte before `offset`, at most the length of the text.
#[must_use]
pub fn char_ceil(text: &str, offset: usize) -> usize {
    (offset..text.len().min(offset.saturating_add(4))).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}

/// Path of a file that nobody knows.
const UNKNOWN_PATH: &str = "<unknown>";

/// Files held in memory, with an index of lines; ids count from 0 in the order of [`MemoryFiles::add`].
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles {
    files: Vec<MemoryFile>,
}

#[derive(Clone, Debug)]
struct MemoryFile {
    path: String,
    text: String,
    line_starts: Vec<usize>,
}

impl MemoryFiles {
    /// No file yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file and returns its id.
    pub fn add(&mut self, path: impl Into<String>, text: impl Into<String>) -> FileId {
        let text = text.into();
        let line_starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        self.files.push(MemoryFile { path: path.into(), text, line_starts });
        FileId(u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX))
    }

    fn get(&self, file: FileId) -> Option<&MemoryFile> {
        self.files.get(file.index())
    }
}

impl Files for MemoryFiles {
    fn path(&self, file: FileId) -> &str {
        self.get(file).map_or(UNKNOWN_PATH, |f| &f.path)
    }

    fn text(&self, file: FileId) -> &str {
        self.get(file).map_or("", |f| &f.text)
    }

    fn position(&self, file: FileId, offset: usize) -> Position {
        let Some(found) = self.get(file) else { return Position { line: 1, column: 1 } };
        let offset = char_floor(&found.text, offset);
        let line = found.line_starts.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| found.line_starts.get(index)).copied().unwrap_or(0);
        let before = found.text.get(start..offset).unwrap_or("");
        Position { line: line.max(1), column: before.chars().count() + 1 }
    }
}

/// Other files plus paths without text (missing, unreadable), so that they can carry a diagnostic too.
///
/// The added files count down from the highest id and so never meet those of the files below.
pub struct Overlay<'a> {
    base: &'a dyn Files,
    added: MemoryFiles,
}

impl<'a> Overlay<'a> {
    /// A view of `base` to which files can be added.
    #[must_use]
    pub fn new(base: &'a dyn Files) -> Self {
        Self { base, added: MemoryFiles::new() }
    }

    /// Adds a path and returns its id.
    pub fn add(&mut self, path: impl Into<String>) -> FileId {
        FileId(u32::MAX - self.added.add(path, "").0)
    }

    fn find(&self, file: FileId) -> Option<FileId> {
        let id = FileId(u32::MAX - file.0);
        self.added.get(id).is_some().then_some(id)
    }
}

impl Files for Overlay<'_> {
    fn path(&self, file: FileId) -> &str {
        self.find(file).map_or_else(|| self.base.path(file), |id| self.added.path(id))
    }

    fn text(&self, file: FileId) -> &str {
        if self.find(file).is_some() { "" } else { self.base.text(file) }
    }

    fn position(&self, file: FileId, offset: usize) -> Position {
        if self.find(file).is_some() { Position { line: 1, column: 1 } } else { self.base.position(file, offset) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_offsets_are_clamped() {
        let mut files = MemoryFiles::new();
        let id = files.add("a", "名前 x\r\ny\n");
        let at = |offset| {
            let p = files.position(id, offset);
            (p.line, p.column)
        };
        assert_eq!(at(0), (1, 1));
        assert_eq!(at(4), (1, 2), "inside the second character");
        assert_eq!(at(7), (1, 4));
        assert_eq!(at(10), (2, 1));
        assert_eq!(at(12), (3, 1));
        assert_eq!(at(999), (3, 1));
    }

    #[test]
    fn boundaries_hold_for_every_offset() {
        let text = "a名\u{1f600}e\u{301}";
        for offset in 0..text.len() + 5 {
            let (floor, ceil) = (char_floor(text, offset), char_ceil(text, offset));
            assert!(text.is_char_boundary(floor) && text.is_char_boundary(ceil), "{offset}");
            assert!(floor <= offset && offset.min(text.len()) <= ceil && ceil - floor <= 4, "{offset}");
        }
        assert_eq!((char_floor(text, 3), char_ceil(text, 2), char_ceil(text, 1)), (1, 4, 1));
    }

    #[test]
    fn overlay_keeps_both_id_ranges_apart() {
        let mut files = MemoryFiles::new();
        let below = files.add("a", "text\nmore");
        let mut overlay = Overlay::new(&files);
        let above = overlay.add("missing");
        assert_eq!((overlay.path(below), overlay.path(above)), ("a", "missing"));
        assert_eq!((overlay.text(below), overlay.text(above)), ("text\nmore", ""));
        assert_eq!(overlay.position(below, 5).line, 2);
        assert_eq!(overlay.position(above, 5).line, 1);
        assert_eq!(overlay.path(FileId(7)), UNKNOWN_PATH);
    }
}
