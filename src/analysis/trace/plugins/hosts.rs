//! `hosts`: entries of the block and of a file (`plugin/hosts`).

use super::Verdict;
use crate::analysis::servers::read::falls_through;
use crate::analysis::trace::names::{Answer, reverse_address};
use crate::syntax::corefile::Directive;
use std::net::IpAddr;

/// The entries that a query may meet: address and names, in order.
pub type Entries<'e> = Vec<(IpAddr, Vec<&'e str>)>;

/// The entries of the directive's own block.
#[must_use]
pub fn inline(directive: &Directive) -> Entries<'_> {
    directive.properties.iter().filter_map(|p| Some((p.name.parse().ok()?, p.arg_texts().collect()))).collect()
}

/// The entries of a file.
#[must_use]
pub fn of_file(text: &str) -> Entries<'_> {
    let entry = |line: &'_ str| -> Option<(IpAddr, usize)> {
        let word = line.split_whitespace().next()?;
        Some((word.parse().ok()?, word.len()))
    };
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or(line);
        if let Some((ip, _)) = entry(line) {
            found.push((ip, line.split_whitespace().skip(1).collect()));
        }
    }
    found
}

/// What the entries give; `complete` says that the snapshot has the file.
///
/// A PTR without entry always goes on. A name without entry is `SERVFAIL`, since the plugin has no SOA for an `NXDOMAIN`,
/// unless it falls through; one with entries of the other family only has no records.
#[must_use]
pub fn answer(
    directive: &Directive,
    entries: &[(IpAddr, Vec<&str>)],
    complete: bool,
    name: &str,
    in_zones: bool,
    types: &[&str],
) -> Verdict {
    let bare = name.trim_end_matches('.');
    if types.contains(&"PTR") {
        let ip = reverse_address(name).filter(|_| directive.property("no_reverse").is_none());
        let hosts = entries.iter().filter(|(own, _)| Some(*own) == ip).flat_map(|(_, names)| names);
        let records: Vec<String> = hosts.map(|host| format!("{}.", host.trim_end_matches('.'))).collect();
        return if records.is_empty() { Verdict::Pass } else { Verdict::Ends(found(records)) };
    }
    if !in_zones {
        return Verdict::Pass;
    }
    let own =
        entries.iter().filter(|(_, names)| names.iter().any(|n| n.trim_end_matches('.').eq_ignore_ascii_case(bare)));
    let all: Vec<IpAddr> = own.map(|(ip, _)| *ip).collect();
    let asked = |ip: &&IpAddr| types.contains(&if ip.is_ipv4() { "A" } else { "AAAA" });
    let records: Vec<String> = all.iter().filter(asked).map(ToString::to_string).collect();
    if !records.is_empty() {
        return Verdict::Ends(found(records));
    }
    if !all.is_empty() {
        return Verdict::Ends(Answer::Nodata { reason: "`hosts` has the name with other types only".to_owned() });
    }
    let reason = if complete { "`hosts` has no such entry" } else { "the snapshot does not have the file of `hosts`" };
    if falls_through(directive, name) {
        return Verdict::FallsThrough(reason.to_owned());
    }
    if !complete {
        return Verdict::Ends(Answer::Unknown { reason: format!("{reason}, which has no fallthrough") });
    }
    let reason = format!("{reason} and no fallthrough");
    Verdict::Ends(Answer::Error { code: "SERVFAIL".to_owned(), reason })
}

fn found(records: Vec<String>) -> Answer {
    Answer::Records { records, what: "entries of hosts".to_owned() }
}
