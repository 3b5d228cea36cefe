//! `glibc-wait`, `musl-wait`: servers that fail or keep silent.

use crate::common::oracle::{Seed, judge};
use crate::oracle_libc::{MUSL_NAMES, Seen, candidates_of, read, servers, vectors};
use dnslint::analysis::trace::candidates::Library;
use dnslint::analysis::trace::lookup::{Ending, Question, Reply, play};
use dnslint::analysis::trace::wait::Timing;
use serde_json::{Map, Value, json};
use std::cell::RefCell;

const REPLIES: [(&str, Reply); 9] = [
    ("answer", Reply::Answer),
    ("nodata", Reply::Nodata),
    ("nxdomain", Reply::Nxdomain),
    ("servfail", Reply::Servfail),
    ("refused", Reply::Refused),
    ("notimp", Reply::Notimp),
    ("formerr", Reply::Formerr),
    ("lame", Reply::Lame),
    ("silent", Reply::Silent),
];

/// The rule of the stub for a query: for its server, else its type, else its name, else all.
fn rule(rules: &Value, server: &str, name: &str, kind: &str) -> Reply {
    let word = [("servers", server), ("types", kind), ("names", name)]
        .iter()
        .find_map(|(by, key)| rules[by][key].as_str())
        .or(rules["otherwise"].as_str())
        .unwrap_or("nxdomain");
    REPLIES.iter().find(|(known, _)| *known == word).unwrap().1
}

/// The look-up as it is played, question by question.
fn course(library: Library, case: &Value) -> Value {
    let resolver = read(library, case);
    let name = case["names"][0].as_str().unwrap();
    let (servers, all) = (servers(&resolver), candidates_of(library, name, &resolver));
    let seen = RefCell::new((Seen::default(), Vec::<String>::new()));
    let reply = |question: Question| {
        let (server, full) = (&servers[question.server], all.names[question.candidate].name().unwrap());
        let kind = if question.second { "AAAA" } else { "A" };
        let (seen, queries) = &mut *seen.borrow_mut();
        let text = format!(" {}{kind}", seen.number(server));
        match queries.last_mut().filter(|last| last.split(' ').next() == Some(full)) {
            Some(last) => *last += &text,
            None => queries.push(full.to_owned() + &text),
        }
        rule(&case["rules"], server, full, kind)
    };
    let course = play(library, name, &Timing::of(&resolver), 2, &reply);
    let end = match course.ending {
        Ending::Found | Ending::FirstOnly | Ending::SecondOnly => "ok",
        Ending::NoName => "EAI_NONAME",
        Ending::Nodata => "EAI_NODATA",
        Ending::Again => "EAI_AGAIN",
        Ending::Crash => "signal 8",
    };
    let (mut seen, queries) = seen.into_inner();
    let seconds = course.milliseconds.map(|ms| (ms + 300) / 1000);
    seen.asked.push(json!({"queries": queries, "end": end, "seconds": seconds}));
    seen.json()
}

fn failing_case(seed: &mut Seed) -> Value {
    let servers = 1 + seed.below(3);
    let mut conf: String = (1..=servers).map(|n| format!("nameserver 127.0.0.1{n}\n")).collect();
    conf += seed.pick::<&str>(&["", "", "search a.test b.test\n", "search a.test\n"]);
    conf += &format!("options timeout:{} attempts:{}\n", seed.pick(&[1, 1, 1, 2]), seed.pick(&[1, 2]));
    let word = |seed: &mut Seed| json!(seed.pick(&REPLIES).0);
    let mut rules = json!({"otherwise": word(seed)});
    if seed.chance(50) {
        let per_server = (1..=servers).map(|n| (format!("127.0.0.1{n}"), word(seed)));
        rules["servers"] = Value::Object(per_server.collect());
    } else if seed.chance(40) {
        rules["types"] = json!({*seed.pick(&["A", "AAAA"]): word(seed)});
    } else if seed.chance(70) {
        rules["names"] = json!({*seed.pick(&["x.", "x.a.test.", "x.y.", "x.y.a.test."]): word(seed)});
    }
    json!({"conf": conf, "names": [seed.pick(&["x", "x.y"])], "rules": rules})
}

/// Silent servers in every small number, with and without a search list.
fn silent_cases() -> Vec<Value> {
    let mut cases = Vec::new();
    for (servers, (timeout, attempts)) in (1..=3).flat_map(|n| [(1, 1), (1, 2), (2, 1)].map(|times| (n, times))) {
        for (search, name) in [("", "x.y"), ("search a.test b.test\n", "x"), ("search a.test\n", "x.y")] {
            let lines: String = (1..=servers).map(|n| format!("nameserver 127.0.0.1{n}\n")).collect();
            let conf = format!("{lines}{search}options timeout:{timeout} attempts:{attempts}\n");
            cases.push(json!({"conf": conf, "names": [name], "rules": {"otherwise": "silent"}}));
        }
    }
    cases
}

/// The shared vectors of timing whose servers the stub can be.
fn timing_vectors() -> Vec<Value> {
    let case = |v: &Value| {
        let servers: Vec<&str> = v.get("servers")?.as_array()?.iter().filter_map(Value::as_str).collect();
        let possible = |s: &&str| REPLIES.iter().any(|(known, _)| known == s);
        let options = v["options"].as_str().filter(|o| !o.contains("use-vc"))?;
        if !servers.iter().all(possible) {
            return None;
        }
        let mut conf: String = (1..=servers.len()).map(|n| format!("nameserver 127.0.0.1{n}\n")).collect();
        let domains: String = (1..=v["search"].as_u64()?).map(|n| format!(" d{n}.test")).collect();
        if !domains.is_empty() {
            conf += &format!("search{domains}\n");
        }
        conf += &format!("options {options}\n");
        let rules: Map<String, Value> = (1..).zip(&servers).map(|(n, s)| (format!("127.0.0.1{n}"), json!(s))).collect();
        Some(json!({"conf": conf, "names": [v["name"]], "rules": {"servers": rules}}))
    };
    vectors("vectors-resolvers-timing.yaml").iter().filter_map(case).collect()
}

fn waiting_cases() -> Vec<Value> {
    let mut seed = Seed::new(6);
    let mut cases = [timing_vectors(), silent_cases()].concat();
    cases.extend((0..500).map(|_| failing_case(&mut seed)));
    cases
}

#[test]
fn glibc_wait() {
    judge("glibc-wait", &waiting_cases(), |case| course(Library::Glibc, case), &[]);
}

#[test]
fn musl_wait() {
    judge("musl-wait", &waiting_cases(), |case| course(MUSL_NAMES, case), &[]);
}
