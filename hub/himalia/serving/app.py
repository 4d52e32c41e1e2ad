"""The HTTP side: paths, limits and errors of the Open Inference Protocol, as an ASGI application."""

from __future__ import annotations

import asyncio
import hmac
import json
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from himalia.serving.errors import BadInputError, BusyError, ServingError, TooLargeError, UnknownError
from himalia.serving.inference import Answer, infer
from himalia.serving.model import Model

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MOST_BODY_BYTES = 100 * 2**20
MOST_WAITING = 256

_LENGTH_HEADER = b"inference-header-content-length"
_CHALLENGE = b"himalia-challenge"
_JSON = (b"content-type", b"application/json")
_CLOSE = (b"connection", b"close")


class App:
    """Serves one model under one name. The model runs in a thread of its own, so that the loop can always answer."""

    def __init__(
        self, model: Model, name: str, version: str, most_body_bytes: int = MOST_BODY_BYTES, secret: str = ""
    ) -> None:
        self._model = model
        self._name, self._version = name, version
        self._most_body_bytes = most_body_bytes
        self._secret = secret.encode()
        self._waiting = 0
        self._held_bytes = 0
        self._thread = ThreadPoolExecutor(1, "model")
        paths = [f"/v2/models/{name}", *([f"/v2/models/{name}/versions/{version}"] if version else [])]
        self._infer = {f"{path}/infer" for path in paths}
        about = _dumped(self._about())
        self._known = {
            "/v2": _dumped({"name": "himalia", "version": "2", "extensions": ["binary_tensor_data"]}),
            "/v2/health/live": _dumped({"live": True}),
            "/v2/health/ready": _dumped({"ready": True}),
            **dict.fromkeys(paths, about),
            **{f"{path}/ready": _dumped({"name": name, "ready": True}) for path in paths},
        }

    def _about(self) -> dict[str, Any]:
        return {
            "name": self._name,
            "versions": [self._version] if self._version else [],
            "platform": "mlflow_"
            + next((f for f in self._model.flavors if f != "python_function"), "pyfunc"),
            "inputs": [field.as_json() for field in self._model.inputs],
            "outputs": [field.as_json() for field in self._model.outputs],
        }

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one HTTP request (ASGI 3)."""
        headers = [_JSON]
        try:
            answer = await self._answer(scope, receive)
            status, body = 200, answer.body
            if answer.json_length is not None:
                headers = [
                    (b"content-type", b"application/octet-stream"),
                    (_LENGTH_HEADER, b"%d" % answer.json_length),
                ]
        except _Gone:
            return
        except ServingError as error:
            status, body = error.status, _dumped({"error": str(error)})
            if isinstance(error, TooLargeError | BusyError):
                headers.append(_CLOSE)  # what is left of the body is not read
        except Exception:
            traceback.print_exc()
            status, body = 500, _dumped({"error": "The server failed. Its log says why."})
        headers += self._proof(scope["headers"])
        headers.append((b"content-length", b"%d" % len(body)))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _proof(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """What shows a gateway which server this is, where it asks: the HMAC-SHA256 of its challenge."""
        asked = next((value for name, value in headers if name == _CHALLENGE), b"")
        if not self._secret or not asked:
            return []
        return [(b"himalia-proof", hmac.new(self._secret, asked, "sha256").hexdigest().encode())]

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        if path in self._infer:
            if method != "POST":
                raise _MethodError(f"{path} is asked with POST.")
            return await self._inference(scope, receive)
        known = self._known.get(path.rstrip("/"))
        if known is None:
            raise UnknownError(
                f"There is no {path} here. This is the model {self._name}{self._of_version()}."
            )
        if method not in ("GET", "HEAD"):
            raise _MethodError(f"{path} is asked with GET.")
        return Answer(known)

    def _of_version(self) -> str:
        return f" in version {self._version}" if self._version else ""

    async def _inference(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        if self._waiting >= MOST_WAITING:
            raise BusyError(f"{MOST_WAITING} requests are waiting for this model already. Try again later.")
        length, json_length = _lengths(scope["headers"])
        if length > self._most_body_bytes:
            raise self._too_large()
        self._waiting += 1
        try:
            body = await self._body(receive)
            try:
                return await asyncio.get_running_loop().run_in_executor(
                    self._thread, infer, self._model, self._name, self._version, body, json_length
                )
            finally:
                self._held_bytes -= len(body)
        finally:
            self._waiting -= 1

    async def _body(self, receive: Receive) -> bytes:
        """The whole body; it counts as held until the caller says otherwise."""
        pieces: list[bytes] = []
        size = 0
        try:
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Gone
                piece = message.get("body", b"")
                size += len(piece)
                self._held_bytes += len(piece)
                pieces.append(piece)
                if size > self._most_body_bytes:
                    raise self._too_large()
                if self._held_bytes > 2 * self._most_body_bytes:
                    raise BusyError("Too many large requests are waiting for this model. Try again later.")
                if not message.get("more_body"):
                    return b"".join(pieces)
        except BaseException:
            self._held_bytes -= size
            raise

    def _too_large(self) -> TooLargeError:
        most = f"{self._most_body_bytes / 2**20:g} MiB"
        return TooLargeError(f"The request is larger than {most}. Ask for fewer rows at once.")


class _Gone(Exception):
    """The caller hung up."""


class _MethodError(ServingError):
    status = 405


def _lengths(headers: list[tuple[bytes, bytes]]) -> tuple[int, int | None]:
    """The body's length as far as it is said, and that of its JSON where bytes follow."""
    found: dict[bytes, int] = {}
    for name, value in headers:
        if name in (b"content-length", _LENGTH_HEADER):
            if not value.isdigit():
                raise BadInputError(f"The header {name.decode()} is a whole number.")
            found[name] = int(value)
    return found.get(b"content-length", 0), found.get(_LENGTH_HEADER)


def _dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
