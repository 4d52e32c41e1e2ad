"""Inference without a process around it: what tensors become, and what is refused with which words."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow.pyfunc
import numpy as np
import pandas as pd
import pytest
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema, TensorSpec
from mlflow.types.schema import Array, DataType

from himalia.serving.__main__ import _arguments
from himalia.serving.errors import BadInputError, ServingError
from himalia.serving.evaluate import MOST_POINTS, MOST_SHOWN, class_report, points
from himalia.serving.inference import infer
from himalia.serving.model import Model

COLUMNS = Schema(
    [
        ColSpec("string", "name"),
        ColSpec("long", "age"),
        ColSpec("double", "weight"),
        ColSpec("boolean", "member"),
        ColSpec("datetime", "since"),
        ColSpec("binary", "picture"),
        ColSpec(Array(DataType.double), "marks", required=False),
    ]
)
ROW: dict[str, Any] = {
    "name": ("BYTES", ["Ada"]),
    "age": ("INT64", [36]),
    "weight": ("FP64", [55.5]),
    "member": ("BOOL", [True]),
    "since": ("BYTES", ["1843-10-01T12:00:00"]),
    "picture": ("BYTES", ["AAEC"]),
}


class Echo(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Answers what a function makes of its input."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        self.function = function

    def predict(self, context: Any, model_input, params=None):  # type: ignore[no-untyped-def]  # MLflow reads hints as a signature
        return self.function(model_input, params)


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Model]:
    """Makes a loaded model of a function, with a signature."""

    def make(function: Callable[[Any, Any], Any], **parts: Any) -> Model:
        signature = ModelSignature(**parts) if parts else None
        mlflow.pyfunc.save_model(
            str(tmp_path / "m"), python_model=Echo(function), signature=signature, pip_requirements=["numpy"]
        )
        return Model.load(tmp_path / "m")

    return make


def tensors(**columns: tuple[str, list[Any]]) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": datatype, "shape": [len(data)], "data": data}
        for name, (datatype, data) in columns.items()
    ]


def ask(model: Model, *inputs: dict[str, Any], **request: Any) -> list[dict[str, Any]]:
    body = json.dumps({"inputs": list(inputs), **request}).encode()
    answer = json.loads(infer(model, "m", "", body, None).body)
    outputs: list[dict[str, Any]] = answer["outputs"]
    return outputs


def described(frame: pd.DataFrame, params: Any) -> list[str]:
    return [f"{name} {type(frame[name].iloc[0]).__name__} {frame[name].iloc[0]!r}" for name in frame.columns]


def test_columns_of_every_type_become_a_table(model: Callable[..., Model]) -> None:
    loaded = model(described, inputs=COLUMNS)
    (output,) = ask(loaded, *tensors(**ROW, marks=("BYTES", ["[1, 2.5]"])))
    assert output["datatype"] == "BYTES"
    assert output["data"] == [
        "name str 'Ada'",
        "age int64 np.int64(36)",
        "weight float64 np.float64(55.5)",
        "member bool np.True_",
        "since Timestamp Timestamp('1843-10-01 12:00:00')",
        "picture bytes b'\\x00\\x01\\x02'",
        "marks list [1.0, 2.5]",
    ]


def test_metadata_say_what_stands_in_each_column(model: Callable[..., Model]) -> None:
    loaded = model(described, inputs=COLUMNS, outputs=Schema([ColSpec("double", "score")]))
    shown = {field.name: field.as_json() for field in loaded.inputs}
    assert shown["age"] == {"name": "age", "datatype": "INT64", "shape": [-1]}
    assert shown["marks"]["parameters"] == {"content_type": "json", "optional": True}
    assert shown["since"]["parameters"] == {"content_type": "datetime"}
    assert [field.as_json() for field in loaded.outputs] == [
        {"name": "score", "datatype": "FP64", "shape": [-1]}
    ]


def nested(value: Any, depth: int) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def change(**columns: Any) -> list[dict[str, Any]]:
    return tensors(**{name: value for name, value in {**ROW, **columns}.items() if value})


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        (change(age=None), "Input 'age' is missing. The model's inputs are: name, age, weight"),
        (change(shoe=("INT64", [1])), "The model has no input 'shoe'. Its inputs are: name, age"),
        (change() + change()[:1], "Input 'name' is given twice."),
        (change(age=("FP64", [1.5])), "Input 'age' has the datatype FP64, but the model takes INT64."),
        (change(age=("BYTES", ["36"])), "Input 'age' has the datatype BYTES, but the model takes INT64."),
        (
            change(age=("INT64", [1.5])),
            "Input 'age' has the datatype INT64, so its data are whole numbers only.",
        ),
        (
            change(age=("INT64", [None])),
            "Input 'age' has the datatype INT64, so its data are whole numbers only.",
        ),
        (change(age=("INT8", [300])), "Input 'age' has numbers that do not fit its datatype INT8."),
        (change(age=("UINT64", [2**63])), "Input 'age' has numbers that do not fit INT64."),
        (change(age=("INT64", [2**70])), "Input 'age' has the datatype INT64, so its data are whole"),
        (
            change(weight=("FP64", ["x"])),
            "Input 'weight' has the datatype FP64, so its data are numbers only.",
        ),
        (change(weight=("FP64", [1, 2])), "Input 'weight' has 2 rows, but 'name' has 1."),
        (change(weight=("FP64", [[1], [1, 2]])), "The rows of input 'weight' have different lengths."),
        (change(name=("BYTES", [1])), "Input 'name' has the datatype BYTES, so its data are texts only."),
        (change(name=("BYTES", [["a"], "b"])), "Input 'name' says it has the shape [2]"),
        (
            change(since=("BYTES", ["soon"])),
            "The elements of input 'since' are times as ISO 8601 writes them.",
        ),
        (change(picture=("BYTES", ["?"])), "The elements of input 'picture' are bytes: written in base64"),
        (change(marks=("BYTES", ["["])), "The elements of input 'marks' are JSON texts."),
        (change(age=("INT65", [1])), "Input 'age' has the datatype 'INT65'; the protocol knows BOOL, UINT8"),
        (
            [{"name": "age", "datatype": "INT64", "shape": [2], "data": [1]}],
            "Input 'age' says it has the shape [2]",
        ),
        (
            [{"name": "age", "datatype": "INT64", "shape": [-1], "data": [1]}],
            "The shape of input 'age' is a list",
        ),
        ([{"name": "age", "datatype": "INT64", "shape": [1]}], "Input 'age' has no data."),
        (
            [{"name": "age", "datatype": "INT64", "shape": [1], "data": 1}],
            "The data of input 'age' is a list.",
        ),
        (change(name=("BYTES", [nested("Ada", 100)])), "Input 'name' has more than 32 dimensions."),
        (change(name=("BYTES", ["Ada", nested("Ada", 500)])), "Input 'name' has more than 32 dimensions."),
        (
            [{"name": "age", "datatype": "INT64", "shape": [1] * 100, "data": [1]}],
            "Input 'age' has more than 32 dimensions.",
        ),
        ([{"datatype": "INT64"}], "Each input is an object with name, shape, datatype and data."),
        ([], "The request has no inputs."),
    ],
)
def test_what_does_not_fit_is_refused_by_name(
    columns: Model, inputs: list[dict[str, Any]], words: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        ask(columns, *inputs)
    assert words in str(refused.value)


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Model:
    folder = tmp_path_factory.mktemp("columns") / "m"
    mlflow.pyfunc.save_model(
        str(folder),
        python_model=Echo(described),
        signature=ModelSignature(inputs=COLUMNS),
        pip_requirements=["numpy"],
    )
    return Model.load(folder)


def test_its_limit_is_the_platforms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["serving", "model"])
    assert _arguments().most_body_bytes is None
    monkeypatch.setenv("HIMALIA_ENDPOINT_BODY_LIMIT_BYTES", "5000")
    assert _arguments().most_body_bytes == 5000


@pytest.mark.parametrize("body", [b"{", b"[]", b"\xff", b"{}", b'{"inputs": 1}', b"[" * 100_000])
def test_what_is_no_request_is_refused(columns: Model, body: bytes) -> None:
    with pytest.raises(BadInputError):
        infer(columns, "m", "", body, None)


def test_tensors_have_shapes(model: Callable[..., Model]) -> None:
    schema = Schema(
        [TensorSpec(np.dtype("float32"), (-1, 2, 2), "image"), TensorSpec(np.dtype("int64"), (-1,), "kind")]
    )
    loaded = model(lambda given, _: given["image"].sum(axis=(1, 2)) + given["kind"], inputs=schema)
    image = {"name": "image", "datatype": "FP32", "shape": [2, 2, 2], "data": [1, 2, 3, 4, 5, 6, 7, 8]}
    kind = {"name": "kind", "datatype": "INT32", "shape": [2], "data": [100, 200]}
    (output,) = ask(loaded, image, kind)
    assert (output["datatype"], output["data"]) == ("FP64", [110.0, 226.0])
    with pytest.raises(
        BadInputError, match=r"Input 'image' has the shape \[4, 2\], but the model takes \[any, 2, 2\]\."
    ):
        ask(loaded, image | {"shape": [4, 2]}, kind)


def test_missing_numbers_are_null_both_ways(model: Callable[..., Model]) -> None:
    loaded = model(lambda given, _: given * 2, inputs=Schema([TensorSpec(np.dtype("float64"), (-1,))]))
    (output,) = ask(loaded, *tensors(any=("FP64", [1.5, None])))
    assert output["data"] == [3.0, None]


def test_parameters_reach_the_model(model: Callable[..., Model]) -> None:
    loaded = model(
        lambda given, params: given * params["factor"],
        inputs=Schema([TensorSpec(np.dtype("float64"), (-1,))]),
        params=ParamSchema([ParamSpec("factor", "long", 1)]),
    )
    x = tensors(x=("FP64", [2.0]))
    assert ask(loaded, *x)[0]["data"] == [2.0]
    assert ask(loaded, *x, parameters={"factor": 3})[0]["data"] == [6.0]
    with pytest.raises(BadInputError, match=r"The model has no parameter 'speed'. Its parameters: factor."):
        ask(loaded, *x, parameters={"speed": 3})
    with pytest.raises(BadInputError, match="factor"):
        ask(loaded, *x, parameters={"factor": "fast"})


@pytest.mark.parametrize(
    ("answer", "outputs"),
    [
        (
            pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
            [("a", "INT64", [1, 2]), ("b", "BYTES", ["x", None])],
        ),
        (pd.Series([True, False], name="yes"), [("yes", "BOOL", [True, False])]),
        ({"mean": [0.5], "n": 3}, [("mean", "FP64", [0.5]), ("n", "INT64", [3])]),
        (["one", "two"], [("output-0", "BYTES", ["one", "two"])]),
        ([{"label": "cat"}], [("output-0", "BYTES", ['{"label": "cat"}'])]),
        ([[1], [2, 3]], [("output-0", "BYTES", ["[1]", "[2, 3]"])]),
        ("text", [("output-0", "BYTES", ["text"])]),
        (np.array(["2026-01-02"], dtype="datetime64[D]"), [("output-0", "BYTES", ["2026-01-02"])]),
    ],
)
def test_whatever_models_answer_becomes_tensors(
    model: Callable[..., Model], answer: Any, outputs: list[tuple[str, str, list[Any]]]
) -> None:
    found = ask(model(lambda given, _: answer), *tensors(x=("FP64", [1.0])))
    assert [(one["name"], one["datatype"], one["data"]) for one in found] == outputs


def test_outputs_are_chosen_by_name(model: Callable[..., Model]) -> None:
    loaded = model(lambda given, _: {"a": [1], "b": [2]})
    x = tensors(x=("FP64", [1.0]))
    assert [one["data"] for one in ask(loaded, *x, outputs=[{"name": "b"}])] == [[2]]
    with pytest.raises(BadInputError, match=r"The model has no output 'c'. Its outputs are: a, b."):
        ask(loaded, *x, outputs=[{"name": "c"}])


def test_a_model_without_a_signature_says_itself_what_it_does_not_take(model: Callable[..., Model]) -> None:
    def picky(given: Any, params: Any) -> Any:
        if isinstance(given, np.ndarray):
            raise ValueError("3 features expected")
        raise RuntimeError("out of order")

    loaded = model(picky)
    x, y = tensors(x=("FP64", [1.0]), y=("BYTES", ["a"]))
    with pytest.raises(
        BadInputError, match="The model does not take this input: ValueError: 3 features expected"
    ):
        ask(loaded, x)
    with pytest.raises(ServingError, match="The model failed: RuntimeError: out of order"):
        ask(loaded, x, y)
    with pytest.raises(BadInputError, match=r"the shape of 'x' is \[rows\], not \[1, 1\]"):
        ask(loaded, x | {"shape": [1, 1]}, y)


def binary(model: Model, values: np.ndarray[Any, Any], **request: Any) -> tuple[dict[str, Any], bytes]:
    data = values.astype("<f8").tobytes()
    tensor = {"name": "x", "datatype": "FP64", "shape": list(values.shape)}
    head = json.dumps(
        {"inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}], **request}
    ).encode()
    answer = infer(model, "m", "", head + data, len(head))
    length = answer.json_length if answer.json_length is not None else len(answer.body)
    return json.loads(answer.body[:length]), answer.body[length:]


def test_tensors_may_travel_as_bytes(model: Callable[..., Model]) -> None:
    loaded = model(
        lambda given, _: {"twice": given * 2, "words": ["é", ""]},
        inputs=Schema([TensorSpec(np.dtype("float64"), (-1,))]),
    )
    values = np.array([0.1, 1e300])
    head, data = binary(loaded, values, parameters={"binary_data_output": True})
    assert [one["parameters"]["binary_data_size"] for one in head["outputs"]] == [16, 10]
    assert np.frombuffer(data[:16], "<f8").tolist() == (values * 2).tolist()
    assert data[16:] == b"\x02\x00\x00\x00\xc3\xa9\x00\x00\x00\x00"
    wanted = [{"name": "words"}, {"name": "twice", "parameters": {"binary_data": True}}]
    head, data = binary(loaded, values, outputs=wanted)
    assert head["outputs"][0]["data"] == ["é", ""]
    assert len(data) == 16
    head, data = binary(loaded, values)
    assert data == b""


def test_bytes_must_be_as_many_as_they_say(columns: Model) -> None:
    def send(size: Any, shape: list[int], data: bytes, datatype: str = "INT64") -> None:
        tensor = {
            "name": "age",
            "datatype": datatype,
            "shape": shape,
            "parameters": {"binary_data_size": size},
        }
        head = json.dumps({"inputs": [tensor]}).encode()
        infer(columns, "m", "", head + data, len(head))

    for size, shape, data, words in (
        (8, [1], b"1234", "8, but 4 bytes are left"),
        (-1, [1], b"1234", "binary_data_size -1"),
        ("4", [1], b"1234", "binary_data_size '4'"),
        (4, [1], b"1234", "takes 8 bytes, but 4 were sent"),
        (0, [0], b"1234", "4 bytes at the end belong to no input"),
    ):
        with pytest.raises(BadInputError, match=words):
            send(size, shape, data)
    with pytest.raises(BadInputError, match="longer than what was sent"):
        send(6, [1], b"\x09\x00\x00\x00ab", "BYTES")
    with pytest.raises(BadInputError, match="longer than the body"):
        infer(columns, "m", "", b"{}", 3)


def test_of_many_classes_those_with_most_rows_are_reported() -> None:
    right = pd.Series([f"c{number}" for number in range(200)] + ["common"] * 5 + ["c0"])
    said = ["c0" if one == "c1" else one for one in right]
    report = class_report(right, said)
    assert (len(report["labels"]), report["left_out"]) == (MOST_SHOWN, 201 - MOST_SHOWN)
    assert {"common", "c0"} <= set(report["labels"])
    assert [len(row) for row in report["confusion_matrix"]] == [MOST_SHOWN] * MOST_SHOWN
    assert report["right"] == 205
    of = {one["label"]: one for one in report["per_class"]}
    assert (of["c0"]["precision"], of["c0"]["recall"], of["c0"]["rows"]) == (pytest.approx(2 / 3), 1.0, 2)
    assert (of["common"]["f1"], of["common"]["rows"]) == (1.0, 5)


def test_the_points_of_a_regressor_are_few_and_finite() -> None:
    right = pd.Series([float(number) for number in range(5000)])
    said = np.array(right) + 1
    said[0] = np.nan
    found = points(right, said)
    assert 0 < len(found) <= MOST_POINTS
    assert found[0] == [1.0, 2.0]
    assert found[-1][0] > 4900, "evenly from all rows"
