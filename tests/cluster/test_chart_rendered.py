"""What the chart renders from values: read, not run, so no cluster is started."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from machinery import binaries
from machinery.release import CHART
from traitlets.config import Config

from himalia.core.settings import Settings
from himalia.engine.backends.kubernetes import volumes

DOCS = CHART.parents[1] / "docs"
Object = dict[str, Any]


def helm(values: Object, folder: Path, release: str = "himalia") -> subprocess.CompletedProcess[str]:
    """`helm template` of a release named himalia with these values."""
    file = folder / "values.json"
    file.write_text(json.dumps(values))
    line = [binaries.programs() / "helm", "template", release, CHART, "--kube-version", "1.34.0"]
    return subprocess.run([*line, "--values", file], capture_output=True, text=True, timeout=60, check=False)


class Rendered:
    """The objects of one rendering."""

    def __init__(self, values: Object, folder: Path) -> None:
        done = helm(values, folder)
        assert not done.returncode, done.stderr
        self.objects: list[Object] = [one for one in yaml.safe_load_all(done.stdout) if one]

    def one(self, kind: str, name: str) -> Object:
        """The object of that kind and name."""
        (found,) = [one for one in self.objects if (one["kind"], one["metadata"]["name"]) == (kind, name)]
        return found

    def pod(self, component: str) -> Object:
        """A component's pod."""
        kind = "StatefulSet" if component == "postgresql" else "Deployment"
        template: Object = self.one(kind, f"himalia-{component}")["spec"]["template"]
        return template

    def container(self, component: str, name: str | None = None) -> Object:
        """A container of a component's pod."""
        wanted = name or component
        (found,) = [one for one in self.pod(component)["spec"]["containers"] if one["name"] == wanted]
        container: Object = found
        return container

    def variables(self, component: str, name: str | None = None) -> dict[str, str]:
        """The variables with plain values of a component's container."""
        env = self.container(component, name)["env"]
        return {one["name"]: one["value"] for one in env if "value" in one}


def refused(values: Object, folder: Path) -> str:
    """What is said where values are not taken."""
    done = helm(values, folder)
    assert done.returncode, "These values are taken."
    return done.stderr


def section(title: str) -> str:
    """A section of the page on Kubernetes."""
    text = (DOCS / "kubernetes.md").read_text()
    return text.split(f"\n## {title}\n")[1].split("\n## ")[0]


def example(title: str) -> Object:
    """The first example of values in a section."""
    (block, *_) = re.findall(r"```yaml\n(.*?)```", section(title), re.DOTALL)
    values: Object = yaml.safe_load(block)
    return values


def test_the_secret_of_signing_in_reaches_the_hub_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = section("Sign-in")
    made = re.search(r"<<END\n(\w+)=(\w+)\nEND\n.*create secret generic ([\w-]+) --from-env-file", page)
    assert made
    variable, value, secret = made.groups()
    rendered = Rendered(example("Sign-in"), tmp_path)
    assert rendered.container("hub")["envFrom"] == [{"secretRef": {"name": secret}}]
    code = rendered.one("ConfigMap", "himalia-hub")["data"]["jupyterhub_config.py"]
    monkeypatch.setenv(variable, value)
    c = Config()
    exec(code.partition("configure(c)\n")[2], {"c": c})
    assert c.GenericOAuthenticator.client_secret == value


def test_secrets_of_the_service_reach_its_container_alone(tmp_path: Path) -> None:
    rendered = Rendered({"service": {"environmentFrom": ["index", "store"]}}, tmp_path)
    names = [one["secretRef"]["name"] for one in rendered.container("service")["envFrom"]]
    assert names == ["index", "store"]
    assert "envFrom" not in rendered.container("service", "mlflow")
    assert "envFrom" not in rendered.container("hub")


def test_profiles_and_settings_reach_the_service(tmp_path: Path) -> None:
    profiles = example("Profiles")["profiles"]
    profiles["base"]["kubernetes"] = {"labels": {"example.org/team": "vision"}}
    rendered = Rendered({"profiles": profiles, "service": {"settings": {"retention_days": 60}}}, tmp_path)
    data = rendered.one("ConfigMap", "himalia-profiles")["data"]
    assert yaml.safe_load(data["base.yaml"]) == {"name": "base", **profiles["base"]}
    assert rendered.variables("service")["HIMALIA_RETENTION_DAYS"] == "60"


@pytest.mark.parametrize("registry", ["registry.example.org:5000/ml", "registry.example.org:5000/ml/"])
def test_a_registry_is_written_with_its_slash_or_without(tmp_path: Path, registry: str) -> None:
    rendered = Rendered({"images": {"registry": registry, "tag": "1"}}, tmp_path)
    assert rendered.container("hub")["image"] == "registry.example.org:5000/ml/himalia-platform:1"
    named = rendered.variables("service")["HIMALIA_KUBERNETES_IMAGE"]
    assert named == "registry.example.org:5000/ml/himalia-{environment}:1"


def test_an_image_can_be_named_as_a_whole(tmp_path: Path) -> None:
    digest = f"docker.io/library/postgres@sha256:{'0' * 64}"
    images = {"registry": "registry.example.org/", "postgresql": digest, "platform": "ours/platform:2"}
    rendered = Rendered({"images": images}, tmp_path)
    assert rendered.container("postgresql")["image"] == digest
    assert rendered.container("service")["image"] == "ours/platform:2"
    assert rendered.container("proxy")["image"].startswith("registry.example.org/himalia-proxy:")


@pytest.mark.parametrize(
    ("projects", "stored"),
    [
        ({}, {"shared": True}),
        ({"shared": True}, {"shared": True}),
        ({"class": "nfs", "size": "1Gi"}, {"class": "nfs", "size": "1Gi"}),
    ],
)
def test_folders_of_projects_are_volumes_where_their_kind_is_named(
    tmp_path: Path, projects: Object, stored: Object
) -> None:
    rendered = Rendered({"storage": {"projects": projects}}, tmp_path)
    assert json.loads(rendered.variables("service")["HIMALIA_KUBERNETES_PROJECT_STORAGE"]) == stored


def test_the_storage_of_the_page_gives_projects_volumes_of_their_own(tmp_path: Path) -> None:
    values = example("Storage")
    given = json.loads(Rendered(values, tmp_path).variables("service")["HIMALIA_KUBERNETES_PROJECT_STORAGE"])
    settings = Settings(home=Path("/srv"), kubernetes_project_storage=given)
    assert volumes.project(settings, "vision", "/project").claim
    assert given == values["storage"]["projects"]


def test_passwords_are_not_to_be_tried_on_what_pods_show(tmp_path: Path) -> None:
    def shown(values: Object) -> str:
        pod = Rendered({"existingSecret": "ours", **values}, tmp_path).pod("hub")
        checksum: str = pod["metadata"]["annotations"]["checksum/secret"]
        return checksum

    url = "postgresql+psycopg://himalia:{}@db.example.org/{{database}}"
    assert shown({}) == shown({"admin": {"password": "one-of-them"}}) != shown({"admin": {"name": "grace"}})
    assert shown({"database": {"url": url.format("one")}}) == shown({"database": {"url": url.format("two")}})


def test_with_secrets_of_ones_own_every_rendering_is_the_same(tmp_path: Path) -> None:
    values = example("Secrets of your own")
    rendered = Rendered(values, tmp_path)
    assert rendered.objects == Rendered(values, tmp_path).objects
    assert not [one for one in rendered.objects if one["kind"] == "Secret"]
    (password,) = [
        one for one in rendered.container("postgresql")["env"] if one["name"] == "POSTGRES_PASSWORD"
    ]
    assert password["valueFrom"]["secretKeyRef"]["name"] == values["postgresql"]["existingSecret"]


def test_pods_agree_on_the_checksum_of_secrets_made_with_them(tmp_path: Path) -> None:
    rendered = Rendered({}, tmp_path)
    shown = {
        rendered.pod(one)["metadata"]["annotations"]["checksum/secret"]
        for one in ("hub", "service", "proxy", "gateway")
    }
    made = rendered.one("Secret", "himalia")["data"]
    assert len(shown) == 1
    assert len(made) == len(set(made.values())) == 5


@pytest.mark.parametrize("component", ["hub", "service"])
def test_one_container_of_a_pod_has_its_token(tmp_path: Path, component: str) -> None:
    spec = Rendered({}, tmp_path).pod(component)["spec"]
    assert spec["automountServiceAccountToken"] is False
    (volume,) = [
        one["name"]
        for one in spec["volumes"]
        if any("serviceAccountToken" in source for source in one.get("projected", {}).get("sources", ()))
    ]
    containers = [*spec["containers"], *spec["initContainers"]]
    holders = {
        one["name"]: mount["mountPath"]
        for one in containers
        for mount in one.get("volumeMounts", ())
        if mount["name"] == volume
    }
    assert holders == {component: "/var/run/secrets/kubernetes.io/serviceaccount"}


@pytest.mark.parametrize("release", ["h", "himalia", "team-a-2", "a" * 30])
def test_a_release_may_have_a_name_of_which_services_can_be_named(tmp_path: Path, release: str) -> None:
    done = helm({}, tmp_path, release)
    assert not done.returncode, done.stderr
    services = [one for one in yaml.safe_load_all(done.stdout) if one and one["kind"] == "Service"]
    assert services
    for one in services:
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", one["metadata"]["name"])
        assert one["metadata"]["labels"]["app.kubernetes.io/instance"] == release
    assert Settings(home=Path("/srv"), kubernetes_release=release).kubernetes_release == release


@pytest.mark.parametrize("release", ["1abc", "a.b", "a" * 31])
def test_another_name_of_a_release_is_refused(tmp_path: Path, release: str) -> None:
    done = helm({}, tmp_path, release)
    assert done.returncode
    assert f"The release cannot be named {release}:" in done.stderr


def test_a_quota_of_processor_limits_can_be_met(tmp_path: Path) -> None:
    limits = {"limits": {"cpu": 1, "memory": "1Gi"}}
    named = {
        name: {"resources": limits} for name in ("proxy", "hub", "service", "mlflow", "gateway", "postgresql")
    }
    rendered = Rendered({**named, "keepData": False}, tmp_path)
    specs = [one["spec"]["template"]["spec"] for one in rendered.objects if "template" in one.get("spec", {})]
    containers = [one for spec in specs for one in (*spec["containers"], *spec.get("initContainers", ()))]
    assert {"removal", "wait-for-database"} <= {one["name"] for one in containers}
    assert [one["name"] for one in containers if "cpu" not in one["resources"]["limits"]] == []


def test_a_storage_class_may_look_like_a_number(tmp_path: Path) -> None:
    rendered = Rendered({"storage": {"data": {"class": "123"}}}, tmp_path)
    assert rendered.one("PersistentVolumeClaim", "himalia-data")["spec"]["storageClassName"] == "123"


def test_an_existing_hub_alone_is_let_in(tmp_path: Path) -> None:
    peers = [{"ipBlock": {"cidr": "203.0.113.7/32"}}]
    existing = {"url": "http://203.0.113.7:8081/hub/api/", "peers": peers}
    rendered = Rendered({"url": "https://lab.example.org", "existingHub": existing}, tmp_path)
    assert rendered.variables("service")["HIMALIA_HUB_URL"] == "http://203.0.113.7:8081"
    servers = rendered.one("NetworkPolicy", "himalia-users-servers")["spec"]
    assert [rule["from"] for rule in servers["ingress"]] == [peers]
    assert [rule["to"] for rule in servers["egress"]] == [peers]
    api, content = rendered.one("NetworkPolicy", "himalia-service")["spec"]["ingress"]
    assert api["from"][0] == peers[0]
    assert content["ports"] == [{"protocol": "TCP", "port": 8005}]
    assert "himalia-hub" not in {one["metadata"]["name"] for one in rendered.objects}


def sized(*sizes: tuple[str, bool]) -> Object:
    """A profile of sizes with these names, chosen beforehand or not."""
    made = [
        {"name": name, "title": name, "cpus": 1, "memory": "1GiB", **({"default": True} if first else {})}
        for name, first in sizes
    ]
    return {"title": "Base", "framework": "Python", "environment": "base", "sizes": made}


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"ingress": {"host": "himalia.example.org"}}, "Set ingress.enabled"),
        ({"proxy": {"service": {"type": "LoadBalancer"}}}, "Set url"),
        (
            {"ingress": {"enabled": True, "host": "one.example.org", "contentHost": "one.example.org"}},
            "another origin",
        ),
        ({"gateway": {"service": {"nodePort": 30004}}}, "gateway.service.type is ClusterIP"),
        (
            {"database": {"existingSecret": "theirs"}, "postgresql": {"existingSecret": "ours"}},
            "chart's own PostgreSQL",
        ),
        ({"existingHub": {"account": {"name": "hub"}}}, "Set existingHub.url"),
        (
            {"existingHub": {"url": "http://hub:8081"}, "networkPolicy": {"enabled": False}},
            "nothing says where people's browsers find that hub",
        ),
        ({"url": "http://lab", "existingHub": {"url": "http://hub:8081"}}, "Set existingHub.peers"),
        ({"accounts": False}, "nothing says how people sign in"),
        ({"hub": {"config": {"JupyterHub": {"base_url": "/jupyter/"}}}}, "base_url"),
        ({"profiles": {"base": sized(("a", True), ("b", True))}}, "more than one size that is chosen"),
        ({"profiles": {"base": sized(("a", False), ("a", True))}}, "are named a"),
        ({"pods": {"nodeSelector": "gpu"}}, "nodeSelector"),
        ({"pods": {"tolerations": [{"key": "a", "operater": "Exists"}]}}, "operater"),
        ({"admin": {"password": "short"}}, "password"),
        ({"storage": {"homes": {"size": "500K"}}}, "size"),
        (
            {
                "url": "http://lab",
                "existingHub": {"url": "http://hub:8081", "peers": [{"ipBlock": {"cidr": "203.0.113.7/32"}}]},
                "ingress": {"enabled": True},
            },
            "for MLflow's pages alone",
        ),
        ({"storage": {"objects": {"existingSecret": "key"}}}, "storage.objects.url names none"),
        (
            {"database": {"url": "postgresql+psycopg://db/{database}", "existingSecret": "db"}},
            "Set one of them",
        ),
        ({"profiles": {"base": {"titel": "Base"}}}, "titel"),
        ({"service": {"settings": {"retention_day": 60}}}, "retention_day"),
        ({"storage": {"projects": {"shared": True, "size": "1Gi"}}}, "storage"),
    ],
)
def test_values_that_are_no_good_together_are_refused(tmp_path: Path, values: Object, words: str) -> None:
    assert words in refused(values, tmp_path)
