//! The words of a Corefile while imports replace words by other words, with one word of look-ahead.

use std::rc::Rc;

use super::token::{ImportIndex, Token};

/// Words that one parse may consume; a ConfigMap of 1 MiB has fewer.
pub(super) const MAX_TOKENS: usize = 500_000;

/// Bytes of words that one parse may consume, imports counted each time; the paths and texts of imported files count too.
pub(super) const MAX_TOKEN_BYTES: usize = 32 << 20;

/// A list of words being read, with the import that put it there.
struct Frame {
    tokens: Rc<[Token]>,
    next: usize,
    via: Option<ImportIndex>,
}

/// The word stream: a cursor over the words that remain after splicing.
pub(super) struct Stream {
    /// Words up to and including the current one.
    before: Vec<Token>,
    /// Single words put back, last one first.
    pushed_back: Vec<Token>,
    frames: Vec<Frame>,
    tokens_left: usize,
    bytes_left: usize,
}

impl Stream {
    pub(super) fn new(tokens: Vec<Token>) -> Self {
        let main = Frame { tokens: tokens.into(), next: 0, via: None };
        Self {
            before: Vec::new(),
            pushed_back: Vec::new(),
            frames: vec![main],
            tokens_left: MAX_TOKENS,
            bytes_left: MAX_TOKEN_BYTES,
        }
    }

    /// The current word.
    pub(super) fn current(&self) -> Option<&Token> {
        self.before.last()
    }

    /// The current word's text, `""` without one.
    pub(super) fn text(&self) -> &str {
        self.current().map_or("", |token| token.text.as_str())
    }

    /// The next word, without moving.
    pub(super) fn peek(&mut self) -> Option<&Token> {
        if self.pushed_back.is_empty() {
            self.pull();
        }
        self.pushed_back.last()
    }

    /// Moves to the next word; `false` at the end, where the current word stays.
    pub(super) fn next(&mut self) -> bool {
        if self.pushed_back.is_empty() {
            self.pull();
        }
        self.pushed_back.pop().map(|token| self.before.push(token)).is_some()
    }

    /// Moves to the next word if it is on the line of the current one.
    pub(super) fn next_on_line(&mut self) -> bool {
        let Some(current) = self.current().cloned() else { return self.next() };
        self.peek().is_some_and(|next| current.continues_on_line(next)) && self.next()
    }

    /// Whether the current word starts a line.
    pub(super) fn at_line_start(&self) -> bool {
        match self.before.as_slice() {
            [.., previous, current] => previous.line_breaks_before(current),
            _ => true,
        }
    }

    /// Un-reads the current word.
    pub(super) fn back(&mut self) {
        if let Some(token) = self.before.pop() {
            self.pushed_back.push(token);
        }
    }

    /// Replaces the text of the current word.
    pub(super) fn set_text(&mut self, text: String) {
        if let Some(token) = self.before.last_mut() {
            token.text = text;
        }
    }

    /// Removes the current word from the stream; the one before becomes the current one.
    pub(super) fn remove(&mut self) {
        self.before.pop();
    }

    /// Puts words in front of those still to be read, each marked as coming from `via`.
    pub(super) fn splice(&mut self, tokens: Rc<[Token]>, via: Option<ImportIndex>) {
        // Words put back come after the spliced ones, so they go into a frame of their own first.
        if !self.pushed_back.is_empty() {
            let rest: Rc<[Token]> = self.pushed_back.drain(..).rev().collect();
            self.frames.push(Frame { tokens: rest, next: 0, via: None });
        }
        self.drop_finished_frames();
        self.frames.push(Frame { tokens, next: 0, via });
    }

    /// The words from the current one on that are on its line, without moving.
    pub(super) fn rest_of_line(&mut self) -> Vec<Token> {
        let mut line: Vec<Token> = self.current().cloned().into_iter().collect();
        let mut read = 0;
        while self.next_on_line() {
            read += 1;
            line.extend(self.current().cloned());
        }
        for _ in 0..read {
            self.back();
        }
        line
    }

    /// Forgets words behind the cursor that nothing can return to.
    pub(super) fn forget_past(&mut self) {
        let keep = self.before.len().saturating_sub(2);
        self.before.drain(..keep);
    }

    /// Takes bytes that an import costs apart from its words from those that may be consumed.
    pub(super) const fn charge(&mut self, bytes: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// Whether reading stopped because of [`MAX_TOKENS`] or [`MAX_TOKEN_BYTES`].
    pub(super) const fn exhausted(&self) -> bool {
        self.tokens_left == 0 || self.bytes_left == 0
    }

    fn drop_finished_frames(&mut self) {
        while self.frames.last().is_some_and(|frame| frame.next >= frame.tokens.len()) {
            self.frames.pop();
        }
    }

    fn pull(&mut self) {
        self.drop_finished_frames();
        if self.exhausted() {
            return;
        }
        let Some(frame) = self.frames.last_mut() else { return };
        let Some(token) = frame.tokens.get(frame.next) else { return };
        frame.next += 1;
        self.tokens_left = self.tokens_left.saturating_sub(1);
        self.bytes_left = self.bytes_left.saturating_sub(token.text.len());
        let via = frame.via.or(token.via);
        self.pushed_back.push(Token { via, ..token.clone() });
    }
}
