//! Directive names, and which function knows the set-up of which plugin.

use super::super::plugins::{Knowledge, classify, nearest, position};
use super::super::problem::{ProblemKind, Refusal, lacks};
use super::context::{Check, Outcome};
use super::{answers, cache, forward, header, hosts, kubernetes, process, rewrite, tls};
use crate::syntax::corefile::{Corefile, Directive, Dispenser};

/// Reports names that the binary does not have.
pub(super) fn check_names(check: &mut Check<'_>) {
    for (index, block) in check.corefile.blocks.iter().enumerate() {
        for (at, directive) in block.directives.iter().enumerate() {
            if check.is_full() {
                return;
            }
            check.enter_stage(2, at, index);
            check_name(check, directive, index);
        }
    }
}

fn check_name(check: &mut Check<'_>, directive: &Directive, index: usize) {
    let name = directive.name.as_str();
    let (kind, message, since) = match classify(name, check.binary) {
        Knowledge::Known => return,
        Knowledge::NotCompiledIn => return not_compiled_in(check, directive, index),
        Knowledge::NeedsNewer(since) => {
            let message = format!("the plugin `{name}` needs CoreDNS {since}, this is {}", check.binary.describe());
            (ProblemKind::PluginNeedsNewerVersion, message, Some(since))
        }
        Knowledge::Removed(since, instead) => {
            let hint = instead.map_or_else(String::new, |new| format!(": use `{new}`"));
            (ProblemKind::Removed, format!("CoreDNS {since} dropped the plugin `{name}`{hint}"), Some(since))
        }
        Knowledge::External => {
            let message = format!("`{name}` is an external plugin: it is not in the default build of CoreDNS");
            (ProblemKind::External, message, None)
        }
        Knowledge::Unknown => (ProblemKind::UnknownPlugin, lacks(check.binary, name), None),
    };
    let mut refusal = Refusal::plain(Some(directive.name_place()), "").kind(kind).message(message);
    let suggestion = match classify(name, check.binary) {
        Knowledge::Removed(_, instead) => instead,
        Knowledge::Unknown => nearest(name, check.binary),
        _ => None,
    };
    if let Some(since) = since {
        refusal = refusal.since(since);
    }
    if let Some(suggestion) = suggestion {
        refusal = refusal.suggest(suggestion);
    }
    let text = unknown_directive_text(check.corefile, directive);
    check.push(refusal, true, Some(name.to_owned()), Some(text));
}

fn unknown_directive_text(corefile: &Corefile, directive: &Directive) -> String {
    let file = corefile.file(directive.file).map_or("", |file| file.name.as_str());
    let line = directive.tokens.first().map_or(0, |token| token.line);
    format!("{file}:{line} - Error during parsing: Unknown directive '{}'", directive.name)
}

fn not_compiled_in(check: &mut Check<'_>, directive: &Directive, index: usize) {
    let name = directive.name.as_str();
    check.enter_stage(4, position(name, check.version), index);
    let refusal = Refusal::plain(Some(directive.name_place()), "")
        .kind(ProblemKind::PluginNotInBinary)
        .message(format!("the node cache is built without the plugin `{name}`"));
    let text = format!("no action found for directive '{name}' with server type 'dns' (missing a plugin?)");
    check.push(refusal, true, Some(name.to_owned()), Some(text));
}

/// Runs the set-up of one plugin of the block at hand.
pub(super) fn set_up(check: &mut Check<'_>, name: &str) {
    let Some(block) = check.corefile.blocks.get(check.block) else { return };
    if classify(name, check.binary) != Knowledge::Known {
        return;
    }
    let tokens = block.tokens_of(name);
    check.enter_plugin(name);
    let mut dispenser = check.dispenser(&tokens);
    if let Err(refusal) = run(check, name, &mut dispenser) {
        check.refuse(refusal);
    }
}

fn run(check: &mut Check<'_>, name: &str, d: &mut Dispenser<'_>) -> Outcome {
    match name {
        "forward" => forward::forward(check, d),
        "cache" => cache::cache(check, d),
        "kubernetes" => kubernetes::kubernetes(check, d),
        "hosts" => hosts::hosts(check, d),
        "file" => hosts::file(check, d),
        "auto" => hosts::auto(check, d),
        "secondary" => hosts::secondary(check, d),
        "rewrite" => rewrite::rewrite(check, d),
        "template" => answers::template(check, d),
        "acl" => answers::acl(check, d),
        "dns64" => answers::dns64(check, d),
        "loadbalance" => answers::loadbalance(check, d),
        "erratic" => answers::erratic(check, d),
        "autopath" => answers::autopath(check, d),
        "view" => answers::view(check, d),
        "transfer" => answers::transfer(check, d),
        "local" => answers::local(check, d),
        "any" => answers::any(check, d),
        "header" => header::header(d),
        "tls" => tls::tls(check, d),
        "bind" => process::bind(check, d),
        "health" => process::health(check, d),
        "ready" => process::ready(check, d),
        "prometheus" => process::prometheus(check, d),
        "pprof" => process::pprof(check, d),
        "reload" => process::reload(check, d),
        "errors" => process::errors(check, d),
        "log" => process::log(check, d),
        "loop" => process::r#loop(check, d),
        "bufsize" => process::bufsize(check, d),
        "minimal" | "whoami" => process::no_arguments(d),
        "debug" => process::debug(d),
        "root" => process::root(check, d),
        "multisocket" => process::multisocket(check, d),
        "timeouts" => process::timeouts(check, d),
        "metadata" => process::metadata(check, d),
        "nsid" => process::once(check, d),
        "grpc" | "dnssec" | "shed" => process::once_with_block(check, d),
        _ => Ok(()),
    }
}
