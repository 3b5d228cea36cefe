//! The one door between the command line and the pipeline.

use super::values::{Distribution, ProxyMode};
use crate::diagnostic::{Diagnostic, Files, MemoryFiles, Severity};
use crate::report::{Coverage, RuleInfo};
use crate::source::Location;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a configuration says about one rule.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSettings {
    /// Another severity than the rule's own.
    pub severity: Option<Severity>,
    /// Switches the rule on or off.
    pub enabled: Option<bool>,
    /// Parameters of the rule.
    pub params: BTreeMap<String, serde_json::Value>,
}

/// Text that came through standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StdinText {
    /// The path that it is treated as.
    pub path: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// Everything that decides what the pipeline does, apart from the paths.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EngineOptions {
    /// What `-` stands for.
    pub stdin: Option<StdinText>,
    /// Directories and files with further rules.
    pub rule_dirs: Vec<PathBuf>,
    /// Ids of the rules to evaluate; `None` for every rule.
    pub selected: Option<BTreeSet<String>>,
    /// Settings by rule id.
    pub rules: BTreeMap<String, RuleSettings>,
    /// The distribution, where the input does not show it.
    pub assume: Option<Distribution>,
    /// Kubernetes version, where the input does not show it.
    pub k8s_version: Option<String>,
    /// CoreDNS version, where the input does not show it.
    pub coredns_version: Option<String>,
    /// Proxy mode, where the input does not show it.
    pub proxy_mode: Option<ProxyMode>,
    /// Report findings that a comment or an annotation suppresses.
    pub no_ignores: bool,
    /// Treat input that cannot be read as an error.
    pub strict: bool,
}

/// A piece of input that could not be read or understood; the rest of the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputProblem {
    /// The path, as it is shown.
    pub path: String,
    /// Where in the file, if it was read at all.
    pub at: Option<Location>,
    /// What is wrong, as a sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// What a run found.
pub struct EngineResult {
    /// The files that locations point into.
    pub files: Box<dyn Files>,
    /// Findings after suppression, in any order.
    pub diagnostics: Vec<Diagnostic>,
    /// What could not be judged.
    pub coverage: Vec<Coverage>,
    /// Files that were recognised.
    pub file_count: usize,
    /// Input that could not be read.
    pub problems: Vec<InputProblem>,
}

/// The rules that exist, and what is wrong with the ones that were given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Every rule, sorted by id.
    pub rules: Vec<RuleInfo>,
    /// Rule files that do not load; any of these is a configuration error.
    pub problems: Vec<InputProblem>,
}

/// The pipeline as the command line sees it; tests put their own in its place.
pub trait Engine {
    /// Loads the built-in rules and those of `rule_dirs`.
    fn catalogue(&self, rule_dirs: &[PathBuf]) -> Catalogue;
    /// Runs the pipeline over `paths`.
    fn check(&self, paths: &[PathBuf], options: &EngineOptions) -> EngineResult;
}

/// The pipeline of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

impl Engine for BuiltIn {
    fn catalogue(&self, rule_dirs: &[PathBuf]) -> Catalogue {
        catalogue(rule_dirs)
    }

    fn check(&self, paths: &[PathBuf], options: &EngineOptions) -> EngineResult {
        check(paths, options)
    }
}

/// Loads the built-in rules and those of `rule_dirs`.
#[must_use]
pub fn catalogue(_rule_dirs: &[PathBuf]) -> Catalogue {
    Catalogue::default()
}

/// Reads, parses, assembles, analyses and lints `paths`.
#[must_use]
pub fn check(_paths: &[PathBuf], _options: &EngineOptions) -> EngineResult {
    EngineResult {
        files: Box::new(MemoryFiles::new()),
        diagnostics: Vec::new(),
        coverage: Vec::new(),
        file_count: 0,
        problems: Vec::new(),
    }
}
