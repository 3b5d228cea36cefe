//! The one door between the command line and the pipeline.

use super::rule_files;
use super::values::{Distribution, ProxyMode};
use crate::diagnostic::{Diagnostic, Files, MemoryFiles, Position, position_in};
use crate::fix::{Applied, Change, Failed, Judged, Mode};
pub use crate::lint::RuleSettings;
use crate::lint::{Coverage, LINT_GROUP, LINT_RULES, LintOptions, RULE_FILES, Rule, RuleSet};
use crate::model::BrokenInput;
use crate::report::RuleInfo;
use crate::source::{FileId, FileKind, LoadOptions, Location, Snapshot};
use crate::{Assumptions, CheckOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

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
    /// Some findings came without the fix that they have, which would have taken too long to make.
    pub fixes_withheld: bool,
}

/// A file that fixes changed or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    /// The text before and after.
    pub change: Change,
    /// Where it lies on disk, links resolved; `None` for standard input.
    pub disk: Option<PathBuf>,
}

/// What fixes made of the input. Nothing was written.
pub struct Fixed {
    /// What a check of the mended files finds.
    pub result: EngineResult,
    /// The files that differ, in order of their paths.
    pub changes: Vec<FileChange>,
    /// The fixes that were applied.
    pub applied: Vec<Applied>,
    /// The fixes that were taken back, and why.
    pub failed: Vec<Failed>,
    /// Number of findings that are gone.
    pub mended: usize,
}

/// Keeps the findings that are to be mended.
pub type Wanted<'a> = dyn Fn(Vec<Diagnostic>, &dyn Files) -> Vec<Diagnostic> + 'a;

/// The rules that exist, and what is wrong with the ones that were given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    /// Every rule, sorted by id.
    pub rules: Vec<RuleInfo>,
    /// The parameters of the rules that have some, with their defaults.
    pub params: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// What is wrong with rule files; any of these is a configuration error.
    pub problems: Vec<Diagnostic>,
    /// The files that `problems` points into.
    pub files: MemoryFiles,
}

/// The pipeline as the command line sees it; tests put their own in its place.
pub trait Engine {
    /// Loads the built-in rules and those of `rule_dirs`.
    ///
    /// # Errors
    /// A sentence: a directory or file cannot be read.
    fn catalogue(&self, rule_dirs: &[PathBuf]) -> Result<Catalogue, String>;
    /// Runs the pipeline over `paths`.
    fn check(&self, paths: &[PathBuf], options: &EngineOptions) -> EngineResult;
    /// Runs the pipeline over `paths` and applies fixes in memory until nothing more is to be done.
    fn fix(&self, paths: &[PathBuf], options: &EngineOptions, mode: Mode, wanted: &Wanted<'_>) -> Fixed;
}

/// The pipeline of this crate.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuiltIn;

impl Engine for BuiltIn {
    fn catalogue(&self, rule_dirs: &[PathBuf]) -> Result<Catalogue, String> {
        catalogue(rule_dirs)
    }

    fn check(&self, paths: &[PathBuf], options: &EngineOptions) -> EngineResult {
        check(paths, options)
    }

    fn fix(&self, paths: &[PathBuf], options: &EngineOptions, mode: Mode, wanted: &Wanted<'_>) -> Fixed {
        fix(paths, options, mode, wanted)
    }
}

/// Loads the built-in rules and those of `rule_dirs`.
///
/// # Errors
/// A sentence: a directory or file cannot be read.
pub fn catalogue(rule_dirs: &[PathBuf]) -> Result<Catalogue, String> {
    let loaded = load_rules(rule_dirs)?;
    let (rules, mistakes) = match &loaded {
        Some(loaded) => (&loaded.rules, loaded.problems.as_slice()),
        None => (crate::builtin_rules(), [].as_slice()),
    };
    let own = LINT_RULES.iter().map(|(id, severity, summary)| RuleInfo {
        id: (*id).to_owned(),
        group: LINT_GROUP.to_owned(),
        severity: Some(*severity),
        summary: (*summary).to_owned(),
        help: crate::lint::lint_rule_why(id).to_owned(),
        url: None,
    });
    let mut list: Vec<RuleInfo> = rules.rules().iter().map(rule_info).chain(own).collect();
    list.sort_by(|a, b| a.id.cmp(&b.id));
    let mut files = MemoryFiles::new();
    let problems = mistakes.iter().map(|mistake| moved(mistake, rules, &mut files)).collect();
    let with_params = rules.rules().iter().filter(|rule| !rule.params.is_empty());
    let params = with_params.map(|rule| (rule.id.clone(), rule.params.clone())).collect();
    Ok(Catalogue { rules: list, params, problems, files })
}

/// A mistake whose places are in `files`, to which the rule's file is added.
fn moved(mistake: &Diagnostic, rules: &RuleSet, files: &mut MemoryFiles) -> Diagnostic {
    let old = mistake.primary().file;
    let file = files.add(rules.path(old), rules.text(old));
    let mut mistake = mistake.clone();
    for label in &mut mistake.labels {
        label.location.file = file;
    }
    mistake
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

/// The built-in rules and those of the given directories and files; `None`: the built-in ones alone.
fn load_rules(rule_dirs: &[PathBuf]) -> Result<Option<rule_files::Loaded>, String> {
    if rule_dirs.is_empty() {
        return Ok(None);
    }
    rule_files::load(rule_dirs, rule_files::With::BuiltIn).map(Some)
}

/// A value as indented JSON with a final newline.
pub(super) fn pretty(value: &impl serde::Serialize) -> Result<String, String> {
    serde_json::to_string_pretty(value).map(|text| text + "\n").map_err(|e| e.to_string())
}

/// Reads, parses, assembles, analyses and lints `paths`.
#[must_use]
pub fn check(paths: &[PathBuf], options: &EngineOptions) -> EngineResult {
    let snapshot = load(paths, options);
    with_rules(options, |rules| examine(snapshot, rules, options))
}

/// The same, and mends what is found, in memory.
#[must_use]
pub fn fix(paths: &[PathBuf], options: &EngineOptions, mode: Mode, wanted: &Wanted<'_>) -> Fixed {
    let before = load(paths, options);
    with_rules(options, |rules| {
        // every rule looks for new errors, whichever were selected
        let request = CheckOptions { lint: LintOptions { select: Vec::new(), ..lint(options) }, ..request(options) };
        let judge = |snapshot: &Snapshot| {
            let checked = crate::check(snapshot, rules, &request);
            Judged { findings: checked.diagnostics, broken: checked.broken.len() }
        };
        let shown = |judged: &Judged, snapshot: &Snapshot| wanted(judged.findings.clone(), snapshot);
        let outcome = crate::fix::run(&before, mode, &judge, &shown);
        let changes = changes(&before, &outcome.snapshot);
        let result = examine(outcome.snapshot, rules, options);
        Fixed { result, changes, applied: outcome.applied, failed: outcome.failed, mended: outcome.mended }
    })
}

fn changes(before: &Snapshot, after: &Snapshot) -> Vec<FileChange> {
    let mut changes: Vec<FileChange> = Vec::new();
    for file in &after.files {
        let old = before.files.get(file.id.index()).map(|file| file.text.to_string());
        if old.as_deref() == Some(&*file.text) {
            continue;
        }
        let disk = if old.is_some() { file.disk_path.clone() } else { after.new_file_on_disk(&file.path) };
        changes.push(FileChange { change: Change { path: file.path.clone(), old, new: file.text.to_string() }, disk });
    }
    changes.sort_by(|a, b| a.change.path.cmp(&b.change.path));
    changes
}

fn load(paths: &[PathBuf], options: &EngineOptions) -> Snapshot {
    let load = LoadOptions {
        stdin_filename: options.stdin.as_ref().map(|stdin| stdin.path.clone()),
        stdin: options.stdin.as_ref().map(|stdin| stdin.bytes.clone()),
        ..LoadOptions::default()
    };
    Snapshot::load(paths, &load)
}

fn with_rules<T>(options: &EngineOptions, run: impl FnOnce(&RuleSet) -> T) -> T {
    // The catalogue was made of the same files: what is wrong with them was said then.
    match &load_rules(&options.rule_dirs).ok().flatten() {
        Some(loaded) => run(&loaded.rules),
        None => run(crate::builtin_rules()),
    }
}

fn lint(options: &EngineOptions) -> LintOptions {
    LintOptions {
        select: options.selected.iter().flatten().cloned().collect(),
        rules: options.rules.clone(),
        ..LintOptions::default()
    }
}

fn request(options: &EngineOptions) -> CheckOptions {
    CheckOptions {
        lint: lint(options),
        assume: Assumptions {
            kubernetes: options.k8s_version.clone(),
            coredns: options.coredns_version.clone(),
            proxy_mode: options.proxy_mode.map(|mode| mode.name().to_owned()),
            distribution: options.assume.map(|distribution| distribution.word().to_owned()),
        },
        no_ignores: options.no_ignores,
        today: super::io::today(),
    }
}

/// Lints a snapshot.
fn examine(snapshot: Snapshot, rules: &RuleSet, options: &EngineOptions) -> EngineResult {
    let outcome = crate::check(&snapshot, rules, &request(options));
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
        coverage,
        problems,
        fixes_withheld: outcome.fixes_withheld,
        files: Box::new(Sources { rules: RuleTexts::of(&outcome.diagnostics, rules), snapshot }),
        diagnostics: outcome.diagnostics,
    }
}

/// The files of the input, and the rule files that findings point into (a rule may fail while it is evaluated).
struct Sources {
    snapshot: Snapshot,
    rules: RuleTexts,
}

/// Path and text of rule files.
struct RuleTexts(BTreeMap<FileId, (String, String)>);

impl RuleTexts {
    fn of(findings: &[Diagnostic], rules: &RuleSet) -> Self {
        let places = findings.iter().flat_map(|finding| &finding.labels).map(|label| label.location.file);
        let of_rules = places.filter(|file| file.0 >= RULE_FILES);
        Self(of_rules.map(|file| (file, (rules.path(file).to_owned(), rules.text(file).to_owned()))).collect())
    }
}

impl Files for Sources {
    fn path(&self, file: FileId) -> &str {
        self.rules.0.get(&file).map_or_else(|| self.snapshot.path(file), |(path, _)| path)
    }

    fn text(&self, file: FileId) -> &str {
        self.rules.0.get(&file).map_or_else(|| self.snapshot.text(file), |(_, text)| text)
    }

    fn position(&self, file: FileId, offset: usize) -> Position {
        match self.rules.0.get(&file) {
            Some(_) => position_in(self.text(file), offset),
            None => self.snapshot.position(file, offset),
        }
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
            list.extend(
                subjects.iter().map(|s| serde_json::json!({"object": s.object, "subject": s.content().to_json()})),
            );
        }
    }
    serde_json::json!(found)
}
