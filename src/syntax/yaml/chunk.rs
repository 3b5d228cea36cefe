//! Cuts a text into documents at lines that start with `---`.

use super::error::{ErrorKind, YamlError};
use crate::source::{Span, Spanned};

/// The part of a text that is parsed as one document.
#[derive(Debug)]
pub(super) struct Chunk {
    /// The bytes to parse, without the separator line unless content stands on it.
    pub body: Span,
    /// A comment on the separator line.
    pub comment: Option<Spanned<String>>,
    /// Text behind the `---` that kubectl refuses.
    pub error: Option<YamlError>,
}

/// The documents of `text`, blank ones included.
pub(super) fn split(text: &str) -> Vec<Chunk> {
    let mut starts: Vec<usize> = text.match_indices("\n---").map(|(at, _)| at + 1).collect();
    let bom = if text.starts_with('\u{feff}') { 3 } else { 0 };
    if !text.get(bom..).is_some_and(|rest| rest.starts_with("---")) {
        starts.insert(0, 0);
    } else {
        starts.insert(0, bom);
    }
    let mut chunks: Vec<Chunk> = Vec::with_capacity(starts.len());
    for (index, &start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(text.len());
        let after_directives = chunks.last().is_some_and(|chunk| is_directive_header(chunk.body.text(text)));
        match chunks.last_mut().filter(|_| after_directives) {
            Some(header) => header.body.end = end,
            None => chunks.push(chunk(text, Span::new(start, end))),
        }
    }
    chunks
}

/// A tab in front of the first word of a document, which go-yaml takes for no indentation (`scan_to_next_token`).
fn leading_tab(text: &str, body: Span) -> Option<YamlError> {
    let mut at = body.start;
    for line in body.text(text).split_inclusive('\n') {
        let rest = line.trim_start_matches([' ', '\t', '\u{feff}']).trim_end_matches(['\r', '\n']);
        if !rest.is_empty() && !rest.starts_with('#') {
            let column = line.find('\t').filter(|column| *column < line.len() - line.trim_start().len())?;
            let place = Span::new(at + column, at + column + 1);
            return Some(YamlError::new(ErrorKind::TabInIndentation, place, "kubectl wants spaces in front of a key"));
        }
        at += line.len();
    }
    None
}

fn chunk(text: &str, span: Span) -> Chunk {
    let found = separated(text, span);
    let error = found.error.or_else(|| leading_tab(text, found.body));
    Chunk { error, ..found }
}

fn separated(text: &str, span: Span) -> Chunk {
    let whole = span.text(text);
    let Some(rest) = whole.strip_prefix("---") else { return Chunk { body: span, comment: None, error: None } };
    let line = rest.split_inclusive('\n').next().unwrap_or("");
    let tail = line.trim();
    let tail_start = span.start + 3 + (line.len() - line.trim_start().len());
    let tail_span = Span::new(tail_start, tail_start + tail.len());
    let next_line = Span::new(span.start + 3 + line.len(), span.end);
    // A lone carriage return is a line break for YAML, so more than the separator may stand in this line.
    if tail.is_empty() {
        return Chunk { body: next_line, comment: None, error: None };
    }
    if let Some(comment) = tail.strip_prefix('#').filter(|comment| !comment.contains('\r')) {
        let comment = (line.trim_start().len() < line.len()).then(|| Spanned::new(comment.to_owned(), tail_span));
        return Chunk { body: next_line, comment, error: None };
    }
    let error = YamlError::new(
        ErrorKind::DocumentSeparator,
        tail_span,
        "kubectl allows nothing but a comment behind `---` on its line",
    );
    Chunk { body: span, comment: None, error: Some(error) }
}

/// Whether a chunk holds only directives (`%YAML 1.2`) and comments, so that it belongs to the next document.
fn is_directive_header(body: &str) -> bool {
    let mut lines = body.trim_start_matches('\u{feff}').lines().filter(|line| !line.trim().is_empty());
    let mut directives = false;
    lines.all(|line| {
        directives |= line.starts_with('%');
        line.starts_with('%') || line.trim_start().starts_with('#')
    }) && directives
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(text: &str) -> Vec<&str> {
        split(text).iter().map(|chunk| chunk.body.text(text)).collect()
    }

    #[test]
    fn lines_of_dashes_part_documents() {
        assert_eq!(bodies("a\n---\nb\n"), ["a\n", "b\n"]);
        assert_eq!(bodies("---\r\na\r\n--- # c\r\nb"), ["a\r\n", "b"]);
        assert_eq!(bodies("--- {a: b}\n---foo\n"), ["--- {a: b}\n", "---foo\n"]);
        assert_eq!(bodies("%YAML 1.1\n---\na\n---\nb"), ["%YAML 1.1\n---\na\n", "b"]);
        assert_eq!(bodies("a\n ---\nb\n---"), ["a\n ---\nb\n", ""]);
        assert_eq!(bodies("\u{feff}---\na"), ["a"]);
        assert_eq!(bodies(""), [""]);
    }

    #[test]
    fn what_stands_behind_the_dashes_is_told() {
        let chunks = split("--- # c\na\n--- x # d\n");
        assert_eq!(chunks[0].comment, Some(Spanned::new(" c".to_owned(), Span::new(4, 7))));
        assert_eq!(chunks[1].error.as_ref().map(|error| error.span), Some(Span::new(14, 19)));
    }
}
