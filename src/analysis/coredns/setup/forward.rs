//! Set-up of `forward` (`plugin/forward/setup.go` and `plugin/pkg/parse`).

use super::super::forward::{UpstreamKind, classify_upstream, is_placeholder};
use super::super::golang::{Nanoseconds, atoi, duration, parse_ip, parse_uint, quote, split_host_port, strip_zone};
use super::super::problem::{Cause, ProblemKind, Refusal};
use super::super::surroundings::FileState;
use super::context::{Check, Outcome, Unknown, here, need_arg, no_arg};
use crate::syntax::corefile::{
    Dispenser, Place, Token, Transport, Version, is_domain_name, origins_from_args, split_transport,
};

/// Upstreams that one `forward` may have.
const MAX_UPSTREAMS: usize = 15;

/// Host names as upstreams, and the count of arguments instead of servers, came with this release.
const HOST_NAMES: Version = Version::new(1, 14, 4);

const PROPERTIES: [&str; 21] = [
    "except",
    "max_fails",
    "max_connect_attempts",
    "health_check",
    "force_tcp",
    "prefer_udp",
    "tls",
    "tls_servername",
    "expire",
    "max_age",
    "max_idle_conns",
    "read_timeout",
    "doh_method",
    "policy",
    "max_concurrent",
    "next",
    "failover",
    "next_on_nodata",
    "failfast_all_unhealthy_upstreams",
    "resolver",
    "source_address",
];

/// Settings of a stanza that are checked against each other.
#[derive(Default)]
struct Stanza {
    expire: Option<Nanoseconds>,
    max_age: Option<Nanoseconds>,
    tls_servername: Option<String>,
}

/// `forward FROM TO... { ... }`; several per block since 1.9.4.
pub(super) fn forward(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let mut used = false;
    while d.advance() {
        if used && check.version < Version::new(1, 9, 4) {
            check.refuse_second(d);
            return Ok(());
        }
        used = true;
        stanza(check, d)?;
    }
    Ok(())
}

fn stanza(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    need_arg(d)?;
    from(check, d)?;
    let to = d.remaining_args();
    if to.is_empty() {
        let message = "`forward` has no upstream: after the zone it needs an address, a file or a name";
        return Err(Refusal::from(d.arg_error()).message(message).cause(Cause::NoUpstream));
    }
    // The block is read before the upstreams only since host names need its `resolver`.
    let block_first = check.version >= HOST_NAMES;
    let mut stanza = Stanza::default();
    if block_first {
        block(check, d, &mut stanza);
    }
    let servers = upstreams(check, &to);
    if !block_first {
        block(check, d, &mut stanza);
    }
    for token in &to {
        if let Err(refusal) = transport(check, token, &stanza) {
            check.refuse(refusal);
        }
    }
    let count = if block_first { to.len() } else { servers };
    if count > MAX_UPSTREAMS {
        let place = to.get(MAX_UPSTREAMS).or(to.last()).map(|token| Place::of(token));
        let refusal = Refusal::plain(place, format!("more than {MAX_UPSTREAMS} TOs configured: {count}"));
        let message = format!("{count} upstreams: one `forward` takes at most {MAX_UPSTREAMS}");
        check.refuse(refusal.kind(ProblemKind::TooManyUpstreams).message(message));
    }
    Ok(())
}

fn from(check: &mut Check<'_>, d: &Dispenser<'_>) -> Outcome {
    let text = d.text();
    let (zones, _) = origins_from_args(&[text], &[], check.version);
    let Some(first) = zones.first() else {
        return Err(Refusal::plain(d.place(), format!("unable to normalize '{text}'")));
    };
    if zones.len() > 1 {
        let message = format!("`{text}` covers {} reverse zones; only `{first}` is forwarded", zones.len());
        check.warn(ProblemKind::OddArgument, d.place(), message);
    }
    if parse_ip(text).is_some() {
        let message = format!("`{text}` is read as the zone to forward; the zone comes first, upstreams follow");
        check.warn(ProblemKind::OddArgument, d.place(), message);
    }
    Ok(())
}

/// Checks the upstreams; the number of servers that they stand for as far as it is known.
fn upstreams(check: &mut Check<'_>, to: &[&Token]) -> usize {
    let mut servers = 0;
    let mut unknown = false;
    for token in to {
        match upstream(check, token) {
            Ok(Some(count)) => servers += count,
            Ok(None) => unknown = true,
            Err(refusal) => {
                check.refuse(refusal);
                unknown = true;
            }
        }
    }
    if servers == 0 && !unknown {
        let text = match check.version {
            version if version >= Version::new(1, 14, 5) => "no valid upstream addresses found",
            _ => "no nameservers found",
        };
        let refusal = Refusal::plain(to.first().map(|token| Place::of(token)), text);
        check.refuse(refusal.message("none of these upstreams names a server"));
    }
    servers
}

/// One upstream: how many servers it gives; `None` when that is not known.
fn upstream(check: &mut Check<'_>, token: &Token) -> Result<Option<usize>, Refusal> {
    let text = token.text.as_str();
    if check.is_replaced_at_start(text) {
        return Ok(None);
    }
    let place = Some(Place::of(token));
    let (transport, rest) = split_transport(text, check.version);
    if rest.is_empty() {
        return Err(Refusal::plain(place, format!("invalid address: {}", quote(text))));
    }
    if transport == Transport::Unix {
        return Ok(Some(1));
    }
    if transport == Transport::Https && rest.contains('/') && check.version >= Version::new(1, 14, 5) {
        let text = "paths are not allowed in HTTPS upstream addresses (the /dns-query path is used by default)";
        return Err(Refusal::plain(place, format!("{text}: {}", token.text)));
    }
    let split = split_host_port(rest);
    let brackets = check.version >= Version::new(1, 14, 2);
    let host = match split {
        Ok((host, _)) => host,
        Err(_) if brackets => rest.trim_matches(['[', ']']),
        Err(_) => rest,
    };
    if parse_ip(strip_zone(host)).is_none() {
        return name_or_file(check, token, rest, host);
    }
    odd_port(check, token, split.ok());
    Ok(Some(1))
}

/// First release that forwards over QUIC.
const QUIC: Version = Version::new(1, 15, 0);

/// Whether `forward` can speak to an upstream as it is written; CoreDNS looks at that when everything else is read.
fn transport(check: &Check<'_>, token: &Token, stanza: &Stanza) -> Outcome {
    let text = token.text.as_str();
    let place = Some(Place::of(token));
    let (transport, rest) = split_transport(text, check.version);
    let split = split_host_port(rest);
    let host = split.as_ref().map_or(rest, |(host, _)| host);
    let address = parse_ip(strip_zone(host.trim_matches(['[', ']']))).is_some();
    let newer = match transport {
        Transport::Https => check.version >= Version::new(1, 14, 5),
        Transport::Quic => check.version >= QUIC,
        _ => false,
    };
    if !newer && !matches!(transport, Transport::Dns | Transport::Tls) && (address || transport == Transport::Unix) {
        let port = match split {
            Err(_) if transport != Transport::Unix => format!(":{}", transport.default_port("53")),
            _ => String::new(),
        };
        return Err(not_supported(place, transport, &format!("{text}{port}")));
    }
    if (transport == Transport::Tls || (transport == Transport::Quic && newer))
        && let (Some(outer), Some((address, own))) = (&stanza.tls_servername, host.rsplit_once('%'))
    {
        let port = split.as_ref().map_or("853", |(_, port)| port);
        let message = "the TLS server name is given twice: behind `%` and with `tls_servername`";
        let text = format!(
            "both forward ('{outer}') and proxy level ('{own}') TLS servernames are set for upstream proxy \
             '{}://{address}:{port}'",
            transport.scheme()
        );
        return Err(Refusal::plain(place, text).message(message));
    }
    Ok(())
}

fn not_supported(place: Option<Place>, transport: Transport, text: &str) -> Refusal {
    let scheme = transport.scheme();
    Refusal::plain(place, format!("'{scheme}' is not supported as a destination protocol in forward: {text}"))
        .message(format!("`forward` cannot speak {scheme} to an upstream"))
}

/// The port text is not checked by CoreDNS: a wrong one fails for every query.
fn odd_port(check: &mut Check<'_>, token: &Token, split: Option<(&str, &str)>) {
    let Some((_, port)) = split else { return };
    if port.parse::<u16>().ok().filter(|port| *port > 0).is_none() {
        let message = format!("`{port}` is no port; CoreDNS starts and every query to this upstream fails");
        check.warn(ProblemKind::OddArgument, Some(Place::of(token)), message);
    }
}

/// An upstream that is no address: a file in the format of resolv.conf, or a host name.
fn name_or_file(check: &mut Check<'_>, token: &Token, rest: &str, host: &str) -> Result<Option<usize>, Refusal> {
    match check.surroundings.file(rest) {
        FileState::Text(text) => return Ok(Some(nameservers(&text))),
        FileState::Directory => return Ok(Some(0)),
        FileState::Unknown if could_be_file(token, check.version) => return Ok(None),
        FileState::Missing | FileState::Unknown => {}
    }
    let place = Some(Place::of(token));
    let open = |text: String| {
        let message = format!("nothing replaced the placeholder `{rest}`");
        Err(Refusal::plain(place, text).message(message).cause(Cause::Placeholder))
    };
    if check.version < HOST_NAMES {
        let shown = if check.version >= Version::new(1, 14, 2) { host } else { rest };
        let text = format!("not an IP address or file: {}", quote(shown));
        let message = match classify_upstream(&token.text, check.version) {
            UpstreamKind::Placeholder => return open(text),
            UpstreamKind::HostName { .. } => {
                format!("`{rest}` is a host name; upstreams are addresses or files (names since CoreDNS {HOST_NAMES})")
            }
            _ => format!("`{rest}` is neither an IP address nor a file"),
        };
        return Err(Refusal::plain(place, text).message(message));
    }
    if is_placeholder(&token.text) {
        return open(format!("failed to resolve {}", quote(host)));
    }
    if !is_domain_name(host) {
        let text = format!("not an IP address, file, or valid domain: {}", quote(host));
        return Err(Refusal::plain(place, text));
    }
    if !is_looked_up(host) {
        let message = format!("`{rest}` is no IP address, no file that exists, and no host name");
        return Err(Refusal::plain(place, format!("failed to resolve {}", quote(host))).message(message));
    }
    Ok(None)
}

fn could_be_file(token: &Token, version: Version) -> bool {
    matches!(classify_upstream(&token.text, version), UpstreamKind::File(_))
}

/// Servers that CoreDNS takes from a resolv.conf: lines whose first word is `nameserver`, without a limit.
fn nameservers(text: &str) -> usize {
    text.lines()
        .filter(|line| matches!(line.split_whitespace().collect::<Vec<_>>().as_slice(), ["nameserver", _, ..]))
        .count()
}

fn block(check: &mut Check<'_>, d: &mut Dispenser<'_>, stanza: &mut Stanza) {
    let place = d.place();
    check.properties(d, Unknown::Property, &PROPERTIES, |check, d| property(check, d, stanza));
    if let (Some(age), Some(expire)) = (stanza.max_age, stanza.expire.or(Some(10_000_000_000)))
        && age > 0
        && age < expire
    {
        check.refuse(Refusal::plain(place, "max_age must not be less than expire"));
    }
}

fn property(check: &mut Check<'_>, d: &mut Dispenser<'_>, stanza: &mut Stanza) -> Result<bool, Refusal> {
    let name = d.text();
    match name {
        "except" => {
            let zones = d.remaining_args();
            if zones.is_empty() {
                return Err(d.arg_error().into());
            }
            check.origins(&zones);
        }
        "max_fails" | "max_connect_attempts" => {
            need_arg(d)?;
            here(d, parse_uint(d.text(), u64::from(u32::MAX)))?;
        }
        "force_tcp" | "prefer_udp" | "next_on_nodata" | "failfast_all_unhealthy_upstreams" => no_arg(d)?,
        "tls" => {
            if d.remaining_args().len() > 3 {
                return Err(d.arg_error().into());
            }
        }
        "tls_servername" => {
            need_arg(d)?;
            stanza.tls_servername = Some(d.text().to_owned());
        }
        "expire" | "max_age" => {
            let value = positive(d, name)?;
            let slot = if name == "expire" { &mut stanza.expire } else { &mut stanza.max_age };
            *slot = Some(value);
        }
        "read_timeout" => {
            if positive(d, name)? == 0 {
                return Err(Refusal::plain(d.place(), "read_timeout must be positive: 0s"));
            }
        }
        "max_idle_conns" | "max_concurrent" => {
            need_arg(d)?;
            let value = here(d, atoi(d.text()))?;
            if value < 0 {
                return Err(Refusal::plain(d.place(), format!("{name} can't be negative: {value}")));
            }
        }
        "health_check" => health_check(d)?,
        "doh_method" => one_of(d, &["POST", "GET"], |_| "doh_method must be either POST or GET".to_owned())?,
        "policy" => {
            need_arg(d)?;
            if !matches!(d.text(), "random" | "round_robin" | "sequential") {
                return Err(d.error(&format!("unknown policy '{}'", d.text())).into());
            }
        }
        "next" | "failover" => rcodes(d, name)?,
        "resolver" => resolvers(d)?,
        "source_address" => source_address(d)?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn positive(d: &mut Dispenser<'_>, name: &str) -> Result<Nanoseconds, Refusal> {
    need_arg(d)?;
    let value = here(d, duration(d.text()))?;
    if value < 0 {
        return Err(Refusal::plain(d.place(), format!("{name} can't be negative: {}", d.text())));
    }
    Ok(value)
}

fn one_of(d: &mut Dispenser<'_>, allowed: &[&str], text: impl Fn(&str) -> String) -> Outcome {
    need_arg(d)?;
    if allowed.contains(&d.text()) { Ok(()) } else { Err(Refusal::plain(d.place(), text(d.text()))) }
}

fn health_check(d: &mut Dispenser<'_>) -> Outcome {
    need_arg(d)?;
    let interval = here(d, duration(d.text()))?;
    if interval < 0 {
        return Err(Refusal::plain(d.place(), format!("health_check can't be negative: {interval}")));
    }
    while d.next_arg() {
        match d.text() {
            "no_rec" => {}
            "domain" => {
                need_arg(d)?;
                if !is_domain_name(d.text()) {
                    let text = format!("health_check: invalid domain name {}", d.text());
                    return Err(Refusal::plain(d.place(), text));
                }
            }
            other => return Err(Refusal::plain(d.place(), format!("health_check: unknown option {other}"))),
        }
    }
    Ok(())
}

fn rcodes(d: &mut Dispenser<'_>, name: &str) -> Outcome {
    let codes = d.remaining_args();
    if codes.is_empty() {
        return Err(d.arg_error().into());
    }
    for code in codes {
        let upper = code.text.to_uppercase();
        if !super::answers::is_rcode(&upper) {
            return Err(Refusal::plain(Some(Place::of(code)), format!("{} is not a valid rcode", code.text)));
        }
        if name == "failover" && upper == "NOERROR" {
            return Err(Refusal::plain(Some(Place::of(code)), "NoError cannot be used in failover"));
        }
    }
    Ok(())
}

fn resolvers(d: &mut Dispenser<'_>) -> Outcome {
    let args = d.remaining_args();
    if args.is_empty() {
        return Err(d.arg_error().into());
    }
    for arg in &args {
        let host = split_host_port(&arg.text).map_or(arg.text.as_str(), |(host, _)| host);
        if parse_ip(host).is_none() {
            let text = format!("resolver must be an IP address or IP:port: {}", quote(&arg.text));
            return Err(Refusal::plain(Some(Place::of(arg)), text));
        }
    }
    Ok(())
}

fn source_address(d: &mut Dispenser<'_>) -> Outcome {
    need_arg(d)?;
    if parse_ip(d.text()).is_some() {
        Ok(())
    } else {
        Err(d.error(&format!("invalid IP address: {}", d.text())).into())
    }
}

/// Whether Go's resolver asks for the name at all (`net.isDomainName`): letters, digits, `-` and `_`, and not digits alone.
fn is_looked_up(name: &str) -> bool {
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    plain && !name.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
