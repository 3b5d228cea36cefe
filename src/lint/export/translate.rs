//! Rule expressions in the words of the API server: view fields become fields of the pod specification.

use super::tokens::{Kind, Token, tokens};
use crate::lint::text::Text;
use crate::source::Span;
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// A part of an expression that cannot be exported, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The part, in the expression.
    pub span: Span,
    /// Why.
    pub message: String,
}

/// The pod specification in a policy.
const SPEC: &str = "variables.podSpec";
/// Functions and macros that mean the same in the API server (Kubernetes' CEL libraries, since 1.30).
const SAME: [&str; 25] = [
    "size",
    "string",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "lowerAscii",
    "upperAscii",
    "trim",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "substring",
    "split",
    "join",
    "sets.contains",
    "sets.intersects",
    "sets.equivalent",
    "all",
    "exists",
    "exists_one",
    "map",
    "filter",
    "has",
    "existsOne",
];
/// Words that a policy gives a meaning of its own.
const TAKEN: [&str; 7] = ["variables", "object", "oldObject", "request", "authorizer", "namespaceObject", "podSpec"];

/// A list of `dnsConfig`; empty where the pod has none.
fn list(field: &str) -> String {
    format!("(has({SPEC}.dnsConfig) && has({SPEC}.dnsConfig.{field}) ? {SPEC}.dnsConfig.{field} : [])")
}

/// The options as `name` or `name:value`, which is how the view writes them.
fn options() -> String {
    let all = list("options");
    format!("{all}.map(o, (has(o.name) ? o.name : '') + (has(o.value) && o.value != '' ? ':' + o.value : ''))")
}

/// `dnsPolicy` as the API server fills it in.
fn policy() -> String {
    format!("(has({SPEC}.dnsPolicy) ? {SPEC}.dnsPolicy : 'ClusterFirst')")
}

fn host_network() -> String {
    format!("(has({SPEC}.hostNetwork) && {SPEC}.hostNetwork)")
}

/// A field of the pod view that follows from the specification alone, in terms of it.
fn field(path: &str) -> Option<String> {
    let use_vc = || format!("{}.exists(o, has(o.name) && o.name == 'use-vc')", list("options"));
    Some(match path {
        "host_network" => host_network(),
        "dns_policy" => format!("(has({SPEC}.dnsPolicy) ? {SPEC}.dnsPolicy : '')"),
        "effective_policy" => {
            let policy = policy();
            format!("({} && {policy} == 'ClusterFirst' ? 'Default' : {policy})", host_network())
        }
        "cluster_first_without_effect" => format!("({} && {} == 'ClusterFirst')", host_network(), policy()),
        "none_without_nameserver" => format!("({} == 'None' && size({}) == 0)", policy(), list("nameservers")),
        "dns_config.nameservers" => list("nameservers"),
        "dns_config.searches" => list("searches"),
        "dns_config.options" => options(),
        "has(dns_config)" => format!("has({SPEC}.dnsConfig)"),
        "has(use_vc)" => use_vc(),
        "has(dns_policy)" => "true".to_owned(),
        _ => return None,
    })
}

/// Lists that `each` may name.
pub fn each(text: &Text) -> Result<String, Refusal> {
    let path = text.value.strip_prefix("subject.").unwrap_or(&text.value);
    let found = field(path).filter(|_| path.starts_with("dns_config."));
    found.ok_or_else(|| refused(Span::new(0, text.value.len()), not_in_the_specification(&text.value)))
}

fn not_in_the_specification(path: &str) -> String {
    format!("`{path}` does not follow from the pod's specification alone, which is all that the API server sees")
}

fn refused(span: Span, message: impl Into<String>) -> Refusal {
    Refusal { span, message: message.into() }
}

/// The expression as the API server reads it.
///
/// # Errors
/// Every part that the API server has not, or reads otherwise.
pub fn expression(source: &str, params: &BTreeMap<String, Json>) -> Result<String, Vec<Refusal>> {
    let tokens = tokens(source).map_err(|span| vec![refused(span, "this text cannot be read")])?;
    let mut writer = Writer { source, tokens: &tokens, params, out: String::new(), refusals: Vec::new() };
    writer.all();
    if writer.refusals.is_empty() { Ok(writer.out) } else { Err(writer.refusals) }
}

struct Writer<'a> {
    source: &'a str,
    tokens: &'a [Token],
    params: &'a BTreeMap<String, Json>,
    out: String,
    refusals: Vec<Refusal>,
}

impl Writer<'_> {
    fn all(&mut self) {
        let mut at = 0;
        while let Some(token) = self.tokens.get(at) {
            let used = match token.kind {
                Kind::Word if !self.follows_dot(at) => self.word(at),
                Kind::Word => self.member(at),
                Kind::Text => self.text(at),
                Kind::Number | Kind::Sign => self.copy(at),
            };
            at += used.max(1);
        }
    }

    fn is(&self, at: usize, sign: &str) -> bool {
        self.tokens.get(at).is_some_and(|token| token.text(self.source) == sign)
    }

    fn follows_dot(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.is(before, "."))
    }

    fn span(&self, from: usize, count: usize) -> Span {
        let last = self.tokens.get(from + count.max(1) - 1);
        match (self.tokens.get(from), last) {
            (Some(first), Some(last)) => first.span.join(last.span),
            _ => Span::new(0, self.source.len()),
        }
    }

    fn refuse(&mut self, from: usize, count: usize, message: impl Into<String>) -> usize {
        self.refusals.push(refused(self.span(from, count), message));
        count
    }

    fn write(&mut self, text: &str) {
        let glued = self.out.is_empty() || self.out.ends_with(['(', '[', '.', '!']);
        let closes = text.starts_with([')', ']', ',', '.']) || text == "(" || text == "[";
        let after_sign = self.out.ends_with(['=', '&', '|', '<', '>', '?', ':', '+', ',']);
        if !glued && (!closes || after_sign) {
            self.out.push(' ');
        }
        self.out.push_str(text);
    }

    fn copy(&mut self, at: usize) -> usize {
        if let Some(token) = self.tokens.get(at) {
            self.write(token.text(self.source));
        }
        1
    }

    fn text(&mut self, at: usize) -> usize {
        let Some(token) = self.tokens.get(at) else { return 1 };
        let text = token.text(self.source);
        if text.contains('\n') {
            return self.refuse(at, 1, "write the text on one line");
        }
        if text.trim_matches(['\'', '"']) == "ClusterFirst" && self.source.contains("subject.dns_policy") {
            let message = "the API server has put ClusterFirst where the manifest says nothing, so that it cannot tell \
                           the two apart; use subject.effective_policy";
            return self.refuse(at, 1, message);
        }
        self.copy(at)
    }

    /// A word behind a dot: a method, or the field of a variable of the rule.
    fn member(&mut self, at: usize) -> usize {
        let name = self.tokens.get(at).map_or("", |token| token.text(self.source));
        if self.is(at + 1, "(") && !SAME.contains(&name) {
            let message = format!("the method `{name}` is not the same in the API server");
            return self.refuse(at, 1, message);
        }
        self.copy(at)
    }

    /// A word that starts something: a variable, a function, a literal.
    fn word(&mut self, at: usize) -> usize {
        let name = self.tokens.get(at).map_or("", |token| token.text(self.source)).to_owned();
        let chain = self.chain(at);
        match name.as_str() {
            "has" if self.is(at + 1, "(") && self.is(at + 2, "subject") => self.has(at),
            "subject" => self.subject(at, &chain),
            "params" => self.param(at, &chain),
            "cluster" => self.refuse(at, 2 * chain.len() + 1, not_in_the_specification(&name)),
            "null" => self.refuse(at, 1, "the API server has no null for what is absent; use has()"),
            "sets" => {
                let whole = format!("sets.{}", chain.first().map_or("", String::as_str));
                if SAME.contains(&whole.as_str()) {
                    self.write(&whole);
                    return 3;
                }
                self.refuse(at, 3, format!("the function `{whole}` is not the same in the API server"))
            }
            _ if TAKEN.contains(&name.as_str()) => {
                self.refuse(at, 1, format!("`{name}` has a meaning of its own in a policy"))
            }
            _ if self.is(at + 1, "(") && !SAME.contains(&name.as_str()) && name != "in" => {
                self.refuse(at, 1, format!("the function `{name}` is not the same in the API server"))
            }
            _ => self.copy(at),
        }
    }

    /// The names behind a variable, up to a method call.
    fn chain(&self, at: usize) -> Vec<String> {
        let mut names = Vec::new();
        let mut next = at + 1;
        while self.is(next, ".") && !self.is(next + 2, "(") {
            let Some(token) = self.tokens.get(next + 1).filter(|token| token.kind == Kind::Word) else { break };
            names.push(token.text(self.source).to_owned());
            next += 2;
        }
        if names.is_empty() && self.is(next, ".") {
            names.extend(self.tokens.get(next + 1).map(|token| token.text(self.source).to_owned()));
        }
        names
    }

    fn subject(&mut self, at: usize, chain: &[String]) -> usize {
        let count = 2 * chain.len() + 1;
        let path = chain.join(".");
        if path == "dns_policy" && !self.is_compared(at, count) {
            return self.refuse(at, count, "the policy can only be compared with == or != or in");
        }
        match field(&path) {
            Some(text) => {
                self.write(&text);
                count
            }
            None if path == "dns_config" || path == "use_vc" => {
                self.refuse(at, count, format!("only has(subject.{path}) can be said in a policy"))
            }
            None => self.refuse(at, count, not_in_the_specification(&format!("subject.{path}"))),
        }
    }

    fn is_compared(&self, at: usize, count: usize) -> bool {
        let signs = ["==", "!=", "in"];
        let before = at.checked_sub(1).is_some_and(|before| signs.iter().any(|sign| self.is(before, sign)));
        before || signs.iter().any(|sign| self.is(at + count, sign))
    }

    /// `has(subject.…)`.
    fn has(&mut self, at: usize) -> usize {
        let path = self.chain(at + 2).join(".");
        let count = 2 * self.chain(at + 2).len() + 4;
        if path == "dns_policy" && !self.is_conjunct(at, count) {
            let message = "the API server fills dnsPolicy in, so that it cannot see whether the manifest gives it";
            return self.refuse(at, count, message);
        }
        match field(&format!("has({path})")) {
            Some(text) => {
                self.write(&text);
                count
            }
            None => self.refuse(at, count, not_in_the_specification(&format!("subject.{path}"))),
        }
    }

    /// Whether a part of the expression is one of the terms of an `&&` that is the whole expression.
    fn is_conjunct(&self, at: usize, count: usize) -> bool {
        let mut depth = 0_i32;
        for (index, token) in self.tokens.iter().enumerate() {
            match token.text(self.source) {
                "(" | "[" => depth += 1,
                ")" | "]" => depth -= 1,
                "||" | "?" if depth == 0 => return false,
                _ => {}
            }
            if index == at && depth != 0 {
                return false;
            }
        }
        let starts = at.checked_sub(1).is_none_or(|before| self.is(before, "&&"));
        starts && (at + count >= self.tokens.len() || self.is(at + count, "&&"))
    }

    fn param(&mut self, at: usize, chain: &[String]) -> usize {
        let value = chain.first().and_then(|name| self.params.get(name));
        match value.and_then(literal) {
            Some(text) => {
                self.write(&text);
                3
            }
            None => self.refuse(at, 2 * chain.len() + 1, "this parameter cannot be written out"),
        }
    }
}

/// A value as CEL writes it.
fn literal(value: &Json) -> Option<String> {
    match value {
        Json::Null | Json::Object(_) => None,
        Json::Array(items) => Some(format!("[{}]", items.iter().map(literal).collect::<Option<Vec<_>>>()?.join(", "))),
        // JSON's escapes are CEL's.
        other => Some(other.to_string()),
    }
}
