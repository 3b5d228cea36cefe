//! Splitting a line at the blanks of one program, keeping the place of every word.

use crate::source::Span;

/// A word of a line and where it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a> {
    /// The text of the word.
    pub text: &'a str,
    /// Its bytes in the file.
    pub span: Span,
}

/// Space and tab: the only blanks of glibc.
pub const fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// C `isspace()` in the POSIX locale: space, tab, newline, VT, FF, CR.
pub const fn is_white_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\u{b}' | '\u{c}' | '\r')
}

/// The words of `text`, which stands at byte `start` of the file.
pub fn split(text: &str, start: usize, is_separator: fn(char) -> bool) -> impl Iterator<Item = Word<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word = rest.trim_start_matches(is_separator);
        if word.is_empty() {
            return None;
        }
        let from = start + text.len() - word.len();
        let end = word.find(is_separator).unwrap_or(word.len());
        let (word, tail) = word.split_at_checked(end)?;
        rest = tail;
        Some(Word { text: word, span: Span::new(from, from + word.len()) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_place() {
        let words = split(" a\tbä  c", 10, is_blank).map(|w| (w.text, w.span.start, w.span.end)).collect::<Vec<_>>();
        assert_eq!(words, [("a", 11, 12), ("bä", 13, 16), ("c", 18, 19)]);
        assert_eq!(split("a\rb", 0, is_blank).count(), 1);
        assert_eq!(split("a\rb", 0, is_white_space).count(), 2);
    }
}
