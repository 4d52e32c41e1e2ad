"""What every model server must do: the Open Inference Protocol V2 over HTTP, as callers rely on it.

An implementation's tests make a subclass and override the fixture:

    @pytest.fixture(scope="module")
    def url():
        with running_server() as url:
            yield url

    class TestMyServer(ModelServerSuite):
        @pytest.fixture
        def served(self, url):
            with httpx.Client(base_url=url) as http:
                yield Served(http, "iris", "input-0", rows=[[5.1, 3.5, 1.4, 0.2], ...], answers=[0, ...])

Source: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v2-protocol
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest


@dataclass(frozen=True)
class Served:
    """A running server, and what its model is known to answer.

    The model takes one tensor FP64 of the shape [-1, columns] and answers one number for each row. `rows` has two or
    more rows that do not all have one answer.
    """

    http: httpx.Client
    model: str
    input: str
    rows: Sequence[Sequence[float]]
    answers: Sequence[float]

    def tensor(self, rows: Sequence[Sequence[float]]) -> dict[str, Any]:
        """Rows as the request's input, flat."""
        shape = [len(rows), len(rows[0])]
        data = [value for row in rows for value in row]
        return {"name": self.input, "shape": shape, "datatype": "FP64", "data": data}

    def ask(self, **request: Any) -> httpx.Response:
        """POST an inference request."""
        return self.http.post(f"/v2/models/{self.model}/infer", json={"id": "1", **request})


class ModelServerSuite:
    """Tests of a V2 server; `served` may be one server for all of them."""

    @pytest.fixture
    def served(self) -> Served:
        """The server under test."""
        raise NotImplementedError("Override the fixture “served” with the server to check.")

    def test_it_is_live_and_ready(self, served: Served) -> None:
        assert served.http.get("/v2/health/live").status_code == 200
        assert served.http.get("/v2/health/ready").status_code == 200
        assert served.http.get(f"/v2/models/{served.model}/ready").status_code == 200

    def test_it_says_what_it_is(self, served: Served) -> None:
        shown = served.http.get("/v2").raise_for_status().json()
        assert shown["name"]
        assert shown["version"]
        assert isinstance(shown["extensions"], list)

    def test_it_says_what_the_model_is(self, served: Served) -> None:
        shown = served.http.get(f"/v2/models/{served.model}").raise_for_status().json()
        assert shown["name"] == served.model
        assert isinstance(shown["platform"], str)
        for tensor in (*shown["inputs"], *shown["outputs"]):
            assert {"name", "datatype", "shape"} <= tensor.keys()

    def test_each_row_has_its_answer(self, served: Served) -> None:
        answer = served.ask(inputs=[served.tensor(served.rows)]).raise_for_status().json()
        assert answer["model_name"] == served.model
        (output,) = answer["outputs"]
        assert output["shape"][0] == len(served.rows)
        assert output["data"] == list(served.answers)
        assert {"name", "datatype"} <= output.keys()

    def test_nested_data_are_the_same_as_flat_ones(self, served: Served) -> None:
        nested = served.tensor(served.rows) | {"data": [list(row) for row in served.rows]}
        answer = served.ask(inputs=[nested]).raise_for_status().json()
        assert answer["outputs"][0]["data"] == list(served.answers)

    def test_the_answer_carries_the_requests_id(self, served: Served) -> None:
        answer = served.ask(id="forty-two", inputs=[served.tensor(served.rows[:1])]).raise_for_status()
        assert answer.json()["id"] == "forty-two"

    def test_another_models_name_is_unknown(self, served: Served) -> None:
        answer = served.http.get("/v2/models/no-such-model")
        assert answer.status_code == 404
        assert answer.json()["error"]

    @pytest.mark.parametrize(
        "change",
        [{"data": [1.0]}, {"data": ["a", "b"], "shape": [1, 2]}, {"datatype": "FP65"}, {"shape": [0, 0]}],
        ids=["too-few-data", "text", "unknown-datatype", "shape"],
    )
    def test_what_the_model_cannot_take_is_an_error_and_serving_goes_on(
        self, served: Served, change: dict[str, Any]
    ) -> None:
        refused = served.ask(inputs=[served.tensor(served.rows) | change])
        assert 400 <= refused.status_code < 600
        assert refused.json()["error"]
        served.ask(inputs=[served.tensor(served.rows)]).raise_for_status()

    def test_answers_of_many_callers_are_not_mixed_up(self, served: Served) -> None:
        wrong: list[Any] = []

        def caller(number: int) -> None:
            which = number % len(served.rows)
            for turn in range(10):
                name = f"{number}-{turn}"
                answer = served.ask(id=name, inputs=[served.tensor([served.rows[which]])]).json()
                if (answer.get("id"), answer["outputs"][0]["data"]) != (name, [served.answers[which]]):
                    wrong.append(answer)

        callers = [threading.Thread(target=caller, args=(number,)) for number in range(8)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
        assert wrong == []
