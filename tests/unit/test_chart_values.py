"""The chart's values: described, valid as they are, and of the version of the code beside them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import himalia
from himalia.core.settings import Settings

CHART = Path(__file__).parents[2] / "helm" / "himalia"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def test_its_versions_are_the_codes() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert chart["version"] == chart["appVersion"] == himalia.__version__


def test_its_defaults_are_valid() -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA)


def test_every_value_is_described() -> None:
    def undescribed(about: dict[str, Any], path: str) -> list[str]:
        found = [] if about.get("description") else [path]
        for name, inner in about.get("properties", {}).items():
            found += undescribed(inner, f"{path}.{name}")
        return found

    assert [one for name, about in SCHEMA["properties"].items() for one in undescribed(about, name)] == []


def test_every_top_value_has_a_default() -> None:
    assert set(SCHEMA["properties"]) == set(VALUES)


@pytest.mark.parametrize(
    "wrong",
    [
        {"replicas": 2},
        {"url": "himalia.example.org"},
        {"gateway": {"replicas": 0}},
        {"images": {"environment": "himalia"}},
        {"database": {"url": "postgresql://one/database"}},
        {"storage": {"homes": {"size": "much"}}},
        {"admin": {"name": "Root!"}},
        {"database": {"url": "sqlite:///{database}"}},
        {"hub": {"environmentFrom": ["Not a name"]}},
        {"ingress": {"host": "https://himalia.example.org/x"}},
        {"ingress": {"host": "*.example.org"}},
        {"kueueQueue": "Team A!"},
        {"networkPolicy": {"apiServer": ["203.0.113.7"]}},
        {"networkPolicy": {"dns": []}},
        {"networkPolicy": {"private": ["fd00::/8"]}},
        {"securityContext": {"runAsUser": 0}},
        {"securityContext": {"runAsUsr": 1000}},
        {"storage": {"data": {"class": "-"}}},
        {"storage": {"projects": {"shared": True, "size": "1Gi"}}},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_every_variable_that_the_chart_gives_means_something() -> None:
    templates = "".join(one.read_text() for one in (CHART / "templates").iterdir())
    given = set(re.findall(r"\bHIMALIA_([A-Z_]+[A-Z])\b", templates))
    hub = {"PROXY_API_URL", "SERVICE_TOKEN_FILE", "HUB_VALUES", "ADMIN_NAME", "ADMIN_PASSWORD"}
    assert {word.lower() for word in given - hub} <= set(Settings.model_fields)
