//! dnsmasq judges which configurations dnslint takes, and the line that it refuses.

mod upstreams;

use crate::common::oracle::{Seed, judge};
use dnslint::syntax::dnsmasq::{DnsmasqConf, Problem, ProblemKind};
use serde_json::{Value, json};

const ADDRESSES: &[&str] = &[
    "1.1.1.1",
    "192.0.2.1",
    "::1",
    "2001:db8::53",
    "fe80::1%lo",
    "127.0.0.1",
    "10.43.0.10",
    "1.1.1.1#53",
    "::1#5353",
    "1.1.1.1#0",
    "1.1.1.1#65535",
    "1.1.1.1#65536",
    "1.1.1.1#x",
    "1.1.1.1#",
    "1.1.1.1:53",
    "[::1]",
    "[::1]:53",
    "1.1.1",
    "1.1.1.1@lo",
    "1.1.1.1@192.0.2.9",
    "1.1.1.1@192.0.2.9#70",
    "1.1.1.1#53@lo",
    "1.1.1.1,8.8.8.8",
    "256.1.1.1",
    "#",
    "",
    "1.1.1.1.1",
    "1.1.1.1 ",
    "127.1",
    "0x7f.1",
    "::1@1.1.1.1",
    "1.1.1.1@::1",
    "2001:db8:::1",
    "1.1.1.1#53#54",
    "@lo",
    "1.1.1.1@",
    "fe80::1%",
    "fe80::1%a-name-of-17-byte",
    "fe80::1%l/o",
    "fe80::1%lo#x",
    "1.1.1.1%nope",
    "::1%lo#53",
    "#x",
    "1.1.1.1@lo#x",
    "1.1.1.1@192.0.2.9#x",
];
const ZONES: &[&str] = &[
    "/lan/",
    "/cluster.local/",
    "/a.test/b.test/",
    "//",
    "/#/",
    "/*dom/",
    "/.lan/",
    "/LAN/",
    "/lan./",
    "/a..b/",
    "/lan",
    "/10.in-addr.arpa/",
    "/x_y.test/",
    "/-a/",
    "/a b/",
    "///",
    "/*/",
    "/*.lan/",
    "lan/",
    "/ü.test/",
];
const NETWORKS: &[&str] = &[
    "10.0.0.0/8",
    "10.0.0.0/16",
    "10.0.0.0",
    "192.168.1.0/24",
    "10.0.0.0/33",
    "10.0.0.0/x",
    "2001:db8::/32",
    "x/8",
    "10.0.0.0/0",
    "10.1.2.3/12",
    "2001:db8::/129",
    "10.0.0.0/",
    "2001:db8::/30",
    "10.0.0.0/31",
    "10.0.0.0/1",
    "",
];
const FLAGS: &[&str] = &[
    "no-resolv",
    "no-poll",
    "strict-order",
    "all-servers",
    "bind-interfaces",
    "bind-dynamic",
    "domain-needed",
    "bogus-priv",
    "dns-loop-detect",
    "no-hosts",
    "expand-hosts",
    "no-negcache",
    "localise-queries",
    "filterwin2k",
    "stop-dns-rebind",
    "rebind-localhost-ok",
    "clear-on-reload",
    "proxy-dnssec",
    "log-queries",
    "log-debug",
    "local-service",
    "resolv-file",
    "cache-size",
    "user",
    "domain",
    "server",
    "local",
    "address",
    "rev-server",
    "port",
    "listen-address",
    "interface",
    "except-interface",
    "conf-file",
    "conf-dir",
];
const VALUES: &[&str] = &[
    "port=53",
    "port=5353",
    "port=65536",
    "port=x",
    "port=",
    "port=-1",
    "port= 53",
    "port=5 3",
    "port=053",
    "cache-size=0",
    "cache-size=1000",
    "cache-size=-5",
    "cache-size=x",
    "cache-size=",
    "cache-size=99999999999",
    "interface=eth0",
    "interface=eth*",
    "interface=eth0,eth1",
    "interface=",
    "except-interface=lo",
    "except-interface=",
    "no-dhcp-interface=x",
    "listen-address=127.0.0.1",
    "listen-address=127.0.0.1,::1",
    "listen-address= 127.0.0.1 , ::1",
    "listen-address=x",
    "listen-address=",
    "listen-address=127.0.0.1,",
    "listen-address=127.1",
    "listen-address=fe80::1%lo",
    "listen-address=,127.0.0.1",
    "listen-address=127.0.0.1,,::1",
    "resolv-file=/etc/empty",
    "resolv-file=",
    "resolv-file=/nowhere",
    "conf-file=/etc/empty",
    "conf-dir=/etc/empty.d",
    "conf-dir=/etc/empty.d,*.conf",
    "conf-dir=/etc/empty.d,.bak,~",
    "servers-file=/etc/empty",
    "local-service=net",
    "local-service=host",
    "local-service=all",
    "local-service=",
    "domain=lan",
    "domain=lan,10.0.0.0/24",
    "log-queries=extra",
    "user=nobody",
    "neg-ttl=60",
    "max-cache-ttl=60",
    "dns-forward-max=150",
    "edns-packet-max=1232",
    "query-port=0",
    "min-port=1024",
    "addn-hosts=/etc/empty",
    "host-record=a.lan,10.0.0.1",
    "cname=a.lan,b.lan",
    "txt-record=a.lan,x",
    "bogus-nxdomain=1.1.1.1",
    "rebind-domain-ok=/lan/",
    "local-ttl=5",
    "local-ttl=",
    "max-ttl=x",
    "max-ttl=-1",
    "max-ttl=99999999999",
    "min-cache-ttl=1h",
    "auth-ttl=5 5",
    "max-port=70000",
    "max-port=65535",
    "min-port=x",
    "query-port=65536",
    "query-port=4294967349",
    "port=4294967349",
    "port-limit=0",
    "port-limit=2",
    "max-tcp-connections=0",
    "max-tcp-connections=30",
    "edns-packet-max=",
    "dns-forward-max=x",
    "log-async=x",
    "log-async=",
    "log-async=50",
    "use-stale-cache=3600",
    "use-stale-cache=x",
    "fast-dns-retry=49",
    "fast-dns-retry=50",
    "fast-dns-retry=1000,60000",
    "fast-dns-retry=1000,x",
    "fast-dns-retry=1000 , 5",
    "fast-dns-retry=1000,",
    "bogus-nxdomain=x",
    "bogus-nxdomain=1.1.1.1/24",
    "bogus-nxdomain=1.1.1.1/33",
    "bogus-nxdomain=1.1.1.1/",
    "bogus-nxdomain=2001:db8::/32",
    "bogus-nxdomain=2001:db8::/129",
    "bogus-nxdomain=1.1.1.1,2.2.2.2",
    "ignore-address=1.1.1.1#53",
    "ignore-address=",
    "auth-peer=1.1.1.1",
    "auth-peer=a.lan",
    "alias=1.1.1.1",
    "alias=1.1.1.1,2.2.2.2",
    "alias=1.1.1.1,2.2.2.2,255.255.255.0",
    "alias=1.1.1.1-1.1.1.9,2.2.2.0,255.255.255.0",
    "alias=1.1.1.1-1.1.2.9,2.2.2.0,255.255.255.0",
    "alias=1.1.1.9-1.1.1.1,2.2.2.0,255.255.255.0",
    "alias=1.1.1.1,2.2.2.2,",
    "alias=::1,::2",
    "log-facility=daemon",
    "log-facility=LOCAL7",
    "log-facility=/var/log/x",
    "log-facility=-",
    "log-facility=x",
    "log-facility=",
    "dnssec-check-unsigned=no",
    "dnssec-check-unsigned=yes",
    "dnssec-limits=1,2,3",
    "dnssec-limits=1,2,x",
    "dnssec-limits=,",
    "dnssec-limits=1,2,3,4,x",
    "connmark-allowlist-enable=0",
    "connmark-allowlist-enable=5",
    "connmark-allowlist-enable=4294967296",
    "tftp-port-range=1000,2000",
    "dhcp-duid=1,2",
];
const ODD: &[&str] = &[
    "",
    "# comment",
    "   ",
    "#server=1.1.1.1",
    "; comment",
    "servers=1.1.1.1",
    "Server=1.1.1.1",
    "--server=1.1.1.1",
    "-k",
    "server 1.1.1.1",
    "nameserver 1.1.1.1",
    "=",
    "=1.1.1.1",
    "foo",
    "foo=bar",
    "server:1.1.1.1",
    "no resolv",
    "include /x",
    "serv=1.1.1.1",
    "[main]",
    "\"no-resolv\"",
    "\"server\"=1.1.1.1",
    "server=\"1.1.1.1\"",
    "server=\"1.1.1.1",
    "\"",
    "resolv-file=\"/etc/a b\"",
    "resolv-file=\"a\\tb\"",
    "resolv-file=\"\\\"\"",
    "resolv-file=\"a#b\"",
    "server=1.1.1.1#53 # x",
    "server=1.1.1.1 #x",
    "server=1.1.1.1\t# x",
    "no-resolv#x",
    "no-resolv # x",
    "no-resolv=",
    "no-resolv = ",
    "server = 1.1.1.1",
    "server =1.1.1.1",
    "server= 1.1.1.1",
    "server==1.1.1.1",
    "domain=\"lan\"x",
    "do\"main\"=lan",
    "user=\"no\"body",
    "\"\"",
    "server=\"\"",
];

fn option(seed: &mut Seed) -> String {
    match seed.below(24) {
        0..=6 => {
            let name = *seed.pick(&["server", "server", "server", "local"]);
            let zone = if seed.chance(60) { *seed.pick(ZONES) } else { "" };
            format!("{name}={zone}{}", good(seed, ADDRESSES))
        }
        7..=9 => {
            let zone = if seed.chance(90) { *seed.pick(ZONES) } else { "" };
            format!("address={zone}{}", good(seed, ADDRESSES))
        }
        10 => format!("rev-server={},{}", seed.pick(NETWORKS), good(seed, ADDRESSES)),
        11..=13 => (*seed.pick(FLAGS)).to_owned(),
        14 => {
            let value = *seed.pick(&["", "1", "x"]);
            let name = *seed.pick(FLAGS);
            // files and directories that are not there are no mistake of the syntax
            if name.starts_with("conf-") { name.to_owned() } else { format!("{name}={value}") }
        }
        15..=20 => (*seed.pick(VALUES)).to_owned(),
        _ => (*seed.pick(ODD)).to_owned(),
    }
}

/// One of the first of a list, which are fine, more often than the others.
fn good(seed: &mut Seed, list: &'static [&'static str]) -> &'static str {
    if seed.chance(50) { list[seed.below(8)] } else { seed.pick::<&str>(list) }
}

fn file(seed: &mut Seed) -> String {
    let end = if seed.chance(8) { "\r\n" } else { "\n" };
    let mut text = String::new();
    for _ in 0..=seed.below(4) {
        let line = option(seed);
        let indent = if seed.chance(5) { *seed.pick(&[" ", "\t"]) } else { "" };
        let tail = if seed.chance(5) { *seed.pick(&[" ", " # x", "\t#x", "\t # x"]) } else { "" };
        text += &format!("{indent}{line}{tail}{end}");
    }
    if seed.chance(10) {
        text.truncate(text.len() - end.len());
    }
    text
}

/// The words of dnsmasq for a kind of mistake, if they depend on the kind alone.
const fn words(kind: ProblemKind) -> Option<&'static str> {
    Some(match kind {
        ProblemKind::BadOption => "bad option",
        ProblemKind::MissingParameter => "missing parameter",
        ProblemKind::ExtraneousParameter => "extraneous parameter",
        ProblemKind::Repeated => "illegal repeated keyword",
        ProblemKind::MissingQuote => "missing \"",
        ProblemKind::BadPort => "bad port",
        _ => return None,
    })
}

/// The two options together are refused after the files are read, which a test of the syntax does not do.
fn is_seen(problem: &&Problem) -> bool {
    problem.kind != ProblemKind::BindConflict
}

fn verdict(case: &Value) -> Value {
    let conf = DnsmasqConf::parse(case["conf"].as_str().unwrap());
    match conf.problems.iter().find(is_seen) {
        // it dies without a word
        Some(problem) if problem.kind == ProblemKind::FreedTwice => json!({"line": 0, "why": "value"}),
        Some(problem) => json!({"line": problem.line, "why": words(problem.kind).unwrap_or("value")}),
        None => json!("ok"),
    }
}

#[test]
fn dnsmasq_config() {
    let mut seed = Seed::new(4);
    let cases: Vec<Value> = (0..2400).map(|_| json!({"conf": file(&mut seed)})).collect();
    judge("dnsmasq-config", &cases, verdict, &[]);
}
