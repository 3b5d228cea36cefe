//! Counts of a run, and what it could not judge.

use super::sanitize::sanitize_line;
use crate::diagnostic::{Applicability, Diagnostic, Severity};
use crate::lint::Coverage;
use std::fmt::Write as _;

/// Counts over the findings that are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Findings of severity info.
    pub infos: usize,
    /// Files that were read and understood.
    pub files: usize,
    /// Findings that `--fix` mends.
    pub fixable: usize,
    /// Further findings that need `--unsafe-fixes`.
    pub unsafe_fixable: usize,
    /// Findings that were mended in this run.
    pub fixed: usize,
    /// Findings that the baseline hides.
    pub baselined: usize,
    /// What could not be judged.
    pub coverage: Vec<Coverage>,
    /// Some findings came without the fix that they have, which would have taken too long to make.
    pub fixes_withheld: bool,
}

/// Rules named per missing input unless the output is verbose.
const RULES_SHOWN: usize = 3;

/// Said once where fixes were not made for want of time.
pub const WITHHELD: &str =
    "not offered: the fixes of further findings, since making all of them takes long (apply these, then check again)\n";

impl Summary {
    /// Counts `diagnostics`, found in `files` files.
    #[must_use]
    pub fn new(diagnostics: &[Diagnostic], files: usize, coverage: Vec<Coverage>) -> Self {
        let count = |severity| diagnostics.iter().filter(|d| d.severity == severity).count();
        let best = |d: &Diagnostic| d.fixes.iter().filter(|f| f.changes_something()).map(|f| f.applicability).max();
        let with_best = |wanted| diagnostics.iter().filter(|d| best(d) == Some(wanted)).count();
        Self {
            errors: count(Severity::Error),
            warnings: count(Severity::Warning),
            infos: count(Severity::Info),
            files,
            fixable: with_best(Applicability::Safe),
            unsafe_fixable: with_best(Applicability::Unsafe),
            fixed: 0,
            baselined: 0,
            coverage,
            fixes_withheld: false,
        }
    }

    /// The closing lines of the text formats.
    #[must_use]
    pub fn text(&self, verbose: bool) -> String {
        let mut out = self.headline();
        out.push('\n');
        for gap in &self.coverage {
            let shown = if verbose { gap.rules.len() } else { gap.rules.len().min(RULES_SHOWN) };
            let mut rules = gap.rules.iter().take(shown).map(|r| sanitize_line(r)).collect::<Vec<_>>().join(", ");
            if shown < gap.rules.len() {
                let _ = write!(rules, " and {} more", gap.rules.len() - shown);
            }
            let _ = writeln!(out, "not judged: {rules} (missing: {})", sanitize_line(&gap.missing));
        }
        if self.fixes_withheld {
            out.push_str(WITHHELD);
        }
        out
    }

    /// `Found 1 error, 2 warnings in 7 files (1 fixable with --fix).`
    fn headline(&self) -> String {
        let files = plural(self.files, "file");
        let counts: Vec<String> = [(self.errors, "error"), (self.warnings, "warning"), (self.infos, "info")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, word)| plural(n, word))
            .collect();
        let extras = self.extras();
        if counts.is_empty() {
            return format!("No findings in {files}{extras}.");
        }
        format!("Found {} in {files}{extras}.", counts.join(", "))
    }

    fn extras(&self) -> String {
        let mut parts = Vec::new();
        if self.fixed > 0 {
            parts.push(format!("{} fixed", self.fixed));
        }
        if self.fixable > 0 {
            parts.push(format!("{} fixable with --fix", self.fixable));
        }
        if self.unsafe_fixable > 0 {
            let word = if self.fixable > 0 { "more with --unsafe-fixes" } else { "fixable with --fix --unsafe-fixes" };
            parts.push(format!("{} {word}", self.unsafe_fixable));
        }
        if self.baselined > 0 {
            parts.push(format!("{} hidden by the baseline", self.baselined));
        }
        if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
    }
}

/// `1 file`, `2 files`.
pub fn plural(count: usize, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headline_counts_and_coverage() {
        let rules = ["a", "b", "c", "d"].map(String::from).to_vec();
        let gap = Coverage { missing: "kubelet configuration of node gw".into(), rules };
        let mut s = Summary { errors: 1, warnings: 2, files: 7, fixable: 1, ..Summary::default() };
        assert_eq!(s.text(false), "Found 1 error, 2 warnings in 7 files (1 fixable with --fix).\n");
        (s.unsafe_fixable, s.fixed) = (3, 2);
        assert!(s.text(false).ends_with("(2 fixed, 1 fixable with --fix, 3 more with --unsafe-fixes).\n"));
        s.fixable = 0;
        assert!(s.text(false).ends_with("(2 fixed, 3 fixable with --fix --unsafe-fixes).\n"));
        s = Summary { files: 1, baselined: 3, coverage: vec![gap], ..Summary::default() };
        assert_eq!(
            s.text(false),
            "No findings in 1 file (3 hidden by the baseline).\n\
             not judged: a, b, c and 1 more (missing: kubelet configuration of node gw)\n"
        );
        assert!(s.text(true).contains("a, b, c, d (missing"));
        s = Summary { fixes_withheld: true, ..Summary::default() };
        assert_eq!(s.text(false).lines().filter(|line| line.starts_with("not offered: the fixes")).count(), 1);
    }
}
