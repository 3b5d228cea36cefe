//! What rules ask of fix builders: a name, a place and arguments in; edits out.

pub use crate::fix::FixRequest;

use crate::fix::{Draft, Workshop};

/// The fix builders that rules may name.
pub trait FixBuilders: Sync {
    /// Their names.
    fn names(&self) -> Vec<&str>;

    /// The edits of a fix; `None` where there is nothing to offer for this input.
    ///
    /// # Errors
    /// A mistake of the rule, such as an argument that the builder does not have.
    fn build(&self, request: &FixRequest<'_>) -> Result<Option<Draft>, String>;
}

/// No fix builders.
pub struct NoFixes;

impl FixBuilders for NoFixes {
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
    fn build(&self, _: &FixRequest<'_>) -> Result<Option<Draft>, String> {
        Ok(None)
    }
}

impl FixBuilders for Workshop<'_> {
    fn names(&self) -> Vec<&str> {
        crate::fix::BUILDERS.to_vec()
    }
    fn build(&self, request: &FixRequest<'_>) -> Result<Option<Draft>, String> {
        Workshop::build(self, request)
    }
}
