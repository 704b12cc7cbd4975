{{- define "app.host" -}}
{{ .Values.name }}.{{ .Values.namespace }}.svc.cluster.local
{{- end }}

{{- define "app.labels" -}}
app: {{ .Values.name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "app.weight" -}}
{{- $candidate := eq .slot .root.Values.candidate }}
{{- if eq .root.Values.stage "split" }}{{ $candidate | ternary .root.Values.weight (sub 100 .root.Values.weight) }}
{{- else if eq .root.Values.stage .root.Values.candidate }}{{ $candidate | ternary 100 0 }}
{{- else }}{{ $candidate | ternary 0 100 }}
{{- end }}
{{- end }}

{{/* The labels by which Istio's metrics name the service, and one revision of it when `version` is given. */}}
{{- define "app.series" -}}
reporter=~"source|waypoint",destination_service_name="{{ .root.Values.name }}",destination_service_namespace="{{ .root.Values.namespace }}"
{{- with .version }},destination_canonical_revision="{{ . }}"{{ end }}
{{- end }}
