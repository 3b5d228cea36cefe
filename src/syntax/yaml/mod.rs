//! YAML as Kubernetes reads it, with the span of every key and value.
//!
//! The events of `granit-parser` become an arena tree of our own that keeps byte spans. Each document stands for
//! itself: the text is cut at lines that start with `---`, as kubectl does (`YAMLReader` in
//! `k8s.io/apimachinery/pkg/util/yaml`), so a broken document does not hide the others. Aliases stay references and are
//! never copied. JSON is read by the same code.

mod build;
mod check;
mod chunk;
mod decode;
mod error;
mod lookup;
mod node;
mod place;
mod repair;
mod scalar;
mod template;
mod tree;

pub use error::{ErrorKind, YamlError};
pub use lookup::Entry;
pub use node::NodeRef;
pub use scalar::Scalar;
pub use template::looks_templated;
pub use tree::{Document, Kind, Style};

use crate::source::{Span, Spanned};
use std::sync::Arc;

/// Longest text that is parsed, in bytes; offsets of the tree are 32 bits wide.
pub const MAX_TEXT: usize = 512 * 1024 * 1024;
/// Deepest nesting of block collections, and of flow collections (go-yaml allows 10,000; no manifest comes near).
pub const MAX_DEPTH: usize = 255;
/// Most nodes of one file.
pub const MAX_NODES: usize = 8_000_000;
/// Most nodes that the aliases of one file may stand for, counted as if each alias were a copy of its anchor.
pub const MAX_ALIAS_EXPANSION: u64 = 1_000_000;
/// Longest chain of merge keys (`<<`) that is followed.
pub const MAX_MERGE_DEPTH: usize = 64;
/// Most mappings that one lookup visits through merge keys.
pub const MAX_MERGE_SOURCES: usize = 10_000;

/// A parsed file: its documents, its comments, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct Yaml {
    /// The documents that hold something, in file order; empty ones are left out, as kubectl skips them.
    pub documents: Vec<Document>,
    /// Everything that is wrong or that readers of Kubernetes see differently, in file order.
    pub errors: Vec<YamlError>,
    /// The comments: text behind `#`, and the span of the whole comment with its `#`.
    pub comments: Vec<Spanned<String>>,
}

/// A part of a text that is read by itself: one document, as a rule.
#[derive(Debug)]
pub struct Part(chunk::Chunk);

impl Part {
    /// The bytes between the separator lines, as in [`Document::span`].
    #[must_use]
    pub const fn span(&self) -> Span {
        self.0.body
    }
}

/// The parts of a YAML or JSON text, in its order.
#[must_use]
pub fn parts(text: &str) -> Vec<Part> {
    chunk::split(text).into_iter().map(Part).collect()
}

/// Reads a YAML or JSON text. Never fails: what cannot be read is in [`Yaml::errors`].
#[must_use]
pub fn parse(text: &str) -> Yaml {
    parse_parts(&text.into(), &parts(text))
}

/// Reads a text as [`parse`] does; the trees refer to it, so that it is not copied.
#[must_use]
pub fn parse_shared(text: &Arc<str>) -> Yaml {
    parse_parts(text, &parts(text))
}

/// Reads some of the [`parts`] of a text, with places in the whole text.
#[must_use]
pub fn parse_parts(text: &Arc<str>, parts: &[Part]) -> Yaml {
    if text.len() > MAX_TEXT {
        let error = YamlError::new(ErrorKind::TooLarge, Span::new(0, 0), "the file is too large to be read as YAML");
        return Yaml { errors: vec![error], ..Yaml::default() };
    }
    let mut builder = build::Builder::new(text);
    for part in parts {
        if !builder.read(&part.0) {
            break;
        }
    }
    let build::Output { tree, roots, mut errors, mut comments } = builder.finish();
    errors.sort_by_key(|error| error.span.start);
    comments.sort_by_key(|comment| comment.span.start);
    let tree = Arc::new(tree);
    let documents = roots.into_iter().map(|root| Document::new(Arc::clone(&tree), root)).collect();
    Yaml { documents, errors, comments }
}
