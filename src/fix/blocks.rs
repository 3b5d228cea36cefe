//! Server blocks: lines that move into one, out of one, or up in one, and copies that go.

use super::area::{Area, line_start, next_line};
use super::build::Workshop;
use super::corefile::{Reading, behind, block_at, directive_at, ends_line, indent, own};
use crate::analysis::coredns::Role;
use crate::analysis::servers::read::{ASSUMED, in_zone, named_zones, zone_of};
use crate::diagnostic::Edit;
use crate::source::{Location, Span};
use crate::syntax::corefile::{Directive, ServerBlock, parse_key};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// Plugins of which one block needs one, whatever its settings: what a second block brings of them is left out.
const ONE_IS_ENOUGH: [&str; 8] = ["errors", "log", "cache", "loadbalance", "loop", "prometheus", "ready", "reload"];

/// Most names of hosts that become zones.
const MAX_ZONES: usize = 20;

/// Whole lines of a directive; `None` where something else stands on them.
fn lines_of(text: &str, directive: &Directive) -> Option<Span> {
    let span = directive.span;
    indent(text, span.start).filter(|_| own(directive) && ends_line(text, span.end))?;
    Some(Span::new(line_start(text, span.start), next_line(text, span.end)))
}

/// The words of a directive, however they are laid out.
fn words(text: &str, directive: &Directive) -> String {
    directive.span.text(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Lines with `indent` in place of the blanks that all of them share.
fn laid(lines: &str, indent: &str) -> String {
    let blanks = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let shared = lines.lines().filter(|line| !line.trim().is_empty()).map(blanks).min().unwrap_or(0);
    let line = |line: &str| {
        let content = line.get(shared..).unwrap_or("").trim_end_matches('\r');
        if content.trim().is_empty() { "\n".to_owned() } else { format!("{indent}{content}\n") }
    };
    lines.lines().map(line).collect()
}

/// The lines between the braces of a block, without directives that the other block has already: the same words, or a
/// plugin of which one is enough.
fn body_without(reading: &Reading<'_>, block: &ServerBlock, other: (&Reading<'_>, &ServerBlock)) -> Option<String> {
    let text = reading.text.as_str();
    let (open, close) = (block.open?, block.close?);
    if !ends_line(text, open.span.end) || indent(text, close.span.start).is_none() {
        return None;
    }
    let body = Span::new(next_line(text, open.span.end), line_start(text, close.span.start));
    let known = |directive: &Directive| {
        other.1.directives_named(&directive.name).any(|theirs| {
            ONE_IS_ENOUGH.contains(&directive.name.as_str())
                || theirs.via.is_none() && words(&other.0.text, theirs) == words(text, directive)
        })
    };
    // of two forwards one would never be asked, and which is meant only a person knows
    let forwards = |directive: &&Directive| matches!(directive.name.as_str(), "forward" | "proxy");
    if block.directives.iter().filter(|d| !known(d)).any(|d| forwards(&d))
        && other.1.directives.iter().any(|d| forwards(&d))
    {
        return None;
    }
    let mut kept = String::new();
    let mut at = body.start;
    for directive in block.directives.iter().filter(|directive| own(directive) && known(directive)) {
        let lines = lines_of(text, directive)?;
        kept.push_str(text.get(at..lines.start)?);
        at = lines.end;
    }
    kept.push_str(text.get(at..body.end)?);
    Some(kept)
}

/// Puts the lines of a block into the other block that serves its zones: in the same text behind that block's last line;
/// from a key of a ConfigMap with blocks (`*.server`) by giving it the name `key`, under which the other block imports it.
pub(super) fn merge_block(
    workshop: &Workshop<'_>,
    at: Location,
    other: Location,
    key: Option<&str>,
) -> Option<Vec<Edit>> {
    let area = Area::around(workshop, at)?;
    let reading = Reading::of(&area);
    let block = block_at(&reading.corefile, reading.offset(area.decoded(at.span)?.start))?;
    let theirs = Area::around(workshop, other)?;
    let other_reading = Reading::of(&theirs);
    let place = other_reading.offset(theirs.decoded(other.span)?.start);
    let first = block_at(&other_reading.corefile, place)?;
    let body = body_without(&reading, block, (&other_reading, first))?;
    if !served_alike(block, first) {
        return None;
    }
    if area.location() != theirs.location() {
        let ([_], key) = (reading.corefile.blocks.as_slice(), key?) else { return None };
        if body.trim().is_empty() {
            return area.without_entry();
        }
        return area.rewritten(same_stem(&area, key)?, &laid(&body, ""));
    }
    let text = reading.text.as_str();
    if first.span == block.span {
        return None;
    }
    indent(text, block.span.start).filter(|_| ends_line(text, block.span.end))?;
    let gone = Span::new(line_start(text, block.span.start), next_line(text, block.span.end));
    let mut changes = vec![(gone, String::new())];
    if !body.trim().is_empty() {
        let last = first.directives.iter().rev().find(|directive| lines_of(text, directive).is_some())?;
        changes.push(behind(text, last.span.end, laid(&body, indent(text, last.span.start)?)));
    }
    reading.changed(&changes)
}

/// Plugins that decide which queries reach a block at all.
const DOORS: [&str; 3] = ["bind", "view", "tls"];

/// Whether every query that reaches a block reaches the other one as well: the same zones and ports behind the same doors.
fn served_alike(block: &ServerBlock, first: &ServerBlock) -> bool {
    let served: BTreeSet<String> = first.keys.iter().map(|key| name(&key.expanded)).collect();
    let doors = |block: &ServerBlock| -> Vec<String> {
        let tokens = DOORS.iter().flat_map(|door| block.tokens_of(door));
        tokens.map(|token| token.text).collect()
    };
    block.keys.iter().all(|key| served.contains(&name(&key.expanded))) && doors(block) == doors(first)
}

/// A key with every part that may be left out, or as it is where CoreDNS does not take it.
fn name(key: &str) -> String {
    let parsed = parse_key(key, 53, ASSUMED).ok();
    let zones = parsed
        .iter()
        .flatten()
        .map(|zone| format!("{}://{}:{}", zone.transport.scheme(), zone.zone.to_ascii_lowercase(), zone.port));
    if parsed.is_some() { zones.collect::<Vec<_>>().join(" ") } else { key.to_owned() }
}

/// A new key of a ConfigMap, if it differs from that of the text in its ending alone.
fn same_stem<'k>(area: &Area<'_>, key: &'k str) -> Option<&'k str> {
    let stem = |key: &str| key.rsplit_once('.').map(|(stem, _)| stem.to_owned());
    (stem(area.name()?)? == stem(key)?).then_some(key)
}

/// Gives a directive that lines for a packaged block bring in (`*.override`) a server block of its own under the name `key`,
/// for the zone that it forwards or the names of the hosts that it lists. Names below those of hosts go where the block
/// around `other` sends them: `hosts` knows only the names themselves.
pub(super) fn move_to_block(
    workshop: &Workshop<'_>,
    at: Location,
    other: Option<Location>,
    key: &str,
) -> Option<Vec<Edit>> {
    let area = Area::around(workshop, at)?;
    let reading = Reading::of(&area);
    let key = same_stem(&area, key).filter(|_| reading.is_inside())?;
    let text = reading.text.as_str();
    let (block, directive) = directive_at(&reading.corefile, reading.offset(area.decoded(at.span)?.start))?;
    if block.directives.len() != 1 {
        return None;
    }
    let lines = lines_of(text, directive)?;
    let zones = zones_of(directive)?;
    let mut body = lines.text(text).to_owned();
    if directive.name == "forward" {
        // inside the block of the zone every name is meant
        let from = directive.args.first()?.span;
        body.replace_range(from.start - lines.start..from.end - lines.start, ".");
    } else {
        if directive.property("fallthrough").is_none() {
            let close = directive.span.end.checked_sub(lines.start + 1)?;
            body.insert_str(line_start(&body, close), &format!("{}fallthrough\n", inner_indent(text, directive)?));
        }
        body = laid(&body, "") + &forwards_of(workshop, other?, &zones)?;
    }
    let keys: Vec<String> = zones.iter().map(|zone| format!("{zone}:53")).collect();
    let (before, after) = area.text.split_at_checked(lines.start.checked_sub(reading.offset(0))?)?;
    let after = after.get(lines.len().min(after.len())..)?;
    let new = format!("{before}{} {{\n    errors\n    cache 30\n{}}}\n{after}", keys.join(" "), laid(&body, "    "));
    area.rewritten(key, &new)
}

/// The blanks before the first line in the block of a directive.
fn inner_indent<'t>(text: &'t str, directive: &Directive) -> Option<&'t str> {
    indent(text, directive.properties.first()?.span.start)
}

/// The lines with which the block around a place forwards every name, if none of the zones is answered there.
fn forwards_of(workshop: &Workshop<'_>, place: Location, zones: &[String]) -> Option<String> {
    let area = Area::around(workshop, place)?;
    let reading = Reading::of(&area);
    let text = reading.text.as_str();
    let block = block_at(&reading.corefile, reading.offset(area.decoded(place.span)?.start))?;
    if block.directives.iter().any(|directive| takes_some(directive, zones)) {
        return None;
    }
    let of_root = |forward: &&Directive| from_of(forward).as_deref() == Some(".");
    let lines =
        block.directives_named("forward").filter(of_root).map(|forward| Some(lines_of(text, forward)?.text(text)));
    let lines: Vec<&str> = lines.collect::<Option<_>>()?;
    (!lines.is_empty()).then(|| lines.into_iter().map(|lines| laid(lines, "")).collect())
}

/// The zone that a forward is for.
fn from_of(forward: &Directive) -> Option<String> {
    forward.args.first().map(|from| zone_of(&from.text))
}

/// Whether a plugin answers names of these zones itself, or sends them elsewhere than the names of the root.
fn takes_some(directive: &Directive, zones: &[String]) -> bool {
    let meets =
        |own: &String| zones.iter().map(|zone| zone_of(zone)).any(|zone| in_zone(&zone, own) || in_zone(own, &zone));
    let own = named_zones(directive);
    match Role::of(&directive.name) {
        // without zones it has those of the block, where every name may be meant
        Role::Authoritative => own.is_empty() || own.iter().any(meets),
        Role::Answers => own.iter().any(meets),
        Role::Forwards => from_of(directive).filter(|from| from != ".").iter().any(meets),
        Role::SetUp | Role::Passes => false,
    }
}

/// The names that a directive is for.
fn zones_of(directive: &Directive) -> Option<Vec<String>> {
    let mut zones: Vec<String> = Vec::new();
    match directive.name.as_str() {
        "forward" => zones.extend(directive.args.first().map(|word| word.text.clone())),
        "hosts" if directive.args.is_empty() => {
            for line in directive.properties.iter().filter(|line| line.name.parse::<IpAddr>().is_ok()) {
                zones.extend(line.arg_texts().map(str::to_owned));
            }
        }
        _ => return None,
    }
    let is_name = |zone: &String| zone.len() > 1 && !zone.contains(['{', '}', '/', ':', '*', '$', '"', '%']);
    let names: Vec<String> = zones.iter().map(|zone| zone.trim_end_matches('.').to_ascii_lowercase()).collect();
    let mut unique: Vec<String> = Vec::new();
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    (!unique.is_empty() && unique.len() <= MAX_ZONES && unique.iter().all(is_name)).then_some(unique)
}

/// Moves a directive before another one of its block.
pub(super) fn move_before(area: &Area<'_>, span: Span, other: Span) -> Option<Vec<Edit>> {
    let reading = Reading::of(area);
    let text = reading.text.as_str();
    let (block, moved) = directive_at(&reading.corefile, reading.offset(span.start))?;
    let (other_block, target) = directive_at(&reading.corefile, reading.offset(other.start))?;
    let (from, to) = (lines_of(text, moved)?, lines_of(text, target)?);
    if block.span != other_block.span || to.end > from.start || !from.text(text).ends_with('\n') {
        return None;
    }
    reading.changed(&[(Span::new(to.start, to.start), from.text(text).to_owned()), (from, String::new())])
}

/// Removes a directive whose words stand in the same text once more, in the same block.
pub(super) fn remove_copy(area: &Area<'_>, span: Span) -> Option<Vec<Edit>> {
    let reading = Reading::of(area);
    let text = reading.text.as_str();
    let (block, copy) = directive_at(&reading.corefile, reading.offset(span.start))?;
    let same = |other: &&Directive| {
        other.span != copy.span && own(other) && other.name == copy.name && words(text, other) == words(text, copy)
    };
    block.directives.iter().find(same)?;
    reading.changed(&[(lines_of(text, copy)?, String::new())])
}
