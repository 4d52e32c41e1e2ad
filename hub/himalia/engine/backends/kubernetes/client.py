"""The Kubernetes API in raw JSON, reached as the official client's configuration says."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode
from urllib.request import getproxies

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from pydantic_core import from_json

MANAGER = "himalia"
UNTYPED = "failed to create typed patch object"
"""With what server-side apply begins where an object is not of its schema; its status is 500, as of trouble."""
CALL_S = 30.0
CONNECT_S = 10.0
APPLY = {"Content-Type": "application/apply-patch+yaml"}

Object = dict[str, Any]


class ApiError(Exception):
    """The API refused a call; the text is its own sentence."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.reason = reason

    @property
    def passes(self) -> bool:
        """Whether the same call may well succeed later."""
        return self.status == 429 or (self.status >= 500 and not self.message.startswith(UNTYPED))


class Unreachable(Exception):
    """The API did not answer."""


class Api:
    """Calls of one service account. `calls` counts them, by verb and resource."""

    def __init__(self, configuration: Configuration) -> None:
        self.calls: Counter[str] = Counter()
        self._configuration = configuration
        # Its session would look into ~/.netrc and for a proxy at each call, in a thread of its own.
        configuration.client_session_kwargs = {"trust_env": _has_proxy()}
        self._rest: Any = RESTClientObject(configuration)

    @classmethod
    async def connect(cls) -> Api:
        """As a pod's service account, or as `KUBECONFIG` (or `~/.kube/config`) says. Raises Unreachable."""
        configuration = Configuration()
        try:
            if _is_in_pod():
                config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
            else:
                # The client's own look at the variable is from when it was imported.
                named = os.environ.get("KUBECONFIG")
                await config.load_kube_config(named, client_configuration=configuration)  # type: ignore[no-untyped-call]
        except (config.ConfigException, OSError) as error:
            raise Unreachable(f"No way to the cluster's API is configured: {error}") from error
        return cls(configuration)

    async def close(self) -> None:
        """Close the connections."""
        await self._rest.close()

    async def get(self, path: str, query: Mapping[str, Any] | None = None) -> Object:
        """One object, or a list of them. Raises ApiError, Unreachable."""
        answer: Object = from_json(await self._call("GET", path, query))
        return answer

    async def text(self, path: str, query: Mapping[str, Any] | None = None) -> bytes:
        """What is no JSON, as logs. Raises ApiError, Unreachable."""
        return await self._call("GET", path, query)

    async def apply(self, path: str, manifest: Object) -> Object:
        """Have an object be as `manifest` says (server-side apply). Raises ApiError, Unreachable."""
        query = {"fieldManager": MANAGER, "force": "true"}
        answer: Object = from_json(await self._call("PATCH", path, query, manifest, APPLY))
        return answer

    async def create(self, path: str, manifest: Object) -> None:
        """Make an object, unless one of its name is there. Raises ApiError, Unreachable."""
        try:
            await self._call("POST", path, {"fieldManager": MANAGER}, manifest)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    async def delete(self, path: str, uid: str | None = None) -> None:
        """Delete an object and, later, what it owns; nothing happens when it (or this `uid`) is not there.

        Raises ApiError, Unreachable.
        """
        body: Object = {"propagationPolicy": "Background"}
        if uid is not None:
            body["preconditions"] = {"uid": uid}
        try:
            await self._call("DELETE", path, None, body)
        except ApiError as error:
            if error.status not in (404, 409):
                raise

    @asynccontextmanager
    async def lines(self, path: str, query: Mapping[str, Any], quiet_s: float) -> AsyncIterator[Lines]:
        """A watch's lines as they come. Raises ApiError, Unreachable, also after `quiet_s` without a byte."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=quiet_s)
        async with self._answer("GET", path, query, None, {}, timeout) as response:
            yield Lines(response.content)

    async def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None = None,
        body: Object | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        timeout = aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S)
        async with self._answer(method, path, query, body, headers or {}, timeout) as response:
            return await response.read()

    @asynccontextmanager
    async def _answer(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        body: Object | None,
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        self.calls[f"{method} {_resource(path)}"] += 1
        url = f"{self._configuration.host}{path}" + (f"?{urlencode(query)}" if query else "")
        try:
            sent = {"Accept": "application/json", **headers, **await self._credentials()}
            answer = await self._rest.request(method, url, sent, body, _request_timeout=timeout)
            async with answer.response as response:
                if response.status >= 400:
                    raise _refused(response.status, await response.read())
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(
                f"The cluster's API does not answer: {str(error) or type(error).__name__}"
            ) from error

    async def _credentials(self) -> dict[str, str]:
        settings: dict[str, Any] = dict(await self._configuration.auth_settings())
        return {one["key"]: one["value"] for one in settings.values() if one["value"]}


class Lines:
    """The lines of an answer, those that have come together given together."""

    def __init__(self, content: aiohttp.StreamReader) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[list[bytes]]:
        rest: list[bytes] = []
        async for data in self._content.iter_any():
            *whole, last = data.split(b"\n")
            if whole:
                whole[0] = b"".join([*rest, whole[0]])
                rest = []
                yield [line for line in whole if line]
                await asyncio.sleep(0)
            rest.append(last)


def _is_in_pod() -> bool:
    """Whether the API is reached by a pod's service account."""
    return "KUBERNETES_SERVICE_HOST" in os.environ and "KUBECONFIG" not in os.environ


def _has_proxy() -> bool:
    """Whether the way to the API is through a proxy that the environment names; within a cluster it never is."""
    return not _is_in_pod() and bool(getproxies())


def _resource(path: str) -> str:
    """What a path is about, for counting: `jobs`, `pods/log`."""
    parts = path.strip("/").split("/")
    rest = parts[3:] if parts[0] == "apis" else parts[2:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    return "/".join([rest[0], *rest[2:]]) if rest else "/"


def _refused(status: int, body: bytes) -> ApiError:
    try:
        told = from_json(body)
        return ApiError(status, str(told["message"]), str(told.get("reason") or ""))
    except (ValueError, KeyError, TypeError):
        return ApiError(status, f"The cluster's API answered with HTTP status {status}.")
