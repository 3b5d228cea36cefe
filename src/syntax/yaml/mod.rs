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

/// Reads a YAML or JSON text. Never fails: what cannot be read is in [`Yaml::errors`].
#[must_use]
pub fn parse(text: &str) -> Yaml {
    if text.len() > MAX_TEXT {
        let error = YamlError::new(ErrorKind::TooLarge, Span::new(0, 0), "the file is too large to be read as YAML");
        return Yaml { errors: vec![error], ..Yaml::default() };
    }
    let mut builder = build::Builder::new(text);
    for chunk in chunk::split(text) {
        if !builder.read(&chunk) {
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
