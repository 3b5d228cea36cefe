//! `rewrite`: the query that the plugins behind it see; regular expressions are run (`plugin/rewrite/name.go`).

use crate::analysis::coredns::regexp;
use crate::analysis::servers::rewriting::{Effect, Rule};

/// Longest label and name, in bytes (RFC 1035, section 2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 254;

/// What a rule does to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// It does not match.
    No,
    /// It matches and changes neither name nor type.
    Matches,
    /// The new name, fully qualified, lower case.
    Name(String),
    /// The new name is none: the server fails.
    Invalid(String),
    /// Queries of one type become queries of another.
    Type(String, String),
    /// The expression is one that we cannot run.
    Unknown(String),
}

/// Applies a rule to a name.
#[must_use]
pub fn apply(rule: &Rule, name: &str) -> Rewrite {
    match rule.effect(name) {
        Effect::No => Rewrite::No,
        Effect::Matches => Rewrite::Matches,
        Effect::Name(name) => checked(name),
        Effect::Type(from, to) => Rewrite::Type(from, to),
        Effect::Regex(pattern, to) => {
            let Some(regex) = regexp(&pattern) else { return Rewrite::Unknown(pattern) };
            let Some(groups) = regex.captures(name) else { return Rewrite::No };
            let groups: Vec<&str> = groups.iter().map(|g| g.map_or("", |m| m.as_str())).collect();
            to.map_or(Rewrite::Matches, |to| checked(fill(&to, &groups)))
        }
    }
}

/// CoreDNS answers SERVFAIL where a rule leaves no valid name (`invalid name after rewrite`).
fn checked(name: String) -> Rewrite {
    let labels = name.strip_suffix('.').unwrap_or(&name);
    let valid = name == "." || labels.split('.').all(|label| (1..=MAX_LABEL).contains(&label.len()));
    if valid && name.len() <= MAX_NAME { Rewrite::Name(name) } else { Rewrite::Invalid(name) }
}

/// `{1}` stands for the first group, `{0}` for the whole match.
fn fill(pattern: &str, groups: &[&str]) -> String {
    groups.iter().enumerate().fold(pattern.to_owned(), |text, (at, group)| text.replace(&format!("{{{at}}}"), group))
}
