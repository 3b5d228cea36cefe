//! The commands for people who read, write and test rules: explain, rules, facts --schema, config; rules of users in check.

use crate::common::{program, root, rule_ids};
use serde_json::Value;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

/// Exit code, standard output and standard error of `dnslint …` in a directory.
fn dnslint(dir: &Path, args: &[&str]) -> (i32, String, String) {
    let run = program(dir).args(args).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code().unwrap(), text(run.stdout), text(run.stderr))
}

fn json(args: &[&str]) -> Value {
    let (code, out, err) = dnslint(&root(), args);
    assert_eq!(code, 0, "{args:?}: {err}");
    serde_json::from_str(&out).unwrap()
}

fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn every_rule_is_explained_with_samples_that_are_true() {
    let pages = json(&["explain", "--all", "--output-format", "json"]);
    let pages = pages.as_array().unwrap();
    let mut wrong = Vec::new();
    for id in rule_ids() {
        let page = pages.iter().find(|page| page["id"] == id).unwrap_or_else(|| panic!("no page for {id}"));
        let said = page["bad"]["output"].as_str().unwrap_or_default();
        let is_whole = said.contains(&format!("[{id}]: ")) && page["good"]["output"] == "";
        let has = |key: &str| !page[key].as_array().unwrap().is_empty();
        let text = |key: &str| page[key].as_str().unwrap().trim().len() > 10;
        if !is_whole || !has("references") || !text("why") || !text("summary") {
            wrong.push(format!("{id}: {said}"));
        }
        let has_advice = has("help") || said.contains("= help:");
        if !has_advice {
            wrong.push(format!("{id}: no help"));
        }
        for reference in page["references"].as_array().unwrap() {
            let host = reference.as_str().unwrap().split('/').nth(2).unwrap_or_default();
            if !host.contains('.') {
                wrong.push(format!("{id}: {reference}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let own = pages.iter().find(|page| page["id"] == "unused-ignore").unwrap();
    assert!(own["why"].as_str().unwrap().contains("suppresses"));
}

#[test]
fn names_are_ids_groups_or_nearly() {
    let (code, out, _) = dnslint(&root(), &["explain", "network", "forward-loop"]);
    let heads: Vec<&str> = out.lines().filter(|l| l.starts_with("error[") || l.starts_with("warning[")).collect();
    assert_eq!(code, 0);
    assert_eq!(heads.len(), 7, "{heads:?}");
    assert!(heads[6].starts_with("error[forward-loop]: "));
    let (code, _, err) = dnslint(&root(), &["rule", "forward-lop"]);
    assert_eq!(code, 2);
    assert!(err.contains("no rule or group `forward-lop` (did you mean `forward-loop`?)"), "{err}");
    let (code, ..) = dnslint(&root(), &["explain"]);
    assert_eq!(code, 2, "a name or --all is needed");
    let (_, out, _) = dnslint(&root(), &["explain", "pod-dns-policy-none", "--color", "always"]);
    assert!(out.starts_with("\u{1b}[1;31merror[pod-dns-policy-none]\u{1b}[0m"));
    assert!(out.lines().filter(|l| !l.contains('\u{1b}')).all(|l| l.chars().count() <= 140));
}

#[test]
fn lists_are_filtered() {
    let list = json(&["rules", "list", "pod", "--severity", "error", "--output-format", "json"]);
    let list = list.as_array().unwrap();
    assert!(list.len() >= 3 && list.iter().all(|rule| rule["group"] == "pod" && rule["severity"] == "error"));
    let list = json(&["rules", "list", "--on", "kubelet", "--output-format", "json"]);
    assert!(list.as_array().unwrap().iter().all(|rule| rule["on"] == "kubelet"));
    let (code, out, _) = dnslint(&root(), &["rules", "list"]);
    assert_eq!((code, out.lines().count()), (0, rule_ids().len()));
    assert_eq!(dnslint(&root(), &["rules", "list", "--user"]).1, "no rule fits\n");
    let (code, _, err) = dnslint(&root(), &["rules", "list", "--on", "pods"]);
    assert!(code == 2 && err.contains("did you mean `pod`?"), "{err}");
}

#[test]
fn schemas_describe_what_is_there() {
    let schema = json(&["rules", "schema"]);
    let kinds = schema["properties"]["on"]["enum"].as_array().unwrap();
    assert!(kinds.iter().any(|kind| kind == "pod"));
    let pod =
        schema["allOf"].as_array().unwrap().iter().find(|b| b["if"]["properties"]["on"]["const"] == "pod").unwrap();
    let offered = |list: &Value, path: &str| list["enum"].as_array().unwrap().iter().any(|known| known == path);
    let each = &pod["then"]["properties"]["each"]["anyOf"][0]["anyOf"][0];
    assert!(offered(each, "subject.stale_nameservers") && !offered(each, "subject.host_network"));
    let at = &pod["then"]["properties"]["labels"]["items"]["properties"]["at"]["anyOf"][0];
    assert!(offered(at, "subject.dns_config.nameservers") && offered(at, "subject.host_network"));

    let facts = json(&["facts", "--schema"]);
    let mut open = vec![&facts];
    let mut refs = 0;
    while let Some(value) = open.pop() {
        if let Some(path) = value["$ref"].as_str() {
            refs += 1;
            assert!(facts.pointer(&path[1..]).is_some(), "{path}");
        }
        match value {
            Value::Object(map) => open.extend(map.values()),
            Value::Array(list) => open.extend(list),
            _ => {}
        }
    }
    assert!(refs > 20);
    let one = json(&["facts", "--schema", "--on", "pod"]);
    assert_eq!(one["properties"].as_object().unwrap().keys().collect::<Vec<_>>(), ["pod"]);
    let (code, _, err) = dnslint(&root(), &["facts", "no-such-path"]);
    assert!(code == 2 && err.contains("cannot read no-such-path"), "{err}");
}

const RULE: &str = "id: no-host-network\ngroup: house\nseverity: warning\nsummary: Host network\non: pod\nwhen: subject.host_network && size(params.allow) == 0\nmessage: host network\nlabels: [{at: subject.host_network, text: here}]\nwhy: House rule.\nparams:\n  allow: {default: [\"x\"], doc: Namespaces that may}\n";
const SAMPLES: &str = "tests:\n  bad:\n  - name: a pod\n    files:\n      pod.yaml: |\n        apiVersion: v1\n        kind: Pod\n        metadata: {name: a}\n        spec: {hostNetwork: true, containers: [{name: c, image: c}]}\n  good:\n  - name: another\n    files:\n      pod.yaml: |\n        apiVersion: v1\n        kind: Pod\n        metadata: {name: a}\n        spec: {containers: [{name: c, image: c}]}\n";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostNetwork: true, containers: [{name: c, image: c}]}\n";

#[test]
fn rules_beside_the_configuration_are_loaded_and_configured() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    fs::create_dir(dir.join(".git")).unwrap();
    write(dir, "dnslint-rules/no-host-network.yaml", RULE);
    write(dir, "apps/pod.yaml", POD);
    let check = |args: &[&str]| {
        dnslint(dir, &[&["check", "apps", "--output-format", "concise", "-q", "--select", "house"], args].concat())
    };
    assert_eq!(check(&[]), (0, String::new(), String::new()), "the default of the parameter allows it");
    write(dir, "dnslint.toml", "[rules.no-host-network]\nseverity = 'error'\nparams = { allow = [] }\n");
    let (code, out, _) = check(&[]);
    assert!(code == 1 && out.contains("error[no-host-network] host network"), "{out}");
    let (code, _, err) = check(&["--isolated"]);
    assert!(code == 2 && err.contains("unknown rule or group `house`"), "{err}");
    write(dir, "dnslint.toml", "[rules.no-host-network.params]\nalow = []\n");
    let (code, _, err) = check(&[]);
    assert!(
        code == 2 && err.contains("no parameter `alow` (did you mean `allow`?)") && err.contains("dnslint.toml:2:1"),
        "{err}"
    );
    write(dir, "dnslint.toml", "[rules.no-host-network.params]\nallow = 3\n");
    assert!(check(&[]).2.contains("must be like its default [\"x\"]"));
    let (code, out, _) = dnslint(dir, &["explain", "no-host-network"]);
    assert!(code == 0 && out.contains("`allow` = `[\"x\"]`: Namespaces that may"), "{out}");
    write(dir, "dnslint.toml", "");
    write(
        dir,
        "dnslint-rules/no-host-network.yaml",
        &RULE.replace("subject.host_network &&", "subject.host_netwrk &&"),
    );
    let (code, out, err) = check(&[]);
    assert!(code == 2 && out.is_empty(), "{out}");
    assert!(err.contains("error[rule-file]: `subject` has no field `host_netwrk`"), "{err}");
    assert!(
        err.contains("dnslint-rules/no-host-network.yaml:6:15") && err.contains("did you mean `host_network`?"),
        "{err}"
    );
    write(
        dir,
        "dnslint-rules/no-host-network.yaml",
        &RULE.replace("subject.host_network && size(params.allow) == 0", "params.allow[9] == 'x'"),
    );
    let (code, out, err) = dnslint(dir, &["check", "apps", "--select", "house"]);
    assert!(code == 1 && err.is_empty(), "{code} {err}");
    let want = "error[rule-evaluation]: the rule `no-host-network` failed: Index out of bounds: Int(9)\n \
                --> dnslint-rules/no-host-network.yaml:6:7\n";
    assert!(
        out.starts_with(want),
        "what fails in a rule is shown in its file, though only its group is selected: {out}"
    );
    let (code, _, err) = dnslint(dir, &["check", "apps", "--rules", "nowhere"]);
    assert!(code == 2 && err.contains("cannot read the rules nowhere: no such file"), "{err}");
}

#[cfg(unix)]
#[test]
fn a_rule_directory_that_is_a_link_is_not_followed() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    fs::create_dir(dir.join(".git")).unwrap();
    write(dir, "elsewhere/broken.yaml", "no rule");
    write(dir, "apps/pod.yaml", POD);
    std::os::unix::fs::symlink("elsewhere", dir.join("dnslint-rules")).unwrap();
    assert_eq!(dnslint(dir, &["check", "apps", "-q", "--exit-zero"]).0, 0);
    fs::remove_file(dir.join("dnslint-rules")).unwrap();
    fs::create_dir(dir.join("dnslint-rules")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", dir.join("dnslint-rules/more")).unwrap();
    assert_eq!(dnslint(dir, &["check", "apps", "-q", "--exit-zero"]).0, 0);
}

#[test]
fn samples_of_rules_are_run() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    let rule = RULE.replace("[\"x\"]", "[]");
    write(dir, "dnslint-rules/no-host-network.yaml", &format!("{rule}{SAMPLES}"));
    let (code, out, err) = dnslint(dir, &["rules", "test"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "ok   no-host-network (1 bad, 1 good)\n\n1 rule, 2 samples, 0 failures\n");
    write(dir, "dnslint-rules/no-host-network/good-really/pod.yaml", POD);
    write(dir, "dnslint-rules/no-host-network/bad-not/pod.yaml", &POD.replace("true", "false"));
    write(dir, "dnslint-rules/no-host-network/bad-said-otherwise/pod.yaml", POD);
    write(
        dir,
        "dnslint-rules/no-host-network/bad-said-otherwise/expect.txt",
        "pod.yaml:1:1-2: error: no [no-host-network]\n",
    );
    let (code, out, _) = dnslint(dir, &["rules", "test", "dnslint-rules"]);
    let want = "\
FAIL no-host-network (3 bad, 2 good)
     bad-not: it must find something here, and is silent
     bad-said-otherwise: it finds something else than expect.txt says
       - pod.yaml:1:1-2: error: no [no-host-network]
       + pod.yaml:4:21-25: warning: host network [no-host-network]
     good-really: it must be silent here, and finds
       pod.yaml:4:21-25: warning: host network [no-host-network]

1 rule, 5 samples, 3 failures
";
    assert_eq!((code, out.as_str()), (1, want));
    fs::remove_dir_all(dir.join("dnslint-rules/no-host-network/good-really")).unwrap();
    fs::remove_dir_all(dir.join("dnslint-rules/no-host-network/bad-not")).unwrap();
    assert_eq!(dnslint(dir, &["rules", "test", "--bless"]).0, 0);
    assert_eq!(dnslint(dir, &["rules", "test"]).0, 0, "what was blessed is as expected");
    write(dir, "bare/bare.yaml", &rule.replace("no-host-network", "bare"));
    let (code, out, _) = dnslint(dir, &["rules", "test", "bare"]);
    assert!(code == 1 && out.contains("there is no bad sample") && out.contains("there is no good sample"), "{out}");
    let (code, _, err) = dnslint(Path::new("/"), &["rules", "test"]);
    assert!(code == 2 && err.contains("there are no rules to test"), "{err}");
}

#[test]
fn rules_of_dnslint_pass_the_test_command() {
    let (code, out, err) = dnslint(&root(), &["rules", "test", "rules/pod"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(!out.contains("FAIL") && out.contains("ok   pod-stale-nameserver"));
}

#[test]
fn the_configuration_is_shown_described_and_started() {
    let dir = TempDir::new().unwrap();
    let dir = dir.path();
    fs::create_dir(dir.join(".git")).unwrap();
    let (code, out, _) = dnslint(dir, &["config", "show"]);
    assert!(code == 0 && out.starts_with("# no dnslint.toml here") && out.contains("fail-on = \"warning\"\n"), "{out}");
    let (code, out, _) = dnslint(dir, &["config", "init"]);
    assert_eq!((code, out.as_str()), (0, "wrote ./dnslint.toml\n"));
    let (code, _, err) = dnslint(dir, &["config", "init"]);
    assert!(code == 2 && err.contains("exists already"), "{err}");
    write(dir, "dnslint.toml", "ignore = ['pod']\n[rules.forward-loop]\nseverity = 'info'\n");
    let (code, out, _) = dnslint(dir, &["config", "show"]);
    assert!(
        code == 0 && out.contains("ignore = [\"pod\"]") && out.contains("[rules.forward-loop]\nseverity = \"info\""),
        "{out}"
    );
    write(dir, "dnslint.toml", "[rules.forward-lop]\n");
    let (code, _, err) = dnslint(dir, &["config", "show"]);
    assert!(code == 2 && err.contains("unknown rule `forward-lop` (did you mean `forward-loop`?)"), "{err}");
    let schema = json(&["config", "schema"]);
    assert!(schema["properties"]["rules"]["properties"]["forward-loop"]["properties"]["severity"]["enum"].is_array());
}
