"""HTTP for drafts: versions that are being made."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from himalia.core.access import CurrentAccess, GatedRoute, InProject
from himalia.core.idempotency import fingerprint
from himalia.core.pagination import Page
from himalia.core.schema import Items
from himalia.datasets import files
from himalia.datasets.drafts import Drafts
from himalia.datasets.imports import Imports
from himalia.datasets.routes import FileLimit, Key, Limit
from himalia.datasets.schema import (
    Announcement,
    Bundle,
    Draft,
    DraftCommit,
    DraftCreate,
    DraftUpdate,
    FileList,
    Import,
    ImportCreate,
    Missing,
    Version,
)
from himalia.datasets.uploads import VERSION, Uploads, check_version

router = APIRouter(
    prefix="/projects/{project}/datasets/{dataset}/drafts", tags=["datasets"], route_class=GatedRoute
)

paths_router = APIRouter(tags=["datasets"], route_class=GatedRoute)


async def _drafts(request: Request) -> Drafts:
    service: Drafts = request.app.state.drafts
    return service


async def _uploads(request: Request) -> Uploads:
    service: Uploads = request.app.state.uploads
    return service


async def _imports(request: Request) -> Imports:
    service: Imports = request.app.state.imports
    return service


Service = Annotated[Drafts, Depends(_drafts)]
ImportService = Annotated[Imports, Depends(_imports)]
UploadService = Annotated[Uploads, Depends(_uploads)]
Resumable = Annotated[str | None, Header(alias="Tus-Resumable", description="1.0.0")]
Length = Annotated[
    int | None, Header(alias="Upload-Length", ge=0, le=2**53, description="Bytes of the file.")
]


@router.get("", operation_id="drafts.list")
async def list_drafts(
    access: InProject, drafts: Service, dataset: str, limit: Limit = 50, page_token: str | None = None
) -> Items[Draft]:
    """The dataset's drafts, everybody's, newest first."""
    return await drafts.page_of(access, dataset, Page(limit, page_token))


@router.post("", operation_id="drafts.create", status_code=201)
async def create(access: InProject, drafts: Service, dataset: str, body: DraftCreate) -> Draft:
    """Begin a new version: empty, or from the files of one that is there."""
    return await drafts.create(access, dataset, body)


@router.get("/{draft}", operation_id="drafts.get")
async def get(access: InProject, drafts: Service, dataset: str, draft: str) -> Draft:
    """One draft."""
    return await drafts.get(access, dataset, draft)


@router.get("/{draft}/files", operation_id="drafts.files")
async def list_files(
    access: InProject,
    drafts: Service,
    dataset: str,
    draft: str,
    prefix: Annotated[str, Query(max_length=1024, description="What their paths begin with.")] = "",
    by_folder: Annotated[
        bool, Query(description="Only files directly below `prefix`, and the folders beside them.")
    ] = False,
    limit: FileLimit = 200,
    page_token: Annotated[str | None, Query(max_length=2000)] = None,
) -> FileList:
    """The files that a version would have if the draft were committed now."""
    tree = await drafts.tree(access, dataset, draft)
    return await asyncio.to_thread(files.listed, tree, prefix, by_folder, limit, page_token)


@router.post("/{draft}/manifest", operation_id="drafts.announce")
async def announce(
    access: InProject, drafts: Service, dataset: str, draft: str, body: Announcement
) -> Missing:
    """Add files by their digests. Send the bytes that the answer names, then commit."""
    return await drafts.announce(access, dataset, draft, body)


@router.put("/{draft}/bundle", operation_id="drafts.bundle")
async def bundle(access: InProject, drafts: Service, request: Request, dataset: str, draft: str) -> Bundle:
    """Add many small files in one body: the length of a JSON list as 4 bytes, that list, and the files' bytes."""
    return await drafts.receive(access, dataset, draft, request.stream())


@router.post("/{draft}/files", operation_id="uploads.create", status_code=201, response_class=Response)
async def create_upload(
    access: InProject,
    uploads: UploadService,
    request: Request,
    dataset: str,
    draft: str,
    length: Length = None,
    metadata: Annotated[
        str, Header(alias="Upload-Metadata", max_length=8192, description="path, and executable if it is.")
    ] = "",
    version: Resumable = None,
) -> Response:
    """Begin a resumable upload of one file (tus 1.0.0); the header Location says where to send its bytes."""
    check_version(version)
    upload = await uploads.create(access, dataset, draft, length, metadata)
    headers = {"Location": f"{request.url.path}/{upload}", "Tus-Resumable": VERSION}
    return Response(status_code=201, headers=headers)


@router.head("/{draft}/files/{upload}", operation_id="uploads.state", response_class=Response)
async def upload_state(
    access: InProject,
    uploads: UploadService,
    dataset: str,
    draft: str,
    upload: str,
    version: Resumable = None,
) -> Response:
    """How much of an upload is there, in the header Upload-Offset."""
    check_version(version)
    return Response(headers=(await uploads.state(access, dataset, draft, upload)).headers())


@router.patch(
    "/{draft}/files/{upload}", operation_id="uploads.append", status_code=204, response_class=Response
)
async def append(
    access: InProject,
    uploads: UploadService,
    request: Request,
    dataset: str,
    draft: str,
    upload: str,
    offset: Annotated[int, Header(alias="Upload-Offset", ge=0, le=2**53)],
    descriptor: Annotated[
        str | None,
        Header(
            alias="Himalia-Descriptor",
            max_length=32,
            description="Instead of a body: the name of an open file that was handed over on this machine.",
        ),
    ] = None,
    version: Resumable = None,
) -> Response:
    """Send bytes of a file, from where the upload is. What has arrived stays when the connection breaks."""
    check_version(version)
    state = await uploads.append(access, dataset, draft, upload, offset, request.stream(), descriptor)
    return Response(status_code=204, headers=state.headers())


@router.delete(
    "/{draft}/files/{upload}", operation_id="uploads.delete", status_code=204, response_class=Response
)
async def delete_upload(
    access: InProject,
    uploads: UploadService,
    dataset: str,
    draft: str,
    upload: str,
    version: Resumable = None,
) -> Response:
    """Forget an upload, and what has arrived of it."""
    check_version(version)
    await uploads.delete(access, dataset, draft, upload)
    return Response(status_code=204, headers={"Tus-Resumable": VERSION})


@router.patch("/{draft}", operation_id="drafts.update")
async def update(access: InProject, drafts: Service, dataset: str, draft: str, body: DraftUpdate) -> Draft:
    """Remove files, and folders with all that is in them."""
    return await drafts.update(access, dataset, draft, body)


@router.post("/{draft}/commit", operation_id="drafts.commit", status_code=201)
async def commit(
    access: InProject,
    drafts: Service,
    request: Request,
    response: Response,
    dataset: str,
    draft: str,
    body: DraftCommit,
    key: Key = None,
) -> Version:
    """Make the draft a version. 200 with the version that is there, if the draft changes nothing of it."""
    mark = fingerprint(f"drafts.commit {draft}", access.in_project["id"], await request.body())
    version, is_new = await drafts.commit(access, dataset, draft, body, key, mark)
    if not is_new:
        response.status_code = 200
    return version


@router.post("/{draft}/import", operation_id="drafts.import", status_code=202)
async def begin_import(
    access: InProject, imports: ImportService, dataset: str, draft: str, body: ImportCreate
) -> Import:
    """Bring files into the draft: those of an archive in it, or of a folder of the machine that is open for that."""
    return await imports.begin(access, dataset, draft, body)


@router.post("/{draft}/imports/{import_id}/stop", operation_id="drafts.stop_import")
async def stop_import(
    access: InProject, imports: ImportService, dataset: str, draft: str, import_id: str
) -> Import:
    """End an import. The draft stays as it was before it."""
    return await imports.stop(access, dataset, draft, import_id)


@router.delete("/{draft}", operation_id="drafts.delete", status_code=204)
async def delete(access: InProject, drafts: Service, dataset: str, draft: str) -> Response:
    """Forget a draft, and what was uploaded for it."""
    await drafts.delete(access, dataset, draft)
    return Response(status_code=204)


@paths_router.get("/import-paths", operation_id="drafts.import_paths")
async def import_paths(access: CurrentAccess, imports: ImportService) -> Items[str]:
    """The folders of the platform's machine that are open for imports; none where the administrator opened none."""
    return Items[str](items=list(imports.opened), next_page_token=None)
