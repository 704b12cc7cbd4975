// Command apiserver-check judges Kubernetes objects in YAML files as an API server would on their creation, with the
// API server's own code and without a cluster: strict decoding, defaulting, the create strategies of the built-in
// kinds, Pod Security admission, and for custom resources pruning, the CRD's schema and its CEL rules.
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
	"path/filepath"
	"reflect"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	apiextensions "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/unstructuredscheme"
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
	{Kind: "ConfigMap"}:      configmap.Strategy,
	{Kind: "Service"}:        service.Strategy,
	{Kind: "ServiceAccount"}: serviceaccount.Strategy,
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

func (v *verdict) refuse(format string, arguments ...any) {
	v.Errors = append(v.Errors, fmt.Sprintf(format, arguments...))
}

// create does what the API server does between decoding an object and storing it.
func (v *verdict) create(strategy rest.RESTCreateStrategy, object runtime.Object, kind gvk.GroupVersionKind) {
	accessor, err := meta.Accessor(object)
	if err != nil {
		v.refuse("%v", err)
		return
	}
	rest.FillObjectMetaSystemFields(accessor)
	info := &request.RequestInfo{IsResourceRequest: true, Verb: "create", APIGroup: kind.Group, APIVersion: kind.Version}
	ctx := request.WithRequestInfo(request.WithNamespace(context.Background(), accessor.GetNamespace()), info)
	err = rest.BeforeCreate(strategy, warning.WithWarningRecorder(ctx, v), object)
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && len(status.Status().Details.Causes) > 0 {
		for _, cause := range status.Status().Details.Causes {
			v.refuse("%s: %s", cause.Field, cause.Message)
		}
	} else if err != nil {
		v.refuse("%v", err)
	}
}

// custom is one served version of a CRD.
type custom struct {
	strategy   rest.RESTCreateStrategy
	schema     *schema.Structural
	deprecated string
}

func (c custom) judge(v *verdict, object *unstructured.Unstructured) {
	kind, apiVersion := object.GetKind(), object.GetAPIVersion()
	options := objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true}
	metadata, found, unknown, err := objectmeta.GetObjectMetaWithOptions(object.Object, options)
	if err != nil || !found {
		v.refuse("metadata: %v", err)
		return
	}
	track := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range append(unknown, pruning.PruneWithOptions(object.Object, c.schema, true, track)...) {
		v.refuse("unknown field %q", path)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, c.schema)
	defaulting.Default(object.Object, c.schema)
	object.SetAPIVersion(apiVersion)
	object.SetKind(kind)
	if err := objectmeta.SetObjectMeta(object.Object, metadata); err != nil {
		v.refuse("metadata: %v", err)
		return
	}
	if c.deprecated != "" {
		v.AddWarning("", c.deprecated)
	}
	v.create(c.strategy, object, object.GroupVersionKind())
}

// judge holds what objects are judged by.
type judge struct {
	decoder  runtime.Decoder
	security policy.Evaluator
	level    podsecurity.Level
	customs  map[gvk.GroupVersionKind]custom
}

func (j judge) document(file string, content []byte) *verdict {
	v := &verdict{File: file, Errors: []string{}, Warnings: []string{}}
	text, err := yaml.YAMLToJSONStrict(content)
	if err != nil {
		v.refuse("%v", err)
		return v
	}
	generic := &unstructured.Unstructured{}
	if err := generic.UnmarshalJSON(text); err != nil {
		v.refuse("%v", err)
		return v
	}
	kind := generic.GroupVersionKind()
	v.Kind, v.Name = kind.Kind, generic.GetName()
	if resource, known := j.customs[kind]; known {
		resource.judge(v, generic)
	} else if strategy, known := strategies[kind.GroupKind()]; known {
		j.builtIn(v, strategy, content, kind)
	} else {
		v.refuse("no such kind: %v", kind)
	}
	return v
}

func (j judge) builtIn(v *verdict, strategy rest.RESTCreateStrategy, content []byte, kind gvk.GroupVersionKind) {
	object, _, err := j.decoder.Decode(content, nil, nil)
	if strict, is := runtime.AsStrictDecodingError(err); is {
		for _, err := range strict.Errors() {
			v.refuse("%v", err)
		}
	} else if err != nil {
		v.refuse("%v", err)
		return
	}
	if text := deprecation.WarningMessage(object); text != "" {
		v.AddWarning("", text)
	}
	legacyscheme.Scheme.Default(object)
	if workload, is := object.(*appsv1.Deployment); is {
		template := &workload.Spec.Template
		at := podsecurity.LevelVersion{Level: j.level, Version: podsecurity.LatestVersion()}
		for _, result := range j.security.EvaluatePod(at, &template.ObjectMeta, &template.Spec) {
			if !result.Allowed {
				v.refuse("pod security %s: %s: %s", j.level, result.ForbiddenReason, result.ForbiddenDetail)
			}
		}
	}
	internal := gvk.GroupVersion{Group: kind.Group, Version: runtime.APIVersionInternal}
	object, err = legacyscheme.Scheme.ConvertToVersion(object, internal)
	if err != nil {
		v.refuse("%v", err)
		return
	}
	if address, is := object.(*core.Service); is {
		allocate(&address.Spec)
	}
	v.create(strategy, object, kind)
}

// allocate fills in what the API server takes from its address ranges before it validates a Service.
func allocate(spec *core.ServiceSpec) {
	if spec.Type == core.ServiceTypeExternalName || len(spec.IPFamilies) > 0 {
		return
	}
	single := core.IPFamilyPolicySingleStack
	spec.IPFamilyPolicy, spec.IPFamilies = &single, []core.IPFamily{core.IPv4Protocol}
	if spec.ClusterIP == "" {
		spec.ClusterIP = "10.96.0.10"
	}
	spec.ClusterIPs = []string{spec.ClusterIP}
}

// definitions reads the CRDs of a directory and prepares their served versions as the API server's handler does.
func definitions(directory string, into map[gvk.GroupVersionKind]custom) error {
	paths, err := filepath.Glob(filepath.Join(directory, "*.yaml"))
	if err != nil || len(paths) == 0 {
		return fmt.Errorf("%s: no CRDs: %v", directory, err)
	}
	return documents(paths, func(path string, content []byte) error {
		var crd apiextensionsv1.CustomResourceDefinition
		if err := yaml.UnmarshalStrict(content, &crd); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, version := range crd.Spec.Versions {
			kind := gvk.GroupVersionKind{Group: crd.Spec.Group, Version: version.Name, Kind: crd.Spec.Names.Kind}
			var internal apiextensions.CustomResourceValidation
			err := apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(
				version.Schema, &internal, nil)
			if err != nil {
				return fmt.Errorf("%v: %w", kind, err)
			}
			structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
			if err != nil {
				return fmt.Errorf("%v: %w", kind, err)
			}
			validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
			if err != nil {
				return fmt.Errorf("%v: %w", kind, err)
			}
			namespaced := crd.Spec.Scope == apiextensionsv1.NamespaceScoped
			typer := unstructuredscheme.NewUnstructuredObjectTyper()
			strategy := customresource.NewStrategy(
				typer, namespaced, kind, validator, nil, structural, nil, nil, version.SelectableFields)
			deprecated := ""
			if version.Deprecated {
				deprecated = fmt.Sprintf("%v is deprecated", kind)
			}
			into[kind] = custom{strategy, structural, deprecated}
		}
		return nil
	})
}

// documents hands each YAML document of each file to a function.
func documents(paths []string, use func(path string, content []byte) error) error {
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
		for {
			content, err := reader.Read()
			if errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if err := use(path, content); err != nil {
				return err
			}
		}
	}
	return nil
}

func main() {
	_ = reflect.TypeOf
	_ = slices.Sort[[]int]
	_ = metav1.Now
	program, err := os.Executable()
	crds := flag.String("crds", program+".d", "directory with the CRDs")
	level := flag.String("pod-security", "restricted", "Pod Security Standard")
	flag.Parse()
	j := judge{customs: map[gvk.GroupVersionKind]custom{}}
	j.decoder = serializer.NewCodecFactory(legacyscheme.Scheme, serializer.EnableStrict).UniversalDeserializer()
	refused := false
	if err == nil {
		j.level, err = podsecurity.ParseLevel(*level)
	}
	if err == nil {
		j.security, err = policy.NewEvaluator(policy.DefaultChecks(), nil)
	}
	if err == nil {
		err = definitions(*crds, j.customs)
	}
	if err == nil {
		output := json.NewEncoder(os.Stdout)
		output.SetEscapeHTML(false)
		err = documents(flag.Args(), func(path string, content []byte) error {
			v := j.document(path, content)
			refused = refused || len(v.Errors)+len(v.Warnings) > 0
			return output.Encode(v)
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "apiserver-check:", err)
		os.Exit(2)
	}
	if refused {
		os.Exit(1)
	}
}
