"""The hub's calls to the service: what can be started, and the reservation of one server."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tornado.httpclient import AsyncHTTPClient, HTTPResponse

BASE_PATH = "/services/himalia"
_NOT_ANSWERING = "The Himalia service does not answer now. Try again in a moment."


def service_variables(url: str) -> dict[str, str]:
    """Where a server finds the service, and MLflow in it; `url` is the service's root."""
    base = url.rstrip("/") + BASE_PATH
    return {
        "HIMALIA_URL": base,
        "MLFLOW_TRACKING_URI": f"{base}/mlflow",
        "MLFLOW_EXPERIMENT_NAME": "Default",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # no pages are there
    }


class ServiceError(Exception):
    """A call that failed; `message` is a sentence for the person, `status` the HTTP status."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.message = message
        self.status = status


@dataclass(frozen=True)
class ServiceClient:
    """`url` is the service's root, as `http://127.0.0.1:8003`; the token is read at each call."""

    url: str
    token_file: Path
    timeout_s: float = 10.0

    async def profiles(self, groups: Iterable[str]) -> dict[str, Any]:
        """`{"items": [profile…], "machine": {…}}` for a member of these groups, with what is free now."""
        query = urlencode([("groups", group) for group in groups] or [("groups", "")])
        return await self._call("GET", f"/profiles?{query}")

    async def reserve(self, request: dict[str, Any]) -> dict[str, Any]:
        """Take what a server needs: the reservation, or `ServiceError` with the reason."""
        return await self._call("POST", "/reservations", request)

    async def release(self, reservation: str) -> None:
        """Give it back; one that is gone is fine."""
        try:
            await self._call("DELETE", f"/reservations/{quote(reservation, safe='')}")
        except ServiceError as error:
            if error.status != 404:
                raise

    async def stop_workload(self, workload: str, by: str) -> None:
        """Have a workload stopped, whoever's it is; `by` is the administrator who asks."""
        await self._call("POST", f"/workloads/{quote(workload, safe='')}/stop", {"by": by})

    async def stream_workloads(self, take: Callable[[bytes], None]) -> None:
        """Hand on what the service sends of all workloads, as server-sent events, until it or `take` ends."""
        response = await AsyncHTTPClient(force_instance=True).fetch(
            f"{self.url.rstrip('/')}{BASE_PATH}/api/v1/workloads/stream",
            headers=self._headers(),
            request_timeout=0,
            follow_redirects=False,
            raise_error=False,
            streaming_callback=take,
        )
        if response.code != 200:
            raise ServiceError(_NOT_ANSWERING, 503)

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.token_file.read_text().strip()}",
            "Content-Type": "application/json",
        }

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            response = await AsyncHTTPClient().fetch(
                f"{self.url.rstrip('/')}{BASE_PATH}/api/v1{path}",
                method=method,
                headers=self._headers(),
                body=None if body is None else json.dumps(body),
                request_timeout=self.timeout_s,
                follow_redirects=False,
                raise_error=False,
            )
        except OSError as error:
            raise ServiceError(_NOT_ANSWERING, 503) from error
        return _read(response)


def _read(response: HTTPResponse) -> dict[str, Any]:
    # Tornado answers 599 for what never got an answer.
    if response.code in (502, 504, 599):
        raise ServiceError(_NOT_ANSWERING, 503)
    if response.code == 204:
        return {}
    try:
        body = json.loads(response.body)
    except ValueError as error:
        raise ServiceError(_NOT_ANSWERING, 503) from error
    if response.code in (200, 201) and isinstance(body, dict):
        return body
    error_body = body.get("error") if isinstance(body, dict) else None
    otherwise = (
        _NOT_ANSWERING if response.code == 503 else f"The service refused this (status {response.code})."
    )
    message = (error_body or {}).get("message") or otherwise
    raise ServiceError(str(message), response.code)
