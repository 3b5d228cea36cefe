//! A command-line flag with its value, whether it was typed or derived from a configuration file.

use super::origin::joined;
use crate::source::Located;

/// A flag and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlagValue {
    /// Name without dashes, as written.
    pub name: Located<String>,
    /// Value; `true` for a flag without one.
    pub value: Located<String>,
}

impl FlagValue {
    /// A flag with its value.
    #[must_use]
    pub const fn new(name: Located<String>, value: Located<String>) -> Self {
        Self { name, value }
    }

    /// `--name=value`.
    #[must_use]
    pub fn argument(&self) -> String {
        format!("--{}={}", self.name.value, self.value.value)
    }

    /// The argument that k3s derives from a configuration file: one-letter names get a single dash.
    #[must_use]
    pub fn k3s_argument(&self) -> String {
        let dash = if self.name.value.chars().count() == 1 { "-" } else { "--" };
        format!("{dash}{}={}", self.name.value, self.value.value)
    }

    /// The value, with the place of the flag's name behind its own.
    #[must_use]
    pub fn located_value(&self) -> Located<String> {
        let origins = joined([&self.value, &self.name]);
        Located::from_origins(self.value.value.clone(), origins)
    }

    /// The name as the kubelet folds it: `_` counts as `-` (`WordSepNormalizeFunc` of component-base).
    #[must_use]
    pub fn folded_name(&self) -> String {
        self.name.value.replace('_', "-")
    }
}
