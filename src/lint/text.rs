//! Text of a rule file that remembers where it stands, down to a column inside an expression.

use crate::source::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;

/// A scalar of a rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The decoded text.
    pub value: String,
    /// The bytes of the whole scalar in the rule file.
    pub span: Span,
}

impl Text {
    /// The bytes in the rule file that a part of the decoded text comes from; the whole scalar where that is unclear.
    #[must_use]
    pub fn locate(&self, file: &str, part: Span) -> Span {
        let Some(offsets) = align(&self.value, self.span.text(file)) else { return self.span };
        let at = |index: usize| offsets.get(index).copied();
        let start = at(part.start).or_else(|| at(part.start.checked_sub(1)?).map(|o| o + 1));
        let Some(start) = start else { return self.span };
        let end = part.end.checked_sub(1).and_then(at).map_or(start, |last| last + 1);
        let mut end = end.max(start);
        let raw = self.span.text(file);
        while end < raw.len() && !raw.is_char_boundary(end) {
            end += 1;
        }
        Span::new(start, end).shifted(self.span.start)
    }
}

/// For each byte of a decoded scalar, its byte in the raw text: plain, quoted and block scalars, with folding.
fn align(value: &str, raw: &str) -> Option<Vec<usize>> {
    let (value, raw) = (value.as_bytes(), raw.as_bytes());
    let mut offsets = Vec::with_capacity(value.len());
    let mut at = start_of_content(raw);
    for byte in value {
        if byte.is_ascii_whitespace() {
            offsets.push(at.min(raw.len()));
            // One blank or line break of the value may be several in the file (folding, indentation).
            if raw.get(at).is_some_and(u8::is_ascii_whitespace) {
                at += 1;
            }
            continue;
        }
        while raw.get(at).is_some_and(|r| r != byte && r.is_ascii_whitespace()) {
            at += 1;
        }
        match raw.get(at) {
            Some(found) if found == byte => {}
            // `\"` in double quotes, `''` in single quotes.
            Some(b'\\' | b'\'') if raw.get(at + 1) == Some(byte) => at += 1,
            None if value.len() == offsets.len() => {}
            _ => return None,
        }
        offsets.push(at);
        at += if *byte == b'\'' && raw.first() == Some(&b'\'') { 2 } else { 1 };
    }
    Some(offsets)
}

/// Behind the opening quote, or behind the header line of a block scalar.
fn start_of_content(raw: &[u8]) -> usize {
    match raw.first() {
        Some(b'"' | b'\'') => 1,
        Some(b'|' | b'>') => raw.iter().position(|b| *b == b'\n').map_or(raw.len(), |at| at + 1),
        _ => 0,
    }
}

/// The byte span of a serde-saphyr location.
pub(super) fn span_of(location: &serde_saphyr::Location) -> Span {
    let span = location.span();
    let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or(0);
    let start = number(span.byte_offset());
    Span::new(start, start + number(span.byte_len()))
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = serde_saphyr::Spanned::<String>::deserialize(deserializer)?;
        Ok(Self { value: spanned.value, span: span_of(&spanned.referenced) })
    }
}

impl JsonSchema for Text {
    fn schema_name() -> Cow<'static, str> {
        String::schema_name()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        String::json_schema(generator)
    }
    fn inline_schema() -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Doc {
        when: Text,
    }

    fn located(file: &str, needle: &str) -> String {
        let doc: Doc = serde_saphyr::from_str(file).unwrap();
        let start = doc.when.value.find(needle).unwrap();
        doc.when.locate(file, Span::new(start, start + needle.len())).text(file).to_owned()
    }

    #[test]
    fn a_part_is_found_in_every_scalar_style() {
        for file in [
            "when: subject.ä == 'x' && boom\n",
            "when: \"subject.ä == 'x' && boom\"\n",
            "when: \"subject == \\\"x\\\" && boom\"\n",
            "when: 'subject == ''x'' && boom'\n",
            "when: |\n  subject.ä\n    && boom\n",
            "when: >-\n  subject.ä\n  && boom\n",
            "when: subject.a\n  && boom\n",
        ] {
            assert_eq!(located(file, "boom"), "boom", "{file}");
            assert_eq!(located(file, "&& boom"), "&& boom", "{file}");
        }
    }
}
