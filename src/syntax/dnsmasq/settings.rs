//! The settings of dnsmasq that decide how it listens and forwards.

use std::net::IpAddr;

use crate::source::{Span, Spanned};
use crate::syntax::resolv_conf::address::strict;

use super::conf_dir::ConfDir;
use super::server::{self, AddressRule, Server, Target};
use super::{Entry, Problem, ProblemKind, part, values};

/// What one file or command line sets. Options that may be repeated add up; of the others the first one is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `port=`, by default 53; 0 turns DNS off, and so does an empty value.
    pub port: Option<Spanned<u16>>,
    /// `server=`, `local=` and `rev-server=`.
    pub servers: Vec<Spanned<Server>>,
    /// `address=`.
    pub addresses: Vec<Spanned<AddressRule>>,
    /// `resolv-file=`; of several, dnsmasq reads the one with the newest mtime. By default `/etc/resolv.conf`;
    /// an empty name in the first place takes the default away.
    pub resolv_files: Vec<Spanned<String>>,
    /// `servers-file=`.
    pub servers_file: Option<Spanned<String>>,
    /// `no-resolv`: no resolv-file at all.
    pub no_resolv: Option<Span>,
    /// `no-poll`: a changed resolv-file is not noticed.
    pub no_poll: Option<Span>,
    /// `listen-address=`, all words.
    pub listen_addresses: Vec<Spanned<IpAddr>>,
    /// `interface=`, all words.
    pub interfaces: Vec<Spanned<String>>,
    /// `except-interface=`, all words.
    pub except_interfaces: Vec<Spanned<String>>,
    /// `auth-server=`, which counts as listening on an interface.
    pub auth_server: Option<Span>,
    /// `bind-interfaces`.
    pub bind_interfaces: Option<Span>,
    /// `bind-dynamic`.
    pub bind_dynamic: Option<Span>,
    /// `local-service`.
    pub local_service: Option<Spanned<LocalService>>,
    /// `conf-file=`.
    pub conf_files: Vec<Spanned<String>>,
    /// `conf-dir=`.
    pub conf_dirs: Vec<Spanned<ConfDir>>,
    /// `strict-order`: upstreams in file order.
    pub strict_order: Option<Span>,
    /// `all-servers`: always ask all upstreams.
    pub all_servers: Option<Span>,
    /// `dns-loop-detect`.
    pub dns_loop_detect: Option<Span>,
    /// `cache-size=`, by default 150; 0 or an empty value turns the cache off.
    pub cache_size: Option<Spanned<u32>>,
    /// `domain-needed`: names without dot are never forwarded.
    pub domain_needed: Option<Span>,
    /// `bogus-priv`: reverse names of private addresses are never forwarded.
    pub bogus_priv: Option<Span>,
}

/// The values of `local-service`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LocalService {
    /// Answer only hosts of own networks; the default of the option.
    Net,
    /// Listen on the loopback interface only (2.90).
    Host,
}

impl Settings {
    /// Adds one option.
    pub(super) fn apply(&mut self, entry: &Entry) -> Result<(), Problem> {
        let span = entry.span;
        let empty = Spanned::new(String::new(), Span::new(span.end, span.end));
        let value = entry.value.as_ref().unwrap_or(&empty);
        match entry.option.name {
            "no-resolv" => self.no_resolv = Some(span),
            "no-poll" => self.no_poll = Some(span),
            "bind-interfaces" => self.bind_interfaces = Some(span),
            "bind-dynamic" => self.bind_dynamic = Some(span),
            "strict-order" => self.strict_order = Some(span),
            "all-servers" => self.all_servers = Some(span),
            "dns-loop-detect" => self.dns_loop_detect = Some(span),
            "domain-needed" => self.domain_needed = Some(span),
            "bogus-priv" => self.bogus_priv = Some(span),
            "auth-server" => self.auth_server = Some(span),
            "port" => self.port = values::port(&value.value).map(|port| Spanned::new(port, value.span)),
            "cache-size" => {
                let size = values::atoi(&value.value).map(|size| u32::try_from(size).unwrap_or(0));
                self.cache_size = size.map(|size| Spanned::new(size, value.span));
            }
            "resolv-file" if value.value.is_empty() && !self.resolv_files.is_empty() => {}
            "resolv-file" => self.resolv_files.push(value.clone()),
            "servers-file" => self.servers_file = non_empty(value).or(self.servers_file.take()),
            "conf-file" => self.conf_files.extend(non_empty(value)),
            "conf-dir" => {
                self.conf_dirs.extend(non_empty(value).map(|value| value.map(|text| ConfDir::parse(&text))));
            }
            "interface" => self.interfaces.extend(words(value)),
            "except-interface" => self.except_interfaces.extend(words(value)),
            "listen-address" => self.listen_addresses(value)?,
            "local-service" => {
                let host = entry.value.as_ref().is_some_and(|value| value.value == "host");
                let service = if host { LocalService::Host } else { LocalService::Net };
                self.local_service = Some(Spanned::new(service, span));
            }
            "address" => self.addresses.push(Spanned::new(server::parse_address(value)?, span)),
            "server" | "local" => match server::parse_server(value)? {
                Some(server) => return self.server(server, value.span, span),
                None => return Ok(()),
            },
            "rev-server" => return self.server(server::parse_rev_server(value)?, value.span, span),
            _ => {}
        }
        Ok(())
    }

    fn server(&mut self, server: Server, value: Span, span: Span) -> Result<(), Problem> {
        let warning = match &server.target {
            Target::Host { name, .. } => Some(Problem {
                kind: ProblemKind::HostNameUpstream,
                span: value,
                line: 0,
                message: format!("the upstream `{name}` is looked up once at start; dnsmasq stops if that fails"),
                suggestion: None,
            }),
            _ => None,
        };
        self.servers.push(Spanned::new(server, span));
        warning.map_or(Ok(()), Err)
    }

    fn listen_addresses(&mut self, value: &Spanned<String>) -> Result<(), Problem> {
        // An empty word is no address either.
        for word in all_words(value) {
            let address = strict(&word.value).ok_or_else(|| Problem {
                kind: ProblemKind::BadAddress,
                span: word.span,
                line: 0,
                message: format!("`{}` is not an IP address", word.value),
                suggestion: None,
            })?;
            self.listen_addresses.push(Spanned::new(address, word.span));
        }
        Ok(())
    }
}

fn non_empty(value: &Spanned<String>) -> Option<Spanned<String>> {
    (!value.value.is_empty()).then(|| value.clone())
}

/// The words between commas that are not empty, without blanks around them.
fn words(value: &Spanned<String>) -> Vec<Spanned<String>> {
    let mut words = all_words(value);
    words.retain(|word| !word.value.is_empty());
    words
}

fn all_words(value: &Spanned<String>) -> Vec<Spanned<String>> {
    let mut start = 0;
    let mut words = Vec::new();
    for piece in value.value.split(',') {
        let word = piece.trim();
        let offset = start + piece.len() - piece.trim_start().len();
        words.push(Spanned::new(word.to_owned(), part(value, offset, word.len())));
        start += piece.len() + 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::super::DnsmasqConf;
    use super::*;

    #[test]
    fn settings_of_a_whole_file() {
        let text = "port=5353\nserver=1.1.1.1\nlocal=/lan/\nrev-server=10.0.0.0/8,10.0.0.1\nresolv-file=/a\nresolv-file=/b\n\
                    no-resolv\nno-poll\nlisten-address=127.0.0.1, ::1\ninterface=eth0,eth1\nexcept-interface=lo\n\
                    bind-interfaces\nlocal-service\nconf-file=/c\nconf-dir=/d,*.conf\nstrict-order\nall-servers\n\
                    dns-loop-detect\ncache-size=0\ndomain-needed\nbogus-priv\naddress=/x/1.2.3.4\nservers-file=/s\n";
        let conf = DnsmasqConf::parse(text);
        assert_eq!(conf.problems, []);
        let s = conf.settings;
        assert_eq!(s.port.map(|p| (p.value, p.span.text(text))), Some((5353, "5353")));
        assert_eq!((s.servers.len(), s.addresses.len(), s.conf_files.len(), s.conf_dirs.len()), (3, 1, 1, 1));
        assert_eq!(s.resolv_files.iter().map(|f| f.value.as_str()).collect::<Vec<_>>(), ["/a", "/b"]);
        assert_eq!(s.listen_addresses.iter().map(|a| a.span.text(text)).collect::<Vec<_>>(), ["127.0.0.1", "::1"]);
        assert_eq!(s.interfaces.iter().map(|i| i.span.text(text)).collect::<Vec<_>>(), ["eth0", "eth1"]);
        assert_eq!(s.except_interfaces.len(), 1);
        assert_eq!(s.local_service.map(|l| l.value), Some(LocalService::Net));
        assert_eq!(s.cache_size.map(|c| c.value), Some(0));
        assert_eq!(s.servers_file.map(|f| f.value), Some("/s".to_owned()));
        let flags = [
            s.no_resolv,
            s.no_poll,
            s.bind_interfaces,
            s.strict_order,
            s.all_servers,
            s.dns_loop_detect,
            s.domain_needed,
            s.bogus_priv,
        ];
        let shown = flags.iter().flatten().map(|span| span.text(text)).collect::<Vec<_>>();
        assert_eq!(
            shown,
            [
                "no-resolv",
                "no-poll",
                "bind-interfaces",
                "strict-order",
                "all-servers",
                "dns-loop-detect",
                "domain-needed",
                "bogus-priv"
            ]
        );
        assert_eq!(s.bind_dynamic, None);
    }

    #[test]
    fn the_first_number_counts_and_an_empty_one_is_zero() {
        let port = |text: &str| DnsmasqConf::parse(text).settings.port.map(|p| p.value);
        assert_eq!(port("port=54\nport=53\n"), Some(54));
        assert_eq!(port("port=\n"), Some(0));
        assert_eq!(port("port=x\n"), None);
        assert_eq!(port(""), None);
    }

    #[test]
    fn an_empty_resolv_file_counts_in_the_first_place() {
        let files = |text: &str| {
            DnsmasqConf::parse(text).settings.resolv_files.into_iter().map(|f| f.value).collect::<Vec<_>>()
        };
        assert_eq!(files("resolv-file=\n"), [""]);
        assert_eq!(files("resolv-file\nresolv-file=/a\n"), ["", "/a"]);
        assert_eq!(files("resolv-file=/a\nresolv-file=\n"), ["/a"]);
    }

    #[test]
    fn a_host_name_is_kept_with_a_warning() {
        let conf = DnsmasqConf::parse("server=dns.corp\n");
        assert_eq!(conf.settings.servers.len(), 1);
        assert_eq!(
            conf.problems.iter().map(|p| (p.kind, p.line)).collect::<Vec<_>>(),
            [(ProblemKind::HostNameUpstream, 1)]
        );
        assert!(!ProblemKind::HostNameUpstream.is_fatal());
    }
}
