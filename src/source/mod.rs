//! Reading: snapshot discovery, files, node roots, spans and line positions. Knows no format's meaning.

pub mod span;

pub use span::{FileId, LOCATED_MARKER, Located, Location, Span, Spanned, TextMap};
