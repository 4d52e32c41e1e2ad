"""The kernel "<environment> + requirements.txt": from an overlay, which is built when there is none yet."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Any

from jupyter_client.provisioning import LocalProvisioner
from traitlets import Unicode

from himalia.environments.overlay import (
    MAX_REQUIREMENTS_BYTES,
    RequirementsError,
    digest_on,
    overlay_digest,
    parse,
)
from himalia.environments.overlay import is_ready as overlay_is_ready
from himalia_lab import files, overlays
from himalia_lab.errors import LabError

REQUIREMENTS = "requirements.txt"


class Lines(str):
    """Jupyter Server shows the `repr` of what a kernel's error says, and it has several lines."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


class KernelError(Exception):
    """Why a kernel did not start, as Lab shows it."""

    def __str__(self) -> str:
        return Lines(self.args[0])


async def _ask_again(*wanted: str) -> None:
    with suppress(LabError):
        await overlays.build(*wanted)


class RequirementsProvisioner(LocalProvisioner):  # type: ignore[misc]
    """Starts a kernel in the overlay that the requirements.txt of its folder makes now; a running one stays."""

    environment = Unicode(help="The environment that is added to.").tag(config=True)
    prefix = Unicode(help="Where that environment is.").tag(config=True)
    marker = Unicode(help="What names its overlays; empty where its folder tells.").tag(config=True)
    overlays = Unicode(help="The folder of the person's overlays.").tag(config=True)

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """As its parent's, once the overlay is there. Raises KernelError."""
        try:
            self._run_in(await self._overlay(Path(kwargs.get("cwd") or Path.cwd())))
        except LabError as error:
            raise KernelError(error.message) from error
        launch: dict[str, Any] = await super().pre_launch(**kwargs)
        return launch

    async def _overlay(self, folder: Path) -> Path:
        """The overlay of the requirements.txt in `folder`, built if it is not there. Raises LabError."""
        content = await asyncio.to_thread(self._requirements, folder)
        digest = self._digest(content)
        overlay = Path(self.overlays, digest)
        wanted = self.kernel_spec.display_name, self.environment, content.decode("utf-8"), digest
        if overlay_is_ready(overlay):
            # The platform removes what it has not been asked for in weeks; the kernel need not wait for it.
            self._asked = asyncio.create_task(_ask_again(*wanted))
            return overlay
        await overlays.build(*wanted)
        if not overlay_is_ready(overlay):
            raise LabError(
                503, "unavailable", "The packages are installed, but cannot be seen here. Try again."
            )
        return overlay

    def _requirements(self, folder: Path) -> bytes:
        if not (folder / REQUIREMENTS).is_file():
            raise LabError(
                404,
                "not_found",
                f"There is no {REQUIREMENTS} in the notebook's folder. Write one that lists the packages you "
                f"need, or choose the kernel without “+ {REQUIREMENTS}”.",
            )
        return files.read((folder / REQUIREMENTS).resolve(), MAX_REQUIREMENTS_BYTES)

    def _digest(self, content: bytes) -> str:
        try:
            parse(content)
            if self.marker:
                return digest_on(self.marker, content)
            return overlay_digest(content, Path(self.prefix))
        except RequirementsError as error:
            raise LabError(422, "invalid", str(error)) from error
        except FileNotFoundError:
            raise LabError(
                404,
                "not_found",
                f"The environment {self.environment} is gone. Choose another kernel, or ask an administrator.",
            ) from None

    def _run_in(self, overlay: Path) -> None:
        spec, binaries = self.kernel_spec, overlay / "bin"
        rest = [place for place in spec.env["PATH"].split(":") if not place.startswith(f"{self.overlays}/")]
        spec.argv = [str(binaries / "python"), *spec.argv[1:]]
        spec.env = {**spec.env, "PATH": ":".join([str(binaries), *rest]), "VIRTUAL_ENV": str(overlay)}
