//! Builds the `dns_server` view.

use super::block_view::program;
use super::kube_dns_config::KubeDnsConfig;
use super::read::{self, ASSUMED, Forward, Upstream, blocks, first_line, in_zone, release, version_of};
use super::{custom_keys, missing_keys, setup_view};
use crate::analysis::facts::telling_label;
use crate::analysis::views::dns_server::{DnsServerView, LabelView, SetupProblemView, ShadowedView, SyntaxProblemView};
use crate::model::Cluster;
use crate::model::dns_server::{DnsServer, ServerConfig, ServerKind};
use crate::model::string_map::StringMap;
use crate::model::workload::Workload;
use crate::source::{Located, Location, Origins};
use crate::syntax::corefile::{Place, Version, WarningKind};

/// The view of one server.
#[must_use]
pub fn view(
    cluster: &Cluster,
    server: &DnsServer,
    node_count: usize,
    assumed: Option<Version>,
) -> Located<DnsServerView> {
    let workload = server.workload.and_then(|index| cluster.objects.workloads.get(index));
    let config = server.config.as_ref();
    let policy = workload.and_then(|w| w.pod.dns_policy.clone());
    let all_blocks = config.map(|c| c.corefile.blocks.as_slice()).unwrap_or_default();
    let has = |name: &str| all_blocks.iter().any(|b| b.has(name));
    let replicas = workload.and_then(|w| w.replicas.clone());
    let daemon = workload.is_some_and(|w| w.is_kind("DaemonSet"));
    let mut line_problems = config.map(|c| setup_view::line_problems(cluster, server, c, assumed)).unwrap_or_default();
    let mut setup_problems = config.map(|c| setup_view::problems(cluster, server, c, assumed)).unwrap_or_default();
    setup_problems.extend(KubeDnsConfig::refused(cluster, server).into_iter().map(stub_server));
    let mut syntax = config.map(|c| syntax_problems(c, workload.is_some())).unwrap_or_default();
    if let Some(brace) = config.and_then(glued_brace) {
        after_brace(brace, &mut syntax, &mut line_problems, &mut setup_problems);
    }
    // what the parser accepts and the plugin then refuses is told once
    syntax.retain(|p| p.value.fatal || !line_problems.iter().any(|line| line.location() == p.location()));
    let view = DnsServerView {
        program: program(server.kind).to_owned(),
        version: version_of(server).and_then(|v| server.image.as_ref().map(|image| image.with(v.to_string()))),
        has_workload: workload.is_some(),
        packaged: server.packaged,
        has_ready_plugin: read::binary(server, assumed).coredns_version().is_none_or(|v| v >= Version::new(1, 5, 0)),
        complete: config.is_none_or(|c| c.corefile.is_complete()),
        syntax_problems: syntax,
        line_problems,
        setup_problems,
        ignored_custom_keys: config.map(custom_keys::ignored).unwrap_or_default(),
        shadowed: config.map(|c| shadowed(cluster, c, server)).unwrap_or_default(),
        asks_itself_by_policy: asks_itself(server, workload),
        dns_policy: policy.unwrap_or_else(|| {
            let anchor = workload.map(|w| w.pod.anchor);
            Located::from_origins("ClusterFirst".to_owned(), anchor.into_iter().collect())
        }),
        ready_probe: workload.and_then(ready_probe),
        has_ready: has("ready"),
        first_block: config.and_then(first_block),
        has_reload: has("reload") || config.is_some_and(|c| glued_brace(c).is_some()),
        health_without_lameduck: config.and_then(health_without_lameduck),
        effective_replicas: if daemon { 0 } else { replicas.as_ref().map_or(1, |r| r.value) },
        replicas,
        autoscaled: cluster.objects.workloads.iter().any(|w| {
            let image = |c: &crate::model::pod::Container| {
                c.image.as_ref().is_some_and(|i| i.value.contains("proportional-autoscaler"))
            };
            w.pod.containers.iter().any(image)
        }),
        node_count: i64::try_from(node_count).unwrap_or(i64::MAX),
        spread: workload.is_some_and(|w| !w.pod.spreading.is_empty()),
        pod_label: workload.and_then(|w| pod_label(&w.pod_labels)),
        missing_keys: workload.map(|w| missing_keys::find(cluster, server, w)).unwrap_or_default(),
    };
    Located::at(view, server.location)
}

/// The label by which the pods are told from others: the one that packagings give DNS pods, else the first.
fn pod_label(labels: &StringMap) -> Option<LabelView> {
    let usual = telling_label(|key| labels.get(key).is_some()).and_then(|key| labels.get_key_value(key));
    let (key, value) = usual.or_else(|| labels.iter().next())?;
    Some(LabelView { key: key.clone(), value: value.value.clone() })
}

fn located(config: &ServerConfig, place: Place) -> Origins {
    config.locate(place).into_iter().collect()
}

/// What the parser says, with the folded block scalar named as the cause where that is one.
fn syntax_problems(config: &ServerConfig, environment_known: bool) -> Vec<Located<SyntaxProblemView>> {
    let folded: Vec<_> = config.folded().into_iter().filter_map(|index| config.texts.get(index)).collect();
    if !folded.is_empty() {
        return folded
            .iter()
            .map(|text| {
                let message =
                    "the Corefile text is folded into one line: the key lacks `|`, so YAML joins the lines with blanks";
                let view = SyntaxProblemView {
                    message: message.to_owned(),
                    coredns_message: config.corefile.first_error().map(|e| e.coredns_text()),
                    fatal: true,
                    folded: true,
                    suggestion: None,
                    related: Vec::new(),
                };
                Located::at(view, text.key_location.unwrap_or(text.location))
            })
            .collect();
    }
    let errors = config.corefile.errors.iter().map(|error| {
        let related =
            error.related.iter().map(|(place, text)| Located::from_origins(text.clone(), located(config, *place)));
        let view = SyntaxProblemView {
            message: error.message.clone(),
            coredns_message: Some(error.coredns_text()),
            fatal: true,
            folded: false,
            suggestion: None,
            related: related.collect(),
        };
        Located::from_origins(view, located(config, Place { file: error.file, span: error.span }))
    });
    let harmless = |kind: WarningKind| match kind {
        WarningKind::ImportMatchesNothing => true,
        // the container's environment is not in the snapshot, or holds values of other objects
        WarningKind::UnsetVariable => true,
        WarningKind::NoServerBlock => !environment_known,
        _ => false,
    };
    let warnings = config.corefile.warnings.iter().filter(|w| !harmless(w.kind)).map(|warning| {
        let view = SyntaxProblemView {
            message: warning.message.clone(),
            coredns_message: None,
            fatal: false,
            folded: false,
            suggestion: spaced_brace(config, warning.kind, Place { file: warning.file, span: warning.span }),
            related: Vec::new(),
        };
        Located::from_origins(view, located(config, Place { file: warning.file, span: warning.span }))
    });
    errors.chain(warnings).collect()
}

/// A server of a stub domain that node-cache does not take.
fn stub_server(name: Located<String>) -> Located<SetupProblemView> {
    let message = format!(
        "`{}` is no address: the node cache ignores `stubDomains` and `upstreamNameservers` for it",
        name.value
    );
    name.with(SetupProblemView {
        kind: "invalid-argument".to_owned(),
        cause: "other".to_owned(),
        plugin: None,
        message,
        coredns_message: Some(format!("Invalid config: invalid nameservers [{}]", name.value)),
        fatal: false,
        suggestion: None,
        version_assumed: false,
        surplus: Vec::new(),
        override_key: None,
        server_key: None,
        related: Vec::new(),
    })
}

/// The word with a blank before the brace that was to open a block.
fn spaced_brace(config: &ServerConfig, kind: WarningKind, place: Place) -> Option<String> {
    let text = config.texts.get(place.file.index()).filter(|_| kind == WarningKind::GluedBrace)?;
    let word = text.text.get(place.span.start..place.span.end)?.strip_suffix('{')?;
    (!word.is_empty() && !word.contains(['{', '}', '"'])).then(|| format!("{word} {{"))
}

/// The first brace that sticks to a word and was to open a block.
fn glued_brace(config: &ServerConfig) -> Option<Location> {
    let glued = config.corefile.warnings.iter().filter(|warning| warning.kind == WarningKind::GluedBrace);
    let opens = |place: &Location| config.texts.iter().any(|text| text.file == place.file);
    glued.filter_map(|warning| config.locate(Place { file: warning.file, span: warning.span })).find(opens)
}

/// Where a brace opens nothing, the lines behind it are read as something else: all that is wrong with them is this one
/// mistake, and CoreDNS does not start with it if one of them is refused.
fn after_brace(
    brace: Location,
    syntax: &mut Vec<Located<SyntaxProblemView>>,
    line_problems: &mut Vec<Located<SyntaxProblemView>>,
    setup_problems: &mut Vec<Located<SetupProblemView>>,
) {
    let behind = |place: Option<Location>| {
        place.is_some_and(|place| place.file == brace.file && place.span.start >= brace.span.start)
    };
    let first_setup = setup_problems.iter().find(|p| p.value.fatal && behind(p.location()));
    let first_line = line_problems.iter().find(|p| p.value.fatal && behind(p.location()));
    let refused = match (first_line, first_setup) {
        (Some(line), _) => line.value.coredns_message.clone(),
        (None, Some(setup)) => setup.value.coredns_message.clone(),
        (None, None) => return,
    };
    line_problems.retain(|p| !behind(p.location()));
    setup_problems.retain(|p| !behind(p.location()));
    syntax.retain(|p| p.location() == Some(brace) || p.value.fatal || !behind(p.location()));
    for problem in syntax.iter_mut().filter(|p| p.location() == Some(brace)) {
        problem.value.fatal = true;
        problem.value.coredns_message.clone_from(&refused);
    }
}

/// Forwards that an earlier forward of the same block starves: they are tried in file order, the first match wins.
fn shadowed(cluster: &Cluster, config: &ServerConfig, server: &DnsServer) -> Vec<Located<ShadowedView>> {
    let mut found = Vec::new();
    for block in blocks(config, release(server)) {
        for (index, forward) in block.forwards.iter().enumerate() {
            let earlier =
                block.forwards.get(..index).unwrap_or_default().iter().find(|before| takes_all(before, forward));
            if let Some(before) = earlier {
                let view = ShadowedView {
                    what: format!("{} {}", forward.syntax.name, forward.from),
                    plugin: forward.syntax.name.clone(),
                    imported: forward.syntax.via.is_some(),
                    server_key: custom_keys::as_blocks(cluster, server, forward.syntax.file),
                    by: Located::at(format!("{} {}", before.syntax.name, before.from), before.location),
                    same_zone: before.from == forward.from,
                };
                found.push(Located::at(view, forward.location));
            }
        }
    }
    found
}

/// Whether a forward leaves no query for a later one of its block: it takes every name that the later one takes, and keeps
/// every answer (`next`, since 1.11.4, hands some to the next forward; `Forward.match` and `ServeDNS` in plugin/forward of
/// CoreDNS).
#[must_use]
pub fn takes_all(before: &Forward<'_>, after: &Forward<'_>) -> bool {
    in_zone(&after.from, &before.from)
        && before.passes_on().is_empty()
        && before.except.iter().all(|zone| leaves_alone(after, zone, &before.from))
}

/// Whether a forward takes no name that an earlier one, for the zone `from`, leaves out because it is in `excepted`.
fn leaves_alone(after: &Forward<'_>, excepted: &str, from: &str) -> bool {
    let both = match (in_zone(excepted, &after.from), in_zone(&after.from, excepted)) {
        (true, _) => excepted,
        (false, true) => after.from.as_str(),
        (false, false) => return true,
    };
    // a forward takes the name of its zone even where that is excepted
    let apex_is_left = both == after.from && after.from != from;
    !apex_is_left && after.except.iter().any(|zone| in_zone(both, zone))
}

/// Whether the pods' own resolv.conf names the cluster DNS because of their policy, and a forward reads that file.
fn asks_itself(server: &DnsServer, workload: Option<&Workload>) -> bool {
    let Some(workload) = workload else { return false };
    let reads_file = server.config.as_ref().is_none_or(|config| {
        blocks(config, ASSUMED).iter().flat_map(|b| &b.forwards).flat_map(|f| &f.upstreams).any(|u| match &u.value {
            Upstream::File(path) => path == "/etc/resolv.conf",
            Upstream::Placeholder(_) => u.value.is_placeholder_of_upstreams(),
            _ => false,
        })
    });
    workload.pod.asks_cluster_dns() && reads_file && (server.config.is_some() || server.kind != ServerKind::KubeDns)
}

fn ready_probe(workload: &Workload) -> Option<Located<String>> {
    let asks = |probe: &&crate::model::pod::Probe| {
        probe.kind == "readinessProbe"
            && probe.path.as_ref().is_some_and(|p| p.value.trim_end_matches('/') == "/ready")
            && probe.port.as_ref().is_some_and(|p| p.value == "8181")
    };
    let probe = workload.pod.containers.iter().flat_map(|c| &c.probes).find(asks)?;
    Some(Located::at("/ready on 8181".to_owned(), probe.location))
}

fn first_block(config: &ServerConfig) -> Option<Located<String>> {
    let block = config.corefile.blocks.iter().find(|b| b.via.is_none())?;
    let key = block.keys.first()?;
    let place = Place { file: key.file, span: key.span };
    Some(Located::from_origins(key.expanded.clone(), located(config, place)))
}

fn health_without_lameduck(config: &ServerConfig) -> Option<Located<String>> {
    let all = config.corefile.blocks.iter().flat_map(|b| b.directives_named("health"));
    let all: Vec<_> = all.collect();
    let bare = all.first().filter(|_| !all.iter().any(|d| d.property("lameduck").is_some()))?;
    Some(Located::from_origins("health".to_owned(), first_line(config, bare).into_iter().collect()))
}
