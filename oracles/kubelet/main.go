// Command kubelet answers questions with the kubelet's own code, one JSON value a line; the name that it is called by
// selects the part: kubelet-dns, kubelet-config, kubelet-fields or kubelet-names.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
)

const module = "k8s.io/kubernetes"

// answerer answers one question; dir is an empty directory of this process.
type answerer func(dir string, question []byte) (any, error)

func main() {
	name := filepath.Base(os.Args[0])
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("kubelet", release())
		return
	}
	stderr := os.Stderr
	if err := run(name); err != nil {
		fmt.Fprintln(stderr, name+":", err)
		os.Exit(1)
	}
}

func run(name string) error {
	parts := map[string]answerer{"kubelet-dns": podDNS, "kubelet-config": settings, "kubelet-fields": fields, "kubelet-names": names}
	answer, known := parts[name]
	if !known {
		return fmt.Errorf("unknown part; call it by one of the names in its build script")
	}
	dir, err := os.MkdirTemp("", "oracle")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	output := bufio.NewWriter(os.Stdout)
	defer output.Flush()
	encoder := json.NewEncoder(output)
	encoder.SetEscapeHTML(false)
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 64<<20)
	for input.Scan() {
		value, err := answer(dir, input.Bytes())
		if err != nil {
			return err
		}
		if err := encoder.Encode(value); err != nil {
			return err
		}
	}
	return input.Err()
}

// release is the version of the module that answers.
func release() string {
	info, _ := debug.ReadBuildInfo()
	for _, dependency := range info.Deps {
		if dependency.Path == module {
			return dependency.Version
		}
	}
	return "unknown"
}
