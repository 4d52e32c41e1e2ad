"""The platform of an earlier commit, brought to this checkout with `helm upgrade` while people use it.

The commit's chart and wheels are in tests/upgrade/chart-<commit>; tools/chart_fixture keeps them. Its images
have that commit's code on this checkout's dependencies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from machinery import images
from machinery.cluster import Cluster
from machinery.release import NAME, Release
from machinery.waiting import until
from platforms import Person

from himalia.core import migrations

EARLIER = Path(__file__).parents[1] / "upgrade" / "chart-9683f3d"
IMAGES = {"platform": "himalia-earlier-platform", "environment": "himalia-earlier-{environment}"}
NAMESPACE, PORT = "upgraded", 30580

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def release(cluster: Cluster, platform_images: str) -> Iterator[Release]:
    """The earlier platform, in a namespace of its own."""
    cluster.load(images.build_earlier(EARLIER / name) for name in ("platform", "base"))
    release = Release.on(cluster, platform_images, NAMESPACE, PORT)
    release.install({"images": IMAGES}, chart=next(EARLIER.glob("*.tgz")))
    yield release
    release.install({"keepData": False})
    release.uninstall()
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=60s", timeout_s=70)


def test_servers_jobs_and_data_outlive_an_upgrade(release: Release, ivy: Person) -> None:
    hub = {"X-XSRFToken": ivy.browser.cookies.get("_xsrf", path="/hub/") or ""}
    started = ivy.browser.post("/hub/api/users/ivy/server", headers=hub, json={"profile": "base"})
    assert started.status_code in (201, 202), started.text
    before = ivy.submit("sh", "-c", "mkdir -p outputs; echo before > outputs/word")["name"]
    during = ivy.submit(
        "sh", "-c", "until [ -e /tmp/go ]; do sleep 0.2; done; mkdir -p outputs; echo during > outputs/word"
    )["name"]
    assert ivy.ended(before)["status"]["state"] == "SUCCEEDED"
    until(lambda: ivy.job(during)["status"]["state"] == "RUNNING", "a job runs")
    until(lambda: lab_answers(ivy), "Lab answers")
    until(lambda: len(uids(release, "himalia/role")) == 2, "the server and the job are left")
    people, platform, kept = uids(release, "himalia/role"), running_images(release), secrets_of(release)
    assert platform["service"].startswith("localhost/himalia-earlier-platform:")

    release.install()

    platform = running_images(release)
    assert platform["service"] == platform["hub"]
    assert platform["service"].startswith("localhost/himalia-platform:")
    assert uids(release, "himalia/role") == people
    assert secrets_of(release) == kept
    until(lambda: lab_answers(ivy), "Lab answers as before", within_s=10)
    assert word(ivy, before) == "before"
    assert schema_of(release) == newest_schema()
    # The server's own SDK is the earlier one, and talks to the new service.
    pod = release.kubectl("get", "pods", "-l", "himalia/role=server", "-o", "name").strip()
    listed = release.kubectl("exec", pod, "--", "/opt/lab/bin/himalia", "jobs", "list")
    assert before in listed
    pod = release.kubectl("get", "pods", "-l", "himalia/role=workload", "-o", "name").strip()
    release.kubectl("exec", pod, "--", "touch", "/tmp/go")
    until(lambda: ivy.job(during)["status"]["state"] == "SUCCEEDED", "the job of before has ended well")
    assert ivy.job(during)["status"]["attempt"] == 1
    assert word(ivy, during) == "during"
    assert ivy.ended(ivy.submit("true")["name"])["status"]["state"] == "SUCCEEDED"


def lab_answers(person: Person) -> bool:
    """Whether it is Lab that answers, and not the hub with a page about it."""
    answer = person.browser.get(f"/user/{person.name}/lab")
    return answer.status_code == 200 and answer.url.path.startswith("/user/")


def uids(release: Release, label: str) -> set[str]:
    """The pods that have a label, by their own ids."""
    pods = json.loads(release.kubectl("get", "pods", "-l", label, "-o", "json"))["items"]
    return {one["metadata"]["uid"] for one in pods if one["status"]["phase"] == "Running"}


def running_images(release: Release) -> dict[str, str]:
    return {name: pod["spec"]["containers"][0]["image"] for name, pod in release.pods().items()}


def secrets_of(release: Release) -> dict[str, Any]:
    own = (NAME, f"{NAME}-admin", f"{NAME}-database")
    return {
        one["metadata"]["name"]: one["data"]
        for one in release.items("secrets")
        if one["metadata"]["name"] in own
    }


def word(person: Person, job: str) -> str:
    """What a job has left."""
    path = f"/projects/{person.project}/jobs/{job}/outputs/outputs/word"
    answer: httpx.Response = person.http.get(path).raise_for_status()
    return answer.text.strip()


def schema_of(release: Release) -> str:
    """The revision that the service's database has."""
    query = ["psql", "--username", "himalia", "himalia", "-tAc", "SELECT version_num FROM alembic_version"]
    return release.kubectl("exec", f"{NAME}-postgresql-0", "--", *query).strip()


def newest_schema() -> str:
    versions = Path(str(migrations.__file__)).parent / "versions"
    return max(path.name for path in versions.glob("[0-9]*.py"))[:4]
