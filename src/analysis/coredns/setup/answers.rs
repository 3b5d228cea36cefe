//! Set-up of plugins that make, filter or reorder answers.

use super::super::golang::{check_brackets, duration, parse_int32, parse_ip, parse_uint, quote};
use super::super::problem::{ProblemKind, Refusal};
use super::super::surroundings::FileState;
use super::context::{Check, Outcome, Unknown, at, here, need_arg, no_arg, text_at};
use crate::syntax::corefile::{Dispenser, Place, Token, Version};

/// Classes by their names in miekg/dns.
const CLASSES: [&str; 6] = ["IN", "CS", "CH", "HS", "NONE", "ANY"];

/// Response codes by their names in miekg/dns, which takes `BADVERS` for `BADSIG`.
const RCODES: [&str; 20] = [
    "NOERROR",
    "FORMERR",
    "SERVFAIL",
    "NXDOMAIN",
    "NOTIMP",
    "REFUSED",
    "YXDOMAIN",
    "YXRRSET",
    "NXRRSET",
    "NOTAUTH",
    "NOTZONE",
    "DSOTYPENI",
    "BADSIG",
    "BADKEY",
    "BADTIME",
    "BADMODE",
    "BADNAME",
    "BADALG",
    "BADTRUNC",
    "BADCOOKIE",
];

/// Record types by their names in miekg/dns.
const TYPES: &str = "A NS MD MF CNAME SOA MB MG MR NULL PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP-PTR SIG KEY PX GPOS \
    AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT DNAME OPT APL DS SSHFP IPSECKEY RRSIG NSEC DNSKEY DHCID NSEC3 NSEC3PARAM \
    TLSA SMIMEA HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD SVCB HTTPS SPF UINFO UID GID UNSPEC NID L32 L64 LP \
    EUI48 EUI64 NXNAME URI CAA AVC AMTRELAY RESINFO TKEY TSIG IXFR AXFR MAILB MAILA ANY TA DLV None Reserved";

/// Whether the upper-case word is a class.
pub(super) fn is_class(word: &str) -> bool {
    CLASSES.contains(&word)
}

/// Whether the word is a record type.
pub(super) fn is_qtype(word: &str) -> bool {
    TYPES.split_whitespace().any(|known| known == word)
}

/// Whether the upper-case word is a response code.
pub(super) fn is_rcode(word: &str) -> bool {
    RCODES.contains(&word)
}

/// `template CLASS TYPE [ZONES...] { ... }`, any number of times.
pub(super) fn template(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let names =
        ["match", "answer", "additional", "authority", "rcode", "ederror", "fallthrough", "upstream", "var", "expr"];
    while d.advance() {
        need_arg(d)?;
        if !is_class(d.text()) {
            return Err(d.error(&format!("invalid query class {}", d.text())).into());
        }
        need_arg(d)?;
        if !is_qtype(d.text()) {
            return Err(Refusal::from(d.error(&format!("invalid RR class {}", d.text()))).message(bad_type(d.text())));
        }
        let zones = d.remaining_args();
        check.origins(&zones);
        check.properties(d, Unknown::ArgErr, &names, template_line);
    }
    Ok(())
}

fn bad_type(text: &str) -> String {
    let upper = text.to_uppercase();
    let hint = if is_qtype(&upper) { format!(": write `{upper}`") } else { String::new() };
    format!("`{text}` is no record type{hint}")
}

fn template_line(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Result<bool, Refusal> {
    match d.text() {
        "match" => {
            let patterns = d.remaining_args();
            if patterns.is_empty() {
                return Err(d.arg_error().into());
            }
            for pattern in patterns.iter().map(|token| &token.text) {
                let text = |error| format!("could not parse regex: {pattern}, {error}");
                check_brackets(pattern).map_err(|error| d.error(&text(error)))?;
            }
        }
        // the language of the expressions is not read here
        "answer" | "additional" | "authority" | "expr" => {
            if d.remaining_args().is_empty() {
                return Err(d.arg_error().into());
            }
        }
        "var" => {
            if d.remaining_args().len() < 2 {
                return Err(d.arg_error().into());
            }
        }
        "rcode" => {
            need_arg(d)?;
            if !is_rcode(d.text()) {
                return Err(d.error(&format!("unknown rcode {}", d.text())).into());
            }
        }
        "ederror" => {
            let args = d.remaining_args();
            if !(1..=2).contains(&args.len()) {
                return Err(d.arg_error().into());
            }
            let text = |e| format!("error parsing extended DNS error code {}, {e}\n", d.text());
            parse_uint(text_at(&args, 0), u64::from(u16::MAX)).map_err(|e| d.error(&text(e)))?;
        }
        "fallthrough" => {
            let zones = d.remaining_args();
            check.origins(&zones);
        }
        "upstream" => {
            d.remaining_args();
        }
        _ => return Ok(false),
    }
    Ok(true)
}

/// `acl [ZONES...] { ACTION [type ...] [net ...] }`, any number of times.
pub(super) fn acl(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let zones = d.remaining_args();
        check.origins(&zones);
        while d.next_block() {
            let known = match d.text().to_lowercase().as_str() {
                "allow" | "block" => true,
                "filter" => check.version >= Version::new(1, 8, 2),
                "drop" => check.version >= Version::new(1, 10, 1),
                _ => false,
            };
            let outcome = if known { acl_policy(d) } else { Err(acl_action(d)) };
            if let Err(refusal) = outcome {
                check.refuse(refusal);
                d.remaining_args();
            }
        }
    }
    Ok(())
}

fn acl_action(d: &Dispenser<'_>) -> Refusal {
    let token = quote(d.text());
    Refusal::from(d.error(&format!("unexpected token {token}; expect 'allow', 'block', 'filter' or 'drop'")))
        .kind(ProblemKind::UnknownProperty)
}

fn acl_policy(d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    let section = |token: &Token| matches!(token.text.to_lowercase().as_str(), "type" | "net");
    let mut rest = args.as_slice();
    while let Some((head, tail)) = rest.split_first() {
        if !section(head) {
            return Err(d.error(&format!("unexpected token {}; expect 'type | net'", quote(&head.text))).into());
        }
        let end = tail.iter().position(|token| section(token)).unwrap_or(tail.len());
        let (values, next) = tail.split_at_checked(end).unwrap_or((tail, &[]));
        let name = head.text.to_lowercase();
        if values.is_empty() {
            return Err(d.error(&format!("no token specified in {} section", quote(&name))).into());
        }
        acl_values(d, &name, values)?;
        rest = next;
    }
    Ok(())
}

fn acl_values(d: &Dispenser<'_>, section: &str, values: &[&Token]) -> Outcome {
    for value in values.iter().take_while(|value| value.text != "*") {
        let text = value.text.as_str();
        if section == "type" && !is_qtype(text) {
            return Err(d.error(&format!("unexpected token {}; expect legal QTYPE", quote(text))).into());
        }
        if section == "net" && !is_network(text) {
            let mask = match text {
                text if text.contains('/') => "",
                text if text.contains(':') => "/128",
                _ => "/32",
            };
            let with_mask = format!("{text}{mask}");
            return Err(d.error(&format!("illegal CIDR notation {}", quote(&with_mask))).into());
        }
    }
    Ok(())
}

/// An address or a network in prefix notation.
fn is_network(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok() || text.parse::<ipnet::IpNet>().is_ok()
}

/// `dns64 [PREFIX]` or `dns64 { prefix ...; translate_all; allow_ipv4 }`.
pub(super) fn dns64(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        if d.text() != "dns64" {
            continue; // words of a block behind an inline prefix are read one by one and mean nothing
        }
        let args = d.remaining_args();
        match args.as_slice() {
            [] => {}
            [prefix] => {
                dns64_prefix(check, d, prefix)?;
                warn_ignored_block(check, d);
                continue;
            }
            _ => return Err(d.arg_error().into()),
        }
        check.properties(d, Unknown::Property, &["prefix", "translate_all", "allow_ipv4"], |check, d| match d.text() {
            "prefix" => {
                need_arg(d)?;
                let prefix = d.token();
                prefix.map_or(Ok(()), |prefix| dns64_prefix(check, d, prefix)).map(|()| true)
            }
            "translate_all" | "allow_ipv4" => Ok(true),
            _ => Ok(false),
        });
    }
    Ok(())
}

fn warn_ignored_block(check: &mut Check<'_>, d: &Dispenser<'_>) {
    let mut ahead = d.clone();
    if ahead.next_block() {
        let message = "with the prefix on the line of `dns64` the block is ignored: write `prefix` inside the block";
        check.warn(ProblemKind::OddArgument, ahead.place(), message);
    }
}

fn dns64_prefix(check: &Check<'_>, d: &Dispenser<'_>, prefix: &Token) -> Outcome {
    let text = prefix.text.as_str();
    let place = Some(Place::of(prefix));
    let Ok(net) = text.parse::<ipnet::IpNet>() else {
        return Err(Refusal::plain(place, format!("invalid CIDR address: {text}")));
    };
    let shown = quote(&net.trunc().to_string());
    if matches!(net, ipnet::IpNet::V4(_)) {
        return Err(d.error(&format!("invalid netmask 32 IPv6 address: {shown}")).into());
    }
    let length = net.prefix_len();
    let strict = check.version >= Version::new(1, 15, 0);
    if length % 8 == 0 && (32..=96).contains(&length) && !(strict && matches!(length, 72 | 80 | 88)) {
        return Ok(());
    }
    let message = format!("a prefix of {length} bits: DNS64 prefixes have 32, 40, 48, 56, 64 or 96");
    Err(Refusal::from(d.error(&format!("invalid prefix length {shown}"))).message(message))
}

/// `loadbalance [round_robin | weighted FILE { reload DURATION }] { prefer CIDR... }`.
pub(super) fn loadbalance(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let args = d.remaining_args();
        let weighted = check.version >= Version::new(1, 10, 1);
        match text_at(&args, 0) {
            "" => {}
            "round_robin" if args.len() > 1 => return Err(d.error("unknown property for round_robin").into()),
            "round_robin" => {}
            "weighted" if weighted => match args.len() {
                1 => return Err(d.error("missing weight file argument").into()),
                2 => {}
                _ => return Err(d.error("unexpected argument(s)").into()),
            },
            other => {
                let place = args.first().map(|token| Place::of(token));
                return Err(Refusal::plain(place, format!("unknown policy: {other}")));
            }
        }
        let is_weighted = text_at(&args, 0) == "weighted";
        check.properties(d, Unknown::Property, &["prefer", "reload"], |check, d| match d.text() {
            "reload" if is_weighted => loadbalance_reload(d).map(|()| true),
            "prefer" if !is_weighted && check.version >= Version::new(1, 12, 4) => {
                let networks = d.remaining_args();
                match networks.iter().find(|token| token.text.parse::<ipnet::IpNet>().is_err()) {
                    None => Ok(true),
                    Some(bad) => {
                        let text = &bad.text;
                        Err(d.error(&format!("invalid CIDR {}: invalid CIDR address: {text}", quote(text))).into())
                    }
                }
            }
            _ => Ok(false),
        });
    }
    Ok(())
}

fn loadbalance_reload(d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    match args.as_slice() {
        [] => Err(d.error("reload duration value is missing").into()),
        [time] if duration(&time.text).is_ok() => Ok(()),
        [time] => Err(d.error(&format!("invalid reload duration '{}'", time.text)).into()),
        _ => Err(d.error("unexpected argument").into()),
    }
}

/// `erratic { drop [N]; truncate [N]; delay [N [DURATION]]; large }`.
pub(super) fn erratic(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        check.properties(d, Unknown::Property, &["drop", "truncate", "delay", "large"], |_, d| {
            let most = match d.text() {
                "drop" | "truncate" => 1,
                "delay" => 2,
                "large" => return Ok(true),
                _ => return Ok(false),
            };
            let args = d.remaining_args();
            if args.len() > most {
                return Err(d.arg_error().into());
            }
            let Some(amount) = args.first() else { return Ok(true) };
            if at(Some(amount), parse_int32(&amount.text))? < 0 {
                let text = format!("illegal amount value given {}", quote(&amount.text));
                return Err(Refusal::plain(Some(Place::of(amount)), text));
            }
            args.get(1).map_or(Ok(0), |time| at(Some(time), duration(&time.text)))?;
            Ok(true)
        });
    }
    Ok(())
}

/// `autopath [ZONES...] FILE|@PLUGIN`.
pub(super) fn autopath(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let args = d.remaining_args();
        let Some((source, zones)) = args.split_last() else {
            return Err(Refusal::plain(d.place(), "no resolv-conf specified"));
        };
        let path = source.text.as_str();
        if !path.starts_with('@') && check.surroundings.file(path) == FileState::Missing {
            let text = format!("failed to parse {}: open {path}: no such file or directory", quote(path));
            let message = format!("the file `{path}` does not exist; for the pod's search path write `@kubernetes`");
            return Err(Refusal::plain(Some(Place::of(source)), text).message(message));
        }
        check.origins(zones);
    }
    Ok(())
}

/// `view NAME { expr EXPRESSION }`, once.
pub(super) fn view(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        if d.remaining_args().len() != 1 {
            return Err(d.arg_error().into());
        }
        check.properties(d, Unknown::Property, &["expr"], |_, d| {
            let known = d.text() == "expr";
            if known && d.remaining_args().is_empty() {
                return Err(Refusal::plain(d.place(), "unexpected token EOF").message("`expr` needs an expression"));
            }
            Ok(known)
        });
    }
    Ok(())
}

/// `transfer [ZONES...] { to ADDRESS... }`.
pub(super) fn transfer(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let zones = d.remaining_args();
        check.origins(&zones);
        let mut targets = 0;
        check.properties(d, Unknown::Property, &["to", "source"], |check, d| match d.text() {
            "to" => {
                let hosts = d.remaining_args();
                targets += hosts.len();
                if hosts.is_empty() {
                    return Err(d.arg_error().into());
                }
                hosts.iter().filter(|host| host.text != "*").try_for_each(|host| check.address(host)).map(|()| true)
            }
            "source" if check.version >= Version::new(1, 14, 0) => {
                let args = d.remaining_args();
                match args.as_slice() {
                    [address] if parse_ip(&address.text).is_some() => Ok(true),
                    [address] => {
                        let text = format!("invalid source address {}", quote(&address.text));
                        Err(Refusal::from(d.error(&text)).named_twice("transfer"))
                    }
                    _ => Err(d.arg_error().into()),
                }
            }
            other => {
                let refusal = Refusal::from(d.error(&format!("unknown property {}", quote(other))));
                let message = format!("`transfer` has no property `{other}`");
                Err(refusal.kind(ProblemKind::UnknownProperty).message(message).named_twice("transfer"))
            }
        });
        if targets == 0 {
            return Err(Refusal::from(d.error("'to' is required")).named_twice("transfer"));
        }
    }
    Ok(())
}

/// `local { localhost_prefix on|off }`; older releases read nothing.
pub(super) fn local(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    if check.version < Version::new(1, 14, 5) {
        return Ok(());
    }
    while d.advance() {
        if !d.remaining_args().is_empty() {
            return Err(d.arg_error().into());
        }
        check.properties(d, Unknown::Property, &["localhost_prefix"], |_, d| {
            if d.text() != "localhost_prefix" {
                return Ok(false);
            }
            let args = d.remaining_args();
            match text_at(&args, 0) {
                _ if args.len() != 1 => Err(d.arg_error().into()),
                "on" | "off" => Ok(true),
                other => Err(d.error(&format!("localhost_prefix expects 'on' or 'off', got {}", quote(other))).into()),
            }
        });
    }
    Ok(())
}

/// `any`, which reads nothing before 1.14.4.
pub(super) fn any(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    d.advance();
    if check.version < Version::new(1, 14, 4) {
        return Ok(());
    }
    no_arg(d)?;
    if d.next_block() {
        return Err(d.error(&format!("unknown property '{}'", d.text())).into());
    }
    here(d, Ok(()))
}
