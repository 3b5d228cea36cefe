package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-logr/logr"
	v1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/record"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/kubelet/network/dns"
	netutils "k8s.io/utils/net"
)

// dnsQuestion is a pod and its node. Host is the text of the resolver file; without it there is none.
type dnsQuestion struct {
	Host          *string          `json:"host"`
	Filler        int              `json:"filler"`
	Directory     bool             `json:"directory"`
	NoResolvConf  bool             `json:"noResolvConf"`
	ClusterDNS    []string         `json:"clusterDNS"`
	ClusterDomain string           `json:"clusterDomain"`
	NodeIPs       []string         `json:"nodeIPs"`
	Namespace     string           `json:"namespace"`
	Policy        string           `json:"policy"`
	HostNetwork   bool             `json:"hostNetwork"`
	DNSConfig     *v1.PodDNSConfig `json:"dnsConfig"`
}

// dnsAnswer holds the lists as the runtime gets them, options sorted (the kubelet shuffles them).
type dnsAnswer struct {
	Servers  []string   `json:"servers,omitempty"`
	Searches []string   `json:"searches,omitempty"`
	Options  []string   `json:"options,omitempty"`
	Error    string     `json:"error,omitempty"`
	Events   [][]string `json:"events,omitempty"`
	Check    string     `json:"check,omitempty"`
}

// events collects what the kubelet records: object, reason, and the message except where it names the pod.
type events struct{ seen [][]string }

func (e *events) Event(object runtime.Object, _, reason, message string) {
	target := "pod"
	if _, isNode := object.(*v1.ObjectReference); isNode {
		target = "node"
	}
	event := []string{target, reason}
	if reason != "MissingClusterDNS" {
		event = append(event, message)
	}
	e.seen = append(e.seen, event)
}

func (e *events) Eventf(object runtime.Object, kind, reason, format string, args ...any) {
	e.Event(object, kind, reason, fmt.Sprintf(format, args...))
}

func (e *events) AnnotatedEventf(object runtime.Object, _ map[string]string, kind, reason, format string, args ...any) {
	e.Eventf(object, kind, reason, format, args...)
}

func (e *events) WithLogger(klog.Logger) record.EventRecorderLogger { return e }

// podDNS asks Configurer.GetPodDNS and CheckLimitsForResolvConf of pkg/kubelet/network/dns.
func podDNS(dir string, question []byte) (any, error) {
	var asked dnsQuestion
	if err := json.Unmarshal(question, &asked); err != nil {
		return nil, err
	}
	path, err := hostFile(dir, &asked)
	if err != nil {
		return nil, err
	}
	recorder := &events{}
	configurer := dns.NewConfigurer(recorder, &v1.ObjectReference{Kind: "Node", Name: "node"}, addresses(asked.NodeIPs),
		addresses(asked.ClusterDNS), asked.ClusterDomain, path)
	pod := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "pod", Namespace: asked.Namespace},
		Spec: v1.PodSpec{
			DNSPolicy: v1.DNSPolicy(asked.Policy), HostNetwork: asked.HostNetwork, DNSConfig: asked.DNSConfig,
		},
	}
	var answer dnsAnswer
	got, err := configurer.GetPodDNS(klog.NewContext(context.Background(), logr.Discard()), pod)
	if err != nil {
		answer.Error = failure(err.Error())
	} else {
		slices.Sort(got.Options)
		answer.Servers, answer.Searches, answer.Options = got.Servers, got.Searches, got.Options
	}
	answer.Events = recorder.seen
	// the caller in pkg/kubelet/kubelet.go has the same condition
	if path != "" {
		recorder.seen = nil
		configurer.CheckLimitsForResolvConf(logr.Discard())
		for _, event := range recorder.seen {
			answer.Check = failure(event[2])
		}
	}
	return answer, nil
}

// failures are the kubelet's complaints about a resolver file, by a part of their text.
var failures = [][2]string{
	{"no such file or directory", "missing"},
	{"is a directory", "unreadable"},
	{"read limit is reached", "unreadable"},
	{"nameserver list is empty", "bare nameserver"},
	{"consisting of more than 29 domains", "more than 29 domains"},
	{"consisting of more than 32 domains", "more than 32 domains"},
	{"contains a search path which length is more than allowed 253", "path longer than 253"},
	{"contains search line which length is more than allowed 2048", "line longer than 2048"},
}

// failure names a complaint in short; one that is not known stays whole.
func failure(message string) string {
	for _, known := range failures {
		if strings.Contains(message, known[0]) {
			return known[1]
		}
	}
	return message
}

// hostFile lays the node's resolver file out; the path is what resolvConf says.
func hostFile(dir string, asked *dnsQuestion) (string, error) {
	path := filepath.Join(dir, "resolv.conf")
	if err := os.RemoveAll(path); err != nil {
		return "", err
	}
	switch {
	case asked.NoResolvConf:
		return "", nil
	case asked.Directory:
		return path, os.Mkdir(path, 0o755)
	case asked.Host == nil:
		return path, nil
	}
	text := *asked.Host + strings.Repeat("#", asked.Filler)
	return path, os.WriteFile(path, []byte(text), 0o644)
}

// addresses parses as NewMainKubelet does with clusterDNS: what is no address is skipped.
func addresses(texts []string) []net.IP {
	var parsed []net.IP
	for _, text := range texts {
		if ip := netutils.ParseIPSloppy(text); ip != nil {
			parsed = append(parsed, ip)
		}
	}
	return parsed
}
