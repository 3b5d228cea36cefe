//! `coredns-setup`: whether a Corefile is refused by keys, plugins or listeners, and with which text.

use crate::common::coredns::{start, vectors};
use crate::common::oracle::{Known, Seed, judge};
use crate::oracle_coredns::any;
use dnslint::analysis::coredns::Binary;
use dnslint::syntax::corefile::Version;
use serde_json::{Value, json};

const CASES: usize = 3_000;

const KEYS: [&str; 30] = [
    ".",
    ".:53",
    "a.org",
    "A.org",
    "a.org:53",
    "a.org.",
    "b.org:5300",
    "dns://.:53",
    "tls://.",
    "tls://a.org:853",
    "grpc://.",
    "https://.",
    "quic://.",
    "https3://.",
    "unix://.",
    "10.0.0.0/8",
    "10.0.0.0/15",
    "10.0.0.1",
    "fd00::/16",
    "::1",
    "a..b",
    "a.org:99999",
    "a.org:0",
    ".:",
    "*.a.org",
    "a_b.org",
    "é.org",
    "http://a.org",
    "10.0.0.0/33",
    "a.org:dns",
];

/// Directives by plugin, each a list of lines; see [`fill`] for the `%` signs.
const DIRECTIVES: [&str; 33] = [
    "forward %F %U|forward %F %U %U|forward %F|forward|forward %F r.conf|forward %F none.conf|forward %F empty.conf|\
     forward %F %U {;except %Z;}|forward %F %U {;except;}|forward %F %U {;max_fails %N;}|forward %F %U {;expire %D;}|\
     forward %F %U {;policy %P;}|forward %F %U {;policy;}|forward %F %U {;force_tcp;prefer_udp;}|forward %F %U {;force_tcp %N;}|\
     forward %F %U {;max_concurrent %N;}|forward %F %U {;health_check %D;}|forward %F %U {;health_check %D no_rec domain %Z;}|\
     forward %F %U {;health_check %D foo;}|forward %F %U {;next %R;}|forward %F %U {;failover %R;}|forward %F %U {;next;}|\
     forward %F %U {;tls_servername %Z;}|forward %F %U {;tls_servername;}|forward %F %U {;tls;}|forward %F %U {;tls a b c d;}|\
     forward %F %U {;max_connect_attempts %N;}|forward %F %U {;max_idle_conns %N;}|forward %F %U {;max_age %D;}|\
     forward %F %U {;max_age 1s;expire 5s;}|forward %F %U {;read_timeout %D;}|forward %F %U {;doh_method %W;}|\
     forward %F %U {;resolver %U;}|forward %F %U {;source_address %U;}|forward %F %U {;next_on_nodata;}|forward %F %U {;%W;}|\
     forward %F %U {;failfast_all_unhealthy_upstreams;}|forward %F tls://%A%%x.org {;tls_servername y.org;}|\
     forward %F %A %A %A %A %A %A %A %A %A %A %A %A %A %A %A %A",
    "cache|cache %N|cache %N %Z|cache %D|cache {;success %N;}|cache {;success %N %N;}|cache {;denial %N %N %N;}|cache {;success;}|\
     cache {;prefetch %N;}|cache {;prefetch %N %D;}|cache {;prefetch %N %D %C;}|cache {;prefetch;}|cache {;serve_stale;}|\
     cache {;serve_stale %D;}|cache {;serve_stale %D %W;}|cache {;serve_stale 1h verify %D;}|cache {;serve_stale 1h immediate 5s;}|\
     cache {;serve_stale;serve_stale_policy prefer_positive;}|cache {;serve_stale_policy prefer_positive;}|cache {;servfail %D;}|\
     cache {;servfail;}|cache {;disable success %Z;}|cache {;disable %W;}|cache {;disable;}|cache {;keepttl;}|cache {;keepttl %N;}|\
     cache {;%W;}|cache %N {;success %N;denial %N;prefetch %N %D 20%%;}",
    "kubernetes %K {;endpoint http://127.0.0.1:9;}|kubernetes %K {;endpoint http://127.0.0.1:9;pods %W;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;ttl %N;}|kubernetes %K {;endpoint http://127.0.0.1:9;namespaces a b;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;labels a=b;}|kubernetes %K {;endpoint http://127.0.0.1:9;labels a in;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;namespace_labels a=b;namespaces a;}|kubernetes %K {;endpoint;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;fallthrough %Z;}|kubernetes %K {;endpoint http://127.0.0.1:9;ignore %W;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;noendpoints;}|kubernetes %K {;endpoint http://127.0.0.1:9;noendpoints %N;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;pods verified;endpoint_pod_names;ttl 30;}|kubernetes %K {;upstream;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;startup_timeout %D;}|kubernetes %K {;endpoint http://127.0.0.1:9;%W;}|\
     kubernetes %K {;endpoint http://127.0.0.1:9;apiserver_qps %N;}|kubernetes %K {;endpoint http://127.0.0.1:9;apiserver_burst %N;}|\
     kubernetes %K {;tls a b;}|kubernetes %K {;kubeconfig a b c;}|kubernetes %K {;endpoint http://127.0.0.1:9;pods;}",
    "hosts|hosts {;10.0.0.1 a.b;}|hosts r.conf|hosts none.conf %Z|hosts {;10.0.0.1 a.b;fallthrough;}|hosts {;fallthrough %Z;}|\
     hosts {;ttl %N;}|hosts {;ttl;}|hosts {;reload %D;}|hosts {;reload;}|hosts {;no_reverse;}|hosts {;fallthrough;10.0.0.1 a.b;}|\
     hosts {;fallthrough;%W;}|hosts {;%W;}|hosts {;fallthrough;fallthrough_unsupported;}|hosts {;fallthrough_unsupported;}|\
     hosts {;fallthrough_unsupported %W;}",
    "rewrite name %Z %Z|rewrite name exact %Z %Z|rewrite name suffix %Z %Z answer auto|rewrite stop name suffix .a .b|\
     rewrite continue name prefix a b|rewrite name substring a b|rewrite name regex (.*)\\.a\\.b {1}.c|rewrite name regex a {1}|\
     rewrite name regex (a b|rewrite name regex ([a-z]+) {0}{1}|rewrite name %W a b|rewrite name a|rewrite|rewrite name|\
     rewrite name suffix a b answer|rewrite name suffix a b answer name a b|rewrite name suffix a b answer value a b|\
     rewrite name suffix a b answer auto answer name c d|rewrite name regex (.*)\\.a b answer name (.*)\\.b {1}.a|\
     rewrite name suffix a b foo|rewrite name suffix a b answer foo|rewrite name suffix a b answer name a|rewrite type %T %T|\
     rewrite type A|rewrite class IN CH|rewrite class IN %W|rewrite ttl %Z %N|rewrite ttl exact %Z 5-10|rewrite ttl %W %Z 5|\
     rewrite ttl %Z -5|rewrite ttl %Z 5-|rewrite ttl %Z 10-5|rewrite ttl regex (a 5|rewrite cname exact a b|rewrite cname a b|\
     rewrite cname %W a b|rewrite cname a|rewrite rcode %Z %R %R|rewrite rcode exact %Z %R %R|rewrite rcode a b|\
     rewrite edns0 local set 0xffee abcd|rewrite edns0 local set 0xffee {qname}|rewrite edns0 local set 0xffee|\
     rewrite edns0 local set ffee abcd|rewrite edns0 local set 0xzz abcd|rewrite edns0 local append 0xffee 0xzz|\
     rewrite edns0 nsid set|rewrite edns0 nsid set a|rewrite edns0 subnet set 24 56|rewrite edns0 subnet set 33 56|\
     rewrite edns0 subnet set a 56|rewrite edns0 subnet set 24 129|rewrite edns0 subnet unset|rewrite edns0 foo set|\
     rewrite edns0 local %W a b|rewrite edns0|rewrite edns0 local set 0xffee {foo}|rewrite edns0 nsid set revert|\
     rewrite continue|rewrite stop foo a b|rewrite %W a b|rewrite answer name a b|rewrite {;name %Z %Z;}|\
     rewrite name {;suffix a b;answer auto;}",
    "template IN A|template %Q %T|template IN %T %Z|template IN A {;answer \"{{ .Name }} 60 IN A 1.1.1.1\";}|template IN|template|\
     template IN A {;match \"^a\";}|template IN A {;match \"(\";}|template IN A {;match;}|\
     template IN A {;rcode %R;}|template IN A {;rcode;}|template IN A {;additional \"a\";authority \"b\";}|\
     template IN A {;fallthrough %Z;}|template IN A {;ederror %N;}|template IN A {;ederror 21 \"x\";}|template IN A {;%W;}|\
     template IN A {;upstream;}|template IN A {;answer;}|template ANY ANY {;rcode NXDOMAIN;}|template IN A {;answer \"{{ .Foo }}\";}",
    "errors|errors stdout|errors %W|errors {;stacktrace;}|errors {;consolidate %D \"a\";}|errors {;consolidate 5m \"(\";}|\
     errors {;consolidate 5m;}|errors {;consolidate 5m \".*\" %W;}|errors {;consolidate 5m \".*\" warning;}|\
     errors {;consolidate 5m \".*\" warning show_first;}|errors {;%W;}|errors stdout b|errors {;stacktrace %W;}",
    "health|health :8080|health %A|health %W|health :8080 b|health {;lameduck %D;}|health {;lameduck;}|health {;%W;}|health :a:b",
    "ready|ready :8181|ready %A|ready {;monitor %W;}|ready {;monitor continuously;}|ready {;monitor until-ready;}|ready {;%W;}|\
     ready :8181 b|ready {;monitor;}",
    "log|log %Z|log . \"{remote}\"|log . {common}|log {;class %W;}|log {;class denial error;}|log {;class;}|log {;%W;}|log a b c|\
     log a.org b.org {combined} {;class all;}",
    "loadbalance|loadbalance round_robin|loadbalance round_robin b|loadbalance %W|loadbalance weighted|loadbalance weighted r.conf b|\
     loadbalance {;prefer %M;}|loadbalance round_robin {;prefer 10.0.0.0/8;}|loadbalance {;%W;}|loadbalance weighted w {;reload %D;}",
    "bind 127.0.0.1|bind lo|bind %A|bind %W|bind|bind 127.0.0.1 ::1|bind lo {;except 127.0.0.1;}|bind 127.0.0.1 {;except;}|\
     bind 127.0.0.1 {;except %W;}|bind 127.0.0.1 {;%W;}|bind 127.0.0.1;bind 127.0.0.2|bind 127.0.0.2|bind 127.0.0.1",
    "acl {;allow net %M;}|acl %Z {;block type %T net %M;}|acl {;filter net *;}|acl {;drop type A;}|acl {;%W;}|acl {;block net;}|\
     acl {;block type;}|acl {;block %W;}|acl|acl {;block;}|acl {;BLOCK NET 10.0.0.1;}|acl {;block type a;}|acl {;allow net %A;}|\
     acl {;block type A net 10.0.0.0/8 type AAAA;}",
    "file z.db %Z|file none.db %Z|file|file z.db a.org {;reload %D;}|file z.db a.org {;upstream;}|file z.db a.org {;fallthrough;}|\
     file z.db a.org {;%W;}|file z.db a.org {;reload;}|file z.db a.org {;reload_by_mtime;}",
    "auto {;directory .;}|auto %Z {;directory . (.*) {1};}|auto {;directory . (.*;}|auto {;directory none;}|auto {;reload %D;}|auto|\
     auto {;directory;}|auto {;%W;}|auto {;directory . a b c;}",
    "dns64|dns64 64:ff9b::/96|dns64 %M|dns64 {;prefix %M;}|dns64 {;translate_all;}|dns64 {;allow_ipv4;}|dns64 {;%W;}|dns64 {;prefix;}|\
     dns64 a b|dns64 fd00::/32|dns64 fd00::/33",
    "reload|reload %D|reload %D %D|reload 10s 5s|reload 1s|reload %N|reload 10s 0s|reload a b c",
    "loop|loop|loop %W",
    "prometheus|prometheus :9153|prometheus %A|prometheus %W|prometheus :9153 b|prometheus {;%W;}|prometheus :9153 {;runtime_metrics;}|\
     prometheus :9153 {;runtime_metrics %W;}",
    "view a {;expr true;}|view|view a b|view a {;%W;}|view a|view a {;expr name() == 'x';}|\
     view a {;expr foo();}|view a {;expr;}",
    "timeouts|timeouts {;read %D;}|timeouts {;write %N;}|timeouts {;idle %D;}|timeouts {;%W;}|timeouts {;read;}|timeouts {;read 5s b;}|\
     timeouts a|timeouts {;%W 5s;}|timeouts {;read 5s;write 5s;idle 5s;}",
    "bufsize|bufsize %N|bufsize 1232|bufsize 511|bufsize 4097|bufsize a b",
    "minimal|minimal %W|whoami|whoami %W|debug|debug %W|nsid|nsid a b|any|any %W|local|local %W|local {;localhost_prefix on;}",
    "erratic|erratic {;drop %N;}|erratic {;drop 2 3;}|erratic {;truncate %N;}|erratic {;delay %N %D;}|erratic {;large;}|erratic {;%W;}",
    "autopath @kubernetes|autopath r.conf|autopath %Z none.conf|autopath|autopath %Z @erratic|autopath a b c",
    "transfer {;to *;}|transfer %Z {;to %A;}|transfer|transfer {;to;}|transfer {;%W;}|transfer {;to * 10.0.0.1:5300;}|transfer {;to %W;}",
    "secondary %Z {;transfer from %A;}|secondary %Z|secondary {;transfer from;}|secondary %Z {;transfer to 10.0.0.1;}|secondary %Z {;%W;}|\
     secondary %Z {;transfer from %W;}",
    "multisocket|multisocket %N|multisocket 2|multisocket 1025|multisocket a|multisocket 1 2",
    "metadata|metadata %Z|metadata {;%W;}",
    "root .|root none|root|root . b",
    "pprof|pprof :6053|pprof %A|pprof a b|pprof {;block;}|pprof {;block %N;}|pprof {;%W;}",
    "header {;response set a;}|header {;response set rd;}|header {;query clear aa;}|header|header {;%W;}|header a|header {;response %W aa;}|\
     header {;response set;}|header {;set aa;}",
    "tls|tls a b c d|tls a b|tls {;client_auth %W;}|tls {;%W;}|tls a|tls a b {;client_auth none;}",
];

/// Words for the signs in [`DIRECTIVES`].
fn fill(seed: &mut Seed, text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let list: &[&'static str] = match c {
            ';' => &["\n"],
            '%' => match chars.next().unwrap() {
                '%' => &["%"],
                'A' => &[
                    "10.0.0.1",
                    "10.0.0.1:53",
                    "::1",
                    "[::1]:53",
                    "127.0.0.1",
                    "10.0.0.256",
                    "fe80::1%lo",
                    "[::1]",
                    "10.0.0.1:",
                ],
                'C' => &["10%", "9%", "90%", "91%", "20", "x%", "%"],
                'D' => &[
                    "5s", "10m", "1h30m", "0", "0s", "-5s", "5", "1.5s", "x", "5x", "1s", "100ms", "25h", "6m", ".5s",
                    "1d",
                ],
                'F' => &[".", ".", "a.org", "A.org", "10.0.0.0/8", "10.0.0.0/15", "a..b", "10.0.0.1"],
                'K' => {
                    &["", "a.org", "cluster.local in-addr.arpa", "in-addr.arpa", "10.0.0.0/8", "a..b", "cluster.local"]
                }
                'M' => &[
                    "10.0.0.0/8",
                    "fd00::/64",
                    "10.0.0.1",
                    "10.0.0.0/33",
                    "x",
                    "64:ff9b::/96",
                    "10.0.0.1/8",
                    "::/0",
                    "*",
                    "fd00::1/97",
                ],
                'N' => &[
                    "30",
                    "0",
                    "-1",
                    "3600",
                    "3601",
                    "512",
                    "4096",
                    "65536",
                    "x",
                    "+5",
                    "1.5",
                    "99999999999999999999",
                    "4294967296",
                ],
                'P' => &["random", "round_robin", "sequential", "least_conn", "Random"],
                'Q' => &["IN", "CH", "ANY", "in", "FOO"],
                'R' => {
                    &["NXDOMAIN", "SERVFAIL", "NOERROR", "nxdomain", "FOO", "3", "99", "REFUSED", "BADVERS", "NOTIMP"]
                }
                'T' => &["A", "AAAA", "ANY", "a", "FOO", "HTTPS", "TXT", "TYPE65", "DS", "*", "NXNAME"],
                'U' => &[
                    "10.0.0.1",
                    "10.0.0.1:53",
                    "[::1]:53",
                    "::1",
                    "[::1]",
                    "tls://10.0.0.1",
                    "tls://10.0.0.1:853",
                    "https://10.0.0.1",
                    "quic://10.0.0.1",
                    "dns://10.0.0.1",
                    "grpc://10.0.0.1",
                    "unix:///x",
                    "10.0.0.256",
                    "host.invalid",
                    "r.conf",
                    "empty.conf",
                    "/none/x",
                    "10.0.0.1,10.0.0.2",
                    "fe80::1%lo",
                    "tls://10.0.0.1%x.org",
                    "10.0.0.1:abc",
                    "r.conf:53",
                    "10.0.0.1:99999",
                    "host.invalid:53",
                    "tls://host.invalid",
                    "<nil>",
                    "a..b",
                    ".",
                    "https://10.0.0.1/dns-query",
                    "dns://",
                    "http://10.0.0.1",
                ],
                'W' => &[
                    "foo",
                    "insecure",
                    "verified",
                    "disabled",
                    "empty_service",
                    "immediate",
                    "verify",
                    "success",
                    "warning",
                    "info",
                    "exact",
                    "all",
                    "error",
                    "stdout",
                    "nosuch",
                    "set",
                    "read",
                    "on",
                    "post",
                    "get",
                    "\"\"",
                    "{",
                    "}",
                    "require",
                ],
                'Z' => &[
                    "a.org",
                    "b.org",
                    ".",
                    "10.0.0.0/8",
                    "A.org",
                    "a..b",
                    "in-addr.arpa",
                    "x",
                    "a.org.",
                    "a.org b.org",
                ],
                other => panic!("%{other}"),
            },
            c => {
                out.push(c);
                continue;
            }
        };
        out.push_str(any(seed, list));
    }
    out
}

fn directive(seed: &mut Seed) -> String {
    let plugin = any(seed, &DIRECTIVES);
    let variants: Vec<&'static str> = plugin.split('|').map(|variant| variant.trim_start()).collect();
    let text = any(seed, &variants);
    fill(seed, text)
}

fn case(seed: &mut Seed) -> Value {
    let mut conf = String::new();
    let quiet = seed.chance(65);
    for _ in 0..=if quiet { seed.below(2) / 2 } else { seed.below(3) } {
        let keys = if quiet {
            any(seed, &KEYS[..5]).to_owned()
        } else {
            (0..=seed.below(2)).map(|_| any(seed, &KEYS)).collect::<Vec<_>>().join(" ")
        };
        conf.push_str(&format!("{keys} {{\n"));
        for _ in 0..=seed.below(if quiet { 2 } else { 3 }) {
            conf.push_str(&directive(seed));
            conf.push('\n');
        }
        conf.push_str("}\n");
    }
    json!({"conf": conf, "files": {
        "r.conf": "nameserver 10.0.0.1\nnameserver 10.0.0.2\nsearch a.org\n",
        "empty.conf": "# none\n",
        "z.db": "a.org. 60 IN SOA ns.a.org. h.a.org. 1 60 60 60 60\na.org. 60 IN NS ns.a.org.\n",
    }})
}

fn cases() -> Vec<Value> {
    let setup = vectors("setup").into_iter().chain(vectors("listeners"));
    let of_vector = |vector: Value| {
        // one vector moves the default port with a flag
        let conf = vector["conf"].as_str().unwrap_or_default().replace("5399", "53");
        let mut case = json!({"conf": conf});
        for field in ["files", "env"].into_iter().filter(|field| vector[field].is_object()) {
            case[field] = vector[field].clone();
        }
        case
    };
    let mut cases: Vec<Value> =
        setup.filter(|vector| !matches!(vector["id"].as_str(), Some("no-action"))).map(of_vector).collect();
    let mut seed = Seed::new(1_024);
    cases.extend((0..CASES).map(|_| case(&mut seed)));
    cases
}

fn known() -> Vec<Known> {
    vec![
        Known {
            reason: "the expressions of `view` are not compiled (github.com/expr-lang/expr, plugin/view/setup.go)",
            is: |_, _, real| real.as_str().is_some_and(|text| text.starts_with("plugin/view: unknown name")),
        },
        Known {
            reason: "label selectors are not parsed (k8s.io/apimachinery, plugin/kubernetes/setup.go)",
            is: |_, _, real| {
                real.as_str().is_some_and(|text| text.starts_with("plugin/kubernetes: unable to parse label selector"))
            },
        },
    ]
}

/// The first refusal of a start that opens no listener.
fn refusal(case: &Value, version: Version) -> Option<String> {
    let (first, problems) = start(case, Binary::CoreDns(Some(version)));
    if !first.as_ref().is_some_and(|text| text.starts_with("Listen")) {
        return first;
    }
    let mut behind = problems.into_iter().filter(|problem| problem.fatal).filter_map(|problem| problem.coredns_message);
    behind.find(|text| !text.starts_with("Listen"))
}

fn judge_release(harness: &str, version: Version) {
    judge(harness, &cases(), |case| json!(refusal(case, version)), &known());
}

#[test]
fn plugins_are_set_up_like_coredns_1_14() {
    judge_release("coredns-setup", Version::new(1, 14, 7));
}

#[test]
fn plugins_are_set_up_like_coredns_1_15() {
    judge_release("coredns-1.15-setup", Version::new(1, 15, 0));
}

#[test]
fn plugins_are_set_up_like_coredns_1_13() {
    judge_release("coredns-1.13-setup", Version::new(1, 13, 2));
}
