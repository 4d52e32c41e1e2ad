"""HTTP for models, their versions, aliases and evaluations."""

from __future__ import annotations

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from sqlalchemy.engine import Connection

from himalia.core.access import GatedRoute, InProject
from himalia.core.errors import NotFound, WrongState
from himalia.core.idempotency import fingerprint
from himalia.core.pagination import LARGEST, Page, label_filter
from himalia.core.schema import Items
from himalia.datasets import files
from himalia.datasets.schema import FileList
from himalia.models import read
from himalia.models.card import markdown
from himalia.models.evaluations import Evaluations
from himalia.models.schema import (
    Alias,
    AliasSet,
    Card,
    CardSet,
    Evaluation,
    EvaluationCreate,
    Model,
    ModelCreate,
    ModelUpdate,
    ModelVersion,
    ModelVersionCreate,
    ModelVersionUpdate,
)
from himalia.models.service import By, Models
from himalia.snapshots.serve import SANDBOXED, file_response, tar_pieces
from himalia.storage.trees import Tree

router = APIRouter(prefix="/projects/{project}/models", tags=["models"], route_class=GatedRoute)


async def _models(request: Request) -> Models:
    service: Models = request.app.state.models
    return service


async def _evaluations(request: Request) -> Evaluations:
    service: Evaluations = request.app.state.evaluations
    return service


Service = Annotated[Models, Depends(_models)]
Found = Annotated[Evaluations, Depends(_evaluations)]
Wanted = Annotated[str, Path(max_length=40, description="A number, an alias, or latest.")]
Limit = Annotated[int, Query(ge=1, le=LARGEST)]
Etag = Annotated[str | None, Header(alias="If-Match")]
Key = Annotated[
    str | None,
    Header(alias="Idempotency-Key", min_length=1, max_length=255, description="Same key, same version."),
]


@router.get("", operation_id="models.list")
async def list_models(
    access: InProject,
    models: Service,
    text: Annotated[str | None, Query(max_length=100, description="Part of the name.")] = None,
    label: Annotated[list[str] | None, Query(max_length=20, description="key=value")] = None,
    limit: Limit = 50,
    page_token: str | None = None,
) -> Items[Model]:
    """The project's models, newest first."""
    labels = [label_filter(one) for one in label or []]
    project, page = access.in_project, Page(limit, page_token)

    def work(connection: Connection) -> Items[Model]:
        rows, token = read.page_of(connection, project["id"], page, text=text, labels=labels)
        shown = read.show(connection, rows, project["name"])
        return Items[Model].model_construct(items=shown, next_page_token=token)

    return await models.database.read(work)


@router.post("", operation_id="models.create", status_code=201)
async def create(access: InProject, models: Service, body: ModelCreate) -> Model:
    """Make a model, which has no versions yet."""
    return await models.create(By.of(access), body)


@router.get("/{model}", operation_id="models.get")
async def get(access: InProject, models: Service, model: str) -> Model:
    """One model."""
    return await models.get(By.of(access), model)


@router.patch("/{model}", operation_id="models.update")
async def update(
    access: InProject, models: Service, model: str, body: ModelUpdate, if_match: Etag = None
) -> Model:
    """Label or describe a model."""
    return await models.update(By.of(access), model, body, if_match)


@router.delete("/{model}", operation_id="models.delete", status_code=204)
async def delete(access: InProject, models: Service, model: str) -> Response:
    """Delete a model with all its versions, for good. Refused while an endpoint serves one."""
    await models.delete(By.of(access), model)
    return Response(status_code=204)


@router.get("/{model}/versions", operation_id="models.versions")
async def list_versions(
    access: InProject, models: Service, model: str, limit: Limit = 50, page_token: str | None = None
) -> Items[ModelVersion]:
    """The model's versions, newest first."""
    project, page = access.in_project, Page(limit, page_token)

    def work(connection: Connection) -> Items[ModelVersion]:
        row = read.find(connection, project["id"], model)
        rows, token = read.versions_page(connection, row.id, page)
        shown = read.show_versions(connection, rows, row, project["name"])
        return Items[ModelVersion].model_construct(items=shown, next_page_token=token)

    return await models.database.read(work)


@router.post("/{model}/versions", operation_id="models.register", status_code=201)
async def register(
    access: InProject,
    models: Service,
    request: Request,
    response: Response,
    model: str,
    body: ModelVersionCreate,
    key: Key = None,
) -> ModelVersion:
    """Register a version: a model that a job or a trial left, or that MLflow logged.

    With an Idempotency-Key that came before, 200 and the same version.
    """
    place = f"{access.in_project['id']}/{model}"
    mark = fingerprint("models.register", place, await request.body())
    version, is_new = await models.register(By.of(access), model, body, key, mark)
    if not is_new:
        response.status_code = 200
    return version


@router.get("/{model}/versions/{version}", operation_id="models.version")
async def version(access: InProject, models: Service, model: str, version: Wanted) -> ModelVersion:
    """One version."""
    return await models.version(By.of(access), model, version)


@router.patch("/{model}/versions/{version}", operation_id="models.update_version")
async def update_version(
    access: InProject,
    models: Service,
    model: str,
    version: Wanted,
    body: ModelVersionUpdate,
    if_match: Etag = None,
) -> ModelVersion:
    """Describe a version."""
    return await models.update_version(By.of(access), model, version, body, if_match)


@router.delete("/{model}/versions/{version}", operation_id="models.delete_version", status_code=204)
async def delete_version(access: InProject, models: Service, model: str, version: Wanted) -> Response:
    """Delete a version and its aliases, for good. Refused while an endpoint serves it."""
    await models.delete_version(By.of(access), model, version)
    return Response(status_code=204)


@router.put("/{model}/aliases/{alias}", operation_id="models.set_alias")
async def set_alias(
    access: InProject, models: Service, model: str, alias: Alias, body: AliasSet
) -> ModelVersion:
    """Let an alias stand for a version, whatever it stood for before."""
    return await models.set_alias(By.of(access), model, alias, body.version)


@router.delete("/{model}/aliases/{alias}", operation_id="models.remove_alias", status_code=204)
async def remove_alias(access: InProject, models: Service, model: str, alias: str) -> Response:
    """Forget an alias; its version stays."""
    await models.remove_alias(By.of(access), model, alias)
    return Response(status_code=204)


@router.get("/{model}/versions/{version}/card", operation_id="models.card")
async def card(access: InProject, models: Service, model: str, version: Wanted) -> Card:
    """The version's card: its description, metrics, inputs and outputs, and where it came from, as Markdown."""
    shown = await models.version(By.of(access), model, version)
    return Card(description=shown.spec.description, markdown=markdown(shown))


@router.put("/{model}/versions/{version}/card", operation_id="models.set_card")
async def set_card(
    access: InProject, models: Service, model: str, version: Wanted, body: CardSet, if_match: Etag = None
) -> Card:
    """Write the version's description; the rest of the card is made of what is known."""
    change = ModelVersionUpdate(description=body.description)
    shown = await models.update_version(By.of(access), model, version, change, if_match)
    return Card(description=shown.spec.description, markdown=markdown(shown))


async def _tree(access: InProject, models: Service, model: str, version: Wanted) -> Tree:
    """The version's files."""
    project_id = access.in_project["id"]

    def work(connection: Connection) -> str:
        row = read.find_version(connection, read.find(connection, project_id, model), version)
        if row.tree is None:
            raise WrongState(f"The files of {model}@{row.number} are not here. {row.problem}")
        return str(row.tree)

    digest = await models.database.read(work)
    return await asyncio.to_thread(models.snapshots.tree, digest)


InTree = Annotated[Tree, Depends(_tree)]


@router.get("/{model}/versions/{version}/files", operation_id="models.files")
async def list_files(
    tree: InTree,
    prefix: Annotated[str, Query(max_length=1024, description="What their paths begin with.")] = "",
    limit: Annotated[int, Query(ge=1, le=files.LARGEST_PAGE)] = 200,
    page_token: Annotated[str | None, Query(max_length=2000)] = None,
) -> FileList:
    """The version's files, in the order of their paths."""
    return await asyncio.to_thread(files.listed, tree, prefix, False, limit, page_token)


@router.get(
    "/{model}/versions/{version}/files/{path:path}",
    operation_id="models.file",
    response_class=Response,
    responses={206: {"description": "The bytes that the header Range asked for."}},
)
async def file(
    models: Service,
    tree: InTree,
    path: str,
    download: Annotated[bool, Query(description="As a file to be saved.")] = False,
    part: Annotated[str | None, Header(alias="Range", description="Only these bytes.")] = None,
) -> Response:
    """One file, as bytes."""
    one = files.file_of(tree, path)
    return file_response(models.snapshots.store, path, one.digest, one.size, download=download, wanted=part)


@router.get(
    "/{model}/versions/{version}/download",
    operation_id="models.download",
    response_class=Response,
    responses={200: {"content": {"application/x-tar": {}}}},
)
async def download(models: Service, tree: InTree, model: str, version: Wanted) -> Response:
    """The whole model folder as a tar."""
    return _tar(models, tree, f"{model}-{version}.tar")


@router.get(
    "/{model}/versions/{version}/code",
    operation_id="models.code",
    response_class=Response,
    responses={200: {"content": {"application/x-tar": {}}}},
)
async def code(access: InProject, models: Service, model: str, version: Wanted) -> Response:
    """The code of the job that made the version as a tar."""
    shown = await models.version(By.of(access), model, version)
    source = shown.spec.source
    if source.code is None or source.code.snapshot is None:
        raise NotFound(f"No folder of code is known for {shown.name}.")
    tree = await asyncio.to_thread(models.snapshots.tree, source.code.snapshot)
    return _tar(models, tree, f"{model}-{shown.number}-code.tar")


def _tar(models: Models, tree: Tree, name: str) -> Response:
    headers = {**SANDBOXED, "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name)}"}
    pieces = tar_pieces(tree, models.snapshots.store)
    return StreamingResponse(pieces, media_type="application/x-tar", headers=headers)


@router.post("/{model}/versions/{version}/evaluate", operation_id="models.evaluate", status_code=201)
async def evaluate(
    access: InProject, found: Found, model: str, version: Wanted, body: EvaluationCreate
) -> Evaluation:
    """Evaluate the version on a table of a dataset, by a job in the model's environment."""
    return await found.create(access, model, version, body)


@router.get("/{model}/versions/{version}/evaluations", operation_id="models.evaluations")
async def list_evaluations(access: InProject, found: Found, model: str, version: Wanted) -> Items[Evaluation]:
    """The version's evaluations, newest first, with metrics and the pictures and tables that they left."""
    return await found.list(access, model, version)
