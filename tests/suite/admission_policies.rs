//! Exported policies judge objects as the rules judge manifests: the emitted CEL runs on the rules' own samples.

use crate::common::{check, folders, name, root, rules, snapshot};
use cel::{Context, Value};
use dnslint::lint::export::{AdmissionPolicy, admission_policy};
use dnslint::lint::{LintOptions, RuleSet, RuleSource};
use dnslint::source::Snapshot;
use dnslint::{CheckOptions, load_rules};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Kinds that the policy matches.
const KINDS: [&str; 9] = [
    "Pod",
    "ReplicationController",
    "Deployment",
    "DaemonSet",
    "StatefulSet",
    "ReplicaSet",
    "Job",
    "CronJob",
    "PodTemplate",
];

/// Whether the API server would admit an object.
fn admits(policy: &AdmissionPolicy, object: &Json) -> bool {
    let mut env = cel::Env::stdlib();
    env.add_extension(cel::extensions::strings).unwrap();
    let env = std::sync::Arc::new(env);
    let mut context = Context::with_env(std::sync::Arc::clone(&env));
    context.add_variable("object", object.clone()).unwrap();
    let spec = env.compile(&policy.pod_spec).unwrap().execute(&context).unwrap();
    let variables: std::collections::HashMap<String, Value> = [("podSpec".to_owned(), spec)].into();
    context.add_variable_from_value("variables", variables);
    match env.compile(&policy.validation).unwrap().execute(&context) {
        Ok(Value::Bool(verdict)) => verdict,
        other => panic!("{}: {other:?}", policy.validation),
    }
}

/// The objects of a text that the policy matches.
fn objects(text: &str) -> Vec<Json> {
    let documents = text.split("\n---").filter(|part| !part.trim().is_empty());
    let parsed = documents.map(|part| serde_saphyr::from_str::<Json>(part).unwrap());
    parsed.filter(|object| KINDS.contains(&object["kind"].as_str().unwrap_or_default())).collect()
}

#[test]
fn exported_built_in_rules_agree_with_their_samples() {
    let mut exported = Vec::new();
    for rule in rules().rules().iter().filter(|rule| rule.on == "pod") {
        let Ok(policy) = admission_policy(rules(), rule) else { continue };
        exported.push(rule.id.as_str());
        for case in folders(&root().join("testdata/rules").join(&rule.id)) {
            let snapshot = snapshot(&case);
            let refused = snapshot.files.iter().flat_map(|f| objects(&f.text)).filter(|o| !admits(&policy, o)).count();
            assert_eq!(refused, check(&snapshot, &[&rule.id]).len(), "{}", case.display());
            assert_eq!(refused > 0, name(&case).starts_with("bad-"), "{}", case.display());
        }
    }
    assert!(exported.contains(&"pod-dns-policy-none"), "{exported:?}");
}

fn rule(body: &str) -> String {
    format!(
        "id: mine\ngroup: mine\nseverity: warning\nsummary: Mine\non: pod\nmessage: m\nwhy: w\nlabels: [{{at: subject}}]\n{body}"
    )
}

fn load(body: &str) -> RuleSet {
    let (set, problems) = load_rules(vec![RuleSource::new("mine.yaml", "mine.yaml", rule(body))]);
    assert!(problems.is_empty(), "{body}: {problems:?}");
    set
}

/// Pod specifications in every combination that the translated fields tell apart.
fn specs() -> Vec<String> {
    let mut specs = Vec::new();
    let configs = [
        "",
        "dnsConfig: {}",
        "dnsConfig: {nameservers: [10.0.0.10]}",
        "dnsConfig: {nameservers: [10.0.0.10, 8.8.8.8], searches: [example.com]}",
        "dnsConfig: {options: [{name: ndots, value: \"2\"}, {name: use-vc}]}",
        "dnsConfig: {options: [{name: edns0}], searches: []}",
    ];
    for host in ["", "hostNetwork: true", "hostNetwork: false"] {
        for policy in ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"] {
            for config in configs {
                let fields = [host, &format!("dnsPolicy: {policy}"), config];
                let fields: Vec<&str> = fields.into_iter().filter(|field| !field.is_empty()).collect();
                specs.push(format!("{{containers: [{{name: c, image: c}}], {}}}", fields.join(", ")));
            }
        }
    }
    specs
}

fn manifests(spec: &str) -> [(&'static str, String); 3] {
    let pod = format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec: {spec}\n");
    let template =
        format!("{{selector: {{matchLabels: {{a: b}}}}, template: {{metadata: {{labels: {{a: b}}}}, spec: {spec}}}}}");
    let deployment = format!("apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {template}\n");
    let job = format!("{{schedule: '* * * * *', jobTemplate: {{spec: {{template: {{spec: {spec}}}}}}}}}");
    let cron = format!("apiVersion: batch/v1\nkind: CronJob\nmetadata: {{name: a}}\nspec: {job}\n");
    [("pod", pod), ("deployment", deployment), ("cron", cron)]
}

#[test]
fn policies_and_rules_agree_on_every_shape() {
    let bodies = [
        "when: subject.host_network\n",
        "when: subject.cluster_first_without_effect\n",
        "when: subject.none_without_nameserver\n",
        "when: subject.effective_policy == 'Default' && !subject.host_network\n",
        "when: subject.effective_policy in ['None', \"Default\"]\n",
        "when: has(subject.dns_policy) && subject.dns_policy == 'None'\n",
        "when: \"!has(subject.dns_config) || size(subject.dns_config.nameservers) == 0\"\n",
        "when: \"!(has(subject.dns_config) && subject.dns_config.options.exists(o, o.startsWith('ndots:')))\"\n",
        "when: has(subject.use_vc)\n",
        "when: has(subject.dns_config)\neach: subject.dns_config.nameservers\nwhere: \"!(item in params.allow) && item.matches('^[0-9.]+$')\"\nparams: {allow: [\"10.0.0.10\"]}\n",
        "when: has(subject.dns_config)\neach: [subject.dns_config.searches, subject.dns_config.options]\n",
        "when: has(subject.dns_config) && size(subject.dns_config.options.map(o, o.split(':')[0]).filter(o, o == 'use-vc')) > params.most\nparams: {most: 0}\n",
    ];
    for body in bodies {
        let set = load(body);
        let policy = admission_policy(&set, &set.rules()[0]).unwrap_or_else(|p| panic!("{body}: {p:?}"));
        let mut verdicts = BTreeMap::new();
        for spec in specs() {
            for (kind, manifest) in manifests(&spec) {
                let snapshot = Snapshot::from_texts([("a.yaml", manifest.as_str())]);
                let lint = LintOptions { select: vec!["mine".into()], ..LintOptions::default() };
                let found = dnslint::check(&snapshot, &set, &CheckOptions { lint, ..CheckOptions::default() });
                assert!(found.diagnostics.iter().all(|d| d.rule == "mine"), "{:?}", found.diagnostics);
                let admitted = admits(&policy, &objects(&manifest)[0]);
                assert_eq!(admitted, found.diagnostics.is_empty(), "{kind} {spec}\n{body}{}", policy.validation);
                *verdicts.entry(admitted).or_insert(0) += 1;
            }
        }
        assert_eq!(verdicts.len(), 2, "{body} tells nothing apart");
    }
}

#[test]
fn what_the_api_server_cannot_judge_is_named() {
    let cases = [
        ("when: subject.is_dns_server\n", "subject.is_dns_server"),
        ("when: subject.host_network && size(subject.cluster_names) > 0\n", "subject.cluster_names"),
        ("when: \"!has(subject.dns_policy)\"\n", "has(subject.dns_policy)"),
        ("when: has(subject.dns_policy) && subject.dns_policy == 'ClusterFirst'\n", "'ClusterFirst'"),
        ("when: subject.dns_config != null\n", "subject.dns_config"),
        ("when: has(subject.dns_config) && subject.dns_config.nameservers.exists(n, n.isLoopback())\n", "isLoopback"),
        ("when: has(subject.dns_config) && subject.dns_config.nameservers.exists(n, isIP(n))\n", "isIP"),
        ("when: has(subject.dns_config) && subject.dns_config.nameservers.distinct().size() > 0\n", "distinct"),
        ("when: has(subject.dns_config) && subject.dns_config.searches.exists(object, object == 'x')\n", "object"),
        ("when: size(cluster.dns_addresses) > 0\n", "cluster.dns_addresses"),
        ("each: subject.cluster_names\n", "subject.cluster_names"),
    ];
    for (body, part) in cases {
        let set = load(body);
        let problems = admission_policy(&set, &set.rules()[0]).unwrap_err();
        use dnslint::diagnostic::Files as _;
        assert_eq!(set.quoted(problems[0].primary()), part, "{body}{problems:?}");
        assert!(problems[0].message.starts_with("this cannot be exported: "));
    }
    let other = rules().get("forward-loop").unwrap();
    assert!(admission_policy(rules(), other).unwrap_err()[0].message.contains("only rules on `pod`"));
}

#[test]
fn the_manifest_is_whole() {
    let set = load("when: subject.host_network && subject.effective_policy == \"None\"\n");
    let policy = admission_policy(&set, &set.rules()[0]).unwrap();
    let manifest: Json = serde_saphyr::from_str(&policy.manifest()).unwrap();
    assert_eq!(manifest["kind"], "ValidatingAdmissionPolicy");
    assert_eq!(manifest["spec"]["validations"][0]["expression"], policy.validation.as_str());
    assert_eq!(manifest["spec"]["variables"][0]["expression"], policy.pod_spec.as_str());
    assert_eq!(manifest["spec"]["failurePolicy"], "Ignore");
    assert_eq!(manifest["spec"]["matchConstraints"]["resourceRules"][0]["apiGroups"][0], "");
    let binding: Json = serde_saphyr::from_str(&policy.binding()).unwrap();
    assert_eq!(binding["spec"]["policyName"], manifest["metadata"]["name"]);
    assert_eq!(binding["spec"]["validationActions"], serde_json::json!(["Warn", "Audit"]));
}
