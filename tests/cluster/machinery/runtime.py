"""A node's containerd, asked about what the kubelet sees."""

from __future__ import annotations

import subprocess
from pathlib import Path

from .parts import ClusterError


class Runtime:
    """The containerd whose socket is in a node's folder."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "containerd.sock"

    def answers(self) -> bool:
        """Whether it is up."""
        return subprocess.run(self.command("version"), capture_output=True).returncode == 0

    def ctr(self, *words: str) -> str:
        """What ctr says; an error with its own words where it fails."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True)
        if done.returncode:
            raise ClusterError(f"`{' '.join(self.command(*words))}` failed: {done.stderr.strip()}")
        return done.stdout

    def command(self, *words: str) -> list[str]:
        """The command line that asks it."""
        return ["ctr", "--address", str(self.socket), "--namespace", "k8s.io", *words]

    def images(self) -> list[str]:
        """The names of the images that it has."""
        return self.ctr("images", "list", "--quiet").split()

    def load(self, image: Path) -> None:
        """Give it an image: an archive in the form of ``docker save``."""
        self.ctr("images", "import", str(image))
