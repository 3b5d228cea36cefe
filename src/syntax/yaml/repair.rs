//! Quoted texts that go on in a line that is not indented: kubectl reads them, the parser does not.
//!
//! The parser gets the text with the line breaks inside the quotes made spaces, which keeps every offset; the value is
//! then decoded from the true text.

use crate::source::Span;

/// How many such texts one document may have; each costs another pass over the document.
pub(super) const MAX_REPAIRS: usize = 8;

/// The quoted text, quotes included, that begins between `from` and `at` and ends behind `at`.
pub(super) fn quoted_around(text: &str, from: usize, at: usize, end: usize) -> Option<Span> {
    let bytes = text.as_bytes();
    let mut i = from;
    while i < at {
        let fresh = i == from
            || bytes.get(i - 1).is_none_or(|before| {
                matches!(before, b' ' | b'\t' | b'\r' | b'\n' | b'[' | b'{' | b',' | b':' | b'-' | b'?')
            });
        match bytes.get(i)? {
            b'#' if fresh => i = bytes.get(i..end)?.iter().position(|b| *b == b'\n').map_or(end, |line| i + line),
            quote @ (b'"' | b'\'') if fresh => {
                let close = closing_quote(bytes, i + 1, end, *quote)?;
                if close >= at {
                    return Some(Span::new(i, close + 1));
                }
                i = close + 1;
            }
            _ => i += 1,
        }
    }
    None
}

fn closing_quote(bytes: &[u8], mut at: usize, end: usize, quote: u8) -> Option<usize> {
    while at < end {
        let byte = *bytes.get(at)?;
        let doubled = byte == b'\'' && bytes.get(at + 1) == Some(&b'\'');
        if byte == quote && !(quote == b'\'' && doubled) {
            return Some(at);
        }
        let escape = quote == b'"' && byte == b'\\';
        at += if escape || (quote == b'\'' && doubled) { 2 } else { 1 };
    }
    None
}

/// `body`, which starts at offset `base`, with spaces for the line breaks within `quoted`.
pub(super) fn join_lines(body: &str, quoted: Span, base: usize) -> String {
    let inside = quoted.start.saturating_sub(base)..quoted.end.saturating_sub(base);
    let mut joined = String::with_capacity(body.len());
    joined.push_str(body.get(..inside.start).unwrap_or(""));
    let part = body.get(inside.clone()).unwrap_or("");
    // A backslash in front of the line break then escapes the space, which is as good.
    joined.extend(part.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c }));
    joined.push_str(body.get(inside.end..).unwrap_or(""));
    joined
}
