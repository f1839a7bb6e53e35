{{/* Names and labels. A release that is called as the chart gives its name alone. */}}
{{- define "service.name" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What selects pods: never changed once it is installed. */}}
{{- define "service.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ include "service.name" . | quote }}
{{- end -}}

{{- define "service.canarySelector" -}}
app.kubernetes.io/name: {{ .Chart.Name | quote }}
app.kubernetes.io/instance: {{ printf "%s-canary" (include "service.name" .) | quote }}
{{- end -}}

{{- define "service.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{/* The name of an image: by its digest, where there is one. */}}
{{- define "service.image" -}}
{{- if .digest -}}
{{- printf "%s@%s" .repository .digest -}}
{{- else -}}
{{- printf "%s:%s" .repository (required "an image needs a tag or a digest" .tag) -}}
{{- end -}}
{{- end -}}

{{/* A pod, from a dictionary: root, image, and selector, which holds its labels. */}}
{{- define "service.pod" -}}
metadata:
  labels:
    {{- .selector | nindent 4 }}
    {{- include "service.labels" .root | nindent 4 }}
spec:
  serviceAccountName: {{ include "service.name" .root | quote }}
  automountServiceAccountToken: false
  # a service of the cluster that is called "grpc" would set GRPC_PORT, which this one reads
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ .root.Values.terminationSeconds }}
  {{- with .root.Values.image.pullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    {{- if .root.Values.apiKeysSecret }}
    fsGroup: 10001
    {{- end }}
    seccompProfile:
      type: RuntimeDefault
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- .selector | nindent 10 }}
    - maxSkew: 1
      topologyKey: topology.kubernetes.io/zone
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- .selector | nindent 10 }}
  containers:
    - name: model
      image: {{ include "service.image" .image | quote }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      ports:
        - name: http
          containerPort: {{ .root.Values.containerPort }}
        {{- if .root.Values.grpcPort }}
        - name: grpc
          containerPort: {{ .root.Values.grpcPort }}
        {{- end }}
      env:
        {{- range $name, $value := .root.Values.env }}
        - name: {{ $name | quote }}
          value: {{ $value | replace "$" "$$" | quote }}
        {{- end }}
        {{- if .root.Values.apiKeysSecret }}
        - name: API_KEYS_FILE
          value: /run/secrets/api-keys/API_KEYS
        {{- end }}
      startupProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 1
        timeoutSeconds: 3
        failureThreshold: {{ .root.Values.startupSeconds }}
      readinessProbe:
        httpGet:
          path: /readyz
          port: http
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      livenessProbe:
        httpGet:
          path: /livez
          port: http
        periodSeconds: 10
        timeoutSeconds: 3
        failureThreshold: 3
      {{- if .root.Values.preStopSeconds }}
      lifecycle:
        preStop:
          # answers on while the cluster takes the pod out of its balancers
          sleep:
            seconds: {{ .root.Values.preStopSeconds }}
      {{- end }}
      resources:
        {{- toYaml .root.Values.resources | nindent 8 }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities:
          drop: ["ALL"]
      {{- if .root.Values.apiKeysSecret }}
      volumeMounts:
        - name: api-keys
          mountPath: /run/secrets/api-keys
          readOnly: true
      {{- end }}
  {{- if .root.Values.apiKeysSecret }}
  volumes:
    - name: api-keys
      secret:
        secretName: {{ .root.Values.apiKeysSecret | quote }}
        defaultMode: 0440
        items:
          - key: API_KEYS
            path: API_KEYS
  {{- end }}
{{- end -}}

{{/* An autoscaler, from a dictionary: root, name, selector, and least, how many there are at least. */}}
{{- define "service.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .name | quote }}
  labels:
    {{- .selector | nindent 4 }}
    {{- include "service.labels" .root | nindent 4 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ .name | quote }}
  minReplicas: {{ .least }}
  maxReplicas: {{ .root.Values.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource:
        name: cpu
        target:
          type: AverageValue
          averageValue: {{ .root.Values.autoscaling.cpu | quote }}
    {{- if .root.Values.autoscaling.rateMetric }}
    - type: Pods
      pods:
        metric:
          name: {{ .root.Values.autoscaling.rateMetric | quote }}
        target:
          type: AverageValue
          averageValue: {{ .root.Values.autoscaling.rate | int | toString | quote }}
    {{- end }}
  behavior:
    scaleUp:
      stabilizationWindowSeconds: 0
      policies:
        - type: Percent
          value: 100
          periodSeconds: 15
    scaleDown:
      stabilizationWindowSeconds: 300
      policies:
        - type: Pods
          value: 1
          periodSeconds: 60
{{- end -}}

{{/* How many may be taken at a time when nodes are emptied, from a dictionary: root, name and selector. */}}
{{- define "service.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .name | quote }}
  labels:
    {{- .selector | nindent 4 }}
    {{- include "service.labels" .root | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- .selector | nindent 6 }}
{{- end -}}
