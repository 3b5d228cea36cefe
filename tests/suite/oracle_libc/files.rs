//! Generated resolver files: what administrators and programs write, and what nobody should.

use crate::common::oracle::Seed;
use crate::oracle_libc::vectors;
use serde_json::{Value, json};

pub const ADDRESSES: &[&str] = &[
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
pub const DEAD: &[&str] = &["fe80::1", "fe80::1%0", "ff02::1%lo", "fe80::2%99999999999", "2001:db8::1%1"];
pub const DOMAINS: &[&str] = &[
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
pub const OPTIONS: &[&str] = &[
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

pub fn words(seed: &mut Seed, list: &[&str], most: usize) -> String {
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

pub fn file(seed: &mut Seed, addresses: &[&str]) -> String {
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
pub fn parse_vectors() -> Vec<Value> {
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
