// Opens to the harness what k3s does with resolver files; put into its package by the build script.

package config

import "github.com/k3s-io/k3s/pkg/cli/cmds"

// OracleViable tells whether k3s takes a resolver file.
func OracleViable(path string) bool { return isValidResolvConf(path) }

// OracleResolver is the resolver file that the agent gives to its kubelet.
func OracleResolver(agent *cmds.Agent) string { return locateOrGenerateResolvConf(agent) }
