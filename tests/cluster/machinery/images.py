"""The platform's images, built from ``images/`` by buildah.

An image is built again only when something that goes in has changed; what was built is kept outside of the checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from .cache import CACHE, digest, lock
from .parts import ClusterError

CHECKOUT = Path(__file__).parents[3]
CORE = ("platform", "proxy", "postgresql", "base", "scikit-learn")
"""What the chart's own tests install."""
DEBIAN = ("bookworm", "ca-certificates,python3,python3-venv,tini")
"""What all images stand on here: no registry is needed. Others take any Debian (``ARG BASE``, ``ARG BUILD``)."""
SLIM = ("usr/share/doc", "usr/share/locale", "usr/share/man")
"""What Debian's packages leave out of an image; its official slim images are made so, too."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_INSIDE = "/run/ca.crt"
_STORE = CACHE / "buildah"


def build(name: str) -> str:
    """Have the image ``images/<name>``; its full name, whose tag changes with what goes in."""
    if name == "debian":
        return _build_debian()
    return _build_from(CHECKOUT / "images" / name, name)


def build_earlier(folder: Path) -> str:
    """Have the image of a folder of ``tests/upgrade``: ``localhost/himalia-earlier-<folder's name>:…``."""
    return _build_from(folder, f"earlier-{folder.name}")


def _build_from(folder: Path, name: str) -> str:
    dockerfile = (folder / "Dockerfile").read_text()
    defaults = dict(re.findall(r"^ARG (BASE|BUILD)=(\S+)", dockerfile, re.MULTILINE))
    if "BASE" not in defaults:
        raise ClusterError(f"{folder / 'Dockerfile'} has no `ARG BASE=…`.")
    bases = {
        argument: build(default.removeprefix("himalia-") if default.startswith("himalia-") else "debian")
        for argument, default in defaults.items()
    }
    key = digest([folder / "Dockerfile"], *bases.values(), *map(_content, _inputs(dockerfile)))
    return _once(f"localhost/himalia-{name}:{key}", lambda image: _build(folder, bases, image))


def _once(image: str, make: Callable[[str], None]) -> str:
    if image in _built(check=False):
        return image
    with lock(CACHE / "buildah.lock"):
        _recover()
        if image not in _built():
            print(f"==> Building {image}", file=sys.stderr, flush=True)
            started = time.monotonic()
            try:
                make(image)
            except BaseException:
                _recover()
                raise
            _remove_older(image)
            print(f"==> Built {image} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return image


def _built(check: bool = True) -> list[str]:
    """The images that the store has; none where it cannot say so, as a broken-off build can have left it."""
    return buildah("images", "--format", "{{.Name}}:{{.Tag}}", check=check).split()


def _recover() -> None:
    """Remove what a build that was broken off has left: its mounts first, which keep the store from being opened."""
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    for mount in reversed(mounts):
        if Path(mount).is_relative_to(_STORE):
            _run("umount", "--lazy", mount)
    buildah("rm", "--all")


def _remove_older(image: str) -> None:
    repository = image.rpartition(":")[0]
    if old := [one for one in _built() if one.rpartition(":")[0] == repository and one != image]:
        buildah("rmi", *old, check=False)


def _build_debian() -> str:
    suite, packages = DEBIAN

    def make(image: str) -> None:
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            root = Path(folder) / "root"
            _run("debootstrap", "--variant=minbase", f"--include={packages}", suite, str(root))
            for unused in ("var/cache/apt/archives", "var/lib/apt/lists", *SLIM):
                shutil.rmtree(root / unused)
            rules = "".join(f"path-exclude /{one}/*\n" for one in SLIM)
            (root / "etc/dpkg/dpkg.cfg.d/slim").write_text(rules)
            container = buildah("from", "scratch")
            buildah("add", "--quiet", container, str(root), "/")
            buildah("commit", "--quiet", "--rm", container, image)

    return _once(f"localhost/himalia-debian:{digest([], suite, packages, *SLIM)}", make)


def _build(folder: Path, bases: Mapping[str, str], image: str) -> None:
    """Run its Dockerfile; the machine's package index and certificates serve the build, and stay out of the image."""
    words = [
        "build",
        "--layers",
        "--pull=never",
        "--quiet",
        "--file",
        str(folder / "Dockerfile"),
        "--tag",
        image,
    ]
    arguments = {**bases, **_indexes()}
    if CERTIFICATES.exists():
        words += ["--volume", f"{CERTIFICATES}:{_INSIDE}:ro"]
        arguments |= dict.fromkeys(("PIP_CERT", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"), _INSIDE)
    for name, value in arguments.items():
        words += ["--build-arg", f"{name}={value}"]
    buildah(*words, str(CHECKOUT))


def _indexes() -> dict[str, str]:
    """Where pip, uv and npm of this machine get packages, if it is not where they do by themselves."""
    settings = _run(sys.executable, "-m", "pip", "config", "list")
    found = re.findall(r"^(?:global|install|:env:)\.index-url='(.*)'$", settings, re.MULTILINE)
    indexes = {"PIP_INDEX_URL": found[-1], "UV_DEFAULT_INDEX": found[-1]} if found else {}
    if registry := os.environ.get("NPM_CONFIG_REGISTRY"):
        indexes["NPM_CONFIG_REGISTRY"] = registry
    return indexes


def _inputs(dockerfile: str) -> list[Path]:
    """The files that its COPY lines name."""
    found: set[Path] = set()
    for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE):
        for word in line.split()[:-1]:
            named = sorted(CHECKOUT.glob(word))
            if not named:
                raise ClusterError(f"{word}, which goes into an image, is not there: run `make wheels`.")
            for path in named:
                found |= {file for file in path.rglob("*") if file.is_file()} if path.is_dir() else {path}
    return sorted(found)


def _content(file: Path) -> str:
    """What changes with a file's content; a wheel's own times are left out."""
    if file.suffix != ".whl":
        return digest([file])
    with zipfile.ZipFile(file) as wheel:
        return " ".join(
            f"{one.filename} {one.CRC}" for one in sorted(wheel.infolist(), key=lambda one: one.filename)
        )


def buildah(*words: str, check: bool = True) -> str:
    """What buildah says, with a store of its own that needs no daemon and no mount that stays."""
    store = ["--root", f"{_STORE}/root", "--runroot", f"{_STORE}/run", "--storage-driver", "overlay"]
    return _run("buildah", *store, "--storage-opt", "overlay.skip_mount_home=true", *words, check=check)


def _run(*command: str, check: bool = True) -> str:
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=os.environ | {"BUILDAH_ISOLATION": "chroot"},
    )
    if check and done.returncode:
        raise ClusterError(f"`{' '.join(command)}` failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout.strip()
