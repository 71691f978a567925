#!/usr/bin/python3
"""Say what is wrong with an OpenAPI 3.1 document: openapi_check.py FILE, status 0 if nothing.

openapi_check.py FILE REPLIES: the same of replies to it, each a line {"method", "path", "status",
"headers", "body"}: is each described, body and headers?

Debian 12 has no schema of OpenAPI 3.1, but the two that it was made of: outside its schema objects
3.1 only adds to 3.0, whose published schema (package openapi-specification) is the judge of that,
and its schema objects are JSON Schema 2020-12, of which python3-jsonschema is the judge. What
neither sees is looked at here: references, names that must be unique or declared.
"""

import copy
import json
import sys

import jsonschema

STRUCTURE = "/usr/share/openapi-specification/schemas/v3.0/schema.json"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def walk(node, path=""):
    """Every object of the document and where it is."""
    if isinstance(node, dict):
        yield path, node
        for name, child in node.items():
            yield from walk(child, f"{path}/{name}")
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from walk(child, f"{path}/{i}")


def schema_slots(doc):
    """(holder, name, path) of each outermost schema object."""
    for name in doc.get("components", {}).get("schemas", {}):
        yield doc["components"]["schemas"], name, f"/components/schemas/{name}"
    for path, node in walk({k: v for k, v in doc.items()}):
        inside = path.startswith("/components/schemas") or "/schema/" in f"{path}/"
        if not inside and isinstance(node.get("schema"), dict):
            yield node, "schema", f"{path}/schema"


def operations(doc):
    for path, item in doc.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield f"{method.upper()} {path}", item[method]


def resolve(doc, ref):
    node = doc
    for name in ref.removeprefix("#/").split("/"):
        node = node[name.replace("~1", "/").replace("~0", "~")]
    return node


def bad_schemas(doc):
    for holder, name, path in schema_slots(doc):
        try:
            jsonschema.Draft202012Validator.check_schema(holder[name])
        except jsonschema.SchemaError as error:
            yield f"{path}: {error.message}"
        for where, node in walk(holder[name], path):
            missing = set(node.get("required", ())) - set(node.get("properties", ()))
            if isinstance(node.get("properties"), dict) and missing:
                yield f"{where}: requires {sorted(missing)}, which are no properties"


def as_3_0(doc):
    """The same without what 3.1 added: schema objects, summaries of the whole, mutual TLS."""
    old = copy.deepcopy(doc)
    for holder, name, _ in list(schema_slots(old)):
        holder[name] = {}
    old["openapi"] = "3.0.3"
    old.get("info", {}).pop("summary", None)
    schemes = old.get("components", {}).get("securitySchemes", {})
    for name in [n for n, s in schemes.items() if s.get("type") == "mutualTLS"]:
        del schemes[name]
    return old


def bad_structure(doc):
    with open(STRUCTURE, encoding="utf-8") as file:
        judge = jsonschema.Draft4Validator(json.load(file))
    for error in judge.iter_errors(as_3_0(doc)):
        path = "/".join(str(p) for p in error.absolute_path)
        best = jsonschema.exceptions.best_match([error])
        yield f"/{path}: {best.message[:300]}"


def bad_names(doc):
    seen = set()
    schemes = doc.get("components", {}).get("securitySchemes", {})
    tags = {tag["name"] for tag in doc.get("tags", ())}
    for where, operation in operations(doc):
        if operation.get("operationId") in seen or "operationId" not in operation:
            yield f"{where}: its operationId is missing or another's"
        seen.add(operation.get("operationId"))
        for tag in set(operation.get("tags", ())) - tags:
            yield f"{where}: tag {tag} is not declared"
    for requirement in doc.get("security", ()):
        for name in set(requirement) - set(schemes):
            yield f"/security: there is no scheme {name}"
    for where, node in walk(doc):
        if "$ref" in node and isinstance(node["$ref"], str):
            try:
                resolve(doc, node["$ref"])
            except (KeyError, TypeError):
                yield f"{where}: {node['$ref']} leads nowhere"


def complaints(doc):
    if not str(doc.get("openapi", "")).startswith("3.1."):
        yield f"/openapi: 3.1 was expected, not {doc.get('openapi')}"
    yield from bad_schemas(doc)
    yield from bad_structure(doc)
    yield from bad_names(doc)


def followed(doc, node):
    return resolve(doc, node["$ref"]) if "$ref" in node else node


def bad_reply(doc, reply):
    where = f"{reply['method']} {reply['path']}: {reply['status']}"
    responses = doc["paths"][reply["path"]][reply["method"].lower()]["responses"]
    if str(reply["status"]) not in responses:
        yield f"{where}: not described"
        return
    described = followed(doc, responses[str(reply["status"])])
    for name in set(reply["headers"]) - set(described.get("headers", ())):
        if name.startswith("Adminex-") or name == "Retry-After":
            yield f"{where}: header {name} is not described"
    schema = described["content"]["application/json"]["schema"]
    judge = jsonschema.Draft202012Validator({**schema, "components": doc["components"]})
    for error in judge.iter_errors(reply["body"]):
        yield f"{where}: {error.json_path}: {error.message[:300]}"
    known = followed(doc, schema).get("properties")
    for name in set(reply["body"]) - set(known or reply["body"]):
        yield f"{where}: member {name} is not described"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        doc = json.load(file)
    found = list(complaints(doc))
    if len(sys.argv) > 2:
        with open(sys.argv[2], encoding="utf-8") as file:
            found += [c for line in file for c in bad_reply(doc, json.loads(line))]
    print("\n".join(found), end="\n" if found else "")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
