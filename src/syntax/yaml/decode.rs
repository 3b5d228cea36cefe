//! From the text of a scalar in the file to its value, byte by byte: escapes, folded lines, block indentation.

use super::tree::{Node, Style, Text, Tree};
use crate::source::{Span, TextMap};

/// A decoded scalar and where its bytes come from.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    pub text: String,
    pub map: TextMap,
    run: Option<Span>,
}

impl Decoded {
    /// Takes over bytes of the file as they are.
    fn verbatim(&mut self, file: &str, span: Span) {
        if span.is_empty() {
            return;
        }
        self.text.push_str(span.text(file));
        match &mut self.run {
            Some(run) if run.end == span.start => run.end = span.end,
            _ => {
                self.flush();
                self.run = Some(span);
            }
        }
    }

    /// Adds text for which the file has something else.
    fn replaced(&mut self, text: &str, span: Span) {
        if !text.is_empty() {
            self.flush();
            self.text.push_str(text);
            self.map.push(text.len(), span);
        }
    }

    fn line_break(&mut self, file: &str, span: Span) {
        if span.text(file) == "\n" { self.verbatim(file, span) } else { self.replaced("\n", span) }
    }

    fn flush(&mut self) {
        if let Some(run) = self.run.take() {
            self.map.push(run.len(), run);
        }
    }

    fn finish(mut self, empty_at: usize) -> Self {
        self.flush();
        if self.text.is_empty() {
            self.map = TextMap::identity(empty_at, 0);
        }
        self
    }
}

/// The map of a scalar of the tree.
pub(super) fn text_map(tree: &Tree, id: u32, node: &Node, text: Text) -> TextMap {
    let span = Span::new(node.start as usize, node.end as usize);
    if let Text::File { start, len } = text {
        return TextMap::identity(start as usize, len as usize);
    }
    let decoded = match tree.block_text(id) {
        Some(block) => {
            block_text(&tree.text, Span::new(span.start, block.end as usize), block.indent as usize, node.style)
        }
        None => flow_text(&tree.text, span, node.style),
    };
    let value = tree.text_of(text);
    if decoded.text == value {
        return decoded.map;
    }
    // The parser reads this text otherwise than we do; say no more than where the whole of it stands.
    let mut whole = TextMap::default();
    whole.push(value.len(), span);
    whole
}

fn byte(file: &str, at: usize, end: usize) -> Option<u8> {
    if at < end { file.as_bytes().get(at).copied() } else { None }
}

/// Length of the line break at `at`: 2 for CRLF, 0 if there is none.
fn break_len(file: &str, at: usize, end: usize) -> usize {
    match (byte(file, at, end), byte(file, at + 1, end)) {
        (Some(b'\r'), Some(b'\n')) => 2,
        (Some(b'\r' | b'\n'), _) => 1,
        _ => 0,
    }
}

fn skip_blanks(file: &str, mut at: usize, end: usize) -> usize {
    while matches!(byte(file, at, end), Some(b' ' | b'\t')) {
        at += 1;
    }
    at
}

/// Decodes a plain or quoted scalar; `span` includes the quotes.
pub(super) fn flow_text(file: &str, span: Span, style: Style) -> Decoded {
    let quote = usize::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
    let (mut at, end) = (span.start + quote, span.end.saturating_sub(quote));
    let empty_at = at;
    let mut out = Decoded::default();
    while let Some(first) = byte(file, at, end) {
        at = match first {
            b' ' | b'\t' | b'\r' | b'\n' => fold(file, at, end, &mut out),
            b'\\' if style == Style::DoubleQuoted => escape(file, at, end, &mut out),
            b'\'' if style == Style::SingleQuoted => {
                out.replaced("'", Span::new(at, (at + 2).min(end)));
                at + 2
            }
            _ => {
                let stop = verbatim_end(file, at, end, style);
                out.verbatim(file, Span::new(at, stop));
                stop
            }
        };
    }
    out.finish(empty_at)
}

/// End of the bytes from `at` on that stand for themselves; at least one byte further.
fn verbatim_end(file: &str, at: usize, end: usize, style: Style) -> usize {
    let rest = file.as_bytes().get(at + 1..end).unwrap_or(&[]);
    let len = rest.iter().position(|byte| match byte {
        b' ' | b'\t' | b'\r' | b'\n' => true,
        b'\\' => style == Style::DoubleQuoted,
        b'\'' => style == Style::SingleQuoted,
        _ => false,
    });
    at + 1 + len.unwrap_or(rest.len())
}

/// Blanks within a line stay; a line break with the blanks around it becomes a space, further ones stay line breaks.
fn fold(file: &str, at: usize, end: usize, out: &mut Decoded) -> usize {
    let first = skip_blanks(file, at, end);
    let len = break_len(file, first, end);
    if len == 0 {
        out.verbatim(file, Span::new(at, first));
        return first;
    }
    let (after, more) = further_breaks(file, first + len, end, out);
    if !more {
        out.replaced(" ", Span::new(first, first + len));
    }
    after
}

/// Skips blank lines, each of which is a line break of the value; then the indentation of the next line.
fn further_breaks(file: &str, mut at: usize, end: usize, out: &mut Decoded) -> (usize, bool) {
    let mut any = false;
    loop {
        at = skip_blanks(file, at, end);
        let len = break_len(file, at, end);
        if len == 0 {
            return (at, any);
        }
        out.replaced("\n", Span::new(at, at + len));
        at += len;
        any = true;
    }
}

/// Decodes the escape at `at` (a backslash) and returns the offset behind it.
fn escape(file: &str, at: usize, end: usize, out: &mut Decoded) -> usize {
    let len = break_len(file, at + 1, end);
    if len > 0 {
        return further_breaks(file, at + 1 + len, end, out).0;
    }
    let Some(letter) = byte(file, at + 1, end) else { return end };
    let digits = match letter {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        _ => {
            let text = simple_escape(letter).unwrap_or("\u{fffd}");
            out.replaced(text, Span::new(at, at + 2));
            return at + 2;
        }
    };
    let (character, stop) = hex_escape(file, at, end, digits);
    out.replaced(character.encode_utf8(&mut [0; 4]), Span::new(at, stop));
    stop
}

/// A `\x`, `\u` or `\U` escape, surrogate pairs of JSON included.
fn hex_escape(file: &str, at: usize, end: usize, digits: usize) -> (char, usize) {
    let stop = (at + 2 + digits).min(end);
    let code = hex(file, at + 2, stop);
    if (0xD800..0xDC00).contains(&code) && file.get(stop..).is_some_and(|rest| rest.starts_with("\\u")) {
        let low = hex(file, stop + 2, stop + 6);
        if (0xDC00..0xE000).contains(&low) {
            let joined = 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
            return (char::from_u32(joined).unwrap_or('\u{fffd}'), stop + 6);
        }
    }
    (char::from_u32(code).unwrap_or('\u{fffd}'), stop)
}

fn hex(file: &str, start: usize, end: usize) -> u32 {
    file.get(start..end).and_then(|digits| u32::from_str_radix(digits, 16).ok()).unwrap_or(0xFFFD)
}

fn simple_escape(letter: u8) -> Option<&'static str> {
    Some(match letter {
        b'0' => "\0",
        b'a' => "\u{7}",
        b'b' => "\u{8}",
        b't' | b'\t' => "\t",
        b'n' => "\n",
        b'v' => "\u{b}",
        b'f' => "\u{c}",
        b'r' => "\r",
        b'e' => "\u{1b}",
        b' ' => " ",
        b'"' => "\"",
        b'/' => "/",
        b'\\' => "\\",
        b'N' => "\u{85}",
        b'_' => "\u{a0}",
        b'L' => "\u{2028}",
        b'P' => "\u{2029}",
        _ => return None,
    })
}

/// What becomes of the line breaks at the end of a block text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chomp {
    Strip,
    Clip,
    Keep,
}

/// Decodes a block text; `span` reaches from its `|` or `>` over its last line, blank lines behind it included.
pub(super) fn block_text(file: &str, span: Span, indent: usize, style: Style) -> Decoded {
    let (chomp, body) = header(file, span);
    let mut out = Decoded::default();
    let mut state = Block { file, folded: style == Style::Folded, held: None, blank_lines: Vec::new(), spaced: false };
    let mut at = body;
    while at < span.end {
        let line_end = line_end(file, at, span.end);
        let content = content_start(file, at, line_end, indent);
        let after = line_end + break_len(file, line_end, span.end);
        if content < line_end {
            // A line that is indented less ends the text.
            if content < at.saturating_add(indent) {
                break;
            }
            state.line(Span::new(content, line_end), Span::new(line_end, after), &mut out);
        } else if after > line_end || (line_end > at && line_end == file.len()) {
            // Blanks behind the last line break of the file count as one more blank line, for go-yaml, too.
            state.blank_lines.push(Span::new(line_end, after));
        }
        at = after;
    }
    state.end(chomp, &mut out);
    out.finish(body.min(span.end))
}

/// Chomping indicator and the offset of the first line behind the header.
fn header(file: &str, span: Span) -> (Chomp, usize) {
    let end = line_end(file, span.start, span.end);
    let indicators = file.get(span.start + 1..end).unwrap_or("");
    let chomp = indicators.chars().take_while(|c| matches!(c, '+' | '-') || c.is_ascii_digit()).fold(
        Chomp::Clip,
        |chomp, c| match c {
            '+' => Chomp::Keep,
            '-' => Chomp::Strip,
            _ => chomp,
        },
    );
    (chomp, end + break_len(file, end, span.end))
}

fn line_end(file: &str, at: usize, end: usize) -> usize {
    let rest = file.as_bytes().get(at..end).unwrap_or(&[]);
    at + rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(rest.len())
}

/// Offset behind the indentation, of which at most `indent` columns are taken.
fn content_start(file: &str, at: usize, line_end: usize, indent: usize) -> usize {
    let stop = line_end.min(at.saturating_add(indent));
    let mut content = at;
    while byte(file, content, stop) == Some(b' ') {
        content += 1;
    }
    content
}

/// The lines of a block text so far.
struct Block<'a> {
    file: &'a str,
    folded: bool,
    /// Line break of the last line, not yet written.
    held: Option<Span>,
    /// Line breaks of blank lines, not yet written.
    blank_lines: Vec<Span>,
    /// Whether the last line starts with a blank, so that its breaks are not folded.
    spaced: bool,
}

impl Block<'_> {
    fn line(&mut self, content: Span, line_break: Span, out: &mut Decoded) {
        let spaced = matches!(byte(self.file, content.start, content.end), Some(b' ' | b'\t'));
        if let Some(held) = self.held.take() {
            if !self.folded || self.spaced || spaced {
                out.line_break(self.file, held);
            } else if self.blank_lines.is_empty() {
                out.replaced(" ", held);
            }
        }
        self.write_blank_lines(out);
        out.verbatim(self.file, content);
        self.spaced = spaced;
        self.held = Some(line_break);
    }

    fn write_blank_lines(&mut self, out: &mut Decoded) {
        for blank in std::mem::take(&mut self.blank_lines) {
            out.line_break(self.file, blank);
        }
    }

    fn end(&mut self, chomp: Chomp, out: &mut Decoded) {
        if chomp != Chomp::Strip
            && let Some(held) = self.held.take()
        {
            out.line_break(self.file, held);
        }
        if chomp == Chomp::Keep {
            self.write_blank_lines(out);
        }
    }
}
