// The harness around the API server's and the kubelet's reading of objects (see ../README.md): a question is the text of a
// file, the answer one line for each object in it, `kind name` with `ok` or every reason why it is refused.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	cilium "github.com/cilium/cilium/pkg/k8s/apis/cilium.io/v2"
	helm "github.com/k3s-io/helm-controller/pkg/apis/helm.cattle.io/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/yaml"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	appsvalidation "k8s.io/kubernetes/pkg/apis/apps/validation"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	"k8s.io/kubernetes/pkg/apis/networking"
	_ "k8s.io/kubernetes/pkg/apis/networking/install"
	networkvalidation "k8s.io/kubernetes/pkg/apis/networking/validation"
	kubelet "k8s.io/kubernetes/pkg/kubelet/apis/config"
	kubeletscheme "k8s.io/kubernetes/pkg/kubelet/apis/config/scheme"
	kubeletvalidation "k8s.io/kubernetes/pkg/kubelet/apis/config/validation"
	sigsyaml "sigs.k8s.io/yaml"
)

// objects decodes as the API server does with `fieldValidation=Strict`, and sets defaults.
var objects = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDecoder()

// custom are the kinds of other projects, by their Go types; the API server knows them by their definitions, so that
// version and fields are judged, and no more.
var custom = map[schema.GroupVersionKind]func() any{
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"}:    func() any { return &monitoring.PodMonitor{} },
	{Group: "cilium.io", Version: "v2", Kind: "CiliumLocalRedirectPolicy"}: func() any { return &cilium.CiliumLocalRedirectPolicy{} },
	{Group: "helm.cattle.io", Version: "v1", Kind: "HelmChartConfig"}:      func() any { return &helm.HelmChartConfig{} },
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println("Kubernetes", release())
		return
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	in := bufio.NewReader(os.Stdin)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var text string
			check(json.Unmarshal(line, &text))
			check(out.Encode(judge(text)))
		}
		if err != nil {
			return
		}
	}
}

func judge(text string) []string {
	documents := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	verdicts := []string{}
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return verdicts
		}
		if err != nil {
			return append(verdicts, err.Error())
		}
		verdicts = append(verdicts, one(document))
	}
}

func one(document []byte) string {
	var meta struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
	}
	if err := sigsyaml.Unmarshal(document, &meta); err != nil {
		return err.Error()
	}
	name := strings.TrimSpace(meta.Kind + " " + meta.Metadata.Name)
	if err := accept(document, schema.FromAPIVersionAndKind(meta.APIVersion, meta.Kind)); err != nil {
		return name + ": " + err.Error()
	}
	return name + ": ok"
}

func accept(document []byte, kind schema.GroupVersionKind) error {
	if kind.Group == kubelet.GroupName {
		return kubeletConfiguration(document)
	}
	if kind.GroupVersion().String() == "apps.kruise.io/v1alpha1" {
		return advancedDaemonSet(document)
	}
	if empty, known := custom[kind]; known {
		return sigsyaml.UnmarshalStrict(document, empty())
	}
	object, _, err := objects.Decode(document, nil, nil)
	if err != nil {
		return err
	}
	internal, err := legacyscheme.Scheme.UnsafeConvertToVersion(object, runtime.InternalGroupVersioner)
	if err != nil {
		return err
	}
	return validate(internal).ToAggregate()
}

func validate(object runtime.Object) field.ErrorList {
	switch object := object.(type) {
	case *core.Service:
		// what the registry fills in before it validates: an address, and the families of a cluster with both
		if object.Spec.ClusterIP == "" {
			object.Spec.ClusterIP = "10.0.0.77"
			if len(object.Spec.IPFamilies) > 0 && object.Spec.IPFamilies[0] == core.IPv6Protocol {
				object.Spec.ClusterIP = "fd00::77"
			}
		}
		object.Spec.ClusterIPs = []string{object.Spec.ClusterIP}
		if len(object.Spec.IPFamilies) == 0 {
			object.Spec.IPFamilies = []core.IPFamily{core.IPv4Protocol}
		}
		if object.Spec.IPFamilyPolicy == nil {
			single := core.IPFamilyPolicySingleStack
			object.Spec.IPFamilyPolicy = &single
		}
		return corevalidation.ValidateServiceCreate(object)
	case *core.ConfigMap:
		return corevalidation.ValidateConfigMap(object)
	case *core.ServiceAccount:
		return corevalidation.ValidateServiceAccount(object)
	case *apps.DaemonSet:
		return appsvalidation.ValidateDaemonSet(object, corevalidation.PodValidationOptions{})
	case *networking.NetworkPolicy:
		return networkvalidation.ValidateNetworkPolicy(object, networkvalidation.NetworkPolicyValidationOptions{})
	}
	return field.ErrorList{field.NotSupported[string](field.NewPath("kind"), fmt.Sprintf("%T", object), nil)}
}

// kubeletConfiguration judges a configuration file, or a patch of one: what is not said has its default.
func kubeletConfiguration(document []byte) error {
	_, codecs, err := kubeletscheme.NewSchemeAndCodecs(serializer.EnableStrict)
	if err != nil {
		return err
	}
	object, _, err := codecs.UniversalDecoder().Decode(document, nil, nil)
	if err != nil {
		return err
	}
	config, ok := object.(*kubelet.KubeletConfiguration)
	if !ok {
		return fmt.Errorf("%T", object)
	}
	// whether this machine has cgroups of version 2 is no matter of the text
	config.FailCgroupV1 = false
	return kubeletvalidation.ValidateKubeletConfiguration(config, utilfeature.DefaultFeatureGate)
}

// advancedDaemonSet judges OpenKruise's DaemonSet, which is no released module that can be had: it is the one of apps/v1 but
// for `updateStrategy.rollingUpdate`, whose fields are these (apps/v1alpha1 RollingUpdateDaemonSet of openkruise/kruise-api).
func advancedDaemonSet(document []byte) error {
	var tree map[string]any
	if err := sigsyaml.UnmarshalStrict(document, &tree); err != nil {
		return err
	}
	spec, _ := tree["spec"].(map[string]any)
	strategy, _ := spec["updateStrategy"].(map[string]any)
	rolling, _ := strategy["rollingUpdate"].(map[string]any)
	kind := rolling["rollingUpdateType"]
	if kind != "Standard" && kind != "InPlaceIfPossible" {
		return fmt.Errorf("rollingUpdateType %v", kind)
	}
	delete(rolling, "rollingUpdateType")
	tree["apiVersion"] = "apps/v1"
	plain, err := json.Marshal(tree)
	if err != nil {
		return err
	}
	return accept(plain, schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"})
}

func release() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == "k8s.io/kubernetes" {
			return module.Version
		}
	}
	return "of unknown release"
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
