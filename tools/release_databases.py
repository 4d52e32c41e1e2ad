"""Make the databases of this release, which later ones must be able to take over.

    python tools/release_databases.py

Runs a platform on SQLite and one on PostgreSQL, has people do a little of everything, and writes
`tests/upgrade/<version>/himalia.sqlite` and `himalia.sql`. To be done once for a release, with its code.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from blake3 import blake3  # noqa: E402
from platforms import Person, Running  # noqa: E402

import himalia  # noqa: E402

EXAMPLES = ROOT / "examples"
ENVIRONMENTS = ("base", "scikit-learn")
INTERPRETER = "/opt/himalia/bin/python"
"""Stands for the interpreter that made them, whose path is of no use elsewhere."""

SCRIPT = b"""
import himalia
himalia.run.log("accuracy", 0.5, step=0)
himalia.run.log("accuracy", 0.75, step=1)
open(himalia.run.output("result.txt"), "w").write("result")
print("done")
"""


def fill(platform: Running) -> None:
    """A little of everything."""
    for name in ("ada", "bob"):
        platform.add_user(name)
    ada, bob = Person(platform, "ada"), Person(platform, "bob")
    made = [
        ada.http.post("/projects", json={"name": "shared", "spec": {"title": "Shared"}}),
        ada.http.put("/projects/shared/members/person/bob", json={"role": "viewer"}),
        ada.http.put("/projects/shared/members/group/chemistry", json={"role": "editor"}),
        ada.http.put(f"/projects/{ada.project}/secrets/KEY", json={"value": "not told"}),
        ada.session("POST", "/tokens", json={"scopes": ["read"], "note": "a note", "days": 30}),
        ada.http.post("/projects", json={"name": "gone"}),
        ada.http.delete("/projects/gone"),
    ]
    for answer in made:
        answer.raise_for_status()
    jobs(ada)
    with tempfile.TemporaryDirectory() as folder, himalia.Client(platform.url, ada.token) as client:
        closed_loop(client, Path(folder))
        ada.http.post(f"/projects/{ada.project}/datasets/numbers/drafts", json={}).raise_for_status()
    bob.ended(bob.submit("/bin/true")["name"])
    ada.close()
    bob.close()


def jobs(ada: Person) -> None:
    """Jobs with every end."""
    snapshot = upload(ada, {"train.py": SCRIPT})
    path = f"/projects/{ada.project}/jobs"
    spec = {
        "kind": "script",
        "script": "train.py",
        "snapshot": snapshot,
        "profile": "base",
        "secrets": ["KEY"],
    }
    body = {"name": "train", "labels": {"team": "vision"}, "spec": spec}
    ada.http.post(path, json=body, headers={"Idempotency-Key": "once"}).raise_for_status()
    assert ada.ended("train")["status"]["state"] == "SUCCEEDED", ada.text("train")
    failed = ada.submit("sh", "-c", "echo no; exit 3", retries=1)["name"]
    assert ada.ended(failed)["status"]["attempt"] == 2
    stopped = ada.submit("sleep", "600")["name"]
    ada.http.post(f"{path}/{stopped}/stop").raise_for_status()
    assert ada.ended(stopped)["status"]["state"] == "STOPPED"
    deleted = ada.submit("/bin/true")["name"]
    ada.ended(deleted)
    ada.http.delete(f"{path}/{deleted}").raise_for_status()


def closed_loop(client: himalia.Client, folder: Path) -> None:
    """Everything from files to an endpoint, finished and unfinished."""
    files = folder / "numbers"
    files.mkdir()
    for content in ("one,two\n1,2\n", "one,two\n1,2\n3,4\n"):
        (files / "table.csv").write_text(content)
        client.datasets.add("numbers", files)
    client.datasets.set_alias("numbers@1", "gold")
    client.datasets.preview("numbers@2")
    client.datasets.verify("numbers@1")
    archive = shutil.make_archive(str(folder / "packed"), "zip", files)
    client.datasets.add_archive("packed", archive)
    client.datasets.delete("packed")

    space = {"rate": (0.05, 0.3), "steps": [5, 10]}
    train = {"script": EXAMPLES / "train.py", "space": space, "metric": "loss", "profile": "base"}
    client.experiments.search(**train, trials=3, inputs={"numbers": "numbers@gold"}, name="searched").wait()
    client.experiments.search(**train, trials=100, name="stopped").stop()

    job = client.jobs.submit(script=EXAMPLES / "flowers.py", profile="scikit-learn", name="flowers").wait()
    assert job.state == "SUCCEEDED", "".join(job.log())
    client.models.register("flowers", job=job, description="Three kinds of iris")
    client.models.set_alias("flowers@1", "champion")
    client.datasets.create("flowers")
    client.datasets.add_from_job("flowers", "flowers")
    client.models.evaluate("flowers@1", "flowers", target="target", profile="scikit-learn")

    endpoint = client.endpoints.deploy("flowers@champion", name="flowers", profile="scikit-learn").wait()
    endpoint.create_token("of the release")
    endpoint.update("flowers@1").wait()
    endpoint.stop()


def upload(person: Person, files: dict[str, bytes]) -> str:
    """The digest of files as a code snapshot."""
    by_digest = {blake3(data).hexdigest(): (name, data) for name, data in files.items()}
    manifest = {"files": [{"path": n, "size": len(d), "digest": h} for h, (n, d) in by_digest.items()]}
    base = f"/projects/{person.project}"
    for digest in person.http.post(f"{base}/snapshots", json=manifest).json()["missing"]:
        person.http.put(f"{base}/objects/{digest}", content=by_digest[digest][1]).raise_for_status()
    return str(person.http.post(f"{base}/snapshots", json=manifest).json()["digest"])


def sqlite(folder: Path) -> None:
    """The database of a home."""
    with Running(ENVIRONMENTS) as platform:
        fill(platform)
        platform.down()
        source = platform.home / "service" / "himalia.sqlite"
        with sqlite3.connect(source) as connection:
            connection.execute("VACUUM INTO ?", (str(folder / "himalia.sqlite"),))
        with sqlite3.connect(folder / "himalia.sqlite") as connection:
            connection.execute(
                "UPDATE workloads SET spec = replace(spec, ?, ?)", (sys.executable, INTERPRETER)
            )
            connection.commit()
            connection.execute("VACUUM")


def postgresql(folder: Path) -> None:
    """What pg_dump writes of a database on a server that is made for it."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    data = Path(tempfile.mkdtemp(prefix="hpg", dir="/tmp"))
    become: list[str] = []
    if os.geteuid() == 0:
        os.chown(data, 65534, 65534)
        become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    control = [*become, str(programs / "pg_ctl"), "-D", str(data / "db"), "-w", "-l", str(data / "log")]

    def run(*command: str) -> bytes:
        return subprocess.run([*become, *command], check=True, cwd=data, stdout=subprocess.PIPE).stdout

    try:
        run(
            str(programs / "initdb"),
            "-D",
            str(data / "db"),
            "-U",
            "himalia",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--no-locale",
        )
        subprocess.run([*control, "-o", f"-c listen_addresses='' -k {data}", "start"], check=True, cwd=data)
        url = f"postgresql+psycopg://himalia@/postgres?host={data}"
        with Running(ENVIRONMENTS, HIMALIA_DATABASE_URL=url) as platform:
            fill(platform)
            platform.down()
            dump = run(
                str(programs / "pg_dump"),
                "-h",
                str(data),
                "-U",
                "himalia",
                "--no-owner",
                "--no-privileges",
                "postgres",
            )
        dump = dump.replace(sys.executable.encode(), INTERPRETER.encode())
        (folder / "himalia.sql").write_bytes(dump)
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], check=False, cwd=data)
        shutil.rmtree(data)


def main() -> None:
    from himalia.environments.local import create

    for name in ENVIRONMENTS:
        create(name, ROOT / ".cache")
    folder = ROOT / "tests" / "upgrade" / himalia.__version__
    folder.mkdir(parents=True, exist_ok=True)
    for file in folder.iterdir():
        file.unlink()
    sqlite(folder)
    postgresql(folder)
    print(json.dumps({file.name: file.stat().st_size for file in sorted(folder.iterdir())}))


if __name__ == "__main__":
    main()
