//! Edits of YAML and JSON: each is made as bytes and checked as a tree; what would not give the expected tree, or would
//! reach another place through an alias, is not made.

mod check;
mod grow;
mod locate;
mod remove;
mod tree;
mod value;
mod write;

pub(super) use check::changes_only;
pub(super) use grow::{add_at, add_document, add_to_root, copy_item, lines, merge};
pub(super) use locate::{Step, document_at, locate};
pub(super) use remove::remove;
pub(super) use value::{block_text, rename, renamed_with, set_value, split};
pub(super) use write::escape_double;
