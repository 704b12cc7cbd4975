// Command apiserver-check judges the Kubernetes objects in YAML files as an API server would on their creation, with
// the API server's own code and without a cluster: strict decoding, defaulting, the create strategies of the built-in
// kinds and Pod Security admission; for custom resources pruning, the CRD's schema and its CEL rules.
//
// It writes one line of JSON for each object and exits 1 if any of them would be refused or warned of.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	gvk "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/apiserver/pkg/endpoints/deprecation"
	"k8s.io/apiserver/pkg/endpoints/request"
	"k8s.io/apiserver/pkg/registry/rest"
	"k8s.io/apiserver/pkg/warning"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	_ "k8s.io/kubernetes/pkg/apis/autoscaling/install"
	"k8s.io/kubernetes/pkg/apis/core"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	_ "k8s.io/kubernetes/pkg/apis/policy/install"
	"k8s.io/kubernetes/pkg/capabilities"
	"k8s.io/kubernetes/pkg/registry/apps/deployment"
	"k8s.io/kubernetes/pkg/registry/autoscaling/horizontalpodautoscaler"
	"k8s.io/kubernetes/pkg/registry/core/configmap"
	"k8s.io/kubernetes/pkg/registry/core/service"
	"k8s.io/kubernetes/pkg/registry/core/serviceaccount"
	"k8s.io/kubernetes/pkg/registry/policy/poddisruptionbudget"
	podsecurity "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

var strategies = map[gvk.GroupKind]rest.RESTCreateStrategy{
	{Kind: "ConfigMap"}:                                     configmap.Strategy,
	{Kind: "Service"}:                                       service.Strategy,
	{Kind: "ServiceAccount"}:                                serviceaccount.Strategy,
	{Group: "apps", Kind: "Deployment"}:                     deployment.Strategy,
	{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}: horizontalpodautoscaler.Strategy,
	{Group: "policy", Kind: "PodDisruptionBudget"}:          poddisruptionbudget.Strategy,
}

// verdict is a line of output. It also receives the warnings that the API server would send to the client.
type verdict struct {
	File     string   `json:"file"`
	Kind     string   `json:"kind"`
	Name     string   `json:"name"`
	Errors   []string `json:"errors"`
	Warnings []string `json:"warnings"`
}

func (v *verdict) AddWarning(_, text string) { v.Warnings = append(v.Warnings, text) }

// refuse takes an error apart where it is made of several.
func (v *verdict) refuse(err error) {
	var status apierrors.APIStatus
	if strict, is := runtime.AsStrictDecodingError(err); is {
		for _, part := range strict.Errors() {
			v.Errors = append(v.Errors, part.Error())
		}
	} else if errors.As(err, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		for _, cause := range status.Status().Details.Causes {
			v.Errors = append(v.Errors, cause.Field+": "+cause.Message)
		}
	} else if err != nil {
		v.Errors = append(v.Errors, err.Error())
	}
}

// create does what the API server does between decoding an object and storing it.
func (v *verdict) create(strategy rest.RESTCreateStrategy, object runtime.Object, kind gvk.GroupVersionKind) error {
	accessor, err := meta.Accessor(object)
	if err != nil {
		return err
	}
	rest.FillObjectMetaSystemFields(accessor)
	info := &request.RequestInfo{IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version}
	ctx := request.WithRequestInfo(request.WithNamespace(context.Background(), accessor.GetNamespace()), info)
	return rest.BeforeCreate(strategy, warning.WithWarningRecorder(ctx, v), object)
}

// judge holds what objects are judged by.
type judge struct {
	decoder  runtime.Decoder
	security policy.Evaluator
	level    podsecurity.LevelVersion
	customs  map[gvk.GroupVersionKind]func() custom
}

func (j judge) judge(file string, content []byte) *verdict {
	v := &verdict{File: file, Errors: []string{}, Warnings: []string{}}
	object := &unstructured.Unstructured{}
	text, err := yaml.YAMLToJSONStrict(content)
	if err == nil {
		err = object.UnmarshalJSON(text)
	}
	kind := object.GroupVersionKind()
	v.Kind, v.Name = kind.Kind, object.GetName()
	if err != nil {
		v.refuse(err)
	} else if resource, known := j.customs[kind]; known {
		v.refuse(resource().judge(v, object, kind))
	} else if strategy, known := strategies[kind.GroupKind()]; known {
		v.refuse(j.builtIn(v, strategy, content, kind))
	} else {
		v.refuse(fmt.Errorf("no judge for %v", kind))
	}
	return v
}

func (j judge) builtIn(v *verdict, strategy rest.RESTCreateStrategy, content []byte, kind gvk.GroupVersionKind) error {
	object, _, err := j.decoder.Decode(content, nil, nil)
	if runtime.IsStrictDecodingError(err) {
		v.refuse(err)
	} else if err != nil {
		return err
	}
	if text := deprecation.WarningMessage(object); text != "" {
		v.AddWarning("", text)
	}
	legacyscheme.Scheme.Default(object)
	if workload, is := object.(*appsv1.Deployment); is {
		template := workload.Spec.Template
		for _, result := range j.security.EvaluatePod(j.level, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				v.refuse(fmt.Errorf("pod security: %s: %s", result.ForbiddenReason, result.ForbiddenDetail))
			}
		}
	}
	internal := gvk.GroupVersion{Group: kind.Group, Version: runtime.APIVersionInternal}
	if object, err = legacyscheme.Scheme.ConvertToVersion(object, internal); err != nil {
		return err
	}
	if address, is := object.(*core.Service); is && address.Spec.ClusterIP != "" && address.Spec.ClusterIPs == nil {
		address.Spec.ClusterIPs = []string{address.Spec.ClusterIP} // as the storage of Services does first of all
	}
	return v.create(strategy, object, kind)
}

// documents hands each YAML document of a file to a function.
func documents(path string, use func(content []byte)) {
	text, err := os.ReadFile(path)
	must(err)
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	for {
		content, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		must(err)
		use(content)
	}
}

// must ends the program where the fault is not in a judged object.
func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "apiserver-check:", err)
		os.Exit(2)
	}
}

func main() {
	crds := flag.String("crds", "", "files with CustomResourceDefinitions, separated by commas")
	security := flag.String("pod-security", "restricted", "Pod Security Standard")
	flag.Parse()
	capabilities.Setup(true, 0) // as `--allow-privileged`: Pod Security decides
	codecs := serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict)
	level, err := podsecurity.ParseLevel(*security)
	must(err)
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	must(err)
	latest := podsecurity.LevelVersion{Level: level, Version: podsecurity.LatestVersion()}
	j := judge{codecs.UniversalDeserializer(), evaluator, latest, map[gvk.GroupVersionKind]func() custom{}}
	for _, path := range strings.FieldsFunc(*crds, func(r rune) bool { return r == ',' }) {
		documents(path, func(content []byte) {
			var crd apiextensionsv1.CustomResourceDefinition
			must(yaml.Unmarshal(content, &crd))
			for _, version := range crd.Spec.Versions {
				kind := gvk.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
				j.customs[kind] = sync.OnceValue(func() custom { return newCustom(version, kind) })
			}
		})
	}
	output, status := json.NewEncoder(os.Stdout), 0
	for _, path := range flag.Args() {
		documents(path, func(content []byte) {
			v := j.judge(path, content)
			must(output.Encode(v))
			status = max(status, min(1, len(v.Errors)+len(v.Warnings)))
		})
	}
	os.Exit(status)
}
