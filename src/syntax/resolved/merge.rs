//! The configuration that resolved runs with: `resolved.conf` and its drop-ins, one after another.

use crate::source::Span;

use super::problems::{ValueKind, mode, value_kind};
use super::words::{DnsServer, ExtraListener, Mode, SearchDomain};
use super::{Assignment, ResolvedConf};

/// Entries of one list that resolved keeps (`MANAGER_DNS_SERVERS_MAX`, `MANAGER_SEARCH_DOMAINS_MAX`).
const MAX_ENTRIES: usize = 256;

/// A value with the file and place that set it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// Index into the files given to [`merge`].
    pub file: usize,
    /// The word or value in that file.
    pub span: Span,
}

/// What all files together say. A setting that is `None` has its compiled-in default.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Effective {
    /// Servers of `DNS=` without the ones that resolved drops (see [`DnsServer::is_dropped`]).
    pub dns: Vec<Sourced<DnsServer>>,
    /// Servers of `FallbackDNS=`; `None` if no file sets it, then the compiled-in list holds (empty in Debian and
    /// Ubuntu).
    pub fallback_dns: Option<Vec<Sourced<DnsServer>>>,
    /// Domains of `Domains=`.
    pub domains: Vec<Sourced<SearchDomain>>,
    /// The assignment that keeps resolved from reading a foreign `/etc/resolv.conf`: the first `DNS=` or `Domains=`,
    /// also an empty one.
    pub configured_by: Option<Sourced<()>>,
    /// `DNSStubListener=`, by default yes: 127.0.0.53 and 127.0.0.54.
    pub stub_listener: Option<Sourced<Mode>>,
    /// `DNSStubListenerExtra=`.
    pub stub_listener_extra: Vec<Sourced<ExtraListener>>,
    /// `Cache=`, by default yes.
    pub cache: Option<Sourced<Mode>>,
    /// `CacheFromLocalhost=`, by default no.
    pub cache_from_localhost: Option<Sourced<Mode>>,
    /// `DNSSEC=`.
    pub dnssec: Option<Sourced<Mode>>,
    /// `DNSOverTLS=`.
    pub dns_over_tls: Option<Sourced<Mode>>,
    /// `LLMNR=`.
    pub llmnr: Option<Sourced<Mode>>,
    /// `MulticastDNS=`.
    pub multicast_dns: Option<Sourced<Mode>>,
    /// `ReadEtcHosts=`, by default yes.
    pub read_etc_hosts: Option<Sourced<Mode>>,
    /// `ResolveUnicastSingleLabel=`, by default no.
    pub resolve_unicast_single_label: Option<Sourced<Mode>>,
}

/// Puts the main file and its drop-ins together, in the order given (main file first, drop-ins by name).
///
/// Lists accumulate and an empty assignment clears them; of the other settings the last valid one counts.
#[must_use]
pub fn merge(files: &[&ResolvedConf]) -> Effective {
    let mut effective = Effective::default();
    for (file, conf) in files.iter().enumerate() {
        conf.assignments.iter().filter(|a| a.is_read()).for_each(|a| effective.apply(file, a));
    }
    effective
}

impl Effective {
    /// Whether resolved takes servers and domains from a foreign `/etc/resolv.conf`.
    #[must_use]
    pub const fn reads_resolv_conf(&self) -> bool {
        self.configured_by.is_none()
    }

    /// The servers of `DNS=` that are asked: the ones that are no extra stub listener of resolved itself.
    pub fn upstreams(&self) -> impl Iterator<Item = &Sourced<DnsServer>> {
        self.dns.iter().filter(|server| {
            let own = |extra: &Sourced<ExtraListener>| {
                extra.value.address == server.value.address && extra.value.port == server.value.effective_port()
            };
            !self.stub_listener_extra.iter().any(own)
        })
    }

    /// The servers that the uplink `resolv.conf` can name, which has no ports.
    pub fn uplink_servers(&self) -> impl Iterator<Item = &Sourced<DnsServer>> {
        self.upstreams().filter(|server| server.value.effective_port() == 53)
    }

    /// The domains that reach a `search` line; routing domains do not.
    pub fn search_domains(&self) -> impl Iterator<Item = &Sourced<SearchDomain>> {
        self.domains.iter().filter(|domain| !domain.value.route_only)
    }

    /// Whether the stub on 127.0.0.53 listens on UDP and on TCP.
    #[must_use]
    pub fn stub_protocols(&self) -> (bool, bool) {
        match self.stub_listener.as_ref().map(|mode| mode.value) {
            Some(Mode::No) => (false, false),
            Some(Mode::Udp) => (true, false),
            Some(Mode::Tcp) => (false, true),
            _ => (true, true),
        }
    }

    fn apply(&mut self, file: usize, assignment: &Assignment) {
        let key = assignment.key.value.as_str();
        match value_kind(key) {
            Some(ValueKind::Servers) if key == "DNS" => {
                self.configured(file, assignment);
                add_servers(&mut self.dns, file, assignment);
            }
            Some(ValueKind::Servers) => add_servers(self.fallback_dns.get_or_insert_default(), file, assignment),
            Some(ValueKind::Domains) => {
                self.configured(file, assignment);
                add_words(&mut self.domains, file, assignment, SearchDomain::parse);
            }
            Some(ValueKind::Extra) => {
                add_words(&mut self.stub_listener_extra, file, assignment, ExtraListener::parse);
            }
            Some(ValueKind::Modes(extra)) => {
                let value = mode(&assignment.value.value, extra);
                let sourced = value.map(|value| Sourced { value, file, span: assignment.value.span });
                if let (Some(sourced), Some(field)) = (sourced, self.mode_field(key)) {
                    *field = Some(sourced);
                }
            }
            Some(ValueKind::Free) | None => {}
        }
    }

    fn configured(&mut self, file: usize, assignment: &Assignment) {
        self.configured_by.get_or_insert(Sourced { value: (), file, span: assignment.span });
    }

    fn mode_field(&mut self, key: &str) -> Option<&mut Option<Sourced<Mode>>> {
        Some(match key {
            "DNSStubListener" => &mut self.stub_listener,
            "Cache" => &mut self.cache,
            "CacheFromLocalhost" => &mut self.cache_from_localhost,
            "DNSSEC" => &mut self.dnssec,
            "DNSOverTLS" => &mut self.dns_over_tls,
            "LLMNR" => &mut self.llmnr,
            "MulticastDNS" => &mut self.multicast_dns,
            "ReadEtcHosts" => &mut self.read_etc_hosts,
            "ResolveUnicastSingleLabel" => &mut self.resolve_unicast_single_label,
            _ => return None,
        })
    }
}

/// Adds the words of an assignment to a list; an empty assignment clears it.
fn add_words<T: PartialEq>(
    list: &mut Vec<Sourced<T>>,
    file: usize,
    assignment: &Assignment,
    parse: impl Fn(&str) -> Option<T>,
) {
    if assignment.value.value.is_empty() {
        list.clear();
    }
    for word in assignment.words() {
        let Some(value) = parse(word.value) else { continue };
        // A repeated entry moves to the end.
        list.retain(|known| known.value != value);
        if list.len() < MAX_ENTRIES {
            list.push(Sourced { value, file, span: word.span });
        }
    }
}

fn add_servers(list: &mut Vec<Sourced<DnsServer>>, file: usize, assignment: &Assignment) {
    add_words(list, file, assignment, |word| DnsServer::parse(word).filter(|server| !server.is_dropped()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(texts: &[&str]) -> Effective {
        let files = texts.iter().map(|text| ResolvedConf::parse(&format!("[Resolve]\n{text}"))).collect::<Vec<_>>();
        merge(&files.iter().collect::<Vec<_>>())
    }

    fn dns(effective: &Effective) -> Vec<String> {
        effective.dns.iter().map(|s| s.value.to_string()).collect()
    }

    #[test]
    fn drop_ins_accumulate_and_an_empty_value_clears() {
        let effective = merged(&["DNS=1.1.1.1 9.9.9.9\nDomains=a\n", "DNS=8.8.8.8 1.1.1.1\nDomains=\nDomains=b ~c\n"]);
        assert_eq!(dns(&effective), ["9.9.9.9", "8.8.8.8", "1.1.1.1"]);
        let domains = effective.domains.iter().map(|d| d.value.name.as_str()).collect::<Vec<_>>();
        assert_eq!(domains, ["b", "c"]);
        assert_eq!(effective.search_domains().count(), 1);
        assert_eq!(dns(&merged(&["DNS=1.1.1.1\n", "DNS=\n"])), [""; 0]);
    }

    #[test]
    fn any_dns_or_domains_stops_reading_resolv_conf() {
        assert!(merged(&["Cache=no\nFallbackDNS=1.1.1.1\n"]).reads_resolv_conf());
        for text in ["DNS=1.1.1.1\n", "Domains=a\n", "DNS=\n"] {
            assert!(!merged(&[text]).reads_resolv_conf(), "{text}");
        }
    }

    #[test]
    fn dropped_servers_and_own_listeners() {
        let effective =
            merged(&["DNS=127.0.0.53 0.0.0.0 127.0.0.1 10.0.0.1 10.0.0.2:54\nDNSStubListenerExtra=10.0.0.1\n"]);
        assert_eq!(dns(&effective), ["127.0.0.1", "10.0.0.1", "10.0.0.2:54"]);
        assert_eq!(
            effective.upstreams().map(|s| s.value.to_string()).collect::<Vec<_>>(),
            ["127.0.0.1", "10.0.0.2:54"]
        );
        assert_eq!(effective.uplink_servers().count(), 1);
    }

    #[test]
    fn the_last_valid_mode_counts() {
        let effective =
            merged(&["DNSStubListener=no\nCache=no-negative\n", "DNSStubListener=TRUE\nDNSStubListener=maybe\n"]);
        let stub = effective.stub_listener.as_ref().map(|m| (m.value, m.file));
        assert_eq!(stub, Some((Mode::Yes, 1)));
        assert_eq!(effective.cache.map(|m| m.value), Some(Mode::NoNegative));
        assert_eq!(merged(&["DNSStubListener=udp\n"]).stub_protocols(), (true, false));
        assert_eq!(merged(&[""]).stub_protocols(), (true, true));
    }

    #[test]
    fn fallback_is_unset_or_a_list() {
        assert_eq!(merged(&[""]).fallback_dns, None);
        assert_eq!(merged(&["FallbackDNS=\n"]).fallback_dns.map(|list| list.len()), Some(0));
        assert_eq!(merged(&["FallbackDNS=1.1.1.1 8.8.8.8\n"]).fallback_dns.map(|list| list.len()), Some(2));
    }
}
