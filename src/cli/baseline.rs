//! Known findings that a run does not report again: `.dnslint-baseline.json`.

use super::disk;
use crate::diagnostic::{Diagnostic, Files};
use crate::report::fingerprint;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Name of the file that `--write-baseline` writes unless told otherwise.
pub const DEFAULT_NAME: &str = ".dnslint-baseline.json";

/// Version of the file.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    findings: Vec<Known>,
}

/// Findings of one fingerprint; rule and path are there for the reader of the file.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    rule: String,
    path: String,
    fingerprint: String,
    count: usize,
}

/// How many findings of each fingerprint are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline(BTreeMap<String, usize>);

impl Baseline {
    /// Reads a baseline.
    ///
    /// # Errors
    /// A sentence with the path: the file cannot be read, or is not a baseline of this version.
    pub fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: String| format!("baseline {}: {why}", path.display());
        let text = disk::read(path).map_err(wrong)?;
        let document: Document = serde_json::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        if document.version != VERSION {
            return Err(wrong(format!("version {} is not known, expected {VERSION}", document.version)));
        }
        let mut counts = BTreeMap::new();
        for known in document.findings {
            let count: &mut usize = counts.entry(known.fingerprint).or_default();
            *count = count.saturating_add(known.count);
        }
        Ok(Self(counts))
    }

    /// Takes the known findings away, of each fingerprint the first ones, and returns how many went.
    pub fn apply(mut self, diagnostics: &mut Vec<Diagnostic>, files: &dyn Files) -> usize {
        let before = diagnostics.len();
        diagnostics.retain(|d| match self.0.get_mut(&fingerprint(d, files)) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            _ => true,
        });
        before - diagnostics.len()
    }
}

/// The baseline that hides exactly these findings.
pub fn text(diagnostics: &[Diagnostic], files: &dyn Files) -> String {
    let mut known: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for d in diagnostics {
        let path = files.path(d.primary().file).to_owned();
        *known.entry((path, d.rule.clone(), fingerprint(d, files))).or_default() += 1;
    }
    let findings =
        known.into_iter().map(|((path, rule, fingerprint), count)| Known { rule, path, fingerprint, count }).collect();
    // Strings and numbers always serialise.
    serde_json::to_string_pretty(&Document { version: VERSION, findings }).unwrap_or_default() + "\n"
}
