"""A platform whose parts are processes of this machine, and whose jobs are pods of the test cluster."""

from __future__ import annotations

import os
from pathlib import Path

from separate import Separate
from worlds import DATA, GID, TAG, UID, Place

PROFILE = """
name: {name}
title: Python
environment: {name}
sizes:
  - {{name: small, title: Small, cpus: 1, memory: 128MiB, default: true}}
  - {{name: gpus, title: GPUs, cpus: 1, memory: 128MiB, accelerators: {{nvidia.com/gpu: 4}}}}
kinds:
  job: {{reserve: {{cpus: 10m, memory: 16MiB}}}}
"""


class PlatformOnHost(Separate):
    """Hub and service, as the account that pods have; the data claim is the service's home.

    The profile `base` asks for so little that many jobs fit one node; of `nowhere` there is no image.
    """

    user, group = UID, GID
    COMMANDS = {name: Separate.COMMANDS[name] for name in ("hub", "service")}  # noqa: RUF012 (a constant)

    def __init__(self, place: Place, **variables: str) -> None:
        super().__init__(
            HIMALIA_BACKEND="kubernetes",
            HIMALIA_LISTEN=place.cluster.layout.host,
            HIMALIA_KUBERNETES_NAMESPACE=place.namespace,
            HIMALIA_KUBERNETES_IMAGE=f"localhost/himalia-{{environment}}:{TAG}",
            HIMALIA_KUBERNETES_DATA_CLAIM=DATA,
            **variables,
        )
        self.place = place
        port = self.variables["HIMALIA_SERVICE_PORT"]
        self.service_url = f"http://{place.cluster.layout.host}:{port}"
        self.variables |= {
            "HIMALIA_SERVICE_URL": self.service_url,
            "HIMALIA_PROFILES_DIR": str(self._profiles()),
            "KUBECONFIG": str(self._kubeconfig()),
        }
        os.chown(place.files, self.user, self.group)
        self.postgres.folder.chmod(0o711)  # for its socket; the data are closed by themselves

    def _profiles(self) -> Path:
        folder = self.folder / "profiles"
        folder.mkdir(mode=0o755)
        for name in ("base", "nowhere"):
            (folder / f"{name}.yaml").write_text(PROFILE.format(name=name))
        return folder

    def _kubeconfig(self) -> Path:
        file = self.folder / "kubeconfig"
        file.write_bytes(self.place.cluster.kubeconfig.read_bytes())
        file.chmod(0o600)
        os.chown(file, self.user, self.group)
        return file

    def _mounts(self) -> str:
        return f"mount --bind {self.place.files} {self.home} && {super()._mounts()}"
