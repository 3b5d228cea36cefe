//! Server blocks as the routing of queries needs them: zones, listeners, and what each block answers or forwards.

use super::select::Socket;
use crate::analysis::coredns::Binary;
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::model::pillar::PILLAR;
use crate::source::{Located, Location};
use crate::syntax::corefile::{Directive, ServerBlock, Version, origins_from_args, parse_key};
use std::net::IpAddr;

/// The release that is assumed where the snapshot does not tell one.
pub use crate::analysis::coredns::NEWEST as ASSUMED;

/// First release that lowers the case of a server block's keys: before, one with capitals takes no query.
const LOWER_CASE_KEYS: Version = Version::new(1, 14, 7);

/// A server block.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// The block of the Corefile.
    pub syntax: &'a ServerBlock,
    /// Its zones, fully qualified (`.` is the root), lower case where the release makes them so, located at the key that names them.
    pub zones: Vec<Located<String>>,
    /// Port and transport of each zone's key, in the order of [`zones`](Self::zones).
    pub sockets: Vec<Socket>,
    /// Addresses of `bind`; empty means every address.
    pub bind: Vec<Located<String>>,
    /// `forward` (and, before 1.5.0, `proxy`) directives in file order.
    pub forwards: Vec<Forward<'a>>,
    /// Release of the server, assumed where the snapshot does not tell it.
    pub version: Version,
    /// The keys.
    pub location: Location,
}

/// A `forward` or `proxy` directive.
#[derive(Clone, Debug)]
pub struct Forward<'a> {
    /// The directive.
    pub syntax: &'a Directive,
    /// Zone whose names it takes, lower case and fully qualified.
    pub from: String,
    /// Where it sends them.
    pub upstreams: Vec<Located<Upstream>>,
    /// Zones that it leaves alone.
    pub except: Vec<String>,
    /// `force_tcp`.
    pub force_tcp: Option<Location>,
    /// `policy sequential`, the only one that keeps the order of upstreams.
    pub sequential: bool,
    /// The whole first line of the directive.
    pub location: Location,
}

impl Forward<'_> {
    /// Whether it takes a name: at or below its zone and not excepted, its zone itself even then (`Forward.match` in
    /// plugin/forward of CoreDNS).
    #[must_use]
    pub fn takes(&self, name: &str) -> bool {
        let excepted = name != self.from && self.except.iter().any(|zone| in_zone(name, zone));
        in_zone(name, &self.from) && !excepted
    }

    /// How it chooses among its upstreams, unless it keeps their order (`policy` of plugin/forward).
    #[must_use]
    pub fn order(&self) -> Option<&'static str> {
        let policy = self.syntax.properties_named("policy").flat_map(|p| p.arg_texts()).last();
        match policy {
            _ if self.sequential => None,
            Some("round_robin") => Some("in turn"),
            _ => Some("in random order"),
        }
    }

    /// After which responses the next forward of the block is asked: response codes, and `NODATA` for an empty answer
    /// (`next` and `next_on_nodata`).
    #[must_use]
    pub fn passes_on(&self) -> Vec<String> {
        let named = |name: &'static str| self.syntax.properties_named(name).flat_map(|p| p.arg_texts());
        let mut codes: Vec<String> = named("next").map(str::to_ascii_uppercase).collect();
        if self.syntax.property("next_on_nodata").is_some() {
            codes.push("NODATA".to_owned());
        }
        codes
    }

    /// After which response codes the next upstream is asked (`failover`).
    #[must_use]
    pub fn fails_over(&self) -> Vec<String> {
        self.syntax.properties_named("failover").flat_map(|p| p.arg_texts()).map(str::to_ascii_uppercase).collect()
    }
}

/// Where a forward sends queries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream {
    /// An address.
    Address {
        /// The address.
        ip: IpAddr,
        /// The port.
        port: u16,
        /// Over TLS, HTTPS or QUIC.
        encrypted: bool,
    },
    /// A file in the format of resolv.conf, read in the server's own file system.
    File(String),
    /// A `__PILLAR__…` placeholder.
    Placeholder(String),
    /// Anything else: a host name, a typo.
    Other(String),
}

impl Upstream {
    /// Reads one TO argument (`forward.parseStanza`, `parse.HostPortOrFile` in CoreDNS).
    #[must_use]
    pub fn parse(text: &str) -> Self {
        if text.contains(PILLAR) {
            return Self::Placeholder(text.to_owned());
        }
        let (encrypted, rest, default_port) = match text.split_once("://") {
            Some(("tls", rest)) => (true, rest.split('%').next().unwrap_or(rest), 853),
            Some(("quic", rest)) => (true, rest.split('%').next().unwrap_or(rest), 853),
            Some(("https", rest)) => (true, rest, 443),
            Some(("dns", rest)) => (false, rest, 53),
            _ => (false, text, 53),
        };
        match split_address(rest) {
            Some((ip, port)) => Self::Address { ip, port: port.unwrap_or(default_port), encrypted },
            None if rest.starts_with('/') || rest.contains('/') => Self::File(rest.to_owned()),
            None => Self::Other(text.to_owned()),
        }
    }
}

/// `1.2.3.4`, `1.2.3.4:53`, `::1`, `[::1]:53`, with an IPv6 zone left out.
#[must_use]
pub fn split_address(text: &str) -> Option<(IpAddr, Option<u16>)> {
    let bare = |t: &str| t.split('%').next().unwrap_or(t).parse::<IpAddr>().ok();
    if let Some(ip) = bare(text) {
        return Some((ip, None));
    }
    if let Some(rest) = text.strip_prefix('[') {
        let (ip, port) = rest.split_once(']')?;
        return Some((bare(ip)?, port.strip_prefix(':').and_then(|p| p.parse().ok())));
    }
    let (ip, port) = text.rsplit_once(':')?;
    Some((bare(ip)?, Some(port.parse().ok()?)))
}

/// The blocks of a server's Corefile.
#[must_use]
pub fn blocks<'a>(config: &'a ServerConfig, version: Version) -> Vec<Block<'a>> {
    config.corefile.blocks.iter().filter_map(|block| read_block(config, block, version)).collect()
}

/// The binary that a server runs; `assumed` is the CoreDNS release where the image does not name one.
#[must_use]
pub fn binary(server: &DnsServer, assumed: Option<Version>) -> Binary {
    let from_image = server.image.as_ref().and_then(|image| Binary::from_image(&image.value));
    match (from_image, server.kind) {
        (Some(Binary::CoreDns(version)), _) => Binary::CoreDns(version.or(assumed)),
        (Some(binary), _) => binary,
        (None, ServerKind::NodeCache) => Binary::NodeCache(None),
        (None, _) => Binary::CoreDns(assumed),
    }
}

/// The release of CoreDNS in a server, that of its image or the one that is assumed.
#[must_use]
pub fn release(server: &DnsServer) -> Version {
    binary(server, None).assumed_version()
}

/// The release that a server's image names, for CoreDNS itself.
#[must_use]
pub fn version_of(server: &DnsServer) -> Option<Version> {
    let image = server.image.as_ref()?.value.split('@').next()?;
    let (_, tag) = image.rsplit_once(':')?;
    Version::parse(tag)
}

fn read_block<'a>(config: &'a ServerConfig, syntax: &'a ServerBlock, version: Version) -> Option<Block<'a>> {
    let mut zones = Vec::new();
    let mut sockets = Vec::new();
    for key in &syntax.keys {
        let place = config.locate(crate::syntax::corefile::Place { file: key.file, span: key.span });
        for parsed in parse_key(&key.expanded, 53, version).ok().into_iter().flatten() {
            let encrypted = parsed.transport != crate::syntax::corefile::Transport::Dns;
            sockets.push(Socket { port: parsed.port.parse().unwrap_or(53), encrypted });
            // names are compared in lower case
            let zone = if version < LOWER_CASE_KEYS { parsed.zone } else { parsed.zone.to_ascii_lowercase() };
            zones.push(Located::from_origins(zone, place.into_iter().collect()));
        }
    }
    let location = zones.first().and_then(Located::location).or_else(|| {
        let key = syntax.keys.first()?;
        config.locate(crate::syntax::corefile::Place { file: key.file, span: key.span })
    })?;
    let bind = syntax.directives_named("bind").flat_map(|d| &d.args).map(|arg| located_token(config, arg)).collect();
    let is_forward = |d: &&Directive| d.name == "forward" || d.name == "proxy";
    let mut forwards: Vec<_> =
        syntax.directives.iter().filter(is_forward).filter_map(|d| read_forward(config, d)).collect();
    // one plugin's directives are tried in the order of the file, but `proxy` comes behind every `forward`
    forwards.sort_by_key(|forward| forward.syntax.name == "proxy");
    Some(Block { syntax, zones, sockets, bind, forwards, version, location })
}

/// A word of the Corefile with its place in the snapshot.
#[must_use]
pub fn located_token(config: &ServerConfig, token: &crate::syntax::corefile::Token) -> Located<String> {
    let place = config.locate(crate::syntax::corefile::Place::of(token));
    Located::from_origins(token.text.clone(), place.into_iter().collect())
}

/// From the directive's name to its last argument: one line, without the block.
#[must_use]
pub fn first_line(config: &ServerConfig, directive: &Directive) -> Option<Location> {
    let last = directive.args.iter().rev().find(|arg| arg.file == directive.file);
    let span = last.map_or(directive.name_span, |arg| directive.name_span.join(arg.span));
    config.locate(crate::syntax::corefile::Place { file: directive.file, span })
}

/// The line of a `rewrite` rule, which stands behind the directive's name or in its block.
#[must_use]
pub fn rule_line(config: &ServerConfig, directive: &Directive) -> Option<Location> {
    let behind = directive.arg_texts().any(|word| !matches!(word, "stop" | "continue"));
    match directive.properties.first().filter(|_| !behind) {
        Some(inside) => config.locate(inside.place()),
        None => first_line(config, directive),
    }
}

fn read_forward<'a>(config: &'a ServerConfig, syntax: &'a Directive) -> Option<Forward<'a>> {
    let from = syntax.args.first().map(|arg| zone_of(&arg.text))?;
    let upstreams =
        syntax.args.iter().skip(1).map(|arg| located_token(config, arg).map(|text| Upstream::parse(&text))).collect();
    let force_tcp = syntax.property("force_tcp").and_then(|p| config.locate(p.place()));
    Some(Forward {
        syntax,
        from,
        upstreams,
        except: syntax.properties_named("except").flat_map(|p| p.arg_texts()).map(zone_of).collect(),
        force_tcp,
        sequential: syntax.property("policy").is_some_and(|p| p.arg_texts().any(|a| a == "sequential")),
        location: first_line(config, syntax)?,
    })
}

/// A zone argument, normalised: lower case, one trailing dot, CIDR notation as a reverse zone.
#[must_use]
pub fn zone_of(text: &str) -> String {
    let (zones, _) = origins_from_args(&[text], &[], ASSUMED);
    zones.into_iter().next().unwrap_or_else(|| format!("{}.", text.trim_end_matches('.').to_ascii_lowercase()))
}

/// Whether `name` is `zone` or below it; both fully qualified and lower case.
#[must_use]
pub fn in_zone(name: &str, zone: &str) -> bool {
    zone == "." || name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

/// Words of a directive before its zones.
const WORDS_BEFORE_ZONES: [(&str, usize); 3] = [("file", 1), ("hosts", 1), ("template", 2)];

/// The zones that a plugin's directive names.
#[must_use]
pub fn named_zones(directive: &Directive) -> Vec<String> {
    let plugin = directive.name.as_str();
    let before = WORDS_BEFORE_ZONES.iter().find(|(known, _)| *known == plugin).map_or(0, |(_, words)| *words);
    let zone = |word: &str| match (plugin, word.split_once(':')) {
        // ZONE:HOSTED_ZONE_ID, ZONE:PROJECT:HOSTED_ZONE, RESOURCE_GROUP:ZONE
        ("route53" | "clouddns", Some((zone, _))) | ("azure", Some((_, zone))) => zone_of(zone),
        _ => zone_of(word),
    };
    directive.arg_texts().skip(before).map(zone).collect()
}

impl Block<'_> {
    /// The zones of a plugin's directive: those that it names, else those of the block.
    #[must_use]
    pub fn zones_of(&self, directive: &Directive) -> Vec<String> {
        let named = named_zones(directive);
        if named.is_empty() { self.zones.iter().map(|zone| zone.value.clone()).collect() } else { named }
    }

    /// The longest of its zones that holds `name`.
    #[must_use]
    pub fn best_zone(&self, name: &str) -> Option<&Located<String>> {
        self.zones.iter().filter(|zone| in_zone(name, &zone.value)).max_by_key(|zone| zone.value.len())
    }

    /// Port that it listens on: that of its first key.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.sockets.first().map_or(53, |socket| socket.port)
    }
}

/// Whether a `fallthrough` property lets `name` go on.
#[must_use]
pub fn falls_through(directive: &Directive, name: &str) -> bool {
    directive.properties_named("fallthrough").any(|property| {
        let zones: Vec<String> = property.arg_texts().map(zone_of).collect();
        zones.is_empty() || zones.iter().any(|zone| in_zone(name, zone))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstreams_by_form() {
        let address = |text: &str| match Upstream::parse(text) {
            Upstream::Address { ip, port, encrypted } => (ip.to_string(), port, encrypted),
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(address("10.0.0.1"), ("10.0.0.1".into(), 53, false));
        assert_eq!(address("10.0.0.1:5353"), ("10.0.0.1".into(), 5353, false));
        assert_eq!(address("[fd00::1]:54"), ("fd00::1".into(), 54, false));
        assert_eq!(address("::1"), ("::1".into(), 53, false));
        assert_eq!(address("tls://9.9.9.9%dns.quad9.net"), ("9.9.9.9".into(), 853, true));
        assert_eq!(Upstream::parse("/etc/resolv.conf"), Upstream::File("/etc/resolv.conf".into()));
        assert_eq!(Upstream::parse("<nil>"), Upstream::Other("<nil>".into()));
        assert!(matches!(Upstream::parse("__PILLAR__CLUSTER__DNS__"), Upstream::Placeholder(_)));
    }

    #[test]
    fn zones_match_whole_labels() {
        assert!(in_zone("a.example.org.", "example.org."));
        assert!(in_zone("example.org.", "example.org."));
        assert!(!in_zone("xexample.org.", "example.org."));
        assert!(in_zone("x.", "."));
        assert_eq!(zone_of("Example.ORG"), "example.org.");
        assert_eq!(zone_of("10.0.0.0/8"), "10.in-addr.arpa.");
    }
}
