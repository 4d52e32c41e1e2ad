"""HTTP for datasets, their versions and aliases."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.engine import Connection

from himalia.core.access import Access, GatedRoute, InProject
from himalia.core.idempotency import fingerprint
from himalia.core.pagination import LARGEST, Page, label_filter
from himalia.core.schema import Items
from himalia.datasets import files, read
from himalia.datasets.checkouts import Checkouts
from himalia.datasets.checks import Checks
from himalia.datasets.files import LARGEST_PAGE
from himalia.datasets.kept import KeptOutputs
from himalia.datasets.schema import (
    Alias,
    AliasSet,
    Check,
    Checkout,
    CheckoutCreate,
    Dataset,
    DatasetCreate,
    DatasetUpdate,
    Diff,
    FileList,
    Version,
    VersionCreate,
)
from himalia.datasets.service import Datasets
from himalia.projects.schema import Restore
from himalia.snapshots.serve import file_response

router = APIRouter(prefix="/projects/{project}/datasets", tags=["datasets"], route_class=GatedRoute)


async def _datasets(request: Request) -> Datasets:
    service: Datasets = request.app.state.datasets
    return service


async def _kept(request: Request) -> KeptOutputs:
    service: KeptOutputs = request.app.state.kept_outputs
    return service


async def _checkouts(request: Request) -> Checkouts:
    service: Checkouts = request.app.state.checkouts
    return service


async def _checks(request: Request) -> Checks:
    service: Checks = request.app.state.checks
    return service


Service = Annotated[Datasets, Depends(_datasets)]
CheckService = Annotated[Checks, Depends(_checks)]
KeptService = Annotated[KeptOutputs, Depends(_kept)]
CheckoutService = Annotated[Checkouts, Depends(_checkouts)]
Key = Annotated[str | None, Header(alias="Idempotency-Key", description="Same key, same thing.")]
Wanted = Annotated[str, Path(max_length=40, description="A number, an alias, or latest.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST)]
FileLimit = Annotated[int, Query(ge=1, le=LARGEST_PAGE)]


@router.get("", operation_id="datasets.list")
async def list_datasets(
    access: InProject,
    datasets: Service,
    text: Annotated[str | None, Query(max_length=100, description="Part of the name.")] = None,
    label: Annotated[list[str] | None, Query(max_length=20, description="key=value")] = None,
    deleted: Annotated[bool, Query(description="Deleted ones that can be restored.")] = False,
    limit: Limit = 50,
    page_token: str | None = None,
) -> Items[Dataset]:
    """The project's datasets, newest first."""
    labels = [label_filter(one) for one in label or []]
    project, page = access.in_project, Page(limit, page_token)

    def work(connection: Connection) -> Items[Dataset]:
        rows, token = read.page_of(connection, project["id"], page, text=text, labels=labels, deleted=deleted)
        shown = read.show(connection, rows, project["name"])
        return Items[Dataset].model_construct(items=shown, next_page_token=token)

    return await datasets.database.read(work)


@router.post("", operation_id="datasets.create", status_code=201)
async def create(
    access: InProject,
    datasets: Service,
    request: Request,
    response: Response,
    body: DatasetCreate,
    key: Key = None,
) -> Dataset:
    """Make a dataset, which has no versions yet. With an Idempotency-Key that came before, 200 and the same one."""
    mark = fingerprint("datasets.create", access.in_project["id"], await request.body())
    dataset, is_new = await datasets.create(access, body, key, mark)
    if not is_new:
        response.status_code = 200
    return dataset


@router.get("/{dataset}", operation_id="datasets.get")
async def get(access: InProject, datasets: Service, dataset: str) -> Dataset:
    """One dataset."""
    return await datasets.get(access, dataset)


@router.patch("/{dataset}", operation_id="datasets.update")
async def update(
    access: InProject,
    datasets: Service,
    dataset: str,
    body: DatasetUpdate,
    if_match: Annotated[str | None, Header()] = None,
) -> Dataset:
    """Rename, label or describe a dataset."""
    return await datasets.update(access, dataset, body, if_match)


@router.delete("/{dataset}", operation_id="datasets.delete", status_code=204)
async def delete(access: InProject, datasets: Service, dataset: str, cascade: bool = False) -> Response:
    """Delete a dataset; it can be restored for 30 days. Refused while something uses a version, unless `cascade`."""
    await datasets.delete(access, dataset, cascade)
    return Response(status_code=204)


@router.post("/{dataset}/restore", operation_id="datasets.restore")
async def restore(access: InProject, datasets: Service, dataset: str, body: Restore) -> Dataset:
    """Bring back a deleted dataset, by name or id."""
    return await datasets.restore(access, dataset, body.name)


@router.get("/{dataset}/versions", operation_id="datasets.versions")
async def list_versions(
    access: InProject,
    datasets: Service,
    dataset: str,
    deleted: Annotated[bool, Query(description="Deleted ones that can be restored.")] = False,
    limit: Limit = 50,
    page_token: str | None = None,
) -> Items[Version]:
    """The dataset's versions, newest first."""
    project, page = access.in_project, Page(limit, page_token)

    def work(connection: Connection) -> Items[Version]:
        row = read.find(connection, project["id"], dataset)
        rows, token = read.versions_page(connection, row.id, page, deleted)
        shown = read.show_versions(connection, rows, row, project["name"])
        return Items[Version].model_construct(items=shown, next_page_token=token)

    return await datasets.database.read(work)


@router.post("/{dataset}/versions", operation_id="datasets.add_version", status_code=201)
async def add_version(
    access: InProject,
    kept: KeptService,
    request: Request,
    response: Response,
    dataset: str,
    body: VersionCreate,
    key: Key = None,
) -> Version:
    """Make a version of files that a job left. With an Idempotency-Key that came before, 200 and the same one."""
    mark = fingerprint(f"datasets.add_version {dataset}", access.in_project["id"], await request.body())
    version, is_new = await kept.create(access, dataset, body, key, mark)
    if not is_new:
        response.status_code = 200
    return version


@router.get("/{dataset}/versions/{version}", operation_id="datasets.version")
async def version(access: InProject, datasets: Service, dataset: str, version: Wanted) -> Version:
    """One version."""
    return await datasets.version(access, dataset, version)


@router.delete("/{dataset}/versions/{version}", operation_id="datasets.delete_version", status_code=204)
async def delete_version(
    access: InProject, datasets: Service, dataset: str, version: Wanted, cascade: bool = False
) -> Response:
    """Delete a version and its aliases. Refused while something uses it, unless `cascade`."""
    await datasets.delete_version(access, dataset, version, cascade)
    return Response(status_code=204)


@router.post("/{dataset}/versions/{version}/restore", operation_id="datasets.restore_version")
async def restore_version(
    access: InProject, datasets: Service, dataset: str, version: Annotated[int, Path(ge=1, le=2**31 - 1)]
) -> Version:
    """Bring back a deleted version, by its number."""
    return await datasets.restore_version(access, dataset, version)


@router.post("/{dataset}/versions/{version}/verify", operation_id="datasets.verify", status_code=202)
async def verify(access: InProject, checks: CheckService, dataset: str, version: Wanted) -> Check:
    """Have all files of the version read again, and compared with what was stored."""
    return await checks.begin(access, dataset, version)


@router.get("/{dataset}/versions/{version}/verify", operation_id="datasets.verified")
async def verified(access: InProject, checks: CheckService, dataset: str, version: Wanted) -> Check:
    """How the version's last verification stands, or how it ended."""
    return await checks.get(access, dataset, version)


@router.post("/{dataset}/checkout", operation_id="datasets.checkout")
async def checkout(
    access: InProject, checkouts: CheckoutService, dataset: str, body: CheckoutCreate
) -> Checkout:
    """Lay a version out, read-only, where the project's notebook servers and jobs see it; says where."""
    return await checkouts.create(access, dataset, body.version)


@router.put("/{dataset}/aliases/{alias}", operation_id="datasets.set_alias")
async def set_alias(
    access: InProject, datasets: Service, dataset: str, alias: Alias, body: AliasSet
) -> Version:
    """Let an alias stand for a version, whatever it stood for before."""
    return await datasets.set_alias(access, dataset, alias, body.version)


@router.delete("/{dataset}/aliases/{alias}", operation_id="datasets.remove_alias", status_code=204)
async def remove_alias(access: InProject, datasets: Service, dataset: str, alias: str) -> Response:
    """Forget an alias; its version stays."""
    await datasets.remove_alias(access, dataset, alias)
    return Response(status_code=204)


@router.get("/{dataset}/versions/{version}/files", operation_id="datasets.files")
async def list_files(
    access: InProject,
    datasets: Service,
    dataset: str,
    version: Wanted,
    prefix: Annotated[str, Query(max_length=1024, description="What their paths begin with.")] = "",
    by_folder: Annotated[
        bool, Query(description="Only files directly below `prefix`, and the folders beside them.")
    ] = False,
    limit: FileLimit = 200,
    page_token: Annotated[str | None, Query(max_length=2000)] = None,
) -> FileList:
    """The version's files, in the order of their paths."""
    found = await _resolved(access, datasets, dataset, version)
    tree = await asyncio.to_thread(datasets.tree, found.tree)
    return await asyncio.to_thread(files.listed, tree, prefix, by_folder, limit, page_token)


async def _resolved(access: Access, datasets: Datasets, dataset: str, version: str) -> read.Resolved:
    project_id = access.in_project["id"]
    return await datasets.database.read(lambda c: read.resolve(c, project_id, f"{dataset}@{version}"))


@router.get(
    "/{dataset}/versions/{version}/files/{path:path}",
    operation_id="datasets.file",
    response_class=Response,
    responses={206: {"description": "The bytes that the header Range asked for."}},
)
async def file(
    access: InProject,
    datasets: Service,
    dataset: str,
    version: Wanted,
    path: str,
    download: Annotated[bool, Query(description="As a file to be saved.")] = False,
    part: Annotated[str | None, Header(alias="Range", description="Only these bytes.")] = None,
) -> Response:
    """One file, as bytes."""
    found = await _resolved(access, datasets, dataset, version)
    tree = await asyncio.to_thread(datasets.tree, found.tree)
    one = files.file_of(tree, path)
    store = datasets.snapshots.store
    return file_response(store, path, one.digest, one.size, download=download, wanted=part)


@router.get("/{dataset}/versions/{version}/diff", operation_id="datasets.diff")
async def diff(
    access: InProject,
    datasets: Service,
    dataset: str,
    version: Wanted,
    from_version: Annotated[
        str | None,
        Query(alias="from", max_length=40, description="The other version; the one before when left out."),
    ] = None,
    limit: FileLimit = 200,
    page_token: Annotated[str | None, Query(max_length=2000)] = None,
) -> Diff:
    """What became of the files of another version in this one."""
    new = await _resolved(access, datasets, dataset, version)
    if from_version is None:
        before = await datasets.database.read(
            lambda c: read.version_before(c, access.in_project["id"], dataset, new.version)
        )
        from_version = str(before)
    old = await _resolved(access, datasets, dataset, from_version)

    def work() -> Diff:
        numbers = old.version, new.version
        return files.compared(datasets.tree(old.tree), datasets.tree(new.tree), numbers, limit, page_token)

    return await asyncio.to_thread(work)
