//! Which rules run: `--select`, `--extend-select` and `--ignore` with rule ids, groups and `ALL`.

use super::nearest::hint;
use crate::report::RuleInfo;
use std::collections::BTreeSet;

/// Rule id of input problems, which the command line itself reports.
pub const UNREADABLE_INPUT: &str = "unreadable-input";

/// Selectors as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// What to run; empty means everything.
    pub select: Vec<String>,
    /// What to run too.
    pub extend: Vec<String>,
    /// What not to run.
    pub ignore: Vec<String>,
}

/// How closely a selector names a rule; the closer one wins.
fn closeness(selector: &str, rule: &RuleInfo) -> Option<u8> {
    match selector {
        "ALL" => Some(1),
        group if group == rule.group => Some(2),
        id if id == rule.id => Some(3),
        _ => None,
    }
}

impl Selection {
    /// Ids of the rules that run; `None` where nothing was selected or ignored.
    ///
    /// Like ruff: the more specific selector wins, and `ignore` wins over `select` of the same kind.
    #[must_use]
    pub fn resolve(&self, rules: &[RuleInfo]) -> Option<BTreeSet<String>> {
        if self.select.is_empty() && self.ignore.is_empty() {
            return None;
        }
        let best = |list: &[String], rule: &RuleInfo| list.iter().filter_map(|s| closeness(s, rule)).max();
        let everything = u8::from(self.select.is_empty());
        let runs = |rule: &&RuleInfo| {
            let wanted = best(&self.select, rule).max(best(&self.extend, rule)).unwrap_or(everything);
            wanted > best(&self.ignore, rule).unwrap_or(0)
        };
        Some(rules.iter().filter(runs).map(|rule| rule.id.clone()).collect())
    }
}

/// Says what is wrong with a selector, if anything.
pub fn unknown_selector(selector: &str, rules: &[RuleInfo]) -> Option<String> {
    if selector == "ALL" || rules.iter().any(|r| r.id == selector || r.group == selector) {
        return None;
    }
    let names = rules.iter().flat_map(|r| [r.id.as_str(), r.group.as_str()]).chain(["ALL"]);
    Some(format!("unknown rule or group `{selector}`{}", hint(selector, names)))
}

/// Says what is wrong with a rule id, if anything.
pub fn unknown_rule(id: &str, rules: &[RuleInfo]) -> Option<String> {
    if rules.iter().any(|r| r.id == id) {
        return None;
    }
    Some(format!("unknown rule `{id}`{}", hint(id, rules.iter().map(|r| r.id.as_str()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Names<'a> = &'a [&'a str];

    fn rules() -> Vec<RuleInfo> {
        [("a", "g"), ("b", "g"), ("c", "h")]
            .map(|(id, group)| RuleInfo { id: id.into(), group: group.into(), ..RuleInfo::default() })
            .to_vec()
    }

    fn resolve(select: &[&str], extend: &[&str], ignore: &[&str]) -> Option<String> {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        let selection = Selection { select: own(select), extend: own(extend), ignore: own(ignore) };
        selection.resolve(&rules()).map(|ids| ids.into_iter().collect())
    }

    #[test]
    fn the_more_specific_selector_wins() {
        let cases: [([Names<'_>; 3], Option<&str>); 9] = [
            ([&[], &[], &[]], None),
            ([&[], &["a"], &[]], None),
            ([&[], &[], &["g"]], Some("c")),
            ([&["g"], &[], &["a"]], Some("b")),
            ([&["a"], &["h"], &[]], Some("ac")),
            ([&["a"], &[], &["g"]], Some("a")),
            ([&["ALL"], &[], &["ALL"]], Some("")),
            ([&["a"], &[], &["a"]], Some("")),
            ([&[], &["b"], &["g"]], Some("bc")),
        ];
        for ([select, extend, ignore], want) in cases {
            assert_eq!(resolve(select, extend, ignore).as_deref(), want, "{select:?} {extend:?} {ignore:?}");
        }
    }

    #[test]
    fn unknown_names_get_a_suggestion() {
        let rules = [RuleInfo { id: "forward-loop".into(), group: "coredns".into(), ..RuleInfo::default() }];
        let said = unknown_selector("foward-loop", &rules).unwrap();
        assert_eq!(said, "unknown rule or group `foward-loop` (did you mean `forward-loop`?)");
        assert_eq!(unknown_selector("coredns", &rules), None);
        assert!(unknown_rule("coredns", &rules).is_some());
    }
}
