//! A run: every selected rule over every subject, evaluated once per content, reported per subject.

use super::evaluate::{Bound, Failure, Finding, FoundFix, evaluate};
use super::fixes::FixBuilders;
use super::functions;
use super::identity::finish;
use super::options::{Coverage, INTERNAL, LintOptions, RULE_EVALUATION, Selection, UsageError};
use super::rule::Rule;
use super::ruleset::{AllFiles, RULE_FILES, RuleSet};
use super::sandbox::on_big_stack;
use crate::analysis::view::{Data, Step, Subject, ViewSet, ViewValue, to_view};
use crate::diagnostic::{Diagnostic, Files, Fix, Label, Severity};
use crate::fix::{Draft, FixRequest};
use crate::lint::CLUSTER_KIND;
use crate::source::{FileId, Location, Span};
use std::collections::{BTreeMap, BTreeSet};

/// Failures of one rule that are reported; further ones are counted in the last.
const MAX_FAILURES: usize = 3;

/// What a run found.
#[derive(Clone, Debug, Default)]
pub struct LintResult {
    /// The findings, ordered, with fingerprints, not yet suppressed.
    pub diagnostics: Vec<Diagnostic>,
    /// Rules that were silent for want of an input.
    pub coverage: Vec<Coverage>,
    /// The rules that ran: an ignore of one of these that matches nothing is unused.
    pub ran: BTreeSet<String>,
    /// How much work it was.
    pub stats: LintStats,
}

/// How much work a run was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LintStats {
    /// Subjects of all kinds.
    pub subjects: usize,
    /// Evaluations of a rule on a content.
    pub evaluations: usize,
}

/// Runs the selected rules over the views.
///
/// # Errors
/// Options that name a rule, group or parameter that does not exist.
pub fn run(
    set: &RuleSet,
    views: &ViewSet,
    files: &(dyn Files + Sync),
    fixes: &dyn FixBuilders,
    options: &LintOptions,
) -> Result<LintResult, UsageError> {
    let selection = Selection::new(set, options)?;
    let outcome = on_big_stack(|| {
        let run = Run { set, views, files, fixes, options, selection: &selection, cluster: cluster(views) };
        run.all()
    });
    let mut result = outcome.unwrap_or_else(|| LintResult {
        diagnostics: vec![internal("the rules could not be evaluated", None)],
        ..LintResult::default()
    });
    result.coverage = selection.coverage(set);
    result.diagnostics.extend(
        views
            .failures()
            .iter()
            .map(|f| internal(&format!("a {} could not be looked at: {}", f.kind, f.message), f.location)),
    );
    finish(&mut result.diagnostics, &AllFiles { snapshot: files, rules: set });
    Ok(result)
}

fn internal(message: &str, at: Option<Location>) -> Diagnostic {
    let at = at.unwrap_or(Location::new(FileId(RULE_FILES), Span::default()));
    Diagnostic::new(INTERNAL, Severity::Error, message, at)
}

fn cluster(views: &ViewSet) -> Bound {
    let empty = ViewValue::from(Data::Null);
    Bound::new(views.of(CLUSTER_KIND).first().map_or(&empty, Subject::content))
}

struct Run<'a> {
    set: &'a RuleSet,
    views: &'a ViewSet,
    files: &'a (dyn Files + Sync),
    fixes: &'a dyn FixBuilders,
    options: &'a LintOptions,
    selection: &'a Selection<'a>,
    cluster: Bound,
}

/// Subjects of one content.
struct Shape<'a> {
    bound: Bound,
    value: &'a ViewValue,
    members: Vec<&'a Subject>,
}

impl Run<'_> {
    fn all(&self) -> LintResult {
        let mut result = LintResult::default();
        let mut shapes: BTreeMap<&str, Vec<Shape<'_>>> = BTreeMap::new();
        let mut user_steps: u64 = 0;
        for rule in self.set.rules().iter().filter(|rule| self.selection.runs(&rule.id)) {
            result.ran.insert(rule.id.clone());
            if !rule.is_builtin && user_steps > functions::MAX_USER_STEPS {
                let message = format!("the rules of users together took more than {} steps", functions::MAX_USER_STEPS);
                result.diagnostics.extend(failed(rule, vec![(Failure { span: rule.location.span, message }, None)]));
                continue;
            }
            let shapes = shapes.entry(&rule.on).or_insert_with(|| shapes_of(self.views.of(&rule.on)));
            let left = functions::MAX_USER_STEPS.saturating_sub(user_steps);
            self.rule(rule, shapes, if rule.is_builtin { u64::MAX } else { left }, &mut result);
            if !rule.is_builtin {
                user_steps = user_steps.saturating_add(functions::rule_steps());
            }
        }
        result.stats.subjects = self.views.iter().map(|(_, subjects)| subjects.len()).sum();
        result
    }

    /// Evaluates one rule on every shape, within `limit` steps.
    fn rule(&self, rule: &Rule, shapes: &[Shape<'_>], limit: u64, result: &mut LintResult) {
        let params = match to_view(&self.selection.params(rule)) {
            Ok(params) => Bound::new(&params),
            Err(error) => return result.diagnostics.push(internal(&error.to_string(), Some(rule.location))),
        };
        let mut found = Vec::new();
        let mut failures = Vec::new();
        functions::reset_rule_steps();
        for shape in shapes {
            if functions::rule_is_exhausted() || functions::rule_steps() > limit {
                let most = functions::MAX_RULE_STEPS.min(limit);
                let message = format!("the rule took more than {most} steps on this input");
                failures.push((Failure { span: rule.location.span, message }, None));
                break;
            }
            let can_decide = |subject: &&&Subject| !self.selection.lacks_input(rule, subject.object.as_deref());
            let members: Vec<&Subject> = shape.members.iter().filter(can_decide).copied().collect();
            if members.is_empty() {
                continue;
            }
            result.stats.evaluations += 1;
            match evaluate(self.set, rule, &params, &self.cluster, (shape.value, &shape.bound)) {
                Ok(findings) => self.place_all(rule, &findings, &members, &mut found, &mut failures),
                Err(failure) => failures.push((failure, members.first().and_then(|m| m.object.clone()))),
            }
        }
        result.diagnostics.extend(found);
        result.diagnostics.extend(failed(rule, failures));
    }

    fn place_all(
        &self,
        rule: &Rule,
        findings: &[Finding],
        members: &[&Subject],
        found: &mut Vec<Diagnostic>,
        failures: &mut Vec<(Failure, Option<String>)>,
    ) {
        for finding in findings {
            let severity = self.selection.severity(&rule.id).unwrap_or(finding.severity);
            if !self.selection.shows(severity) {
                continue;
            }
            for subject in members {
                match self.place(rule, finding, subject) {
                    Ok(diagnostic) => found.push(Diagnostic { severity, ..diagnostic }),
                    Err(failure) => failures.push((failure, subject.object.clone())),
                }
            }
        }
    }

    /// A finding at its places in one subject.
    fn place(&self, rule: &Rule, finding: &Finding, subject: &Subject) -> Result<Diagnostic, Failure> {
        let value = subject.value();
        let labels = labels(finding, &value);
        let Some(primary) = labels.iter().find(|label| label.primary).map(|label| label.location) else {
            let message = "no part of the finding stands in a file".to_owned();
            return Err(Failure { span: rule.message.text.span, message });
        };
        let mut diagnostic = Diagnostic::new(&*rule.id, finding.severity, &*finding.message, primary);
        diagnostic.labels = labels;
        diagnostic.confidence = finding.confidence;
        diagnostic.notes.clone_from(&finding.notes);
        diagnostic.help.clone_from(&finding.help);
        diagnostic.object.clone_from(&subject.object);
        diagnostic.folds = rule.fold;
        diagnostic.url = match &self.options.url_base {
            Some(base) => Some(format!("{base}{}", rule.id)),
            None => rule.references.first().cloned(),
        };
        for fix in &finding.fixes {
            diagnostic.fixes.extend(self.fix(fix, finding, &value, primary)?);
        }
        Ok(diagnostic)
    }

    fn fix(
        &self,
        fix: &FoundFix,
        finding: &Finding,
        value: &ViewValue,
        primary: Location,
    ) -> Result<Option<Fix>, Failure> {
        let mut at = Vec::new();
        let mut values = Vec::new();
        for steps in fix.at.iter().flatten() {
            if let (Some(location), Some(part)) = (value.origins_at(steps).first(), value.at(steps)) {
                at.push(*location);
                values.push(part);
            }
        }
        if fix.at.is_none() {
            at.push(primary);
        }
        let item = finding.item.as_ref().and_then(|steps| value.at(steps));
        let builder = fix.builder.as_str();
        let (at, values, arguments) = (at.as_slice(), values.as_slice(), &fix.arguments);
        let request = FixRequest { builder, at, values, subject: value, item, arguments, files: self.files };
        let draft = self.fixes.build(&request).map_err(|message| Failure { span: fix.span, message })?;
        Ok(draft.map(|Draft { mut edits, creates }| {
            edits.sort_by_key(|edit| (edit.file, edit.span));
            Fix { title: fix.title.clone(), applicability: fix.safety, edits, creates }
        }))
    }
}

/// Subjects by content, in the order in which each content first occurs.
fn shapes_of(subjects: &[Subject]) -> Vec<Shape<'_>> {
    let mut shapes: Vec<Shape<'_>> = Vec::new();
    let mut by_hash: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for subject in subjects {
        let candidates = by_hash.entry(subject.hash()).or_default();
        let is_same = |shape: &Shape<'_>| shape.members.first().is_some_and(|first| first.same_content(subject));
        let same = candidates.iter().find(|at| shapes.get(**at).is_some_and(is_same));
        match same.and_then(|at| shapes.get_mut(*at)) {
            Some(shape) => shape.members.push(subject),
            None => {
                candidates.push(shapes.len());
                let bound = Bound::new(subject.content());
                shapes.push(Shape { bound, value: subject.content(), members: vec![subject] });
            }
        }
    }
    shapes
}

/// The labels that have a place; one of them is primary unless nothing has a place.
fn labels(finding: &Finding, subject: &ViewValue) -> Vec<Label> {
    let mut labels: Vec<Label> = Vec::new();
    let mut primary = None;
    for found in &finding.labels {
        let Some(location) = subject.origins_at(&found.steps).first().copied() else { continue };
        let label = Label { location, text: found.text.clone(), primary: false };
        if labels.contains(&label) {
            continue;
        }
        // a label without words takes those of the next one at the same place
        if let Some(bare) = labels.iter_mut().find(|l| l.location == location && l.text.is_empty()) {
            bare.text = label.text;
            continue;
        }
        if found.primary && primary.is_none() {
            primary = Some(labels.len());
        }
        labels.push(label);
    }
    if labels.is_empty() {
        let root: &[Step] = &[];
        let places = [finding.item.as_deref().unwrap_or(root), root];
        let place = places.into_iter().find_map(|steps| subject.origins_at(steps).first());
        labels.extend(place.map(|location| Label { location: *location, text: String::new(), primary: false }));
    }
    if let Some(label) = labels.get_mut(primary.unwrap_or(0)) {
        label.primary = true;
    }
    labels
}

/// What a rule's failures are reported as, at the expression or text that failed.
fn failed(rule: &Rule, failures: Vec<(Failure, Option<String>)>) -> Vec<Diagnostic> {
    let mut by_place: BTreeMap<(Span, String), (usize, Option<String>)> = BTreeMap::new();
    for (failure, object) in failures {
        by_place.entry((failure.span, failure.message)).or_insert((0, object)).0 += 1;
    }
    let total = by_place.len();
    let mut diagnostics = Vec::new();
    for ((span, message), (count, object)) in by_place.into_iter().take(MAX_FAILURES) {
        let message = format!("the rule `{}` failed: {message}", rule.id);
        let mut diagnostic = Diagnostic::new(RULE_EVALUATION, Severity::Error, message, rule.at(span));
        if count > 1 {
            diagnostic.notes.push(format!("it failed the same way on {} more subjects", count - 1));
        }
        diagnostic.object = object;
        diagnostics.push(diagnostic);
    }
    if let Some(last) = diagnostics.last_mut().filter(|_| total > MAX_FAILURES) {
        last.notes.push(format!("and in {} more ways", total - MAX_FAILURES));
    }
    diagnostics
}
