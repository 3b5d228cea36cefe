//! From parser events to the tree.

mod nodes;

use super::chunk::Chunk;
use super::error::{self, ErrorKind, YamlError};
use super::place::Places;
use super::tree::{BlockText, Data, NONE, Root, Style, Tag, Text, Tree};
use super::{MAX_ALIAS_EXPANSION, MAX_DEPTH, MAX_NODES, check, decode, repair};
use crate::source::{Span, Spanned};
use granit_parser::{Event, Parser, ScalarStyle, ScanError};
use std::sync::Arc;

/// What became of a text.
pub(super) struct Output {
    pub tree: Tree,
    pub roots: Vec<Root>,
    pub errors: Vec<YamlError>,
    pub comments: Vec<Spanned<String>>,
}

/// Builds the tree of a text, document by document.
pub(super) struct Builder<'t> {
    text: &'t str,
    out: Output,
    /// Nodes that the aliases of the rest of the file may stand for.
    alias_budget: u64,
    /// The part of the text being parsed.
    body: Span,
    /// Whether a line of that part starts with a tab.
    tab_lines: bool,
    /// Whether that part holds a line break that only go-yaml knows.
    unicode_breaks: bool,
    /// Whether kubectl takes that part for JSON, whose escapes are others.
    json: bool,
    places: Places<'t>,
    open: Vec<Open>,
    /// Anchors of the chunk by the parser's number.
    anchors: Vec<Option<Anchor>>,
    doc: DocState,
    /// Places of the chunk that the parser gets to see in another form, see [`repair`].
    repaired: Vec<Span>,
}

/// State of the document being read.
#[derive(Default)]
struct DocState {
    root: Option<u32>,
    first_node: usize,
    /// Size of the root with every alias taken for a copy.
    expanded: u64,
    /// The alias that stands for the most nodes.
    widest: Option<(u64, Span)>,
}

/// A collection that is not closed yet.
struct Open {
    node: u32,
    last_child: u32,
    count: u32,
    /// Last key of a mapping.
    key: u32,
    is_map: bool,
    is_flow: bool,
    /// A key of it was given back its colon.
    joined: bool,
    anchor: usize,
    /// Nodes below, with every alias taken for a copy.
    size: u64,
}

#[derive(Clone, Copy)]
struct Anchor {
    node: u32,
    /// Size of the anchored value; `None` while it is open.
    size: Option<u64>,
}

/// Why reading of a chunk stopped.
struct Failure {
    kind: ErrorKind,
    at: usize,
    message: String,
}

/// Lengths to go back to before a chunk is read again.
struct Mark {
    nodes: usize,
    decoded: usize,
    block_texts: usize,
    errors: usize,
    comments: usize,
    roots: usize,
    alias_budget: u64,
}

impl<'t> Builder<'t> {
    pub(super) fn new(text: &'t Arc<str>) -> Self {
        let tree = Tree { text: Arc::clone(text), ..Tree::default() };
        Self {
            text,
            out: Output { tree, roots: Vec::new(), errors: Vec::new(), comments: Vec::new() },
            alias_budget: MAX_ALIAS_EXPANSION,
            tab_lines: false,
            unicode_breaks: false,
            body: Span::default(),
            json: false,
            places: Places::new(text),
            open: Vec::new(),
            anchors: Vec::new(),
            doc: DocState::default(),
            repaired: Vec::new(),
        }
    }

    pub(super) fn finish(mut self) -> Output {
        self.out.tree.nodes.shrink_to_fit();
        self.out
    }

    /// Reads one chunk; `false` if the file is too large to go on.
    pub(super) fn read(&mut self, chunk: &Chunk) -> bool {
        self.out.comments.extend(chunk.comment.clone());
        self.out.errors.extend(chunk.error.clone());
        self.body = chunk.body;
        let body = chunk.body.text(self.text);
        self.json = body.trim_start().starts_with('{');
        if body.trim_matches([' ', '\t', '\r', '\n', '\u{feff}']).is_empty() {
            return true;
        }
        self.tab_lines = body.contains("\n\t");
        self.unicode_breaks = !body.is_ascii() && body.contains(['\u{85}', '\u{2028}', '\u{2029}']);
        self.repaired.clear();
        let mark = self.mark();
        let mut failure = self.run(body);
        let mut patched = None;
        for _ in 0..repair::MAX_REPAIRS {
            let Some(place) = failure.as_ref().and_then(|failure| self.repair_of(failure)) else { break };
            let text = patched.get_or_insert_with(|| body.to_owned());
            *text = repair::patch(text, place, chunk.body.start);
            self.repaired.push(place);
            self.reset(&mark);
            failure = self.run(text);
        }
        match failure {
            Some(failure) => self.fail(failure),
            None => {
                self.report_repairs();
                true
            }
        }
    }

    /// What to take out of the text so that the parser gets past a failure where kubectl sees none.
    fn repair_of(&self, failure: &Failure) -> Option<Span> {
        let place = match failure.kind {
            ErrorKind::InvalidQuotedScalarIndent => {
                repair::quoted_around(self.text, self.places.cursor(), failure.at, self.body.end)
            }
            // A tab may indent the lines of a quoted text, and nothing else.
            ErrorKind::Syntax if self.places.tab_in_indentation(failure.at + 1).is_some() => {
                repair::quoted_around(self.text, self.places.cursor(), failure.at, self.body.end)
            }
            ErrorKind::Syntax => repair::colon_of_text(self.text, failure.at),
            _ => None,
        };
        place.filter(|place| !self.repaired.contains(place))
    }

    fn mark(&self) -> Mark {
        let tree = &self.out.tree;
        Mark {
            nodes: tree.nodes.len(),
            decoded: tree.decoded.len(),
            block_texts: tree.block_texts.len(),
            errors: self.out.errors.len(),
            comments: self.out.comments.len(),
            roots: self.out.roots.len(),
            alias_budget: self.alias_budget,
        }
    }

    fn reset(&mut self, mark: &Mark) {
        let tree = &mut self.out.tree;
        tree.nodes.truncate(mark.nodes);
        tree.decoded.truncate(mark.decoded);
        tree.block_texts.truncate(mark.block_texts);
        self.out.errors.truncate(mark.errors);
        self.out.comments.truncate(mark.comments);
        self.out.roots.truncate(mark.roots);
        self.alias_budget = mark.alias_budget;
    }

    fn report_repairs(&mut self) {
        for quoted in self.repaired.drain(..).filter(|place| place.text(self.text) != ":") {
            self.out.errors.push(YamlError::new(
                ErrorKind::InvalidQuotedScalarIndent,
                quoted,
                "a quoted text goes on in a line that is not indented; kubectl reads it, strict YAML readers refuse it",
            ));
        }
    }

    /// Reports what stopped the parser and keeps what was read before it.
    fn fail(&mut self, failure: Failure) -> bool {
        let Failure { mut kind, at, mut message } = failure;
        if kind == ErrorKind::InvalidQuotedScalarIndent {
            kind = ErrorKind::Syntax;
            "the quoted text is not closed before this line".clone_into(&mut message);
        }
        let tab = self.places.tab_in_indentation(at).filter(|_| kind == ErrorKind::Syntax);
        if tab.is_some() {
            error::TAB.clone_into(&mut message);
        }
        let mut error = YamlError::new(kind, tab.unwrap_or_else(|| self.places.character(at)), message);
        if let Some(&quoted) = self.repaired.last().filter(|place| place.len() > 1) {
            error = error.with_related(quoted);
        }
        self.out.errors.push(error);
        self.close_all();
        self.end_document(false);
        kind != ErrorKind::TooLarge
    }

    /// Parses `source`, which has the length and the lines of the chunk's text.
    fn run(&mut self, source: &str) -> Option<Failure> {
        self.places.start(self.body);
        self.open.clear();
        self.anchors.clear();
        self.doc = DocState::default();
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            // Comments are kept anyway, so this bounds nothing; the default refuses 97 comment lines in a row.
            max_buffered_comment_events: usize::MAX,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        for next in Parser::new_from_str_with_options(source, options) {
            match next {
                Ok((event, span)) => self.event(event, span),
                Err(error) => return Some(self.failure(&error)),
            }
            if self.out.tree.nodes.len() > MAX_NODES {
                let message = "the file has too many values".to_owned();
                return Some(Failure { kind: ErrorKind::TooLarge, at: self.places.cursor(), message });
            }
        }
        None
    }

    fn failure(&self, error: &ScanError) -> Failure {
        let at = error.marker().byte_offset().unwrap_or(0) + self.body.start;
        Failure { kind: error::kind_of(error.kind()), at, message: error::message_of(error.kind()) }
    }

    fn event(&mut self, event: Event<'_>, at: granit_parser::Span) {
        let range = at.byte_range().unwrap_or(0..0);
        let span = Span::new(range.start, range.end).shifted(self.body.start);
        match event {
            Event::DocumentStart(explicit, _) => {
                self.doc = DocState { first_node: self.out.tree.nodes.len(), ..DocState::default() };
                if explicit {
                    self.places.pass(span.end);
                }
            }
            Event::DocumentEnd => self.end_document(true),
            Event::Comment(text, _) => self.out.comments.push(Spanned::new(text.into_owned(), span)),
            Event::Alias(anchor) => self.alias(Some(anchor), span),
            Event::UnresolvedAlias(_) => self.alias(None, span),
            Event::Scalar(value, style, anchor, tag) => {
                let tag = tag.as_deref().map_or(Tag::None, tag_of);
                self.scalar(&value, style, anchor, tag, span, at.start.col());
            }
            Event::SequenceStart(style, anchor, _) => self.open(false, style, anchor, span),
            Event::MappingStart(style, anchor, _) => self.open(true, style, anchor, span),
            Event::SequenceEnd | Event::MappingEnd => self.close(Some(span.end)),
            _ => {}
        }
    }

    fn alias(&mut self, anchor: Option<usize>, span: Span) {
        let known = anchor.and_then(|number| self.anchors.get(number).copied().flatten());
        let (target, size) = match known {
            Some(Anchor { node, size: Some(size) }) => (node, size),
            Some(Anchor { node, size: None }) => {
                let anchor_at = self.out.tree.node(node).map_or(span, |n| Span::new(n.start as usize, n.end as usize));
                let message = format!("the value of this anchor contains `{}` itself", span.text(self.text));
                let error = YamlError::new(ErrorKind::CyclicAlias, span, message).with_related(anchor_at);
                self.out.errors.push(error);
                (NONE, 1)
            }
            None => {
                let message = format!("`{}` names no anchor of this document", span.text(self.text));
                self.out.errors.push(YamlError::new(ErrorKind::UnknownAlias, span, message));
                (NONE, 1)
            }
        };
        if self.doc.widest.is_none_or(|(widest, _)| widest < size) {
            self.doc.widest = Some((size, span));
        }
        self.places.pass(span.end);
        self.add(Data::Alias(target), span, Style::Plain, Tag::None, size);
    }

    fn scalar(&mut self, value: &str, style: ScalarStyle, anchor: usize, tag: Tag, raw: Span, column: usize) {
        let style = style_of(style);
        let is_value = self.open.last().is_some_and(|open| open.is_map && open.count % 2 == 1);
        let span = match style {
            Style::Literal | Style::Folded => self.places.block_text(raw),
            Style::Plain if raw.is_empty() && is_value => {
                self.join_colon(raw.start);
                self.places.left_out(raw.start, true)
            }
            Style::Plain if raw.is_empty() => self.places.left_out(raw.start, is_value),
            _ => raw,
        };
        // Without a line that is not blank nothing tells the indentation; then blanks are never content.
        let blank = value.bytes().all(|byte| byte == b'\n');
        let indent = if blank { u32::MAX } else { narrow(column) };
        let is_block = matches!(style, Style::Literal | Style::Folded);
        let text = if style == Style::Plain && raw.is_empty() {
            // The parser says `~` for a value that is left out.
            Text::File { start: narrow(span.start), len: 0 }
        } else if is_block && raw.end == self.text.len() && self.text.ends_with(' ') {
            // Blanks behind the last line break: the parser drops them, go-yaml counts them as a blank line.
            let whole = Span::new(span.start, raw.end);
            let decoded = decode::block_text(self.text, whole, indent as usize, style).text;
            self.store(&decoded, raw.start)
        } else {
            let start = raw.start + usize::from(matches!(style, Style::SingleQuoted | Style::DoubleQuoted));
            if !is_block && self.repaired.iter().any(|place| raw.covers(*place)) {
                let decoded = decode::flow_text(self.text, raw, style).text;
                self.store(&decoded, start)
            } else {
                self.store(value, start)
            }
        };
        self.check_scalar(value, style, tag, span);
        self.places.pass(raw.end);
        let node = self.add(Data::Scalar(text), span, style, tag, 1);
        if is_block {
            self.out.errors.extend(check::block_tabs(self.text, Span::new(span.start, raw.end), indent as usize));
            self.out.tree.block_texts.push(BlockText { node, indent, end: narrow(raw.end) });
        }
        self.define(anchor, Anchor { node, size: Some(1) });
    }

    /// Keeps a decoded text, as a range of the file if it stands there at `start` byte for byte.
    fn store(&mut self, value: &str, start: usize) -> Text {
        if self.text.get(start..start + value.len()) == Some(value) {
            return Text::File { start: narrow(start), len: narrow(value.len()) };
        }
        let decoded = &mut self.out.tree.decoded;
        let start = narrow(decoded.len());
        decoded.push_str(value);
        Text::Decoded { start, len: narrow(value.len()) }
    }

    fn check_scalar(&mut self, value: &str, style: Style, tag: Tag, span: Span) {
        let in_flow = self.open.last().is_some_and(|open| open.is_flow);
        let source = span.text(self.text);
        let errors = &mut self.out.errors;
        errors.extend(check::tag(value, style, tag, span));
        if in_flow {
            errors.extend(check::flow_colon(source, style, span));
        }
        if !self.json {
            errors.extend(check::escapes(source, style, span));
        }
        if self.tab_lines {
            errors.extend(check::blank_line_tab(self.text, style, span.end));
        }
        if self.unicode_breaks {
            errors.extend(check::unicode_breaks(source, span));
        }
    }

    fn end_document(&mut self, complete: bool) {
        let doc = std::mem::take(&mut self.doc);
        let Some(root) = doc.root else { return };
        let written = (self.out.tree.nodes.len() - doc.first_node) as u64;
        let by_alias = doc.expanded.saturating_sub(written);
        if by_alias > self.alias_budget {
            self.cut_aliases(doc.first_node, doc.widest.map_or(self.body, |(_, span)| span));
        } else {
            self.alias_budget -= by_alias;
        }
        let empty = self.out.tree.node(root).is_some_and(|node| {
            node.start == node.end && matches!(node.data, Data::Scalar(_)) && node.tag == Tag::None
        });
        if !empty {
            self.out.roots.push(Root { node: root, span: self.body, complete });
        }
    }

    fn cut_aliases(&mut self, first_node: usize, span: Span) {
        for node in self.out.tree.nodes.iter_mut().skip(first_node) {
            if let Data::Alias(target) = &mut node.data {
                *target = NONE;
            }
        }
        let message = format!("the aliases of this file stand for more than {MAX_ALIAS_EXPANSION} values");
        self.out.errors.push(YamlError::new(ErrorKind::AliasBomb, span, message));
    }
}

/// Offsets fit: the text is shorter than [`MAX_TEXT`](super::MAX_TEXT), and decoding never makes it 8 times longer.
fn narrow(offset: usize) -> u32 {
    u32::try_from(offset).unwrap_or(NONE)
}

const fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal => Style::Literal,
        ScalarStyle::Folded => Style::Folded,
    }
}

fn tag_of(tag: &granit_parser::Tag) -> Tag {
    match tag.core_suffix() {
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some("str") => Tag::Str,
        _ => Tag::Other,
    }
}
