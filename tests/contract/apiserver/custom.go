package main

import (
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apiextensions-apiserver/pkg/registry/customresource"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured/unstructuredscheme"
	gvk "k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/registry/rest"
)

// custom is one version of a CRD.
type custom struct {
	strategy rest.RESTCreateStrategy
	schema   *schema.Structural
}

// newCustom prepares a version as the API server's handler of custom resources does.
func newCustom(version apiextensionsv1.CustomResourceDefinitionVersion, kind gvk.GroupVersionKind) custom {
	var internal apiextensions.CustomResourceValidation
	must(apiextensionsv1.Convert_v1_CustomResourceValidation_To_apiextensions_CustomResourceValidation(
		version.Schema, &internal, nil))
	structural, err := schema.NewStructural(internal.OpenAPIV3Schema)
	must(err)
	validator, _, err := validation.NewSchemaValidator(internal.OpenAPIV3Schema)
	must(err)
	typer := unstructuredscheme.NewUnstructuredObjectTyper()
	strategy := customresource.NewStrategy(typer, true, kind, validator, nil, structural, nil, nil, nil)
	return custom{strategy, structural}
}

func (c custom) judge(v *verdict, object *unstructured.Unstructured, kind gvk.GroupVersionKind) error {
	options := objectmeta.ObjectMetaOptions{ReturnUnknownFieldPaths: true}
	metadata, _, unknown, err := objectmeta.GetObjectMetaWithOptions(object.Object, options)
	if err != nil {
		return err
	}
	track := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	for _, path := range append(unknown, pruning.PruneWithOptions(object.Object, c.schema, true, track)...) {
		v.Errors = append(v.Errors, "unknown field "+path)
	}
	defaulting.PruneNonNullableNullsWithoutDefaults(object.Object, c.schema)
	defaulting.Default(object.Object, c.schema)
	object.SetGroupVersionKind(kind)
	if err := objectmeta.SetObjectMeta(object.Object, metadata); err != nil {
		return err
	}
	return v.create(c.strategy, object, kind)
}
