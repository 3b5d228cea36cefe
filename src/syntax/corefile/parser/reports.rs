//! Replaces environment references in words, and records errors and warnings.

use super::super::error::{CorefileError, CorefileWarning, ErrorKind, WarningKind};
use super::super::token::{FileIndex, Place, Token};
use super::super::{env, importer, oddities, words};
use super::{MAX_ERRORS, Parser};
use crate::source::Span;

impl Parser<'_> {
    /// The word after replacement of its environment references.
    pub(in super::super) fn expand(&mut self, token: &Token) -> String {
        if !env::has_reference(&token.text) {
            return token.text.clone();
        }
        let Some(expansion) = env::expand(&token.text, self.options.env, &mut self.env_work) else {
            self.refuse(ErrorKind::TooLarge, "an environment reference never ends", token, None);
            self.stopped = true;
            return String::new();
        };
        for (kind, message) in oddities::of_expansion(token, &expansion) {
            self.warn(kind, Place::of(token), message);
        }
        expansion.text
    }

    /// Records an error with the usual prefix whose line is that of `token`.
    pub(in super::super) fn refuse(&mut self, kind: ErrorKind, message: &str, token: &Token, related: Option<Place>) {
        let at = (token.file, token.line);
        self.record(kind, format!("Error during parsing: {message}"), at, Place::of(token), related);
    }

    /// Records an error whose line is that of the current word, pointing at another place.
    pub(in super::super) fn refuse_at_current(
        &mut self,
        kind: ErrorKind,
        message: &str,
        place: Place,
        related: Option<Place>,
    ) {
        let at = self.stream.current().map_or((FileIndex::MAIN, 0), |token| (token.file, token.line));
        self.record(kind, format!("Error during parsing: {message}"), at, place, related);
    }

    pub(super) fn refuse_syntax(&mut self, kind: ErrorKind, message: &str, token: &Token, related: Option<Place>) {
        self.record(kind, format!("Syntax error: {message}"), (token.file, token.line), Place::of(token), related);
    }

    pub(super) fn too_large(&mut self) {
        if self.out.errors.iter().any(|error| error.kind == ErrorKind::TooLarge) {
            return;
        }
        let cycle = self.importer.looks_like_cycle();
        let (kind, message) = if cycle {
            (
                ErrorKind::ImportCycle,
                format!("maximum snippet import depth ({}) exceeded", importer::MAX_SNIPPET_IMPORTS),
            )
        } else {
            (ErrorKind::TooLarge, "the Corefile is too large".to_owned())
        };
        let place = self.out.imports.last().map_or(Place { file: FileIndex::MAIN, span: Span::new(0, 0) }, |s| s.place);
        self.stopped = true;
        self.push_error(kind, format!("Error during parsing: {message}"), (place.file, 0), place, None);
    }

    fn record(&mut self, kind: ErrorKind, text: String, at: (FileIndex, u32), place: Place, related: Option<Place>) {
        if self.stream.exhausted() {
            self.too_large(); // an unexpected end is then a consequence of the limit
        } else {
            self.push_error(kind, text, at, place, related);
        }
    }

    fn push_error(
        &mut self,
        kind: ErrorKind,
        coredns_message: String,
        (line_file, line): (FileIndex, u32),
        place: Place,
        related: Option<Place>,
    ) {
        let file_name = self.out.file(line_file).map_or_else(String::new, |file| file.name.clone());
        let word = self.out.text(place).to_owned();
        let message = words::error(kind, &word, &coredns_message);
        let related = related.and_then(|place| words::related(kind).map(|text| (place, text.to_owned())));
        let Place { file, span } = place;
        self.out.errors.push(CorefileError { kind, span, file, file_name, line, coredns_message, message, related });
        self.stopped |= self.out.errors.len() >= MAX_ERRORS;
    }

    pub(in super::super) fn warn(&mut self, kind: WarningKind, place: Place, message: String) {
        if self.warned.insert((kind, place)) {
            self.out.warnings.push(CorefileWarning { kind, span: place.span, file: place.file, message });
        }
    }
}
