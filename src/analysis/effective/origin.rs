//! Parts of located texts, each with the narrowest place that is known for it.

use crate::source::{Located, Location, Origins, Span};

/// The part `start..end` of a text. Where the first origin is the text itself, byte for byte, it shrinks to the part.
#[must_use]
pub fn part(text: &Located<String>, start: usize, end: usize) -> Located<String> {
    let narrowed = |(index, mut origin): (usize, Location)| {
        if index == 0 && origin.span.len() == text.value.len() {
            origin.span = Span::new(origin.span.start + start, origin.span.start + end);
        }
        origin
    };
    let origins = text.origins.iter().take(MAX_ORIGINS).enumerate().map(narrowed).collect();
    Located::from_origins(text.value.get(start..end).unwrap_or_default().to_owned(), origins)
}

/// Origins that a part takes over from its text; more only a joined list has, whose parts would square them.
const MAX_ORIGINS: usize = 8;

/// The parts of a text between its commas, blanks kept; an empty text has one empty part.
///
/// A list that was joined from located items gives each its own place back.
#[must_use]
pub fn split_commas(text: &Located<String>) -> Vec<Located<String>> {
    let pieces: Vec<&str> = text.value.split(',').collect();
    let fits = |(piece, origin): (&&str, Location)| piece.len() == origin.span.len();
    if pieces.len() > 1 && pieces.len() == text.origins.len() && pieces.iter().zip(&text.origins).all(fits) {
        let items = pieces.iter().zip(&text.origins);
        return items.map(|(piece, origin)| Located::at((*piece).to_owned(), origin)).collect();
    }
    let mut start = 0;
    let mut parts = Vec::with_capacity(pieces.len());
    for piece in pieces {
        parts.push(part(text, start, start + piece.len()));
        start += piece.len() + 1;
    }
    parts
}

/// The origins of several values, one after another, each place once.
#[must_use]
pub fn joined<'a, T: 'a>(values: impl IntoIterator<Item = &'a Located<T>>) -> Origins {
    let mut seen = std::collections::BTreeSet::new();
    values.into_iter().flat_map(|value| &value.origins).filter(|origin| seen.insert(*origin)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn parts_of_a_list_have_their_own_place() {
        let at = |start, end| Location::new(FileId(0), Span::new(start, end));
        let parts = split_commas(&Located::at("a, bc".to_owned(), at(10, 15)));
        assert_eq!(parts, [Located::at("a".to_owned(), at(10, 11)), Located::at(" bc".to_owned(), at(12, 15))]);
        let quoted = split_commas(&Located::at("a,b".to_owned(), at(10, 20)));
        assert_eq!(quoted.last().and_then(Located::location), Some(at(10, 20)));
        assert_eq!(split_commas(&Located::default_value(String::new())).len(), 1);
        let items = [Located::at("a".to_owned(), at(3, 4)), Located::at("bc".to_owned(), at(90, 92))];
        let joined = Located::from_origins("a,bc".to_owned(), joined(&items));
        assert_eq!(split_commas(&joined), items);
    }
}
