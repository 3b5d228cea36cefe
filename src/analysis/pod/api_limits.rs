//! What the API server refuses in `dnsPolicy` and `dnsConfig` (ValidatePodDNSConfig in the core validation package).

use crate::model::pod::{DnsConfig, PodSpec};
use crate::source::{Located, Location};

/// Nameservers that `dnsConfig` may name.
const MAX_NAMESERVERS: usize = 3;
/// Search domains that `dnsConfig` may name (since Kubernetes 1.26 without a feature gate).
const MAX_SEARCHES: usize = 32;
/// Bytes of the search domains joined by blanks.
const MAX_SEARCH_BYTES: usize = 2048;

/// A field that the API server refuses, with the reason.
pub type Refusal = Located<String>;

/// Everything in the specification that the API server refuses.
#[must_use]
pub fn refusals(pod: &PodSpec) -> Vec<Refusal> {
    let mut found = Vec::new();
    if let Some(policy) = &pod.dns_policy {
        if !["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"].contains(&policy.value.as_str()) {
            found.push(policy.with(format!(
                "dnsPolicy `{}` is none of ClusterFirst, ClusterFirstWithHostNet, Default, None",
                policy.value
            )));
        }
    }
    if let Some(config) = &pod.dns_config {
        let whole: Vec<Location> = config.location().into_iter().collect();
        nameservers(&config.value, &mut found);
        searches(&config.value, &whole, &mut found);
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

fn searches(config: &DnsConfig, whole: &[Location], found: &mut Vec<Refusal>) {
    for search in &config.searches {
        if search.value != "." && !is_subdomain(search.value.strip_suffix('.').unwrap_or(&search.value)) {
            found.push(search.with(format!("`{}` is not a lower-case DNS name", search.value)));
        }
    }
    if let Some(extra) = config.searches.get(MAX_SEARCHES) {
        found.push(extra.with(format!("{} search domains, at most {MAX_SEARCHES} are allowed", config.searches.len())));
    }
    let bytes = config.searches.iter().map(|s| s.value.len() + 1).sum::<usize>().saturating_sub(1);
    if bytes > MAX_SEARCH_BYTES {
        let text = format!("the search list is {bytes} bytes long, at most {MAX_SEARCH_BYTES} are allowed");
        found.push(Located::from_origins(text, whole.to_vec()));
    }
}

fn options(config: &DnsConfig, found: &mut Vec<Refusal>) {
    for option in &config.options {
        if option.value.name.is_empty() {
            found.push(option.with("an option without a name".to_owned()));
        }
    }
}

/// A DNS-1123 subdomain; an underscore is accepted since 1.34 and refused before, so it is not reported.
fn is_subdomain(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.split('.').all(|label| {
            let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
            !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
        })
}
