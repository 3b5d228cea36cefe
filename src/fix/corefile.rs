//! Edits of Corefiles: directives and properties that come or go, in a file or in a ConfigMap's text.

use super::area::Area;
use crate::diagnostic::Edit;
use crate::source::Span;
use crate::syntax::corefile::{Corefile, Directive, FileIndex, NoImports, Options, ServerBlock, parse};

/// Indentation of a block inside a block.
const STEP: &str = "    ";

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

/// Applies changes that leave the Corefile no worse to read.
fn changed(area: &Area<'_>, before: &Corefile, changes: &[(Span, String)]) -> Option<Vec<Edit>> {
    let list: Vec<(Span, &str)> = changes.iter().map(|(span, text)| (*span, text.as_str())).collect();
    let after = read(&super::apply::apply_spans(&area.text, &list)?);
    (after.errors.len() <= before.errors.len()).then(|| area.edits(changes))?
}

/// The blank start of the line at `at`, if nothing else stands before it.
fn indent(text: &str, at: usize) -> Option<&str> {
    let line = text.get(super::area::line_start(text, at)..at)?;
    line.chars().all(|c| c == ' ' || c == '\t').then_some(line)
}

/// Whether nothing but a comment stands behind `at` on its line.
fn ends_line(text: &str, at: usize) -> bool {
    let rest = text.get(at..super::area::next_line(text, at)).unwrap_or("x").trim();
    rest.is_empty() || rest.starts_with('#')
}

fn own(directive: &Directive) -> bool {
    directive.file == FileIndex::MAIN && directive.via.is_none()
}

fn block_at(corefile: &Corefile, at: usize) -> Option<&ServerBlock> {
    let holds = |block: &&ServerBlock| block.file == FileIndex::MAIN && block.span.start <= at && at < block.span.end;
    corefile.blocks.iter().filter(holds).min_by_key(|block| block.span.len())
}

fn directive_at(corefile: &Corefile, at: usize) -> Option<(&ServerBlock, &Directive)> {
    let block = block_at(corefile, at)?;
    let holds = |directive: &&Directive| own(directive) && directive.span.start <= at && at < directive.span.end;
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
fn behind(area: &Area<'_>, at: usize, lines: String) -> (Span, String) {
    let end = super::area::next_line(&area.text, at);
    if area.text.get(..end).is_some_and(|before| before.ends_with('\n')) {
        return (Span::new(end, end), lines);
    }
    (Span::new(end, end), format!("\n{}", lines.trim_end_matches('\n')))
}

/// Adds a directive to the block at `span`: behind the last of the directives that `after` names (separated by commas),
/// else at the end of the block.
pub(super) fn add_directive(area: &Area<'_>, span: Span, text: &str, after: &str) -> Option<Vec<Edit>> {
    let corefile = read(&area.text);
    let block = block_at(&corefile, span.start)?;
    let names: Vec<&str> = after.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let fits = |directive: &&Directive| {
        own(directive)
            && indent(&area.text, directive.span.start).is_some()
            && ends_line(&area.text, directive.span.end)
    };
    let usable: Vec<&Directive> = block.directives.iter().filter(fits).collect();
    let named = |directive: &&&Directive| names.contains(&directive.name.as_str());
    let anchor = usable.iter().rev().find(named).or_else(|| if names == ["{"] { None } else { usable.last() });
    let change = match (anchor, usable.first(), block.open) {
        (Some(anchor), ..) => {
            let indent = indent(&area.text, anchor.span.start)?;
            behind(area, anchor.span.end, indented(text, indent))
        }
        (None, first, Some(open)) if open.file == FileIndex::MAIN && ends_line(&area.text, open.span.end) => {
            let outer = block.close.and_then(|close| indent(&area.text, close.span.start)).unwrap_or("");
            let own = first.and_then(|first| indent(&area.text, first.span.start)).map(str::to_owned);
            behind(area, open.span.end, indented(text, &own.unwrap_or_else(|| format!("{outer}{STEP}"))))
        }
        _ => return None,
    };
    changed(area, &corefile, &[change])
}

/// Adds a line to the block of the directive at `span`, which gets one if it has none.
pub(super) fn add_property(area: &Area<'_>, span: Span, text: &str) -> Option<Vec<Edit>> {
    let corefile = read(&area.text);
    let (_, directive) = directive_at(&corefile, span.start)?;
    let outer = indent(&area.text, directive.span.start)?;
    let step = if outer.contains('\t') { "\t" } else { STEP };
    if directive.braced {
        let last = directive.properties.last().filter(|last| last.file == FileIndex::MAIN);
        let inner = match last {
            Some(last) => indent(&area.text, last.span.start)?.to_owned(),
            None => format!("{outer}{step}"),
        };
        let close = directive.span.end.checked_sub(1)?;
        indent(&area.text, close)?;
        let at = super::area::line_start(&area.text, close);
        return changed(area, &corefile, &[(Span::new(at, at), format!("{inner}{text}\n"))]);
    }
    if !ends_line(&area.text, directive.span.end) {
        return None;
    }
    let end = directive.span.end;
    changed(area, &corefile, &[(Span::new(end, end), format!(" {{\n{outer}{step}{text}\n{outer}}}"))])
}

/// Removes the directive (or, inside its block, the property) at `span` with its lines.
pub(super) fn remove_directive(area: &Area<'_>, span: Span) -> Option<Vec<Edit>> {
    let corefile = read(&area.text);
    let (_, directive) = directive_at(&corefile, span.start)?;
    let inside = directive.properties.iter().find(|p| {
        p.file == FileIndex::MAIN
            && p.span.start <= span.start
            && span.start < p.span.end
            && span.start > directive.name_span.end
    });
    if let Some(last) = directive
        .args
        .last()
        .filter(|last| inside.is_some() && directive.properties.len() == 1 && last.file == FileIndex::MAIN)
    {
        // without its only property the block goes, too, unless it holds a comment
        let rest = Span::new(last.span.end, directive.span.end);
        if !rest.text(&area.text).contains('#') && ends_line(&area.text, directive.span.end) {
            return changed(area, &corefile, &[(rest, String::new())]);
        }
    }
    let gone = inside.map_or(directive.span, |property| property.span);
    indent(&area.text, gone.start)?;
    if !ends_line(&area.text, gone.end) {
        return None;
    }
    let (start, end) = (super::area::line_start(&area.text, gone.start), super::area::next_line(&area.text, gone.end));
    changed(area, &corefile, &[(Span::new(start, end), String::new())])
}

/// Directives of the cluster zone's block that a block for reverse zones needs as well. What holds a port of its own
/// (`health`, `ready`) may stand only once in the process.
const SHARED: [&str; 7] = ["errors", "cache", "reload", "loop", "bind", "forward", "prometheus"];

/// Adds a block for each zone that does what the block at `span` does.
pub(super) fn add_reverse_blocks(area: &Area<'_>, span: Span, zones: &str) -> Option<Vec<Edit>> {
    let corefile = read(&area.text);
    let block = block_at(&corefile, span.start)?;
    let close = block.close.filter(|close| close.file == FileIndex::MAIN)?;
    // the block of the root zone has the reverse zones already, and sends them elsewhere
    let key = block.keys.first().filter(|key| !key.expanded.trim_start_matches("dns://").starts_with('.'))?;
    let port =
        key.expanded.rsplit_once(':').map(|(_, port)| port).filter(|port| port.bytes().all(|b| b.is_ascii_digit()));
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    let mut body = String::new();
    for directive in block.directives.iter().filter(|directive| SHARED.contains(&directive.name.as_str())) {
        if !own(directive) || !ends_line(&area.text, directive.span.end) {
            return None;
        }
        indent(&area.text, directive.span.start)?;
        let start = super::area::line_start(&area.text, directive.span.start);
        body.push_str(area.text.get(start..directive.span.end)?);
        body.push('\n');
    }
    let outer = indent(&area.text, key.span.start)?;
    let blocks = zones.split([',', ' ']).filter(|zone| !zone.is_empty());
    let text: String = blocks.map(|zone| format!("{outer}{zone}{port} {{\n{body}{outer}}}\n")).collect();
    if !ends_line(&area.text, close.span.end) || text.is_empty() {
        return None;
    }
    changed(area, &corefile, &[behind(area, close.span.end, text)])
}
