// Command files answers what k3s makes of its configuration files, one JSON value a line: the arguments that they become.
// It is put into a checkout of k3s (see ../build).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/k3s-io/k3s/pkg/configfilearg"
	"github.com/sirupsen/logrus"
)

// source names the checkout that was compiled; the build script sets it.
var source string

// question is a start of k3s with these files.
type question struct {
	// Command is `server` or `agent`.
	Command string `json:"command"`
	// Files are config.yaml, drop-ins below config.yaml.d/, and others.
	Files map[string]string `json:"files"`
}

func main() {
	logrus.SetOutput(io.Discard)
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("k3s", source)
		return
	}
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			return
		}
		ask(line)
		if err != nil {
			return
		}
	}
}

func ask(line []byte) {
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
	configfilearg.DefaultParser.DefaultConfig = filepath.Join(dir, "config.yaml")
	value := arguments(asked, dir)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	check(out.Encode(value))
}

// parse is what k3s's main does first: the arguments with those of the files in front.
func parse(asked question) ([]string, error) {
	return configfilearg.DefaultParser.Parse([]string{"k3s", asked.Command})
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

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
