//! A value and where it was taken from.

use crate::source::{Located, Location};

/// Where a parameter's value comes from, in falling order of weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A flag of the command line, as written (`--local-ip`).
    Flag(&'static str),
    /// The snapshot.
    Snapshot(Option<Location>, String),
    /// What the distribution or the program does by itself, and who says so.
    Default(String),
}

/// A parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen<T> {
    /// The value.
    pub value: T,
    /// Where it comes from.
    pub source: Source,
}

impl<T> Chosen<T> {
    /// A value of a flag.
    pub const fn flag(value: T, flag: &'static str) -> Self {
        Self { value, source: Source::Flag(flag) }
    }

    /// A value that the snapshot shows; `what` names the thing that shows it.
    pub fn shown(value: T, at: Option<Location>, what: impl Into<String>) -> Self {
        Self { value, source: Source::Snapshot(at, what.into()) }
    }

    /// A value of the snapshot with its place.
    pub fn located(value: Located<T>, what: impl Into<String>) -> Self {
        let at = value.location();
        Self::shown(value.value, at, what)
    }

    /// A documented default.
    pub fn default_of(value: T, whose: impl Into<String>) -> Self {
        Self { value, source: Source::Default(whose.into()) }
    }

    /// The same source with another value.
    pub fn with<U>(&self, value: U) -> Chosen<U> {
        Chosen { value, source: self.source.clone() }
    }
}
