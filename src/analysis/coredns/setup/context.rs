//! State of a set-up check: the block and plugin at hand, and the problems so far.

use super::super::golang::{parse_ip, split_host_port, strip_zone};
use super::super::options::{self, OptionStatus};
use super::super::plugins::{nearest_of, position};
use super::super::problem::{Details, ProblemKind, Rank, Refusal, SetupProblem};
use super::super::surroundings::Surroundings;
use super::super::version::Binary;
use crate::model::pillar::FILLED;
use crate::source::Span;
use crate::syntax::corefile::{Corefile, Dispenser, FileIndex, Place, Token, Version, origins_from_args, parse_key};

/// What a plugin's set-up returns.
pub(super) type Outcome = Result<(), Refusal>;

/// Problems after which a check records no more.
pub(super) const MAX_PROBLEMS: usize = 1000;

/// How a plugin words its refusal of an unknown property.
#[derive(Clone, Copy)]
pub(super) enum Unknown {
    /// `unknown property 'x'`, with file and line.
    Property,
    /// `unknown option: x`, with file and line.
    Option,
    /// The text for a wrong number of arguments.
    ArgErr,
    /// A syntax error that expects `Unknown field x`.
    Field,
    /// `invalid option "x"`.
    Invalid,
}

/// A set-up check under way.
pub(super) struct Check<'a> {
    pub corefile: &'a Corefile,
    pub binary: &'a Binary,
    pub version: Version,
    pub surroundings: &'a dyn Surroundings,
    pub problems: Vec<SetupProblem>,
    /// Index of the block at hand.
    pub block: usize,
    /// Its zones, fully qualified.
    pub zones: Vec<String>,
    /// Value of its `root`, empty without one.
    pub root: String,
    plugin: String,
    rank: Rank,
}

impl<'a> Check<'a> {
    pub(super) fn new(corefile: &'a Corefile, binary: &'a Binary, surroundings: &'a dyn Surroundings) -> Self {
        Self {
            corefile,
            binary,
            version: binary.assumed_version(),
            surroundings,
            problems: Vec::new(),
            block: 0,
            zones: Vec::new(),
            root: String::new(),
            plugin: String::new(),
            rank: Rank::default(),
        }
    }

    /// Starts with another block.
    pub(super) fn enter_block(&mut self, index: usize) {
        self.block = index;
        self.root.clear();
        let keys = self.corefile.blocks.get(index).map_or(&[][..], |block| block.keys.as_slice());
        let zones = keys.iter().filter_map(|key| parse_key(&key.expanded, 53, self.version).ok());
        self.zones = zones.flatten().map(|zone| zone.zone).collect();
    }

    /// Starts with another plugin of the block.
    pub(super) fn enter_plugin(&mut self, name: &str) {
        name.clone_into(&mut self.plugin);
        self.enter_stage(4, position(name, self.version), self.block);
    }

    /// Sets the rank of the problems to come.
    pub(super) fn enter_stage(&mut self, stage: u8, plugin: usize, block: usize) {
        self.rank = Rank { stage, plugin, block, sequence: 0 };
    }

    /// Records what makes CoreDNS refuse the Corefile during a plugin's set-up.
    pub(super) fn refuse(&mut self, refusal: Refusal) {
        let plugin = self.plugin.clone();
        let refusal = refusal.named_twice(&plugin).into_details();
        let coredns = refusal.coredns.clone();
        self.push_details(refusal, true, Some(plugin), Some(coredns));
    }

    /// Records something that CoreDNS accepts.
    pub(super) fn warn(&mut self, kind: ProblemKind, place: Option<Place>, message: impl Into<String>) {
        let plugin = (!self.plugin.is_empty()).then(|| self.plugin.clone());
        self.push(Refusal::plain(place, message).kind(kind), false, plugin, None);
    }

    /// Records a problem with its complete CoreDNS text.
    pub(super) fn push(&mut self, refusal: Refusal, fatal: bool, plugin: Option<String>, coredns: Option<String>) {
        self.push_details(refusal.into_details(), fatal, plugin, coredns);
    }

    fn push_details(&mut self, refusal: Details, fatal: bool, plugin: Option<String>, coredns: Option<String>) {
        self.rank.sequence += 1;
        if self.is_full() {
            return;
        }
        let nowhere = Place { file: FileIndex::MAIN, span: Span::new(0, 0) };
        let place = refusal.place.or_else(|| self.plugin_place()).unwrap_or(nowhere);
        self.problems.push(SetupProblem {
            kind: refusal.kind,
            cause: refusal.cause,
            fatal,
            plugin,
            block: Some(self.rank.block),
            place,
            related: refusal.related,
            message: refusal.message,
            coredns_message: coredns,
            suggestion: refusal.suggestion,
            since: refusal.since,
            version_assumed: refusal.kind.depends_on_release() && self.binary.coredns_version().is_none(),
            rank: self.rank,
        });
    }

    /// Whether [`MAX_PROBLEMS`] are recorded.
    pub(super) fn is_full(&self) -> bool {
        self.problems.len() >= MAX_PROBLEMS
    }

    fn plugin_place(&self) -> Option<Place> {
        let block = self.corefile.blocks.get(self.block)?;
        block.directives_named(&self.plugin).next().map(crate::syntax::corefile::Directive::name_place)
    }

    /// A dispenser over the words of the plugin's directives, as its set-up receives them.
    pub(super) fn dispenser<'t>(&self, tokens: &'t [Token]) -> Dispenser<'t>
    where
        'a: 't,
    {
        Dispenser::new(tokens, &self.corefile.files).nesting(self.version >= Version::new(1, 15, 0))
    }

    /// Whether the node cache replaces the word before CoreDNS reads it, so that nothing can be said of it.
    pub(super) fn is_replaced_at_start(&self, word: &str) -> bool {
        self.binary.is_node_cache() && FILLED.iter().any(|placeholder| word.contains(placeholder))
    }

    /// Reads zone arguments, warning of those that CoreDNS drops silently; empty without any.
    pub(super) fn origins(&mut self, args: &[&Token]) -> Vec<String> {
        let texts: Vec<&str> = args.iter().map(|arg| arg.text.as_str()).collect();
        let (zones, dropped) = origins_from_args(&texts, &[], self.version);
        // what the environment leaves empty is not known to be empty where the process runs
        let written = |token: &&&Token| token.quoted || !token.text.is_empty();
        for token in dropped.into_iter().filter_map(|at| args.get(at)).filter(written) {
            let message = format!("`{}` is no zone: CoreDNS drops it silently", token.text);
            self.warn(ProblemKind::OddArgument, Some(Place::of(token)), message);
        }
        zones
    }

    /// Refuses a word that is no address, with or without a port (`parse.HostPort`).
    pub(super) fn address(&self, token: &Token) -> Outcome {
        let host = split_host_port(&token.text).map_or(token.text.as_str(), |(host, _)| host);
        let bare = if self.version >= Version::new(1, 14, 5) { strip_zone(host) } else { host };
        if parse_ip(bare).is_some() {
            return Ok(());
        }
        let message = format!("`{}` is no IP address", token.text);
        Err(Refusal::plain(Some(Place::of(token)), format!("must specify an IP address: `{host}'")).message(message))
    }

    /// The path that a plugin opens: relative ones are joined to `root`.
    pub(super) fn rooted(&self, path: &str) -> String {
        if path.starts_with('/') || self.root.is_empty() { path.to_owned() } else { format!("{}/{path}", self.root) }
    }

    /// Reads a block line by line. `read` gets each property and says whether the plugin knows it.
    ///
    /// CoreDNS stops at the first refusal; this reads on with the next line.
    pub(super) fn properties(
        &mut self,
        d: &mut Dispenser<'_>,
        unknown: Unknown,
        names: &[&str],
        mut read: impl FnMut(&mut Self, &mut Dispenser<'_>) -> Result<bool, Refusal>,
    ) {
        while d.next_block() {
            // `hosts` takes a property that it does not know for an entry, so it looks at releases by itself.
            if self.plugin != "hosts" && self.refuse_by_release(d, unknown) {
                d.remaining_args();
                continue;
            }
            let before = d.clone();
            match read(self, d) {
                Ok(true) => {}
                Ok(false) => {
                    self.refuse_unknown(&before, unknown, names);
                    d.remaining_args();
                }
                Err(refusal) => {
                    self.refuse(refusal);
                    d.remaining_args();
                }
            }
        }
    }

    /// Refuses a property that this release does not have; warns of one that it ignores.
    fn refuse_by_release(&mut self, d: &Dispenser<'_>, unknown: Unknown) -> bool {
        let name = d.text();
        let text = self.unknown_text(d, unknown);
        let binary = self.binary.describe();
        let refusal = match options::status(&self.plugin, name, self.version) {
            OptionStatus::Accepted => return false,
            OptionStatus::Ignored(instead) => {
                let message = format!("`{name}` has no effect in {binary}: {}", instead.text);
                let warning = Refusal::plain(d.place(), message).kind(ProblemKind::Deprecated).cause(instead.cause());
                self.push(warning, false, Some(self.plugin.clone()), None);
                return false;
            }
            OptionStatus::NeedsNewer(since) => Refusal::plain(d.place(), text)
                .kind(ProblemKind::OptionNeedsNewerVersion)
                .message(format!("`{name}` needs CoreDNS {since}, this is {binary}"))
                .since(since),
            OptionStatus::Removed(since, instead) => Refusal::plain(d.place(), text)
                .kind(ProblemKind::OptionRemoved)
                .cause(instead.cause())
                .message(format!("CoreDNS {since} dropped `{name}`: {}", instead.text))
                .since(since),
        };
        self.refuse(refusal);
        true
    }

    fn refuse_unknown(&mut self, d: &Dispenser<'_>, unknown: Unknown, names: &[&str]) {
        let name = d.text();
        let plugin = &self.plugin;
        let directive = plugin != name && super::super::plugins::directive_known(name, self.binary);
        let hint = if directive { "; is the closing brace of its block missing?" } else { "" };
        let mut refusal = Refusal::plain(d.place(), self.unknown_text(d, unknown))
            .kind(ProblemKind::UnknownProperty)
            .message(format!("`{plugin}` has no property `{name}`{hint}"));
        if let Some(near) = nearest_of(name, names.iter().copied()) {
            refusal = refusal.suggest(near);
        }
        self.refuse(refusal);
    }

    fn unknown_text(&self, d: &Dispenser<'_>, unknown: Unknown) -> String {
        let name = d.text();
        match unknown {
            Unknown::Property => d.error(&format!("unknown property '{name}'")).text,
            Unknown::Option => d.error(&format!("unknown option: {name}")).text,
            Unknown::ArgErr => d.arg_error().text,
            Unknown::Field => d.syntax_error(&format!("Unknown field {name}")).text,
            Unknown::Invalid => format!("invalid option {}", super::super::golang::quote(name)),
        }
    }

    /// The refusal of a second use of a plugin in a block, or of words behind the first that look like one.
    pub(super) fn refuse_second(&mut self, d: &Dispenser<'_>) {
        let text = "this plugin can only be used once per Server Block";
        let refusal = Refusal::plain(d.place(), text);
        if d.text() != self.plugin {
            let message = format!("`{}` takes no block in {}", self.plugin, self.binary.describe());
            self.refuse(refusal.kind(ProblemKind::UnknownProperty).message(message));
            return;
        }
        let message = format!("`{}` is used twice in this server block; CoreDNS refuses that", self.plugin);
        let refusal = refusal.kind(ProblemKind::PluginRepeated).message(message);
        self.refuse(match self.plugin_place() {
            Some(first) => refusal.related(first, "first used here"),
            None => refusal,
        });
    }

    /// Warns of the second use of a plugin of which only one has an effect.
    pub(super) fn warn_second(&mut self, d: &Dispenser<'_>, effect: &str) {
        let first = self.plugin_place();
        let message = format!("`{}` is used twice in this server block: {effect}", self.plugin);
        let mut refusal = Refusal::plain(d.place(), message).kind(ProblemKind::PluginRepeated);
        if let Some(first) = first {
            refusal = refusal.related(first, "first used here");
        }
        let plugin = Some(self.plugin.clone());
        self.push(refusal, false, plugin, None);
    }
}

/// A mandatory next argument (`NextArg`, else an argument error).
pub(super) fn need_arg(d: &mut Dispenser<'_>) -> Outcome {
    if d.next_arg() { Ok(()) } else { Err(d.arg_error().into()) }
}

/// No argument may follow.
pub(super) fn no_arg(d: &mut Dispenser<'_>) -> Outcome {
    if d.next_arg() { Err(d.arg_error().into()) } else { Ok(()) }
}

/// The text of an argument list.
pub(super) fn text_at<'t>(args: &[&'t Token], at: usize) -> &'t str {
    args.get(at).map_or("", |token| token.text.as_str())
}

/// A Go error at an argument.
pub(super) fn at<T>(token: Option<&&Token>, result: Result<T, String>) -> Result<T, Refusal> {
    result.map_err(|text| Refusal::plain(token.map(|token| Place::of(token)), text))
}

/// A Go error at the current word.
pub(super) fn here<T>(d: &Dispenser<'_>, result: Result<T, String>) -> Result<T, Refusal> {
    result.map_err(|text| Refusal::plain(d.place(), text))
}
