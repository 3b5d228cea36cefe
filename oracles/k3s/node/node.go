package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/k3s-io/k3s/pkg/agent/config"
	"github.com/k3s-io/k3s/pkg/cli/cmds"
	"github.com/k3s-io/k3s/pkg/configfilearg"
	"github.com/k3s-io/k3s/pkg/daemons/agent"
	daemonconfig "github.com/k3s-io/k3s/pkg/daemons/config"
	"github.com/k3s-io/k3s/pkg/daemons/executor"
	"github.com/k3s-io/k3s/pkg/datadir"
	"github.com/urfave/cli/v2"
	logsapi "k8s.io/component-base/logs/api/v1"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"sigs.k8s.io/yaml"
)

// inside marks the process that runs in mount namespaces of its own; one, that it answers one question.
const inside = "DNSLINT_ORACLE_INSIDE"

// enter starts this program again, as root in a mount namespace of its own, with an empty directory as its root, once a
// question: the flags of k3s and the metrics of the kubelet can be set up only once a process. In there it returns.
func enter() func() {
	if root := os.Getenv(inside); root != "" {
		check(os.Unsetenv(inside))
		check(syscall.Chroot(root))
		check(os.Chdir("/"))
		return func() {}
	}
	questions, err := io.ReadAll(os.Stdin)
	check(err)
	for _, line := range strings.SplitAfter(string(questions), "\n") {
		if line != "" {
			inRoom(line)
		}
	}
	os.Exit(0)
	return nil
}

func inRoom(line string) {
	root, err := os.MkdirTemp("", "oracle")
	check(err)
	defer os.RemoveAll(root)
	for _, dir := range []string{"proc", "sys", "tmp", "dev"} {
		check(os.Mkdir(filepath.Join(root, dir), 0o755))
	}
	// the mounts end with the namespace
	script := `mount --make-rprivate / && mount --rbind /proc "$ROOT/proc" && mount --rbind /sys "$ROOT/sys" && exec -a k3s-node "$SELF"`
	self, err := os.Executable()
	check(err)
	child := exec.Command("bash", "-c", script)
	child.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	child.Env = []string{inside + "=" + root, "ROOT=" + root, "SELF=" + self, "PATH=" + os.Getenv("PATH"), "HOME=/root"}
	child.Stdin, child.Stdout, child.Stderr = strings.NewReader(line), os.Stdout, os.Stderr
	check(child.Run())
}

// recorder takes the kubelet's arguments instead of running it.
type recorder struct {
	executor.Executor
	args []string
}

func (r *recorder) Kubelet(_ context.Context, args []string) error {
	r.args = args
	return nil
}

// node runs `k3s agent` of a node up to the start of the kubelet, and the kubelet up to its settings. Of
// pkg/cli/agent/agent.go and pkg/agent/config/config.go the few assignments are repeated that need no server.
func node(asked question) any {
	for path, text := range asked.Files {
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(text), 0o644))
	}
	for path, target := range asked.Links {
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.Symlink(target, path))
	}
	for name, value := range asked.Env {
		check(os.Setenv(name, value))
	}
	args, err := configfilearg.DefaultParser.Parse(append([]string{"k3s", "agent"}, asked.Args...))
	if err != nil {
		return "refused"
	}
	var answer any = "refused"
	run := func(*cli.Context) error {
		answer = start(cmds.AgentConfig, asked)
		return nil
	}
	command := cmds.NewApp()
	command.DisableSliceFlagSeparator = true
	command.Writer, command.ErrWriter = io.Discard, io.Discard
	command.Commands = []*cli.Command{cmds.NewAgentCommand(run)}
	if err := command.Run(args); err != nil {
		return "refused"
	}
	return answer
}

func start(cfg cmds.Agent, asked question) any {
	dataDir, err := datadir.LocalHome(cfg.DataDir, cfg.Rootless)
	check(err)
	cfg.DataDir = dataDir
	kubeletConfigDir := filepath.Join(dataDir, "agent", "etc", "kubelet.conf.d")
	check(os.MkdirAll(kubeletConfigDir, 0o700))
	own := &daemonconfig.Agent{
		NodeIP:           "192.0.2.1",
		NodeIPs:          []net.IP{net.ParseIP("192.0.2.1")},
		ClusterDomain:    asked.Told.ClusterDomain,
		ResolvConf:       config.OracleResolver(&cfg),
		KubeletConfigDir: kubeletConfigDir,
		PodManifests:     filepath.Join(dataDir, "agent", config.DefaultPodManifestPath),
		ExtraKubeletArgs: cfg.ExtraKubeletArgs.Value(),
	}
	for _, address := range asked.Told.ClusterDNS {
		own.ClusterDNSs = append(own.ClusterDNSs, net.ParseIP(address))
	}
	seen := &recorder{}
	executor.Set(seen)
	answer := map[string]any{"choice": own.ResolvConf}
	if err := agent.OracleKubelet(context.Background(), own); err != nil {
		answer["kubelet"] = "not started"
		return answer
	}
	answer["kubelet"] = kubelet(seen.args)
	return answer
}

// kubelet gives the settings that the kubelet logs, or "refused"; see ../../kubelet/config.go.
func kubelet(args []string) any {
	check(openLog())
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	command := app.NewKubeletCommand(context.Background())
	command.SetOut(log)
	command.SetErr(log)
	command.SetArgs(append([]string{stop}, args...))
	if command.Execute() == nil {
		return "not stopped"
	}
	text, err := loggedConfig()
	check(err)
	if text == "" {
		return "refused"
	}
	var merged kubeletconfig.KubeletConfiguration
	check(yaml.Unmarshal([]byte(text), &merged))
	return configAnswer{ClusterDNS: merged.ClusterDNS, ClusterDomain: merged.ClusterDomain, ResolvConf: merged.ResolverConfig}
}
