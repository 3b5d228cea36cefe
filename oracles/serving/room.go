package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/miekg/dns"
	"github.com/vishvananda/netlink"
)

// furnish gives the loopback interface all addresses, and puts the question's resolver file in place of the machine's.
func furnish(q question, dir string) error {
	link, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	all := append([]string{}, q.Addresses...)
	for _, server := range q.Servers {
		all = append(all, server.At...)
	}
	for _, text := range all {
		ip := net.ParseIP(text)
		bits := 128
		if ip.To4() != nil {
			bits = 32
		}
		address := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(bits, bits)}, Flags: syscall.IFA_F_NODAD}
		if err := netlink.AddrAdd(link, address); err != nil && !errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s: %w", text, err)
		}
	}
	file := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(file, []byte(q.ResolvConf), 0o644); err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		return err
	}
	if err := syscall.Mount("none", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	return syscall.Mount(file, target, "", syscall.MS_BIND, "")
}

// resolver is the running program.
type resolver struct {
	process *exec.Cmd
	mutex   sync.Mutex
	output  strings.Builder
	ended   chan struct{}
}

func (r *resolver) Write(text []byte) (int, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.output.Write(text)
}

func start(program string, q question, dir string) (*resolver, error) {
	config := filepath.Join(dir, "config")
	if err := os.WriteFile(config, []byte(q.Config), 0o644); err != nil {
		return nil, err
	}
	args := []string{"-conf", config}
	if strings.HasPrefix(filepath.Base(program), "hickory") {
		validate := exec.Command(program, "--validate", "-c", config)
		if text, err := validate.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("--validate: %w: %s", err, text)
		}
		args = []string{"-c", config}
	}
	r := &resolver{process: exec.Command(program, args...), ended: make(chan struct{})}
	r.process.Dir = dir
	r.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	r.process.Stdout, r.process.Stderr = r, r
	if err := r.process.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.process.Wait()
		close(r.ended)
	}()
	return r, nil
}

func (r *resolver) stop() {
	_ = r.process.Process.Kill()
	<-r.ended
}

// await returns when the program answers on every address, over UDP and TCP.
func (r *resolver) await(addresses []string) error {
	limit := time.After(60 * time.Second)
	for {
		ready := true
		for _, address := range addresses {
			for _, transport := range []string{"udp", "tcp"} {
				probe := new(dns.Msg).SetQuestion("ready.invalid.", dns.TypeTXT)
				client := dns.Client{Net: transport, Timeout: 2 * time.Second}
				if _, _, err := client.Exchange(probe, net.JoinHostPort(address, "53")); err != nil {
					ready = false
				}
			}
		}
		if ready {
			return nil
		}
		select {
		case <-r.ended:
			return fmt.Errorf("ended: %s", r.text())
		case <-limit:
			return fmt.Errorf("no answer in time: %s", r.text())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (r *resolver) text() string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.output.String()
}
