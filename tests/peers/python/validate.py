"""Validates YAML files by a JSON Schema: validate.py SCHEMA FILE..."""

import json
import re
import sys

import yaml
from jsonschema import Draft7Validator


class Loader(yaml.SafeLoader):
    """YAML as editors read it (1.2): dates are text, and only true and false are."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":bool"))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(true|false)$"), list("tf"))


def named(value):
    """The same with keys that are texts, as those of JSON are: `1`, `null`."""
    if isinstance(value, dict):
        return {key if isinstance(key, str) else json.dumps(key): named(of) for key, of in value.items()}
    return [named(of) for of in value] if isinstance(value, list) else value


def main(schema, *files):
    with open(schema, encoding="utf-8") as text:
        schema = json.load(text)
    Draft7Validator.check_schema(schema)
    validator = Draft7Validator(schema)
    wrong = 0
    for file in files:
        with open(file, encoding="utf-8") as text:
            for document in filter(None, yaml.load_all(text, Loader)):
                for error in validator.iter_errors(named(document)):
                    wrong += 1
                    print(f"{file}: {'/'.join(map(str, error.absolute_path))}: {error.message[:300]}")
    sys.exit(wrong > 0)


main(*sys.argv[1:])
