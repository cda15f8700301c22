{{- define "portolan.name" -}}
{{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "portolan.fullname" -}}
{{- $name := include "portolan.name" . -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains $name .Release.Name -}}
{{ .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" }}
{{- end -}}
{{- end }}

{{- define "portolan.selector" -}}
app.kubernetes.io/name: {{ include "portolan.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "portolan.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{ include "portolan.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The address of a queue or ledger, which is a text or a group with `url`. */}}
{{- define "portolan.url" -}}
{{- if kindIs "map" . }}{{ .url }}{{ else if . }}{{ . }}{{ end -}}
{{- end }}

{{/* "yes" where several gateways may share the ledger. */}}
{{- define "portolan.shared" -}}
{{- if hasPrefix "postgres" (include "portolan.url" .Values.config.ledger) }}yes{{ end -}}
{{- end }}

{{/* "yes" where there is a database in a file, of which the pod must stay the only one. */}}
{{- define "portolan.file" -}}
{{- if or (hasPrefix "sqlite:" (include "portolan.url" .Values.config.queue)) (hasPrefix "sqlite:" (include "portolan.url" .Values.config.ledger)) }}yes{{ end -}}
{{- end }}

{{/* "yes" where there are several gateways, or may be. */}}
{{- define "portolan.several" -}}
{{- if or (gt (int .Values.replicas) 1) (ne .Values.autoscaling.by "none") }}yes{{ end -}}
{{- end }}

{{- define "portolan.secret" -}}
{{- if .Values.secrets.existing }}{{ .Values.secrets.existing }}{{ else if .Values.secrets.values }}{{ include "portolan.fullname" . }}{{ end -}}
{{- end }}

{{/* portolan.yaml: what the values say, and over it what is the chart's. */}}
{{- define "portolan.config" -}}
{{- range $key := list "routes" "admin-token" }}
{{- if hasKey $.Values.config $key }}{{ fail (printf "config.%s is the chart's: mappings are named by `mappings`" $key) }}{{ end }}
{{- end }}
{{- $grpc := dict "address" "0.0.0.0:8443" "drain-timeout" (printf "%ds" (int .Values.drainSeconds)) -}}
{{- if .Values.tls.secret }}
{{- $tls := dict "cert" "/etc/portolan/tls/tls.crt" "key" "/etc/portolan/tls/tls.key" -}}
{{- if .Values.tls.clientCa }}{{ $_ := set $tls "client-ca" "/etc/portolan/tls/ca.crt" }}{{ end }}
{{- $_ := set $grpc "tls" $tls -}}
{{- end }}
{{- $ours := dict "listen" (dict "grpc" $grpc "http" "0.0.0.0:8080") "routes" (list "/etc/portolan/mappings") "admin-token" "/run/portolan/admin-token" -}}
{{- mustMergeOverwrite (deepCopy .Values.config) $ours | toYaml }}
{{- end }}

{{- define "portolan.pod" -}}
metadata:
  labels:
    {{- include "portolan.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    # What is read at a start alone: another configuration, other pods.
    checksum/config: {{ include "portolan.config" . | sha256sum }}
    {{- if .Values.secrets.values }}
    checksum/secrets: {{ .Values.secrets.values | toYaml | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "portolan.fullname" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with .Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  # Until the Service has forgotten the pod, then what is under way, then the log's last lines.
  terminationGracePeriodSeconds: {{ add .Values.preStopSeconds .Values.drainSeconds 10 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: portolan
      image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args: [ serve, --config, /etc/portolan/config/portolan.yaml, --log-format, json ]
      ports:
        - { name: grpc, containerPort: 8443 }
        - { name: http, containerPort: 8080 }
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ ALL ] }
      # The process lives, also while it waits for broker and database: killing it would mend nothing.
      livenessProbe: { httpGet: { path: /livez, port: http }, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6 }
      readinessProbe: { httpGet: { path: /readyz, port: http }, periodSeconds: 5, timeoutSeconds: 3, failureThreshold: 2 }
      lifecycle: { preStop: { sleep: { seconds: {{ .Values.preStopSeconds }} } } }
      resources: {{- toYaml .Values.resources | nindent 8 }}
      volumeMounts:
        - { name: config, mountPath: /etc/portolan/config, readOnly: true }
        - { name: run, mountPath: /run/portolan }
        {{- if include "portolan.file" . }}
        - { name: data, mountPath: /var/lib/portolan }
        {{- end }}
        {{- range .Values.mappings.configMaps }}
        - { name: {{ printf "mapping-%s" .name | trunc 63 | trimSuffix "-" }}, mountPath: {{ printf "/etc/portolan/mappings/%s" .folder }}, readOnly: true }
        {{- end }}
        {{- if include "portolan.secret" . }}
        - { name: secrets, mountPath: /run/secrets/portolan, readOnly: true }
        {{- end }}
        {{- if .Values.tls.secret }}
        - { name: tls, mountPath: /etc/portolan/tls, readOnly: true }
        {{- end }}
        {{- range .Values.folders }}
        - { name: {{ printf "folder-%s" .name | trunc 63 | trimSuffix "-" }}, mountPath: {{ .path }} }
        {{- end }}
        {{- with .Values.extraVolumeMounts }}{{ toYaml . | nindent 8 }}{{ end }}
  volumes:
    - { name: config, configMap: { name: {{ include "portolan.fullname" . }} } }
    # The admin token, new with each start.
    - { name: run, emptyDir: { medium: Memory, sizeLimit: 1Mi } }
    {{- range .Values.mappings.configMaps }}
    - { name: {{ printf "mapping-%s" .name | trunc 63 | trimSuffix "-" }}, configMap: { name: {{ .name }} } }
    {{- end }}
    {{- with include "portolan.secret" . }}
    - { name: secrets, secret: { secretName: {{ . }}, defaultMode: 0440 } }
    {{- end }}
    {{- with .Values.tls.secret }}
    - { name: tls, secret: { secretName: {{ . }}, defaultMode: 0440 } }
    {{- end }}
    {{- range .Values.folders }}
    - { name: {{ printf "folder-%s" .name | trunc 63 | trimSuffix "-" }}, persistentVolumeClaim: { claimName: {{ .claim }} } }
    {{- end }}
    {{- with .Values.extraVolumes }}{{ toYaml . | nindent 4 }}{{ end }}
  topologySpreadConstraints:
    {{- if .Values.topologySpreadConstraints }}
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
    {{- else }}
    {{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ $key }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "portolan.selector" $ | nindent 10 }}
    {{- end }}
    {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
