"""Calls to MLflow's REST API in one workspace, for the service's own use: no gate is between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from himalia.core.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    HimaliaError,
    Invalid,
    NotFound,
    TooLarge,
    Unavailable,
)

WORKSPACE_HEADER = "X-MLFLOW-WORKSPACE"
API = "/api/2.0/mlflow"
FILES = "/api/2.0/mlflow-artifacts/artifacts"
_ERRORS: dict[int, type[HimaliaError]] = {
    400: Invalid,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    413: TooLarge,
}


class MlflowRefused(Exception):
    """MLflow answered with an error: `code` is its word, `error` the same for our API."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code
        kind = _ERRORS.get(status, BadRequest if status < 500 else Unavailable)
        self.error = kind(f"MLflow answered: {message}")


@dataclass(frozen=True, slots=True)
class MlflowClient:
    """MLflow as one project sees it. `http` knows neither timeouts of its own nor redirects."""

    http: httpx.AsyncClient
    workspace: str

    @property
    def headers(self) -> dict[str, str]:
        """What makes a call one in this workspace."""
        return {WORKSPACE_HEADER: self.workspace}

    async def get(self, path: str, /, **params: str) -> dict[str, Any]:
        """GET below `api/2.0/mlflow`. Raises MlflowRefused, Unavailable."""
        return await self._call("GET", path, params=params)

    async def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """POST below `api/2.0/mlflow`. Raises MlflowRefused, Unavailable."""
        return await self._call("POST", path, body=body)

    async def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """PATCH below `api/2.0/mlflow`. Raises MlflowRefused, Unavailable."""
        return await self._call("PATCH", path, body=body)

    async def delete(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """DELETE below `api/2.0/mlflow`. Raises MlflowRefused, Unavailable."""
        return await self._call("DELETE", path, body=body)

    async def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        url = path if path.startswith("/") else f"{API}/{path}"
        try:
            # Not httpx's JSON, which refuses a NaN that a caller of ours was sent.
            content = None if body is None else json.dumps(body).encode()
            headers = {**self.headers, "Content-Type": "application/json"}
            answer = await self.http.request(method, url, content=content, params=params, headers=headers)
        except httpx.TransportError as error:
            raise Unavailable("MLflow ended while it was asked. Try again in a moment.") from error
        if answer.is_success:
            read: dict[str, Any] = answer.json() if answer.content else {}
            return read
        raise refused(answer)


def refused(answer: httpx.Response) -> MlflowRefused:
    """The error that a whole answer tells."""
    try:
        told = answer.json()
        return MlflowRefused(answer.status_code, str(told["error_code"]), str(told["message"]))
    except (ValueError, KeyError, TypeError):
        return MlflowRefused(answer.status_code, "INTERNAL_ERROR", f"status {answer.status_code}")
