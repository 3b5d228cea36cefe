//! Parsing vectors of `resolv.conf`: what glibc, musl, Go and the kubelet were seen to make of a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use dnslint::analysis::effective::KubeVersion as Release;
use dnslint::analysis::effective::k3s_viability::viability;
use dnslint::analysis::effective::versions::k3s_fallback_text;
use dnslint::source::{Span, Spanned};
use dnslint::syntax::dnsmasq::DnsmasqConf;
use dnslint::syntax::resolv_conf::glibc::Glibc;
use dnslint::syntax::resolv_conf::golang::Go;
use dnslint::syntax::resolv_conf::kubelet::KubeVersion;
use dnslint::syntax::resolv_conf::musl::Musl;
use dnslint::syntax::resolv_conf::{
    Environment, Owner, ProblemKind, ResolvConf, Resolver, coredns_forward, dnsmasq_resolv_file, glibc, golang,
    kubelet, musl, owner, problems, systemd_resolved,
};
use dnslint::syntax::resolved::ResolvedConf;
use serde_json::Value;

type Vector = BTreeMap<String, Value>;

fn read_file(path: &str) -> String {
    let path = format!("{}/testdata/{path}", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "tests read their data")]
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn parse_vectors() -> Vec<Vector> {
    serde_saphyr::from_str(&read_file("vectors/vectors-resolvers-parse.yaml")).unwrap()
}

fn kubelet_vectors(kind: &str) -> Vec<Vector> {
    let mut file: BTreeMap<String, Vec<Vector>> =
        serde_saphyr::from_str(&read_file("vectors/vectors-kubelet-k3s.yaml")).unwrap();
    let mut vectors = file.remove("vectors").unwrap();
    vectors.retain(|v| v.get("kind").and_then(Value::as_str) == Some(kind));
    vectors
}

fn text<'a>(vector: &'a Vector, key: &str) -> Option<&'a str> {
    vector.get(key).and_then(Value::as_str)
}

fn numbers(version: &str) -> Vec<u32> {
    version.trim_start_matches(|c: char| !c.is_ascii_digit()).split('.').map(|n| n.parse().unwrap()).collect()
}

/// The compared fields of a resolver state.
#[derive(Debug, PartialEq, Eq)]
struct State {
    nameservers: Vec<String>,
    search: Vec<String>,
    ndots: i64,
    timeout: i64,
    attempts: i64,
    flags: BTreeSet<String>,
    sortlist: usize,
    unknown_option: bool,
}

impl State {
    fn of(resolver: &Resolver) -> Self {
        Self {
            nameservers: resolver.used.iter().map(|ns| ns.value.to_string()).collect(),
            search: resolver.search.iter().map(|d| d.value.clone()).collect(),
            ndots: resolver.ndots.value.into(),
            timeout: resolver.timeout.value.into(),
            attempts: resolver.attempts.value.into(),
            flags: resolver.flags.keys().map(|flag| flag.name().to_owned()).collect(),
            sortlist: resolver.sortlist.len(),
            unknown_option: resolver.unknown_option.is_some(),
        }
    }

    fn wanted(value: &Value) -> Self {
        let strings = |key: &str| {
            let list = value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
            list.iter().map(|v| v.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let number = |key: &str, default: i64| value.get(key).map_or(default, |v| v.as_i64().unwrap());
        Self {
            nameservers: strings("nameservers"),
            search: strings("search"),
            ndots: number("ndots", 1),
            timeout: number("timeout", 5),
            attempts: number("attempts", 2),
            flags: strings("flags").into_iter().collect(),
            sortlist: usize::try_from(number("sortlist", 0)).unwrap(),
            unknown_option: value.get("unknown_option").and_then(Value::as_bool).unwrap_or(false),
        }
    }
}

/// The result of `version`: the one of an `…_other…` entry that lists it, else the general one.
fn wanted_for<'a>(vector: &'a Vector, family: &str, version: &str) -> &'a Value {
    let other = format!("{family}_other");
    let listed = vector.iter().filter(|(key, _)| key.starts_with(&other)).find_map(|(_, entry)| {
        let versions = entry.get("versions")?.as_array()?;
        if versions.iter().any(|v| v == version) { entry.get("result") } else { None }
    });
    listed.unwrap_or_else(|| &vector[family])
}

fn read_as(family: &str, version: &str, conf: &ResolvConf, env: &Environment<'_>) -> Resolver {
    let n = numbers(version);
    match family {
        "glibc" => glibc::read(conf, Glibc::new(n[0], n[1]), env),
        "musl" => musl::read(conf, Musl::new(n[0], n[1], n[2]), env),
        _ => golang::read(conf, Go::new(n[0], n[1]), env),
    }
}

const VERSIONS: [(&str, &str); 15] = [
    ("glibc", "glibc-2.23"),
    ("glibc", "glibc-2.27"),
    ("glibc", "glibc-2.31"),
    ("glibc", "glibc-2.35"),
    ("glibc", "glibc-2.36"),
    ("glibc", "glibc-2.39"),
    ("glibc", "glibc-2.41"),
    ("glibc", "glibc-2.43"),
    ("musl", "musl-1.2.2"),
    ("musl", "musl-1.2.3"),
    ("musl", "musl-1.2.5"),
    ("musl", "musl-1.2.6"),
    ("go", "go1.19.8"),
    ("go", "go1.24.4"),
    ("go", "go1.26.10"),
];

#[test]
fn libraries_read_the_file_as_observed() {
    let vectors = parse_vectors();
    assert_eq!(vectors.len(), 133);
    let interfaces = BTreeMap::from([("lo".to_owned(), 1)]);
    let mut failures = String::new();
    for vector in &vectors {
        let conf = ResolvConf::parse(text(vector, "file").unwrap());
        let env = Environment {
            host_name: Some(text(vector, "hostname").unwrap_or("testhost")),
            interfaces: Some(&interfaces),
            ..Environment::default()
        };
        for (family, version) in VERSIONS {
            let resolver = read_as(family, version, &conf, &env);
            let mut got = State::of(&resolver);
            if family == "go" {
                // The observation shows three flags only.
                got.flags.retain(|flag| matches!(flag.as_str(), "rotate" | "single-request" | "use-vc"));
            }
            let want = State::wanted(wanted_for(vector, family, version));
            if got != want {
                let id = text(vector, "id").unwrap();
                writeln!(failures, "{id} {version}\n  got  {got:?}\n  want {want:?}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn every_value_points_at_its_text() {
    for vector in parse_vectors() {
        let file = text(&vector, "file").unwrap();
        let conf = ResolvConf::parse(file);
        assert_eq!(conf.to_text(), file);
        for (family, version) in VERSIONS {
            let resolver = read_as(family, version, &conf, &Environment::default());
            for domain in &resolver.search {
                let shown = domain.span.text(file);
                assert_eq!(domain.value.trim_end_matches('.'), shown.trim_end_matches('.'), "{version} {file:?}");
            }
            for span in resolver.nameservers.iter().map(|ns| ns.span).chain(resolver.ignored.iter().map(|i| i.span)) {
                assert!(!span.is_empty() && !span.text(file).is_empty(), "{version} {file:?}");
            }
        }
        for problem in problems(&conf) {
            let at_end = problem.kind == ProblemKind::NoFinalNewline;
            assert!(at_end || !problem.span.text(file).is_empty(), "{problem:?}");
        }
    }
}

#[test]
fn the_kubelet_reads_the_file_as_observed() {
    let vectors = kubelet_vectors("hostparse");
    assert_eq!(vectors.len(), 16);
    let mut failures = String::new();
    for vector in &vectors {
        let n = numbers(text(vector, "k8s").unwrap());
        // A version without patch number stands for the minor's later patches.
        let version = KubeVersion::new(n[0], n[1], n.get(2).copied().unwrap_or(99));
        let conf = ResolvConf::parse(text(vector, "in").unwrap());
        let words = |list: &[Spanned<String>]| list.iter().map(|w| w.value.clone()).collect::<Vec<_>>();
        let got = kubelet::read(&conf, version)
            .map(|dns| [words(&dns.nameservers), words(&dns.searches), words(&dns.options)])
            .ok();
        let strings = |key: &str| -> Vec<String> { serde_json::from_value(vector["out"][key].clone()).unwrap() };
        let failing = vector.get("error").and_then(Value::as_bool) == Some(true);
        let want = (!failing).then(|| [strings("nameservers"), strings("searches"), strings("options")]);
        if got != want {
            let id = text(vector, "id").unwrap();
            writeln!(failures, "{id}\n  got  {got:?}\n  want {want:?}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

/// The file that k3s chooses among its two candidates, or what it generates.
#[test]
fn k3s_chooses_the_file_as_observed() {
    let vectors = kubelet_vectors("k3sresolv");
    let mut failures = String::new();
    for vector in &vectors {
        let input = &vector["input"];
        let files = input["files"].as_object().unwrap();
        let n = numbers(input["k3s"].as_str().unwrap());
        let version = Release::new(n[0], n[1], n[2]);
        let viable = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"].into_iter().find(|path| {
            let file = files.get(*path).and_then(Value::as_str);
            file.is_some_and(|file| viability(file, version).is_ok())
        });
        let generated = vector["out"].get("generated").and_then(Value::as_str);
        let want = (vector["out"]["path"].as_str().filter(|_| generated.is_none()), generated);
        let got = (viable, viable.is_none().then(|| k3s_fallback_text(version)));
        if got != want {
            let id = text(vector, "id").unwrap();
            writeln!(failures, "{id}\n  got  {got:?}\n  want {want:?}").unwrap();
        }
    }
    assert_eq!(vectors.len(), 12);
    assert!(failures.is_empty(), "\n{failures}");
}

/// Generators of the files seen in the wild, and the harmful problems that such a file really has.
const WILD: &[(&str, Option<Owner>, &[ProblemKind])] = &[
    ("resolved-stub", Some(Owner::ResolvedStub), &[]),
    ("resolved-uplink-too-many", Some(Owner::ResolvedUplink), &[]),
    ("resolved-root-search", None, &[]),
    ("tailscale", Some(Owner::Tailscale), &[]),
    ("k8s-pod", Some(Owner::Kubelet), &[]),
    ("macos", Some(Owner::MacOs), &[]),
    ("openbsd-style", Some(Owner::Resolvd), &[]),
    ("wild-dhclient", None, &[]),
    // Its `domain` line really wipes the search list.
    ("wild-cloud-init-domain-last", Some(Owner::CloudInit), &[ProblemKind::DomainAfterSearch]),
    ("wild-gke", None, &[]),
    ("wild-amazon-linux2", Some(Owner::Dhclient), &[]),
    ("wild-azure", Some(Owner::ResolvedUplink), &[]),
    ("wild-hetzner-4", Some(Owner::HetznerInstallimage), &[]),
    ("wild-wsl1", Some(Owner::Wsl), &[]),
    ("wild-wsl2", Some(Owner::Wsl), &[]),
    ("wild-connman", Some(Owner::ConnMan), &[]),
    ("wild-openwrt", None, &[]),
    ("wild-docker-user-net", Some(Owner::DockerEmbedded), &[]),
    ("wild-docker-default-fallback", None, &[]),
    ("wild-docker-many", None, &[]),
    ("wild-k3s-fallback", Some(Owner::K3sFallback), &[]),
    ("wild-nm-over-3", Some(Owner::NetworkManager), &[]),
    // The padding for old glibc makes the line too long for musl.
    ("wild-nm-padded-search", Some(Owner::NetworkManager), &[ProblemKind::LineTooLongForMusl]),
    ("wild-tailscale-dup", None, &[]),
    ("wild-tailscale-v6", Some(Owner::Tailscale), &[]),
    ("wild-pve-inline-comments", Some(Owner::Proxmox), &[]),
    ("wild-vpnc", Some(Owner::Vpnc), &[]),
    ("wild-resolvconf", Some(Owner::Resolvconf), &[]),
    ("wild-openresolv", Some(Owner::Openresolv), &[]),
    ("wild-dhcpcd", Some(Owner::Dhcpcd), &[]),
    ("wild-alpine-udhcpc", None, &[]),
    ("wild-busybox-debian-udhcpc", None, &[]),
    ("wild-rhel-dhclient", Some(Owner::Dhclient), &[]),
    ("wild-cloud-init-sysconfig", Some(Owner::CloudInit), &[]),
    // The zone makes k3s reject the file.
    ("wild-resolved-v6-linklocal", None, &[ProblemKind::ScopedLinkLocal]),
];

#[test]
fn wild_files_show_their_owner_and_no_false_alarm() {
    let vectors = parse_vectors();
    let known = WILD.iter().map(|(id, ..)| *id).collect::<BTreeSet<_>>();
    let mut failures = String::new();
    for vector in &vectors {
        let id = text(vector, "id").unwrap();
        assert!(!id.starts_with("wild-") || known.contains(id), "{id} is not listed");
    }
    for (id, want_owner, want_problems) in WILD {
        let vector = vectors.iter().find(|v| text(v, "id") == Some(id)).unwrap();
        let conf = ResolvConf::parse(text(vector, "file").unwrap());
        let got_owner = owner(&conf).map(|(owner, _)| owner);
        let harmful = problems(&conf).iter().filter(|p| p.harmful).map(|p| p.kind).collect::<Vec<_>>();
        if got_owner != *want_owner || harmful != *want_problems {
            writeln!(failures, "{id}: {got_owner:?} {harmful:?}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

fn files_in(folder: &str) -> Vec<String> {
    let path = format!("{}/testdata/{folder}", env!("CARGO_MANIFEST_DIR"));
    #[expect(clippy::disallowed_methods, reason = "tests read their data")]
    let entries = std::fs::read_dir(&path).unwrap();
    let mut names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>();
    names.sort();
    names
}

/// Checks the examples of one format: a file of `broken` has a problem of the kind that its name says, a file of `ok`
/// has none.
fn check_examples(format: &str, at_least: usize, kinds: impl Fn(&str) -> Vec<String>) {
    let mut failures = String::new();
    let mut seen = 0;
    for (folder, broken) in [("ok", false), ("broken", true)] {
        for name in files_in(&format!("syntax/{format}/{folder}")) {
            let kinds = kinds(&read_file(&format!("syntax/{format}/{folder}/{name}")));
            let stem = name.split('.').next().unwrap().to_owned();
            let right = if broken { kinds.contains(&stem) } else { kinds.is_empty() };
            seen += 1;
            if !right {
                writeln!(failures, "{folder}/{name}: {kinds:?}").unwrap();
            }
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
    assert!(seen >= at_least, "{seen} files");
}

/// `BadValue` as `bad-value`.
fn kebab(kind: impl std::fmt::Debug) -> String {
    let mut out = String::new();
    for c in format!("{kind:?}").chars() {
        if c.is_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.extend(c.to_lowercase());
    }
    out
}

#[test]
fn resolv_conf_examples() {
    check_examples("resolv_conf", 33, |text| {
        problems(&ResolvConf::parse(text)).iter().filter(|p| p.harmful).map(|p| kebab(p.kind)).collect()
    });
}

#[test]
fn resolved_examples() {
    check_examples("resolved", 15, |text| ResolvedConf::parse(text).problems.iter().map(|p| kebab(p.kind)).collect());
}

fn dnsmasq_vectors(key: &str) -> Vec<Vector> {
    let mut file: BTreeMap<String, Vec<Vector>> =
        serde_saphyr::from_str(&read_file("vectors/vectors-dnsmasq-2.90.yaml")).unwrap();
    file.remove(key).unwrap()
}

/// The first fatal problem: its line and kind.
fn first_fatal(conf: &DnsmasqConf) -> Option<(u64, String)> {
    conf.problems.iter().find(|p| p.kind.is_fatal()).map(|p| (p.line as u64, kebab(p.kind)))
}

#[test]
fn dnsmasq_accepts_and_refuses_files_as_observed() {
    let vectors = dnsmasq_vectors("files");
    assert!(vectors.len() > 120, "{} vectors", vectors.len());
    let mut failures = String::new();
    for vector in &vectors {
        let file = text(vector, "file").unwrap();
        let got = first_fatal(&DnsmasqConf::parse(file));
        let want = vector.get("line").and_then(Value::as_u64);
        let said = text(vector, "error");
        let right = match (&got, said) {
            (Some((_, kind)), Some("bad option")) => kind == "bad-option",
            (Some((_, kind)), Some("missing parameter")) => kind == "missing-parameter",
            (Some((_, kind)), Some("extraneous parameter")) => kind == "extraneous-parameter",
            (Some((_, kind)), Some("missing \"")) => kind == "missing-quote",
            (Some((_, kind)), Some("bad port")) => kind == "bad-port",
            (got, said) => got.is_some() == said.is_some(),
        };
        if !right || got.as_ref().map(|(line, _)| *line) != want {
            writeln!(failures, "{file:?}: got {got:?}, want {want:?} {said:?}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn dnsmasq_accepts_and_refuses_command_lines_as_observed() {
    let mut failures = String::new();
    for vector in &dnsmasq_vectors("arguments") {
        let line = text(vector, "words").unwrap();
        let words = line.split(' ').map(|word| Spanned::new(word.to_owned(), Span::default())).collect::<Vec<_>>();
        let got = first_fatal(&DnsmasqConf::parse_args(&words));
        let said = text(vector, "error");
        if got.is_some() != said.is_some() {
            writeln!(failures, "{line:?}: got {got:?}, want {said:?}").unwrap();
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
fn dnsmasq_examples() {
    check_examples("dnsmasq", 15, |text| DnsmasqConf::parse(text).problems.iter().map(|p| kebab(p.kind)).collect());
}

/// Pieces that the formats give a meaning to.
const PIECES: &[&str] = &[
    "nameserver",
    "search",
    "domain",
    "options",
    "sortlist",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\u{b}",
    "\0",
    "\u{feff}",
    "#",
    ";",
    "10.0.0.1",
    "010.1",
    "fe80::1%eth0",
    "[::1]:53",
    "ä",
    "\u{a0}",
    ".",
    "..",
    "ndots:",
    "5",
    "attempts:0",
    "-rotate",
    "[Resolve]",
    "DNS=",
    "Domains=",
    "~",
    "\\",
    "=",
    "server=",
    "/a/",
    "\"",
    ",",
    "port",
    "conf-dir=/d,*x",
    "%",
    "@",
    ":",
    "--",
    "-p",
];

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { failure_persistence: None, ..Default::default() })]

    /// No text makes a parser or reader panic, and every span lies in the text at character boundaries.
    #[test]
    fn any_text_is_read(pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        let text = pieces.concat();
        let inside = |span: Span| assert!(text.get(span.start..span.end).is_some(), "{span:?} in {text:?}");
        let conf = ResolvConf::parse(&text);
        assert_eq!(conf.to_text(), text);
        for (family, version) in VERSIONS {
            let resolver = read_as(family, version, &conf, &Environment::default());
            resolver.nameservers.iter().for_each(|ns| inside(ns.span));
            resolver.search.iter().for_each(|domain| inside(domain.span));
            resolver.ignored.iter().for_each(|ignored| inside(ignored.span));
            resolver.flags.values().for_each(|span| inside(*span));
        }
        problems(&conf).iter().for_each(|problem| inside(problem.span));
        if let Some((_, span)) = owner(&conf) {
            inside(span);
        }
        if let Ok(dns) = kubelet::read(&conf, KubeVersion::new(1, 30, 0)) {
            dns.nameservers.iter().chain(&dns.searches).chain(&dns.options).for_each(|word| inside(word.span));
        }
        coredns_forward::nameservers(&conf).iter().for_each(|server| inside(server.span));
        dnsmasq_resolv_file::read(&conf).servers.iter().for_each(|server| inside(server.span));
        systemd_resolved::read(&conf).ignored.iter().for_each(|ignored| inside(ignored.span));

        let resolved = ResolvedConf::parse(&text);
        resolved.problems.iter().for_each(|problem| inside(problem.span));
        resolved.assignments.iter().flat_map(|a| a.words()).for_each(|word| inside(word.span));
        let _ = dnslint::syntax::resolved::merge(&[&resolved]);

        let dnsmasq = DnsmasqConf::parse(&text);
        dnsmasq.problems.iter().for_each(|problem| inside(problem.span));
        dnsmasq.entries.iter().for_each(|entry| inside(entry.span));
        let words = conf.lines.iter().flat_map(|line| line.words.clone()).collect::<Vec<_>>();
        let command = DnsmasqConf::parse_args(&words);
        command.problems.iter().for_each(|problem| inside(problem.span));
        command.entries.iter().for_each(|entry| inside(entry.span));
    }
}

/// Repetitions of anything are read in time that grows with their size.
#[test]
fn big_files_are_read_to_the_end() {
    let lines = ["search a b\n", "options ndots:1 x\n", "nameservres x\n", "DNS=1.1.1.1 2\n", "\\\n"];
    for piece in PIECES.iter().chain(&lines) {
        let text = piece.repeat((1 << 17) / piece.len());
        let conf = ResolvConf::parse(&text);
        let states = VERSIONS.map(|(family, version)| read_as(family, version, &conf, &Environment::default()));
        let found = (problems(&conf), owner(&conf), kubelet::read(&conf, KubeVersion::new(1, 30, 0)));
        let resolved = ResolvedConf::parse(&format!("[Resolve]\n{text}"));
        let merged = dnslint::syntax::resolved::merge(&[&resolved]);
        let dnsmasq = DnsmasqConf::parse(&text);
        drop((states, found, merged, dnsmasq));
    }
}
