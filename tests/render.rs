//! `dnslint render`: what it writes lints clean, changes with its parameters alone, and is refused where it would be wrong.
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

mod common;

use common::{check, lines, root};
use dnslint::analysis::collect::Assumptions;
use dnslint::analysis::facts::ProxyMode;
use dnslint::cli::engine::BuiltIn;
use dnslint::cli::{Io, run};
use dnslint::model::{Cluster, assemble};
use dnslint::render::distribution::Distribution;
use dnslint::render::request::{Companion, NodeForm, Resolver, Update};
use dnslint::render::{Part, Plan, Request, plan};
use dnslint::source::Snapshot;
use dnslint::syntax::corefile::{Shape, format};
use std::ffi::OsString;
use std::fs;
use std::path::Path;

const DISTRIBUTIONS: [Distribution; 4] =
    [Distribution::K3s, Distribution::Kubeadm, Distribution::Rke2, Distribution::Kubespray];
const PROXIES: [ProxyMode; 4] = [ProxyMode::Iptables, ProxyMode::Ipvs, ProxyMode::Nftables, ProxyMode::Replaced];

fn rendered(request: &Request) -> Plan {
    plan(request, &Snapshot::default(), &Cluster::default(), &Assumptions::default())
        .unwrap_or_else(|refusal| panic!("{request:?}: {}", refusal.reason))
}

/// Every combination of distribution, proxy, addresses, domain and style.
fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for distribution in DISTRIBUTIONS {
        for proxy in PROXIES {
            for dns in [vec![], vec!["10.99.0.10"], vec!["fd00:99::a"], vec!["10.99.0.10", "fd00:99::a"]] {
                for domain in [None, Some("k8s.example.net")] {
                    for style in 0..3 {
                        all.push(Request {
                            proxy: Some(proxy),
                            cluster_dns: dns.iter().map(|ip| ip.parse().unwrap()).collect(),
                            cluster_domain: domain.map(str::to_owned),
                            udp: style == 1,
                            update: [Update::Rolling, Update::OnDelete, Update::InPlace][style],
                            upstreams: [vec![], vec!["192.0.2.53".to_owned()], vec!["/run/resolv.conf".to_owned()]]
                                [style]
                                .clone(),
                            companions: if style == 2 {
                                vec![Companion::PodMonitor, Companion::NetworkPolicy]
                            } else {
                                Vec::new()
                            },
                            ..Request::of(distribution)
                        });
                    }
                }
            }
        }
    }
    all
}

#[test]
fn every_combination_parses_and_lints_clean() {
    let all = requests();
    assert!(all.len() >= 200, "{}", all.len());
    let mut problems = Vec::new();
    for request in &all {
        let made = rendered(request);
        assert!(!made.files.is_empty(), "{request:?}");
        let snapshot = Snapshot::from_texts(made.files.iter().map(|file| (file.path.clone(), file.text.clone())));
        let broken = assemble(&snapshot).iter().map(|cluster| cluster.broken.len()).sum::<usize>();
        assert_eq!(broken, 0, "{request:?}");
        let mut found = check(&snapshot, &[]);
        // that is what `--udp` asks for
        found.retain(|diagnostic| !(request.udp && diagnostic.rule == "node-cache-udp-upstream"));
        if !found.is_empty() {
            problems.push(format!("{request:?}\n{}", lines(&snapshot, &found)));
        }
    }
    let shown = problems.iter().take(5).cloned().collect::<Vec<_>>().join("\n");
    assert!(problems.is_empty(), "{} of {} have findings\n{shown}", problems.len(), all.len());
}

#[test]
fn corefiles_are_formatted() {
    for request in requests() {
        for resolver in [Resolver::NodeCache, Resolver::CoreDns] {
            let request = Request { resolver, ..request.clone() };
            let Ok(made) = plan(&request, &Snapshot::default(), &Cluster::default(), &Assumptions::default()) else {
                continue;
            };
            let snapshot = Snapshot::from_texts(made.files.iter().map(|file| (file.path.clone(), file.text.clone())));
            let clusters = assemble(&snapshot);
            for text in clusters.iter().flat_map(|c| &c.dns_servers).filter_map(|s| s.config.as_ref()?.text()) {
                assert_eq!(format(&text.text, Shape::Corefile).unwrap().changes, [], "{}", text.text);
            }
        }
    }
}

/// Lines of the second text that the first does not have, and the other way round.
fn changed_lines(before: &str, after: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(before, after);
    let changes = diff.iter_all_changes().filter(|c| c.tag() != similar::ChangeTag::Equal);
    changes.map(|c| c.value().trim().to_owned()).collect()
}

#[test]
fn a_parameter_changes_only_what_depends_on_it() {
    let base = Request::of(Distribution::K3s);
    let text = |request: &Request| rendered(request).files[0].text.clone();
    let before = text(&base);
    let cases: [(Request, &[&str]); 6] = [
        (Request { health_port: Some(8099), ..base.clone() }, &["8080", "8099"]),
        (Request { metrics_port: Some(9999), ..base.clone() }, &["9253", "9999"]),
        (Request { image: Some("example.com/cache:1.26.7".to_owned()), ..base.clone() }, &["image:"]),
        (Request { upstreams: vec!["192.0.2.53".to_owned()], ..base.clone() }, &["/etc/resolv.conf", "192.0.2.53"]),
        (Request { cache_entries: Some(50_000), ..base.clone() }, &["success", "denial"]),
        (
            Request { cluster_domain: Some("k8s.example.net".to_owned()), ..base.clone() },
            &["cluster.local", "k8s.example.net"],
        ),
    ];
    for (request, words) in cases {
        let changed = changed_lines(&before, &text(&request));
        assert!(!changed.is_empty(), "{request:?}");
        for line in changed {
            assert!(words.iter().any(|word| line.contains(word)), "{line}");
        }
    }
}

struct Output {
    code: u8,
    stdout: String,
    stderr: String,
}

fn render(args: &[&str]) -> Output {
    let words = ["dnslint", "render"].iter().chain(args).map(OsString::from);
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut io = Io {
        stdin: &mut std::io::empty(),
        stdout: &mut stdout,
        stderr: &mut stderr,
        is_terminal: false,
        env: &|_| None,
    };
    let code = run(words, &BuiltIn, &mut io);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Output { code, stdout: text(stdout), stderr: text(stderr) }
}

fn cluster(name: &str) -> String {
    root().join("testdata/clusters").join(name).to_str().unwrap().to_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            copy(&entry.path(), &target);
        } else if kind.is_symlink() {
            std::os::unix::fs::symlink(fs::read_link(entry.path()).unwrap(), target).unwrap();
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Writes into a copy of a cluster, twice; what the rules find there afterwards.
fn written(name: &str, args: &[&str]) -> Vec<String> {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(&cluster(name)), dir.path());
    let path = dir.path().to_str().unwrap();
    let all: Vec<&str> = args.iter().copied().chain([path, "--out", path]).collect();
    let first = render(&all);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let second = render(&all);
    assert!(!second.stderr.contains("replaced: ") && !second.stderr.contains("wrote: "), "{}", second.stderr);
    let with = |flag| args.iter().copied().chain([path, flag]).collect::<Vec<&str>>();
    let (diff, list) = (render(&with("--diff")), render(&with("--check")));
    assert_eq!((diff.code, diff.stdout.as_str(), list.code), (0, "", 0));
    let snapshot = common::snapshot(dir.path());
    check(&snapshot, &[]).into_iter().map(|d| format!("{}[{}]", d.severity.as_str(), d.rule)).collect()
}

#[test]
fn the_hand_made_cache_of_a_tailnet_becomes_a_right_one() {
    let before = common::snapshot(Path::new(&cluster("k3s-tailscale-node-cache")));
    let broken: Vec<String> = check(&before, &["node-cache"]).into_iter().map(|d| d.rule).collect();
    assert!(broken.iter().any(|rule| rule == "node-cache-missing-object"), "{broken:?}");
    let after = written("k3s-tailscale-node-cache", &["--k3s"]);
    assert!(after.iter().all(|finding| !finding.starts_with("error") && !finding.contains("node-cache")), "{after:?}");
}

#[test]
fn stock_clusters_take_the_cache() {
    for (name, flag) in [
        ("stock-kubeadm", "--kubeadm"),
        ("stock-k3s", "--k3s"),
        ("stock-k3s-resolved", "--k3s"),
        ("stock-node-cache-iptables", "--kubeadm"),
        ("healthy-split-horizon", "--kubeadm"),
        ("healthy-custom-domain", "--kubeadm"),
        ("healthy-ipv6-only-k3s", "--k3s"),
        ("healthy-dual-stack", "--kubeadm"),
        ("kubeadm-conntrack", "--kubeadm"),
        ("kubeadm-conntrack-ipvs", "--kubeadm"),
        ("stock-rke2", "--rke2"),
    ] {
        let after = written(name, &[flag]);
        assert!(after.iter().all(|finding| !finding.starts_with("error")), "{name}: {after:?}");
    }
}

#[test]
fn kubelets_behind_ipvs_are_sent_to_the_cache_in_their_own_files() {
    let diff = render(&["--kubeadm", &cluster("kubeadm-conntrack-ipvs"), "--only", "node", "--diff"]);
    assert_eq!(diff.code, 1, "{}", diff.stderr);
    let changes = diff.stdout.lines().filter(|line| line.starts_with(['-', '+']) && !line.contains("config.yaml"));
    let expected = ["-- 192.96.0.10", "+- 169.254.20.10"].repeat(3);
    assert_eq!(changes.collect::<Vec<_>>(), expected, "{}", diff.stdout);
    assert!(diff.stderr.contains("kube-system/kubelet-config"), "{}", diff.stderr);
    assert!(!diff.stderr.contains("kubeadm-patches"), "{}", diff.stderr);
    // without nodes there is no file to change: kubeadm gets a patch, whose path is below --out
    let patch = render(&["--kubeadm", "--proxy-mode", "ipvs", "--out", "made", "--check"]);
    assert!(
        patch.stdout.contains("would write: made/kubeadm-patches/kubeletconfiguration0+merge.yaml\n"),
        "{}",
        patch.stdout
    );
    assert!(patch.stderr.contains("copy made/kubeadm-patches to"), "{}", patch.stderr);
    assert!(patch.stderr.contains("`kubectl apply -f made/manifests/node-local-dns.yaml`"), "{}", patch.stderr);
    let back = patch.stderr.split("the way back:").nth(1).unwrap();
    assert!(back.contains("put the old values back") && !back.contains("kubeadm upgrade"), "{back}");
}

#[test]
fn a_redirect_policy_of_another_name_stays_the_only_one() {
    let name = cluster("healthy-cilium-local-redirect");
    let made = render(&["--kubeadm", &name]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(!made.stdout.contains("CiliumLocalRedirectPolicy"), "{}", made.stdout);
    assert!(
        made.stderr.contains("note: CiliumLocalRedirectPolicy/kube-system/nodelocaldns already sends"),
        "{}",
        made.stderr
    );
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(&name), dir.path());
    let policy = dir.path().join("manifests/node-local-dns-redirect.yaml");
    let other = fs::read_to_string(&policy).unwrap().replace("k8s-app: node-local-dns", "k8s-app: other-cache");
    fs::write(&policy, other).unwrap();
    let refused = render(&["--kubeadm", dir.path().to_str().unwrap()]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("already sends the DNS Service to other pods"), "{}", refused.stderr);
}

#[test]
fn what_would_be_wrong_is_refused_with_the_reason() {
    let gateway = render(&["--k3s", &cluster("k3s-gateway")]);
    assert_eq!((gateway.code, gateway.stdout.as_str()), (2, ""));
    assert!(gateway.stderr.contains("error[node-cache-port-conflict]: port 53"), "{}", gateway.stderr);
    assert!(
        gateway
            .stderr
            .ends_with("not rendered: in this cluster the result would be wrong, as the findings above show\n")
    );
    let collision = render(&["--kubeadm", "--local-ip", "169.254.169.254"]);
    assert_eq!(collision.code, 2);
    assert!(collision.stderr.contains("node-cache-address-collision"), "{}", collision.stderr);
    let own = render(&["--kubeadm", "--local-ip", "10.96.0.10"]);
    assert!(own.code == 2 && own.stderr.contains("is the address of the DNS Service"), "{}", own.stderr);
    let hickory = render(&["--kubeadm", "--proxy-mode", "ipvs", "--resolver", "hickory-dns"]);
    assert!(hickory.code == 2 && hickory.stderr.contains("name the upstreams with --upstream"), "{}", hickory.stderr);
    let injected = render(&["--kubeadm", "--cluster-domain", "a\n}\nb"]);
    assert!(injected.code == 2 && injected.stderr.contains("no domain name"), "{}", injected.stderr);
    assert_eq!(render(&["testdata"]).code, 2, "no distribution");
    assert_eq!(render(&["--k3s", "--rke2"]).code, 2, "two");
}

#[test]
fn the_gateways_resolver_file_in_every_form() {
    let gateway = cluster("k3s-gateway");
    // no cache can run beside its dnsmasq, but the resolver file for pods can be set
    let forms: [(&str, &str, &str); 3] = [
        ("config", "etc/rancher/k3s/config.yaml.d/50-dnslint.yaml", "resolv-conf: \"/run/dnsmasq/resolv.conf\"\n"),
        (
            "unit",
            "etc/systemd/system/k3s.service.d/50-dnslint.conf",
            "Environment=K3S_RESOLV_CONF=/run/dnsmasq/resolv.conf\n",
        ),
        ("env", "etc/systemd/system/k3s.service.env", "K3S_RESOLV_CONF=/run/dnsmasq/resolv.conf\n"),
    ];
    for (form, path, line) in forms {
        let made = render(&["--k3s", &gateway, "--only", "node", "--node-form", form]);
        assert_eq!(made.code, 0, "{}", made.stderr);
        assert!(made.stdout.contains(path) && made.stdout.contains(line), "{form}: {}", made.stdout);
    }
    let ansible = render(&["--k3s", &gateway, "--only", "node", "--node-form", "ansible"]);
    assert!(
        ansible.stdout.contains("extra_server_args: \"--resolv-conf /run/dnsmasq/resolv.conf\"\n"),
        "{}",
        ansible.stdout
    );
    let after = written("k3s-gateway", &["--k3s", "--only", "node"]);
    assert!(!after.iter().any(|finding| finding.contains("k3s-public-dns-fallback")), "{after:?}");
}

#[test]
fn node_forms_of_the_library() {
    let request = Request { node_form: NodeForm::Unit, proxy: Some(ProxyMode::Ipvs), ..Request::of(Distribution::K3s) };
    let refused = plan(&request, &Snapshot::default(), &Cluster::default(), &Assumptions::default());
    assert!(refused.unwrap_err().reason.contains("kubelet arguments have no environment variable"));
    let made = rendered(&Request { proxy: Some(ProxyMode::Ipvs), ..Request::of(Distribution::K3s) });
    let node: Vec<&str> = made.files.iter().filter(|f| f.part == Part::Node).map(|f| f.text.as_str()).collect();
    assert!(node[0].contains("kubelet-arg+:\n- \"cluster-dns=169.254.20.10\"\n"), "{node:?}");
}
