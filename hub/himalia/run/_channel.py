"""The line to the runner beside this process, over the Unix socket that ``HIMALIA_RUN_SOCKET`` names.

A message is in the socket's buffer when :meth:`Channel.send` returns, so it arrives even if the process is killed
right afterwards. Answers are read when they are there, never waited for. Nothing here raises: user code does not
fail because of its surroundings.
"""

from __future__ import annotations

import collections
import json
import os
import socket
import threading
import time
from typing import Any, Deque, Dict, Optional

_TIMEOUT_S = 5.0
_PAUSE_S = 1.0
#: Messages that are kept while the runner cannot be reached; the oldest go first.
_MOST_WAITING = 10_000
_READ_BYTES = 1 << 16


class Channel:
    """One per process; safe to use from several threads and after a fork."""

    def __init__(self) -> None:
        self.should_stop = False
        self._sending = False
        self._reset()
        os.register_at_fork(after_in_child=self._reset)

    def send(self, message: Dict[str, Any]) -> None:
        """Hand ``message`` to the runner, or keep it until the runner can be reached."""
        name = os.environ.get("HIMALIA_RUN_NAME")
        line = json.dumps({"name": name, **message}).encode() + b"\n"
        with self._lock:
            self._waiting.append(line)
            if self._sending:
                return  # a signal handler has interrupted a send of this thread, which will send this as well
            self._sending = True
            try:
                if self._connect():
                    self._flush()
                    self._read_answers()
            finally:
                self._sending = False

    def poll(self) -> None:
        """Take in what the runner has said since the last message."""
        with self._lock:
            if not self._sending:
                self._read_answers()

    def end(self) -> None:
        """Let go of the connection and of what the runner has said: the job is over."""
        with self._lock:
            self._disconnect()
        self._reset()
        self.should_stop = False

    def _reset(self) -> None:
        """Start anew: a child must neither share its parent's socket nor repeat its messages."""
        self._lock = threading.RLock()
        self._sending = False
        self._socket: Optional[socket.socket] = None
        self._waiting: Deque[bytes] = collections.deque(maxlen=_MOST_WAITING)
        self._answers = b""
        self._not_before = 0.0

    def _connect(self) -> bool:
        if self._socket is not None:
            return True
        if time.monotonic() < self._not_before:
            return False
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(_TIMEOUT_S)
        try:
            connection.connect(os.environ["HIMALIA_RUN_SOCKET"])
        except OSError:
            connection.close()
            self._not_before = time.monotonic() + _PAUSE_S
            return False
        self._socket = connection
        return True

    def _flush(self) -> None:
        while self._waiting and self._socket is not None:
            try:
                self._socket.sendall(self._waiting[0])
            except OSError:
                self._disconnect()
                return
            self._waiting.popleft()

    def _read_answers(self) -> None:
        if self._socket is None:
            return
        try:
            data = self._socket.recv(_READ_BYTES, socket.MSG_DONTWAIT)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._disconnect()
            return
        *lines, self._answers = (self._answers + data).split(b"\n")
        for line in lines:
            self.should_stop = json.loads(line).get("should_stop", self.should_stop)

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._answers = b""
        self._not_before = time.monotonic() + _PAUSE_S
