"""A request that a model takes, made from what its server says of its inputs (V2 metadata)."""

from __future__ import annotations

import json
import shlex
from typing import Any

from himalia.core.errors import Unavailable
from himalia.endpoints.schema import EndpointExample

_VALUES: dict[str, Any] = {"BOOL": True, "BYTES": "text"}
_MOST_VALUES = 64
_TOKEN = "$HIMALIA_ENDPOINT_TOKEN"  # noqa: S105  (the name of a variable)


def example(url: str, model: str, metadata: str) -> EndpointExample:
    """The example for the server whose metadata is `metadata`, as JSON text. Raises Unavailable when it is none."""
    try:
        inputs = [_input(one) for one in json.loads(metadata)["inputs"]]
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


def _input(one: dict[str, Any]) -> dict[str, Any]:
    """An input with one value in each place; a length that is free (-1) is 1."""
    shape = [length if length > 0 else 1 for length in map(int, one["shape"])] or [1]
    count = 1
    for length in shape:
        count *= length
    if count > _MOST_VALUES**2:
        raise ValueError("too large for an example")
    datatype = str(one["datatype"])
    value = _VALUES.get(datatype, 1.0 if datatype.startswith("FP") else 1)
    return {"name": str(one["name"]), "shape": shape, "datatype": datatype, "data": [value] * count}
