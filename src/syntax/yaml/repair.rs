//! What kubectl reads and the parser does not: quoted texts that go on in a line that is not indented, and texts within
//! brackets that end in a colon (`{prefix: 64:ff9b::}`).
//!
//! The parser gets a text of the same length without the line breaks or the colon; the value is then decoded from the
//! true text.

use crate::source::Span;

/// How many such places one document may have; each costs another pass over the document.
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

/// The colon at `at`, if only brackets make it the end of a key: within brackets go-yaml wants a blank behind it.
pub(super) fn colon_of_text(text: &str, at: usize) -> Option<Span> {
    let followed = text.get(at..)?.strip_prefix(':')?.starts_with([',', ']', '}']);
    followed.then(|| Span::new(at, at + 1))
}

/// `body`, which starts at offset `base`, without the line breaks or colon of `place`.
pub(super) fn patch(body: &str, place: Span, base: usize) -> String {
    let inside = place.start.saturating_sub(base)..place.end.saturating_sub(base);
    let mut joined = String::with_capacity(body.len());
    joined.push_str(body.get(..inside.start).unwrap_or(""));
    let part = body.get(inside.clone()).unwrap_or("");
    match part {
        ":" => joined.push('_'),
        // A backslash in front of the line break then escapes the space, which is as good.
        _ => joined.extend(part.chars().map(|c| if matches!(c, '\r' | '\n') { ' ' } else { c })),
    }
    joined.push_str(body.get(inside.end..).unwrap_or(""));
    joined
}
