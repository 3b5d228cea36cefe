//! `glibc-resolv-conf`: what `res_ninit()` took from a file.

use crate::common::oracle::{Known, Seed, judge};
use crate::oracle_libc::files::{ADDRESSES, DEAD, DOMAINS, OPTIONS, file, parse_vectors, words};
use crate::oracle_libc::read;
use dnslint::analysis::trace::candidates::Library;
use dnslint::syntax::resolv_conf::Resolver;
use dnslint::syntax::resolv_conf::resolver::SearchOrigin;
use serde_json::{Value, json};

/// `struct __res_state` keeps the first six domains that fit into 256 bytes; look-ups use the whole list.
fn visible_search(resolver: &Resolver) -> Vec<&str> {
    let mut room = 256;
    let fits = |domain: &&str| {
        let needed = domain.len() + 1;
        let fits = needed <= room;
        room = room.saturating_sub(needed);
        fits
    };
    resolver.search.iter().take(6).map(|domain| domain.value.as_str()).take_while(fits).collect()
}

fn glibc_state(case: &Value) -> Value {
    let resolver = read(Library::Glibc, case);
    let mut search = visible_search(&resolver);
    // an empty domain, which stands for the plain name; dnslint has no domain there
    let host_ends = case["host"].as_str().is_some_and(|host| host.ends_with('.'));
    let localdomain_is_empty = case["env"]["LOCALDOMAIN"] == "";
    if resolver.search.is_empty() && (host_ends && resolver.search_origin == SearchOrigin::None || localdomain_is_empty)
    {
        search.push("");
    }
    json!({
        "nameservers": resolver.used.iter().map(|ns| ns.value.to_string()).collect::<Vec<_>>(),
        "search": search,
        "flags": sorted(resolver.flags.keys().map(|flag| flag.name())),
        "ndots": resolver.ndots.value,
        "timeout": resolver.timeout.value,
        "attempts": resolver.attempts.value,
        "sortlist": resolver.sortlist.len(),
    })
}

fn sorted<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words
}

#[test]
fn glibc_resolv_conf() {
    let mut seed = Seed::new(1);
    let mut cases = parse_vectors();
    let addresses = [ADDRESSES, DEAD].concat();
    for _ in 0..2400 {
        let mut case = json!({"conf": file(&mut seed, &addresses)});
        if seed.chance(10) {
            case["host"] = json!(seed.pick(&["node1", "node1.corp.example", "node1.", "a..b", ".x"]));
        }
        if seed.chance(10) {
            let name = *seed.pick(&["RES_OPTIONS", "LOCALDOMAIN"]);
            let list = if name == "RES_OPTIONS" { OPTIONS } else { DOMAINS };
            case["env"] = json!({name: if seed.chance(10) { String::new() } else { words(&mut seed, list, 3) }});
        }
        cases.push(case);
    }
    let known = [Known {
        reason: "a first search domain of 256 bytes or more aborts glibc (assertion in resolv/resolv_conf.c, update_from_conf)",
        is: |case, got, answer| {
            let is_long = |text: &str| text.split_whitespace().any(|word| word.len() >= 256);
            let given = [&case["conf"], &case["env"]["LOCALDOMAIN"], &case["host"]];
            answer == "nothing" && got["search"] == json!([]) && given.iter().any(|v| v.as_str().is_some_and(is_long))
        },
    }];
    judge("glibc-resolv-conf", &cases, glibc_state, &known);
}
