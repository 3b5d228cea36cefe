//! The options of dnsmasq 2.90: names, short flags, and whether they take a value.

/// Whether an option takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Arity {
    /// No value; a value is "extraneous parameter".
    None,
    /// A value; without one "missing parameter".
    Required,
    /// With or without; on the command line only `--name=value`, as a short flag mostly with.
    Optional,
}

/// An option of dnsmasq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionSpec {
    /// The long name, without dashes; the only form in a file.
    pub name: &'static str,
    /// The flag on the command line.
    pub short: Option<char>,
    /// Whether it takes a value.
    pub arity: Arity,
}

impl OptionSpec {
    /// Whether the option may stand only once; a second one is an "illegal repeated keyword".
    #[must_use]
    pub fn is_once(&self) -> bool {
        ONCE.binary_search(&self.name).is_ok()
    }

    /// Whether the short flag takes a value: optional values are required there, but `-q` and `-1` take none.
    #[must_use]
    pub fn short_takes_value(&self) -> bool {
        match self.arity {
            Arity::None => false,
            Arity::Required => true,
            Arity::Optional => !matches!(self.short, Some('q' | '1')),
        }
    }
}

/// Options that may stand once only in all files together (`ARG_ONE` of option.c), sorted.
const ONCE: [&str; 49] = [
    "add-cpe-id",
    "add-subnet",
    "auth-server",
    "auth-soa",
    "auth-ttl",
    "cache-size",
    "connmark-allowlist-enable",
    "dhcp-alternate-port",
    "dhcp-duid",
    "dhcp-lease",
    "dhcp-lease-max",
    "dhcp-leasefile",
    "dhcp-reply-delay",
    "dhcp-script",
    "dhcp-scriptuser",
    "dhcp-ttl",
    "dns-forward-max",
    "dnssec-limits",
    "dnssec-timestamp",
    "dumpfile",
    "dumpmask",
    "edns-packet-max",
    "enable-dbus",
    "enable-ubus",
    "fast-dns-retry",
    "group",
    "local-service",
    "local-ttl",
    "log-async",
    "log-facility",
    "max-cache-ttl",
    "max-port",
    "max-tcp-connections",
    "max-ttl",
    "min-cache-ttl",
    "min-port",
    "mx-target",
    "neg-ttl",
    "pid-file",
    "port",
    "port-limit",
    "query-port",
    "servers-file",
    "tftp-max",
    "tftp-mtu",
    "tftp-port-range",
    "umbrella",
    "use-stale-cache",
    "user",
];

const fn option(name: &'static str, short: Option<char>, arity: Arity) -> OptionSpec {
    OptionSpec { name, short, arity }
}

/// The option of this long name; names are case sensitive.
#[must_use]
pub fn find(name: &str) -> Option<&'static OptionSpec> {
    OPTIONS.binary_search_by(|known| known.name.cmp(name)).ok().and_then(|index| OPTIONS.get(index))
}

/// The option of this flag.
#[must_use]
pub fn find_short(flag: char) -> Option<&'static OptionSpec> {
    OPTIONS.iter().find(|known| known.short == Some(flag))
}

/// The option that a long name on the command line means: itself, or the only one that it abbreviates (`getopt_long`).
#[must_use]
pub fn find_abbreviated(name: &str) -> Option<&'static OptionSpec> {
    find(name).or_else(|| {
        let mut matching = OPTIONS.iter().filter(|known| known.name.starts_with(name));
        matching.next().filter(|_| matching.next().is_none())
    })
}

/// All options, sorted by name.
pub const OPTIONS: &[OptionSpec] = &[
    option("add-cpe-id", None, Arity::Required),
    option("add-mac", None, Arity::Optional),
    option("add-subnet", None, Arity::Optional),
    option("addn-hosts", Some('H'), Arity::Required),
    option("address", Some('A'), Arity::Required),
    option("alias", Some('V'), Arity::Required),
    option("all-servers", None, Arity::None),
    option("auth-peer", None, Arity::Required),
    option("auth-sec-servers", None, Arity::Required),
    option("auth-server", None, Arity::Required),
    option("auth-soa", None, Arity::Required),
    option("auth-ttl", None, Arity::Required),
    option("auth-zone", None, Arity::Required),
    option("bind-dynamic", None, Arity::None),
    option("bind-interfaces", Some('z'), Arity::None),
    option("bogus-nxdomain", Some('B'), Arity::Required),
    option("bogus-priv", Some('b'), Arity::None),
    option("bootp-dynamic", Some('3'), Arity::Optional),
    option("bridge-interface", None, Arity::Required),
    option("caa-record", None, Arity::Required),
    option("cache-rr", None, Arity::Required),
    option("cache-size", Some('c'), Arity::Optional),
    option("clear-on-reload", None, Arity::None),
    option("cname", None, Arity::Required),
    option("conf-dir", Some('7'), Arity::Required),
    option("conf-file", Some('C'), Arity::Optional),
    option("conf-script", None, Arity::Required),
    option("connmark-allowlist", None, Arity::Required),
    option("connmark-allowlist-enable", None, Arity::Optional),
    option("conntrack", None, Arity::None),
    option("dhcp-alternate-port", None, Arity::Optional),
    option("dhcp-authoritative", Some('K'), Arity::None),
    option("dhcp-boot", Some('M'), Arity::Required),
    option("dhcp-broadcast", None, Arity::Optional),
    option("dhcp-circuitid", None, Arity::Required),
    option("dhcp-client-update", None, Arity::None),
    option("dhcp-duid", None, Arity::Required),
    option("dhcp-fqdn", None, Arity::None),
    option("dhcp-generate-names", None, Arity::Optional),
    option("dhcp-host", Some('G'), Arity::Required),
    option("dhcp-hostsdir", None, Arity::Required),
    option("dhcp-hostsfile", None, Arity::Required),
    option("dhcp-ignore", Some('J'), Arity::Required),
    option("dhcp-ignore-clid", None, Arity::None),
    option("dhcp-ignore-names", None, Arity::Optional),
    option("dhcp-lease", None, Arity::Required),
    option("dhcp-lease-max", Some('X'), Arity::Required),
    option("dhcp-leasefile", Some('l'), Arity::Optional),
    option("dhcp-luascript", None, Arity::Required),
    option("dhcp-mac", Some('4'), Arity::Required),
    option("dhcp-match", None, Arity::Required),
    option("dhcp-name-match", None, Arity::Required),
    option("dhcp-no-override", None, Arity::None),
    option("dhcp-option", Some('O'), Arity::Required),
    option("dhcp-option-force", None, Arity::Required),
    option("dhcp-optsdir", None, Arity::Required),
    option("dhcp-optsfile", None, Arity::Required),
    option("dhcp-proxy", None, Arity::Optional),
    option("dhcp-pxe-vendor", None, Arity::Required),
    option("dhcp-range", Some('F'), Arity::Required),
    option("dhcp-rapid-commit", None, Arity::None),
    option("dhcp-relay", None, Arity::Required),
    option("dhcp-remoteid", None, Arity::Required),
    option("dhcp-reply-delay", None, Arity::Required),
    option("dhcp-script", Some('6'), Arity::Required),
    option("dhcp-scriptuser", None, Arity::Required),
    option("dhcp-sequential-ip", None, Arity::None),
    option("dhcp-subscrid", None, Arity::Required),
    option("dhcp-ttl", None, Arity::Required),
    option("dhcp-userclass", Some('j'), Arity::Required),
    option("dhcp-vendorclass", Some('U'), Arity::Required),
    option("dns-forward-max", Some('0'), Arity::Required),
    option("dns-loop-detect", None, Arity::None),
    option("dns-rr", None, Arity::Required),
    option("dnssec", None, Arity::None),
    option("dnssec-check-unsigned", None, Arity::Optional),
    option("dnssec-debug", None, Arity::None),
    option("dnssec-limits", None, Arity::Required),
    option("dnssec-no-timecheck", None, Arity::None),
    option("dnssec-timestamp", None, Arity::Required),
    option("domain", Some('s'), Arity::Required),
    option("domain-needed", Some('D'), Arity::None),
    option("domain-suffix", None, Arity::Required),
    option("dumpfile", None, Arity::Required),
    option("dumpmask", None, Arity::Required),
    option("dynamic-host", None, Arity::Required),
    option("edns-packet-max", Some('P'), Arity::Required),
    option("enable-dbus", Some('1'), Arity::Optional),
    option("enable-ra", None, Arity::None),
    option("enable-tftp", None, Arity::Optional),
    option("enable-ubus", None, Arity::Optional),
    option("except-interface", Some('I'), Arity::Required),
    option("expand-hosts", Some('E'), Arity::None),
    option("fast-dns-retry", None, Arity::Optional),
    option("filter-A", None, Arity::None),
    option("filter-AAAA", None, Arity::None),
    option("filter-rr", None, Arity::Required),
    option("filterwin2k", Some('f'), Arity::None),
    option("group", Some('g'), Arity::Optional),
    option("help", Some('w'), Arity::None),
    option("host-record", None, Arity::Required),
    option("hostsdir", None, Arity::Required),
    option("ignore-address", None, Arity::Required),
    option("interface", Some('i'), Arity::Required),
    option("interface-name", None, Arity::Required),
    option("ipset", None, Arity::Required),
    option("keep-in-foreground", Some('k'), Arity::None),
    option("leasefile-ro", Some('9'), Arity::None),
    option("listen-address", Some('a'), Arity::Required),
    option("local", None, Arity::Required),
    option("local-service", None, Arity::Optional),
    option("local-ttl", Some('T'), Arity::Required),
    option("localise-queries", Some('y'), Arity::None),
    option("localmx", Some('L'), Arity::None),
    option("log-async", None, Arity::Optional),
    option("log-debug", None, Arity::None),
    option("log-dhcp", None, Arity::None),
    option("log-facility", Some('8'), Arity::Required),
    option("log-queries", Some('q'), Arity::Optional),
    option("max-cache-ttl", None, Arity::Required),
    option("max-port", None, Arity::Required),
    option("max-tcp-connections", None, Arity::Required),
    option("max-ttl", None, Arity::Required),
    option("min-cache-ttl", None, Arity::Required),
    option("min-port", None, Arity::Required),
    option("mx-host", Some('m'), Arity::Required),
    option("mx-target", Some('t'), Arity::Required),
    option("naptr-record", None, Arity::Required),
    option("neg-ttl", None, Arity::Required),
    option("nftset", None, Arity::Required),
    option("no-daemon", Some('d'), Arity::None),
    option("no-dhcp-interface", Some('2'), Arity::Required),
    option("no-dhcpv4-interface", None, Arity::Required),
    option("no-dhcpv6-interface", None, Arity::Required),
    option("no-hosts", Some('h'), Arity::None),
    option("no-ident", None, Arity::None),
    option("no-negcache", Some('N'), Arity::None),
    option("no-ping", Some('5'), Arity::None),
    option("no-poll", Some('n'), Arity::None),
    option("no-resolv", Some('R'), Arity::None),
    option("no-round-robin", None, Arity::None),
    option("pid-file", Some('x'), Arity::Optional),
    option("port", Some('p'), Arity::Required),
    option("port-limit", None, Arity::Required),
    option("proxy-dnssec", None, Arity::None),
    option("ptr-record", None, Arity::Required),
    option("pxe-prompt", None, Arity::Required),
    option("pxe-service", None, Arity::Required),
    option("query-port", Some('Q'), Arity::Required),
    option("quiet-dhcp", None, Arity::None),
    option("quiet-dhcp6", None, Arity::None),
    option("quiet-ra", None, Arity::None),
    option("quiet-tftp", None, Arity::None),
    option("ra-param", None, Arity::Required),
    option("read-ethers", Some('Z'), Arity::None),
    option("rebind-domain-ok", None, Arity::Required),
    option("rebind-localhost-ok", None, Arity::None),
    option("resolv-file", Some('r'), Arity::Optional),
    option("rev-server", None, Arity::Required),
    option("script-arp", None, Arity::None),
    option("script-on-renewal", None, Arity::None),
    option("selfmx", Some('e'), Arity::None),
    option("server", Some('S'), Arity::Required),
    option("servers-file", None, Arity::Required),
    option("shared-network", None, Arity::Required),
    option("srv-host", Some('W'), Arity::Required),
    option("stop-dns-rebind", None, Arity::None),
    option("strict-order", Some('o'), Arity::None),
    option("strip-mac", None, Arity::None),
    option("strip-subnet", None, Arity::None),
    option("synth-domain", None, Arity::Required),
    option("tag-if", None, Arity::Required),
    option("test", None, Arity::None),
    option("tftp-lowercase", None, Arity::None),
    option("tftp-max", None, Arity::Required),
    option("tftp-mtu", None, Arity::Required),
    option("tftp-no-blocksize", None, Arity::None),
    option("tftp-no-fail", None, Arity::None),
    option("tftp-port-range", None, Arity::Required),
    option("tftp-root", None, Arity::Required),
    option("tftp-secure", None, Arity::None),
    option("tftp-single-port", None, Arity::None),
    option("tftp-unique-root", None, Arity::Optional),
    option("trust-anchor", None, Arity::Required),
    option("txt-record", Some('Y'), Arity::Required),
    option("umbrella", None, Arity::Optional),
    option("use-stale-cache", None, Arity::Optional),
    option("user", Some('u'), Arity::Optional),
    option("version", Some('v'), Arity::None),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_flags_are_unique() {
        assert!(OPTIONS.is_sorted_by(|a, b| a.name < b.name));
        let mut flags = OPTIONS.iter().filter_map(|o| o.short).collect::<Vec<_>>();
        let all = flags.len();
        flags.sort_unstable();
        flags.dedup();
        assert_eq!((flags.len(), all), (62, 62));
    }

    #[test]
    fn options_that_may_stand_once_exist() {
        assert!(ONCE.is_sorted() && ONCE.iter().all(|name| find(name).is_some_and(OptionSpec::is_once)));
        assert!(!find("server").unwrap().is_once());
    }

    #[test]
    fn abbreviations_must_be_unique() {
        assert_eq!(find_abbreviated("all-serv").map(|o| o.name), Some("all-servers"));
        assert_eq!(find_abbreviated("server").map(|o| o.name), Some("server"));
        assert_eq!(find_abbreviated("serv"), None);
        assert_eq!(find("Server"), None);
    }
}
