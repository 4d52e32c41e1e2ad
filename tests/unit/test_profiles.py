"""Profiles: the files that come with Himalia, what they mean, and what is said of broken ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from himalia.profiles.check import schema
from himalia.profiles.load import ProfilesError, default_folder, load
from himalia.profiles.model import Idle, Profile, Resources
from himalia.profiles.units import UnitError, parse_cpus, parse_duration, parse_memory

GIB = 1 << 30

GOOD = """\
name: demo
title: Demo
environment: base
groups: [staff, lab]
sizes:
  - name: small
    title: Small
    cpus: 0.5
    memory: 512MiB
  - name: large
    title: Large
    cpus: 4
    memory: 8GiB
    accelerators:
      nvidia.com/gpu: 2
    default: true
kinds:
  job:
    reserve: {cpus: all, memory: 1GiB}
  endpoint:
    reserve: {cpus: 250m}
    limit: {cpus: 1, memory: 2GiB}
idle:
  timeout: never
  max_age: 1.5d
kubernetes:
  image: registry.example/demo:1
  node_selector: {disk: ssd}
  tolerations: [{key: x, operator: Exists, effect: NoExecute, tolerationSeconds: 60}]
  priority_class: high
  runtime_class: nvidia
  shared_memory: 1GiB
  labels: {team: vision}
  annotations: {example.org/cost-centre: "42"}
"""


def load_text(folder: Path, text: str) -> Profile:
    (folder / "demo.yaml").write_text(text, encoding="utf-8")
    return load(folder).get("demo")


def problem(folder: Path, text: str) -> str:
    """The one problem that `text` has, without the folder's name."""
    with pytest.raises(ProfilesError) as caught:
        load_text(folder, text)
    assert len(caught.value.problems) == 1
    return str(caught.value).removeprefix(f"{folder}/")


def test_the_profiles_that_come_with_himalia() -> None:
    profiles = load()
    assert [p.name for p in profiles] == [
        *(
            "base",
            "scikit-learn",
            "pytorch-cpu",
            "pytorch-gpu",
            "tensorflow",
            "mindspore-npu",
            "paddlepaddle",
        ),
        *("base-arm64", "scikit-learn-arm64", "pytorch-cpu-arm64"),
    ]
    assert profiles.folder == default_folder()
    for profile in profiles:
        for kind in ("server", "job", "endpoint"):
            for size in profile.sizes:
                reserve, limit = profile.resources(kind, size.name)
                assert 0 <= reserve.cpus <= limit.cpus
                assert 0 < reserve.memory_bytes <= limit.memory_bytes
                assert reserve.accelerators == limit.accelerators
                assert (profile.kubernetes.shared_memory_bytes or 0) < limit.memory_bytes
    assert profiles.get("pytorch-gpu").resources("job")[0].accelerators == {"nvidia.com/gpu": 1}


def test_the_schema_is_one_and_explains_itself() -> None:
    Draft202012Validator.check_schema(schema())

    def undescribed(node: object, name: str) -> list[str]:
        if not isinstance(node, dict):
            return []
        found = [
            f"{name}.{key}"
            for key, child in [*node.get("properties", {}).items(), *node.get("$defs", {}).items()]
            if "description" not in child and "$ref" not in child
        ]
        return found + [entry for key, child in node.items() for entry in undescribed(child, f"{name}.{key}")]

    assert undescribed(schema(), "") == []


def test_defaults_of_reserve_and_limit(tmp_path: Path) -> None:
    profile = load_text(tmp_path, GOOD.partition("kinds:")[0])
    large = Resources(4.0, 8 * GIB, {"nvidia.com/gpu": 2})
    for kind, cpus in {"server": 0, "endpoint": 0, "job": 1, "trial": 1, "task": 1}.items():
        reserve, limit = profile.resources(kind)
        assert limit == large
        assert reserve == Resources(cpus, 8 * GIB, {"nvidia.com/gpu": 2})
    assert profile.resources("job", "small") == (Resources(0.5, GIB // 2), Resources(0.5, GIB // 2))
    assert profile.idle == Idle(timeout_s=3600, max_age_s=None)
    with pytest.raises(ValueError, match="kind"):
        profile.resources("robot")
    with pytest.raises(LookupError, match="small, large"):
        profile.resources("job", "huge")


def test_everything_a_profile_may_say(tmp_path: Path) -> None:
    profile = load_text(tmp_path, GOOD)
    gpus = {"nvidia.com/gpu": 2}
    assert profile.resources("job") == (Resources(4.0, GIB, gpus), Resources(4.0, 8 * GIB, gpus))
    assert profile.resources("job", "small") == (Resources(0.5, GIB // 2), Resources(0.5, GIB // 2))
    assert profile.resources("endpoint") == (Resources(0.25, 2 * GIB, gpus), Resources(1.0, 2 * GIB, gpus))
    assert profile.default_size.name == "large"
    assert profile.idle == Idle(timeout_s=None, max_age_s=129600)
    assert profile.kubernetes.image == "registry.example/demo:1"
    assert profile.kubernetes.node_selector == {"disk": "ssd"}
    toleration = {"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    assert profile.kubernetes.tolerations == (toleration,)
    assert (profile.kubernetes.priority_class, profile.kubernetes.runtime_class) == ("high", "nvidia")
    assert profile.kubernetes.shared_memory_bytes == GIB
    assert profile.kubernetes.labels == {"team": "vision"}
    assert profile.kubernetes.annotations == {"example.org/cost-centre": "42"}
    assert profile.allows(["lab", "other"])
    assert not profile.allows(["other"])
    assert load(tmp_path).for_groups([]) == ()
    with pytest.raises(LookupError, match="demo"):
        load(tmp_path).get("absent")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("memory: 512MiB", "memory: 2 gigs", "demo.yaml:9: sizes[1].memory: "),
        ("memory: 512MiB", "memory: 512", "for example 2GiB"),
        ("memory: 512MiB", "memory: 0GiB", "demo.yaml:9: sizes[1].memory: '0GiB' is no amount"),
        ("memory: 512MiB", "memory: 99999999PiB", "no amount"),
        ("cpus: 0.5", "cpus: -1", "demo.yaml:8: sizes[1].cpus: -1 cannot be used"),
        ("cpus: 0.5", "cpus: 0", "demo.yaml:8:"),
        ("cpus: 0.5", "cpus: lots", "demo.yaml:8:"),
        ("cpus: 0.5", "cpus: .inf", "demo.yaml:8:"),
        ("cpus: 0.5", "cpus: true", "demo.yaml:8:"),
        ("cpus: 0.5", "cpus: 100000", "no number of cores"),
        ("    cpus: 0.5\n", "", "demo.yaml:6: sizes[1].cpus is missing. Add it: "),
        ("title: Demo\n", "", "demo.yaml:1: title is missing. Add it: what people read"),
        ("title: Demo", "title: 7", "demo.yaml:2: title: 7 cannot be used"),
        ("name: demo", "name: Demo!", "demo.yaml:1: name: "),
        ("environment: base", "environment: ../base", "demo.yaml:3: environment: "),
        ("environment:", "enviroment: x\nenvironment:", "demo.yaml:3: enviroment is not known. Known here are:"),
        ("name: large", "name: small", "demo.yaml:10: sizes[2].name: 'small' is there twice"),
        ("cpus: 0.5", "cpus: 0.5\n    default: true", "demo.yaml:17: sizes[2].default: another size"),
        ("nvidia.com/gpu: 2", "gpu: 2", "demo.yaml:15: sizes[2].accelerators.gpu: "),
        ("nvidia.com/gpu: 2", "nvidia.com/gpu: 0", "at least 1"),
        ("nvidia.com/gpu: 2", "nvidia.com/gpu: 0.5", "demo.yaml:15:"),
        ("timeout: never", "timeout: 0s", "demo.yaml:24: idle.timeout: '0s' is no duration"),
        ("timeout: never", "timeout: soon", "demo.yaml:24: idle.timeout: "),
        ("  job:", "  jobs:", "demo.yaml:18: kinds.jobs is not known. Known here are: server, job, endpoint"),
        ("[staff, lab]", "[]", "demo.yaml:4: groups: "),
        ("[staff, lab]", "[staff, [x]]", "demo.yaml:4: groups[2]: "),
        ("team: vision", "himalia/role: server", "without himalia/, kubernetes.io/"),
        ("team: vision", "app.kubernetes.io/instance: x", "kubernetes.labels.app.kubernetes.io/instance: "),
        ("team: vision", "team: a b", "demo.yaml:33: kubernetes.labels.team: "),
        ("shared_memory: 1GiB", "shared_memory: 0GiB", "demo.yaml:32: kubernetes.shared_memory: '0GiB' is no amount"),
        ("priority_class: high", "priority_class: High!", "demo.yaml:30: kubernetes.priority_class: "),
        ("title: Demo", "title: Demo\ntitle: Again", "demo.yaml:3: this is not YAML: found duplicate key"),
        ("title: Demo", "title: [", "demo.yaml:"),
        ("title: Demo", "title: \x07", "demo.yaml:1: this is not YAML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_by_file_and_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    assert said in problem(tmp_path, GOOD.replace(old, new, 1))


@pytest.mark.parametrize("text", ["", "[]", "text", "null\n", "---\na: 1\n---\nb: 2\n"])
def test_what_is_no_profile_at_all(tmp_path: Path, text: str) -> None:
    assert problem(tmp_path, text).startswith("demo.yaml:")


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("name: a\nfoo: 1\n")
    (tmp_path / "b.yaml").write_bytes(b"\xff")
    (tmp_path / "c.yaml").write_text(GOOD)
    (tmp_path / "d.yaml").write_text("\n" + GOOD)
    with pytest.raises(ProfilesError) as caught:
        load(tmp_path)
    problems = caught.value.problems
    assert [p.file.name for p in problems] == ["a.yaml"] * 4 + ["b.yaml", "d.yaml"]
    assert (problems[-1].line, "another profile" in problems[-1].text) == (2, True)


def test_a_folder_without_profiles_is_said(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "absent"):
        with pytest.raises(ProfilesError, match="no profile"):
            load(folder)


def test_memory() -> None:
    amounts = {
        "1B": 1,
        "2GiB": 2 * GIB,
        "500MB": 500_000_000,
        "1.5 GiB": 3 * GIB // 2,
        "1kB": 1000,
        "1KiB": 1024,
    }
    assert {text: parse_memory(text) for text in amounts} == amounts
    for wrong in ("", "2", "GiB", "-1GiB", "2Gi", "2gib", "1e3MB", "2GiB ", "0B", "0.1B", "9999PiB", "١GiB"):
        with pytest.raises(UnitError, match="2GiB"):
            parse_memory(wrong)


def test_cpus_and_durations() -> None:
    assert [parse_cpus(value) for value in (2, 1.5, "1.5", "500m", "2")] == [2.0, 1.5, 1.5, 0.5, 2.0]
    for wrong in ("", 0, "0m", -1, "0.1m", "two", True, float("inf"), float("nan"), 1e9):
        with pytest.raises(UnitError):
            parse_cpus(wrong)
    assert [parse_duration(text) for text in ("90s", "30m", "1.5h", "7d")] == [90, 1800, 5400, 604800]
    for wrong in ("", "5", "0s", "-1h", "1w", "h"):
        with pytest.raises(UnitError):
            parse_duration(wrong)
