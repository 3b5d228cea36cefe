//! `glibc-queries`, `musl-queries`, `musl-resolv-conf`: the names that are asked, in order, and the end.

use crate::common::oracle::{Seed, judge};
use crate::oracle_libc::files::{ADDRESSES, DOMAINS, file, parse_vectors};
use crate::oracle_libc::{MUSL_NAMES, Seen, candidates_of, read, servers, vectors};
use dnslint::analysis::trace::candidates::{Candidate, Failure, Library};
use dnslint::syntax::resolv_conf::Resolver;
use dnslint::syntax::resolv_conf::resolver::{Nameserver, Scope};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// The queries for one name: glibc asks one server for A and AAAA, musl all of them at once, first for A.
fn query(library: Library, seen: &mut Seen, name: &str, servers: &[String], queries: &mut Vec<String>) {
    let mut text = String::new();
    if library == Library::Glibc {
        let number = seen.number(&servers[0]);
        text += &format!(" {number}A {number}AAAA");
    } else {
        for kind in ["A", "AAAA"] {
            for server in servers {
                text += &format!(" {}{kind}", seen.number(server));
            }
        }
    }
    match queries.last_mut().filter(|last| last.split(' ').next() == Some(name)) {
        Some(last) => *last += &text,
        None => queries.push(name.to_owned() + &text),
    }
}

fn as_is_first(name: &str, resolver: &Resolver) -> bool {
    name.matches('.').count() >= usize::try_from(resolver.ndots.value).unwrap()
}

/// The end of a look-up in which every name does not exist, except for those with rules.
fn look_up(library: Library, case: &Value, name: &str, resolver: &Resolver, seen: &mut Seen) -> Value {
    let musl = library != Library::Glibc;
    if musl && resolver.attempts.value == 0 {
        return json!({"queries": [], "end": "signal 8"});
    }
    let none_is_sent = if musl { resolver.timeout.value == 0 } else { resolver.attempts.value <= 0 };
    let all = candidates_of(library, name, resolver);
    if none_is_sent && !all.names.is_empty() {
        return json!({"queries": [], "end": "EAI_AGAIN"});
    }
    let (mut queries, mut nodata, mut plain_is_missing) = (Vec::new(), false, false);
    for candidate in &all.names {
        let Candidate::Name(full) = candidate else {
            let servers = servers(resolver);
            let numbers: Vec<usize> = servers.iter().map(|server| seen.number(server)).collect();
            let packets = (0..4).flat_map(|_| &numbers).map(|number| format!(" {number}other"));
            queries.push("malformed".to_owned() + &packets.collect::<String>());
            continue;
        };
        query(library, seen, full, &servers(resolver), &mut queries);
        let rule = case["rules"]["names"][full.as_str()].as_str();
        // glibc takes no answer for a name that is no host name (`res_hnok()`), and searches no further
        let taken = musl || full.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        match rule {
            Some("ok") if taken => return json!({"queries": queries, "end": "ok"}),
            Some("ok") => return json!({"queries": queries, "end": "EAI_NONAME"}),
            // musl before 1.2.4 has no error of its own for it
            Some("nodata") if musl => return json!({"queries": queries, "end": "EAI_NONAME"}),
            _ => {}
        }
        nodata |= rule.is_some();
        // glibc remembers how the plain name ended if that came first
        if let (true, 1, None) = (as_is_first(name, resolver), queries.len(), rule) {
            plain_is_missing = true;
        }
    }
    let end = match all.failure {
        Failure::Again => "EAI_AGAIN",
        Failure::NoName if nodata && !plain_is_missing => "EAI_NODATA",
        Failure::NoName => "EAI_NONAME",
    };
    json!({"queries": queries, "end": end})
}

fn look_ups(library: Library, case: &Value) -> Value {
    let resolver = read(library, case);
    let mut seen = Seen::default();
    for name in case["names"].as_array().unwrap() {
        let end = look_up(library, case, name.as_str().unwrap(), &resolver, &mut seen);
        seen.asked.push(end);
    }
    seen.json()
}

const LABELS: &[&str] = &[
    "web",
    "api",
    "a",
    "b",
    "kubernetes",
    "default",
    "svc",
    "x_y",
    "_dns",
    "_udp",
    "-lead",
    "trail-",
    "UPPER",
    "0",
    "10",
    "xn--bcher-kva",
    "*",
    "a+b",
    "example",
    "com",
];

fn name(seed: &mut Seed) -> String {
    let mut labels: Vec<String> =
        (0..=*seed.pick(&[0, 0, 0, 1, 1, 2, 3, 4, 5, 7])).map(|_| (*seed.pick(LABELS)).into()).collect();
    // a last label of digits could make the whole an address, which is no look-up
    if labels.last().is_some_and(|last| last.starts_with(|c: char| c.is_ascii_digit())) {
        labels.push("test".into());
    }
    match seed.below(24) {
        0 => labels[0] = "x".repeat(63),
        1 => labels[0] = "x".repeat(64),
        2 => labels.insert(0, String::new()),
        3 => labels.insert(labels.len() / 2 + 1, String::new()),
        4 => labels.extend((0..*seed.pick(&[2, 3])).map(|_| "y".repeat(62))),
        5 => labels.extend((0..3).map(|n| "y".repeat(if n == 0 { 40 + seed.below(24) } else { 63 }))),
        _ => {}
    }
    let dots = *seed.pick(&["", "", "", "", "", "."]);
    let dots = if seed.chance(2) { ".." } else { dots };
    labels.join(".") + dots
}

fn sequence_case(seed: &mut Seed) -> Value {
    let long = "z".repeat(*seed.pick(&[60, 63, 64]));
    let mut search: Vec<String> = (0..seed.below(6)).map(|_| (*seed.pick(DOMAINS)).to_owned()).collect();
    if seed.chance(3) {
        search.insert(seed.below(search.len() + 1), ".".to_owned());
    }
    if seed.chance(8) {
        search.push([long.as_str(); 3].join("."));
    }
    let ndots = *seed.pick(&[0, 1, 1, 2, 3, 5, 5, 5, 15]);
    let mut conf = "nameserver 127.0.0.11\n".to_owned();
    if seed.chance(10) {
        conf += "nameserver 127.0.0.12\n";
    }
    if !search.is_empty() {
        conf += &format!("search {}\n", search.join(" "));
    }
    conf += &format!("options ndots:{ndots} timeout:1\n");
    let name = name(seed);
    let mut case = json!({"conf": conf, "names": [name]});
    if seed.chance(40) {
        let full = |domain: &str| format!("{}.", format!("{name}.{domain}").trim_end_matches('.'));
        let target = if search.is_empty() || seed.chance(25) { full("") } else { full(seed.pick::<String>(&search)) };
        let mut names = Map::new();
        names.insert(target, json!(*seed.pick(&["ok", "ok", "nodata"])));
        case["rules"] = json!({"names": names});
    }
    case
}

/// The shared vectors of sequences, as questions.
fn sequence_vectors() -> Vec<Value> {
    let domains = |v: &Value| {
        v["search"].as_array().unwrap().iter().map(|d| format!(" {}", d.as_str().unwrap())).collect::<String>()
    };
    let conf = |v: &Value| format!("nameserver 127.0.0.11\nsearch{}\noptions ndots:{}\n", domains(v), v["ndots"]);
    vectors("vectors-resolvers-sequence.yaml").iter().map(|v| json!({"conf": conf(v), "names": [v["name"]]})).collect()
}

fn sequence_cases() -> Vec<Value> {
    let mut seed = Seed::new(2);
    let mut cases = sequence_vectors();
    cases.extend((0..2200).map(|_| sequence_case(&mut seed)));
    cases
}

#[test]
fn glibc_queries() {
    judge("glibc-queries", &sequence_cases(), |case| look_ups(Library::Glibc, case), &[]);
}

#[test]
fn musl_queries() {
    judge("musl-queries", &sequence_cases(), |case| look_ups(MUSL_NAMES, case), &[]);
}

/// Whether musl takes the answers of a server: they must come from the very address and zone that it asked. The room of
/// the test has one interface, number 1.
fn can_answer(server: &Nameserver) -> bool {
    let link_local = matches!(server.address, IpAddr::V6(v6) if v6.segments()[0] & 0xffc0 == 0xfe80);
    let zone = if link_local { Some(Scope::Index(1)) } else { None };
    server.scope == zone && !server.address.is_unspecified() && !server.address.is_multicast()
}

/// musl has no structure to look at: what it took from a file shows in what it asks.
#[test]
fn musl_resolv_conf() {
    let mut seed = Seed::new(3);
    let names = |seed: &mut Seed| {
        let dots = seed.below(16);
        json!(["q", vec!["d"; dots + 1].join(".")])
    };
    let mut cases = parse_vectors();
    cases.extend((0..2000).map(|_| json!({"conf": file(&mut seed, ADDRESSES)})));
    cases.retain(|case| read(MUSL_NAMES, case).used.iter().all(|ns| can_answer(&ns.value)));
    for case in &mut cases {
        case["names"] = names(&mut seed);
    }
    judge("musl-resolv-conf", &cases, |case| look_ups(MUSL_NAMES, case), &[]);
}
