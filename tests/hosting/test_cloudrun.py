"""Google Cloud Run, played by its container contract (hosting §4.1): what service.yaml says is done to the real binary.

The platform's proxy connects from a link-local address; here it is 127.0.0.1, so that address stands in for 169.254.0.0/16.
"""

import json
import os
import signal

import yaml

import process
from idp import Provider, bearer
from conf import wait_until
from process import ROOT, Roomkey, run
from wire import Wire, ask, post, request

FOLDER = os.path.join(ROOT, "packaging", "cloudrun")


def load(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return yaml.safe_load(file)


class Instance:
    """service.yaml as Cloud Run reads it: secrets written where the volumes say, PORT and K_ variables set, probes asked on the container's port."""

    def __init__(self, directory, contents):
        service = load("service.yaml")
        self.spec = service["spec"]["template"]["spec"]
        self.container, = self.spec["containers"]
        self.port = process.free_port()
        mounts = {mount["name"]: mount["mountPath"] for mount in self.container["volumeMounts"]}
        for volume in self.spec["volumes"]:
            item, = volume["secret"]["items"]
            os.makedirs(f"{directory}{mounts[volume['name']]}")
            text = contents[volume["secret"]["secretName"]]
            for path in mounts.values():
                text = text.replace(path, f"{directory}{path}")
            with open(f"{directory}{mounts[volume['name']]}/{item['path']}", "w", encoding="utf-8") as file:
                file.write(text)
        env = {entry["name"]: str(directory) + entry["value"] for entry in self.container["env"]}
        self.env = {"PORT": str(self.port), "K_SERVICE": "roomkey", "K_REVISION": "roomkey-00001-abc", "K_CONFIGURATION": "roomkey", **env}

    def start(self):
        return Roomkey(self.env, tuple(self.container["args"]), defaults=False)

    def probe(self, which):
        return ask(("127.0.0.1", self.port), request("GET", self.container[which]["httpGet"]["path"], headers={"User-Agent": "GoogleHC/1.0"})).status


def test_the_service_as_cloud_run_starts_it(tmp_path):
    """PORT on 0.0.0.0, probes, secrets from volumes, the client from the end of X-Forwarded-For, and SIGTERM within ten seconds while a request is under way."""
    config = load("roomkey.yaml")
    assert config["trusted_proxies"] == {"from": ["169.254.0.0/16"], "header": "x-forwarded-for"} and "listen" not in config
    config["trusted_proxies"]["from"] = ["127.0.0.1/32"]
    with Provider() as provider:
        config["callers"][0]["oidc"] |= {"issuer": provider.issuer, "audience": ["roomkey"], "allow_http": ["127.0.0.1"]}
        instance = Instance(tmp_path, {"roomkey-config": json.dumps(config), "roomkey-keys": f"{config['livekit']['active_key']}: {process.SECRET}\n"})
        one = instance.start()
        try:
            assert one.addresses == [f"0.0.0.0:{instance.port}"]
            wait_until(lambda: instance.probe("startupProbe") == 200, 20)
            assert instance.probe("livenessProbe") == 200
            assert instance.spec["timeoutSeconds"] <= 60 and instance.container["ports"][0]["containerPort"] == 8080

            def data(forwarded):
                headers = {**bearer(provider.token()), "X-Forwarded-For": forwarded, "Forwarded": "for=198.51.100.1", "X-Cloud-Trace-Context": "105445aa7843bc8bf206b12000100000/1;o=1"}
                return post(body=b'{"room_name":"a"}', headers=headers)

            def client(forwarded, source=None):
                answer = ask(("127.0.0.1", instance.port), data(forwarded), source=source)
                assert answer.status == 200, answer
                return one.access(answer.request_id)["client"]

            assert client("203.0.113.7") == "203.0.113.7"
            assert client("198.51.100.9, 203.0.113.8") == "203.0.113.8", "what the client itself put in front does not count"
            assert client("203.0.113.9", source="127.0.0.2") == "127.0.0.2", "whoever is not the proxy speaks for nobody"

            with Wire(("127.0.0.1", instance.port), timeout=20) as wire:
                whole = data("203.0.113.11")
                wire.send(whole[:-5])
                wait_until(lambda: instance.probe("livenessProbe") == 200, 20)
                one.send_signal(signal.SIGTERM)
                one.wait_event("draining", timeout=20)
                wire.send(whole[-5:])
                assert wire.answer().status == 200, "what was begun is answered"
            assert one.wait(12) == 0, "Cloud Run waits ten seconds"
        finally:
            one.kill()


def test_the_config_as_it_is_passes_check(tmp_path):
    """roomkey.yaml of packaging/cloudrun, only its key file put elsewhere."""
    config = load("roomkey.yaml")
    (tmp_path / "keys").write_text(f"{config['livekit']['active_key']}: {process.SECRET}\n")
    os.chmod(tmp_path / "keys", 0o600)
    config["livekit"]["key_file"] = "keys"
    (tmp_path / "roomkey.yaml").write_text(json.dumps(config))
    done = run("check", "--config", str(tmp_path / "roomkey.yaml"))
    assert done.returncode == 0, done.stderr
