"""JSON lines over non-blocking stream sockets, with bounded buffers."""

from __future__ import annotations

import json
import socket
from typing import Any, Dict, List, Optional

_READ_BYTES = 1 << 18
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False, check_circular=False)


class ProtocolError(Exception):
    """The other side sent what is not a line of the protocol; the text says what."""


class LineSocket:
    """One side of a connection that speaks one JSON object per line."""

    def __init__(self, sock: socket.socket, longest_line: int) -> None:
        sock.setblocking(False)
        self.socket = sock
        self.closed = False
        self._longest = longest_line
        self._incoming = b""
        self._outgoing = bytearray()

    def fileno(self) -> int:
        return self.socket.fileno()

    def receive(self) -> List[Dict[str, Any]]:
        """The objects that have arrived; sets ``closed`` when the other side is gone.

        Raises ProtocolError for a line that is too long or no JSON object.
        """
        return self._take() or []

    def receive_all(self) -> List[Dict[str, Any]]:
        """Everything that lies ready, until the other side is gone or has no more now.

        Raises ProtocolError as :meth:`receive` does.
        """
        found: List[Dict[str, Any]] = []
        while not self.closed:
            messages = self._take()
            if messages is None:
                break
            found += messages
        return found

    def _take(self) -> Optional[List[Dict[str, Any]]]:
        """The whole lines of one read, or None when nothing lies ready."""
        try:
            data = self.socket.recv(_READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            data = b""
        if not data:
            self.closed = True
            return []
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        if len(self._incoming) > self._longest or any(len(line) > self._longest for line in lines):
            raise ProtocolError(f"a line is longer than {self._longest} bytes")
        return [_parse(line) for line in lines if line.strip()]

    def send(self, message: Dict[str, Any]) -> None:
        """Queue ``message`` and send what the other side takes now."""
        self.queue(encode(message))
        self.flush()

    def queue(self, data: bytes) -> None:
        """Queue encoded lines for the next :meth:`flush`."""
        self._outgoing += data

    def flush(self) -> None:
        """Send what the other side takes now; sets ``closed`` when it is gone."""
        while self._outgoing and not self.closed:
            try:
                sent = self.socket.send(self._outgoing)
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                self.closed = True
                return
            del self._outgoing[:sent]

    @property
    def waiting(self) -> int:
        """Bytes that the other side has not taken yet."""
        return len(self._outgoing)

    def close(self) -> None:
        self.closed = True
        self.socket.close()


def encode(message: Dict[str, Any]) -> bytes:
    """``message`` as one line of the protocol."""
    return _ENCODER.encode(message).encode("ascii") + b"\n"


def _parse(line: bytes) -> Dict[str, Any]:
    try:
        message: Optional[Any] = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        raise ProtocolError("a line is not JSON") from None
    if not isinstance(message, dict):
        raise ProtocolError("a line is not a JSON object")
    return message
