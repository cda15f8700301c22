"""Holds manifests to the schemas of Kubernetes: kubernetes.py SCHEMAS.zip VERSION,VERSION FILE... Unknown keys are errors.

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
# The one in C, where there is one: a dashboard is long.
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
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


def main(schemas, versions, *files):
    wrong, unheld = [], set()
    with zipfile.ZipFile(schemas) as archive:
        known = {version: Schemas(archive, version) for version in versions.split(",")}
        for file in files:
            with open(file, encoding="utf-8") as text:
                manifests = [manifest for manifest in yaml.load_all(text, Loader) if manifest]
            for manifest in manifests:
                kind, name = manifest["kind"], manifest["metadata"]["name"]
                if kind in EXTENSIONS:
                    unheld.add(kind)
                    continue
                for version, schemas in known.items():
                    for error in schemas.validator(kind, manifest["apiVersion"]).iter_errors(manifest):
                        place = "/".join(map(str, error.absolute_path))
                        wrong.append(f"{file}: Kubernetes {version}: {kind} {name}: {place}: {error.message[:300]}")
            names = [(manifest["kind"], manifest["metadata"]["name"]) for manifest in manifests]
            wrong += [f"{file}: twice: {name}" for name in sorted(set(names)) if names.count(name) > 1]
    for line in wrong + [f"not held to a schema: {kind}" for kind in sorted(unheld)]:
        print(line)
    sys.exit(bool(wrong))


main(*sys.argv[1:])
