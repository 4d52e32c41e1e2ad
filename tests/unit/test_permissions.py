"""The permission table is whole, and the pages made from code are up to date."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fastapi.routing import APIRoute

from himalia.app import create_app
from himalia.core.access import Gate, GatedRoute
from himalia.core.errors import Forbidden
from himalia.core.events import KINDS, emit
from himalia.core.identity import Identity
from himalia.core.permissions import OPERATIONS, SCOPES, Role, covers
from himalia.core.settings import Settings

ROOT = Path(__file__).parent.parent.parent
PAGES = {"home", "without_slash", "oauth_callback", "login_page", "login_form", "docs"}
"""Routes of pages, which sign people in themselves."""
MLFLOW = {"mlflow.read", "mlflow.write"}
"""Operations of MLflow's own API: tests/unit/test_mlflow_process.py walks the list of its calls."""


@pytest.fixture
def settings() -> Iterator[Settings]:
    """A home with as much as an application needs that never starts."""
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        home = Path(folder)
        for name in ("secrets", "service", "objects", "s"):
            (home / name).mkdir()
        for name in ("service-token", "service-key"):
            (home / "secrets" / name).write_text("of no service")
        yield Settings(home=home)


def test_every_route_has_a_row_and_every_row_a_route(settings: Settings) -> None:
    document = create_app(settings).openapi()
    operations = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert sorted(operations) == sorted(OPERATIONS.keys() - MLFLOW)


def test_nothing_but_pages_is_left_out_of_the_document(settings: Settings) -> None:
    hidden = {
        route.name for route in _routes(create_app(settings).router.routes) if not route.include_in_schema
    }
    assert hidden <= PAGES | {"mlflow"}


def test_nothing_of_a_body_is_read_before_its_sender_is_let_in(settings: Settings) -> None:
    routes = _routes(create_app(settings).router.routes)
    assert {route.name for route in routes if not isinstance(route, GatedRoute)} <= PAGES


def _routes(routes: list[object]) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in routes:
        if isinstance(route, APIRoute):
            found.append(route)
        elif (inner := getattr(route, "original_router", None)) is not None:
            found += _routes(inner.routes)
    return found


def test_what_changes_a_project_needs_a_role_in_it() -> None:
    for name, rule in OPERATIONS.items():
        if rule.role == Role.none:
            continue
        wanted = Role.viewer if rule.scope == "read" else Role.editor
        assert rule.role >= wanted, name


@pytest.mark.parametrize(
    ("held", "covered"),
    [
        (set(), []),
        ({"read"}, ["read"]),
        ({"write"}, ["read", "write"]),
        ({"admin"}, ["read", "write", "admin"]),
        ({"other"}, []),
    ],
)
def test_scopes_include_the_ones_before_them(held: set[str], covered: list[str]) -> None:
    assert [scope for scope in SCOPES if covers(frozenset(held), scope)] == covered


RUNNERS = {
    "workloads.snapshot",
    "workloads.output",
    "workloads.outputs",
    "workloads.report",
    "workloads.orders",
}


@pytest.mark.parametrize("runner_only", [False, True])
def test_the_token_of_an_isolated_workload_counts_for_its_runner_alone(runner_only: bool) -> None:
    """Its code, which somebody else may have written, could find it in a pod."""
    caller = Identity(
        "workload", workload="a", attempt=1, permissions=frozenset({"submit"}), runner_only=runner_only
    )
    allowed = set()
    for name, rule in OPERATIONS.items():
        with suppress(Forbidden):
            Gate._check_credential(rule, caller, {"workload": "a"})
            allowed.add(name)
        if name in RUNNERS:
            with pytest.raises(Forbidden):
                Gate._check_credential(rule, caller, {"workload": "b"})
    # Whoever needs no credential is let in before this is asked.
    assert (allowed == RUNNERS) if runner_only else (RUNNERS | MLFLOW | {"jobs.create"} <= allowed)


def test_the_generated_pages_are_up_to_date() -> None:
    command = [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_an_unknown_kind_of_event_cannot_be_emitted() -> None:
    assert "job.exploded" not in KINDS
    with pytest.raises(ValueError, match=r"job\.exploded"):
        emit(None, "job.exploded", subject=("job", "a", "a"))  # type: ignore[arg-type]
