package main

import (
	"reflect"
	"slices"
	"strings"

	kubeletconfig "k8s.io/kubelet/config/v1beta1"
)

// fields lists the JSON names of KubeletConfiguration with the names of the objects inside: {"clusterDNS": {}, …}.
func fields(string, []byte) (any, error) {
	return object(reflect.TypeFor[kubeletconfig.KubeletConfiguration](), nil), nil
}

// object maps the names of a struct to those inside; what is no struct, or decodes itself, has none.
func object(kind reflect.Type, above []reflect.Type) map[string]any {
	names := map[string]any{}
	for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice {
		kind = kind.Elem()
	}
	own := reflect.PointerTo(kind).Implements(reflect.TypeFor[interface{ UnmarshalJSON([]byte) error }]())
	if kind.Kind() != reflect.Struct || own || slices.Contains(above, kind) {
		return names
	}
	for index := range kind.NumField() {
		field := kind.Field(index)
		name, rest, _ := strings.Cut(field.Tag.Get("json"), ",")
		inside := object(field.Type, append(above, kind))
		if field.Anonymous && (name == "" || strings.Contains(rest, "inline")) {
			for inner, below := range inside {
				names[inner] = below
			}
		} else if name != "" && name != "-" {
			names[name] = inside
		}
	}
	return names
}
