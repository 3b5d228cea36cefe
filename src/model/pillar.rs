//! Placeholders of node-cache's manifest (nodelocaldns.yaml and `cmd/node-cache/app/configmap.go` of kubernetes/dns).

/// How every placeholder begins.
pub const PILLAR: &str = "__PILLAR__";
/// The process fills in the entries of `-localip`.
pub const LOCAL_DNS: &str = "__PILLAR__LOCAL__DNS__";
/// The process replaces it by nothing; under IPVS an installer does.
pub const DNS_SERVER: &str = "__PILLAR__DNS__SERVER__";
/// The process fills in the address of its upstream Service.
pub const CLUSTER_DNS: &str = "__PILLAR__CLUSTER__DNS__";
/// The process fills in the nameservers for external names.
pub const UPSTREAM_SERVERS: &str = "__PILLAR__UPSTREAM__SERVERS__";
/// The installer fills in the cluster domain: the process does not know it.
pub const DNS_DOMAIN: &str = "__PILLAR__DNS__DOMAIN__";
/// What the process fills in, in its template alone.
pub const FILLED: [&str; 4] = [LOCAL_DNS, DNS_SERVER, CLUSTER_DNS, UPSTREAM_SERVERS];
