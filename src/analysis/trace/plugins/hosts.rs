//! `hosts`: entries of the block and of a file (`plugin/hosts`).

use super::Verdict;
use crate::analysis::servers::read::{falls_through, in_zone};
use crate::analysis::trace::names::{Answer, reverse_address};
use crate::syntax::corefile::{Directive, Version};
use std::net::IpAddr;

/// First release in which `*.example.org` stands for the names one label below.
const WILDCARDS: Version = Version::new(1, 14, 5);

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
    let mut found = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or(line).split_whitespace();
        if let Some(ip) = words.next().and_then(|word| word.split('%').next()?.parse().ok()) {
            found.push((ip, words.collect()));
        }
    }
    found
}

/// What the plugin knows and is asked.
#[derive(Clone, Copy, Debug)]
pub struct Known<'k> {
    /// The directive.
    pub directive: &'k Directive,
    /// The entries of its file and those of its block: a name is looked up in each.
    pub sources: &'k [Entries<'k>],
    /// The snapshot has the file.
    pub complete: bool,
    /// Its zones, fully qualified: names outside them are neither read nor answered.
    pub zones: &'k [String],
    /// The server.
    pub version: Version,
}

/// What the entries give.
///
/// A PTR without entry always goes on. A name without entry is `SERVFAIL`, since the plugin has no SOA for an `NXDOMAIN`,
/// unless it falls through; one with entries of the other family only has no records.
#[must_use]
pub fn answer(known: &Known<'_>, name: &str, types: &[&str]) -> Verdict {
    let directive = known.directive;
    if types.contains(&"PTR") {
        let ip = reverse_address(name).filter(|_| directive.property("no_reverse").is_none());
        let of_ip = known.sources.iter().flatten().filter(|(own, _)| Some(*own) == ip).flat_map(|(_, names)| names);
        let records: Vec<String> =
            of_ip.map(|host| qualified(host)).filter(|host| known.has(host) && !host.starts_with("*.")).collect();
        if !records.is_empty() {
            return Verdict::Ends(found(records));
        }
        return Verdict::Pass;
    }
    if !known.has(name) {
        return Verdict::Pass;
    }
    let (v4, v6) = (known.addresses(name, true), known.addresses(name, false));
    let asked = |ip: &&IpAddr| types.contains(&if ip.is_ipv4() { "A" } else { "AAAA" });
    let records: Vec<String> = v4.iter().chain(&v6).filter(asked).map(ToString::to_string).collect();
    if !records.is_empty() {
        return Verdict::Ends(found(records));
    }
    let through = falls_through(directive, name);
    let other_types = !types.iter().any(|kind| matches!(*kind, "A" | "AAAA"));
    if other_types && through && directive.property("fallthrough_unsupported").is_some() {
        return Verdict::FallsThrough("`hosts` has addresses only".to_owned());
    }
    if !v4.is_empty() || !v6.is_empty() {
        return Verdict::Ends(Answer::Nodata { reason: "`hosts` has the name with other types only".to_owned() });
    }
    let reason =
        if known.complete { "`hosts` has no such entry" } else { "the snapshot does not have the file of `hosts`" };
    if through {
        return Verdict::FallsThrough(reason.to_owned());
    }
    if !known.complete {
        return Verdict::Ends(Answer::Unknown { reason: format!("{reason}, which has no fallthrough") });
    }
    let reason = format!("{reason} and no fallthrough");
    Verdict::Ends(Answer::Error { code: "SERVFAIL".to_owned(), reason })
}

impl Known<'_> {
    fn has(&self, name: &str) -> bool {
        self.zones.iter().any(|zone| in_zone(name, zone))
    }

    /// The addresses of one family: those of the name itself, else those of the wildcard beside it.
    fn addresses(&self, name: &str, v4: bool) -> Vec<IpAddr> {
        let mut found = Vec::new();
        let wildcard = name.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let wildcard = wildcard.filter(|_| self.version >= WILDCARDS);
        for entries in self.sources {
            let of = |wanted: &str| -> Vec<IpAddr> {
                let own = entries.iter().filter(|(ip, _)| ip.is_ipv4() == v4);
                // one address for each mention
                own.flat_map(|(ip, names)| names.iter().filter(|n| qualified(n) == wanted).map(|_| *ip)).collect()
            };
            let mut own = of(name);
            if let Some(wildcard) = wildcard.as_ref().filter(|wild| own.is_empty() && self.has(wild)) {
                own = of(wildcard);
            }
            found.extend(own);
        }
        found
    }
}

fn qualified(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.').to_ascii_lowercase())
}

fn found(records: Vec<String>) -> Answer {
    Answer::Records { records, what: "entries of hosts".to_owned() }
}
