"""The resident runner: started once in a person's sandbox, it starts that person's workloads for the service.

``python -m himalia.runner.resident --socket … --state … --run-socket …`` speaks version 1 of the runner protocol
(docs/architecture.md). One thread; reports of one turn of the loop are sent together.
"""

from __future__ import annotations

import hmac
import os
import secrets
import signal
import socket
import sys
import time
from typing import Any, Dict, Optional

from himalia.runner import lines, processes, runsocket, settings
from himalia.runner.journal import Journal
from himalia.runner.lifecycle import Lifecycle
from himalia.runner.lines import LineSocket, ProtocolError
from himalia.runner.loop import Loop
from himalia.runner.outbox import Outbox
from himalia.runner.task import is_name

VERSION = 1
_LONGEST_LINE = 64 << 20
_MOST_STRANGERS = 16
_LONGEST_WAIT_S = 5.0
#: What the service has not taken yet; more is not encoded for it.
_MOST_UNSENT = 4 << 20
TERM_GRACE_S = 10.0


class Runner:
    """Ties the loop, the connection to the service, and the workloads together."""

    def __init__(self, options: settings.Settings) -> None:
        os.makedirs(options.state, 0o700, exist_ok=True)
        self._options = options
        self._id = secrets.token_hex(8)
        self._loop = Loop()
        self._outbox = Outbox()
        self._journal = Journal(os.path.join(options.state, "journal"))
        self._lifecycle = Lifecycle(self._loop, options, self._journal, self._id)
        self._lifecycle.recover()
        self._journal.begin(self._id)
        self._service: Optional[LineSocket] = None
        self._strangers: Dict[LineSocket, None] = {}
        self._ending = False
        self._busy_at = time.monotonic()
        self._woken = self._watch_signals()
        self._run_socket = runsocket.RunSocket(
            self._loop, options.run_socket, self._lifecycle.find_running, self._lifecycle.note
        )
        self._lifecycle.drain_run_socket = self._run_socket.drain
        self._lifecycle.tell_should_stop = self._run_socket.tell_should_stop
        self._listener = runsocket.listen(options.socket)
        self._socket_inode = os.stat(options.socket).st_ino
        self._loop.watch(self._listener, self._accept)

    def run(self) -> None:
        """Serve until told to end, idle for long enough, or cut off from the service for ever."""
        while True:
            due = self._turn()
            now = time.monotonic()
            if self._finished(now):
                break
            self._loop.run_once(min(max(due - now, 0.0), _LONGEST_WAIT_S))
        self._lifecycle.close()
        self._run_socket.close()
        self._listener.close()
        self._journal.close()
        self._loop.close()

    def _turn(self) -> float:
        """What follows from the events of one turn; answers when the next is due, in monotonic seconds."""
        self._lifecycle.begin_accepted()
        due = self._lifecycle.tick(time.monotonic())
        # A report is durable here before anybody hears of it.
        self._journal.flush()
        send_at = self._send_reports()
        now = time.monotonic()
        times = [at for at in (due, send_at) if at is not None]
        if self._busy_at + self._options.idle_s > now:
            times.append(self._busy_at + self._options.idle_s)
        return min(times, default=now + _LONGEST_WAIT_S)

    def _finished(self, now: float) -> bool:
        quiet = self._lifecycle.idle and not self._lifecycle.changed and self._outbox.empty
        if not self._lifecycle.idle:
            self._busy_at = now
        if self._cut_off():
            return True
        if self._ending:
            return quiet or (self._service is None and self._lifecycle.idle)
        return quiet and 0 < self._options.idle_s <= now - self._busy_at

    def _cut_off(self) -> bool:
        """Whether the socket has been deleted or replaced: nobody can ever connect again."""
        try:
            return os.stat(self._options.socket).st_ino != self._socket_inode
        except OSError:
            return True

    # The service.

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except OSError:
            return  # nobody is there any more, or no descriptor is left: the socket stays ready
        if len(self._strangers) >= _MOST_STRANGERS:
            oldest = next(iter(self._strangers))
            self._drop(oldest)
        stranger = LineSocket(accepted, _LONGEST_LINE)
        self._strangers[stranger] = None
        self._loop.watch(stranger, lambda: self._hear(stranger))

    def _hear(self, connection: LineSocket) -> None:
        connection.flush()
        try:
            for message in connection.receive():
                if connection is self._service:
                    self._obey(message)
                else:
                    self._greet(connection, message)
        except ProtocolError as error:
            print(f"The service's connection is closed: {error}.", file=sys.stderr, flush=True)
            connection.closed = True
        if connection.closed:
            self._drop(connection)

    def _greet(self, connection: LineSocket, message: Dict[str, Any]) -> None:
        """Let the connection take the service's place if it knows version and token."""
        if message.get("op") != "hello" or message.get("version") != VERSION:
            raise ProtocolError(f"this runner speaks version {VERSION} of the protocol")
        token = message.get("token")
        expected = self._options.token.encode()
        if not isinstance(token, str) or not hmac.compare_digest(token.encode("utf-8", "replace"), expected):
            raise ProtocolError("the token is wrong")
        if self._service is not None:
            self._drop(self._service)
        del self._strangers[connection]
        self._service = connection
        hello = {
            "op": "hello",
            "version": VERSION,
            "runner": self._id,
            "running": self._lifecycle.running,
            "next": self._outbox.next,
        }
        connection.queue(lines.encode(hello))
        for line in self._outbox.unacknowledged():
            connection.queue(line)

    def _obey(self, message: Dict[str, Any]) -> None:
        op = message.get("op")
        lifecycle = self._lifecycle
        if op == "start" and is_name(message.get("name")):
            lifecycle.accept(message["name"], message.get("task"), message.get("after"))
        elif op == "stop" and is_name(message.get("name")):
            grace_s = message.get("grace_s")
            reason = str(message.get("reason") or "stopped_by_user")
            lifecycle.stop(message["name"], float(grace_s) if grace_s is not None else TERM_GRACE_S, reason)
        elif op == "recall" and isinstance(message.get("names"), list):
            lifecycle.recall([name for name in message["names"] if is_name(name)])
        elif op == "ack" and isinstance(message.get("upto"), int):
            self._outbox.acknowledge(message["upto"])
        elif op == "should_stop" and isinstance(message.get("names"), list):
            lifecycle.should_stop([name for name in message["names"] if is_name(name)])
        elif op == "forget" and isinstance(message.get("names"), list):
            lifecycle.forget([name for name in message["names"] if is_name(name)])
        elif op == "end":
            self._ending = True
        else:
            raise ProtocolError(f"the runner does not know how to do {op!r}, or not so")

    def _send_reports(self) -> Optional[float]:
        """Send what there is to say; answer when there will be more without another event."""
        service = self._service
        if service is None:
            return None
        due: Optional[float] = None
        now = time.monotonic()
        changed = self._lifecycle.changed
        for name, workload in list(changed.items()):
            if self._outbox.full or service.waiting > _MOST_UNSENT:
                break
            again = workload.emit(self._outbox, service.queue, now)
            if again is None:
                del changed[name]
            elif due is None or again < due:
                due = again
        service.flush()
        if service.closed:
            self._drop(service)
            return None
        self._loop.watch_writing(service, service.waiting > 0)
        return due

    def _drop(self, connection: LineSocket) -> None:
        self._loop.unwatch(connection)
        connection.close()
        self._strangers.pop(connection, None)
        if connection is self._service:
            self._service = None

    # Signals.

    def _watch_signals(self) -> socket.socket:
        """Have signals wake the loop; answers the end of the pair that must stay open."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        theirs.setblocking(False)
        signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._loop.watch(ours, lambda: self._signalled(ours.recv(4096)))
        return theirs

    def _signalled(self, numbers: bytes) -> None:
        if signal.SIGTERM in numbers or signal.SIGINT in numbers:
            self._ending = True
            self._lifecycle.stop_all(TERM_GRACE_S, "platform_stopped")
        self._lifecycle.reap()


def main() -> None:
    """Run one resident runner in the foreground."""
    options = settings.parse()
    processes.hide_memory()
    os.chdir("/")
    Runner(options).run()


if __name__ == "__main__":
    main()
