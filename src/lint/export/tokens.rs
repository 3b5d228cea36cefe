//! The words of a CEL expression with their places.

use crate::source::Span;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name or keyword.
    Word,
    /// A number.
    Number,
    /// A string with its quotes.
    Text,
    /// An operator or bracket.
    Sign,
}

/// A token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

impl Token {
    /// The token as written.
    pub fn text<'s>(&self, source: &'s str) -> &'s str {
        self.span.text(source)
    }
}

/// The tokens of an expression.
///
/// # Errors
/// What cannot be read: a raw or triple-quoted string, a comment, a string without end, an unknown character.
pub fn tokens(source: &str) -> Result<Vec<Token>, Span> {
    let mut found: Vec<Token> = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (kind, length) = if first.is_ascii_alphabetic() || first == '_' {
            (Kind::Word, length_of(rest, |c| c.is_ascii_alphanumeric() || c == '_'))
        } else if first.is_ascii_digit() {
            (Kind::Number, length_of(rest, |c| c.is_ascii_alphanumeric() || c == '.'))
        } else if first == '\'' || first == '"' {
            (Kind::Text, string(rest, first).ok_or(Span::new(at, source.len()))?)
        } else if rest.starts_with("//") {
            return Err(Span::new(at, source.len()));
        } else if ["==", "!=", "<=", ">=", "&&", "||"].iter().any(|sign| rest.starts_with(sign)) {
            (Kind::Sign, 2)
        } else if first.is_ascii_punctuation() {
            (Kind::Sign, 1)
        } else {
            return Err(Span::new(at, at + first.len_utf8()));
        };
        let span = Span::new(at, at + length);
        // A string right behind a word is raw or of bytes.
        if kind == Kind::Text && found.last().is_some_and(|last| last.kind == Kind::Word && last.span.end == at) {
            return Err(span);
        }
        found.push(Token { kind, span });
        at += length;
    }
    Ok(found)
}

fn length_of(rest: &str, belongs: impl Fn(char) -> bool) -> usize {
    rest.find(|c: char| !belongs(c)).unwrap_or(rest.len())
}

/// The length of a string with its quotes; `None` for triple quotes and where the end is missing.
fn string(rest: &str, quote: char) -> Option<usize> {
    if rest.starts_with(&quote.to_string().repeat(3)) {
        return None;
    }
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        if std::mem::take(&mut escaped) {
            continue;
        }
        match c {
            '\\' => escaped = true,
            c if c == quote => return Some(at + 1),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_strings_and_signs() {
        let words = |source: &str| {
            tokens(source).map(|list| list.iter().map(|t| t.text(source).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(
            words("a.b_1 == 'it\\'s' && !x[0]").unwrap(),
            ["a", ".", "b_1", "==", "'it\\'s'", "&&", "!", "x", "[", "0", "]"]
        );
        for source in ["r'a'", "'''a'''", "a // b", "'a", "ä"] {
            assert!(words(source).is_err(), "{source}");
        }
    }
}
