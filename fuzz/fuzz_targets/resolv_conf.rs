//! Any text is a `resolv.conf`: every reader returns, and the tree gives back the text.

#![no_main]

use dnslint::analysis::effective::KubeVersion as Release;
use dnslint::analysis::effective::k3s_viability::viability;
use dnslint::syntax::resolv_conf::{
    Environment, ResolvConf, coredns_forward, dnsmasq_resolv_file, glibc, golang, kubelet, musl, owner, problems,
    systemd_resolved,
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let conf = ResolvConf::parse(text);
    assert_eq!(conf.to_text(), text);
    let env = Environment { host_name: Some("node.corp.example"), ..Environment::default() };
    for minor in [23, 27, 36, 43] {
        let resolver = glibc::read(&conf, glibc::Glibc::new(2, minor), &env);
        assert!(!resolver.used.is_empty() && resolver.used.len() <= 3);
    }
    let _ = musl::read(&conf, musl::Musl::new(1, 2, 5), &env);
    let _ = golang::read(&conf, golang::Go::new(1, 24), &env);
    for minor in [18, 25, 30] {
        let _ = kubelet::read(&conf, kubelet::KubeVersion::new(1, minor, 0));
        let _ = viability(text, Release::new(1, minor, 0));
    }
    let _ = (coredns_forward::nameservers(&conf), dnsmasq_resolv_file::read(&conf), systemd_resolved::read(&conf));
    for problem in problems(&conf) {
        assert!(text.get(problem.span.start..problem.span.end).is_some());
    }
    let _ = owner(&conf);
});
