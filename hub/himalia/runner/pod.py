"""One workload in a pod: ``python3 -m himalia.runner.pod --launch FILE``.

Two processes. The child is a resident runner as anywhere else, with the same lifecycle, journal and run socket; this
one, its parent, speaks the runner protocol with it as the service does on one machine, and HTTP with the service
(:mod:`himalia.runner.uplink`). It ends with exit code 0 once the service has acknowledged the final report, and with
1 where there is none, or nobody wants it.

The launch file, JSON: ``name`` (``<workload>-<attempt>``), ``workload``, ``attempt``, ``url`` of the service,
``task`` (docs/architecture.md; its interpreter is this one unless it names another), ``grace_s`` between the pod's
SIGTERM and the end of what runs, and maybe ``devices``: by resource, the variable that tells which of them it has.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import signal
import socket
import sys
import time
import traceback
from typing import Any, Dict, List, Mapping, Optional

from himalia.runner import processes, resident
from himalia.runner.lines import LineSocket, ProtocolError
from himalia.runner.loop import Loop
from himalia.runner.settings import Settings
from himalia.runner.uplink import Identity, News, Uplink

_KERNEL = ("-m", "ipykernel_launcher", "-f", "{connection_file}", "--HistoryManager.enabled=False")
_LONGEST_LINE = 64 << 20
_GRACE_S = 10.0
#: How long the runner has to end what it holds when nobody listens any more, beyond its own grace.
_END_S = 15.0
_TURN_S = 5.0
#: What stands where names of devices are expected: set by images, or by plugins that hand them over in another way.
_NO_DEVICES = ("", "void", "none", "all")


class Pod:
    """The parent's side: messages between the runner, the service, and whoever ends the pod."""

    def __init__(self, launch: Dict[str, Any], rank: int, options: Settings) -> None:
        self._launch = launch
        self._name = str(launch["name"])
        self._rank = rank
        self._loop = Loop()
        self._uplink: Optional[Uplink] = None
        self._final: Optional[int] = None
        self._code = 1
        self._over = False
        self._ends_at: Optional[float] = None
        self._ours, self._theirs = _pair()
        self._loop.watch(self._ours, self._woken)
        self._watch_signals()
        self._child: Optional[int] = start_runner(options)
        self._runner = _connect(options)
        self._loop.watch(self._runner, self._hear)
        self._say({"op": "hello", "version": resident.VERSION, "token": options.token})
        self._say({"op": "start", "name": self._name, "task": task_of(launch, rank), "after": None})

    def run(self) -> int:
        """Serve until the runner has ended; answers the exit code."""
        while not self._finished():
            self._loop.run_once(_TURN_S if self._ends_at is None else 0.1)
            if self._ends_at is not None and time.monotonic() > self._ends_at:
                break
        if self._child is not None:
            processes.kill_tree([self._child])
        return self._code

    def _finished(self) -> bool:
        """Whether the runner is gone, and nothing that it has said is still to be told."""
        told = self._code == 0 or self._over or self._uplink is None or self._uplink.empty
        return self._child is None and told

    def _watch_signals(self) -> None:
        signal.set_wakeup_fd(self._theirs.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)

    def _woken(self) -> None:
        """A signal has come, or the uplink has news (a byte 0, which is no signal)."""
        with contextlib.suppress(BlockingIOError):
            came = self._ours.recv(4096)
            if signal.SIGTERM in came or signal.SIGINT in came:
                self._stop({"grace_s": self._launch.get("grace_s", _GRACE_S), "reason": "platform_stopped"})
            if signal.SIGCHLD in came:
                self._reap()
        for news in self._uplink.news() if self._uplink is not None else ():
            self._take(news)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # so much is unread that it will wake anyway
            self._theirs.send(b"\0")

    def _reap(self) -> None:
        """Attend to children that have ended: the runner, and, as a container's first process, anybody's."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                if pid == self._child:
                    self._child = None
                    self._runner_ended(status)

    def _runner_ended(self, status: int) -> None:
        if self._final is None and not self._over:
            print(f"The runner ended without a word (status {status}).", file=sys.stderr, flush=True)
            self._ends_at = time.monotonic() + _END_S

    # The runner.

    def _say(self, message: Dict[str, Any]) -> None:
        self._runner.send(message)
        self._attend()

    def _attend(self) -> None:
        if not self._runner.closed:
            self._loop.watch_writing(self._runner, self._runner.waiting > 0)
        elif self._runner.fileno() >= 0:
            self._loop.unwatch(self._runner)
            self._runner.close()

    def _hear(self) -> None:
        self._runner.flush()
        try:
            messages = self._runner.receive()
        except ProtocolError as error:
            print(f"The runner's connection is closed: {error}.", file=sys.stderr, flush=True)
            self._runner.closed, messages = True, []
        for message in messages:
            if message.get("op") == "hello":
                self._link_up(str(message["runner"]))
            elif self._uplink is not None:
                if message.get("op") == "started" and self._launch.get("devices"):
                    message["devices"] = devices_of(self._launch["devices"], os.environ)
                self._uplink.add(message)
                if message.get("op") == "ended":
                    self._final = int(message["n"])
        self._attend()

    def _link_up(self, runner: str) -> None:
        launch = self._launch
        token = str(launch["task"].get("token") or "")
        who = Identity(launch["url"], launch["workload"], int(launch["attempt"]), self._rank, runner, token)
        self._uplink = Uplink(who, self._wake)
        self._uplink.start()

    # The service.

    def _take(self, news: News) -> None:
        if "over" in news:
            self._give_up(news["over"])
        elif "should_stop" in news:
            self._say({"op": "should_stop", "names": [self._name]})
        elif "stop" in news:
            self._stop(news["stop"])
        elif "acknowledged" in news:
            self._say({"op": "ack", "upto": news["acknowledged"]})
            if self._final is not None and news["acknowledged"] >= self._final:
                self._code = 0
                self._say({"op": "end"})
                self._ends_at = time.monotonic() + _END_S

    def _stop(self, wish: Dict[str, Any]) -> None:
        """Have the workload end with grace; of several reasons the first counts."""
        grace_s, reason = wish["grace_s"], wish["reason"]
        self._say({"op": "stop", "name": self._name, "grace_s": grace_s, "reason": reason})

    def _give_up(self, why: str) -> None:
        """Nobody wants this attempt any more: the runner ends what runs, and itself."""
        if self._over or self._code == 0:
            return
        self._over = True
        print(f"This attempt is over for the service: {why}", file=sys.stderr, flush=True)
        self._ends_at = time.monotonic() + resident.TERM_GRACE_S + _END_S
        self._runner.closed = True  # whom nobody listens to does not wait for acknowledgements
        self._attend()
        if self._child is not None:
            os.kill(self._child, signal.SIGTERM)


def start_runner(options: Settings) -> int:
    """Fork a resident runner that ends with this process; answers its pid once it listens."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    pid = os.fork()
    if not pid:
        code = 1
        try:
            os.close(reading)
            processes.die_with_parent()
            if os.getppid() == parent:
                runner = resident.Runner(options)
                os.close(writing)
                runner.run()
                code = 0
        except BaseException:  # this is the whole of a process
            traceback.print_exc()
        finally:
            os._exit(code)
    os.close(writing)
    os.read(reading, 1)  # its end: the runner listens, or is gone
    os.close(reading)
    return pid


def task_of(launch: Dict[str, Any], rank: int) -> Dict[str, Any]:
    """The runner's task: what only the pod knows is filled in."""
    task = dict(launch["task"])
    python = task.get("python") or sys.executable
    environment = dict(task.get("environment") or {})
    package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (environment.get("PYTHONPATH"), package)))
    task.update(
        python=python, kernel_argv=task.get("kernel_argv") or [python, *_KERNEL], environment=environment
    )
    if task.get("hosts"):
        task["rank"] = rank
    return task


def devices_of(variables: Dict[str, str], environ: Mapping[str, str]) -> Dict[str, List[str]]:
    """The names of the pod's devices by resource, as its device plugin gave them; none where it tells no names."""
    told = {resource: environ.get(variable, "").split(",") for resource, variable in variables.items()}
    return {resource: [name for name in names if name not in _NO_DEVICES] for resource, names in told.items()}


def _pair() -> "tuple[socket.socket, socket.socket]":
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    return ours, theirs


def _connect(options: Settings) -> LineSocket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.connect(options.socket)
    return LineSocket(connection, _LONGEST_LINE)


def _arguments(given: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="himalia.runner.pod", description="Runs one workload in a pod.")
    parser.add_argument("--launch", required=True, help="the launch file")
    parser.add_argument("--folder", default="/run/himalia", help="sockets and the runner's own files")
    return parser.parse_args(given)


def main(given: Optional[List[str]] = None) -> int:
    """Run one workload to its end."""
    arguments = _arguments(given)
    try:
        with open(arguments.launch, encoding="utf-8") as stream:
            launch = json.load(stream)
    except (OSError, ValueError) as error:
        print(f"The launch file {arguments.launch} cannot be read: {error}", file=sys.stderr)
        return 1
    processes.hide_memory()
    os.chdir("/")
    rank = int(os.environ.get("JOB_COMPLETION_INDEX") or 0)
    options = Settings(
        socket=os.path.join(arguments.folder, "runner.sock"),
        state=os.path.join(arguments.folder, "runner"),
        run_socket=os.path.join(arguments.folder, "run.sock"),
        api=launch["url"],
        notebook_python=os.environ.get("HIMALIA_NOTEBOOK_PYTHON") or sys.executable,
        token=secrets.token_hex(32),
        warm=0,
        warm_idle_s=0.0,
        idle_s=0.0,
    )
    try:
        return Pod(launch, rank, options).run()
    except OSError as error:
        print(f"The runner could not be started: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
