"""Bringing built images into nodes: only the layers that a node does not have yet travel.

Between buildah and containerd is a folder in the form of the OCI image layout specification
(https://github.com/opencontainers/image-spec/blob/main/image-layout.md), kept outside of the checkout.
"""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from .cache import CACHE, lock
from .images import buildah
from .parts import ClusterError
from .runtime import Runtime

_LAYOUT = CACHE / "layout"
_NAME = "org.opencontainers.image.ref.name"
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONTAINERD_NAME = "io.containerd.image.name"


def load(runtimes: Iterable[Runtime], images: Iterable[str], tag: str) -> None:
    """Bring images that were built into nodes' containerds, under their names with ``tag`` too."""
    runtimes = list(runtimes)
    for image in images:
        for runtime in [one for one in runtimes if image not in one.images()]:
            _import(runtime, _manifest(image))
        for runtime in runtimes:
            _keep_only(runtime, image, f"{_repository(image)}:{tag}")


def unload(runtimes: Iterable[Runtime], image: str) -> None:
    """Make room: remove an image from nodes and from the layout; it stays built."""
    for runtime in runtimes:
        names = [one for one in runtime.images() if _repository(one) == _repository(image)]
        runtime.ctr("images", "remove", "--sync", *names)
    with lock(_LAYOUT.with_name("layout.lock")):
        _keep([one for name, one in _entries().items() if name != image])


def _manifest(image: str) -> dict[str, Any]:
    """The image's entry in the layout, where it is put if it is not there yet."""
    with lock(_LAYOUT.with_name("layout.lock")):
        if image not in (found := _entries()):
            _put(image)
            _forget_older(image)
            found = _entries()
    return found[image]


def _put(image: str) -> None:
    """Put an image into the layout, as it is: buildah by itself compresses what goes there, which takes minutes."""
    blobs = _LAYOUT / "blobs/sha256"
    blobs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_LAYOUT) as folder:
        buildah("push", "--quiet", "--disable-compression", "--format", "oci", image, f"dir:{folder}")
        content = Path(folder, "manifest.json").read_bytes()
        manifest, digest = json.loads(content), hashlib.sha256(content).hexdigest()
        for layer in {one["digest"] for one in (manifest["config"], *manifest["layers"])}:
            Path(folder, layer.removeprefix("sha256:")).replace(_blob(layer))
        (blobs / digest).write_bytes(content)
    described = {"mediaType": _MANIFEST, "digest": f"sha256:{digest}", "size": len(content)}
    _keep([*_entries().values(), {**described, "annotations": {_NAME: image}}])


def _entries() -> dict[str, dict[str, Any]]:
    index = _LAYOUT / "index.json"
    entries = json.loads(index.read_text())["manifests"] if index.exists() else []
    return {one["annotations"][_NAME]: one for one in entries}


def _forget_older(image: str) -> None:
    """Keep of the layout what the other images and the newest of this name need."""
    _keep(
        [one for name, one in _entries().items() if name == image or _repository(name) != _repository(image)]
    )


def _keep(kept: list[dict[str, Any]]) -> None:
    (_LAYOUT / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": kept}))
    needed = {digest for entry in kept for digest in _blobs(entry)}
    for file in (_LAYOUT / "blobs/sha256").iterdir():
        if f"sha256:{file.name}" not in needed:
            file.unlink()


def _blobs(entry: dict[str, Any]) -> Iterator[str]:
    """The digests of all that an image consists of; the manifest last, as what refers to the others."""
    manifest = json.loads(_blob(entry["digest"]).read_bytes())
    yield from (layer["digest"] for layer in manifest["layers"])
    yield manifest["config"]["digest"]
    yield entry["digest"]


def _blob(digest: str) -> Path:
    return _LAYOUT / "blobs" / digest.replace(":", "/")


def _import(runtime: Runtime, entry: dict[str, Any]) -> None:
    """Stream an archive of what the node lacks; containerd finds the rest in its own store."""
    present = set(runtime.ctr("content", "list", "--quiet").split())
    described = entry | {"annotations": {_CONTAINERD_NAME: entry["annotations"][_NAME]}}
    command = runtime.command("images", "import", "-")
    importing = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert importing.stdin
    assert importing.stdout
    with (
        suppress(BrokenPipeError),
        importing.stdin,
        tarfile.open(fileobj=importing.stdin, mode="w|") as archive,
    ):
        _add(archive, "oci-layout", b'{"imageLayoutVersion": "1.0.0"}')
        _add(archive, "index.json", json.dumps({"schemaVersion": 2, "manifests": [described]}).encode())
        for digest in _blobs(entry):
            if digest not in present:
                archive.add(_blob(digest), f"blobs/{digest.replace(':', '/')}")
    said = importing.stdout.read().decode().strip()
    if importing.wait():
        raise ClusterError(f"containerd does not take {entry['annotations'][_NAME]}: {said}")


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    archive.addfile(entry, io.BytesIO(content))


def _keep_only(runtime: Runtime, image: str, name: str) -> None:
    """Give the image its name on the node, and remove what had been built earlier."""
    runtime.ctr("images", "tag", "--force", image, name)
    others = [one for one in runtime.images() if _repository(one) == _repository(image)]
    if old := [one for one in others if one not in (image, name)]:
        runtime.ctr("images", "remove", *old)


def _repository(image: str) -> str:
    return image.rpartition(":")[0]
