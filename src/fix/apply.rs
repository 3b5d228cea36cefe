//! Applying edits to a text; everything outside them stays as it is, byte for byte.

use crate::diagnostic::Edit;
use crate::source::Span;

/// The text with the edits applied; `None` where they overlap, lie outside the text or cut a character.
///
/// Insertions at one offset keep their order; an insertion at the start of a replaced range goes before it.
#[must_use]
pub fn apply_edits<'a>(text: &str, edits: impl IntoIterator<Item = &'a Edit>) -> Option<String> {
    let list: Vec<(Span, &str)> = edits.into_iter().map(|edit| (edit.span, edit.text.as_str())).collect();
    apply_spans(text, &list)
}

/// The same for spans and texts.
pub(super) fn apply_spans(text: &str, edits: &[(Span, &str)]) -> Option<String> {
    let mut list = edits.to_vec();
    list.sort_by_key(|(span, _)| (span.start, span.end));
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in list {
        out.push_str(text.get(at..span.start)?);
        out.push_str(new);
        at = span.end;
    }
    out.push_str(text.get(at..)?);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_apply_in_order_and_never_overlap() {
        let apply = |edits: &[(Span, &str)]| apply_spans("abcdef", edits);
        assert_eq!(apply(&[(Span::new(4, 5), "X"), (Span::new(0, 1), "")]).as_deref(), Some("bcdXf"));
        assert_eq!(apply(&[(Span::new(2, 2), "1"), (Span::new(2, 2), "2")]).as_deref(), Some("ab12cdef"));
        assert_eq!(apply(&[(Span::new(1, 3), ""), (Span::new(2, 4), "")]), None);
        assert_eq!(apply(&[(Span::new(5, 9), "")]), None);
        assert_eq!(apply_spans("é", &[(Span::new(1, 2), "")]), None);
    }
}
