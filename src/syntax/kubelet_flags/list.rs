//! Lists inside a flag's value.

use crate::source::Span;
use crate::syntax::systemd::Traced;

/// Why pflag does not take a list (Go's `encoding/csv`); the kubelet then does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListError {
    /// A double quote inside an item that does not start with one, or text behind a closing one.
    BareQuote(Span),
    /// A quoted item without its closing quote.
    UnterminatedQuote(Span),
}

/// Splits a string-slice value such as that of `--cluster-dns`: commas, blanks kept, items may be in double quotes.
///
/// # Errors
/// Where the quotes are not those of CSV; the span lies in the value.
pub fn split_csv(value: &Traced) -> Result<Vec<Traced>, ListError> {
    let text = value.as_str();
    let line_end = text.find('\n').unwrap_or(text.len());
    let line_end = Span::new(0, line_end).text(text).trim_end_matches('\r').len();
    if line_end == 0 {
        return Ok(Vec::new());
    }
    let mut items = Vec::new();
    let mut start = 0;
    loop {
        let rest = Span::new(start, line_end).text(text);
        let (item, end) =
            if rest.starts_with('"') { quoted(value, start, line_end)? } else { plain(value, start, rest)? };
        items.push(item);
        if end >= line_end {
            return Ok(items);
        }
        start = end + 1;
    }
}

/// An item up to the next comma, and its end.
fn plain(value: &Traced, start: usize, rest: &str) -> Result<(Traced, usize), ListError> {
    let len = rest.find(',').unwrap_or(rest.len());
    let item = Span::new(start, start + len);
    match item.text(value.as_str()).find('"') {
        Some(quote) => Err(ListError::BareQuote(Span::new(start + quote, start + quote + 1))),
        None => Ok((value.slice(item), item.end)),
    }
}

/// An item in double quotes, where `""` is a quote, and the offset behind it.
fn quoted(value: &Traced, start: usize, line_end: usize) -> Result<(Traced, usize), ListError> {
    let text = value.as_str();
    let mut item = Traced::default();
    let mut at = start + 1;
    while let Some(len) = Span::new(at, line_end).text(text).find('"') {
        let quote = at + len;
        item.push_range(value, Span::new(at, quote));
        match text.as_bytes().get(quote + 1).filter(|_| quote + 1 < line_end) {
            None | Some(b',') => return Ok((item, quote + 1)),
            Some(b'"') => item.push_range(value, Span::new(quote, quote + 1)),
            Some(_) => return Err(ListError::BareQuote(Span::new(quote, quote + 1))),
        }
        at = quote + 2;
    }
    Err(ListError::UnterminatedQuote(Span::new(start, start + 1)))
}

/// Splits at every comma, as k3s and the node cache do; blanks are kept, an empty value is one empty item.
#[must_use]
pub fn split_commas(value: &Traced) -> Vec<Traced> {
    let mut start = 0;
    let parts = value.as_str().split(',').map(|part| {
        let item = value.slice(Span::new(start, start + part.len()));
        start += part.len() + 1;
        item
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Location};

    fn csv(text: &str) -> Result<Vec<(String, usize)>, ListError> {
        let items = split_csv(&Traced::verbatim(text, FileId(0), 0))?;
        let start = |item: &Traced| item.location().map_or(0, |l: Location| l.span.start);
        Ok(items.iter().map(|item| (item.as_str().to_owned(), start(item))).collect())
    }

    fn item(text: &str, start: usize) -> (String, usize) {
        (text.to_owned(), start)
    }

    #[test]
    fn items_keep_blanks_and_places() {
        assert_eq!(csv("10.0.0.1, 10.0.0.2,").unwrap(), [item("10.0.0.1", 0), item(" 10.0.0.2", 9), item("", 19)]);
        assert_eq!(csv("\"a,b\",\"c\"\"d\",e").unwrap(), [item("a,b", 1), item("c\"d", 7), item("e", 13)]);
        assert_eq!(csv("").unwrap(), []);
        assert_eq!(csv("a\nb").unwrap(), [item("a", 0)]);
        assert_eq!(csv("\"\"").unwrap(), [item("", 1)]);
    }

    #[test]
    fn wrong_quotes_are_errors() {
        assert_eq!(csv("a\"b"), Err(ListError::BareQuote(Span::new(1, 2))));
        assert_eq!(csv("\"a\"b"), Err(ListError::BareQuote(Span::new(2, 3))));
        assert_eq!(csv("x,\"a"), Err(ListError::UnterminatedQuote(Span::new(2, 3))));
    }

    #[test]
    fn commas_split_everywhere() {
        let parts = split_commas(&Traced::verbatim("a,,b", FileId(0), 5));
        assert_eq!(parts.iter().map(Traced::as_str).collect::<Vec<_>>(), ["a", "", "b"]);
        assert_eq!(parts.get(1).and_then(Traced::location).map(|l| l.span), Some(Span::new(7, 7)));
    }
}
