//! What the API server refuses in `dnsPolicy` and `dnsConfig` (ValidatePodDNSConfig in the core validation package).

use crate::analysis::effective::KubeVersion;
use crate::analysis::effective::versions::{MAX_NAMESERVERS, admits_relaxed_searches, search_limits};
use crate::model::pod::{DnsConfig, PodSpec};
use crate::source::{Located, Origins};

/// Longest DNS-1123 subdomain, in bytes.
const MAX_SUBDOMAIN: usize = 253;

/// A field that the API server refuses, with the reason.
pub type Refusal = Located<String>;

/// Everything in the specification that an API server of a release refuses.
///
/// `version` is the release where the snapshot names it; without one only what every release refuses is found.
#[must_use]
pub fn refusals(pod: &PodSpec, version: Option<KubeVersion>) -> Vec<Refusal> {
    let version = version.unwrap_or(crate::analysis::node_dns::ASSUMED_KUBE);
    let mut found = Vec::new();
    let known = ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"];
    if let Some(policy) = pod.dns_policy.as_ref().filter(|policy| !known.contains(&policy.value.as_str())) {
        found.push(policy.with(format!("dnsPolicy `{}` is none of {}", policy.value, known.join(", "))));
    }
    if let Some(config) = &pod.dns_config {
        let whole: Origins = config.location().into_iter().collect();
        nameservers(&config.value, &mut found);
        searches(&config.value, &whole, version, &mut found);
        options(&config.value, &mut found);
    }
    found
}

fn nameservers(config: &DnsConfig, found: &mut Vec<Refusal>) {
    for nameserver in &config.nameservers {
        if nameserver.value.parse::<std::net::IpAddr>().is_err() {
            found.push(nameserver.with(format!("`{}` is not an IP address", nameserver.value)));
        }
    }
    if let Some(fourth) = config.nameservers.get(MAX_NAMESERVERS) {
        found.push(
            fourth.with(format!("{} nameservers, at most {MAX_NAMESERVERS} are allowed", config.nameservers.len())),
        );
    }
}

fn searches(config: &DnsConfig, whole: &Origins, version: KubeVersion, found: &mut Vec<Refusal>) {
    let (limits, relaxed) = (search_limits(version), admits_relaxed_searches(version));
    for search in &config.searches {
        let name = search.value.strip_suffix('.').unwrap_or(&search.value);
        let root = search.value == ".";
        if root && !relaxed {
            found.push(
                search.with(format!("the search domain `.` is not allowed before Kubernetes 1.33, this is {version}")),
            );
        } else if !root && !is_subdomain(name, true) {
            found.push(search.with(format!("the search domain `{}` is not a lower-case DNS name", search.value)));
        } else if !root && !relaxed && !is_subdomain(name, false) {
            let reason =
                format!("`_` in the search domain `{name}` is not allowed before Kubernetes 1.33, this is {version}");
            found.push(search.with(reason));
        }
    }
    if let Some(extra) = config.searches.get(limits.paths) {
        found.push(extra.with(format!(
            "{} search domains, at most {} are allowed",
            config.searches.len(),
            limits.paths
        )));
    }
    let bytes = config.searches.iter().map(|s| s.value.len() + 1).sum::<usize>().saturating_sub(1);
    if bytes > limits.chars {
        let text = format!("the search list is {bytes} bytes long, at most {} are allowed", limits.chars);
        found.push(Located::from_origins(text, whole.clone()));
    }
}

fn options(config: &DnsConfig, found: &mut Vec<Refusal>) {
    for option in &config.options {
        if option.value.name.is_empty() {
            found.push(option.with("an option without a name".to_owned()));
        }
    }
}

/// A DNS-1123 subdomain; `relaxed` also admits underscores.
fn is_subdomain(text: &str, relaxed: bool) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || (relaxed && c == '_');
    !text.is_empty()
        && text.len() <= MAX_SUBDOMAIN
        && text
            .split('.')
            .all(|label| label.starts_with(edge) && label.ends_with(edge) && label.chars().all(|c| edge(c) || c == '-'))
}

#[cfg(test)]
mod tests {
    use super::super::testing::pod;
    use super::*;

    fn reasons(spec: &str, version: Option<(u32, u32)>) -> Vec<String> {
        let version = version.map(|(major, minor)| KubeVersion::new(major, minor, 0));
        refusals(&pod(spec), version).into_iter().map(|r| r.value).collect()
    }

    #[test]
    fn what_every_release_refuses() {
        let found = reasons(
            "dnsPolicy: clusterFirst\ndnsConfig:\n  nameservers: [10.0.0.1, 'dns.example.com', 'fd00::1', '1.1.1.1:53']\n  searches: [Corp.example, ok.example.]\n  options: [{value: '2'}]\n",
            None,
        );
        assert_eq!(found.len(), 6, "{found:#?}");
        assert!(found.iter().any(|f| f.contains("`1.1.1.1:53` is not an IP")));
        assert!(found.iter().any(|f| f.contains("4 nameservers")));
        assert!(
            reasons("dnsPolicy: None\ndnsConfig: {nameservers: [10.0.0.1], searches: [a_b.example, .]}\n", None)
                .is_empty()
        );
    }

    #[test]
    fn limits_follow_the_release() {
        let seven = "dnsConfig: {searches: [a.x, b.x, c.x, d.x, e.x, f.x, g.x]}\n";
        assert_eq!(reasons(seven, Some((1, 21))), ["7 search domains, at most 6 are allowed"]);
        assert!(reasons(seven, Some((1, 26))).is_empty());
        assert_eq!(reasons("dnsConfig: {searches: [., a_b.x]}\n", Some((1, 31))).len(), 2);
    }
}
