//! The one door between the command line and the pipeline.

use super::values::{Distribution, ProxyMode};
use crate::diagnostic::{Diagnostic, Files};
pub use crate::lint::RuleSettings;
use crate::lint::{Coverage, LINT_GROUP, LINT_RULES, LintOptions, Rule, RuleSet, RuleSource};
use crate::model::BrokenInput;
use crate::report::RuleInfo;
use crate::source::{FileKind, LoadOptions, Location, Snapshot};
use crate::{Assumptions, CheckOptions};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::rc::Rc;

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

/// The pipeline of this crate; it loads the rules once, although a check wants their names before it runs.
#[derive(Debug, Default)]
pub struct BuiltIn {
    loaded: RefCell<Option<Rc<LoadedRules>>>,
}

/// Rules, and what was wrong with their files.
#[derive(Debug)]
struct LoadedRules {
    rule_dirs: Vec<PathBuf>,
    rules: RuleSet,
    mistakes: Vec<Diagnostic>,
}

impl BuiltIn {
    fn load(&self, rule_dirs: &[PathBuf]) -> Rc<LoadedRules> {
        let mut loaded = self.loaded.borrow_mut();
        if let Some(known) = loaded.as_ref().filter(|known| known.rule_dirs == rule_dirs) {
            return Rc::clone(known);
        }
        let (rules, mistakes) = load_rules(rule_dirs);
        Rc::clone(loaded.insert(Rc::new(LoadedRules { rule_dirs: rule_dirs.to_vec(), rules, mistakes })))
    }
}

impl Engine for BuiltIn {
    fn catalogue(&self, rule_dirs: &[PathBuf]) -> Catalogue {
        let loaded = self.load(rule_dirs);
        catalogue(&loaded.rules, &loaded.mistakes)
    }

    fn check(&self, paths: &[PathBuf], options: &EngineOptions) -> EngineResult {
        check(paths, options, &self.load(&options.rule_dirs).rules)
    }
}

fn catalogue(rules: &RuleSet, mistakes: &[Diagnostic]) -> Catalogue {
    let own = LINT_RULES.iter().map(|(id, severity, summary)| RuleInfo {
        id: (*id).to_owned(),
        group: LINT_GROUP.to_owned(),
        severity: Some(*severity),
        summary: (*summary).to_owned(),
        ..RuleInfo::default()
    });
    let mut list: Vec<RuleInfo> = rules.rules().iter().map(rule_info).chain(own).collect();
    list.sort_by(|a, b| a.id.cmp(&b.id));
    let problems = mistakes
        .iter()
        .map(|mistake| {
            let at = mistake.primary();
            let position = rules.position(at.file, at.span.start);
            InputProblem {
                path: format!("{}:{}:{}", rules.path(at.file), position.line, position.column),
                at: None,
                message: mistake.message.clone(),
                help: mistake.help.clone(),
            }
        })
        .collect();
    Catalogue { rules: list, problems }
}

fn rule_info(rule: &Rule) -> RuleInfo {
    RuleInfo {
        id: rule.id.clone(),
        group: rule.group.clone(),
        severity: Some(rule.severity),
        summary: rule.summary.clone(),
        help: rule.why.clone(),
        url: rule.references.first().cloned(),
    }
}

/// The built-in rules, and those of the given directories and files.
fn load_rules(rule_dirs: &[PathBuf]) -> (RuleSet, Vec<Diagnostic>) {
    let mut sources = crate::lint::builtin();
    sources.extend(
        super::disk::rule_files(rule_dirs)
            .into_iter()
            .map(|(path, below, text)| RuleSource::new(path, below.as_str(), text)),
    );
    crate::load_rules(sources)
}

/// Reads, parses, assembles, analyses and lints `paths`.
fn check(paths: &[PathBuf], options: &EngineOptions, rules: &RuleSet) -> EngineResult {
    let load = LoadOptions {
        stdin_filename: options.stdin.as_ref().map(|stdin| stdin.path.clone()),
        stdin: options.stdin.as_ref().map(|stdin| stdin.bytes.clone()),
        ..LoadOptions::default()
    };
    let snapshot = Snapshot::load(paths, &load);
    let request = CheckOptions {
        lint: LintOptions {
            select: options.selected.iter().flatten().cloned().collect(),
            rules: options.rules.clone(),
            ..LintOptions::default()
        },
        assume: Assumptions {
            kubernetes: options.k8s_version.clone(),
            coredns: options.coredns_version.clone(),
            proxy_mode: options.proxy_mode.map(|mode| mode.name().to_owned()),
            distribution: options.assume.map(|distribution| distribution.name().to_owned()),
        },
        no_ignores: options.no_ignores,
        today: super::io::today(),
    };
    let outcome = crate::check(&snapshot, rules, &request);
    let problems = snapshot
        .problems
        .iter()
        .filter(|problem| problem.kind.loses_input())
        .map(|problem| InputProblem {
            path: problem.path.clone(),
            at: None,
            message: problem.message.clone(),
            help: None,
        })
        .chain(outcome.broken.iter().filter(|broken| !broken.templated).map(|broken| InputProblem {
            path: snapshot.file(broken.location.file).path.clone(),
            at: Some(broken.location),
            message: broken.message.clone(),
            help: None,
        }))
        .collect();
    let mut coverage = outcome.coverage;
    coverage.extend(templates(&snapshot, &outcome.broken));
    EngineResult {
        file_count: snapshot.files.iter().filter(|file| file.kind != FileKind::Other).count(),
        diagnostics: outcome.diagnostics,
        coverage,
        problems,
        files: Box::new(snapshot),
    }
}

/// Templates are no fault: a program renders them first, and its output is what counts. One line says so.
fn templates(snapshot: &Snapshot, broken: &[BrokenInput]) -> Option<Coverage> {
    let mut files = broken.iter().filter(|b| b.templated).map(|b| snapshot.file(b.location.file).path.as_str());
    let first = files.next()?;
    let missing = match files.count() {
        0 => format!("the rendered form of the template {first}"),
        more => format!("the rendered form of {} templates, such as {first}", more + 1),
    };
    Some(Coverage { missing, rules: vec![crate::lint::ALL.to_owned()] })
}

/// The kinds of views, sorted.
#[must_use]
pub fn view_kinds() -> Vec<&'static str> {
    crate::analysis::collect::schemas().iter().map(|schema| schema.kind).collect()
}

/// The views of every cluster below `paths`, by kind; each subject with the object that it belongs to.
#[must_use]
pub fn facts(paths: &[PathBuf], kind: Option<&str>) -> serde_json::Value {
    let snapshot = Snapshot::load(paths, &LoadOptions::default());
    let mut found: BTreeMap<&str, Vec<serde_json::Value>> = BTreeMap::new();
    for cluster in crate::model::assemble(&snapshot) {
        let collected = crate::analysis::collect::views(&snapshot, &cluster, &Assumptions::default());
        for (name, subjects) in collected.views.iter().filter(|(name, _)| kind.is_none_or(|kind| kind == *name)) {
            let list = found.entry(name).or_default();
            list.extend(subjects.iter().map(|s| serde_json::json!({"object": s.object, "subject": s.value.to_json()})));
        }
    }
    serde_json::json!(found)
}
