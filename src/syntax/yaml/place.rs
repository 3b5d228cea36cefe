//! Finds what parser events do not say: where a block text, a list or an absent value begins.

use crate::source::Span;

/// Byte order mark in UTF-8.
const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// The text and how far its tokens are known.
pub(super) struct Places<'t> {
    text: &'t str,
    body: Span,
    /// End of the last known token; the next one stands behind it.
    cursor: usize,
}

impl<'t> Places<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, body: Span::new(0, 0), cursor: 0 }
    }

    /// Begins a part of the text.
    pub(super) const fn start(&mut self, body: Span) {
        self.body = body;
        self.cursor = body.start;
    }

    pub(super) const fn cursor(&self) -> usize {
        self.cursor
    }

    /// Says that the tokens up to `offset` are known.
    pub(super) fn pass(&mut self, offset: usize) {
        self.cursor = self.cursor.max(offset);
    }

    /// The character at `offset`; empty at the end of a line or of the text.
    pub(super) fn character(&self, offset: usize) -> Span {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let next = self.text.get(offset..).and_then(|rest| rest.chars().next());
        let len = next.filter(|c| !matches!(c, '\n' | '\r')).map_or(0, char::len_utf8);
        Span::new(offset, offset + len)
    }

    /// The first tab in front of `offset`, if only blanks stand before `offset` on its line.
    pub(super) fn tab_in_indentation(&self, offset: usize) -> Option<Span> {
        let before = self.text.get(self.body.start..offset)?;
        let start = before.rfind(['\r', '\n']).map_or(0, |last| last + 1);
        let indent = before.get(start..)?;
        let tab = indent.find('\t').filter(|_| indent.trim_matches([' ', '\t']).is_empty())?;
        let at = self.body.start + start + tab;
        Some(Span::new(at, at + 1))
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// From the `|` or `>` of a block text to the end of its last line that is not blank. `raw` is the parser's span: the
    /// lines of the text, and more behind them.
    pub(super) fn block_text(&self, raw: Span) -> Span {
        let start = self.block_header(raw.end).unwrap_or(raw.start);
        let body = self.text.get(start..raw.end).unwrap_or("");
        let end = start + body.trim_end_matches([' ', '\t', '\r', '\n']).len();
        let rest = self.text.get(end..raw.end).unwrap_or("");
        let blanks = rest.find(['\r', '\n']).unwrap_or(rest.len());
        Span::new(start, end + blanks)
    }

    /// The `|` or `>` behind the last known token: only indicators, properties and comments can stand between.
    fn block_header(&self, limit: usize) -> Option<usize> {
        let mut at = self.cursor;
        while at < limit {
            at = match self.byte(at)? {
                b'|' | b'>' => return Some(at),
                b'#' => self.skip(at, |byte| !matches!(byte, b'\r' | b'\n')),
                b'&' | b'!' | b'%' => self.skip(at, |byte| !matches!(byte, b' ' | b'\t' | b'\r' | b'\n')),
                b' ' | b'\t' | b'\r' | b'\n' | b'-' | b'?' | b':' | b'.' => at + 1,
                byte if BOM.contains(&byte) => at + 1,
                _ => return None,
            };
        }
        None
    }

    fn skip(&self, at: usize, go_on: impl Fn(u8) -> bool) -> usize {
        let rest = self.text.as_bytes().get(at..).unwrap_or(&[]);
        at + rest.iter().position(|byte| !go_on(*byte)).unwrap_or(rest.len()).max(1)
    }

    /// Offset of the first `-` of a block list. For a list that is indented like its key the parser names the place
    /// behind that `-`.
    pub(super) fn list_start(&self, at: usize, under_key: bool) -> usize {
        let before = self.text.get(self.body.start..at).unwrap_or("");
        let line = before.get(before.rfind(['\r', '\n']).map_or(0, |last| last + 1)..).unwrap_or("");
        let behind_dash = line.trim_end_matches([' ', '\t']).ends_with('-');
        if self.byte(at) == Some(b'-') && !(under_key && behind_dash) {
            return at;
        }
        let trimmed = before.trim_end_matches([' ', '\t', '\r', '\n']);
        let dash = self.body.start + trimmed.len().saturating_sub(1);
        if trimmed.ends_with('-') && dash >= self.cursor { dash } else { at }
    }

    /// Place of a value that is left out: behind its `:` or `-`.
    pub(super) fn left_out(&self, at: usize, is_value: bool) -> Span {
        if is_value && self.byte(at) == Some(b':') {
            return Span::new(at + 1, at + 1);
        }
        let before = self.text.get(self.cursor..at).unwrap_or("");
        let at = at - (before.len() - before.trim_end_matches([' ', '\t', '\r', '\n']).len());
        Span::new(at, at)
    }
}
