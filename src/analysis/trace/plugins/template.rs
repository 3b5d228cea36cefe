//! `template`: answers made of a pattern (`plugin/template`).

use super::{Verdict, from_records};
use crate::analysis::coredns::regexp;
use crate::analysis::servers::read::falls_through;
use crate::analysis::trace::names::Answer;
use crate::syntax::corefile::Directive;
use regex::Captures;

/// Whether the template is for a type, in class IN.
#[must_use]
pub fn takes(directive: &Directive, kind: &str) -> bool {
    let word = |index: usize| directive.arg_texts().nth(index).unwrap_or("ANY").to_ascii_uppercase();
    let (class, own) = (word(0), word(1));
    matches!(class.as_str(), "IN" | "ANY") && (own == "ANY" || kind == "ANY" || own == kind)
}

/// What the template gives for a name of its zones and types that it takes.
///
/// A name that its expressions do not match ends with `SERVFAIL` unless it falls through.
#[must_use]
pub fn answer(directive: &Directive, name: &str, zone: &str, types: &[&str]) -> Verdict {
    let mut patterns: Vec<&str> = directive.properties_named("match").flat_map(|p| p.arg_texts()).collect();
    if patterns.is_empty() {
        patterns.push(".*");
    }
    for pattern in patterns {
        let Some(regex) = regexp(pattern) else {
            let reason = format!("the expression `{pattern}` of the template decides");
            return Verdict::Ends(Answer::Unknown { reason });
        };
        if let Some(groups) = regex.captures(name) {
            let data = Data { name, zone, kind: types.first().copied().unwrap_or("A"), groups };
            return Verdict::Ends(records(directive, &data, types));
        }
    }
    let reason = "no pattern of the template matches the name";
    if falls_through(directive, name) {
        return Verdict::FallsThrough(reason.to_owned());
    }
    Verdict::Ends(Answer::Error { code: "SERVFAIL".to_owned(), reason: format!("{reason}, and it has no fallthrough") })
}

fn records(directive: &Directive, data: &Data<'_>, types: &[&str]) -> Answer {
    let code = directive.property("rcode").and_then(|p| p.arg_texts().next()).unwrap_or("NOERROR").to_ascii_uppercase();
    match code.as_str() {
        "NOERROR" => {}
        "NXDOMAIN" => return Answer::no("the template says so (`rcode NXDOMAIN`)"),
        _ => return Answer::Error { reason: format!("the template says so (`rcode {code}`)"), code },
    }
    let mut found = Vec::new();
    for line in directive.properties_named("answer").flat_map(|p| p.arg_texts()) {
        let text = data.fill(line);
        match text.as_deref().and_then(record) {
            Some(record) => found.push(record),
            None => {
                return Answer::Records { records: Vec::new(), what: format!("what the template `{line}` makes") };
            }
        }
    }
    from_records(found, types, "made by the template", "the template has no such record")
}

/// `NAME TTL CLASS TYPE DATA` as type and data.
fn record(line: &str) -> Option<(String, String)> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().skip(1).position(|w| w.parse::<u32>().is_err() && !w.eq_ignore_ascii_case("IN"))? + 1;
    Some((words.get(at)?.to_ascii_uppercase(), words.get(at + 1..)?.join(" ")))
}

/// What a template's text may speak of.
struct Data<'d> {
    name: &'d str,
    zone: &'d str,
    kind: &'d str,
    groups: Captures<'d>,
}

impl Data<'_> {
    /// The text with its `{{ … }}`; `None` where one is more than a plain field, a group or an index.
    fn fill(&self, text: &str) -> Option<String> {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inner, behind) = after.split_once("}}")?;
            filled.push_str(before);
            filled.push_str(self.field(inner.trim_matches(|c: char| c.is_whitespace() || c == '-'))?);
            rest = behind;
        }
        filled.push_str(rest);
        Some(filled)
    }

    fn field(&self, inner: &str) -> Option<&str> {
        let words: Vec<&str> = inner.split_whitespace().collect();
        match words.as_slice() {
            [".Name" | ".Question.Name"] => Some(self.name),
            [".Zone"] => Some(self.zone),
            [".Class"] => Some("IN"),
            [".Type"] => Some(self.kind),
            ["index", ".Match", index] => self.groups.get(index.parse().ok()?).map(|m| m.as_str()),
            [group] => self.groups.name(group.strip_prefix(".Group.")?).map(|m| m.as_str()),
            _ => None,
        }
    }
}
