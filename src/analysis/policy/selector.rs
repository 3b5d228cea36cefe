//! Label selectors of every policy kind as one expression, judged with "unknown" as an answer of its own.

use super::labels::Labels;
use crate::model::value::Value;
use crate::source::{Located, Location};
use std::collections::BTreeMap;

/// Selectors nest at most this deep; what lies deeper is unknown.
pub const MAX_DEPTH: usize = 32;

/// A verdict that the input proves, disproves or leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// Proved false.
    #[default]
    No,
    /// The input does not tell.
    Unknown,
    /// Proved true.
    Yes,
}

impl Answer {
    /// The answer of a proved fact.
    #[must_use]
    pub const fn of(fact: bool) -> Self {
        if fact { Self::Yes } else { Self::No }
    }

    /// Both: false where one of them is.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// Either: true where one of them is.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite.
    #[must_use]
    pub const fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }
}

/// What a requirement asks of the value of its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// One of these values.
    In(Vec<String>),
    /// None of these values; an absent label passes.
    NotIn(Vec<String>),
    /// Any value.
    Exists,
    /// No such label.
    Absent,
}

/// One requirement of a selector.
#[derive(Clone, Debug)]
pub struct Leaf {
    /// The label.
    pub key: String,
    /// What is asked of it.
    pub test: Test,
    /// Where it stands; `None` where the kind of policy implies it.
    pub location: Option<Location>,
}

impl Leaf {
    pub(super) fn judge(&self, labels: &Labels) -> Answer {
        let Ok(value) = labels.look_up(&self.key) else { return Answer::Unknown };
        Answer::of(match (&self.test, value) {
            (Test::In(values), Some(have)) => values.iter().any(|v| v == have),
            (Test::NotIn(values), Some(have)) => !values.iter().any(|v| v == have),
            (Test::Exists, value) => value.is_some(),
            (Test::Absent, value) => value.is_none(),
            (Test::In(_), None) => false,
            (Test::NotIn(_), None) => true,
        })
    }

    /// The requirement in the words of a manifest: `key: value`, `key in (a, b)`.
    #[must_use]
    pub fn text(&self) -> String {
        let key = &self.key;
        match &self.test {
            Test::In(values) => match values.as_slice() {
                [one] => format!("{key}: {one}"),
                _ => format!("{key} in ({})", values.join(", ")),
            },
            Test::NotIn(values) => format!("{key} not in ({})", values.join(", ")),
            Test::Exists => format!("{key} (any value)"),
            Test::Absent => format!("no {key}"),
        }
    }
}

/// A selector.
#[derive(Clone, Debug)]
pub enum Expr {
    /// Selects everything.
    All,
    /// Selects nothing.
    Nothing,
    /// Written in a way that dnslint does not read.
    Unknown,
    /// A requirement.
    Leaf(Leaf),
    /// Every one of these.
    And(Vec<Expr>),
    /// Any of these.
    Or(Vec<Expr>),
    /// The opposite.
    Not(Box<Expr>),
}

impl Expr {
    /// Whether an object with these labels is selected.
    #[must_use]
    pub fn judge(&self, labels: &Labels) -> Answer {
        match self {
            Self::All => Answer::Yes,
            Self::Nothing => Answer::No,
            Self::Unknown => Answer::Unknown,
            Self::Leaf(leaf) => leaf.judge(labels),
            Self::And(parts) => parts.iter().fold(Answer::Yes, |so_far, part| so_far.and(part.judge(labels))),
            Self::Or(parts) => parts.iter().fold(Answer::No, |so_far, part| so_far.or(part.judge(labels))),
            Self::Not(part) => part.judge(labels).negated(),
        }
    }

    /// The first requirement that these labels do not meet.
    #[must_use]
    pub fn failing(&self, labels: &Labels) -> Option<&Leaf> {
        match self {
            Self::Leaf(leaf) => (leaf.judge(labels) == Answer::No).then_some(leaf),
            Self::And(parts) | Self::Or(parts) => parts.iter().find_map(|part| part.failing(labels)),
            _ => None,
        }
    }

    /// Every requirement, in the order of the text.
    #[must_use]
    pub fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Leaf(leaf) => vec![leaf],
            Self::And(parts) | Self::Or(parts) => parts.iter().flat_map(Self::leaves).collect(),
            Self::Not(part) => part.leaves(),
            _ => Vec::new(),
        }
    }

    /// The labels that everything selected must carry (`key: value` requirements joined by "and").
    #[must_use]
    pub fn demanded(&self) -> BTreeMap<String, String> {
        let parts = match self {
            Self::And(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        parts
            .iter()
            .filter_map(|part| match part {
                Self::Leaf(Leaf { key, test: Test::In(values), .. }) => match values.as_slice() {
                    [one] => Some((key.clone(), one.clone())),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    /// Every one of these selectors; without any, everything.
    #[must_use]
    pub fn all_of(mut parts: Vec<Self>) -> Self {
        match parts.len() {
            0 => Self::All,
            1 => parts.pop().unwrap_or(Self::All),
            _ => Self::And(parts),
        }
    }

    /// Both selectors.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::All, other) | (other, Self::All) => other,
            (one, other) => Self::And(vec![one, other]),
        }
    }
}

/// A requirement `key: value` that no text states.
#[must_use]
pub fn implied(key: &str, value: &str) -> Expr {
    Expr::Leaf(Leaf { key: key.to_owned(), test: Test::In(vec![value.to_owned()]), location: None })
}

/// The place of `key: value`, both parts together.
#[must_use]
pub fn entry_place(key: &Located<String>, value: &Located<Value>) -> Option<Location> {
    match (key.location(), value.location()) {
        (Some(k), Some(v)) if k.file == v.file => Some(Location::new(k.file, k.span.join(v.span))),
        (k, v) => k.or(v),
    }
}

/// A Kubernetes LabelSelector; an empty one selects everything.
///
/// Meaning of the operators: `k8s.io/apimachinery/pkg/labels` (NotIn accepts an absent label).
#[must_use]
pub fn read_label_selector(selector: &Value) -> Expr {
    let mut parts = Vec::new();
    if let Some(labels) = selector.get("matchLabels") {
        for (key, value) in labels.value.entries() {
            let Some(text) = value.value.scalar_text() else {
                parts.push(Expr::Unknown);
                continue;
            };
            let location = entry_place(key, value);
            parts.push(Expr::Leaf(Leaf { key: key.value.clone(), test: Test::In(vec![text]), location }));
        }
    }
    if let Some(expressions) = selector.get("matchExpressions") {
        parts.extend(expressions.value.items().iter().map(read_requirement));
    }
    Expr::all_of(parts)
}

fn read_requirement(requirement: &Located<Value>) -> Expr {
    let (Some(key), Some(operator)) = (requirement.text_at("key"), requirement.text_at("operator")) else {
        return Expr::Unknown;
    };
    let values: Vec<Located<String>> = requirement.texts_at("values");
    // a label on one line reads better than one on the whole requirement
    let location = match values.as_slice() {
        [one] => one.location(),
        _ => key.location(),
    };
    let values = values.into_iter().map(|v| v.value).collect();
    let test = match operator.value.as_str() {
        "In" => Test::In(values),
        "NotIn" => Test::NotIn(values),
        "Exists" => Test::Exists,
        "DoesNotExist" => Test::Absent,
        _ => return Expr::Unknown,
    };
    Expr::Leaf(Leaf { key: key.value, test, location })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)], complete: bool) -> Labels {
        let known = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Labels { known, complete }
    }

    fn leaf(key: &str, test: Test) -> Expr {
        Expr::Leaf(Leaf { key: key.to_owned(), test, location: None })
    }

    #[test]
    fn an_absent_label_is_no_only_where_all_labels_are_known() {
        let wants = leaf("a", Test::In(vec!["1".into()]));
        assert_eq!(wants.judge(&labels(&[("a", "1")], false)), Answer::Yes);
        assert_eq!(wants.judge(&labels(&[("a", "2")], false)), Answer::No);
        assert_eq!(wants.judge(&labels(&[], false)), Answer::Unknown);
        assert_eq!(wants.judge(&labels(&[], true)), Answer::No);
        assert_eq!(leaf("a", Test::NotIn(vec!["1".into()])).judge(&labels(&[], true)), Answer::Yes);
        assert_eq!(leaf("a", Test::Absent).judge(&labels(&[], true)), Answer::Yes);
        assert_eq!(leaf("projectcalico.org/serviceaccount", Test::Exists).judge(&labels(&[], true)), Answer::Unknown);
    }

    #[test]
    fn unknown_gives_way_to_what_decides() {
        let no = leaf("a", Test::Exists);
        let both = Expr::And(vec![Expr::Unknown, no.clone()]);
        assert_eq!(both.judge(&labels(&[], true)), Answer::No);
        assert_eq!(Expr::Or(vec![Expr::Unknown, no.clone()]).judge(&labels(&[], true)), Answer::Unknown);
        assert_eq!(Expr::Not(Box::new(no)).judge(&labels(&[], true)), Answer::Yes);
    }
}
