"""Datasets: add files, find versions, read and lay them out."""

from __future__ import annotations

import builtins
import time
import uuid
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from himalia.client import downloads
from himalia.client.api import Api, escaped
from himalia.client.bridge import blocking, blocking_items, closing
from himalia.client.errors import NotFound, WaitTimeout
from himalia.client.records import ENDED, Record, Who, many, moment

if TYPE_CHECKING:
    from himalia.client.dataset_imports import Told
    from himalia.client.dataset_upload import Progress

    AnyPath = str | PathLike[str]

LATEST = "latest"
ASK_S = 0.3
"""Pause between two looks at how a verification stands."""


class DatasetSpec(Record):
    """What a dataset is about; `description` is Markdown."""

    _shown = ("title", "license")
    title: str
    description: str
    license: str
    keywords: list[str]


class LatestVersion(Record):
    """The newest version, in short; `size` in bytes."""

    _made: ClassVar = {"created_at": moment}
    _shown = ("number", "files", "size")
    number: int
    files: int
    size: int
    created_at: datetime


class DatasetStatus(Record):
    """How many versions there are, the latest, and which number each alias stands for."""

    _made: ClassVar = {"latest": LatestVersion, "deleted_at": moment}
    _shown = ("versions", "aliases")
    versions: int
    latest: LatestVersion | None
    aliases: dict[str, int]
    deleted_at: datetime | None


class Dataset(Record):
    """A name for versions of files."""

    _made: ClassVar = {
        "spec": DatasetSpec,
        "status": DatasetStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    _shown = ("project", "name")
    id: str
    name: str
    project: str
    labels: dict[str, str]
    spec: DatasetSpec
    status: DatasetStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str


class VersionSpec(Record):
    """What was said when the version was made."""

    _shown = ("note",)
    note: str


class VersionStatus(Record):
    """What is in a version; `size` in bytes. Versions with equal digests have equal files."""

    _made: ClassVar = {"deleted_at": moment}
    _shown = ("files", "size")
    files: int
    size: int
    digest: str
    aliases: list[str]
    source_job: str | None
    deleted_at: datetime | None


class Version(Record):
    """An immutable set of files; `name` is `<dataset>@<number>`. What an `add` answers has `is_new`: False where
    nothing differed, so that it is the version that was there."""

    _made: ClassVar = {
        "spec": VersionSpec,
        "status": VersionStatus,
        "created_at": moment,
        "created_by": Who,
    }
    id: str
    name: str
    project: str
    dataset: str
    number: int
    spec: VersionSpec
    status: VersionStatus
    created_at: datetime
    created_by: Who
    is_new: bool


class DatasetFile(Record):
    """A file of a version; `size` in bytes, `digest` BLAKE3."""

    _shown = ("path", "size")
    path: str
    size: int
    digest: str
    executable: bool
    media_type: str


class ChangedFile(Record):
    """A file that was `added`, `removed` or `changed`; sizes are None where it is not there."""

    _shown = ("change", "path")
    path: str
    change: str
    old_size: int | None
    new_size: int | None


class Check(Record):
    """How a version's verification ended; `damaged` files have other bytes now, are gone, or were not there."""

    _made: ClassVar = {"damaged": many(ChangedFile), "began_at": moment, "ended_at": moment}
    _shown = ("state", "intact")
    state: str
    message: str | None
    intact: bool | None
    damaged: list[ChangedFile]
    began_at: datetime
    ended_at: datetime | None


def reference(dataset: str | Dataset | Version, version: str | int | None = None) -> tuple[str, str]:
    """A dataset's name and a version's number or alias, from `digits`, `digits@3`, or what the client answered."""
    if isinstance(dataset, Version):
        return dataset.dataset, str(dataset.number if version is None else version)
    name, _, wanted = (dataset.name if isinstance(dataset, Dataset) else dataset).partition("@")
    return name, str(version) if version is not None else wanted or LATEST


class DatasetVerbs:
    """What can be done with datasets. A version is named as `digits@3` or `digits@gold`; `digits` is its latest."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(
        self,
        name: str,
        *,
        title: str = "",
        description: str = "",
        license: str = "",
        keywords: Sequence[str] = (),
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> Dataset:
        """Make a dataset without versions. `description` is Markdown. Raises NameInUse."""
        spec = {"title": title, "description": description, "license": license, "keywords": [*keywords]}
        body = {"name": name, "labels": dict(labels or {}), "spec": spec}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        return Dataset(
            await self._api.call("POST", await self._path(None, project), body=body, headers=headers)
        )

    async def get(self, dataset: str | Dataset, *, project: str | None = None) -> Dataset:
        """The dataset as it is now. Raises NotFound."""
        return Dataset(await self._api.call("GET", await self._path(dataset, project)))

    async def update(
        self,
        dataset: str | Dataset,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        license: str | None = None,
        keywords: Sequence[str] | None = None,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> Dataset:
        """Change what is given, and leave the rest. Given as an object, it must be as it was: raises Stale."""
        old = dataset if isinstance(dataset, Dataset) else await self.get(dataset, project=project)
        given = {"title": title, "description": description, "license": license, "keywords": keywords}
        changed = {field: value for field, value in given.items() if value is not None}
        body: dict[str, Any] = {"spec": {**old.spec.to_dict(), **changed}} if changed else {}
        if name is not None:
            body["name"] = name
        if labels is not None:
            body["labels"] = dict(labels)
        headers = {"If-Match": f'"{old.etag}"'}
        path = escaped("projects", old.project, "datasets", old.name)
        return Dataset(await self._api.call("PATCH", path, body=body, headers=headers))

    async def delete(
        self, dataset: str | Dataset | Version, *, cascade: bool = False, project: str | None = None
    ) -> None:
        """Delete a dataset, or with `digits@3` one version; both can be restored for 30 days.

        Raises InUse while jobs or models came from it, unless `cascade`.
        """
        path = await self._path(dataset, project)
        if isinstance(dataset, Version) or (isinstance(dataset, str) and "@" in dataset):
            path = await self._version_path(dataset, None, project)
        await self._api.call("DELETE", path, {"cascade": cascade or None})

    async def restore(
        self, dataset: str | Dataset | Version, *, name: str | None = None, project: str | None = None
    ) -> Dataset:
        """Bring back a deleted dataset, by its name or id, or with `digits@3` a version of one that is there."""
        if isinstance(dataset, Version) or (isinstance(dataset, str) and "@" in dataset):
            await self._api.call("POST", await self._version_path(dataset, None, project) + "/restore")
            return await self.get(reference(dataset)[0], project=project)
        given = dataset.id if isinstance(dataset, Dataset) else dataset
        path = await self._path(given, project) + "/restore"
        return Dataset(await self._api.call("POST", path, body={} if name is None else {"name": name}))

    async def list(
        self,
        *,
        text: str | None = None,
        label: Mapping[str, str] | None = None,
        deleted: bool = False,
        project: str | None = None,
    ) -> AsyncGenerator[Dataset, None]:
        """The project's datasets, newest first: those with `text` in their name, with these labels."""
        labels = [f"{key}={value}" for key, value in (label or {}).items()]
        params = {"text": text, "label": labels, "deleted": deleted or None}
        async with closing(self._api.pages(await self._path(None, project), params)) as found:
            async for one in found:
                yield Dataset(one)

    # Versions

    async def add(
        self,
        dataset: str | Dataset,
        source: AnyPath,
        *,
        note: str = "",
        aliases: Iterable[str] = (),
        keep: bool = False,
        onto: str = "base",
        progress: Progress | None = None,
        project: str | None = None,
    ) -> Version:
        """Make a version of the files in a folder, or of one file; the dataset is made if there is none.

        With `keep`, the files of the latest version stay, and these are added to them. Only what the project lacks
        is sent, and what has not changed since it was last added from here is not even read. Where nothing
        differs from the latest version, the answer is that one, with `is_new` False. Links are not followed.

        Raises Conflict when somebody else made a version meanwhile (`onto="latest"` lays these files over theirs),
        FileChanged, Invalid, DiskFull.
        """
        from himalia.client.dataset_adding import Adding, gone_if_empty  # takes a while to import
        from himalia.client.dataset_files import collect

        files = await self._api.transport.aside(lambda: collect(source))
        latest, made = await self._latest(dataset, project)
        body = {"note": note, "aliases": [*aliases], "onto": onto}
        path = await self._path(dataset, project)
        async with gone_if_empty(self._api, path if made else None):
            answer = await Adding(self._api, path, files, keep, progress).run(latest, body)
        return _added(answer, latest)

    async def _latest(self, dataset: str | Dataset, project: str | None) -> tuple[Version | None, bool]:
        """The newest version, None where there is none; and whether the dataset was made, since there was none."""
        try:
            return await self.version(reference(dataset, LATEST)[0], project=project), False
        except NotFound:
            pass
        try:
            await self.get(dataset, project=project)
        except NotFound:
            await self.create(reference(dataset)[0], project=project)
            return None, True
        return None, False

    async def add_from_job(
        self, dataset: str | Dataset, job: str, path: str = "", *, note: str = "", project: str | None = None
    ) -> Version:
        """Make a version of the files that a job left below a folder of its outputs, which are not sent again."""
        body = {"from_job": str(getattr(job, "name", job)), "path": path, "note": note}
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        where = await self._path(dataset, project) + "/versions"
        return Version(await self._api.call("POST", where, body=body, headers=headers))

    async def add_archive(
        self,
        dataset: str | Dataset,
        archive: AnyPath,
        *,
        into: str = "",
        note: str = "",
        keep: bool = False,
        told: Told | None = None,
        project: str | None = None,
    ) -> Version:
        """Make a version of the files in a zip or tar archive, which the platform unpacks, into a folder if given.

        Raises HimaliaError with the reason when it cannot be unpacked.
        """
        what = {"archive": Path(archive).name, "into": into}
        return await self._imported(dataset, what, Path(archive), note, keep, told, project)

    async def add_from_server(
        self,
        dataset: str | Dataset,
        path: str,
        *,
        into: str = "",
        note: str = "",
        keep: bool = False,
        told: Told | None = None,
        project: str | None = None,
    ) -> Version:
        """Make a version of the files in a folder of the platform's machine that is open for imports.

        Raises Invalid when it is not open, HimaliaError with the reason when it cannot be copied.
        """
        what = {"server_path": str(path), "into": into}
        return await self._imported(dataset, what, None, note, keep, told, project)

    async def _imported(
        self,
        dataset: str | Dataset,
        what: Mapping[str, str],
        archive: Path | None,
        note: str,
        keep: bool,
        told: Told | None,
        project: str | None,
    ) -> Version:
        from himalia.client.dataset_adding import gone_if_empty
        from himalia.client.dataset_imports import Importing

        latest, made = await self._latest(dataset, project)
        base = LATEST if keep and latest is not None else None
        path = await self._path(dataset, project)
        async with gone_if_empty(self._api, path if made else None):
            answer = await Importing(self._api, path, told).run(what, archive, base, {"note": note})
        return _added(answer, latest)

    async def preview(
        self,
        dataset: str | Dataset | Version,
        version: str | int | None = None,
        *,
        timeout: float | None = None,
        project: str | None = None,
    ) -> dict[str, Any]:
        """What there is to see in a version: pictures, tables with their columns, texts. Waits for the looking.

        `timeout` is in seconds. Raises HimaliaError with the reason when that failed, WaitTimeout.
        """
        from himalia.client.dataset_imports import looked_at

        path = await self._version_path(dataset, version, project)
        where = dataset.project if isinstance(dataset, Record) else await self._api.project(project)
        seen: dict[str, Any] = await looked_at(self._api, path, where, timeout)
        return seen

    async def croissant(
        self,
        dataset: str | Dataset | Version,
        version: str | int | None = None,
        *,
        project: str | None = None,
    ) -> dict[str, Any]:
        """A version described as Croissant 1.1 (JSON-LD), for other platforms and search engines for data."""
        path = await self._version_path(dataset, version, project)
        described: dict[str, Any] = await self._api.call("GET", f"{path}/croissant")
        return described

    async def version(
        self,
        dataset: str | Dataset | Version,
        version: str | int | None = None,
        *,
        project: str | None = None,
    ) -> Version:
        """One version, such as `digits@3`. Raises NotFound."""
        return Version(await self._api.call("GET", await self._version_path(dataset, version, project)))

    async def versions(
        self, dataset: str | Dataset, *, deleted: bool = False, project: str | None = None
    ) -> AsyncGenerator[Version, None]:
        """The dataset's versions, newest first."""
        path = await self._path(dataset, project) + "/versions"
        async with closing(self._api.pages(path, {"deleted": deleted or None})) as found:
            async for one in found:
                yield Version(one)

    async def set_alias(
        self,
        dataset: str | Dataset | Version,
        alias: str,
        version: str | int | None = None,
        *,
        project: str | None = None,
    ) -> Version:
        """Let an alias stand for a version: `set_alias("digits@3", "gold")`."""
        found = await self.version(dataset, version, project=project)
        path = await self._path(dataset, project) + escaped("aliases", alias)
        return Version(await self._api.call("PUT", path, body={"version": found.number}))

    async def remove_alias(
        self, dataset: str | Dataset | Version, alias: str, *, project: str | None = None
    ) -> None:
        """Forget an alias; its version stays."""
        await self._api.call("DELETE", await self._path(dataset, project) + escaped("aliases", alias))

    # Files

    async def files(
        self, dataset: str | Dataset | Version, *, prefix: str = "", project: str | None = None
    ) -> AsyncGenerator[DatasetFile, None]:
        """The files of a version whose paths begin with `prefix`, in the order of their paths."""
        path = await self._version_path(dataset, None, project) + "/files"
        async with closing(self._api.pages(path, {"prefix": prefix or None, "limit": 1000})) as found:
            async for one in found:
                yield DatasetFile(one)

    async def diff(
        self,
        dataset: str | Dataset | Version,
        since: str | int | None = None,
        *,
        project: str | None = None,
    ) -> AsyncGenerator[ChangedFile, None]:
        """What became of the files of version `since`, by default the one before, in this one."""
        path = await self._version_path(dataset, None, project) + "/diff"
        async with closing(self._api.pages(path, {"from": since, "limit": 1000})) as found:
            async for one in found:
                yield ChangedFile(one)

    async def download(
        self,
        dataset: str | Dataset | Version,
        to: AnyPath | None = None,
        *,
        prefix: str = "",
        progress: Progress | None = None,
        project: str | None = None,
    ) -> builtins.list[Path]:
        """Save the files of a version below the folder `to`, by default the current one; their bytes are checked.

        A file that is there with the right size and bytes is left alone.
        """
        version = await self.version(dataset, project=project)
        base = await self._version_path(version, None, project)
        async with closing(self.files(version, prefix=prefix, project=project)) as found:
            files = [(f"{base}/files{escaped(*file.path.split('/'))}", file) async for file in found]
        return await downloads.save_below(self._api, files, Path() if to is None else Path(to), progress)

    async def checkout(
        self,
        dataset: str | Dataset | Version,
        version: str | int | None = None,
        *,
        project: str | None = None,
    ) -> Path:
        """The folder of a version's files, read-only, as notebook servers of the project see it.

        Nothing is copied: the files are the stored ones. In a job, name the dataset in `inputs` instead.
        """
        wanted = reference(dataset, version)[1]
        path = await self._path(dataset, project) + "/checkout"
        answer = await self._api.call("POST", path, body={"version": wanted})
        return await self._api.transport.aside(lambda: _seen(Path(answer["path"]), Path(answer["job_path"])))

    async def verify(
        self, dataset: str | Dataset | Version, *, timeout: float | None = None, project: str | None = None
    ) -> Check:
        """Have all files of a version read again by the platform, and wait for what comes of it.

        `timeout` is in seconds; raises WaitTimeout.
        """
        path = await self._version_path(dataset, None, project) + "/verify"
        deadline = None if timeout is None else time.monotonic() + timeout
        check = Check(await self._api.call("POST", path))
        while check.state not in ENDED:
            if deadline is not None and time.monotonic() > deadline:
                raise WaitTimeout("The files are still being read.")
            await self._api.transport.pause(ASK_S)
            check = Check(await self._api.call("GET", path))
        return check

    # Paths

    async def _path(self, dataset: str | Dataset | Version | None, project: str | None) -> str:
        where = dataset.project if isinstance(dataset, Record) else await self._api.project(project)
        return escaped(
            "projects", where, "datasets", *([reference(dataset)[0]] if dataset is not None else [])
        )

    async def _version_path(
        self, dataset: str | Dataset | Version, version: str | int | None, project: str | None
    ) -> str:
        path = await self._path(dataset, project)
        return path + escaped("versions", reference(dataset, version)[1])


def _added(answer: Mapping[str, Any], latest: Version | None) -> Version:
    return Version({**answer, "is_new": latest is None or answer["id"] != latest.id})


def _seen(in_server: Path, in_job: Path) -> Path:
    return in_job if in_job.exists() and not in_server.exists() else in_server


class Datasets:
    """`client.datasets`."""

    def __init__(self, api: Api) -> None:
        self._verbs = DatasetVerbs(api)

    create = blocking(DatasetVerbs.create)
    get = blocking(DatasetVerbs.get)
    update = blocking(DatasetVerbs.update)
    delete = blocking(DatasetVerbs.delete)
    restore = blocking(DatasetVerbs.restore)
    list = blocking_items(DatasetVerbs.list)
    add = blocking(DatasetVerbs.add)
    add_from_job = blocking(DatasetVerbs.add_from_job)
    add_archive = blocking(DatasetVerbs.add_archive)
    add_from_server = blocking(DatasetVerbs.add_from_server)
    preview = blocking(DatasetVerbs.preview)
    croissant = blocking(DatasetVerbs.croissant)
    version = blocking(DatasetVerbs.version)
    versions = blocking_items(DatasetVerbs.versions)
    set_alias = blocking(DatasetVerbs.set_alias)
    remove_alias = blocking(DatasetVerbs.remove_alias)
    files = blocking_items(DatasetVerbs.files)
    diff = blocking_items(DatasetVerbs.diff)
    download = blocking(DatasetVerbs.download)
    checkout = blocking(DatasetVerbs.checkout)
    verify = blocking(DatasetVerbs.verify)
