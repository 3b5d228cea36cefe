// The harness around resolvers that run with a rendered configuration (see ../README.md).
//
// It is called by the name of a program and `-serves`, for instance coredns-serves, and finds the program in the folder
// `programs` beside it. Each question is played in network and mount namespaces of its own, where the loopback interface has
// every address that the configuration and the stand-ins name, so that the configuration runs as it was rendered.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// question is a configuration, the servers around it, and what happens then.
type question struct {
	// Config is the text of the configuration file.
	Config string `json:"config"`
	// ResolvConf is /etc/resolv.conf as the program sees it.
	ResolvConf string `json:"resolv_conf"`
	// Addresses are those of the node on which the program is to listen.
	Addresses []string `json:"addresses"`
	// Servers are the stand-ins, by name.
	Servers map[string]server `json:"servers"`
	// Steps happen one after the other.
	Steps []step `json:"steps"`
}

// room makes the program one of the processes inside the namespaces; its value is the path of the resolver.
const room = "DNSLINT_ORACLE_ROOM"

func main() {
	if program := os.Getenv(room); program != "" {
		check(play(program, os.Stdin, os.Stdout))
		return
	}
	own, err := os.Executable()
	check(err)
	name := strings.TrimSuffix(filepath.Base(os.Args[0]), "-serves")
	program := filepath.Join(filepath.Dir(own), "programs", name)
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		version, err := exec.Command(program, versionFlag(name)).Output()
		check(err)
		fmt.Println(name+":", strings.SplitN(string(version), "\n", 2)[0])
		return
	}
	input := bufio.NewReader(os.Stdin)
	for {
		line, err := input.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) == 0 {
			return
		}
		check(inRoom(own, program, line))
		if err != nil {
			return
		}
	}
}

func versionFlag(name string) string {
	if strings.HasPrefix(name, "hickory") {
		return "--version"
	}
	return "-version"
}

// inRoom starts this program again in new namespaces.
func inRoom(own, program string, line []byte) error {
	child := exec.Command(own)
	child.Env = append(os.Environ(), room+"="+program)
	child.Stdin = strings.NewReader(string(line))
	child.Stdout, child.Stderr = os.Stdout, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS,
		Pdeathsig:  syscall.SIGKILL,
	}
	return child.Run()
}

// play reads one question and writes its answer.
func play(program string, in *os.File, out *os.File) error {
	var q question
	if err := json.NewDecoder(in).Decode(&q); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "dnslint-oracle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := furnish(q, dir); err != nil {
		return err
	}
	stage, err := newStage(q)
	if err != nil {
		return err
	}
	resolver, err := start(program, q, dir)
	if err != nil {
		return err
	}
	defer resolver.stop()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := resolver.await(q.Addresses); err != nil {
		return encoder.Encode(map[string]string{"refused": err.Error()})
	}
	results := make([]result, 0, len(q.Steps))
	for _, s := range q.Steps {
		results = append(results, stage.perform(s))
	}
	return encoder.Encode(results)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
