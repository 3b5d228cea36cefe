//! The `dns_server`, `server_block` and `forward` views: CoreDNS and node-cache processes and what their Corefile does.

use crate::analysis::view::View;
use crate::analysis::views::resolv_conf::MixedNameservers;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// A CoreDNS or node-cache server: its workload, its Corefile as a whole.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DnsServerView {
    /// `coredns`, `node-cache` or `kube-dns`.
    pub program: String,
    /// Release that the image names; absent where it does not.
    pub version: Option<Located<String>>,
    /// The snapshot has the workload, not only the Corefile.
    pub has_workload: bool,
    /// k3s installs the Corefile and writes it anew at each start: its content is not the user's.
    pub packaged: bool,
    /// The release has the `ready` plugin (1.5.0 and later), or is not known.
    pub has_ready_plugin: bool,
    /// Every import of the Corefile could be followed.
    pub complete: bool,
    /// What the Corefile parser refuses, or accepts and reads otherwise than it looks.
    pub syntax_problems: Vec<Located<SyntaxProblemView>>,
    /// Directives whose line ends too early or goes on too long, which CoreDNS calls parsing errors as well.
    pub line_problems: Vec<Located<SyntaxProblemView>>,
    /// What the setup of the server blocks and plugins of this release refuses or ignores.
    pub setup_problems: Vec<Located<SetupProblemView>>,
    /// Keys of the custom ConfigMap that no import reads.
    pub ignored_custom_keys: Vec<Located<CustomKeyView>>,
    /// Directives that can never take effect because an earlier one takes every query.
    pub shadowed: Vec<Located<ShadowedView>>,
    /// `dnsPolicy` of the pods, with ClusterFirst where the manifest says nothing.
    pub dns_policy: Located<String>,
    /// The pods forward to the nameservers of their own /etc/resolv.conf, and their dnsPolicy makes that the cluster DNS.
    pub asks_itself_by_policy: bool,
    /// The readiness probe that asks `/ready` on port 8181, where the pods have one.
    pub ready_probe: Option<Located<String>>,
    /// Some block has the `ready` plugin.
    pub has_ready: bool,
    /// The first server block: where a missing process-wide plugin belongs.
    pub first_block: Option<Located<String>>,
    /// Some block has the `reload` plugin (one is enough for the process), or blocks end elsewhere than it looks.
    pub has_reload: bool,
    /// The `health` directive without `lameduck`, where there is one.
    pub health_without_lameduck: Option<Located<String>>,
    /// `spec.replicas` as written.
    pub replicas: Option<Located<i64>>,
    /// Replicas in effect (1 where the Deployment says nothing); 0 for a DaemonSet.
    pub effective_replicas: i64,
    /// An autoscaler in the snapshot sets the number of replicas.
    pub autoscaled: bool,
    /// Nodes that the snapshot shows, as Node objects or node files.
    pub node_count: i64,
    /// An anti-affinity or topology spread constraint keeps the replicas apart.
    pub spread: bool,
    /// The label that tells its pods from others, `k8s-app` as a rule.
    pub pod_label: Option<LabelView>,
    /// ConfigMap keys that a volume of the pod names and the ConfigMap does not have, and files of the Corefile that no
    /// volume brings.
    pub missing_keys: Vec<Located<MissingKeyView>>,
}

/// A label of pods.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LabelView {
    /// The key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// A syntax problem of a Corefile.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SyntaxProblemView {
    /// What is wrong, in words for the author.
    pub message: String,
    /// The line that CoreDNS logs; absent where it accepts the text.
    pub coredns_message: Option<String>,
    /// CoreDNS does not start with it.
    pub fatal: bool,
    /// YAML joins the lines of the text, because its key lacks `|`.
    pub folded: bool,
    /// What to write at this place, where that is plain.
    pub suggestion: Option<String>,
    /// Places that explain it.
    pub related: Vec<Located<String>>,
}

/// A problem in the setup of server blocks or plugins.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct SetupProblemView {
    /// `unknown-plugin`, `plugin-not-in-binary`, `deprecated`, `option-needs-newer-version`, `invalid-argument`,
    /// `duplicate-zone`, `plugin-repeated` or `too-many-upstreams`.
    pub kind: String,
    /// What decides how it is mended, apart from the kind: `unknown-property`, `placeholder` (nothing filled it in),
    /// `superfluous` (the release dropped or ignores it, and nothing takes its place) or `other`.
    pub cause: String,
    /// The plugin concerned; absent where it is about a key.
    pub plugin: Option<String>,
    /// What is wrong, in words for the author.
    pub message: String,
    /// What CoreDNS logs; absent where it accepts it.
    pub coredns_message: Option<String>,
    /// The process does not start with it.
    pub fatal: bool,
    /// The name that was probably meant, or that of the plugin which replaces it.
    pub suggestion: Option<String>,
    /// The release was not known and the newest one was assumed.
    pub version_assumed: bool,
    /// Upstreams that are too many.
    pub surplus: Vec<Located<String>>,
    /// Of a second block for a zone in a key of a ConfigMap: the key under which its lines would be imported into the first.
    pub override_key: Option<String>,
    /// Of a plugin that an import repeats: the key under which a block of its own would be imported.
    pub server_key: Option<String>,
    /// Places that explain it.
    pub related: Vec<Located<String>>,
}

/// A key of the custom ConfigMap that is not imported.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct CustomKeyView {
    /// The key.
    pub key: String,
    /// Why, as a clause.
    pub reason: String,
    /// The key under which an import of the Corefile reads such a text; absent where none does.
    pub suggestion: Option<String>,
}

/// A directive that never takes effect.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ShadowedView {
    /// The directive, e.g. `forward example.org`.
    pub what: String,
    /// Its plugin: `forward`, or `proxy`, which comes behind every `forward` wherever it stands.
    pub plugin: String,
    /// It came in through an `import`.
    pub imported: bool,
    /// The key under which a block of its own would be imported; absent where it did not come from a key for one block.
    pub server_key: Option<String>,
    /// The directive that takes every query before it.
    pub by: Located<String>,
    /// Both are for the same zone, so that it could not take effect anywhere in this block.
    pub same_zone: bool,
}

/// A ConfigMap key that does not exist, or a file that no volume brings.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct MissingKeyView {
    /// The key, or the name of the file.
    pub key: String,
    /// The ConfigMap; absent where no volume is mounted at the place of the file.
    pub config_map: Option<Located<String>>,
    /// The file that the Corefile names; absent where a volume names the key.
    pub path: Option<String>,
    /// The plugin that reads it: `hosts` or `file`.
    pub plugin: Option<String>,
}

impl View for DnsServerView {
    const KIND: &'static str = "dns_server";
    const DOC: &'static str = "A CoreDNS or node-cache server: its workload and its Corefile as a whole.";
}

/// A server block of a Corefile.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ServerBlockView {
    /// `coredns` or `node-cache`.
    pub program: String,
    /// Zones, lower case, fully qualified.
    pub zones: Vec<Located<String>>,
    /// It serves the root zone.
    pub root: bool,
    /// Port that it listens on.
    pub port: i64,
    /// It came in through an import of a custom ConfigMap.
    pub imported: bool,
    /// Names of its plugins in file order, each once.
    pub plugins: Vec<String>,
    /// It sends names to another server.
    pub forwards: bool,
    /// The release has the `loop` plugin, or is not known.
    pub has_loop_plugin: bool,
    /// It has a plugin that can answer queries or send them on.
    pub can_answer: bool,
    /// Queries that end here without an answer: those of the whole block, or those that a rewrite makes.
    pub dead_ends: Vec<Located<DeadEndView>>,
    /// It serves the root zone and has nothing that could answer names outside the cluster.
    pub no_upstream: bool,
    /// Plugins that answer every name of their zones although the block goes on to others: `fallthrough` is missing.
    pub missing_fallthrough: Vec<Located<FallthroughView>>,
}

/// Queries that nothing in the block can answer.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct DeadEndView {
    /// The name of the cluster that a rewrite makes; absent where the block has no plugin that answers.
    pub target: Option<String>,
    /// Where the rewritten query goes, as written.
    pub upstreams: Vec<String>,
    /// The forward that sends it there.
    pub forward: Option<Located<String>>,
}

/// A plugin without the fallthrough that the rest of the block needs.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct FallthroughView {
    /// The plugin: `hosts`, `file`, `template`.
    pub plugin: String,
    /// What a name that it does not know gets: `NXDOMAIN` or `SERVFAIL`; where it hides others, the name.
    pub answer: String,
    /// `no-fallthrough`; `denies`: it answers one type of query with NXDOMAIN on purpose, and so denies the names for the
    /// others as well; `hides`: it has an answer of its own for names that a later plugin has.
    pub kind: String,
    /// The only query type that it takes; absent where it takes all.
    pub query_type: Option<String>,
    /// The zone for which it does.
    pub zone: String,
    /// The release knows `fallthrough` for this plugin.
    pub has_fallthrough: bool,
    /// The plugin behind it that never sees those names.
    pub starved: Located<String>,
}

impl View for ServerBlockView {
    const KIND: &'static str = "server_block";
    const DOC: &'static str = "A server block of a Corefile.";
}

/// A `forward` directive.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ForwardView {
    /// `coredns` or `node-cache`.
    pub program: String,
    /// The zone whose names it takes, fully qualified.
    pub from: String,
    /// It takes every name of a block that serves the root zone.
    pub root: bool,
    /// Where it sends them, as written.
    pub upstreams: Vec<Located<String>>,
    /// Public resolvers among them.
    pub public_upstreams: Vec<Located<String>>,
    /// Upstreams that answer from different views of the DNS, of which it asks any.
    pub mixed: Option<Located<MixedNameservers>>,
    /// A nameserver that a node of the snapshot has and the forward does not use.
    pub node_nameserver: Option<Located<String>>,
    /// An earlier forward of the block takes all its names: it is never asked.
    pub shadowed: bool,
    /// Ways on which a query comes back to this server.
    pub loops: Vec<Located<LoopView>>,
}

/// A way on which a query comes back.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LoopView {
    /// The upstream that leads back.
    pub upstream: String,
    /// Names that go round: a zone, `.` for all that nothing else answers.
    pub zone: String,
    /// Every step from the forward back to it.
    pub hops: Vec<Located<HopView>>,
    /// Only some of the upstreams lead back.
    pub partial: bool,
    /// `own-address`, `service`, `loopback-nameserver`, `resolv-conf`, `node-resolver`, `pod-resolver`,
    /// `redirect-policy`, `kube-dns-config` or `mounted-file`.
    pub cause: String,
    /// The `loop` plugin of a block on the way stops the process when it starts.
    pub seen_by_loop_plugin: bool,
    /// It does so only if its one probe takes the upstreams that lead back.
    pub perhaps_seen: bool,
    /// Why the `loop` plugin does not notice it, as a clause; absent where it may.
    pub unseen_because: Option<String>,
    /// The block has the `loop` plugin.
    pub has_loop_plugin: bool,
    /// Node for which it was found.
    pub node: Option<String>,
    /// The dnsPolicy of the server's own pods is the cause.
    pub by_policy: bool,
    /// The nameservers of the nodes' file that do not lead back, the same on every node; stands at the upstream that
    /// names the file.
    pub instead: Option<Located<String>>,
}

/// A step of a loop.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct HopView {
    /// What happens there.
    pub text: String,
}

impl View for ForwardView {
    const KIND: &'static str = "forward";
    const DOC: &'static str =
        "A forward directive of a Corefile: where it sends which names, and whether they come back.";
}
