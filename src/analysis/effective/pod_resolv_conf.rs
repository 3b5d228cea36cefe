//! A pod's `/etc/resolv.conf`, from the kubelet's lists to the runtime's bytes (`pkg/kubelet/network/dns/dns.go`).

use super::address::{canonical, parse_sloppy, parse_strict};
use super::origin::joined;
use super::pod_dns::{
    DnsConfig, DnsConfigOption, DnsMode, DroppedSearch, Event, EventTarget, HostDns, HostFile, KubeletDns, PodDns,
    PodDnsError, PodDnsInput, PodDnsSpec, PodFile, ResolvConfSetting, SearchLimit, SourcedWord, WordSource,
};
use super::runtime::{EmptyLists, NODE_RESOLV_CONF};
use super::versions::{
    KubeVersion, MAX_NAMESERVERS, OptionsReading, SearchLimits, options_merge, search_limits_with_gate,
};
use crate::source::Located;
use std::collections::{BTreeMap, BTreeSet};

/// The only option of a cluster pod that has no `dnsConfig` (`defaultDNSOptions`).
const CLUSTER_OPTION: &str = "ndots:5";

/// The mode that a policy asks for (`getPodDNSType`).
///
/// `ClusterFirst` silently means the node's file for a pod in the host's network; a policy that the API would not
/// admit counts as `ClusterFirst` without that exception.
#[must_use]
pub fn classify(policy: &str, host_network: bool) -> DnsMode {
    match policy {
        "None" => DnsMode::None,
        "Default" => DnsMode::Host,
        "ClusterFirst" if host_network => DnsMode::Host,
        _ => DnsMode::Cluster,
    }
}

/// `clusterDNS` as the kubelet uses it: valid addresses in canonical text, and the entries it skips.
#[must_use]
pub fn valid_cluster_dns(entries: &[Located<String>]) -> (Vec<Located<String>>, Vec<Located<String>>) {
    let mut valid = Vec::new();
    let mut ignored = Vec::new();
    for entry in entries {
        match parse_sloppy(&entry.value) {
            Some(ip) => valid.push(entry.with(canonical(ip))),
            None => ignored.push(entry.clone()),
        }
    }
    (valid, ignored)
}

/// Predicts the resolver configuration of a pod and the text of its file.
///
/// # Errors
/// What keeps the pod from starting: a missing, unreadable or invalid host file (whatever the pod's policy), or a
/// search list that an old containerd refuses.
pub fn predict(input: &PodDnsInput<'_>) -> Result<PodDns, PodDnsError> {
    let host = host_dns(input.kubelet, input.host)?;
    let (cluster_dns, ignored_cluster_dns) = valid_cluster_dns(&input.kubelet.cluster_dns);
    let asked = classify(&input.pod.policy.value, input.pod.host_network);
    let fell_back_to_host = asked == DnsMode::Cluster && cluster_dns.is_empty();
    let mode = if fell_back_to_host { DnsMode::Host } else { asked };
    let mut events = Vec::new();
    if fell_back_to_host {
        events.extend([EventTarget::Node, EventTarget::Pod].map(Event::MissingClusterDns));
    }
    let mut lists = match mode {
        DnsMode::None => Lists::default(),
        DnsMode::Host => Lists::of_host(&host, input.kubelet, input.version),
        DnsMode::Cluster => Lists::of_cluster(cluster_dns, input.kubelet, input.pod, &host),
    };
    if let Some(config) = &input.pod.dns_config {
        lists.append(config);
    }
    let dropped_nameservers = cut_nameservers(&mut lists.nameservers, &mut events);
    let limits = search_limits_with_gate(input.version, input.kubelet.expanded_dns_config);
    let dropped_searches = cut_searches(&mut lists.searches, limits, &mut events);
    let file = pod_file(input, &lists)?;
    Ok(PodDns {
        mode,
        fell_back_to_host,
        options_order_random: lists.options_from_map && lists.options.len() > 1,
        nameservers: lists.nameservers,
        searches: lists.searches,
        options: lists.options,
        dropped_nameservers,
        dropped_searches,
        duplicates: lists.duplicates,
        replaced_options: lists.replaced_options,
        ignored_cluster_dns,
        unused_host_words: unused_host_words(mode, host),
        events,
        file,
    })
}

/// The host file's lists; it is loaded first, for every pod, unless `resolvConf` is empty.
fn host_dns(kubelet: &KubeletDns, host: &HostFile) -> Result<HostDns, PodDnsError> {
    let ResolvConfSetting::File(path) = &kubelet.resolv_conf else { return Ok(HostDns::default()) };
    match host {
        HostFile::Read(dns) => Ok(dns.clone()),
        HostFile::Missing => Err(PodDnsError::HostFileMissing(path.clone())),
        HostFile::Unreadable => Err(PodDnsError::HostFileUnreadable(path.clone())),
        HostFile::BareNameserver(word) => Err(PodDnsError::BareNameserver(word.clone())),
    }
}

fn unused_host_words(mode: DnsMode, host: HostDns) -> Vec<Located<String>> {
    let HostDns { nameservers, searches, options } = host;
    match mode {
        DnsMode::Host => Vec::new(),
        DnsMode::Cluster => [nameservers, options].concat(),
        DnsMode::None => [nameservers, searches, options].concat(),
    }
}

/// The three lists while they grow.
#[derive(Default)]
struct Lists {
    nameservers: Vec<SourcedWord>,
    searches: Vec<SourcedWord>,
    options: Vec<SourcedWord>,
    options_from_map: bool,
    duplicates: Vec<SourcedWord>,
    replaced_options: Vec<SourcedWord>,
}

impl Lists {
    fn of_host(host: &HostDns, kubelet: &KubeletDns, version: KubeVersion) -> Self {
        if let ResolvConfSetting::Empty(setting) = &kubelet.resolv_conf {
            let search = Located::from_origins(".".to_owned(), setting.clone());
            return Self {
                nameservers: sourced(&loopbacks(kubelet), WordSource::EmptyResolvConf),
                searches: sourced(&[search], WordSource::EmptyResolvConf),
                ..Self::default()
            };
        }
        Self {
            nameservers: sourced(&host.nameservers, WordSource::HostFile),
            searches: sourced(&host.searches, WordSource::HostFile),
            options: sourced(&host.options, WordSource::HostFile),
            options_from_map: options_merge(version) == OptionsReading::MergedInRandomOrder,
            ..Self::default()
        }
    }

    fn of_cluster(servers: Vec<Located<String>>, kubelet: &KubeletDns, pod: &PodDnsSpec, host: &HostDns) -> Self {
        let ndots = Located::default_value(CLUSTER_OPTION.to_owned());
        let mut lists = Self {
            nameservers: sourced(&servers, WordSource::Cluster),
            searches: sourced(&host.searches, WordSource::HostFile),
            options: sourced(&[ndots], WordSource::Cluster),
            ..Self::default()
        };
        if let Some(domain) = kubelet.cluster_domain.as_ref().filter(|domain| !domain.value.is_empty()) {
            let cluster = sourced(&cluster_searches(domain, &pod.namespace), WordSource::Cluster);
            lists.searches = unique(cluster, lists.searches, &mut lists.duplicates);
        }
        lists
    }

    /// `appendDNSConfig`: even an empty `dnsConfig` removes duplicates and shuffles the options.
    fn append(&mut self, config: &DnsConfig) {
        let servers = sourced(&config.nameservers, WordSource::DnsConfig);
        self.nameservers = unique(std::mem::take(&mut self.nameservers), servers, &mut self.duplicates);
        let searches = sourced(&config.searches, WordSource::DnsConfig);
        self.searches = unique(std::mem::take(&mut self.searches), searches, &mut self.duplicates);
        self.merge_options(&config.options);
    }

    /// `mergeDNSOptions`: one value a name, the text before the first colon of an existing word being its name.
    fn merge_options(&mut self, added: &[DnsConfigOption]) {
        let existing = std::mem::take(&mut self.options).into_iter().map(|option| {
            let name = option.text().split_once(':').map_or(option.text(), |(name, _)| name).to_owned();
            // `ndots:` comes out as `ndots`
            let word = if option.text().len() == name.len() + 1 { option.word.with(name.clone()) } else { option.word };
            (name, SourcedWord { word, ..option })
        });
        let added = added.iter().map(|option| (option.name.value.clone(), option_word(option)));
        let mut places = BTreeMap::new();
        for (name, option) in existing.chain(added) {
            let place = *places.entry(name).or_insert(self.options.len());
            match self.options.get_mut(place) {
                Some(known) => self.replaced_options.push(std::mem::replace(known, option)),
                None => self.options.push(option),
            }
        }
        self.options_from_map = true;
    }
}

fn sourced(words: &[Located<String>], source: WordSource) -> Vec<SourcedWord> {
    words.iter().map(|word| SourcedWord { word: word.clone(), source }).collect()
}

fn option_word(option: &DnsConfigOption) -> SourcedWord {
    let word = match option.value.as_ref().filter(|value| !value.value.is_empty()) {
        Some(value) => {
            Located::from_origins(format!("{}:{}", option.name.value, value.value), joined([&option.name, value]))
        }
        None => option.name.clone(),
    };
    SourcedWord { word, source: WordSource::DnsConfig }
}

/// The three entries that a cluster pod's search list starts with.
fn cluster_searches(domain: &Located<String>, namespace: &Located<String>) -> [Located<String>; 3] {
    let first = format!("{}.svc.{}", namespace.value, domain.value);
    [
        Located::from_origins(first, joined([domain, namespace])),
        domain.with(format!("svc.{}", domain.value)),
        domain.clone(),
    ]
}

/// The addresses that stand in for an empty `resolvConf`: the loopback of each node address's family.
fn loopbacks(kubelet: &KubeletDns) -> Vec<Located<String>> {
    let ResolvConfSetting::Empty(setting) = &kubelet.resolv_conf else { return Vec::new() };
    let of_family = |ip: &Located<String>| {
        let is_v6 = parse_strict(&ip.value).is_some_and(|ip| ip.to_canonical().is_ipv6());
        let origins = setting.iter().chain(&ip.origins).collect();
        Located::from_origins(if is_v6 { "::1" } else { "127.0.0.1" }.to_owned(), origins)
    };
    if kubelet.node_ips.is_empty() {
        return vec![Located::from_origins("127.0.0.1".to_owned(), setting.clone())];
    }
    kubelet.node_ips.iter().map(of_family).collect()
}

/// Both lists, the first occurrence of each exact text kept (`omitDuplicates`).
fn unique(first: Vec<SourcedWord>, second: Vec<SourcedWord>, duplicates: &mut Vec<SourcedWord>) -> Vec<SourcedWord> {
    let mut seen = BTreeSet::new();
    let (kept, repeated): (Vec<_>, Vec<_>) =
        first.into_iter().chain(second).partition(|word| seen.insert(word.text().to_owned()));
    duplicates.extend(repeated);
    kept
}

fn texts(words: &[SourcedWord]) -> Vec<&str> {
    words.iter().map(SourcedWord::text).collect()
}

/// `formDNSNameserversFitsLimits`.
fn cut_nameservers(nameservers: &mut Vec<SourcedWord>, events: &mut Vec<Event>) -> Vec<SourcedWord> {
    if nameservers.len() <= MAX_NAMESERVERS {
        return Vec::new();
    }
    let dropped = nameservers.split_off(MAX_NAMESERVERS);
    events.push(Event::NameserverLimit { applied: texts(nameservers).join(" ") });
    dropped
}

/// `formDNSSearchFitsLimits`: first the number of entries, then the length of each, then that of the line.
fn cut_searches(searches: &mut Vec<SourcedWord>, limits: SearchLimits, events: &mut Vec<Event>) -> Vec<DroppedSearch> {
    let mut dropped = Vec::new();
    let mut drop = |entries: Vec<SourcedWord>, limit| {
        dropped.extend(entries.into_iter().map(|entry| DroppedSearch { entry, limit }));
    };
    if searches.len() > limits.paths {
        drop(searches.split_off(limits.paths), SearchLimit::Paths(limits.paths));
    }
    if let Some(max) = limits.entry {
        let long = searches.extract_if(.., |entry| entry.text().len() > max).collect();
        drop(long, SearchLimit::EntryLength(max));
    }
    let fitting = fitting_entries(searches, limits.chars);
    drop(searches.split_off(fitting), SearchLimit::LineLength(limits.chars));
    if !dropped.is_empty() {
        events.push(Event::SearchLimit { applied: texts(searches).join(" ") });
    }
    dropped
}

/// How many leading entries fit into a line of `max` bytes, joined by single blanks.
fn fitting_entries(searches: &[SourcedWord], max: usize) -> usize {
    let mut line = 0;
    searches
        .iter()
        .enumerate()
        .take_while(|(index, entry)| {
            line += entry.text().len() + usize::from(*index > 0);
            line <= max
        })
        .count()
}

/// What the runtime makes of the lists.
fn pod_file(input: &PodDnsInput<'_>, lists: &Lists) -> Result<PodFile, PodDnsError> {
    if let Some(limit) = input.runtime.max_searches().filter(|limit| lists.searches.len() > *limit) {
        let searches = lists.searches.clone();
        return Err(PodDnsError::TooManySearches { searches, limit, runtime: input.runtime.version });
    }
    let (servers, searches, options) = (texts(&lists.nameservers), texts(&lists.searches), texts(&lists.options));
    if !(servers.is_empty() && searches.is_empty() && options.is_empty()) {
        return Ok(PodFile::Written(input.runtime.render(&servers, &searches, &options)));
    }
    Ok(match input.runtime.empty_lists() {
        EmptyLists::EmptyFile => PodFile::Written(String::new()),
        EmptyLists::CopyOfNode => {
            PodFile::Copied { path: NODE_RESOLV_CONF, text: input.node_etc_resolv_conf.map(str::to_owned) }
        }
        EmptyLists::LeftToDocker => PodFile::LeftToDocker,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::effective::runtime::Runtime;
    use crate::source::{FileId, Location, Span};

    fn at(file: u32, start: usize, text: &str) -> Located<String> {
        Located::at(text.to_owned(), Location::new(FileId(file), Span::new(start, start + text.len())))
    }

    fn pod(policy: &str, dns_config: Option<DnsConfig>) -> PodDnsSpec {
        PodDnsSpec { namespace: at(2, 0, "web"), policy: at(2, 10, policy), host_network: false, dns_config }
    }

    fn run(kubelet: &KubeletDns, host: &HostDns, pod: &PodDnsSpec) -> PodDns {
        predict(&PodDnsInput {
            version: KubeVersion::new(1, 30, 0),
            runtime: Runtime::default(),
            kubelet,
            host: &HostFile::Read(host.clone()),
            node_etc_resolv_conf: None,
            pod,
        })
        .unwrap()
    }

    fn kubelet() -> KubeletDns {
        KubeletDns {
            cluster_dns: vec![at(1, 0, "010.0.0.10"), at(1, 20, "10.0.0.10:53")],
            cluster_domain: Some(at(1, 40, "cluster.local")),
            ..KubeletDns::default()
        }
    }

    #[test]
    fn every_word_knows_where_it_comes_from() {
        let host = HostDns {
            nameservers: vec![at(0, 0, "192.168.1.1")],
            searches: vec![at(0, 20, "cluster.local"), at(0, 40, "lan")],
            options: vec![at(0, 60, "rotate")],
        };
        let kubelet = kubelet();
        let dns = run(&kubelet, &host, &pod("ClusterFirst", None));
        let words = |list: &[SourcedWord]| {
            let word =
                |w: &SourcedWord| (w.text().to_owned(), w.source, w.word.location().map(|l| (l.file.0, l.span.start)));
            list.iter().map(word).collect::<Vec<_>>()
        };
        assert_eq!(words(&dns.nameservers), [("10.0.0.10".into(), WordSource::Cluster, Some((1, 0)))]);
        assert_eq!(
            words(&dns.searches),
            [
                ("web.svc.cluster.local".into(), WordSource::Cluster, Some((1, 40))),
                ("svc.cluster.local".into(), WordSource::Cluster, Some((1, 40))),
                ("cluster.local".into(), WordSource::Cluster, Some((1, 40))),
                ("lan".into(), WordSource::HostFile, Some((0, 40))),
            ]
        );
        assert_eq!(dns.searches.first().map(|s| s.word.origins.len()), Some(2));
        assert_eq!(words(&dns.options), [("ndots:5".into(), WordSource::Cluster, None)]);
        assert_eq!(words(&dns.duplicates), [("cluster.local".into(), WordSource::HostFile, Some((0, 20)))]);
        assert_eq!(dns.ignored_cluster_dns, [at(1, 20, "10.0.0.10:53")]);
        assert_eq!(dns.unused_host_words, [at(0, 0, "192.168.1.1"), at(0, 60, "rotate")]);
    }

    #[test]
    fn dns_config_replaces_options_and_shuffles_them() {
        let option = |name: &str, value: &str| DnsConfigOption { name: at(2, 50, name), value: Some(at(2, 60, value)) };
        let config = DnsConfig { options: vec![option("ndots", "2"), option("debug", "")], ..DnsConfig::default() };
        let dns = run(&kubelet(), &HostDns::default(), &pod("ClusterFirst", Some(config)));
        assert_eq!(texts(&dns.options), ["ndots:2", "debug"]);
        assert_eq!(texts(&dns.replaced_options), ["ndots:5"]);
        assert!(dns.options_order_random);
        assert_eq!(dns.options.first().map(|o| o.word.origins.len()), Some(2));
    }

    #[test]
    fn each_search_limit_names_what_it_dropped() {
        let entry = |text: String| SourcedWord { word: Located::default_value(text), source: WordSource::HostFile };
        let cut = |searches: &[SourcedWord], limits| {
            let mut searches = searches.to_vec();
            let mut events = Vec::new();
            let dropped = cut_searches(&mut searches, limits, &mut events);
            (searches.len(), dropped.iter().map(|d| d.limit).collect::<Vec<_>>(), events.len())
        };
        let limits = SearchLimits { paths: 3, chars: 10, entry: Some(8) };
        let list = ["aaaa", "bbbbb", "c", "d"].map(|t| entry(t.to_owned()));
        assert_eq!(cut(&list, limits), (2, vec![SearchLimit::Paths(3), SearchLimit::LineLength(10)], 1));
        let list = ["aaaa", "123456789", "bbbbb"].map(|t| entry(t.to_owned()));
        assert_eq!(cut(&list, limits), (2, vec![SearchLimit::EntryLength(8)], 1));
        let list = ["aaaa", "bbbbb"].map(|t| entry(t.to_owned()));
        assert_eq!(cut(&list, limits), (2, vec![], 0));
        assert_eq!(cut(&[entry("x".repeat(300))], SearchLimits { paths: 6, chars: 256, entry: None }).0, 0);
    }

    #[test]
    fn policies() {
        let cases = [
            ("None", true, DnsMode::None),
            ("Default", false, DnsMode::Host),
            ("ClusterFirst", false, DnsMode::Cluster),
            ("ClusterFirst", true, DnsMode::Host),
            ("ClusterFirstWithHostNet", true, DnsMode::Cluster),
            ("clusterfirst", true, DnsMode::Cluster),
        ];
        for (policy, host_network, want) in cases {
            assert_eq!(classify(policy, host_network), want, "{policy} {host_network}");
        }
    }

    #[test]
    fn a_missing_file_stops_every_policy() {
        for policy in ["None", "Default", "ClusterFirst"] {
            let pod = pod(policy, Some(DnsConfig::default()));
            let got = predict(&PodDnsInput {
                version: KubeVersion::new(1, 30, 0),
                runtime: Runtime::default(),
                kubelet: &kubelet(),
                host: &HostFile::Missing,
                node_etc_resolv_conf: None,
                pod: &pod,
            });
            assert_eq!(got.unwrap_err().to_string(), "/etc/resolv.conf does not exist");
        }
    }
}
