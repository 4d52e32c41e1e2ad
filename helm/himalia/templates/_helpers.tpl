{{/* All names of the chart; what the platform itself makes is named by the service, which is told the prefix. */}}
{{- define "himalia.name" -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]{0,28}[a-z0-9])?$" .Release.Name) }}
{{- fail (printf "The release cannot be named %s: Services and other objects are named after it, so it must begin with a letter, have small letters, digits and hyphens alone, and be at most 30 characters long. Choose another name for helm install." .Release.Name) }}
{{- end }}
{{- .Release.Name }}
{{- end }}

{{- define "himalia.hub" -}}{{ include "himalia.name" . }}-hub{{- end }}
{{- define "himalia.proxy" -}}{{ include "himalia.name" . }}-proxy{{- end }}
{{- define "himalia.proxyPublic" -}}{{ include "himalia.name" . }}-proxy-public{{- end }}
{{- define "himalia.proxyApi" -}}{{ include "himalia.name" . }}-proxy-api{{- end }}
{{- define "himalia.service" -}}{{ include "himalia.name" . }}-service{{- end }}
{{- define "himalia.content" -}}{{ include "himalia.name" . }}-content{{- end }}
{{- define "himalia.gateway" -}}{{ include "himalia.name" . }}-gateway{{- end }}
{{- define "himalia.gatewayControl" -}}{{ include "himalia.name" . }}-gateway-control{{- end }}
{{- define "himalia.postgresql" -}}{{ include "himalia.name" . }}-postgresql{{- end }}
{{- define "himalia.profiles" -}}{{ include "himalia.name" . }}-profiles{{- end }}
{{- define "himalia.users" -}}{{ include "himalia.name" . }}-users{{- end }}
{{- define "himalia.database" -}}{{ include "himalia.name" . }}-database{{- end }}
{{- define "himalia.removal" -}}{{ include "himalia.name" . }}-removal{{- end }}
{{- define "himalia.nodes" -}}{{ .Release.Namespace }}-{{ include "himalia.name" . }}-nodes{{- end }}

{{- define "himalia.secret" -}}
{{ .Values.existingSecret | default (include "himalia.name" .) }}
{{- end }}
{{- define "himalia.adminSecret" -}}
{{ .Values.admin.existingSecret | default (printf "%s-admin" (include "himalia.name" .)) }}
{{- end }}
{{- define "himalia.databaseSecret" -}}
{{ .Values.database.existingSecret | default .Values.postgresql.existingSecret | default (include "himalia.database" .) }}
{{- end }}
{{- define "himalia.dataClaim" -}}
{{ .Values.storage.data.existingClaim | default (printf "%s-data" (include "himalia.name" .)) }}
{{- end }}

{{/* Storage of projects' folders: whoever says of which kind their volumes are wants volumes. */}}
{{- define "himalia.projectStorage" -}}
{{- $storage := .Values.storage.projects -}}
{{ toJson (ternary (dict "shared" true) $storage (empty $storage)) }}
{{- end }}

{{/* Whether PostgreSQL is the chart's own. */}}
{{- define "himalia.ownDatabase" -}}
{{ if not (or .Values.database.url .Values.database.existingSecret) }}yes{{ end }}
{{- end }}

{{/* Whether the hub is the chart's own, and whether it signs people in with local accounts. */}}
{{- define "himalia.ownHub" -}}
{{ if not .Values.existingHub.url }}yes{{ end }}
{{- end }}
{{- define "himalia.accounts" -}}
{{ if and .Values.accounts (include "himalia.ownHub" .) }}yes{{ end }}
{{- end }}

{{/* Where the service finds the hub. */}}
{{- define "himalia.hubUrl" -}}
{{ .Values.existingHub.url | trimSuffix "/" | trimSuffix "/hub/api" | default (printf "http://%s:8081" (include "himalia.hub" .)) }}
{{- end }}

{{/* Hub and proxy as peers of a network policy; nothing where none are named, since no peers at all means everybody. */}}
{{- define "himalia.hubPeers" -}}
{{- if include "himalia.ownHub" . -}}
{{- range list "hub" "proxy" }}
- podSelector:
    matchLabels: {{ include "himalia.selector" (list $ .) | nindent 6 }}
{{- end -}}
{{- else -}}
{{- with .Values.existingHub.peers }}{{ toYaml . }}{{ end -}}
{{- end -}}
{{- end }}

{{/* (list $ component) */}}
{{- define "himalia.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: himalia
app.kubernetes.io/instance: {{ include "himalia.name" $root }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}
{{- define "himalia.labels" -}}
{{- $root := index . 0 -}}
{{ include "himalia.selector" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
helm.sh/chart: {{ $root.Chart.Name }}-{{ $root.Chart.Version }}
{{- end }}

{{/* (list $ name): the whole name of an image; one with a registry, a tag or a digest is whole already. */}}
{{- define "himalia.image" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- if not (regexMatch "[/:@]" $name) -}}
{{- with $root.Values.images.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{ $name }}:{{ $root.Values.images.tag | default $root.Chart.AppVersion }}
{{- else -}}
{{ $name }}
{{- end -}}
{{- end }}

{{/* Where people's browsers find the platform. */}}
{{- define "himalia.url" -}}
{{- if .Values.url -}}
{{ .Values.url | trimSuffix "/" }}
{{- else if .Values.ingress.enabled -}}
{{ ternary "https" "http" .Values.ingress.tls }}://{{ .Values.ingress.host }}
{{- else -}}
http://127.0.0.1:8000
{{- end -}}
{{- end }}
{{- define "himalia.contentUrl" -}}
{{- if .Values.content.url -}}
{{ .Values.content.url | trimSuffix "/" }}
{{- else if and .Values.ingress.enabled .Values.ingress.contentHost -}}
{{ ternary "https" "http" .Values.ingress.tls }}://{{ .Values.ingress.contentHost }}
{{- end -}}
{{- end }}

{{/* Where the cluster's pods find the gateway. */}}
{{- define "himalia.gatewayUrl" -}}
http://{{ include "himalia.gateway" . }}.{{ .Release.Namespace }}:{{ .Values.gateway.service.port }}
{{- end }}

{{/* What all pods of the platform have in common. */}}
{{- define "himalia.podSettings" -}}
enableServiceLinks: false
{{- with .Values.images.pullSecrets }}
imagePullSecrets: {{ range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{/* (list $ ids): what Pod Security's "restricted" asks for of a pod. */}}
{{- define "himalia.podSecurity" -}}
runAsNonRoot: true
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{ toYaml (index . 1) }}
{{- end }}
{{- define "himalia.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* (list $ databases): waits until each of these databases lets one in. */}}
{{- define "himalia.waitForDatabase" -}}
{{- $root := index . 0 -}}
name: wait-for-database
image: {{ include "himalia.image" (list $root $root.Values.images.platform) }}
imagePullPolicy: {{ $root.Values.images.pullPolicy }}
command:
  - tini
  - --
  - python
  - -c
  - |
    import os, sys, time, sqlalchemy
    for name, url in os.environ.items():
        while name.endswith("_URL") and "://" in url:
            try:
                sqlalchemy.create_engine(url).connect().close()
                break
            except sqlalchemy.exc.OperationalError as error:
                print(name, "cannot be reached yet:", str(error.orig).strip(), file=sys.stderr, flush=True)
                time.sleep(1)
env: {{ include "himalia.databaseEnv" . | nindent 2 }}
securityContext: {{ include "himalia.containerSecurity" $root | nindent 2 }}
resources:
  requests: {cpu: 50m, memory: 64Mi}
  limits: {cpu: "1", memory: 256Mi}
{{- end }}

{{/* (list $ databases): the variables of these databases' addresses. */}}
{{- define "himalia.databaseEnv" -}}
{{- $root := index . 0 -}}
{{- range index . 1 }}
{{- $variable := get (dict "hub" "HUB_DATABASE_URL" "himalia" "HIMALIA_DATABASE_URL" "accounts" "HIMALIA_ACCOUNTS_URL" "mlflow" "HIMALIA_MLFLOW_DATABASE_URL") . }}
- name: {{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ include "himalia.databaseSecret" $root }}
      key: {{ ternary "himalia" . (eq . "accounts") }}-url
{{- end }}
{{- end }}

{{/* (list $ component): at most one at a time is taken down on purpose. */}}
{{- define "himalia.disruptionBudget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include (printf "himalia.%s" (index . 1)) (index . 0) }}
  labels: {{ include "himalia.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels: {{ include "himalia.selector" . | nindent 6 }}
{{- end }}

{{/* (list $ component): an account of its own. */}}
{{- define "himalia.serviceAccount" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include (printf "himalia.%s" (index . 1)) (index . 0) }}
  labels: {{ include "himalia.labels" . | nindent 4 }}
automountServiceAccountToken: false
{{- end }}

{{/* A token for the Kubernetes API as a volume, and where its one container has it: no other of the pod does. */}}
{{- define "himalia.apiToken" -}}
name: api-token
projected:
  defaultMode: 0444
  sources:
    - serviceAccountToken: {path: token, expirationSeconds: 3607}
    - configMap: {name: kube-root-ca.crt, items: [{key: ca.crt, path: ca.crt}]}
    - downwardAPI: {items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]}
{{- end }}
{{- define "himalia.apiTokenMount" -}}
{name: api-token, mountPath: /var/run/secrets/kubernetes.io/serviceaccount, readOnly: true}
{{- end }}

{{/* A mapping of variables to values as a container's `env`. */}}
{{- define "himalia.env" -}}
{{- range $name, $value := . }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end }}

{{/* Names of Secrets as a container's `envFrom`, after its `env`, which outranks it. */}}
{{- define "himalia.envFrom" -}}
{{- with . }}
envFrom: {{ range . }}
  - secretRef: {name: {{ . }}}
{{- end }}
{{- end }}
{{- end }}

{{/* What is kept when the release is uninstalled. */}}
{{- define "himalia.keep" -}}
{{- if .Values.keepData }}
annotations:
  helm.sh/resource-policy: keep
{{- end }}
{{- end }}

{{/* Of what is made when the release has been uninstalled, in the order of its argument, and goes when it is done. */}}
{{- define "himalia.afterRemoval" -}}
helm.sh/hook: post-delete
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}

{{/* Puts the platform's own secrets, in base 64, into .Values.tokens: made once, an upgrade finds what the first
installation made. */}}
{{- define "himalia.tokens" -}}
{{- if not (hasKey .Values "tokens") }}
{{- $known := (lookup "v1" "Secret" .Release.Namespace (include "himalia.secret" .)).data | default dict }}
{{- $tokens := dict }}
{{- range list "service-token" "service-key" "proxy-token" "cookie-secret" "gateway-token" }}
{{- $made := ternary "" (randAlphaNum 64 | sha256sum | b64enc) (not (empty $.Values.existingSecret)) }}
{{- $_ := set $tokens . (get $known . | default $made) }}
{{- end }}
{{- $_ := set .Values "tokens" $tokens }}
{{- end }}
{{- end }}

{{/* Of what values say about secrets: those that were made once do not change. Whoever sees the pods sees it, so what is
secret goes in only together with a key of the platform's own, without which nobody can try passwords; the first
administrator's, which is read once, does not at all. */}}
{{- define "himalia.secretChecksum" -}}
{{- include "himalia.tokens" . -}}
{{- $open := list .Values.existingSecret .Values.admin.name .Values.admin.existingSecret .Values.database.existingSecret .Values.postgresql.existingSecret -}}
{{- $key := get .Values.tokens "service-key" -}}
{{- $secret := ternary (list $key .Values.database.url) list (not (empty $key)) -}}
{{ toJson (list $open $secret) | sha256sum }}
{{- end }}

{{/* What the service's two containers and the gateway are told alike. */}}
{{- define "himalia.commonSettings" -}}
{{- include "himalia.env" (dict
  "HOME" "/tmp"
  "HIMALIA_HOME" "/var/lib/himalia"
  "HIMALIA_SECRETS_DIR" "/run/himalia-secrets"
  "HIMALIA_BACKEND" "kubernetes"
  "HIMALIA_ADDRESS" (include "himalia.url" .)
  ) }}
{{- with include "himalia.contentUrl" . }}
- name: HIMALIA_CONTENT_URL
  value: {{ . | quote }}
{{- end }}
{{- range $name, $value := .Values.service.settings }}
- name: HIMALIA_{{ upper $name }}
  value: {{ (kindIs "string" $value | ternary $value (toJson $value)) | quote }}
{{- end }}
{{- end }}

{{/* Asks whether PostgreSQL takes calls: pg_isready is on the path of some images, in Debian's own folder in others. */}}
{{- define "himalia.postgresqlAnswers" -}}
[sh, -c, 'PATH="$PATH:$(echo /usr/lib/postgresql/*/bin)" exec pg_isready --quiet --host=127.0.0.1']
{{- end }}
