//! Drawings of the routing graph: recorded ones, hostile names, well-formed XML, and a layout without overlaps.

use crate::common::{assert_none, compare, folders, name, root, snapshot};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::node_dns;
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::topology::{self, Kind, MAX_OF_KIND, Topology, TopologyOptions};
use dnslint::report::graph::{Area, End, GraphFormat, GraphOptions, Layout, Link, Node, Point, layout, render};
use proptest::prelude::*;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

const FORMATS: [(GraphFormat, &str); 4] =
    [(GraphFormat::Text, "txt"), (GraphFormat::Mermaid, "mmd"), (GraphFormat::Dot, "dot"), (GraphFormat::Svg, "svg")];

fn map(dir: &Path, options: &TopologyOptions) -> Topology {
    let snapshot = snapshot(dir);
    let clusters = dnslint::model::assemble(&snapshot);
    assert!(clusters.len() <= 1);
    clusters.first().map(|cluster| topology::of(&snapshot, cluster, options)).unwrap_or_default()
}

fn draw(format: GraphFormat, topology: &Topology, title: &str) -> String {
    render(format, topology, &GraphOptions { title: title.to_owned(), color: false })
}

/// Every format against its recorded file below `testdata/graph/`.
fn recorded(title: &str, topology: &Topology) -> Vec<String> {
    let file = |extension: &str| root().join("testdata/graph").join(format!("{title}.{extension}"));
    let mut problems: Vec<String> = FORMATS
        .iter()
        .filter_map(|(format, extension)| compare(&file(extension), &draw(*format, topology, title)))
        .collect();
    let json = serde_json::to_string_pretty(topology).unwrap() + "\n";
    problems.extend(compare(&file("json"), &json));
    problems
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// CoreDNS behind 10.96.0.10, a few workloads, and what the caller adds.
fn manifests(dir: &Path, corefile: &str, workloads: &[&str]) {
    let corefile: String = corefile.lines().map(|line| format!("    {line}\n")).collect();
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: coredns, namespace: kube-system}}\ndata:\n  Corefile: |\n\
         {corefile}---\napiVersion: v1\nkind: Service\nmetadata:\n  name: kube-dns\n  namespace: kube-system\n  labels: \
         {{k8s-app: kube-dns}}\nspec:\n  clusterIP: 10.96.0.10\n  selector: {{k8s-app: kube-dns}}\n  ports:\n  - {{port: \
         53, protocol: UDP}}\n  - {{port: 53, protocol: TCP}}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: \
         {{name: coredns, namespace: kube-system}}\nspec:\n  template:\n    metadata: {{labels: {{k8s-app: \
         kube-dns}}}}\n    spec:\n      dnsPolicy: Default\n      containers:\n      - name: coredns\n        image: \
         coredns/coredns:1.11.1\n        args: [-conf, /etc/coredns/Corefile]\n        volumeMounts: [{{name: c, \
         mountPath: /etc/coredns}}]\n      volumes: [{{name: c, configMap: {{name: coredns}}}}]\n"
    );
    for name in workloads {
        let name = serde_json::to_string(name).unwrap();
        let _ = write!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  \
             template:\n    spec:\n      containers: [{{name: c, image: a}}]\n"
        );
    }
    write(dir, "manifests/all.yaml", &text);
}

const COREFILE: &str = ".:53 {\n  kubernetes cluster.local in-addr.arpa ip6.arpa {\n    fallthrough in-addr.arpa \
                        ip6.arpa\n  }\n  forward . /etc/resolv.conf\n  cache 30\n}\ncorp.example:53 {\n  forward . \
                        tls://10.1.1.1 tls://10.1.1.2\n}\nlab.example:53 {\n  forward . 10.1.1.3 {\n    force_tcp\n  \
                        }\n}\n";

#[test]
fn the_situations_and_a_loop() {
    let clusters =
        ["k3s-gateway", "kubespray-four-nodes", "k3s-tailscale-node-cache", "kubeadm-conntrack", "healthy-kube-dns"];
    let mut problems = Vec::new();
    for cluster in clusters {
        let topology = map(&root().join("testdata/clusters").join(cluster), &TopologyOptions::default());
        assert!(topology.loops.is_empty() && topology.left_out.is_empty());
        problems.extend(recorded(cluster, &topology));
    }
    let incident = "kubespray-3390-host-resolvconf-loop";
    let looping = map(&root().join("testdata/incidents").join(incident).join("cluster"), &TopologyOptions::default());
    assert!(!looping.loops.is_empty());
    problems.extend(recorded(incident, &looping));
    assert_none(&problems);
}

#[test]
fn the_picture_of_the_readme() {
    let cluster = "k3s-tailscale-node-cache";
    let topology = map(&root().join("testdata/clusters").join(cluster), &TopologyOptions::default());
    let picture = draw(GraphFormat::Svg, &topology, cluster);
    assert_none(&compare(&root().join("docs/img/graph.svg"), &picture).into_iter().collect::<Vec<_>>());
}

#[test]
fn fifty_nodes_fit_on_a_page() {
    let dir = TempDir::new().unwrap();
    manifests(dir.path(), COREFILE, &["web", "db", "queue", "cron"]);
    for node in 1..=50 {
        let here = |path: &str| format!("nodes/node{node}/{path}");
        write(
            dir.path(),
            &here("var/lib/kubelet/config.yaml"),
            "clusterDNS: [10.96.0.10]\nclusterDomain: cluster.local\n",
        );
        let servers =
            if node % 10 == 0 { "nameserver 10.9.9.9\n" } else { "nameserver 10.2.0.1\nnameserver 10.2.0.2\n" };
        write(dir.path(), &here("etc/resolv.conf"), servers);
    }
    let topology = map(dir.path(), &TopologyOptions::default());
    assert_eq!((topology.node_count, topology.vertices.len()), (50, 6));
    assert!(
        topology.edges.iter().any(|edge| edge.nodes.len() == 45) && topology.edges.iter().any(|e| e.nodes.len() == 5)
    );
    assert_none(&recorded("fifty-nodes", &topology));
}

#[test]
fn one_zone_and_one_node() {
    let dir = root().join("testdata/clusters/k3s-tailscale-node-cache");
    let zone = map(&dir, &TopologyOptions { zone: Some("Cluster.Local".to_owned()), ..TopologyOptions::default() });
    assert_eq!(zone.zone.as_deref(), Some("cluster.local."));
    assert!(zone.edges.iter().all(|edge| edge.zones == ["cluster.local."]));
    assert!(zone.vertices.iter().all(|vertex| vertex.kind != Kind::Outside));
    let node = map(&dir, &TopologyOptions { node: Some("gz-master".to_owned()), ..TopologyOptions::default() });
    assert_eq!(node.nodes, ["gz-master"]);
    let outside: Vec<&str> = node
        .vertices
        .iter()
        .filter(|v| v.kind == Kind::Outside)
        .flat_map(|v| v.members.iter().map(String::as_str))
        .collect();
    assert_eq!(outside, ["202.96.128.86", "202.96.134.133", "119.29.29.29"]);
}

#[test]
fn an_empty_directory() {
    let dir = TempDir::new().unwrap();
    let topology = map(dir.path(), &TopologyOptions::default());
    assert!(topology.vertices.is_empty());
    assert_none(&recorded("empty", &topology));
}

#[test]
fn hostile_names_are_only_text() {
    let dir = TempDir::new().unwrap();
    let evil = "x\"]|</text><script>alert('1')</script>&amp;-->\\\"\n]; \u{202e}gpj\u{1b}[31m\u{7f}`%%{init}%%{{x}}";
    let corefile =
        ".:53 {\n  forward . a\"b 10.1.1.1 <script> \\\"]-->|x|\n}\n<b>&\"x.example:53 {\n  forward . 10.1.1.2\n}\n";
    manifests(dir.path(), corefile, &[evil]);
    write(dir.path(), "nodes/n\"<b>&'];/etc/resolv.conf", "nameserver 10.2.0.1\n");
    let topology = map(dir.path(), &TopologyOptions::default());
    assert_none(&recorded("hostile", &topology));
    let svg = draw(GraphFormat::Svg, &topology, evil);
    well_formed(&svg);
    for (format, _) in FORMATS {
        let text = draw(format, &topology, evil);
        assert!(!text.contains('\u{202e}') && !text.chars().any(|c| c.is_control() && c != '\n'), "{format:?}");
        // a quoted string of Graphviz may hold anything
        let plain = matches!(format, GraphFormat::Text | GraphFormat::Dot);
        assert!(plain || !text.contains("<script"), "{format:?}: {text}");
    }
    let mermaid = draw(GraphFormat::Mermaid, &topology, "x");
    for line in mermaid.lines().filter(|line| line.contains('[')) {
        assert_eq!(line.matches('"').count(), 2, "{line}");
    }
}

#[test]
fn thousands_of_servers_are_cut() {
    let dir = TempDir::new().unwrap();
    let mut text = String::new();
    for n in 0..3000 {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: coredns-{n}, namespace: ns}}\ndata:\n  Corefile: \
             '. {{ forward . 10.{}.{}.1\n }}'\n",
            n / 250,
            n % 250
        );
    }
    write(dir.path(), "manifests/all.yaml", &text);
    let topology = map(dir.path(), &TopologyOptions::default());
    let servers = topology.vertices.iter().filter(|v| v.kind == Kind::Server).count();
    let missing = topology.left_out.iter().find(|l| l.what == "DNS servers").unwrap();
    assert_eq!((servers, missing.count), (MAX_OF_KIND, 3000 - MAX_OF_KIND));
    let svg = draw(GraphFormat::Svg, &topology, "many");
    well_formed(&svg);
    assert!(svg.contains("not shown: ") && svg.len() < 400_000, "{}", svg.len());
}

#[test]
fn loops_are_those_that_check_reports() {
    let clusters = folders(&root().join("testdata/clusters"));
    let incidents = folders(&root().join("testdata/incidents")).into_iter().map(|dir| dir.join("cluster"));
    let catalogue = folders(&root().join("testdata/loops"));
    let (mut looping, mut clean) = (0, 0);
    for dir in clusters.into_iter().chain(incidents).chain(catalogue).filter(|dir| dir.is_dir()) {
        let snapshot = snapshot(&dir);
        for cluster in dnslint::model::assemble(&snapshot) {
            let nodes = node_dns::all(&snapshot, &cluster, None);
            let sites = node_dns::sites(&snapshot, &cluster, &nodes);
            let routes = Routes::of(&cluster, &Facts::of(&cluster), sites);
            let topology = topology::of(&snapshot, &cluster, &TopologyOptions::default());
            assert_eq!(routes.loops.is_empty(), topology.loops.is_empty(), "{}", dir.display());
            let red = topology.edges.iter().filter(|edge| edge.in_loop).count();
            assert_eq!(red == 0, topology.loops.is_empty(), "{}", dir.display());
            *(if red == 0 { &mut clean } else { &mut looping }) += 1;
        }
    }
    assert!(looping >= 3 && clean >= 40, "{looping} looping, {clean} clean");
}

/// Exit code, standard output, standard error of `dnslint graph …`.
fn graph(args: &[&str]) -> (i32, String, String) {
    let run = crate::common::program(&root()).arg("graph").args(args).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

#[test]
fn the_extension_chooses_the_format() {
    let dir = TempDir::new().unwrap();
    let cluster = "testdata/clusters/k3s-gateway";
    let starts = [("svg", "<svg "), ("mmd", "---\ntitle"), ("dot", "digraph "), ("json", "{\n"), ("txt", "Name ")];
    for (extension, start) in starts {
        let file = dir.path().join(format!("x.{extension}"));
        let (code, stdout, stderr) = graph(&[cluster, "-o", file.to_str().unwrap()]);
        assert_eq!((code, stdout.as_str(), stderr.as_str()), (0, "", ""));
        assert!(fs::read_to_string(&file).unwrap().starts_with(start), "{extension}");
    }
    let odd = dir.path().join("x.md");
    let (code, _, stderr) = graph(&[cluster, "-o", odd.to_str().unwrap()]);
    assert!(code == 2 && stderr.contains("give --format") && !odd.exists(), "{stderr}");
    let (code, ..) = graph(&[cluster, "-o", odd.to_str().unwrap(), "--format", "mermaid"]);
    assert!(code == 0 && fs::read_to_string(&odd).unwrap().contains("flowchart LR"));
}

#[test]
fn mistakes_on_the_command_line() {
    let (code, _, stderr) = graph(&["testdata/clusters/k3s-gateway", "--node", "orangebox-7eb4"]);
    assert_eq!(
        (code, stderr.as_str()),
        (2, "error: there is no node `orangebox-7eb4` (did you mean `orangebox-7eb3`?)\n")
    );
    let (code, _, stderr) = graph(&["testdata/no-such-directory"]);
    assert!(code == 2 && stderr.contains("no such file or directory"), "{stderr}");
    let (code, _, stderr) = graph(&["testdata/clusters"]);
    assert!(code == 2 && stderr.contains("give the directory of one"), "{stderr}");
    let (code, stdout, _) = graph(&["testdata/clusters/k3s-gateway", "--color", "always"]);
    assert!(code == 0 && stdout.contains("\u{1b}[1;34mclients"), "{stdout}");
}

#[test]
fn every_cluster_can_be_drawn() {
    let incidents = folders(&root().join("testdata/incidents")).into_iter().map(|dir| dir.join("cluster"));
    let dirs: Vec<PathBuf> = folders(&root().join("testdata/clusters")).into_iter().chain(incidents).collect();
    for dir in dirs.iter().filter(|dir| dir.is_dir()) {
        let snapshot = snapshot(dir);
        for cluster in dnslint::model::assemble(&snapshot) {
            let topology = topology::of(&snapshot, &cluster, &TopologyOptions::default());
            let svg = draw(GraphFormat::Svg, &topology, &name(dir));
            well_formed(&svg);
            assert_eq!(svg.matches("<path class=\"edge").count() - legend_loops(&svg), topology.edges.len());
        }
    }
}

fn legend_loops(svg: &str) -> usize {
    usize::from(svg.contains(">loop</text>"))
}

/// Tags nest, attributes are quoted, references are known ones, and nothing that XML 1.0 forbids is in it.
fn well_formed(xml: &str) {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = xml;
    while let Some(at) = rest.find('<') {
        let (text, tag) = rest.split_at(at);
        references(text);
        assert!(!text.contains('>'), "{text}");
        let end = tag.find('>').expect("a tag ends");
        let inside = &tag[1..end];
        rest = &tag[end + 1..];
        if let Some(closing) = inside.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closing));
            continue;
        }
        let (inside, empty) = inside.strip_suffix('/').map_or((inside, false), |inside| (inside, true));
        let (element, attributes) = inside.split_once(' ').unwrap_or((inside, ""));
        assert!(element.chars().all(|c| c.is_ascii_alphabetic()), "{element}");
        assert_eq!(attributes.matches('"').count() % 2, 0, "{attributes}");
        references(attributes);
        if !empty {
            open.push(element);
        }
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?}");
    assert!(!xml.chars().any(|c| c.is_control() && c != '\n'));
}

fn references(text: &str) {
    for part in text.split('&').skip(1) {
        assert!(["amp;", "lt;", "gt;", "quot;", "#39;"].iter().any(|known| part.starts_with(known)), "&{part}");
    }
}

fn nodes_and_links() -> impl Strategy<Value = (Vec<Node>, Vec<Link>)> {
    let node = (40..300_i32, 30..200_i32, 0..3_usize, 0..4_usize).prop_map(|(width, height, end, rows)| {
        let rows: Vec<(i32, i32)> = (0..i32::try_from(rows).unwrap()).map(|row| (height + row * 30, 30)).collect();
        let height = height + 30 * i32::try_from(rows.len()).unwrap();
        let end = [End::First, End::Middle, End::Last][end];
        Node { width, height, end, rows }
    });
    prop::collection::vec(node, 1..14).prop_flat_map(|nodes| {
        let count = nodes.len();
        let link = (0..count, prop::option::of(0..5_usize), 0..count, (10..160_i32, 10..60_i32))
            .prop_map(|(from, row, to, label)| Link { from, row, to, label });
        (Just(nodes), prop::collection::vec(link, 0..30))
    })
}

fn overlap(a: &Area, b: &Area) -> bool {
    a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom()
}

fn on_side(point: &Point, area: &Area) -> bool {
    (point.x == area.x || point.x == area.right()) && (area.y..=area.bottom()).contains(&point.y)
}

fn problems(nodes: &[Node], links: &[Link], plan: &Layout) -> Vec<String> {
    let mut problems = Vec::new();
    let areas: Vec<&Area> = plan.nodes.iter().chain(plan.routes.iter().map(|route| &route.label)).collect();
    for (index, a) in areas.iter().enumerate() {
        if a.x < 0 || a.y < 0 || a.right() > plan.width || a.bottom() > plan.height {
            problems.push(format!("{a:?} is outside"));
        }
        problems.extend(areas[..index].iter().filter(|b| overlap(a, b)).map(|b| format!("{a:?} covers {b:?}")));
    }
    for (link, route) in links.iter().zip(&plan.routes) {
        let ends = [(route.points.first(), link.from), (route.points.last(), link.to)];
        for (point, node) in ends {
            if !point.is_some_and(|point| on_side(point, &plan.nodes[node])) {
                problems.push(format!("{point:?} is not on the border of box {node}"));
            }
        }
        let inside = |p: &Point| (0..=plan.width).contains(&p.x) && (0..=plan.height).contains(&p.y);
        problems.extend(route.points.iter().filter(|p| !inside(p)).map(|p| format!("{p:?} is outside")));
        // a bend stays between columns: no box and no label of another link is between its ends
        for pair in route.points.windows(2).filter(|pair| pair[0].y != pair[1].y && pair[0].x != pair[1].x) {
            let (left, right) = (pair[0].x.min(pair[1].x), pair[0].x.max(pair[1].x));
            let crossed = areas.iter().filter(|a| a.x < right && left < a.right());
            problems.extend(crossed.map(|a| format!("{pair:?} bends through the column of {a:?}")));
        }
    }
    let sizes =
        nodes.iter().zip(&plan.nodes).filter(|(node, area)| area.width < node.width || area.height != node.height);
    problems.extend(sizes.map(|(node, area)| format!("{node:?} has {area:?}")));
    problems
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn nothing_overlaps_and_links_end_on_borders((nodes, links) in nodes_and_links()) {
        let plan = layout(&nodes, &links);
        prop_assert_eq!(&plan, &layout(&nodes, &links));
        prop_assert_eq!(problems(&nodes, &links, &plan), Vec::<String>::new());
    }
}
