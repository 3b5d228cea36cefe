//! `dnslint render` for RKE2's chart and kubespray's roles, which install node caches of their own.

use crate::common::copy;
use crate::common::rendering::{Copy, cluster, render, rendered};
use dnslint::analysis::facts::ProxyMode;
use dnslint::render::Request;
use dnslint::render::distribution::Distribution;
use std::fs;
use std::path::Path;

/// Names as the chart and the role have them: rancher/rke2-charts `packages/rke2-coredns` (`values.yaml.patch`,
/// `overlay/templates/configmap-nodelocal.yaml`), kubernetes-sigs/kubespray `inventory/sample/group_vars` and
/// `roles/kubernetes-apps/ansible/templates/nodelocaldns-config.yml.j2`.
#[test]
fn settings_of_rke2_and_kubespray_have_their_names() {
    let keys = |text: &str| -> Vec<String> {
        let known = |line: &&str| !line.trim_start().starts_with(['#', '-']) && line.contains(':');
        text.lines().filter(known).map(|line| line.split(':').next().unwrap().trim().to_owned()).collect()
    };
    let chart = |proxy| {
        let text = rendered(&Request { proxy: Some(proxy), ..Request::of(Distribution::Rke2) }).files[0].text.clone();
        keys(text.split("valuesContent: |-\n").nth(1).unwrap()).join(" ")
    };
    assert_eq!(chart(ProxyMode::Iptables), "nodelocal enabled ip_address");
    assert_eq!(chart(ProxyMode::Ipvs), "nodelocal enabled ip_address ipvs");
    assert_eq!(chart(ProxyMode::Nftables), "nodelocal enabled ip_address ipvs");
    assert_eq!(chart(ProxyMode::Replaced), "nodelocal enabled ip_address use_cilium_lrp");
    let role = rendered(&Request {
        health_port: Some(9264),
        metrics_port: Some(9263),
        upstreams: vec!["192.0.2.53".to_owned()],
        resolv_conf: Some("/run/up.conf".to_owned()),
        ..Request::of(Distribution::Kubespray)
    });
    assert_eq!(
        keys(&role.files[0].text).join(" "),
        "enable_nodelocaldns nodelocaldns_ip nodelocaldns_health_port nodelocaldns_prometheus_port kube_resolv_conf \
         upstream_dns_servers"
    );
    // the role's cache is named by every kubelet, in iptables mode as well
    let plain = rendered(&Request::of(Distribution::Kubespray));
    assert!(plain.steps.iter().any(|step| step.contains("keep their old nameserver")), "{:?}", plain.steps);
}

#[test]
fn stub_zones_reach_the_charts_and_roles() {
    let split = cluster("healthy-split-horizon");
    let rke2 = render(&["--rke2", &format!("{split}/manifests"), "--only", "manifests"]);
    assert_eq!(rke2.code, 0, "{}", rke2.stderr);
    assert!(rke2.stdout.contains("      extraClusterDomains:\n      - \""), "{}", rke2.stdout);
    assert!(rke2.stderr.contains("before 1.46.003 ignore `extraClusterDomains`"), "{}", rke2.stderr);
    let kubespray = render(&["--kubespray", &split]);
    assert!(kubespray.stdout.contains("nodelocaldns_external_zones:\n- zones:\n  - \""), "{}", kubespray.stdout);
}

#[test]
fn values_of_the_chart_that_are_set_already_stay() {
    let dir = tempfile::tempdir().unwrap();
    copy(Path::new(&cluster("stock-rke2")), dir.path());
    let path = dir.path().to_str().unwrap();
    let file = dir.path().join("manifests/coredns-config.yaml");
    let head = "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\nmetadata:\n  name: rke2-coredns\n  namespace: kube-system\nspec:\n";
    fs::write(
        &file,
        format!("{head}  valuesContent: |-\n    replicaCount: 3 # as ever\n    nodelocal:\n      ipvs: true\n"),
    )
    .unwrap();
    let made = render(&["--rke2", path, "--out", path]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("    replicaCount: 3 # as ever\n    nodelocal:\n      ipvs: false\n"), "{text}");
    assert!(text.contains("      enabled: true\n") && text.contains("ip_address: 169.254.20.10"), "{text}");
    assert_eq!(render(&["--rke2", path, "--out", path, "--check"]).stdout, "");
    // nothing around them is lost either
    let around = format!(
        "# ours\n{head}  failurePolicy: abort # at once\n  valuesContent: |-\n    replicaCount: 3\n---\n# more\n"
    );
    fs::write(&file, &around).unwrap();
    let made = render(&["--rke2", path]);
    let (before, after) = around.split_once("---\n").unwrap();
    assert!(made.stdout.starts_with(before) && made.stdout.ends_with(&format!("---\n{after}")), "{}", made.stdout);
    // what cannot be added to is refused, with what to write by hand
    fs::write(&file, format!("{head}  valuesContent: \"- 3\"\n")).unwrap();
    let refused = render(&["--rke2", path]);
    assert_eq!((refused.code, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("by hand: {\"nodelocal\":{\"enabled\":true,"), "{}", refused.stderr);
}

#[test]
fn an_object_without_values_gets_its_first_ones() {
    let head = "apiVersion: helm.cattle.io/v1\nkind: HelmChartConfig\nmetadata:\n  name: rke2-coredns\n  namespace: kube-system\n";
    let copy = Copy::of("stock-rke2");
    for spec in [
        "",
        "spec: {}\n",
        "spec:\n",
        "spec:\n  failurePolicy: abort # at once\n",
        "spec:\n  valuesContent:\n",
        "spec:\n  valuesContent: \"\"\n",
        "spec:\n  valuesContent: |-\n",
        "spec:\n  valuesContent: | # ours\n",
        "spec:\n  valuesContent: |-\n    # none yet\n",
    ] {
        copy.write("manifests/coredns-config.yaml", &format!("{head}{spec}---\n# more\n"));
        copy.written(&["--rke2"]);
        let text = copy.read("manifests/coredns-config.yaml");
        assert!(text.starts_with(head) && text.ends_with("---\n# more\n"), "{text}");
        assert!(text.contains("nodelocal:") && text.contains("enabled: true"), "{spec}: {text}");
        for comment in ["failurePolicy: abort # at once\n", "    # none yet\n", " # ours\n"] {
            assert_eq!(text.contains(comment), spec.contains(comment), "{text}");
        }
    }
}

#[test]
fn the_way_back_names_the_values_where_they_stand() {
    let back = |args: &[&str]| render(args).stderr.split("the way back:").nth(1).unwrap().to_owned();
    let path = "var/lib/rancher/rke2/server/manifests/rke2-coredns-config.yaml";
    let picked_up = back(&["--rke2", "--out", "made", "--check"]);
    let step = format!(
        "on every server: set `nodelocal.enabled: false` in the values of /{path}, which RKE2 applies by itself;"
    );
    assert!(picked_up.contains(&step), "{picked_up}");
    let stock = cluster("stock-rke2");
    let applied = back(&["--rke2", &stock, "--out", "made", "--check"]);
    let step = "in the values of made/manifests/rke2-coredns-config.yaml and `kubectl apply -f made/manifests/rke2-coredns-config.yaml`;";
    assert!(applied.contains(step), "{applied}");
    let printed = back(&["--rke2"]);
    assert!(printed.contains("`kubectl -n kube-system edit helmchartconfig rke2-coredns`;"), "{printed}");
    // Cilium's cache makes no interface and no rules
    let redirected = back(&["--rke2", &stock, "--proxy-mode", "none"]);
    assert!(redirected.contains("edit helmchartconfig") && !redirected.contains("RKE2 warns"), "{redirected}");
}
