//! The input room against real directories: discovery, links, limits, order.
#![cfg(unix)]

use dnslint::source::{FileKind, Limits, LoadOptions, Lookup, NodeIndex, ProblemKind, Snapshot};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const POD: &str = "apiVersion: v1\nkind: Pod\n";

/// A directory with files; a text `-> x` makes a link to x, a path that ends in `/` a directory.
struct Tree(TempDir);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        files.iter().for_each(|(path, text)| tree.add(path, text));
        tree
    }

    fn path(&self) -> PathBuf {
        self.0.path().canonicalize().unwrap()
    }

    fn add(&self, path: &str, text: &str) {
        let at = self.0.path().join(path);
        fs::create_dir_all(at.parent().unwrap()).unwrap();
        if path.ends_with('/') {
            fs::create_dir_all(at).unwrap();
        } else if let Some(target) = text.strip_prefix("-> ") {
            std::os::unix::fs::symlink(target, at).unwrap();
        } else {
            fs::write(at, text).unwrap();
        }
    }

    /// Relative paths are relative to the tree, so nothing depends on the process's own directory.
    fn options(&self) -> LoadOptions {
        LoadOptions { current_dir: Some(self.path()), ..LoadOptions::default() }
    }

    fn load(&self, paths: &[&str]) -> Snapshot {
        self.load_with(paths, |_| {})
    }

    fn load_with(&self, paths: &[&str], change: impl FnOnce(&mut LoadOptions)) -> Snapshot {
        let mut options = self.options();
        change(&mut options);
        Snapshot::load(&paths.iter().map(PathBuf::from).collect::<Vec<_>>(), &options)
    }
}

fn paths(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.files.iter().map(|file| file.path.as_str()).collect()
}

fn problems(snapshot: &Snapshot) -> Vec<(&str, &str)> {
    snapshot.problems.iter().map(|problem| (problem.path.as_str(), problem.kind.as_str())).collect()
}

/// The shown path that a node's path leads to, and the hops.
fn leads_to(snapshot: &Snapshot, node: usize, path: &str) -> (String, Vec<String>) {
    match snapshot.nodes[node].lookup(path) {
        Lookup::File { file, chain } => (snapshot.file(file).path.clone(), chain),
        other => (format!("{other:?}"), Vec::new()),
    }
}

#[test]
fn a_cluster_directory() {
    let tree = Tree::new(&[
        ("c/manifests/dns.yaml", POD),
        ("c/nodes/gw/etc/resolv.conf", "nameserver 127.0.0.1\n"),
        ("c/nodes/gw/run/dnsmasq/resolv.conf", "nameserver 10.0.0.1\n"),
        ("c/nodes/gw/opt/notes", "text"),
        ("c/nodes/db/etc/hosts", "127.0.0.1 localhost\n"),
        ("c/README.md", "apiVersion: v1\nkind: Pod\n"),
        ("c/values.yaml", "a: 1\n"),
    ]);
    let snapshot = tree.load(&["c"]);
    assert_eq!(
        paths(&snapshot),
        [
            "c/manifests/dns.yaml",
            "c/nodes/db/etc/hosts",
            "c/nodes/gw/etc/resolv.conf",
            "c/nodes/gw/opt/notes",
            "c/nodes/gw/run/dnsmasq/resolv.conf"
        ]
    );
    assert_eq!(problems(&snapshot), []);
    let kinds: Vec<_> = snapshot.files.iter().map(|file| file.kind).collect();
    assert_eq!(
        kinds,
        [FileKind::Manifest, FileKind::Hosts, FileKind::ResolvConf, FileKind::Other, FileKind::ResolvConf]
    );
    for (index, file) in snapshot.files.iter().enumerate() {
        assert_eq!(file.id.index(), index);
        assert_eq!(file.cluster.index(), 0);
        assert_eq!(file.disk_path.as_deref(), Some(tree.path().join(&file.path).as_path()));
    }
    assert_eq!(snapshot.clusters.len(), 1);
    assert_eq!(snapshot.clusters[0].path, "c");
    let names: Vec<_> = snapshot.nodes.iter().map(|node| (node.name.as_str(), node.path.as_str(), node.live)).collect();
    assert_eq!(names, [("db", "c/nodes/db", false), ("gw", "c/nodes/gw", false)]);
    assert_eq!(snapshot.files[2].node, Some(NodeIndex(1)));
    assert_eq!(snapshot.files[2].node_path.as_deref(), Some("/etc/resolv.conf"));
    let known: Vec<_> = snapshot.nodes[1].paths().collect();
    assert_eq!(known, ["/etc/resolv.conf", "/opt/notes", "/run/dnsmasq/resolv.conf"]);
    assert_eq!(snapshot.nodes[1].list("/"), ["etc", "opt", "run"]);
}

#[test]
fn nested_clusters_are_told_apart() {
    let tree = Tree::new(&[
        ("clusters/a/nodes/gw/etc/hosts", ""),
        ("clusters/a/manifests/x.yaml", POD),
        ("clusters/b/nodes/gw/etc/hosts", ""),
        ("clusters/b/manifests/x.yaml", POD),
        ("common/x.yaml", POD),
    ]);
    let snapshot = tree.load(&["."]);
    let of = |path: &str| snapshot.clusters[snapshot.find(path).unwrap().cluster.index()].path.as_str();
    assert_eq!(of("clusters/a/manifests/x.yaml"), "clusters/a");
    assert_eq!(of("clusters/b/manifests/x.yaml"), "clusters/b");
    assert_eq!(of("clusters/b/nodes/gw/etc/hosts"), "clusters/b");
    assert_eq!(of("common/x.yaml"), ".");
    assert_ne!(snapshot.nodes[0].cluster, snapshot.nodes[1].cluster);
    assert_eq!(snapshot.clusters.len(), 3);
}

#[test]
fn paths_given_one_by_one_share_their_cluster() {
    let tree = Tree::new(&[
        ("c/nodes/gw/etc/resolv.conf", "-> /run/systemd/resolve/stub-resolv.conf"),
        ("c/nodes/gw/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n"),
        ("c/nodes/gw/etc/hosts", ""),
        ("c/manifests/x.yaml", POD),
        ("c/manifests/y.yaml", POD),
    ]);
    let snapshot = tree.load(&["c/nodes/gw/etc/resolv.conf", "c/manifests/x.yaml"]);
    assert_eq!(paths(&snapshot), ["c/manifests/x.yaml", "c/nodes/gw/run/systemd/resolve/stub-resolv.conf"]);
    assert_eq!(snapshot.clusters.len(), 1);
    assert_eq!(snapshot.clusters[0].path, "c");
    let node = &snapshot.nodes[0];
    assert!(!node.whole);
    assert!(matches!(node.lookup("/etc/resolv.conf"), Lookup::File { .. }));
    // Only the named file was given, so nothing follows from what else is missing, and nothing else is read.
    assert_eq!(node.lookup("/etc/hosts"), Lookup::Absent { parent_known: false });
    assert_eq!(snapshot.clone().load_extra(NodeIndex(0), "/etc/hosts"), Lookup::Absent { parent_known: false });
    let both = tree.load(&["c/nodes", "c/manifests"]);
    assert_eq!(both.files.len(), 4);
    assert_eq!(both.clusters.len(), 1);
    assert!(both.nodes[0].whole);
}

#[test]
fn links_resolve_inside_the_node_root() {
    let stub = "/run/systemd/resolve/stub-resolv.conf";
    let tree = Tree::new(&[
        ("nodes/n/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n"),
        ("nodes/n/etc/absolute.conf", "-> /run/systemd/resolve/stub-resolv.conf"),
        ("nodes/n/etc/relative.conf", "-> ../run/systemd/resolve/stub-resolv.conf"),
        ("nodes/n/etc/above.conf", "-> ../../../../../../../../run/systemd/resolve/stub-resolv.conf"),
        ("nodes/n/rundir", "-> /run"),
        ("nodes/n/etc/through.conf", "-> ../rundir/systemd/../systemd/resolve/stub-resolv.conf"),
        ("nodes/n/etc/host.conf", "-> /etc/passwd"),
        ("nodes/n/etc/resolv.conf", "-> resolv.conf"),
        ("nodes/n/etc/masked.service", "-> /dev/null"),
        ("nodes/n/opt/dns", "nameserver 10.0.0.1\n"),
        ("nodes/n/etc/resolv.conf.opt", "-> /opt/dns"),
        ("nodes/n/etc/dir.conf", "-> /run/systemd"),
    ]);
    let snapshot = tree.load(&["."]);
    let file = "nodes/n/run/systemd/resolve/stub-resolv.conf".to_owned();
    for path in ["/etc/absolute.conf", "/etc/relative.conf", "/etc/above.conf"] {
        assert_eq!(leads_to(&snapshot, 0, path), (file.clone(), vec![stub.to_owned()]), "{path}");
    }
    let hops = vec!["/rundir/systemd/../systemd/resolve/stub-resolv.conf".to_owned(), stub.to_owned()];
    assert_eq!(leads_to(&snapshot, 0, "/etc/through.conf"), (file, hops));
    let node = &snapshot.nodes[0];
    // /etc/passwd of the machine that lints is never read.
    let dangling = |to: &str, parent_known| Lookup::Dangling { chain: vec![to.to_owned()], parent_known };
    assert_eq!(node.lookup("/etc/host.conf"), dangling("/etc/passwd", true));
    assert_eq!(node.lookup("/etc/masked.service"), dangling("/dev/null", false));
    assert!(matches!(node.lookup("/etc/resolv.conf"), Lookup::Loop { .. }));
    assert_eq!(node.lookup("/etc/dir.conf"), Lookup::Directory);
    assert_eq!(node.list("/etc/dir.conf"), ["resolve"]);
    assert_eq!(node.link_target("/etc/host.conf"), Some("/etc/passwd"));
    // A link gives its target the kind that the target's own path does not tell.
    assert_eq!(snapshot.find("nodes/n/opt/dns").unwrap().kind, FileKind::ResolvConf);
    assert_eq!(problems(&snapshot), [("nodes/n/etc/resolv.conf", "link-loop")]);
    assert_eq!(snapshot.files.len(), 2, "each file is read once: {:?}", paths(&snapshot));
}

#[test]
fn links_outside_node_roots_stay_in_the_given_path() {
    let tree = Tree::new(&[
        ("outside/secret.yaml", POD),
        ("repo/escape.yaml", "-> ../outside/secret.yaml"),
        ("repo/escape-dir", "-> ../outside"),
        ("repo/dangling.yaml", "-> nothing.yaml"),
        ("repo/loop.yaml", "-> loop.yaml"),
        ("repo/a/real.yaml", POD),
        ("repo/same.yaml", "-> a/real.yaml"),
        ("repo/picture", "-> ../outside/secret.yaml"),
        ("repo/a/unseen", POD),
        ("repo/seen.yaml", "-> a/unseen"),
    ]);
    let snapshot = tree.load(&["repo"]);
    assert_eq!(paths(&snapshot), ["repo/a/real.yaml", "repo/seen.yaml"]);
    assert_eq!(
        problems(&snapshot),
        [
            ("repo/dangling.yaml", "link-dangling"),
            ("repo/escape-dir", "link-escapes"),
            ("repo/escape.yaml", "link-escapes"),
            ("repo/loop.yaml", "link-loop")
        ]
    );
    // Nor does naming the link help, once the directory is a repository.
    tree.add("repo/.git/HEAD", "ref: refs/heads/main\n");
    assert_eq!(problems(&tree.load(&["repo/escape.yaml"])), [("repo/escape.yaml", "link-escapes")]);
    assert_eq!(paths(&tree.load(&["repo/same.yaml", "repo/a/real.yaml"])).len(), 1);
}

#[test]
fn devices_and_fifos_are_never_opened() {
    let tree = Tree::new(&[("c/nodes/n/etc/hosts", ""), ("c/a.yaml", POD)]);
    for path in ["c/nodes/n/etc/resolv.conf", "c/b.yaml", "c/notes.txt"] {
        let made = std::process::Command::new("mkfifo").arg(tree.path().join(path)).status();
        assert!(made.unwrap().success());
    }
    tree.add("c/zero.yaml", "-> /dev/zero");
    tree.add("c/.gitignore", "-> /dev/zero");
    let snapshot = tree.load(&["c"]);
    assert_eq!(
        problems(&snapshot),
        [
            ("c/b.yaml", "not-a-regular-file"),
            ("c/nodes/n/etc/resolv.conf", "not-a-regular-file"),
            ("c/zero.yaml", "link-escapes")
        ]
    );
    assert!(matches!(snapshot.nodes[0].lookup("/etc/resolv.conf"), Lookup::Unreadable { .. }));
    for path in ["c/b.yaml", "/dev/null", "/dev/zero"] {
        assert_eq!(tree.load(&[path]).problems[0].kind, ProblemKind::NotRegular, "{path}");
    }
    assert_eq!(problems(&tree.load(&["c/nodes/n/etc/resolv.conf"])), [("c/nodes/n/etc/resolv.conf", "unreadable")]);
}

#[test]
fn ignored_and_hidden_files() {
    let tree = Tree::new(&[
        (".gitignore", "ignored.yaml\n/build/\n*.env\nrun/\n!kept.yaml\n"),
        ("ignored.yaml", POD),
        ("build/x.yaml", POD),
        ("sub/.gitignore", "*.yaml\n"),
        ("sub/kept.yaml", POD),
        ("sub/deeper/x.yaml", POD),
        ("sub/build/x.yml", POD),
        (".hidden/x.yaml", POD),
        ("node_modules/x.yaml", POD),
        ("nodes/n/run/dnsmasq/resolv.conf", ""),
        ("nodes/n/etc/k3s.env", ""),
        ("nodes/n/etc/.hidden.yaml", POD),
    ]);
    let all = ["nodes/n/etc/.hidden.yaml", "nodes/n/etc/k3s.env", "nodes/n/run/dnsmasq/resolv.conf", "sub/build/x.yml"];
    assert_eq!(paths(&tree.load(&["."])), all);
    // A file that is named is read all the same; above a given path only a repository's rules count.
    assert_eq!(paths(&tree.load(&["ignored.yaml"])), ["ignored.yaml"]);
    tree.add("other/ignored.yaml", POD);
    assert_eq!(paths(&tree.load(&["other"])), ["other/ignored.yaml"]);
    tree.add(".git/info/exclude", "sub/build\n");
    assert_eq!(paths(&tree.load(&["other"])), Vec::<&str>::new());
    assert_eq!(paths(&tree.load(&["."])), all[..3]);
    // Snapshots that are kept out of git are still meant when their cluster is given.
    tree.add(".gitignore", "nodes/\n");
    assert_eq!(tree.load(&["."]).nodes.len(), 1);
}

#[test]
fn limits_have_names() {
    let tree = Tree::new(&[
        ("a.yaml", POD),
        ("b.yaml", POD),
        ("c.yaml", &format!("{POD}{}", "#".repeat(200))),
        ("d/e/f/g.yaml", POD),
        ("nodes/n/etc/resolv.conf", &"#".repeat(200)),
        ("nodes/n/opt/big", &"#".repeat(200)),
        ("nodes/n/etc/a/b/c/d", ""),
    ]);
    let with = |change: fn(&mut Limits)| tree.load_with(&["."], |options| change(&mut options.limits));
    let large = with(|limits| limits.file_bytes = 100);
    assert_eq!(problems(&large), [("c.yaml", "file-too-large"), ("nodes/n/etc/resolv.conf", "file-too-large")]);
    assert!(matches!(large.nodes[0].lookup("/etc/resolv.conf"), Lookup::Unreadable { .. }));
    let unknown = with(|limits| limits.unknown_file_bytes = 100);
    assert_eq!(problems(&unknown), []);
    assert_eq!(unknown.nodes[0].lookup("/opt/big"), Lookup::Absent { parent_known: false });
    assert!(matches!(unknown.clone().load_extra(NodeIndex(0), "/opt/big"), Lookup::File { .. }));
    let few = with(|limits| limits.files = 2);
    assert_eq!((paths(&few), problems(&few)), (vec!["a.yaml", "b.yaml"], vec![("c.yaml", "too-many-files")]));
    let total = with(|limits| limits.total_bytes = 60);
    assert_eq!((paths(&total), problems(&total)), (vec!["a.yaml", "b.yaml"], vec![("c.yaml", "input-too-large")]));
    let deep = with(|limits| limits.depth = 2);
    assert_eq!(problems(&deep), [("d/e/f", "too-deep"), ("nodes/n/etc/a/b", "too-deep")]);
    assert!(matches!(deep.nodes[0].lookup("/etc/a/b/c/d"), Lookup::Unreadable { .. }));
    let entries = with(|limits| limits.entries = 3);
    assert_eq!(problems(&entries)[0], (".", "too-many-files"));
    let stdin = tree.load_with(&["-"], |options| {
        options.stdin = Some(vec![b'#'; 101]);
        options.limits.file_bytes = 100;
    });
    assert_eq!(problems(&stdin), [("<stdin>", "file-too-large")]);
}

#[test]
fn the_order_is_the_same_every_time() {
    let tree = Tree::new(&[]);
    for n in (0..300).rev() {
        tree.add(&format!("d{}/s{}/f{n}.yaml", n % 7, n % 13), POD);
        tree.add(&format!("nodes/n{}/etc/resolv.conf.{n}", n % 5), "");
    }
    let first = tree.load(&["."]);
    assert_eq!(first.files.len(), 600);
    assert!(first.files.is_sorted_by(|a, b| a.path < b.path));
    let shown = |s: &Snapshot| s.files.iter().map(|f| (f.path.clone(), f.node, f.id)).collect::<Vec<_>>();
    for given in [&["."][..], &["nodes", "."], &[".", "d1", "d1/s1/f1.yaml"]] {
        assert_eq!(shown(&tree.load(given)), shown(&first), "{given:?}");
    }
}

#[test]
fn odd_encodings() {
    let tree = Tree::new(&[("crlf.yaml", "apiVersion: v1\r\nkind: Pod\r\n"), ("bom.yaml", &format!("\u{feff}{POD}"))]);
    fs::write(tree.path().join("latin.yaml"), b"apiVersion: v1\nkind: Pod # caf\xe9 x\n").unwrap();
    fs::write(tree.path().join("nul.yaml"), b"apiVersion: v1\nkind: Pod\0\n").unwrap();
    fs::write(tree.path().join("wide.yaml"), b"\xff\xfea\0p\0i\0").unwrap();
    let snapshot = tree.load(&["."]);
    assert_eq!(paths(&snapshot), ["bom.yaml", "crlf.yaml", "latin.yaml"]);
    assert_eq!(&*snapshot.files[0].text, format!("\u{feff}{POD}"));
    assert_eq!(&*snapshot.files[1].text, "apiVersion: v1\r\nkind: Pod\r\n");
    assert!(snapshot.files[2].lossy && snapshot.files[2].text.contains("caf\u{fffd} x"));
    let at = snapshot.files[2].text.find('x').unwrap();
    assert_eq!(snapshot.files[2].position(at).column, 18);
    assert_eq!(problems(&snapshot), [("latin.yaml", "invalid-utf8")]);
    assert_eq!(problems(&tree.load(&["nul.yaml", "wide.yaml"])).len(), 2, "named files are not skipped in silence");
}

#[test]
fn standard_input() {
    let tree = Tree::new(&[("c/nodes/gw/etc/resolv.conf", "nameserver 1.1.1.1\n"), ("a.yaml", POD)]);
    let read = |name: Option<&str>, text: &str| {
        tree.load_with(&["-"], |options| {
            options.stdin = Some(text.into());
            options.stdin_filename = name.map(str::to_owned);
        })
    };
    let plain = read(None, POD);
    assert_eq!((paths(&plain), plain.files[0].kind), (vec!["<stdin>"], FileKind::Manifest));
    assert_eq!(plain.files[0].disk_path, None);
    assert_eq!(problems(&read(None, "hello")), [("<stdin>", "unrecognised-file")]);
    assert_eq!(read(Some("x/Corefile"), "").files[0].kind, FileKind::Corefile);
    // The text stands for the file of that name, on its node.
    let node = read(Some("./c/nodes/gw/etc/resolv.conf"), "nameserver 9.9.9.9\n");
    assert_eq!(paths(&node), ["c/nodes/gw/etc/resolv.conf"]);
    assert_eq!(&*node.files[0].text, "nameserver 9.9.9.9\n");
    assert!(matches!(node.nodes[0].lookup("/etc/resolv.conf"), Lookup::File { .. }));
    let new = read(Some("c/nodes/gw/etc/systemd/resolved.conf"), "[Resolve]\n");
    assert_eq!((paths(&new), problems(&new)), (vec!["c/nodes/gw/etc/systemd/resolved.conf"], vec![]));
}

#[test]
fn missing_and_unreadable_paths() {
    let tree = Tree::new(&[("a/x.yaml", POD), ("nodes/n/etc/hosts", ""), ("notes", "hello")]);
    assert_eq!(problems(&tree.load(&["nothing", "a"])), [("nothing", "path-missing")]);
    assert_eq!(problems(&tree.load(&["nodes/n/etc/gone"])), [("nodes/n/etc/gone", "path-missing")]);
    assert_eq!(problems(&tree.load(&["notes"])), [("notes", "unrecognised-file")]);
    use std::os::unix::fs::PermissionsExt;
    let locked = tree.path().join("a");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // Permissions do not stop root.
    if fs::read_dir(&locked).is_err() {
        assert_eq!(problems(&tree.load(&["."])), [("a", "unreadable")]);
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_whole_file_system() {
    let tree = Tree::new(&[
        ("root/etc/hostname", "gw-1\n"),
        ("root/etc/resolv.conf", "-> ../run/systemd/resolve/stub-resolv.conf"),
        ("root/run/systemd/resolve/stub-resolv.conf", "nameserver 127.0.0.53\n"),
        ("root/lib", "-> usr/lib"),
        ("root/usr/bin/kubelet", "\u{7f}ELF"),
        ("root/usr/lib/systemd/system/kubelet.service", "[Service]\n"),
        ("root/usr/share/doc/x.yaml", POD),
        ("root/etc/systemd/system/k3s.service", "-> /opt/k3s/k3s.service"),
        ("root/opt/k3s/k3s.service", "[Service]\nExecStart=/x --config=/opt/k3s/c.yaml\n"),
        ("root/opt/k3s/c.yaml", "resolv-conf: /x\n"),
        ("root/etc/systemd/system/masked.service", "-> /dev/null"),
        ("root/dev/null", ""),
        ("root/etc/kubernetes/pki/ca.key", "secret"),
        ("root/var/lib/rancher/k3s/server/manifests/coredns.yaml", POD),
    ]);
    let mut snapshot = tree.load(&["root"]);
    let node = &snapshot.nodes[0];
    assert_eq!((node.name.as_str(), node.live, node.path.as_str()), ("gw-1", true, "root"));
    assert_eq!(
        paths(&snapshot),
        [
            "root/dev/null",
            "root/etc/hostname",
            "root/opt/k3s/k3s.service",
            "root/run/systemd/resolve/stub-resolv.conf",
            "root/usr/lib/systemd/system/kubelet.service",
            "root/var/lib/rancher/k3s/server/manifests/coredns.yaml"
        ]
    );
    assert_eq!(leads_to(&snapshot, 0, "/lib/systemd/system/kubelet.service").0, paths(&snapshot)[4]);
    assert_eq!(snapshot.find("root/opt/k3s/k3s.service").unwrap().kind, FileKind::SystemdUnit);
    // What was looked for in a known place and is not there is known to be absent; elsewhere it has to be asked for.
    assert_eq!(node.lookup("/etc/dnsmasq.conf"), Lookup::Absent { parent_known: true });
    assert_eq!(node.lookup("/opt/k3s/other.yaml"), Lookup::Absent { parent_known: false });
    assert_eq!(node.lookup("/srv/x"), Lookup::Absent { parent_known: false });
    let loaded = snapshot.load_extra(NodeIndex(0), "/opt/k3s/c.yaml");
    assert!(matches!(loaded, Lookup::File { file, .. } if snapshot.file(file).path == "root/opt/k3s/c.yaml"));
    assert_eq!(snapshot.load_extra(NodeIndex(0), "/opt/k3s/c.yaml"), loaded);
    assert_eq!(snapshot.load_extra(NodeIndex(0), "/srv/x"), Lookup::Absent { parent_known: true });
    assert_eq!(snapshot.load_extra(NodeIndex(0), "/../../../srv/x"), Lookup::Absent { parent_known: true });
    let key = snapshot.load_extra(NodeIndex(0), "/etc/kubernetes/pki/ca.key");
    assert_eq!(key, Lookup::Absent { parent_known: false });
    assert_eq!(problems(&snapshot), []);
}

#[test]
fn a_single_node_snapshot_may_be_the_path() {
    let tree = Tree::new(&[("gw1/etc/resolv.conf", "nameserver 1.1.1.1\n"), ("gw1/manifests/a.yaml", POD)]);
    for (given, name) in [("gw1", "gw1"), ("./gw1/", "gw1")] {
        let snapshot = tree.load(&[given]);
        assert_eq!(snapshot.nodes[0].name, name);
        assert_eq!(paths(&snapshot), ["gw1/etc/resolv.conf", "gw1/manifests/a.yaml"]);
        assert_eq!(snapshot.files[0].node_path.as_deref(), Some("/etc/resolv.conf"));
    }
    // The machine itself is readable without harm, whatever it is.
    let live = Snapshot::load(&[PathBuf::from("/")], &tree.options());
    assert_eq!((live.nodes.len(), live.nodes[0].live), (1, true));
    assert!(live.files.iter().all(|file| file.node.is_some()));
}

#[test]
fn unrendered_templates_are_one_note() {
    let template = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Values.name }}\n";
    let tree = Tree::new(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: x\n"),
        ("chart/templates/a.yaml", template),
        ("chart/templates/sub/b.yaml", template),
        ("chart/templates/plain.yaml", POD),
        ("rules.yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  x: |\n    {{ $labels.x }}\n"),
    ]);
    let snapshot = tree.load(&["."]);
    assert_eq!(paths(&snapshot), ["chart/templates/plain.yaml", "rules.yaml"]);
    assert_eq!(problems(&snapshot), [("chart/templates/a.yaml", "unrendered-template")]);
    assert_eq!(snapshot.problems[0].kind, ProblemKind::Templated { files: 2 });
}

#[test]
fn texts_in_memory_look_like_files() {
    let texts = [
        ("manifests/x.yaml", POD),
        ("nodes/gw/etc/hosts", ""),
        ("nodes/gw/run/x/dns", "nameserver 1.1.1.1\n"),
        ("values.yaml", "a: 1\n"),
    ];
    let links = [("nodes/gw/etc/resolv.conf", "../run/x/dns")];
    let memory = Snapshot::from_texts_and_links(texts, links);
    let tree = Tree::new(&texts);
    tree.add(links[0].0, "-> ../run/x/dns");
    let disk = tree.load(&["."]);
    let facts = |s: &Snapshot| {
        let fact = |f: &dnslint::source::SourceFile| (f.path.clone(), f.kind, f.node, f.node_path.clone(), f.cluster);
        s.files.iter().filter(|f| f.path != "values.yaml").map(fact).collect::<Vec<_>>()
    };
    assert_eq!(facts(&memory), facts(&disk));
    assert_eq!(memory.find("nodes/gw/run/x/dns").unwrap().kind, FileKind::ResolvConf);
    assert_eq!(leads_to(&memory, 0, "/etc/resolv.conf"), leads_to(&disk, 0, "/etc/resolv.conf"));
    assert_eq!(memory.nodes[0].lookup("/etc/x"), disk.nodes[0].lookup("/etc/x"));
    let single = Snapshot::from_texts([("etc/hostname", "gw\n"), ("etc/resolv.conf", "")]);
    assert_eq!((single.nodes[0].name.as_str(), single.files[1].node), ("gw", Some(NodeIndex(0))));
    let nested = Snapshot::from_texts([("a/nodes/n/etc/hosts", ""), ("a/x.yaml", POD), ("b/nodes/n/etc/hosts", "")]);
    let clusters: Vec<_> = nested.files.iter().map(|f| nested.clusters[f.cluster.index()].path.as_str()).collect();
    assert_eq!(clusters, ["a", "a", "b"]);
    assert_eq!(Snapshot::from_texts(Vec::<(String, String)>::new()).files.len(), 0);
}

#[test]
fn node_roots_behind_links_and_with_odd_directories() {
    let tree = Tree::new(&[
        ("snapshots/gw-2024/etc/hosts", ""),
        ("nodes/gw", "-> ../snapshots/gw-2024"),
        ("nodes/agent/etc/dnsmasq.d", "-> /srv/dns.d"),
        ("nodes/agent/srv/dns.d/lan.conf", "server=10.0.0.1\n"),
        ("nodes/agent/apps/k3s/config.yaml", "resolv-conf: /x\n"),
        ("nodes/shared/kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"),
    ]);
    let snapshot = tree.load(&["."]);
    let names: Vec<_> = snapshot.nodes.iter().map(|node| node.path.as_str()).collect();
    assert_eq!(names, ["nodes/agent", "nodes/gw"]);
    assert_eq!(snapshot.nodes[0].list("/etc/dnsmasq.d"), ["lan.conf"]);
    assert_eq!(snapshot.find("nodes/shared/kustomization.yaml").unwrap().node, None);
    let one = tree.load(&["nodes/agent/apps/k3s/config.yaml"]);
    assert_eq!(one.files[0].node_path.as_deref(), Some("/apps/k3s/config.yaml"));
    let memory = Snapshot::from_texts([("nodes/agent/apps/k3s/config.yaml", ""), ("nodes/agent/etc/hosts", "")]);
    assert_eq!(memory.files[0].node_path.as_deref(), Some("/apps/k3s/config.yaml"));
    // An editor's unsaved file beside its saved neighbours: all of the node is there, the file has the new text.
    let live = tree.load_with(&["nodes/agent", "-"], |options| {
        options.stdin = Some(b"new".to_vec());
        options.stdin_filename = Some("nodes/agent/apps/k3s/config.yaml".to_owned());
    });
    assert_eq!(live.nodes.len(), 1);
    assert_eq!(paths(&live), ["nodes/agent/apps/k3s/config.yaml", "nodes/agent/srv/dns.d/lan.conf"]);
    assert_eq!(&*live.files[0].text, "new");
}

proptest::proptest! {
    /// Whatever links an untrusted snapshot holds, every lookup ends, and every file it gives exists.
    #[test]
    fn lookups_always_end(
        links in proptest::collection::vec(("[abc]/[abc]", "(/|\\.\\./|)([abc]|\\.\\.)(/([abc]|\\.\\.)){0,3}"), 0..12),
        asked in proptest::collection::vec("(/([abc]|\\.\\.)){1,5}", 1..20),
    ) {
        let links = links.iter().map(|(path, target)| (format!("nodes/n/etc/{path}"), target.clone()));
        let snapshot = Snapshot::from_texts_and_links([("nodes/n/etc/a/file", "x")], links);
        for path in asked {
            match snapshot.nodes[0].lookup(&format!("/etc{path}")) {
                Lookup::File { file, .. } => proptest::prop_assert_eq!(snapshot.file(file).path.as_str(), "nodes/n/etc/a/file"),
                Lookup::Dangling { chain, .. } | Lookup::Loop { chain } => proptest::prop_assert!(!chain.is_empty()),
                _ => {}
            }
        }
    }

    /// A position is what a plain count of line feeds and characters gives.
    #[test]
    fn positions_agree_with_a_plain_count(text in "[a-z点😀\\r\\n\\t]{0,60}") {
        let snapshot = Snapshot::from_texts([("Corefile", text.as_str())]);
        let file = &snapshot.files[0];
        for (offset, _) in text.char_indices() {
            let before = text.get(..offset).unwrap();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            let position = file.position(offset);
            proptest::prop_assert_eq!((position.line, position.column), (line, column));
        }
    }
}

#[test]
fn replaced_texts_keep_their_ids() {
    let before = Snapshot::from_texts([("manifests/x.yaml", POD), ("nodes/gw/etc/hosts", "a\n")]);
    let hosts = before.find("nodes/gw/etc/hosts").unwrap().id;
    let new = ("nodes/gw/etc/rancher/k3s/config.yaml".to_owned(), "resolv-conf: /x\n".to_owned());
    let after = before.with_texts(&BTreeMap::from([(hosts, "b\nc\n".to_owned())]), [new]);
    assert_eq!(after.file(hosts).line_text(2), "c");
    assert_eq!(before.file(hosts).line_text(1), "a");
    let added = &after.files[2];
    assert_eq!((added.kind, added.node), (FileKind::K3sConfig, Some(NodeIndex(0))));
    let found = after.nodes[0].lookup("/etc/rancher/k3s/config.yaml");
    assert_eq!(found, Lookup::File { file: added.id, chain: Vec::new() });
    assert_eq!(before.nodes[0].lookup("/etc/rancher/k3s/config.yaml"), Lookup::Absent { parent_known: false });
    let again = after.with_texts(&BTreeMap::new(), [("manifests/x.yaml".to_owned(), "x".to_owned())]);
    assert_eq!((again.files.len(), &*again.files[0].text), (3, "x"));
}

#[test]
fn paths_are_shown_from_the_current_directory() {
    let tree = Tree::new(&[("a/b/x.yaml", POD), ("a/nodes/n/etc/hosts", "")]);
    let from = |directory: &str, given: &str| {
        let snapshot =
            tree.load_with(&[given], |options| options.current_dir = Some(tree.path().join(Path::new(directory))));
        snapshot.files.iter().map(|file| file.path.clone()).collect::<Vec<_>>()
    };
    assert_eq!(from("a", "."), ["b/x.yaml", "nodes/n/etc/hosts"]);
    assert_eq!(from("a/b", ".."), ["../nodes/n/etc/hosts", "x.yaml"]);
    assert_eq!(from("a/nodes/n", "etc/hosts"), ["etc/hosts"]);
    assert_eq!(from("a/nodes/n", "."), ["etc/hosts"]);
    let absolute = tree.path().join("a/b").to_string_lossy().into_owned();
    assert_eq!(from("a", &absolute), ["b/x.yaml"]);
    assert_eq!(from("a/nodes", &absolute), [format!("{absolute}/x.yaml")]);
}
