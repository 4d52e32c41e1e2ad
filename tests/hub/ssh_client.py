"""OpenSSH's client on a person's own machine, as `himalia ssh` runs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from platforms import Person


def ssh(person: Person, key: Path, *command: str, input: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """What `himalia ssh` does on a machine of the person's."""
    own = {"HIMALIA_URL": person.platform.url, "HIMALIA_TOKEN": person.token, "HOME": str(key.parent)}
    options = ["-o", f"UserKnownHostsFile={key.parent}/known_hosts", "-o", "BatchMode=yes", "-i", str(key)]
    return subprocess.run(
        [sys.executable, "-m", "himalia.cli.main", "ssh", "--", *options, *command],
        env=os.environ | own,
        input=input,
        capture_output=True,
        timeout=60,
    )


def new_key(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    return folder / "key"
