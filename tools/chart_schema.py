"""The parts of the chart's schema that are made from code: what a profile is, and which settings there are."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from pathlib import Path
from typing import Any

from himalia.core.settings import Settings
from himalia.profiles.check import schema as profile_schema

CHART = Path(__file__).parent.parent / "helm" / "himalia"
ONE_MACHINE = {"gid_base", "hub_port", "import_paths", "uid_base"}
"""Settings that mean nothing on a cluster, or are refused there."""


def text() -> str:
    """helm/himalia/values.schema.json."""
    values = json.loads((CHART / "values.schema.json").read_text())
    values["properties"]["profiles"] |= _profiles()
    values["properties"]["service"]["properties"]["settings"] |= {
        "additionalProperties": False,
        "properties": _settings(),
    }
    values["definitions"] = {
        _moved(name): _draft7(about) for name, about in profile_schema()["$defs"].items()
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _profiles() -> dict[str, Any]:
    """Profiles by name: a file's without it."""
    profile = _draft7({name: about for name, about in profile_schema().items() if name[0] != "$"})
    profile["required"].remove("name")
    name = profile["properties"].pop("name")
    return {"propertyNames": name, "additionalProperties": profile}


def _settings() -> dict[str, Any]:
    """The settings that the chart does not give its containers itself."""
    templates = "".join(one.read_text() for one in (CHART / "templates").iterdir())
    given = {word.lower() for word in re.findall(r"\bHIMALIA_([A-Z_]+[A-Z])\b", templates)}
    return {
        name: _setting(about)
        for name, about in Settings.model_json_schema()["properties"].items()
        if name not in given | ONE_MACHINE
    }


def _setting(about: dict[str, Any]) -> dict[str, Any]:
    """Without what it is when it is not set."""
    kinds = [one for one in about.get("anyOf", ()) if one != {"type": "null"}]
    merged = {**about, **(kinds[0] if kinds else {})}
    return {key: value for key, value in merged.items() if key not in ("anyOf", "default", "format", "title")}


def _moved(name: str) -> str:
    return f"profile_{name}"


def _draft7(about: Any) -> Any:
    """As Helm's validator reads it: definitions elsewhere, no look-ahead in patterns."""
    if isinstance(about, list):
        return [_draft7(one) for one in about]
    if not isinstance(about, dict):
        return about
    found = {key: _draft7(value) for key, value in about.items()}
    if isinstance(found.get("$ref"), str):
        return {"$ref": f"#/definitions/{_moved(found['$ref'].rpartition('/')[2])}"}
    if isinstance(found.get("pattern"), str) and "(?!" in found["pattern"]:
        found |= _without_lookahead(found["pattern"])
    return found


def _without_lookahead(pattern: str) -> dict[str, Any]:
    """The same as `^(?!A)(?!B)C`."""
    refused, rest = [], pattern.removeprefix("^")
    while rest.startswith("(?!"):
        depths = accumulate({"(": 1, ")": -1}.get(letter, 0) for letter in rest)
        end = next(at for at, depth in enumerate(depths) if not depth)
        refused.append({"pattern": f"^{rest[3:end]}"})
        rest = rest[end + 1 :]
    return {"pattern": f"^{rest}", "not": {"anyOf": refused}}
