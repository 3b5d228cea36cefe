//! The graph as a picture: one SVG file without scripts, fonts or links to anything outside.

use super::layout::{Area, End, Layout, Link, Node, Route, layout};
use super::metrics::width;
use super::{GraphOptions, words};
use crate::analysis::topology::{Edge, Kind, Topology, Vertex};
use crate::report::sanitize_line;
use std::fmt::Write as _;

/// Space around the drawing.
const MARGIN: i32 = 32;
/// Height of title and numbers.
const HEADER: i32 = 84;
/// Height of the legend.
const LEGEND: i32 = 46;
/// Space inside a box, beside its text.
const PADDING: i32 = 14;
/// Distance of two lines in a box.
const LINE: i32 = 17;
/// Height of a box above its details: caption and title.
const HEAD: i32 = 44;
/// Least width of a box.
const MIN_WIDTH: i32 = 168;
/// Least width of the whole, for title and legend.
const MIN_TOTAL: i32 = 560;
/// Distance of two lines in a label.
const LABEL_LINE: i32 = 14;

/// Colours and fonts; the second half is for dark surroundings.
const STYLE: &str = "\
text{font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans',sans-serif;fill:#1b1f24}
.bg{fill:#fbfcfd}.box{fill:#fff;stroke:#c9d1d9;stroke-width:1.2}.unsure{stroke:#57606a;stroke-dasharray:5 4}
.rule{stroke:#dfe4e9;stroke-width:1}.h1{font-size:24px;font-weight:650}.h2{font-size:14px;fill:#57606a}
.cap{font-size:10.5px;font-weight:650;letter-spacing:.6px}.name{font-size:14.5px;font-weight:650}
.line{font-size:12px;fill:#424a53}.zone{font-size:12.5px;font-weight:650}.plug{font-size:11px;fill:#57606a}
.edge{fill:none;stroke:#7d8794;stroke-width:1.7}.head{fill:#7d8794}.loop{stroke:#cf2e0e;stroke-width:3.2}.loophead{fill:#cf2e0e}
.pill{fill:#fbfcfd;stroke:#dfe4e9}.looppill{fill:#fff1ec;stroke:#cf2e0e;stroke-width:1.4}
.l1{font-size:11.5px;font-weight:600}.l2{font-size:10.5px;fill:#57606a}.bad{fill:#b3260a}
.pods{fill:#0072b2}.cache{fill:#00805d}.server{fill:#7b4fa3}.resolver{fill:#96690a}.outside{fill:#57606a}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.bg{fill:#0d1117}.box{fill:#161b22;stroke:#3d444d}.unsure{stroke:#9198a1}.rule{stroke:#2f353d}
.h2,.plug,.l2{fill:#9198a1}.line{fill:#c3cad2}.edge{stroke:#8b949e}.head{fill:#8b949e}
.loop{stroke:#ff7b54}.loophead{fill:#ff7b54}.pill{fill:#0d1117;stroke:#2f353d}.looppill{fill:#2d1710;stroke:#ff7b54}
.bad{fill:#ff9d80}.pods{fill:#58b5f0}.cache{fill:#3fc79a}.server{fill:#c39be3}.resolver{fill:#e0b04c}.outside{fill:#9198a1}
}";

pub fn render(topology: &Topology, options: &GraphOptions) -> String {
    let boxes: Vec<BoxText> = topology.vertices.iter().map(BoxText::of).collect();
    let labels: Vec<Vec<String>> = topology.edges.iter().map(|edge| words::edge_lines(topology, edge)).collect();
    let nodes: Vec<Node> = boxes.iter().map(BoxText::node).collect();
    let link = |(edge, lines): (&Edge, &Vec<String>)| Link {
        from: edge.from,
        row: edge.block,
        to: edge.to,
        label: label_size(lines),
    };
    let links: Vec<Link> = topology.edges.iter().zip(&labels).map(link).collect();
    let plan = layout(&nodes, &links);
    let mut picture = Picture { text: String::new(), topology };
    picture.open(options, &plan);
    for (edge, route) in topology.edges.iter().zip(&plan.routes).filter(|(edge, _)| !edge.in_loop) {
        picture.edge(edge, route);
    }
    for (edge, route) in topology.edges.iter().zip(&plan.routes).filter(|(edge, _)| edge.in_loop) {
        picture.edge(edge, route);
    }
    for ((edge, route), lines) in topology.edges.iter().zip(&plan.routes).zip(&labels) {
        picture.label(edge, &route.label, lines);
    }
    for ((vertex, text), area) in topology.vertices.iter().zip(&boxes).zip(&plan.nodes) {
        picture.vertex(vertex, text, area);
    }
    picture.text.push_str("</g>\n");
    picture.legend(&plan);
    picture.text.push_str("</svg>\n");
    picture.text
}

/// The lines of a box.
struct BoxText {
    end: End,
    caption: String,
    title: String,
    details: Vec<String>,
    rows: Vec<(String, String)>,
}

impl BoxText {
    fn of(vertex: &Vertex) -> Self {
        let end = match vertex.kind {
            Kind::Pods | Kind::NodeProcesses => End::First,
            Kind::NodeCache | Kind::Server | Kind::NodeResolver | Kind::PodResolver => End::Middle,
            Kind::Outside | Kind::Unknown | Kind::DeadEnd => End::Last,
        };
        Self {
            end,
            caption: words::caption(vertex.kind).to_uppercase(),
            title: words::short(&vertex.title),
            details: words::details(vertex),
            rows: vertex.blocks.iter().map(|row| (words::row_zones(row), words::row_plugins(row))).collect(),
        }
    }

    fn node(&self) -> Node {
        let rows = self.rows.iter().flat_map(|(zone, plugins)| [width(zone, 13, true), width(plugins, 11, false)]);
        let lines = self.details.iter().map(|line| width(line, 12, false));
        let captions = [width(&self.caption, 12, true), width(&self.title, 15, true)];
        let widest = captions.into_iter().chain(lines).chain(rows).max().unwrap_or(0);
        let mut top = self.head_height();
        let mut places = Vec::new();
        for (_, plugins) in &self.rows {
            let height = row_height(plugins);
            places.push((top, height));
            top += height;
        }
        Node { width: (widest + 2 * PADDING).max(MIN_WIDTH), height: top, end: self.end, rows: places }
    }

    fn head_height(&self) -> i32 {
        HEAD + LINE * i32::try_from(self.details.len()).unwrap_or(0) + 8
    }
}

const fn row_height(plugins: &str) -> i32 {
    if plugins.is_empty() { 26 } else { 41 }
}

fn label_size(lines: &[String]) -> (i32, i32) {
    let widest = lines.iter().enumerate().map(|(at, line)| width(line, if at == 0 { 12 } else { 11 }, at == 0)).max();
    let count = i32::try_from(lines.len()).unwrap_or(0);
    (widest.unwrap_or(0) + 16, LABEL_LINE * count + 8)
}

struct Picture<'t> {
    text: String,
    topology: &'t Topology,
}

impl Picture<'_> {
    fn total(&self, plan: &Layout) -> (i32, i32) {
        let left_out = if self.topology.left_out.is_empty() { 0 } else { 24 };
        let width = plan.width.max(MIN_TOTAL).max(self.legend_width()) + 2 * MARGIN;
        (width, HEADER + plan.height + MARGIN + LEGEND + left_out)
    }

    fn open(&mut self, options: &GraphOptions, plan: &Layout) {
        let (wide, high) = self.total(plan);
        let (title, summary) = (escape(&words::title(&options.title)), escape(&self.heading()));
        let left = MARGIN + (wide - 2 * MARGIN - plan.width) / 2;
        let _ = write!(
            self.text,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" \
             height=\"{high}\" role=\"img\" aria-labelledby=\"dns-title dns-desc\">\n<title id=\"dns-title\">{title}\
             </title>\n<desc id=\"dns-desc\">{}</desc>\n<style>\n{STYLE}\n</style>\n<defs>\n{}{}</defs>\n<rect \
             class=\"bg\" width=\"{wide}\" height=\"{high}\" rx=\"10\"/>\n<text class=\"h1\" x=\"{MARGIN}\" y=\"44\">\
             {title}</text>\n<text class=\"h2\" x=\"{MARGIN}\" y=\"66\">{summary}</text>\n<g \
             transform=\"translate({left} {HEADER})\">\n",
            escape(&self.description()),
            marker("arrow", "head"),
            marker("arrow-loop", "loophead"),
        );
    }

    fn heading(&self) -> String {
        if self.topology.vertices.is_empty() { words::NOTHING.to_owned() } else { words::summary(self.topology) }
    }

    /// Every edge as a sentence, for those who cannot see the picture.
    fn description(&self) -> String {
        let mut text = format!("{}.", self.heading().trim_end_matches('.'));
        for edge in &self.topology.edges {
            let _ = write!(text, " {}.", self.sentence(edge));
        }
        text
    }

    fn sentence(&self, edge: &Edge) -> String {
        let title =
            |index: usize| self.topology.vertices.get(index).map(|v| sanitize_line(&v.title)).unwrap_or_default();
        let lines = words::edge_lines(self.topology, edge).join(", ");
        format!("{} asks {}: {lines}", title(edge.from), title(edge.to))
    }

    fn edge(&mut self, edge: &Edge, route: &Route) {
        let mut points = route.points.iter();
        let Some(start) = points.next() else { return };
        let mut path = format!("M{} {}", start.x, start.y);
        let mut last = *start;
        for point in points {
            if point.y == last.y || point.x == last.x {
                let _ = write!(path, "L{} {}", point.x, point.y);
            } else {
                let half = (point.x - last.x) / 2;
                let (c1, c2) = (last.x + half, point.x - half);
                let _ = write!(path, "C{c1} {} {c2} {} {} {}", last.y, point.y, point.x, point.y);
            }
            last = *point;
        }
        let (class, marker) = if edge.in_loop { ("edge loop", "arrow-loop") } else { ("edge", "arrow") };
        let sentence = escape(&self.sentence(edge));
        let _ = writeln!(
            self.text,
            "<path class=\"{class}\" d=\"{path}\" marker-end=\"url(#{marker})\"><title>{sentence}</title></path>"
        );
    }

    fn label(&mut self, edge: &Edge, area: &Area, lines: &[String]) {
        if lines.is_empty() || area.width == 0 {
            return;
        }
        let class = if edge.in_loop { "looppill" } else { "pill" };
        let Area { x, y, width, height } = area;
        let _ = writeln!(
            self.text,
            "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"7\"/>"
        );
        let mut base = y + 15;
        for (at, line) in lines.iter().enumerate() {
            let class = match (at, edge.in_loop) {
                (0, true) => "l1 bad",
                (0, false) => "l1",
                _ => "l2",
            };
            self.words(class, x + width / 2, base, line, true);
            base += LABEL_LINE;
        }
    }

    fn words(&mut self, class: &str, x: i32, y: i32, text: &str, centred: bool) {
        let anchor = if centred { " text-anchor=\"middle\"" } else { "" };
        let _ = writeln!(self.text, "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"{anchor}>{}</text>", escape(text));
    }

    fn vertex(&mut self, vertex: &Vertex, text: &BoxText, area: &Area) {
        let Area { x, y, width, height } = *area;
        let unsure = matches!(vertex.kind, Kind::Unknown | Kind::DeadEnd);
        let class = if unsure { "box unsure" } else { "box" };
        let color = color(vertex.kind);
        let _ = writeln!(
            self.text,
            "<g><title>{}</title>\n<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" \
             rx=\"8\"/>\n<path class=\"{color}\" d=\"M{} {y}a8 8 0 0 0 -8 8v{}a8 8 0 0 0 8 8h-3v-{height}z\"/>",
            escape(&full_title(vertex)),
            x + 8,
            height - 16,
        );
        let left = x + PADDING;
        self.words(&format!("cap {color}"), left, y + 18, &text.caption, false);
        self.words("name", left, y + 37, &text.title, false);
        let mut base = y + HEAD + 11;
        for line in &text.details {
            self.words("line", left, base, line, false);
            base += LINE;
        }
        let mut top = y + text.head_height();
        for (zone, plugins) in &text.rows {
            let _ = writeln!(self.text, "<path class=\"rule\" d=\"M{} {top}H{}\"/>", x + 6, x + width - 1);
            self.words("zone", left, top + 17, zone, false);
            if !plugins.is_empty() {
                self.words("plug", left, top + 32, plugins, false);
            }
            top += row_height(plugins);
        }
        self.text.push_str("</g>\n");
    }

    /// What the picture has of each kind: class and word.
    fn entries(&self) -> Vec<(&'static str, &'static str)> {
        let all = [
            (&[Kind::Pods, Kind::NodeProcesses][..], "pods", "who asks"),
            (&[Kind::NodeCache], "cache", "node cache, on every node"),
            (&[Kind::Server], "server", "DNS server of the cluster"),
            (&[Kind::NodeResolver, Kind::PodResolver], "resolver", "other resolver, on a node or in a pod"),
            (&[Kind::Outside, Kind::Unknown, Kind::DeadEnd], "outside", "outside, or not known (dashed)"),
        ];
        let there = |kinds: &[Kind]| self.topology.vertices.iter().any(|v| kinds.contains(&v.kind));
        all.iter().filter(|(kinds, ..)| there(kinds)).map(|(_, class, word)| (*class, *word)).collect()
    }

    fn legend_width(&self) -> i32 {
        let words: i32 = self.entries().iter().map(|(_, word)| width(word, 12, false) + 44).sum();
        words + if self.topology.loops.is_empty() { 0 } else { width("loop", 12, false) + 60 }
    }

    fn legend(&mut self, plan: &Layout) {
        let y = HEADER + plan.height + MARGIN + 14;
        let mut x = MARGIN;
        for (class, word) in self.entries() {
            let _ = writeln!(
                self.text,
                "<rect class=\"{class}\" x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\" rx=\"3\"/>",
                y - 10
            );
            self.words("line", x + 19, y, word, false);
            x += width(word, 12, false) + 44;
        }
        if !self.topology.loops.is_empty() {
            let _ = writeln!(
                self.text,
                "<path class=\"edge loop\" d=\"M{x} {0}H{1}\" marker-end=\"url(#arrow-loop)\"/>",
                y - 4,
                x + 26
            );
            self.words("line", x + 35, y, "loop", false);
        }
        let missing = words::left_out(self.topology);
        if !missing.is_empty() {
            self.words("line", MARGIN, y + 24, &missing, false);
        }
    }
}

fn marker(id: &str, class: &str) -> String {
    format!(
        "<marker id=\"{id}\" viewBox=\"0 0 10 10\" refX=\"9.4\" refY=\"5\" markerWidth=\"9\" markerHeight=\"9\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"{class}\" d=\"M0 .8L10 5L0 9.2L2.4 5z\"/>\
         </marker>\n"
    )
}

const fn color(kind: Kind) -> &'static str {
    match kind {
        Kind::Pods | Kind::NodeProcesses => "pods",
        Kind::NodeCache => "cache",
        Kind::Server => "server",
        Kind::NodeResolver | Kind::PodResolver => "resolver",
        Kind::Outside | Kind::Unknown | Kind::DeadEnd => "outside",
    }
}

/// Everything that a box stands for.
fn full_title(vertex: &Vertex) -> String {
    let mut lines = vec![sanitize_line(&vertex.title)];
    if vertex.count > 1 {
        lines.push(vertex.members.iter().map(|member| sanitize_line(member)).collect::<Vec<_>>().join(", "));
    }
    if !vertex.nodes.is_empty() {
        lines.push(format!("on {}", vertex.nodes.iter().map(|n| sanitize_line(n)).collect::<Vec<_>>().join(", ")));
    }
    lines.join("; ")
}

/// Text or an attribute of XML: no markup, no character that XML 1.0 forbids.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in sanitize_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
