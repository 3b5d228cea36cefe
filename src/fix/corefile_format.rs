//! Formats the Corefiles of a snapshot where they stand: in files of their own, and inside ConfigMaps.

use crate::analysis::kubelet::k3s::COREDNS_MANIFEST;
use crate::model::Cluster;
use crate::model::config_map::EmbeddedText;
use crate::model::dns_server::DnsServer;
use crate::source::{FileId, Location, Snapshot, Span};
use crate::syntax::corefile::{Formatted, Shape, format};
use crate::syntax::yaml::Style;
use std::collections::BTreeMap;

/// What formatting a snapshot gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Formatting {
    /// New texts of the files that change.
    pub changed: BTreeMap<FileId, String>,
    /// Every file that holds a Corefile that was formatted, changed or not.
    pub files: Vec<FileId>,
    /// Corefiles that were left as they are, and why.
    pub refused: Vec<(Location, String)>,
}

/// A text to format.
struct Target {
    text: EmbeddedText,
    shape: Shape,
}

/// Formats every Corefile, and the `*.server` and `*.override` parts in the ConfigMaps of CoreDNS; not the manifest that
/// k3s writes anew at every start.
///
/// A change is kept only where the file, read anew, holds exactly the formatted text.
#[must_use]
pub fn format_all(snapshot: &Snapshot, clusters: &[Cluster]) -> Formatting {
    let mut done = Formatting::default();
    let mut edits: BTreeMap<FileId, Changes> = BTreeMap::new();
    let before = targets(snapshot, clusters);
    let mut expected: Vec<String> = Vec::new();
    for target in &before {
        let (text, changes) = match format_one(snapshot, target) {
            Ok(result) => result,
            Err(refused) => {
                done.refused.push(refused);
                (target.text.text.clone(), Vec::new())
            }
        };
        expected.push(text);
        done.files.push(target.text.file);
        edits.entry(target.text.file).or_default().extend(changes);
    }
    for (id, mut changes) in edits.into_iter().filter(|(_, changes)| !changes.is_empty()) {
        changes.sort_by_key(|(span, _)| span.start);
        done.changed.insert(id, replace(&snapshot.file(id).text, &changes));
    }
    done.files.dedup();
    drop_misread(snapshot, &before, &expected, &mut done);
    done
}

/// Takes back what does not read as expected: YAML has corners in which lines are not what they seem.
fn drop_misread(snapshot: &Snapshot, before: &[Target], expected: &[String], done: &mut Formatting) {
    if done.changed.is_empty() {
        return;
    }
    let changed = snapshot.with_texts(&done.changed, []);
    let after = targets(&changed, &crate::model::assemble(&changed));
    let same = |index: usize, target: &Target| {
        let now = after.get(index).filter(|now| now.text.file == target.text.file && after.len() == before.len());
        let expected = expected.get(index).map(|text| text.replace("\r\n", "\n"));
        now.map(|now| now.text.text.replace("\r\n", "\n")) == expected
    };
    for (index, target) in before.iter().enumerate().filter(|(_, t)| done.changed.contains_key(&t.text.file)) {
        if !same(index, target) {
            let reason = "as it is written here, formatting would change what YAML makes of it".to_owned();
            done.refused.push((target.text.location, reason));
        }
    }
    let refused: Vec<FileId> = done.refused.iter().map(|(at, _)| at.file).collect();
    done.changed.retain(|id, _| !refused.contains(id));
}

fn targets(snapshot: &Snapshot, clusters: &[Cluster]) -> Vec<Target> {
    let entries = clusters.iter().flat_map(|c| &c.objects.config_maps).flat_map(|map| {
        let of_coredns = map.get("Corefile").is_some() || map.meta.name.value.contains("coredns");
        map.data.iter().filter_map(move |entry| {
            let shape = shape_of(&entry.key.value).filter(|_| of_coredns)?;
            Some(Target { text: entry.text.clone(), shape })
        })
    });
    let plain = |server: &&DnsServer| server.config.as_ref().is_some_and(|c| c.config_map.is_none());
    let files = clusters.iter().flat_map(|c| &c.dns_servers).filter(plain);
    let files = files.filter_map(|server| server.config.as_ref()?.text().cloned());
    let mut all: Vec<Target> = files.map(|text| Target { text, shape: Shape::Corefile }).chain(entries).collect();
    all.retain(|target| snapshot.file(target.text.file).node_path.as_deref() != Some(COREDNS_MANIFEST));
    all.sort_by_key(|target| target.text.location);
    all
}

/// What a ConfigMap key of that name holds, by the convention of k3s, RKE2 and AKS.
fn shape_of(key: &str) -> Option<Shape> {
    match key {
        "Corefile" | "Corefile.base" => Some(Shape::Corefile),
        _ if key.ends_with(".server") => Some(Shape::Corefile),
        _ if key.ends_with(".override") => Some(Shape::Directives),
        _ => None,
    }
}

/// Spans of a file with what replaces them.
type Changes = Vec<(Span, String)>;

/// The formatted text of one Corefile, and the changes that make it in its file.
fn format_one(snapshot: &Snapshot, target: &Target) -> Result<(String, Changes), (Location, String)> {
    let text = &target.text;
    let file = snapshot.file(text.file);
    if file.lossy {
        return Err((text.location, "the file is not UTF-8".to_owned()));
    }
    let formatted = format(&text.text, target.shape).map_err(|no| (text.locate(no.span), no.reason))?;
    let changes = in_file(&file.text, text, &formatted).map_err(|reason| (text.location, reason))?;
    Ok((formatted.text, changes))
}

/// How line feeds and indentation are written where the Corefile stands.
enum Writing<'f> {
    /// As they are, with the file's line ends.
    Plain { line_end: &'f str, indent: &'f str },
    /// As `\n` inside double quotes.
    Escaped,
}

fn in_file(file: &str, text: &EmbeddedText, formatted: &Formatted) -> Result<Changes, String> {
    if formatted.changes.is_empty() {
        return Ok(Vec::new());
    }
    let line_end =
        if file.find('\n').is_some_and(|at| file.get(..at).is_some_and(|l| l.ends_with('\r'))) { "\r\n" } else { "\n" };
    let writing = match text.style {
        None => Writing::Plain { line_end, indent: "" },
        Some(Style::Literal) => Writing::Plain { line_end, indent: block_indent(file, text) },
        Some(Style::DoubleQuoted) => Writing::Escaped,
        Some(_) => return Err("only a Corefile behind `|` or in double quotes keeps its lines in YAML".to_owned()),
    };
    let change = |(span, new): &(Span, String)| {
        let goes_on = span.end < text.text.len();
        // up to the next word, so that the indentation in front of it is replaced, too
        let end = if goes_on { text.map.offset(span.end) } else { text.map.span(*span).end };
        let place = Span::new(text.map.offset(span.start), end);
        (place, write(new, &writing, starts_line(file, place.start), goes_on))
    };
    Ok(formatted.changes.iter().map(change).collect())
}

fn starts_line(file: &str, offset: usize) -> bool {
    file.get(..offset).is_some_and(|before| before.is_empty() || before.ends_with('\n'))
}

/// The blanks that YAML takes off every line of a block text.
fn block_indent<'f>(file: &'f str, text: &EmbeddedText) -> &'f str {
    let starts = std::iter::once(0).chain(text.text.match_indices('\n').map(|(at, _)| at + 1));
    let filled =
        starts.filter(|at| text.text.get(*at..).is_some_and(|rest| !rest.is_empty() && !rest.starts_with('\n')));
    let indents = filled.filter_map(|at| {
        let offset = text.map.offset(at);
        let line = file.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
        file.get(line..offset)
    });
    indents.min_by_key(|indent| indent.len()).unwrap_or_default()
}

/// The text of a gap in its file; behind its last line feed a word follows, unless the Corefile ends there.
fn write(new: &str, writing: &Writing<'_>, starts_line: bool, goes_on: bool) -> String {
    match writing {
        Writing::Escaped => new.replace('\n', "\\n"),
        Writing::Plain { line_end, indent } => match new.rsplit_once('\n') {
            Some((empty, last)) => {
                let indent = if goes_on { *indent } else { "" };
                format!("{}{line_end}{indent}{last}", empty.replace('\n', line_end))
            }
            None if starts_line && goes_on => format!("{indent}{new}"),
            None => new.to_owned(),
        },
    }
}

fn replace(text: &str, changes: &[(Span, String)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (span, new) in changes {
        out.push_str(text.get(at..span.start).unwrap_or_default());
        out.push_str(new);
        at = span.end;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::assemble;

    fn run(path: &str, text: &str) -> (String, Vec<String>) {
        let snapshot = Snapshot::from_texts([(path, text)]);
        let done = format_all(&snapshot, &assemble(&snapshot));
        let reasons = done.refused.iter().map(|(_, reason)| reason.clone()).collect();
        (done.changed.values().next().cloned().unwrap_or_else(|| text.to_owned()), reasons)
    }

    fn config_map(value: &str) -> String {
        format!(
            "# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: coredns}} # this, too\ndata:\n  Corefile: {value}  other: x\n"
        )
    }

    #[test]
    fn a_file_of_its_own() {
        let (text, _) = run("Corefile", ".:53 {\n errors\n  cache   30\n}");
        assert_eq!(text, ".:53 {\n    errors\n    cache 30\n}");
    }

    #[test]
    fn a_block_text_keeps_its_indentation() {
        let text = config_map("|\n\n      .:53 {\n\n\n       errors\n\n\n\t# c\n       cache   30\n       }\n\n");
        let want = config_map("|\n      .:53 {\n          errors\n\n          # c\n          cache 30\n      }\n\n");
        assert_eq!(run("cm.yaml", &text.replace('\t', "      ")), (want.clone(), vec![]));
        assert_eq!(run("cm.yaml", &want), (want.clone(), vec![]));
        let crlf = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(run("cm.yaml", &crlf(&text.replace('\t', "      "))).0, crlf(&want));
    }

    #[test]
    fn chomping_and_indentation_indicators() {
        for header in ["|-", "|+", "|2", "|2-"] {
            let text = config_map(&format!("{header}\n    .:53 {{\n     errors\n    }}\n"));
            let (now, refused) = run("cm.yaml", &text);
            assert!(refused.is_empty(), "{header}: {refused:?}");
            assert!(now.contains("{\n        errors\n") || now.contains("{\n      errors\n"), "{header}: {now}");
        }
    }

    #[test]
    fn quoted_text_and_json() {
        let text = config_map("\".:53 {\\n errors\\n}\\n\"\n");
        assert!(run("cm.yaml", &text).0.contains("\".:53 {\\n    errors\\n}\\n\""));
        let json = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"coredns"},"data":{"Corefile":". {\n\terrors\n}\n"}}"#;
        assert!(run("cm.json", json).0.contains(r#"". {\n    errors\n}\n""#));
    }

    #[test]
    fn what_cannot_be_formatted_stays_and_is_named() {
        let folded = config_map(">\n    .:53 {\n\n     errors\n\n    }\n");
        let (text, refused) = run("cm.yaml", &folded);
        assert_eq!(text, folded);
        assert!(refused.iter().any(|r| r.contains("behind `|`")), "{refused:?}");
        let broken = config_map("|\n    .:53 {\n      errors }\n    }\n");
        assert_eq!(run("cm.yaml", &broken).0, broken);
    }

    #[test]
    fn parts_for_imports() {
        let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: coredns-custom}\ndata:\n  a.override: |\n    log   a\n      b\n  c.server: |\n    x:53 {\n     errors\n    }\n  d.db: |\n      free   text\n";
        let (now, refused) = run("cm.yaml", text);
        assert!(refused.is_empty(), "{refused:?}");
        assert!(
            now.contains("    log a\n    b\n") && now.contains("        errors\n") && now.contains("free   text"),
            "{now}"
        );
    }
}
