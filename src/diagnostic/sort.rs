//! The one order of findings: path, line, column, rule.

use super::{Diagnostic, Files};

/// Sorts by path, line, column and rule of the primary label, then by message, so that equal input gives equal output.
pub fn sort(diagnostics: &mut [Diagnostic], files: &dyn Files) {
    diagnostics.sort_by_cached_key(|d| {
        let at = d.primary();
        let position = files.position(at.file, at.span.start);
        (files.path(at.file).to_owned(), position, d.rule.clone(), d.message.clone(), d.fingerprint.clone())
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{MemoryFiles, Severity};
    use crate::source::{Location, Span};

    #[test]
    fn path_comes_before_line_before_rule() {
        let mut files = MemoryFiles::new();
        let b = files.add("b", "one\ntwo\n");
        let a = files.add("a", "one\ntwo\n");
        let d = |rule: &str, file, offset| {
            Diagnostic::new(rule, Severity::Info, "", Location::new(file, Span::new(offset, offset)))
        };
        let mut list = vec![d("z", b, 0), d("y", a, 4), d("x", a, 4), d("w", a, 1), d("v", b, 0)];
        sort(&mut list, &files);
        assert_eq!(list.iter().map(|d| d.rule.as_str()).collect::<Vec<_>>(), ["w", "x", "y", "v", "z"]);
    }
}
