"""app.py - the function app as the Functions host reads it: host.json, function.json, routes, levels, CORS."""

import json
import os
import re

PLUMBING = ("admin", "runtime")


class BadApp(Exception):
    """The host would not start it."""


class Function:
    def __init__(self, name, spec, prefix):
        inputs = [row for row in spec["bindings"] if row["direction"] == "in"]
        outputs = [row for row in spec["bindings"] if row["direction"] == "out"]
        triggers = [row for row in inputs if row["type"] == "httpTrigger"]
        if any(row["type"] not in ("httpTrigger", "http", "queue") for row in spec["bindings"]) or len(triggers) != 1:
            raise BadApp(f"{name}: an unknown binding")
        trigger = triggers[0]
        route = trigger.get("route", name)
        if route.split("/")[0].lower() in PLUMBING:
            raise BadApp(f"{name}: the route is the host's own")
        self.name, self.input, self.outputs = name, trigger["name"], outputs
        self.is_plain = len(inputs) == 1 and len(outputs) == 1 and outputs[0]["type"] == "http"
        self.level = trigger.get("authLevel", "function")
        self.methods = {word.upper() for word in trigger.get("methods", [])}
        self.path = "/" + "/".join(part for part in (prefix, route) if part)

    def serves(self, method, path):
        """A method that is not listed is no route at all."""
        if self.methods and method not in self.methods:
            return False
        if self.path.endswith("/{*path}"):
            return path.lower().startswith(self.path[:-len("{*path}")].lower())
        return path.lower() == self.path.lower()


class App:
    def __init__(self, root, env):
        self.root = root
        with open(os.path.join(root, "host.json"), encoding="utf-8") as file:
            self.host = json.load(file)
        prefix = self.host.get("extensions", {}).get("http", {}).get("routePrefix", "api")
        self.functions = []
        for name in sorted(os.listdir(root)):
            path = os.path.join(root, name, "function.json")
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    self.functions.append(Function(name, json.load(file), prefix))
        self.functions.sort(key=lambda one: "{*" in one.path)  # literal routes win
        handler = self.host["customHandler"]
        if handler.get("enableProxyingHttpRequest"):
            self.mode = "proxy"
        else:
            self.mode = "forward" if handler.get("enableForwardingHttpRequest") else "envelope"
        self._read_description(handler["description"], env)

    def _read_description(self, description, env):
        def expand(text):
            return re.sub(r"%([^%]+)%", lambda found: env.get(found.group(1), ""), text)

        executable = expand(description.get("defaultExecutablePath", ""))
        if not executable:
            raise BadApp("no defaultExecutablePath")
        path = os.path.join(self.root, executable)
        if not os.path.exists(path):
            raise BadApp(f"{executable} is not there")
        # joined with blanks without quotes, then split again by whoever starts it
        self.command = [path] + expand(" ".join(description.get("arguments", []))).split()
        self.directory = os.path.join(self.root, expand(description.get("workingDirectory", "")))

    def find(self, method, path):
        return next((one for one in self.functions if one.serves(method, path)), None)

    def mode_of(self, function):
        return self.mode if function.is_plain else "envelope"


class Cors:
    """ASP.NET Core's middleware as the host feeds it; a preflight never gets past it."""

    def __init__(self, text, credentials):
        self.origins = [part.lower() for part in text.split(",") if part]
        self.credentials = credentials
        if self.credentials and "*" in self.origins:
            raise BadApp("CORS: any origin together with credentials")

    def allows(self, origin):
        return "*" in self.origins or origin in self.origins

    def fields(self, origin):
        if not self.allows(origin):
            return []
        fields = [("Access-Control-Allow-Origin", "*" if "*" in self.origins else origin)]
        if self.credentials:
            fields.append(("Access-Control-Allow-Credentials", "true"))
        if len(self.origins) > 1 and "*" not in self.origins:
            fields.append(("Vary", "Origin"))
        return fields

    def preflight(self, request):
        """The fields of the 204, or None: it is no preflight."""
        origin = request.get("origin")
        if request.method != "OPTIONS" or origin is None or request.get("access-control-request-method") is None:
            return None
        fields = self.fields(origin)
        if fields:
            asked = request.get("access-control-request-headers")
            fields += [("Access-Control-Allow-Headers", asked)] if asked else []
            fields.append(("Access-Control-Allow-Methods", request.get("access-control-request-method")))
        return fields
