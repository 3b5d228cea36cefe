//! Corefiles of several blocks, with the queries that are asked of them.

use crate::common::oracle::Seed;
use crate::oracle_coredns::any;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CASES: usize = 600;
const QUERIES: usize = 14;
/// How often a query is asked where upstreams are drawn by lot.
const REPEATS: usize = 48;

const ZONES: [&str; 14] = [
    ".",
    ".",
    ".",
    "example.org",
    "example.org",
    "a.example.org",
    "org",
    "corp.test",
    "corp.test",
    "cluster.local",
    "lan",
    "10.0.0.0/8",
    "0.0.10.in-addr.arpa",
    "example.org corp.test",
];

const BINDS: [&str; 5] = ["127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.2 127.0.0.3", "lo"];

/// Upstreams outside: the first three answer, the others with an error, the last is not there.
const OUTSIDE: [&str; 6] = [
    "198.51.100.1:5399",
    "198.51.100.2:5399",
    "198.51.100.3:5399",
    "198.51.100.4:5399",
    "198.51.100.5:5399",
    "198.51.100.6:5399",
];

const HOSTS: [&str; 9] = [
    "hosts {\n10.1.0.1 www.example.org\nfd01::1 www.example.org\n10.1.0.2 host.lan\n}",
    "hosts {\n10.1.0.1 www.example.org db.corp.test\n10.1.0.3 www.example.org\nfallthrough\n}",
    "hosts hosts.txt {\n10.1.0.4 x.a.example.org\nfallthrough\n}",
    "hosts hosts.txt lan {\nfallthrough\n}",
    "hosts hosts.txt example.org",
    "hosts hosts.txt . {\nno_reverse\nfallthrough example.org lan\n}",
    "hosts {\n10.0.0.1 one.lan\n10.1.0.5 *.example.org\nfd01::5 *.lan\nfallthrough\n}",
    "hosts hosts.txt {\nfallthrough\nfallthrough_unsupported\n}",
    "hosts hosts.txt corp.test {\n10.1.0.6 DB.Corp.Test\nttl 5\nfallthrough in-addr.arpa\n}",
];

const TEMPLATES: [&str; 15] = [
    "template IN A {\nanswer \"{{ .Name }} 60 IN A 10.2.0.1\"\n}",
    "template IN A corp.test {\nanswer \"{{ .Name }} 60 IN A 10.2.0.2\"\n}",
    "template ANY ANY corp.test {\nrcode NXDOMAIN\n}",
    "template IN AAAA {\nrcode NOERROR\n}",
    "template IN AAAA example.org {\nrcode NXDOMAIN\n}",
    "template IN ANY cluster.local {\nmatch ^(.*)\\.svc\\.cluster\\.local\\.$\nanswer \"{{ .Name }} 60 IN A 10.2.0.3\"\n}",
    "template IN A cluster.local {\nmatch ^web\\. ^db\\.\nanswer \"{{ .Name }} 60 IN A 10.2.0.4\"\nfallthrough\n}",
    "template IN A example.org {\nmatch ^www\\.\nanswer \"{{ .Name }} 60 IN CNAME t.end.test.\"\nfallthrough\n}",
    "template IN ANY lan {\nanswer \"{{ .Name }} 60 IN CNAME t.end.test.\"\n}",
    "template IN A . {\nmatch ^(?P<n>[a-z]+)\\.example\\.org\\.$\nanswer \"{{ .Group.n }}.x 60 IN A 10.2.0.5\"\nfallthrough org\n}",
    "template IN TXT {\nanswer \"{{ .Name }} 60 IN TXT t1\"\n}",
    "template ANY TXT corp.test lan {\nrcode REFUSED\n}",
    "template IN PTR 10.in-addr.arpa {\nanswer \"{{ .Name }} 60 IN PTR ptr.lan.\"\n}",
    "template IN A {\nmatch nothing\nfallthrough example.org\n}",
    "template CH ANY {\nrcode REFUSED\n}",
];

const REWRITES: [&str; 36] = [
    "rewrite name suffix .example.org .corp.test answer auto",
    "rewrite name suffix .corp.test .example.org",
    "rewrite name suffix example.org lan",
    "rewrite stop name suffix .lan .corp.test",
    "rewrite continue name suffix .lan .corp.test",
    "rewrite continue name suffix .corp.test .cluster.local",
    "rewrite name exact www.example.org db.corp.test",
    "rewrite name www.example.org x.a.example.org",
    "rewrite continue name exact host.lan www.example.org",
    "rewrite name prefix www db",
    "rewrite name prefix www. db.",
    "rewrite name prefix ww db",
    "rewrite name substring example corp",
    "rewrite name substring .a. .",
    "rewrite name substring exam corp",
    "rewrite name regex (.*)\\.example\\.org {1}.corp.test",
    "rewrite name regex ^(.+)\\.example\\.org\\.$ {1}.lan",
    "rewrite name regex (.*) {1}",
    "rewrite continue name regex ^(www|db)\\.(.*)$ {2}",
    "rewrite name regex ^nothing\\.$ a.b",
    "rewrite {\nname suffix .lan .example.org\n}",
    "rewrite stop {\nname suffix .example.org .lan\nanswer name (.*)\\.lan {1}.example.org\n}",
    "rewrite continue {\nname regex ^(.*)\\.corp\\.test\\.$ {1}.lan\n}",
    "rewrite stop {\nname exact db.corp.test www.example.org\n}",
    "rewrite stop {\nname prefix x www\n}",
    "rewrite name {\nsuffix .org .test\n}",
    "rewrite ttl suffix .org 30",
    "rewrite continue ttl suffix .org 30",
    "rewrite ttl example.org 30",
    "rewrite rcode suffix .lan NOTAUTH NOERROR",
    "rewrite rcode db.corp.test NOTAUTH NOERROR",
    "rewrite ttl regex ^www\\. 30-60",
    "rewrite edns0 local set 0xffee abc",
    "rewrite edns0 nsid replace",
    "rewrite type AAAA A",
    "rewrite stop type TXT A",
];

const ACLS: [&str; 13] = [
    "acl {\nallow net 127.0.0.0/8\n}",
    "acl {\nblock net 127.0.0.1\n}",
    "acl {\nallow net 10.0.0.0/8\nblock\n}",
    "acl {\nblock net 10.0.0.0/8\n}",
    "acl {\nfilter type AAAA\n}",
    "acl {\nblock type TXT PTR net 127.0.0.0/8\n}",
    "acl example.org {\nblock\n}",
    "acl corp.test lan {\nfilter net 0.0.0.0/0\n}",
    "acl example.org {\nallow type A\n}\nacl {\nfilter type A\nblock net *\n}",
    "acl {\nallow type A net *\nblock type *\n}",
    "acl org {\nblock net ::/0\nfilter net 127.0.0.1/32 ::/0\n}",
    "acl a.example.org {\nallow net 127.0.0.0/8\n}\nacl org {\nblock\n}",
    "acl {\nDROP type TXT\n}",
];

const ZONE_FILES: [&str; 8] = [
    "file db.example example.org",
    "file db.example example.org {\nfallthrough\n}",
    "file db.a a.example.org",
    "file db.example example.org\nfile db.a a.example.org",
    "file db.a a.example.org {\nfallthrough a.example.org\n}\nfile db.example example.org",
    "file db.lan lan",
    "file db.lan lan corp.test",
    "file db.rev 10.in-addr.arpa",
];

const OTHERS: [&str; 8] =
    ["errors", "log", "whoami", "local", "loadbalance", "any", "minimal", "local {\nlocalhost_prefix off\n}"];

const POLICIES: [&str; 5] = ["", "", "policy sequential", "policy sequential", "policy random"];

const PROPERTIES: [&str; 10] = [
    "",
    "",
    "force_tcp",
    "prefer_udp",
    "except example.org",
    "except a.example.org lan",
    "except .",
    "next NXDOMAIN",
    "next SERVFAIL NXDOMAIN",
    "next_on_nodata",
];

const NAMES: [&str; 22] = [
    "www.example.org.",
    "www.example.org.",
    "x.a.example.org.",
    "a.example.org.",
    "example.org.",
    "sub.example.org.",
    "h.sub.example.org.",
    "q.w.example.org.",
    "alias.example.org.",
    "out.example.org.",
    "gone.example.org.",
    "ent.example.org.",
    "db.corp.test.",
    "www.corp.test.",
    "corp.test.",
    "web.default.svc.cluster.local.",
    "web.cluster.local.",
    "host.lan.",
    "www.host.lan.",
    "com.",
    "localhost.",
    "localhost.lan.",
];

const REVERSE: [&str; 4] =
    ["1.0.0.10.in-addr.arpa.", "2.0.1.10.in-addr.arpa.", "1.0.0.127.in-addr.arpa.", "9.9.0.192.in-addr.arpa."];

const LISTENERS: [&str; 7] = [
    "127.0.0.1:5300",
    "127.0.0.1:5300",
    "127.0.0.1:5300",
    "127.0.0.2:5300",
    "127.0.0.3:5300",
    "127.0.0.1:5301",
    "127.0.0.2:5302",
];

fn forward(seed: &mut Seed, port: usize) -> String {
    let from =
        if seed.chance(65) { "." } else { any(seed, &["example.org", "corp.test", "org", "lan", "A.Example.org"]) };
    let count = 1 + seed.below(3);
    let mut targets: Vec<&str> = Vec::new();
    while targets.len() < count {
        let inside = port < 5302 && seed.chance(12);
        let next = if port == 5300 { "127.0.0.1:5301" } else { "127.0.0.2:5302" };
        let target = if inside { next } else { any(seed, &OUTSIDE) };
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    let policy = if count == 2 && seed.chance(15) { "policy round_robin" } else { any(seed, &POLICIES) };
    let failover = if seed.chance(15) { any(seed, &["failover SERVFAIL", "failover NXDOMAIN SERVFAIL"]) } else { "" };
    format!("forward {from} {} {{\n{policy}\n{}\n{failover}\n}}\n", targets.join(" "), any(seed, &PROPERTIES))
}

/// Keys that no block before has.
fn keys(seed: &mut Seed, port: usize, taken: &mut BTreeSet<String>) -> String {
    loop {
        let keys: Vec<String> = any(seed, &ZONES).split(' ').map(|zone| format!("{zone}:{port}")).collect();
        if keys.iter().all(|key| !taken.contains(key)) {
            taken.extend(keys.iter().cloned());
            return keys.join(" ");
        }
    }
}

fn block(seed: &mut Seed, taken: &mut BTreeSet<String>) -> String {
    let port = 5300 + seed.below(5).saturating_sub(2);
    let mut text = format!("{} {{\n", keys(seed, port, taken));
    if seed.chance(20) {
        text.push_str(&format!("bind {}\n", any(seed, &BINDS)));
    }
    let mut plugins: Vec<&str> = Vec::new();
    for (list, percent, most) in [
        (REWRITES.as_slice(), 45, 3),
        (TEMPLATES.as_slice(), 30, 2),
        (HOSTS.as_slice(), 25, 1),
        (ACLS.as_slice(), 15, 1),
        (ZONE_FILES.as_slice(), 15, 1),
        (OTHERS.as_slice(), 35, 1),
    ] {
        for _ in 0..if seed.chance(percent) { 1 + seed.below(most) } else { 0 } {
            let plugin = any(seed, list);
            // a server that stays silent makes the one before it wait
            if port == 5300 || !plugin.contains("DROP") {
                plugins.push(plugin);
            }
        }
    }
    // the order of different plugins in the file means nothing
    let shift = seed.below(plugins.len() + 1);
    plugins.rotate_left(shift);
    plugins.iter().for_each(|plugin| text.push_str(&format!("{plugin}\n")));
    for _ in 0..[1, 1, 1, 1, 2, 2, 3, 0][seed.below(8)] {
        text.push_str(&forward(seed, port));
    }
    text + "}\n"
}

/// Whether a block on the port has a zone that holds the name.
fn has_zone(keys: &BTreeSet<String>, name: &str, port: &str) -> bool {
    let zones = keys.iter().filter_map(|key| key.strip_suffix(port)?.strip_suffix(':'));
    let reverse = name.ends_with("10.in-addr.arpa.");
    zones
        .into_iter()
        .any(|zone| zone == "." || name.ends_with(&format!("{zone}.")) || (reverse && zone.starts_with("10.")))
}

fn query(seed: &mut Seed, conf: &str, keys: &BTreeSet<String>) -> Value {
    // most go where a server listens and has the zone
    let (name, kind, to) = loop {
        let reverse = seed.chance(12);
        let name = if reverse { any(seed, &REVERSE) } else { any(seed, &NAMES) };
        let kind = if reverse && seed.chance(80) { "PTR" } else { any(seed, &["A", "A", "A", "AAAA", "TXT"]) };
        let to = any(seed, &LISTENERS);
        // /etc/hosts, which a `hosts` without a path reads, has these
        let own = conf.contains("hosts {") && matches!(name, "localhost." | "1.0.0.127.in-addr.arpa.");
        if !own && (has_zone(keys, name, &to[to.len() - 4..]) || seed.chance(5)) {
            break (name, kind, to);
        }
    };
    let net = if seed.chance(15) { "tcp" } else { "udp" };
    json!({"name": name, "type": kind, "net": net, "to": to})
}

fn case(seed: &mut Seed) -> Value {
    let mut taken = BTreeSet::new();
    let conf: String = (0..=seed.below(4)).map(|_| block(seed, &mut taken)).collect();
    let by_lot = conf.split("forward ").skip(1).any(|text| {
        let first = text.lines().next().unwrap_or_default();
        first.split(' ').filter(|word| word.contains(':')).count() > 1
    });
    let ask: Vec<Value> = (0..QUERIES).map(|_| query(seed, &conf, &taken)).collect();
    json!({
        "conf": conf,
        "ask": ask,
        "repeats": if by_lot { REPEATS } else { 1 },
        "stubs": {
            "198.51.100.1:5399": "answer", "198.51.100.2:5399": "answer", "198.51.100.3:5399": "answer",
            "198.51.100.4:5399": "NXDOMAIN", "198.51.100.5:5399": "SERVFAIL",
        },
        "files": {
            "hosts.txt": "10.1.0.7 host.lan # c\nfd01::7 host.lan\n10.0.0.1 one.lan www.example.org\n\n10.1.0.8\tWWW.corp.test.\n10.1.0.9 t.end.test\nx y\n",
            "db.example": "$ORIGIN example.org.\n$TTL 60\n@ SOA ns h 1 60 60 60 60\n@ NS ns\n@ A 10.3.0.1\nns A 10.3.0.2\n\
                www 30 IN A 10.3.0.3\n  AAAA fd03::3\n  TXT \"f1\"\n*.w A 10.3.0.4\nalias CNAME www\nout CNAME host.lan.\n\
                gone CNAME nowhere\nsub NS ns.sub\nns.sub A 10.3.0.5\nx.ent TXT t\n",
            "db.a": "@ 60 SOA ns.a.example.org. h ( 1 60\n 60 60 60 )\n@ 60 NS ns\nx 60 A 10.3.1.1 ; c\n",
            "db.lan": "@ 60 SOA ns h 1 60 60 60 60\n@ 60 NS ns\nhost 60 A 10.3.2.1\n* 60 TXT w\ndb 60 CNAME host\n",
            "db.rev": "@ 60 SOA ns h 1 60 60 60 60\n@ 60 NS ns\n1.0.0 60 PTR rev.lan.\n",
        },
    })
}

/// Servers with what is asked of each.
pub fn cases() -> Vec<Value> {
    let mut seed = Seed::new(53);
    (0..CASES).map(|_| case(&mut seed)).collect()
}
