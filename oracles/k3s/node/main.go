// Command node answers what an agent of k3s does on a node, one JSON value a line; it is put into a checkout of k3s (see
// ../build). k3s-args gives the arguments that `kubelet-arg` entries become, k3s-resolv whether a resolver file is taken.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/k3s-io/k3s/pkg/agent/config"
	"github.com/k3s-io/k3s/pkg/util"
	"github.com/sirupsen/logrus"
)

// source names the checkout that was compiled; the build script sets it.
var source string

// question holds what the harnesses are asked; each reads its part.
type question struct {
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
	answer, known := map[string]func(question) any{"args": arguments, "resolv": viable}[name]
	if !known {
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

// arguments merges `kubelet-arg` entries over k3s's own arguments.
func arguments(asked question) any {
	merged := util.GetArgs(asked.Init, asked.Extra)
	return append([]string{}, merged...)
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
