//! A finding of the set-up check, and which of them CoreDNS would report.

use super::version::Binary;
use crate::syntax::corefile::{DispenserError, Place, Version};

/// What is wrong with a key, a directive or one of its properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemKind {
    /// No plugin of that name.
    UnknownPlugin,
    /// A plugin that the node cache knows by name and was built without.
    PluginNotInBinary,
    /// A plugin of another project, which the default build lacks.
    External,
    /// A plugin that came with a later release.
    PluginNeedsNewerVersion,
    /// A plugin that this release no longer has.
    Removed,
    /// Accepted, and without effect in this release.
    Deprecated,
    /// A property that came with a later release.
    OptionNeedsNewerVersion,
    /// A property that this release refuses.
    OptionRemoved,
    /// An argument that the plugin refuses.
    InvalidArgument,
    /// A property that the plugin does not have.
    UnknownProperty,
    /// A key that CoreDNS refuses.
    InvalidKey,
    /// A key that is accepted and means something else than it looks.
    OddKey,
    /// An argument that is accepted and means something else than it looks.
    OddArgument,
    /// The same zone on the same port and address twice.
    DuplicateZone,
    /// A zone on a port once with and once without `bind`.
    ZoneOverlap,
    /// A plugin twice in one block: refused, or without effect for the second.
    PluginRepeated,
    /// More than 15 upstreams in one `forward`.
    TooManyUpstreams,
    /// A listener that cannot be made: port out of range, `tls` missing.
    Listener,
}

impl ProblemKind {
    /// Whether the finding is about what one release has and another has not.
    #[must_use]
    pub const fn depends_on_release(self) -> bool {
        matches!(
            self,
            Self::PluginNeedsNewerVersion
                | Self::Removed
                | Self::Deprecated
                | Self::OptionNeedsNewerVersion
                | Self::OptionRemoved
                | Self::TooManyUpstreams
        )
    }
}

/// What about a problem decides how it is mended, apart from its kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    /// Nothing that its kind does not say.
    #[default]
    Other,
    /// A line ends too early or goes on too long.
    Line,
    /// A `forward` names a zone alone.
    NoUpstream,
    /// A placeholder of a template that nothing filled in.
    Placeholder,
    /// The release dropped what stands there, or ignores it, and nothing takes its place.
    Superfluous,
}

/// When CoreDNS meets a problem while it starts; the smallest rank is the one it reports.
///
/// The stages are: 2 parsing, 3 keys, 4 plugin set-up (by plugin order, then by block), 5 to 8 listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Rank {
    /// The stage of the start-up.
    pub stage: u8,
    /// Position of the plugin in the chain.
    pub plugin: usize,
    /// Index of the server block.
    pub block: usize,
    /// Order within these.
    pub sequence: usize,
}

/// A finding of the set-up check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetupProblem {
    /// What it is.
    pub kind: ProblemKind,
    /// What decides how it is mended.
    pub cause: Cause,
    /// Whether CoreDNS refuses to start because of it.
    pub fatal: bool,
    /// The plugin concerned.
    pub plugin: Option<String>,
    /// Index of the server block.
    pub block: Option<usize>,
    /// The place to point at.
    pub place: Place,
    /// Further places that explain it.
    pub related: Vec<(Place, String)>,
    /// A plain sentence for the author of the file.
    pub message: String,
    /// The text that CoreDNS prints, where it is known exactly.
    pub coredns_message: Option<String>,
    /// A name or text to write instead.
    pub suggestion: Option<String>,
    /// The release that brought, or dropped, the thing.
    pub since: Option<Version>,
    /// Whether the finding rests on the newest release because the version of the binary is not known.
    pub version_assumed: bool,
    /// When CoreDNS meets it.
    pub rank: Rank,
}

/// The problem that CoreDNS would report at start, if any keeps it from starting.
#[must_use]
pub fn first_fatal(problems: &[SetupProblem]) -> Option<&SetupProblem> {
    problems.iter().filter(|problem| problem.fatal).min_by_key(|problem| problem.rank)
}

/// A problem in the making: a plugin's set-up knows neither block nor rank.
///
/// Boxed, as it travels in the error position of results.
#[derive(Clone, Debug)]
pub(super) struct Refusal(Box<Details>);

/// The parts of a [`Refusal`].
#[derive(Clone, Debug)]
pub(super) struct Details {
    pub kind: ProblemKind,
    pub cause: Cause,
    pub place: Option<Place>,
    pub related: Vec<(Place, String)>,
    pub message: String,
    /// CoreDNS' text without `plugin/<name>: `.
    pub coredns: String,
    pub suggestion: Option<String>,
    pub since: Option<Version>,
}

impl Refusal {
    /// A refusal whose CoreDNS text says it all.
    pub(super) fn plain(place: Option<Place>, text: impl Into<String>) -> Self {
        let coredns = text.into();
        Self(Box::new(Details {
            kind: ProblemKind::InvalidArgument,
            cause: Cause::Other,
            place,
            related: Vec::new(),
            message: coredns.clone(),
            coredns,
            suggestion: None,
            since: None,
        }))
    }

    pub(super) fn kind(mut self, kind: ProblemKind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(super) fn cause(mut self, cause: Cause) -> Self {
        self.0.cause = cause;
        self
    }

    pub(super) fn message(mut self, message: impl Into<String>) -> Self {
        self.0.message = message.into();
        self
    }

    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Self {
        self.0.suggestion = Some(suggestion.into());
        self
    }

    pub(super) fn related(mut self, place: Place, text: &str) -> Self {
        self.0.related.push((place, text.to_owned()));
        self
    }

    pub(super) fn since(mut self, version: Version) -> Self {
        self.0.since = Some(version);
        self
    }

    /// The refusal of a plugin that puts its name in front by itself, so that CoreDNS prints it twice.
    pub(super) fn named_twice(mut self, plugin: &str) -> Self {
        self.0.coredns = format!("plugin/{plugin}: {}", self.0.coredns);
        self
    }

    /// The parts.
    pub(super) fn into_details(self) -> Details {
        *self.0
    }
}

impl From<DispenserError> for Refusal {
    fn from(error: DispenserError) -> Self {
        let text = error.text.split_once(" - ").map_or(error.text.as_str(), |(_, rest)| rest);
        let text = text.strip_prefix("Error during parsing: ").unwrap_or(text);
        let message = match text {
            "Unexpected token '{', expecting argument" => "an argument is expected here, not a block".to_owned(),
            "Wrong argument count or unexpected line ending after '}'" => {
                "the block is on one line, so its `}` is read as an argument: put the `}` on a line of its own"
                    .to_owned()
            }
            other => other.strip_prefix("Wrong argument count or unexpected line ending after ").map_or_else(
                || other.to_owned(),
                |word| {
                    format!("wrong number of arguments, or one that is not accepted, at {}", word.replace('\'', "`"))
                },
            ),
        };
        let cause = if error.about_line { Cause::Line } else { Cause::Other };
        Self::plain(error.place, error.text).message(message).cause(cause)
    }
}

/// The sentence for a name that the binary does not have.
pub(super) fn lacks(binary: &Binary, name: &str) -> String {
    format!("{} has no plugin `{name}`", binary.describe())
}
