//! Every combination of distribution, proxy mode, addresses, domain and style that can be rendered.

use dnslint::analysis::facts::ProxyMode;
use dnslint::render::Request;
use dnslint::render::distribution::Distribution;
use dnslint::render::request::{Companion, Resolver, Update};

const PROXIES: [ProxyMode; 4] = [ProxyMode::Iptables, ProxyMode::Ipvs, ProxyMode::Nftables, ProxyMode::Replaced];

/// The combinations; what they leave out is refused, and a test of its own says why.
pub fn requests() -> Vec<Request> {
    let mut all = Vec::new();
    for distribution in Distribution::ALL {
        for proxy in PROXIES {
            for dns in [vec![], vec!["10.99.0.10"], vec!["fd00:99::a"], vec!["10.99.0.10", "fd00:99::a"]] {
                let v6_alone = dns == ["fd00:99::a"];
                for domain in [None, Some("k8s.example.net")] {
                    let base = Request {
                        proxy: Some(proxy),
                        cluster_dns: dns.iter().map(|ip| ip.parse().unwrap()).collect(),
                        cluster_domain: domain.map(str::to_owned),
                        ..Request::of(distribution)
                    };
                    match distribution {
                        Distribution::Rke2 if v6_alone => {}
                        Distribution::Rke2 => all.push(base),
                        // its cache is the same in every mode
                        Distribution::Kubespray if proxy != ProxyMode::Iptables => {}
                        Distribution::Kubespray => all.extend(variables(&Request { proxy: None, ..base })),
                        Distribution::K3s | Distribution::Kubeadm => {
                            all.extend(manifests(&base));
                            all.extend(on_nodes(&base, proxy));
                        }
                    }
                }
            }
        }
    }
    all
}

fn variables(base: &Request) -> [Request; 2] {
    let ports = Request {
        health_port: Some(9264),
        metrics_port: Some(9263),
        upstreams: vec!["192.0.2.53".to_owned()],
        ..base.clone()
    };
    [base.clone(), ports]
}

fn manifests(base: &Request) -> [Request; 4] {
    let udp = Request {
        udp: true,
        update: Update::OnDelete,
        upstreams: vec!["192.0.2.53".to_owned(), "tls://192.0.2.54".to_owned()],
        ..base.clone()
    };
    let in_place = Request {
        update: Update::InPlace,
        upstreams: vec!["/run/resolv.conf".to_owned()],
        companions: vec![Companion::PodMonitor],
        ..base.clone()
    };
    let numbers = Request {
        health_port: Some(8099),
        metrics_port: Some(9999),
        cache_entries: Some(500),
        image: Some("registry.example.net/dns/k8s-dns-node-cache:1.26.7".to_owned()),
        resolv_conf: Some("/run/systemd/resolve/resolv.conf".to_owned()),
        ..base.clone()
    };
    [base.clone(), udp, in_place, numbers]
}

/// Resolvers outside Kubernetes, which kubelets must name.
fn on_nodes(base: &Request, proxy: ProxyMode) -> Vec<Request> {
    if !matches!(proxy, ProxyMode::Ipvs | ProxyMode::Nftables) {
        return Vec::new();
    }
    let upstreams = vec!["192.0.2.53".to_owned(), "[2001:db8::53]:5353".to_owned()];
    let of = |resolver| Request { resolver, upstreams: upstreams.clone(), ..base.clone() };
    vec![of(Resolver::CoreDns), of(Resolver::HickoryDns)]
}
