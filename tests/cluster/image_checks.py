"""What every image for notebooks and jobs can do; run inside it, by the Python of its environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

LAB = Path("/opt/lab/bin")
PORT = 8888
NOTEBOOK = {
    "nbformat": 4,
    "nbformat_minor": 5,
    "metadata": {},
    "cells": [
        {
            "cell_type": "code",
            "id": "one",
            "source": "import sys, himalia.run; sys.executable",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
        }
    ],
}


def main() -> None:
    """Check everything; ends with an error at the first thing that is not so."""
    assert (os.getuid(), os.getgid()) == (1000, 100)
    assert Path("/proc/1/comm").read_text().strip() == "tini"
    assert sys.prefix == "/opt/environment", sys.prefix
    subprocess.run(["/opt/image/verify"], check=True)
    from himalia import Client

    print(f"SDK: {Client.__module__}")
    a_notebook_runs_in_the_image_s_kernel()
    lab_starts_and_offers_its_programs()
    its_owner_signs_in_by_ssh()
    print("All is well.")


def a_notebook_runs_in_the_image_s_kernel() -> None:
    """As a job runs it: by Lab's nbclient, in the environment's kernel; nbconvert shows it."""
    kernels = json.loads(said(str(LAB / "jupyter"), "kernelspec", "list", "--json"))["kernelspecs"]
    # The other one is Lab's own, which a notebook server hides.
    (name,) = kernels.keys() - {"python3"}
    Path("/tmp/one.ipynb").write_text(json.dumps(NOTEBOOK))
    execute = ["nbconvert", "--execute", f"--ExecutePreprocessor.kernel_name={name}", "--to", "markdown"]
    page = said(str(LAB / "jupyter"), *execute, "--stdout", "/tmp/one.ipynb")
    assert "/opt/environment/bin/python" in page, page


def lab_starts_and_offers_its_programs() -> None:
    """JupyterLab answers, with Himalia's panels, and jupyter-server-proxy knows what the launcher offers."""
    options = [f"--port={PORT}", "--ip=127.0.0.1", "--no-browser", "--IdentityProvider.token=check"]
    lab = subprocess.Popen([LAB / "jupyter", "lab", *options])
    try:
        page = fetch("/lab")
        assert "@himalia/lab" in page, "Lab does not load Himalia's panels"
        found = json.loads(fetch("/server-proxy/servers-info"))["server_processes"]
        offered = {one["name"]: one["launcher_entry"]["enabled"] for one in found}
        installed = shutil.which("code-server") is not None
        assert (offered["tensorboard"], offered["vscode"]) == (True, installed), offered
    finally:
        lab.terminate()
        lab.wait()


def its_owner_signs_in_by_ssh() -> None:
    """With the settings that Lab writes for each connection's sshd."""
    prepare = "import sys, pathlib, himalia_lab.ssh as ssh; print(ssh._prepare(pathlib.Path(sys.argv[1])))"
    settings = said(str(LAB / "python"), "-c", prepare, tempfile.mkdtemp()).strip()
    keys = Path.home() / ".ssh"
    said("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(keys / "id_ed25519"))
    (keys / "authorized_keys").write_bytes((keys / "id_ed25519.pub").read_bytes())
    through = f"ProxyCommand=/usr/sbin/sshd -i -e -f {settings}"
    options = ["-o", through, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no"]
    assert said("ssh", *options, "himalia@here", "id -un") == "himalia\n"


def said(*command: str) -> str:
    """What a command says."""
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def fetch(path: str, within_s: float = 60) -> str:
    """A page of Lab, as soon as it is up."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{PORT}{path}", headers={"Authorization": "token check"}
    )
    end = time.monotonic() + within_s
    while True:
        try:
            with urllib.request.urlopen(request) as answer:
                return str(answer.read().decode())
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.2)


if __name__ == "__main__":
    main()
