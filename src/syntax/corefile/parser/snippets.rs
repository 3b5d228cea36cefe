//! Definitions of snippets.

use super::super::error::ErrorKind;
use super::super::token::{Place, Token};
use super::super::tree::Snippet;
use super::super::{importer, recovery};
use super::Parser;

impl Parser<'_> {
    /// Reads the definition of a snippet whose key was read; the word behind it is current.
    pub(super) fn snippet(&mut self, name: String, key: &Token) {
        if let Some((_, index)) = self.snippets.get(&name) {
            let message = format!("redeclaration of previously declared snippet {name}");
            let related = self.out.snippets.get(*index).map(|s| Place { file: s.file, span: s.name_span });
            self.refuse_at_current(ErrorKind::SnippetRedefined, &message, Place::of(key), related);
        }
        if self.stream.text() != "{" {
            let message = format!("Unexpected token '{}', expecting '{{'", self.stream.text());
            if let Some(token) = self.stream.current().cloned() {
                self.refuse_syntax(ErrorKind::SnippetWithoutBrace, &message, &token, Some(Place::of(key)));
            }
            self.stream.back();
            recovery::skip_to_block_start(&mut self.stream, self.options.valid_directives);
            return;
        }
        let (mut tokens, closed) = self.snippet_words();
        if !closed && let Some(last) = self.stream.current().cloned() {
            let message = format!("Unexpected token '{}', expecting '}}'", last.text);
            self.refuse_syntax(ErrorKind::SnippetNotClosed, &message, &last, Some(Place::of(key)));
            if let Some(cut) = recovery::resume_at_block(&tokens, self.options.valid_directives) {
                for _ in cut..tokens.len() {
                    self.stream.back();
                }
                tokens.truncate(cut);
            }
        }
        self.refuse_self_import(&name, &mut tokens);
        self.define(name, key, tokens);
    }

    fn snippet_words(&mut self) -> (Vec<Token>, bool) {
        let mut tokens = Vec::new();
        let mut open = 1_usize;
        while self.stream.next() {
            match self.stream.text() {
                "}" => open -= 1,
                "{" => open += 1,
                _ => {}
            }
            if open == 0 {
                return (tokens, true);
            }
            tokens.extend(self.stream.current().cloned());
        }
        (tokens, false)
    }

    /// CoreDNS looks for `import <own name>` at a line start of the body; others would need the import limit.
    fn refuse_self_import(&mut self, name: &str, tokens: &mut Vec<Token>) {
        let mut at = 0;
        while let (Some(keyword), Some(argument)) = (tokens.get(at).cloned(), tokens.get(at + 1).cloned()) {
            let previous = at.checked_sub(1).and_then(|at| tokens.get(at));
            let line_start = previous.is_none_or(|p| p.file != keyword.file || p.line != keyword.line);
            if keyword.text == "import" && line_start && self.expand(&argument) == name {
                let message = format!("maximum snippet import depth ({}) exceeded", importer::MAX_SNIPPET_IMPORTS);
                self.refuse_at_current(ErrorKind::SnippetImportsItself, &message, Place::of(&keyword), None);
                tokens.drain(at..at + 2);
                return;
            }
            at += 1;
        }
    }

    fn define(&mut self, name: String, key: &Token, tokens: Vec<Token>) {
        if self.snippets.contains_key(&name) {
            return;
        }
        let end = self.stream.current().filter(|token| token.file == key.file).map_or(key.span, |token| token.span);
        self.snippets.insert(name.clone(), (tokens.as_slice().into(), self.out.snippets.len()));
        let span = key.span.join(end);
        self.out.snippets.push(Snippet { name, name_span: key.span, file: key.file, span, tokens, uses: 0 });
    }

    /// Skips a block in braces that opens at the next word.
    pub(super) fn skip_braces(&mut self) {
        let mut open = 0_usize;
        while self.stream.next() {
            match self.stream.text() {
                "{" => open += 1,
                "}" => open = open.saturating_sub(1),
                _ => {}
            }
            if open == 0 {
                break;
            }
        }
    }
}
