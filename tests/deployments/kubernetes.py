"""Holds manifests to the schemas of Kubernetes: kubernetes.py SCHEMAS.zip VERSION... < MANIFESTS. Unknown keys are errors.

What no schema is there for, since it belongs to an extension, must be one of EXTENSIONS, and is named: `not held to a schema: KIND`.
"""

import json
import re
import sys
import zipfile

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

EXTENSIONS = {"ScaledObject", "ServiceMonitor", "PrometheusRule"}
FOLDER = "kubernetes_validate/kubernetes-json-schema/v{}.0-local-strict/"


class Schemas:
    def __init__(self, archive, version):
        self.archive, self.folder = archive, FOLDER.format(version)
        definitions = Resource.from_contents(self.read("_definitions.json"))
        self.registry = definitions @ Registry()

    def read(self, name):
        return json.loads(self.archive.read(self.folder + name))

    def validator(self, kind, version):
        """`networking.k8s.io/v1` is `networking-v1` among the names of schemas."""
        name = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", version)
        return Draft202012Validator(self.read(f"{kind.lower()}-{name}.json"), registry=self.registry)


def main(schemas, *versions):
    manifests = [manifest for manifest in yaml.safe_load_all(sys.stdin) if manifest]
    wrong, unheld = [], set()
    with zipfile.ZipFile(schemas) as archive:
        for version in versions:
            known = Schemas(archive, version)
            for manifest in manifests:
                kind = manifest["kind"]
                if kind in EXTENSIONS:
                    unheld.add(kind)
                    continue
                for error in known.validator(kind, manifest["apiVersion"]).iter_errors(manifest):
                    place = "/".join(map(str, error.absolute_path))
                    wrong.append(f"Kubernetes {version}: {kind} {manifest['metadata']['name']}: {place}: {error.message[:300]}")
    names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
    wrong += [f"twice: {name}" for name in sorted(set(names)) if names.count(name) > 1]
    for line in wrong + [f"not held to a schema: {kind}" for kind in sorted(unheld)]:
        print(line)
    sys.exit(bool(wrong))


main(*sys.argv[1:])
