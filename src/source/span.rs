//! Byte spans, file locations, and values that remember which text they came from.

use super::origins::Origins;
use serde::ser::{Serialize, SerializeTupleStruct, Serializer};

/// A half-open range of byte offsets `start..end` in one text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset behind the last byte.
    pub end: usize,
}

impl Span {
    /// The span `start..end`; an end before the start gives an empty span at `start`.
    #[must_use]
    pub const fn new(start: usize, end: usize) -> Self {
        Self { start, end: if end < start { start } else { end } }
    }

    /// Number of bytes.
    #[must_use]
    pub const fn len(self) -> usize {
        self.end - self.start
    }

    /// Whether the span covers no byte.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The same range moved `by` bytes to the right.
    #[must_use]
    pub const fn shifted(self, by: usize) -> Self {
        Self { start: self.start + by, end: self.end + by }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Whether the other span lies in this one.
    #[must_use]
    pub const fn covers(self, other: Self) -> bool {
        self.start <= other.start && other.end <= self.end
    }

    /// Whether the byte at an offset lies in it.
    #[must_use]
    pub const fn has(self, offset: usize) -> bool {
        self.start <= offset && offset < self.end
    }

    /// The text of the span, or `""` where it does not fit `text`.
    #[must_use]
    pub fn text(self, text: &str) -> &str {
        text.get(self.start..self.end).unwrap_or("")
    }
}

/// Identifies a file of the [`Snapshot`](super::Snapshot); ids follow the sorted order of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

impl FileId {
    /// The id as an index into the snapshot's file list.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A place in a file of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Location {
    /// The file.
    pub file: FileId,
    /// The bytes of that file.
    pub span: Span,
}

impl Location {
    /// A location from its parts.
    #[must_use]
    pub const fn new(file: FileId, span: Span) -> Self {
        Self { file, span }
    }
}

/// A value with a span in the text it was parsed from (used inside one file, by the parsers).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value at `span`.
    pub const fn new(value: T, span: Span) -> Self {
        Self { value, span }
    }

    /// The same span around another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Spanned<U> {
        Spanned { value: f(self.value), span: self.span }
    }

    /// The value with its file, as the model keeps it.
    pub fn located(self, file: FileId) -> Located<T> {
        Located::at(self.value, Location::new(file, self.span))
    }
}

/// A value of the model together with every place of the input that it comes from.
///
/// The first origin is the text of the value itself; further ones are the settings that made it effective
/// (the unit that names the file, the drop-in that wins). A value that is a program's default has no origin.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its origins, most specific first.
    pub origins: Origins,
}

/// Name under which [`Located`] announces itself to the view serializer.
pub const LOCATED_MARKER: &str = "\u{1}dnslint.located";

impl<T> Located<T> {
    /// A value that stands at `location`.
    pub fn at(value: T, location: Location) -> Self {
        Self { value, origins: location.into() }
    }

    /// A value derived from several places.
    pub const fn from_origins(value: T, origins: Origins) -> Self {
        Self { value, origins }
    }

    /// A default: no text of the input says it.
    pub const fn default_value(value: T) -> Self {
        Self { value, origins: Origins::none() }
    }

    /// The place where the value itself stands, if the input says it at all.
    pub fn location(&self) -> Option<Location> {
        self.origins.first()
    }

    /// The same origins around another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Located<U> {
        Located { value: f(self.value), origins: self.origins }
    }

    /// The same origins around a value computed from this one.
    pub fn with<U>(&self, value: U) -> Located<U> {
        Located { value, origins: self.origins.clone() }
    }

    /// A borrowed view of the value.
    pub fn as_ref(&self) -> Located<&T> {
        Located { value: &self.value, origins: self.origins.clone() }
    }
}

impl<T> std::ops::Deref for Located<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Serialize for Located<T> {
    /// Writes a tuple struct named [`LOCATED_MARKER`] of (origins, value); `analysis::view` reads it back.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let origins: Vec<(u32, usize, usize)> =
            self.origins.iter().map(|o| (o.file.0, o.span.start, o.span.end)).collect();
        let mut tuple = serializer.serialize_tuple_struct(LOCATED_MARKER, 2)?;
        tuple.serialize_field(&origins)?;
        tuple.serialize_field(&self.value)?;
        tuple.end()
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Located<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
    fn inline_schema() -> bool {
        T::inline_schema()
    }
}

/// Maps offsets of a decoded text (a block scalar, a quoted string) to the file that holds it.
///
/// Each segment says that the decoded bytes from `decoded` on stand in the file from `file` on, byte for byte, up to
/// the start of the next segment. A segment whose text is an escape maps as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TextMap {
    segments: Vec<Segment>,
    decoded_len: usize,
    file_end: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Segment {
    decoded: usize,
    file: usize,
    file_len: usize,
}

impl TextMap {
    /// A text that stands in the file as it is, from `start` on.
    #[must_use]
    pub fn identity(start: usize, len: usize) -> Self {
        let mut map = Self::default();
        map.push(len, Span::new(start, start + len));
        map
    }

    /// Appends `decoded_len` bytes of decoded text that come from `file`.
    pub fn push(&mut self, decoded_len: usize, file: Span) {
        self.segments.push(Segment { decoded: self.decoded_len, file: file.start, file_len: file.len() });
        self.decoded_len += decoded_len;
        self.file_end = file.end;
    }

    /// This map of a text inside the text that `outer` maps, so that it leads to the file itself.
    #[must_use]
    pub fn through(&self, outer: &Self) -> Self {
        let mut map = Self::default();
        for (index, segment) in self.segments.iter().enumerate() {
            let end = self.segments.get(index + 1).map_or(self.decoded_len, |next| next.decoded);
            let decoded_len = end - segment.decoded;
            if decoded_len == segment.file_len {
                map.push_verbatim(outer, Span::new(segment.file, segment.file + segment.file_len));
            } else {
                map.push(decoded_len, outer.span(Span::new(segment.file, segment.file + segment.file_len)));
            }
        }
        map
    }

    /// Appends the bytes `middle` of the text behind `outer`, cut where `outer` changes its segment.
    fn push_verbatim(&mut self, outer: &Self, middle: Span) {
        let first = outer.segments.partition_point(|s| s.decoded <= middle.start);
        let cuts = outer.segments.get(first..).unwrap_or_default().iter().map(|s| s.decoded);
        let mut at = middle.start;
        for cut in cuts.take_while(|cut| *cut < middle.end).chain([middle.end]) {
            if cut > at {
                self.push(cut - at, outer.span(Span::new(at, cut)));
                at = cut;
            }
        }
    }

    /// Length of the decoded text in bytes.
    #[must_use]
    pub const fn decoded_len(&self) -> usize {
        self.decoded_len
    }

    fn segment_at(&self, offset: usize) -> Option<(Segment, usize)> {
        let index = self.segments.partition_point(|s| s.decoded <= offset).checked_sub(1)?;
        let segment = *self.segments.get(index)?;
        let end = self.segments.get(index + 1).map_or(self.decoded_len, |next| next.decoded);
        Some((segment, end - segment.decoded))
    }

    /// File offset of a decoded offset.
    #[must_use]
    pub fn offset(&self, decoded: usize) -> usize {
        if decoded >= self.decoded_len {
            return self.file_end;
        }
        self.segment_at(decoded).map_or(self.file_end, |(segment, decoded_len)| {
            if segment.file_len == decoded_len { segment.file + (decoded - segment.decoded) } else { segment.file }
        })
    }

    /// File span of a decoded span.
    #[must_use]
    pub fn span(&self, decoded: Span) -> Span {
        let start = self.offset(decoded.start);
        if decoded.is_empty() {
            return Span::new(start, start);
        }
        let last = decoded.end - 1;
        let end = self.segment_at(last).filter(|_| last < self.decoded_len).map_or(
            self.file_end,
            |(segment, decoded_len)| {
                if segment.file_len == decoded_len {
                    segment.file + (last - segment.decoded) + 1
                } else {
                    segment.file + segment.file_len
                }
            },
        );
        Span::new(start, end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_map_follows_indentation_and_escapes() {
        // file: `  ab\n  cd\n` decoded: `ab\ncd\n`
        let mut map = TextMap::default();
        map.push(3, Span::new(2, 5));
        map.push(3, Span::new(7, 10));
        assert_eq!(map.span(Span::new(0, 2)), Span::new(2, 4));
        assert_eq!(map.span(Span::new(3, 5)), Span::new(7, 9));
        assert_eq!(map.span(Span::new(1, 4)), Span::new(3, 8));
        assert_eq!(map.span(Span::new(6, 6)), Span::new(10, 10));
        // file: `a\nb` where `\n` is written as two bytes
        let mut escaped = TextMap::default();
        escaped.push(1, Span::new(1, 2));
        escaped.push(1, Span::new(2, 4));
        escaped.push(1, Span::new(4, 5));
        assert_eq!(escaped.span(Span::new(1, 2)), Span::new(2, 4));
        assert_eq!(escaped.span(Span::new(2, 3)), Span::new(4, 5));
    }
}
