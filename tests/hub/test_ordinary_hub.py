"""The platform's hub as an ordinary user, in a mount namespace where that user can reach the interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from processes import opened

UID = 65_000
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")


def test_an_ordinary_user_runs_the_hub() -> None:
    program = Path(__file__).with_name("ordinary_hub.py")
    drop = f"setpriv --reuid {UID} --regid {UID} --clear-groups"
    script = f'{opened(Path(sys.base_prefix))} exec {drop} "$@"'
    line = ["unshare", "--mount", "--propagation", "private", "sh", "-ec", script, "sh"]
    kept = {name: os.environ[name] for name in ("PATH", "HIMALIA_PROXY_COMMAND") if name in os.environ}
    done = subprocess.run(
        [*line, sys.executable, str(program)],
        env={**kept, "LANG": "C.UTF-8", "HOME": "/nonexistent"},
        capture_output=True,
        text=True,
        timeout=150,
        cwd="/",
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert seen == {
        "hidden": [],
        "home": [],  # but for the way to the person's own environments
        "CapEff": "0" * 16,
        "CapBnd": "0" * 16,
        "NoNewPrivs": "1",
        "cwd": "/home/ada",
        "owner": UID,
        "left": False,
        "sockets": [],
    }
