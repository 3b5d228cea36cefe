//! The order of findings and their fingerprints: both the same on every run and every machine.

use crate::diagnostic::{Diagnostic, Files};
use std::collections::BTreeMap;

/// Evidence longer than this counts by its first line, so that edits elsewhere in a big object do not matter.
const LONG_EVIDENCE: usize = 256;

/// Sorts findings by path, line, column and rule, drops exact repetitions, and gives each its fingerprint.
///
/// To be called once with the findings of all rooms, before any is suppressed: the fingerprints of the others must not
/// depend on what is suppressed.
pub fn finish(diagnostics: &mut Vec<Diagnostic>, files: &dyn Files) {
    sort(diagnostics, files);
    diagnostics.dedup();
    let mut seen: BTreeMap<u64, u64> = BTreeMap::new();
    for diagnostic in diagnostics.iter_mut() {
        let evidence = evidence(diagnostic, files);
        let object = diagnostic.object.as_deref().unwrap_or("");
        let base = fnv(&[&diagnostic.rule, object, &evidence], 0);
        let repeat = seen.entry(base).or_default();
        diagnostic.fingerprint = format!("{:016x}", fnv(&[&diagnostic.rule, object, &evidence], *repeat));
        *repeat += 1;
    }
}

/// Sorts findings by path, line, column and rule.
pub fn sort(diagnostics: &mut [Diagnostic], files: &dyn Files) {
    diagnostics.sort_by(|a, b| key(a, files).cmp(&key(b, files)));
}

type Key<'a> = (&'a str, usize, &'a str, usize, &'a str, Option<&'a str>);

fn key<'a>(diagnostic: &'a Diagnostic, files: &'a dyn Files) -> Key<'a> {
    let at = diagnostic.primary();
    let object = diagnostic.object.as_deref();
    (files.path(at.file), at.span.start, &diagnostic.rule, at.span.end, &diagnostic.message, object)
}

/// The text under the primary label with blanks folded.
fn evidence(diagnostic: &Diagnostic, files: &dyn Files) -> String {
    let quoted = files.quoted(diagnostic.primary()).trim();
    let quoted = if quoted.len() > LONG_EVIDENCE { quoted.lines().next().unwrap_or("") } else { quoted };
    quoted.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// FNV-1a over 64 bits; a NUL ends each part.
fn fnv(parts: &[&str], repeat: u64) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let bytes = parts.iter().flat_map(|part| part.bytes().chain(std::iter::once(0)));
    for byte in bytes.chain(repeat.to_le_bytes()) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}
