"""Judges SOAP messages by the schemas of their WSDL, with lxml (libxml2): a JSON line in, a JSON line out.

In: {"label", "wsdl", "message", "roots": {name: {"type", "parts": [[name, type]]}}, "stand_ins": {url: file}}.
`roots` says what the contract's reader knows of the body's elements, for those that no schema declares (RPC wrappers,
parts with a type). Out: {"label", "verdict": "valid" | "invalid" | "no schema", "why"}.
"""

import functools
import json
import os
import sys
import tempfile

from lxml import etree

XSD = "http://www.w3.org/2001/XMLSchema"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
FOLDER = tempfile.mkdtemp(prefix="judge-")
ENVELOPES = ("http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope")


def local(location, base, stand_ins):
    if location in stand_ins:
        return stand_ins[location]
    return location if "://" in location else os.path.join(base, location)


def gather(path, stand_ins, seen, schemas, outside):
    """The inline schemas of a WSDL and of those which it imports, and the schema files that WSDLs import."""
    path = os.path.realpath(path)
    if path in seen:
        return
    seen.add(path)
    root = etree.parse(path).getroot()
    base = os.path.dirname(path)
    for imported in root.findall(f"{{{WSDL}}}import"):
        target = local(imported.get("location", ""), base, stand_ins)
        if os.path.exists(target):
            if etree.parse(target).getroot().tag == f"{{{XSD}}}schema":
                outside.append((imported.get("namespace"), target))
            else:
                gather(target, stand_ins, seen, schemas, outside)
    for schema in root.findall(f"{{{WSDL}}}types/{{{XSD}}}schema"):
        schemas.append((base, schema))


@functools.cache
def schema_of(wsdl, roots, stand_ins):
    """The compiled schema of a WSDL, with elements for `roots` that no schema declares."""
    stand_ins, roots = dict(json.loads(stand_ins)), json.loads(roots)
    schemas, outside = [], []
    gather(wsdl, stand_ins, set(), schemas, outside)
    folder = tempfile.mkdtemp(dir=FOLDER)
    files, inline = {}, {}
    for index, (base, schema) in enumerate(schemas):
        file = os.path.join(folder, f"inline{index}.xsd")
        inline.setdefault(schema.get("targetNamespace", ""), []).append(file)
        files[file] = (base, schema)
    heads = {}
    for namespace, members in inline.items():
        if len(members) == 1:
            heads[namespace] = members[0]
            continue
        heads[namespace] = all_of(namespace, members, folder)
    globals_, loaded = set(), {}
    for namespace, target in outside:
        loaded.setdefault(namespace, []).append(target)
    for file, (base, schema) in files.items():
        # As text, which carries the prefixes that are declared around it.
        schema = etree.fromstring(etree.tostring(schema, with_tail=False))
        for child in list(schema):
            if not isinstance(child.tag, str):
                continue
            kind = etree.QName(child).localname
            if kind in ("import", "include", "redefine"):
                namespace = child.get("namespace", "")
                location = child.get("schemaLocation") or (namespace if namespace in stand_ins else None)
                if kind == "import" and namespace in heads and (not location or not os.path.exists(local(location, base, stand_ins))):
                    child.set("schemaLocation", heads[namespace])
                elif location:
                    target = local(location, base, stand_ins)
                    child.set("schemaLocation", target)
                    if kind == "import" and os.path.exists(target) and target not in loaded.setdefault(namespace, []):
                        loaded[namespace].append(target)
            elif kind == "element":
                globals_.add(etree.QName(schema.get("targetNamespace"), child.get("name")).text)
        for child in reversed(list(schema)):
            if isinstance(child.tag, str) and etree.QName(child).localname in ("import", "include"):
                schema.insert(0, child)
        etree.ElementTree(schema).write(file)
    imports = {}
    for namespace, targets in loaded.items():
        for target in targets:
            for child in etree.parse(target).getroot().findall(f"{{{XSD}}}element"):
                globals_.add(etree.QName(namespace or None, child.get("name")).text)
        # The first import of a namespace counts: it is to bring all of them.
        imports[namespace] = targets[0] if len(targets) == 1 else all_of(namespace, targets, folder)
    imports.update(heads)
    driver = os.path.join(folder, "driver.xsd")
    with open(driver, "w") as out:
        out.write(f'<schema xmlns="{XSD}" targetNamespace="urn:driver">')
        for index, (name, root) in enumerate(n for n in roots.items() if n[0] not in globals_):
            synthetic = os.path.join(folder, f"root{index}.xsd")
            namespace = etree.QName(name).namespace or ""
            if namespace in imports:
                with open(os.path.join(folder, f"extended{index}.xsd"), "w") as extended:
                    extended.write(element(name, root, imports, f'<xs:include schemaLocation="{imports[namespace]}"/>'))
                imports[namespace] = extended.name
            else:
                with open(synthetic, "w") as extended:
                    extended.write(element(name, root, imports, ""))
                imports[namespace] = synthetic
        for namespace, target in imports.items():
            about = f' namespace="{namespace}"' if namespace else ""
            out.write(f'<import{about} schemaLocation="{target}"/>')
        out.write("</schema>")
    return etree.XMLSchema(etree.parse(driver))


def all_of(namespace, files, folder):
    """A schema that includes several of one namespace."""
    target = f' targetNamespace="{namespace}"' if namespace else ""
    includes = "".join(f'<include schemaLocation="{file}"/>' for file in files)
    handle, path = tempfile.mkstemp(suffix=".xsd", dir=folder)
    with open(handle, "w") as out:
        out.write(f'<schema xmlns="{XSD}"{target}>{includes}</schema>')
    return path


def element(name, root, imports, include):
    """A schema of one element: of a type, or of parts with types."""
    name = etree.QName(name)
    prefixes, declared = {}, []

    def typed(ty):
        ty = etree.QName(ty)
        if not ty.namespace:
            return ty.localname
        if ty.namespace not in prefixes:
            prefixes[ty.namespace] = f"p{len(prefixes)}"
        return f"{prefixes[ty.namespace]}:{ty.localname}"

    if root["parts"] is None:
        content = f'<xs:element name="{name.localname}" nillable="true" type="{typed(root["type"])}"/>'
    else:
        parts = "".join(f'<xs:element name="{n}" type="{typed(t)}" form="unqualified"/>' for n, t in root["parts"])
        content = f'<xs:element name="{name.localname}"><xs:complexType><xs:sequence>{parts}</xs:sequence></xs:complexType></xs:element>'
    for namespace, prefix in prefixes.items():
        declared.append(f'xmlns:{prefix}="{namespace}"')
    needed = [n for n in prefixes if n not in (XSD, name.namespace) and n in imports]
    loaded = "".join(f'<xs:import namespace="{n}" schemaLocation="{imports[n]}"/>' for n in needed)
    if "" in imports and name.namespace:
        loaded += f'<xs:import schemaLocation="{imports[""]}"/>'
    target = f' targetNamespace="{name.namespace}"' if name.namespace else ""
    return f'<xs:schema xmlns:xs="{XSD}" {" ".join(declared)}{target}>{include}{loaded}{content}</xs:schema>'


def judge(case):
    try:
        roots = json.dumps(case["roots"], sort_keys=True)
        schema = schema_of(case["wsdl"], roots, json.dumps(sorted(case["stand_ins"].items())))
    except (etree.LxmlError, OSError) as error:
        return "no schema", str(error).replace(FOLDER + "/", "")
    envelope = etree.fromstring(case["message"].encode())
    for part in envelope:
        for child in part:
            if etree.QName(child).namespace in ENVELOPES:
                continue
            # What SOAP encoding adds to a message, no schema knows.
            for version in ENVELOPES:
                child.attrib.pop(f"{{{version}}}encodingStyle", None)
            if not schema.validate(etree.fromstring(etree.tostring(child, with_tail=False))):
                return "invalid", str(schema.error_log.last_error.message)
    return "valid", ""


for line in sys.stdin:
    case = json.loads(line)
    verdict, why = judge(case)
    print(json.dumps({"label": case["label"], "verdict": verdict, "why": why}), flush=True)
