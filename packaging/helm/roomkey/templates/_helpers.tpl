{{- define "roomkey.fullname" -}}
{{- if contains "roomkey" .Release.Name }}{{ .Release.Name | trunc 63 | trimSuffix "-" }}{{ else }}{{ printf "%s-roomkey" .Release.Name | trunc 63 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "roomkey.selector" -}}
app.kubernetes.io/name: roomkey
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "roomkey.labels" -}}
{{ include "roomkey.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "roomkey.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "roomkey.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "roomkey.image" -}}
{{- if .Values.image.digest }}{{ .Values.image.repository }}@{{ .Values.image.digest }}{{ else }}{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}{{ end }}
{{- end }}

{{- /* roomkey.yaml: what the user says, and the three that are the chart's. */ -}}
{{- define "roomkey.config" -}}
{{- $config := deepCopy .Values.config }}
{{- $_ := set $config "listen" "0.0.0.0:8080" }}
{{- if .Values.metrics.enabled }}{{ $_ := set $config "admin_listen" "0.0.0.0:9464" }}{{ end }}
{{- $_ := set $config.livekit "key_file" "/etc/roomkey/secrets/livekit-keys.yaml" }}
{{- toYaml $config }}
{{- end }}
