"""Prints the documents of a YAML text as a JSON array."""

import json
import sys

import yaml

loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
json.dump([document for document in yaml.load_all(sys.stdin, loader) if document], sys.stdout)
