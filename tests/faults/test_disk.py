"""Below the floor of free disk no new work is taken, and what runs, runs on and keeps its outputs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from blake3 import blake3
from platforms import PASSWORD, Person, Running
from processes import kill

from himalia.core.errors import Unavailable
from himalia.hub.accounts.store import AccountStore

MORE_THAN_ANY_DISK = 2**60


@pytest.fixture
def own(environments: Path) -> Iterator[Running]:
    """A platform whose settings change while it runs."""
    running = Running(("base",))
    try:
        yield running.up()
    finally:
        running.remove()


def restart_service(own: Running, person: Person) -> None:
    """End the service alone, so that the supervisor starts one that reads the settings anew."""
    process = json.loads((own.home / "run" / "service.pid").read_text())
    kill(process["pid"])
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if person.http.get("/whoami").status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the service did not come back:\n" + own.log("service")[-3000:])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(tmp_path)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("only the machine's root can mount a small disk")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_accounts_can_be_read_on_a_full_disk(small_disk: Path) -> None:
    store = AccountStore.of_home(small_disk)
    store.add("ada", PASSWORD)
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "fill").write_bytes(bytes(2**21))
    found = AccountStore.of_home(small_disk).get("ada")
    assert found is not None
    with pytest.raises(Unavailable, match="See whether the disk is full"):
        store.disable("ada")
    (small_disk / "fill").unlink()
    store.disable("ada")


def test_below_the_floor_only_what_runs_goes_on(own: Running) -> None:
    own.add_user("ada")
    ada = Person(own, "ada")
    go = "mkdir outputs; until test -e /shared/*/go; do sleep 0.1; done; echo kept > outputs/kept.txt"
    runs, over = ada.submit("sh", "-c", go)["name"], ada.submit("true")["name"]
    ada.ended(over)
    (own.home / "himalia.toml").write_text(f"disk_floor_bytes = {MORE_THAN_ANY_DISK}\n")
    restart_service(own, ada)

    project = f"/projects/{ada.project}"
    code = b"print(1)\n"
    digest = blake3(code).hexdigest()
    announced = {"files": [{"path": "a.py", "size": len(code), "digest": digest}]}
    spec = {"kind": "command", "command": ["true"], "profile": "base"}
    refusals = [
        ada.http.post(f"{project}/jobs", json={"name": "refused", "spec": spec}),
        ada.http.post(f"{project}/jobs/{over}/rerun", json={}),
        ada.http.post(f"{project}/snapshots", json=announced),
        ada.http.put(f"{project}/objects/{digest}", content=code),
        ada.http.post(f"{project}/overlays", json={"environment": "base", "requirements": "six\n"}),
    ]
    for answer in refusals:
        assert (answer.status_code, answer.json()["error"]["code"]) == (507, "disk_full"), answer.text
        assert re.match(r"Only \d+ MiB of disk are free", answer.json()["error"]["message"])
    assert ada.http.get(f"{project}/jobs/refused").status_code == 404
    assert ada.http.delete(f"{project}/jobs/{over}").status_code < 300, "making room must stay possible"

    shared = next((own.home / "projects").glob("*/shared"))
    (shared / "go").touch()
    assert ada.ended(runs)["status"]["state"] == "SUCCEEDED"
    assert ada.http.get(f"{project}/jobs/{runs}/outputs/outputs/kept.txt").text == "kept\n"
    assert ada.job(runs)["status"]["attempt"] == 1

    (own.home / "himalia.toml").unlink()
    restart_service(own, ada)
    assert ada.ended(ada.submit("true")["name"])["status"]["state"] == "SUCCEEDED"
    ada.close()
