package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	// lowest is the first port in use: the ports 5300 to 5399 of a question are moved above it.
	lowest = 26100
	// together is the number of servers that run at a time where each has its process.
	together = 12
	// watched is how long a server that is up may take to find a loop: its plugin asks at once and, as the listeners
	// open only behind that, again after a second.
	watched = 5 * time.Second
)

var ports = regexp.MustCompile(`\b53(\d\d)\b`)

// moved replaces the ports 53NN by ports of a slot of its own.
func moved(text string, slot int) string {
	return ports.ReplaceAllStringFunc(text, func(port string) string {
		return fmt.Sprint(lowest + 100*slot + int(port[2]-'0')*10 + int(port[3]-'0'))
	})
}

// loops starts a server in a process of its own for each question, several at a time, and tells whether its plugin
// `loop` ended it; "refused" where the server did not start.
func loops(all []question) []any {
	values := make([]any, len(all))
	slots := make(chan int, together)
	for slot := range together {
		slots <- slot + 1
	}
	var wait sync.WaitGroup
	for at, q := range all {
		slot := <-slots
		wait.Add(1)
		go func() {
			defer wait.Done()
			q.Conf = moved(q.Conf, slot)
			dir := layOut(q)
			values[at] = watch(dir)
			check(os.RemoveAll(dir))
			slots <- slot
		}()
	}
	wait.Wait()
	return values
}

var detected = regexp.MustCompile(`plugin/loop: Loop \(.*\) detected for zone`)

func watch(dir string) any {
	program, err := filepath.Abs("/proc/self/exe")
	check(err)
	server := exec.Command(program)
	server.Dir = dir
	server.Env = append(os.Environ(), serve+"=1", "GOMAXPROCS=1")
	reader, writer, err := os.Pipe()
	check(err)
	server.Stdout, server.Stderr = writer, writer
	check(server.Start())
	_ = writer.Close()
	lines := make(chan string)
	go func() {
		defer close(lines)
		for text := bufio.NewScanner(reader); text.Scan(); {
			lines <- text.Text()
		}
	}()
	value := verdict(lines)
	_ = server.Process.Kill()
	for range lines {
		// the rest of the output, so that its reader ends
	}
	_ = server.Wait()
	_ = reader.Close()
	return value
}

// verdict reads the output of a server until its plugin ends it, or it has been up for long enough.
func verdict(lines <-chan string) any {
	limit := time.After(60 * time.Second)
	for {
		select {
		case line, more := <-lines:
			if !more {
				return "refused"
			}
			if detected.MatchString(line) {
				return true
			}
			if strings.HasPrefix(line, "CoreDNS-") {
				limit = time.After(watched)
			}
		case <-limit:
			return false
		}
	}
}
