//! What the setup of a Corefile's blocks and plugins refuses, as a view.

use super::custom_keys;
use super::read::{ASSUMED, binary, in_zone, split_address, zone_of};
use crate::analysis::coredns::{Cause, ProblemKind, SetupProblem, check, first_fatal};
use crate::analysis::views::dns_server::{SetupProblemView, SyntaxProblemView};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::source::Located;
use crate::syntax::corefile::{Place, ServerBlock, Version, parse_key};

/// The problems of a Corefile for the server's binary.
///
/// Where the release is not known, findings that depend on it are left out: they would rest on a guess.
#[must_use]
pub fn problems(
    cluster: &Cluster,
    server: &DnsServer,
    config: &ServerConfig,
    assumed: Option<Version>,
) -> Vec<Located<SetupProblemView>> {
    let found = found(server, config, assumed).into_iter().filter(|problem| !is_about_line(problem));
    found.filter_map(|problem| view(cluster, server, config, problem)).collect()
}

/// Why a server does not start with its Corefile, in its own words where they are known.
#[must_use]
pub fn refusal(server: &DnsServer, config: &ServerConfig) -> Option<Located<String>> {
    if let Some(error) = config.corefile.first_error() {
        let place = config.locate(Place { file: error.file, span: error.span });
        return Some(Located::from_origins(error.coredns_text(), place.into_iter().collect()));
    }
    let found = found(server, config, None);
    let first = first_fatal(&found)?;
    let place = config.locate(first.place);
    let text = first.coredns_message.as_ref().unwrap_or(&first.message);
    Some(Located::from_origins(text.clone(), place.into_iter().collect()))
}

/// Directives whose line ends too early or goes on too long.
#[must_use]
pub fn line_problems(
    cluster: &Cluster,
    server: &DnsServer,
    config: &ServerConfig,
    assumed: Option<Version>,
) -> Vec<Located<SyntaxProblemView>> {
    let line = |problem: SetupProblem| {
        let view = SyntaxProblemView {
            suggestion: missing_upstream(cluster, server, config, &problem),
            folded: false,
            message: problem.message,
            coredns_message: problem.coredns_message,
            fatal: problem.fatal,
            related: Vec::new(),
        };
        Some(Located::at(view, config.locate(problem.place)?))
    };
    found(server, config, assumed).into_iter().filter(is_about_line).filter_map(line).collect()
}

/// The arguments that were meant by a `forward` with one argument. An upstream gets the zone that lacks; a zone that takes
/// every name of its block gets the nameservers of the node for the root, and for the cluster's own names the DNS Service,
/// if the block of a node cache does not bind its address.
fn missing_upstream(
    cluster: &Cluster,
    server: &DnsServer,
    config: &ServerConfig,
    problem: &SetupProblem,
) -> Option<String> {
    let block = config.corefile.blocks.get(problem.block?).filter(|_| problem.cause == Cause::NoUpstream)?;
    let only =
        config.texts.get(problem.place.file.index())?.text.get(problem.place.span.start..problem.place.span.end)?;
    if split_address(only).is_some() || only.starts_with('/') || only.contains("://") {
        return Some(format!(". {only}"));
    }
    let zone = zone_of(only);
    let keys = block.keys.iter().filter_map(|key| parse_key(&key.expanded, 53, ASSUMED).ok());
    let zones: Vec<String> = keys.flatten().map(|key| key.zone.to_ascii_lowercase()).collect();
    if !zones.iter().all(|own| in_zone(own, &zone)) {
        return None;
    }
    if zones.iter().any(|own| own == ".") {
        return Some(format!("{only} /etc/resolv.conf"));
    }
    if server.kind != ServerKind::NodeCache {
        return None;
    }
    let bound: Vec<&str> = block.directives_named("bind").flat_map(|bind| bind.arg_texts()).collect();
    let others = cluster.dns_servers.iter().filter(|other| other.kind == ServerKind::CoreDns);
    let services = others.flat_map(|other| &other.services).filter_map(|at| cluster.objects.services.get(*at));
    let mut addresses = services.flat_map(|service| service.cluster_ips.first()).map(|ip| ip.value.as_str());
    let first = addresses.next().filter(|ip| !bound.contains(ip))?;
    addresses.all(|ip| ip == first).then(|| format!("{only} {first}"))
}

fn found(server: &DnsServer, config: &ServerConfig, assumed: Option<Version>) -> Vec<SetupProblem> {
    let binary = binary(server, assumed);
    let folded = config.folded();
    check(&config.corefile, &binary)
        .into_iter()
        .filter(|problem| !folded.contains(&problem.place.file.index()))
        .filter(|problem| !(server.custom_build && depends_on_build(problem.kind)))
        .filter(|problem| !(problem.version_assumed && problem.kind.depends_on_release()))
        .filter(|problem| !(own_build(server) && may_be_compiled_in(problem)))
        .collect()
}

/// An image whose name is not that of CoreDNS or of a mirror of it: which plugins it has cannot be known.
fn own_build(server: &DnsServer) -> bool {
    let name = |image: &str| {
        let path = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
        path.split(':').next().unwrap_or(path).to_owned()
    };
    let stock = |name: &str| name == "coredns" || name.ends_with("-coredns");
    server.kind == ServerKind::CoreDns && server.image.as_ref().is_some_and(|image| !stock(&name(&image.value)))
}

/// A directive of an external plugin, or one that is near no known name.
fn may_be_compiled_in(problem: &SetupProblem) -> bool {
    match problem.kind {
        ProblemKind::External => true,
        ProblemKind::UnknownPlugin => problem.suggestion.is_none(),
        _ => false,
    }
}

fn view(
    cluster: &Cluster,
    server: &DnsServer,
    config: &ServerConfig,
    problem: SetupProblem,
) -> Option<Located<SetupProblemView>> {
    let location = config.locate(problem.place)?;
    let related = problem
        .related
        .iter()
        .map(|(place, text)| Located::from_origins(text.clone(), config.locate(*place).into_iter().collect()))
        .collect();
    let view = SetupProblemView {
        surplus: surplus(config, &problem),
        override_key: override_key(cluster, server, config, &problem),
        server_key: (problem.kind == ProblemKind::PluginRepeated)
            .then(|| custom_keys::as_blocks(cluster, server, problem.place.file))
            .flatten(),
        kind: kind(problem.kind, problem.fatal).to_owned(),
        cause: cause(&problem).to_owned(),
        plugin: problem.plugin,
        message: problem.message,
        coredns_message: problem.coredns_message,
        fatal: problem.fatal,
        suggestion: problem.suggestion,
        version_assumed: problem.version_assumed,
        related,
    };
    Some(Located::at(view, location))
}

/// The upstreams from the first that is too many on.
fn surplus(config: &ServerConfig, problem: &SetupProblem) -> Vec<Located<String>> {
    let block = problem.block.filter(|_| problem.kind == ProblemKind::TooManyUpstreams);
    let block = block.and_then(|index| config.corefile.blocks.get(index));
    let directives = block.into_iter().flat_map(|block| &block.directives);
    let words = directives.flat_map(|directive| {
        let first = directive.args.iter().position(|word| Place::of(word) == problem.place);
        directive.args.iter().skip(first.unwrap_or(directive.args.len()))
    });
    words
        .map(|word| Located::from_origins(word.text.clone(), config.locate(Place::of(word)).into_iter().collect()))
        .collect()
}

/// Whether a finding is about what the official builds hold.
const fn depends_on_build(kind: ProblemKind) -> bool {
    matches!(
        kind,
        ProblemKind::UnknownPlugin
            | ProblemKind::External
            | ProblemKind::Removed
            | ProblemKind::PluginNeedsNewerVersion
    )
}

/// The key under which the lines of a second block for a zone would be imported into the first.
fn override_key(
    cluster: &Cluster,
    server: &DnsServer,
    config: &ServerConfig,
    problem: &SetupProblem,
) -> Option<String> {
    let twice = matches!(problem.kind, ProblemKind::DuplicateZone | ProblemKind::ZoneOverlap);
    let (first, _) = problem.related.first().filter(|_| twice)?;
    let is_of = |block: &&ServerBlock| block.keys.iter().any(|key| key.file == first.file && key.span == first.span);
    let block = config.corefile.blocks.iter().find(is_of)?;
    custom_keys::as_lines_of(cluster, server, problem.place.file, block)
}

/// What CoreDNS calls a parsing error: a line that ends too early or goes on too long.
fn is_about_line(problem: &SetupProblem) -> bool {
    problem.kind == ProblemKind::InvalidArgument && matches!(problem.cause, Cause::Line | Cause::NoUpstream)
}

/// The causes that rules tell apart.
const fn cause(problem: &SetupProblem) -> &'static str {
    match (problem.kind, problem.cause) {
        (ProblemKind::UnknownProperty, _) => "unknown-property",
        (_, Cause::Placeholder) => "placeholder",
        (_, Cause::Superfluous) => "superfluous",
        (_, Cause::Other | Cause::Line | Cause::NoUpstream) => "other",
    }
}

/// The kinds that rules tell apart.
const fn kind(kind: ProblemKind, fatal: bool) -> &'static str {
    match kind {
        ProblemKind::UnknownPlugin | ProblemKind::External | ProblemKind::Removed => "unknown-plugin",
        ProblemKind::PluginNotInBinary => "plugin-not-in-binary",
        ProblemKind::PluginNeedsNewerVersion | ProblemKind::OptionNeedsNewerVersion => "option-needs-newer-version",
        ProblemKind::Deprecated => "deprecated",
        ProblemKind::OptionRemoved if !fatal => "deprecated",
        ProblemKind::InvalidArgument
        | ProblemKind::OptionRemoved
        | ProblemKind::UnknownProperty
        | ProblemKind::InvalidKey
        | ProblemKind::OddKey
        | ProblemKind::OddArgument
        | ProblemKind::Listener => "invalid-argument",
        ProblemKind::DuplicateZone | ProblemKind::ZoneOverlap => "duplicate-zone",
        ProblemKind::PluginRepeated => "plugin-repeated",
        ProblemKind::TooManyUpstreams => "too-many-upstreams",
    }
}
