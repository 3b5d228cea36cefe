//! What a run is asked for: which rules, how severe, with which parameters, and which inputs are missing.

use super::compile::RULE_FILE;
use super::rule::Rule;
use super::ruleset::RuleSet;
use crate::diagnostic::Severity;
use crate::diagnostic::nearest;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Selects every rule.
pub const ALL: &str = "ALL";
/// The rule id of rules that fail while they are evaluated.
pub const RULE_EVALUATION: &str = "rule-evaluation";
/// The rule id of mistakes in dnslint itself.
pub const INTERNAL: &str = "internal";
/// The rule id of suppressions that matched nothing.
pub const UNUSED_IGNORE: &str = "unused-ignore";
/// The rule id of suppressions past their date.
pub const EXPIRED_IGNORE: &str = "expired-ignore";
/// The rule id of inputs that could not be read.
pub const UNREADABLE_INPUT: &str = "unreadable-input";
/// The group of the rules that have no rule file.
pub const LINT_GROUP: &str = "lint";

/// Rules about the linting itself, which have no rule file: id, default severity, summary.
pub const LINT_RULES: &[(&str, Severity, &str)] = &[
    (EXPIRED_IGNORE, Severity::Warning, "A suppression is past its date"),
    (INTERNAL, Severity::Error, "dnslint itself made a mistake"),
    (RULE_EVALUATION, Severity::Error, "A rule failed while it was evaluated"),
    (RULE_FILE, Severity::Error, "A rule file has a mistake"),
    (UNREADABLE_INPUT, Severity::Warning, "An input could not be read or parsed"),
    (UNUSED_IGNORE, Severity::Warning, "A suppression matched nothing"),
];

/// Why a rule that has no file reports something, for `dnslint explain`.
#[must_use]
pub fn lint_rule_why(id: &str) -> &'static str {
    match id {
        EXPIRED_IGNORE => {
            "A suppression carries `until=YYYY-MM-DD` and the day is past: the finding is shown again. Mend it, or give the \
             suppression another date and say why."
        }
        INTERNAL => {
            "dnslint met a state that it should never meet. The other findings of the run are not affected; please report it."
        }
        RULE_EVALUATION => {
            "A condition or text of a rule failed, or took more steps than a rule may take. The rule says nothing about that \
             input, which is reported rather than passed over in silence."
        }
        RULE_FILE => {
            "A rule file is proved when it is loaded: every field, type, word and placeholder is checked against the view that \
             the rule looks at. `dnslint rules schema` and `dnslint facts --schema` describe what it may say."
        }
        UNREADABLE_INPUT => {
            "A file that would count could not be read or parsed, so that nothing is said about it. With `--strict` this is an \
             error and gives exit code 2."
        }
        UNUSED_IGNORE => {
            "A comment or annotation suppresses a finding that does not exist. It may hide a later finding at this place that \
             nobody has looked at."
        }
        _ => "",
    }
}

/// Settings of one rule, from `[rules.<id>]` of `dnslint.toml`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleSettings {
    /// `false` switches the rule off unless it is selected by its id.
    pub enabled: Option<bool>,
    /// Replaces the severity, escalated or not.
    pub severity: Option<Severity>,
    /// Replace defaults of the rule's `params`.
    pub params: BTreeMap<String, Json>,
}

/// An input that the snapshot does not have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingInput {
    /// The name that rules give in `needs`.
    pub need: String,
    /// What is missing, for the coverage summary: "kubelet configuration of node gw".
    pub what: String,
    /// The object that it is missing for; `None`: for the whole cluster.
    pub object: Option<String>,
}

/// Rules that could not decide for want of an input.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, schemars::JsonSchema)]
pub struct Coverage {
    /// What is missing.
    pub missing: String,
    /// The rules that stayed silent therefore.
    pub rules: Vec<String>,
}

/// What a run is asked for.
#[derive(Clone, Debug, Default)]
pub struct LintOptions {
    /// Rule ids, groups or `ALL`; empty means `ALL`.
    pub select: Vec<String>,
    /// Rule ids or groups to leave out.
    pub ignore: Vec<String>,
    /// Findings below are left out.
    pub min_severity: Option<Severity>,
    /// Settings by rule id.
    pub rules: BTreeMap<String, RuleSettings>,
    /// Inputs that are missing.
    pub missing: Vec<MissingInput>,
    /// A rule's documentation is at this text followed by its id; without it, findings link the first reference.
    pub url_base: Option<String>,
}

/// A request that cannot be met, such as a rule that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageError {
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub help: Option<String>,
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, " ({help})"))
    }
}

impl std::error::Error for UsageError {}

/// Options that were checked against a rule set.
#[derive(Clone, Debug)]
pub struct Selection<'a> {
    options: &'a LintOptions,
    groups: BTreeMap<String, String>,
}

impl<'a> Selection<'a> {
    /// Checks every name and parameter that the options give.
    ///
    /// # Errors
    /// The first rule, group or parameter that does not exist, or a parameter of another type than its default.
    pub fn new(set: &RuleSet, options: &'a LintOptions) -> Result<Self, UsageError> {
        let mut groups: BTreeMap<String, String> =
            LINT_RULES.iter().map(|(id, ..)| ((*id).to_owned(), LINT_GROUP.to_owned())).collect();
        groups.extend(set.rules().iter().map(|rule| (rule.id.clone(), rule.group.clone())));
        let selection = Self { options, groups };
        for name in options.select.iter().chain(&options.ignore) {
            selection.known(name, true)?;
        }
        for (id, settings) in &options.rules {
            selection.known(id, false)?;
            if let Some(rule) = set.get(id) {
                parameters(rule, settings)?;
            }
        }
        Ok(selection)
    }

    fn known(&self, name: &str, with_groups: bool) -> Result<(), UsageError> {
        let mut names: BTreeSet<&str> = self.groups.keys().map(String::as_str).collect();
        if with_groups {
            names.extend(self.groups.values().map(String::as_str));
            names.insert(ALL);
        }
        if names.contains(name) {
            return Ok(());
        }
        let what = if with_groups { "rule or group" } else { "rule" };
        let help = nearest(name, names).map(|near| format!("did you mean `{near}`?"));
        Err(UsageError { message: format!("there is no {what} `{name}`"), help })
    }

    /// Whether findings of a rule are asked for. A rule that has no file and is not listed counts as the group `lint`.
    #[must_use]
    pub fn runs(&self, id: &str) -> bool {
        let group = self.groups.get(id).map_or(LINT_GROUP, String::as_str);
        let named = |names: &[String], name: &str| names.iter().any(|n| n == name);
        let options = self.options;
        let by_id = named(&options.select, id);
        let by_group = options.select.is_empty() || named(&options.select, group) || named(&options.select, ALL);
        let enabled = options.rules.get(id).and_then(|settings| settings.enabled).unwrap_or(true);
        let ignored =
            named(&options.ignore, id) || (!by_id && (named(&options.ignore, group) || named(&options.ignore, ALL)));
        !ignored && (by_id || (by_group && enabled))
    }

    /// Every rule id that exists.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.groups.keys().map(String::as_str)
    }

    /// The severity that a rule was given.
    #[must_use]
    pub fn severity(&self, id: &str) -> Option<Severity> {
        self.options.rules.get(id)?.severity
    }

    /// Whether a severity is high enough to be shown.
    #[must_use]
    pub fn shows(&self, severity: Severity) -> bool {
        self.options.min_severity.is_none_or(|least| severity >= least)
    }

    /// A rule's parameters: the defaults with what the configuration replaces.
    #[must_use]
    pub fn params(&self, rule: &Rule) -> BTreeMap<String, Json> {
        let mut params = rule.params.clone();
        if let Some(settings) = self.options.rules.get(&rule.id) {
            params.extend(settings.params.clone());
        }
        params
    }

    /// Whether a rule cannot decide about an object, because an input that it needs is missing.
    #[must_use]
    pub fn lacks_input(&self, rule: &Rule, object: Option<&str>) -> bool {
        self.options.missing.iter().any(|missing| {
            rule.needs.contains(&missing.need) && (missing.object.is_none() || missing.object.as_deref() == object)
        })
    }

    /// Which selected rules were silent for want of which input.
    #[must_use]
    pub fn coverage(&self, set: &RuleSet) -> Vec<Coverage> {
        let mut missing: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for input in &self.options.missing {
            let rules = set.rules().iter().filter(|rule| self.runs(&rule.id) && rule.needs.contains(&input.need));
            missing.entry(&input.what).or_default().extend(rules.map(|rule| rule.id.as_str()));
        }
        let named = missing.into_iter().filter(|(_, rules)| !rules.is_empty());
        named
            .map(|(what, rules)| Coverage {
                missing: what.to_owned(),
                rules: rules.into_iter().map(ToOwned::to_owned).collect(),
            })
            .collect()
    }
}

fn parameters(rule: &Rule, settings: &RuleSettings) -> Result<(), UsageError> {
    let mistake = |(name, value): (&String, &Json)| param_mistake(&rule.id, &rule.params, name, value);
    let mut mistakes = settings.params.iter().filter_map(mistake);
    mistakes.next().map_or(Ok(()), Err)
}

/// What is wrong with a parameter that a configuration gives: the rule has none of that name, or its type is another.
#[must_use]
pub fn param_mistake(rule: &str, defaults: &BTreeMap<String, Json>, name: &str, value: &Json) -> Option<UsageError> {
    let Some(default) = defaults.get(name) else {
        let message = format!("the rule `{rule}` has no parameter `{name}`");
        let known: Vec<&str> = defaults.keys().map(String::as_str).collect();
        let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let help = near.or_else(|| (!known.is_empty()).then(|| format!("its parameters are {}", known.join(", "))));
        return Some(UsageError { message, help });
    };
    if same_shape(default, value) {
        return None;
    }
    let message = format!("the parameter `{name}` of `{rule}` must be like its default {default}");
    Some(UsageError { message, help: None })
}

fn same_shape(default: &Json, value: &Json) -> bool {
    match (default, value) {
        (Json::Null, _) => true,
        (Json::Number(a), Json::Number(b)) => !a.is_i64() || b.is_i64(),
        // an empty list is one of texts
        (Json::Array(a), Json::Array(b)) if a.is_empty() => b.iter().all(Json::is_string),
        (Json::Array(a), Json::Array(b)) => a.first().is_none_or(|a| b.iter().all(|b| same_shape(a, b))),
        (Json::Object(a), Json::Object(b)) => a.values().next().is_none_or(|a| b.values().all(|b| same_shape(a, b))),
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    }
}
