//! `rewrite`: the name that the plugins behind it see; regular expressions are run (`plugin/rewrite/name.go`).

use super::expression;
use crate::analysis::servers::chain;
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

/// Applies a rule to a name.
#[must_use]
pub fn apply(directive: &Directive, name: &str) -> Rewrite {
    let goes_on = directive.arg_texts().next() == Some("continue");
    match chain::rewrite(directive, name) {
        chain::Rewrite::No => Rewrite::No,
        chain::Rewrite::To(name) => Rewrite::To { name, goes_on },
        chain::Rewrite::Unknown => {
            let mut words = directive.arg_texts().skip_while(|word| *word != "regex").skip(1);
            let (from, to) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            let Some(regex) = expression(from) else { return Rewrite::Unknown(from.to_owned()) };
            let Some(groups) = regex.captures(name) else { return Rewrite::No };
            let groups: Vec<&str> = groups.iter().map(|g| g.map_or("", |m| m.as_str())).collect();
            let name = format!("{}.", fill(to, &groups).trim_end_matches('.').to_ascii_lowercase());
            Rewrite::To { name, goes_on }
        }
    }
}

/// `{1}` stands for the first group, `{0}` for the whole match.
fn fill(pattern: &str, groups: &[&str]) -> String {
    groups.iter().enumerate().fold(pattern.to_owned(), |text, (at, group)| text.replace(&format!("{{{at}}}"), group))
}
