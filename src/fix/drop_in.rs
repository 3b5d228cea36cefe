//! Edits of units that a package or program owns, written as drop-ins: systemd.unit(5) reads those of /etc after the unit.

use super::build::{Draft, Workshop};
use super::node::{drop_in_behind, new_file};
use super::owned;
use crate::diagnostic::Edit;
use crate::source::{FileId, FileKind, SourceFile, Span};
use crate::syntax::systemd::{self, Assignment};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Directories of units that packages install and programs write (systemd.unit(5), "System Unit Search Path"); those of
/// /etc/systemd/system and /usr/local/lib/systemd/system are the administrator's, who may edit them in place.
const OF_OTHERS: [&str; 3] = ["/usr/lib/systemd/system/", "/lib/systemd/system/", "/run/systemd/system/"];

/// The draft with its edits of such units turned into drop-ins; as it is where there are none.
pub(super) fn redirected(workshop: &Workshop<'_>, draft: Draft) -> Option<Draft> {
    let units: BTreeSet<FileId> =
        draft.edits.iter().map(|edit| edit.file).filter(|id| unit_of(workshop.snapshot.file(*id)).is_some()).collect();
    let (moved, edits): (Vec<Edit>, Vec<Edit>) = draft.edits.into_iter().partition(|edit| units.contains(&edit.file));
    let mut creates = draft.creates;
    for id in units {
        let edits: Vec<&Edit> = moved.iter().filter(|edit| edit.file == id).collect();
        creates.push(drop_in(workshop, workshop.snapshot.file(id), &edits)?);
    }
    Some(Draft { edits, creates })
}

/// The unit that such a file is, or is a drop-in of.
fn unit_of(file: &SourceFile) -> Option<&str> {
    let path = file.node_path.as_deref().filter(|_| owned::is_owned(file))?;
    let below = OF_OTHERS.iter().find_map(|directory| path.strip_prefix(directory))?;
    match file.kind {
        FileKind::SystemdUnit => Some(below),
        FileKind::SystemdDropIn => below.split_once(".d/").map(|(unit, _)| unit),
        _ => None,
    }
    .filter(|unit| !unit.contains('/'))
}

fn drop_in(workshop: &Workshop<'_>, file: &SourceFile, edits: &[&Edit]) -> Option<crate::diagnostic::NewFile> {
    let unit = unit_of(file)?;
    let parsed = systemd::parse(&file.text);
    let is_command = |a: &&Assignment| a.is("Service", "ExecStart") && !a.value.is_empty();
    let commands = parsed.assignments.iter().filter(is_command).count();
    let mut text = "[Service]\n".to_owned();
    let mut done: BTreeSet<Span> = BTreeSet::new();
    for edit in edits {
        let holds = |a: &&Assignment| a.span.covers(edit.span);
        let assignment = parsed.assignments.iter().find(holds)?;
        if !done.insert(assignment.span) {
            continue;
        }
        if assignment.section.as_deref() != Some("Service") {
            return None;
        }
        let inside: Vec<(Span, &str)> = edits
            .iter()
            .filter(|edit| assignment.span.covers(edit.span))
            .map(|edit| {
                let start = edit.span.start - assignment.span.start;
                (Span::new(start, start + edit.span.len()), edit.text.as_str())
            })
            .collect();
        let new = super::apply::apply_spans(file.slice(assignment.span), &inside)?.replace("\r\n", "\n");
        match assignment.key.value.as_str() {
            // the list starts anew, or the unit would have two commands; one of several would be the only one left
            "ExecStart" if commands == 1 => {
                let _ = writeln!(text, "ExecStart=\n{new}");
            }
            // of two assignments of a variable the later counts
            "Environment" => {
                let _ = writeln!(text, "{new}");
            }
            _ => return None,
        }
    }
    let node = file.node?;
    let path = format!("/etc/systemd/system/{unit}.d/{}", name(workshop, file, unit));
    new_file(workshop, node, &path, text)
}

/// A name behind those of every other drop-in of the unit.
fn name(workshop: &Workshop<'_>, file: &SourceFile, unit: &str) -> String {
    let of_unit = format!("/{unit}.d/");
    let paths = workshop.snapshot.files.iter().filter(|other| other.node == file.node);
    let paths = paths.filter_map(|other| other.node_path.as_deref()).filter(|path| path.contains(of_unit.as_str()));
    drop_in_behind(paths.filter_map(|path| path.rsplit('/').next()), ".conf")
}
