"""HTTP for projects and their members."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.access import Access, CurrentAccess, GatedRoute, InProject
from himalia.core.database import Database, Transaction
from himalia.core.errors import Forbidden, NotFound, Unavailable
from himalia.core.idempotency import fingerprint, once
from himalia.core.identity import Credentials
from himalia.core.permissions import Role
from himalia.core.schema import Items
from himalia.engine.board import Board
from himalia.engine.states import HOLDING
from himalia.projects import service
from himalia.projects.schema import (
    Member,
    MemberKind,
    MemberRole,
    Project,
    ProjectCreate,
    ProjectStatus,
    ProjectUpdate,
    Restore,
)

router = APIRouter(prefix="/projects", tags=["projects"], route_class=GatedRoute)


class Projects:
    """What the routes need."""

    def __init__(self, database: Database, board: Board, retention_days: int) -> None:
        self.database = database
        self.board = board
        self.retention_days = retention_days
        self.delete_hooks: list[service.DeleteHook] = []
        self.access_hooks: list[service.AccessHook] = []
        self.purge_hooks: list[service.PurgeHook] = []

    def purge(self, tx: Transaction) -> int:
        """Empty a deleted project whose time is over: how many there were."""
        return service.purge(tx, self.retention_days, self.purge_hooks)

    def show(self, row: dict[str, Any], role: Role, names: dict[str, str]) -> Project:
        """A project as the API shows it."""
        active = [a for a in self.board.active.values() if a.project_id == row["id"]]
        running = sum(a.state in HOLDING for a in active)
        return Project(
            id=row["id"],
            name=row["name"],
            labels=row["labels"],
            spec={"title": row["title"], "description": row["description"]},
            status=ProjectStatus(
                personal=row["personal_of"] is not None,
                role=role.name,
                running=running,
                waiting=len(active) - running,
                deleted_at=row["deleted_at"],
            ),
            created_at=row["created_at"],
            created_by={"id": row["created_by"], "name": names.get(row["created_by"], "")},
            updated_at=row["updated_at"],
            etag=str(row["version"]),
        )


async def _projects(request: Request) -> Projects:
    projects: Projects = request.app.state.projects
    return projects


Service = Annotated[Projects, Depends(_projects)]
MemberName = Annotated[
    str, Path(min_length=1, max_length=255, description="A person's or a hub group's name; may hold slashes.")
]


@router.get("", operation_id="projects.list")
async def list_projects(
    access: CurrentAccess,
    projects: Service,
    deleted: Annotated[bool, Query(description="Deleted ones that can be restored.")] = False,
    everyone: Annotated[bool, Query(description="All projects; for administrators.")] = False,
) -> Items[Project]:
    """The projects that you are a member of, or with `everyone` all, which needs the scope admin."""
    person = access.person
    if everyone and "admin" not in access.identity.scopes:
        raise Forbidden("Everybody's projects are for administrators, with a token of the scope admin.")
    if await projects.database.read(lambda c: service.personal(c, person.id)) is None:
        await projects.database.write(lambda tx: service.ensure_personal(tx, person))

    def read(connection: Connection) -> list[Project]:
        if everyone:
            rows = service.all_projects(connection, deleted)
        else:
            rows = service.of_person(connection, person, deleted)
        limit = access.identity.project
        rows = [row for row in rows if limit in (None, row["id"])]
        names = people.names(connection, {row["created_by"] for row in rows})
        return [projects.show(row, service.role_of(connection, row["id"], person), names) for row in rows]

    return Items[Project](items=await projects.database.read(read))


@router.post("", operation_id="projects.create", status_code=201)
async def create(
    access: CurrentAccess,
    projects: Service,
    request: Request,
    response: Response,
    body: ProjectCreate,
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="Same key, same project.")] = None,
) -> Project:
    """Make a shared project; you are its owner. With an Idempotency-Key that came before, 200 and the same one."""
    person, mark = access.person, fingerprint("projects.create", "", await request.body())

    def work(tx: Transaction) -> tuple[dict[str, Any] | None, bool]:
        made, is_new = once(tx, person.id, key, mark, lambda: str(service.create(tx, body, person)["id"]))
        return service.by_id(tx.connection, made), is_new

    row, is_new = await projects.database.write(work)
    if row is None or row["deleted_at"] is not None:
        raise NotFound("The project that this Idempotency-Key made has been deleted.")
    if not is_new:
        response.status_code = 200
    return projects.show(row, Role.owner, {person.id: person.name})


async def _shown(projects: Projects, access: Access, row: dict[str, Any]) -> Project:
    names = await projects.database.read(lambda c: people.names(c, {row["created_by"]}))
    return projects.show(row, access.role, names)


@router.get("/{project}", operation_id="projects.get")
async def get(access: InProject, projects: Service) -> Project:
    """One project."""
    return await _shown(projects, access, access.in_project)


@router.patch("/{project}", operation_id="projects.update")
async def update(
    access: InProject,
    projects: Service,
    body: ProjectUpdate,
    if_match: Annotated[str | None, Header()] = None,
) -> Project:
    """Change name, labels, title or description. `If-Match` with the etag refuses a change of an old version."""
    row, person = access.in_project, access.identity.person_id
    changed = await projects.database.write(lambda tx: service.update(tx, row, body, if_match, person))
    return await _shown(projects, access, changed)


@router.delete("/{project}", operation_id="projects.delete", status_code=204)
async def delete(access: InProject, projects: Service, cascade: bool = False) -> Response:
    """Delete a project; it can be restored for 30 days. `cascade` stops what still runs in it."""
    row, person = access.in_project, access.identity.person_id
    hooks = projects.delete_hooks
    await projects.database.write(lambda tx: service.delete(tx, row, person, cascade, hooks))
    return Response(status_code=204)


@router.post("/{project_name}/restore", operation_id="projects.restore")
async def restore(access: CurrentAccess, projects: Service, project_name: str, body: Restore) -> Project:
    """Bring back a deleted project of yours, by name or id."""
    person = access.person

    def work(tx: Transaction) -> dict[str, Any]:
        return service.restore(tx, project_name, person, body.name, projects.retention_days)

    row = await projects.database.write(work)
    return projects.show(row, Role.owner, {person.id: person.name})


@router.get("/{project}/members", operation_id="projects.members")
async def list_members(access: InProject, projects: Service) -> Items[Member]:
    """People and groups of the project."""
    project_id = access.in_project["id"]
    rows = await projects.database.read(lambda c: service.list_members(c, project_id))
    return Items[Member](items=[Member.model_validate(row) for row in rows])


async def _meet(credentials: Credentials, name: str) -> None:
    """Who has signed in to the hub only has not been here yet, and can be a member all the same."""
    try:
        account = await credentials.hub.account(name)
    except Unavailable:
        return  # who has been here can be added while the hub is away
    if account is not None:
        await credentials.person(account)


@router.put("/{project}/members/{kind}/{member:path}", operation_id="projects.set_member")
async def set_member(
    access: InProject,
    projects: Service,
    request: Request,
    kind: MemberKind,
    member: MemberName,
    body: MemberRole,
) -> Member:
    """Give a person or a hub group a role."""
    row, person = access.in_project, access.identity.person_id
    if kind == "person":
        await _meet(request.app.state.gate.credentials, member)
    shown = await projects.database.write(
        lambda tx: service.set_member(tx, row, kind, member, body.role, person, projects.access_hooks)
    )
    return Member.model_validate(shown)


@router.delete(
    "/{project}/members/{kind}/{member:path}", operation_id="projects.remove_member", status_code=204
)
async def remove_member(
    access: InProject, projects: Service, kind: MemberKind, member: MemberName
) -> Response:
    """Take a member out; what they run in the project is stopped."""
    row, person = access.in_project, access.identity.person_id
    await projects.database.write(
        lambda tx: service.remove_member(tx, row, kind, member, person, projects.access_hooks)
    )
    return Response(status_code=204)
