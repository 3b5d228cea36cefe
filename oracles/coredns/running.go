package main

import (
	"bufio"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

const (
	// lowest is the first port in use: the ports 5300 to 5399 of a question are moved above it.
	lowest = 26100
	// repeats of each query, so that several upstreams show.
	repeats = 4
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

// route starts the server in this process and gives, for each query, the different answers: the response code and
// the data of the records. No answer is "silent", an error at start a text instead of the list.
func route(q question, dir string) any {
	stubs, err := startStubs(q.Stubs)
	defer stop(stubs)
	if err != nil {
		return message(err, dir)
	}
	dnsserver.Quiet = true
	input := caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(moved(q.Conf, 0)), ServerTypeName: "dns"}
	instance, err := caddy.Start(input)
	if err != nil {
		return message(err, dir)
	}
	answers := make([]string, 0, len(q.Ask))
	for _, query := range q.Ask {
		answers = append(answers, distinct(query))
	}
	for _, err := range instance.ShutdownCallbacks() {
		check(err)
	}
	check(instance.Stop())
	return answers
}

func distinct(query [3]string) string {
	found := []string{}
	for range repeats {
		answer := ask(query)
		if !slices.Contains(found, answer) {
			found = append(found, answer)
		}
	}
	slices.Sort(found)
	return strings.Join(found, " | ")
}

func ask(query [3]string) string {
	m := new(dns.Msg)
	m.SetQuestion(dns.Fqdn(query[0]), dns.StringToType[query[1]])
	client := dns.Client{Timeout: 7 * time.Second}
	in, _, err := client.Exchange(m, moved(query[2], 0))
	if err != nil {
		return "silent"
	}
	words := []string{dns.RcodeToString[in.Rcode]}
	for _, rr := range in.Answer {
		words = append(words, strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	return strings.Join(words, " ")
}

// startStubs starts upstreams that answer every query for an address with 192.0.2.N, N being their place.
func startStubs(addresses []string) ([]*dns.Server, error) {
	var stubs []*dns.Server
	for n, address := range addresses {
		handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(r)
			if r.Question[0].Qtype == dns.TypeA {
				rr := &dns.A{A: net.IPv4(192, 0, 2, byte(n)).To4()}
				rr.Hdr = dns.RR_Header{Name: r.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}
				m.Answer = append(m.Answer, rr)
			}
			_ = w.WriteMsg(m)
		})
		for _, network := range []string{"udp", "tcp"} {
			up := make(chan error, 1)
			stub := &dns.Server{Addr: moved(address, 0), Net: network, Handler: handler}
			stub.NotifyStartedFunc = func() { up <- nil }
			go func() { up <- stub.ListenAndServe() }()
			if err := <-up; err != nil {
				return stubs, err
			}
			stubs = append(stubs, stub)
		}
	}
	return stubs, nil
}

func stop(stubs []*dns.Server) {
	for _, stub := range stubs {
		_ = stub.Shutdown()
	}
}

// loops starts a server in a process of its own for each question, several at a time, and gives the zone for which
// its plugin `loop` ended it; null where it did not, and a text where the server did not start.
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

var detected = regexp.MustCompile(`plugin/loop: Loop \(.*\) detected for zone "([^"]*)"`)

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
	last := ""
	limit := time.After(60 * time.Second)
	for {
		select {
		case line, more := <-lines:
			if !more {
				return map[string]string{"ended": last}
			}
			if found := detected.FindStringSubmatch(line); found != nil {
				return map[string]string{"zone": found[1]}
			}
			if strings.HasPrefix(line, "CoreDNS-") {
				limit = time.After(watched)
			}
			last = line
		case <-limit:
			return nil
		}
	}
}
