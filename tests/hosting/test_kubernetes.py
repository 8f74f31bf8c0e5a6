"""Kubernetes: the manifests and the chart, judged by helm and kubeconform, and started as the kubelet would start them.

There is no cluster here. What a Deployment says (image's arguments, environment, volumes, probes, the end) is done to the
real binary by Pod below; schemas are Kubernetes' own, strict.
"""

import base64
import json
import os
import re
import signal
import subprocess
import time

import pytest
import yaml

import process
from conf import LOCAL_FILES, as_local, local, wait_until
from idp import Provider, bearer
from process import ROOT, Roomkey, run
from wire import ask, post, request

PLAIN = os.path.join(ROOT, "packaging", "kubernetes")
CHART = os.path.join(ROOT, "packaging", "helm", "roomkey")
KEYS = f"{process.KEY}: {process.SECRET}\n"

SMALL = {"existingSecret": "roomkey", "config": {"livekit": {"url": process.URL}, "anonymous": "allow"}}
POLICY = {"callers": [local()], "rules": [{"id": "all", "room": "*"}]}
POLICY["callers"][0]["oidc"]["hs256_secret_file"] = "/etc/roomkey/secrets/local.key"
POLICY["redis"] = {"url": "redis://app@127.0.0.1:1", "password_file": "/etc/roomkey/secrets/redis-password", "timeout": "10ms"}
LARGE = {
    "existingSecret": "roomkey", "config": {"livekit": {"url": process.URL}, "trusted_proxies": {"from": ["127.0.0.0/8"]}, "log": {"level": "debug"}, **POLICY},
    "image": {"repository": "registry.example.org/roomkey", "digest": "sha256:" + "0" * 64}, "imagePullSecrets": [{"name": "pull"}],
    "ingress": {"enabled": True, "className": "nginx", "host": "roomkey.example.org", "tlsSecret": "tls", "annotations": {"a": "b"}},
    "metrics": {"serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}}}, "autoscaling": {"enabled": True},
    "networkPolicy": {"from": [{"namespaceSelector": {}}], "extraEgress": [{"ports": [{"port": 6379}]}]}, "env": [{"name": "ROOMKEY_WORKERS", "value": "1"}],
    "podLabels": {"team": "media"}, "podAnnotations": {"c": "d"}, "nodeSelector": {"kubernetes.io/arch": "amd64"}, "tolerations": [{"key": "k", "operator": "Exists"}],
    "affinity": {"nodeAffinity": {}}, "priorityClassName": "high", "service": {"type": "LoadBalancer", "port": 8443, "annotations": {"e": "f"}}, "serviceAccount": {"create": False, "name": "x"},
}


def helm(*words, values=None, code=0):
    done = subprocess.run([os.environ["RKT_HELM"], *words, *(["-f", "-"] if values is not None else [])], input=json.dumps(values or {}), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode == 0) == (code == 0), done
    return done.stdout + done.stderr if code else done.stdout


def render(values, release="rk", code=0):
    text = helm("template", release, CHART, "--kube-version", "1.37.0", "--namespace", "media", values=values, code=code)
    return text if code else [doc for doc in yaml.safe_load_all(text) if doc]


def plain():
    with open(os.path.join(PLAIN, "kustomization.yaml"), encoding="utf-8") as file:
        names = yaml.safe_load(file)["resources"]
    docs = []
    for name in names:
        with open(os.path.join(PLAIN, name), encoding="utf-8") as file:
            docs += [doc for doc in yaml.safe_load_all(file) if doc]
    return docs


def conform(docs):
    """kubeconform -strict over the documents: (exit code, what it found by file)."""
    location = os.environ["RKT_KUBERNETES_SCHEMAS"] + "/{{.ResourceKind}}{{.KindSuffix}}.json"
    done = subprocess.run([os.environ["RKT_KUBECONFORM"], "-strict", "-summary", "-output", "json", "-skip", "ServiceMonitor,Kustomization", "-schema-location", location],
                          input=yaml.safe_dump_all(docs), capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)["summary"]


def keys_for(docs):
    """A Secret's key file with the key that the ConfigMap says signs."""
    config, = [yaml.safe_load(doc["data"]["roomkey.yaml"]) for doc in docs if doc["kind"] == "ConfigMap" and "roomkey.yaml" in doc["data"]]
    return {"livekit-keys.yaml": f"{config['livekit']['active_key']}: {process.SECRET}\n"}


def one_of(docs, kind, name=None):
    found, = [doc for doc in docs if doc["kind"] == kind and name in (None, doc["metadata"]["name"])]
    return found


def with_issuer(text, provider):
    """A roomkey.yaml whose only provider is this one; other files as they are."""
    doc = yaml.safe_load(text)
    if "callers" in doc:
        doc["callers"][0]["oidc"] |= {"issuer": provider.issuer, "allow_http": ["127.0.0.1"]}
    return json.dumps(doc)


class Pod:
    """What the kubelet does with a Deployment: writes volumes (secrets as its atomic writer does), sets the environment, starts the arguments."""

    def __init__(self, docs, directory, secrets, edit=lambda text: text):
        self.docs, self.directory, self.version = docs, directory, 0
        self.spec = one_of(docs, "Deployment")["spec"]["template"]["spec"]
        self.container, = self.spec["containers"]
        self.ports = {port["name"]: process.free_port() for port in self.container["ports"]}
        self.mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        self.edit = edit
        for volume in self.spec["volumes"]:
            if "configMap" in volume:
                self.write(volume["name"], one_of(docs, "ConfigMap", volume["configMap"]["name"])["data"], 0o644)
            else:
                self.mode = volume["secret"]["defaultMode"]
                self.write(volume["name"], secrets, self.mode)

    def here(self, text):
        """Paths and ports of the container, on this machine."""
        for path in self.mounts.values():
            text = text.replace(path, str(self.directory) + path)
        for port in self.container["ports"]:
            text = text.replace(f"0.0.0.0:{port['containerPort']}", f"127.0.0.1:{self.ports[port['name']]}")
        return text

    def write(self, volume, files, mode):
        """atomic_writer.go: a new directory, a link to it renamed over ..data, the old one removed."""
        where = f"{self.directory}{self.mounts[volume]}"
        os.makedirs(where, exist_ok=True)
        self.version += 1
        new = f"..2026_11_28_10_00_00.{self.version}"
        os.mkdir(f"{where}/{new}")
        for name, text in files.items():
            with open(f"{where}/{new}/{name}", "w", encoding="utf-8") as file:
                file.write(self.here(self.edit(text)))
            os.chmod(f"{where}/{new}/{name}", mode)
            if not os.path.islink(f"{where}/{name}"):
                os.symlink(f"..data/{name}", f"{where}/{name}")
        os.symlink(new, f"{where}/..data_tmp")
        os.rename(f"{where}/..data_tmp", f"{where}/..data")

    def env(self):
        """The container's whole environment: what Kubernetes adds, what the image holds, what the pod says."""
        env = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_PORT": "tcp://10.96.0.1:443", "HOSTNAME": "roomkey-0", "PORT": "8080"}
        return env | {entry["name"]: self.here(entry["value"]) for entry in self.container["env"]}

    def config_file(self):
        return self.here({entry["name"]: entry["value"] for entry in self.container["env"]}["ROOMKEY_CONFIG"])

    def start(self, env=None):
        return Roomkey({**self.env(), **(env or {})}, tuple(self.container["args"]), defaults=False)

    def probe(self, which):
        """kube-probe: 200-399 is success."""
        get = self.container[which]["httpGet"]
        return ask(("127.0.0.1", self.ports[get["port"]]), request("GET", get["path"], headers={"User-Agent": "kube-probe/1.37", "Accept": "*/*", "Connection": "close"})).status


# -- what the platform's own checkers say


def test_the_plain_manifests_are_valid():
    """Issue 5 point 3: every document under packaging/kubernetes, by Kubernetes' strict schemas; a misspelt member is seen."""
    docs = plain()
    with open(os.path.join(PLAIN, "secret.example.yaml"), encoding="utf-8") as secret, open(os.path.join(PLAIN, "horizontalpodautoscaler.yaml"), encoding="utf-8") as scaler:
        docs += [yaml.safe_load(secret), yaml.safe_load(scaler)]
    assert {doc["kind"] for doc in docs} == {"ConfigMap", "Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "Secret", "HorizontalPodAutoscaler"}
    assert conform(docs) == (0, {"valid": len(docs), "invalid": 0, "errors": 0, "skipped": 0})
    broken = json.loads(json.dumps(one_of(docs, "Deployment")))
    broken["spec"]["template"]["spec"]["containers"][0]["securityContext"]["readonlyRootFilesystem"] = True
    code, summary = conform([broken])
    assert code != 0 and summary["invalid"] == 1


def test_the_chart_is_valid():
    """helm lint --strict, and helm template under small and large values, by the same schemas."""
    with open(os.path.join(ROOT, "CMakeLists.txt"), encoding="utf-8") as cmake, open(os.path.join(CHART, "Chart.yaml"), encoding="utf-8") as chart:
        assert re.search(r"^project\(roomkey VERSION ([0-9.]+)", cmake.read(), re.M).group(1) == yaml.safe_load(chart)["appVersion"]
    helm("lint", "--strict", CHART, values=SMALL)
    helm("lint", "--strict", CHART, values=LARGE)
    kinds = {}
    for name, values in (("small", SMALL), ("large", LARGE)):
        docs = render(values)
        kinds[name] = {doc["kind"] for doc in docs}
        code, summary = conform(docs)
        assert code == 0 and summary["invalid"] == summary["errors"] == 0 and summary["valid"] + summary["skipped"] == len(docs), summary
        assert all(doc["metadata"]["labels"]["app.kubernetes.io/instance"] == "rk" for doc in docs)
    assert kinds["small"] == {"ConfigMap", "Deployment", "Service", "ServiceAccount", "NetworkPolicy", "PodDisruptionBudget"}
    assert kinds["large"] - kinds["small"] == {"Ingress", "HorizontalPodAutoscaler", "ServiceMonitor"}
    large = render(LARGE)
    assert "replicas" not in one_of(large, "Deployment")["spec"], "the autoscaler's"
    assert one_of(large, "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"].endswith("@sha256:" + "0" * 64)
    assert one_of(large, "Service", "rk-roomkey")["spec"]["ports"] == [{"name": "http", "port": 8443, "targetPort": "http"}], "no metrics where the world can reach"


def test_words_that_look_like_something_else():
    """A release called 123 and classes called true stay texts."""
    docs = render({**LARGE, "priorityClassName": "true", "ingress": {**LARGE["ingress"], "className": "true"}}, release="123")
    assert conform(docs)[0] == 0
    assert one_of(docs, "Deployment")["spec"]["template"]["spec"]["priorityClassName"] == "true" and one_of(docs, "Ingress")["spec"]["ingressClassName"] == "true"
    assert one_of(docs, "Deployment")["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "123"


def test_the_guide_s_values_are_valid(tmp_path):
    """docs/HOSTING.md: what a newcomer pastes renders, and the ConfigMap it gives passes `roomkey check`."""
    with open(os.path.join(ROOT, "docs", "HOSTING.md"), encoding="utf-8") as file:
        values, = [yaml.safe_load(block) for block in re.findall(r"^```yaml\n(.*?)^```", file.read(), re.M | re.S) if "existingSecret" in block]
    helm("lint", "--strict", CHART, values=values)
    docs = render(values)
    assert conform(docs)[0] == 0 and one_of(docs, "Ingress")["spec"]["rules"][0]["host"] == "roomkey.example.org"
    assert run("check", "--config", Pod(docs, tmp_path, keys_for(docs)).config_file()).returncode == 0


@pytest.mark.parametrize("values, says", [
    ({**SMALL, "existingSecret": ""}, "existingSecret"), ({**SMALL, "config": {"livekit": {"url": ""}}}, "url"), ({**SMALL, "replicas": 3}, "replicas"),
    ({**SMALL, "config": {**SMALL["config"], "listen": "0.0.0.0:1"}}, "/config/listen"),
    ({**SMALL, "config": {"livekit": {"url": "wss://m.example.org", "key_file": "k"}}}, "/config/livekit/key_file"), ({**SMALL, "ingress": {"enabled": True}}, "ingress.host"),
    ({**SMALL, "config": {**SMALL["config"], "redis": {"url": "redis://:not-in-a-configmap@redis:6379"}}}, "redis"),
])
def test_values_that_cannot_be_meant(values, says):
    """The schema, or the template itself, refuses them and says which."""
    assert says in render(values, code=1)


def test_the_dashboard_is_in_the_chart():
    """The one of packaging/grafana, for Grafana's sidecar: a link, so that there is one of it."""
    data = one_of(render({**SMALL, "metrics": {"dashboards": {"enabled": True}}}), "ConfigMap", "rk-roomkey-dashboards")["data"]
    with open(os.path.join(ROOT, "packaging", "grafana", "roomkey.json"), encoding="utf-8") as file:
        assert json.loads(data["roomkey.json"]) == json.load(file)


@pytest.mark.parametrize("docs", [plain, lambda: render(SMALL), lambda: render(LARGE)], ids=["plain", "small", "large"])
def test_the_pod_is_locked_down(docs):
    """hosting §4.2, Restricted Pod Security; whole-directory mounts; and time to drain: preStop + 10 s (H21) < the grace period."""
    spec = one_of(docs(), "Deployment")["spec"]["template"]["spec"]
    container, = spec["containers"]
    assert spec["securityContext"] == {"runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert spec["automountServiceAccountToken"] is False and spec["enableServiceLinks"] is False
    assert all("subPath" not in mount and mount["readOnly"] for mount in container["volumeMounts"]), "subPath is never renewed"
    assert spec["terminationGracePeriodSeconds"] > container["lifecycle"]["preStop"]["sleep"]["seconds"] + 10
    assert container["resources"]["requests"]["cpu"] and container["resources"]["limits"]["memory"] and spec["topologySpreadConstraints"]


# -- what the kubelet would do


def test_the_plain_pod_starts(tmp_path):
    """The ConfigMap passes `roomkey check`; arguments, environment and files of the Deployment start the real binary; both probes succeed."""
    secrets = keys_for(plain())
    done = run("check", "--config", Pod(plain(), tmp_path / "as-it-is", secrets).config_file())
    assert done.returncode == 0 and b"others can read" not in done.stderr, done.stderr
    with Provider() as provider:
        pod = Pod(plain(), tmp_path / "with-a-provider", secrets, lambda text: with_issuer(text, provider))
        one = pod.start()
        try:
            wait_until(lambda: pod.probe("readinessProbe") == 200, 20)
            assert pod.probe("livenessProbe") == 200
            assert ask(("127.0.0.1", pod.ports["http"]), post()).status == 401, "nobody without a token"
            answer = ask(("127.0.0.1", pod.ports["http"]), post(body=b'{"room_name":"team-a"}', headers={**bearer(provider.token()), "X-Forwarded-For": "203.0.113.7"}))
            assert answer.status == 200, answer
            one.stop(timeout=pod.spec["terminationGracePeriodSeconds"])
        finally:
            one.kill()


def test_the_chart_s_pod_starts(tmp_path):
    """As above with the chart's largest values; a token is minted under its rules."""
    pod = Pod(render(LARGE), tmp_path, {"livekit-keys.yaml": KEYS, "local.key": LOCAL_FILES["local.key"].decode(), "redis-password": "planted"})
    assert run("check", "--config", pod.config_file()).returncode == 0
    one = pod.start()
    try:
        assert pod.probe("livenessProbe") == 200 and pod.probe("readinessProbe") == 200
        assert ask(("127.0.0.1", pod.ports["http"]), post(body=b'{"room_name":"a"}', headers=as_local())).status == 200
        one.stop()
    finally:
        one.kill()


def test_a_second_key_beside_the_first(tmp_path):
    """issue 5 point 6, the plan's order: with active_key the Secret takes the next line, and the old key goes on signing; without it the line is
    refused, and the old state stays."""
    named = {**SMALL, "config": {**SMALL["config"], "livekit": {"url": process.URL, "active_key": process.KEY}}}
    for name, values, event in (("named", named, "reloaded"), ("not", SMALL, "reload_failed")):
        pod = Pod(render(values), tmp_path / name, {"livekit-keys.yaml": KEYS})
        one = pod.start()
        try:
            pod.write("secrets", {"livekit-keys.yaml": KEYS + "APIother: " + "s" * 40 + "\n"}, pod.mode)
            one.send_signal(signal.SIGHUP)
            one.wait_event(event)
            answer = ask(("127.0.0.1", pod.ports["http"]), post())
            assert json.loads(base64.urlsafe_b64decode(answer.json()["participant_token"].split(".")[1] + "=="))["iss"] == process.KEY
            one.stop()
        finally:
            one.kill()


def test_without_a_cluster():
    """`helm template` alone renders the whole, whatever version of Kubernetes helm assumes then."""
    docs = [doc for doc in yaml.safe_load_all(helm("template", "rk", CHART, values=SMALL)) if doc]
    assert one_of(docs, "Deployment")["spec"]["template"]["spec"]["containers"][0]["lifecycle"]["preStop"] == {"sleep": {"seconds": 5}}
    assert conform(docs)[0] == 0


def test_a_secret_is_renewed_without_a_restart(tmp_path):
    """hosting §4.2: the kubelet's swap of ..data; SIGHUP reads through the links, and what is half written changes nothing."""
    pod = Pod(render(SMALL), tmp_path, {"livekit-keys.yaml": KEYS})
    one = pod.start()
    try:
        def key():
            answer = ask(("127.0.0.1", pod.ports["http"]), post())
            assert answer.status == 200, answer
            payload = answer.json()["participant_token"].split(".")[1]
            return json.loads(base64.urlsafe_b64decode(payload + "=="))["iss"]

        assert key() == process.KEY
        pod.write("secrets", {"livekit-keys.yaml": "APIother: " + "s" * 40 + "\n"}, pod.mode)
        one.send_signal(signal.SIGHUP)
        wait_until(lambda: key() == "APIother", 20)
        pod.write("secrets", {"livekit-keys.yaml": "APIthird: [not"}, pod.mode)
        one.send_signal(signal.SIGHUP)
        end = time.monotonic() + 20
        while not [event for event in one.events if event["event"].startswith("reload") and event["level"] == "error"]:
            assert time.monotonic() < end, one.lines[-5:]
            time.sleep(0.05)
        assert key() == "APIother" and pod.probe("readinessProbe") == 200
        one.stop()
    finally:
        one.kill()
