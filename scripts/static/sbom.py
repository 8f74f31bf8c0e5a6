#!/usr/bin/env python3
"""sbom.py GOT VERSION PROGRAM - a CycloneDX 1.5 bill of materials for the travelling binary, on stdout.

GOT is what fetch.py wrote: the sources that were really compiled in, pinned or taken in a pin's stead. The same inputs
give the same bytes: the serial number is made from the program, the time is SOURCE_DATE_EPOCH. Standard library only.
"""

import datetime
import hashlib
import json
import os
import sys
import uuid
from pathlib import Path


def component(row):
    arch = "source" if row["kind"] == "source" else "all"
    purl = f"pkg:deb/debian/{row['package']}@{row['version'].replace('+', '%2B')}?arch={arch}&distro={row['suite']}"
    made = {"type": "library", "bom-ref": purl, "name": row["package"], "version": row["version"], "purl": purl,
            "licenses": [{"license": {"id": row["licence"]}}],
            "hashes": [{"alg": "SHA-256", "content": row["sha256"]}],
            "externalReferences": [{"type": "distribution", "url": f"https://tracker.debian.org/pkg/{row['package']}"}],
            "properties": [{"name": "roomkey:hash-of", "value": ".dsc" if row["kind"] == "source" else ".deb"}]}
    if not row["pinned"]:
        made["properties"].append({"name": "roomkey:instead-of-the-pinned-version", "value": "true"})
    return made


def main(got, version, program):
    content = hashlib.sha256(Path(program).read_bytes()).hexdigest()
    when = datetime.datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH", "0")), datetime.timezone.utc)
    parts = [component(row) for row in json.loads(Path(got).read_text())]
    me = f"pkg:generic/roomkey@{version}"
    bom = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'roomkey:' + content)}",
        "metadata": {
            "timestamp": when.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "component": {"type": "application", "bom-ref": me, "name": "roomkey", "version": version, "purl": me,
                          "licenses": [{"license": {"id": "MIT"}}],
                          "hashes": [{"alg": "SHA-256", "content": content}]}},
        "components": parts,
        "dependencies": [{"ref": me, "dependsOn": [part["bom-ref"] for part in parts]}] +
                        [{"ref": part["bom-ref"]} for part in parts],
    }
    print(json.dumps(bom, indent=1))


if __name__ == "__main__":
    main(*sys.argv[1:])
