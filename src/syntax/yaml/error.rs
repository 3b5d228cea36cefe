//! What can be wrong with a YAML text, in the words of a reader of manifests.

use crate::source::Span;
use granit_parser::ErrorKind as ScanKind;

/// Kind of a [`YamlError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Not YAML; the document holds what stood before the error.
    Syntax,
    /// A key stands twice in one mapping; kubectl takes the last one.
    DuplicateKey,
    /// An alias names no anchor of its document.
    UnknownAlias,
    /// An anchor's value contains an alias to itself.
    CyclicAlias,
    /// The aliases stand for more than [`MAX_ALIAS_EXPANSION`](super::MAX_ALIAS_EXPANSION) nodes; they read as null.
    AliasBomb,
    /// Nested deeper than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// Longer than [`MAX_TEXT`](super::MAX_TEXT) or more nodes than [`MAX_NODES`](super::MAX_NODES).
    TooLarge,
    /// A quoted text goes on in a line that is not indented: kubectl reads it, YAML forbids it.
    InvalidQuotedScalarIndent,
    /// A key that cannot be a JSON key: null, a list or a mapping (an unquoted `{{ … }}` reads as one).
    InvalidKey,
    /// The value of a merge key `<<` is not a mapping or a list of mappings.
    InvalidMerge,
    /// A tag such as `!!int` on a text that is none.
    InvalidTag,
    /// Text behind `---` on its line; kubectl refuses the file.
    DocumentSeparator,
    /// An unquoted text that starts with `:` inside `[…]` or `{…}`, such as `[::1]`; kubectl refuses it.
    FlowColon,
    /// A tab where kubectl counts spaces and YAML 1.2 does not mind: in a blank line, before the text of a block.
    TabInIndentation,
    /// An escape that YAML 1.2 (and JSON) knows but go-yaml does not: `\/`.
    UnknownEscape,
    /// U+0085, U+2028 or U+2029 in a text: go-yaml takes it as the end of the line, YAML 1.2 does not.
    UnicodeLineBreak,
}

impl ErrorKind {
    /// Whether kubectl and the kubelet refuse the document because of it.
    #[must_use]
    pub const fn refused_by_kubernetes(self) -> bool {
        !matches!(
            self,
            Self::DuplicateKey
                | Self::InvalidQuotedScalarIndent
                | Self::UnicodeLineBreak
                | Self::TooDeep
                | Self::TooLarge
        )
    }

    /// Whether reading of the document stopped there, so that keys behind it are missing from the tree.
    #[must_use]
    pub const fn truncates(self) -> bool {
        matches!(self, Self::Syntax | Self::TooDeep | Self::TooLarge)
    }
}

/// Something wrong in a YAML text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The bytes that are wrong; may be empty at the end of the text.
    pub span: Span,
    /// One sentence without a full stop. May quote the text: escape control characters when printing.
    pub message: String,
    /// The kind.
    pub kind: ErrorKind,
    /// A second place that explains it: the first of two equal keys, the quote that is not closed.
    pub related: Option<Span>,
}

impl YamlError {
    pub(super) fn new(kind: ErrorKind, span: Span, message: impl Into<String>) -> Self {
        Self { span, message: message.into(), kind, related: None }
    }

    pub(super) fn with_related(mut self, span: Span) -> Self {
        self.related = Some(span);
        self
    }
}

/// The kind under which a scanner error is reported.
pub(super) fn kind_of(kind: &ScanKind) -> ErrorKind {
    match kind {
        ScanKind::RecursionLimitExceeded => ErrorKind::TooDeep,
        ScanKind::InvalidQuotedScalarIndent => ErrorKind::InvalidQuotedScalarIndent,
        ScanKind::UnknownAnchor => ErrorKind::UnknownAlias,
        ScanKind::TooManyComments | ScanKind::AnchorCountOverflow => ErrorKind::TooLarge,
        _ => ErrorKind::Syntax,
    }
}

/// What to say about a tab in the indentation.
pub(super) const TAB: &str = "a tab stands where YAML wants spaces";

/// What to say about a scanner error.
pub(super) fn message_of(kind: &ScanKind) -> String {
    let known = match kind {
        ScanKind::TabInIndentation
        | ScanKind::TabInBlockIndentation
        | ScanKind::TabNotAllowed
        | ScanKind::TabInPlainScalar => TAB,
        ScanKind::TabAtBlockScalarStart => "the block text is indented with a tab; YAML wants spaces",
        ScanKind::UnclosedQuotedScalar => "the quoted text is not closed",
        ScanKind::DocumentIndicatorInQuotedScalar => "the quoted text is not closed before the next document",
        ScanKind::UnclosedFlowCollection { open: '[' } => "the `[` is not closed",
        ScanKind::UnclosedFlowCollection { .. } => "the `{` is not closed",
        ScanKind::MappingValueNotAllowed => "a `:` stands where no key can be; a text that contains `: ` wants quotes",
        ScanKind::ExpectedBlockMappingKey | ScanKind::InvalidIndentation => {
            "the line is not indented like the keys or items above it"
        }
        ScanKind::SimpleKeyExpected => "a `:` is missing behind the key",
        ScanKind::RecursionLimitExceeded => "nested too deeply",
        ScanKind::UnexpectedCharacter { character: '@' | '`' } => {
            "no unquoted text can start with `@` or a backquote; quote it"
        }
        ScanKind::UnexpectedCharacter { character: '%' } => "no unquoted text can start with `%`; quote it",
        ScanKind::UnexpectedCharacter { character } if character.is_control() => {
            return format!("control character U+{:04X} is not allowed in YAML", u32::from(*character));
        }
        ScanKind::InvalidQuotedScalarIndent => "a quoted text goes on in a line that is not indented",
        other => return other.to_string(),
    };
    known.to_owned()
}
