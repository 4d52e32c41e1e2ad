"""HTTP for secrets."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from himalia.core.access import GatedRoute, InProject
from himalia.core.database import Database
from himalia.core.schema import Items, VariableName
from himalia.secrets import service
from himalia.secrets.schema import Secret, SecretSet
from himalia.secrets.service import Secrets

router = APIRouter(prefix="/projects/{project}/secrets", tags=["secrets"], route_class=GatedRoute)


async def _parts(request: Request) -> tuple[Database, Secrets]:
    return request.app.state.database, request.app.state.secrets


Parts = Annotated[tuple[Database, Secrets], Depends(_parts)]


@router.get("", operation_id="secrets.list")
async def list_secrets(access: InProject, parts: Parts) -> Items[Secret]:
    """Names of the project's secrets. Values can be written, never read."""
    database, _ = parts
    project_id = access.in_project["id"]
    rows = await database.read(lambda c: service.list_secrets(c, project_id))
    return Items[Secret](items=[Secret.model_validate(row) for row in rows])


@router.put("/{name}", operation_id="secrets.set", status_code=204)
async def set_secret(access: InProject, parts: Parts, name: VariableName, body: SecretSet) -> Response:
    """Write a secret's value."""
    database, secrets = parts
    project, person, value = access.in_project, access.person.id, body.value.get_secret_value()
    await database.write(lambda tx: secrets.set(tx, project, name, value, person))
    return Response(status_code=204)


@router.delete("/{name}", operation_id="secrets.delete", status_code=204)
async def delete_secret(access: InProject, parts: Parts, name: VariableName) -> Response:
    """Remove a secret."""
    database, _ = parts
    project, person = access.in_project, access.person.id
    await database.write(lambda tx: service.delete(tx, project, name, person))
    return Response(status_code=204)
