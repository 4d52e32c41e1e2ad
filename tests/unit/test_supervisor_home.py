"""Home folders, addresses and ports."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from himalia.core.home import HOME_LENGTH, default_home
from himalia.supervisor.address import Address, Ports
from himalia.supervisor.errors import SupervisorError
from himalia.supervisor.home import FOLDERS, SECRETS, Home
from himalia.supervisor.http import request
from himalia.supervisor.platform import child_environment


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    yield made
    shutil.rmtree(made)


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_folders_and_secrets(folder: Path) -> None:
    home = Home.at(folder / "new" / "home")
    umask = os.umask(0o077)
    try:
        home.prepare()
        home.make_secrets()
    finally:
        os.umask(umask)
    assert {name: _mode(home.path / name) for name in FOLDERS} == FOLDERS
    assert {_mode(home.path / "secrets" / name) for name in SECRETS} == {0o600}
    before = [home.secret(name) for name in SECRETS]
    assert all(len(secret) == 64 for secret in before)
    assert len(set(before)) == len(before)
    (home.path / "secrets").chmod(0o755)
    home.prepare()
    home.make_secrets()
    assert [home.secret(name) for name in SECRETS] == before
    assert _mode(home.path / "secrets") == 0o700


def test_a_long_path_is_refused() -> None:
    fits = Path("/tmp") / ("x" * (HOME_LENGTH - 5))
    assert Home.at(fits).path == fits
    with pytest.raises(SupervisorError, match="Choose a shorter one with --home"):
        Home.at(Path(f"{fits}x"))
    with pytest.raises(SupervisorError, match="may have 60 bytes"):
        Home.at(Path("/tmp") / ("é" * 30))


def test_a_folder_with_other_things_is_no_home(folder: Path) -> None:
    (folder / "thesis.tex").touch()
    with pytest.raises(SupervisorError, match=r"holds other things \(thesis.tex\)"):
        Home.at(folder).prepare()
    assert list(folder.iterdir()) == [folder / "thesis.tex"]


def test_what_an_administrator_prepared_is_fine(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "himalia.toml").write_text('address = "https://hub.example.org/"\n')
    (folder / "environments").mkdir()
    home = Home.at(folder)
    home.prepare()
    assert home.public_url() == "https://hub.example.org"
    with monkeypatch.context() as surroundings:
        surroundings.setenv("HIMALIA_ADDRESS", "https://lab.example.org")
        assert home.public_url() == "https://lab.example.org"
    (folder / "himalia.toml").write_text("address =")
    with pytest.raises(SupervisorError, match=r"himalia\.toml cannot be read"):
        home.public_url()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder away")
def test_somebody_elses_home_is_refused(folder: Path) -> None:
    os.chown(folder, 65000, 65000)
    with pytest.raises(SupervisorError, match=r"belongs to another user \(UID 65000\)"):
        Home.at(folder).prepare()


def test_the_default_is_the_same_for_all_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("XDG_DATA_HOME", "/data")
    assert default_home() == Path("/data/himalia")


@pytest.mark.parametrize(
    ("text", "host", "port", "url"),
    [
        ("127.0.0.1:8000", "127.0.0.1", 8000, "http://127.0.0.1:8000"),
        (":9000", "127.0.0.1", 9000, "http://127.0.0.1:9000"),
        ("9000", "127.0.0.1", 9000, "http://127.0.0.1:9000"),
        ("[::1]:8000", "::1", 8000, "http://[::1]:8000"),
        ("0.0.0.0:80", "0.0.0.0", 80, f"http://{socket.gethostname()}:80"),
    ],
)
def test_addresses(text: str, host: str, port: int, url: str) -> None:
    address = Address.parse(text)
    assert (address.host, address.port, address.url) == (host, port, url)


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:0", "host:65536", "http://a:80", "a:²", "a b:80"]
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(SupervisorError, match=r"Give HOST:PORT"):
        Address.parse(text)


def test_a_busy_port_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SupervisorError, match=rf"Port {port} .* in use .* --address 127\.0\.0\.1:\d+$"):
            Address("127.0.0.1", port).check()
    with pytest.raises(SupervisorError, match="knows no host"):
        Address("no.such.host.invalid", 8000).check()


def test_ports_are_kept_while_they_are_free(folder: Path) -> None:
    one, two = Home.at(folder / "1"), Home.at(folder / "2")
    one.prepare()
    two.prepare()
    kept = Ports.of(one)
    assert Ports.of(one) == kept
    assert len({kept.hub, kept.proxy_api, kept.service}) == 3
    with socket.create_server(("127.0.0.1", kept.hub)):
        moved = Ports.of(one)
    assert moved.hub != kept.hub
    assert (moved.proxy_api, moved.service) == (kept.proxy_api, kept.service)
    (one.run / "ports.json").write_text('{"hub": "22", "proxy_api": 80')
    assert Ports.of(one).proxy_api > 1024


def test_children_are_not_misled() -> None:
    surroundings = {
        "PATH": "/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "JUPYTERHUB_API_TOKEN": "secret",
        "HIMALIA_WARM_KERNELS": "2",
        "HIMALIA_HOME": "/other",
    }
    made = child_environment(surroundings, {"HIMALIA_HOME": "/home"})
    assert made == {"PATH": "/bin", "HIMALIA_WARM_KERNELS": "2", "HIMALIA_HOME": "/home"}


class _Redirect(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(302 if self.path == "/moved" else 200)
        self.send_header("Location", "/here")
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}' if self.path == "/here" else b"hello")

    def log_message(self, *_: object) -> None:
        """Nothing: test output is for failures."""


async def test_redirects_are_not_followed() -> None:
    with HTTPServer(("127.0.0.1", 0), _Redirect) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        address = Address("127.0.0.1", server.server_port)
        answers = [await request(address, path) for path in ("/moved", "/here", "/other")]
        server.shutdown()
        thread.join()
    assert answers == [(302, None), (200, {"status": "ok"}), (200, None)]
    assert await request(address, "/here") == (0, None)


def test_a_home_is_reported_by_its_given_path(folder: Path) -> None:
    (folder / "link").symlink_to(folder)
    assert Home.at(folder / "link").path == folder / "link"
