//! The shapes of everything a kustomization may hold (field names: kustomize v5.8, `api/types`).

use super::shape::{Fields, Shape};
use Shape::{Any, Bool, Int, List, Map, Optional, OptionalText, Struct, Text};

macro_rules! fields {
    ($(#[$doc:meta])* $name:ident = $go:literal { $($field:literal: $shape:expr),+ $(,)? }) => {
        $(#[$doc])*
        pub(crate) static $name: Fields = Fields { name: $go, fields: &[$(($field, $shape)),+] };
    };
}

fields!(METADATA = "ObjectMeta" { "name": Text, "namespace": Text, "labels": Map(&Text), "annotations": Map(&Text) });
fields!(FIELD_SPEC = "FieldSpec" { "group": Text, "version": Text, "kind": Text, "path": Text, "create": Bool });
fields!(NAME_REFERENCE = "NameBackReferences" {
    "group": Text, "version": Text, "kind": Text, "fieldSpecs": List(&Struct(&FIELD_SPEC)),
});
fields!(TRANSFORMER_CONFIG = "TransformerConfig" {
    "namePrefix": List(&Struct(&FIELD_SPEC)), "nameSuffix": List(&Struct(&FIELD_SPEC)),
    "namespace": List(&Struct(&FIELD_SPEC)), "commonLabels": List(&Struct(&FIELD_SPEC)),
    "labels": List(&Struct(&FIELD_SPEC)), "templateLabels": List(&Struct(&FIELD_SPEC)),
    "volumeClaimTemplateLabels": List(&Struct(&FIELD_SPEC)), "commonAnnotations": List(&Struct(&FIELD_SPEC)),
    "nameReference": List(&Struct(&NAME_REFERENCE)), "varReference": List(&Struct(&FIELD_SPEC)),
    "images": List(&Struct(&FIELD_SPEC)), "replicas": List(&Struct(&FIELD_SPEC)),
});
fields!(LABEL = "Label" {
    "pairs": Map(&Text), "includeSelectors": Bool, "includeTemplates": Bool, "includeVolumeClaimTemplates": Bool,
    "fields": List(&Struct(&FIELD_SPEC)),
});
fields!(SELECTOR = "Selector" {
    "group": Text, "version": Text, "kind": Text, "name": Text, "namespace": Text,
    "annotationSelector": Text, "labelSelector": Text,
});
fields!(PATCH_ARGS = "PatchArgs" { "allowNameChange": Bool, "allowKindChange": Bool });
fields!(PATCH = "Patch" {
    "path": Text, "patch": Text, "target": Optional(&SELECTOR), "options": Optional(&PATCH_ARGS),
});
fields!(IMAGE = "Image" { "name": Text, "newName": Text, "tagSuffix": Text, "newTag": Text, "digest": Text });
fields!(FIELD_OPTIONS = "FieldOptions" { "delimiter": Text, "index": Int("int"), "encoding": Text, "create": Bool });
fields!(SOURCE = "SourceSelector" {
    "group": Text, "version": Text, "kind": Text, "name": Text, "namespace": Text, "fieldPath": Text,
    "options": Optional(&FIELD_OPTIONS),
});
fields!(TARGET = "TargetSelector" {
    "select": Optional(&SELECTOR), "reject": List(&Struct(&SELECTOR)), "fieldPaths": List(&Text),
    "options": Optional(&FIELD_OPTIONS),
});
fields!(REPLACEMENT = "ReplacementField" {
    "source": Optional(&SOURCE), "targets": List(&Struct(&TARGET)), "sourceValue": OptionalText, "path": Text,
});
fields!(REPLICA = "Replica" { "name": Text, "count": Int("int64") });
fields!(VAR_TARGET = "Target" {
    "apiVersion": Text, "group": Text, "version": Text, "kind": Text, "name": Text, "namespace": Text,
});
fields!(VAR_FIELD = "FieldSelector" { "fieldPath": Text });
fields!(VAR = "Var" { "name": Text, "objref": Struct(&VAR_TARGET), "fieldref": Struct(&VAR_FIELD) });
fields!(LEGACY_SORT = "LegacySortOptions" { "orderFirst": List(&Text), "orderLast": List(&Text) });
fields!(SORT = "SortOptions" { "order": Text, "legacySortOptions": Optional(&LEGACY_SORT) });
fields!(GENERATOR_OPTIONS = "GeneratorOptions" {
    "labels": Map(&Text), "annotations": Map(&Text), "disableNameSuffixHash": Bool, "immutable": Bool,
});
fields!(CONFIG_MAP = "ConfigMapArgs" {
    "namespace": Text, "name": Text, "behavior": Text, "literals": List(&Text), "files": List(&Text),
    "envs": List(&Text), "env": Text, "options": Optional(&GENERATOR_OPTIONS),
});
fields!(SECRET = "SecretArgs" {
    "namespace": Text, "name": Text, "behavior": Text, "literals": List(&Text), "files": List(&Text),
    "envs": List(&Text), "env": Text, "options": Optional(&GENERATOR_OPTIONS), "type": Text,
});
fields!(HELM_GLOBALS = "HelmGlobals" { "chartHome": Text, "configHome": Text });
fields!(HELM_CHART = "HelmChart" {
    "name": Text, "version": Text, "repo": Text, "releaseName": Text, "namespace": Text,
    "additionalValuesFiles": List(&Text), "valuesFile": Text, "valuesInline": Map(&Any), "valuesMerge": Text,
    "includeCRDs": Bool, "skipHooks": Bool, "apiVersions": List(&Text), "kubeVersion": Text, "nameTemplate": Text,
    "skipTests": Bool, "debug": Bool, "devel": Bool,
});
fields!(HELM_ARGS = "HelmChartArgs" {
    "chartName": Text, "chartVersion": Text, "chartRepoUrl": Text, "chartHome": Text, "chartRepoName": Text,
    "helmBin": Text, "helmHome": Text, "values": Text, "valuesLocal": Map(&Any), "valuesMerge": Text,
    "releaseName": Text, "releaseNamespace": Text, "extraArgs": List(&Text),
});
fields!(KUSTOMIZATION = "Kustomization" {
    "kind": Text, "apiVersion": Text, "metadata": Optional(&METADATA), "openapi": Map(&Text),
    "namePrefix": Text, "nameSuffix": Text, "namespace": Text, "commonLabels": Map(&Text),
    "labels": List(&Struct(&LABEL)), "commonAnnotations": Map(&Text), "patchesStrategicMerge": List(&Text),
    "patchesJson6902": List(&Struct(&PATCH)), "patches": List(&Struct(&PATCH)), "images": List(&Struct(&IMAGE)),
    "imageTags": List(&Struct(&IMAGE)), "replacements": List(&Struct(&REPLACEMENT)),
    "replicas": List(&Struct(&REPLICA)), "vars": List(&Struct(&VAR)), "sortOptions": Optional(&SORT),
    "resources": List(&Text), "components": List(&Text), "crds": List(&Text), "bases": List(&Text),
    "configMapGenerator": List(&Struct(&CONFIG_MAP)), "secretGenerator": List(&Struct(&SECRET)),
    "helmGlobals": Optional(&HELM_GLOBALS), "helmCharts": List(&Struct(&HELM_CHART)),
    "helmChartInflationGenerator": List(&Struct(&HELM_ARGS)), "generatorOptions": Optional(&GENERATOR_OPTIONS),
    "configurations": List(&Text), "generators": List(&Text), "transformers": List(&Text),
    "validators": List(&Text), "buildMetadata": List(&Text),
});

// What built-in transformers and generators read when they are written out as objects of their own.
fields!(NAMESPACE_PLUGIN = "NamespaceTransformerPlugin" {
    "metadata": Struct(&METADATA), "fieldSpecs": List(&Struct(&FIELD_SPEC)), "unsetOnly": Bool,
    "setRoleBindingSubjects": Text,
});
fields!(PREFIX_PLUGIN = "PrefixTransformerPlugin" { "prefix": Text, "fieldSpecs": List(&Struct(&FIELD_SPEC)) });
fields!(SUFFIX_PLUGIN = "SuffixTransformerPlugin" { "suffix": Text, "fieldSpecs": List(&Struct(&FIELD_SPEC)) });
fields!(PREFIX_SUFFIX_PLUGIN = "PrefixTransformerPlugin" {
    "prefix": Text, "suffix": Text, "fieldSpecs": List(&Struct(&FIELD_SPEC)),
});
fields!(LABEL_PLUGIN = "LabelTransformerPlugin" {
    "labels": Map(&Text), "fieldSpecs": List(&Struct(&FIELD_SPEC)),
});
fields!(ANNOTATIONS_PLUGIN = "AnnotationsTransformerPlugin" {
    "annotations": Map(&Text), "fieldSpecs": List(&Struct(&FIELD_SPEC)),
});
fields!(IMAGE_PLUGIN = "ImageTagTransformerPlugin" {
    "imageTag": Struct(&IMAGE), "fieldSpecs": List(&Struct(&FIELD_SPEC)),
});
fields!(REPLICA_PLUGIN = "ReplicaCountTransformerPlugin" {
    "replica": Struct(&REPLICA), "fieldSpecs": List(&Struct(&FIELD_SPEC)),
});
fields!(REPLACEMENT_PLUGIN = "ReplacementTransformerPlugin" { "replacements": List(&Struct(&REPLACEMENT)) });
fields!(JSON_PATCH_PLUGIN = "PatchJson6902TransformerPlugin" {
    "target": Optional(&SELECTOR), "path": Text, "jsonOp": Text,
});
fields!(MERGE_PATCH_PLUGIN = "PatchStrategicMergeTransformerPlugin" { "paths": List(&Text), "patches": Text });
fields!(PATCH_PLUGIN = "PatchTransformerPlugin" {
    "path": Text, "patch": Text, "target": Optional(&SELECTOR), "options": Optional(&PATCH_ARGS),
});
fields!(VALUE_TARGET = "Target" {
    "selector": Optional(&SELECTOR), "fieldPath": Text, "filePathPosition": Int("int"),
});
fields!(VALUE_PLUGIN = "ValueAddTransformerPlugin" {
    "value": Text, "targets": List(&Struct(&VALUE_TARGET)), "targetFilePath": Text,
});
fields!(VALUE_TARGETS = "Targets" { "targets": List(&Struct(&VALUE_TARGET)) });
fields!(CONFIG_MAP_PLUGIN = "ConfigMapGeneratorPlugin" {
    "metadata": Struct(&METADATA), "namespace": Text, "name": Text, "behavior": Text, "literals": List(&Text),
    "files": List(&Text), "envs": List(&Text), "env": Text, "options": Optional(&GENERATOR_OPTIONS),
});
fields!(SECRET_PLUGIN = "SecretGeneratorPlugin" {
    "metadata": Struct(&METADATA), "namespace": Text, "name": Text, "behavior": Text, "literals": List(&Text),
    "files": List(&Text), "envs": List(&Text), "env": Text, "options": Optional(&GENERATOR_OPTIONS), "type": Text,
});
fields!(SERVICE_NAME = "KubernetesService" { "name": Text, "namespace": Text });
fields!(CLOUD_ACCOUNT = "ServiceAccount" { "name": Text, "projectId": Text });
fields!(IAM_PLUGIN = "IAMPolicyGeneratorPlugin" {
    "cloud": Text, "kubernetesService": Struct(&SERVICE_NAME), "serviceAccount": Struct(&CLOUD_ACCOUNT),
});
fields!(HELM_PLUGIN = "HelmChartInflationGeneratorPlugin" {
    "name": Text, "version": Text, "repo": Text, "releaseName": Text, "namespace": Text,
    "additionalValuesFiles": List(&Text), "valuesFile": Text, "valuesInline": Map(&Any), "valuesMerge": Text,
    "includeCRDs": Bool, "skipHooks": Bool, "apiVersions": List(&Text), "kubeVersion": Text, "nameTemplate": Text,
    "skipTests": Bool, "debug": Bool, "devel": Bool, "chartHome": Text, "configHome": Text,
    "chartName": Text, "chartVersion": Text, "chartRepoUrl": Text, "chartRepoName": Text,
    "helmBin": Text, "helmHome": Text, "values": Text, "valuesLocal": Map(&Any),
    "releaseNamespace": Text, "extraArgs": List(&Text),
});
