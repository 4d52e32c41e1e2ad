"""Databases of earlier releases: brought to this one's schema with everything in them, and worked with.

A release's databases are made by tools/release_databases.py.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from platforms import Person, Running

import himalia.app  # every table of every noun
from himalia import __version__
from himalia.core import links
from himalia.core.database import Database, metadata
from himalia.core.migrate import migrate

assert himalia.app
assert links
FILLED = ("jobs", "attempts", "events", "metrics", "outputs", "secrets", "members")
FILLED += (
    "datasets",
    "dataset_versions",
    "dataset_aliases",
    "dataset_previews",
    "dataset_checks",
    "dataset_drafts",
)
FILLED += ("experiments", "trials", "models", "model_versions", "model_aliases", "model_evaluations")
FILLED += ("endpoints", "endpoint_revisions", "endpoint_tokens", "mlflow_runs")
"""Tables that people fill; a release that has one has rows in it."""
RELEASES = sorted(path for path in Path(__file__).parent.iterdir() if (path / "himalia.sqlite").exists())


def restored(dump: Path, server: str) -> str:
    """The URL of a new database with what pg_dump wrote."""
    name = f"upgrade_{dump.parent.name.replace('.', '_')}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    url = sa.make_url(server).set(database=name)
    psql = sorted(Path("/usr/lib/postgresql").glob("*/bin/psql"))[-1]
    command = [
        psql,
        "-q",
        "-v",
        "ON_ERROR_STOP=1",
        "-h",
        url.query["host"],
        "-U",
        url.username,
        "-f",
        dump,
        name,
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return url.render_as_string(hide_password=False)


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """The URL of a copy of a release's database."""
    release: Path = request.param
    if kind == "postgresql":
        return restored(release / "himalia.sql", request.getfixturevalue("postgres_url"))
    shutil.copy(release / "himalia.sqlite", tmp_path)
    return f"sqlite:///{tmp_path / 'himalia.sqlite'}"


def counts(url: str) -> dict[str, int]:
    """Rows by table, as they are there and not as the models say."""
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        found = {n: connection.execute(sa.text(f'SELECT count(*) FROM "{n}"')).scalar_one() for n in names}
    engine.dispose()
    return found


def test_this_release_has_its_databases() -> None:
    assert __version__ in [path.name for path in RELEASES]


def test_the_schema_is_this_releases_and_every_row_is_there(old: str) -> None:
    before = counts(old)
    assert all(before.get(table, 1) for table in FILLED)
    database = Database(old)
    migrate(database)
    with database.reader.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    database.close()
    after = counts(old)
    assert {table: after.get(table) for table in before} == before


@pytest.fixture(params=RELEASES, ids=lambda path: path.name)
def taken_over(request: pytest.FixtureRequest, environments: Path) -> Iterator[Running]:
    """A platform of this release on the service's database of an earlier one."""
    running = Running(("base",))
    service = running.home / "service"
    service.mkdir()
    shutil.copy(request.param / "himalia.sqlite", service)
    try:
        yield running.up()
    finally:
        running.remove()


def the_closed_loop_is_there(admin: Person) -> None:
    """What releases from 0.2.0 on have."""
    at = "/projects/ada"
    assert admin.http.get(f"{at}/datasets/numbers").json()["status"]["aliases"] == {"gold": 1}
    numbers = admin.http.get(f"{at}/datasets/numbers/versions").json()["items"]
    assert [one["number"] for one in numbers] == [2, 1]
    searched = admin.http.get(f"{at}/experiments/searched").json()
    assert searched["status"]["counts"]["complete"] == 3
    endpoint = admin.http.get(f"{at}/endpoints/flowers").json()
    assert (endpoint["status"]["state"], len(endpoint["status"]["revisions"])) == ("STOPPED", 2)


def test_a_platform_goes_on_with_it(taken_over: Running) -> None:
    admin = Person(taken_over, "admin", ("admin",))
    shared = admin.http.get("/projects/shared").json()
    assert shared["spec"]["title"] == "Shared"
    members = admin.http.get("/projects/shared/members").json()["items"]
    assert {"viewer", "editor", "owner"} == {member["role"] for member in members}
    jobs = {job["name"]: job for job in admin.http.get("/projects/ada/jobs").json()["items"]}
    assert {"SUCCEEDED", "FAILED", "STOPPED"} == {job["status"]["state"] for job in jobs.values()}
    assert jobs["train"]["labels"] == {"team": "vision"}
    metrics = admin.http.get("/projects/ada/jobs/train/metrics").json()
    assert "accuracy" in str(metrics)
    if "flowers" in jobs:
        the_closed_loop_is_there(admin)
    assert admin.ended(admin.submit("/bin/true")["name"])["status"]["state"] == "SUCCEEDED"
    admin.close()
