//! `rewrite`: the name that the plugins behind it see (`plugin/rewrite/name.go`).

use super::expression;
use crate::analysis::servers::read::zone_of;
use crate::syntax::corefile::Directive;

/// What a rule does to a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// It does not match, or is about something else than the name.
    No,
    /// The new name, and whether later rules are looked at, too (`continue`).
    To {
        /// Fully qualified, lower case.
        name: String,
        /// Later rules are looked at.
        goes_on: bool,
    },
    /// The expression is one that we cannot run.
    Unknown(String),
}

/// Applies `rewrite [continue|stop] name [exact|suffix|prefix|substring|regex] FROM TO`, on one line or as a block.
#[must_use]
pub fn apply(directive: &Directive, name: &str) -> Rewrite {
    let mut words: Vec<&str> = directive.arg_texts().collect();
    let goes_on = words.first() == Some(&"continue");
    if matches!(words.first(), Some(&("continue" | "stop"))) {
        words.remove(0);
    }
    if words.is_empty() {
        let Some(rule) = directive.property("name") else { return Rewrite::No };
        words = std::iter::once("name").chain(rule.arg_texts()).collect();
    }
    let (mode, from, to) = match words.as_slice() {
        ["name", mode @ ("exact" | "suffix" | "prefix" | "substring" | "regex"), from, to, ..] => (*mode, *from, *to),
        ["name", from, to, ..] => ("exact", *from, *to),
        _ => return Rewrite::No,
    };
    let new = match mode {
        "exact" => (name == zone_of(from)).then(|| zone_of(to)),
        "suffix" => name.strip_suffix(&dotted(from)).map(|head| format!("{head}{}", dotted(to))),
        "prefix" => {
            name.strip_prefix(&from.to_ascii_lowercase()).map(|rest| format!("{}{rest}", to.to_ascii_lowercase()))
        }
        "substring" => name.contains(from).then(|| name.replace(from, to)),
        _ => {
            let Some(regex) = expression(from) else { return Rewrite::Unknown(from.to_owned()) };
            regex.captures(name).map(|groups| {
                let groups: Vec<&str> = groups.iter().map(|g| g.map_or("", |m| m.as_str())).collect();
                dotted(&fill(to, &groups))
            })
        }
    };
    match new {
        Some(new) => Rewrite::To { name: new.to_ascii_lowercase(), goes_on },
        None => Rewrite::No,
    }
}

/// Fully qualified, lower case; a leading dot stays.
fn dotted(text: &str) -> String {
    format!("{}.", text.trim_end_matches('.').to_ascii_lowercase())
}

/// `{1}` stands for the first group, `{0}` for the whole match.
fn fill(pattern: &str, groups: &[&str]) -> String {
    groups.iter().enumerate().fold(pattern.to_owned(), |text, (at, group)| text.replace(&format!("{{{at}}}"), group))
}
