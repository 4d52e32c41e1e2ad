"""The HTTP API as pages to read, from the service's OpenAPI document; tools/generate_docs.py writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

PREFIX = "/services/himalia"
BASE = f"{PREFIX}/api/v1"
METHODS = ("get", "head", "post", "put", "patch", "delete")
# In the order in which people meet them; what is not named here follows.
FIRST = (
    "datasets",
    "jobs",
    "experiments",
    "models",
    "endpoints",
    "lineage",
    "tracking",
    "projects",
    "secrets",
)
TITLES = {
    "servers": "Profiles and notebook servers",
    "tracking": "MLflow",
    "tokens": "Tokens and signing in",
    "overlays": "Overlays of environments",
    "workloads": "Workloads and machines",
}

# What the database can hold, and no limit that anybody meets.
LARGEST = 2**31 - 1

Schema = Mapping[str, Any]


def operations(document: Schema, callers: Mapping[str, str]) -> str:
    """Every operation by noun; `callers` says in words who may call each."""
    found: dict[str, list[str]] = {}
    for path, methods in sorted(document["paths"].items()):
        for method in METHODS:
            if method in methods:
                one = methods[method]
                text = operation(method, path, one, callers[one["operationId"]])
                found.setdefault(one["tags"][0], []).append(text)
    order = sorted(found, key=lambda tag: (FIRST.index(tag) if tag in FIRST else len(FIRST), tag))
    parts = [f"\n## {TITLES.get(tag, tag.capitalize())}\n" + "".join(found[tag]) for tag in order]
    return (
        "# All calls\n\n"
        f"Paths are below `{BASE}` at the platform's address, but for those that begin with `{PREFIX}`. What a "
        "body or an answer holds stands in [All fields](schemas.md); who may call is told in full in "
        "[Permissions](../permissions.md).\n\n"
        "Every call may fail with an [error](schemas.md#errorbody): 401 without a token that is good, 403 where it "
        "does not allow the call, 404 for what is not there or may not be seen, 422 for bad input, naming each "
        "field; [Errors](../errors.md) has them all. Lists answer `{items, next_page_token}`.\n"
        + "".join(parts)
    )


def operation(method: str, path: str, one: Schema, callers: str) -> str:
    """One call: what it does, who may, what it takes and answers."""
    shown = f"{method.upper()} {path.removeprefix(BASE)}"
    text = f"\n### {one['operationId']}\n\n`{shown}`\n\n{one['description'].strip()}\n\n"
    facts = [f"May call: {callers}."]
    if body := one.get("requestBody"):
        facts.append(f"Body: {content(body['content'])}.")
    facts.append("Answer: " + "; ".join(answers(one["responses"])) + ".")
    text += "  \n".join(facts) + "\n"
    given = [
        line(f"`{p['name']}` ({p['in']})", p["schema"], p["required"], p.get("description", ""))
        for p in one.get("parameters", [])
        if p["in"] != "path"
    ]
    return text + ("\n" + "".join(given) if given else "")


def answers(responses: Schema) -> list[str]:
    """What may be answered, without the error that every call may have."""
    return [
        code + (f" {content(answer['content'])}" if "content" in answer else "")
        for code, answer in responses.items()
        if code != "default"
    ]


def content(types: Schema) -> str:
    """What a body or an answer is."""
    schema = types.get("application/json", {}).get("schema")
    return kind(schema) if schema else ", ".join(f"`{name}`" for name in types)


def schemas(document: Schema) -> str:
    """Every object of bodies and answers, but for the pages of lists."""
    parts = []
    for name, schema in sorted(document["components"]["schemas"].items()):
        if name.startswith("Items_") or "properties" not in schema:
            continue
        required = schema.get("required", [])
        told = f"{schema['description'].strip()}\n\n" if schema.get("description") else ""
        fields = [
            line(f"`{field}`", inner, field in required, inner.get("description", ""))
            for field, inner in schema["properties"].items()
        ]
        parts.append(f"\n## {name}\n\n{told}{''.join(fields)}")
    return (
        "# All fields\n\n"
        "The objects in bodies and answers of [all calls](operations.md). Times are ISO 8601, in UTC.\n"
        + "".join(parts)
    )


def line(name: str, schema: Schema, required: bool, told: str) -> str:
    """A parameter or a field, in a list."""
    words = " ".join(told.split())
    return f"- {name}: {kind(schema)}{limits(schema, required)}{f'. {words}' if words else ''}\n"


def kind(schema: Schema) -> str:
    """A type in words, with links."""
    if "$ref" in schema:
        return reference(schema["$ref"].rpartition("/")[2])
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if "prefixItems" in schema:
        return "[" + ", ".join(kind(one) for one in schema["prefixItems"]) + "]"
    if schema.get("type") == "array":
        return f"list of {kind(schema['items'])}" if schema.get("items") else "list"
    if schema.get("type") == "object":
        return mapping(schema)
    if schema.get("format") == "date-time":
        return "time"
    return str(schema.get("type", "any"))


def reference(name: str) -> str:
    """A link to an object; the pages of a list are told as what is in them."""
    if name.startswith("Items_"):
        inner = name.removeprefix("Items_").removesuffix("_")
        return f"list of {'string' if inner == 'str' else reference(inner)}"
    return f"[{name}](schemas.md#{name.lower()})"


def mapping(schema: Schema) -> str:
    """An object without fields of its own."""
    inner = next(iter(schema.get("patternProperties", {}).values()), schema.get("additionalProperties"))
    return f"mapping to {kind(inner)}" if isinstance(inner, Mapping) and inner else "mapping"


def limits(schema: Schema, required: bool) -> str:
    """What stands behind the type: the range, the default, and whether it may be left out."""
    parts = []
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None and high < LARGEST:
        parts.append(f"{low:g} to {high:g}")
    elif low is not None:
        parts.append(f"at least {low:g}")
    if "maxLength" in schema:
        parts.append(f"at most {schema['maxLength']} characters")
    if schema.get("default") not in (None, ""):
        parts.append(f"default `{json.dumps(schema['default'])}`")
    elif not required:
        parts.append("optional")
    return "".join(f", {part}" for part in parts)
