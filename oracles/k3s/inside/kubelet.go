// Opens to the harness how k3s starts its kubelet; put into its package by the build script.

package agent

import (
	"context"

	"github.com/k3s-io/k3s/pkg/daemons/config"
)

// OracleKubelet writes the kubelet's files and hands its arguments to the executor.
func OracleKubelet(ctx context.Context, agent *config.Agent) error { return startKubelet(ctx, agent) }
