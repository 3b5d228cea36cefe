//! Real incidents, mended: the cause is gone from the blamed line, no error is new, and what changes is recorded.

use crate::common::incident::{Case, Expect};
use crate::common::mending::{judge, mend, recorded};
use crate::common::{assert_none, compare, folders, lines, name, root, snapshot};
use dnslint::diagnostic::{Diagnostic, Severity};
use dnslint::fix::{Judged, Mode};
use dnslint::source::Snapshot;
use std::collections::BTreeSet;

/// Incidents whose cause no edit of the files at hand takes away, each with what stands in the way.
const NO_FIX: &[(&str, &str)] = &[
    ("akash-1546-namespace-label", "the label belongs on the namespace, or another one into the policy: a choice"),
    (
        "aks-engine-390-azure-throttle",
        "whether pods need the node's search domain is written nowhere: a file without it is shown",
    ),
    (
        "anax-1895-isp-search-domain",
        "whether pods need the node's search domain is written nowhere: a file without it is shown",
    ),
    ("axeii-3806-aaaa-nxdomain", "NOERROR instead of NXDOMAIN, or no template at all: a choice"),
    (
        "bsycorp-kind-23-docker-embedded-dns",
        "no file names a nameserver that pods can reach: the file to write is shown",
    ),
    (
        "capv-68-default-kubelet-wins",
        "the value stands in a file of the image, and which of the two is meant is a choice",
    ),
    (
        "claytono-551-magicdns-on-nodes",
        "a command of tailscale mends it, and no file names another nameserver: the file to write is shown",
    ),
    ("coredns-3043-internal-and-public-forward", "which servers know the same names is written nowhere"),
    ("coredns-3298-rewrite-behind-nodelocaldns", "the names may go to CoreDNS, or the rule into the cache: a choice"),
    ("coredns-3704-pod-cidr-in-service-range", "the pod range changes with a new installation alone"),
    (
        "coredns-3939-k3s-split-horizon-upstreams",
        "which servers know the same names is written nowhere: the list of one view is shown",
    ),
    ("coredns-5204-template-before-hosts", "which of the two answers is meant is written nowhere"),
    ("coredns-5751-answer-value-1.8.0", "a newer image, or a template without it: a choice"),
    (
        "coredns-5779-placeholder-domain",
        "the zone is an unfilled word of a template, and another file holds what fills it",
    ),
    ("coredns-deployment-217-hosts-file-not-in-pod", "the file's text is on a node, and no ConfigMap has it"),
    ("deliveryhero-670-pillar-without-upstream-svc", "the Service that the cache should ask is in no manifest"),
    ("k3d-1462-file-plugin-in-root-block", "the names of the zone file lie in no zone of their own"),
    ("k3d-209-docker-embedded-dns", "no file names a nameserver that pods can reach: the file to write is shown"),
    (
        "k3s-1568-netplan-search-public-zone",
        "whether pods need the node's search domain is written nowhere: a file without it is shown",
    ),
    (
        "k3s-1640-loadbalancer-53-vs-stub",
        "another port, another load balancer or another resolver for the nodes: a choice",
    ),
    ("k3s-3451-vpc-equals-pod-cidr", "the pod range changes with a new installation alone"),
    (
        "k3s-5045-home-net-search",
        "whether pods need the node's search domain is written nowhere: a file without it is shown",
    ),
    ("k3s-ansible-378-host-net-in-pod-cidr", "the pod range changes with a new installation alone"),
    ("k8s-100582-fourth-domain-dropped", "which of the domains pods can do without is written nowhere"),
    (
        "k8s-89920-two-private-views",
        "which servers know the same names is written nowhere: the list of one view is shown",
    ),
    ("k8s-dns-525-rewrite-then-wrong-upstream", "another block or another upstream: a choice"),
    ("k8s-dns-539-stub-domain-name", "the address of the server is written nowhere"),
    ("k8s-gateway-150-lb-53-fedora", "another port, another load balancer or another resolver for the nodes: a choice"),
    ("k8s-gateway-171-zone-file-key", "the items of the volume or a volume of its own: a choice"),
    ("kind-1975-host-docker-internal", "no file names a nameserver that pods can reach: the file to write is shown"),
    ("kubeasz-1010-empty-resolv-conf", "no file names a nameserver that pods can reach: the file to write is shown"),
    ("kubernetai-22-external-plugin", "another image or another plugin: a choice"),
    ("kubespray-11416-node-needs-cluster-dns", "no file names another nameserver for the node"),
    (
        "kubespray-6676-hosts-in-node-cache",
        "the entries belong into CoreDNS, behind the cache: another file, and a choice",
    ),
    ("microk8s-1292-args-on-one-node", "the other node has the lines, and nobody knows which of them are its own"),
    (
        "nixconfig-104-tailscale-search-hijack",
        "whether pods need the node's search domain is written nowhere: a file without it is shown",
    ),
    (
        "rke2-charts-398-localip-trailing-space",
        "the rule that the case names is silent; another one names and mends the line",
    ),
    ("rke2-5137-offline-no-dns", "no file names a nameserver that pods can reach: the file to write is shown"),
    ("rke2-5309-apiserver-oidc-8888", "no file names a nameserver that pods can reach: the file to write is shown"),
    ("sregym-46-dnspolicy-none", "no file names the nameserver that the pod should ask"),
    (
        "weave-3302-ingress-deny-on-kube-system",
        "a policy for all pods of a namespace; which pods it is meant for is written nowhere",
    ),
];

/// The findings that name the cause on a blamed line.
fn causes<'a>(expect: &Expect, snapshot: &Snapshot, judged: &'a Judged) -> Vec<&'a Diagnostic> {
    judged.findings.iter().filter(|d| expect.is_rule(d) && expect.is_at(snapshot, d)).collect()
}

/// What is wrong for sure, and with which object.
fn errors(judged: &Judged) -> BTreeSet<(&str, &str, Option<&str>)> {
    let errors = judged.findings.iter().filter(|d| d.severity == Severity::Error);
    errors.map(|d| (d.rule.as_str(), d.message.as_str(), d.object.as_deref())).collect()
}

#[test]
fn the_cause_is_mended_as_the_report_says() {
    let mut problems = Vec::new();
    let (mut fixed, mut all) = (0, 0);
    for folder in folders(&root().join("testdata/incidents")) {
        let case = Case::read(&folder);
        let before = snapshot(&folder.join("cluster"));
        let outcome = mend(&before, "", Mode::Unsafe);
        let text = recorded(&outcome, &before);
        let file = folder.join("fixed.diff");
        if text.is_empty() {
            problems.extend(file.exists().then(|| format!("{}: there is no fix any more", file.display())));
        } else {
            problems.extend(compare(&file, &text));
        }
        let old = judge(&before);
        if !errors(&outcome.judged).is_subset(&errors(&old)) || outcome.judged.broken > old.broken {
            problems.push(format!("{}: worse than before", name(&folder)));
        }
        let Some(expect) = case.expect.filter(|_| !case.negative) else { continue };
        all += 1;
        let causes_before = causes(&expect, &before, &old);
        // the rule at the root, where it stands on the blamed line; else those that may stand for it
        let root = causes_before.iter().any(|d| d.rule == expect.rule);
        let counts = |d: &&Diagnostic| if root { d.rule == expect.rule } else { expect.is_rule(d) };
        // gone from the line, and from what it is a finding about: another file may say the same now
        let same = |d: &Diagnostic| causes_before.iter().any(|old| old.rule == d.rule && old.object == d.object);
        let at_fault = |d: &&Diagnostic| counts(d) && (expect.is_at(&outcome.snapshot, d) || same(d));
        let causes_left: Vec<&Diagnostic> = outcome.judged.findings.iter().filter(at_fault).collect();
        let gone = causes_left.is_empty() && !causes_before.is_empty();
        let listed = NO_FIX.iter().any(|(id, _)| *id == name(&folder));
        fixed += usize::from(gone);
        match (gone, listed) {
            (true, true) => problems.push(format!("{}: mended now, take it off the list", name(&folder))),
            (false, false) => {
                let left: Vec<Diagnostic> = causes_left.into_iter().cloned().collect();
                problems.push(format!("{}: the cause remains\n{}", name(&folder), lines(&outcome.snapshot, &left)));
            }
            _ => {}
        }
    }
    println!("{fixed} of {all} incidents are mended");
    assert_none(&problems);
}
