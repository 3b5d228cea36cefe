//! Text that remembers, byte by byte, which file each part of it was written in.

use crate::source::{FileId, Located, Location, Span, TextMap};
use std::collections::BTreeMap;

/// Where a piece of text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The bytes that the piece was copied or decoded from.
    pub at: Location,
    /// The value (same file) that those bytes are a part of: an assignment, a variable's value.
    ///
    /// Pieces of one value may be joined into one span; pieces of two values in one file may not.
    pub value: Span,
}

/// A part of a [`Traced`] text together with its origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The bytes of the text.
    pub range: Span,
    /// Where they come from; a piece as long as its origin maps byte for byte, any other (an escape) as a whole.
    pub origin: Origin,
}

impl Piece {
    const fn is_verbatim(&self) -> bool {
        self.range.len() == self.origin.at.span.len()
    }

    /// The piece cut down to `range`, which overlaps it.
    fn clipped(&self, range: Span) -> Self {
        let start = self.range.start.max(range.start);
        let end = self.range.end.min(range.end);
        let mut piece = *self;
        piece.range = Span::new(start, end);
        if self.is_verbatim() {
            let file_start = self.origin.at.span.start + (start - self.range.start);
            piece.origin.at.span = Span::new(file_start, file_start + piece.range.len());
        }
        piece
    }

    const fn moved_to(mut self, start: usize) -> Self {
        self.range = Span::new(start, start + self.range.len());
        self
    }
}

/// A text built from places of one or several files.
///
/// An argument of a command line can come from `ExecStart=` in a drop-in, from an environment file that it names, or
/// partly from both: every byte knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Traced {
    text: String,
    pieces: Vec<Piece>,
}

impl Traced {
    /// A text that stands in `file` exactly as it is, from byte `start` on.
    #[must_use]
    pub fn verbatim(text: &str, file: FileId, start: usize) -> Self {
        let span = Span::new(start, start + text.len());
        let mut traced = Self::default();
        traced.push_str(text, Origin { at: Location::new(file, span), value: span });
        traced
    }

    /// A decoded text of `file`, placed by `map`.
    #[must_use]
    pub fn mapped(text: &str, file: FileId, map: &TextMap) -> Self {
        let value = map.span(Span::new(0, text.len()));
        let mut traced = Self::default();
        for (start, c) in text.char_indices() {
            let at = map.span(Span::new(start, start + c.len_utf8()));
            traced.push_str(c.encode_utf8(&mut [0; 4]), Origin { at: Location::new(file, at), value });
        }
        if text.is_empty() {
            traced.push_str("", Origin { at: Location::new(file, value), value });
        }
        traced
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Length in bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether the text is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The parts in text order. An empty text keeps one empty part, so that even `''` has a place.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    /// Appends `text` that comes from `origin`.
    pub fn push_str(&mut self, text: &str, origin: Origin) {
        let start = self.text.len();
        self.text.push_str(text);
        self.push_piece(Piece { range: Span::new(start, start + text.len()), origin });
    }

    /// Appends another text with its origins.
    pub fn push(&mut self, other: &Self) {
        self.push_range(other, Span::new(0, other.len()));
    }

    /// Appends a part of another text with its origins; a range off a character boundary appends nothing.
    pub fn push_range(&mut self, other: &Self, range: Span) {
        let Some(part) = other.text.get(range.start..range.end) else { return };
        let base = self.text.len();
        self.text.push_str(part);
        if part.is_empty() {
            if let Some(origin) = other.cover(range) {
                self.push_piece(Piece { range: Span::new(base, base), origin });
            }
            return;
        }
        for piece in other.pieces_in(range) {
            self.push_piece(piece.moved_to(base + piece.range.start - range.start));
        }
    }

    /// Adds a piece, growing the last one where both are one run of the same file. An empty piece stands only alone.
    fn push_piece(&mut self, piece: Piece) {
        if let Some(last) = self.pieces.last_mut() {
            if piece.range.is_empty() {
                return;
            }
            if last.range.is_empty() {
                *last = piece;
                return;
            }
            let (a, b) = (&mut last.origin, piece.origin);
            let joins = a.at.file == b.at.file && a.value == b.value && a.at.span.end == b.at.span.start;
            if joins && last.range.len() == a.at.span.len() && piece.is_verbatim() {
                a.at.span.end = b.at.span.end;
                last.range.end = piece.range.end;
                return;
            }
        }
        self.pieces.push(piece);
    }

    fn pieces_in(&self, range: Span) -> impl Iterator<Item = Piece> + '_ {
        let first = self.pieces.partition_point(|p| p.range.end <= range.start);
        self.pieces
            .iter()
            .skip(first)
            .take_while(move |p| p.range.start < range.end)
            .map(move |piece| piece.clipped(range))
    }

    /// A part of the text with its origins; empty where `range` does not fit.
    #[must_use]
    pub fn slice(&self, range: Span) -> Self {
        let mut part = Self::default();
        part.push_range(self, range);
        part
    }

    /// The same text as a value of its own: its parts join with each other and with nothing else of the file.
    #[must_use]
    pub fn into_own_value(mut self) -> Self {
        let mut hulls: BTreeMap<FileId, Span> = BTreeMap::new();
        for piece in &self.pieces {
            let at = piece.origin.at;
            hulls.entry(at.file).and_modify(|hull| *hull = hull.join(at.span)).or_insert(at.span);
        }
        for piece in &mut self.pieces {
            if let Some(hull) = hulls.get(&piece.origin.at.file) {
                piece.origin.value = *hull;
            }
        }
        self
    }

    /// One origin that covers `range`: of the value that contributes most of its bytes, the first one on a tie.
    ///
    /// An empty range gives the point where it stands.
    #[must_use]
    pub fn cover(&self, range: Span) -> Option<Origin> {
        if range.is_empty() {
            return self.point(range.start);
        }
        self.groups(range).into_iter().next()
    }

    /// The values behind `range`, biggest share first, then in text order.
    fn groups(&self, range: Span) -> Vec<Origin> {
        let mut groups: BTreeMap<(FileId, Span), (usize, usize, Span)> = BTreeMap::new();
        for (order, piece) in self.pieces_in(range).enumerate() {
            let at = piece.origin.at;
            let group = groups.entry((at.file, piece.origin.value)).or_insert((0, order, at.span));
            group.0 += piece.range.len();
            group.2 = group.2.join(at.span);
        }
        let mut sorted: Vec<_> = groups.into_iter().collect();
        sorted.sort_by_key(|(_, (bytes, order, _))| (usize::MAX - bytes, *order));
        sorted
            .into_iter()
            .map(|((file, value), (_, _, span))| Origin { at: Location::new(file, span), value })
            .collect()
    }

    fn point(&self, offset: usize) -> Option<Origin> {
        let index = self.pieces.partition_point(|p| p.range.end <= offset);
        let (piece, at_end) = match self.pieces.get(index) {
            Some(piece) => (piece, false),
            None => (self.pieces.last()?, true),
        };
        let span = piece.origin.at.span;
        let place = match (at_end, piece.is_verbatim()) {
            _ if self.is_empty() => span,
            (true, _) => Span::new(span.end, span.end),
            (false, true) => {
                let start = span.start + offset.saturating_sub(piece.range.start);
                Span::new(start, start)
            }
            (false, false) => Span::new(span.start, span.start),
        };
        Some(Origin { at: Location::new(piece.origin.at.file, place), value: piece.origin.value })
    }

    /// The smallest span that covers the text in the value that most of it comes from.
    ///
    /// `None` only for a text that was built from nothing.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.cover(Span::new(0, self.len())).map(|origin| origin.at)
    }

    /// One location a contributing value, the one with the biggest share first.
    #[must_use]
    pub fn locations(&self) -> Vec<Location> {
        if self.is_empty() {
            return self.location().into_iter().collect();
        }
        self.groups(Span::new(0, self.len())).into_iter().map(|origin| origin.at).collect()
    }

    /// The text as a value of the model.
    #[must_use]
    pub fn located(&self) -> Located<String> {
        Located::from_origins(self.text.clone(), self.locations().into())
    }

    /// Splits at the first `separator`; the separator belongs to neither side.
    #[must_use]
    pub fn split_once(&self, separator: char) -> Option<(Self, Self)> {
        let at = self.text.find(separator)?;
        let after = at + separator.len_utf8();
        Some((self.slice(Span::new(0, at)), self.slice(Span::new(after, self.len()))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(file: u32, start: usize, end: usize) -> Location {
        Location::new(FileId(file), Span::new(start, end))
    }

    #[test]
    fn slices_of_verbatim_text_map_byte_for_byte() {
        let traced = Traced::verbatim("--resolv-conf=/x", FileId(3), 100);
        assert_eq!(traced.slice(Span::new(14, 16)).location(), Some(at(3, 114, 116)));
        assert_eq!(traced.slice(Span::new(16, 16)).location(), Some(at(3, 116, 116)));
        let (key, value) = traced.split_once('=').unwrap();
        assert_eq!((key.as_str(), value.as_str()), ("--resolv-conf", "/x"));
        assert_eq!(key.location(), Some(at(3, 100, 113)));
    }

    #[test]
    fn escapes_map_as_a_whole_and_runs_join() {
        let mut map = TextMap::default();
        map.push(2, Span::new(10, 12));
        map.push(1, Span::new(12, 16));
        map.push(1, Span::new(16, 17));
        let traced = Traced::mapped("abAc", FileId(0), &map);
        assert_eq!(traced.pieces().len(), 3);
        assert_eq!(traced.slice(Span::new(2, 3)).location(), Some(at(0, 12, 16)));
        assert_eq!(traced.slice(Span::new(1, 4)).location(), Some(at(0, 11, 17)));
    }

    #[test]
    fn the_value_with_most_bytes_gives_the_location_even_within_one_file() {
        let mut word = Traced::verbatim("--x=", FileId(0), 50);
        word.push(&Traced::verbatim("/very/long", FileId(0), 7));
        assert_eq!(word.location(), Some(at(0, 7, 17)));
        assert_eq!(word.locations(), [at(0, 7, 17), at(0, 50, 54)]);
    }

    #[test]
    fn an_empty_text_keeps_its_place_until_something_joins_it() {
        let mut empty = Traced::verbatim("", FileId(1), 9);
        assert_eq!(empty.location(), Some(at(1, 9, 9)));
        assert_eq!(Traced::mapped("", FileId(1), &TextMap::identity(4, 0)).location(), Some(at(1, 4, 4)));
        empty.push(&Traced::verbatim("a", FileId(2), 1));
        assert_eq!(empty.locations(), [at(2, 1, 2)]);
    }
}
