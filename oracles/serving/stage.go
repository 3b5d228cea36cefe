package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// server is a stand-in: what it knows, and where it listens, over UDP and TCP.
type server struct {
	At []string `json:"at"`
	// Records are in the form of a zone file; names without any do not exist.
	Records []string `json:"records"`
}

// step is one of: a query, a request over HTTP, the end of a stand-in.
type step struct {
	// Ask is a name and a type.
	Ask string `json:"ask,omitempty"`
	// To is the address that is asked.
	To string `json:"to,omitempty"`
	// Over is the transport, UDP where it is empty.
	Over string `json:"over,omitempty"`
	// Get is an address of HTTP.
	Get string `json:"get,omitempty"`
	// Stop ends the stand-in on one of its addresses.
	Stop string `json:"stop,omitempty"`
}

// result is what came of a step.
type result struct {
	// Rcode of the answer.
	Rcode string `json:"rcode,omitempty"`
	// Answers are the data of its records, sorted.
	Answers []string `json:"answers,omitempty"`
	// Seen are the stand-ins that were asked for the name meanwhile, with the transport, sorted.
	Seen []string `json:"seen,omitempty"`
	// Status of the HTTP answer.
	Status int `json:"status,omitempty"`
	// Error of the asking side.
	Error string `json:"error,omitempty"`
}

// stage holds the running stand-ins.
type stage struct {
	mutex   sync.Mutex
	asked   string
	seen    map[string]bool
	running map[string][]*dns.Server
}

func newStage(q question) (*stage, error) {
	s := &stage{seen: map[string]bool{}, running: map[string][]*dns.Server{}}
	for name, server := range q.Servers {
		known := map[string][]dns.RR{}
		for _, line := range server.Records {
			record, err := dns.NewRR(line)
			if err != nil {
				return nil, err
			}
			owner := strings.ToLower(record.Header().Name)
			known[owner] = append(known[owner], record)
		}
		for _, address := range server.At {
			for _, transport := range []string{"udp", "tcp"} {
				if err := s.listen(name, address, transport, known); err != nil {
					return nil, err
				}
			}
		}
	}
	return s, nil
}

func (s *stage) listen(name, address, transport string, known map[string][]dns.RR) error {
	started := make(chan struct{})
	failed := make(chan error, 1)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, r *dns.Msg) {
		s.note(r.Question[0].Name, name+" "+transport)
		_ = w.WriteMsg(answer(r, known))
	})
	server := &dns.Server{
		Addr: net.JoinHostPort(address, "53"), Net: transport, Handler: handler,
		NotifyStartedFunc: func() { close(started) },
	}
	go func() { failed <- server.ListenAndServe() }()
	select {
	case <-started:
	case err := <-failed:
		return fmt.Errorf("%s: %w", address, err)
	}
	s.running[address] = append(s.running[address], server)
	return nil
}

func (s *stage) note(name, who string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if strings.EqualFold(name, s.asked) {
		s.seen[who] = true
	}
}

// answer knows the records of one server; other names do not exist for it.
func answer(r *dns.Msg, known map[string][]dns.RR) *dns.Msg {
	m := new(dns.Msg).SetReply(r)
	m.RecursionAvailable = true
	q := r.Question[0]
	records := known[strings.ToLower(q.Name)]
	for _, record := range records {
		if record.Header().Rrtype == q.Qtype {
			m.Answer = append(m.Answer, record)
		}
	}
	if len(m.Answer) > 0 {
		return m
	}
	if len(records) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	_, zone, found := strings.Cut(q.Name, ".")
	if !found || zone == "" {
		zone = "."
	}
	soa, err := dns.NewRR(zone + " 30 IN SOA ns.invalid. admin.invalid. 1 7200 900 1209600 30")
	if err == nil {
		m.Ns = append(m.Ns, soa)
	}
	return m
}

func (s *stage) perform(do step) result {
	switch {
	case do.Stop != "":
		for _, server := range s.running[do.Stop] {
			_ = server.Shutdown()
		}
		return result{}
	case do.Get != "":
		client := http.Client{Timeout: 5 * time.Second}
		response, err := client.Get(do.Get)
		if err != nil {
			return result{Error: err.Error()}
		}
		_ = response.Body.Close()
		return result{Status: response.StatusCode}
	}
	return s.ask(do)
}

func (s *stage) ask(do step) result {
	name, kind, _ := strings.Cut(do.Ask, " ")
	s.mutex.Lock()
	s.asked = dns.Fqdn(name)
	clear(s.seen)
	s.mutex.Unlock()
	m := new(dns.Msg).SetQuestion(dns.Fqdn(name), dns.StringToType[kind])
	client := dns.Client{Net: do.Over, Timeout: 20 * time.Second}
	reply, _, err := client.Exchange(m, net.JoinHostPort(do.To, "53"))
	if err != nil {
		return result{Error: err.Error()}
	}
	var data []string
	for _, record := range reply.Answer {
		data = append(data, strings.TrimPrefix(record.String(), record.Header().String()))
	}
	slices.Sort(data)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var seen []string
	for who := range s.seen {
		seen = append(seen, who)
	}
	slices.Sort(seen)
	return result{Rcode: dns.RcodeToString[reply.Rcode], Answers: data, Seen: seen}
}
