//! Set-up of the plugins that answer from files: `hosts`, `file`, `auto`, `secondary`.

use super::super::golang::{atoi, check_brackets, duration, parse_ip, quote};
use super::super::options::{OptionStatus, status};
use super::super::problem::{ProblemKind, Refusal};
use super::super::surroundings::FileState;
use super::super::zone_file;
use super::context::{Check, Outcome, Unknown, at, need_arg, no_arg, text_at};
use super::rewrite::groups;
use crate::syntax::corefile::{Dispenser, Place, Version};

const HOSTS: [&str; 5] = ["fallthrough", "no_reverse", "ttl", "reload", "fallthrough_unsupported"];

/// `hosts [FILE [ZONES...]] { ... }`, once. Lines that are no property are entries until `fallthrough` is seen.
pub(super) fn hosts(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let (mut used, mut fallthrough, mut unsupported) = (false, false, None);
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        let args = d.remaining_args();
        if let Some(file) = args.first()
            && check.surroundings.file(&check.rooted(&file.text)) == FileState::Missing
        {
            let message = format!("the file `{}` does not exist; CoreDNS starts without its entries", file.text);
            check.warn(ProblemKind::OddArgument, Some(Place::of(file)), message);
        }
        check.origins(args.get(1..).unwrap_or_default());
        check.properties(d, Unknown::Property, &HOSTS, |check, d| {
            if d.text() == "fallthrough_unsupported" && check.version >= Version::new(1, 14, 7) {
                unsupported = d.place();
            }
            hosts_line(check, d, &mut fallthrough)
        });
    }
    if unsupported.is_some() && !fallthrough {
        return Err(d.error("fallthrough_unsupported requires fallthrough").into());
    }
    Ok(())
}

fn hosts_line(check: &mut Check<'_>, d: &mut Dispenser<'_>, fallthrough: &mut bool) -> Result<bool, Refusal> {
    if let OptionStatus::NeedsNewer(since) = status("hosts", d.text(), check.version) {
        return newer_property(check, d, since, *fallthrough);
    }
    match d.text() {
        "fallthrough" => {
            let zones = d.remaining_args();
            // Without arguments it is for all names; arguments that are all dropped leave it unset.
            *fallthrough = zones.is_empty() || !check.origins(&zones).is_empty();
        }
        "no_reverse" => {}
        "fallthrough_unsupported" => {
            if !d.remaining_args().is_empty() {
                return Err(d.arg_error().into());
            }
        }
        "ttl" => hosts_ttl(d)?,
        "reload" => hosts_reload(d)?,
        _ if *fallthrough => return Ok(false),
        _ => entry(check, d),
    }
    Ok(true)
}

/// A property of a later release: refused behind `fallthrough`, else read as an entry without an address.
fn newer_property(
    check: &mut Check<'_>,
    d: &mut Dispenser<'_>,
    since: Version,
    refused: bool,
) -> Result<bool, Refusal> {
    let message = format!("`{}` needs CoreDNS {since}, this is {}", d.text(), check.binary.describe());
    if refused {
        let refusal = Refusal::from(d.error(&format!("unknown property '{}'", d.text())));
        return Err(refusal.kind(ProblemKind::OptionNeedsNewerVersion).message(message).since(since));
    }
    check.warn(ProblemKind::OptionNeedsNewerVersion, d.place(), format!("{message}: the line is ignored"));
    d.remaining_args();
    Ok(true)
}

fn hosts_ttl(d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    let Some(first) = args.first() else { return Err(d.error("ttl needs a time in second").into()) };
    match atoi(&first.text) {
        Err(_) => Err(d.error("ttl needs a number of second").into()),
        Ok(ttl) if !(1..=65535).contains(&ttl) => Err(d.error("ttl provided is invalid").into()),
        Ok(_) => Ok(()),
    }
}

fn hosts_reload(d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    let [time] = args.as_slice() else {
        return Err(d.error("reload needs a duration (zero seconds to disable)").into());
    };
    match duration(&time.text) {
        Err(_) => Err(d.error(&format!("invalid duration for reload '{}'", time.text)).into()),
        Ok(value) if value < 0 => Err(d.error(&format!("invalid negative duration for reload '{}'", time.text)).into()),
        Ok(_) => Ok(()),
    }
}

/// An inline entry; one whose first word is no address is ignored by CoreDNS.
fn entry(check: &mut Check<'_>, d: &mut Dispenser<'_>) {
    let (name, place) = (d.text(), d.place());
    let names = d.remaining_args();
    if parse_ip(super::super::golang::strip_zone(name)).is_none() {
        let near = super::super::plugins::nearest_of(name, HOSTS.into_iter());
        let mut message = format!("`{name}` is no IP address: CoreDNS ignores this line");
        if let Some(near) = near {
            message.push_str(&format!("; is `{near}` meant?"));
        }
        check.warn(ProblemKind::OddArgument, place, message);
    } else if names.is_empty() {
        check.warn(ProblemKind::OddArgument, place, "an entry without a name has no effect");
    }
}

/// `file DBFILE [ZONES...] { ... }`.
pub(super) fn file(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        need_arg(d)?;
        let (name, place) = (check.rooted(d.text()), d.place());
        let args = d.remaining_args();
        let origins = check.origins(&args);
        let origins = if args.is_empty() { check.zones.clone() } else { origins };
        if let Err(refusal) = zone_text(check, &name, place, &origins) {
            check.refuse(refusal);
        }
        let names = ["fallthrough", "reload", "reload_by_mtime", "upstream"];
        check.properties(d, Unknown::Property, &names, |check, d| match d.text() {
            "fallthrough" => {
                let zones = d.remaining_args();
                check.origins(&zones);
                Ok(true)
            }
            "reload" => file_reload(d).map(|()| true),
            "upstream" | "reload_by_mtime" => {
                d.remaining_args();
                Ok(true)
            }
            _ => Ok(false),
        });
    }
    Ok(())
}

/// A zone file needs an SOA record, since CoreDNS 1.15 none with another owner (`Parse` in `plugin/file/file.go`).
fn zone_text(check: &Check<'_>, path: &str, place: Option<Place>, origins: &[String]) -> Outcome {
    let FileState::Text(text) = check.surroundings.file(path) else { return Ok(()) };
    let shown = quote(path.strip_prefix("./").unwrap_or(path));
    for origin in origins {
        let Ok(records) = zone_file::read(&text, origin) else { continue };
        let owners = zone_file::soa_owners(&records);
        if owners.is_empty() {
            let message = format!("the zone file {shown} has no SOA record");
            let text = format!("file {shown} has no SOA record for origin {origin}");
            return Err(Refusal::plain(place, text).message(message));
        }
        let strict = check.version >= Version::new(1, 15, 0);
        if let Some(owner) = owners.into_iter().find(|owner| strict && owner != origin) {
            let message = format!("the SOA record of {shown} belongs to {owner}, not to {origin}");
            let text = format!("file {shown} has SOA owner {owner} that does not match origin {origin}");
            return Err(Refusal::plain(place, text).message(message));
        }
    }
    Ok(())
}

fn file_reload(d: &mut Dispenser<'_>) -> Outcome {
    let place = d.place();
    let args = d.remaining_args();
    if args.is_empty() {
        return Err(Refusal::plain(place, "reload duration value is expected"));
    }
    // The plugin puts its name in front by itself, too.
    at(args.first(), duration(text_at(&args, 0)).map(|_| ()).map_err(|text| format!("plugin/file: {text}")))
}

/// `auto [ZONES...] { directory DIR [REGEXP TEMPLATE]; reload DURATION }`.
pub(super) fn auto(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let zones = d.remaining_args();
        check.origins(&zones);
        check.properties(d, Unknown::Property, &["directory", "reload", "upstream"], |_, d| match d.text() {
            "directory" => auto_directory(d).map(|()| true),
            "reload" => auto_reload(d).map(|()| true),
            "upstream" => {
                d.remaining_args();
                Ok(true)
            }
            _ => Ok(false),
        });
    }
    Ok(())
}

/// The same as [`file_reload`], and not negative.
fn auto_reload(d: &mut Dispenser<'_>) -> Outcome {
    file_reload(d)?;
    match duration(d.text()) {
        Ok(value) if value < 0 => Err(Refusal::plain(d.place(), "plugin/file: invalid duration")),
        _ => Ok(()),
    }
}

/// `directory DIR [REGEXP TEMPLATE]`.
fn auto_directory(d: &mut Dispenser<'_>) -> Outcome {
    need_arg(d)?;
    if d.next_arg() {
        check_brackets(d.text()).map_err(|text| Refusal::plain(d.place(), text))?;
        if groups(d.text()) == 0 {
            return Err(d.error("Need at least one sub expression").into());
        }
        need_arg(d)?;
    }
    no_arg(d)
}

/// `secondary [ZONES...] { transfer from ADDRESS... }`.
pub(super) fn secondary(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let zones = d.remaining_args();
        check.origins(&zones);
        let mut transfers = 0;
        let extras = check.version >= Version::new(1, 14, 4);
        check.properties(d, Unknown::Property, &["transfer", "fallthrough", "catalog"], |check, d| match d.text() {
            "transfer" => {
                transfers += 1;
                transfer_from(check, d).map(|()| true)
            }
            "fallthrough" | "catalog" if extras => {
                d.remaining_args();
                Ok(true)
            }
            _ => Ok(false),
        });
        if transfers == 0 {
            return Err(d.error("secondary zones require a transfer from property").into());
        }
    }
    Ok(())
}

/// `transfer from ADDRESS...` (`parse.TransferIn`).
fn transfer_from(check: &Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    need_arg(d)?;
    if d.text() != "from" {
        return Err(d.error(&format!("unknown property {}", d.text())).into());
    }
    let servers = d.remaining_args();
    if servers.is_empty() {
        return Err(d.arg_error().into());
    }
    servers.iter().try_for_each(|server| {
        if server.text == "*" {
            return Err(Refusal::plain(Some(Place::of(server)), "can't use '*' in transfer from"));
        }
        check.address(server)
    })
}
