//! Edits and fixes: byte-exact replacements with a statement of how safe they are.

use crate::source::{FileId, Span};
use serde::{Deserialize, Serialize};

/// How safe a fix is, in ruff's sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Applicability {
    /// Shown only: a person has to fill something in.
    Display,
    /// Changes which server answers or how; applied with `--unsafe-fixes`.
    Unsafe,
    /// Keeps the meaning, or strictly more names resolve; applied with `--fix`.
    Safe,
}

/// Replaces the bytes of `span` by `text`; everything else stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The file that is edited.
    pub file: FileId,
    /// The bytes that go.
    pub span: Span,
    /// The text that comes.
    pub text: String,
}

/// A file that does not exist yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The path as shown, inside the given paths.
    pub path: String,
    /// Its whole text.
    pub text: String,
}

/// One way to mend a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What applying it does, as an imperative sentence.
    pub title: String,
    /// How safe it is.
    pub applicability: Applicability,
    /// The edits, which do not overlap, in file order.
    pub edits: Vec<Edit>,
    /// The files that are created, by path.
    pub creates: Vec<NewFile>,
}

impl Fix {
    /// Whether applying it changes any file; a fix without edits only says what a person should do.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        !self.edits.is_empty() || !self.creates.is_empty()
    }
}
