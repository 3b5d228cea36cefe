//! Reads the words of a directive the way a plugin's setup does (`caddyfile/dispenser.go`).

use super::token::{Place, SourceFile, Token};
use super::tree::Property;

/// A cursor over the joined words of all directives of one name in a server block.
#[derive(Clone, Debug)]
pub struct Dispenser<'a> {
    tokens: &'a [Token],
    files: &'a [SourceFile],
    /// Position of the current word plus one; 0 before the first word.
    position: usize,
    /// How many blocks are open.
    depth: usize,
    /// Whether a brace inside a block opens another one.
    nests: bool,
}

/// A refusal worded by the dispenser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DispenserError {
    /// The text, with `<file>:<line> - ` in front.
    pub text: String,
    /// The word it points at.
    pub place: Option<Place>,
    /// A line ends too early or goes on too long (`ArgErr`, `SyntaxErr`), whatever its words mean.
    pub about_line: bool,
}

impl<'a> Dispenser<'a> {
    /// A cursor before the first word; `files` give the names for messages.
    #[must_use]
    pub const fn new(tokens: &'a [Token], files: &'a [SourceFile]) -> Self {
        Self { tokens, files, position: 0, depth: 0, nests: false }
    }

    /// The same with blocks inside blocks, as CoreDNS 1.15 reads them (`NextBlock` of caddy 1.1.4).
    #[must_use]
    pub const fn nesting(self, nests: bool) -> Self {
        Self { nests, ..self }
    }

    /// The current word.
    #[must_use]
    pub fn token(&self) -> Option<&'a Token> {
        self.position.checked_sub(1).and_then(|at| self.tokens.get(at))
    }

    /// The current word's text, `""` before the first one.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.token().map_or("", |token| token.text.as_str())
    }

    /// The place of the current word.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.token().map(Place::of)
    }

    /// Moves to the next word; `false` at the end.
    pub fn advance(&mut self) -> bool {
        let more = self.position < self.tokens.len();
        if more {
            self.position += 1;
        }
        more
    }

    /// Moves to the next word if it is on the same line.
    pub fn next_arg(&mut self) -> bool {
        let same_line = match (self.token(), self.tokens.get(self.position)) {
            (Some(current), Some(next)) => current.continues_on_line(next),
            (None, Some(_)) => true,
            (_, None) => false,
        };
        if same_line {
            self.position += 1;
        }
        same_line
    }

    /// Moves to the next word of a block that opens on the same line; `false` behind the closing brace or without block.
    pub fn next_block(&mut self) -> bool {
        if self.depth > 0 {
            if !self.advance() {
                return false;
            }
            if !(self.nests && self.text() == "{") {
                let closed = self.text() == "}";
                self.depth -= usize::from(closed);
                return !closed;
            }
            self.position -= 1;
        }
        if !self.next_arg() {
            return false;
        }
        if self.text() != "{" {
            self.position -= 1;
            return false;
        }
        let opened = self.advance() && self.text() != "}";
        self.depth += usize::from(opened);
        opened
    }

    /// The rest of the line, up to an opening brace.
    pub fn remaining_args(&mut self) -> Vec<&'a Token> {
        let mut args = Vec::new();
        while self.next_arg() {
            if self.text() == "{" {
                self.position -= 1;
                break;
            }
            args.extend(self.token());
        }
        args
    }

    /// An error with its own wording.
    #[must_use]
    pub fn error(&self, message: &str) -> DispenserError {
        self.worded(&format!("Error during parsing: {message}"), false)
    }

    /// The error for a missing or superfluous argument.
    #[must_use]
    pub fn arg_error(&self) -> DispenserError {
        let message = match self.text() {
            "{" => "Unexpected token '{', expecting argument".to_owned(),
            word => format!("Wrong argument count or unexpected line ending after '{word}'"),
        };
        DispenserError { about_line: true, ..self.error(&message) }
    }

    /// The error for a word where another was expected.
    #[must_use]
    pub fn syntax_error(&self, expected: &str) -> DispenserError {
        self.worded(&format!("Syntax error: Unexpected token '{}', expecting '{expected}'", self.text()), true)
    }

    fn worded(&self, message: &str, about_line: bool) -> DispenserError {
        let file = self.token().map_or(0, |token| token.file.index());
        let name = self.files.get(file).map_or("", |file| file.name.as_str());
        let line = self.token().map_or(0, |token| token.line);
        DispenserError { text: format!("{name}:{line} - {message}"), place: self.place(), about_line }
    }
}

/// A directive's words split as most plugins split them: arguments, and the lines of the block.
pub(super) struct Layout {
    pub args: Vec<Token>,
    pub properties: Vec<Property>,
}

/// Splits the words of one directive.
pub(super) fn layout(tokens: &[Token]) -> Layout {
    let mut dispenser = Dispenser::new(tokens, &[]);
    dispenser.advance();
    let args = dispenser.remaining_args().into_iter().cloned().collect();
    let mut properties = Vec::new();
    while dispenser.next_block() {
        let Some(name) = dispenser.token() else { break };
        let args: Vec<Token> = dispenser.remaining_args().into_iter().cloned().collect();
        let span = args.iter().filter(|arg| arg.file == name.file).fold(name.span, |span, arg| span.join(arg.span));
        properties.push(Property { name: name.text.clone(), name_span: name.span, args, span, file: name.file });
    }
    Layout { args, properties }
}

#[cfg(test)]
mod tests {
    use super::super::lexer::lex;
    use super::*;

    #[test]
    fn one_line_block_swallows_its_brace() {
        let split = layout(&lex("forward . 1.1.1.1 { except a b }"));
        assert_eq!(split.args.iter().map(|arg| arg.text.as_str()).collect::<Vec<_>>(), [".", "1.1.1.1"]);
        let [property] = split.properties.as_slice() else { panic!("one property") };
        assert_eq!(property.args.iter().map(|arg| arg.text.as_str()).collect::<Vec<_>>(), ["a", "b", "}"]);
        assert!(layout(&lex("x { }")).properties.is_empty());
    }

    #[test]
    fn blocks_in_blocks_since_1_15() {
        let tokens = lex("x {\na b {\nc\n}\nd\n}\ny {\n}");
        let read = |nests: bool| {
            let mut d = Dispenser::new(&tokens, &[]).nesting(nests);
            d.advance();
            let mut names = Vec::new();
            for _ in 0..8 {
                let name = if d.next_block() { d.text() } else { "-" };
                names.push(name);
                d.remaining_args();
            }
            names.join(" ")
        };
        assert_eq!(read(true), "a c - d - - - -");
        assert_eq!(read(false), "a { c - - - - -");
    }

    #[test]
    fn block_on_the_next_line_is_no_block() {
        assert!(layout(&lex("x a\n{\nb\n}")).properties.is_empty());
    }
}
