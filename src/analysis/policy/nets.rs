//! Which blocks of addresses hold those of the DNS pods.

use super::backend::Backend;
use super::selector::Answer;
use crate::analysis::facts::Facts;
use crate::model::Cluster;
use crate::model::service::Service;
use ipnet::IpNet;
use std::collections::BTreeSet;
use std::net::IpAddr;

/// The addresses of pods and Services, as far as the snapshot tells.
#[derive(Clone, Debug)]
pub struct Nets {
    pods: Vec<IpNet>,
    services: Vec<IpNet>,
    service_addresses: BTreeSet<IpAddr>,
}

impl Nets {
    /// Reads them off the cluster.
    #[must_use]
    pub fn of(cluster: &Cluster, facts: &Facts) -> Self {
        Self {
            pods: facts.pod_cidrs.iter().map(|net| net.value).collect(),
            services: facts.service_cidrs.iter().map(|net| net.value).collect(),
            service_addresses: cluster.objects.services.iter().flat_map(Service::addresses).collect(),
        }
    }

    /// The snapshot does not tell the range of pods. Where Services have private addresses, pods are taken to have some, too.
    #[must_use]
    pub fn may_be_private(&self, backend: &Backend) -> bool {
        let addresses = backend.service.as_ref().map(|s| s.addresses.as_slice()).unwrap_or_default();
        let private = |ip: &IpAddr| matches!(ip, IpAddr::V4(v4) if v4.is_private());
        self.pods.is_empty() && !addresses.is_empty() && addresses.iter().all(private)
    }

    /// Whether a block of addresses holds those of the backend's pods.
    #[must_use]
    pub fn judge(&self, net: IpNet, except: &[IpNet], backend: &Backend) -> Answer {
        if net.prefix_len() == 0 && except.is_empty() {
            return Answer::Yes;
        }
        if backend.host_network {
            return Answer::Unknown;
        }
        let overlap = |a: &IpNet, b: &IpNet| a.contains(b) || b.contains(a);
        let inside = |pods: &IpNet| {
            if !overlap(&net, pods) || except.iter().any(|e| e.contains(pods)) {
                Answer::No
            } else if net.contains(pods) && !except.iter().any(|e| overlap(e, pods)) {
                Answer::Yes
            } else {
                Answer::Unknown
            }
        };
        if !self.pods.is_empty() {
            return self.pods.iter().fold(Answer::No, |found, pods| found.or(inside(pods)));
        }
        if is_internet(net, except) && self.may_be_private(backend) {
            return Answer::No;
        }
        let of_services = self.services.iter().any(|services| services.contains(&net))
            || (net.prefix_len() == net.max_prefix_len() && self.service_addresses.contains(&net.addr()));
        if of_services { Answer::No } else { Answer::Unknown }
    }
}

/// The private networks of RFC 1918.
const PRIVATE: [&str; 3] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

/// Whether a block is the internet: all of IPv4 without the private networks.
#[must_use]
pub fn is_internet(net: IpNet, except: &[IpNet]) -> bool {
    let left_out = |private: &str| private.parse::<IpNet>().is_ok_and(|p| except.iter().any(|e| e.contains(&p)));
    net.prefix_len() == 0 && net.addr().is_ipv4() && PRIVATE.iter().all(|private| left_out(private))
}
