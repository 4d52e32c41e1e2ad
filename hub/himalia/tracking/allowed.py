"""What of MLflow's API can be called: everything that is not in this list is not there (404).

MLflow 3.17.2 has some four hundred routes, among them ones that start programs, call other servers, and read
whatever file a tag names. This list is made for that version, which setup.cfg pins.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Kind = Literal["read", "write", "registry", "workspaces", "info"]


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `registry` changes the model registry; `workspaces` and `info` are answered by the gate itself."""

    method: str
    path: str
    kind: Kind
    pattern: re.Pattern[str]


def _call(kind: Kind, method: str, path: str) -> Call:
    parts = re.split(r"(\{\w+(?:\*)?\})", path)
    inner = "".join(
        ".+" if part.endswith("*}") else "[^/]+" if part.startswith("{") else re.escape(part)
        for part in parts
    )
    return Call(method, path, kind, re.compile(inner))


_V2, _V3, _FILES = "2.0/mlflow", "3.0/mlflow", "2.0/mlflow-artifacts/artifacts"
_LISTED: dict[Kind, tuple[str, ...]] = {
    "read": (
        f"GET {_V2}/experiments/search",
        f"POST {_V2}/experiments/search",
        f"GET {_V2}/experiments/get",
        f"GET {_V2}/experiments/get-by-name",
        f"GET {_V2}/runs/get",
        f"POST {_V2}/runs/search",
        f"GET {_V2}/metrics/get-history",
        f"GET {_V2}/metrics/get-history-bulk-interval",
        f"GET {_V2}/artifacts/list",
        f"GET {_V2}/logged-models/{{model}}",
        f"GET {_V2}/logged-models/{{model}}/artifacts/directories",
        f"POST {_V2}/logged-models/search",
        f"GET {_V2}/registered-models/get",
        f"GET {_V2}/registered-models/search",
        f"GET {_V2}/registered-models/alias",
        f"GET {_V2}/registered-models/get-latest-versions",
        f"POST {_V2}/registered-models/get-latest-versions",
        f"GET {_V2}/model-versions/get",
        f"GET {_V2}/model-versions/search",
        f"GET {_V2}/model-versions/get-download-uri",
        f"GET {_FILES}",
        f"GET {_FILES}/{{path*}}",
        f"POST {_V3}/traces/search",
        f"GET {_V3}/traces/{{trace}}",
    ),
    "write": (
        f"POST {_V2}/experiments/create",
        f"POST {_V2}/experiments/update",
        f"POST {_V2}/experiments/delete",
        f"POST {_V2}/experiments/restore",
        f"POST {_V2}/experiments/set-experiment-tag",
        f"POST {_V2}/experiments/delete-experiment-tag",
        f"POST {_V2}/runs/create",
        f"POST {_V2}/runs/update",
        f"POST {_V2}/runs/delete",
        f"POST {_V2}/runs/restore",
        f"POST {_V2}/runs/set-tag",
        f"POST {_V2}/runs/delete-tag",
        f"POST {_V2}/runs/log-metric",
        f"POST {_V2}/runs/log-parameter",
        f"POST {_V2}/runs/log-batch",
        f"POST {_V2}/runs/log-model",
        f"POST {_V2}/runs/log-inputs",
        f"POST {_V2}/runs/outputs",
        f"POST {_V2}/logged-models",
        f"PATCH {_V2}/logged-models/{{model}}",
        f"DELETE {_V2}/logged-models/{{model}}",
        f"POST {_V2}/logged-models/{{model}}/params",
        f"PATCH {_V2}/logged-models/{{model}}/tags",
        f"DELETE {_V2}/logged-models/{{model}}/tags/{{tag}}",
        f"PUT {_FILES}/{{path*}}",
        f"DELETE {_FILES}/{{path*}}",
    ),
    "registry": (
        f"POST {_V2}/registered-models/create",
        f"PATCH {_V2}/registered-models/update",
        f"DELETE {_V2}/registered-models/delete",
        f"POST {_V2}/registered-models/rename",
        f"POST {_V2}/registered-models/set-tag",
        f"DELETE {_V2}/registered-models/delete-tag",
        f"POST {_V2}/registered-models/alias",
        f"DELETE {_V2}/registered-models/alias",
        f"POST {_V2}/model-versions/create",
        f"PATCH {_V2}/model-versions/update",
        f"DELETE {_V2}/model-versions/delete",
        f"POST {_V2}/model-versions/set-tag",
        f"DELETE {_V2}/model-versions/delete-tag",
    ),
    "workspaces": (f"GET {_V3}/workspaces", f"GET {_V3}/workspaces/{{name}}"),
    "info": (f"GET {_V3}/server-info",),
}
CALLS = tuple(_call(kind, *line.split(" ")) for kind, lines in _LISTED.items() for line in lines)

# MLflow's pages call the same paths below /ajax-api, these, and files of their own.
_PAGE_LINES = (
    "GET ajax-api/2.0/mlflow/metrics/get-history-bulk",
    "GET ajax-api/2.0/mlflow/metrics/get-history-bulk-interval",
    "GET ajax-api/2.0/mlflow/logged-models/{model}/artifacts/files",
    "POST ajax-api/2.0/mlflow/experiments/search-datasets",
    "GET ajax-api/3.0/mlflow/ui-telemetry",
    "POST graphql",
    "GET get-artifact",
    "GET model-versions/get-artifact",
    "GET version",
    "GET health",
    "GET static-files/{path*}",
)
_PAGE_CALLS = tuple(_call("read", *line.split(" ")) for line in _PAGE_LINES)


def find(method: str, path: str) -> Call | None:
    """The call that `path`, decoded and below `api/`, is; None for one that is not allowed."""
    return _find(CALLS, method, path)


def find_for_pages(method: str, path: str) -> Call | None:
    """The same for MLflow's own pages, which only read; `path` is below `/`."""
    below = path.removeprefix("ajax-api/")
    call = _find(CALLS, method, below) if below != path else None
    if call is None or call.kind in ("write", "registry"):
        return _find(_PAGE_CALLS, method, path)
    return call


def _find(calls: tuple[Call, ...], method: str, path: str) -> Call | None:
    # No part may lead elsewhere once somebody else has taken the path apart.
    if any(part in ("", ".", "..") for part in path.split("/")) or "\\" in path or "\0" in path:
        return None
    return next((call for call in calls if call.method == method and call.pattern.fullmatch(path)), None)
