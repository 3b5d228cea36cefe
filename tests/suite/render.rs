//! `dnslint render`: what it writes lints clean, changes with its parameters alone, and is refused where it would be wrong.

use crate::common::rendering::{cluster, render, rendered};
use crate::common::renderings::requests;
use crate::common::{check, copy, lines, root};
use dnslint::analysis::collect::Assumptions;
use dnslint::analysis::facts::ProxyMode;
use dnslint::model::{Cluster, assemble};
use dnslint::render::distribution::Distribution;
use dnslint::render::request::{Companion, NodeForm, Update};
use dnslint::render::{Part, Request, plan};
use dnslint::source::Snapshot;
use dnslint::syntax::corefile::{Shape, format};
use std::fs;
use std::path::Path;

#[test]
fn every_combination_parses_and_lints_clean() {
    let all = requests();
    assert!(all.len() >= 360, "{}", all.len());
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
    let mut corefiles = 0;
    for request in requests() {
        let made = rendered(&request);
        let snapshot = Snapshot::from_texts(made.files.iter().map(|file| (file.path.clone(), file.text.clone())));
        let clusters = assemble(&snapshot);
        for text in clusters.iter().flat_map(|c| &c.dns_servers).filter_map(|s| s.config.as_ref()?.text()) {
            assert_eq!(format(&text.text, Shape::Corefile).unwrap().changes, [], "{}", text.text);
            corefiles += 1;
        }
    }
    assert!(corefiles >= 256, "{corefiles}");
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
    let addresses = |list: &[&str]| list.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>();
    let cases: Vec<(Request, &[&str])> = vec![
        (Request { health_port: Some(8099), ..base.clone() }, &["8080", "8099"]),
        (Request { metrics_port: Some(9999), ..base.clone() }, &["9253", "9999"]),
        (Request { image: Some("example.com/cache:1.26.7".to_owned()), ..base.clone() }, &["image:"]),
        (Request { upstreams: vec!["192.0.2.53".to_owned()], ..base.clone() }, &["/etc/resolv.conf", "192.0.2.53"]),
        (Request { cache_entries: Some(50_000), ..base.clone() }, &["success", "denial"]),
        (
            Request { cluster_domain: Some("k8s.example.net".to_owned()), ..base.clone() },
            &["cluster.local", "k8s.example.net"],
        ),
        (Request { cluster_dns: addresses(&["10.99.0.10"]), ..base.clone() }, &["10.43.0.10", "10.99.0.10"]),
        (Request { local_ips: addresses(&["169.254.20.11"]), ..base.clone() }, &["169.254.20.10", "169.254.20.11"]),
        (Request { udp: true, ..base.clone() }, &["forward . __PILLAR__CLUSTER__DNS__", "force_tcp", "}"]),
        (
            Request { update: Update::OnDelete, ..base.clone() },
            &["type: RollingUpdate", "type: OnDelete", "rollingUpdate:", "maxUnavailable"],
        ),
        (Request { update: Update::InPlace, ..base.clone() }, &["apiVersion: apps", "rollingUpdateType"]),
        (Request { proxy: Some(ProxyMode::Iptables), resolv_conf: Some("/run/x".to_owned()), ..base.clone() }, &[]),
    ];
    for (request, words) in cases {
        let changed = changed_lines(&before, &text(&request));
        assert_eq!(changed.is_empty(), words.is_empty(), "{request:?}");
        for line in changed {
            assert!(words.iter().any(|word| line.contains(word)), "{line}");
        }
    }
}

/// A companion stands behind everything else, which stays as it is; so do the names and addresses of modes.
#[test]
fn a_companion_is_added_at_the_end() {
    let base = Request::of(Distribution::Kubeadm);
    let text = |request: &Request| rendered(request).files[0].text.clone();
    let with = text(&Request { companions: vec![Companion::PodMonitor], ..base.clone() });
    assert!(with.strip_prefix(text(&base).as_str()).is_some_and(|rest| rest.starts_with("---\n")), "{with}");
    // what only the mode decides: the second Service and who is asked
    let (iptables, ipvs) = (text(&base), text(&Request { proxy: Some(ProxyMode::Ipvs), ..base.clone() }));
    for line in ["image:", "metrics", "priorityClassName", "health 169.254.20.10:8080", "success 9984 30"] {
        let of = |text: &str| text.lines().filter(|l| l.contains(line)).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(of(&iptables), of(&ipvs), "{line}");
    }
    assert!(iptables.contains("name: kube-dns-upstream") && !ipvs.contains("kube-dns-upstream"));
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
    let snapshot = crate::common::snapshot(dir.path());
    check(&snapshot, &[]).into_iter().map(|d| format!("{}[{}]", d.severity.as_str(), d.rule)).collect()
}

#[test]
fn the_hand_made_cache_of_a_tailnet_becomes_a_right_one() {
    let before = crate::common::snapshot(Path::new(&cluster("k3s-tailscale-node-cache")));
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
    // a directory that does not exist yet is no place to copy a file to
    let copied = "on every node, one after the other: copy made/kubeadm-patches/kubeletconfiguration0+merge.yaml to \
                  /etc/kubernetes/kubeadm-patches/kubeletconfiguration0+merge.yaml, `kubeadm upgrade node phase kubelet-config \
                  --patches /etc/kubernetes/kubeadm-patches`, ";
    assert!(patch.stderr.contains(copied), "{}", patch.stderr);
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
        ("config", "etc/rancher/k3s/config.yaml.d/90-dnslint.yaml", "resolv-conf: \"/run/dnsmasq/resolv.conf\"\n"),
        (
            "unit",
            "etc/systemd/system/k3s.service.d/90-dnslint.conf",
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

#[test]
fn a_flag_that_beats_the_files_is_changed_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(&cluster("kubeadm-conntrack-ipvs")), dir.path());
    let path = dir.path().to_str().unwrap();
    let flags = "var/lib/kubelet/kubeadm-flags.env";
    let node = |name: &str| dir.path().join("nodes").join(name).join(flags);
    let set = |name: &str, flag: &str| {
        let old = fs::read_to_string(node(name)).unwrap();
        fs::write(node(name), old.replacen("ARGS=\"", &format!("ARGS=\"{flag} "), 1)).unwrap();
    };
    set("hkk8snode001", "--cluster-dns=192.96.0.10");
    let made = render(&["--kubeadm", path, "--only", "node", "--diff"]);
    assert_eq!(made.code, 1, "{}", made.stderr);
    assert!(made.stdout.contains("+KUBELET_KUBEADM_ARGS=\"--cluster-dns=169.254.20.10 "), "{}", made.stdout);
    let note =
        format!("`cluster-dns` of hkk8snode001 at {path}/nodes/hkk8snode001/{flags}:1 is changed where it stands");
    assert!(made.stderr.contains(&note), "{}", made.stderr);
    // another node has no such flag: its configuration file changes
    assert!(made.stdout.contains("hkk8smaster001/var/lib/kubelet/config.yaml"), "{}", made.stdout);

    let all = render(&["--kubeadm", path, "--out", path]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    let after = check(&crate::common::snapshot(dir.path()), &["cluster-dns-not-node-cache", "cluster-dns-mismatch"]);
    assert!(after.is_empty(), "{}", lines(&crate::common::snapshot(dir.path()), &after));

    // a repeated flag is said once
    set("hkk8snode002", "--cluster-dns=192.96.0.10 --cluster-dns=192.96.0.10");
    let once = render(&["--kubeadm", path, "--only", "node", "--diff"]);
    assert!(once.stdout.contains("+KUBELET_KUBEADM_ARGS=\"--cluster-dns=169.254.20.10 --container"), "{}", once.stdout);

    // what cannot be edited is left to a person, who is told where
    fs::write(node("hkk8snode002"), b"KUBELET_KUBEADM_ARGS=\"--cluster-dns=192.96.0.10 --v=\xff\"\n").unwrap();
    let refused = render(&["--kubeadm", path, "--only", "node", "--diff"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    let place = format!("--> {path}/nodes/hkk8snode002/{flags}:1:");
    assert!(
        refused.stderr.contains(&place) && refused.stderr.contains("set it to 169.254.20.10"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_flag_in_a_unit_of_k3s_is_changed_there() {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(&cluster("stock-k3s")), dir.path());
    let unit = dir.path().join("nodes/k3s-server/etc/systemd/system/k3s.service");
    let old = fs::read_to_string(&unit).unwrap();
    let new = old.replacen(
        "    server \\\n",
        "    server --kubelet-arg=cluster-dns=10.43.0.10 --resolv-conf=/etc/resolv.conf \\\n",
        1,
    );
    assert_ne!(old, new);
    fs::write(&unit, new).unwrap();
    let path = dir.path().to_str().unwrap();
    let args = ["--k3s", path, "--proxy-mode", "ipvs", "--resolv-conf", "/run/up.conf", "--only", "node", "--diff"];
    let made = render(&args);
    assert_eq!(made.code, 1, "{}", made.stderr);
    assert!(
        made.stdout.contains("+    server --kubelet-arg=cluster-dns=169.254.20.10 --resolv-conf=/run/up.conf \\\n"),
        "{}",
        made.stdout
    );
    assert!(made.stdout.contains("k3s-agent-1/etc/rancher/k3s/config.yaml.d/90-dnslint.yaml"), "{}", made.stdout);
    assert!(!made.stdout.contains("k3s-server/etc/rancher"), "{}", made.stdout);
    for step in [
        "to /etc/rancher/k3s/config.yaml.d/90-dnslint.yaml, `systemctl restart k3s-agent`, then `kubectl get node k3s-agent-1`",
        "to /etc/systemd/system/k3s.service (keep the old one), `systemctl daemon-reload`, `systemctl restart k3s`, ",
        "on k3s-agent-1: remove /etc/rancher/k3s/config.yaml.d/90-dnslint.yaml, ",
        "on k3s-server: put the old /etc/systemd/system/k3s.service back, `systemctl daemon-reload`, ",
    ] {
        assert!(made.stderr.contains(step), "{step}\n{}", made.stderr);
    }
}

#[test]
fn steps_speak_of_what_was_asked() {
    let stream = render(&["--kubeadm"]);
    assert!(stream.stderr.contains("1. give this output to `kubectl apply -f -`\n"), "{}", stream.stderr);
    let file = render(&["--kubeadm", "--out", "made", "--check"]);
    assert!(file.stderr.contains("1. `kubectl apply -f made/manifests/node-local-dns.yaml`\n"), "{}", file.stderr);
    let k3s = render(&["--k3s", "--out", "made", "--check"]);
    let path = "var/lib/rancher/k3s/server/manifests/node-local-dns.yaml";
    assert!(k3s.stderr.contains(&format!("1. on every server: copy made/{path} to /{path}: ")), "{}", k3s.stderr);
    let node = render(&["--k3s", &cluster("k3s-gateway"), "--only", "node"]);
    for word in ["kubectl apply", "rollout status", "image", "dig"] {
        assert!(!node.stderr.contains(word), "{word}: {}", node.stderr);
    }
    assert!(node.stderr.contains("resolver file for pods"), "{}", node.stderr);
    let nothing = render(&["--k3s", "--only", "node"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, ""));
    assert_eq!(nothing.stderr, "nothing to render: nodes need no other settings\n");
    let cilium = render(&["--kubeadm", "--proxy-mode", "none"]);
    let back = cilium.stderr.split("the way back:").nth(1).unwrap();
    assert!(back.find("ciliumlocalredirectpolicy/").unwrap() < back.find("daemonset/").unwrap(), "{back}");
    let kruise = render(&["--kubeadm", "--update", "in-place"]);
    let set = "daemonsets.apps.kruise.io/node-local-dns";
    for step in [
        "delete daemonsets.apps/node-local-dns --cascade=orphan",
        &format!("get {set}` until"),
        &format!("delete {set}`; it takes"),
    ] {
        assert!(kruise.stderr.contains(step), "{step}: {}", kruise.stderr);
    }
    let on_delete = render(&["--kubeadm", "--update", "on-delete"]);
    assert!(on_delete.stderr.contains("change when you delete them"), "{}", on_delete.stderr);
    assert!(!on_delete.stderr.contains("rollout status"), "{}", on_delete.stderr);
    let coredns = render(&["--k3s", "--proxy-mode", "ipvs", "--resolver", "coredns"]);
    assert!(coredns.stderr.contains("`ip addr add 169.254.20.10/32 dev nodedns`"), "{}", coredns.stderr);
    let manifests = render(&["--kubeadm", &cluster("kubeadm-conntrack-ipvs"), "--only", "manifests", "--check"]);
    assert!(!manifests.stderr.contains("systemctl"), "{}", manifests.stderr);
}

#[test]
fn a_flag_that_would_change_nothing_is_refused() {
    for (args, reason) in [
        ("--rke2 --upstream 192.0.2.53", "--upstream: RKE2 installs its own node cache and has no setting for that"),
        ("--rke2 --health-port 8081", "--health-port: RKE2"),
        ("--rke2 --image example.net/x:1", "--image is for rendered manifests"),
        ("--kubespray --update in-place", "--update is for rendered manifests"),
        ("--kubespray --with pod-monitor", "--with is for rendered manifests"),
        ("--kubespray --udp", "--udp: kubespray"),
        ("--kubespray --upstream 192.0.2.53:5353", "`192.0.2.53:5353` is no plain address"),
        ("--kubespray --proxy-mode ipvs", "--proxy-mode: kubespray's kubelets name its node cache"),
        ("--kubespray --resolver coredns", "kubespray installs a node cache of its own, which holds 169.254.25.10"),
        ("--kubeadm --only node --image example.net/x:1", "--image is for rendered manifests, which --only leaves out"),
        ("--kubeadm --only node --upstream 192.0.2.53", "--upstream is for the configuration of the resolver"),
        ("--kubeadm --only node --udp", "--udp is for the configuration of the resolver, which --only leaves out"),
        ("--kubeadm --only manifests --resolv-conf /run/x", "--resolv-conf is for settings of nodes"),
        ("--k3s --only manifests --node-form env", "--node-form is for settings of nodes, which --only leaves out"),
        ("--k3s --only node --local-ip 169.254.20.11", "--local-ip: kubelets keep the address of the DNS Service here"),
        ("--k3s --only node,resolver", "--only resolver: the node cache is rendered as manifests"),
        (
            "--rke2 --node-form ansible",
            "--node-form ansible writes variables of k3s-ansible, which does not install RKE2",
        ),
        ("--kubeadm --proxy-mode none --local-ip 169.254.20.11", "--local-ip: behind Cilium's redirect"),
        ("--kubeadm --with network-policy", "--with network-policy: no NetworkPolicy of the snapshot restricts egress"),
        ("--kubeadm --metrics-port 8080", "--health-port and --metrics-port are both 8080"),
        ("--kubespray --metrics-port 9254", "--health-port and --metrics-port are both 9254"),
        ("--kubeadm --health-port 53", "--health-port is 53, which is the port of DNS"),
        ("--k3s --metrics-port 9353", "--metrics-port is 9353, which is the port of the metrics of node-cache itself"),
        ("--kubeadm --k8s-version 1.30", "--k8s-version: no node is here whose release is unknown"),
        ("--kubeadm --node-form unit", "--node-form: settings of kubeadm's nodes have one form"),
        ("--k3s --proxy-mode ipvs --resolver coredns --with pod-monitor", "--with is for the node cache's manifests"),
        ("--k3s --proxy-mode ipvs --resolver hickory-dns --upstream 192.0.2.53 --health-port 1", "hickory-dns"),
        ("--k3s --only resolver", "--only resolver: the node cache is rendered as manifests"),
        ("--kubespray --only manifests", "--only manifests: kubespray"),
        (
            "--k3s --proxy-mode ipvs --resolver coredns --only manifests",
            "--only manifests: a resolver on the nodes has none",
        ),
        ("--rke2 --cluster-dns fd00::a", "RKE2's chart writes `health fd00:169:254:20::10:…` without brackets"),
    ] {
        let made = render(&args.split(' ').collect::<Vec<_>>());
        assert_eq!((made.code, made.stdout.as_str()), (2, ""), "{args}: {}", made.stderr);
        assert!(made.stderr.contains(reason), "{args}: {}", made.stderr);
    }
}

#[test]
fn a_stub_zone_of_the_old_cache_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(&cluster("stock-node-cache-iptables")), dir.path());
    let file = dir.path().join("manifests/nodelocaldns.yaml");
    let old = fs::read_to_string(&file).unwrap();
    let block = "    corp.example:53 {\n        errors\n        forward . 10.50.0.10\n    }\n    far.example:53 {\n        errors\n        forward . __PILLAR__CLUSTER__DNS__\n    }\n    own.example:53 {\n        errors\n        hosts {\n            10.0.0.9 a.own.example\n        }\n    }\n";
    let new = old.replacen("    .:53 {\n", &format!("{block}    .:53 {{\n"), 1);
    assert_ne!(old, new);
    fs::write(&file, new).unwrap();
    let made = render(&["--kubeadm", dir.path().to_str().unwrap()]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let blocks = |zone: &str| {
        let start = made.stdout.find(&format!("    {zone}:53 {{\n")).unwrap();
        made.stdout[start..].split("    }\n    ").next().unwrap().to_owned()
    };
    assert!(blocks("corp.example").contains("forward . 10.50.0.10\n"), "{}", made.stdout);
    assert!(blocks("far.example").contains("forward . __PILLAR__CLUSTER__DNS__ {\n"), "{}", made.stdout);
    assert!(
        made.stderr.contains("`hosts` in block own.example. of kube-system/node-local-dns is not taken over"),
        "{}",
        made.stderr
    );
    assert!(!made.stdout.contains("own.example"), "{}", made.stdout);
}

#[test]
fn variables_of_ansible_are_judged_by_what_they_come_to() {
    let made =
        render(&["--k3s", &cluster("stock-k3s"), "--proxy-mode", "ipvs", "--node-form", "ansible", "--only", "node"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("extra_agent_args: \"--kubelet-arg=cluster-dns=169.254.20.10\"\n"), "{}", made.stdout);
    let all = render(&["--k3s", &cluster("stock-k3s"), "--proxy-mode", "ipvs", "--node-form", "ansible", "--check"]);
    assert_eq!(all.code, 1, "{}", all.stderr);
    let redirect = render(&["--kubeadm", &cluster("healthy-cilium-local-redirect"), "--check"]);
    let step = "`kubectl -n kube-system delete --ignore-not-found ciliumlocalredirectpolicy/nodelocaldns`, so that";
    assert!(redirect.stderr.contains(step), "{}", redirect.stderr);
}

#[test]
fn a_given_nodes_root_is_all_there_is() {
    let given = cluster("stock-k3s/nodes/k3s-server");
    let node = "testdata/clusters/stock-k3s/nodes/k3s-server";
    let path = "var/lib/rancher/k3s/server/manifests/node-local-dns.yaml";
    for given in [given.clone(), format!("{given}/"), node.to_owned()] {
        let made = render(&["--k3s", &given, "--check"]);
        assert_eq!(made.stdout, format!("would write: {node}/{path}\n"), "{}", made.stderr);
        assert!(
            made.stderr.contains(&format!("1. on every server: copy {node}/{path} to /{path}: ")),
            "{}",
            made.stderr
        );
    }
    let out = render(&["--k3s", node, "--out", "made", "--check"]);
    assert_eq!(out.stdout, format!("would write: made/{path}\n"), "{}", out.stderr);
    // several clusters: none is taken by chance
    let many = render(&["--k3s", root().join("testdata/clusters").to_str().unwrap()]);
    assert_eq!((many.code, many.stdout.as_str()), (2, ""));
    assert!(many.stderr.contains("clusters: name one of them"), "{}", many.stderr);
}
