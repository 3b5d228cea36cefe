//! Steps and the way back as `dnslint render` prints them: what they name exists, and every command does what it says.

use crate::common::rendering::{Copy, render};

fn parts(stderr: &str) -> (&str, &str) {
    stderr.split_once("then:").unwrap().1.split_once("the way back:").unwrap()
}

#[test]
fn printed_objects_stand_in_no_file() {
    let made = render(&["--k3s", "--proxy-mode", "ipvs"]);
    let (steps, back) = parts(&made.stderr);
    assert!(!steps.contains("wait until it is there") && !back.contains("/var/lib/rancher"), "{}", made.stderr);
    let file = "copy etc/rancher/k3s/config.yaml.d/90-dnslint.yaml (`--only node` prints it) to /etc/rancher/";
    assert!(steps.contains(file), "{steps}");
    let node = render(&["--k3s", "--proxy-mode", "ipvs", "--only", "node"]);
    assert!(node.stdout.starts_with("# etc/rancher/k3s/config.yaml.d/90-dnslint.yaml\n"), "{}", node.stdout);
    assert!(
        node.stderr.contains("copy the printed etc/rancher/k3s/config.yaml.d/90-dnslint.yaml to "),
        "{}",
        node.stderr
    );
    let role = render(&["--kubespray"]);
    let (steps, back) = parts(&role.stderr);
    assert!(steps.contains("put the printed group_vars/k8s_cluster/dnslint.yml into"), "{steps}");
    assert!(back.contains("in place of group_vars/k8s_cluster/dnslint.yml and"), "{back}");
}

/// Servers of k3s have copies, each of which would bring the old objects back.
#[test]
fn copies_on_servers_are_printed_once() {
    let first = render(&["--k3s", "--quiet"]).stdout;
    let copy = Copy::of("stock-k3s");
    let path = "var/lib/rancher/k3s/server/manifests/node-local-dns.yaml";
    for node in ["k3s-server", "k3s-agent-1"] {
        copy.write(&format!("nodes/{node}/{path}"), &first.replace("success 9984", "success 100"));
    }
    let made = copy.render(&["--k3s"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    assert_eq!(made.stdout, first);
    let (steps, back) = parts(&made.stderr);
    let on = "on k3s-agent-1 and k3s-server, one after the other";
    let placed = format!("2. {on}: put /{path} in place, as `--out DIR` writes it: k3s would apply the old one again");
    assert!(steps.contains(&placed), "{steps}");
    assert!(back.contains(&format!("{on}: remove /{path}, which k3s would apply again")), "{back}");
    let written = copy.render(&["--k3s", "--out", "made", "--check"]);
    let copied = format!("1. {on}: copy made/nodes/<node>/{path} to /{path}: k3s applies it by itself");
    assert!(written.stderr.contains(&copied), "{}", written.stderr);
}

#[test]
fn a_step_says_where_from() {
    let copy = Copy::of("stock-k3s");
    let args = ["--k3s", "--proxy-mode", "ipvs", "--out", "made", "--check"];
    let made = copy.render(&args);
    let drop_in = "/etc/rancher/k3s/config.yaml.d/90-dnslint.yaml";
    assert!(
        made.stderr.contains(&format!("on k3s-server: copy made/nodes/k3s-server{drop_in} to {drop_in}, ")),
        "{}",
        made.stderr
    );
}

/// CoreDNS keeps its resolver file in both directions.
#[test]
fn the_way_back_restarts_what_the_steps_restart() {
    for args in [
        &["--k3s", "--resolv-conf", "/run/up.conf", "--only", "node"][..],
        &["--kubespray", "--resolv-conf", "/run/up.conf"],
        &["--kubeadm", "--resolv-conf", "/run/up.conf"],
    ] {
        let made = render(args);
        let (steps, back) = parts(&made.stderr);
        for part in [steps, back] {
            assert_eq!(part.matches("rollout restart deployment/coredns").count(), 1, "{args:?}: {part}");
        }
    }
}
