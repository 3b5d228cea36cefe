//! Groups the words of a Corefile into server blocks as CoreDNS does (`caddyfile/parse.go`), and reads on after errors.

mod reports;
mod snippets;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use super::env::Lookup;
use super::error::{ErrorKind, WarningKind};
use super::import::ImportResolver;
use super::lexer::lex_all;
use super::stream::Stream;
use super::token::{FileIndex, Place, SourceFile, Token};
use super::tree::{Corefile, Directive, Key, ServerBlock};
use super::{dispenser, importer, oddities, recovery, words};
use crate::source::Span;

/// Errors after which reading on is given up.
const MAX_ERRORS: usize = 100;

/// Bytes that replacing environment references may touch in one parse.
const MAX_EXPANSION_WORK: usize = 128 << 20;

/// What the parser needs to know besides the text.
#[derive(Clone, Copy)]
pub struct Options<'a> {
    /// Name of the Corefile as CoreDNS prints it (its `-conf` argument).
    pub main_file_name: &'a str,
    /// Absolute directory of the Corefile, for relative imports.
    pub directory: &'a str,
    /// Environment of the CoreDNS container.
    pub env: &'a Lookup<'a>,
    /// Directive names of the binary; without it every name is accepted.
    pub valid_directives: Option<&'a dyn Fn(&str) -> bool>,
    /// Files for `import`.
    pub imports: &'a dyn ImportResolver,
}

/// Parses a Corefile; errors and warnings are part of the result.
#[must_use]
pub fn parse(text: &str, options: &Options<'_>) -> Corefile {
    let mut parser = Parser::new(text, *options);
    while !parser.stopped && parser.stream.next() {
        parser.block();
    }
    parser.finish()
}

/// How a directive left the server block.
enum After {
    /// The block goes on.
    Directive,
    /// A closing brace on the directive's line ended the block.
    BlockClosed(Place),
    /// The next words are a new block although this one is not closed.
    NewBlock,
}

/// The keys in front of a body.
struct Header {
    keys: Vec<Key>,
    first: Option<Token>,
    at_end: bool,
}

pub(super) struct Parser<'a> {
    pub options: Options<'a>,
    pub stream: Stream,
    pub out: Corefile,
    pub snippets: BTreeMap<String, (Rc<[Token]>, usize)>,
    pub importer: importer::Importer,
    env_work: usize,
    warned: BTreeSet<(WarningKind, Place)>,
    /// Position of the latest directive of each name in the block being read.
    last_of_name: BTreeMap<String, usize>,
    stopped: bool,
}

impl<'a> Parser<'a> {
    fn new(text: &str, options: Options<'a>) -> Self {
        let mut parser = Self {
            options,
            stream: Stream::new(Vec::new()),
            out: Corefile::default(),
            snippets: BTreeMap::new(),
            importer: importer::Importer::default(),
            env_work: MAX_EXPANSION_WORK,
            warned: BTreeSet::new(),
            last_of_name: BTreeMap::new(),
            stopped: false,
        };
        let tokens = parser.add_source(options.main_file_name.to_owned(), text.to_owned());
        parser.stream = Stream::new(tokens);
        parser
    }

    /// Takes a text into the list of sources and lexes it.
    pub(super) fn add_source(&mut self, name: String, text: String) -> Vec<Token> {
        let file = FileIndex(u32::try_from(self.out.files.len()).unwrap_or(u32::MAX));
        let lexed = lex_all(&text, file);
        self.out.comments.extend(lexed.comments.iter().map(|span| Place { file, span: *span }));
        for (kind, span) in oddities::of_words(&lexed) {
            self.warn(kind, Place { file, span }, words::warning(kind));
        }
        self.out.files.push(SourceFile { name, text });
        lexed.tokens
    }

    fn finish(mut self) -> Corefile {
        if self.stream.exhausted() {
            self.out.errors.truncate(MAX_ERRORS);
            self.too_large();
        }
        if self.out.blocks.is_empty() && self.out.errors.is_empty() {
            let whole = Place { file: FileIndex::MAIN, span: Span::new(0, 0) };
            self.warn(WarningKind::NoServerBlock, whole, words::warning(WarningKind::NoServerBlock));
        }
        self.out
    }

    // --- blocks ---

    fn block(&mut self) {
        self.stream.forget_past();
        let header = self.keys();
        let snippet = if header.at_end { None } else { snippet_name(&header.keys) };
        match (snippet, header.first) {
            (Some(name), Some(first)) => self.snippet(name, &first),
            (_, Some(first)) if header.at_end => {
                let block = empty_block(header.keys, &first, false);
                self.keep(block);
            }
            (_, Some(first)) => self.body(header.keys, &first),
            (_, None) => {}
        }
    }

    /// Reads keys up to the opening brace or the end of the line.
    fn keys(&mut self) -> Header {
        let mut header = Header { keys: Vec::new(), first: None, at_end: false };
        let mut comma: Option<Token> = None;
        while let Some(token) = self.stream.current().cloned() {
            let text = self.expand(&token);
            if text == "import" && self.stream.at_line_start() {
                self.import();
                if self.stream.next() {
                    continue;
                }
                header.at_end = true;
                if let Some(comma) = comma {
                    self.refuse(ErrorKind::CommaAtEnd, "Unexpected EOF", &comma, None);
                }
                break;
            }
            header.first.get_or_insert_with(|| token.clone());
            if token_is_open(&text) {
                if let Some(comma) = comma {
                    let message = format!("Expected another address but had '{text}' - check for extra comma");
                    self.refuse(ErrorKind::CommaBeforeBrace, &message, &token, Some(Place::of(&comma)));
                }
                break;
            }
            if !text.is_empty() {
                let stripped = text.strip_suffix(',');
                comma = stripped.is_some().then(|| token.clone());
                header.keys.push(key(&token, stripped.unwrap_or(&text)));
            }
            if !self.stream.next() {
                header.at_end = true;
                if comma.is_some() {
                    self.refuse(ErrorKind::CommaAtEnd, "Unexpected EOF", &token, None);
                }
                break;
            }
            if comma.is_none() && self.stream.at_line_start() {
                break;
            }
        }
        header
    }

    /// Reads the directives of a block whose opening brace or first directive is the current word.
    fn body(&mut self, keys: Vec<Key>, first: &Token) {
        let mut block = empty_block(keys, first, self.stream.text() == "{");
        if block.braced {
            block.open = self.stream.current().map(Place::of);
        } else {
            self.stream.back();
        }
        self.last_of_name.clear();
        let mut open_at_end = true;
        while !self.stopped && self.stream.next() {
            if self.stream.text() == "}" {
                block.close = self.stream.current().map(Place::of);
                open_at_end = false;
                break;
            }
            if self.stream.text() == "import" {
                if self.import() {
                    self.skip_braces();
                }
                continue;
            }
            match self.directive(&mut block) {
                After::Directive => {}
                After::BlockClosed(place) => {
                    block.close = Some(place);
                    open_at_end = false;
                    break;
                }
                After::NewBlock => {
                    open_at_end = false;
                    break;
                }
            }
        }
        if block.braced && open_at_end {
            self.check_final_brace(&block);
        } else if !block.braced && block.close.is_some() {
            self.warn_stray_close(&block);
        }
        self.keep(block);
    }

    /// At the end of input CoreDNS looks at the last word only: any closing brace will do.
    fn check_final_brace(&mut self, block: &ServerBlock) {
        let Some(last) = self.stream.current().cloned() else { return };
        let open = block.open.unwrap_or(Place { file: block.file, span: block.span });
        if last.is_close() {
            self.warn(WarningKind::MissingFinalBrace, open, words::warning(WarningKind::MissingFinalBrace));
        } else {
            let message = format!("Unexpected token '{}', expecting '}}'", last.text);
            self.refuse_syntax(ErrorKind::BlockNotClosed, &message, &last, Some(open));
        }
    }

    fn warn_stray_close(&mut self, block: &ServerBlock) {
        let glued = block.keys.iter().any(|key| key.expanded.ends_with('{'));
        if let Some(close) = block.close.filter(|_| !glued) {
            self.warn(WarningKind::StrayClosingBrace, close, words::stray_close_of_braceless());
        }
    }

    /// Stores a finished block, or drops it as CoreDNS does when it has no key.
    fn keep(&mut self, mut block: ServerBlock) {
        let ends = block.directives.iter().map(|d| Place { file: d.file, span: d.span }).chain(block.close);
        let span = ends.filter(|place| place.file == block.file).fold(block.span, |span, place| span.join(place.span));
        block.span = span;
        let whole = Place { file: block.file, span: block.keys.first().map_or(span, |key| key.span) };
        match block.keys.as_slice() {
            [] => self.warn(WarningKind::BlockWithoutKey, whole, words::warning(WarningKind::BlockWithoutKey)),
            [only] if only.raw == "}" => {
                self.warn(WarningKind::StrayClosingBrace, whole, words::warning(WarningKind::StrayClosingBrace));
                self.out.blocks.push(block);
            }
            _ => self.out.blocks.push(block),
        }
    }

    // --- directives ---

    fn directive(&mut self, block: &mut ServerBlock) -> After {
        let Some(name_token) = self.stream.current().cloned() else { return After::Directive };
        let name = self.expand(&name_token);
        let known = self.options.valid_directives.is_none_or(|valid| valid(&name));
        if !known && let Some(after) = self.unknown_directive(block, &name, &name_token) {
            return after;
        }
        let mut tokens = vec![name_token];
        let closed = self.directive_words(&mut tokens);
        let mut after = After::Directive;
        if let Words::CloseOnLine(close) = closed {
            let message = "Unexpected '}' because no matching opening brace";
            self.refuse(ErrorKind::CloseOnDirectiveLine, message, &close, tokens.first().map(Place::of));
            after = After::BlockClosed(Place::of(&close));
        } else if let Words::OpenAtEnd = closed {
            self.directive_not_closed(&mut tokens);
        }
        let directive = self.finish_directive(name, tokens, known);
        let at = block.directives.len();
        let previous = self.last_of_name.insert(directive.name.clone(), at).and_then(|at| block.directives.get(at));
        if let Some(previous) = previous {
            self.check_merged_lines(previous, &directive);
        }
        block.directives.push(directive);
        after
    }

    /// Reports an unknown name; tells where to go on if it is really the key of the next block.
    fn unknown_directive(&mut self, block: &ServerBlock, name: &str, token: &Token) -> Option<After> {
        let message = format!("Unknown directive '{name}'");
        let line = self.stream.rest_of_line();
        if !recovery::looks_like_block_start(&line, self.options.valid_directives) {
            self.refuse(ErrorKind::UnknownDirective, &message, token, None);
            return None;
        }
        let stray = block.keys.first().filter(|key| key.raw == "}");
        let (kind, related) = match stray {
            Some(key) => (ErrorKind::StrayCloseBeforeBlock, Some(Place { file: key.file, span: key.span })),
            None => (ErrorKind::MissingCloseBeforeBlock, block.open),
        };
        self.refuse(kind, &message, token, related);
        self.stream.back();
        Some(After::NewBlock)
    }

    /// Collects the words of a directive behind its name.
    fn directive_words(&mut self, tokens: &mut Vec<Token>) -> Words {
        let mut nesting = 0_usize;
        while self.stream.next() {
            let new_line = self.stream.at_line_start();
            match self.stream.text() {
                "{" => nesting += 1,
                _ if new_line && nesting == 0 => {
                    self.stream.back();
                    return Words::Complete;
                }
                "}" if nesting > 0 => nesting -= 1,
                "}" => return self.stream.current().cloned().map_or(Words::Complete, Words::CloseOnLine),
                "import" if new_line => {
                    self.import();
                    continue;
                }
                _ => {}
            }
            if let Some(token) = self.stream.current().cloned() {
                let text = self.expand(&token);
                self.stream.set_text(text.clone());
                tokens.push(Token { text, ..token });
            }
        }
        if nesting > 0 { Words::OpenAtEnd } else { Words::Complete }
    }

    /// A directive's block is open at the end of input: reports it and goes back to where it probably should end.
    fn directive_not_closed(&mut self, tokens: &mut Vec<Token>) {
        let last = self.stream.current().cloned();
        let open = tokens.iter().find(|token| token.is_open()).map(Place::of);
        if let Some(last) = last {
            self.refuse(ErrorKind::DirectiveNotClosed, "Unexpected EOF", &last, open);
        }
        if let Some(cut) = recovery::resume_inside(tokens, self.options.valid_directives) {
            for _ in cut..tokens.len() {
                self.stream.back();
            }
            tokens.truncate(cut);
        }
    }

    fn finish_directive(&mut self, name: String, tokens: Vec<Token>, known: bool) -> Directive {
        let layout = dispenser::layout(&tokens);
        let (file, name_span, via) = tokens
            .first()
            .map_or((FileIndex::MAIN, Span::default(), None), |first| (first.file, first.span, first.via));
        let span = tokens.iter().filter(|t| t.file == file).fold(name_span, |span, token| span.join(token.span));
        let braced = tokens.iter().any(Token::is_open);
        let site = via.and_then(|via| self.out.outermost_import(via));
        let via_import = site.filter(|site| site.place.file == FileIndex::MAIN).map(|site| site.place.span);
        let args = layout.args;
        let directive = Directive {
            name,
            name_span,
            args,
            properties: layout.properties,
            tokens,
            span,
            file,
            braced,
            via,
            via_import,
            known,
        };
        if let Some(place) = oddities::one_line_block(&directive) {
            self.warn(WarningKind::OneLineBlock, place, words::warning(WarningKind::OneLineBlock));
        }
        directive
    }

    fn check_merged_lines(&mut self, previous: &Directive, next: &Directive) {
        let (Some(last), Some(first)) = (previous.tokens.last(), next.tokens.first()) else { return };
        if last.continues_on_line(first) && (last.via.is_some() || first.via.is_some()) {
            let place = next.via_import.map_or_else(|| next.name_place(), |span| Place { file: FileIndex::MAIN, span });
            self.warn(WarningKind::SnippetLinesMerged, place, words::warning(WarningKind::SnippetLinesMerged));
        }
    }
}

/// How the words of a directive ended.
enum Words {
    Complete,
    CloseOnLine(Token),
    OpenAtEnd,
}

fn token_is_open(text: &str) -> bool {
    text == "{"
}

fn key(token: &Token, expanded: &str) -> Key {
    let comma = !token.quoted && token.text.ends_with(',') && token.text.len() > 1;
    let span = Span::new(token.span.start, token.span.end - usize::from(comma));
    let raw = token.text.strip_suffix(',').filter(|_| comma).unwrap_or(&token.text).to_owned();
    Key { raw, expanded: expanded.to_owned(), span, file: token.file }
}

/// The snippet name if the keys are exactly one word in parentheses.
fn snippet_name(keys: &[Key]) -> Option<String> {
    let [key] = keys else { return None };
    key.expanded.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).map(str::to_owned)
}

fn empty_block(keys: Vec<Key>, first: &Token, braced: bool) -> ServerBlock {
    ServerBlock {
        keys,
        directives: Vec::new(),
        span: first.span,
        file: first.file,
        braced,
        open: None,
        close: None,
        via: first.via,
    }
}
