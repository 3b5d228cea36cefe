//! A typed reading of `forward` directives: where queries go, and for which names.

use crate::model::pillar::PILLAR;
use std::net::IpAddr;

use super::golang::{parse_ip, split_host_port, strip_zone};
use crate::syntax::corefile::{
    Directive, Place, Token, Transport, Version, is_domain_name, normalize_name, origins_from_args, split_transport,
};

/// What an upstream argument is. Whether a path exists is not looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpstreamKind {
    /// An address.
    Ip {
        /// The address without its zone.
        address: IpAddr,
        /// The port as written, or the default of the transport. CoreDNS does not check it.
        port: String,
        /// How it is spoken to.
        transport: Transport,
        /// The `%zone` of a link-local address, or the TLS server name behind `%` of a `tls://` upstream.
        zone: Option<String>,
    },
    /// A file in the format of resolv.conf.
    File(String),
    /// A host name, resolved once at start (since 1.14.4; refused before).
    HostName {
        /// The name.
        name: String,
        /// The port as written, or the default.
        port: String,
        /// How it is spoken to.
        transport: Transport,
    },
    /// Text that something should have replaced before CoreDNS reads it: `__PILLAR__…`, `<nil>`, `{{ … }}`, `$NAME`.
    Placeholder,
    /// Nothing that CoreDNS accepts.
    Invalid,
}

/// One upstream argument of a `forward`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The argument as CoreDNS sees it.
    pub text: String,
    /// What it is.
    pub kind: UpstreamKind,
    /// Where it stands.
    pub place: Place,
}

/// A `forward` directive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardSpec {
    /// Zone whose queries are forwarded, normalised; `None` if the argument is missing or no zone.
    pub from: Option<String>,
    /// Where that zone stands.
    pub from_place: Option<Place>,
    /// The upstreams in order.
    pub to: Vec<Upstream>,
    /// Names that are not forwarded, normalised.
    pub except: Vec<String>,
    /// Always TCP.
    pub force_tcp: bool,
    /// UDP first, whatever the client used.
    pub prefer_udp: bool,
    /// How the upstream is chosen: `random` unless set.
    pub policy: String,
    /// Queries at a time; 0 is unlimited.
    pub max_concurrent: u64,
    /// Failed checks after which an upstream is down; 0 means never.
    pub max_fails: u64,
    /// Interval of health checks as written.
    pub health_check: Option<String>,
    /// Name to verify in the certificate of `tls://` upstreams.
    pub tls_servername: Option<String>,
    /// Response codes for which the next `forward` is asked.
    pub next: Vec<String>,
    /// Response codes for which the next upstream is asked.
    pub failover: Vec<String>,
    /// The place of the whole directive.
    pub place: Place,
}

impl ForwardSpec {
    /// Reads a directive as the release would; errors are the set-up check's matter, so bad values become defaults.
    #[must_use]
    pub fn read(directive: &Directive, version: Version) -> Self {
        let property = |name: &str| directive.property(name);
        let first = |name: &str| property(name).and_then(|p| p.args.first()).map(|arg| arg.text.clone());
        let number = |name: &str, default: u64| first(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let words = |name: &str| -> Vec<String> {
            directive.properties_named(name).flat_map(|p| p.arg_texts().map(str::to_owned)).collect()
        };
        let except: Vec<String> = words("except");
        let except: Vec<&str> = except.iter().map(String::as_str).collect();
        let except = if except.is_empty() { Vec::new() } else { origins_from_args(&except, &[], version).0 };
        let from = directive.args.first();
        Self {
            from: from.and_then(|from| origins_from_args(&[&from.text], &[], version).0.into_iter().next()),
            from_place: from.map(Place::of),
            to: directive.args.iter().skip(1).map(|arg| upstream(arg, version)).collect(),
            except,
            force_tcp: property("force_tcp").is_some(),
            prefer_udp: property("prefer_udp").is_some(),
            policy: first("policy").unwrap_or_else(|| "random".to_owned()),
            max_concurrent: number("max_concurrent", 0),
            max_fails: number("max_fails", 2),
            health_check: first("health_check"),
            tls_servername: first("tls_servername"),
            next: words("next"),
            failover: words("failover"),
            place: directive.place(),
        }
    }

    /// Whether a query for `name` (normalised) is forwarded: at or below FROM and not below an exception.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some(from) = self.from.as_deref() else { return false };
        is_below(name, from) && (name == from || !self.except.iter().any(|except| is_below(name, except)))
    }
}

/// Whether `name` is `zone` or below it; both normalised.
fn is_below(name: &str, zone: &str) -> bool {
    zone == "." || name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'))
}

fn upstream(arg: &Token, version: Version) -> Upstream {
    Upstream { text: arg.text.clone(), kind: classify_upstream(&arg.text, version), place: Place::of(arg) }
}

/// What an upstream argument of `forward` is for a release (`plugin/pkg/parse`).
#[must_use]
pub fn classify_upstream(text: &str, version: Version) -> UpstreamKind {
    if is_placeholder(text) {
        return UpstreamKind::Placeholder;
    }
    let (transport, rest) = split_transport(text, version);
    if rest.is_empty() || matches!(transport, Transport::Unix | Transport::Grpc | Transport::Https3) {
        return UpstreamKind::Invalid;
    }
    if transport == Transport::Quic && version < Version::new(1, 15, 0) {
        return UpstreamKind::Invalid;
    }
    if transport == Transport::Https && version < Version::new(1, 14, 5) {
        return UpstreamKind::Invalid;
    }
    let brackets = version >= Version::new(1, 14, 2);
    let default_port = transport.default_port("53");
    let (host, port, split) = match split_host_port(rest) {
        Ok((host, port)) => (host, port.to_owned(), true),
        Err(_) if brackets => (rest.trim_matches(['[', ']']), default_port, false),
        Err(_) => (rest, default_port, false),
    };
    if let Some(address) = parse_ip(strip_zone(host)) {
        let zone = host.rsplit_once('%').map(|(_, zone)| zone.to_owned());
        return UpstreamKind::Ip { address, port, transport, zone };
    }
    if looks_like_path(rest) {
        return UpstreamKind::File(rest.to_owned());
    }
    let name = if split { host } else { rest };
    if looks_like_name(name) {
        return UpstreamKind::HostName { name: normalize_name(name), port, transport };
    }
    UpstreamKind::Invalid
}

/// Whether the text was meant to be replaced by something else.
pub(super) fn is_placeholder(text: &str) -> bool {
    text.contains(PILLAR)
        || text.contains("{{")
        || (text.starts_with('<') && text.ends_with('>'))
        || text.contains("${")
        || (text.starts_with('$') && text.len() > 1)
        || (text.len() > 4 && text.starts_with("__") && text.ends_with("__"))
}

fn looks_like_path(text: &str) -> bool {
    text.contains('/')
        || text == "."
        || std::path::Path::new(text).extension().is_some_and(|extension| extension == "conf")
}

fn looks_like_name(text: &str) -> bool {
    let address_like = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let plain = text.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'));
    !address_like && plain && is_domain_name(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::corefile::{NoImports, Options, parse};

    const V: Version = Version::new(1, 13, 2);

    #[test]
    fn upstream_forms_follow_the_release() {
        let ip = |text: &str, version| match classify_upstream(text, version) {
            UpstreamKind::Ip { address, port, transport, zone } => {
                format!("{} {address} {port} {}", transport.scheme(), zone.unwrap_or_default())
            }
            other => format!("{other:?}"),
        };
        let new = Version::new(1, 14, 5);
        assert_eq!(ip("10.0.0.1", V), "dns 10.0.0.1 53 ");
        assert_eq!(ip("::1:53", V), "dns ::1:53 53 ");
        assert_eq!(ip("[::1]:5353", V), "dns ::1 5353 ");
        assert_eq!(ip("fe80::1%eth0", V), "dns fe80::1 53 eth0");
        assert_eq!(ip("tls://9.9.9.9", V), "tls 9.9.9.9 853 ");
        assert_eq!((ip("[::1]", V).as_str(), ip("[::1]", new).as_str()), ("Invalid", "dns ::1 53 "));
        assert_eq!(
            (ip("https://9.9.9.9", V).as_str(), ip("https://9.9.9.9", new).as_str()),
            ("Invalid", "https 9.9.9.9 443 ")
        );
        for (text, want) in [
            ("/etc/resolv.conf", UpstreamKind::File("/etc/resolv.conf".to_owned())),
            ("__PILLAR__CLUSTER__DNS__", UpstreamKind::Placeholder),
            ("<nil>", UpstreamKind::Placeholder),
            ("10.0.0.1,10.0.0.2", UpstreamKind::Invalid),
            ("10.0.0.256", UpstreamKind::Invalid),
            ("quic://10.0.0.1", UpstreamKind::Invalid),
        ] {
            assert_eq!(classify_upstream(text, V), want, "{text}");
        }
        assert!(matches!(classify_upstream("dns.google:53", new), UpstreamKind::HostName { .. }));
    }

    #[test]
    fn reads_the_directive() {
        let text = ". {\nforward Corp.example 10.0.0.1 /etc/resolv.conf {\nexcept a.corp.example\nforce_tcp\nmax_concurrent 9\n}\n}";
        let env = |_: &str| None;
        let options = Options {
            main_file_name: "Corefile",
            directory: "/",
            env: &env,
            valid_directives: None,
            imports: &NoImports,
        };
        let corefile = parse(text, &options);
        let spec = ForwardSpec::read(&corefile.blocks[0].directives[0], V);
        assert_eq!((spec.from.as_deref(), spec.to.len(), spec.max_concurrent), (Some("corp.example."), 2, 9));
        assert!(spec.force_tcp && !spec.prefer_udp && spec.policy == "random" && spec.max_fails == 2);
        for (name, want) in
            [("corp.example.", true), ("x.corp.example.", true), ("a.corp.example.", false), ("xcorp.example.", false)]
        {
            assert_eq!(spec.matches(name), want, "{name}");
        }
    }
}
