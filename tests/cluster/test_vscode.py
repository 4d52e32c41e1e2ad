"""VS Code in a notebook server's pod, opened from Lab by a browser: files, terminal, extensions, and no token."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from browser.chromium import started_chromium
from hub_on_host import OURS, HubOnHost
from hub_platform import Lab, until
from machinery import images
from machinery.cluster import Cluster
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.full
SECONDS = 1000
NAME = "anna"
PYTHON = 'print("from the volume")'
BROKEN = '{"a": }'
HEADERS = """
import http.server, json, threading

class Tell(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(dict(self.headers)).encode())

server = http.server.HTTPServer(("127.0.0.1", 0), Tell)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.server_port)
"""
"""A server that tells the headers of a request."""


@pytest.fixture(scope="module")
def hub(cluster: Cluster, namespace: str) -> Iterator[HubOnHost]:
    cluster.load([images.build("vscode")], tag="test")
    host = cluster.layout.host
    more = "c.KubeSpawner.start_timeout = 90\nc.KubeSpawner.http_timeout = 90\n" + OURS
    running = HubOnHost(str(cluster.kubeconfig), namespace, host, "localhost/himalia-vscode:test", more=more)
    running.reservations.memory_bytes = 2 * 2**30
    yield running
    running.stop()


@pytest.fixture(scope="module")
def lab(hub: HubOnHost) -> Lab:
    """Anna's notebook server, in a pod as the platform makes it."""
    hub.ready(NAME)
    _, headers = hub.lab(NAME)
    return Lab(hub, NAME, headers["Authorization"].split()[1])  # type: ignore[arg-type]


def write(lab: Lab, name: str, text: str) -> None:
    body = {"type": "file", "format": "text", "content": text}
    assert lab.call("PUT", f"/api/contents/{name}", json=body).is_success


def read(lab: Lab, name: str) -> str:
    """A file of the home folder; nothing while it is not there."""
    answer = lab.call("GET", f"/api/contents/{name}")
    return str(answer.json()["content"]) if answer.is_success else ""


@contextmanager
def in_lab(hub: HubOnHost) -> Iterator[Page]:
    """Lab, after its owner has signed in."""
    with started_chromium() as browser:
        page = browser.new_context(viewport={"width": 1300, "height": 850}).new_page()
        page.set_default_timeout(90 * SECONDS)
        expect.set_options(timeout=90 * SECONDS)
        page.goto(f"{hub.url}/hub/login?next=/user/{NAME}/lab")
        page.get_by_label("Username").fill(NAME)
        page.get_by_label("Password").fill("any")
        page.get_by_role("button", name="Sign in").click()
        yield page


@contextmanager
def opened(page: Page, program: str) -> Iterator[Page]:
    """What a card of the launcher opens in a tab of its own."""
    with page.context.expect_page() as made:
        page.locator(".jp-LauncherCard", has_text=program).click()
    yield made.value
    made.value.close()


def test_vs_code_works_in_a_pod(hub: HubOnHost, lab: Lab) -> None:
    write(lab, "note.py", PYTHON)
    write(lab, "broken.json", BROKEN)
    with in_lab(hub) as page:
        expect(page.locator(".jp-LauncherCard", has_text="TensorBoard")).to_be_visible()
        with opened(page, "VS Code") as code:
            expect(code.locator(".monaco-workbench")).to_be_visible()
            assert f"/user/{NAME}/vscode/?folder=/home/himalia" in code.url
            files = code.locator(".explorer-viewlet .monaco-list-row")
            files.filter(has_text="note.py").dblclick()
            expect(code.locator(".editor-instance .view-lines")).to_contain_text("from the volume")
            # Only VS Code's own extension for JSON, in the extension host beside the server, knows this.
            files.filter(has_text="broken.json").dblclick()
            expect(code.locator("#status\\.problems")).to_contain_text("1")
            code.keyboard.press("Control+Backquote")
            terminal = code.locator(".terminal-wrapper.active .xterm-helper-textarea")
            expect(terminal).to_be_focused()
            terminal.press_sequentially("echo $((6 * 7)) $(id -u) $JUPYTERHUB_USER > answer.txt\n")
            until(lambda: read(lab, "answer.txt") == f"42 1000 {NAME}\n", "the terminal's command has run")
            expect(code.get_by_text("Build with Agent")).to_have_count(0)
            with lab.kernel() as kernel:
                found: dict[str, Any] = json.loads(kernel.run(PROCESSES))
            assert {"extensionHost", "ptyHost", "fileWatcher"} <= set(found["kinds"])
            print(f"VS Code's processes take {found['pss_bytes'] / 2**20:.0f} MiB")


PROCESSES = """
import json, pathlib, re
kinds, pss = [], 0
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        line = (process / "cmdline").read_bytes().replace(b"\\0", b" ").decode()
        if "/usr/local/lib/vscode/" in line:
            kinds += re.findall("--type=([a-zA-Z]+)", line)
            pss += 1024 * int(re.search(r"Pss: *([0-9]+)", (process / "smaps_rollup").read_text())[1])
    except OSError:
        pass
print(json.dumps({"kinds": kinds, "pss_bytes": pss}))
"""
"""What runs of VS Code in the pod, and the memory that it takes."""


def test_the_callers_token_does_not_reach_it(lab: Lab) -> None:
    """By code-server's own way to ports of the pod, which hands on what it was sent."""
    with lab.kernel() as kernel:
        port = kernel.run(HEADERS).strip()
        answer = lab.call("GET", f"/vscode/proxy/{port}/", cookies={"jupyterhub-session-id": "own"})
        assert answer.status_code == 200, answer.text
        reached = {name.lower(): value for name, value in answer.json().items()}
        assert (reached.get("authorization", ""), reached.get("cookie", "")) == ("", "")
        assert lab.token not in answer.text
