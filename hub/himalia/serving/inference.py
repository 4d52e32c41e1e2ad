"""One inference: the bytes of a request in, the bytes of the answer out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from himalia.serving.errors import BadInputError
from himalia.serving.model import Model
from himalia.serving.tensors import Reader, Tensor, to_bytes, to_json

# Of the protocol or of other servers; what else stands in `parameters` is for the model.
_OUR_PARAMETERS = {"binary_data_output", "content_type", "headers"}


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, and the length of its JSON where tensors follow it as bytes."""

    body: bytes
    json_length: int | None = None


def infer(model: Model, name: str, version: str, body: bytes, json_length: int | None) -> Answer:
    """Answer an inference request of the model `name`; `json_length` is given where bytes follow the JSON.

    Raises BadInputError, and ServingError when the model fails.
    """
    request = _object(body, json_length)
    reader = Reader(memoryview(body)[len(body) if json_length is None else json_length :])
    inputs = request.get("inputs")
    if not isinstance(inputs, list):
        raise BadInputError("The request has no list of inputs.")
    tensors = [reader.read(item) for item in inputs]
    reader.end()
    parameters = _parameters(request, "The request")
    params = {key: value for key, value in parameters.items() if key not in _OUR_PARAMETERS}
    wanted = _wanted(request, parameters)
    answer = _chosen(model.predict(tensors, params), wanted)
    head: dict[str, Any] = {"model_name": name}
    if version:
        head["model_version"] = version
    if isinstance(request.get("id"), str):
        head["id"] = request["id"]
    return _written(head, answer, wanted, bool(parameters.get("binary_data_output")))


def _object(body: bytes, json_length: int | None) -> dict[str, Any]:
    if json_length is not None and not 0 < json_length <= len(body):
        raise BadInputError("The header Inference-Header-Content-Length is longer than the body.")
    try:
        request = json.loads(body if json_length is None else body[:json_length])
    except (ValueError, RecursionError):
        raise BadInputError("The request is not JSON.") from None
    if not isinstance(request, dict):
        raise BadInputError("The request is not a JSON object.")
    return request


def _parameters(item: Mapping[str, Any], whose: str) -> dict[str, Any]:
    parameters = item.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise BadInputError(f"{whose} has parameters that are no object.")
    return parameters


def _wanted(request: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, bool] | None:
    """Names of the outputs that are asked for, each with whether it shall come as bytes; None is all."""
    outputs = request.get("outputs")
    if not outputs:
        return None
    if not isinstance(outputs, list) or not all(
        isinstance(one, dict) and isinstance(one.get("name"), str) for one in outputs
    ):
        raise BadInputError("The outputs that are asked for are a list of objects with a name.")
    every = bool(parameters.get("binary_data_output"))
    return {
        one["name"]: bool(_parameters(one, f"Output {one['name']!r}").get("binary_data", every))
        for one in outputs
    }


def _chosen(answer: list[Tensor], wanted: Mapping[str, bool] | None) -> list[Tensor]:
    if wanted is None:
        return answer
    known = {tensor.name: tensor for tensor in answer}
    for name in wanted:
        if name not in known:
            raise BadInputError(f"The model has no output {name!r}. Its outputs are: {', '.join(known)}.")
    return [known[name] for name in wanted]


def _written(
    head: dict[str, Any], answer: Sequence[Tensor], wanted: Mapping[str, bool] | None, binary: bool
) -> Answer:
    shown, pieces = [], []
    for tensor in answer:
        if binary if wanted is None else wanted[tensor.name]:
            described, data = to_bytes(tensor)
            shown.append(described)
            pieces.append(data)
        else:
            shown.append(to_json(tensor))
    text = json.dumps({**head, "outputs": shown}, separators=(",", ":")).encode()
    return Answer(b"".join([text, *pieces]), len(text)) if pieces else Answer(text)
