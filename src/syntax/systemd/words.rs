//! Splitting a value into words (systemd `src/basic/extract-word.c`), with the place of every byte.

use super::traced::Traced;
use crate::source::Span;

pub(super) const SEPARATORS: [char; 4] = [' ', '\t', '\n', '\r'];

/// What a backslash and a missing closing quote mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// Command lines: C escapes; an unknown one stays with its backslash; a missing quote is an error.
    Command,
    /// `Environment=`: C escapes; an unknown one is an error, a missing quote too.
    Strict,
    /// Values of variables: a backslash only protects the next character; a missing quote is forgiven.
    Relaxed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordError {
    /// No closing quote; the span is the opening one.
    Unbalanced(Span),
    /// An escape that C does not have.
    UnknownEscape(Span),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RawWord {
    pub text: Traced,
    /// The word as written in the value, quotes included.
    pub span: Span,
    /// Escapes that were kept with their backslash.
    pub unknown_escapes: Vec<Span>,
}

/// Reads words off a value one by one.
pub(super) struct Splitter<'a> {
    value: &'a Traced,
    pos: usize,
    mode: Mode,
}

impl<'a> Splitter<'a> {
    pub(super) const fn new(value: &'a Traced, mode: Mode) -> Self {
        Self { value, pos: 0, mode }
    }

    /// What is left, after skipping separators.
    pub(super) fn rest(&mut self) -> &'a str {
        let rest = self.value.as_str().get(self.pos..).unwrap_or("");
        let trimmed = rest.trim_start_matches(SEPARATORS);
        self.pos += rest.len() - trimmed.len();
        trimmed
    }

    /// Offset of [`Self::rest`] in the value.
    pub(super) const fn position(&self) -> usize {
        self.pos
    }

    /// Steps over `bytes` bytes of [`Self::rest`].
    pub(super) const fn skip(&mut self, bytes: usize) {
        self.pos += bytes;
    }

    /// A part of the value.
    pub(super) fn value_slice(&self, range: Span) -> Traced {
        self.value.slice(range)
    }

    pub(super) fn next_word(&mut self) -> Option<Result<RawWord, WordError>> {
        if self.rest().is_empty() {
            return None;
        }
        let reader = WordReader::new(self.value, self.pos, self.mode);
        let result = reader.read();
        if let Ok(word) = &result {
            self.pos = word.span.end;
        }
        Some(result)
    }
}

struct WordReader<'a> {
    value: &'a Traced,
    mode: Mode,
    start: usize,
    pos: usize,
    quote: Option<(char, usize)>,
    /// Start of plain text that was read but not copied yet.
    run: usize,
    /// Bytes above 0x7f written as `\xNN` or octal: several of them may make one character.
    raw: Vec<u8>,
    raw_start: usize,
    text: Traced,
    unknown_escapes: Vec<Span>,
}

impl<'a> WordReader<'a> {
    fn new(value: &'a Traced, start: usize, mode: Mode) -> Self {
        Self {
            value,
            mode,
            start,
            pos: start,
            quote: None,
            run: start,
            raw: Vec::new(),
            raw_start: start,
            text: Traced::default(),
            unknown_escapes: Vec::new(),
        }
    }

    fn peek(&self) -> Option<char> {
        self.value.as_str().get(self.pos..)?.chars().next()
    }

    fn read(mut self) -> Result<RawWord, WordError> {
        while let Some(c) = self.peek() {
            match (self.quote, c) {
                (_, '\\') => self.escape()?,
                (Some((quote, _)), _) if c == quote => self.toggle_quote(None),
                (None, '\'' | '"') => self.toggle_quote(Some((c, self.pos))),
                (None, _) if SEPARATORS.contains(&c) => break,
                _ => {
                    self.flush_raw();
                    self.pos += c.len_utf8();
                }
            }
        }
        if let Some((_, at)) = self.quote
            && self.mode != Mode::Relaxed
        {
            return Err(WordError::Unbalanced(Span::new(at, at + 1)));
        }
        self.flush();
        let span = Span::new(self.start, self.pos);
        if self.text.is_empty() {
            self.text = place_empty(self.value, span);
        }
        Ok(RawWord { text: self.text, span, unknown_escapes: self.unknown_escapes })
    }

    fn toggle_quote(&mut self, quote: Option<(char, usize)>) {
        self.flush();
        self.quote = quote;
        self.pos += 1;
        self.run = self.pos;
    }

    /// Copies what is pending, in the order in which it was read.
    fn flush(&mut self) {
        self.flush_raw();
        self.flush_run();
    }

    fn flush_run(&mut self) {
        if self.run < self.pos {
            self.text.push_range(self.value, Span::new(self.run, self.pos));
        }
        self.run = self.pos;
    }

    fn flush_raw(&mut self) {
        if !self.raw.is_empty() {
            let bytes = std::mem::take(&mut self.raw);
            self.decoded(&String::from_utf8_lossy(&bytes), Span::new(self.raw_start, self.run));
        }
    }

    fn decoded(&mut self, text: &str, source: Span) {
        if let Some(origin) = self.value.cover(source) {
            self.text.push_str(text, origin);
        }
    }

    fn escape(&mut self) -> Result<(), WordError> {
        if self.raw.is_empty() {
            self.flush_run();
        }
        let start = self.pos;
        let after = self.value.as_str().get(start + 1..).unwrap_or("");
        if self.mode == Mode::Relaxed {
            let kept = after.chars().next().map_or(0, char::len_utf8);
            self.run = start + 1;
            self.pos = start + 1 + kept;
            self.flush_run();
            return Ok(());
        }
        match unescape(after) {
            Some((Escape::Byte(byte), len)) if byte >= 0x80 => self.raw_byte(byte, Span::new(start, start + 1 + len)),
            Some((escape, len)) => {
                self.flush();
                let source = Span::new(start, start + 1 + len);
                self.decoded(escape.to_char().encode_utf8(&mut [0; 4]), source);
                self.pos = source.end;
                self.run = source.end;
            }
            None => self.unknown_escape(after)?,
        }
        Ok(())
    }

    fn raw_byte(&mut self, byte: u8, source: Span) {
        if self.raw.is_empty() {
            self.raw_start = source.start;
        }
        self.raw.push(byte);
        self.pos = source.end;
        self.run = source.end;
    }

    fn unknown_escape(&mut self, after: &str) -> Result<(), WordError> {
        self.flush();
        let next = after.chars().next();
        let end = self.pos + 1 + next.map_or(0, char::len_utf8);
        let span = Span::new(self.pos, end);
        if self.mode == Mode::Strict {
            return Err(WordError::UnknownEscape(span));
        }
        self.unknown_escapes.push(span);
        self.pos = end;
        Ok(())
    }
}

/// An empty text that stands where `span` of `value` stands (`''`).
fn place_empty(value: &Traced, span: Span) -> Traced {
    let mut empty = Traced::default();
    if let Some(origin) = value.cover(span) {
        empty.push_str("", origin);
    }
    empty
}

enum Escape {
    Char(char),
    Byte(u8),
}

impl Escape {
    fn to_char(&self) -> char {
        match self {
            Self::Char(c) => *c,
            Self::Byte(b) => char::from(*b),
        }
    }
}

/// Decodes the escape behind a backslash (`cunescape_one()`); also says how many bytes it took.
fn unescape(after: &str) -> Option<(Escape, usize)> {
    let simple = |c| Some((Escape::Char(c), 1));
    match after.as_bytes().first()? {
        b'a' => simple('\x07'),
        b'b' => simple('\x08'),
        b'f' => simple('\x0c'),
        b'n' => simple('\n'),
        b'r' => simple('\r'),
        b't' => simple('\t'),
        b'v' => simple('\x0b'),
        b'\\' => simple('\\'),
        b'"' => simple('"'),
        b'\'' => simple('\''),
        b's' => simple(' '),
        b'x' => number(after, 1, 2, 16).and_then(|n| u8::try_from(n).ok()).map(|b| (Escape::Byte(b), 3)),
        b'u' => number(after, 1, 4, 16).map(|n| (Escape::Char(character(n)), 5)),
        b'U' => {
            number(after, 1, 8, 16).filter(|n| char::from_u32(*n).is_some()).map(|n| (Escape::Char(character(n)), 9))
        }
        b'0'..=b'7' => number(after, 0, 3, 8).and_then(|n| u8::try_from(n).ok()).map(|b| (Escape::Byte(b), 3)),
        _ => None,
    }
}

/// A surrogate (which systemd would write as broken UTF-8) becomes the replacement character.
fn character(code: u32) -> char {
    char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
}

/// Exactly `digits` digits from `start` on; zero is no valid character.
fn number(text: &str, start: usize, digits: usize, radix: u32) -> Option<u32> {
    let text = text.get(start..start + digits).filter(|t| t.chars().all(|c| c.is_digit(radix)))?;
    u32::from_str_radix(text, radix).ok().filter(|n| *n != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn split(text: &str, mode: Mode) -> Result<Vec<String>, WordError> {
        let value = Traced::verbatim(text, FileId(0), 0);
        let mut splitter = Splitter::new(&value, mode);
        let mut words = Vec::new();
        while let Some(word) = splitter.next_word() {
            words.push(word?.text.as_str().to_owned());
        }
        Ok(words)
    }

    #[test]
    fn decodes_c_escapes() {
        let words = split(r#"a\tb \x41\101 \xc3\xa9x\u00e9 \U0001F600 '\'' "\"" \s \\"#, Mode::Command);
        assert_eq!(words.unwrap(), ["a\tb", "AA", "éxé", "😀", "'", "\"", " ", "\\"]);
        assert_eq!(split(r"\xff \ud800 a\xffb", Mode::Command).unwrap(), ["\u{fffd}", "\u{fffd}", "a\u{fffd}b"]);
    }

    #[test]
    fn unknown_escapes_depend_on_the_mode() {
        for unknown in [r"\0", r"\x4", r"\q", r"\é", r"\777", r"\000", r"\u12", "\\"] {
            assert_eq!(split(unknown, Mode::Command).unwrap(), [unknown], "{unknown}");
            assert!(matches!(split(unknown, Mode::Strict), Err(WordError::UnknownEscape(_))), "{unknown}");
        }
        assert_eq!(split(r"\q a\ b '\'' \", Mode::Relaxed).unwrap(), ["q", "a b", "'", ""]);
    }

    #[test]
    fn quotes_start_anywhere_and_must_end() {
        assert_eq!(split("a'b c'd '' \"\"", Mode::Command).unwrap(), ["ab cd", "", ""]);
        assert_eq!(split("a 'b", Mode::Command), Err(WordError::Unbalanced(Span::new(2, 3))));
        assert_eq!(split("a 'b c", Mode::Relaxed).unwrap(), ["a", "b c"]);
    }

    #[test]
    fn every_byte_knows_its_place() {
        let text = r#"x --a="b\tc"'d'"#;
        let value = Traced::verbatim(text, FileId(0), 1000);
        let mut splitter = Splitter::new(&value, Mode::Command);
        let _ = splitter.next_word();
        let word = splitter.next_word().unwrap().unwrap();
        assert_eq!(word.text.as_str(), "--a=b\tcd");
        assert_eq!(word.span, Span::new(2, text.len()));
        let place =
            |a, b| word.text.slice(Span::new(a, b)).location().map(|l| (l.span.start - 1000, l.span.end - 1000));
        assert_eq!(place(0, 4), Some((2, 6)));
        assert_eq!(place(5, 6), Some((8, 10)));
        assert_eq!(place(6, 8), Some((10, 14)));
    }
}
