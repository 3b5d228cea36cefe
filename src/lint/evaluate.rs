//! One rule on one subject: findings as steps into the subject, so that subjects of equal content share them.

use super::expression::Expression;
use super::rule::{ConditionalText, LabelRule, Rule};
use super::ruleset::RuleSet;
use super::template::Template;
use super::values::{Boxed, Variables, to_cel};
use crate::analysis::view::{Data, Step, ViewValue, flatten};
use crate::diagnostic::{Applicability, Confidence, Severity};
use crate::source::Span;
use minijinja::Value;
use std::collections::BTreeMap;

/// Most items of one subject that a rule looks at.
pub const MAX_ITEMS: usize = 10_000;
/// Most labels that one path of a rule gives.
pub const MAX_LABELS: usize = 32;

/// A value in both languages of rules.
pub struct Bound {
    cel: Boxed,
    template: Value,
}

impl Bound {
    /// A view value for expressions and templates.
    #[must_use]
    pub fn new(value: &ViewValue) -> Self {
        Self { cel: to_cel(value), template: value.to_template() }
    }
}

/// A finding of a rule in a subject, without places.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Severity after escalation.
    pub severity: Severity,
    /// Confidence after escalation.
    pub confidence: Confidence,
    /// The message.
    pub message: String,
    /// What to mark.
    pub labels: Vec<FoundLabel>,
    /// Further sentences.
    pub notes: Vec<String>,
    /// Advice.
    pub help: Option<String>,
    /// Fixes to build.
    pub fixes: Vec<FoundFix>,
    /// The item of `each`.
    pub item: Option<Vec<Step>>,
}

/// A place to mark.
#[derive(Clone, Debug)]
pub struct FoundLabel {
    /// Steps from the subject.
    pub steps: Vec<Step>,
    /// A few words.
    pub text: String,
    /// Whether the rule calls it primary.
    pub primary: bool,
}

/// A fix to build.
#[derive(Clone, Debug)]
pub struct FoundFix {
    /// Name of the builder.
    pub builder: String,
    /// Steps from the subject to what is edited; `None` is the primary label's place.
    pub at: Option<Vec<Vec<Step>>>,
    /// How safe it is.
    pub safety: Applicability,
    /// What it does.
    pub title: String,
    /// Arguments of the builder.
    pub arguments: BTreeMap<String, String>,
    /// Where the rule names the builder.
    pub span: Span,
}

/// A rule that could not be evaluated: what went wrong, and where in the rule file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The bytes of the rule file.
    pub span: Span,
    /// What went wrong.
    pub message: String,
}

/// What the expressions and texts of one finding see.
struct Frame<'a> {
    set: &'a RuleSet,
    bindings: Vec<(&'static str, &'a Bound)>,
}

type Outcome<T> = Result<T, Failure>;

impl<'a> Frame<'a> {
    fn with(&self, name: &'static str, value: &'a Bound) -> Frame<'a> {
        let mut bindings = self.bindings.clone();
        bindings.push((name, value));
        Frame { set: self.set, bindings }
    }

    fn holds(&self, expression: &Expression) -> Outcome<bool> {
        let variables = Variables(self.bindings.iter().map(|(name, bound)| (*name, &*bound.cel)).collect());
        expression.holds(&self.set.env, &variables).map_err(|message| Failure { span: expression.text.span, message })
    }

    fn holds_if_any(&self, expression: Option<&Expression>) -> Outcome<bool> {
        expression.map_or(Ok(true), |expression| self.holds(expression))
    }

    /// The exact text, for an argument.
    fn render(&self, template: &Template) -> Outcome<String> {
        let rendered = self.set.templates.render(template, self.context());
        rendered.map_err(|message| Failure { span: template.text.span, message })
    }

    /// The text for a reader.
    fn sentence(&self, template: &Template) -> Outcome<String> {
        let rendered = self.set.templates.sentence(template, self.context());
        rendered.map_err(|message| Failure { span: template.text.span, message })
    }

    fn context(&self) -> BTreeMap<&str, Value> {
        self.bindings.iter().map(|(name, bound)| (*name, bound.template.clone())).collect()
    }

    fn texts(&self, texts: &[ConditionalText]) -> Outcome<Vec<String>> {
        let mut rendered = Vec::new();
        for text in texts {
            if self.holds_if_any(text.condition.as_ref())? {
                rendered.push(self.sentence(&text.text)?);
            }
        }
        Ok(rendered)
    }
}

/// Evaluates a rule on a subject.
///
/// # Errors
/// The first expression or text that fails; a rule that fails says nothing about the subject.
pub fn evaluate(
    set: &RuleSet,
    rule: &Rule,
    params: &Bound,
    cluster: &Bound,
    subject: (&ViewValue, &Bound),
) -> Outcome<Vec<Finding>> {
    let (value, bound) = subject;
    let frame = Frame { set, bindings: vec![("subject", bound), ("params", params), ("cluster", cluster)] };
    if !frame.holds_if_any(rule.when.as_ref())? {
        return Ok(Vec::new());
    }
    if rule.each.is_empty() {
        return Ok(vec![finding(&frame, rule, value, None)?]);
    }
    let mut findings = Vec::new();
    for (steps, item) in items(rule, value)? {
        let item = Bound::new(item);
        let frame = frame.with("item", &item);
        if frame.holds_if_any(rule.filter.as_ref())? {
            findings.push(finding(&frame, rule, value, Some(steps))?);
        }
    }
    Ok(findings)
}

fn items<'v>(rule: &Rule, subject: &'v ViewValue) -> Outcome<Vec<(Vec<Step>, &'v ViewValue)>> {
    let mut items = Vec::new();
    for path in &rule.each {
        let lists = path.select(subject).into_iter().filter(|(_, list)| list.as_list().is_some()).collect();
        items.extend(flatten(lists));
    }
    if items.len() > MAX_ITEMS {
        let message = format!("the subject has {} items, {MAX_ITEMS} are looked at", items.len());
        return Err(Failure { span: rule.location.span, message });
    }
    Ok(items)
}

fn finding(frame: &Frame<'_>, rule: &Rule, subject: &ViewValue, item: Option<Vec<Step>>) -> Outcome<Finding> {
    let (mut severity, mut confidence) = (rule.severity, rule.confidence);
    for escalation in &rule.escalate {
        if frame.holds(&escalation.when)? {
            severity = escalation.severity.unwrap_or(severity);
            confidence = escalation.confidence.unwrap_or(confidence);
            break;
        }
    }
    let mut labels = Vec::new();
    for label in &rule.labels {
        labels.extend(found_labels(frame, label, subject, item.as_deref())?);
    }
    let help = frame.texts(&rule.help)?;
    Ok(Finding {
        severity,
        confidence,
        message: frame.sentence(&rule.message)?,
        labels,
        notes: frame.texts(&rule.notes)?,
        help: (!help.is_empty()).then(|| help.join("\n")),
        fixes: found_fixes(frame, rule, subject, item.as_deref())?,
        item,
    })
}

fn found_labels(
    frame: &Frame<'_>,
    label: &LabelRule,
    subject: &ViewValue,
    item: Option<&[Step]>,
) -> Outcome<Vec<FoundLabel>> {
    let mut labels = Vec::new();
    for steps in label.at.resolve(subject, item).into_iter().take(MAX_LABELS) {
        let Some(value) = subject.at(&steps).filter(|value| value.data != Data::Null) else { continue };
        let it = Bound::new(value);
        let number = i64::try_from(labels.len()).unwrap_or(i64::MAX).saturating_add(1);
        let index = Bound::new(&Data::Int(number).into());
        let outer = frame.with("it", &it);
        let frame = outer.with("index", &index);
        if !frame.holds_if_any(label.condition.as_ref())? {
            continue;
        }
        let text = label.text.as_ref().map_or(Ok(String::new()), |text| frame.sentence(text))?;
        labels.push(FoundLabel { steps, text, primary: label.primary });
    }
    Ok(labels)
}

fn found_fixes(frame: &Frame<'_>, rule: &Rule, subject: &ViewValue, item: Option<&[Step]>) -> Outcome<Vec<FoundFix>> {
    let mut fixes = Vec::new();
    for fix in &rule.fixes {
        if !frame.holds_if_any(fix.condition.as_ref())? {
            continue;
        }
        let mut arguments = BTreeMap::new();
        for (name, text) in &fix.arguments {
            arguments.insert(name.clone(), frame.render(text)?);
        }
        fixes.push(FoundFix {
            builder: fix.builder.clone(),
            at: fix.at.as_ref().map(|at| at.resolve(subject, item)),
            safety: fix.safety,
            title: frame.sentence(&fix.title)?,
            arguments,
            span: fix.span,
        });
    }
    Ok(fixes)
}
