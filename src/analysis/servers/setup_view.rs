//! What the setup of a Corefile's blocks and plugins refuses, as a view.

use crate::analysis::coredns::{Binary, ProblemKind, SetupProblem, check};
use crate::analysis::views::dns_server::SetupProblemView;
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
    let binary = binary(server, assumed);
    check(&config.corefile, &binary)
        .into_iter()
        .filter(|problem| !(problem.version_assumed && problem.kind.depends_on_release()))
        .filter_map(|problem| view(config, problem))
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
        kind: kind(problem.kind, problem.fatal).to_owned(),
        message: problem.message,
        coredns_message: problem.coredns_message,
        fatal: problem.fatal,
        suggestion: problem.suggestion,
        version_assumed: problem.version_assumed,
        related,
    };
    Some(Located::at(view, location))
}

/// The kinds that rules tell apart.
const fn kind(kind: ProblemKind, fatal: bool) -> &'static str {
    match kind {
        ProblemKind::UnknownPlugin | ProblemKind::External | ProblemKind::Removed => "unknown-plugin",
        ProblemKind::PluginNotInBinary => "plugin-not-in-binary",
        ProblemKind::PluginNeedsNewerVersion | ProblemKind::OptionNeedsNewerVersion => "option-needs-newer-version",
        ProblemKind::Deprecated => "deprecated",
        ProblemKind::OptionRemoved => {
            if fatal {
                "invalid-argument"
            } else {
                "deprecated"
            }
        }
        ProblemKind::InvalidArgument
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
