//! Set-up of `kubernetes` (`plugin/kubernetes/setup.go`).

use super::super::golang::{atoi, duration};
use super::super::problem::{ProblemKind, Refusal};
use super::context::{Check, Outcome, Unknown, at, text_at};
use crate::syntax::corefile::{Dispenser, Place, Token, Version};

const PROPERTIES: [&str; 20] = [
    "endpoint",
    "tls",
    "kubeconfig",
    "namespaces",
    "labels",
    "namespace_labels",
    "pods",
    "endpoint_pod_names",
    "ttl",
    "noendpoints",
    "fallthrough",
    "ignore",
    "multicluster",
    "startup_timeout",
    "apiserver_qps",
    "apiserver_burst",
    "apiserver_max_inflight",
    "zonal",
    "upstream",
    "resyncperiod",
];

#[derive(Default)]
struct Stanza {
    zones: Vec<String>,
    namespaces: bool,
    namespace_labels: bool,
    noendpoints: bool,
    zonal: bool,
    multicluster: Vec<String>,
}

/// `kubernetes [ZONES...] { ... }`, once.
pub(super) fn kubernetes(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        stanza(check, d)?;
    }
    Ok(())
}

fn stanza(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let place = d.place();
    let args = d.remaining_args();
    let zones = if args.is_empty() { check.zones.clone() } else { check.origins(&args) };
    if zones.iter().all(|zone| is_reverse(zone)) {
        let message = "`kubernetes` needs at least one zone that is no reverse zone, the cluster domain";
        return Err(Refusal::plain(place, "non-reverse zone name must be used").message(message));
    }
    let mut stanza = Stanza { zones, ..Stanza::default() };
    check.properties(d, Unknown::Property, &PROPERTIES, |check, d| property(check, d, &mut stanza));
    if stanza.namespaces && stanza.namespace_labels {
        return Err(d.error("namespaces and namespace_labels cannot both be set").into());
    }
    if let Some(zone) = stanza.multicluster.iter().find(|zone| !stanza.zones.contains(zone)) {
        return Err(d.error(&format!("is not authoritative for the multicluster zone {zone}")).into());
    }
    if stanza.zonal && stanza.noendpoints {
        return Err(d.error("zonal requires the endpoint cache; remove noendpoints").into());
    }
    Ok(())
}

fn is_reverse(zone: &str) -> bool {
    // `in-addr.arpa.` itself does not count (`dnsutil.IsReverse`)
    [".in-addr.arpa.", ".ip6.arpa."].iter().any(|suffix| zone.ends_with(suffix))
}

fn property(check: &mut Check<'_>, d: &mut Dispenser<'_>, stanza: &mut Stanza) -> Result<bool, Refusal> {
    let name = d.text();
    let args = d.remaining_args();
    let count = |allowed: std::ops::RangeInclusive<usize>| {
        if allowed.contains(&args.len()) { Ok(()) } else { Err(Refusal::from(d.arg_error())) }
    };
    match name {
        "endpoint_pod_names" => count(0..=0)?,
        "noendpoints" => {
            count(0..=0)?;
            stanza.noendpoints = true;
        }
        "zonal" => {
            count(0..=0)?;
            stanza.zonal = true;
        }
        "pods" => {
            count(1..=1)?;
            pods(&args)?;
        }
        "namespaces" | "namespace_labels" | "labels" => {
            count(1..=usize::MAX)?;
            stanza.namespaces |= name == "namespaces";
            stanza.namespace_labels |= name == "namespace_labels";
        }
        "endpoint" => {
            count(1..=usize::MAX)?;
            if args.len() > 1 && check.version >= Version::new(1, 4, 0) {
                let message = "only the first endpoint is used";
                check.warn(ProblemKind::Deprecated, args.get(1).map(|token| Place::of(token)), message);
            }
        }
        "tls" => count(3..=3)?,
        "kubeconfig" => count(1..=2)?,
        "fallthrough" => {
            check.origins(&args);
        }
        "ttl" => {
            count(1..=usize::MAX)?;
            ttl(d, &args)?;
        }
        "ignore" => {
            if !args.is_empty() && text_at(&args, 0) != "empty_service" {
                return Err(bad(&args, format!("unable to parse ignore value: '{}'", text_at(&args, 0))));
            }
        }
        "multicluster" => stanza.multicluster = check.origins(&args),
        "startup_timeout" => {
            count(1..=usize::MAX)?;
            let value = text_at(&args, 0);
            at(args.first(), duration(value).map_err(|e| format!("failed to parse startup_timeout: {value}, {e}")))?;
        }
        "apiserver_qps" | "apiserver_burst" | "apiserver_max_inflight" => {
            count(1..=1)?;
            limit(d, name, text_at(&args, 0))?;
        }
        // Releases that refuse these were handled by the history of the property.
        "upstream" | "resyncperiod" | "transfer" => {}
        _ => return Ok(false),
    }
    Ok(true)
}

fn bad(args: &[&Token], text: String) -> Refusal {
    Refusal::plain(args.first().map(|token| Place::of(token)), text)
}

fn pods(args: &[&Token]) -> Outcome {
    let mode = text_at(args, 0);
    if matches!(mode, "disabled" | "insecure" | "verified") {
        return Ok(());
    }
    Err(bad(args, format!("wrong value for pods: {mode},  must be one of: disabled, verified, insecure")))
}

fn ttl(d: &Dispenser<'_>, args: &[&Token]) -> Outcome {
    let ttl = at(args.first(), atoi(text_at(args, 0)))?;
    if (0..=3600).contains(&ttl) {
        return Ok(());
    }
    Err(d.error(&format!("ttl must be in range [0, 3600]: {ttl}")).into())
}

fn limit(d: &Dispenser<'_>, name: &str, value: &str) -> Outcome {
    let number = if name == "apiserver_qps" { value.parse::<f64>().ok() } else { atoi(value).ok().map(|_| 0.0) };
    match number {
        None => Err(d.error(&format!("invalid {name} \"{value}\"")).into()),
        Some(number) if number < 0.0 || value.starts_with('-') => Err(d.error(&format!("{name} must be >= 0")).into()),
        Some(_) => Ok(()),
    }
}
