//! What a C library or Go takes from a `resolv.conf`: the values, where they stand, and what was ignored and why.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::source::{Span, Spanned};

/// Nameservers that every libc uses at most (`MAXNS` of `<resolv.h>`, musl's and Go's own constants).
pub const MAX_NAMESERVERS: usize = 3;

/// What the process around the resolver knows: inputs besides the file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Environment<'a> {
    /// The host name (`gethostname()`); glibc and Go take a default search domain from it.
    pub host_name: Option<&'a str>,
    /// The environment variable `LOCALDOMAIN` (glibc only).
    pub localdomain: Option<&'a str>,
    /// The environment variable `RES_OPTIONS` (glibc only).
    pub res_options: Option<&'a str>,
    /// Interface names and their indexes; `None` if unknown, then every interface is taken to exist.
    pub interfaces: Option<&'a BTreeMap<String, u32>>,
}

/// The state that a resolver library starts with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// All valid nameservers of the file, in order.
    pub nameservers: Vec<Spanned<Nameserver>>,
    /// The ones that are asked: the first three, or the library's default (with an empty span) if there is none.
    pub used: Vec<Spanned<Nameserver>>,
    /// Whether `used` is the library's default.
    pub default_nameservers: bool,
    /// The search list in order. Entries that stand in no line of the file have an empty span.
    pub search: Vec<Spanned<String>>,
    /// Where the search list comes from.
    pub search_origin: SearchOrigin,
    /// Dots that a name needs to be tried as it is first.
    pub ndots: Setting<i32>,
    /// Seconds (of one try for glibc and Go, of the whole candidate for musl), as the library stores it.
    pub timeout: Setting<i32>,
    /// Tries, as the library stores it.
    pub attempts: Setting<i32>,
    /// Flags in effect; set in the environment, the span is empty.
    pub flags: BTreeMap<Flag, Span>,
    /// Accepted `sortlist` entries (glibc only).
    pub sortlist: Vec<Spanned<SortEntry>>,
    /// Go only: an unknown keyword or option was seen, so that a program built with cgo asks the C library instead.
    pub unknown_option: Option<Span>,
    /// What has no effect, in file order.
    pub ignored: Vec<Ignored>,
}

/// A nameserver address, as the library understood it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Nameserver {
    /// The address, always port 53.
    pub address: IpAddr,
    /// The zone of an IPv6 address.
    pub scope: Option<Scope>,
}

/// The zone of a scoped IPv6 address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// An interface index.
    Index(u32),
    /// An interface name whose index is not known.
    Name(String),
}

impl Nameserver {
    /// An address without zone.
    pub fn plain(address: impl Into<IpAddr>) -> Self {
        Self { address: address.into(), scope: None }
    }
}

impl fmt::Display for Nameserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match &self.scope {
            Some(Scope::Index(index)) => write!(f, "%{index}"),
            Some(Scope::Name(name)) => write!(f, "%{name}"),
            None => Ok(()),
        }
    }
}

/// A value with the place that sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting<T> {
    /// The value in effect.
    pub value: T,
    /// Who says so.
    pub origin: Origin,
}

/// Who sets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: the default of the library.
    Default,
    /// A word of the file.
    File(Span),
    /// The environment variable `RES_OPTIONS`.
    Environment,
}

/// Where a search list comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchOrigin {
    /// There is none.
    None,
    /// A `search` or `domain` line of the file.
    Line(Span),
    /// The host name after its first dot.
    HostName,
    /// The environment variable `LOCALDOMAIN`.
    Localdomain,
}

/// One pair of a `sortlist` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortEntry {
    /// The network address.
    pub address: Ipv4Addr,
    /// The mask that was given; the class of the address decides without one.
    pub mask: Option<Ipv4Addr>,
}

/// A flag of an `options` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// `rotate`: start each query at another server.
    Rotate,
    /// `edns0`: send EDNS(0).
    Edns0,
    /// `single-request`: AAAA only after the answer to A.
    SingleRequest,
    /// `single-request-reopen`: the same, from a new socket.
    SingleRequestReopen,
    /// `no-tld-query`: never ask a name without dot as it is.
    NoTldQuery,
    /// `no-reload`: do not read a changed file again.
    NoReload,
    /// `use-vc`: TCP only.
    UseVc,
    /// `trust-ad`: believe the AD bit of answers.
    TrustAd,
    /// `no-aaaa`: ask for A only.
    NoAaaa,
    /// `strict-error`: one failing address family fails the look-up.
    StrictError,
    /// `inet6`: look for AAAA first (until glibc 2.29).
    Inet6,
    /// `no-check-names`: allow any character in names (until glibc 2.24).
    NoCheckNames,
}

impl Flag {
    /// The word of `resolv.conf(5)`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rotate => "rotate",
            Self::Edns0 => "edns0",
            Self::SingleRequest => "single-request",
            Self::SingleRequestReopen => "single-request-reopen",
            Self::NoTldQuery => "no-tld-query",
            Self::NoReload => "no-reload",
            Self::UseVc => "use-vc",
            Self::TrustAd => "trust-ad",
            Self::NoAaaa => "no-aaaa",
            Self::StrictError => "strict-error",
            Self::Inet6 => "inet6",
            Self::NoCheckNames => "no-check-names",
        }
    }
}

/// A piece of the file that has no effect on one reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ignored {
    /// The line or word.
    pub span: Span,
    /// Why.
    pub reason: IgnoreReason,
}

/// Why a reader ignores something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IgnoreReason {
    /// The first word is no keyword of this reader.
    UnknownKeyword,
    /// A keyword that does not stand in column 1.
    Indented,
    /// A keyword without its value.
    NoValue,
    /// Not an address in this reader's syntax.
    NotAnAddress,
    /// The zone names an interface that does not exist, or the address cannot have one.
    BadScope,
    /// A valid nameserver after the third.
    TooManyNameservers,
    /// A word after the ones that the keyword takes.
    ExtraWord,
    /// A `search` or `domain` line that a later one replaces.
    Replaced,
    /// A search domain that this reader drops.
    DroppedDomain,
    /// More search domains or characters than this release keeps.
    SearchLimit,
    /// An option that this reader or release does not know.
    UnknownOption,
    /// An option whose number does not parse, so that it changes nothing.
    BadNumber,
    /// A line longer than the reader's buffer.
    LineTooLong,
    /// Text behind a NUL byte, or a line swallowed because of one.
    NulByte,
    /// Replaced by the environment (`LOCALDOMAIN`).
    Environment,
}

impl Resolver {
    /// The state before the first line, with the defaults that all libraries share.
    #[must_use]
    pub fn new() -> Self {
        Self {
            nameservers: Vec::new(),
            used: Vec::new(),
            default_nameservers: false,
            search: Vec::new(),
            search_origin: SearchOrigin::None,
            ndots: Setting { value: 1, origin: Origin::Default },
            timeout: Setting { value: 5, origin: Origin::Default },
            attempts: Setting { value: 2, origin: Origin::Default },
            flags: BTreeMap::new(),
            sortlist: Vec::new(),
            unknown_option: None,
            ignored: Vec::new(),
        }
    }

    /// Notes that `span` has no effect.
    pub(super) fn ignore(&mut self, span: Span, reason: IgnoreReason) {
        self.ignored.push(Ignored { span, reason });
    }

    /// Makes `search` the search list in place of an earlier one.
    pub(super) fn replace_search(&mut self, line: Span, search: Vec<Spanned<String>>) {
        if let SearchOrigin::Line(earlier) = self.search_origin {
            self.ignore(earlier, IgnoreReason::Replaced);
        }
        self.search = search;
        self.search_origin = SearchOrigin::Line(line);
    }

    /// Takes the default search list from the host name.
    pub(super) fn search_from_host_name(&mut self, host_name: Option<&str>) {
        let domain = host_name.and_then(|name| name.split_once('.')).map(|(_, domain)| domain);
        if let Some(domain) = domain.filter(|domain| !domain.is_empty()) {
            self.search = vec![Spanned::new(domain.to_owned(), Span::default())];
            self.search_origin = SearchOrigin::HostName;
        }
    }

    /// Picks the nameservers that are asked, and sorts the notes by place.
    pub(super) fn finish(&mut self, defaults: &[Nameserver]) {
        self.used = self.nameservers.iter().take(MAX_NAMESERVERS).cloned().collect();
        self.default_nameservers = self.used.is_empty();
        if self.default_nameservers {
            self.used = defaults.iter().map(|ns| Spanned::new(ns.clone(), Span::default())).collect();
        }
        let late = self.nameservers.iter().skip(MAX_NAMESERVERS).map(|ns| ns.span);
        self.ignored.extend(late.map(|span| Ignored { span, reason: IgnoreReason::TooManyNameservers }));
        self.ignored.sort_by_key(|ignored| (ignored.span, ignored.reason));
        self.ignored.dedup();
    }
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new()
    }
}
