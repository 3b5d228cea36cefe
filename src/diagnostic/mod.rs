//! Findings as plain data: what is wrong, where, how sure we are, and which edits would mend it.

mod edit;
mod files;
mod nearest;
mod sort;

pub use crate::source::Position;
pub use edit::{Applicability, Edit, Fix, NewFile};
pub use files::{Files, MemoryFiles, Overlay, char_ceil, char_floor, position_in};
pub use nearest::{edits, nearest};
pub use sort::sort;

use crate::source::{FileId, Location, Span};
use serde::{Deserialize, Serialize};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Advice.
    Info,
    /// Breaks under a condition that happens in practice, or a setting does not do what its writer meant.
    Warning,
    /// DNS is or will be broken for someone.
    Error,
}

impl Severity {
    /// The word used in every output format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How sure a rule is that the finding is true, apart from how bad it would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Rests on an assumption that the input does not state.
    Low,
    /// Likely; some input that could contradict it was not in the snapshot.
    Medium,
    /// The input proves it.
    High,
}

impl Confidence {
    /// The word used in every output format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A marked place with a few words on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The marked text.
    pub location: Location,
    /// What it shows; may be empty.
    pub text: String,
    /// Whether this is the place to edit (exactly one label of a diagnostic is primary).
    pub primary: bool,
}

/// One finding. It cannot be built without a primary label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Rule id, as in `ignore[<id>]`.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// One sentence that is true of this input.
    pub message: String,
    /// Every label in evidence order, the primary one among them.
    pub labels: Vec<Label>,
    /// Further true sentences (assumed versions, consequences).
    pub notes: Vec<String>,
    /// What to do about it.
    pub help: Option<String>,
    /// Documentation of the rule.
    pub url: Option<String>,
    /// The Kubernetes object concerned, as `Kind/namespace/name`, or the node as `Node/name`.
    pub object: Option<String>,
    /// Stable over line shifts: a hash of rule, object and evidence text.
    pub fingerprint: String,
    /// Ways to mend it, best first.
    pub fixes: Vec<Fix>,
    /// Whether it is shown together with findings that say the same of other subjects.
    pub folds: bool,
    /// The findings that this one stands for, in order of their places.
    pub others: Vec<Other>,
}

/// A finding that another one, which says the same, stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// The object concerned, as in [`Diagnostic::object`].
    pub object: Option<String>,
    /// The primary place.
    pub location: Location,
    /// As in [`Diagnostic::fingerprint`].
    pub fingerprint: String,
}

impl Diagnostic {
    /// A finding with its primary place.
    #[must_use]
    pub fn new(rule: impl Into<String>, severity: Severity, message: impl Into<String>, at: Location) -> Self {
        Self {
            rule: rule.into(),
            severity,
            confidence: Confidence::High,
            message: message.into(),
            labels: vec![Label { location: at, text: String::new(), primary: true }],
            notes: Vec::new(),
            help: None,
            url: None,
            object: None,
            fingerprint: String::new(),
            fixes: Vec::new(),
            folds: false,
            others: Vec::new(),
        }
    }

    /// The place to edit.
    #[must_use]
    pub fn primary(&self) -> Location {
        self.labels
            .iter()
            .find(|l| l.primary)
            .or_else(|| self.labels.first())
            .map_or(Location::new(FileId(0), Span::new(0, 0)), |l| l.location)
    }
}
