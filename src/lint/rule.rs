//! Proved rules, ready to be evaluated.

use super::expression::Expression;
use super::schema::Samples;
use super::template::Template;
use super::text::Text;
use crate::analysis::view::{Step, ViewPath, ViewValue, flatten};
use crate::diagnostic::{Applicability, Confidence, Severity};
use crate::source::{FileId, Location, Span};
use std::collections::BTreeMap;

/// A rule whose every name, type and text was checked.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Kebab-case name of the problem.
    pub id: String,
    /// The group.
    pub group: String,
    /// How bad a finding is, unless it is escalated.
    pub severity: Severity,
    /// How sure the rule is.
    pub confidence: Confidence,
    /// One line that says what the rule finds.
    pub summary: String,
    /// The version that introduced the rule.
    pub since: Option<String>,
    /// The view kind.
    pub on: String,
    /// Why it is a problem (Markdown).
    pub why: String,
    /// What to do about it, as written (templates).
    pub advice: Vec<String>,
    /// Documentation of the behaviour.
    pub references: Vec<String>,
    /// Inputs without which the rule stays silent.
    pub needs: Vec<String>,
    /// Parameters with their defaults.
    pub params: BTreeMap<String, serde_json::Value>,
    /// What parameters mean, for those that say it.
    pub param_docs: BTreeMap<String, String>,
    /// It comes with dnslint.
    pub is_builtin: bool,
    /// How safe the best fix is, where there is one.
    pub fixable: Option<Applicability>,
    /// Samples that stand in the rule file.
    pub samples: Option<Samples>,
    /// Where the rule's id stands.
    pub location: Location,
    pub(super) fold: bool,
    pub(super) when: Option<Expression>,
    pub(super) each: Vec<ViewPath>,
    pub(super) each_texts: Vec<Text>,
    pub(super) filter: Option<Expression>,
    pub(super) escalate: Vec<Escalation>,
    pub(super) message: Template,
    pub(super) labels: Vec<LabelRule>,
    pub(super) notes: Vec<ConditionalText>,
    pub(super) help: Vec<ConditionalText>,
    pub(super) fixes: Vec<FixRule>,
}

impl Rule {
    /// The message as written (a template).
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message.text.value
    }

    /// The fixes that the rule may offer, best first: title (a template) and safety.
    pub fn fixes(&self) -> impl Iterator<Item = (&str, Applicability)> {
        self.fixes.iter().map(|fix| (fix.title.text.value.as_str(), fix.safety))
    }

    /// When findings get another severity: the condition (CEL) and the severity.
    pub fn escalations(&self) -> impl Iterator<Item = (&str, Severity)> {
        self.escalate.iter().filter_map(|entry| Some((entry.when.text.value.as_str(), entry.severity?)))
    }

    pub(super) const fn file(&self) -> FileId {
        self.location.file
    }

    pub(super) const fn at(&self, span: Span) -> Location {
        Location::new(self.location.file, span)
    }
}

/// Another severity under a condition.
#[derive(Clone, Debug)]
pub(super) struct Escalation {
    pub when: Expression,
    pub severity: Option<Severity>,
    pub confidence: Option<Confidence>,
}

/// A text under a condition.
#[derive(Clone, Debug)]
pub(super) struct ConditionalText {
    pub condition: Option<Expression>,
    pub text: Template,
}

/// A place to mark.
#[derive(Clone, Debug)]
pub(super) struct LabelRule {
    pub at: Place,
    pub primary: bool,
    pub text: Option<Template>,
    pub condition: Option<Expression>,
}

/// A fix to offer.
#[derive(Clone, Debug)]
pub(super) struct FixRule {
    pub builder: String,
    pub at: Option<Place>,
    pub safety: Applicability,
    pub title: Template,
    pub condition: Option<Expression>,
    pub arguments: BTreeMap<String, Template>,
    pub span: Span,
}

/// A path from the subject or the item.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub from_item: bool,
    pub path: ViewPath,
}

impl Place {
    /// Exact steps from the subject to every value of the place, lists taken apart.
    pub fn resolve(&self, subject: &ViewValue, item: Option<&[Step]>) -> Vec<Vec<Step>> {
        let base = if self.from_item { item.unwrap_or_default() } else { &[] };
        let Some(root) = subject.at(base) else { return Vec::new() };
        let found = flatten(self.path.select(root));
        found.into_iter().map(|(steps, _)| base.iter().cloned().chain(steps).collect()).collect()
    }
}
