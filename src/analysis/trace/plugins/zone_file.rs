//! `file`: what a zone answers (`plugin/file`).

use super::{Verdict, from_records};
use crate::analysis::coredns::zone_file::Record;
use crate::analysis::trace::names::Answer;

/// Aliases in one zone that CoreDNS follows.
const MAX_ALIASES: usize = 8;

/// What the zone gives for a name in it (`Zone.Lookup`): a delegation, the name itself, a wildcard, or nothing.
///
/// Names that have no records of their own but others below them are answered as empty, and yet fall through; the top
/// of the zone is one of them where it has nothing but SOA and NS.
#[must_use]
pub fn answer(records: &[Record], name: &str, zone: &str, types: &[&str], through: bool) -> Verdict {
    let of = |owner: &str| -> Vec<(String, String)> {
        let own = records.iter().filter(|r| r.owner == owner);
        own.map(|r| (r.kind.clone(), r.data.clone())).collect()
    };
    let what = format!("zone file of {zone}");
    let absent = "the zone has the name without such records";
    let above = ancestors(name, zone).into_iter().rev().chain((name != zone).then(|| name.to_owned()));
    if let Some(cut) = above.into_iter().find(|cut| of(cut).iter().any(|(kind, _)| kind == "NS")) {
        return Verdict::Ends(Answer::Nodata { reason: format!("the zone delegates {cut} to other servers") });
    }
    let own = of(name);
    let bare = name == zone && !own.iter().any(|(kind, _)| types.contains(&kind.as_str()) || !is_of_top(kind));
    if !own.is_empty() && !bare {
        return Verdict::Ends(inside(records, from_records(own, types, &what, absent), types, &what));
    }
    if records.iter().any(|r| is_below(&r.owner, name)) {
        let reason = "the zone has only names below it".to_owned();
        return if through { Verdict::FallsThrough(reason) } else { Verdict::Ends(Answer::Nodata { reason }) };
    }
    // the wildcard beside the closest name that exists
    for parent in ancestors(name, zone).into_iter().chain((name != zone).then(|| zone.to_owned())) {
        let wild = of(&format!("*.{parent}"));
        if !wild.is_empty() {
            return Verdict::Ends(inside(records, from_records(wild, types, &what, absent), types, &what));
        }
        if records.iter().any(|r| r.owner == parent || is_below(&r.owner, &parent)) {
            break;
        }
    }
    let reason = format!("the zone file of {zone} has no such name");
    if through { Verdict::FallsThrough(reason) } else { Verdict::Ends(Answer::no(reason)) }
}

/// An alias to a name that the zone has is followed in the zone, past the other plugins (`externalLookup`).
fn inside(records: &[Record], mut answer: Answer, types: &[&str], what: &str) -> Answer {
    for _ in 0..MAX_ALIASES {
        let Answer::Alias { target, .. } = &answer else { break };
        let own = records.iter().filter(|r| r.owner == *target);
        let own: Vec<(String, String)> = own.map(|r| (r.kind.clone(), r.data.clone())).collect();
        if own.is_empty() {
            break;
        }
        answer = from_records(own, types, what, "the name that the alias leads to has no such records");
    }
    answer
}

/// Types that are kept apart from the other records at the top of a zone.
fn is_of_top(kind: &str) -> bool {
    matches!(kind, "SOA" | "NS")
}

fn is_below(name: &str, parent: &str) -> bool {
    name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.'))
}

/// The names above `name` and below `zone`, the nearest first.
fn ancestors(name: &str, zone: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.') {
        if parent.is_empty() || parent == zone || !parent.ends_with(zone) {
            break;
        }
        found.push(parent.to_owned());
        rest = parent;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::coredns::zone_file::read;

    const ZONE: &str = "$ORIGIN example.org.\n$TTL 60\n@ IN SOA ns h (\n 1 ; serial\n 60 60 60 60 )\n@ NS ns\nns A 10.0.0.1\n\
        a 60 IN A 10.0.0.2\n  AAAA fd00::2\nc CNAME a\nd CNAME h.org.\n*.w A 10.0.0.3\nsub NS ns.sub\nx.ent TXT \"a;b\" ; note\n";

    fn look(name: &str, types: &[&str]) -> Verdict {
        let records = read(ZONE, "example.org.").unwrap();
        answer(&records, name, "example.org.", types, false)
    }

    #[test]
    fn names_of_a_zone() {
        let records = |list: &[&str]| {
            Verdict::Ends(Answer::Records {
                records: list.iter().map(|r| (*r).to_owned()).collect(),
                what: "zone file of example.org.".to_owned(),
            })
        };
        assert_eq!(look("a.example.org.", &["A", "AAAA"]), records(&["10.0.0.2", "fd00::2"]));
        assert_eq!(look("q.w.example.org.", &["A"]), records(&["10.0.0.3"]));
        assert_eq!(look("x.ent.example.org.", &["TXT"]), records(&["\"a;b\""]));
        assert_eq!(look("c.example.org.", &["A"]), records(&["10.0.0.2"]));
        assert!(
            matches!(look("d.example.org.", &["A"]), Verdict::Ends(Answer::Alias { target, .. }) if target == "h.org.")
        );
        for name in ["a.example.org.", "ent.example.org.", "h.sub.example.org."] {
            assert!(matches!(look(name, &["SRV"]), Verdict::Ends(Answer::Nodata { .. })), "{name}");
        }
        for name in ["b.example.org.", "b.a.example.org."] {
            assert!(matches!(look(name, &["A"]), Verdict::Ends(Answer::Nxdomain { .. })), "{name}");
        }
    }
}
