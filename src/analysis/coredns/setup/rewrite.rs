//! Set-up of `rewrite` (`plugin/rewrite`).

use super::super::golang::{check_brackets, decode_hex, parse_uint, parse_uint16_any, quote};
use super::super::problem::{ProblemKind, Refusal};
use super::answers::{is_class, is_qtype, is_rcode};
use super::context::{Check, Outcome};
use crate::syntax::corefile::{Dispenser, Place, Version};

/// The first release with `answer value` rules (1.8.1 has none, 1.8.3 has them).
const VALUE_RULES: Version = Version::new(1, 8, 2);
/// What earlier ones print.
const OLD_ANSWERS: &str = "response rewrites must consist only of a name rule with 3 arguments and an answer rule with 3 \
                           arguments";
const MATCHES: [&str; 5] = ["exact", "prefix", "suffix", "substring", "regex"];

/// `rewrite [continue|stop] TYPE ARGS...`, or a block of these words; any number of times.
pub(super) fn rewrite(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let place = d.place();
        let mut words: Vec<(&str, Place)> =
            d.remaining_args().into_iter().map(|token| (token.text.as_str(), Place::of(token))).collect();
        if words.len() < 2 {
            while d.next_block() {
                words.extend(d.token().map(|token| (token.text.as_str(), Place::of(token))));
            }
        }
        let texts: Vec<&str> = words.iter().map(|(text, _)| *text).collect();
        if let Some(at) = value_rule(&texts).filter(|_| check.version < VALUE_RULES) {
            let place = words.get(at).map(|(_, place)| *place).or(place);
            let refusal = Refusal::plain(place, OLD_ANSWERS).kind(ProblemKind::OptionNeedsNewerVersion);
            check.refuse(refusal.message(format!("`answer value` needs CoreDNS {VALUE_RULES}")).since(VALUE_RULES));
            continue;
        }
        if let Err(text) = rule(&texts) {
            let file = words.first().map(|(_, first)| first.file);
            let same_file = words.iter().filter(|(_, word)| Some(word.file) == file);
            let span = same_file.map(|(_, word)| word.span).reduce(crate::source::Span::join);
            let whole = file.zip(span).map(|(file, span)| Place { file, span });
            check.refuse(Refusal::plain(whole.or(place), text));
        }
    }
    Ok(())
}

/// Index of the word `value` of an `answer value` rule.
fn value_rule(words: &[&str]) -> Option<usize> {
    let answer = words.windows(2).position(|pair| pair == ["answer", "value"])?;
    words.contains(&"name").then_some(answer + 1)
}

fn rule(words: &[&str]) -> Result<(), String> {
    let Some(first) = words.first() else { return Err("no rule type specified for rewrite".to_owned()) };
    let mode = first.to_lowercase();
    let (kind, args) = if mode == "continue" || mode == "stop" {
        let Some(kind) = words.get(1) else { return Err(format!("{mode} rule must begin with a rule type")) };
        (kind.to_lowercase(), words.get(2..).unwrap_or_default())
    } else {
        (mode, words.get(1..).unwrap_or_default())
    };
    match kind.as_str() {
        "answer" => Err("response rewrites must begin with a name rule".to_owned()),
        "name" => name_rule(args),
        "class" | "type" => pair_rule(&kind, args),
        "ttl" => ttl_rule(args),
        "cname" => cname_rule(args),
        "rcode" => rcode_rule(args),
        "edns0" => edns0_rule(args),
        _ => Err(format!("invalid rule type {}", quote(first))),
    }
}

fn pair_rule(kind: &str, args: &[&str]) -> Result<(), String> {
    if args.len() != 2 {
        return Err(format!("{kind} rules must have exactly two arguments"));
    }
    let known: fn(&str) -> bool = if kind == "class" { is_class } else { is_qtype };
    match args.iter().map(|arg| arg.to_uppercase()).find(|arg| !known(arg)) {
        Some(bad) => Err(format!("invalid {kind} {}", quote(&bad))),
        None => Ok(()),
    }
}

fn name_rule(args: &[&str]) -> Result<(), String> {
    let (kind, from, to) = match args {
        [] | [_] => return Err("too few arguments for a name rule".to_owned()),
        [from, to] => ("exact".to_owned(), *from, *to),
        [kind, from, to, ..] => (kind.to_lowercase(), *from, *to),
    };
    if let Some(answers) = args.get(3..).filter(|answers| !answers.is_empty()) {
        answer_rules(&kind, answers)?;
    }
    match kind.as_str() {
        "exact" => uses_groups_of(to, from),
        "regex" => {
            check_brackets(from).map_err(|_| format!("invalid regex matching pattern: {from}"))?;
            uses_groups_of(to, from)
        }
        other if MATCHES.contains(&other) => Ok(()),
        other => Err(format!(
            "name rule supports only exact, prefix, suffix, substring, and regex name matching, received: {other}"
        )),
    }
}

/// The replacement may not use more groups than the pattern has.
fn uses_groups_of(replacement: &str, pattern: &str) -> Result<(), String> {
    let used = (0..=100).filter(|n| replacement.contains(&format!("{{{n}}}"))).count();
    if used == 0 || used <= groups(pattern) {
        return Ok(());
    }
    Err(format!(
        "the rewrite regex pattern ({replacement}) uses more subexpressions than its corresponding matching regex \
         pattern ({pattern})"
    ))
}

/// Capturing groups of a regular expression.
pub(super) fn groups(pattern: &str) -> usize {
    let mut count = 0;
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => {
                chars.next();
            }
            '[' => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                let rest: String = chars.clone().take(3).collect();
                count += usize::from(!rest.starts_with('?') || rest.starts_with("?P<") || rest.starts_with("?<"));
            }
            _ => {}
        }
    }
    count
}

fn answer_rules(kind: &str, args: &[&str]) -> Result<(), String> {
    if args.len() < 2 {
        return Err(format!("invalid arguments for {kind} rule"));
    }
    let (mut at, mut started, mut auto, mut names) = (0, false, false, false);
    while let Some(word) = args.get(at) {
        if *word == "answer" {
            at += 1;
        } else if !started {
            return Err(format!("exceeded the number of arguments for a non-answer rule argument for {kind} rule"));
        }
        let Some(answer) = args.get(at) else { return Err(format!("type missing for answer rule for {kind} rule")) };
        started = true;
        at += 1;
        match *answer {
            "auto" => auto = true,
            "name" | "value" => {
                let (Some(from), Some(to)) = (args.get(at), args.get(at + 1)) else {
                    return Err(format!("{answer} answer rule for {kind} rule: 2 arguments required"));
                };
                uses_groups_of(to, from).map_err(|text| format!("{answer} answer rule for {kind} rule: {text}"))?;
                names |= *answer == "name";
                at += 2;
            }
            other => return Err(format!("invalid type {} for answer rule for {kind} rule", quote(other))),
        }
    }
    if auto && names {
        return Err("auto name answer rule cannot be combined with explicit name anwer rules".to_owned());
    }
    Ok(())
}

fn ttl_rule(args: &[&str]) -> Result<(), String> {
    let text = match args {
        [] | [_] => return Err(format!("too few ({}) arguments for a ttl rule", args.len())),
        [_, ttl] | [_, _, ttl] => *ttl,
        _ => "",
    };
    if !is_ttl(text) {
        return Err(format!("invalid TTL '{text}' for a ttl rule"));
    }
    match args {
        [kind, _, _] if !MATCHES.contains(&kind.to_lowercase().as_str()) => {
            Err("ttl rule supports only exact, prefix, suffix, substring, and regex name matching".to_owned())
        }
        [kind, pattern, _] if kind.eq_ignore_ascii_case("regex") => {
            check_brackets(pattern).map_err(|_| format!("invalid regex pattern in a ttl rule: {pattern}"))
        }
        _ => Ok(()),
    }
}

fn is_ttl(text: &str) -> bool {
    let number = |text: &str| parse_uint(text, u64::from(u32::MAX)).ok();
    match text.split('-').collect::<Vec<_>>().as_slice() {
        [one] => number(one).is_some(),
        ["", ""] => false,
        ["", max] => number(max).is_some(),
        [min, ""] => number(min).is_some_and(|min| min <= 2_147_483_647),
        [min, max] => number(min).zip(number(max)).is_some_and(|(min, max)| min <= max),
        _ => false,
    }
}

fn cname_rule(args: &[&str]) -> Result<(), String> {
    match args {
        [_, _] => Ok(()),
        [kind, pattern, _] if kind.eq_ignore_ascii_case("regex") => {
            check_brackets(pattern).map_err(|error| format!("invalid cname rewrite regex pattern: {error}"))
        }
        [kind, _, _] if MATCHES.contains(&kind.to_lowercase().as_str()) => Ok(()),
        [kind, _, _] => Err(format!("unknown cname rewrite type: {}", kind.to_lowercase())),
        _ => Err(format!("too few ({}) arguments for a cname rule", args.len())),
    }
}

fn rcode_rule(args: &[&str]) -> Result<(), String> {
    let (old, new) = match args {
        [_, old, new] | [_, _, old, new] => (*old, *new),
        _ if args.len() < 3 => return Err(format!("too few ({}) arguments for a rcode rule", args.len())),
        _ => ("", ""),
    };
    let valid = |text: &str| text.parse::<u32>().is_ok_and(|code| code <= 23) || is_rcode(&text.to_uppercase());
    if !valid(old) {
        return Err(format!("invalid matching RCODE '{old}' for a rcode rule"));
    }
    if !valid(new) {
        return Err(format!("invalid replacement RCODE '{new}' for a rcode rule"));
    }
    match args {
        [kind, _, _, _] if !MATCHES.contains(&kind.to_lowercase().as_str()) => {
            Err("rcode rule supports only exact, prefix, suffix, substring, and regex name matching".to_owned())
        }
        [kind, pattern, _, _] if kind.eq_ignore_ascii_case("regex") => {
            check_brackets(pattern).map_err(|_| format!("invalid regex pattern in a rcode rule: {pattern}"))
        }
        _ => Ok(()),
    }
}

fn edns0_rule(args: &[&str]) -> Result<(), String> {
    let [kind, action, ..] = args else { return Err("too few arguments for an EDNS0 rule".to_owned()) };
    let (kind, action) = (kind.to_lowercase(), action.to_lowercase());
    if action == "unset" {
        return edns0_unset(&kind, args);
    }
    if !matches!(action.as_str(), "append" | "replace" | "set") {
        return Err(format!("invalid action: {}", quote(&action)));
    }
    let count = args.len() - usize::from(args.last() == Some(&"revert"));
    match kind.as_str() {
        "local" if count != 4 => Err("EDNS0 local rules require three or four args".to_owned()),
        "nsid" if count != 2 => Err("EDNS0 NSID rules can accept no more than one arg".to_owned()),
        "subnet" if count != 4 => Err("EDNS0 subnet rules require three or four args".to_owned()),
        "local" => edns0_local(args.get(2).copied().unwrap_or_default(), args.get(3).copied().unwrap_or_default()),
        "subnet" => edns0_subnet(args),
        "nsid" => Ok(()),
        other => Err(format!("invalid rule type {}", quote(other))),
    }
}

fn edns0_unset(kind: &str, args: &[&str]) -> Result<(), String> {
    match (kind, args) {
        ("local", [_, _, code]) => edns0_local(code, ""),
        ("local", _) => Err("local unset action requires exactly two arguments".to_owned()),
        ("nsid" | "subnet", [_, _]) => Ok(()),
        ("nsid" | "subnet", _) => Err(format!("{kind} unset action requires exactly one argument")),
        _ => Err(format!("invalid rule type {}", quote(kind))),
    }
}

fn edns0_local(code: &str, data: &str) -> Result<(), String> {
    parse_uint16_any(code)?;
    if let Some(name) = data.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        return if is_variable(name) { Ok(()) } else { Err(format!("unsupported variable name {}", quote(data))) };
    }
    data.strip_prefix("0x").map_or(Ok(()), decode_hex)
}

/// A variable of `rewrite` itself, or a label of the plugin `metadata`: `PLUGIN/NAME`.
fn is_variable(name: &str) -> bool {
    let own = ["qname", "qtype", "client_ip", "client_port", "protocol", "server_ip", "server_port"];
    let label = name.split_once('/').is_some_and(|(plugin, rest)| !plugin.is_empty() && !rest.is_empty());
    own.contains(&name) || label
}

fn edns0_subnet(args: &[&str]) -> Result<(), String> {
    for (family, most, text) in [("IPv4", 32, args.get(2)), ("IPv6", 128, args.get(3))] {
        let length = parse_uint16_any(text.copied().unwrap_or_default())?;
        if length > most {
            return Err(format!("invalid {family} bit mask length {length}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_judged_like_coredns() {
        let run = |text: &str| rule(&text.split_whitespace().collect::<Vec<_>>()).err().unwrap_or_default();
        for ok in [
            "name a.b c.d",
            "continue name regex (.*)\\.a b.{1}.c answer name (.*)\\.b {1}.a",
            "stop name suffix .a .b answer auto",
            "type AAAA A",
            "ttl a.b 30-300",
            "cname regex a b",
            "rcode a.b NXDOMAIN NOERROR",
            "edns0 local set 0xffee {qname} revert",
        ] {
            assert_eq!(run(ok), "", "{ok}");
        }
        for (bad, start) in [
            ("name a", "too few arguments for a name rule"),
            ("name fuzzy a b", "name rule supports only"),
            ("name regex a {1}", "the rewrite regex pattern"),
            ("name suffix a b auto", "invalid arguments for suffix rule"),
            ("name suffix a b x y", "exceeded the number"),
            ("ttl a -", "invalid TTL '-'"),
            ("type FOO A", "invalid type \"FOO\""),
            ("class IN", "class rules must have"),
            ("rcode a X NOERROR", "invalid matching RCODE 'X'"),
            ("continue", "continue rule must begin"),
            ("edns0 local set 1", "EDNS0 local rules"),
        ] {
            assert!(run(bad).starts_with(start), "{bad}: {}", run(bad));
        }
    }
}
