#!/usr/bin/env python3
"""generate_docs.py [--check] – write the pages of docs/ that are made from code, or say which are out of date.

docs/permissions.md from core/permissions.py, docs/settings.md from core/settings.py, docs/events.md from
core/events.py, docs/sdk-reference.md from the client's docstrings, docs/api/ from the service's routes,
docs/kubernetes-values.md from the chart's schema, whose profiles and settings are made from code as well.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import api_reference
import chart_reference
import chart_schema
import sdk_reference

from himalia.app import create_app
from himalia.core.events import KINDS
from himalia.core.permissions import OPERATIONS, Role, Rule
from himalia.core.settings import Settings

DOCS = Path(__file__).parent.parent / "docs"
METHODS = ("get", "put", "post", "delete", "patch", "head")
UNITS = {"_bytes": "bytes", "_s": "seconds", "_days": "days", "_port": "TCP port"}


def openapi() -> dict[str, Any]:
    """The document of a service that never starts."""
    with tempfile.TemporaryDirectory(prefix="h") as folder:
        home = Path(folder)
        for name in ("secrets", "service", "objects", "s"):
            (home / name).mkdir()
        for name in ("service-token", "service-key"):
            (home / "secrets" / name).write_text("of no service")
        document: dict[str, Any] = create_app(Settings(home=home)).openapi()
        return document


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def permissions(document: dict[str, Any]) -> str:
    """The permission table, with each operation's method and path."""
    places = {
        operation["operationId"]: f"`{method.upper()} {path.removeprefix('/services/himalia')}`"
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    }
    places |= {
        "mlflow.read": "MLflow's calls that read",
        "mlflow.write": "MLflow's calls that change something",
    }
    rows = [
        (f"`{name}`", places[name], rule.scope or "", _role(rule), _credentials(rule))
        for name, rule in OPERATIONS.items()
    ]
    return (
        "# Who may do what\n\n"
        "Allowed is what the credential's scope, the kind of credential and the person's role in the project all "
        "allow.\nScopes and roles include the ones before them: `read`, `write`, `admin`; `viewer`, `editor`, "
        "`owner`. The scope `admin` counts as owner of every project.\nA person calls with a token of the hub, "
        "an access token (`him_user_…`), or signed in on the service's own pages. A token that is limited to one "
        "project\nmay do what names that project, and what is marked.\n\n"
        + _table(("Operation", "Call", "Scope", "Role", "Credentials"), rows)
    )


def _role(rule: Rule) -> str:
    return rule.role.name if rule.role != Role.none else ""


def _credentials(rule: Rule) -> str:
    if "none" in rule.by:
        return "none needed"
    words = []
    if {"hub", "user", "session"} <= rule.by:
        words.append("a person" + (", limited tokens too" if rule.limited else ""))
    elif "session" in rule.by:
        words.append("a person on the service's pages")
    if "service" in rule.by:
        words.append("the hub")
    if rule.own:
        words.append("the workload itself")
    if rule.submit:
        words.append("a job with the permission to submit")
    return "; ".join(words)


def callers() -> dict[str, str]:
    """Who may call each operation, in a line."""
    found = {}
    for name, rule in OPERATIONS.items():
        needs = [
            f"{word} `{value}`" for word, value in (("scope", rule.scope), ("role", _role(rule))) if value
        ]
        found[name] = _credentials(rule) + (f" ({', '.join(needs)})" if needs else "")
    return found


def settings() -> str:
    """Every setting with its unit, default and meaning."""
    rows = []
    for name, field in Settings.model_fields.items():
        unit = next((unit for end, unit in UNITS.items() if name.endswith(end)), "")
        default = (
            "see above"
            if field.default_factory
            else ""
            if field.default in (None, "")
            else f"`{field.default}`"
        )
        rows.append((f"`{name}`", unit, default, field.description or ""))
    return (
        "# Settings\n\n"
        "Set them in `<home>/himalia.toml` (`name = value`), or in the environment as `HIMALIA_` and the name in "
        "capital letters, which comes first.\nThe default home is `/var/lib/himalia` for root, and "
        "`$XDG_DATA_HOME/himalia` (`~/.local/share/himalia`) for others. Its path may have 60 bytes.\n"
        "`himalia up` chooses free ports and keeps them: it makes no use of `service_port` and `hub_port`, and of "
        "`gateway_address` and `content_address` only where they are set.\n\n"
        + _table(("Setting", "Unit", "Default", "Is"), rows)
    )


def events() -> str:
    """Every kind of event."""
    rows = [(f"`{kind}`", words) for kind, words in KINDS.items()]
    return (
        "# Events\n\n"
        "What happened, to what, by whom. Events never change, and their ids are in the order in which things "
        "became durable.\nRead them with `GET /events`, or listen: `GET /events/stream` and the WebSocket "
        "`/services/himalia/live`.\n\n" + _table(("Kind", "Says"), rows)
    )


def pages() -> dict[str, str]:
    """What every generated page has to hold."""
    document = openapi()
    return {
        "permissions.md": permissions(document),
        "settings.md": settings(),
        "events.md": events(),
        "sdk-reference.md": sdk_reference.page(),
        "../helm/himalia/values.schema.json": chart_schema.text(),
        "kubernetes-values.md": chart_reference.page(),
        "api/operations.md": api_reference.operations(document, callers()),
        "api/schemas.md": api_reference.schemas(document),
        "api/openapi.json": json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the pages of docs/ that are made from code.")
    parser.add_argument(
        "--check", action="store_true", help="change nothing; fail when a page is out of date"
    )
    check = parser.parse_args().check
    stale = []
    for name, text in pages().items():
        path = DOCS / name
        if not path.exists() or path.read_text() != text:
            stale.append(f"docs/{name}")
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
    if check and stale:
        sys.exit(f"Out of date: {', '.join(stale)}. Run tools/generate_docs.py.")


if __name__ == "__main__":
    main()
