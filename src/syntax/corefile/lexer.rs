//! Splits a Corefile into words the way CoreDNS does (`caddyfile/lexer.go`).

use super::token::{FileIndex, Token};
use crate::source::Span;

/// Everything the lexer saw, for the parser and for a formatter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lexed {
    /// The words in order.
    pub tokens: Vec<Token>,
    /// Comments from `#` up to, not including, the character that ends them.
    pub comments: Vec<Span>,
    /// Comments that cut a word: the text behind the next blank is read as words again.
    pub cutting_comments: Vec<Span>,
    /// A quote that is never closed; it swallows the rest of the text.
    pub unterminated_quote: Option<Span>,
}

/// The words of `text` as words of the main file.
#[must_use]
pub fn lex(text: &str) -> Vec<Token> {
    lex_all(text, FileIndex::MAIN).tokens
}

/// The words, comments and oddities of `text`, which is the source `file`.
#[must_use]
pub fn lex_all(text: &str, file: FileIndex) -> Lexed {
    let mut lexer =
        Lexer { chars: text.char_indices().peekable(), len: text.len(), line: 1, file, out: Lexed::default() };
    lexer.chars.next_if(|(_, c)| *c == '\u{feff}');
    while lexer.word() {}
    lexer.out
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::CharIndices<'a>>,
    len: usize,
    line: u32,
    file: FileIndex,
    out: Lexed,
}

impl Lexer<'_> {
    /// Reads up to the end of one word; `false` at the end of the text.
    fn word(&mut self) -> bool {
        let Some((start, first)) = self.skip_to_word() else { return false };
        let line = self.line;
        if first == '"' {
            return self.quoted(start, line);
        }
        let mut text = String::from(first);
        let mut end = start + first.len_utf8();
        let mut comment = None;
        while let Some((at, c)) = self.chars.next() {
            if c == '\r' {
                continue; // deleted, even in the middle of a word
            }
            if c.is_whitespace() {
                self.close_comment(comment, at);
                self.count(c);
                self.emit(text, Span::new(start, end), line, false);
                return true;
            }
            if c == '#' && comment.is_none() {
                comment = Some(at);
            }
            if comment.is_none() {
                text.push(c);
                end = at + c.len_utf8();
            }
        }
        self.close_comment(comment, self.len);
        self.emit(text, Span::new(start, end), line, false);
        true
    }

    /// Skips blanks and comments; the first character of the next word.
    fn skip_to_word(&mut self) -> Option<(usize, char)> {
        let mut comment = None;
        let mut previous = ' ';
        while let Some((at, c)) = self.chars.next() {
            if c == '\n'
                && let Some(from) = comment.take()
            {
                let end = if previous == '\r' { at - 1 } else { at };
                self.out.comments.push(Span::new(from, end));
            }
            previous = c;
            self.count(c);
            if c == '#' && comment.is_none() {
                comment = Some(at);
            }
            if comment.is_none() && !c.is_whitespace() {
                return Some((at, c));
            }
        }
        if let Some(from) = comment {
            self.out.comments.push(Span::new(from, self.len));
        }
        None
    }

    /// Reads a word in double quotes whose opening quote at `start` was consumed.
    fn quoted(&mut self, start: usize, line: u32) -> bool {
        let mut text = String::new();
        let mut escaped = false;
        for (at, c) in self.chars.by_ref() {
            if !escaped && c == '\\' {
                escaped = true;
                continue;
            }
            if !escaped && c == '"' {
                self.emit(text, Span::new(start, at + 1), line, true);
                return true;
            }
            if c == '\n' {
                self.line = self.line.saturating_add(1);
            }
            if escaped && c != '"' {
                text.push('\\');
            }
            text.push(c);
            escaped = false;
        }
        let span = Span::new(start, self.len);
        self.out.unterminated_quote = Some(span);
        if !text.is_empty() {
            self.emit(text, span, line, true);
        }
        false
    }

    fn count(&mut self, c: char) {
        if c == '\n' {
            self.line = self.line.saturating_add(1);
        }
    }

    fn close_comment(&mut self, from: Option<usize>, end: usize) {
        if let Some(from) = from {
            self.out.comments.push(Span::new(from, end));
            self.out.cutting_comments.push(Span::new(from, end));
        }
    }

    fn emit(&mut self, text: String, span: Span, line: u32, quoted: bool) {
        self.out.tokens.push(Token { text, span, line, quoted, file: self.file, via: None });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<(String, u32)> {
        lex(text).into_iter().map(|token| (token.text, token.line)).collect()
    }

    #[test]
    fn spans_cover_the_written_word() {
        let text = "\u{feff}a \"b \\\" c\" d#e f\r\n# end";
        let tokens = lex(text);
        let written: Vec<&str> = tokens.iter().map(|token| token.span.text(text)).collect();
        assert_eq!(written, ["a", "\"b \\\" c\"", "d", "f\r".trim_end()]);
        let comments: Vec<&str> =
            lex_all(text, FileIndex::MAIN).comments.into_iter().map(|span| span.text(text)).collect();
        assert_eq!(comments, ["#e", "# end"]);
    }

    #[test]
    fn unterminated_quote_swallows_the_rest() {
        assert_eq!(words("a \"b c\nd"), [("a".to_owned(), 1), ("b c\nd".to_owned(), 1)]);
        let lexed = lex_all("a \"", FileIndex::MAIN);
        assert_eq!((lexed.tokens.len(), lexed.unterminated_quote), (1, Some(Span::new(2, 3))));
    }

    #[test]
    fn lines_count_across_comments_and_quotes() {
        assert_eq!(
            words("# one\n\"a\nb\" c\n\n d"),
            [("a\nb".to_owned(), 2), ("c".to_owned(), 3), ("d".to_owned(), 5)]
        );
        assert_eq!(words("lo\rg"), [("log".to_owned(), 1)]);
        assert_eq!(words("a\u{a0}b\u{3000}c").len(), 3);
    }
}
