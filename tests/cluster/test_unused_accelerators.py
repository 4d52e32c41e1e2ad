"""Servers whose accelerators nobody uses, as a real Prometheus knows it from a real endpoint of metrics."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest
from machinery.release import NAME, Release
from machinery.waiting import until
from platforms import Person, free_port

from himalia.core.settings import Settings
from himalia.servers.unused import Pod, Prometheus, UseUnknown

pytestmark = pytest.mark.full
WINDOW_S = 12
QUERY = str(Settings.model_fields["accelerator_query"].default)
CONFIG = """
global: {{scrape_interval: 1s}}
scrape_configs:
  - job_name: dcgm
    static_configs:
      - targets: ["127.0.0.1:{port}"]
        labels: {{namespace: monitoring, pod: dcgm-exporter-1}}
"""


class Exporter:
    """Tells of each device what `used` says, as NVIDIA's exporter does."""

    def __init__(self) -> None:
        self.used: dict[tuple[Pod, int], float] = {}
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.end_headers()
                self.wfile.write(exporter.text().encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self.server.serve_forever, daemon=True).start()

    def text(self) -> str:
        lines = [
            f'DCGM_FI_DEV_GPU_UTIL{{gpu="{gpu}",namespace="{pod.namespace}",pod="{pod.name}"}} {value}'
            for (pod, gpu), value in self.used.copy().items()
        ]
        return "\n".join(["# TYPE DCGM_FI_DEV_GPU_UTIL gauge", *lines]) + "\n"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    with closing(Exporter()) as exporter:
        yield exporter


@contextmanager
def prometheus(exporter: Exporter, folder: Path, host: str) -> Iterator[str]:
    """The address of a Prometheus that asks the exporter every second."""
    program = shutil.which("prometheus")
    assert program, "`make test-cluster-all` installs prometheus."
    (folder / "prometheus.yml").write_text(CONFIG.format(port=exporter.server.server_address[1]))
    address = f"{host}:{free_port()}"
    line = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    line.append(f"--web.listen-address={address}")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def is_ready() -> bool:
        assert process.poll() is None, (folder / "log").read_text()[-2000:]
        try:
            return httpx.get(f"http://{address}/-/ready").is_success
        except httpx.HTTPError:
            return False

    try:
        until(is_ready, "Prometheus is ready")
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.timeout(120)
async def test_what_is_not_known_for_certain_is_used(exporter: Exporter, tmp_path: Path) -> None:
    idle, busy, half, gone, young = (Pod("a", name) for name in ("idle", "busy", "half", "gone", "young"))
    elsewhere = Pod("b", "idle")
    exporter.used = {(idle, 0): 0, (idle, 1): 0, (busy, 0): 3, (half, 0): 0, (half, 1): 40, (gone, 0): 0}
    exporter.used[elsewhere, 0] = 9
    with prometheus(exporter, tmp_path, "127.0.0.1") as url:
        asked = Prometheus(url, QUERY)
        await asyncio.sleep(WINDOW_S / 2)
        del exporter.used[gone, 0]
        exporter.used[young, 0] = 0
        found: set[Pod] = set()
        while not found:
            await asyncio.sleep(0.5)
            found = await asked.unused(WINDOW_S)
        assert found == {idle}
        with pytest.raises(UseUnknown, match="refuses accelerator_query"):
            await Prometheus(url, "max by (").unused(WINDOW_S)
    with pytest.raises(UseUnknown, match="does not answer"):
        await asked.unused(WINDOW_S)
    await asked.close()


PROFILE = {
    "title": "One GPU",
    "environment": "base",
    "sizes": [
        {"name": "one", "title": "One", "cpus": 1, "memory": "1GiB", "accelerators": {"nvidia.com/gpu": 1}}
    ],
    "idle": {"timeout": "never", "unused_accelerators": f"{WINDOW_S}s"},
}


def test_a_server_that_does_not_use_its_gpu_is_stopped(
    release: Release, exporter: Exporter, tmp_path: Path
) -> None:
    with prometheus(exporter, tmp_path, release.cluster.layout.host) as url:
        settings = {"settings": {"prometheus_url": url}}
        release.install({"profiles": {"gpu": PROFILE}, "service": settings})
        release.add_user("gus")
        try:
            with closing(Person(release, "gus")) as gus:
                use_and_leave(release, exporter, gus)
        finally:
            release.install()


def use_and_leave(release: Release, exporter: Exporter, person: Person) -> None:
    headers = {"X-XSRFToken": person.browser.cookies.get("_xsrf", path="/hub/") or ""}
    started = person.browser.post("/hub/api/users/gus/server", headers=headers, json={"profile": "gpu"})
    assert started.status_code in (201, 202), started.text
    label = ("-l", "himalia/role=server", "-o", "name")
    name = until(lambda: release.kubectl("get", "pods", *label).strip(), "its pod is there").partition("/")[2]
    exporter.used[Pod(NAME, name), 0] = 80
    time.sleep(2.5 * WINDOW_S)  # so long, and it is not stopped
    assert release.kubectl("get", "pods", *label).strip() == f"pod/{name}"
    exporter.used[Pod(NAME, name), 0] = 0
    until(lambda: not release.kubectl("get", "pods", *label).strip(), "the server is stopped")
    assert "accelerators that nobody uses; it is stopped" in release.kubectl(
        "logs", f"deploy/{NAME}-service", "-c", "service"
    )
