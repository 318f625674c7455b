{{/* Names, labels and what all pods have in common. */}}

{{- define "hedgerow.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "hedgerow.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{/* By which pods of a role are found. Takes (dict "root" $ "role" "api"). Never changes while a release lives. */}}
{{- define "hedgerow.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end }}

{{- define "hedgerow.labels" -}}
{{ include "hedgerow.selector" . }}
app.kubernetes.io/version: {{ .root.Values.image.tag | default .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* Settings are written into each pod, so that a changed one rolls the pods, and the migrations have them, too. */}}
{{- define "hedgerow.environment" -}}
envFrom:
  - secretRef:
      name: {{ .Values.secret }}
env:
  - name: HEDGEROW_ENV
    value: prod
  {{- range $variable, $value := .Values.settings }}
  - name: {{ $variable }}
    value: {{ $value | quote }}
  {{- end }}
{{- end }}

{{- define "hedgerow.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false # else HEDGEROW_PORT would be the address of a service called so
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  seccompProfile: { type: RuntimeDefault }
volumes:
  - name: tmp
    emptyDir: { sizeLimit: 64Mi }
{{- end }}

{{- define "hedgerow.container" -}}
image: {{ include "hedgerow.image" . | quote }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - name: tmp
    mountPath: /tmp
workingDir: /tmp
{{- end }}

{{/* One pod on each node as far as that goes, so that the loss of a node is not that of a role. */}}
{{- define "hedgerow.spread" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "hedgerow.selector" . | nindent 8 }}
{{- end }}
