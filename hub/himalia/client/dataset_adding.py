"""Adding the files of a folder as a version: what differs is sent, and nothing else."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any

from himalia.client.api import Api, escaped
from himalia.client.dataset_files import Collected, LocalFile, cache_of, digests_of, tree_digest
from himalia.client.errors import Forbidden, HimaliaError

if TYPE_CHECKING:
    from himalia.client.dataset_upload import Progress, Sent
    from himalia.client.datasets import Version

LATEST = "latest"
ANNOUNCED = 20_000
"""Files in one announcement."""


@contextlib.asynccontextmanager
async def gone_if_empty(api: Api, dataset: str | None) -> AsyncGenerator[None, None]:
    """Within this, a failure removes the dataset at a path, which was just made, unless something is in it."""
    try:
        yield
    except BaseException:
        if dataset is not None:
            with contextlib.suppress(HimaliaError):
                drafts = await api.call("GET", f"{dataset}/drafts", {"limit": 1})
                shown = await api.call("GET", dataset)
                if not drafts["items"] and shown["status"]["latest"] is None:
                    await api.call("DELETE", dataset)
        raise


class Adding:
    """One call of `add`, to the dataset at the path `dataset`."""

    def __init__(
        self, api: Api, dataset: str, found: Collected, keep: bool, progress: Progress | None
    ) -> None:
        self.api = api
        self.dataset = dataset
        self.keep = keep
        self.filling = Filling(api, found, progress)

    async def run(self, latest: Version | None, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Make the version, or find that it is there; answers its JSON."""
        files, digests = self.filling.found.files, None
        try:
            if latest is not None:
                digests = await self.filling.digests()
                same = not self.keep and tree_digest(files, digests) == latest.status.digest
                if same and not body["aliases"]:
                    await self._check_may_add()
                    return latest.to_dict()
            return await self._made(latest, digests, body)
        finally:
            await self.filling.remember()

    async def _check_may_add(self) -> None:
        """Raise Forbidden as the service does to who may only read: where nothing is sent, it does not."""
        project = await self.api.call("GET", self.dataset.partition("/datasets/")[0])
        role = project["status"]["role"]
        if role not in ("editor", "owner"):
            raise Forbidden(
                f"This needs the role editor in {project['name']}, and you are {role}. Ask one of its owners."
            )

    async def _made(
        self, latest: Version | None, digests: dict[str, str] | None, body: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        base = {"base": LATEST if self.keep and latest is not None else None, "brief": True}
        draft = f"{self.dataset}/drafts"
        draft += escaped((await self.api.call("POST", draft, body=base))["id"])
        try:
            await self.filling.fill(draft, digests)
            headers = {"Idempotency-Key": uuid.uuid4().hex}
            answer = await self.api.call("POST", f"{draft}/commit", body=body, headers=headers, timeout_s=300)
        except BaseException:
            with contextlib.suppress(HimaliaError):
                await self.api.call("DELETE", draft)
            raise
        made: Mapping[str, Any] = answer
        return made


class Filling:
    """Files on their way into a draft; what the project has is not sent."""

    def __init__(self, api: Api, found: Collected, progress: Progress | None) -> None:
        self.api = api
        self.found = found
        self.progress = progress or (lambda _: None)
        self.cache = cache_of(found.root)

    async def digests(self) -> dict[str, str]:
        """Digests of all files; those that changed are read for it. Raises FileChanged."""
        return await self.api.transport.aside(lambda: digests_of(self.found.files, self.cache))

    async def fill(self, draft: str, digests: dict[str, str] | None) -> None:
        """Bring the files into the draft at the path `draft`. Raises FileChanged, HimaliaError.

        Without `digests`, those that are remembered are announced, and the rest is sent.
        """
        from himalia.client.dataset_upload import Sender, Sent  # takes a while to import

        sent = Sent(len(self.found.files), self.found.size)
        files = await self._missing(draft, digests, sent)
        self.progress(sent)
        await Sender(self.api, draft, self.cache, sent, self.progress).send(files)

    async def remember(self) -> None:
        """Keep the digests for the next time."""
        await self.api.transport.aside(self._remember)

    def _remember(self) -> None:
        self.cache.retain(self.found.root, [file.source for file in self.found.files])
        with contextlib.suppress(OSError):  # the next time is slower
            self.cache.save()

    async def _missing(self, draft: str, digests: dict[str, str] | None, sent: Sent) -> list[LocalFile]:
        """The files that have to be sent; those that need not be are noted in `sent`."""
        files = self.found.files
        known = digests if digests is not None else self._remembered()
        if known:
            missing = await self._announced(draft, known)
            wanted = {
                digest: f for f in files if (digest := known.get(f.path)) in missing
            }  # of equal ones, one
            files = [*wanted.values(), *(file for file in files if file.path not in known)]
            sent.files_done = sent.files - len(files)
            sent.size_done = sent.size - sum(file.size for file in files)
        return files

    def _remembered(self) -> dict[str, str]:
        """Digests of files that were sent before, by an `add` that failed for instance, and have not changed."""
        found = ((file.path, self.cache.find(file.source, file.fingerprint)) for file in self.found.files)
        return {path: digest for path, digest in found if digest is not None}

    async def _announced(self, draft: str, digests: dict[str, str]) -> set[str]:
        missing: list[str] = []
        files = [file for file in self.found.files if file.path in digests]
        for start in range(0, len(files), ANNOUNCED):
            listed = [
                {"path": f.path, "size": f.size, "digest": digests[f.path], "executable": f.executable}
                for f in files[start : start + ANNOUNCED]
            ]
            request = self.api.request("POST", f"{draft}/manifest", body={"files": listed}, timeout_s=300)
            missing = (await self.api.send(request)).json()["missing"]
        return set(missing)
