"""What JupyterLab is given to run with, in a sandbox or a pod: its command, settings, kernels and environment."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from himalia.core.shipped import shipped

FOLDER = "/opt/himalia/jupyter"
EXAMPLES = "/opt/himalia/examples"
FIRST_NOTEBOOK = "getting-started.ipynb"
SOCKET = "/run/himalia/lab.sock"

# As the person, in the empty home of a first start: never as the hub, which could be led astray by links.
_COPY_EXAMPLES = f'[ -d {EXAMPLES} ] && [ ! -e examples ] && cp -R {EXAMPLES} examples; exec "$@"'


def command(home: str, *, first: bool) -> list[str]:
    """JupyterLab on its socket, from the platform's own interpreter; arguments outrank all settings."""
    copy = ["/bin/sh", "-c", _COPY_EXAMPLES, "sh"] if first else []
    return [*copy, *server(sys.executable, home), f"--ServerApp.sock={SOCKET}", "--ServerApp.sock_mode=0600"]


def server(python: str, home: str) -> list[str]:
    """JupyterLab for one person, wherever it listens."""
    return [
        # -s, -P: neither the person's own packages nor a file in the home gets in Lab's way.
        *(python, "-s", "-P", "-m", "jupyterhub.singleuser"),
        f"--ServerApp.root_dir={home}",
        "--KernelManager.transport=ipc",
    ]


def environment(
    chosen: Mapping[str, Any],
    user: str,
    hub: Mapping[str, str],
    more: Mapping[str, str],
    lab_prefix: str = sys.prefix,
) -> dict[str, str]:
    """Environment variables of Lab; `hub` are those the hub gives, `more` the reservation's."""
    path = [f"{chosen['prefix']}/bin", "/usr/local/bin", "/usr/bin", "/bin", f"{lab_prefix}/bin"]
    return {
        "LANG": "C.UTF-8",
        "SHELL": "/bin/bash",
        **hub,
        "PATH": ":".join(path),
        "JUPYTERHUB_USER": user,
        "JUPYTER_PATH": FOLDER,
        "JUPYTER_CONFIG_PATH": f"{FOLDER}/etc",
        # On a path that is short, private and gone with the sandbox: kernels talk over sockets there.
        "JUPYTER_RUNTIME_DIR": "/tmp/jupyter",  # noqa: S108
        **more,
    }


def memory_and_cores(limit: Mapping[str, Any]) -> dict[str, str]:
    """What Lab shows of the server's limits."""
    named = {"MEM_LIMIT": limit.get("memory_bytes"), "CPU_LIMIT": limit.get("cpus")}
    return {name: str(value) for name, value in named.items() if value}


def files(
    chosen: str,
    environments: Sequence[Mapping[str, Any]],
    overlays: str,
    idle_timeout_s: int,
    lab_prefix: str = sys.prefix,
) -> dict[str, str]:
    """Lab's settings and two kernels per environment, as files inside: path to content.

    The second kernel adds the packages of the requirements.txt beside the notebook; `overlays` is the
    person's folder of such environments.
    """
    settings = _settings(chosen, idle_timeout_s)
    made = {
        f"{FOLDER}/etc/jupyter_server_config.json": settings,
        f"{FOLDER}/etc/jupyter_lab_config.json": settings,
        # A notebook whose kernel is not here runs in the chosen environment, without being asked.
        f"{FOLDER}/etc/labconfig/default_setting_overrides.json": {
            "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True},
            # Nothing is fetched from outside, so nobody is asked whether it should be.
            "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
        },
    }
    for item in environments:
        kernel = _kernel(item, lab_prefix)
        made[f"{FOLDER}/kernels/{item['name']}/kernel.json"] = kernel
        # No environment has a dot in its name.
        made[f"{FOLDER}/kernels/{item['name']}.requirements/kernel.json"] = _extended(kernel, item, overlays)
    return {path: json.dumps(content, indent=1) for path, content in made.items()}


def hidden_folders() -> tuple[str, ...]:
    """The platform's own kernel is not for users: its packages are the platform's."""
    folder = Path(sys.prefix, "share", "jupyter", "kernels")
    return (str(folder),) if folder.is_dir() else ()


def examples_folder() -> Path | None:
    """Where the examples lie, if somebody has not taken them away."""
    folder = shipped("examples")
    return folder if (folder / FIRST_NOTEBOOK).is_file() else None


def _kernel(item: Mapping[str, Any], lab_prefix: str) -> dict[str, Any]:
    """A kernelspec (jupyter_client, "Kernel specs") that runs in an environment."""
    binaries = f"{item['prefix']}/bin"
    return {
        "argv": [f"{binaries}/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": item["title"],
        "language": "python",
        "interrupt_mode": "signal",
        "metadata": {"debugger": True, "himalia": {"environment": item["name"]}},
        "env": {
            "PATH": f"{binaries}:/usr/local/bin:/usr/bin:/bin:{lab_prefix}/bin",
            "VIRTUAL_ENV": str(item["prefix"]),
        },
    }


def _extended(kernel: Mapping[str, Any], item: Mapping[str, Any], overlays: str) -> dict[str, Any]:
    """The same kernel from an overlay, which himalia_lab's provisioner finds or has built when it starts."""
    place = {"environment": item["name"], "prefix": str(item["prefix"]), "overlays": overlays}
    if item.get("marker"):
        place["marker"] = item["marker"]
    provisioner = {"provisioner_name": "himalia-requirements", "config": place}
    return {
        **kernel,
        "display_name": f"{item['title']} + requirements.txt",
        "metadata": {**kernel["metadata"], "kernel_provisioner": provisioner},
    }


def _settings(chosen: str, idle_timeout_s: int) -> dict[str, Any]:
    """No call leaves the machine by itself. Idle kernels end, busy ones never; then the server does."""
    interval_s = max(1, min(60, idle_timeout_s // 4))
    return {
        "ServerApp": {
            "terminals_enabled": True,
            "shutdown_no_activity_timeout": idle_timeout_s,
        },
        "LabApp": {
            "extension_manager": "readonly",
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
        },
        "KernelSpecManager": {"ensure_native_kernel": False},
        "MappingKernelManager": {
            "default_kernel_name": chosen,
            "cull_idle_timeout": idle_timeout_s,
            "cull_interval": interval_s,
            "cull_connected": True,
            "cull_busy": False,
        },
        "TerminalManager": {"cull_inactive_timeout": idle_timeout_s, "cull_interval": interval_s},
    }
