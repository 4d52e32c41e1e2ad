"""What a reservation says of a notebook server's pod, and what the spawner makes of it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from himalia.core.settings import Settings
from himalia.engine.backends.kubernetes.volumes import Volume
from himalia.environments.overlay import digest_on
from himalia.environments.places import ImageEnvironments
from himalia.hub import lab
from himalia.hub.kubernetes import pod as server_pod
from himalia.profiles.model import Kubernetes, Profile, Profiles, Resources, Size
from himalia.servers.pods import Pods, pod_name
from himalia.servers.schema import Reservation, ReservedEnvironment, ReservedPerson, ReservedProject

GPU = "nvidia.com/gpu"
PROFILE = Profile(
    name="torch",
    title="PyTorch",
    description="",
    framework="",
    environment="torch",
    sizes=(Size("one", "One", Resources(2, 2**30, {GPU: 1})),),
    kubernetes=Kubernetes(image="r/torch:1", node_selector={"pool": "gpu"}, shared_memory_bytes=2**20),
)


def reservation() -> Reservation:
    environment = ReservedEnvironment(name="torch", title="PyTorch", prefix="/opt/environment", binds=[])
    other = ReservedEnvironment(name="base", title="Python", prefix="/opt/environment", binds=[])
    projects = [
        ReservedProject(id="p1", name="own", shared="/h/projects/p1/shared", checkouts="/h/c", gid=7),
        ReservedProject(id="p2", name="seen", shared=None, checkouts="/h/d", gid=None),
        ReservedProject(id="p3", name="team", shared="/h/projects/p3/shared", checkouts="/h/e", gid=8),
    ]
    amounts = {"cpus": 2.0, "memory_bytes": 2**30, "devices": {GPU: 1}}
    return Reservation(
        id="w1",
        person=ReservedPerson(id="ada1", uid=None, gid=None, groups=[7]),
        home="/h/people/ada1/home",
        overlays="/h/people/ada1/overlays",
        projects=projects,
        environment=environment,
        environments=[other, environment],
        limit=amounts,
        reserve={**amounts, "cpus": 0.0},
        devices=["/dev/nvidia0"],
        env={"HIMALIA_PROJECT": "own"},
    )


def completed(tmp_path: Path, server: str = "", **changed: Any) -> tuple[Reservation, list[Volume]]:
    settings = Settings(
        home=Path("/h"),
        kubernetes_data_claim="him-data",
        kubernetes_release="him",
        kubernetes_pod_defaults={"priorityClassName": "low", "tolerations": [{"key": "users"}]},
        **changed,
    )
    asked: list[Volume] = []

    async def claims(*volumes: Volume) -> None:
        asked.extend(volume for volume in volumes if volume.claim)

    environments = ImageEnvironments(settings, lambda: Profiles((PROFILE,), tmp_path))
    made = reservation()
    asyncio.run(Pods(settings, environments, claims).complete(made, PROFILE, server))
    return made, asked


def test_a_pod_sees_its_persons_files_and_no_more(tmp_path: Path) -> None:
    made, claims = completed(tmp_path)
    assert made.pod is not None
    seen = {
        mount["mountPath"]: (mount.get("subPath"), mount.get("readOnly", False)) for mount in made.pod.mounts
    }
    assert seen == {
        "/home/himalia": (None, False),
        "/overlays": ("people/ada1/overlays", True),
        "/checkouts/own": ("projects/p1/checkouts", True),
        "/shared/own": ("projects/p1/shared", False),
        "/checkouts/seen": ("projects/p2/checkouts", True),
        "/checkouts/team": ("projects/p3/checkouts", True),
        "/shared/team": ("projects/p3/shared", False),
        "/dev/shm": (None, False),
    }
    assert [volume.claim["metadata"]["name"] for volume in claims if volume.claim] == ["home-ada1"]
    names = [volume["name"] for volume in made.pod.volumes]
    assert sorted(names) == ["data", "home", "shared-memory"]
    assert (made.home, made.overlays, made.person.uid, made.devices) == (
        "/home/himalia",
        "/overlays",
        1000,
        [],
    )
    assert [one.name for one in made.environments] == ["torch"]
    assert "/h/" not in made.model_dump_json()


def test_a_kernel_names_overlays_as_the_service_does(tmp_path: Path) -> None:
    made, _ = completed(tmp_path)
    files = lab.files("torch", [one.model_dump() for one in made.environments], made.overlays, 100)
    kernel = json.loads(files[f"{lab.FOLDER}/kernels/torch.requirements/kernel.json"])
    marker = kernel["metadata"]["kernel_provisioner"]["config"]["marker"]
    environments = ImageEnvironments(Settings(home=Path("/h")), lambda: Profiles((PROFILE,), tmp_path))
    assert digest_on(marker, b"six") == environments.overlay_digest("torch", "torch", b"six")


def test_projects_with_claims_of_their_own_are_told_apart(tmp_path: Path) -> None:
    made, claims = completed(
        tmp_path, kubernetes_project_storage={"class": "fast", "access": "ReadWriteMany"}
    )
    assert made.pod is not None
    assert [volume.claim["metadata"]["name"] for volume in claims if volume.claim] == [
        "home-ada1",
        "project-p1",
        "project-p3",
    ]
    names = [volume["name"] for volume in made.pod.volumes]
    assert len(names) == len(set(names))
    assert {"project-p1", "project-p3"} <= {mount["name"] for mount in made.pod.mounts}


def test_a_pod_is_of_its_profile(tmp_path: Path) -> None:
    made, _ = completed(tmp_path, "Второй")
    assert made.pod is not None
    assert made.pod.image == "r/torch:1"
    assert made.pod.labels["himalia/role"] == "server"
    assert made.pod.labels["app.kubernetes.io/instance"] == "him"
    assert made.pod.spec == {
        "priorityClassName": "low",
        "nodeSelector": {"pool": "gpu"},
        "tolerations": [{"key": "users"}, {"key": GPU, "operator": "Exists"}],
    }
    assert made.pod.name == pod_name("ada1", "Второй")
    assert made.pod.name.startswith("server-ada1-")
    assert pod_name("ada1", "") == "server-ada1"


def test_the_spawner_writes_it_into_the_manifest(tmp_path: Path) -> None:
    models = pytest.importorskip("kubernetes_asyncio.client")
    granted = completed(tmp_path)[0].model_dump()
    variable = models.V1EnvVar(name="JUPYTERHUB_API_TOKEN", value="secret-token")
    container = models.V1Container(name="notebook", env=[variable], resources=models.V1ResourceRequirements())
    spec = models.V1PodSpec(containers=[container], node_selector={"own": "1"}, volumes=[{"name": "more"}])
    about = models.V1ObjectMeta(name="server-ada1", labels={"component": "x"}, annotations={})
    manifest = models.V1Pod(metadata=about, spec=spec)
    server_pod.hide(server_pod.complete(manifest, granted, 100), "secret-token")
    assert "secret-token" not in str(manifest)
    assert manifest.spec.node_selector == {"own": "1", "pool": "gpu"}
    assert manifest.spec.priority_class_name == "low"
    assert manifest.spec.enable_service_links is False
    assert container.image_pull_policy == "IfNotPresent"
    container.image_pull_policy = "Never"
    assert server_pod.complete(manifest, granted, 100).spec.containers[0].image_pull_policy == "Never"
    assert manifest.metadata.labels["component"] == "x"
    assert manifest.spec.volumes[0] == {"name": "more"}
    limits = {"cpu": "2000m", "memory": str(2**30), GPU: "1"}
    assert container.resources.limits == limits
    assert container.resources.requests == {**limits, "cpu": "0m"}
    files = manifest.spec.volumes[-1]["downwardAPI"]["items"]
    by_path = {
        one["path"]: manifest.metadata.annotations[one["fieldRef"]["fieldPath"].split("'")[1]]
        for one in files
    }
    kernel = json.loads(by_path["kernels/torch/kernel.json"])
    assert kernel["argv"][0] == "/opt/environment/bin/python"
    assert container.volume_mounts[-1]["mountPath"] == lab.FOLDER
