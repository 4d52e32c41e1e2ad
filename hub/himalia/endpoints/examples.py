"""A request that a model takes: from the example that came with it, in the form that its server says it takes
(Open Inference Protocol V2, metadata)."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from himalia.core.errors import Unavailable
from himalia.endpoints.schema import EndpointExample

FILES = ("serving_input_example.json", "input_example.json")
"""Where MLflow keeps a model's example, in its folder; the first that is there counts."""
LARGEST_BYTES = 2**18
_VALUES: dict[str, Any] = {"BOOL": True, "BYTES": "text"}
_MOST_VALUES = 4096
_TOKEN = "$HIMALIA_ENDPOINT_TOKEN"  # noqa: S105  (the name of a variable)


def example(url: str, model: str, metadata: str, given: bytes | None = None) -> EndpointExample:
    """The example for the server whose metadata is `metadata`, as JSON text; `given` is the model's own.

    It has one row. Raises Unavailable when the server does not say what it takes.
    """
    try:
        known = json.loads(metadata)["inputs"]
        row = first_row(given, [str(one["name"]) for one in known])
        inputs = [_input(one, row.get(str(one["name"]))) for one in known]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unavailable("The model server does not say what it takes.") from error
    address, body = f"{url}/v2/models/{model}/infer", {"inputs": inputs}
    text = json.dumps(body)
    return EndpointExample(
        url=address,
        body=body,
        curl=f'curl -H "Authorization: Bearer {_TOKEN}" -d {shlex.quote(text)} {shlex.quote(address)}',
        python=_python(address, text),
    )


def _python(address: str, text: str) -> str:
    return "\n".join(
        [
            "import json, os, urllib.request",
            "",
            f"request = urllib.request.Request({address!r}, {text.encode()!r})",
            'request.add_header("Authorization", "Bearer " + os.environ["HIMALIA_ENDPOINT_TOKEN"])',
            'print(json.load(urllib.request.urlopen(request))["outputs"])',
        ]
    )


def first_row(given: bytes | None, names: Sequence[str]) -> dict[str, Any]:
    """The first row of a model's own example by the names of its inputs, as far as it can be told.

    Forms: https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/#json-input
    """
    try:
        found = json.loads(given or b"null")
        if isinstance(found, dict):
            found = next(
                (found[form] for form in ("dataframe_split", "inputs", "instances") if form in found), found
            )
        if isinstance(found, dict) and {"columns", "data"} <= found.keys():
            return dict(zip(map(str, found["columns"]), found["data"][0], strict=True))
        if isinstance(found, dict):
            return {name: one[0] if isinstance(one, list) else one for name, one in found.items()}
        if isinstance(found, list) and isinstance(found[0], dict):
            return dict(found[0])
        return {names[0]: found[0]} if isinstance(found, list) and len(names) == 1 else {}
    except (ValueError, LookupError, TypeError, RecursionError):
        return {}  # an example that cannot be read is none


def _input(one: Mapping[str, Any], value: Any) -> dict[str, Any]:
    """An input with one row; a length that is free (-1) is 1, and where there is no value each place has the same."""
    shape = [length if length > 0 else 1 for length in map(int, one["shape"])] or [1]
    count = 1
    for length in shape:
        count *= length
    if count > _MOST_VALUES:
        raise ValueError("too large for an example")
    datatype = str(one["datatype"])
    data = _flat(value)
    if len(data) != count or not all(_fits(datatype, each) for each in data):
        data = [_VALUES.get(datatype, 1.0 if datatype.startswith("FP") else 1)] * count
    return {"name": str(one["name"]), "shape": shape, "datatype": datatype, "data": data}


def _flat(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [leaf for one in value for leaf in _flat(one)]
    return [value]


def _fits(datatype: str, value: Any) -> bool:
    if datatype in ("BOOL", "BYTES"):
        return isinstance(value, bool if datatype == "BOOL" else str)
    kinds = (int, float) if datatype.startswith("FP") else (int,)
    return isinstance(value, kinds) and not isinstance(value, bool)
