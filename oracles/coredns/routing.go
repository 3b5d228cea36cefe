package main

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// patience is how long a client waits: everything is on this machine.
const patience = time.Second

// query is what a client asks.
type query struct {
	Name string `json:"name"`
	Type string `json:"type"`
	// Net is `udp` or `tcp`.
	Net string `json:"net"`
	// To is the address and port.
	To string `json:"to"`
}

// upstreams stand for the servers outside: the addresses 198.51.100.N of a question are moved to the loopback.
type upstreams struct {
	servers []*dns.Server
	lock    sync.Mutex
	asked   []string
}

func local(text string) string {
	return strings.ReplaceAll(moved(text, 0), "198.51.100.", "127.66.0.")
}

// start lets an upstream for each address with a behaviour answer: records that carry its number, or a response code.
func (u *upstreams) start(behaviours map[string]string) error {
	for address, behaviour := range behaviours {
		number := address[strings.LastIndex(address, ".")+1 : strings.LastIndex(address, ":")]
		for _, network := range []string{"udp", "tcp"} {
			up := make(chan error, 1)
			handler := u.handler(number, behaviour, network)
			// a connection that an upstream closes would count as a failure of it
			server := &dns.Server{Addr: local(address), Net: network, Handler: handler, MaxTCPQueries: -1}
			server.NotifyStartedFunc = func() { up <- nil }
			go func() { up <- server.ListenAndServe() }()
			if err := <-up; err != nil {
				return err
			}
			u.servers = append(u.servers, server)
		}
	}
	return nil
}

func (u *upstreams) handler(number, behaviour, network string) dns.Handler {
	return dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(r)
		question := r.Question[0]
		kind := dns.TypeToString[question.Qtype]
		// health checks ask for `. NS`
		if question.Qtype != dns.TypeNS {
			u.lock.Lock()
			u.asked = append(u.asked, strings.Join([]string{number, question.Name, kind, network}, " "))
			u.lock.Unlock()
		}
		if behaviour != "answer" {
			m.Rcode = dns.StringToRcode[behaviour]
		} else {
			data := map[string]string{"A": "192.0.2." + number, "AAAA": "2001:db8::" + number, "TXT": "u" + number}
			if rr, err := dns.NewRR(fmt.Sprintf("%s 5 IN %s %s", question.Name, kind, data[kind])); err == nil && data[kind] != "" {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})
}

func (u *upstreams) stop() {
	for _, server := range u.servers {
		_ = server.Shutdown()
	}
}

// take gives what was asked since the last time.
func (u *upstreams) take() []string {
	u.lock.Lock()
	defer u.lock.Unlock()
	asked := u.asked
	u.asked = nil
	return asked
}

// route starts a server in this process and gives, for each query, every outcome: the response code, the data of the
// records of the type asked for, and which upstreams were asked for what, in order. The error at start is a text.
func route(q question, dir string) any {
	stubs := new(upstreams)
	defer stubs.stop()
	check(stubs.start(q.Stubs))
	dnsserver.Quiet = true
	input := caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(local(q.Conf)), ServerTypeName: "dns"}
	instance, err := caddy.Start(input)
	if err != nil {
		return "refused"
	}
	all := make([][]string, 0, len(q.Ask))
	for _, ask := range q.Ask {
		outcomes := []string{}
		for range max(q.Repeats, 1) {
			outcome := answer(ask, stubs)
			// a slow machine is no answer
			for tries := 0; tries < 2 && strings.HasPrefix(outcome, "late"); tries++ {
				outcome = answer(ask, stubs)
			}
			outcome = strings.Replace(outcome, "late", "silent", 1)
			if !slices.Contains(outcomes, outcome) {
				outcomes = append(outcomes, outcome)
			}
			if strings.HasPrefix(outcome, "silent") {
				break
			}
		}
		slices.Sort(outcomes)
		all = append(all, outcomes)
	}
	instance.ShutdownCallbacks()
	check(instance.Stop())
	return all
}

func answer(ask query, stubs *upstreams) string {
	stubs.take()
	m := new(dns.Msg)
	m.SetQuestion(ask.Name, dns.StringToType[ask.Type])
	client := dns.Client{Net: ask.Net, Timeout: patience}
	in, _, err := client.Exchange(m, local(ask.To))
	code, data := "silent", []string{}
	if late, ok := err.(net.Error); ok && late.Timeout() {
		code = "late"
	} else if err == nil {
		code = dns.RcodeToString[in.Rcode]
		for _, rr := range in.Answer {
			if rr.Header().Rrtype == m.Question[0].Qtype {
				data = append(data, strings.Trim(strings.TrimPrefix(rr.String(), rr.Header().String()), `"`))
			}
		}
	}
	slices.Sort(data)
	return strings.Join([]string{code, strings.Join(data, ","), strings.Join(stubs.take(), ",")}, "|")
}
