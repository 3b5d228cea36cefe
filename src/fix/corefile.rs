//! Edits of Corefiles: directives and properties that come or go, in a file or in a ConfigMap's text.

use super::area::Area;
use crate::diagnostic::Edit;
use crate::source::Span;
use crate::syntax::corefile::{Corefile, Directive, FileIndex, NoImports, Options, ServerBlock, parse};

/// Indentation of a block inside a block.
const STEP: &str = "    ";

/// Puts lines that are imported into a server block into one, so that they can be read.
const OPEN: &str = ".:53 {\n";

/// A Corefile with the text that was read.
pub(super) struct Reading<'a> {
    area: &'a Area<'a>,
    /// The text of the area; lines of a block with a block around them.
    pub text: String,
    /// Where the text of the area begins in it.
    shift: usize,
    /// The Corefile.
    pub corefile: Corefile,
}

impl<'a> Reading<'a> {
    /// Reads a text: a Corefile, or lines for a block (`*.override`).
    pub(super) fn of(area: &'a Area<'a>) -> Self {
        let inside = area.name().is_some_and(|name| name.ends_with(".override"));
        let (text, shift) = if inside {
            let end = if area.text.ends_with('\n') { "" } else { "\n" };
            (format!("{OPEN}{}{end}}}\n", area.text), OPEN.len())
        } else {
            (area.text.clone(), 0)
        };
        let corefile = read(&text);
        Self { area, text, shift, corefile }
    }

    /// An offset of the area's text in the text that was read.
    pub(super) const fn offset(&self, at: usize) -> usize {
        at + self.shift
    }

    /// Whether the lines stand without the block that they are for.
    pub(super) const fn is_inside(&self) -> bool {
        self.shift > 0
    }

    /// Applies changes that leave the Corefile no worse to read.
    pub(super) fn changed(&self, changes: &[(Span, String)]) -> Option<Vec<Edit>> {
        let list: Vec<(Span, &str)> = changes.iter().map(|(span, text)| (*span, text.as_str())).collect();
        let after = read(&super::apply::apply_spans(&self.text, &list)?);
        let back = |span: Span| {
            let moved = Span::new(span.start.checked_sub(self.shift)?, span.end.checked_sub(self.shift)?);
            (moved.end <= self.area.text.len()).then_some(moved)
        };
        let moved: Option<Vec<_>> = changes.iter().map(|(span, text)| Some((back(*span)?, text.clone()))).collect();
        let moved = moved.filter(|_| after.errors.len() <= self.corefile.errors.len())?;
        self.area.edits(&moved)
    }
}

fn read(text: &str) -> Corefile {
    let env = |_: &str| None;
    let options = Options {
        main_file_name: "Corefile",
        directory: "/etc/coredns",
        env: &env,
        valid_directives: None,
        imports: &NoImports,
    };
    parse(text, &options)
}

/// The blank start of the line at `at`, if nothing else stands before it.
pub(super) fn indent(text: &str, at: usize) -> Option<&str> {
    let line = text.get(super::area::line_start(text, at)..at)?;
    line.chars().all(|c| c == ' ' || c == '\t').then_some(line)
}

/// Whether nothing but a comment stands behind `at` on its line.
pub(super) fn ends_line(text: &str, at: usize) -> bool {
    let rest = text.get(at..super::area::next_line(text, at)).unwrap_or("x").trim();
    rest.is_empty() || rest.starts_with('#')
}

pub(super) fn own(directive: &Directive) -> bool {
    directive.file == FileIndex::MAIN && directive.via.is_none()
}

pub(super) fn block_at(corefile: &Corefile, at: usize) -> Option<&ServerBlock> {
    let holds = |block: &&ServerBlock| block.file == FileIndex::MAIN && block.span.has(at);
    corefile.blocks.iter().filter(holds).min_by_key(|block| block.span.len())
}

pub(super) fn directive_at(corefile: &Corefile, at: usize) -> Option<(&ServerBlock, &Directive)> {
    let block = block_at(corefile, at)?;
    let holds = |directive: &&Directive| own(directive) && directive.span.has(at);
    Some((block, block.directives.iter().find(holds)?))
}

/// `text` with every line behind `indent`; a tab-indented block gets tabs inside, too.
fn indented(text: &str, indent: &str) -> String {
    let step = if indent.contains('\t') { "\t" } else { STEP };
    let line = |line: &str| {
        let content = line.trim_start_matches(' ');
        let depth = (line.len() - content.len()) / STEP.len();
        if content.is_empty() { "\n".to_owned() } else { format!("{indent}{}{content}\n", step.repeat(depth)) }
    };
    text.lines().map(line).collect()
}

/// The change that puts lines behind the line that ends at `at`.
pub(super) fn behind(text: &str, at: usize, lines: String) -> (Span, String) {
    let end = super::area::next_line(text, at);
    if text.get(..end).is_some_and(|before| before.ends_with('\n')) {
        return (Span::new(end, end), lines);
    }
    (Span::new(end, end), format!("\n{}", lines.trim_end_matches('\n')))
}

/// The `import` lines that stand in a block.
fn imports_of<'a>(corefile: &'a Corefile, block: &'a ServerBlock) -> impl Iterator<Item = Span> + 'a {
    let in_directive = move |span: Span| block.directives.iter().any(|d| own(d) && d.span.covers(span));
    let sites = corefile.imports.iter().filter(|site| site.parent.is_none() && site.place.file == FileIndex::MAIN);
    sites.map(|site| site.place.span).filter(move |span| block.span.covers(*span) && !in_directive(*span))
}

/// Adds a directive to the block at `span`: behind the last of the lines that `after` names (directives, or `import`;
/// separated by commas), else at the end of the block.
pub(super) fn add_directive(area: &Area<'_>, span: Span, text: &str, after: &str) -> Option<Vec<Edit>> {
    let reading = Reading::of(area);
    let Reading { text: source, corefile, .. } = &reading;
    let block = block_at(corefile, reading.offset(span.start))?;
    let names: Vec<&str> = after.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let fits = |span: Span| indent(source, span.start).is_some() && ends_line(source, span.end);
    let own = block.directives.iter().filter(|directive| own(directive));
    let mut lines: Vec<(&str, Span)> = own.map(|directive| (directive.name.as_str(), directive.span)).collect();
    lines.extend(imports_of(corefile, block).map(|span| ("import", span)));
    lines.retain(|(_, span)| fits(*span));
    lines.sort_by_key(|(_, span)| span.start);
    let named = |(name, _): &&(&str, Span)| names.contains(name);
    let directives = || lines.iter().rev().find(|(name, _)| *name != "import");
    let anchor = lines.iter().rev().find(named).or_else(|| if names == ["{"] { None } else { directives() });
    let change = match (anchor, lines.first(), block.open) {
        (Some((_, anchor)), ..) => {
            let indent = indent(source, anchor.start)?;
            behind(source, anchor.end, indented(text, indent))
        }
        (None, first, Some(open)) if open.file == FileIndex::MAIN && ends_line(source, open.span.end) => {
            let outer = block.close.and_then(|close| indent(source, close.span.start)).unwrap_or("");
            let own = first.and_then(|(_, first)| indent(source, first.start)).map(str::to_owned);
            behind(source, open.span.end, indented(text, &own.unwrap_or_else(|| format!("{outer}{STEP}"))))
        }
        _ => return None,
    };
    reading.changed(&[change])
}

/// Adds a line to the block of the directive at `span`, which gets one if it has none.
pub(super) fn add_property(area: &Area<'_>, span: Span, text: &str) -> Option<Vec<Edit>> {
    let reading = Reading::of(area);
    let Reading { text: source, corefile, .. } = &reading;
    let at = reading.offset(span.start);
    let (_, directive) = directive_at(corefile, at)?;
    let outer = indent(source, directive.span.start)?;
    let step = if outer.contains('\t') { "\t" } else { STEP };
    if directive.braced {
        let last = directive.properties.last().filter(|last| last.file == FileIndex::MAIN);
        let inner = match last {
            Some(last) => indent(source, last.span.start)?.to_owned(),
            None => format!("{outer}{step}"),
        };
        let close = directive.span.end.checked_sub(1)?;
        indent(source, close)?;
        let at = super::area::line_start(source, close);
        return reading.changed(&[(Span::new(at, at), format!("{inner}{text}\n"))]);
    }
    if !ends_line(source, directive.span.end) {
        return None;
    }
    let end = directive.span.end;
    reading.changed(&[(Span::new(end, end), format!(" {{\n{outer}{step}{text}\n{outer}}}"))])
}

/// Removes the directive (or, inside its block, the property) at `span` with its lines.
pub(super) fn remove_directive(area: &Area<'_>, span: Span) -> Option<Vec<Edit>> {
    let reading = Reading::of(area);
    let Reading { text: source, corefile, .. } = &reading;
    let at = reading.offset(span.start);
    let (_, directive) = directive_at(corefile, at)?;
    let inside = directive
        .properties
        .iter()
        .find(|p| p.file == FileIndex::MAIN && p.span.has(at) && at > directive.name_span.end);
    if let Some(last) = directive
        .args
        .last()
        .filter(|last| inside.is_some() && directive.properties.len() == 1 && last.file == FileIndex::MAIN)
    {
        // without its only property the block goes, too, unless it holds a comment
        let rest = Span::new(last.span.end, directive.span.end);
        if !rest.text(source).contains('#') && ends_line(source, directive.span.end) {
            return reading.changed(&[(rest, String::new())]);
        }
    }
    if inside.is_none() && reading.is_inside() && is_alone(&reading, directive) {
        return area.without_entry();
    }
    let gone = inside.map_or(directive.span, |property| property.span);
    indent(source, gone.start)?;
    if !ends_line(source, gone.end) {
        return None;
    }
    let (start, end) = (super::area::line_start(source, gone.start), super::area::next_line(source, gone.end));
    reading.changed(&[(Span::new(start, end), String::new())])
}

/// Whether the lines hold nothing else, no comment either.
fn is_alone(reading: &Reading<'_>, directive: &Directive) -> bool {
    let text = reading.text.as_str();
    let before = text.get(reading.offset(0)..directive.span.start).unwrap_or("x");
    let after = text.get(directive.span.end..).unwrap_or("x");
    before.trim().is_empty() && after.trim() == "}"
}

/// Directives of the cluster zone's block that a block for reverse zones needs as well. What holds a port of its own
/// (`health`, `ready`) may stand only once in the process.
const SHARED: [&str; 7] = ["errors", "cache", "reload", "loop", "bind", "forward", "prometheus"];

/// Adds a block for each zone that does what the block at `span` does.
pub(super) fn add_reverse_blocks(area: &Area<'_>, span: Span, zones: &str) -> Option<Vec<Edit>> {
    let reading = Reading::of(area);
    let Reading { text: source, corefile, .. } = &reading;
    let block = block_at(corefile, reading.offset(span.start))?;
    let close = block.close.filter(|close| close.file == FileIndex::MAIN)?;
    // the block of the root zone has the reverse zones already, and sends them elsewhere
    let key = block.keys.first().filter(|key| !key.expanded.trim_start_matches("dns://").starts_with('.'))?;
    let port =
        key.expanded.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let mut body = String::new();
    for directive in block.directives.iter().filter(|directive| SHARED.contains(&directive.name.as_str())) {
        if !own(directive) || !ends_line(source, directive.span.end) {
            return None;
        }
        indent(source, directive.span.start)?;
        let start = super::area::line_start(source, directive.span.start);
        body.push_str(source.get(start..directive.span.end)?);
        body.push('\n');
    }
    let outer = indent(source, key.span.start)?;
    let blocks = zones.split([',', ' ']).filter(|zone| !zone.is_empty());
    let text: String = blocks.map(|zone| format!("{outer}{zone}{port} {{\n{body}{outer}}}\n")).collect();
    if !ends_line(source, close.span.end) || text.is_empty() {
        return None;
    }
    reading.changed(&[behind(source, close.span.end, text)])
}
