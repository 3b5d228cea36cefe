//! A pod's resolv.conf and the way of a name: vectors of the libraries, and the clusters of the test data.

use dnslint::analysis::trace::candidates::{Candidate, Failure, Library, candidates};
use dnslint::analysis::trace::lookup::{Course, Ending, Question, Reply, play};
use dnslint::analysis::trace::wait::Timing;
use dnslint::cli::engine::BuiltIn;
use dnslint::cli::{Io, run};
use dnslint::syntax::resolv_conf::glibc::Glibc;
use dnslint::syntax::resolv_conf::golang::Go;
use dnslint::syntax::resolv_conf::musl::Musl;
use dnslint::syntax::resolv_conf::{Environment, ResolvConf, Resolver, glibc, golang, musl};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

type Vector = BTreeMap<String, Value>;

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata").join(path)
}

fn vectors(name: &str) -> Vec<Vector> {
    serde_saphyr::from_str(&std::fs::read_to_string(data("vectors").join(name)).unwrap()).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

/// What a vector says of a look-up: names without repetition, queries, error.
fn sequence(library: Library, vector: &Vector) -> Value {
    let ndots = usize::try_from(vector["ndots"].as_u64().unwrap()).unwrap();
    let got = candidates(library, vector["name"].as_str().unwrap(), &strings(&vector["search"]), ndots);
    let mut names: Vec<&str> = got.names.iter().map(|c| c.name().unwrap_or("<malformed>")).collect();
    names.dedup();
    let error = match (library, got.failure) {
        (Library::Go, _) => "nxdomain",
        (_, Failure::NoName) => "EAI_NONAME",
        (_, Failure::Again) => "EAI_AGAIN",
    };
    json!({"candidates": names, "packets": got.packets(2), "error": error})
}

#[test]
fn sequence_vectors() {
    let (mut failures, mut compared) = (String::new(), 0);
    let all = vectors("vectors-resolvers-sequence.yaml");
    for vector in &all {
        let mut check = |key: &str, library: Library| {
            let Some(want) = vector.get(key) else { return };
            let mut want = want.clone();
            want.as_object_mut().unwrap().shift_remove("versions");
            let got = sequence(library, vector);
            compared += 1;
            if got != want {
                let _ = writeln!(failures, "{} {key}\n  got  {got}\n  want {want}", vector["id"]);
            }
        };
        check("glibc", Library::Glibc);
        check("musl", Library::Musl);
        check("musl_other_1_2_2", Library::MuslBefore124);
        check("go", Library::Go);
        if !vector.contains_key("musl_other_1_2_2") {
            check("musl", Library::MuslBefore124);
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!((all.len(), compared), (21, 84));
}

/// The settings of a vector's file as one library reads them.
fn resolver(library: Library, vector: &Vector) -> Resolver {
    let count = |key: &str| vector[key].as_u64().unwrap();
    let mut text: String = (1..=count("nameservers")).map(|n| format!("nameserver 192.0.2.{n}\n")).collect();
    let domains: Vec<String> = (1..=count("search")).map(|n| format!("d{n}.test")).collect();
    if !domains.is_empty() {
        let _ = writeln!(text, "search {}", domains.join(" "));
    }
    let _ = writeln!(text, "options {}", vector["options"].as_str().unwrap());
    let conf = ResolvConf::parse(&text);
    let env = Environment::default();
    match library {
        Library::Glibc => glibc::read(&conf, Glibc::new(2, 36), &env),
        Library::Go => golang::read(&conf, Go::new(1, 26), &env),
        Library::Musl | Library::MuslBefore124 => musl::read(&conf, Musl::new(1, 2, 5), &env),
    }
}

/// What the server of a vector does with a question.
fn behaviour(word: &str) -> Reply {
    match word {
        "silent" => Reply::Silent,
        "servfail" => Reply::Servfail,
        "refused" => Reply::Refused,
        "nxdomain" => Reply::Nxdomain,
        "answer" => Reply::Answer,
        "lame" => Reply::Lame,
        "closed" => Reply::Closed,
        "truncated" => Reply::Truncated,
        "nodata" => Reply::Nodata,
        other => panic!("behaviour {other}"),
    }
}

/// The reply of a vector's servers; words like `A answer, AAAA servfail` and `domain 1 NODATA, domain 2 answer` speak of
/// types and candidates, a name that they do not mention exists nowhere.
fn scripted(vector: &Vector, question: Question) -> Reply {
    if let Some(lost) = vector.get("lost").and_then(Value::as_str) {
        let is_lost = match lost {
            "first AAAA" => question.second && question.sending == 0,
            "every AAAA" => question.second,
            other => panic!("lost {other}"),
        };
        return if is_lost { Reply::Silent } else { Reply::Answer };
    }
    let servers = strings(&vector["servers"]);
    let script = servers[question.server];
    if !script.contains(' ') {
        return behaviour(script);
    }
    let domains = usize::try_from(vector["search"].as_u64().unwrap()).unwrap();
    let who = match (domains, question.candidate) {
        (0, _) if question.second => "AAAA ".to_owned(),
        (0, _) => "A ".to_owned(),
        (_, place) if place < domains => format!("domain {} ", place + 1),
        _ => "plain name ".to_owned(),
    };
    let word = script.split(", ").find_map(|part| part.strip_prefix(who.as_str()));
    behaviour(&word.unwrap_or("nxdomain").to_lowercase())
}

fn play_vector(library: Library, vector: &Vector) -> Course {
    let settings = resolver(library, vector);
    let timing = Timing::of(&settings);
    play(library, vector["name"].as_str().unwrap(), &timing, 2, &|question| scripted(vector, question))
}

/// How the vectors write an end: what was found, or the error.
fn compare(library: Library, id: &str, want: &Value, course: &Course) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differs = |field: &str, want: &Value, got: Value| {
        if *want != got {
            wrong.push(format!("{field}: got {got}, want {want}"));
        }
    };
    let error = match (library, course.ending) {
        (Library::Go, Ending::NoName) => "nxdomain",
        (_, Ending::NoName) => "EAI_NONAME",
        (_, Ending::Nodata) => "EAI_NODATA",
        (_, Ending::Again) => "EAI_AGAIN",
        (_, Ending::Crash) => "SIGFPE",
        (_, Ending::Found | Ending::FirstOnly | Ending::SecondOnly) => "",
    };
    // the candidates of a name without search list, and of one whose plain name comes last
    let place = |index: usize| if index == 2 { "plain name".to_owned() } else { format!("domain {}", index + 1) };
    for (field, want) in want.as_object().unwrap() {
        match field.as_str() {
            "seconds" => {
                // the observations are rounded, and answers take time on the wire
                let seconds = course.milliseconds.map(|ms| (ms + 500) / 1000);
                differs(field, want, json!(seconds));
            }
            "packets" => differs(field, want, json!(course.packets)),
            "error" | "crash" => differs(field, want, json!(error)),
            "ok" if want == "A only" => differs(field, &json!("FirstOnly"), json!(format!("{:?}", course.ending))),
            "ok" if want == true => differs(field, &json!("Found"), json!(format!("{:?}", course.ending))),
            "ok" => {
                let (found, unasked) = want.as_str().unwrap().split_once(", ").unwrap_or((want.as_str().unwrap(), ""));
                let asked: Vec<String> = course.candidates.iter().map(|index| place(*index)).collect();
                differs(field, &json!(found), json!(asked.last()));
                if let Some(name) = unasked.strip_suffix(" never asked") {
                    differs(field, &json!(false), json!(asked.iter().any(|asked| asked == name)));
                }
            }
            "asked" => {
                let said = want.as_str().unwrap();
                differs(field, &json!(said.contains("TCP")), json!(course.tcp));
                differs(field, &json!(if said.contains("both") { 2 } else { 1 }), json!(course.servers.len()));
                if said.contains("twice") {
                    // two types, two servers, twice, for each of two names
                    differs(field, &json!(2 * 2 * 2 * 2), json!(course.packets));
                }
            }
            "second_lookup_same_thread" | "versions" => {}
            other => panic!("{id}: field {other} is not compared"),
        }
    }
    wrong
}

/// Every field of every timing vector.
#[test]
fn timing_vectors() {
    let (mut failures, mut compared) = (String::new(), 0);
    let all = vectors("vectors-resolvers-timing.yaml");
    for vector in &all {
        let id = vector["id"].as_str().unwrap();
        for (key, want) in vector {
            let library = match key.as_str() {
                "glibc" => Library::Glibc,
                "musl" => Library::Musl,
                "musl_other" => Library::MuslBefore124,
                "go" => Library::Go,
                "id" | "nameservers" | "search" | "options" | "name" | "servers" | "lost" | "verified" | "note" => {
                    continue;
                }
                other => panic!("{id}: field {other} is not compared"),
            };
            compared += 1;
            for wrong in compare(library, id, want, &play_vector(library, vector)) {
                let _ = writeln!(failures, "{id} {key}: {wrong}");
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!((all.len(), compared), (33, 100));
}

/// glibc keeps to the careful way for the rest of a thread's life: the next look-up with a lost AAAA costs one wait.
#[test]
fn the_second_look_up_of_a_thread() {
    let vector =
        vectors("vectors-resolvers-timing.yaml").into_iter().find(|v| v["id"] == "t-aaaa-lost-always").unwrap();
    let mut later = vector.clone();
    later.insert("options".to_owned(), json!("timeout:2 single-request-reopen"));
    let course = play_vector(Library::Glibc, &later);
    let want = vector["glibc"]["second_lookup_same_thread"].as_u64().unwrap();
    assert_eq!((course.milliseconds, course.ending), (Some(want * 1000), Ending::FirstOnly));
}

/// The reference table of the three libraries: silent servers, default settings, without and with a search list.
#[test]
fn silent_servers_cost_what_the_formulas_say() {
    for (servers, glibc, go) in [(1, (10, 20), (10, 40)), (2, (20, 40), (20, 80)), (3, (28, 56), (30, 120))] {
        let seconds = |library, search: u64| {
            let vector = BTreeMap::from([
                ("nameservers".to_owned(), json!(servers)),
                ("search".to_owned(), json!(search)),
                ("options".to_owned(), json!("ndots:5")),
            ]);
            let settings = resolver(library, &vector);
            play(library, "api.example", &Timing::of(&settings), 2, &|_| Reply::Silent).milliseconds.unwrap() / 1000
        };
        assert_eq!((seconds(Library::Glibc, 0), seconds(Library::Glibc, 3)), glibc, "glibc {servers}");
        assert_eq!((seconds(Library::Musl, 0), seconds(Library::Musl, 3)), (5, 5), "musl {servers}");
        assert_eq!((seconds(Library::Go, 0), seconds(Library::Go, 3)), go, "Go {servers}");
    }
}

/// `use-vc` without answers has no end in glibc, and the most tries that a file can ask of Go are counted, not played.
#[test]
fn odd_settings_have_an_end() {
    let settings = |options: &str| {
        BTreeMap::from([
            ("nameservers".to_owned(), json!(2)),
            ("search".to_owned(), json!(6)),
            ("options".to_owned(), json!(options)),
        ])
    };
    let silent = |library, options: &str| {
        let resolver = resolver(library, &settings(options));
        play(library, "x.y", &Timing::of(&resolver), 2, &|_| Reply::Silent)
    };
    assert_eq!(silent(Library::Glibc, "use-vc").milliseconds, None);
    assert!(silent(Library::Go, "attempts:16777214 timeout:16777214").milliseconds.unwrap() > 1 << 40);
    assert_eq!(silent(Library::Musl, "attempts:0").ending, Ending::Crash);
    assert_eq!(silent(Library::Glibc, "no-aaaa timeout:1 attempts:1").packets, 4);
}

/// Runs the program: exit code, standard output, standard error.
fn dnslint(args: &[&str]) -> (u8, String, String) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let env = |_: &str| None;
    let words = std::iter::once("dnslint").chain(args.iter().copied()).map(OsString::from);
    let mut stdin = std::io::empty();
    let code = {
        let mut io = Io { stdin: &mut stdin, stdout: &mut stdout, stderr: &mut stderr, is_terminal: false, env: &env };
        run(words, &BuiltIn, &mut io)
    };
    (code, String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn cluster(name: &str) -> String {
    format!("testdata/clusters/{name}")
}

/// The file of a pod, or the error.
fn file(cluster_name: &str, words: &[&str]) -> (u8, String) {
    let path = cluster(cluster_name);
    let mut args = vec!["resolv-conf"];
    args.extend(words);
    args.push(&path);
    let (code, stdout, stderr) = dnslint(&args);
    (code, if stdout.is_empty() { stderr } else { stdout })
}

#[test]
fn malformed_is_no_name() {
    assert_eq!(Candidate::Malformed.name(), None);
}

#[test]
fn the_gateway_falls_back_to_public_dns() {
    assert_eq!(file("k3s-gateway", &["--node", "orangebox-7eb3"]), (0, "nameserver 8.8.8.8\n".to_owned()));
    assert_eq!(file("k3s-gateway", &["kube-system/coredns"]), (0, "nameserver 8.8.8.8\n".to_owned()));
}

#[test]
fn kubespray_pods() {
    let pod = "nameserver 169.254.25.10\nsearch kubesphere-system.svc.cluster.local svc.cluster.local cluster.local\n\
               options ndots:5\n";
    assert_eq!(file("kubespray-four-nodes", &["kubesphere-system/redis-ha-server-1"]), (0, pod.to_owned()));
    assert_eq!(file("kubespray-four-nodes", &["sts/kubesphere-system/redis-ha-server"]), (0, pod.to_owned()));
    let host = "nameserver 100.64.11.3\nnameserver 114.114.114.114\nnameserver 119.29.29.29\n";
    for pod in ["kube-system/coredns", "ds/kube-system/nodelocaldns"] {
        assert_eq!(file("kubespray-four-nodes", &[pod]), (0, host.to_owned()), "{pod}");
    }
}

/// The print of a trace with paths below the cluster's directory.
fn way(cluster_name: &str, from: &str, name: &str) -> (u8, String) {
    let path = cluster(cluster_name);
    let (code, stdout, stderr) = dnslint(&["trace", from, name, &path]);
    (code, if stdout.is_empty() { stderr } else { stdout }.replace(&format!("{path}/"), ""))
}

#[test]
fn a_trace_asks_for_the_type_it_is_told() {
    let path = cluster("kubespray-four-nodes");
    let name = "redis-ha.kubesphere-system.svc.cluster.local.";
    for (kind, name, code, end) in [
        ("A", name, 0, "= 10.233.102.133, 10.233.74.71, 10.233.75.4 (endpoints"),
        ("aaaa", name, 1, "= no records: only of the other IP family"),
        ("SRV", name, 0, "= one for each port behind the endpoints"),
        ("TXT", name, 1, "= no records: names of Services and pods have no TXT records"),
        ("PTR", name, 1, "= no records: names of Services and pods have no PTR records"),
        ("PTR", "10.233.102.133", 0, "1 query (PTR)"),
        ("A", "133.102.233.10.in-addr.arpa.", 0, "addresses have PTR records alone; falls through"),
        ("TXT", "dns-version.cluster.local.", 0, "= 1.1.0"),
        ("SOA", "cluster.local.", 0, "= the zone's own"),
        // the addresses behind a port
        ("A", &format!("_redis._tcp.{name}"), 0, "= 10.233.102.133"),
        ("MX", "redis-ho.kubesphere-system.svc.cluster.local.", 1, "did you mean redis-ha"),
    ] {
        let (got, stdout, stderr) =
            dnslint(&["trace", "kubesphere-system/redis-ha-server", name, &path, "--type", kind]);
        assert_eq!(got, code, "{kind} {name}: {stdout}{stderr}");
        let asked = format!("1 query ({})", kind.to_ascii_uppercase());
        assert!(stdout.contains(&asked) && stdout.contains(end), "{kind} {name}: {stdout}");
    }
}

fn expect(file: &str, got: &str) {
    crate::common::expect(&format!("testdata/predict/{file}"), got);
}

#[test]
fn recorded_traces() {
    let redis = "kubesphere-system/redis-ha-server";
    for (file, cluster_name, from, name, code) in [
        ("redis-ha.txt", "kubespray-four-nodes", redis, "redis-ha.kubesphere-system.svc.cluster.local", 0),
        (
            "redis-ha-server-1.txt",
            "kubespray-four-nodes",
            redis,
            "redis-ha-server-1.kubesphere-system.svc.cluster.local",
            1,
        ),
        ("redis-ha-ptr.txt", "kubespray-four-nodes", redis, "10.233.102.133", 0),
        (
            "redis-ha-srv.txt",
            "kubespray-four-nodes",
            redis,
            "_server._tcp.redis-ha.kubesphere-system.svc.cluster.local.",
            0,
        ),
        ("external.txt", "kubespray-four-nodes", redis, "example.com.", 0),
        ("gateway-node.txt", "k3s-gateway", "orangebox-7eb3", "example.com", 0),
        ("gateway-coredns.txt", "k3s-gateway", "kube-system/coredns", "example.com", 0),
        ("kube-dns.txt", "healthy-kube-dns", "default/web", "web.default", 0),
        ("kube-dns-stub.txt", "healthy-kube-dns", "default/web", "x.corp.example.", 0),
        ("kube-dns-ptr.txt", "healthy-kube-dns", "default/web", "10.1.2.3", 0),
        ("conntrack.txt", "kubeadm-conntrack", "default/nginx", "kubernetes.default", 0),
    ] {
        let (got, text) = way(cluster_name, from, name);
        assert_eq!(got, code, "{file}\n{text}");
        expect(file, &text);
    }
}

/// What decides who gets a packet: redirect policies, ports of nodes, other resolvers in pods, what node-cache fills in,
/// files that volumes bring, and servers that do not start. Each is followed from a pod added to a case of the loops.
#[test]
fn every_kind_of_door_is_gone_through() {
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: web, image: nginx}]}\n";
    for (case, wanted) in [
        // never the nameservers of the pod's own resolv.conf
        ("c05-not-mounted-file-has-an-upstream", ["/etc/upstream/up.conf in its container", "= 192.168.7.53 decides"]),
        ("c05-mounted-from-the-node", ["/host/resolv.conf in its container", "a loop"]),
        (
            "c05-not-mounted-secret",
            ["/etc/upstream/resolv.conf in its container", "= not known: the snapshot does not have"],
        ),
        ("c03-not-several-forwards-before-1-9-4", ["it does not serve this Corefile", "manifests/coredns.yaml:"]),
        ("c07-not-dns-loop-detect", ["dnsmasq on node n1", "dnsmasq finds that out and does without this upstream"]),
        ("c09-upstreamsvc-is-the-bound-service", ["forward . __PILLAR__CLUSTER__DNS__", "a loop"]),
        ("c13-upstream-nameservers", ["manifests/kube-dns-config.yaml:8", "a loop"]),
        ("c18-back-by-node-port", ["192.168.10.11, port 30053: the NodePort of kube-system/coredns", "a loop"]),
        ("c18-office-load-balancer", ["192.168.10.240: Service ", "a loop"]),
        ("c19-pihole-by-environment", ["pihole/pihole: Pi-hole", "a loop"]),
        ("c19-unbound-on-a-host-port", ["a hostPort of ", "a loop"]),
        ("c21-redirected-to-itself", ["the redirect policy CiliumLocalRedirectPolicy/", "a loop"]),
        ("c21-not-skipped", ["the redirect policy CiliumLocalRedirectPolicy/", "kube-system/coredns, block"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        crate::common::copy(&data("loops").join(case), dir.path());
        std::fs::write(dir.path().join("manifests/web.yaml"), pod).unwrap();
        let name = match case.get(..3) {
            Some("c09" | "c21") => "a.default.svc.cluster.local.",
            Some("c18") => "www.corp.example.",
            _ => "example.com.",
        };
        let (_, stdout, stderr) = dnslint(&["trace", "default/web", name, dir.path().to_str().unwrap()]);
        assert!(wanted.iter().all(|text| stdout.contains(text)), "{case}: {wanted:?}\n{stdout}{stderr}");
    }
}

#[test]
fn the_pod_name_that_exists_is_told() {
    let redis = "kubesphere-system/redis-ha-server";
    let (_, text) = way("kubespray-four-nodes", redis, "redis-ha-server-1.kubesphere-system.svc.cluster.local.");
    assert!(text.contains("redis-ha-server-1.redis-ha.kubesphere-system.svc.cluster.local"), "{text}");
    let (code, text) =
        way("kubespray-four-nodes", redis, "redis-ha-server-1.redis-ha.kubesphere-system.svc.cluster.local.");
    assert!(code == 0 && text.contains("= 10.233.102.133 "), "{text}");
}

/// A node file without a value after `nameserver` keeps every pod of the node from starting.
#[test]
fn pods_that_never_start_and_nodes_that_differ() {
    let dir = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(
        "manifests/pod.yaml",
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  dnsPolicy: Default\n  containers: [{name: a, image: alpine:3}]\n",
    );
    for (node, text) in [("one", "nameserver 192.0.2.1\n"), ("two", "nameserver\n")] {
        write(&format!("nodes/{node}/etc/resolv.conf"), text);
        write(
            &format!("nodes/{node}/var/lib/kubelet/config.yaml"),
            "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\n",
        );
    }
    let path = dir.path().to_string_lossy().into_owned();
    let (code, stdout, stderr) = dnslint(&["resolv-conf", "default/a", &path]);
    assert_eq!((code, stdout.as_str()), (2, ""));
    assert!(stderr.contains("one:\n    nameserver 192.0.2.1\n  two:\n"), "{stderr}");
    let (code, stdout, stderr) = dnslint(&["resolv-conf", "default/a", "--node", "two", &path]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    assert!(stderr.contains("the pod does not start") && stderr.contains("two/etc/resolv.conf:1"), "{stderr}");
    let (code, stdout, _) = dnslint(&["resolv-conf", "pod/default/a", "--node", "one", &path]);
    assert_eq!((code, stdout.as_str()), (0, "nameserver 192.0.2.1\n"));
}

#[test]
fn nothing_of_that_name() {
    let (code, text) = file("kubespray-four-nodes", &["--node", "nod1"]);
    assert_eq!((code, text.contains("did you mean `node1`")), (2, true), "{text}");
    let (code, text) = file("kubespray-four-nodes", &["kubesphere-system/redis-ha-servr"]);
    assert_eq!((code, text.contains("kubesphere-system/redis-ha-server")), (2, true), "{text}");
    let (code, text) = file("kubespray-four-nodes", &["kubesphere-system/redis"]);
    assert_eq!((code, text.contains("did you mean `kubesphere-system/redis-ha")), (2, true), "{text}");
    let redis = "kubesphere-system/redis-ha-server";
    for (name, near) in
        [("coredns.kube-sytem.svc.cluster.local.", "kube-system"), ("cordns.kube-system.svc.cluster.local.", "coredns")]
    {
        let (code, text) = way("kubespray-four-nodes", redis, name);
        assert_eq!((code, text.contains(&format!("(did you mean {near}?)"))), (1, true), "{text}");
    }
}

/// Every workload of every cluster has a file or a reason, and a trace, without exception.
#[test]
fn every_workload_of_every_cluster() {
    let mut seen = 0;
    for entry in std::fs::read_dir(data("clusters")).unwrap() {
        let path = entry.unwrap().path();
        if !path.is_dir() {
            continue;
        }
        let shown = cluster(&path.file_name().unwrap().to_string_lossy());
        let snapshot = dnslint::source::Snapshot::load(&[PathBuf::from(&shown)], &Default::default());
        for assembled in dnslint::model::assemble(&snapshot) {
            for w in &assembled.objects.workloads {
                let name = format!("{}/{}/{}", w.meta.kind.value, w.meta.namespace.value, w.meta.name.value);
                let (code, stdout, stderr) = dnslint(&["resolv-conf", &name, &shown, "--explain"]);
                assert!(code == 0 && stdout.contains("nameserver ") || !stderr.is_empty(), "{shown} {name}: {code}");
                let (_, stdout, stderr) = dnslint(&["trace", &name, "example.com", &shown, "--format", "json"]);
                assert!(serde_json::from_str::<Value>(&stdout).is_ok() || !stderr.is_empty(), "{shown} {name}");
                seen += 1;
            }
        }
    }
    assert!(seen > 50, "{seen}");
}
