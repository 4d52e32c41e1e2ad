"""The SDK's two surfaces are the same, and both are light and old enough for users' environments."""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import himalia.client
from himalia.client import AsyncJob, Client, Job
from himalia.client.bridge import iterate, run
from himalia.client.config import Place
from himalia.client.datasets import Datasets, DatasetVerbs
from himalia.client.endpoints import AsyncEndpoint, Endpoint, Endpoints, EndpointVerbs
from himalia.client.experiments import AsyncExperiment, Experiment, Experiments, ExperimentVerbs
from himalia.client.jobs import Jobs, JobVerbs
from himalia.client.models import Models, ModelVerbs
from himalia.client.nouns import Projects, ProjectVerbs, Secrets, SecretVerbs, Tokens, TokenVerbs
from himalia.client.records import Record
from himalia.client.tracking import Tracking, TrackingVerbs
from himalia.client.workloads import Workloads, WorkloadVerbs

FOLDER = Path(himalia.client.__file__).parent
DOCS = Path(__file__).parents[2] / "docs"
CLIENT = vars(Client("http://himalia", "of nobody"))
NOUNS = [type(value) for name, value in CLIENT.items() if name[0] != "_" and not isinstance(value, Place)]


def verbs(kind: type) -> dict[str, list[str]]:
    """Public methods with their parameters."""
    found: dict[str, Any] = {name: value for name, value in vars(kind).items() if inspect.isfunction(value)}
    return {
        name: list(inspect.signature(function).parameters)
        for name, function in found.items()
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("blocking", "awaited"),
    [
        (Datasets, DatasetVerbs),
        (Jobs, JobVerbs),
        (Models, ModelVerbs),
        (Projects, ProjectVerbs),
        (Secrets, SecretVerbs),
        (Tokens, TokenVerbs),
        (Tracking, TrackingVerbs),
        (Workloads, WorkloadVerbs),
        (Job, AsyncJob),
        (Experiments, ExperimentVerbs),
        (Endpoints, EndpointVerbs),
        (Endpoint, AsyncEndpoint),
        (Experiment, AsyncExperiment),
    ],
)
def test_both_surfaces_have_the_same_verbs(blocking: type, awaited: type) -> None:
    assert verbs(blocking) == verbs(awaited) != {}


@pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.__name__)
def test_every_verb_is_described_and_on_the_sdks_page(noun: type) -> None:
    assert [name for name in verbs(noun) if not inspect.getdoc(getattr(noun, name))] == []
    assert set(verbs(noun)) <= set(re.findall(r"`(\w+)`", (DOCS / "sdk.md").read_text()))


def test_records_declare_what_the_service_answers() -> None:
    """A field that is not declared is there for programs and an error for their type checkers."""
    document = json.loads((DOCS / "api" / "openapi.json").read_text())["components"]["schemas"]
    kinds = [Record]
    for kind in kinds:
        kinds += kind.__subclasses__()
    names = {"Caller": "WhoAmI", "Profile": "ProfileShown", "Size": "SizeShown", "Event": "EventShown"}
    lacking = {}
    for kind in kinds:
        schema = document.get(names.get(kind.__name__, kind.__name__), {})
        declared = {name for one in kind.__mro__ for name in inspect.get_annotations(one)}
        if missing := set(schema.get("properties", {})) - declared:
            lacking[kind.__name__] = sorted(missing)
    assert lacking == {}


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.py")), ids=lambda file: file.name)
def test_the_client_is_written_for_python_3_8(file: Path) -> None:
    ast.parse(file.read_text(), feature_version=(3, 8))


def test_importing_himalia_is_light_and_the_client_knows_nothing_of_the_service() -> None:
    program = """
import sys, himalia
assert "httpx" not in sys.modules and "himalia.client" not in sys.modules
himalia.Client, himalia.AsyncClient
found = {name.split(".")[1] for name in sys.modules if name.startswith("himalia.")}
assert found == {"client"}, found
assert not {"pydantic", "sqlalchemy", "fastapi", "typer"} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_a_name_that_himalia_lacks() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Clients'"):
        _ = himalia.Clients


def test_a_blocking_call_that_would_wait_is_an_error_not_a_deadlock() -> None:
    class Waits:
        def __await__(self) -> Any:
            yield

    async def wait() -> None:
        await Waits()

    with pytest.raises(RuntimeError, match="event loop"):
        run(wait())


def test_an_abandoned_iteration_frees_what_it_holds() -> None:
    closed = []

    async def numbers() -> Any:
        try:
            for number in range(10):
                yield number
        finally:
            closed.append(True)

    taken = iterate(numbers())
    assert next(taken) == 0
    taken.close()
    assert closed == [True]
