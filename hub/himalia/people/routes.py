"""HTTP for people."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.access import CurrentAccess, GatedRoute
from himalia.core.database import Database
from himalia.core.errors import NotFound
from himalia.core.schema import Items, Who
from himalia.people.schema import Revoked, WhoAmI
from himalia.projects import service as projects_service
from himalia.tokens.routes import TokenParts

router = APIRouter(tags=["people"], route_class=GatedRoute)


@router.get("/whoami", operation_id="whoami")
async def whoami(access: CurrentAccess, request: Request) -> WhoAmI:
    """Who you are, what this credential may do, and your personal project."""
    database: Database = request.app.state.database
    person, limit = access.person, access.identity.project
    own = await database.read(lambda c: projects_service.personal(c, person.id))
    if own is None:
        own = await database.write(lambda tx: projects_service.ensure_personal(tx, person))
    limited = await database.read(lambda c: projects_service.by_id(c, limit)) if limit else None
    return WhoAmI(
        person=Who(id=person.id, name=person.name),
        groups=list(person.groups),
        credential=access.identity.kind,
        scopes=sorted(access.identity.scopes),
        personal_project=own["name"],
        project=limited["name"] if limited else None,
    )


@router.get("/people", operation_id="people.search")
async def search(
    access: CurrentAccess, request: Request, text: Annotated[str, Query(max_length=100)] = ""
) -> Items[Who]:
    """People whose name begins with `text`, to add them to a project."""
    database: Database = request.app.state.database

    def work(connection: Connection) -> list[Who]:
        return [Who(id=one.id, name=one.name) for one in people.search(connection, text)]

    return Items[Who](items=await database.read(work))


@router.delete("/people/{name}/tokens", operation_id="people.revoke")
async def revoke(access: CurrentAccess, request: Request, name: str) -> Revoked:
    """Revoke every access token of a person, and those that they made for endpoints; for administrators, when an
    account is disabled."""
    parts: TokenParts = request.app.state.tokens
    by = access.identity.person.id if access.identity.person else None
    person = await parts.database.read(lambda c: people.named(c, name))
    if person is None:
        raise NotFound(f"Nobody named {name} has signed in yet.")
    count = await parts.database.write(lambda tx: parts.tokens.delete_all(tx, person.id, by))
    return Revoked(tokens=count)
