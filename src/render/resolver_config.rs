//! The configuration of a resolver that runs on the node itself: plain CoreDNS, or hickory-dns.

use super::context::{Block, blocks, texts};
use super::parameters::{Mode, Parameters};
use super::plan::{File, Part, Refusal};
use super::request::{Request, Resolver};
use super::templates::render;
use crate::analysis::servers::read::split_address;
use serde::Serialize;
use serde_json::json;
use std::net::SocketAddr;

/// The configuration file of the asked resolver.
///
/// # Errors
/// What the resolver cannot do.
pub fn files(request: &Request, parameters: &Parameters) -> Result<Vec<File>, Refusal> {
    if parameters.mode == Mode::Intercept {
        return Err(Refusal {
            reason:
                "only node-cache can answer on the address of the DNS Service: it keeps kube-proxy's rules away from it"
                    .to_owned(),
            at: None,
            help: Some("say `--proxy-mode ipvs`: then the kubelets send pods to the resolver's own address".to_owned()),
        });
    }
    // outside Kubernetes nobody fills a placeholder, and only the Service's own address leads to CoreDNS
    let upstreams = texts(&parameters.served_dns());
    let blocks = blocks(request, parameters, &upstreams);
    let (path, text) = match request.resolver {
        Resolver::CoreDns => ("etc/coredns/Corefile", coredns(parameters, &blocks)?),
        Resolver::HickoryDns => ("etc/hickory-dns/named.toml", hickory(parameters, &blocks)?),
        Resolver::NodeCache => return Ok(Vec::new()),
    };
    Ok(vec![File { path: path.to_owned(), text, part: Part::Resolver, node: None }])
}

fn coredns(parameters: &Parameters, blocks: &[Block]) -> Result<String, String> {
    let own = parameters.local_ips.value.first();
    let at = |port: u16| own.map_or_else(|| format!(":{port}"), |ip| SocketAddr::new(*ip, port).to_string());
    let entries = parameters.cache_entries.value;
    let context = json!({
        "blocks": blocks,
        "bind": texts(&parameters.local_ips.value),
        "cache": {"success": entries, "denial": entries},
        "health": at(parameters.health_port.value),
        "metrics": at(parameters.metrics_port.value),
    });
    render("resolver/coredns.Corefile.j2", &context)
}

#[derive(Serialize)]
struct Server {
    ip: String,
    port: u16,
    protocols: Vec<&'static str>,
}

#[derive(Serialize)]
struct Zone {
    zone: String,
    servers: Vec<Server>,
}

fn hickory(parameters: &Parameters, blocks: &[Block]) -> Result<String, Refusal> {
    let zones: Result<Vec<Zone>, Refusal> = blocks.iter().map(zone).collect();
    let (v4, v6): (Vec<_>, Vec<_>) = parameters.local_ips.value.iter().copied().partition(std::net::IpAddr::is_ipv4);
    let context = json!({
        "listen_v4": texts(&v4),
        "listen_v6": texts(&v6),
        "blocks": zones?,
        "cache_entries": parameters.cache_entries.value,
    });
    Ok(render("resolver/hickory-dns.toml.j2", &context)?)
}

fn zone(block: &Block) -> Result<Zone, Refusal> {
    let server = |text: &String| {
        let Some((ip, port)) = split_address(text) else {
            let what =
                if text.starts_with('/') { "read its upstreams from a resolver file" } else { "forward over TLS" };
            return Err(Refusal {
                reason: format!("hickory-dns cannot {what} for {} ({text})", block.zone),
                at: None,
                help: Some("name the upstreams with --upstream ADDRESS, or render node-cache or coredns".to_owned()),
            });
        };
        let protocols = if block.force_tcp { vec!["tcp"] } else { vec!["udp", "tcp"] };
        Ok(Server { ip: ip.to_string(), port: port.unwrap_or(53), protocols })
    };
    let servers: Result<Vec<Server>, Refusal> = block.upstreams.iter().map(server).collect();
    let zone = if block.zone == "." { ".".to_owned() } else { format!("{}.", block.zone) };
    Ok(Zone { zone, servers: servers? })
}
