//! What rules ask of fix builders: a name, a place and arguments in; edits out.

use crate::analysis::view::ViewValue;
use crate::diagnostic::{Edit, Files};
use crate::source::Location;
use std::collections::BTreeMap;

/// A fix that a rule wants to offer.
pub struct FixRequest<'a> {
    /// Name of the builder, as in `use:`.
    pub builder: &'a str,
    /// Every place of `at:` that the input has text for; the primary label's place where the rule gives no `at:`.
    pub at: &'a [Location],
    /// The values at those places, in the same order; empty where the rule gives no `at:`.
    pub values: &'a [&'a ViewValue],
    /// The subject.
    pub subject: &'a ViewValue,
    /// The item of `each:`.
    pub item: Option<&'a ViewValue>,
    /// The arguments of `with:`, rendered.
    pub arguments: &'a BTreeMap<String, String>,
    /// The texts to edit.
    pub files: &'a dyn Files,
}

/// The fix builders that rules may name.
pub trait FixBuilders: Sync {
    /// Their names.
    fn names(&self) -> Vec<&str>;

    /// The edits of a fix; `None` where there is nothing to offer for this input.
    ///
    /// # Errors
    /// A mistake of the rule, such as an argument that the builder does not have.
    fn build(&self, request: &FixRequest<'_>) -> Result<Option<Vec<Edit>>, String>;
}

/// No fix builders.
pub struct NoFixes;

impl FixBuilders for NoFixes {
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
    fn build(&self, _: &FixRequest<'_>) -> Result<Option<Vec<Edit>>, String> {
        Ok(None)
    }
}
