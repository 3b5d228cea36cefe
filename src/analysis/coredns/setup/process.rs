//! Set-up of the plugins that concern the process and its listeners rather than answers.

use super::super::golang::{SECOND, atoi, check_brackets, duration, parse_ip, show_duration, split_host_port};
use super::super::problem::{ProblemKind, Refusal};
use super::super::surroundings::FileState;
use super::context::{Check, Outcome, Unknown, at, here, need_arg, no_arg, text_at};
use crate::syntax::corefile::{Dispenser, Place, Token, Version};

/// `bind ADDRESS|INTERFACE... { except ... }`, any number of times.
pub(super) fn bind(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let name = d.place();
        let addresses = d.remaining_args();
        if addresses.is_empty() {
            return Err(Refusal::plain(name, "at least one address or interface name is expected"));
        }
        check_addresses(check, &addresses);
        check.properties(d, Unknown::Invalid, &["except"], |check, d| {
            if d.text() != "except" {
                return Ok(false);
            }
            let place = d.place();
            let except = d.remaining_args();
            if except.is_empty() {
                let text = "at least one address or interface must be given to except subdirective";
                return Err(Refusal::plain(place, text));
            }
            check_addresses(check, &except);
            Ok(true)
        });
    }
    Ok(())
}

fn check_addresses(check: &mut Check<'_>, args: &[&Token]) {
    for arg in args {
        if parse_ip(&arg.text).is_some() || check.is_replaced_at_start(&arg.text) {
            continue;
        }
        let known = check.surroundings.has_interface(&arg.text);
        if known.unwrap_or_else(|| could_be_interface(&arg.text)) && check.version >= Version::new(1, 8, 4) {
            continue;
        }
        let quoted = super::super::golang::quote(&arg.text);
        let text = format!("not a valid IP address or interface name: {quoted}");
        let message = format!("`{}` is neither an IP address nor a network interface", arg.text);
        check.refuse(Refusal::plain(Some(Place::of(arg)), text).message(message));
    }
}

/// Linux interface names have at most 15 bytes, no slash and no colon; placeholders are never names.
fn could_be_interface(name: &str) -> bool {
    let address_like = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    !name.is_empty()
        && name.len() <= 15
        && !name.contains(['/', ':', '<', '}', '$'])
        && !name.starts_with("__")
        && !address_like
}

/// `health [ADDRESS] { lameduck DURATION }`; with several, the last settings win.
pub(super) fn health(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut uses = 0;
    while d.advance() {
        uses += 1;
        if uses > 1 {
            check.warn_second(d, "the later one wins");
        }
        address_argument(d)?;
        let unknown = if check.version >= Version::new(1, 14, 0) { Unknown::Property } else { Unknown::ArgErr };
        check.properties(d, unknown, &["lameduck"], |_, d| {
            if d.text() != "lameduck" {
                return Ok(false);
            }
            let args = d.remaining_args();
            if args.len() != 1 {
                return Err(d.arg_error().into());
            }
            let value = text_at(&args, 0);
            let wrap = |error| format!("unable to parse lameduck duration value: '{value}' : {error}");
            at(args.first(), duration(value).map_err(wrap))?;
            Ok(true)
        });
    }
    Ok(())
}

/// At most one argument, which must be `HOST:PORT`.
fn address_argument(d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    if args.len() > 1 {
        return Err(d.arg_error().into());
    }
    let Some(address) = args.first() else { return Ok(()) };
    at(Some(address), split_host_port(&address.text).map(|_| ()))
}

/// `ready [ADDRESS] { monitor until-ready|continuously }`, once.
pub(super) fn ready(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        address_argument(d)?;
        let strict = check.version >= Version::new(1, 14, 4);
        check.properties(d, Unknown::Property, &["monitor"], |check, d| {
            if d.text() != "monitor" {
                if !strict {
                    let message = format!("`ready` has no property `{}`; this release ignores it", d.text());
                    check.warn(ProblemKind::OddArgument, d.place(), message);
                }
                return Ok(!strict);
            }
            let args = d.remaining_args();
            match text_at(&args, 0) {
                _ if args.len() != 1 => Err(d.arg_error().into()),
                "until-ready" | "continuously" => Ok(true),
                other => Err(d.error(&format!("monitor type '{other}' not supported")).into()),
            }
        });
    }
    Ok(())
}

/// `prometheus [ADDRESS]`, once; a block from 1.14.3 on.
pub(super) fn prometheus(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        address_argument(d)?;
        if check.version < Version::new(1, 14, 3) {
            continue;
        }
        check.properties(d, Unknown::Option, &["runtime_metrics", "tls"], |_, d| {
            let wanted = match d.text() {
                "runtime_metrics" => 0,
                "tls" => 1,
                _ => return Ok(false),
            };
            if d.remaining_args().len() == wanted { Ok(true) } else { Err(d.arg_error().into()) }
        });
    }
    Ok(())
}

/// `pprof [ADDRESS] { block [RATE] }`, once.
pub(super) fn pprof(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        let args = d.remaining_args();
        if let [address] = args.as_slice() {
            split_host_port(&address.text).map_err(|text| d.error(&text))?;
        } else if args.len() > 1 {
            return Err(d.arg_error().into());
        }
        check.properties(d, Unknown::Property, &["block"], |_, d| {
            if d.text() != "block" {
                return Ok(false);
            }
            let args = d.remaining_args();
            match args.as_slice() {
                [] => Ok(true),
                [rate] if atoi(&rate.text).is_ok() => Ok(true),
                [rate] => Err(d.error(&format!("property 'block' invalid integer value '{}'", rate.text)).into()),
                _ => Err(d.arg_error().into()),
            }
        });
    }
    Ok(())
}

/// `reload [INTERVAL [JITTER]]`; only the first line is read.
pub(super) fn reload(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    d.advance();
    let args = d.remaining_args();
    if args.len() > 2 {
        return Err(d.arg_error().into());
    }
    if let Some(interval) = args.first()
        && at(Some(interval), duration(&interval.text))? < 2 * SECOND
    {
        let text = "interval value must be greater or equal to 2s";
        return Err(Refusal::plain(Some(Place::of(interval)), text));
    }
    if let Some(jitter) = args.get(1) {
        let value = at(Some(jitter), duration(&jitter.text))?;
        let zero_allowed = check.version >= Version::new(1, 14, 2);
        if value < SECOND && !(zero_allowed && value == 0) {
            let zero = if zero_allowed { "0 or " } else { "" };
            let text = format!("jitter value must be {zero}greater or equal to 1s");
            return Err(Refusal::plain(Some(Place::of(jitter)), text));
        }
    }
    while d.advance() {
        if d.text() == "reload" {
            check.warn_second(d, "only the first line is read");
        }
    }
    Ok(())
}

/// `errors [stdout] { stacktrace; consolidate DURATION REGEX [LEVEL] [show_first] }`, once.
pub(super) fn errors(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        let args = d.remaining_args();
        match args.as_slice() {
            [] => {}
            [only] if only.text == "stdout" => {}
            [only] => return Err(d.error(&format!("invalid log file: {}", only.text)).into()),
            _ => return Err(d.arg_error().into()),
        }
        check.properties(d, Unknown::Field, &["stacktrace", "consolidate"], |check, d| match d.text() {
            "stacktrace" => Ok(true),
            "consolidate" => consolidate(check, d).map(|()| true),
            _ => Ok(false),
        });
    }
    Ok(())
}

fn consolidate(check: &Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    let show_first = check.version >= Version::new(1, 14, 0);
    if !(2..=if show_first { 4 } else { 3 }).contains(&args.len()) {
        return Err(d.arg_error().into());
    }
    duration(text_at(&args, 0)).map_err(|text| d.error(&text))?;
    check_brackets(text_at(&args, 1)).map_err(|text| d.error(&text))?;
    let (mut level, mut first) = (false, false);
    for option in args.iter().skip(2).map(|token| token.text.as_str()) {
        let text = match option {
            "warning" | "error" | "info" | "debug" if level => {
                "multiple log levels specified in consolidate".to_owned()
            }
            "warning" | "error" | "info" | "debug" if first => {
                "log level must come before show_first in consolidate".to_owned()
            }
            "warning" | "error" | "info" | "debug" => {
                level = true;
                continue;
            }
            "show_first" if show_first => {
                first = true;
                continue;
            }
            other if show_first => format!("unknown option in consolidate: {other}"),
            other => format!("unknown log level argument in consolidate: {other}"),
        };
        return Err(d.error(&text).into());
    }
    Ok(())
}

/// `log [NAMES...] [FORMAT] { class CLASSES... }`.
pub(super) fn log(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let args = d.remaining_args();
        if let [only] = args.as_slice()
            && only.text.contains('{')
        {
            let message = "a single argument of `log` is a name, not a format: write the name `.` in front of it";
            check.warn(ProblemKind::OddArgument, Some(Place::of(only)), message);
        }
        let unknown = if check.version >= Version::new(1, 14, 4) { Unknown::Property } else { Unknown::ArgErr };
        check.properties(d, unknown, &["class"], |_, d| {
            if d.text() != "class" {
                return Ok(false);
            }
            let classes = d.remaining_args();
            if classes.is_empty() {
                return Err(d.arg_error().into());
            }
            let known = ["all", "success", "denial", "error"];
            match classes.iter().find(|class| !known.contains(&class.text.as_str())) {
                None => Ok(true),
                Some(bad) => Err(Refusal::plain(Some(Place::of(bad)), format!("invalid Class: {}", bad.text))),
            }
        });
    }
    Ok(())
}

/// `loop` without arguments, once.
pub(super) fn r#loop(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        no_arg(d)?;
    }
    Ok(())
}

/// Plugins that read any arguments and may be used once.
pub(super) fn once(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        d.remaining_args();
    }
    Ok(())
}

/// Plugins that may be used once and whose arguments and block are not judged here.
pub(super) fn once_with_block(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        d.remaining_args();
        while d.next_block() {
            d.remaining_args();
        }
    }
    Ok(())
}

/// `bufsize [512..4096]`.
pub(super) fn bufsize(_: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    d.advance();
    let args = d.remaining_args();
    let valid = match args.as_slice() {
        [] => true,
        [size] => atoi(&size.text).is_ok_and(|size| (512..=4096).contains(&size)),
        _ => false,
    };
    if valid {
        return Ok(());
    }
    let refusal = Refusal::from(d.arg_error()).named_twice("bufsize");
    Err(refusal.message("`bufsize` takes one number from 512 to 4096"))
}

/// `minimal` and `whoami`, whose first line is read only.
pub(super) fn no_arguments(d: &mut Dispenser<'_>) -> Outcome {
    d.advance();
    no_arg(d)
}

/// `debug` without arguments.
pub(super) fn debug(d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        no_arg(d)?;
    }
    Ok(())
}

/// `root PATH`; its value is the base of relative paths of other plugins.
pub(super) fn root(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        need_arg(d)?;
        d.text().clone_into(&mut check.root);
    }
    if !check.root.is_empty() && check.surroundings.file(&check.root) == FileState::Missing {
        let message = format!("the directory `{}` does not exist", check.root);
        check.warn(ProblemKind::OddArgument, d.place(), message);
    }
    Ok(())
}

/// `multisocket [1..1024]`, once.
pub(super) fn multisocket(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    const MAX: i64 = 1024;
    d.advance();
    let args = d.remaining_args();
    if args.len() > 1 || d.advance() {
        return Err(d.arg_error().into());
    }
    let Some(number) = args.first() else { return Ok(()) };
    let value = at(Some(number), atoi(&number.text).map_err(|text| format!("invalid num sockets: {text}")))?;
    let text = if value < 1 {
        format!("num sockets can not be zero or negative: {value}")
    } else if value > MAX && check.version >= Version::new(1, 13, 2) {
        format!("num sockets exceeds maximum ({MAX}): {value}")
    } else {
        return Ok(());
    };
    Err(Refusal::plain(Some(Place::of(number)), text))
}

/// `timeouts { read|write|idle DURATION }`.
pub(super) fn timeouts(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        if !d.remaining_args().is_empty() {
            return Err(Refusal::from(d.arg_error()).named_twice("timeouts"));
        }
        let mut lines = 0;
        check.properties(d, Unknown::Option, &["read", "write", "idle", "maxtcpqueries"], |check, d| {
            lines += 1;
            timeout(check, d)
        });
        if lines == 0 {
            return Err(Refusal::from(d.error("timeouts block with no timeouts specified")).named_twice("timeouts"));
        }
    }
    Ok(())
}

fn timeout(check: &Check<'_>, d: &mut Dispenser<'_>) -> Result<bool, Refusal> {
    let name = d.text();
    let args = d.remaining_args();
    if args.len() != 1 {
        return Err(d.arg_error().into());
    }
    let text = text_at(&args, 0);
    if name == "maxtcpqueries" && check.version >= Version::new(1, 14, 7) {
        let number =
            atoi(text).map_err(|error| d.error(&format!("invalid value for maxtcpqueries '{text}': {error}")))?;
        if number == 0 || number < -1 {
            let needs = "needs to be -1 (unlimited) or a positive integer";
            return Err(d.error(&format!("maxtcpqueries provided '{number}' {needs}")).into());
        }
        return Ok(true);
    }
    let with_unit = if atoi(text).is_ok() { format!("{text}s") } else { text.to_owned() };
    let value = duration(&with_unit).map_err(|_| d.error(&format!("failed to parse duration '{with_unit}'")))?;
    if !(SECOND..=24 * 3600 * SECOND).contains(&value) {
        let shown = show_duration(value);
        let text = format!("timeout provided '{shown}' needs to be between 1 second and 24 hours");
        return Err(d.error(&text).into());
    }
    if matches!(name, "read" | "write" | "idle") {
        return Ok(true);
    }
    Err(Refusal::from(d.error(&format!("unknown option: '{name}'"))).kind(ProblemKind::UnknownProperty))
}

/// `metadata [ZONES...]`, once, without a block.
pub(super) fn metadata(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    d.advance();
    let zones = d.remaining_args();
    check.origins(&zones);
    if d.next_block() || d.advance() {
        let kind = if d.text() == "metadata" { ProblemKind::PluginRepeated } else { ProblemKind::InvalidArgument };
        return Err(Refusal::from(d.arg_error()).kind(kind).message("`metadata` can be used once and takes no block"));
    }
    here(d, Ok(()))
}
