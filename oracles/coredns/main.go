// The harness around CoreDNS: answers questions about Corefiles, one JSON value a line (see ../README.md).
//
// One program under several names: coredns-parse, coredns-format, coredns-setup, coredns-loop, coredns-route. A question has the
// text of the Corefile, the files beside it and the environment; each runs in an empty directory that holds them.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"syscall"

	_ "github.com/coredns/coredns/core/plugin"
	"github.com/coredns/coredns/coremain"
)

// question is what the tests ask; each harness reads its part.
type question struct {
	// Conf is the Corefile.
	Conf string `json:"conf"`
	// Files are further files, by their path relative to the Corefile.
	Files map[string]string `json:"files"`
	// Env is the environment.
	Env map[string]string `json:"env"`
	// Formatted is the Corefile as it is after formatting.
	Formatted string `json:"formatted"`
	// AnyDirective lets the parser take every word for the name of a directive.
	AnyDirective bool `json:"any_directive"`
	// Stubs are upstreams that run: address and port, and `answer` or a response code.
	Stubs map[string]string `json:"stubs"`
	// Ask is asked of the running server.
	Ask []query `json:"ask"`
	// Repeats is how often each query is asked, so that what is drawn by lot is seen.
	Repeats int `json:"repeats"`
}

// serve makes the program the real CoreDNS, for servers that may end their process.
const serve = "DNSLINT_ORACLE_SERVES"

func main() {
	if os.Getenv(serve) != "" {
		os.Args = []string{"coredns", "-conf", "Corefile"}
		coremain.Run()
		return
	}
	log.SetOutput(io.Discard)
	if len(os.Args) > 1 && os.Args[1] == "--version" {
		fmt.Println("CoreDNS " + release())
		return
	}
	answers := map[string]func([]question) []any{
		"parse":  one(parse),
		"format": one(format),
		"setup":  one(setUp),
		"loop":   loops,
		"route":  one(route),
	}
	name := filepath.Base(os.Args[0])
	answer, known := answers[name[strings.LastIndex(name, "-")+1:]]
	if !known {
		fmt.Fprintln(os.Stderr, "no harness of the name", name)
		os.Exit(2)
	}
	if strings.HasSuffix(name, "setup") {
		stopBehindSetUp()
	}
	if strings.HasSuffix(name, "loop") || strings.HasSuffix(name, "route") {
		defer alone()()
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for _, value := range answer(read()) {
		check(out.Encode(value))
	}
}

// alone waits until no other harness has servers running, whose ports would be taken, and returns what lets the next one go on.
func alone() func() {
	lock, err := os.OpenFile(filepath.Join(os.TempDir(), "dnslint-oracle-coredns.lock"), os.O_CREATE|os.O_RDWR, 0o666)
	check(err)
	check(syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
	return func() { lock.Close() }
}

// release is that of the module that this program was built with.
func release() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "github.com/coredns/coredns" {
			return strings.TrimPrefix(module.Version, "v")
		}
	}
	return "of unknown release"
}

func read() []question {
	var all []question
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 {
			return all
		}
		var q question
		check(json.Unmarshal(line, &q))
		all = append(all, q)
		if err != nil {
			return all
		}
	}
}

// one answers question after question in this process, each in its own directory.
func one(answer func(question, string) any) func([]question) []any {
	return func(all []question) []any {
		values := make([]any, 0, len(all))
		for _, q := range all {
			dir := layOut(q)
			check(os.Chdir(dir))
			for name, value := range q.Env {
				check(os.Setenv(name, value))
			}
			values = append(values, answer(q, dir))
			for name := range q.Env {
				check(os.Unsetenv(name))
			}
			check(os.Chdir("/"))
			check(os.RemoveAll(dir))
		}
		return values
	}
}

// layOut writes the files of a question into a new directory.
func layOut(q question) string {
	dir, err := os.MkdirTemp("", "dnslint-oracle-")
	check(err)
	dir, err = filepath.EvalSymlinks(dir)
	check(err)
	for name, text := range q.Files {
		path := filepath.Join(dir, name)
		check(os.MkdirAll(filepath.Dir(path), 0o755))
		check(os.WriteFile(path, []byte(text), 0o644))
	}
	check(os.WriteFile(filepath.Join(dir, "Corefile"), []byte(q.Conf), 0o644))
	return dir
}

// message is the text of an error, with the directory of the Corefile as the tests write it.
func message(err error, dir string) string {
	return strings.ReplaceAll(err.Error(), dir, "/<dir>")
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
