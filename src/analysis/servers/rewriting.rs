//! Rules of `rewrite`: how CoreDNS reads them, and what each makes of a query (`plugin/rewrite`).

use crate::syntax::corefile::Directive;

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Rules behind it are looked at even where it matches (`continue`).
    pub goes_on: bool,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Name {
        pattern: Pattern,
        to: String,
    },
    Type {
        from: String,
        to: String,
    },
    /// It changes the answer alone (`ttl`, `rcode`).
    Answer {
        pattern: Pattern,
    },
    /// It takes every query and changes neither name nor type.
    Every,
    /// It takes none, or CoreDNS refuses it.
    Nothing,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Exact(String),
    Prefix(String),
    Suffix(String),
    Substring(String),
    Regex(String),
}

/// What a rule makes of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It does not match.
    No,
    /// It matches and changes neither name nor type.
    Matches,
    /// The new name.
    Name(String),
    /// Queries of the first type become queries of the second; those of other types do not match.
    Type(String, String),
    /// An expression decides whether it matches; with the replacement of a `name` rule.
    Regex(String, Option<String>),
}

impl Rule {
    /// Reads a directive: the words of its line or, where these are fewer than two, with those of its block
    /// (`rewriteParse` in setup.go, `newRule` in rewrite.go).
    #[must_use]
    pub fn read(directive: &Directive) -> Self {
        let words = words(directive);
        let mode = words.first().map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        let skip = usize::from(matches!(mode.as_str(), "stop" | "continue"));
        let kind = words.get(skip).map(|word| word.to_ascii_lowercase()).unwrap_or_default();
        let kind = Kind::read(&kind, words.get(skip + 1..).unwrap_or_default());
        Self { goes_on: mode == "continue", kind }
    }

    /// What it makes of a query for `name`, fully qualified and lower case.
    #[must_use]
    pub fn effect(&self, name: &str) -> Effect {
        let matched = |matches: bool| if matches { Effect::Matches } else { Effect::No };
        match &self.kind {
            Kind::Nothing => Effect::No,
            Kind::Every => Effect::Matches,
            Kind::Type { from, to } => Effect::Type(from.clone(), to.clone()),
            Kind::Answer { pattern: Pattern::Regex(pattern) } => Effect::Regex(pattern.clone(), None),
            Kind::Name { pattern: Pattern::Regex(pattern), to } => Effect::Regex(pattern.clone(), Some(to.clone())),
            Kind::Answer { pattern } => matched(pattern.replace(name, "").is_some()),
            Kind::Name { pattern, to } => pattern.replace(name, to).map_or(Effect::No, Effect::Name),
        }
    }

    /// The names that a `name` rule speaks of: the single name or the suffix, before and after.
    #[must_use]
    pub fn names(&self) -> Option<Names<'_>> {
        let Kind::Name { pattern, to } = &self.kind else { return None };
        match pattern {
            Pattern::Exact(from) => Some(Names::Single([from, to])),
            Pattern::Suffix(from) => Some(Names::Suffixes([from, to])),
            Pattern::Prefix(_) | Pattern::Substring(_) | Pattern::Regex(_) => None,
        }
    }

    /// Whether it makes queries of a type those of another.
    #[must_use]
    pub fn changes_type(&self, from: &str) -> bool {
        matches!(&self.kind, Kind::Type { from: own, .. } if own == from)
    }
}

/// Names in a rule, before and after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names<'r> {
    /// One name becomes another.
    Single([&'r str; 2]),
    /// The end of a name becomes another, whole labels or not.
    Suffixes([&'r str; 2]),
}

impl Kind {
    fn read(kind: &str, args: &[&str]) -> Self {
        let fourth_is_mode = |most: usize| if args.len() == most { args.split_first() } else { None };
        match (kind, args) {
            ("name", [from, to]) => Self::Name { pattern: Pattern::Exact(qualified(from)), to: qualified(to) },
            ("name", [mode, from, to, ..]) => {
                Pattern::read(mode, from).map_or(Self::Nothing, |pattern| Self::Name { pattern, to: qualified(to) })
            }
            ("type", [from, to]) => Self::Type { from: from.to_ascii_uppercase(), to: to.to_ascii_uppercase() },
            ("class", [from, _]) if from.eq_ignore_ascii_case("IN") => Self::Every,
            ("ttl", [from, _]) | ("rcode", [from, _, _]) => Self::Answer { pattern: Pattern::Exact(qualified(from)) },
            ("ttl" | "rcode", _) => {
                let most = if kind == "ttl" { 3 } else { 4 };
                let pattern = fourth_is_mode(most).and_then(|(mode, rest)| Pattern::read(mode, rest.first()?));
                pattern.map_or(Self::Nothing, |pattern| Self::Answer { pattern })
            }
            ("cname", [_, _] | [_, _, _]) => Self::Every,
            // an option that the query does not have cannot be replaced
            ("edns0", [_, action, ..]) if !action.eq_ignore_ascii_case("replace") => Self::Every,
            _ => Self::Nothing,
        }
    }
}

impl Pattern {
    fn read(mode: &str, from: &str) -> Option<Self> {
        match mode.to_ascii_lowercase().as_str() {
            "exact" => Some(Self::Exact(qualified(from))),
            "prefix" => Some(Self::Prefix(qualified(from))),
            "suffix" => Some(Self::Suffix(qualified(from))),
            "substring" => Some(Self::Substring(qualified(from))),
            "regex" => Some(Self::Regex(from.to_owned())),
            _ => None,
        }
    }

    /// The name with what matches replaced; `None` where nothing does, and for expressions.
    fn replace(&self, name: &str, to: &str) -> Option<String> {
        match self {
            Self::Exact(from) => (name == from).then(|| to.to_owned()),
            Self::Prefix(from) => name.strip_prefix(from.as_str()).map(|rest| format!("{to}{rest}")),
            Self::Suffix(from) => name.strip_suffix(from.as_str()).map(|rest| format!("{rest}{to}")),
            Self::Substring(from) => name.contains(from.as_str()).then(|| name.replace(from.as_str(), to)),
            Self::Regex(_) => None,
        }
    }
}

/// Lower case, with a last dot: so a prefix or a part of a name ends with a label, too (`plugin.Name.Normalize`).
fn qualified(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    if word.ends_with('.') { word } else { format!("{word}.") }
}

/// The words of a rule, without the braces of its block.
fn words(directive: &Directive) -> Vec<&str> {
    let mut words: Vec<&str> = directive.arg_texts().collect();
    if words.len() < 2 {
        let block = directive.tokens.get(words.len() + 1..).unwrap_or_default();
        let block = block.iter().map(|token| token.text.as_str());
        words.extend(block.filter(|text| !matches!(*text, "{" | "}")));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::corefile::{NoImports, Options, parse};

    fn rule(text: &str) -> Rule {
        let options = Options {
            main_file_name: "Corefile",
            directory: "/",
            env: &|_| None,
            valid_directives: None,
            imports: &NoImports,
        };
        Rule::read(&parse(&format!(". {{\n{text}\n}}\n"), &options).blocks[0].directives[0])
    }

    #[test]
    fn rules_take_names() {
        let name = |text: &str| Effect::Name(text.to_owned());
        for (text, asked, want) in [
            ("rewrite name a.org b.org", "a.org.", name("b.org.")),
            ("rewrite name a.org b.org", "x.a.org.", Effect::No),
            ("rewrite NAME Suffix .A.org .b.org", "x.a.org.", name("x.b.org.")),
            // normalized: only whole labels at the front
            ("rewrite name prefix a b", "a.org.", name("b.org.")),
            ("rewrite name prefix a b", "ab.org.", Effect::No),
            ("rewrite name substring a b", "x.a.org.", name("x.b.org.")),
            ("rewrite name substring a b", "x.ax.org.", Effect::No),
            ("rewrite stop {\nname suffix .a.org .b.org answer auto\n}", "x.a.org.", name("x.b.org.")),
            ("rewrite {\nname\nsuffix .a.org .b.org\n}", "x.a.org.", name("x.b.org.")),
            ("rewrite name suffix .a.org .b.org {\nname exact x.c.org y\n}", "x.c.org.", Effect::No),
            ("rewrite name regex (.*) {1}", "a.", Effect::Regex("(.*)".into(), Some("{1}.".into()))),
            ("rewrite ttl suffix .org 30", "a.org.", Effect::Matches),
            ("rewrite rcode a.org NXDOMAIN NOERROR", "a.org.", Effect::Matches),
            ("rewrite rcode a.org NXDOMAIN NOERROR", "b.org.", Effect::No),
            ("rewrite type aaaa A", "a.", Effect::Type("AAAA".into(), "A".into())),
            ("rewrite edns0 local set 0xffee x", "a.", Effect::Matches),
            ("rewrite edns0 local replace 0xffee x", "a.", Effect::No),
        ] {
            assert_eq!(rule(text).effect(asked), want, "{text} {asked}");
        }
        assert!(rule("rewrite continue {\nname a b\n}").goes_on);
        assert!(!rule("rewrite stop name a b").goes_on);
    }
}
