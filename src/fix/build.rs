//! The fix builders that rules name: what they take, and which part of this room makes the edits.

use super::area::Area;
use super::{blocks, corefile, drop_in, flags, lines, node, owned, yaml};
use crate::analysis::view::ViewValue;
use crate::diagnostic::{Edit, Files, NewFile};
use crate::source::{FileId, Location, Snapshot, Span};
use crate::syntax::yaml::{Part, Yaml, parse_parts, parse_shared, parts};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Names of the builders, sorted.
pub const BUILDERS: &[&str] = &[
    "add-directive",
    "add-document",
    "add-property",
    "add-reverse-blocks",
    "append-text",
    "block-text",
    "copy-item",
    "insert-line",
    "join-line",
    "merge",
    "merge-block",
    "move-before",
    "move-to-block",
    "own-resolv-conf",
    "remove-copy",
    "remove-directive",
    "remove-flag",
    "remove-item",
    "remove-key",
    "remove-line",
    "remove-part",
    "remove-word",
    "rename-key",
    "replace-text",
    "replace-words",
    "set-braces",
    "set-resolv-conf",
    "set-value",
    "split-item",
    "trim-line",
    "unix-line-ends",
];

/// Bytes that all fixes of a run may look at and parse again; behind that no further fix is offered. Enough for tens of
/// thousands of documents; in one list of as many objects each fix costs the whole list, so that some are left for later.
const MAX_WORK: usize = 64 * 1024 * 1024;

/// A fix that a rule wants to offer.
pub struct FixRequest<'a> {
    /// Name of the builder, as in `use:`.
    pub builder: &'a str,
    /// Every place of `at:` that the input has text for, perhaps none; the primary label's place where the rule gives no
    /// `at:`.
    pub at: &'a [Location],
    /// The values at those places, in the same order; empty where the rule gives no `at:`.
    pub values: &'a [&'a ViewValue],
    /// The subject.
    pub subject: &'a ViewValue,
    /// The item of `each:`.
    pub item: Option<&'a ViewValue>,
    /// The arguments of `with:`, rendered.
    pub arguments: &'a BTreeMap<String, String>,
    /// The texts to edit.
    pub files: &'a dyn Files,
}

/// What a builder makes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Edits of files that exist.
    pub edits: Vec<Edit>,
    /// Files that come into being.
    pub creates: Vec<NewFile>,
}

impl From<Vec<Edit>> for Draft {
    fn from(edits: Vec<Edit>) -> Self {
        Self { edits, creates: Vec::new() }
    }
}

/// The builders over one snapshot.
pub struct Workshop<'a> {
    pub(super) snapshot: &'a Snapshot,
    bench: Mutex<Bench>,
}

#[derive(Default)]
struct Bench {
    /// Files that were read as a whole.
    whole: BTreeMap<FileId, Arc<Yaml>>,
    /// Where the documents of files begin and end.
    parts: BTreeMap<FileId, Arc<Vec<Part>>>,
    /// The last document that was read by itself, by its file and its number there.
    last: Option<((FileId, usize), Arc<Yaml>)>,
    work: usize,
    /// Some work was refused.
    exhausted: bool,
}

impl Bench {
    fn spend(&mut self, bytes: usize) -> bool {
        let after = self.work.saturating_add(bytes);
        let fits = after <= MAX_WORK;
        // what does not fit leaves room for smaller texts
        self.work = if fits { after } else { self.work };
        self.exhausted |= !fits;
        fits
    }
}

impl<'a> Workshop<'a> {
    /// Builders for the files of a snapshot.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        Self { snapshot, bench: Mutex::default() }
    }

    /// A file as YAML, whole.
    pub(super) fn yaml(&self, file: FileId) -> Arc<Yaml> {
        let mut bench = self.bench.lock().unwrap_or_else(PoisonError::into_inner);
        let parse = || Arc::new(parse_shared(&self.snapshot.file(file).text));
        Arc::clone(bench.whole.entry(file).or_insert_with(parse))
    }

    /// The document of a YAML file that a place lies in or behind, read by itself: a file may hold thousands of them, and
    /// a finding each. `None` when the run has no work left to read it.
    pub(super) fn yaml_at(&self, at: Location) -> Option<Arc<Yaml>> {
        let text = &self.snapshot.file(at.file).text;
        let mut bench = self.bench.lock().unwrap_or_else(PoisonError::into_inner);
        let all = Arc::clone(bench.parts.entry(at.file).or_insert_with(|| Arc::new(parts(text))));
        let number = all.partition_point(|part| part.span().start <= at.span.start).saturating_sub(1);
        let place = (at.file, number);
        if let Some((_, read)) = bench.last.as_ref().filter(|(known, _)| *known == place) {
            return Some(Arc::clone(read));
        }
        let part = all.get(number..=number).unwrap_or_default();
        if !bench.spend(part.iter().map(|part| part.span().len()).sum()) {
            return None;
        }
        let read = Arc::new(parse_parts(text, part));
        bench.last = Some((place, Arc::clone(&read)));
        Some(read)
    }

    /// Takes `bytes` of work; `false` when there is none left.
    pub(super) fn spend(&self, bytes: usize) -> bool {
        self.bench.lock().unwrap_or_else(PoisonError::into_inner).spend(bytes)
    }

    /// Whether some fix was not made because there was no work left for it.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.bench.lock().unwrap_or_else(PoisonError::into_inner).exhausted
    }

    /// The edits of a fix; `None` where there is nothing to offer for this input: the file belongs to a program that
    /// writes it anew, the edit would reach further than the place, or the result would not be what is meant.
    ///
    /// # Errors
    /// A mistake of the rule: an unknown builder or argument, an argument that is missing.
    pub fn build(&self, request: &FixRequest<'_>) -> Result<Option<Draft>, String> {
        let arguments = Arguments::new(request)?;
        if request.at.iter().any(|at| self.snapshot.file(at.file).lossy) {
            return Ok(None);
        }
        let draft = match request.builder {
            "set-resolv-conf" => {
                node::set_resolv_conf(self, request, arguments.required("path")?, arguments.get("text"))
            }
            "own-resolv-conf" => node::own_resolv_conf(self, request),
            "replace-words" => self.in_place_of_all(request.at, arguments.required("text")?),
            _ => self.at_each_place(request, &arguments)?,
        };
        Ok(draft.and_then(|draft| self.settled(draft)))
    }

    /// The draft with packaged units turned into drop-ins; `None` where it may not be made.
    pub(super) fn settled(&self, draft: Draft) -> Option<Draft> {
        drop_in::redirected(self, draft).filter(|draft| self.is_allowed(draft))
    }

    /// Every place must be mended, or nothing is offered.
    fn at_each_place(&self, request: &FixRequest<'_>, arguments: &Arguments<'_>) -> Result<Option<Draft>, String> {
        let mut edits: Vec<Edit> = Vec::new();
        for (index, at) in request.at.iter().enumerate() {
            let related = request.values.get(index).or(request.item.as_ref()).copied();
            let Some(found) = self.one(request.builder, *at, related, arguments)? else { return Ok(None) };
            edits.extend(found.into_iter().filter(|edit| !edits.contains(edit)).collect::<Vec<_>>());
        }
        Ok((!edits.is_empty()).then(|| edits.into()))
    }

    fn one(
        &self,
        builder: &str,
        at: Location,
        value: Option<&ViewValue>,
        arguments: &Arguments<'_>,
    ) -> Result<Option<Vec<Edit>>, String> {
        let in_area = |make: &dyn Fn(&Area<'_>, Span) -> Option<Vec<Edit>>| {
            let area = Area::around(self, at)?;
            let span = area.decoded(at.span)?;
            make(&area, span)
        };
        Ok(match builder {
            "set-value" => yaml::set_value(self, at, arguments.required("value")?, arguments.get("if-is")),
            "split-item" => yaml::split(self, at, arguments.required("into")?),
            "merge" | "copy-item" | "remove-key" | "remove-item" | "rename-key" | "add-document" => {
                self.in_yaml(builder, at, arguments)?
            }
            "replace-text" => {
                let (text, find) = (arguments.required("text")?, arguments.get("find"));
                // a number is no text that could be edited, but has another value
                let whole = || yaml::set_value(self, at, text, find);
                in_area(&|area, span| lines::replace(area, span, find, text)).or_else(whole)
            }
            "set-braces" => {
                let variable = arguments.required("variable")?;
                in_area(&|area, span| lines::set_braces(area, span, variable))
            }
            "remove-line" => in_area(&|area, span| lines::remove_line(area, span)),
            "remove-word" => in_area(&|area, span| lines::remove_word(area, span)),
            "trim-line" => in_area(&|area, span| lines::trim_line(area, span)),
            "unix-line-ends" => lines::unix_line_ends(self, at.file),
            "insert-line" => {
                // several lines for several places are the values that stand there
                let own = value.and_then(ViewValue::as_str).filter(|_| arguments.get("line").is_none());
                let line = own.map_or_else(|| arguments.required("line"), Ok)?;
                let before = arguments.get("where") == Some("before");
                in_area(&|area, span| lines::insert_line(area, span, line, before))
            }
            "join-line" => {
                let other = value.and_then(|value| value.field("related")).and_then(|value| value.origins.first());
                in_area(&|area, span| {
                    let other = other.filter(|other| other.file == at.file)?;
                    lines::join_line(area, span, area.decoded(other.span)?)
                })
            }
            "add-directive" => {
                let (text, after) = (arguments.required("text")?, arguments.get("after").unwrap_or(""));
                in_area(&|area, span| corefile::add_directive(area, span, text, after))
            }
            "add-property" => {
                let text = arguments.required("text")?;
                in_area(&|area, span| corefile::add_property(area, span, text))
            }
            "remove-flag" => flags::remove(self, at),
            "remove-part" => {
                let part = arguments.required("part")?;
                in_area(&|area, span| lines::remove_part(area, span, part))
            }
            "append-text" => lines::append(self, at.file, arguments.required("text")?),
            "remove-copy" => in_area(&|area, span| blocks::remove_copy(area, span)),
            "merge-block" => {
                related(value).and_then(|other| blocks::merge_block(self, at, other, arguments.get("key")))
            }
            "move-to-block" => blocks::move_to_block(self, at, related(value), arguments.required("key")?),
            "block-text" => yaml::block_text(self, at),
            "move-before" => in_area(&|area, span| {
                let other = related(value).filter(|other| other.file == at.file)?;
                blocks::move_before(area, span, area.decoded(other.span)?)
            }),
            "remove-directive" => in_area(&|area, span| corefile::remove_directive(area, span)),
            "add-reverse-blocks" => {
                let zones = arguments.required("zones")?;
                in_area(&|area, span| corefile::add_reverse_blocks(area, span, zones))
            }
            other => return Err(format!("unknown fix builder `{other}`")),
        })
    }

    /// Builders for YAML and JSON alone.
    fn in_yaml(&self, builder: &str, at: Location, arguments: &Arguments<'_>) -> Result<Option<Vec<Edit>>, String> {
        if !super::area::is_yaml(self.snapshot.file(at.file).kind) {
            return Ok(None);
        }
        if !matches!(builder, "remove-key" | "remove-item" | "rename-key") {
            arguments.required("yaml")?;
        }
        match builder {
            "merge" => Ok(yaml::merge(self, at, arguments)),
            "copy-item" => Ok(yaml::copy_item(self, at, arguments)),
            "add-document" => Ok(yaml::add_document(self, at, arguments)),
            "rename-key" => Ok(yaml::rename(self, at, arguments.required("to")?)),
            _ => Ok(yaml::remove(self, at, builder == "remove-item", arguments.number("prune")?)),
        }
    }

    /// Puts one text in the place of several words of one line.
    fn in_place_of_all(&self, at: &[Location], text: &str) -> Option<Draft> {
        let (first, rest) = at.split_first()?;
        let area = Area::around(self, *first)?;
        let words = rest.iter().map(|at| (at.file == first.file).then(|| area.decoded(at.span))?);
        lines::replace_words(&area, area.decoded(first.span)?, &words.collect::<Option<Vec<_>>>()?, text)
            .map(Draft::from)
    }

    /// Whether every file may be edited or created, and no edit lies in another.
    fn is_allowed(&self, draft: &Draft) -> bool {
        let mut edits: Vec<&Edit> = draft.edits.iter().collect();
        edits.sort_by_key(|edit| (edit.file, edit.span));
        let apart = edits.iter().zip(edits.iter().skip(1)).all(|(a, b)| a.file != b.file || a.span.end <= b.span.start);
        let changes = edits.iter().any(|edit| edit.span.text(&self.snapshot.file(edit.file).text) != edit.text);
        let free = edits.iter().all(|edit| !owned::is_owned(self.snapshot.file(edit.file)));
        let new = draft.creates.iter().all(|file| self.snapshot.find(&file.path).is_none());
        apart && free && new && (changes || !draft.creates.is_empty())
    }
}

/// The place that a value says it is about as well: `related`, or `by`.
fn related(value: Option<&ViewValue>) -> Option<Location> {
    ["related", "by"].iter().find_map(|name| first_origin(value?.field(name)?))
}

/// The place of a value, or of the first item of a list.
fn first_origin(value: &ViewValue) -> Option<Location> {
    let item = value.as_list().and_then(|list| list.first());
    item.unwrap_or(value).origins.first().copied()
}

/// The arguments of a request, checked against what the builder takes.
pub(super) struct Arguments<'a> {
    builder: &'a str,
    given: &'a BTreeMap<String, String>,
}

impl<'a> Arguments<'a> {
    fn new(request: &FixRequest<'a>) -> Result<Self, String> {
        let known: &[&str] = match request.builder {
            "set-value" => &["value", "if-is"],
            "copy-item" => &["yaml", "without-text"],
            "merge" | "add-document" => &["yaml", "name", "namespace", "value"],
            "remove-key" | "remove-item" => &["prune"],
            "rename-key" => &["to"],
            "split-item" => &["into"],
            "replace-text" => &["text", "find"],
            "replace-words" | "append-text" => &["text"],
            "remove-part" => &["part"],
            "set-braces" => &["variable"],
            "insert-line" => &["line", "where"],
            "add-directive" => &["text", "after"],
            "add-property" => &["text"],
            "add-reverse-blocks" => &["zones"],
            "merge-block" | "move-to-block" => &["key"],
            "set-resolv-conf" => &["path", "text"],
            _ => &[],
        };
        let builder = request.builder;
        match request.arguments.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(format!("the fix builder `{builder}` has no argument `{name}`")),
            None => Ok(Self { builder, given: request.arguments }),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.given.get(name).map(String::as_str)
    }

    pub(super) fn required(&self, name: &str) -> Result<&'a str, String> {
        self.get(name).ok_or_else(|| format!("the fix builder `{}` needs the argument `{name}`", self.builder))
    }

    fn number(&self, name: &str) -> Result<usize, String> {
        let Some(text) = self.get(name) else { return Ok(0) };
        text.parse().map_err(|_| format!("`{text}` is no number, which `{name}` wants"))
    }
}
