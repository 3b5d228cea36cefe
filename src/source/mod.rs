//! Reading: snapshot discovery, files, node roots, spans and line positions. Knows no format's meaning.

pub mod span;

mod discover;
mod disk;
mod explore;
mod file;
mod gitignore;
mod glob;
mod kind;
mod limits;
mod load;
mod memory;
mod node;
mod origins;
mod paths;
mod problem;
mod repository;
mod snapshot;
mod sniff;
mod tree;
mod walk;

pub use disk::LEFTOVER;
pub use file::{ClusterIndex, NodeIndex, Position, SourceFile};
pub use kind::FileKind;
pub use limits::{Limits, LoadOptions};
pub use node::NodeRoot;
pub use origins::{CompactLocation, Origins, OriginsIter};
pub use paths::{path_below, path_in};
pub use problem::{InputProblem, ProblemKind};
pub use snapshot::{Cluster, Snapshot};
pub use span::{FileId, LOCATED_MARKER, Located, Location, Span, Spanned, TextMap};
pub use tree::Lookup;
