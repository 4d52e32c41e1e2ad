"""What is to be done for an endpoint, from its rows alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from himalia.core.errors import Unavailable
from himalia.endpoints.examples import example, first_row
from himalia.endpoints.plan import Plan, plan, shares, state_of, unavailable


def endpoint(**values: Any) -> Any:
    known = {"is_wanted": True, "deleted_at": None, "next_id": None, "next_attempt": 1, "next_weight": 100}
    return SimpleNamespace(**{**known, **values})


def revision(name: str, state: str, weight: int = 0, ready: int = 0, **values: Any) -> Any:
    """A revision whose attempt 1 is in a state; `ready` is the last attempt that was ready."""
    known = {
        "id": name,
        "state": state,
        "weight": weight,
        "attempt": 1,
        "ready_attempt": ready,
        "reason": None,
    }
    return SimpleNamespace(**{**known, **values})


OLD = revision("old", "RUNNING", 100, 1)


@pytest.mark.parametrize(
    ("shown", "revisions", "state", "todo"),
    [
        (endpoint(next_id="new"), [revision("new", "QUEUED")], "STARTING", Plan()),
        (endpoint(next_id="new"), [revision("new", "RUNNING")], "STARTING", Plan()),
        (endpoint(next_id="new"), [revision("new", "RUNNING", 0, 1)], "STARTING", Plan(promote=True)),
        (endpoint(next_id="new"), [revision("new", "FAILED")], "STARTING", Plan(failed=True)),
        (endpoint(), [revision("new", "FAILED")], "FAILED", Plan()),
        (endpoint(), [OLD], "READY", Plan()),
        (endpoint(next_id="new"), [OLD, revision("new", "RUNNING")], "UPDATING", Plan()),
        (
            endpoint(),
            [revision("old", "RUNNING", 0, 1), revision("new", "RUNNING", 100, 1)],
            "READY",
            Plan(retire=("old",)),
        ),
        (
            endpoint(),
            [revision("old", "STOPPING", 0, 1), revision("new", "RUNNING", 100, 1)],
            "READY",
            Plan(),
        ),
        # returned to: its earlier end is no failure, and while it still ends nothing can be done
        (
            endpoint(next_id="new", next_attempt=2),
            [OLD, revision("new", "STOPPED", 0, 1, reason="stopped_by_user")],
            "UPDATING",
            Plan(start=("new",)),
        ),
        # what ended while it waited is not begun again and again
        (endpoint(next_id="new"), [OLD, revision("new", "FAILED", attempt=0)], "UPDATING", Plan(failed=True)),
        (
            endpoint(next_id="new"),
            [revision("new", "STOPPED", attempt=0, reason="stopped_by_administrator")],
            "STARTING",
            Plan(failed=True),
        ),
        (
            endpoint(next_id="new"),
            [revision("new", "STOPPED", attempt=0, reason="access_removed")],
            "STARTING",
            Plan(failed=True),
        ),
        (
            endpoint(next_id="new", next_attempt=2),
            [OLD, revision("new", "STOPPING", 0, 1)],
            "UPDATING",
            Plan(),
        ),
        (
            endpoint(next_id="new", next_attempt=2),
            [OLD, revision("new", "RUNNING", 0, 1)],
            "UPDATING",
            Plan(),
        ),
        # a server that was ever ready is started again, others are not
        (endpoint(), [revision("old", "FAILED", 100, 1)], "UNAVAILABLE", Plan(start=("old",))),
        (endpoint(), [revision("old", "SUCCEEDED", 100, 1)], "UNAVAILABLE", Plan(start=("old",))),
        (endpoint(), [revision("old", "FAILED", 100, 0)], "FAILED", Plan()),
        (endpoint(), [revision("old", "FAILED", 100, 1, attempt=2)], "UNAVAILABLE", Plan(start=("old",))),
        (
            endpoint(),
            [revision("old", "STOPPED", 100, 1, reason="stopped_by_user")],
            "UNAVAILABLE",
            Plan(start=("old",)),
        ),
        (
            endpoint(),
            [revision("old", "STOPPED", 100, 1, reason="stopped_by_administrator")],
            "FAILED",
            Plan(),
        ),
        (endpoint(), [revision("old", "QUEUED", 100, 1)], "UNAVAILABLE", Plan()),
        # stopped or deleted
        (endpoint(is_wanted=False), [OLD], "STOPPING", Plan(retire=("old",))),
        (endpoint(is_wanted=False), [revision("old", "STOPPED", 100, 1)], "STOPPED", Plan()),
        (endpoint(deleted_at=1), [OLD, revision("new", "FAILED")], "STOPPING", Plan(retire=("old",))),
    ],
)
def test_what_is_to_be_done(shown: Any, revisions: list[Any], state: str, todo: Plan) -> None:
    assert plan(shown, revisions) == todo
    assert state_of(shown, revisions) == state
    assert "endpoint iris" in unavailable("iris", state_of(shown, revisions))


def test_shares_always_come_to_a_hundred() -> None:
    assert shares([OLD], "new", 100) == {"old": 0, "new": 100}
    assert shares([OLD], "new", 10) == {"old": 90, "new": 10}
    assert shares([], "new", 10) == {"new": 100}
    three = [revision(str(number), "RUNNING", weight) for number, weight in enumerate((33, 33, 34))]
    found = shares(three, "new", 1)
    assert sum(found.values()) == 100
    assert found["new"] >= 1


@pytest.mark.parametrize(
    "metadata", ["", "[]", "{}", '{"inputs": 3}', '{"inputs": [{"name": "x"}]}', "[" * 9999]
)
def test_a_server_that_does_not_say_what_it_takes(metadata: str) -> None:
    with pytest.raises(Unavailable, match="does not say"):
        example("http://gateway/p/e", "iris", metadata)


def test_an_example_survives_a_shell() -> None:
    named = '{"inputs": [{"name": "it\'s $HOME", "datatype": "FP64", "shape": [-1, 2]}]}'
    shown = example("http://gateway/p/e", "iris", named)
    assert shown.body["inputs"][0]["data"] == [1.0, 1.0]
    assert "'\"'\"'" in shown.curl


METADATA = '{"inputs": [{"name": "x", "datatype": "FP64", "shape": [-1, 2]}]}'
COLUMNS = (
    '{"inputs": [{"name": "a", "datatype": "INT64", "shape": [-1]}, '
    '{"name": "b", "datatype": "BYTES", "shape": [-1]}]}'
)


@pytest.mark.parametrize(
    ("metadata", "given", "data"),
    [
        (METADATA, '{"inputs": [[5, 3.5], [1, 2]]}', [[5, 3.5]]),
        (METADATA, "[[5, 3.5]]", [[5, 3.5]]),
        (METADATA, '{"instances": {"x": [[5, 3.5]]}}', [[5, 3.5]]),
        (
            COLUMNS,
            '{"dataframe_split": {"columns": ["b", "a"], "data": [["red", 3], ["blue", 4]]}}',
            [[3], ["red"]],
        ),
        (COLUMNS, '[{"a": 3, "b": "red"}]', [[3], ["red"]]),
        # what does not fit is not taken
        (METADATA, '{"inputs": [[1, 2, 3]]}', [[1.0, 1.0]]),
        (METADATA, '{"inputs": []}', [[1.0, 1.0]]),
        (METADATA, "no JSON", [[1.0, 1.0]]),
        (COLUMNS, '[{"a": "three", "b": 4}]', [[1], ["text"]]),
        (COLUMNS, '{"dataframe_split": {"columns": ["a"], "data": []}}', [[1], ["text"]]),
    ],
)
def test_a_models_own_example_is_shown(metadata: str, given: str, data: list[list[Any]]) -> None:
    shown = example("http://gateway/p/e", "iris", metadata, given.encode())
    assert [one["data"] for one in shown.body["inputs"]] == data


def test_an_example_of_lists_in_lists_does_no_harm() -> None:
    assert first_row(b"[" * 100_000, ["x"]) == {}
