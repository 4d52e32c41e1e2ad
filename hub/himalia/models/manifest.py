"""What a model folder says about itself: MLmodel and requirements.txt, read as text and never as code."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from himalia.core.errors import Invalid
from himalia.storage.base import ObjectStore
from himalia.storage.trees import Tree

MLMODEL = "MLmodel"
REQUIREMENTS = "requirements.txt"
LARGEST_BYTES = 2**20
LONGEST_LINE = 2000
MOST_FIELDS = 2000
"""Of a signature: more are cut off where they are shown."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """`signature` is `{"inputs", "outputs", "params"}`, each a list of `{"name", "type", "shape", "required"}`."""

    flavors: list[str] = field(default_factory=list)
    signature: dict[str, list[dict[str, Any]]] | None = None
    requirements: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """As it is stored."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Manifest:
        """What `as_json` made."""
        return cls(**data)


def read(store: ObjectStore, tree: Tree) -> Manifest:
    """The manifest of a model's files. Raises Invalid where they are no MLflow model."""
    sizes = {file.path: file for file in tree.files}
    if MLMODEL not in sizes:
        raise Invalid.field("path", "There is no file MLmodel: this is not a folder that MLflow wrote.")
    described = _parsed(_text(store, sizes[MLMODEL]))
    flavors = described.get("flavors")
    if not isinstance(flavors, dict) or "python_function" not in flavors:
        raise Invalid.field(
            "path", "MLmodel names no python_function, and only models with that flavor can be run here."
        )
    requirements = _lines(_text(store, sizes[REQUIREMENTS])) if REQUIREMENTS in sizes else []
    return Manifest(sorted(map(str, flavors)), _signature(described.get("signature")), requirements)


def _text(store: ObjectStore, file: Any) -> str:
    if file.size > LARGEST_BYTES:
        raise Invalid.field("path", f"{file.path} is larger than {LARGEST_BYTES >> 10} KiB.")
    try:
        return store.get(file.digest).decode()
    except UnicodeDecodeError:
        raise Invalid.field("path", f"{file.path} is not UTF-8 text.") from None


def _parsed(text: str) -> dict[str, Any]:
    """MLmodel as YAML without tags. Its aliases are references here, of which nothing is made.

    Merge keys, which MLflow does not write, are refused: they copy, and copies of copies fill the memory.
    """
    if "<<" in text:
        raise Invalid.field("path", "MLmodel has a merge key (<<). Save the model again: MLflow writes none.")
    try:
        found = YAML(typ="safe").load(io.StringIO(text))
    except (YAMLError, ValueError, RecursionError) as error:
        raise Invalid.field("path", "MLmodel cannot be read as YAML. Save the model again.") from error
    if not isinstance(found, dict):
        raise Invalid.field("path", "MLmodel is not what MLflow writes. Save the model again.")
    return found


def _lines(text: str) -> list[str]:
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise Invalid.field(
            "path", f"A line of its requirements.txt is longer than {LONGEST_LINE} characters."
        )
    found = (line.partition(" #")[0].strip() for line in text.splitlines())
    return [line for line in found if line and not line.startswith("#")]


def _signature(described: Any) -> dict[str, list[dict[str, Any]]] | None:
    """MLflow writes the parts of a signature as JSON texts in the YAML."""
    if not isinstance(described, dict):
        return None
    parts: dict[str, list[dict[str, Any]]] = {}
    for part in ("inputs", "outputs", "params"):
        try:
            listed = json.loads(described.get(part) or "[]")
        except (TypeError, ValueError, RecursionError):
            raise Invalid.field("path", f"The {part} of the signature in MLmodel cannot be read.") from None
        shown = listed[:MOST_FIELDS] if isinstance(listed, list) else []
        parts[part] = [_field(one) for one in shown if isinstance(one, dict)]
    return parts


def _field(one: Mapping[str, Any]) -> dict[str, Any]:
    name = one.get("name")
    spec = one.get("tensor-spec")
    if isinstance(spec, dict):
        shape = spec.get("shape")
        sizes = [size for size in shape if type(size) is int] if isinstance(shape, list) else []
        kind: Any = spec.get("dtype")
    else:
        sizes, kind = None, one.get("type", one.get("dtype"))
    return {
        "name": None if name is None else str(name)[:500],
        "type": str(kind)[:200],
        "shape": sizes,
        "required": one.get("required") is not False,
    }
