//! `local`: names and addresses that never leave a host (`plugin/local`).

use crate::analysis::servers::read::in_zone;
use crate::analysis::trace::names::Answer;
use crate::syntax::corefile::{Directive, Version};

/// First release that answers names below `localhost`, too.
const SUBDOMAINS: Version = Version::new(1, 14, 5);
/// Reverse zones that it answers itself.
const REVERSE: [&str; 3] = ["0.in-addr.arpa.", "127.in-addr.arpa.", "255.in-addr.arpa."];

/// What it answers; `None` for names that it leaves to others.
///
/// `localhost`, names below it and, unless `localhost_prefix off` says otherwise, names that begin with it are the client
/// itself.
#[must_use]
pub fn answer(directive: &Directive, name: &str, types: &[&str], version: Version) -> Option<Answer> {
    let below = name.ends_with(".localhost.");
    let prefix = directive.property("localhost_prefix").and_then(|p| p.arg_texts().next()) != Some("off");
    if name != "localhost." && !below && !(prefix && name.starts_with("localhost.")) {
        return reverse(name, types);
    }
    if below && version < SUBDOMAINS {
        return Some(Answer::no("`local` knows no name below localhost"));
    }
    let families = [("A", "127.0.0.1"), ("AAAA", "::1")];
    let asked = families.iter().filter(|(kind, _)| types.contains(kind));
    let records: Vec<String> = asked.map(|(_, ip)| (*ip).to_owned()).collect();
    Some(if records.is_empty() {
        Answer::Nodata { reason: "localhost has addresses only".to_owned() }
    } else {
        Answer::Records { records, what: "the client itself".to_owned() }
    })
}

fn reverse(name: &str, types: &[&str]) -> Option<Answer> {
    let zone = REVERSE.iter().find(|zone| in_zone(name, zone))?;
    Some(match name {
        "1.0.0.127.in-addr.arpa." if types.contains(&"PTR") => {
            Answer::Records { records: vec!["localhost.".to_owned()], what: "the client itself".to_owned() }
        }
        name if name == *zone || name == "1.0.0.127.in-addr.arpa." => {
            Answer::Nodata { reason: "`local` has no such record".to_owned() }
        }
        _ => Answer::no("`local` has no such name"),
    })
}
