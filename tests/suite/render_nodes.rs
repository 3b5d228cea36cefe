//! Settings of nodes that `dnslint render` writes: where they stand, what stays, and which nodes they are for.

use crate::common::rendering::Copy;
use std::fs;

const SERVER: &str = "nodes/k3s-server/etc/rancher/k3s/config.yaml";
const IPVS: [&str; 5] = ["--k3s", "--proxy-mode", "ipvs", "--only", "node"];

#[test]
fn an_argument_of_the_kubelet_in_a_configuration_file_is_changed_there() {
    let copy = Copy::of("stock-k3s");
    copy.write(
        SERVER,
        "# ours\nkubelet-arg:\n  - \"max-pods=200\"\n  - cluster-dns=10.43.0.10 # the Service\n  - resolv-conf=/etc/old.conf\n",
    );
    let args: Vec<&str> = IPVS.into_iter().chain(["--resolv-conf", "/run/up.conf"]).collect();
    let made = copy.written(&args);
    assert_eq!(
        copy.read(SERVER),
        "# ours\nkubelet-arg:\n  - \"max-pods=200\"\n  - cluster-dns=169.254.20.10 # the Service\n  - resolv-conf=/run/up.conf\n"
    );
    assert!(!copy.file("nodes/k3s-server/etc/rancher/k3s/config.yaml.d").exists());
    assert!(made.stderr.contains("`cluster-dns` of k3s-server at "), "{}", made.stderr);
    assert!(made.stderr.contains("on k3s-server: put the old /etc/rancher/k3s/config.yaml back, "), "{}", made.stderr);
}

#[test]
fn an_argument_that_is_said_twice_is_said_once() {
    let copy = Copy::of("stock-k3s");
    copy.write(SERVER, "kubelet-arg:\n- cluster-dns=10.43.0.10\n");
    copy.write(&format!("{SERVER}.d/50-dnslint.yaml"), "kubelet-arg+:\n- cluster-dns=169.254.20.10\n- v=2\n");
    copy.written(&IPVS);
    assert_eq!(copy.read(SERVER), "kubelet-arg:\n- cluster-dns=169.254.20.10\n");
    assert_eq!(copy.read(&format!("{SERVER}.d/50-dnslint.yaml")), "kubelet-arg+:\n- v=2\n");
}

#[test]
fn a_drop_in_keeps_what_an_earlier_fix_or_rendering_said() {
    let copy = Copy::of("stock-k3s");
    let drop_in = format!("{SERVER}.d/90-dnslint.yaml");
    copy.write(&drop_in, "# by hand\nresolv-conf: /run/up.conf\n");
    copy.written(&IPVS);
    let text = copy.read(&drop_in);
    assert!(text.starts_with("# by hand\nresolv-conf: /run/up.conf\n"), "{text}");
    assert!(text.contains("kubelet-arg+:\n  - cluster-dns=169.254.20.10\n"), "{text}");
    // both settings at once, one in place and one new, in one file
    copy.write(&drop_in, "resolv-conf: /run/old.conf\n");
    copy.written(&IPVS.into_iter().chain(["--resolv-conf", "/run/new.conf"]).collect::<Vec<_>>());
    let text = copy.read(&drop_in);
    assert!(text.starts_with("resolv-conf: /run/new.conf\n") && text.contains("cluster-dns=169.254.20.10"), "{text}");
}

#[test]
fn a_drop_in_stands_behind_those_that_would_replace_it() {
    let copy = Copy::of("stock-k3s");
    copy.write(&format!("{SERVER}.d/99-limits.yaml"), "kubelet-arg:\n- max-pods=200\n");
    copy.written(&IPVS);
    assert!(copy.read(&format!("{SERVER}.d/99-limits_dnslint.yaml")).contains("kubelet-arg+:"));
}

#[test]
fn what_would_not_count_is_refused() {
    let copy = Copy::of("stock-k3s");
    // an argument without a value takes the next one for it
    copy.write(SERVER, "kubelet-arg:\n- fail-swap-on\n");
    let refused = copy.render(&IPVS);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("the kubelet of k3s-server would still name 10.43.0.10"), "{}", refused.stderr);
    // arguments of a role would stand behind those of the file
    copy.write(SERVER, "kubelet-arg: [cluster-dns=10.43.0.10]\n");
    let refused = copy.render(&IPVS.into_iter().chain(["--node-form", "ansible"]).collect::<Vec<_>>());
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
    assert!(refused.stderr.contains("which the variables would not replace"), "{}", refused.stderr);
}

#[test]
fn variables_are_for_the_nodes_that_need_them() {
    let copy = Copy::of("stock-k3s");
    copy.write(SERVER, "kubelet-arg: [cluster-dns=169.254.20.10]\n");
    let made = copy.render(&IPVS.into_iter().chain(["--node-form", "ansible"]).collect::<Vec<_>>());
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("host_vars/k3s-agent-1/dnslint.yml"), "{}", made.stdout);
    let line = "extra_agent_args: \"--kubelet-arg=cluster-dns=169.254.20.10\"\n";
    assert!(made.stdout.contains(line) && !made.stdout.contains("extra_server_args"), "{}", made.stdout);
    assert!(made.stderr.contains("host_vars/k3s-agent-1/dnslint.yml into the variables"), "{}", made.stderr);
}

#[test]
fn variables_change_no_unit() {
    let copy = Copy::of("stock-k3s");
    let unit = "nodes/k3s-server/etc/systemd/system/k3s.service";
    let old = copy.read(unit).replacen("    server \\\n", "    server --kubelet-arg=cluster-dns=10.43.0.10 \\\n", 1);
    copy.write(unit, &old);
    let made = copy.render(&IPVS.into_iter().chain(["--node-form", "ansible"]).collect::<Vec<_>>());
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains("group_vars/k3s_cluster") && !made.stdout.contains("ExecStart"), "{}", made.stdout);
}

#[test]
fn a_resolver_file_of_one_node_is_not_that_of_all() {
    let copy = Copy::of("stock-kubespray");
    let node =
        fs::read_dir(copy.file("nodes")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).min().unwrap();
    let config = format!("nodes/{node}/etc/kubernetes/kubelet-config.yaml");
    let config = if copy.file(&config).exists() { config } else { format!("nodes/{node}/var/lib/kubelet/config.yaml") };
    let text = copy.read(&config);
    let line = text.lines().find(|line| line.starts_with("resolvConf:")).unwrap().to_owned();
    let path = line.trim_start_matches("resolvConf:").trim().trim_matches('"').to_owned();
    copy.write(&config, &text.replace(&line, "resolvConf: /run/other.conf"));
    copy.write(&format!("nodes/{node}/run/other.conf"), "nameserver 192.0.2.53\n");
    let made = copy.render(&["--kubespray", "--resolv-conf", &path]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert!(made.stdout.contains(&format!("host_vars/{node}/dnslint.yml\n")), "{}", made.stdout);
    let group = made.stdout.split("host_vars/").next().unwrap();
    assert!(!group.contains("kube_resolv_conf"), "{}", made.stdout);
}

#[test]
fn a_patch_is_for_the_nodes_without_a_file() {
    let copy = Copy::of("stock-kubeadm");
    fs::remove_file(copy.file("nodes/worker-1/var/lib/kubelet/config.yaml")).unwrap();
    let made = copy.render(&["--kubeadm", "--proxy-mode", "ipvs", "--check"]);
    assert_eq!(made.code, 1, "{}", made.stderr);
    for step in [
        "on worker-1: copy ",
        "/nodes/<node>/var/lib/kubelet/config.yaml to /var/lib/kubelet/config.yaml (keep the old one), ",
        "on worker-1: put the old values back",
    ] {
        assert!(made.stderr.contains(step), "{step}\n{}", made.stderr);
    }
}

#[test]
fn a_note_is_told_once_and_with_every_part_that_it_is_about() {
    let hosts = "note: the root block of kube-system/coredns has `hosts`";
    let k3s = Copy::of("stock-k3s");
    assert_eq!(k3s.render(&["--k3s", "--check"]).stderr.matches(hosts).count(), 1);
    assert_eq!(k3s.render(&["--k3s", "--check", "--only", "manifests"]).stderr.matches(hosts).count(), 1);
    // what kubespray is told is all of it settings of nodes
    let kubespray = Copy::of("healthy-cilium-local-redirect");
    fs::remove_dir_all(kubespray.file("nodes")).unwrap();
    fs::remove_file(kubespray.file("manifests/node-local-dns.yaml")).unwrap();
    fs::remove_file(kubespray.file("manifests/node-local-dns-redirect.yaml")).unwrap();
    for args in [&["--kubespray", "--check"][..], &["--kubespray", "--check", "--only", "node"]] {
        let made = kubespray.render(args);
        assert!(made.stderr.contains("note: kubespray has no Cilium redirect"), "{}", made.stderr);
    }
    // a cache that no kubelet names is not asked
    let made = k3s.render(&["--k3s", "--proxy-mode", "ipvs", "--check", "--only", "manifests"]);
    assert_eq!(made.code, 1, "{}", made.stderr);
    assert!(made.stderr.contains("note: no pod asks the cache before kubelets name it"), "{}", made.stderr);
}

#[test]
fn kubelets_leave_an_address_that_goes_away() {
    let copy = Copy::of("stock-node-cache-ipvs");
    let nodes: Vec<_> =
        fs::read_dir(copy.file("nodes")).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    // Cilium takes over: the cache moves into a pod, and nobody answers on its own address any more
    let made = copy.written(&["--kubeadm", "--proxy-mode", "none"]);
    for node in &nodes {
        let config = copy.read(&format!("nodes/{node}/var/lib/kubelet/config.yaml"));
        assert!(!config.contains("169.254.20.10"), "{config}");
    }
    let first = made.stderr.find("to /var/lib/kubelet/config.yaml").unwrap();
    let (restarted, gone) = (
        made.stderr.find("restart the workloads that name").unwrap(),
        made.stderr.find("delete daemonset/node-local-dns`: ").unwrap(),
    );
    let applied = made.stderr.find("kubectl apply -f").unwrap();
    assert!(first < restarted && restarted < gone && gone < applied, "{}", made.stderr);
    // nobody is sent back to an address that is gone
    let back = made.stderr.split("the way back:").nth(1).unwrap();
    assert!(!back.contains("kubelet"), "{back}");
    // another address for the same mode is refused: pods ask the old one
    let copy = Copy::of("stock-node-cache-ipvs");
    let moved = copy.render(&["--kubeadm", "--local-ip", "169.254.20.11"]);
    assert!(moved.code == 2 && moved.stderr.contains("on which this cache would not answer"), "{}", moved.stderr);
}

#[test]
fn a_kubelet_that_names_the_cache_already_is_led_away_before_it_goes() {
    let copy = Copy::of("stock-node-cache-ipvs");
    let made = copy.render(&["--kubeadm", "--check"]);
    let back = made.stderr.split("the way back:").nth(1).unwrap();
    let (kubelets, deleted) = (back.find("let the kubelet name ").unwrap(), back.find("delete daemonset/").unwrap());
    assert!(kubelets < deleted && back.contains("restart the workloads"), "{back}");
    // in iptables mode, too, where kubelets may name either address
    let made = Copy::of("k3s-tailscale-node-cache").render(&["--k3s", "--check"]);
    let back = made.stderr.split("the way back:").nth(1).unwrap();
    assert!(back.contains("let the kubelet name 10.43.0.10") && back.contains("restart the workloads"), "{back}");
}

#[test]
fn nothing_else_is_found_in_the_nodes() {
    for (name, args) in
        [("stock-k3s", &["--k3s", "--proxy-mode", "ipvs"][..]), ("stock-rke2", &["--rke2", "--proxy-mode", "ipvs"])]
    {
        let copy = Copy::of(name);
        copy.written(args);
        let errors: Vec<String> = copy.findings().into_iter().filter(|finding| finding.starts_with("error")).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
}

/// A unit that a package owns is not changed, and the note does not say so.
#[test]
fn a_drop_in_of_a_packages_unit_is_told_as_one() {
    let copy = Copy::of("stock-k3s");
    let unit = "nodes/k3s-server/etc/systemd/system/k3s.service";
    let old = copy.read(unit).replacen("    server \\\n", "    server --kubelet-arg=cluster-dns=10.43.0.10 \\\n", 1);
    fs::remove_file(copy.file(unit)).unwrap();
    copy.write("nodes/k3s-server/usr/lib/systemd/system/k3s.service", &old);
    let made = copy.written(&IPVS);
    let drop_in = "/etc/systemd/system/k3s.service.d/90-dnslint.conf";
    assert!(copy.read(&format!("nodes/k3s-server{drop_in}")).contains("cluster-dns=169.254.20.10"));
    assert!(made.stderr.contains(&format!("is said anew in {drop_in}: ")), "{}", made.stderr);
    assert!(!made.stderr.contains("is changed where it stands"), "{}", made.stderr);
}

/// What `--only manifests` advises for kubelets that name an address which goes away.
#[test]
fn kubelets_alone_leave_an_address_for_another_cache() {
    let copy = Copy::of("stock-node-cache-ipvs");
    fs::remove_file(copy.file("manifests/kube-proxy.yaml")).unwrap();
    let args = ["--kubeadm", "--proxy-mode", "iptables", "--local-ip", "169.254.20.11", "--only"];
    let of = |part: &'static str| copy.render(&args.into_iter().chain([part, "--check"]).collect::<Vec<_>>());
    let manifests = of("manifests");
    assert!(manifests.stderr.contains("apply what `--only node` renders first"), "{}", manifests.stderr);
    let nodes = of("node");
    assert_eq!(nodes.code, 1, "{}", nodes.stderr);
    assert!(nodes.stdout.contains("cp-1/var/lib/kubelet/config.yaml"), "{}", nodes.stdout);
}
