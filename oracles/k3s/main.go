// Command k3s answers questions about k3s, one JSON value a line; it is put into a checkout of k3s (see build). Under the name
// k3s-config it gives the arguments that configuration files become, as k3s-args those that `kubelet-arg` entries make of the
// kubelet's, as k3s-resolv whether a resolver file is taken.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/k3s-io/k3s/pkg/agent/config"
	"github.com/k3s-io/k3s/pkg/cli/cmds"
	"github.com/k3s-io/k3s/pkg/configfilearg"
	"github.com/k3s-io/k3s/pkg/util"
	"github.com/sirupsen/logrus"
	"github.com/urfave/cli/v2"
)

// source names the checkout that was compiled; the build script sets it.
var source string

// question holds what the harnesses are asked; each reads its part.
type question struct {
	// Command is `server` or `agent`; Files are config.yaml, and drop-ins below config.yaml.d/.
	Command string            `json:"command"`
	Files   map[string]string `json:"files"`
	// Init are the arguments that k3s itself gives, Extra the `kubelet-arg` entries.
	Init  map[string]string `json:"init"`
	Extra []string          `json:"extra"`
	// Text is a resolver file, Filler how many letters stand behind it.
	Text   string `json:"text"`
	Filler int    `json:"filler"`
}

func main() {
	logrus.SetOutput(io.Discard)
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("k3s", source)
		return
	}
	name := strings.TrimPrefix(filepath.Base(os.Args[0]), "k3s-")
	answer, found := map[string]func(question) any{"config": configuration, "args": arguments, "resolv": viable}[name]
	if !found {
		fmt.Fprintln(os.Stderr, "no harness of the name", name)
		os.Exit(2)
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			return
		}
		var asked question
		check(json.Unmarshal(line, &asked))
		check(encoder.Encode(answer(asked)))
		if err != nil {
			return
		}
	}
}

// configuration is what k3s's main does first: it puts the arguments of the files behind the command. "refused" where it
// does not go on, as with a flag that the agent does not have (the flags of its command are all that it can be told).
func configuration(asked question) any {
	dir, err := os.MkdirTemp("", "oracle")
	check(err)
	defer os.RemoveAll(dir)
	for name, text := range asked.Files {
		path := filepath.Join(dir, name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(text), 0o644))
	}
	configfilearg.DefaultParser.DefaultConfig = filepath.Join(dir, "config.yaml")
	args, err := configfilearg.DefaultParser.Parse([]string{"k3s", asked.Command})
	if err != nil {
		return "refused"
	}
	given := append([]string{}, args[2:]...)
	if asked.Command == "agent" && !known(given, cmds.NewAgentCommand(nil).Flags) {
		return "refused"
	}
	return given
}

// known tells whether a command has every flag that it is given; urfave/cli refuses others.
func known(given []string, flags []cli.Flag) bool {
	var names []string
	for _, flag := range flags {
		names = append(names, flag.Names()...)
	}
	return !slices.ContainsFunc(given, func(argument string) bool {
		name, _, _ := strings.Cut(strings.TrimLeft(argument, "-"), "=")
		return !slices.Contains(names, name)
	})
}

// arguments merges `kubelet-arg` entries over k3s's own arguments.
func arguments(asked question) any {
	return append([]string{}, util.GetArgs(asked.Init, asked.Extra)...)
}

// viable tests one resolver file.
func viable(asked question) any {
	file, err := os.CreateTemp("", "oracle")
	check(err)
	defer os.Remove(file.Name())
	_, err = file.WriteString(asked.Text + strings.Repeat("x", asked.Filler))
	check(err)
	check(file.Close())
	return config.OracleViable(file.Name())
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
