"""Lab in a pod: what its owner does from there on one machine works on a cluster as well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_platform import Kernel, Lab
from lab_in_pod import shell, started, values, write
from machinery.cluster import Cluster
from machinery.release import Release
from machinery.waiting import until
from package_index import PackageIndex
from platforms import Person
from ssh_client import new_key, ssh
from tensorboard_events import events
from tensorboard_runs import WRITES, runs

import himalia as sdk

PACKAGE = "himalia-tiny"
SCRIPT = """\
import pathlib, himalia.run
words = pathlib.Path("beside.txt").read_text()
print("read", words)
himalia.run.log("loss", 0.5, 0)
pathlib.Path("outputs").mkdir(exist_ok=True)
pathlib.Path("outputs", "answer.txt").write_text(words.upper())
"""


@pytest.fixture(scope="module")
def index(cluster: Cluster) -> Iterator[PackageIndex]:
    with PackageIndex(cluster.layout.host, PACKAGE) as index:
        yield index


@pytest.fixture(scope="module")
def release(cluster: Cluster, platform_images: str, index: PackageIndex) -> Iterator[Release]:
    release = Release.on(cluster, platform_images)
    release.install(values(index.url))
    yield release
    release.kubectl("delete", "jobs,pods", "-l", "himalia/role", "--grace-period=1")


@pytest.fixture(scope="module")
def mona(release: Release) -> Iterator[Person]:
    release.add_user("mona")
    person = Person(release, "mona")  # type: ignore[arg-type]
    yield person
    person.close()


@pytest.fixture(scope="module")
def lab(release: Release, mona: Person) -> Iterator[Lab]:
    with started(release, mona) as lab:
        yield lab


@pytest.fixture(scope="module")
def kernel(lab: Lab) -> Iterator[Kernel]:
    with lab.kernel() as kernel:
        yield kernel


def test_a_job_of_the_homes_files(kernel: Kernel, mona: Person) -> None:
    """By the SDK and by the command, with the token that the server has."""
    write(kernel, "code/main.py", SCRIPT)
    write(kernel, "code/beside.txt", "from home")
    submitted = kernel.run(
        "import himalia\n"
        "client = himalia.Client()\n"
        "job = client.jobs.submit(script='code/main.py', profile='base', name='by-sdk').wait()\n"
        "print(client.whoami().person.name, job.state, job.status.metrics['loss'])\n"
        "print(''.join(client.jobs.log(job)))",
        quiet_s=120,
    )
    assert submitted.split() == ["mona", "SUCCEEDED", "0.5", "read", "from", "home"]
    shell(kernel, "himalia jobs download by-sdk outputs/answer.txt --to answer.txt")
    assert shell(kernel, "cat answer.txt") == "FROM HOME"
    # What changed since is for the next job, of which only that is sent.
    write(kernel, "code/beside.txt", "another")
    assert "read another" in shell(kernel, "himalia jobs submit --profile base --follow code/main.py")
    assert mona.text("by-sdk") == "read from home\n"


def add(lab: Lab, person: Person, dataset: str, *paths: str) -> dict[str, Any]:
    """Add files of the home as a version, as Lab's dialog does: Lab sends them, the panel begins and commits."""
    at = f"/projects/{person.project}/datasets/{dataset}"
    found = lab.call("POST", "/himalia/files", json={"paths": paths}).raise_for_status().json()
    assert found["files"], found
    draft = person.http.post(f"{at}/drafts", json={}).raise_for_status().json()["id"]
    body = {"project": person.project, "dataset": dataset, "draft": draft, "paths": paths}
    sent = lab.call("POST", "/himalia/draft", json=body, timeout=60).raise_for_status().text.splitlines()
    assert json.loads(sent[-1]) == {"done": True}, sent
    made: dict[str, Any] = person.http.post(f"{at}/drafts/{draft}/commit", json={}).raise_for_status().json()
    return made


def test_a_folder_of_the_home_becomes_a_dataset_and_comes_back(
    lab: Lab, kernel: Kernel, mona: Person
) -> None:
    mona.http.post(f"/projects/{mona.project}/datasets", json={"name": "notes"}).raise_for_status()
    write(kernel, "notes/a.txt", "one")
    write(kernel, "notes/deep/b.txt", "two")
    assert add(lab, mona, "notes", "notes")["status"]["files"] == 2
    write(kernel, "notes/a.txt", "one, again")
    second = add(lab, mona, "notes", "notes")
    assert (second["name"], second["status"]["files"]) == ("notes@2", 2)
    # Seen where Lab's pages say, since the server's start, and copied where one wants it.
    seen = shell(kernel, "himalia datasets checkout notes@1").strip()
    assert seen == f"/checkouts/{mona.project}/notes@1"
    assert shell(kernel, f"cat {seen}/a.txt {seen}/deep/b.txt") == "onetwo"
    refused = shell(kernel, f"! touch {seen}/c.txt && ! chmod u+w {seen}/a.txt && ! rm {seen}/a.txt")
    assert refused.count("Read-only file system") == 3, refused
    shell(kernel, "himalia datasets download notes@2 --to back && echo mine >> back/a.txt")
    assert shell(kernel, "cat back/a.txt back/deep/b.txt") == "one, againmine\ntwo"
    reads = "cat inputs/notes/a.txt; ! touch inputs/notes/c.txt && ! chmod u+w inputs/notes/a.txt"
    job = mona.submit("sh", "-c", reads, inputs={"notes": "notes@1"})["name"]
    assert mona.ended(job)["status"]["state"] == "SUCCEEDED", mona.text(job)
    assert mona.text(job).startswith("one")
    assert mona.text(job).count("Read-only file system") == 2


USES = "import himalia_tiny, numpy, sys\nprint(himalia_tiny.ANSWER, sys.prefix)"


def test_packages_of_a_requirements_txt_for_a_kernel_and_a_job(
    lab: Lab, kernel: Kernel, mona: Person, index: PackageIndex
) -> None:
    """The kernel has them installed, and the job uses the same ones; both see the environment's own."""
    write(kernel, "packages/main.py", USES)
    write(kernel, "packages/requirements.txt", f"{PACKAGE}\n")
    wanted = {"name": "base.requirements", "path": "packages/uses.ipynb"}
    with lab.kernel(**wanted) as own:
        answer, prefix = own.run(USES).split()
        assert (answer, prefix.startswith("/overlays/")) == ("42", True)
        refused = own.run("import sys, pathlib; pathlib.Path(sys.prefix, 'x').touch()")
        assert "Read-only file system" in refused
    with lab.kernel(**wanted) as again:
        assert again.run(USES).split() == ["42", prefix]
    said = shell(kernel, "himalia jobs submit --profile base --name uses --follow packages/main.py")
    assert f"42 {prefix}" in said
    assert mona.job("uses")["status"]["environment_job"] is None, "what the kernel had built the job uses"
    assert index.fetched == [PACKAGE], "nothing is installed twice, and nothing that the image has"


@pytest.mark.full
def test_packages_that_cannot_be_installed_are_told(lab: Lab, kernel: Kernel, mona: Person) -> None:
    write(kernel, "wrong/main.py", USES)
    write(kernel, "wrong/requirements.txt", "himalia-is-not-there\n")
    # As Lab's pages start a notebook's kernel.
    notebook = {"path": "wrong/uses.ipynb", "name": "uses", "type": "notebook"}
    wanted = {**notebook, "kernel": {"name": "base.requirements"}}
    refused = lab.call("POST", "/api/sessions", json=wanted, timeout=120)
    assert refused.status_code == 500
    assert "himalia-is-not-there was not found" in refused.text
    shell(kernel, "! himalia jobs submit --profile base --name wrong --follow wrong/main.py")
    assert mona.job("wrong")["status"]["reason"] == "environment_failed"


def test_its_owner_signs_in_by_ssh(kernel: Kernel, mona: Person, tmp_path: Path) -> None:
    key = new_key(tmp_path / "mona")
    refused = ssh(mona, key, "true")
    assert b"Permission denied (publickey)" in refused.stderr, refused.stderr
    write(kernel, ".ssh/authorized_keys", key.with_suffix(".pub").read_text())
    done = ssh(
        mona, key, 'echo "$JUPYTERHUB_USER $PWD $(id -u)"; himalia jobs list --json | head -c 1; exit 3'
    )
    assert (done.returncode, done.stdout) == (3, b"mona /home/himalia 1000\n["), done.stderr
    terminal = ssh(mona, key, "-tt", "tty; test -t 0 && echo a terminal")
    assert b"a terminal" in terminal.stdout, terminal
    stranger = ssh(mona, new_key(tmp_path / "other"), "true")
    assert b"Permission denied (publickey)" in stranger.stderr


def test_nobody_else_signs_in_by_ssh(release: Release, lab: Lab, mona: Person, tmp_path: Path) -> None:
    release.add_user("eve")
    eve = Person(release, "eve")  # type: ignore[arg-type]
    try:
        answer = eve.http.get(f"{release.url}/user/mona/himalia/ssh")
        assert (answer.status_code, "somebody else's" in answer.text) == (403, True)
        assert mona.http.get(f"{release.url}/user/mona/himalia/ssh").json() == {"user": "himalia"}
    finally:
        eve.close()


def test_used_up_memory_ends_a_kernel_and_is_told(lab: Lab) -> None:
    """Lab's pages show a notice of this event; Lab itself, its other kernels and the dead one's successor go on."""
    with lab.events() as told, lab.kernel() as kernel:
        kernel.send("everything = b'x' * (8 << 30)")
        until(lambda: json.loads(told.recv(30))["schema_id"] == "urn:himalia:events:memory:v1", "a word")
        until(lambda: kernels(lab)[kernel.id] in ("idle", "starting"), "the kernel to be there again")
        assert kernel.run("print('everything' in dir())") == "False\n"


def kernels(lab: Lab) -> dict[str, str]:
    """What each kernel does, by its id."""
    found: list[dict[str, Any]] = lab.call("GET", "/api/kernels").json()
    return {one["id"]: one["execution_state"] for one in found}


@pytest.mark.full
def test_tensorboard_shows_a_jobs_run_and_one_of_the_home(
    lab: Lab, kernel: Kernel, mona: Person, tmp_path: Path
) -> None:
    written = events(tmp_path)
    job = mona.submit("python", "-c", WRITES, written)["name"]
    assert mona.ended(job)["status"]["state"] == "SUCCEEDED", mona.text(job)
    shown = kernel.run(
        "import base64, pathlib, himalia\n"
        "place = pathlib.Path.home() / 'live'; place.mkdir()\n"
        f"(place / 'events.out.tfevents.1.live').write_bytes(base64.b64decode({written!r}))\n"
        f"print(himalia.Client().tracking.tensorboard({job!r}, place))"
    )
    assert shown.strip().endswith("himalia/tensorboard"), shown
    until(lambda: runs(lab) == sorted([f"{job}/outputs/board", "live"]), "both runs")


@pytest.mark.full
def test_a_deleted_postgresql_loses_no_job(release: Release, mona: Person) -> None:
    """While jobs wait, run and report: what was accepted ends well, once, with all that it printed."""
    counts = "for n in $(seq 60); do echo $n; sleep 0.2; done"
    jobs = [mona.submit("sh", "-c", f"sleep {number}; {counts}")["name"] for number in (0, 4, 8)]
    until(lambda: mona.job(jobs[0])["status"]["state"] == "RUNNING", "the first one to run")
    before = release.pods()["postgresql"]["metadata"]
    release.kubectl("delete", "pod", before["name"])
    release.wait_for("postgresql")
    # Where its address is not known everywhere yet, the service asks to try again, and the SDK does.
    with sdk.Client(url=f"{release.url}/services/himalia", token=mona.token) as client:
        jobs.append(client.jobs.submit(command=["sh", "-c", counts], profile="base").name)
    for job in jobs:
        found = mona.ended(job, timeout_s=120)["status"]
        assert (found["state"], found["attempt"]) == ("SUCCEEDED", 1), found
        assert mona.text(job).split() == [str(number) for number in range(1, 61)]
