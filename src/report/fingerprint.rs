//! Identity of a finding across runs, for baselines and code-scanning services.

use super::Report;
use crate::diagnostic::{Diagnostic, Files};
use std::collections::BTreeMap;

/// The finding's fingerprint, or one made of rule, object, path and message where the rule engine gave none.
#[must_use]
pub fn fingerprint(diagnostic: &Diagnostic, files: &dyn Files) -> String {
    if !diagnostic.fingerprint.is_empty() {
        return diagnostic.fingerprint.clone();
    }
    let parts = [
        diagnostic.rule.as_str(),
        diagnostic.object.as_deref().unwrap_or(""),
        files.path(diagnostic.primary().file),
        diagnostic.message.as_str(),
    ];
    format!("{:016x}", fnv1a(&parts))
}

/// 64-bit FNV-1a over the parts, each closed by a zero byte.
fn fnv1a(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|p| p.bytes().chain(std::iter::once(0)));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A fingerprint for each finding of the report, made unique by a counter: services hide all but one of equal ones.
pub fn unique_fingerprints(report: &Report<'_>) -> Vec<String> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let one = |d: &Diagnostic| {
        let print = fingerprint(d, report.files);
        let count = seen.entry(print.clone()).or_default();
        *count += 1;
        if *count == 1 { print } else { format!("{print}-{count}") }
    };
    report.diagnostics.iter().map(one).collect()
}
