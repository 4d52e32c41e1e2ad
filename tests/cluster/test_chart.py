"""The chart on a real cluster: what it installs, who may do what and reach whom, and what outlives what."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
import yaml
from docs.examples import Block, named
from machinery.cluster import Cluster, ClusterError
from machinery.release import CHART, NAME, Release
from machinery.waiting import until
from network_policies import Peer, Policies


def test_the_chart_passes_its_linter(cluster: Cluster) -> None:
    assert "0 chart(s) failed" in cluster.run("helm", "lint", "--strict", str(CHART))


@pytest.mark.parametrize("block", named("values"), ids=str)
def test_examples_of_values_are_accepted_by_the_api(block: Block, cluster: Cluster, namespace: str) -> None:
    values = yaml.safe_load(block.content)
    manifests = Release(cluster, namespace, "example", values).template()
    line = ["apply", "--namespace", namespace, "--dry-run=server", "-f", "-"]
    answer = cluster.kubectl(*line, input=manifests)
    has_hub = "existingHub" not in values
    assert ("deployment.apps/example-hub created" in answer) is has_hub
    assert "deployment.apps/example-service created" in answer
    made = [one for one in yaml.safe_load_all(manifests) if one]
    assert [words for one in made for words in lacking(one, made)] == []


def lacking(one: dict[str, Any], made: list[dict[str, Any]]) -> Iterator[str]:
    """What something that runs pods has not: resources, probes, a restricted context, a disruption budget."""
    if one["kind"] not in ("Deployment", "StatefulSet", "Job"):
        return
    name, template = f"{one['kind']} {one['metadata']['name']}", one["spec"]["template"]
    spec, goes_on = template["spec"], one["kind"] != "Job"
    if not spec["securityContext"].get("runAsNonRoot"):
        yield f"{name}: runAsNonRoot"
    for container in [*spec["containers"], *spec.get("initContainers", ())]:
        here, security = f"{name}, {container['name']}", container["securityContext"]
        resources = container.get("resources", {})
        if not (
            {"cpu", "memory"} <= resources.get("requests", {}).keys() and "memory" in resources["limits"]
        ):
            yield f"{here}: resources"
        if security["allowPrivilegeEscalation"] or security["capabilities"] != {"drop": ["ALL"]}:
            yield f"{here}: security"
    for container in spec["containers"] if goes_on else ():
        alive, others = container.get("livenessProbe"), container.keys() & {"startupProbe", "readinessProbe"}
        # MLflow must not hold back the service beside it: instead of others, the one that it has begins late.
        late = container["name"] == "mlflow"
        if not alive or bool(others) == late or (late and alive.get("initialDelaySeconds", 0) < 120):
            yield f"{name}, {container['name']}: probes"
    budgets = [b["spec"]["selector"]["matchLabels"] for b in made if b["kind"] == "PodDisruptionBudget"]
    labels = template["metadata"]["labels"].items()
    if goes_on and not any(budget.items() <= labels for budget in budgets):
        yield f"{name}: disruption budget"


def test_a_wrong_value_is_refused_by_name(cluster: Cluster, namespace: str) -> None:
    with pytest.raises(ClusterError, match="/gateway/replicas"):
        Release(cluster, namespace, "example", {"gateway": {"replicas": 0}}).template()


def test_people_find_the_platform(release: Release) -> None:
    url = release.url
    assert httpx.get(f"{url}/hub/login").status_code == 200
    assert httpx.get(f"{url}/services/himalia/health").json()["status"] == "ok"
    assert httpx.get(f"{url}/services/himalia-gateway/health").json()["status"] == "ok"


def test_the_first_administrator_signs_in(release: Release) -> None:
    account = {name: base64.b64decode(value).decode() for name, value in admin_secret(release).items()}
    with httpx.Client(base_url=release.url, follow_redirects=True, timeout=30) as browser:
        browser.get("/hub/login")
        form = {"username": account["name"], "_xsrf": browser.cookies.get("_xsrf", path="/hub/")}
        assert browser.post("/hub/login", data={**form, "password": "wrong"}).status_code == 403
        signed_in = browser.post("/hub/login", data={**form, "password": account["password"]})
        assert signed_in.url.path == "/hub/spawn"
        assert browser.get("/hub/admin").status_code == 200


def admin_secret(release: Release) -> dict[str, str]:
    secret = release.cluster.get("secret", f"{NAME}-admin", release.namespace)
    assert secret is not None
    data: dict[str, str] = secret["data"]
    return data


@pytest.fixture(scope="module")
def admin(release: Release) -> Iterator[httpx.Client]:
    """The administrator's calls, with a token of the hub's."""
    account = {name: base64.b64decode(value).decode() for name, value in admin_secret(release).items()}
    url = release.url
    with httpx.Client(base_url=url, follow_redirects=True, timeout=30) as browser:
        browser.get("/hub/login")
        form = {"_xsrf": browser.cookies.get("_xsrf", path="/hub/"), "username": account["name"]}
        browser.post("/hub/login", data={**form, "password": account["password"]})
        headers = {"X-XSRFToken": browser.cookies.get("_xsrf", path="/hub/"), "Referer": f"{url}/hub/token"}
        made = browser.post("/hub/api/users/admin/tokens", headers=headers, json={"note": "test"})
    token = {"Authorization": f"token {made.json()['token']}"}
    with httpx.Client(base_url=url, headers=token, timeout=120) as client:
        yield client


def test_servers_and_jobs_go_on_without_hub_and_service(release: Release, admin: httpx.Client) -> None:
    with server_of(admin):
        jobs = "/services/himalia/api/v1/projects/admin/jobs"
        waits = "until [ -e /tmp/told ]; do sleep 0.2; done"
        command = ["sh", "-c", f"{waits}; mkdir -p outputs; echo 42 > outputs/answer"]
        spec = {"kind": "command", "command": command, "profile": "base"}
        assert admin.post(jobs, json={"name": "goes-on", "spec": spec}).status_code == 201
        until(lambda: state_of(admin, "goes-on") == "RUNNING", "the job runs")
        before = people(release)
        assert len(before) == 2
        for component in ("hub", "service"):
            release.kubectl("delete", "pod", release.pods()[component]["metadata"]["name"])
            assert admin.get("/user/admin/api/status").status_code == 200
        for component in ("hub", "service"):
            release.wait_for(component)
        another_proxy(release, admin)
        assert people(release) == before
        (pod,) = release.kubectl("get", "pods", "-l", "himalia/kind=job", "-o", "name").split()
        release.kubectl("exec", pod, "--", "touch", "/tmp/told")
        until(lambda: state_of(admin, "goes-on") == "SUCCEEDED", "the job has succeeded")
        assert admin.get(f"{jobs}/goes-on/outputs/outputs/answer").text == "42\n"
        assert admin.get(f"{jobs}/goes-on").json()["status"]["attempt"] == 1


@contextmanager
def server_of(admin: httpx.Client) -> Iterator[None]:
    """Meanwhile the administrator's notebook server runs."""
    assert admin.post("/hub/api/users/admin/server", json={"profile": "base"}).status_code in (201, 202)
    try:
        until(lambda: admin.get("/user/admin/api/status").status_code == 200, "Lab answers")
        yield
    finally:
        assert admin.delete("/hub/api/users/admin/server").status_code in (202, 204)


def another_proxy(release: Release, admin: httpx.Client) -> None:
    """Have another proxy, which tells nobody that something is not there."""
    release.kubectl("delete", "pod", release.pods()["proxy"]["metadata"]["name"])
    paths = ("/services/himalia/health", "/services/himalia-gateway/health")

    def answer() -> list[int]:
        with suppress(httpx.HTTPError):
            return [httpx.get(release.url + path, timeout=5).status_code for path in paths]
        return []

    assert until(answer, "another proxy answers") == [200, 200]
    look = "/user/admin/api/status"
    until(
        lambda: admin.get(look, follow_redirects=False).status_code == 200, "it knows the server", within_s=10
    )


def state_of(admin: httpx.Client, job: str) -> str | None:
    """A job's state; None where the service does not answer."""
    answer = admin.get(f"/services/himalia/api/v1/projects/admin/jobs/{job}")
    return answer.json()["status"]["state"] if answer.status_code == 200 else None


def people(release: Release) -> set[str]:
    """The people's pods, by their own ids."""
    pods = json.loads(release.kubectl("get", "pods", "-l", "himalia/role", "-o", "json"))["items"]
    return {one["metadata"]["uid"] for one in pods}


def test_pods_have_what_they_need_and_no_more(release: Release) -> None:
    for component, pod in release.pods().items():
        spec = pod["spec"]
        assert spec["serviceAccountName"] == f"{NAME}-{component}"
        assert not spec["automountServiceAccountToken"]
        assert holders(spec) == ({component} if component in ("hub", "service") else set())
        assert not any("hostPath" in volume for volume in spec.get("volumes", ()))
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert "memory" in container["resources"]["limits"], container["name"]
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys(), container["name"]


def holders(spec: dict[str, Any]) -> set[str]:
    """The containers that have a token for the cluster's API."""
    return {
        container["name"]
        for container in (*spec["containers"], *spec.get("initContainers", ()))
        for mount in container.get("volumeMounts", ())
        if mount["mountPath"].startswith("/var/run/secrets")
    }


@pytest.mark.parametrize(
    ("account", "verb", "resource", "allowed"),
    [
        ("hub", "create", "pods", True),
        ("hub", "create", "secrets", True),
        ("hub", "get", "secrets", False),
        ("hub", "patch", "secrets", True),
        ("hub", "create", "jobs.batch", False),
        ("hub", "create", "pods/exec", False),
        ("hub", "list", "nodes", False),
        ("service", "create", "jobs.batch", True),
        ("service", "create", "persistentvolumeclaims", True),
        ("service", "patch", "persistentvolumeclaims", False),
        ("service", "delete", "persistentvolumeclaims", False),
        ("service", "delete", "pods", False),
        ("service", "list", "nodes", True),
        ("service", "get", "secrets", False),
        ("service", "list", "secrets", False),
        ("service", "patch", "secrets", False),
        ("service", "create", "pods", False),
        ("service", "create", "pods/exec", False),
        ("service", "update", "roles.rbac.authorization.k8s.io", False),
        ("gateway", "list", "pods", False),
        ("proxy", "list", "pods", False),
        ("postgresql", "list", "pods", False),
    ],
)
def test_rights(release: Release, account: str, verb: str, resource: str, allowed: bool) -> None:
    name, _, sub = resource.partition("/")
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": f"system:serviceaccount:{release.namespace}:{NAME}-{account}",
            "resourceAttributes": {
                "namespace": release.namespace,
                "verb": verb,
                "resource": name.partition(".")[0],
                "group": name.partition(".")[2],
                "subresource": sub,
            },
        },
    }
    line = ["create", "-f", "-", "-o", "json"]
    status = json.loads(release.cluster.kubectl(*line, input=json.dumps(review)))["status"]
    assert status["allowed"] is allowed


@pytest.fixture(scope="module")
def policies(release: Release) -> Policies:
    """What is installed in the whole cluster."""
    kubectl = release.cluster.kubectl
    found = json.loads(kubectl("get", "networkpolicies", "--all-namespaces", "-o", "json"))["items"]
    spaces = json.loads(kubectl("get", "namespaces", "-o", "json"))["items"]
    return Policies(found, {one["metadata"]["name"]: one["metadata"]["labels"] for one in spaces})


def of_a_person(namespace: str, role: str, workload: str = "w1", **labels: str) -> Peer:
    own = {"app.kubernetes.io/instance": NAME, "himalia/role": role, "himalia/workload": workload}
    return Peer("10.1.2.3", namespace, own | {f"himalia/{name}": value for name, value in labels.items()})


INTERNET, METADATA = Peer("151.101.1.1"), Peer("169.254.169.254")


def test_whom_people_reach(release: Release, policies: Policies) -> None:
    pods = {name: Peer.of(pod) for name, pod in release.pods().items()}
    api = [Peer(release.cluster.nodes[0].address), Peer("10.96.0.1")]
    for role in ("server", "workload", "endpoint"):
        person, other = of_a_person(release.namespace, role), of_a_person(release.namespace, role, "w2")
        assert policies.allow(person, pods["service"], 8003)
        assert policies.allow(person, pods["gateway"], 8004)
        assert policies.allow(person, INTERNET, 443) is (role != "endpoint")
        for port in (80, 443, 6443, 8080, 8888, 10250):
            assert not any(policies.allow(person, one, port) for one in (*api, METADATA, other))
        assert not policies.allow(person, pods["postgresql"], 5432)
        assert not policies.allow(person, pods["proxy"], 8001)
        assert not policies.allow(person, pods["gateway"], 8006)
        assert policies.allow(person, pods["hub"], 8081) is (role == "server")
    isolated = of_a_person(release.namespace, "workload", isolated="true")
    assert not policies.allow(isolated, INTERNET, 443)
    assert policies.allow(isolated, pods["service"], 8003)


def test_who_reaches_people_and_the_database(release: Release, policies: Policies) -> None:
    pods = {name: Peer.of(pod) for name, pod in release.pods().items()}
    server, endpoint = (of_a_person(release.namespace, role) for role in ("server", "endpoint"))
    stranger = Peer("10.9.9.9", "kube-system")
    assert {name for name, pod in pods.items() if policies.allow(pod, server, 8888)} == {"hub", "proxy"}
    assert {name for name, pod in pods.items() if policies.allow(pod, endpoint, 8080)} == {"gateway"}
    assert {name for name, pod in pods.items() if policies.allow(pod, pods["postgresql"], 5432)} == {
        "hub",
        "service",
    }
    assert {name for name, pod in pods.items() if policies.allow(pod, pods["proxy"], 8001)} == {"hub"}
    for target, port in ((server, 8888), (endpoint, 8080), (pods["postgresql"], 5432), (pods["hub"], 8081)):
        assert not policies.allow(stranger, target, port)
    assert policies.allow(stranger, pods["proxy"], 8000)


@pytest.mark.parametrize("component", ["hub", "service", "proxy", "postgresql", "gateway"])
def test_a_deleted_pod_comes_back_as_it_was(release: Release, component: str) -> None:
    before = release.pods()[component]["metadata"]
    release.kubectl("delete", "pod", before["name"], "--wait=false")
    until(
        lambda: (now := release.pods().get(component)) and now["metadata"]["uid"] != before["uid"],
        f"another pod of {component} is made",
    )
    release.wait_for(component)
    until(lambda: answers(release), f"the platform answers after its {component} was deleted")


def answers(release: Release) -> bool:
    """Whether hub, service and gateway answer through the proxy."""
    paths = ("/hub/api/", "/services/himalia/health", "/services/himalia-gateway/health")
    try:
        answers = [httpx.get(release.url + path, timeout=5) for path in paths]
    except httpx.HTTPError:
        return False
    return all(one.status_code == 200 for one in answers)


def test_an_upgrade_restarts_what_it_changes(release: Release) -> None:
    before, secrets = release.pods(), secrets_of(release)
    release.install({"hub": {"config": {"JupyterHub": {"concurrent_spawn_limit": 7}}}})
    after = release.pods()
    changed = {name for name in before if before[name]["metadata"]["uid"] != after[name]["metadata"]["uid"]}
    assert changed == {"hub"}
    assert secrets_of(release) == secrets
    until(lambda: answers(release), "the platform answers after an upgrade")


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"database": {"url": "postgresql+psycopg://db.example.org/{database}"}}, "himalia-database"),
        ({"admin": {"password": "another-long-one"}}, "himalia-admin"),
    ],
)
def test_a_password_that_was_made_once_is_kept(release: Release, values: dict[str, Any], name: str) -> None:
    """That of the chart's own PostgreSQL also beside another database, to which one may go and come back."""
    rendered = [one for one in yaml.safe_load_all(release.template(values, over=True)) if one]
    (secret,) = [one for one in rendered if (one["kind"], one["metadata"]["name"]) == ("Secret", name)]
    assert secret["data"]["password"] == secrets_of(release)[name]["password"]


def test_what_was_uninstalled_goes_on_when_it_is_installed_again(release: Release) -> None:
    secrets, claims = secrets_of(release), claims_of(release)
    release.uninstall()
    assert secrets_of(release) == secrets
    assert claims_of(release) == claims
    release.install()
    assert secrets_of(release) == secrets
    assert claims_of(release) == claims
    until(lambda: answers(release), "the platform answers when it is installed again")


def test_nothing_is_kept_where_that_is_wanted(release: Release) -> None:
    release.install({"keepData": False})
    release.uninstall()
    assert secrets_of(release) == {}
    until(lambda: claims_of(release) == {}, "no claim is left")


def secrets_of(release: Release) -> dict[str, Any]:
    return {one["metadata"]["name"]: one["data"] for one in release.items("secrets")}


def claims_of(release: Release) -> dict[str, str]:
    return {
        one["metadata"]["name"]: one["spec"].get("volumeName", "")
        for one in release.items("persistentvolumeclaims")
    }
