//! Counts by rule, in place of the findings.

use super::Report;
use super::sanitize::sanitize_line;
use crate::diagnostic::Severity;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// One line a rule: count, severity, id; the most frequent first, then by id.
#[must_use]
pub fn statistics(report: &Report<'_>) -> String {
    let mut counts: BTreeMap<(&str, Severity), usize> = BTreeMap::new();
    for d in report.diagnostics {
        *counts.entry((d.rule.as_str(), d.severity)).or_default() += 1;
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|((_, _), count)| std::cmp::Reverse(*count));
    let width = rows.first().map_or(1, |(_, count)| count.to_string().len());
    let mut out = String::new();
    for ((rule, severity), count) in rows {
        let _ = writeln!(out, "{count:>width$}  {:<7}  {}", severity.as_str(), sanitize_line(rule));
    }
    out
}
