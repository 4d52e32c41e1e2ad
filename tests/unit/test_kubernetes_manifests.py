"""What is made on a cluster for an attempt: what its pods may, see and are told."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from himalia.core.settings import Settings
from himalia.engine.backends.base import Account, Launch, Place
from himalia.engine.backends.kubernetes import manifests, names
from himalia.engine.resources import Resources
from himalia.environments.places import ImageEnvironments
from himalia.profiles.load import load
from himalia.profiles.pods import PodParts

SECRET = "hunter2-very-secret"
LAUNCH = Launch(
    name="a-1",
    workload="a",
    attempt=1,
    kind="job",
    person=Account("p1", "ada", None, None),
    project=Place("j1", "digits", None),
    environment="base",
    overlay=None,
    task={"kind": "command", "command": ["true"]},
    limit=Resources.of(2, 2**30, {"nvidia.com/gpu": 1}),
    devices={},
    time_limit_s=None,
    variables={"COLOUR": "blue"},
    secrets={"PASSWORD": SECRET},
    token="him_work_x",
    image="r/himalia-base:1",
    reserve=Resources.of(1, 2**29),
)


@pytest.fixture
def settings() -> Settings:
    return Settings(
        home=Path("/var/lib/himalia"),
        service_url="http://himalia-service:8003",
        kubernetes_namespace="lab",
        kubernetes_release="himalia",
        kubernetes_data_claim="himalia-data",
        kubernetes_pull_secrets=["registry"],
        kubernetes_pod_defaults={"nodeSelector": {"pool": "users"}, "tolerations": [{"key": "users"}]},
    )


def job_of(launch: Launch, settings: Settings) -> dict[str, Any]:
    return manifests.job(launch, settings, "himalia-runner-1", manifests.mounted(launch, settings))


def test_in_kueues_queue_a_job_is_suspended_and_says_which(settings: Settings) -> None:
    queued = manifests.job(LAUNCH, settings, "himalia-runner-1", [], "team-a")
    plain = manifests.job(LAUNCH, settings, "himalia-runner-1", [])
    assert queued["spec"].pop("suspend") is True
    assert queued["metadata"]["labels"].pop("kueue.x-k8s.io/queue-name") == "team-a"
    assert queued == plain


def pod_of(launch: Launch, settings: Settings) -> dict[str, Any]:
    spec: dict[str, Any] = job_of(launch, settings)["spec"]["template"]["spec"]
    return spec


def mounts(launch: Launch, settings: Settings) -> dict[str, dict[str, Any]]:
    (container,) = pod_of(launch, settings)["containers"]
    return {one["mountPath"]: one for one in container["volumeMounts"]}


def test_a_runner_is_told_where_its_devices_names_stand(settings: Settings) -> None:
    assert manifests.told(LAUNCH, settings)["devices"] == {"nvidia.com/gpu": "NVIDIA_VISIBLE_DEVICES"}
    other = replace(LAUNCH, limit=Resources.of(1, 2**30, {"example.org/fpga": 1, "huawei.com/Ascend910": 2}))
    assert manifests.told(other, settings)["devices"] == {"huawei.com/Ascend910": "ASCEND_VISIBLE_DEVICES"}


def test_pod_has_no_rights(settings: Settings) -> None:
    pod = pod_of(LAUNCH, settings)
    assert pod["automountServiceAccountToken"] is pod["enableServiceLinks"] is False
    assert "serviceAccountName" not in pod
    assert pod["securityContext"]["runAsNonRoot"] is True
    (container,) = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    kinds = {kind for volume in pod["volumes"] for kind in volume} - {"name"}
    assert kinds == {"configMap", "secret", "emptyDir", "persistentVolumeClaim"}


def test_secrets_are_in_the_secret_alone(settings: Settings) -> None:
    job = json.dumps(job_of(LAUNCH, settings))
    assert SECRET not in job
    assert LAUNCH.token not in job
    secret = manifests.secret(LAUNCH, settings, "u1")
    told = json.loads(base64.b64decode(secret["data"]["launch.json"]))
    assert told["task"]["secret_environment"] == {"PASSWORD": SECRET}
    assert (told["url"], told["task"]["token"]) == ("http://himalia-service:8003", "him_work_x")
    assert told["task"]["environment"]["COLOUR"] == "blue"
    (owner,) = secret["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("Job", "a-1", "u1")


def test_what_it_asks_for_and_what_it_may_use(settings: Settings) -> None:
    (container,) = pod_of(LAUNCH, settings)["containers"]
    gpu = {"nvidia.com/gpu": "1"}
    assert container["resources"] == {
        "requests": {"cpu": "1000m", "memory": str(2**29), **gpu},
        "limits": {"cpu": "2000m", "memory": str(2**30 + manifests.RUNNER_MEMORY_BYTES), **gpu},
    }


def test_no_cores_reserved_are_no_cores_asked_for(settings: Settings) -> None:
    launch = replace(LAUNCH, reserve=Resources(0, 2**29))
    (container,) = pod_of(launch, settings)["containers"]
    assert container["resources"]["requests"] == {"cpu": "0", "memory": str(2**29), "nvidia.com/gpu": "1"}


def test_labels_are_on_all_of_it(settings: Settings) -> None:
    job = job_of(LAUNCH, settings)
    labels = job["metadata"]["labels"]
    assert labels == job["spec"]["template"]["metadata"]["labels"]
    assert labels == manifests.secret(LAUNCH, settings, "u1")["metadata"]["labels"]
    assert labels[names.INSTANCE] == "himalia"
    assert (labels[names.WORKLOAD], labels[names.ATTEMPT], labels[names.ROLE]) == ("a", "1", "workload")
    endpoint = replace(LAUNCH, kind="endpoint", isolated=True)
    labels = job_of(endpoint, settings)["metadata"]["labels"]
    assert (labels[names.ROLE], labels[names.ISOLATED]) == ("endpoint", "true")


def test_files_are_seen_by_need(settings: Settings) -> None:
    inputs = {"data": {"tree": "t1", "path": "sub"}, "more": {"tree": "t1", "path": ""}}
    seen = mounts(replace(LAUNCH, inputs=inputs), settings)
    assert seen["/checkouts/t1"]["subPath"] == "projects/j1/checkouts/t1"
    assert seen["/checkouts/t1"]["readOnly"] is True
    assert seen["/shared/digits"]["subPath"] == "projects/j1/shared"
    told = manifests.told(replace(LAUNCH, inputs=inputs), settings)
    assert told["task"]["inputs"] == {"data": "/checkouts/t1/sub", "more": "/checkouts/t1"}
    alone = replace(LAUNCH, inputs=inputs, isolated=True)
    assert set(mounts(alone, settings)) - set(manifests_own(settings)) == {"/checkouts/t1"}
    assert manifests.told(alone, settings)["task"]["calls_api"] is False
    assert all(one.get("subPath") for one in seen.values() if one["name"] == "data")


def manifests_own(settings: Settings) -> dict[str, Any]:
    """What every workload's pod has."""
    return mounts(replace(LAUNCH, isolated=True), settings)


def test_volumes_of_a_pod_have_different_names(settings: Settings) -> None:
    inputs = {"one": {"tree": "t1", "path": ""}, "two": {"tree": "t2", "path": ""}}
    listed = [volume["name"] for volume in pod_of(replace(LAUNCH, inputs=inputs), settings)["volumes"]]
    assert len(listed) == len(set(listed))


def test_projects_may_have_claims_of_their_own(settings: Settings) -> None:
    storage = {"class": "fast", "size": "5Gi", "access": "ReadWriteMany"}
    own = settings.model_copy(update={"kubernetes_project_storage": storage})
    (volume,) = manifests.mounted(LAUNCH, own)
    assert volume.claim is not None
    assert volume.claim["metadata"]["name"] == "project-j1"
    assert volume.claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5Gi"}},
        "storageClassName": "fast",
    }
    assert mounts(LAUNCH, own)["/shared/digits"] == {"name": "project", "mountPath": "/shared/digits"}


def test_overlay_is_written_by_the_task_that_builds_it_alone(settings: Settings) -> None:
    digest = "d" * 64
    using = replace(LAUNCH, overlay=digest)
    assert mounts(using, settings)[f"/overlays/{digest}"]["readOnly"] is True
    assert manifests.told(using, settings)["task"]["python"] == f"/overlays/{digest}/bin/python"
    building = replace(using, kind="task", purpose="overlay")
    assert mounts(building, settings)["/overlays"]["readOnly"] is False
    task = manifests.told(building, settings, {"UV_DEFAULT_INDEX": "https://index.example/simple"})["task"]
    assert task["environment"]["UV_DEFAULT_INDEX"] == "https://index.example/simple"
    assert "python" not in task
    assert task["calls_api"] is False


def test_group_has_a_name_for_each_rank(settings: Settings) -> None:
    group = replace(LAUNCH, replicas=3)
    spec = job_of(group, settings)["spec"]
    assert (spec["completions"], spec["parallelism"], spec["backoffLimit"]) == (3, 3, 0)
    assert (
        spec["template"]["spec"]["subdomain"] == manifests.service(group, settings, "u")["metadata"]["name"]
    )
    hosts = manifests.told(group, settings)["task"]["hosts"]
    assert hosts == ["a-1-0.a-1", "a-1-1.a-1", "a-1-2.a-1"]
    policy = manifests.policy(group, settings, "u")["spec"]
    ranks = [{"podSelector": {"matchLabels": {names.WORKLOAD: "a"}}}]
    assert (policy["ingress"], policy["egress"]) == ([{"from": ranks}], [{"to": ranks}])
    assert "hosts" not in manifests.told(LAUNCH, settings)["task"]


def test_defaults_and_profiles_reach_the_pod_and_cannot_change_its_rights(settings: Settings) -> None:
    pod = pod_of(LAUNCH, settings)
    assert pod["nodeSelector"] == {"pool": "users"}
    assert pod["tolerations"] == [{"key": "users"}, {"key": "nvidia.com/gpu", "operator": "Exists"}]
    assert pod["imagePullSecrets"] == [{"name": "registry"}]
    memory = {"name": "shared-memory", "emptyDir": {"medium": "Memory"}}
    parts = PodParts(
        spec={"priorityClassName": "high", "automountServiceAccountToken": True, "securityContext": {}},
        labels={"team": "x", names.ROLE: "server"},
        annotations={"a": "b"},
        volumes=[memory],
        mounts=[{"name": "shared-memory", "mountPath": "/dev/shm"}],
    )
    job = job_of(replace(LAUNCH, pod=parts), settings)
    pod = job["spec"]["template"]["spec"]
    assert pod["priorityClassName"] == "high"
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"] == manifests.pod_security()
    assert memory in pod["volumes"]
    about = job["spec"]["template"]["metadata"]
    assert about["labels"]["team"] == "x"
    assert about["labels"][names.ROLE] == "workload"
    assert about["annotations"] == {"a": "b"}
    assert settings.kubernetes_pod_defaults["tolerations"] == [{"key": "users"}]


def test_a_pull_secret_of_settings_and_profile_is_named_once(settings: Settings) -> None:
    profiles = load()
    more = {"imagePullSecrets": [{"name": "registry"}, {"name": "mirror"}]}
    for defaults, expected in (({}, ["registry"]), (more, ["registry", "mirror"])):
        told = settings.model_copy(update={"kubernetes_pod_defaults": defaults})
        _, parts = ImageEnvironments(told, lambda: profiles).image("base", "base")
        for launch in (LAUNCH, replace(LAUNCH, pod=parts)):
            secrets = pod_of(launch, told)["imagePullSecrets"]
            assert secrets == [{"name": name} for name in expected]


def test_images_are_pulled_when_settings_say(settings: Settings) -> None:
    for policy in ("IfNotPresent", "Always"):
        told = settings.model_copy(update={"kubernetes_pull_policy": policy})
        (container,) = pod_of(LAUNCH, told)["containers"]
        assert container["imagePullPolicy"] == policy


def test_model_server_listens_where_the_gateway_asks(settings: Settings) -> None:
    told = manifests.told(replace(LAUNCH, kind="endpoint"), settings)
    assert told["task"]["environment"]["HIMALIA_SERVE_ADDRESS"] == "0.0.0.0:8080"
    assert "HIMALIA_SERVE_ADDRESS" not in manifests.told(LAUNCH, settings)["task"]["environment"]
