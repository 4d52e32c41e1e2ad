"""Rows and columns as requests of the Open Inference Protocol V2, and answers as lists.

https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from himalia.client.errors import HimaliaError, Invalid

ANSWER_S = 70.0


def call(method: str, url: str, token: str, body: Any = None) -> Any:
    """The JSON that an endpoint answers. Raises HimaliaError with what it says of a failure."""
    headers = {"Authorization": f"Bearer {token}"}
    try:
        answer = httpx.request(method, url, json=body, headers=headers, timeout=ANSWER_S)
    except httpx.HTTPError as error:
        raise HimaliaError(f"The endpoint at {url} cannot be reached: {error}.") from error
    try:
        found = answer.json()
    except ValueError:
        found = None
    if answer.status_code == 200 and isinstance(found, dict):
        return found
    raise (Invalid if answer.status_code == 400 else HimaliaError)(_words(answer, found))


def _words(answer: httpx.Response, found: Any) -> str:
    said = found.get("error") if isinstance(found, dict) else None
    said = said.get("message") if isinstance(said, dict) else said  # the gateway's, and the model server's
    return str(said or f"The endpoint answered with status {answer.status_code}.")


def request(data: Any, inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The body of a request for `data`, as the model's `inputs` (from its metadata) want it. Raises Invalid."""
    if not inputs:
        raise Invalid(
            "The model does not say what it takes. Call its address with a request of the protocol."
        )
    if hasattr(data, "to_dict") and hasattr(data, "columns"):  # a DataFrame
        data = data.to_dict("list")
    if isinstance(data, Mapping):
        columns = {str(name): _plain(values) for name, values in data.items()}
    elif len(inputs) == 1:
        columns = {str(inputs[0]["name"]): _plain(data)}
    else:
        columns = _transposed(_plain(data), [str(one["name"]) for one in inputs])
    kinds = {str(one["name"]): str(one["datatype"]) for one in inputs}
    unknown = sorted(columns.keys() - kinds.keys())
    if unknown:
        raise Invalid(f"The model has no input {unknown[0]}; it takes {', '.join(kinds)}.")
    return {"inputs": [_tensor(name, kinds[name], values) for name, values in columns.items()]}


def _plain(values: Any) -> Any:
    """Lists and numbers from arrays and series."""
    return values.tolist() if hasattr(values, "tolist") else values


def _transposed(rows: Any, names: Sequence[str]) -> dict[str, Any]:
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise Invalid(f"Give rows, or a mapping of {', '.join(names)} to their values.")
    if any(not isinstance(row, Sequence) or len(row) != len(names) for row in rows):
        raise Invalid(f"Each row needs {len(names)} values: {', '.join(names)}.")
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _tensor(name: str, datatype: str, values: Any) -> dict[str, Any]:
    nested = values if isinstance(values, (list, tuple)) else [values]
    shape: list[int] = []
    level: Any = nested
    while isinstance(level, (list, tuple)):
        shape.append(len(level))
        level = level[0] if level else None
    return {
        "name": name,
        "datatype": datatype,
        "shape": shape,
        "data": [_leaf(name, one) for one in _flat(nested)],
    }


def _leaf(name: str, value: Any) -> Any:
    """A value as JSON has it. What is missing, as NaN or pandas.NA, is null."""
    value = value.item() if hasattr(value, "item") else value  # a scalar of numpy
    if value is None or type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        if math.isnan(value):
            return None
        raise Invalid(f"Input {name!r} has an infinite number, which cannot be sent.")
    if isinstance(value, (str, int, float)):
        return value
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise Invalid(f"Input {name!r} has a value of the type {type(value).__name__}, which cannot be sent.")


def _flat(values: Any) -> list[Any]:
    if isinstance(values, (list, tuple)):
        return [leaf for one in values for leaf in _flat(one)]
    return [values]


def answer(found: Mapping[str, Any]) -> Any:
    """The outputs of an answer: nested lists as their shapes say, by name where there are several."""
    outputs = {one["name"]: _nested(one["data"], one["shape"]) for one in found["outputs"]}
    return outputs if len(outputs) != 1 else next(iter(outputs.values()))


def _nested(data: Sequence[Any], shape: Sequence[int]) -> Any:
    flat = _flat(data)
    for length in reversed(shape[1:]):
        flat = [flat[start : start + length] for start in range(0, len(flat), length or 1)]
    return flat


def shown(body: Any) -> str:
    """A body for people."""
    return json.dumps(body, ensure_ascii=False)
