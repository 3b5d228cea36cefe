//! The findings that a folded one stands for, in words.

use super::sanitize::sanitize_line;
use crate::diagnostic::{Diagnostic, Files, Other};
use std::fmt::Write as _;

/// Others that are named unless all are asked for.
const NAMED: usize = 5;

/// `and 37 more: Pod/default/a, Pod/default/b, …`; `None` where the finding stands for itself alone.
#[must_use]
pub fn note(diagnostic: &Diagnostic, files: &dyn Files) -> Option<String> {
    let others = &diagnostic.others;
    let mut names: Vec<&str> = others.iter().map(|other| name(other, files)).collect();
    names.dedup();
    let mut note =
        format!("and {} more: {}", others.len(), names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", "));
    if names.len() > NAMED {
        note.push_str(", …");
    }
    (!others.is_empty()).then(|| sanitize_line(&note))
}

/// The same with every other finding on a line of its own: `Pod/default/a (pods.yaml:12)`.
#[must_use]
pub fn list(diagnostic: &Diagnostic, files: &dyn Files) -> Option<String> {
    let others = &diagnostic.others;
    let mut list = format!("and {} more:", others.len());
    for other in others {
        let line = files.position(other.location.file, other.location.span.start).line;
        let path = sanitize_line(files.path(other.location.file));
        let _ = match &other.object {
            Some(object) => write!(list, "\n{} ({path}:{line})", sanitize_line(object)),
            None => write!(list, "\n{path}:{line}"),
        };
    }
    (!others.is_empty()).then_some(list)
}

/// The message, and how many say the same, for formats with one line a finding.
#[must_use]
pub fn message(diagnostic: &Diagnostic) -> String {
    let message = sanitize_line(&diagnostic.message);
    if diagnostic.others.is_empty() { message } else { format!("{message} (and {} more)", diagnostic.others.len()) }
}

fn name<'a>(other: &'a Other, files: &'a dyn Files) -> &'a str {
    other.object.as_deref().unwrap_or_else(|| files.path(other.location.file))
}
