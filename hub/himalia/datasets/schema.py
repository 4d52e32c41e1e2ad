"""What the API shows of datasets."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from himalia.core.schema import Body, FilePath, Labels, Name, Who, compose, sound_text
from himalia.datasets.preview import Preview
from himalia.storage.trees import BadPathError, validate_path

LATEST = "latest"
"""The alias that always is there: the version with the highest number."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, AfterValidator(sound_text)]


def _not_a_number(name: str) -> str:
    if name.isdigit() or name == LATEST:
        raise ValueError(f"must be neither a number nor “{LATEST}”, which name versions by themselves")
    return name


Alias = Annotated[Name, AfterValidator(_not_a_number)]


class DatasetSpec(Body):
    """What a dataset is about. `description` is Markdown; `license` an SPDX identifier or a URL."""

    title: Annotated[Text, Field(max_length=200)] = ""
    description: Annotated[Text, Field(max_length=50_000)] = ""
    license: Annotated[Text, Field(max_length=200)] = ""
    keywords: Annotated[list[Annotated[Text, Field(max_length=100)]], Field(max_length=50)] = Field(
        default_factory=list
    )


class LatestVersion(BaseModel):
    number: int
    files: int
    size: int
    created_at: datetime


class DatasetStatus(BaseModel):
    """What was seen. `aliases` names the number of the version that each stands for."""

    versions: int
    latest: LatestVersion | None
    aliases: dict[str, int]
    deleted_at: datetime | None


class Dataset(BaseModel):
    """A dataset: a name for versions of files."""

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


class DatasetCreate(Body):
    name: Name
    labels: Labels = Field(default_factory=dict)
    spec: DatasetSpec = Field(default_factory=DatasetSpec)


class DatasetUpdate(Body):
    name: Name | None = None
    labels: Labels | None = None
    spec: DatasetSpec | None = None


class VersionSpec(BaseModel):
    """What was said when the version was made."""

    note: str


class VersionStatus(BaseModel):
    """What is in it. `digest` is of its manifest: equal digests, equal files."""

    files: int
    size: int
    digest: str
    aliases: list[str]
    source_job: str | None
    deleted_at: datetime | None


class Version(BaseModel):
    """An immutable set of files; `name` is `<dataset>@<number>`."""

    id: str
    name: str
    project: str
    dataset: str
    number: int
    spec: VersionSpec
    status: VersionStatus
    created_at: datetime
    created_by: Who


class VersionCreate(Body):
    """A version of files that a job left: those below the folder `path` of its outputs, or all of them."""

    from_job: Name
    path: Annotated[str, Field(max_length=1024)] = ""
    attempt: Annotated[int | None, Field(ge=1, le=2**31 - 1)] = None
    note: Annotated[Text, Field(max_length=5000)] = ""


class AliasSet(Body):
    """The version that the alias is to stand for."""

    version: Annotated[int, Field(ge=1, le=2**31 - 1)]


class DatasetFile(BaseModel):
    """A file of a version or a draft; `digest` is the BLAKE3 of its bytes in hexadecimal."""

    path: str
    size: int
    digest: str
    executable: bool
    media_type: str


class Folder(BaseModel):
    """What is below a folder, all levels together."""

    path: str
    files: int
    size: int


class FileList(BaseModel):
    """Files in the order of their paths; `folders` only where they were asked for."""

    items: list[DatasetFile]
    folders: list[Folder]
    next_page_token: str | None


class ChangedFile(BaseModel):
    """A file that differs; sizes are null where it is not there."""

    path: str
    change: Literal["added", "removed", "changed"]
    old_size: int | None
    new_size: int | None


class Changes(BaseModel):
    files: int
    size: int


class Diff(BaseModel):
    """What became of the files of one version in another; `size` counts the bytes of those files."""

    from_number: int
    to_number: int
    added: Changes
    removed: Changes
    changed: Changes
    unchanged: Changes
    items: list[ChangedFile]
    next_page_token: str | None


class PreviewShown(BaseModel):
    """`state` is MISSING where nobody looked, then the task's, and SUCCEEDED with the `preview`; until then
    `message` and `fraction` say how it stands. A version whose preview FAILED is whole all the same."""

    state: Literal["MISSING", "QUEUED", "STARTING", "RUNNING", "STOPPING", "SUCCEEDED", "FAILED", "STOPPED"]
    message: str | None = None
    fraction: float | None = None
    preview: Preview | None = None


class Check(BaseModel):
    """How a version's last verification stands: `intact` is null until it has ended well; `damaged` files have other
    bytes now, are gone, or were not there."""

    state: str
    message: str | None
    intact: bool | None
    damaged: list[ChangedFile]
    began_at: datetime
    ended_at: datetime | None


class CheckoutCreate(Body):
    """The version to lay out, by number or alias; the latest when left out."""

    version: Annotated[str, Field(max_length=40)] | None = None


class Checkout(BaseModel):
    """Where the files are, read-only: `path` inside notebook servers, `job_path` inside jobs."""

    version: Version
    path: str
    job_path: str


# Drafts


class DraftCreate(Body):
    """`base` is the version to begin from, by number or alias; without it, the draft begins empty.

    A `brief` one is a program's that fills and commits it at once: it goes after two hours without use, since a
    program that was killed does not come back for it.
    """

    base: Annotated[str, Field(max_length=40)] | None = None
    brief: bool = False


class UploadShown(BaseModel):
    """A file that is being uploaded; `offset` bytes of it are there."""

    id: str
    path: str
    size: int
    offset: int


class ImportCreate(Body):
    """What to bring into a draft: a file of it that is an archive, which then goes, or a folder or file of the
    machine that is open for imports. `into` is the folder that it is put into."""

    archive: FilePath | None = None
    server_path: Annotated[Text, Field(min_length=1, max_length=4000)] | None = None
    into: Annotated[str, Field(max_length=1000), AfterValidator(compose)] = ""

    @model_validator(mode="after")
    def _one(self) -> ImportCreate:
        if (self.archive is None) == (self.server_path is None):
            raise ValueError("give either archive or server_path")
        if self.server_path is not None and not self.server_path.startswith("/"):
            raise ValueError("server_path must begin with “/”")
        return self

    @model_validator(mode="after")
    def _safe(self) -> ImportCreate:
        if self.into:
            try:
                validate_path(self.into)
            except BadPathError as error:
                raise ValueError(str(error)) from error
        return self


class Import(BaseModel):
    """Files on their way into a draft. What it does is told under the live topic `draft:<id>`; `message` says how
    it ended."""

    id: str
    archive: str | None
    server_path: str | None
    into: str
    state: str
    message: str | None
    created_at: datetime


class DraftStatus(BaseModel):
    """How the draft differs from its base, and what is on its way. `latest` is the newest version now."""

    base: int | None
    seen: int
    latest: int
    changed: Changes
    removed: int
    missing: int
    uploads: list[UploadShown]
    imports: list[Import]


class Draft(BaseModel):
    """A version that is being made. It stays until it is committed, deleted, or nobody has used it for long."""

    id: str
    project: str
    dataset: str
    status: DraftStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime


class DraftFile(Body):
    path: FilePath
    size: Annotated[int, Field(ge=0, le=2**53)]
    digest: Digest
    executable: bool = False


class Announcement(Body):
    """Files of the draft, whose bytes are sent only where the project has none like them."""

    files: Annotated[list[DraftFile], Field(max_length=100_000)]


class Missing(BaseModel):
    """Digests whose bytes still have to be sent, of all that was announced."""

    missing: list[str]


class DraftUpdate(Body):
    """Paths to remove: files, and folders with all that is in them."""

    remove: Annotated[list[FilePath], Field(max_length=10_000)]


class Bundle(BaseModel):
    """What arrived of a bundle."""

    files: int
    size: int


class DraftCommit(Body):
    """`onto`: `base` makes the version only while nobody else has made one since the draft was begun; `latest`
    lays the draft's changes over the newest version."""

    note: Annotated[Text, Field(max_length=5000)] = ""
    onto: Literal["base", "latest"] = "base"
    aliases: Annotated[list[Alias], Field(max_length=20)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _once(self) -> DraftCommit:
        if len(set(self.aliases)) != len(self.aliases):
            raise ValueError("an alias is named twice")
        return self
