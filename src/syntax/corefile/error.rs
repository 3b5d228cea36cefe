//! What the CoreDNS parser refuses, and what it accepts although it was surely meant otherwise.

use super::token::{FileIndex, Place};
use crate::source::Span;

/// Why CoreDNS refuses a Corefile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorKind {
    /// A comma ends a key and an opening brace follows.
    CommaBeforeBrace,
    /// A comma ends a key and the file ends.
    CommaAtEnd,
    /// A directive that the binary does not have.
    UnknownDirective,
    /// A server block is still open where the next one starts; CoreDNS calls the next key an unknown directive.
    MissingCloseBeforeBlock,
    /// A closing brace too many turned the next key into a directive.
    StrayCloseBeforeBlock,
    /// A directive and the closing brace of the server block stand on one line.
    CloseOnDirectiveLine,
    /// A directive's block is still open at the end of the file.
    DirectiveNotClosed,
    /// A server block is still open at the end of the file.
    BlockNotClosed,
    /// A snippet without braces.
    SnippetWithoutBrace,
    /// A snippet is still open at the end of the file.
    SnippetNotClosed,
    /// A snippet name is defined a second time.
    SnippetRedefined,
    /// A snippet imports itself.
    SnippetImportsItself,
    /// `import` without an argument.
    ImportWithoutArgument,
    /// `import` with more than one argument; snippets take no arguments in CoreDNS.
    ImportWithExtraArguments,
    /// The argument of `import` is empty after replacement of environment references.
    ImportEmpty,
    /// The pattern of `import` has more than one wildcard.
    ImportTooManyWildcards,
    /// The pattern of `import` is malformed.
    ImportBadPattern,
    /// The file that `import` names does not exist, and no snippet of that name is defined before it.
    ImportNotFound,
    /// `import` names, or its pattern matches, a directory.
    ImportIsDirectory,
    /// A file named by `import` cannot be read.
    ImportUnreadable,
    /// More imports than CoreDNS follows, nearly always a cycle.
    ImportCycle,
    /// The file grows beyond what this parser reads.
    TooLarge,
}

/// A reason for which CoreDNS refuses the Corefile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorefileError {
    /// What is wrong.
    pub kind: ErrorKind,
    /// The bytes to point at.
    pub span: Span,
    /// The source they are in.
    pub file: FileIndex,
    /// Name of that source as CoreDNS prints it.
    pub file_name: String,
    /// Line that CoreDNS names, from 1.
    pub line: u32,
    /// The text of CoreDNS behind `<file>:<line> - `.
    pub coredns_message: String,
    /// What is wrong, in words for the author of the file.
    pub message: String,
    /// Another place that explains the error: the block left open, the first definition.
    pub related: Option<(Place, String)>,
}

impl CorefileError {
    /// The whole line that CoreDNS prints.
    #[must_use]
    pub fn coredns_text(&self) -> String {
        format!("{}:{} - {}", self.file_name, self.line, self.coredns_message)
    }
}

/// What CoreDNS accepts and reads otherwise than it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WarningKind {
    /// A quote without its end swallows the rest of the file.
    UnterminatedQuote,
    /// A `#` cuts a word, and what follows behind the next blank is read as words.
    HashInsideWord,
    /// A backslash at the end of a line continues nothing: it is a word.
    TrailingBackslash,
    /// A brace sticks to a word and is part of it.
    GluedBrace,
    /// The word `{}` is an argument, not an empty block.
    BracesAsArgument,
    /// The closing brace of the last server block is missing and goes unnoticed.
    MissingFinalBrace,
    /// A closing brace that closes nothing: it ends a brace-less block, or becomes a zone named `}`.
    StrayClosingBrace,
    /// A directive's block on one line: the closing brace is read as an argument.
    OneLineBlock,
    /// An environment reference whose variable is not set: it vanishes.
    UnsetVariable,
    /// `{$NAME:default}` reads a variable of that whole name; there are no defaults.
    VariableDefault,
    /// A value with blanks stays one word.
    VariableWithBlanks,
    /// A value with a line break makes the next line part of this directive.
    VariableWithLineBreak,
    /// Two imports of one snippet put both copies on one line for the plugin.
    SnippetLinesMerged,
    /// A block without any key is dropped.
    BlockWithoutKey,
    /// No server block at all: CoreDNS serves its built-in `whoami`.
    NoServerBlock,
    /// An import pattern matches no file; CoreDNS logs it and goes on.
    ImportMatchesNothing,
}

/// Something CoreDNS accepts although it was surely meant otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorefileWarning {
    /// What it is.
    pub kind: WarningKind,
    /// The bytes to point at.
    pub span: Span,
    /// The source they are in.
    pub file: FileIndex,
    /// What CoreDNS makes of it, in words for the author of the file.
    pub message: String,
}
