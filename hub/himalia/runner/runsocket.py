"""The socket through which user code speaks to its runner (``himalia.run``)."""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import Any, Callable, Dict, Optional

from himalia.runner import metrics, outputs
from himalia.runner.lines import LineSocket, ProtocolError
from himalia.runner.loop import Loop
from himalia.runner.workload import Workload

_LONGEST_LINE = 1 << 20
#: What a client must leave unread before it is cut off.
_MOST_ANSWERS = 1 << 20
_MOST_PROGRESS = 16384
_MOST_CLIENTS = 256


class RunSocket:
    """Listens on ``path``; ``find`` answers the living workload of a name, ``changed`` is told of each change."""

    def __init__(
        self,
        loop: Loop,
        path: str,
        find: Callable[[str], Optional[Workload]],
        changed: Callable[[Workload], None],
    ) -> None:
        self.path = path
        self._loop = loop
        self._find = find
        self._changed = changed
        # With the name that each spoke for last.
        self._clients: Dict[LineSocket, Optional[str]] = {}
        self._listener = listen(path)
        loop.watch(self._listener, self._accept)

    def drain(self) -> None:
        """Take everything that has been sent, also on connections that were not accepted yet."""
        self._accept()
        for client in list(self._clients):
            self._serve(client, everything=True)

    def tell_should_stop(self, name: str) -> None:
        """Say it to those that speak for ``name``, so that they know it at their next call, not the one after."""
        for client in [client for client, spoken_for in self._clients.items() if spoken_for == name]:
            client.send({"should_stop": True})
            self._attend(client)

    def close(self) -> None:
        for client in self._clients:
            client.close()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return  # nobody is there any more, or no descriptor is left: the socket stays ready
            if len(self._clients) >= _MOST_CLIENTS:
                accepted.close()
                continue
            client = LineSocket(accepted, _LONGEST_LINE)
            self._clients[client] = None
            self._loop.watch(client, partial(self._serve, client))

    def _serve(self, client: LineSocket, everything: bool = False) -> None:
        client.flush()
        try:
            for message in client.receive_all() if everything else client.receive():
                client.send(self._answer(client, message))
        except ProtocolError as error:
            client.send({"ok": False, "message": str(error)})
            client.closed = True
        self._attend(client)

    def _attend(self, client: LineSocket) -> None:
        """Let go of a client that is gone or does not listen; come back to one that has not taken all."""
        if client.closed or client.waiting > _MOST_ANSWERS:
            self._loop.unwatch(client)
            self._clients.pop(client, None)
            client.close()
        else:
            self._loop.watch_writing(client, client.waiting > 0)

    def _answer(self, client: LineSocket, message: Dict[str, Any]) -> Dict[str, Any]:
        name = message.get("name")
        workload = self._find(name) if isinstance(name, str) else None
        if workload is None:
            return {"ok": False, "message": "This runner has no running job of that name."}
        self._clients[client] = workload.name
        try:
            self._apply(workload, message)
        except (metrics.BadMetric, ValueError) as error:
            return {"ok": False, "message": str(error), "should_stop": workload.should_stop}
        return {"ok": True, "should_stop": workload.should_stop}

    def _apply(self, workload: Workload, message: Dict[str, Any]) -> None:
        op = message.get("op")
        if op == "metrics" and isinstance(message.get("items"), list):
            workload.metrics.add([metrics.check(item) for item in message["items"]])
            self._changed(workload)
        elif op == "output" and isinstance(message.get("path"), str):
            workload.declared.add(outputs.inside(workload.directory, message["path"]))
        elif op == "progress" and isinstance(message.get("data"), dict):
            if len(repr(message["data"])) > _MOST_PROGRESS:
                raise ValueError("The progress message is too long.")
            workload.progress(message["data"])
            self._changed(workload)
        else:
            raise ValueError("The runner does not know this message.")


def listen(path: str) -> socket.socket:
    """A listening Unix socket that only its owner can use, in the place of whatever was there."""
    if os.path.lexists(path):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(128)
    listener.setblocking(False)
    return listener
