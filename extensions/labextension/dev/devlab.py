"""Start JupyterLab with the built panels and the development service: `python dev/devlab.py --root DIR`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
EXTENSIONS = HERE.parent.parent
BASE = "/user/ada/"


def command(root: Path, port: int) -> list[str]:
    """The server's argv; the token comes from JUPYTER_TOKEN, never from an argument."""
    return [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--port-retries=0",
        f"--ServerApp.root_dir={root}", f"--ServerApp.base_url={BASE}", "--LabApp.news_url=None",
        "--LabApp.expose_app_in_browser=True",
        "--LabApp.extension_manager=readonly",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--ServerApp.jpserver_extensions={'himalia_lab': True, 'devservice': True}",
    ]  # fmt: skip


def environment(port: int, seed: str, state: Path) -> dict[str, str]:
    """Where the server finds the extension and the service; what Lab remembers goes below `state`."""
    built = state / "share" / "labextensions" / "@himalia" / "lab"
    if not built.is_symlink():
        built.parent.mkdir(parents=True, exist_ok=True)
        built.symlink_to(EXTENSIONS / "himalia_lab" / "labextension")
    paths = [str(EXTENSIONS), str(EXTENSIONS.parent / "hub"), str(HERE), os.environ.get("PYTHONPATH", "")]
    return {
        **os.environ,
        "JUPYTER_PATH": str(state / "share"),
        "JUPYTER_CONFIG_DIR": str(state / "config"),
        "JUPYTER_DATA_DIR": str(state / "data"),
        "JUPYTER_RUNTIME_DIR": str(state / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(state / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(state / "workspaces"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "HIMALIA_URL": f"http://127.0.0.1:{port}/services/himalia",
        "HIMALIA_DEV_SEED": seed,
        "JUPYTERHUB_USER": "ada",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the folder with notebooks")
    parser.add_argument("--port", type=int, default=8888)
    parser.add_argument("--seed", choices=["empty", "full", "many"], default="full")
    given = parser.parse_args()
    os.execve(  # noqa: S606
        sys.executable,
        command(given.root, given.port),
        environment(given.port, given.seed, given.root / ".lab"),
    )
