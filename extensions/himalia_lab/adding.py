"""Files of the person on their way into a draft that the panel began: what the SDK's `add` does, in between."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from operator import itemgetter
from pathlib import Path

from himalia.client import config
from himalia.client.api import Api, escaped
from himalia.client.dataset_adding import Filling
from himalia.client.dataset_files import Collected, collect
from himalia.client.dataset_upload import Sent
from himalia.client.transport import AsyncTransport
from himalia_lab import files
from himalia_lab.errors import LabError, in_words

TELL_S = 0.25
"""Between two words on how far it is."""


def find(root: Path, paths: Sequence[str]) -> Collected:
    """What a dataset gets of the files and folders that Lab calls `paths`: of a single folder, what is in it.

    Raises LabError: as `files.inside`, 422 where there is nothing to add.
    """
    if not paths:
        raise LabError(422, "invalid", "Choose files or folders.")
    if root.resolve() in [files.inside(root, path) for path in paths]:
        raise LabError(
            422, "invalid", "Choose a folder or files in it: a whole home folder is not added as a dataset."
        )
    places = [root / path.strip("/") for path in paths]
    with in_words():
        parts = [collect(place) for place in places]
    return parts[0] if len(parts) == 1 else _together(places, parts)


def _together(places: Sequence[Path], parts: Sequence[Collected]) -> Collected:
    if len({place.name for place in places}) < len(places):
        raise LabError(
            422, "invalid", "Two of them have the same name. Choose files and folders of one folder."
        )
    found = Collected(str(places[0].parent.resolve()), [], [])
    for place, part in zip(places, parts, strict=True):
        above = f"{place.name}/" if place.is_dir() else ""
        found.files.extend(file._replace(path=above + file.path) for file in part.files)
        found.left_out.extend(above + path for path in part.left_out)
    found.files.sort(key=itemgetter(0))
    return found


async def fill(project: str, dataset: str, draft: str, found: Collected, token: str) -> AsyncGenerator[Sent]:
    """Bring the files into a draft, and tell how far it is until they are there. Raises LabError.

    A caller that leaves early ends it; what has arrived stays in the draft.
    """
    so_far = Sent(len(found.files), found.size)

    def tell(sent: Sent) -> None:
        nonlocal so_far
        so_far = sent

    with in_words():
        place = escaped("projects", project, "datasets", dataset)
        path = f"{place}/drafts{escaped(draft)}"
        transport = AsyncTransport(config.find_place(token=token))
        api = Api(transport.place, transport)
        filling = Filling(api, found, tell)
        work = asyncio.create_task(_fill(api, place, path, filling))
        try:
            while not work.done():
                yield so_far
                await asyncio.wait([work], timeout=TELL_S)
            await work
            yield so_far
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            await transport.close()


async def _fill(api: Api, dataset: str, draft: str, filling: Filling) -> None:
    latest = (await api.call("GET", dataset))["status"]["latest"]
    try:
        # Where there are versions, most of it is likely there: reading it is less than sending it.
        await filling.fill(draft, await filling.digests() if latest is not None else None)
    finally:
        await filling.remember()
