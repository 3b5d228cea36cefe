//! The Corefile parser against the vectors that the real CoreDNS parser produced.

use crate::common::coredns::{DIR, parse_case, start, vectors};
use dnslint::analysis::coredns::{Binary, NothingKnown, ProblemKind, check_with};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::trace::names::Answer;
use dnslint::analysis::trace::step::Step;
use dnslint::analysis::trace::walk::Walk;
use dnslint::analysis::transport::Transport;
use dnslint::model::{Cluster, assemble};
use dnslint::source::{LoadOptions, Snapshot};
use dnslint::syntax::corefile::{
    Corefile, FileIndex, NoImports, Options, Version, ZoneKey, follows_rfc1035, parse, parse_key,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn text_of<'a>(vector: &'a Value, field: &str) -> &'a str {
    vector[field].as_str().unwrap_or_default()
}

const DIRECTIVES: &str = "root metadata geoip cancel proxyproto quic grpc_server https https3 timeouts multisocket reload \
    nsid bufsize bind debug trace ready health pprof shed prometheus errors log dnstap local dns64 any chaos loadbalance \
    tsig rewrite autopath acl cache header dnssec tls minimal template transfer hosts route53 azure clouddns k8s_external \
    kubernetes file auto secondary etcd loop forward grpc erratic whoami on sign view nomad";

fn run(vector: &Value) -> Corefile {
    let valid = |name: &str| DIRECTIVES.split_whitespace().any(|known| known == name);
    let limited = vector["valid_directives"].as_bool().unwrap_or_default();
    parse_case(text_of(vector, "in"), vector, limited.then_some(&valid as &dyn Fn(&str) -> bool))
}

/// The result in the notation of the vectors.
fn outcome(corefile: &Corefile) -> Value {
    if let Some(error) = corefile.first_error() {
        let message = error.coredns_message.replace(DIR, "<dir>");
        return json!({"err": {"file": error.file_name, "line": error.line, "msg": message}});
    }
    let blocks: Vec<Value> = corefile
        .blocks
        .iter()
        .map(|block| {
            let keys: Vec<&str> = block.keys.iter().map(|key| key.expanded.as_str()).collect();
            let mut tokens: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
            for directive in &block.directives {
                let words = directive.tokens.iter().map(|token| {
                    if token.file == FileIndex::MAIN {
                        return json!([token.text, token.line]);
                    }
                    let name = &corefile.file(token.file).unwrap().name;
                    json!([token.text, token.line, name.rsplit('/').next().unwrap()])
                });
                tokens.entry(&directive.name).or_default().extend(words);
            }
            json!({"keys": keys, "tokens": tokens})
        })
        .collect();
    json!({"blocks": blocks})
}

fn report(section: &str, failures: &[String]) {
    assert!(failures.is_empty(), "{} failing {section} vectors:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn parses_like_coredns() {
    let vectors = vectors("parse");
    assert!(vectors.len() > 90, "all vectors are read: {}", vectors.len());
    let failures: Vec<String> = vectors
        .iter()
        .filter_map(|vector| {
            let want = match vector.get("err") {
                Some(err) => json!({"err": err}),
                None => json!({"blocks": vector["blocks"]}),
            };
            let got = outcome(&run(vector));
            (got != want).then(|| format!("{}\n  got  {got}\n  want {want}", text_of(vector, "id")))
        })
        .collect();
    report("parse", &failures);
}

#[test]
fn spans_show_the_words() {
    let mut failures = Vec::new();
    for vector in vectors("parse") {
        let corefile = run(&vector);
        for directive in corefile.blocks.iter().flat_map(|block| &block.directives) {
            let name = corefile.text(directive.name_place());
            if name.trim_matches('"') != directive.name && !name.contains(['\r', '{']) {
                failures.push(format!("{}: {name:?} is not {:?}", text_of(&vector, "id"), directive.name));
            }
        }
    }
    report("parse (spans)", &failures);
}

/// What a key gives in CoreDNS 1.13.2, in the notation of the vectors.
fn key_outcome(key: &str) -> Result<Vec<ZoneKey>, String> {
    let zones =
        parse_key(key, 5399, Version::new(1, 13, 2)).map_err(|e| format!("error inspecting server blocks: {e}"))?;
    match zones.iter().find_map(|zone| zone.listener_error(false)) {
        Some(error) => Err(error),
        None => Ok(zones),
    }
}

fn key_text(zone: &ZoneKey) -> String {
    let text = zone.to_string();
    text.strip_prefix("dns://").unwrap_or(&text).to_owned()
}

fn key_failure(vector: &Value) -> Option<String> {
    let key = text_of(vector, "key");
    let got = key_outcome(key);
    let ok = match (&got, vector.get("err")) {
        (Err(got), Some(want)) => got.trim_end() == want.as_str().unwrap(),
        (Ok(zones), None) => {
            let texts: Vec<String> = zones.iter().map(key_text).collect();
            let exact = vector["zones"].as_array().is_none_or(|want| json!(texts) == json!(want));
            let count = vector["zone_count"].as_u64().is_none_or(|want| want == texts.len() as u64);
            let included = vector["zones_include"].as_array().into_iter().flatten();
            let include = included.clone().all(|want| texts.iter().any(|text| text == want.as_str().unwrap()));
            let warned = zones.iter().any(|zone| !follows_rfc1035(&zone.zone));
            exact && count && include && warned == vector["rfc1035_warning"].as_bool().unwrap_or_default()
        }
        _ => false,
    };
    (!ok).then(|| format!("{key}\n  got  {got:?}\n  want {vector}"))
}

#[test]
fn reads_keys_like_coredns() {
    let vectors = vectors("keys");
    assert!(vectors.len() > 35, "all vectors are read: {}", vectors.len());
    let failures: Vec<String> = vectors.iter().filter_map(key_failure).collect();
    report("keys", &failures);
}

/// The files of a folder below `testdata/syntax/corefile`, with their names.
fn samples(folder: &str) -> Vec<(String, String)> {
    let path = format!("{}/testdata/syntax/corefile/{folder}", env!("CARGO_MANIFEST_DIR"));
    let mut files: Vec<(String, String)> = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn run_sample(text: &str) -> Corefile {
    run(&json!({"in": text, "valid_directives": true}))
}

#[test]
fn good_samples_are_accepted() {
    for (name, text) in samples("ok") {
        let corefile = run_sample(&text);
        assert_eq!(corefile.errors, [], "{name}");
        let warnings: Vec<_> = corefile.warnings.iter().map(|warning| warning.kind).collect();
        let allowed = warnings.iter().all(|kind| *kind == dnslint::syntax::corefile::WarningKind::ImportMatchesNothing);
        assert!(allowed, "{name}: {warnings:?}");
        assert!(!corefile.blocks.is_empty(), "{name}");
    }
}

#[test]
fn broken_samples_are_refused() {
    let found: Vec<String> = samples("broken")
        .into_iter()
        .map(|(name, text)| {
            let errors = run_sample(&text).errors;
            let texts = errors.iter().map(|error| format!("{}: {:?} {}", error.line, error.kind, error.message));
            format!("{name}: {}", texts.collect::<Vec<_>>().join(" | "))
        })
        .collect();
    insta::assert_snapshot!(found.join("\n"));
}

/// Vectors that depend on the sockets of the machine on which they ran, with the reason.
const NOT_STATIC: [(&str, &str); 1] =
    [("bind-unassigned", "whether the host has the address is only known when listening")];

fn setup_failure(vector: &Value) -> Option<String> {
    let id = text_of(vector, "id");
    if NOT_STATIC.iter().any(|(skipped, _)| *skipped == id) {
        return None;
    }
    let binary = match id {
        "no-action" => Binary::NodeCache(None),
        _ => Binary::CoreDns(Some(Version::new(1, 13, 2))),
    };
    // One vector moves the default port with a flag; the check assumes 53.
    let moved = id == "dup-port-implicit";
    let vector = &if moved { with_default_port(vector) } else { vector.clone() };
    let want = vector["err"].as_str().map(str::to_owned);
    let (got, _) = start(vector, binary);
    (got != want).then(|| format!("{id}\n  got  {got:?}\n  want {want:?}"))
}

fn with_default_port(vector: &Value) -> Value {
    let text = vector.to_string().replace("5399", "53");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn sets_up_like_coredns() {
    let vectors: Vec<Value> = vectors("setup").into_iter().chain(vectors("listeners")).collect();
    assert!(vectors.len() > 110, "all vectors are read: {}", vectors.len());
    let failures: Vec<String> = vectors.iter().filter_map(setup_failure).collect();
    report("setup", &failures);
}

/// The vectors that only say whether the server starts are compared here; [`answers_like_coredns`] asks the
/// others, and `tests/suite/loops.rs` has the loops.
#[test]
fn configurations_that_ran_are_accepted() {
    let vectors: Vec<Value> = vectors("loop").into_iter().chain(vectors("routing")).collect();
    assert_eq!(vectors.len(), 47, "all vectors are read");
    let failures: Vec<String> = vectors.iter().filter_map(setup_failure).collect();
    report("running", &failures);
}

/// A cluster whose CoreDNS has the vector's Corefile, on port 53 of its node.
fn cluster_of(vector: &Value) -> (tempfile::TempDir, Snapshot, Vec<Cluster>) {
    let mut data = vector["files"].as_object().cloned().unwrap_or_default();
    data.insert("Corefile".to_owned(), json!(on_port_53(text_of(vector, "conf"))));
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "coredns", "namespace": "kube-system"}, "data": data,
    });
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"template": {"spec": {
            "hostNetwork": true, "dnsPolicy": "Default",
            "containers": [{"name": "coredns", "image": "registry.k8s.io/coredns/coredns:v1.13.2",
                "args": ["-conf", "/etc/coredns/Corefile"],
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}]}],
            "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
        }}},
    });
    let dir = tempfile::tempdir().unwrap();
    for (name, object) in [("map", &map), ("deployment", &deployment)] {
        std::fs::write(dir.path().join(format!("{name}.yaml")), object.to_string()).unwrap();
    }
    let snapshot = Snapshot::load(&[dir.path().to_owned()], &LoadOptions::default());
    let clusters = assemble(&snapshot);
    (dir, snapshot, clusters)
}

/// The ways of node and walk start at port 53: the vectors' first port moves there, the others stay.
fn on_port_53(conf: &str) -> String {
    conf.replace(":5300", ":53")
}

/// Answers that the model does not give, with the reason. Names of vectors, and of single questions.
const KNOWN_GAPS: [(&str, &str); 1] = [("CH", "`trace` asks in class IN alone")];

/// The end of a way as the vectors write it: the code and the data of the records. TTLs and owners are no part of a way.
fn outcome_of(way: &Step) -> (String, Vec<String>) {
    let answers = way.answers();
    let Some(answer) = answers.last() else { return ("no answer".to_owned(), Vec::new()) };
    match answer {
        Answer::Records { records, .. } => ("NOERROR".to_owned(), records.clone()),
        Answer::Alias { target, .. } => ("NOERROR".to_owned(), vec![target.clone()]),
        Answer::Nodata { .. } => ("NOERROR".to_owned(), Vec::new()),
        Answer::Nxdomain { .. } => ("NXDOMAIN".to_owned(), Vec::new()),
        Answer::Error { code, .. } => (code.clone(), Vec::new()),
        // nothing listens on the vectors' other ports: forward gives up with SERVFAIL
        Answer::Unknown { .. } | Answer::DeadEnd { .. } | Answer::Outside { .. } => ("SERVFAIL".to_owned(), Vec::new()),
    }
}

#[test]
fn answers_like_coredns() {
    let (mut failures, mut compared, mut left_out) = (Vec::new(), 0, 0);
    let all: Vec<Value> = vectors("routing").into_iter().chain(vectors("listeners")).collect();
    for vector in &all {
        let questions = vector["answers"].as_array().cloned().unwrap_or_default();
        let (_dir, _snapshot, clusters) = cluster_of(vector);
        for question in &questions {
            let words: Vec<&str> = question.as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
            let id = text_of(vector, "id");
            if KNOWN_GAPS.iter().any(|(gap, _)| *gap == id || words.contains(gap)) {
                left_out += 1;
                continue;
            }
            let [name, kind, server, want] = words.as_slice() else { panic!("{question}") };
            let (address, port) =
                on_port_53(server).rsplit_once(':').map(|(a, p)| (a.to_owned(), p.to_owned())).unwrap();
            let cluster = &clusters[0];
            let routes = Routes::of(cluster, &Facts::of(cluster), Vec::new());
            let types = [*kind];
            let mut walk = Walk::new(cluster, &routes.graph, 0, false, &types);
            let asked = format!("{}.", name.to_lowercase());
            let way = walk.from_node(address.parse().unwrap(), port.parse().unwrap(), &asked, Transport::Udp);
            let (code, data) = outcome_of(&way);
            let mut wanted = want.split_whitespace();
            let code_is_right = wanted.next() == Some(code.as_str());
            // NOERROR OWNER TTL IN TYPE DATA
            let record: Vec<&str> = wanted.collect();
            let wanted_data = record.get(4..).unwrap_or_default().join(" ").replace('"', "");
            let data_is_right = match *kind {
                "ANY" => true,
                // the template gives a TXT record, which is nothing to who asks for DS; its text names the block
                "DS" => wanted_data == "parent" && data.is_empty() && way.text.ends_with("block `org.`"),
                _ => data.join(" ").replace('"', "") == wanted_data,
            };
            compared += 1;
            if !code_is_right || !data_is_right {
                failures.push(format!("{} {question}\n  got {code} {data:?}\n  {way:#?}", vector["id"]));
            }
        }
    }
    report("routing (answers)", &failures);
    assert_eq!((all.len(), compared, left_out), (48, 55, 1));
}

/// Releases with a default Corefile of kubeadm's kind, and the newest one.
const RELEASES: [Version; 4] =
    [Version::new(1, 9, 4), Version::new(1, 11, 3), Version::new(1, 13, 2), Version::new(1, 14, 7)];

#[test]
fn good_samples_have_no_setup_problem() {
    for (name, text) in samples("ok") {
        let vector = json!({"conf": text, "files": {}});
        for version in RELEASES {
            let node_cache = name.starts_with("node-cache");
            let binary = if node_cache { Binary::NodeCache(None) } else { Binary::CoreDns(Some(version)) };
            let files = NothingKnown;
            let env = |_: &str| None;
            let options = Options {
                main_file_name: "Corefile",
                directory: DIR,
                env: &env,
                valid_directives: None,
                imports: &NoImports,
            };
            let corefile = parse(text_of(&vector, "conf"), &options);
            assert_eq!(check_with(&corefile, &binary, &files), [], "{name} {binary:?}");
        }
    }
}

/// The first fatal text of a body in a block `.`, for a release.
fn fatal(body: &str, (minor, patch): (u32, u32)) -> Option<String> {
    let vector =
        json!({"conf": format!(".:53 {{\n{body}\n}}\n"), "files": {"r.conf": "nameserver 10.0.0.1\n".repeat(16)}});
    start(&vector, Binary::CoreDns(Some(Version::new(1, minor, patch)))).0
}

#[test]
fn releases_differ() {
    for (body, accepts, refuses) in [
        ("forward . 10.0.0.1\nforward a 10.0.0.1", (9, 4), (9, 3)),
        ("forward . 10.0.0.1 {\nmax_concurrent 9\n}", (6, 8), (6, 7)),
        ("forward . [::1]", (14, 2), (14, 1)),
        ("forward . https://10.0.0.1", (14, 5), (14, 4)),
        ("forward . dns.example", (14, 4), (14, 3)),
        ("forward . r.conf", (14, 4), (14, 3)),
        ("any", (14, 7), (5, 0)),
        ("any x", (14, 3), (14, 4)),
        ("reload 10s 0s", (14, 2), (14, 1)),
        ("cache {\nkeepttl\n}", (10, 1), (10, 0)),
        ("kubernetes a {\nupstream\n}", (6, 9), (7, 0)),
        ("kubernetes a {\nresyncperiod 5m\n}", (6, 9), (7, 0)),
        ("prometheus {\nruntime_metrics\n}", (14, 3), (14, 2)),
        ("ready {\nfoo\n}", (14, 3), (14, 4)),
        ("hosts {\nfallthrough\nfallthrough_unsupported\n}", (14, 7), (14, 6)),
        ("hosts {\nfallthrough_unsupported\n}", (14, 6), (14, 7)),
        ("proxy . 10.0.0.1", (4, 0), (5, 0)),
        ("nomad", (13, 0), (12, 4)),
        ("loadbalance weighted w", (10, 1), (10, 0)),
        ("acl {\ndrop\n}", (10, 1), (10, 0)),
    ] {
        assert_eq!(fatal(body, accepts), None, "{body} {accepts:?}");
        assert!(fatal(body, refuses).is_some(), "{body} {refuses:?}");
    }
    let upper = json!({"conf": "Example.org {\nwhoami\n}\nexample.org {\nwhoami\n}"});
    assert_eq!(start(&upper, Binary::CoreDns(Some(Version::new(1, 14, 6)))).0, None);
    assert!(start(&upper, Binary::CoreDns(Some(Version::new(1, 14, 7)))).0.is_some());
}

#[test]
fn views_share_a_zone() {
    let filtered = ".:53 {\nview a {\nexpr true\n}\nwhoami\n}\n";
    let plain = ".:53 {\nwhoami\n}\n";
    for (conf, version, ok) in [
        (format!("{filtered}{filtered}{plain}"), (13, 2), true),
        (format!("{plain}{filtered}"), (14, 2), false),
        (format!("{plain}{filtered}"), (14, 3), true),
    ] {
        let binary = Binary::CoreDns(Some(Version::new(1, version.0, version.1)));
        assert_eq!(start(&json!({"conf": conf}), binary).0.is_none(), ok, "{version:?} {conf}");
    }
}

/// Problems that do not keep CoreDNS from starting, in a block `.` of 1.13.2.
fn notes(body: &str) -> Vec<ProblemKind> {
    let vector = json!({"conf": format!(".:53 {{\n{body}\n}}\n")});
    let (error, problems) = start(&vector, Binary::CoreDns(Some(Version::new(1, 13, 2))));
    assert_eq!(error, None, "{body}");
    problems.into_iter().map(|problem| problem.kind).collect()
}

#[test]
fn accepted_oddities_are_named() {
    for (body, kind) in [
        ("cache 30s", ProblemKind::OddArgument),
        ("cache 30 a..b", ProblemKind::OddArgument),
        ("hosts {\nfalthrough\n}", ProblemKind::OddArgument),
        ("dns64 64:ff9b::/96 {\nbogus\n}", ProblemKind::OddArgument),
        ("forward . 10.0.0.1:abc", ProblemKind::OddArgument),
        ("forward 10.9.3.0/18 10.0.0.1", ProblemKind::OddArgument),
        ("template IN A {\nupstream\n}", ProblemKind::Deprecated),
        ("reload 10s\nreload 20s", ProblemKind::PluginRepeated),
        ("log \"{remote}\"", ProblemKind::OddArgument),
    ] {
        assert_eq!(notes(body), [kind], "{body}");
    }
    for quiet in ["cache 30", "hosts {\n10.0.0.1 a\nfallthrough\n}", "log . \"{remote}\"", "errors { stacktrace }"] {
        assert_eq!(notes(quiet), [], "{quiet}");
    }
}

#[test]
fn odd_keys_are_named() {
    for (key, odd) in [
        ("2001:db8::1", true),
        ("10.0.0.1", true),
        ("*.example.org", true),
        ("Example.org", true),
        ("http://example.org", true),
        ("example.org:53{", true),
        ("example.org", false),
        ("10.0.0.0/8", false),
        ("_tcp.example.org", false),
        ("tls://.", false),
    ] {
        let vector = json!({"conf": format!("{key} {{\nwhoami\n}}\n")});
        let (_, problems) = start(&vector, Binary::CoreDns(Some(Version::new(1, 13, 2))));
        assert_eq!(problems.iter().any(|problem| problem.kind == ProblemKind::OddKey), odd, "{key}");
    }
}

#[test]
fn all_refused_lines_are_reported() {
    let conf = ".:53 {\nchache 30\nforward . 10.0.0.1 {\nfoce_tcp\nmax_fails x\n}\nloop\nloop\nproxy . 10.0.0.1\n}\n";
    let (_, problems) = start(&json!({"conf": conf}), Binary::CoreDns(Some(Version::new(1, 13, 2))));
    let found: Vec<_> = problems.iter().map(|problem| (problem.kind, problem.suggestion.as_deref())).collect();
    let want = [
        (ProblemKind::UnknownPlugin, Some("cache")),
        (ProblemKind::Removed, Some("forward")),
        (ProblemKind::PluginRepeated, None),
        (ProblemKind::UnknownProperty, Some("force_tcp")),
        (ProblemKind::InvalidArgument, None),
    ];
    assert_eq!(found, want);
}

#[test]
fn node_cache_replaces_its_placeholders() {
    let conf = ".:53 {\nbind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__\nforward . __PILLAR__CLUSTER__DNS__\n\
        health __PILLAR__LOCAL__DNS__:8080\n}\n";
    let vector = json!({"conf": conf});
    assert_eq!(start(&vector, Binary::NodeCache(None)), (None, vec![]));
    assert!(start(&vector, Binary::CoreDns(None)).0.is_some());
}

#[test]
fn hostile_corefiles_are_checked_in_time() {
    let names: String = (0..50_000).map(|n| format!("p{n}x\n")).collect();
    let keys: String = (0..3_000).map(|n| format!("z{n} ")).collect();
    let binds = "bind 127.0.0.1\n".repeat(3_000);
    let templates = "template IN A\n".repeat(3_000);
    for conf in [format!(". {{\n{names}}}"), format!("{keys}{{\n{binds}{templates}}}")] {
        let corefile = run(&json!({"in": conf}));
        let binary = Binary::CoreDns(None);
        assert!(check_with(&corefile, &binary, &NothingKnown).len() <= 1000);
    }
}

proptest::proptest! {
    #[test]
    fn no_text_breaks_the_parser_or_the_check(
        words in proptest::collection::vec(
            proptest::sample::select(vec![
                "{", "}", "\n", ".", "a.org", "forward", "cache", "hosts", "kubernetes", "import", "(s)", "s", "\"", "#",
                ",", "a,", "{$A}", "30", "10.0.0.1", "fallthrough", "except", "success", "bind", "view", "rewrite", "name",
                "template", "IN", "loop", "health", "lameduck", "5s", "10.0.0.0/7", "tls://", "::1", "\\", "{}", "é",
            ]),
            0..60,
        )
    ) {
        let text = words.join(" ");
        let corefile = run(&json!({"in": text, "env": {"A": "x \n y"}, "files": {"a.org": "forward . 1.1.1.1\n"}}));
        for binary in [Binary::CoreDns(None), Binary::NodeCache(None), Binary::CoreDns(Some(Version::new(1, 0, 5)))] {
            for problem in check_with(&corefile, &binary, &NothingKnown) {
                let source = &corefile.file(problem.place.file).unwrap().text;
                proptest::prop_assert!(source.get(problem.place.span.start..problem.place.span.end).is_some());
            }
        }
        for error in &corefile.errors {
            let source = &corefile.file(error.file).unwrap().text;
            proptest::prop_assert!(source.get(error.span.start..error.span.end).is_some());
        }
    }
}
