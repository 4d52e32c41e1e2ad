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
from himalia.core.settings import OF_PODS, Settings

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "himalia"
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
PROFILE = {
    "title": "Base",
    "environment": "base",
    "sizes": [{"name": "small", "title": "Small", "cpus": 1, "memory": "2GiB"}],
}
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
        {"profiles": {"Bad_Name": PROFILE}},
        {"profiles": {"base": PROFILE | {"titel": "Base"}}},
        {"profiles": {"base": PROFILE | {"kubernetes": {"labels": {"himalia/role": "mine"}}}}},
        {"service": {"settings": {"home": "/srv"}}},
        {"service": {"settings": {"import_paths": ["/data"]}}},
        {"service": {"settings": {"retention_day": 60}}},
        {"service": {"settings": {"retention_days": "many"}}},
        {"networkPolicy": {"apiServer": ["203.0.113.7"]}},
        {"networkPolicy": {"dns": []}},
        {"networkPolicy": {"private": ["fd00::/8"]}},
        {"securityContext": {"runAsUser": 0}},
        {"securityContext": {"runAsUsr": 1000}},
        {"storage": {"data": {"class": "-"}}},
        {"storage": {"projects": {"shared": True, "size": "1Gi"}}},
        {"pods": {"nodeSelector": {}, "hostNetwork": True}},
        {"pods": {"tolerationz": []}},
        {"postgresql": {"storage": {"access": "ReadWriteMany"}}},
        {"storage": {"data": {"access": "ReadWriteOncePod"}}},
        {"storage": {"data": {"shared": True}}},
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(wrong, SCHEMA)


def test_profiles_that_come_with_himalia_are_the_charts() -> None:
    profiles = [yaml.safe_load(file.read_text()) for file in (ROOT / "spawner-profiles").glob("*.yaml")]
    assert profiles
    jsonschema.validate({"profiles": {one.pop("name"): one for one in profiles}}, SCHEMA)


def test_labels_of_profiles_may_be_ones_own() -> None:
    labels = {"example.org/team": "vision", "cost": "7"}
    jsonschema.validate({"profiles": {"base": PROFILE | {"kubernetes": {"labels": labels}}}}, SCHEMA)


def test_settings_have_their_values() -> None:
    settings = {"retention_days": 60, "prometheus_url": "http://prometheus:9090", "stop_grace_s": 1.5}
    jsonschema.validate({"service": {"settings": settings}}, SCHEMA)


def test_pods_are_told_what_the_service_takes() -> None:
    taken = SCHEMA["properties"]["pods"]["propertyNames"]["enum"]
    assert taken == sorted(OF_PODS)
    jsonschema.validate({"pods": {"nodeSelector": {"pool": "people"}, "imagePullSecrets": []}}, SCHEMA)


def test_every_variable_that_the_chart_gives_means_something() -> None:
    templates = "".join(one.read_text() for one in (CHART / "templates").iterdir())
    given = set(re.findall(r"\bHIMALIA_([A-Z_]+[A-Z])\b", templates))
    hub = {"PROXY_API_URL", "SERVICE_TOKEN_FILE", "HUB_VALUES", "ADMIN_NAME", "ADMIN_PASSWORD"}
    assert {word.lower() for word in given - hub} <= set(Settings.model_fields)
