//! What a room needs to know of files to quote, order and identify findings: their path and text.

use crate::source::{FileId, Location};

/// Gives the shown path and the text of a file.
pub trait Files {
    /// Path relative to the current directory, with `/`; empty for an unknown file.
    fn path(&self, file: FileId) -> &str;
    /// Text of the file; empty for an unknown file.
    fn text(&self, file: FileId) -> &str;

    /// The text at a location; empty where it does not fit.
    fn quoted(&self, at: Location) -> &str {
        at.span.text(self.text(at.file))
    }
}
