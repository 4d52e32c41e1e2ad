"""A whole platform for tests: `himalia up` in a process of its own, and people who sign in to it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

ROOT = Path(__file__).parent.parent
ENVIRONMENTS = ROOT / ".cache" / "environments"
PASSWORD = "correct horse battery"
PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:])
IDS = {
    "HIMALIA_UID_BASE": str(200_000 + 40_000 * PROCESS),
    "HIMALIA_GID_BASE": str(400_000 + 40_000 * PROCESS),
}
"""People of two processes of tests have UIDs of their own: limits of a user count over the whole machine."""
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}


def free_port() -> int:
    """A TCP port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _raised(line: str) -> str:
    """The exception that a line of the service's log tells of, without the way to it."""
    try:
        told = json.loads(line)
    except ValueError:
        return ""
    text = str(told.get("traceback") or told["message"])
    # Behind the last indented line of the way stands what was raised, in one line or several.
    return " ".join(re.split(r"\n .*\n(?! )", text)[-1].split()) if "Traceback" in text else ""


class Running:
    """`himalia up` on a home of its own; its environments are shared with other tests."""

    python = sys.executable

    def __init__(self, environments: tuple[str, ...] = ("base",), **variables: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="him", dir="/tmp"))
        self.folder.chmod(0o711)
        self.home = self.folder / "home"
        self.address = f"127.0.0.1:{free_port()}"
        self.url = f"http://{self.address}"
        self.variables = {**IDS, **variables}
        self.process: subprocess.Popen[bytes] | None = None
        (self.home / "environments").mkdir(parents=True)
        for name in environments:
            (self.home / "environments" / name).symlink_to(ENVIRONMENTS / name)

    def start(self) -> None:
        """Start, without waiting."""
        password = self.folder / "password"
        password.write_text(PASSWORD)
        # It ends in order when the tests are killed.
        command = ["setpriv", "--pdeathsig", "INT", self.python, "-m", "himalia.cli.main"]
        command += ["up", "--home", str(self.home)]
        command += ["--address", self.address, "--admin-password-file", str(password)]
        with (self.folder / "up.txt").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                env={**os.environ, **self.variables},
                start_new_session=True,
            )

    def up(self, timeout_s: float = 150) -> Self:
        """Start, and wait until everything answers."""
        self.start()
        assert self.process is not None
        deadline = time.monotonic() + timeout_s
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                words = self._why()
                self.down()
                raise AssertionError(f"himalia up did not come up: {words}")
            time.sleep(0.1)
        return self

    def _why(self) -> str:
        """The error it ended with, and the service's: a line each, since every test that needs it shows them."""
        said = (self.folder / "up.txt").read_text().splitlines()
        errors = [line for line in said if line.startswith("Error:")] or said[-1:]
        log = self.home / "logs" / "service.log"
        raised = (
            [_raised(line) for line in log.read_text(errors="replace").splitlines()] if log.exists() else []
        )
        return "\n".join(line[:500] for line in (*errors, *list(filter(None, raised))[-1:]))

    def _answers(self) -> bool:
        return "Himalia is ready" in (self.folder / "up.txt").read_text()

    def down(self) -> None:
        """An orderly stop."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)
        self.process = None
        (self.folder / "up.txt").write_text("")

    def remove(self) -> None:
        """Stop, and leave nothing."""
        self.down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, name: str) -> str:
        """What a process of the platform wrote."""
        return (self.home / "logs" / f"{name}.log").read_text(errors="replace")

    def add_user(self, name: str) -> None:
        """A new local account with the common password; a module that changes what is one's has one of its own."""
        from himalia.hub.accounts.store import AccountStore

        AccountStore.of_home(self.home).add(name, PASSWORD)

    def __enter__(self) -> Self:
        try:
            return self.up()
        except BaseException:
            self.remove()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class Person:
    """Somebody who signed in, as a browser does, and made themselves a token."""

    def __init__(self, platform: Running, name: str, scopes: tuple[str, ...] = ("write",)) -> None:
        self.name = name
        self.platform = platform
        self.browser = httpx.Client(
            base_url=platform.url, follow_redirects=True, timeout=30, headers=NAVIGATION
        )
        self._sign_in()
        made = self.session("POST", "/tokens", json={"scopes": list(scopes), "note": "tests"})
        made.raise_for_status()
        self.token: str = made.json()["token"]
        self.http = httpx.Client(
            base_url=f"{platform.url}/services/himalia/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        self.project: str = self.http.get("/whoami").json()["personal_project"]

    def _sign_in(self) -> None:
        self.browser.get("/hub/login")
        form = {"username": self.name, "password": PASSWORD, "_xsrf": self.browser.cookies["_xsrf"]}
        answer = self.browser.post("/hub/login?next=/hub/home", data=form)
        assert answer.url.path == "/hub/home", f"not signed in, but at {answer.url}"
        page = self.browser.get("/services/himalia/")
        signed_in = any(cookie.name == "himalia-xsrf" for cookie in self.browser.cookies.jar)
        assert signed_in, f"no session: {page.status_code} at {page.url}\n{page.text}"

    def events(self, after: int = 0) -> list[dict[str, Any]]:
        """Every event after one, oldest first, however many answers that takes."""
        found: list[dict[str, Any]] = []
        while True:
            answer = self.http.get("/events", params={"after": after, "limit": 1000}).raise_for_status()
            items = answer.json()["items"]
            if not items:
                return found
            found += items
            after = items[-1]["id"]

    def session(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A call with the page session and its XSRF value, as the service's own pages make it."""
        xsrf = next(c.value for c in self.browser.cookies.jar if c.name == "himalia-xsrf") or ""
        headers = {"X-Himalia-XSRF": xsrf, "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
        return self.browser.request(method, f"/services/himalia/api/v1{path}", headers=headers, **options)

    def start_server(self, choice: str) -> None:
        """Spawn their notebook server, as the form does, and wait for the hub's word that it is ready."""
        self.browser.get("/hub/spawn")
        form = {"params": {"_xsrf": self._xsrf()}, "data": {"choice": choice}}
        self.browser.post("/hub/spawn", **form).raise_for_status()
        at = f"/hub/api/users/{self.name}/server/progress"
        with self.browser.stream("GET", at, headers={"X-XSRFToken": self._xsrf()}, timeout=120) as events:
            told = [json.loads(line[5:]) for line in events.iter_lines() if line.startswith("data:")]
        assert told[-1].get("ready"), (told, self.platform.log("hub.log")[-2000:])

    def stop_server(self) -> None:
        """Have the hub end their notebook server; nothing happens where none runs."""
        self.browser.delete(f"/hub/api/users/{self.name}/server", headers={"X-XSRFToken": self._xsrf()})

    def _xsrf(self) -> str:
        return self.browser.cookies.get("_xsrf", path="/hub/") or ""

    def cookies(self) -> list[Any]:
        """What a browser of theirs holds, as Playwright takes it."""
        found = [(one.name, one.value, one.path) for one in self.browser.cookies.jar]
        host = httpx.URL(self.platform.url).host
        return [{"name": n, "value": v or "", "domain": host, "path": path} for n, v, path in found]

    def close(self) -> None:
        """They leave, and so does their notebook server."""
        if self.http.is_closed:
            return
        with suppress(httpx.HTTPError):  # some platforms are down by then
            self.stop_server()
        self.browser.close()
        self.http.close()

    # Jobs, as tests need them

    def submit(self, *command: str, **spec: Any) -> dict[str, Any]:
        """Submit a command as a job in the personal project."""
        body = {"spec": {"kind": "command", "command": list(command), "profile": "base", **spec}}
        answer = self.http.post(f"/projects/{self.project}/jobs", json=body)
        assert answer.status_code == 201, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def job(self, name: str) -> dict[str, Any]:
        """A job as it is now."""
        answer = self.http.get(f"/projects/{self.project}/jobs/{name}")
        assert answer.status_code == 200, answer.text
        job: dict[str, Any] = answer.json()
        return job

    def ended(self, name: str, timeout_s: float = 60) -> dict[str, Any]:
        """Wait for a job's end, told by the event stream."""
        job = self.job(name)
        topic = f"/events/stream?topic=job:{job['id']}&after=1"
        if job["status"]["state"] not in ("SUCCEEDED", "FAILED", "STOPPED"):
            with self.http.stream("GET", topic, timeout=timeout_s) as events:
                for line in events.iter_lines():
                    if any(f'"state": "{state}"' in line for state in ("SUCCEEDED", "FAILED", "STOPPED")):
                        break
        return self.job(name)

    def text(self, name: str) -> str:
        """A job's log."""
        return self.http.get(f"/projects/{self.project}/jobs/{name}/log").text
