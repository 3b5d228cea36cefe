//! Pod rules as Kubernetes ValidatingAdmissionPolicy: what of a rule the API server can judge by itself.

mod tokens;
mod translate;

use super::compile::RULE_FILE;
use super::rule::Rule;
use super::ruleset::RuleSet;
use super::text::Text;
use crate::diagnostic::{Diagnostic, Files as _, Severity};
use crate::source::Span;
use std::fmt::Write as _;
use translate::Refusal;

/// The view whose rules can be exported.
const POD: &str = "pod";
/// The pod specification of a Pod, a CronJob, or a workload with a pod template.
const POD_SPEC: &str = "object.kind == 'Pod' ? object.spec : object.kind == 'CronJob' ? \
                        object.spec.jobTemplate.spec.template.spec : object.spec.template.spec";

/// A rule in the words of the API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdmissionPolicy {
    /// Name of the policy.
    pub name: String,
    /// The rule.
    pub rule: String,
    /// CEL over `object`: the pod specification, which `validation` reads as `variables.podSpec`.
    pub pod_spec: String,
    /// CEL that holds for what is admitted.
    pub validation: String,
    /// What is said about what is not.
    pub message: String,
    /// How bad it is: errors are denied, anything else is warned of.
    pub severity: Severity,
}

/// Exports a rule.
///
/// # Errors
/// A finding for each part that the API server has not, or reads otherwise, at its place in the rule file.
pub fn admission_policy(rules: &RuleSet, rule: &Rule) -> Result<AdmissionPolicy, Vec<Diagnostic>> {
    let refuse = |span: Span, message: String| Diagnostic::new(RULE_FILE, Severity::Error, message, rule.at(span));
    if rule.on != POD {
        let message = format!("only rules on `{POD}` can be exported; this one looks at `{}`", rule.on);
        return Err(vec![refuse(rule.location.span, message)]);
    }
    let mut problems = Vec::new();
    let file = rules.text(rule.location.file);
    let mut placed = |text: &Text, refusals: Vec<Refusal>| {
        let problem = |r: Refusal| refuse(text.locate(file, r.span), format!("this cannot be exported: {}", r.message));
        problems.extend(refusals.into_iter().map(problem));
        None::<String>
    };
    let mut terms = Vec::new();
    if let Some(when) = &rule.when {
        let read = translate::expression(&when.text.value, &rule.params);
        terms.extend(read.map_or_else(|refusals| placed(&when.text, refusals), Some));
    }
    let filter = rule.filter.as_ref().and_then(|filter| {
        let read = translate::expression(&filter.text.value, &rule.params);
        read.map_or_else(|refusals| placed(&filter.text, refusals), Some)
    });
    let mut lists = Vec::new();
    for text in &rule.each_texts {
        match translate::each(text) {
            Ok(list) => lists.push(match &filter {
                Some(filter) => format!("{list}.exists(item, {filter})"),
                None => format!("size({list}) > 0"),
            }),
            Err(refusal) => drop(placed(text, vec![refusal])),
        }
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    terms.extend((!lists.is_empty()).then(|| lists.join(" || ")));
    let validation = match terms.as_slice() {
        [] => "false".to_owned(),
        terms => format!("!({})", terms.iter().map(|term| format!("({term})")).collect::<Vec<_>>().join(" && ")),
    };
    Ok(AdmissionPolicy {
        name: format!("dnslint-{}", rule.id),
        rule: rule.id.clone(),
        pod_spec: POD_SPEC.to_owned(),
        validation,
        message: format!("{} [{}]", rule.summary.trim(), rule.id),
        severity: rule.severity,
    })
}

impl AdmissionPolicy {
    /// The policy as a manifest (`admissionregistration.k8s.io/v1`, Kubernetes 1.30 and newer).
    ///
    /// Pods are judged when they are created, since their DNS fields cannot change later; objects that are being deleted
    /// are let through, so that their finalizers can be removed.
    #[must_use]
    pub fn manifest(&self) -> String {
        let policy = if self.severity == Severity::Error { "Fail" } else { "Ignore" };
        let mut text = String::new();
        let _ = write!(
            text,
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: {}\n  \
             annotations:\n    dnslint.dev/rule: {}\nspec:\n  failurePolicy: {policy}\n  matchConstraints:\n    \
             resourceRules:\n",
            self.name, self.rule
        );
        let resources = [
            ("\"\"", "CREATE", "pods"),
            ("\"\"", "CREATE, UPDATE", "replicationcontrollers"),
            ("apps", "CREATE, UPDATE", "deployments, daemonsets, statefulsets, replicasets"),
            ("batch", "CREATE, UPDATE", "jobs, cronjobs"),
        ];
        for (group, operations, names) in resources {
            let _ = write!(
                text,
                "      - apiGroups: [{group}]\n        apiVersions: [v1]\n        operations: [{operations}]\n        \
                 resources: [{names}]\n"
            );
        }
        let _ = write!(
            text,
            "  matchConditions:\n    - name: not-being-deleted\n      expression: {}\n  variables:\n    - name: podSpec\n      \
             expression: {}\n  validations:\n    - expression: {}\n      message: {}\n      reason: Invalid\n",
            quoted("!has(object.metadata.deletionTimestamp)"),
            quoted(&self.pod_spec),
            quoted(&self.validation),
            quoted(&self.message)
        );
        text
    }

    /// The binding that puts the policy into force in every namespace.
    #[must_use]
    pub fn binding(&self) -> String {
        let actions = if self.severity == Severity::Error { "Deny" } else { "Warn, Audit" };
        format!(
            "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata:\n  name: {0}\nspec:\n  \
             policyName: {0}\n  validationActions: [{actions}]\n",
            self.name
        )
    }
}

/// A text as a double-quoted YAML scalar: JSON's escapes are YAML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
