//! Upstreams and fixed answers of dnsmasq: the values of `server=`, `local=`, `rev-server=` and `address=`.

use std::net::IpAddr;

use crate::source::{Span, Spanned};
use crate::syntax::resolv_conf::address::{inet_aton, strict};

use super::{Problem, ProblemKind, part, values};

/// One upstream rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Server {
    /// The names that it is for; all names if empty.
    pub domains: Vec<DomainMatch>,
    /// Who answers them.
    pub target: Target,
    /// Source interface or address after `@`.
    pub source: Option<Source>,
}

/// Names that a rule is for. The longest matching domain wins.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DomainMatch {
    /// `/dom/`: the domain and everything below; lower case, without outer dots.
    Domain(String),
    /// `/*dom/`: every name that ends so, without regard to labels.
    Suffix(String),
    /// `//`: names without dots.
    Unqualified,
    /// `/#/`: every name.
    Any,
    /// `rev-server`: the reverse zone of a network.
    Network {
        /// Its address.
        address: IpAddr,
        /// Length of its prefix.
        prefix: u8,
    },
}

/// Who answers the names of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// An upstream server.
    Address {
        /// The address.
        address: IpAddr,
        /// The interface after `%`.
        zone: Option<String>,
        /// The port after `#`, 53 if there is none.
        port: Option<u16>,
    },
    /// An upstream by name, looked up once at start.
    Host {
        /// The name.
        name: String,
        /// The port after `#`.
        port: Option<u16>,
    },
    /// `#`: the ordinary servers, against a rule for a parent domain.
    Standard,
    /// Nobody: names are answered from local data only, else NXDOMAIN.
    LocalOnly,
}

/// What follows `@`: an interface, or a source address with an optional port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Source {
    /// The address, or none for an interface.
    pub address: Option<IpAddr>,
    /// The text as it stands, with port and interface.
    pub text: String,
}

/// One `address=` rule.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AddressRule {
    /// The names that it is for; all names if empty.
    pub domains: Vec<DomainMatch>,
    /// The answer.
    pub answer: AddressAnswer,
}

/// What an `address=` rule answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AddressAnswer {
    /// This address.
    Address(IpAddr),
    /// `#`: 0.0.0.0 and `::`.
    Null,
    /// Empty: NXDOMAIN.
    NxDomain,
}

/// The domains before the last `/` and the rest with its offset.
fn domains(value: &str) -> (Vec<DomainMatch>, &str, usize) {
    let split = value.strip_prefix('/').and_then(|rest| rest.rsplit_once('/'));
    let Some((names, rest)) = split else {
        // `/dom` without a second slash names no domain.
        let rest = value.strip_prefix('/').unwrap_or(value);
        return (Vec::new(), rest, value.len() - rest.len());
    };
    let domains = names.split('/').map(|name| match (name, name.strip_prefix('*')) {
        ("", _) => DomainMatch::Unqualified,
        ("#", _) => DomainMatch::Any,
        (_, Some(suffix)) => DomainMatch::Suffix(suffix.to_lowercase()),
        _ => DomainMatch::Domain(name.trim_matches('.').to_lowercase()),
    });
    (domains.collect(), rest, value.len() - rest.len())
}

/// Reads the value of `server=` or `local=`; an empty value is no rule.
pub(super) fn parse_server(value: &Spanned<String>) -> Result<Option<Server>, Problem> {
    let (domains, rest, offset) = domains(&value.value);
    if rest.is_empty() && domains.is_empty() {
        return Ok(None);
    }
    let (target, source) = parse_target(rest, part(value, offset, rest.len()))?;
    Ok(Some(Server { domains, target, source }))
}

/// Reads the value of `rev-server=`.
pub(super) fn parse_rev_server(value: &Spanned<String>) -> Result<Server, Problem> {
    let (network, rest) = value.value.split_once(',').unwrap_or((&value.value, ""));
    let network_span = part(value, 0, network.len());
    let (address, prefix) = network.split_once('/').map_or((network, None), |(a, p)| (a, Some(p)));
    let Some(address) = strict(address) else {
        return Err(problem(ProblemKind::BadAddress, network_span, format!("`{network}` is no network")));
    };
    if rest.is_empty() && value.value.contains(',') {
        return Err(problem(
            ProblemKind::BadAddress,
            value.span,
            format!("`{}` has a comma without server", value.value),
        ));
    }
    let (target, source) = parse_target(rest, part(value, value.value.len() - rest.len(), rest.len()))?;
    let max = if address.is_ipv4() { 32 } else { 128 };
    // what is no number counts as no prefix
    let prefix = prefix.filter(|prefix| prefix.bytes().all(|b| b.is_ascii_digit())).map(str::parse::<u8>);
    let prefix = match prefix {
        None => max,
        Some(Ok(prefix)) if (1..=max).contains(&prefix) => prefix,
        Some(_) => {
            return Err(problem(ProblemKind::BadNumber, network_span, format!("`{network}` has a bad prefix length")));
        }
    };
    // `domain_rev4()` and `domain_rev6()` free what the look-up gave once for every zone
    let zones_at = if address.is_ipv4() { 8 } else { 4 };
    let host = rest.split(['#', '%', '@']).next().unwrap_or(rest);
    let looked_up = !matches!(target, Target::Standard | Target::LocalOnly) && strict(host).is_none();
    if looked_up && !prefix.is_multiple_of(zones_at) {
        let message = format!("dnsmasq dies of looking `{host}` up for several reverse zones; write an address");
        return Err(problem(ProblemKind::FreedTwice, part(value, value.value.len() - rest.len(), host.len()), message));
    }
    Ok(Server { domains: vec![DomainMatch::Network { address, prefix }], target, source })
}

/// Reads the value of `address=`.
pub(super) fn parse_address(value: &Spanned<String>) -> Result<AddressRule, Problem> {
    let (domains, rest, offset) = domains(&value.value);
    let answer = match rest {
        "" => AddressAnswer::NxDomain,
        "#" => AddressAnswer::Null,
        _ => AddressAnswer::Address(strict(rest).ok_or_else(|| {
            let message = format!("`{rest}` is not an IP address");
            problem(ProblemKind::BadAddress, part(value, offset, rest.len()), message)
        })?),
    };
    Ok(AddressRule { domains, answer })
}

/// `[address[%zone][#port]][@source]`.
fn parse_target(text: &str, span: Span) -> Result<(Target, Option<Source>), Problem> {
    if text.is_empty() {
        return Ok((Target::LocalOnly, None));
    }
    if text == "#" {
        return Ok((Target::Standard, None));
    }
    let (text, source) = text.split_once('@').map_or((text, None), |(text, source)| (text, Some(source)));
    let source = source.map(|source| parse_source(source, span)).transpose()?;
    let (host, port) = text.split_once('#').map_or((text, None), |(host, port)| (host, Some(port)));
    let port = port.map(|port| parse_port(port, span)).transpose()?;
    let (address, zone) = host.split_once('%').map_or((host, None), |(address, zone)| (address, Some(zone)));
    // The old forms (`127.1`) pass through the look-up of host names.
    let ip = strict(address).or_else(|| inet_aton(address).map(IpAddr::V4));
    if let (Some(IpAddr::V6(_)), Some(zone)) = (ip, zone)
        && !may_be_interface(zone)
    {
        let message = format!("`{zone}` names no network interface");
        return Err(problem(ProblemKind::BadAddress, span, message));
    }
    if let Some(address) = ip {
        let from = source.as_ref().and_then(|source| source.address);
        if from.is_some_and(|from| from.is_ipv4() != address.is_ipv4()) {
            let message = format!("`{text}` and its source address are of two families");
            return Err(problem(ProblemKind::BadAddress, span, message));
        }
        return Ok((Target::Address { address, zone: zone.map(str::to_owned), port }, source));
    }
    match host_problem(host, span) {
        Some(problem) => Err(problem),
        None => Ok((Target::Host { name: host.to_owned(), port }, source)),
    }
}

fn parse_source(text: &str, span: Span) -> Result<Source, Problem> {
    let (name, port) = text.split_once('#').map_or((text, None), |(name, port)| (name, Some(port)));
    port.map(|port| parse_port(port, span)).transpose()?;
    let address = name.split('@').find_map(strict);
    Ok(Source { address, text: text.to_owned() })
}

/// Whether Linux may have an interface of this name (`dev_valid_name()`): which ones a node has, no file tells.
fn may_be_interface(name: &str) -> bool {
    let odd = |c: char| c.is_ascii_whitespace() || matches!(c, '/' | ':');
    !name.is_empty() && name.len() < 16 && !matches!(name, "." | "..") && !name.contains(odd)
}

/// dnsmasq takes an empty number for 0, which no server answers on.
fn parse_port(text: &str, span: Span) -> Result<u16, Problem> {
    values::port(text).ok_or_else(|| problem(ProblemKind::BadPort, span, format!("`{text}` is not a port")))
}

/// Why a text that is no address is no host name either.
fn host_problem(host: &str, span: Span) -> Option<Problem> {
    let unbracketed = host.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (ip, port) = match unbracketed {
        Some((ip, port)) => (ip, port.strip_prefix(':').unwrap_or(port)),
        None => host.split_once(':').unwrap_or((host, "")),
    };
    if strict(ip).is_some() {
        let right = if port.is_empty() { ip.to_owned() } else { format!("{ip}#{port}") };
        let message = format!("`{host}` is no address of dnsmasq, which writes ports as `{right}`");
        return Some(Problem { suggestion: Some(right), ..problem(ProblemKind::PortWithColon, span, message) });
    }
    if host.contains(',') {
        let message = format!("`{host}` is not one address; each upstream needs its own `server=`");
        return Some(problem(ProblemKind::CommaList, span, message));
    }
    let label =
        |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let name = host.strip_suffix('.').unwrap_or(host);
    let legal = name.split('.').all(label) && name.contains(|c: char| c.is_ascii_alphabetic());
    (!legal).then(|| problem(ProblemKind::BadAddress, span, format!("`{host}` is not an IP address")))
}

fn problem(kind: ProblemKind, span: Span, message: String) -> Problem {
    Problem { kind, span, line: 0, message, suggestion: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Spanned<String> {
        Spanned::new(text.to_owned(), Span::new(0, text.len()))
    }

    fn server(text: &str) -> Server {
        parse_server(&value(text)).unwrap().unwrap()
    }

    fn address(ip: &str, zone: Option<&str>, port: Option<u16>) -> Target {
        Target::Address { address: ip.parse().unwrap(), zone: zone.map(str::to_owned), port }
    }

    #[test]
    fn server_targets() {
        assert_eq!(server("1.1.1.1").target, address("1.1.1.1", None, None));
        assert_eq!(server("1.1.1.1#5353").target, address("1.1.1.1", None, Some(5353)));
        assert_eq!(server("fe80::1%eth0").target, address("fe80::1", Some("eth0"), None));
        assert_eq!(server("::1#54").target, address("::1", None, Some(54)));
        assert_eq!(server("/a/#").target, Target::Standard);
        assert_eq!(server("/a/").target, Target::LocalOnly);
        assert_eq!(server("1.1.1.1#").target, address("1.1.1.1", None, Some(0)));
        assert_eq!(server("127.1").target, address("127.0.0.1", None, None));
        assert_eq!(server("dns.corp#54").target, Target::Host { name: "dns.corp".to_owned(), port: Some(54) });
        assert_eq!(parse_server(&value("")), Ok(None));
    }

    #[test]
    fn server_domains_and_sources() {
        let rule = server("/cluster.local/10.in-addr.arpa/10.43.0.10@eth0");
        let domain = |name: &str| DomainMatch::Domain(name.to_owned());
        assert_eq!(rule.domains, [domain("cluster.local"), domain("10.in-addr.arpa")]);
        assert_eq!(rule.source.map(|s| (s.address, s.text)), Some((None, "eth0".to_owned())));
        assert_eq!(server("/.A.B./1.1.1.1").domains, [domain("a.b")]);
        assert_eq!(server("//1.1.1.1").domains, [DomainMatch::Unqualified]);
        assert_eq!(server("/*dom/1.1.1.1").domains, [DomainMatch::Suffix("dom".to_owned())]);
        assert_eq!(server("/#/1.1.1.1").domains, [DomainMatch::Any]);
        let source = server("1.1.1.1@9.9.9.9#70").source.unwrap();
        assert_eq!(source.address, Some("9.9.9.9".parse().unwrap()));
    }

    #[test]
    fn bad_servers() {
        use ProblemKind as K;
        for (text, kind, shown, suggestion) in [
            ("1.2.3.4#x", K::BadPort, "1.2.3.4#x", None),
            ("1.2.3.4#99999", K::BadPort, "1.2.3.4#99999", None),
            ("1.2.3.4:53", K::PortWithColon, "1.2.3.4:53", Some("1.2.3.4#53")),
            ("[::1]:53", K::PortWithColon, "[::1]:53", Some("::1#53")),
            ("[::1]", K::PortWithColon, "[::1]", Some("::1")),
            ("/a/1.1.1.1,2.2.2.2", K::CommaList, "1.1.1.1,2.2.2.2", None),
            ("1.2.3.4@::1", K::BadAddress, "1.2.3.4@::1", None),
            ("1.2.3.4.5", K::BadAddress, "1.2.3.4.5", None),
        ] {
            let problem = parse_server(&value(text)).unwrap_err();
            let got = (problem.kind, problem.span.text(text), problem.suggestion.as_deref());
            assert_eq!(got, (kind, shown, suggestion), "{text}");
        }
    }

    #[test]
    fn rev_servers() {
        let network = |text: &str| parse_rev_server(&value(text)).map(|s| s.domains).map_err(|p| p.kind);
        let ten = |prefix| vec![DomainMatch::Network { address: "10.0.0.0".parse().unwrap(), prefix }];
        assert_eq!(network("10.0.0.0/8,1.1.1.1#5"), Ok(ten(8)));
        assert_eq!(network("10.0.0.0,1.1.1.1"), Ok(ten(32)));
        assert_eq!(network("10.0.0.0/33,1.1.1.1"), Err(ProblemKind::BadNumber));
        assert_eq!(network("10.0.0.0/0,1.1.1.1"), Err(ProblemKind::BadNumber));
        assert_eq!(network("10.0.0.0/,1.1.1.1"), Err(ProblemKind::BadNumber));
        assert_eq!(network("10.0.0.0/x,1.1.1.1"), Ok(ten(32)));
        assert_eq!(network("10.0.0.0/8"), Ok(ten(8)));
        assert_eq!(network("10.0.0.0/9,127.1"), Err(ProblemKind::FreedTwice));
        assert_eq!(network("10.0.0.0/8,127.1"), Ok(ten(8)));
        assert_eq!(network("10.0.0.0/8,"), Err(ProblemKind::BadAddress));
        assert_eq!(network("x/8,1.1.1.1"), Err(ProblemKind::BadAddress));
    }

    #[test]
    fn addresses() {
        let answer = |text: &str| parse_address(&value(text)).map(|rule| rule.answer).map_err(|p| p.kind);
        assert_eq!(answer("/a/1.1.1.1"), Ok(AddressAnswer::Address("1.1.1.1".parse().unwrap())));
        assert_eq!(answer("/a/#"), Ok(AddressAnswer::Null));
        assert_eq!(answer("/a/"), Ok(AddressAnswer::NxDomain));
        assert_eq!(answer("/a/1.1.1.1#5"), Err(ProblemKind::BadAddress));
        assert_eq!(parse_address(&value("1.1.1.1")).map(|rule| rule.domains), Ok(vec![]));
    }
}
