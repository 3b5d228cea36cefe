//! What the setup of a Corefile's blocks and plugins refuses, as a view.

use crate::analysis::coredns::{Binary, ProblemKind, SetupProblem, check};
use crate::analysis::views::dns_server::{SetupProblemView, SyntaxProblemView};
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::source::Located;
use crate::syntax::corefile::Version;

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

/// The problems of a Corefile for the server's binary.
///
/// Where the release is not known, findings that depend on it are left out: they would rest on a guess.
#[must_use]
pub fn problems(server: &DnsServer, config: &ServerConfig, assumed: Option<Version>) -> Vec<Located<SetupProblemView>> {
    let found = found(server, config, assumed);
    found.into_iter().filter(|problem| kind(problem) != "syntax").filter_map(|problem| view(config, problem)).collect()
}

/// Directives whose line ends too early or goes on too long.
#[must_use]
pub fn line_problems(
    server: &DnsServer,
    config: &ServerConfig,
    assumed: Option<Version>,
) -> Vec<Located<SyntaxProblemView>> {
    let line = |problem: SetupProblem| {
        let view = SyntaxProblemView {
            message: problem.message,
            coredns_message: problem.coredns_message,
            fatal: problem.fatal,
            related: Vec::new(),
        };
        Some(Located::at(view, config.locate(problem.place)?))
    };
    found(server, config, assumed).into_iter().filter(|problem| kind(problem) == "syntax").filter_map(line).collect()
}

fn found(server: &DnsServer, config: &ServerConfig, assumed: Option<Version>) -> Vec<SetupProblem> {
    let binary = binary(server, assumed);
    let folded = config.folded();
    check(&config.corefile, &binary)
        .into_iter()
        .filter(|problem| !folded.contains(&problem.place.file.index()))
        .filter(|problem| !(server.custom_build && depends_on_build(problem.kind)))
        .filter(|problem| !(problem.version_assumed && problem.kind.depends_on_release()))
        .collect()
}

fn view(config: &ServerConfig, problem: SetupProblem) -> Option<Located<SetupProblemView>> {
    let location = config.locate(problem.place)?;
    let related = problem
        .related
        .iter()
        .map(|(place, text)| Located::from_origins(text.clone(), config.locate(*place).into_iter().collect()))
        .collect();
    let view = SetupProblemView {
        kind: kind(&problem).to_owned(),
        message: problem.message,
        coredns_message: problem.coredns_message,
        fatal: problem.fatal,
        suggestion: problem.suggestion,
        version_assumed: problem.version_assumed,
        related,
    };
    Some(Located::at(view, location))
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

/// Endings of what CoreDNS calls a parsing error: a line that ends too early or goes on too long.
const LINE_ERRORS: [&str; 2] = ["Wrong argument count or unexpected line ending", "Unexpected token"];

/// The kinds that rules tell apart.
fn kind(problem: &SetupProblem) -> &'static str {
    let line_error =
        problem.coredns_message.as_deref().is_some_and(|text| LINE_ERRORS.iter().any(|e| text.contains(e)));
    match problem.kind {
        ProblemKind::UnknownPlugin | ProblemKind::External | ProblemKind::Removed => "unknown-plugin",
        ProblemKind::PluginNotInBinary => "plugin-not-in-binary",
        ProblemKind::PluginNeedsNewerVersion | ProblemKind::OptionNeedsNewerVersion => "option-needs-newer-version",
        ProblemKind::Deprecated => "deprecated",
        ProblemKind::OptionRemoved if !problem.fatal => "deprecated",
        ProblemKind::InvalidArgument | ProblemKind::OptionRemoved if line_error => "syntax",
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
