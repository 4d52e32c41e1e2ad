"""The running service does what its OpenAPI document says: generated calls get no 5xx and conform."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from platforms import Person
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "api" / "openapi.json"
LEFT_OUT = {"events.stream", "login.finish", "tokens.delete", "projects.delete", "live", "ready"}
"""A stream, a call that waits, two that could take away what the others work with, and what only the cluster asks, of
the process itself."""
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def operations() -> list[Any]:
    """Every operation of the document; a test of its own sees to it that it is the service's."""
    found = [one.ok() for one in schemathesis.openapi.from_path(str(DOCUMENT)).get_all_operations()]
    return [one for one in found if one.definition.raw["operationId"] not in LEFT_OUT]


@pytest.fixture(scope="module")
def fuzzer(people: Callable[..., Person]) -> Person:
    """Somebody whose project may be renamed and filled with anything."""
    return people("fuzzer")


@pytest.mark.parametrize("operation", operations(), ids=lambda one: one.definition.raw["operationId"])
def test_generated_calls(operation: Any, fuzzer: Person) -> None:
    @given(case=operation.as_strategy())
    @settings(
        max_examples=15,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def calls(case: schemathesis.Case) -> None:
        if "project" in case.path_parameters:
            case.path_parameters["project"] = fuzzer.project
        headers = {"Authorization": f"Bearer {fuzzer.token}"}
        answer = case.call(base_url=fuzzer.platform.url, headers=headers, timeout=30)
        case.validate_response(answer, checks=CHECKS)

    calls()
