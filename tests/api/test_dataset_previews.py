"""Previews over HTTP: every version is looked at in a sandbox of its own, once for equal files."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import mlcroissant
import pytest
from PIL import Image
from platforms import Person

ENDED = ("SUCCEEDED", "FAILED", "STOPPED")


@pytest.fixture(scope="module")
def pia(people: Callable[..., Person]) -> Person:
    return people("pia")


def path(person: Person, *parts: object) -> str:
    return "/".join([f"/projects/{person.project}/datasets", *map(str, parts)])


def add(person: Person, name: str, files: Mapping[str, bytes]) -> int:
    """A new version of a dataset, with `files`; its number."""
    person.http.post(path(person), json={"name": name})
    draft = person.http.post(path(person, name, "drafts"), json={}).json()["id"]
    listed = json.dumps({"files": [{"path": p, "size": len(c)} for p, c in files.items()]}).encode()
    bundle = len(listed).to_bytes(4, "big") + listed + b"".join(files.values())
    person.http.put(path(person, name, "drafts", draft, "bundle"), content=bundle).raise_for_status()
    made = person.http.post(path(person, name, "drafts", draft, "commit"), json={"onto": "latest"})
    return int(made.raise_for_status().json()["number"])


def seen(person: Person, name: str, version: int) -> dict[str, Any]:
    """The preview, once somebody has looked."""
    url = path(person, name, "versions", version, "preview")
    project = person.http.get(f"/projects/{person.project}").json()["id"]
    shown: dict[str, Any] = person.http.get(url).json()
    if shown["state"] not in ENDED:
        with person.http.stream(
            "GET", f"/events/stream?topic=project:{project}&after=1", timeout=60
        ) as events:
            for line in events.iter_lines():
                if f'"name": "{name}"' in line and any(f'"preview": "{state}"' in line for state in ENDED):
                    shown = person.http.get(url).json()
                    if shown["state"] in ENDED:
                        break
    return shown


def png(grey: int) -> bytes:
    out = io.BytesIO()
    Image.new("L", (8, 8), grey).save(out, "PNG")
    return out.getvalue()


def test_a_version_is_looked_at_when_it_is_made(pia: Person) -> None:
    files = {f"digits/{n % 2}/{n}.png": png(n) for n in range(6)} | {"train.csv": b"a,b\n1,x\n2,y\n"}
    number = add(pia, "digits", files)
    shown = seen(pia, "digits", number)
    assert shown["state"] == "SUCCEEDED", shown
    assert shown["message"] is None
    preview = shown["preview"]
    assert preview["kind"] == "images"
    assert [one["label"] for one in preview["images"]["thumbnails"]] == ["0"] * 3 + ["1"] * 3
    assert preview["tables"][0]["head"] == [[1, "x"], [2, "y"]]
    answer = pia.http.get(path(pia, "digits", "versions", number, "preview", "thumbnails"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (960, 96)


def test_equal_files_are_looked_at_once(pia: Person) -> None:
    number = add(pia, "first", {"t.csv": b"n\n1\n"})
    assert seen(pia, "first", number)["state"] == "SUCCEEDED"
    again = add(pia, "second", {"t.csv": b"n\n1\n"})
    url = path(pia, "second", "versions", again, "preview")
    assert pia.http.get(url).json()["state"] == "SUCCEEDED"
    assert pia.http.get(f"{url}/thumbnails").status_code == 404
    assert pia.http.post(url).json()["state"] == "SUCCEEDED"


def test_it_describes_itself_as_croissant(pia: Person) -> None:
    number = add(pia, "described", {"a b.csv": b"n,word\n1,x\n", "readme.md": b"# Words\n"})
    url = path(pia, "described", "versions", number, "croissant")
    assert [one["@type"] for one in pia.http.get(url).json()["distribution"]] != []
    seen(pia, "described", number)
    answer = pia.http.get(url)
    assert answer.headers["content-type"] == "application/ld+json"
    described = answer.json()
    assert [field["name"] for field in described["recordSet"][0]["field"]] == ["n", "word"]
    dataset = mlcroissant.Dataset(jsonld=described)
    assert dataset.metadata.issues.errors == set()
    where = described["distribution"][0]["contentUrl"]
    assert where.startswith(pia.platform.url)
    got = httpx.get(where, headers={"Authorization": f"Bearer {pia.token}"})
    assert got.content == b"n,word\n1,x\n"


def test_hostile_files_spoil_nothing(pia: Person) -> None:
    files = {
        "bad.parquet": b"PAR1" * 99,
        "bad.png": b"\x89PNG\r\n\x1a\n" * 5,
        "<script>.txt": b"<script>1</script>",
    }
    number = add(pia, "hostile", files)
    shown = seen(pia, "hostile", number)
    assert shown["state"] == "SUCCEEDED"
    assert {one["path"] for one in shown["preview"]["unreadable"]} == {"bad.parquet", "bad.png"}
    assert shown["preview"]["texts"][0]["text"] == "<script>1</script>"


def test_others_see_nothing(pia: Person, bob: Person) -> None:
    number = add(pia, "mine", {"t.csv": b"n\n1\n"})
    for part in ("preview", "preview/thumbnails", "croissant"):
        assert bob.http.get(path(pia, "mine", "versions", number, part)).status_code == 404
    assert bob.http.post(path(pia, "mine", "versions", number, "preview")).status_code == 404
