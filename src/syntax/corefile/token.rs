//! Words of a Corefile with their place, and the sources that the words come from.

use crate::source::Span;

/// Index of a source text in [`Corefile::files`](super::Corefile::files); 0 is the Corefile itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileIndex(pub u32);

impl FileIndex {
    /// The Corefile itself.
    pub const MAIN: Self = Self(0);

    /// The index as a position in the list of sources.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Index of an import statement in [`Corefile::imports`](super::Corefile::imports).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportIndex(pub u32);

impl ImportIndex {
    /// The index as a position in the list of imports.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// One word as the CoreDNS lexer produces it (`caddyfile/lexer.go`): quotes and escapes removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// The text that plugins see; in directives and keys after replacement of environment references.
    pub text: String,
    /// The bytes of the word in its source, with its quotes.
    pub span: Span,
    /// Line of the first character, from 1.
    pub line: u32,
    /// Whether the word was written between double quotes.
    pub quoted: bool,
    /// The source that holds the word.
    pub file: FileIndex,
    /// The innermost import statement that brought the word in, if any.
    pub via: Option<ImportIndex>,
}

impl Token {
    /// Line on which the word ends; a quoted word may reach over several.
    #[must_use]
    pub fn last_line(&self) -> u32 {
        let breaks = self.text.bytes().filter(|byte| *byte == b'\n').count();
        self.line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX))
    }

    /// Whether `next` counts as being on the line where this word ends (`Dispenser.NextArg`).
    ///
    /// CoreDNS compares file names and line numbers only, so two copies of one imported line are one line.
    #[must_use]
    pub fn continues_on_line(&self, next: &Self) -> bool {
        self.file == next.file && self.last_line() == next.line
    }

    /// Whether `next` counts as starting a new line after this word (`Dispenser.isNewLine`).
    #[must_use]
    pub fn line_breaks_before(&self, next: &Self) -> bool {
        self.file != next.file || self.last_line() < next.line
    }

    /// Whether the word is exactly an opening brace.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.text == "{"
    }

    /// Whether the word is exactly a closing brace.
    #[must_use]
    pub fn is_close(&self) -> bool {
        self.text == "}"
    }
}

/// A span in one of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The source.
    pub file: FileIndex,
    /// The bytes of that source.
    pub span: Span,
}

impl Place {
    /// The place of a token.
    #[must_use]
    pub const fn of(token: &Token) -> Self {
        Self { file: token.file, span: token.span }
    }
}

/// A text that takes part in a Corefile: the main file, or one that an `import` read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Name as CoreDNS prints it: the `-conf` argument for the main file, the absolute path for an imported one.
    pub name: String,
    /// The text; spans of tokens with this file's index point into it.
    pub text: String,
}
