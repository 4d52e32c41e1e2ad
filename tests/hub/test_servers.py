"""Notebook servers, from the spawn page to the end of their last process."""

from __future__ import annotations

import os
import re
import secrets
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_platform import Browser, Lab, Platform, until

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a root hub gives each person a UID")


def processes_of(uid: int) -> list[str]:
    """Command lines of a person's living processes."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes()
            if entry.stat().st_uid == uid and line:
                found.append(line.replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


def sandboxes() -> dict[str, list[str]]:
    """Command lines by PID namespace: a sandbox is one, and no other platform's processes are in it."""
    found: dict[str, list[str]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            found.setdefault(str((entry / "ns" / "pid").readlink()), []).append(line)
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def running(platform: Platform) -> Iterator[Lab]:
    """Ada's server, started on the spawn page."""
    with Browser(platform, "ada") as ada:
        assert ada.sign_in().status_code == 200
        ada.start_server()
        yield Lab(platform, "ada", ada.hub_token())


def test_a_kernel_runs_in_the_chosen_environment(platform: Platform, running: Lab) -> None:
    names = running.call("GET", "/api/kernelspecs").json()
    assert names["default"] == "base"
    assert set(names["kernelspecs"]) == {"base", "base.requirements"}
    uid = platform.reservations.people["ada"]["uid"]
    with running.kernel() as kernel:
        assert kernel.run("print(6 * 7)") == "42\n"
        answer = kernel.run("import os; print(os.getuid(), os.getcwd(), os.environ['HIMALIA_PROJECT'])")
        assert answer == f"{uid} /home/ada ada\n"
        url = kernel.run("print(os.environ['HIMALIA_URL'])").strip()
        assert url == f"http://127.0.0.1:{platform.service_port}/services/himalia"
        made = platform.home / "s" / "service" / "files.sock"
        made.touch()
        assert kernel.run("print(os.path.exists(os.environ['HIMALIA_FILES_SOCKET']))") == "True\n"


def test_user_code_sees_nothing_of_others(platform: Platform, running: Lab) -> None:
    platform.reservations.person("bob")
    bobs = platform.reservations.home_of(platform.reservations.people["bob"])
    (bobs / "notes").write_text("bob's")
    hidden = ["/etc/shadow", str(bobs / "notes"), str(platform.home / "hub" / "hub.sqlite")]
    hidden += [str(platform.home / "secrets" / "service-token"), "/root/.bashrc"]
    with running.kernel() as kernel:
        code = f"import os; print([p for p in {hidden!r} if os.path.exists(p)])"
        assert kernel.run(code) == "[]\n"
        # Of the platform's home there is only the way to the person's own environments.
        own = platform.reservations.overlays_of(platform.reservations.people["ada"])
        way = [own, *own.parents]
        seen = sorted(str(p) for p in way[: way.index(platform.home)])
        code = f"import pathlib; print(sorted(map(str, pathlib.Path({str(platform.home)!r}).rglob('*'))))"
        assert kernel.run(code) == f"{seen}\n"
        assert kernel.run(f"open({str(own / 'x')!r}, 'w')").startswith("OSError: [Errno 30]")
        assert kernel.run("open('/opt/himalia/himalia/x', 'w')").startswith("OSError: [Errno 30]")
        status = kernel.run("print(open('/proc/self/status').read())")
        assert re.search(r"CapBnd:\s+0+\n", status)
        assert re.search(r"NoNewPrivs:\s+1\n", status)
        names = kernel.run("print([p for p in os.listdir('/proc') if p.isdigit()].__len__() < 10)")
        assert names == "True\n"


def test_secrets_stand_in_no_command_line(platform: Platform, running: Lab) -> None:
    lines = " ".join(processes_of(platform.reservations.people["ada"]["uid"]))
    assert "jupyterhub.singleuser" in lines
    everything = " ".join(line for uid in (0,) for line in processes_of(uid)) + lines
    with running.kernel() as kernel:
        token = kernel.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
    assert len(token) > 20
    for secret in (token, platform.token, platform.proxy_token):
        assert secret not in everything
        assert secret not in platform.log("hub.log")


def test_a_terminal_works(running: Lab) -> None:
    name = running.call("POST", "/api/terminals").json()["name"]
    assert running.call("GET", f"/api/terminals/{name}").status_code == 200
    assert running.call("DELETE", f"/api/terminals/{name}").status_code == 204


def test_a_hub_that_is_killed_finds_its_servers_again(platform: Platform, running: Lab) -> None:
    with running.kernel() as kernel:
        kernel.run("kept = 12345")
        before = platform.state("ada")
        assert "himalia-admin" in administrators_roles(platform)
        platform.kill_hub()
        platform.start_hub()
        until(lambda: (platform.server("ada") or {}).get("ready"), "the hub has the server again")
        assert platform.state("ada") == before
        assert len(platform.reservations.taken) == 1
        with running.connected(kernel.id) as again:
            assert again.run("print(kept)") == "12345\n"
        assert "himalia-admin" in administrators_roles(platform)


def administrators_roles(platform: Platform) -> list[str]:
    """Those that an administrator has who signs in now."""
    with Browser(platform, "admin") as admin:
        admin.sign_in()
        roles: list[str] = admin.hub_api("GET", "/user").json()["roles"]
    return roles


def test_the_proxy_closes_its_connections_itself(platform: Platform, running: Lab) -> None:
    """With Lab closing first the proxy's last write, of nothing, fails, and it answers 503."""
    with socket.socket(socket.AF_UNIX) as proxy:
        proxy.connect(f"{platform.state('ada')['sockets']}.sock")
        proxy.settimeout(10)
        proxy.sendall(b"GET /user/ada/api HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head, _, body = proxy.recv(2**16).partition(b"\r\n\r\n")
        length = int(re.search(rb"Content-Length: ([0-9]+)", head)[1])  # type: ignore[index]
        while len(body) < length:
            body += proxy.recv(2**16)
        proxy.settimeout(0.5)
        with pytest.raises(TimeoutError):
            proxy.recv(1)
        proxy.send(b"")


def test_stopping_leaves_nothing(platform: Platform, running: Lab) -> None:
    seconds = str(10_000_000 + secrets.randbelow(10_000_000))  # that nobody else on this machine sleeps
    with running.kernel() as kernel:
        kernel.run(f"import subprocess; subprocess.Popen(['setsid', 'sleep', {seconds!r}])")
        (mine,) = [space for space, lines in sandboxes().items() if f"sleep {seconds} " in lines]
    state = platform.state("ada")
    assert Path(f"{state['sockets']}.sock").is_socket()
    assert platform.api("DELETE", "/users/ada/server").status_code in (202, 204)
    until(lambda: platform.server("ada") is None, "the server is gone")
    # The hub's record goes a moment before the last process.
    until(lambda: mine not in sandboxes(), "no process is left")
    until(lambda: platform.reservations.taken == {}, "the reservation is given back")
    until(lambda: [p.name for p in (platform.home / "s").iterdir()] == ["service"], "no socket is left")


def test_a_server_has_the_devices_it_was_given_and_no_others(platform: Platform, tmp_path: Path) -> None:
    nodes = [tmp_path / "accelerator0", tmp_path / "accelerator1"]
    for node in nodes:
        os.mknod(node, stat.S_IFCHR, os.makedev(1, 7))  # as /dev/full: every write fails for want of space
        node.chmod(0o666)
    platform.reservations.devices = [str(nodes[0])]
    try:
        with Browser(platform, "bob") as bob:
            bob.sign_in()
            bob.start_server()
            with Lab(platform, "bob", bob.hub_token()).kernel() as kernel:
                assert kernel.run(f"open({str(nodes[0])!r}, 'wb', 0).write(b'x')").startswith(
                    "OSError: [Errno 28]"
                )
                assert kernel.run(f"open({str(nodes[1])!r}, 'rb')").startswith("FileNotFoundError")
    finally:
        platform.reservations.devices = []
        platform.api("DELETE", "/users/bob/server")
        until(lambda: platform.server("bob") is None, "bob's server ends")


def test_the_spawn_page_asks_what_is_free(platform: Platform, ada: Browser) -> None:
    assert ada.get("/hub/free").url.path == "/hub/login"
    ada.sign_in()
    before = ada.get("/hub/free").json()
    assert sorted(before) == ["base/large", "base/small"]  # nothing of what is not available
    platform.reservations.taken["other"] = {"memory": 2**30}
    try:
        assert ada.get("/hub/free").json()["base/small"] == before["base/small"] - 1
    finally:
        platform.reservations.taken.pop("other")
