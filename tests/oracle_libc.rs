//! glibc and musl judge how dnslint reads `resolv.conf`, and the names that it says they ask for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test fails loudly and lays out its own files"
)]

mod common;

use common::oracle::{Known, Seed, judge};
use dnslint::analysis::trace::candidates::{Candidate, Candidates, Failure, Library, candidates};
use dnslint::syntax::resolv_conf::glibc::Glibc;
use dnslint::syntax::resolv_conf::musl::Musl;
use dnslint::syntax::resolv_conf::resolver::{Nameserver, Scope, SearchOrigin};
use dnslint::syntax::resolv_conf::{Environment, ResolvConf, Resolver, glibc, musl};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;

/// The releases that Debian 12 has; the recorded answers are theirs.
const GLIBC: Glibc = Glibc::new(2, 36);
const MUSL: Musl = Musl::new(1, 2, 3);
/// How dnslint names musl 1.2.3 where names are concerned.
const MUSL_NAMES: Library = Library::MuslBefore124;

fn read(library: Library, case: &Value) -> Resolver {
    let conf = ResolvConf::parse(case["conf"].as_str().unwrap());
    let interfaces = BTreeMap::from([("lo".to_owned(), 1)]);
    let env = Environment {
        host_name: Some(case["host"].as_str().unwrap_or("testhost")),
        localdomain: case["env"]["LOCALDOMAIN"].as_str(),
        res_options: case["env"]["RES_OPTIONS"].as_str(),
        interfaces: Some(&interfaces),
    };
    match library {
        Library::Glibc => glibc::read(&conf, GLIBC, &env),
        _ => musl::read(&conf, MUSL, &env),
    }
}

// --- files ---------------------------------------------------------------------------------------------------------

const ADDRESSES: &[&str] = &[
    "127.0.0.11",
    "192.0.2.1",
    "10.0.0.2",
    "8.8.8.8",
    "127.1",
    "010.1.1.1",
    "0x7f.1.1.1",
    "1.2.3",
    "167772161",
    "2001:db8::53",
    "::1",
    "fe80::1%lo",
    "fe80::1%1",
    "fe80::1%eth9",
    "fe80::1%",
    "2001:db8::1%lo",
    "::ffff:192.0.2.7",
    "2001:DB8:0::A",
    "1.2.3.4.5",
    "256.1.1.1",
    "1.2.3.4#53",
    "1.1.1.1,2.2.2.2",
    "[::1]",
    "dns.example",
    "192.0.2.1:53",
    "192.0.2.",
    "2001:db8:::1",
    "08.1.1.1",
    "0x",
    "fe80::2%1x",
    "192.0.2.010",
    "64:ff9b::192.0.2.33",
    "1.65536",
    "192.0.2.1/24",
];
/// Addresses from which no answer can come.
const DEAD: &[&str] = &["fe80::1", "fe80::1%0", "ff02::1%lo", "fe80::2%99999999999", "2001:db8::1%1"];
const DOMAINS: &[&str] = &[
    "a.test",
    "b.test",
    "svc.cluster.local",
    "default.svc.cluster.local",
    "cluster.local",
    "corp.example",
    "lan",
    "a.test.",
    ".b.test",
    "UPPER.test",
    "x_y.test",
    "a..b",
    "c.test,d.test",
    "#e.test",
    ";f",
    "..",
    "xn--bcher-kva.de",
];
const OPTIONS: &[&str] = &[
    "ndots:0",
    "ndots:1",
    "ndots:2",
    "ndots:5",
    "ndots:15",
    "ndots:16",
    "ndots:99999999999",
    "ndots:-1",
    "ndots:",
    "ndots:x",
    "ndots:3x",
    "ndots=5",
    "xndots:7",
    "#ndots:4",
    "ndots:3,timeout:1",
    "timeout:1",
    "timeout:0",
    "timeout:31",
    "timeout:61",
    "timeout:-2",
    "timeout:x",
    "attempts:1",
    "attempts:4",
    "attempts:6",
    "attempts:11",
    "attempts:y",
    "rotate",
    "rotateX",
    "Rotate",
    "edns0",
    "edns0-foo",
    "single-request",
    "single-request-reopen",
    "single-request-reopening",
    "use-vc",
    "trust-ad",
    "no-reload",
    "no-tld-query",
    "no_tld_query",
    "inet6",
    "no-aaaa",
    "-rotate",
    "strict-error",
    "debug",
    "ip6-bytestring",
    "no-check-names",
    "foo",
    "ndots: 4",
    "ndots:\t4",
    "ndots:+3",
    "timeout:010",
    "attempts:2ndots:6",
];
const LINES: &[&str] = &[
    "",
    "# comment",
    "; comment",
    "#nameserver 192.0.2.9",
    "nameservers 192.0.2.9",
    "NAMESERVER 192.0.2.9",
    "nameserver",
    "nameserver ",
    "search",
    "search ",
    "domain",
    "options",
    "options ",
    "lookup file bind",
    "family inet4",
    "sortlist",
    "sortlist 192.0.2.0/255.255.255.0 10.0.0.0",
    "sortlist 10.0.0.0&255.0.0.0 x 1.2",
    "nameserver192.0.2.9",
    "port 5353",
    "sortlist 10.0.0.0/255.0.0.0;192.0.2.0",
    "nameserver=192.0.2.9",
    "search:a.test",
    "options:ndots:3",
    "\u{feff}search x",
];

fn words(seed: &mut Seed, list: &[&str], most: usize) -> String {
    let mut text = String::new();
    for index in 0..=seed.below(most) {
        if index > 0 {
            text += *seed.pick(&[" ", " ", " ", "\t", "  ", ", "]);
        }
        text += *seed.pick(list);
    }
    text
}

fn line(seed: &mut Seed, addresses: &[&str]) -> String {
    let gap = if seed.chance(90) { " " } else { *seed.pick(&["\t", "  ", " \t ", "\u{b}", "\u{c}", "\r"]) };
    let most = 1 + usize::from(seed.chance(8));
    let mut text = match seed.below(20) {
        0..=6 => format!("nameserver{gap}{}", words(seed, addresses, most)),
        7..=9 => format!("search{gap}{}", words(seed, DOMAINS, 7)),
        10 => format!("domain{gap}{}", words(seed, DOMAINS, 2)),
        11..=16 => format!("options{gap}{}", words(seed, OPTIONS, 4)),
        17 => format!(
            "search {}.test",
            "x".repeat(*seed.pick(&[
                63, 64, 100, 150, 200, 220, 230, 240, 243, 244, 249, 243, 244, 249, 63, 64, 100, 30, 40, 50, 300, 33,
                44, 55, 66, 77, 88, 99, 111, 122, 133
            ]))
        ),
        _ => (*seed.pick(LINES)).to_owned(),
    };
    match seed.below(60) {
        0 => text.insert(0, ' '),
        1 => text.insert(0, '\t'),
        2 => text.push_str(" # comment"),
        3 => text.push(' '),
        4 => text.push_str(" ; x"),
        5 if text.is_ascii() => text.insert(seed.below(text.len() + 1), '\u{0}'),
        _ => {}
    }
    text
}

fn file(seed: &mut Seed, addresses: &[&str]) -> String {
    let end = if seed.chance(6) { "\r\n" } else { "\n" };
    let mut text: String = (0..=seed.below(7)).map(|_| line(seed, addresses) + end).collect();
    if end == "\r\n" {
        // the parser of glibc never ends at a carriage return behind `sortlist`
        text = text.replace("sortlist", "# sortlist");
    }
    if seed.chance(12) {
        text.truncate(text.len() - end.len());
    }
    text
}

/// The shared vectors of the files, as questions.
fn parse_vectors() -> Vec<Value> {
    vectors("vectors-resolvers-parse.yaml")
        .iter()
        .map(|v| {
            let mut case = json!({"conf": v["file"]});
            if let Some(host) = v.get("hostname") {
                case["host"] = host.clone();
            }
            case
        })
        .collect()
}

fn vectors(name: &str) -> Vec<Value> {
    let path = common::root().join("testdata/vectors").join(name);
    serde_saphyr::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

// --- glibc's state -------------------------------------------------------------------------------------------------

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
        is: |_, got, answer| answer == "nothing" && got["search"] == json!([]),
    }];
    judge("glibc-resolv-conf", &cases, glibc_state, &known);
}

// --- queries -------------------------------------------------------------------------------------------------------

/// What the stub saw of one library: the servers by number, and the queries for each name.
#[derive(Default)]
struct Seen {
    servers: Vec<String>,
    asked: Vec<Value>,
}

impl Seen {
    fn number(&mut self, server: &str) -> usize {
        let known = self.servers.iter().position(|s| s == server);
        known.map_or_else(
            || {
                self.servers.push(server.to_owned());
                self.servers.len()
            },
            |index| index + 1,
        )
    }

    fn json(self) -> Value {
        json!({"asked": self.asked, "servers": self.servers})
    }
}

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

fn servers(resolver: &Resolver) -> Vec<String> {
    resolver.used.iter().map(|ns| ns.value.address.to_canonical().to_string()).collect()
}

fn candidates_of(library: Library, name: &str, resolver: &Resolver) -> Candidates {
    let search: Vec<&str> = resolver.search.iter().map(|domain| domain.value.as_str()).collect();
    candidates(library, name, &search, usize::try_from(resolver.ndots.value).unwrap())
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
