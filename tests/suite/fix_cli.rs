//! `check --fix`, `--diff` and their companions as a user runs them: files on disk, standard input, exit codes.

use crate::common::{copy, program};
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;

const BAD_CRLF: &str = "nameserver 192.168.1.1\r\nsearch lan\r\n";
const KUBELET: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nclusterDNS: # cluster\n- 10.96.0.2\nclusterDomain: cluster.local";
const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata: {name: kube-dns, namespace: kube-system, labels: {k8s-app: kube-dns}}\nspec:\n  clusterIP: 10.96.0.10\n  selector: {k8s-app: kube-dns}\n  ports:\n  - {name: dns, port: 53, protocol: UDP}\n  - {name: dns-tcp, port: 53, protocol: TCP}\n";

struct Output {
    code: i32,
    stdout: String,
    stderr: String,
}

fn dnslint(dir: &Path, args: &str, stdin: &str) -> Output {
    let mut child = program(dir)
        .args(args.split_whitespace())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    Output {
        code: done.status.code().unwrap(),
        stdout: String::from_utf8(done.stdout).unwrap(),
        stderr: String::from_utf8(done.stderr).unwrap(),
    }
}

fn put(dir: &TempDir, path: &str, text: &str) {
    let path = dir.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn get(dir: &TempDir, path: &str) -> String {
    fs::read_to_string(dir.path().join(path)).unwrap()
}

/// A node whose resolv.conf has Windows line ends (a safe fix) and whose kubelet has an old address (an unsafe one).
fn cluster() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "nodes/n1/etc/resolv.conf", BAD_CRLF);
    put(
        &dir,
        "nodes/n1/etc/systemd/system/kubelet.service",
        "[Service]\nExecStart=/usr/bin/kubelet --config=/var/lib/kubelet/config.yaml\n",
    );
    put(&dir, "nodes/n1/var/lib/kubelet/config.yaml", KUBELET);
    put(&dir, "manifests/kube-dns.yaml", SERVICE);
    dir
}

const SELECT: &str = "--isolated --select resolv-conf-crlf,cluster-dns-mismatch";

#[test]
fn safe_fixes_are_written_and_unsafe_ones_wait() {
    let dir = cluster();
    let plain = dnslint(dir.path(), &format!("check {SELECT}"), "");
    assert!(plain.stdout.contains("(1 fixable with --fix, 1 more with --unsafe-fixes)"), "{}", plain.stdout);
    assert_eq!(get(&dir, "nodes/n1/etc/resolv.conf"), BAD_CRLF, "nothing is written without --fix");

    let fixed = dnslint(dir.path(), &format!("check {SELECT} --fix --show-fixes"), "");
    assert_eq!(fixed.code, 1, "an error remains");
    assert!(
        fixed.stdout.contains(
            "Fixed 1 finding:\n- nodes/n1/etc/resolv.conf:\n    1 × resolv-conf-crlf (write Unix line ends)\n"
        ),
        "{}",
        fixed.stdout
    );
    assert!(fixed.stdout.contains("(1 fixed, 1 fixable with --fix --unsafe-fixes)"), "{}", fixed.stdout);
    assert_eq!(get(&dir, "nodes/n1/etc/resolv.conf"), "nameserver 192.168.1.1\nsearch lan\n");
    assert_eq!(get(&dir, "nodes/n1/var/lib/kubelet/config.yaml"), KUBELET);

    let all = dnslint(dir.path(), &format!("check {SELECT} --fix --unsafe-fixes"), "");
    assert_eq!((all.code, all.stderr.as_str()), (0, ""), "{}", all.stdout);
    assert_eq!(get(&dir, "nodes/n1/var/lib/kubelet/config.yaml"), KUBELET.replace("10.96.0.2", "10.96.0.10"));
    let again = dnslint(dir.path(), &format!("check {SELECT} --fix --unsafe-fixes --exit-non-zero-on-fix"), "");
    assert_eq!(again.code, 0, "nothing was fixed");
}

#[test]
fn a_patch_writes_nothing_and_says_by_its_code_that_something_would_change() {
    let dir = cluster();
    let diff = dnslint(dir.path(), &format!("check {SELECT} --diff --unsafe-fixes"), "");
    assert_eq!(diff.code, 1);
    assert_eq!(diff.stderr, "Would fix 2 findings in 2 files.\n");
    let kubelet = "--- a/nodes/n1/var/lib/kubelet/config.yaml\n+++ b/nodes/n1/var/lib/kubelet/config.yaml\n@@ -1,5 +1,5 @@\n apiVersion: kubelet.config.k8s.io/v1beta1\n kind: KubeletConfiguration\n clusterDNS: # cluster\n-- 10.96.0.2\n+- 10.96.0.10\n clusterDomain: cluster.local\n\\ No newline at end of file\n";
    assert!(diff.stdout.ends_with(kubelet), "{}", diff.stdout);
    assert!(
        diff.stdout.contains("-nameserver 192.168.1.1\r\n-search lan\r\n+nameserver 192.168.1.1\n"),
        "{}",
        diff.stdout
    );
    assert_eq!(get(&dir, "nodes/n1/etc/resolv.conf"), BAD_CRLF);
    assert_eq!(get(&dir, "nodes/n1/var/lib/kubelet/config.yaml"), KUBELET);
    assert_eq!(dnslint(dir.path(), &format!("check {SELECT} --diff --exit-zero"), "").code, 0);
    assert_eq!(dnslint(dir.path(), "check --isolated --select corefile-syntax --diff", "").code, 0);
    let colored = dnslint(dir.path(), &format!("check {SELECT} --diff --color always"), "");
    assert!(colored.stdout.contains("\u{1b}[32m+nameserver"), "{}", colored.stdout);
}

/// An incident's files after all fixes, and what the run said.
fn mended(incident: &str) -> (TempDir, Output) {
    let dir = tempfile::tempdir().unwrap();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/incidents").join(incident).join("cluster"), dir.path());
    let output = dnslint(dir.path(), "check --isolated --fix --unsafe-fixes", "");
    (dir, output)
}

#[test]
fn fixes_of_two_rules_in_one_file_of_a_node_do_not_add_up() {
    let (dir, _) = mended("kubespray-13402-four-nameservers");
    let resolv = get(&dir, "nodes/node1/etc/resolv.conf");
    assert!(resolv.contains("nameserver 10.60.0.53\nnameserver 10.61.0.53\n"), "both real servers stay: {resolv}");
    let (dir, _) = mended("coredns-2790-resolverconfig-key");
    let kubelet = get(&dir, "nodes/devb-worker0/etc/kubernetes/kubelet-config.yaml");
    assert_eq!(kubelet.matches("resolvConf:").count(), 1, "{kubelet}");
}

#[test]
fn a_fix_that_was_tried_in_vain_is_not_offered_again() {
    let dir = tempfile::tempdir().unwrap();
    let case = "testdata/rules/systemd-dropin-ineffective/bad-second-command/nodes";
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join(case), &dir.path().join("nodes"));
    let output = dnslint(dir.path(), "check --isolated --select systemd-dropin-ineffective --fix --unsafe-fixes", "");
    assert!(output.stderr.contains("not fixed: nodes/n1/etc/systemd/system/kubelet.service.d"), "{}", output.stderr);
    assert!(output.stdout.contains("systemd-dropin-ineffective"), "the finding remains: {}", output.stdout);
    assert!(!output.stdout.contains("fixable"), "{}", output.stdout);
    let (_dir, output) = mended("k8s-69487-service-cidr");
    assert!(
        !output.stderr.contains("not fixed"),
        "this CoreDNS has no `loop` that could be offered: {}",
        output.stderr
    );
    assert!(!output.stdout.contains("corefile-without-loop"), "{}", output.stdout);
}

#[test]
fn fix_only_is_quiet_about_the_rest() {
    let dir = cluster();
    let only = dnslint(dir.path(), &format!("check {SELECT} --fix-only"), "");
    assert_eq!((only.code, only.stdout.as_str(), only.stderr.as_str()), (0, "", "Fixed 1 finding.\n"));
    let dir = cluster();
    assert_eq!(dnslint(dir.path(), &format!("check {SELECT} --fix-only --exit-non-zero-on-fix"), "").code, 1);
    assert_eq!(dnslint(dir.path(), &format!("check {SELECT} --fix --diff"), "").code, 2);
}

#[test]
fn standard_input_comes_back_mended() {
    let dir = tempfile::tempdir().unwrap();
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n  hostNetwork: true # host\n  containers: [{name: a, image: x, args: [http://db.shop.svc.cluster.local]}]";
    let args = "check --isolated --select pod-hostnetwork-dns-policy --fix --unsafe-fixes -";
    let fixed = dnslint(dir.path(), args, text);
    assert_eq!(fixed.stdout, text.replace("# host\n", "# host\n  dnsPolicy: ClusterFirstWithHostNet\n"));
    assert!(fixed.stderr.contains("(1 fixed)"), "{}", fixed.stderr);
    assert_eq!(fixed.code, 0);
    let same = dnslint(dir.path(), args, &fixed.stdout);
    assert_eq!(same.stdout, fixed.stdout, "what needs nothing comes back as it is");
    let diff = dnslint(
        dir.path(),
        "check --isolated --diff --unsafe-fixes --select pod-hostnetwork-dns-policy --stdin-filename a/pod.yaml -",
        text,
    );
    assert!(diff.stdout.starts_with("--- a/a/pod.yaml\n+++ b/a/pod.yaml\n"), "{}", diff.stdout);
}

#[test]
fn machine_formats_carry_the_edits() {
    let dir = cluster();
    let out = dnslint(dir.path(), &format!("check {SELECT} --output-format json"), "");
    let json: serde_json::Value = serde_json::from_str(&out.stdout).unwrap();
    assert_eq!(json["summary"]["fixable"], 1);
    assert_eq!(json["summary"]["unsafe_fixable"], 1);
    let found = json["diagnostics"].as_array().unwrap();
    let kubelet = found.iter().find(|d| d["rule"] == "cluster-dns-mismatch").unwrap();
    let edit = &kubelet["fixes"][0]["edits"][0];
    let (start, end) = (edit["start"].as_u64().unwrap() as usize, edit["end"].as_u64().unwrap() as usize);
    assert_eq!(&KUBELET[start..end], "10.96.0.2");
    assert_eq!(
        (edit["text"].as_str(), kubelet["fixes"][0]["applicability"].as_str()),
        (Some("10.96.0.10"), Some("unsafe"))
    );
}

#[test]
fn a_new_file_is_made_inside_the_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    put(&dir, "nodes/gw/etc/resolv.conf", "nameserver 127.0.0.1\n");
    put(&dir, "nodes/gw/etc/systemd/system/k3s.service", "[Service]\nExecStart=/usr/local/bin/k3s server\n");
    put(&dir, "nodes/gw/run/dnsmasq/resolv.conf", "nameserver 192.168.225.1\n");
    let args = "check --isolated --select k3s-public-dns-fallback --fix --unsafe-fixes";
    let shown = dnslint(dir.path(), "check --isolated --select k3s-public-dns-fallback", "");
    assert!(shown.stdout.contains("new file nodes/gw/etc/rancher/k3s/config.yaml\n"), "{}", shown.stdout);
    let fixed = dnslint(dir.path(), args, "");
    assert_eq!((fixed.code, fixed.stderr.as_str()), (0, ""), "{}", fixed.stdout);
    assert_eq!(get(&dir, "nodes/gw/etc/rancher/k3s/config.yaml"), "resolv-conf: /run/dnsmasq/resolv.conf\n");
    assert_eq!(dnslint(dir.path(), args, "").code, 0);
}

#[cfg(unix)]
#[test]
fn what_lies_outside_is_not_written() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let dir = cluster();
    let outside = tempfile::tempdir().unwrap();
    put(&outside, "config.yaml", KUBELET);
    let path = dir.path().join("nodes/n1/var/lib/kubelet/config.yaml");
    fs::remove_file(&path).unwrap();
    symlink(outside.path().join("config.yaml"), &path).unwrap();
    dnslint(dir.path(), &format!("check {SELECT} --fix --unsafe-fixes"), "");
    assert_eq!(get(&outside, "config.yaml"), KUBELET);

    let dir = cluster();
    let path = dir.path().join("nodes/n1/etc/resolv.conf");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    dnslint(dir.path(), &format!("check {SELECT} --fix"), "");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o604);
    assert_eq!(get(&dir, "nodes/n1/etc/resolv.conf"), "nameserver 192.168.1.1\nsearch lan\n");
    // only the named file may be written
    let dir = cluster();
    let one = dnslint(dir.path(), &format!("check {SELECT} --fix --unsafe-fixes manifests"), "");
    assert_eq!(one.code, 0, "{}{}", one.stdout, one.stderr);
    assert_eq!(get(&dir, "nodes/n1/etc/resolv.conf"), BAD_CRLF);
}
