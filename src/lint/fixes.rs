//! What rules ask of fix builders: a name, a place and arguments in; edits out.

pub use crate::fix::{FixRequest, Work};

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

    /// Builders that count their work by themselves, so that several can work side by side with the same outcome as one
    /// after the other.
    fn aside(&self) -> Box<dyn FixBuilders + '_>;

    /// The work that was done so far.
    fn work(&self) -> Work;

    /// Takes the work of builders aside; `false` where that is too much, and what they have built does not count.
    fn settle(&self, work: Work) -> bool;
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
    fn aside(&self) -> Box<dyn FixBuilders + '_> {
        Box::new(Self)
    }
    fn work(&self) -> Work {
        Work::default()
    }
    fn settle(&self, _: Work) -> bool {
        true
    }
}

impl FixBuilders for Workshop<'_> {
    fn names(&self) -> Vec<&str> {
        crate::fix::BUILDERS.to_vec()
    }
    fn build(&self, request: &FixRequest<'_>) -> Result<Option<Draft>, String> {
        Workshop::build(self, request)
    }
    fn aside(&self) -> Box<dyn FixBuilders + '_> {
        Box::new(Workshop::aside(self))
    }
    fn work(&self) -> Work {
        Workshop::work(self)
    }
    fn settle(&self, work: Work) -> bool {
        Workshop::settle(self, work)
    }
}
