"""A runner's way to a service that fails, stalls, goes away, comes back, or does not want it any more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from processes import kill

from himalia.runner.pod import devices_of

TIMEOUT_S = 30.0
FOREVER = "sleep 3600"
Answers = Callable[["Service", int], tuple[int, dict[str, Any]] | None]


class Service:
    """What is left of a service: it stores reports by their numbers, and answers as `answers` says.

    That is asked with the count of calls so far: a status and a body, or None for the usual answer.
    """

    def __init__(self) -> None:
        self.reports: dict[int, dict[str, Any]] = {}
        self.sizes: list[int] = []
        self.orders: dict[str, Any] = {"should_stop": False, "stop": None}
        self.polls: list[dict[str, str]] = []
        self.answers: Answers = lambda service, count: None
        self.news = threading.Condition()
        self.port = 0
        self.up()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def up(self) -> None:
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        self.server.service = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def down(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def order(self, **orders: Any) -> None:
        """Wish something, and have those hear it who wait."""
        with self.news:
            self.orders = {**self.orders, **orders}
            self.news.notify_all()

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until reports have come that make `condition` true."""
        with self.news:
            assert self.news.wait_for(condition, TIMEOUT_S), f"Waited in vain for {what}: {self.reports}"

    def of(self, op: str) -> list[dict[str, Any]]:
        """The reports of one kind, in order."""
        return [self.reports[n] for n in sorted(self.reports) if self.reports[n]["op"] == op]

    @property
    def log(self) -> str:
        return "".join(report["text"] for report in self.of("log"))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    service: Service

    def __init__(self, *given: Any) -> None:
        self.connections: list[socket.socket] = []
        super().__init__(*given)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections.append(request)
        super().process_request(request, client_address)

    def handle_error(self, *_: Any) -> None:
        """Runners end while they wait for orders."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        service = self.server.service
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        service.sizes.append(len(raw))
        refusal = service.answers(service, len(service.sizes))
        if refusal is not None:
            self._answer(*refusal)
            return
        with service.news:
            service.reports.update({report["n"]: report for report in body["reports"]})
            service.news.notify_all()
            self._answer(200, {**service.orders, "acknowledged": body["reports"][-1]["n"]})

    def do_GET(self) -> None:
        service = self.server.service
        query = dict(parse_qsl(self.path.partition("?")[2]))
        service.polls.append(query)
        knows = query.get("should_stop") == "true"
        with service.news:
            news = lambda: service.orders["stop"] or (service.orders["should_stop"] and not knows)  # noqa: E731
            service.news.wait_for(news, 20)
            self._answer(200, service.orders)

    def _answer(self, status: int, content: dict[str, Any]) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Stay quiet."""


def refusal(status: int, code: str = "x") -> tuple[int, dict[str, Any]]:
    """An answer in the service's shape."""
    return status, {"error": {"code": code, "message": f"Refused with {status}.", "details": {}}}


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.down()


class Pod:
    """`python -m himalia.runner.pod` as a process; what it says to its pod's log is in `errors`."""

    def __init__(self, folder: Path, service: Service, *command: str, **task: Any) -> None:
        self.errors = folder / "errors"
        self.job = folder / "job"
        (folder / "run").mkdir()
        launch = {
            "name": "a-2",
            "workload": "a",
            "attempt": 2,
            "url": service.url,
            "grace_s": 5.0,
            "task": {"kind": "command", "command": list(command), "directory": str(self.job), **task},
        }
        (folder / "launch.json").write_text(json.dumps(launch))
        line = [sys.executable, "-m", "himalia.runner.pod", "--launch", str(folder / "launch.json")]
        with self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [*line, "--folder", str(folder / "run")], stderr=errors, start_new_session=True
            )

    def ended(self) -> int:
        """Wait for its end; answers the exit code."""
        return self.process.wait(TIMEOUT_S)


StartPod = Callable[..., Pod]


@pytest.fixture
def pod(tmp_path: Path, service: Service) -> Iterator[StartPod]:
    """Starts a pod; afterwards nothing of its may be left."""
    started: list[Pod] = []

    def start(*command: str, **task: Any) -> Pod:
        started.append(Pod(tmp_path, service, *command, **task))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
    until(lambda: not processes_of(tmp_path), "everything to end with its pod")


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for what nobody tells."""
    deadline = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < deadline, f"Waited in vain for {what}."
        time.sleep(0.02)


def processes_of(folder: Path) -> list[str]:
    """Processes that were started with something of `folder`."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            told = (place / "environ").read_bytes() + (place / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(str(folder)) in told:
            found.append(place.name)
    return found


def test_the_end_is_told_once_and_then_it_ends_well(service: Service, pod: StartPod) -> None:
    one = pod("sh", "-c", "echo hello; exit 3")
    assert one.ended() == 0
    assert one.errors.read_text() == ""
    assert service.log == "hello\n"
    assert [report["op"] for report in service.reports.values()] == ["started", "log", "ended"]
    assert (service.of("ended")[0]["exit_code"], service.of("ended")[0]["reason"]) == (3, "user_error")


@pytest.mark.parametrize("status", [500, 502, 503, 429, 302])
def test_a_service_that_fails_is_called_again(service: Service, pod: StartPod, status: int) -> None:
    service.answers = lambda service, count: refusal(status) if count % 3 else None
    one = pod("sh", "-c", "echo one; sleep 0.3; echo two")
    assert one.ended() == 0
    assert service.log == "one\ntwo\n"
    assert len(service.of("ended")) == 1
    assert str(status) in one.errors.read_text()


def test_a_service_that_goes_away_and_comes_back_misses_nothing(service: Service, pod: StartPod) -> None:
    one = pod("sh", "-c", "echo before; until [ -e go ]; do sleep 0.02; done; seq 50000; exit 5")
    service.until(lambda: service.log == "before\n", "the beginning")
    service.down()
    (one.job / "go").touch()
    time.sleep(1.0)  # it has ended long before that
    assert one.process.poll() is None
    service.up()
    assert one.ended() == 0
    assert service.log == "before\n" + "".join(f"{number}\n" for number in range(1, 50001))
    assert service.of("ended")[0]["exit_code"] == 5
    assert sorted(service.reports) == list(range(1, len(service.reports) + 1))


def test_answers_that_break_off_or_are_no_answers_are_not_believed(service: Service, pod: StartPod) -> None:
    def answers(_: Service, count: int) -> tuple[int, Any] | None:
        return ((200, []), (200, {"acknowledged": 99}), None)[min(count, 3) - 1]

    service.answers = answers
    assert pod("true").ended() == 0
    assert [report["op"] for report in service.reports.values()] == ["started", "ended"]


def test_what_was_stored_without_an_answer_is_sent_again(service: Service, pod: StartPod) -> None:
    seen: list[int] = []

    def answers(service: Service, count: int) -> tuple[int, Any] | None:
        seen.append(count)
        return (200, {"acknowledged": 0, "should_stop": False, "stop": None}) if count < 3 else None

    service.answers = answers
    assert pod("echo", "hello").ended() == 0
    assert service.log == "hello\n"
    assert len(seen) >= 3


def test_a_stalled_service_stalls_nothing_here(service: Service, pod: StartPod) -> None:
    go = threading.Event()

    def answers(_: Service, count: int) -> None:
        if count == 2:
            go.wait(TIMEOUT_S)

    service.answers = answers
    one = pod("sh", "-c", "echo first; sleep 0.3; touch second; sleep 0.3; touch third; exit 0")
    until((one.job / "third").exists, "the workload to go on")
    assert one.process.poll() is None
    go.set()
    assert one.ended() == 0
    assert service.log == "first\n"


@pytest.mark.parametrize("status", [409, 401, 404])
def test_an_attempt_that_nobody_wants_any_more_ends_everything(
    service: Service, pod: StartPod, tmp_path: Path, status: int
) -> None:
    one = pod("sh", "-c", f"echo begun; (trap '' TERM; {FOREVER}) & {FOREVER}")
    service.until(lambda: service.log, "it to begin")
    service.answers = lambda service, count: refusal(status, "stale_attempt")
    with (tmp_path / "job" / "noise").open("w") as noise:
        print("anything", file=noise)
    service.order(stop={"grace_s": 0.0, "reason": "stopped_by_user"})  # its final report is what is refused
    assert one.ended() == 1
    assert f"This attempt is over for the service: Refused with {status}." in one.errors.read_text()
    until(lambda: not processes_of(tmp_path), "everything to end")
    assert service.of("ended") == []


def test_an_attempt_may_be_over_before_it_begins(service: Service, pod: StartPod, tmp_path: Path) -> None:
    service.answers = lambda service, count: refusal(409, "stale_attempt")
    began = time.monotonic()
    assert pod("sh", "-c", FOREVER).ended() == 1
    assert time.monotonic() - began < 10
    assert processes_of(tmp_path) == []


def test_orders_reach_the_code(service: Service, pod: StartPod) -> None:
    code = """
import time, himalia.run as run
run.log("x", 0)
while not run.should_stop(): time.sleep(0.01)
print("advised", flush=True)
time.sleep(3600)
"""
    one = pod(sys.executable, "-c", code)
    service.until(lambda: service.of("metrics"), "it to begin")
    service.order(should_stop=True)
    service.until(lambda: "advised" in service.log, "the advice to be heard")
    until(lambda: service.polls[-1].get("should_stop") == "true", "it to ask for more than it knows")
    service.order(stop={"grace_s": 0.2, "reason": "stopped_by_administrator"})
    assert one.ended() == 0
    assert service.of("ended")[0]["reason"] == "stopped_by_administrator"
    assert all(poll["attempt"] == "2" for poll in service.polls)


def test_the_pods_own_end_gives_it_grace(service: Service, pod: StartPod) -> None:
    one = pod("sh", "-c", "trap 'echo asked; exit 0' TERM; echo ready; while :; do sleep 0.05; done")
    service.until(lambda: "ready" in service.log, "it to begin")
    one.process.send_signal(signal.SIGTERM)
    assert one.ended() == 0
    assert service.log.endswith("asked\n")
    assert service.of("ended")[0]["reason"] == "platform_stopped"


def test_what_it_was_asked_first_is_the_reason(service: Service, pod: StartPod) -> None:
    one = pod("sh", "-c", "trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done")
    service.until(lambda: "ready" in service.log, "it to begin")
    service.order(stop={"grace_s": 60.0, "reason": "stopped_by_user"})
    service.until(lambda: "asked" in service.log, "the order to reach it")
    began = time.monotonic()
    one.process.send_signal(signal.SIGTERM)  # a pod's own grace may be shorter
    assert one.ended() == 0
    assert time.monotonic() - began < 20
    assert service.of("ended")[0]["reason"] == "stopped_by_user"


def test_loud_output_goes_in_few_calls_of_bounded_size(service: Service, pod: StartPod) -> None:
    lines = 400_000
    one = pod("sh", "-c", f"seq {lines}", log_limit_bytes=64 << 20)
    assert one.ended() == 0
    assert service.log == "".join(f"{number}\n" for number in range(1, lines + 1))
    assert max(service.sizes) < 3 << 20
    assert len(service.sizes) < 30


def test_a_runner_that_is_killed_is_told_to_the_pods_log(
    service: Service, pod: StartPod, tmp_path: Path
) -> None:
    one = pod("sh", "-c", f"echo begun; {FOREVER}")
    service.until(lambda: service.log, "it to begin")
    children = Path(f"/proc/{one.process.pid}/task/{one.process.pid}/children").read_text().split()
    kill(int(children[0]))
    assert one.ended() == 1
    assert "The runner ended without a word" in one.errors.read_text()
    # In a pod the rest ends with the container.
    kill(*map(int, processes_of(tmp_path)))


def test_nobody_there_to_report_to(tmp_path: Path, service: Service, pod: StartPod) -> None:
    service.down()
    one = pod("true")
    until(lambda: "does not answer" in one.errors.read_text(), "it to say so")
    assert one.process.poll() is None
    service.up()
    assert one.ended() == 0
    with socket.create_connection(("127.0.0.1", service.port)):
        pass


def test_the_names_of_a_pods_devices() -> None:
    asked = {"nvidia.com/gpu": "NVIDIA_VISIBLE_DEVICES", "huawei.com/Ascend910": "ASCEND_VISIBLE_DEVICES"}
    told = {"NVIDIA_VISIBLE_DEVICES": "GPU-1f,GPU-02", "ASCEND_VISIBLE_DEVICES": "void"}
    assert devices_of(asked, told) == {"nvidia.com/gpu": ["GPU-1f", "GPU-02"], "huawei.com/Ascend910": []}
    assert devices_of(asked, {}) == {"nvidia.com/gpu": [], "huawei.com/Ascend910": []}
