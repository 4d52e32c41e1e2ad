"""From a notebook, a script or a command on this machine to what the service is sent."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from himalia.client.api import Api
from himalia.client.errors import HimaliaError, Invalid
from himalia.client.transport import Request, Source

if TYPE_CHECKING:
    from himalia.client.datasets import Version
    from himalia.client.snapshot import Snapshot

AT_ONCE = 6
"""Files that are uploaded at the same time."""
ROUNDS = 4
UPLOAD_S = 120.0
REQUIREMENTS = "requirements.txt"
_DURATION = re.compile(
    r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?"
)


def seconds(limit: float | str | timedelta | None) -> float | None:
    """A duration in seconds, from a number of seconds, a `timedelta`, or text such as `90`, `45m`, `2h`, `1d12h`.

    Raises Invalid.
    """
    if limit is None:
        return None
    if isinstance(limit, timedelta):
        return limit.total_seconds()
    if isinstance(limit, str):
        found = _DURATION.fullmatch(limit.replace(" ", "").lower())
        if found is None or not any(found.groups()):
            raise Invalid(f"{limit!r} is not a duration. Write 90s, 45m, 2h or 1d12h.")
        parts = [float(part or 0) for part in found.groups()]
        return sum(count * unit for count, unit in zip(parts, (86400, 3600, 60, 1)))  # noqa: B905 - 3.8 has no strict
    return float(limit)


def references(inputs: Mapping[str, str | Version] | None) -> dict[str, str]:
    """Datasets by the names that the code asks for, as the service takes them."""
    return {key: one if isinstance(one, str) else one.name for key, one in (inputs or {}).items()}


class Code:
    """What a job runs, and the folder that its code is in; `folder` None sends no code.

    A notebook or script is found from the current folder, its path in the job is relative to `folder`, by default
    the folder that it is in. Raises Invalid.
    """

    def __init__(
        self,
        notebook: str | os.PathLike[str] | None,
        script: str | os.PathLike[str] | None,
        command: Sequence[str] | None,
        folder: str | os.PathLike[str] | None,
    ) -> None:
        given = {"notebook": notebook, "script": script, "command": command}
        kinds = [kind for kind, value in given.items() if value is not None]
        if len(kinds) != 1:
            raise Invalid("Give exactly one of notebook, script and command.")
        if isinstance(command, str):
            raise Invalid('A command is a list of words: ["python", "train.py"].')
        self.kind = kinds[0]
        self.notebook = notebook
        self.file: str | None = None
        self.command = [str(word) for word in command or ()]
        self.folder = Path(folder) if folder is not None else None
        file = notebook if notebook is not None else script
        if file is not None:
            self._find(Path(file))

    def _find(self, file: Path) -> None:
        if not file.is_file():
            raise Invalid(f"There is no file {file}." if not file.exists() else f"{file} is not a file.")
        # The folder's links are resolved and the file's own name is kept: a linked notebook stays where it is.
        place = file.parent.resolve() / file.name
        root = self.folder.resolve() if self.folder is not None else place.parent
        try:
            self.file = place.relative_to(root).as_posix()
        except ValueError:
            raise Invalid(f"{file} is not in the folder {self.folder}.") from None
        self.folder = root

    def requirements(self, wanted: str | None, snapshot: Snapshot | None) -> str | None:
        """The requirements file in the snapshot; for `auto` the one beside the notebook or script, if any."""
        if wanted != "auto" or snapshot is None:
            return None if wanted == "auto" else wanted
        beside = (self.file or "").rpartition("/")
        path = f"{beside[0]}{beside[1]}{REQUIREMENTS}"
        return path if any(file.path == path for file in snapshot.files) else None


def snapshot_of(code: Code) -> Snapshot | None:
    """The code as it is now, or None when a command needs none. Raises snapshot.SnapshotError."""
    if code.folder is None:
        return None
    from himalia.client.snapshot import build  # takes a while to import, and only submitting needs it

    return build(code.folder, include=[code.file] if code.file else None)


async def upload(api: Api, project: str, snapshot: Snapshot) -> str:
    """The digest of the snapshot, once the service has all of it. Only what it lacks is sent."""
    manifest = snapshot.manifest()
    sizes = {file.digest: file.size for file in snapshot.files}
    base = f"/projects/{quote(project, safe='')}"
    for _ in range(ROUNDS):
        request = api.request("POST", f"{base}/snapshots", body=manifest, timeout_s=UPLOAD_S)
        answer = (await api.send(_repeatable(request))).json()
        if answer["complete"]:
            return str(answer["digest"])
        sending = [_sender(api, base, snapshot, digest, sizes[digest]) for digest in answer["missing"]]
        await api.transport.together(sending, AT_ONCE)
    raise HimaliaError("The service keeps asking for files that it was sent. Ask its administrator.")


def _repeatable(request: Request) -> Request:
    """Announcing the same manifest again changes nothing, so it may be tried again; its key says so."""
    return Request(**{**vars(request), "headers": {"Idempotency-Key": "manifest"}})


def _sender(api: Api, base: str, snapshot: Snapshot, digest: str, size: int) -> Any:
    source = Source(lambda: snapshot.open(digest), size)
    request = api.request("PUT", f"{base}/objects/{digest}", source=source, timeout_s=UPLOAD_S)

    async def send() -> None:
        await api.send(request)

    return send


def spec_of(
    code: Code, digest: str | None, requirements: str | None, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON of a job's spec; fields without a value are left to the service's defaults."""
    spec: dict[str, Any] = {"kind": code.kind, "snapshot": digest, "requirements": requirements, **fields}
    spec[code.kind] = code.command if code.kind == "command" else code.file
    return {field: value for field, value in spec.items() if value is not None and value not in ({}, [])}


async def job_spec(
    api: Api, project: str, code: Code, requirements: str | None, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """The JSON of a job's spec, once its code is uploaded; without a profile in `fields`, the default one.

    Raises Invalid, and `himalia.client.snapshot.SnapshotError`.
    """
    snapshot = await api.transport.aside(lambda: snapshot_of(code))
    profile = fields["profile"] or await default_profile(api, code.notebook)
    digest = await upload(api, project, snapshot) if snapshot is not None else None
    return spec_of(code, digest, code.requirements(requirements, snapshot), {**fields, "profile": profile})


async def default_profile(api: Api, notebook: str | os.PathLike[str] | None = None) -> str:
    """The profile whose environment the notebook's kernel names, else HIMALIA_PROFILE's, else the first available.

    Raises Invalid when none is available.
    """
    profiles = (await api.call("GET", "/profiles"))["items"]
    available = [one for one in profiles if one.get("available")]
    if not available:
        reasons: Iterable[str] = (f"{one['name']}: {one.get('reason')}" for one in profiles)
        raise Invalid("No profile is available now.\n  " + "\n  ".join(reasons))
    kernel = None if notebook is None else await api.transport.aside(lambda: _kernel_of(notebook))
    for field, wanted in (("environment", kernel), ("name", os.environ.get("HIMALIA_PROFILE"))):
        for one in available:
            if wanted is not None and one[field] == wanted:
                return str(one["name"])
    return str(available[0]["name"])


def _kernel_of(notebook: str | os.PathLike[str]) -> str | None:
    """The environment that a notebook's kernel names; None where it cannot be told, which the job will then say."""
    try:
        name = json.loads(Path(notebook).read_text("utf-8"))["metadata"]["kernelspec"]["name"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    # No environment has a dot in its name: what follows is the requirements.txt beside the notebook.
    return name.split(".")[0] if isinstance(name, str) else None
