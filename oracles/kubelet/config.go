package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	logsapi "k8s.io/component-base/logs/api/v1"
	"k8s.io/klog/v2"
	kubeletconfig "k8s.io/kubelet/config/v1beta1"
	"k8s.io/kubernetes/cmd/kubelet/app"
	"sigs.k8s.io/yaml"
)

// configQuestion is a command line and the files it names; "@" stands for the directory.
type configQuestion struct {
	Files map[string]string `json:"files"`
	Args  []string          `json:"args"`
}

// configAnswer holds the effective settings, or why the kubelet does not start.
type configAnswer struct {
	ClusterDNS    []string `json:"clusterDNS,omitempty"`
	ClusterDomain string   `json:"clusterDomain,omitempty"`
	ResolvConf    *string  `json:"resolvConf,omitempty"`
	Error         string   `json:"error,omitempty"`
}

// stop is a setting that the kubelet refuses, but only after it has merged and logged its configuration.
const stop = "--event-burst=-1"

// settings runs the kubelet's whole command (app.NewKubeletCommand): flags, configuration file, drop-in directory, flags
// again, defaults. The command logs what came out and then fails on the setting `stop`, before it touches the node.
func settings(dir string, question []byte) (any, error) {
	if bytes.Contains(bytes.ToLower(question), []byte("feature")) && os.Getenv(alone) == "" {
		return askAlone(question)
	}
	var asked configQuestion
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	if err := layOut(dir, asked.Files); err != nil {
		return nil, err
	}
	if log == nil {
		if err := openLog(); err != nil {
			return nil, err
		}
	}
	logsapi.ReapplyHandling = logsapi.ReapplyHandlingIgnoreUnchanged
	command := app.NewKubeletCommand(context.Background())
	command.SetOut(log)
	command.SetErr(log)
	args := []string{stop}
	for _, arg := range asked.Args {
		args = append(args, strings.ReplaceAll(arg, "@", dir))
	}
	command.SetArgs(args)
	failure := execute(command)
	if failure == nil {
		return nil, fmt.Errorf("the kubelet was not stopped by %s", stop)
	}
	config, err := loggedConfig()
	if err != nil {
		return nil, err
	}
	if config == "" {
		return configAnswer{Error: reason(failure.Error())}, nil
	}
	var merged kubeletconfig.KubeletConfiguration
	if err := yaml.Unmarshal([]byte(config), &merged); err != nil {
		return nil, err
	}
	path := strings.ReplaceAll(*merged.ResolverConfig, dir, "@")
	return configAnswer{ClusterDNS: merged.ClusterDNS, ClusterDomain: merged.ClusterDomain, ResolvConf: &path}, nil
}

// alone is set in the environment of a process that answers one question.
const alone = "ORACLE_ALONE"

// askAlone answers in a process of its own: feature gates stay set in the one that has read them.
func askAlone(question []byte) (any, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	command := exec.Command(self)
	command.Args[0] = os.Args[0]
	command.Env = append(os.Environ(), alone+"=1")
	command.Stdin = bytes.NewReader(question)
	answer, err := command.Output()
	return json.RawMessage(answer), err
}

// execute runs the command; with drop-ins, some mistakes make the kubelet panic.
func execute(command *cobra.Command) (failure error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			failure = fmt.Errorf("%v", panicked)
		}
	}()
	return command.Execute()
}

// reasons are the ways in which the kubelet refuses to start, by a part of their text.
var reasons = [][2]string{
	{"unknown command", "positional"},
	{"failed to parse kubelet flag", "flag"},
	{"was empty", "header"},
	{"is missing in", "header"},
	{"no apiVersion/kind", "header"},
	{"unknown apiVersion/kind", "header"},
	{"no kind \"", "header"},
	{"not registered", "header"},
	{"already set in map", "repeated key"},
	{"cannot unmarshal", "type"},
	{"no such file", "missing"},
	{"unrecognized feature gate", "gate"},
}

// reason names a refusal in short; one that is not known stays whole.
func reason(message string) string {
	for _, known := range reasons {
		if strings.Contains(message, known[0]) {
			return known[1]
		}
	}
	return message
}

// log takes the place of the standard error stream, to which the kubelet logs.
var log *os.File

func openLog() error {
	file, err := os.CreateTemp("", "oracle")
	if err != nil {
		return err
	}
	log, os.Stderr = file, file
	return os.Remove(file.Name())
}

// loggedConfig is the configuration that the kubelet logged since the last call, "" if it did not get so far.
func loggedConfig() (string, error) {
	klog.Flush()
	size, err := log.Seek(0, io.SeekEnd)
	if err != nil {
		return "", err
	}
	text := make([]byte, size)
	if _, err := log.ReadAt(text, 0); err != nil && size > 0 {
		return "", err
	}
	if err := log.Truncate(0); err != nil {
		return "", err
	}
	if _, err := log.Seek(0, io.SeekStart); err != nil {
		return "", err
	}
	_, config, found := strings.Cut(string(text), "\"Effective KubeletConfiguration\" config=<\n")
	if !found {
		return "", nil
	}
	config, _, _ = strings.Cut(config, "\n >")
	return strings.ReplaceAll("\n"+config, "\n\t", "\n"), nil
}

// layOut makes the directory hold these files and nothing else.
func layOut(dir string, files map[string]string) error {
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range old {
		if err := os.RemoveAll(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
