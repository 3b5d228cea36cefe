//! A pod's resolv.conf and the way of a name: vectors of the libraries, and the clusters of the test data.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails loudly and lays out its own files"
)]

use dnslint::analysis::trace::candidates::{Candidate, Failure, Library, candidates};
use dnslint::analysis::trace::wait::{Timing, Wait, silent};
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

/// Every vector whose servers all keep silent; `timeout:0` and `attempts:0` are such cases, too.
#[test]
fn silence_vectors() {
    let (mut failures, mut compared) = (String::new(), 0);
    for vector in vectors("vectors-resolvers-timing.yaml") {
        let is_silent = vector.get("servers").is_some_and(|s| strings(s).iter().all(|b| *b == "silent"));
        let without_tries = vector["id"] == "t-attempts-0";
        if !is_silent && !without_tries {
            continue;
        }
        for (key, library) in [("glibc", Library::Glibc), ("musl", Library::Musl), ("go", Library::Go)] {
            let Some(want) = vector.get(key) else { continue };
            if without_tries && library == Library::Go {
                continue; // an answering server: Go does ask
            }
            let settings = resolver(library, &vector);
            let got = silent(library, vector["name"].as_str().unwrap(), &Timing::of(&settings));
            let want = match want.get("seconds").and_then(Value::as_u64) {
                Some(seconds) => Wait::Seconds(seconds),
                None => Wait::Crash,
            };
            compared += 1;
            if got != want {
                let _ = writeln!(failures, "{} {key}: got {got:?}, want {want:?}", vector["id"]);
            }
        }
    }
    assert!(failures.is_empty(), "{failures}");
    assert_eq!(compared, 43);
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

/// Compares with `testdata/predict/<file>`; `DNSLINT_BLESS=1` writes it.
fn expect(file: &str, got: &str) {
    let path = data("predict").join(file);
    if std::env::var_os("DNSLINT_BLESS").is_some() {
        std::fs::write(&path, got).unwrap();
    }
    assert_eq!(got, std::fs::read_to_string(&path).unwrap(), "{file}");
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
        ("conntrack.txt", "kubeadm-conntrack", "default/nginx", "kubernetes.default", 0),
    ] {
        let (got, text) = way(cluster_name, from, name);
        assert_eq!(got, code, "{file}\n{text}");
        expect(file, &text);
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
