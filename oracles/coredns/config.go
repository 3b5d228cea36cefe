package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/caddy/caddyfile"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// parse gives the server blocks of the Corefile: keys, and by directive the lines of words, each behind its line
// number (`line:file` where it was imported).
func parse(q question, dir string) any {
	valid := dnsserver.Directives
	if q.AnyDirective {
		valid = nil
	}
	blocks, err := caddyfile.Parse("Corefile", strings.NewReader(q.Conf), valid)
	if err != nil {
		return message(err, dir)
	}
	values := make([]any, 0, len(blocks))
	for _, block := range blocks {
		directives := map[string][][]string{}
		for name, tokens := range block.Tokens {
			directives[name] = lines(tokens)
		}
		values = append(values, []any{block.Keys, directives})
	}
	return values
}

// number is what formatting may change in a message.
var number = regexp.MustCompile(`\d+`)

// format tells whether a formatted Corefile is read like the one it was made from: true, where keys, directives and
// words are the same in the same lines, whatever their numbers; "refused" where neither is read; else both readings.
func format(q question, dir string) any {
	q.AnyDirective = true
	before := parse(q, dir)
	q.Conf = q.Formatted
	after := parse(q, dir)
	if text, refused := before.(string); refused {
		again, too := after.(string)
		if too && number.ReplaceAllString(text, "") == number.ReplaceAllString(again, "") {
			return "refused"
		}
	} else if reflect.DeepEqual(withoutNumbers(before), withoutNumbers(after)) {
		return true
	}
	return []any{before, after}
}

// withoutNumbers leaves out the numbers of lines, but not the files that they are in.
func withoutNumbers(parsed any) any {
	blocks, read := parsed.([]any)
	if !read {
		return parsed
	}
	for _, block := range blocks {
		for _, directive := range block.([]any)[1].(map[string][][]string) {
			for _, line := range directive {
				_, file, _ := strings.Cut(line[0], ":")
				line[0] = file
			}
		}
	}
	return blocks
}

func lines(tokens []caddyfile.Token) [][]string {
	var all [][]string
	last := ""
	for _, token := range tokens {
		place := fmt.Sprint(token.Line)
		if token.File != "" {
			place += ":" + filepath.Base(token.File)
		}
		if place != last {
			all = append(all, []string{place})
			last = place
		}
		all[len(all)-1] = append(all[len(all)-1], token.Text)
	}
	return all
}

// errStop ends a start behind everything that can be judged without sockets.
var errStop = errors.New("set up")

// resolved is what follows the name of a host: it depends on the resolver.
var resolved = regexp.MustCompile(`(failed to resolve "[^"]*").*`)

// setUp gives the error with which CoreDNS refuses the Corefile, or null. It runs what a start of CoreDNS runs up to
// the servers of all listeners: parsing, the keys, the set-up of every plugin, zones served twice. Left out are the
// start-up hooks of plugins and opening the listeners; every host name that the resolver is asked for has an address.
func setUp(q question, dir string) any {
	done := make(chan any, 1)
	go func() {
		defer func() {
			if reason := recover(); reason != nil {
				done <- fmt.Sprint("panic: ", reason)
			}
		}()
		_, err := caddy.Start(caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(q.Conf), ServerTypeName: "dns"})
		if errors.Is(err, errStop) {
			done <- nil
			return
		}
		done <- resolved.ReplaceAllString(message(err, dir), "$1")
	}()
	select {
	case value := <-done:
		return value
	case <-time.After(20 * time.Second):
		return "no answer in time"
	}
}

// stopBehindSetUp makes caddy.Start return before anything is started.
func stopBehindSetUp() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		client, server := net.Pipe()
		go resolve(&dns.Conn{Conn: server})
		return client, nil
	}}
	last := dnsserver.Directives[len(dnsserver.Directives)-1]
	caddy.RegisterParsingCallback("dns", last, func(c caddy.Context) error {
		if _, err := c.MakeServers(); err != nil {
			return err
		}
		return errStop
	})
}

// resolve answers that every name has an address, so that no set-up depends on the network; names with two underscores
// in a row, which are placeholders, do not exist.
func resolve(conn *dns.Conn) {
	defer conn.Close()
	for {
		m, err := conn.ReadMsg()
		if err != nil {
			return
		}
		if strings.Contains(m.Question[0].Name, "__") {
			m.Rcode = dns.RcodeNameError
		} else if m.Question[0].Qtype == dns.TypeA {
			rr := &dns.A{A: net.IPv4(192, 0, 2, 1).To4()}
			rr.Hdr = dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 5}
			m.Answer = append(m.Answer, rr)
		}
		m.Response = true
		_ = conn.WriteMsg(m)
	}
}
