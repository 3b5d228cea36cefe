//! dnslint: the compiler and linter for the DNS of Kubernetes and k3s nodes.
//!
//! The pipeline, in order: `source` reads paths into files, `syntax` turns each file into a spanned tree, `model`
//! assembles the cluster, `analysis` derives the views, `lint` evaluates the rules into diagnostics, `fix` and `render`
//! make edits and files, `report` prints. A module imports only modules that stand to its left in that list
//! (`source < diagnostic < syntax < model < analysis < fix < lint < render < report < cli`).

pub mod source;

pub mod diagnostic;

pub mod syntax;

pub mod model;

pub mod analysis;

pub mod fix;

pub mod lint;

pub mod render;

pub mod report;

pub mod cli;

use analysis::collect;
pub use analysis::collect::Assumptions;
use analysis::view::Schemas;
use diagnostic::Diagnostic;
use fix::Workshop;
use lint::suppress::{Date, Suppressions, suppress};
use lint::{Coverage, LintOptions, RuleSet, RuleSource, Selection};
use model::BrokenInput;
use source::{FileId, Snapshot};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// What a check is asked for.
#[derive(Clone, Debug, Default)]
pub struct CheckOptions {
    /// Which rules, with which settings.
    pub lint: LintOptions,
    /// What is taken for granted where the input does not say it.
    pub assume: Assumptions,
    /// Report findings that a comment or an annotation suppresses.
    pub no_ignores: bool,
    /// Today; without it no suppression expires.
    pub today: Option<Date>,
}

/// What a check found.
#[derive(Debug, Default)]
pub struct Checked {
    /// Findings, sorted.
    pub diagnostics: Vec<Diagnostic>,
    /// What could not be judged, and which rules were silent therefore.
    pub coverage: Vec<Coverage>,
    /// Manifests that could not be read whole.
    pub broken: Vec<BrokenInput>,
    /// Some findings came without the fix that they have: making all of them would have taken too long.
    pub fixes_withheld: bool,
}

/// Proves rules against the views; a mistake gives a finding that points into the rule's file.
#[must_use]
pub fn load_rules(sources: Vec<RuleSource>) -> (RuleSet, Vec<Diagnostic>) {
    let proved = sources.iter().all(|source| source.proved);
    let schemas = if proved { Schemas::new() } else { collect::schemas() };
    RuleSet::load(sources, &schemas, fix::BUILDERS)
}

/// The built-in rules, loaded once a process. That they are right is proved by the tests, not at every start.
pub fn builtin_rules() -> &'static RuleSet {
    static RULES: LazyLock<RuleSet> = LazyLock::new(|| {
        let sources = lint::builtin().into_iter().map(RuleSource::taken_as_proved).collect();
        load_rules(sources).0
    });
    &RULES
}

/// Checks a snapshot: model, analysis, lint, suppression; each cluster for itself.
#[must_use]
pub fn check(snapshot: &Snapshot, rules: &RuleSet, options: &CheckOptions) -> Checked {
    let mut checked = Checked::default();
    let mut ran = BTreeSet::new();
    let mut annotations = Vec::new();
    let fixes = Workshop::new(snapshot);
    for mut cluster in model::assemble(snapshot) {
        let facts = collect::views(snapshot, &cluster, &options.assume);
        let lint_options =
            LintOptions { missing: facts.missing.into_iter().map(missing).collect(), ..options.lint.clone() };
        annotations.extend(collect::annotations(&cluster).into_iter().map(annotation));
        checked.broken.append(&mut cluster.broken);
        // rules look at views alone, and on a thread of their own: the cluster is freed meanwhile
        let evaluate = || lint::run(rules, &facts.views, snapshot, &fixes, &lint_options);
        match rayon::join(evaluate, || drop(cluster)).0 {
            Ok(found) => {
                checked.diagnostics.extend(found.diagnostics);
                checked.coverage.extend(found.coverage);
                ran.extend(found.ran);
            }
            Err(usage) => checked.coverage.push(Coverage { missing: usage.to_string(), rules: Vec::new() }),
        }
    }
    checked.fixes_withheld = fixes.is_exhausted();
    lint::finish(&mut checked.diagnostics, snapshot);
    if !options.no_ignores {
        let scan: Vec<FileId> = snapshot.files.iter().map(|file| file.id).collect();
        let sources = Suppressions { files: snapshot, scan: &scan, annotations: &annotations, today: options.today };
        if let Ok(selection) = Selection::new(rules, &options.lint) {
            checked.diagnostics = suppress(checked.diagnostics, &sources, &selection, &ran).kept;
        }
    }
    lint::sort(&mut checked.diagnostics, snapshot);
    checked
}

fn missing(input: collect::Missing) -> lint::MissingInput {
    lint::MissingInput { need: input.need, what: input.what, object: input.object }
}

fn annotation(found: collect::Annotation) -> lint::suppress::AnnotationIgnore {
    let collect::Annotation { object, rule, reason, location } = found;
    lint::suppress::AnnotationIgnore { object, rule, reason, location }
}
