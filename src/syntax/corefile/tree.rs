//! The parsed Corefile: server blocks, directives, snippets, and what is wrong with them.

use super::error::{CorefileError, CorefileWarning};
use super::import::ImportSite;
use super::token::{FileIndex, ImportIndex, Place, SourceFile, Token};
use crate::source::Span;

/// A Corefile with everything that its imports brought in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Corefile {
    /// Server blocks in file order. With errors present, also the blocks that could be read in spite of them.
    pub blocks: Vec<ServerBlock>,
    /// Snippet definitions in file order.
    pub snippets: Vec<Snippet>,
    /// Why CoreDNS refuses the file. It stops at the first one; the others were found by reading on.
    pub errors: Vec<CorefileError>,
    /// What CoreDNS accepts and its author surely did not mean.
    pub warnings: Vec<CorefileWarning>,
    /// All comments, with the file that holds them.
    pub comments: Vec<Place>,
    /// All import statements in the order in which CoreDNS meets them.
    pub imports: Vec<ImportSite>,
    /// The sources; index 0 is the Corefile itself.
    pub files: Vec<SourceFile>,
}

impl Corefile {
    /// The source of an index.
    #[must_use]
    pub fn file(&self, file: FileIndex) -> Option<&SourceFile> {
        self.files.get(file.index())
    }

    /// The text at a place, or `""`.
    #[must_use]
    pub fn text(&self, place: Place) -> &str {
        self.file(place.file).map_or("", |file| place.span.text(&file.text))
    }

    /// The error that CoreDNS itself would report.
    #[must_use]
    pub fn first_error(&self) -> Option<&CorefileError> {
        self.errors.first()
    }

    /// Whether all imports were resolved, so that nothing of the running configuration is unknown.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        !self.imports.iter().any(|site| site.outcome == super::ImportOutcome::Unknown)
    }

    /// The import statement of the main file through which `via` came in.
    #[must_use]
    pub fn outermost_import(&self, via: ImportIndex) -> Option<&ImportSite> {
        let site = self.imports.get(via.index())?;
        self.imports.get(site.root.index())
    }
}

/// A key of a server block as written: `[SCHEME://]ZONE[:PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// The word as it stands in the file, without quotes.
    pub raw: String,
    /// The word after replacement of environment references, without the trailing comma.
    pub expanded: String,
    /// The bytes of the word, without the trailing comma.
    pub span: Span,
    /// The file that holds it.
    pub file: FileIndex,
}

/// A server block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerBlock {
    /// The keys; never empty.
    pub keys: Vec<Key>,
    /// Directives in file order (CoreDNS itself keeps the order only among directives of one name).
    pub directives: Vec<Directive>,
    /// From the first key to the closing brace, as far as both are in `file`.
    pub span: Span,
    /// The file of the first key.
    pub file: FileIndex,
    /// Whether the body stands in braces.
    pub braced: bool,
    /// The opening brace.
    pub open: Option<Place>,
    /// The closing brace.
    pub close: Option<Place>,
    /// The import that brought in the first key.
    pub via: Option<ImportIndex>,
}

impl ServerBlock {
    /// The directives of one plugin, in file order.
    pub fn directives_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Directive> {
        self.directives.iter().filter(move |directive| directive.name == name)
    }

    /// Whether the block uses the plugin.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.directives_named(name).next().is_some()
    }

    /// The words of all directives of one name, joined as the plugin's setup receives them.
    #[must_use]
    pub fn tokens_of(&self, name: &str) -> Vec<Token> {
        self.directives_named(name).flat_map(|directive| directive.tokens.iter().cloned()).collect()
    }
}

/// A directive: the use of a plugin in a server block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Name after replacement of environment references.
    pub name: String,
    /// The bytes of the name.
    pub name_span: Span,
    /// The words behind the name, up to the end of the line or the opening brace.
    pub args: Vec<Token>,
    /// The properties of its block as most plugins read them: first word of each line and the rest of that line.
    ///
    /// With a block on one line the closing brace counts as an argument, as it does for CoreDNS.
    pub properties: Vec<Property>,
    /// All words with name and braces, as the plugin receives them.
    pub tokens: Vec<Token>,
    /// From the name to the last word, as far as it is in `file`; braces included.
    pub span: Span,
    /// The file of the name.
    pub file: FileIndex,
    /// Whether the directive has a block.
    pub braced: bool,
    /// The innermost import that brought in the name.
    pub via: Option<ImportIndex>,
    /// The import statement of the main file through which it came in.
    pub via_import: Option<Span>,
    /// Whether the name is in the list of valid directives (true without such a list).
    pub known: bool,
}

impl Directive {
    /// The place of the name.
    #[must_use]
    pub const fn name_place(&self) -> Place {
        Place { file: self.file, span: self.name_span }
    }

    /// The place of the whole directive.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { file: self.file, span: self.span }
    }

    /// The arguments as text.
    pub fn arg_texts(&self) -> impl Iterator<Item = &str> {
        self.args.iter().map(|arg| arg.text.as_str())
    }

    /// The properties of one name.
    pub fn properties_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Property> {
        self.properties.iter().filter(move |property| property.name == name)
    }

    /// The last property of one name; later ones override earlier ones in most plugins.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Property> {
        self.properties.iter().rev().find(|property| property.name == name)
    }
}

/// A line of a directive's block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its first word.
    pub name: String,
    /// The bytes of the first word.
    pub name_span: Span,
    /// The other words of the line.
    pub args: Vec<Token>,
    /// From the name to the last argument in the same file.
    pub span: Span,
    /// The file of the name.
    pub file: FileIndex,
}

impl Property {
    /// The arguments as text.
    pub fn arg_texts(&self) -> impl Iterator<Item = &str> {
        self.args.iter().map(|arg| arg.text.as_str())
    }

    /// The place of the whole line.
    #[must_use]
    pub const fn place(&self) -> Place {
        Place { file: self.file, span: self.span }
    }
}

/// A snippet: `(name) { … }`, words that `import name` puts in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// Name without the parentheses.
    pub name: String,
    /// The bytes of the key `(name)`.
    pub name_span: Span,
    /// The file that defines it.
    pub file: FileIndex,
    /// From the key to the closing brace.
    pub span: Span,
    /// The words of the body without the outer braces, references not replaced.
    pub tokens: Vec<Token>,
    /// How often it was imported.
    pub uses: usize,
}
