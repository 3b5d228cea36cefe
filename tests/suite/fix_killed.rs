//! `check --fix` killed while it writes: each file is the old one or the new one, and what is left over disturbs nobody.
#![cfg(unix)]

use crate::common::oracle::Seed;
use crate::common::program;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const NODES: usize = 40;
const RUNS: usize = 4;
const MOST_RUNS: usize = 50;
/// Long enough that a write is more than one block.
const LINES: usize = 30;

fn old_text() -> String {
    let comments: String = (0..LINES).map(|line| format!("# line {line} of the file\r\n")).collect();
    format!("{comments}nameserver 192.168.1.1\r\nsearch lan\r\n")
}

fn resolv(dir: &Path, node: usize) -> PathBuf {
    dir.join(format!("nodes/n{node:03}/etc/resolv.conf"))
}

fn lay_out(dir: &Path, old: &str) {
    for node in 0..NODES {
        let path = resolv(dir, node);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, old).unwrap();
    }
}

fn fix(dir: &Path) -> Child {
    let mut command = program(dir);
    command.args(["check", "--isolated", "--select", "resolv-conf-crlf", "--fix"]);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Number of files that have the new text; the others have the old one.
fn written(dir: &Path, old: &str, new: &str) -> usize {
    let is_new = |node: &usize| {
        let text = fs::read_to_string(resolv(dir, *node)).unwrap();
        assert!(text == old || text == new, "file {node} is torn: {} bytes", text.len());
        text == new
    };
    (0..NODES).filter(is_new).count()
}

#[test]
fn every_file_is_old_or_new() {
    let (old, seed) = (old_text(), &mut Seed::new(7));
    let new = old.replace("\r\n", "\n");
    let (mut halfway, mut runs) = (0, 0);
    // a fast machine may be through before the signal comes
    while runs < RUNS || halfway == 0 && runs < MOST_RUNS {
        runs += 1;
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        lay_out(dir, &old);
        let mut child = fix(dir);
        let (first, start) = (resolv(dir, 0), Instant::now());
        while fs::metadata(&first).unwrap().len() == old.len() as u64 && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(seed.below(4_000) as u64));
        // SIGKILL: nothing of the process runs any more
        child.kill().unwrap();
        child.wait().unwrap();
        let done = written(dir, &old, &new);
        halfway += usize::from(0 < done && done < NODES);
        // the next run reads no left-over, and brings the work to its end
        assert!(fix(dir).wait().unwrap().success());
        assert_eq!(written(dir, &old, &new), NODES);
        let left = leftovers(dir);
        let check = program(dir).args(["check", "--isolated", "--select", "resolv-conf-crlf"]).output().unwrap();
        let text = String::from_utf8(check.stdout).unwrap();
        assert!(text.starts_with(&format!("No findings in {NODES} files.")), "{left:?}\n{text}");
    }
    println!("{halfway} of {runs} runs were killed halfway");
    assert!(halfway > 0, "no run was killed while it wrote");
}

/// Names of files other than those that were laid out.
fn leftovers(dir: &Path) -> Vec<String> {
    let entries = (0..NODES).flat_map(|node| fs::read_dir(resolv(dir, node).parent().unwrap()).unwrap());
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "resolv.conf").collect()
}

#[test]
fn a_left_over_of_any_file_is_read_by_nobody() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let files = [
        "etc/.resolv.conf.dnslint-4711-0",
        "etc/rancher/k3s/config.yaml.d/.90-dnslint.yaml.dnslint-4711-0",
        "etc/systemd/system/kubelet.service.d/.90-dnslint.conf.dnslint-4711-0",
        "etc/kubernetes/kubelet.conf.d/.90-dnslint.conf.dnslint-4711-0",
    ];
    let write = |file: &str| {
        let path = dir.join("nodes/n1").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "nameserver 1.1.1.1\nresolv-conf: /x\nkind: KubeletConfiguration\n[Service]\nExecStart=/x\n")
            .unwrap();
    };
    let read = || {
        let check = program(dir).args(["check", "--isolated", "--select", "too-many-nameservers"]).output().unwrap();
        String::from_utf8(check.stdout).unwrap()
    };
    files.into_iter().for_each(write);
    let text = read();
    assert!(text.starts_with("No findings in 0 files."), "{text}");
    // under the names that they stand for the same texts are read
    files.map(|file| file.replace("/.", "/").replace(".dnslint-4711-0", "")).iter().for_each(|file| write(file));
    let text = read();
    assert!(text.starts_with("No findings in 4 files."), "{text}");
}
