"""The page of the chart's values, from its schema and its defaults."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

CHART = Path(__file__).parent.parent / "helm" / "himalia"
HEAD = (
    "# Values of the chart\n\n"
    "What stands in a values file for [the installation on Kubernetes](kubernetes.md). A name with dots is a path: "
    "`hub.config` is `config` below `hub`.\nHelm checks them against the chart's `values.schema.json`, and refuses "
    "what is not here.\n"
)
ELSEWHERE = {"service.settings"}
"""What is below these has a page of its own."""


def page() -> str:
    """docs/kubernetes-values.md."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    lines = [HEAD, "| Value | Default | Is |", "| --- | --- | --- |"]
    lines += [f"| `{name}` | {default} | {words} |" for name, default, words in _rows(schema, defaults)]
    return "\n".join(lines) + "\n"


def _rows(schema: Mapping[str, Any], defaults: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    for name, about in schema["properties"].items():
        whole = f"{path}{name}"
        default = defaults.get(name) if isinstance(defaults, Mapping) else None
        if "properties" in about and whole not in ELSEWHERE:
            yield from _rows(about, default, f"{whole}.")
        else:
            words = about["description"].replace("|", "\\|").replace("<", "&lt;")
            choices = "".join(f" `{one}`" for one in about.get("enum", ()) if one not in words)
            yield whole, _shown(default), words + choices


def _shown(default: Any) -> str:
    if default is None or default in ("", {}, []):
        return ""
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"
