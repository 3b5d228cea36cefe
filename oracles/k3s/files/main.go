// Command files answers what k3s makes of its configuration files, command line and environment, one JSON value a line; it
// is put into a checkout of k3s (see ../build). k3s-config gives the arguments that the files become, k3s-flags the
// settings that k3s's command then has, k3s-flag-names the flags that each sub-command knows.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"

	"github.com/k3s-io/k3s/pkg/cli/cmds"
	"github.com/k3s-io/k3s/pkg/configfilearg"
	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"
)

// source names the checkout that was compiled; the build script sets it.
var source string

// one makes the program answer one question and end: k3s's flags keep what they were given.
const one = "DNSLINT_ORACLE_ONE"

// question is a start of k3s; "@" in arguments and variables stands for the directory of the files.
type question struct {
	// Command is `server` or `agent`.
	Command string `json:"command"`
	// Files are config.yaml, drop-ins below config.yaml.d/, and others.
	Files map[string]string `json:"files"`
	// Args stand behind the command.
	Args []string `json:"args"`
	// Env is the environment.
	Env map[string]string `json:"env"`
}

func main() {
	logrus.SetOutput(io.Discard)
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("k3s", source)
		return
	}
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "k3s-")
	answer, known := map[string]func(question, string) any{"config": arguments, "flags": settings, "flag-names": names}[name]
	if !known {
		fmt.Fprintln(os.Stderr, "no harness of the name", name)
		os.Exit(2)
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			return
		}
		if name == "flags" && os.Getenv(one) == "" {
			again(line)
		} else {
			ask(line, answer)
		}
		if err != nil {
			return
		}
	}
}

// again answers a question in a new process.
func again(line []byte) {
	child := exec.Command("/proc/self/exe")
	child.Args = os.Args
	child.Env = []string{one + "=1", "PATH=" + os.Getenv("PATH")}
	child.Stdin = strings.NewReader(string(line))
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	check(child.Run())
}

func ask(line []byte, answer func(question, string) any) {
	var asked question
	check(json.Unmarshal(line, &asked))
	dir, err := os.MkdirTemp("", "oracle")
	check(err)
	defer os.RemoveAll(dir)
	for name, text := range asked.Files {
		path := filepath.Join(dir, name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(text), 0o644))
	}
	for name, value := range asked.Env {
		check(os.Setenv(name, strings.ReplaceAll(value, "@", dir)))
		defer os.Unsetenv(name)
	}
	for index, arg := range asked.Args {
		asked.Args[index] = strings.ReplaceAll(arg, "@", dir)
	}
	configfilearg.DefaultParser.DefaultConfig = filepath.Join(dir, "config.yaml")
	value := answer(asked, dir)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	check(out.Encode(value))
}

// parse is what k3s's main does first: the arguments with those of the files in front.
func parse(asked question) ([]string, error) {
	args := append([]string{"k3s", asked.Command}, asked.Args...)
	return configfilearg.DefaultParser.Parse(args)
}

// arguments gives what stands behind the command, or "refused".
func arguments(asked question, dir string) any {
	args, err := parse(asked)
	if err != nil {
		return "refused"
	}
	behind := append([]string{}, args[2:]...)
	for index, arg := range behind {
		behind[index] = strings.ReplaceAll(arg, dir, "@")
	}
	return behind
}

// settings gives the values that the sub-command is run with, or "refused" where it is not run.
func settings(asked question, dir string) any {
	args, err := parse(asked)
	if err != nil {
		return "refused"
	}
	var seen map[string]any
	see := func(clx *cli.Context) error {
		server, agent := &cmds.ServerConfig, &cmds.AgentConfig
		seen = map[string]any{
			"resolv-conf": agent.ResolvConf,
			"kubelet-arg": agent.ExtraKubeletArgs.Value(),
			"node-ip":     agent.NodeIP.Value(),
		}
		if asked.Command == "agent" {
			seen["data-dir"] = agent.DataDir
			return nil
		}
		seen["data-dir"] = server.DataDir
		seen["cluster-domain"] = server.ClusterDomain
		seen["cluster-dns"] = server.ClusterDNS.Value()
		seen["cluster-cidr"] = server.ClusterCIDR.Value()
		seen["service-cidr"] = server.ServiceCIDR.Value()
		seen["disable"] = clx.StringSlice("disable")
		return nil
	}
	app := cmds.NewApp()
	app.DisableSliceFlagSeparator = true
	app.Writer, app.ErrWriter = io.Discard, io.Discard
	app.Commands = []*cli.Command{cmds.NewServerCommand(see), cmds.NewAgentCommand(see)}
	if err := app.Run(args); err != nil || seen == nil {
		return "refused"
	}
	for name, value := range seen {
		if list, is := value.([]string); is {
			if len(list) == 0 {
				delete(seen, name)
			}
			for index, text := range list {
				list[index] = strings.ReplaceAll(text, dir, "@")
			}
		} else if text := value.(string); text == "" {
			delete(seen, name)
		} else {
			seen[name] = strings.ReplaceAll(text, dir, "@")
		}
	}
	return seen
}

// names gives the flags of a sub-command that take a value, and those that take none behind "bool".
func names(asked question, _ string) any {
	command := cmds.NewServerCommand(nil)
	if asked.Command == "agent" {
		command = cmds.NewAgentCommand(nil)
	}
	all := map[string][]string{"value": {}, "bool": {}}
	for _, flag := range command.Flags {
		kind := "value"
		if _, is := flag.(*cli.BoolFlag); is {
			kind = "bool"
		}
		all[kind] = append(all[kind], flag.Names()...)
	}
	sort.Strings(all["value"])
	sort.Strings(all["bool"])
	return all
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
