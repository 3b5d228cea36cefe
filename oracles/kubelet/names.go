package main

import (
	"slices"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	_ "k8s.io/component-base/logs/json/register" // the kubelet's flags of JSON logs
	"k8s.io/kubernetes/cmd/kubelet/app/options"
)

// names lists the flags of the kubelet's command, and the feature gates that it takes. The command keeps its flags to
// itself; they are added as it adds them.
func names(string, []byte) (any, error) {
	settings, err := options.NewKubeletConfiguration()
	if err != nil {
		return nil, err
	}
	set := pflag.NewFlagSet("kubelet", pflag.ContinueOnError)
	options.NewKubeletFlags().AddFlags(set)
	options.AddKubeletConfigFlags(set, settings)
	options.AddGlobalFlags(set)
	flags := []string{"help"}
	set.VisitAll(func(flag *pflag.Flag) { flags = append(flags, flag.Name) })
	gates := []string{}
	for gate := range utilfeature.DefaultMutableFeatureGate.GetAll() {
		gates = append(gates, string(gate))
	}
	slices.Sort(flags)
	slices.Sort(gates)
	return map[string][]string{"flags": flags, "gates": gates}, nil
}
