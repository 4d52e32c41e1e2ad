"""The only code that changes projects and their members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from himalia.core import clock, events, people
from himalia.core.access import Access
from himalia.core.changing import refuse_stale
from himalia.core.database import Transaction
from himalia.core.errors import Forbidden, Invalid, NameInUse, NotFound
from himalia.core.ids import new_id, numbered, slug
from himalia.core.people import Person
from himalia.core.permissions import Role
from himalia.projects.schema import ProjectCreate, ProjectUpdate
from himalia.projects.tables import members, projects

AccessHook = Callable[[Transaction, str, set[str]], None]
"""Called with (tx, project id, ids of people) when these people may no longer run things in a project, or see it."""

DeleteHook = Callable[[Transaction, str, bool], None]
"""Called with (tx, project id, cascade) before a project is deleted; raises InUse to refuse."""

PurgeHook = Callable[[Transaction, dict[str, Any]], None]
"""Called with (tx, project) when a deleted project's time is over: what it held goes for good."""


_THERE = sa.select(projects.c.id).where(
    projects.c.id == sa.bindparam("project"), projects.c.deleted_at.is_(None)
)
_MAY_RUN = _THERE.where(
    sa.exists().where(
        members.c.project_id == projects.c.id,
        members.c.role.in_([role.name for role in Role if role >= Role.editor]),
        sa.or_(
            sa.and_(members.c.kind == "person", members.c.member == sa.bindparam("person")),
            sa.and_(members.c.kind == "group", members.c.member.in_(sa.bindparam("groups", expanding=True))),
        ),
    )
)


def create(tx: Transaction, body: ProjectCreate, person: Person, personal: bool = False) -> dict[str, Any]:
    """Make a project, owned by `person`. Raises NameInUse."""
    if _named(tx.connection, body.name) is not None:
        raise NameInUse(f"There is a project named {body.name} already. Choose another name.")
    now = clock.now()
    number = (tx.execute(sa.select(sa.func.max(projects.c.number))).scalar() or 0) + 1
    row = {
        "id": new_id(),
        "name": body.name,
        "title": body.spec.title,
        "description": body.spec.description,
        "labels": body.labels,
        "personal_of": person.id if personal else None,
        "number": number,
        "version": 1,
        "created_at": now,
        "created_by": person.id,
        "updated_at": now,
        "deleted_at": None,
    }
    tx.execute(projects.insert().values(row))
    tx.execute(members.insert().values(project_id=row["id"], kind="person", member=person.id, role="owner"))
    _tell(tx, "project.created", row, person.id)
    return row


def ensure_personal(tx: Transaction, person: Person) -> dict[str, Any]:
    """The person's own project, made at the first need."""
    query = sa.select(projects).where(projects.c.personal_of == person.id)
    found = tx.execute(query).mappings().first()
    if found is not None:
        return dict(found)
    base, number = slug(person.name, "personal"), 1
    while _named(tx.connection, numbered(base, number)) is not None:
        number += 1
    body = ProjectCreate(name=numbered(base, number))
    return create(tx, body, person, personal=True)


def personal(connection: Connection, person_id: str) -> dict[str, Any] | None:
    """The person's own project, if it was made."""
    query = sa.select(projects).where(projects.c.personal_of == person_id)
    found = connection.execute(query).mappings().first()
    return dict(found) if found else None


def get(connection: Connection, name: str) -> dict[str, Any]:
    """The project with this name. Raises NotFound."""
    found = _named(connection, name)
    if found is None:
        raise NotFound(no_such(name))
    return found


def no_such(name: str) -> str:
    """What is said of a project that is not there, and of one that the caller may not know of."""
    return f"There is no project named {name}, or you are not a member of it."


def by_id(connection: Connection, project_id: str | None) -> dict[str, Any] | None:
    """The project with this id, deleted ones too."""
    found = connection.execute(sa.select(projects).where(projects.c.id == project_id)).mappings().first()
    return dict(found) if found else None


def role_of(connection: Connection, project_id: str, person: Person) -> Role:
    """The highest role that a person has, by name or through one of their groups."""
    mine = sa.and_(members.c.kind == "person", members.c.member == person.id)
    if person.groups:
        mine = sa.or_(mine, sa.and_(members.c.kind == "group", members.c.member.in_(person.groups)))
    query = sa.select(members.c.role).where(members.c.project_id == project_id, mine)
    return max((Role[role] for role in connection.execute(query).scalars()), default=Role.none)


def may_run(connection: Connection, project_id: str, person_id: str) -> bool:
    """Whether a person may run things in a project."""
    person = people.get(connection, person_id)
    return person is not None and role_of(connection, project_id, person) >= Role.editor


def check_may_run(tx: Transaction, access: Access) -> None:
    """Raise NotFound unless the caller may still run things in the project, which is not deleted.

    To be asked where something is written that will run: the gate let the caller in some time before, and what
    ends somebody's work finds only what is written.
    """
    person, query = access.identity.person, _THERE if "admin" in access.identity.scopes else _MAY_RUN
    project, who, groups = (
        access.in_project["id"],
        person.id if person else None,
        person.groups if person else (),
    )

    def look(connection: Connection) -> bool:
        return (
            connection.execute(query, {"project": project, "person": who, "groups": groups}).first()
            is not None
        )

    if not tx.holds(("may run", project, who, groups, query is _THERE), look):
        raise NotFound(no_such(access.in_project["name"]))


def of_person(connection: Connection, person: Person, deleted: bool = False) -> list[dict[str, Any]]:
    """The projects that a person is a member of, by name."""
    mine = sa.and_(members.c.kind == "person", members.c.member == person.id)
    if person.groups:
        mine = sa.or_(mine, sa.and_(members.c.kind == "group", members.c.member.in_(person.groups)))
    ids = sa.select(members.c.project_id).where(mine)
    query = sa.select(projects).where(projects.c.id.in_(ids), _there(deleted)).order_by(projects.c.name)
    return [dict(row) for row in connection.execute(query).mappings()]


def _there(deleted: bool) -> sa.ColumnElement[bool]:
    return projects.c.deleted_at.isnot(None) if deleted else projects.c.deleted_at.is_(None)


def all_projects(connection: Connection, deleted: bool = False) -> list[dict[str, Any]]:
    """Every project, by name."""
    query = sa.select(projects).where(_there(deleted)).order_by(projects.c.name)
    return [dict(row) for row in connection.execute(query).mappings()]


def update(
    tx: Transaction, project: dict[str, Any], body: ProjectUpdate, etag: str | None, person_id: str | None
) -> dict[str, Any]:
    """Change name, labels or spec. Raises Stale when `etag` names an older version, NameInUse."""
    row = _fresh(tx, project["id"])
    refuse_stale("project", row["version"], etag)
    values: dict[str, Any] = {"updated_at": clock.now(), "version": row["version"] + 1}
    if body.name is not None and body.name != row["name"]:
        if _named(tx.connection, body.name) is not None:
            raise NameInUse(f"There is a project named {body.name} already. Choose another name.")
        values["name"] = body.name
    if body.labels is not None:
        values["labels"] = body.labels
    if body.spec is not None:
        values |= {"title": body.spec.title, "description": body.spec.description}
    tx.execute(projects.update().where(projects.c.id == row["id"]).values(values))
    row |= values
    _tell(tx, "project.changed", row, person_id)
    return row


def delete(
    tx: Transaction, project: dict[str, Any], person_id: str | None, cascade: bool, hooks: list[DeleteHook]
) -> None:
    """Delete softly: the name is free, and the project can be restored for a while."""
    row = _fresh(tx, project["id"])
    if row["personal_of"] is not None:
        raise Forbidden("A personal project stays as long as its person does.")
    for hook in hooks:
        hook(tx, row["id"], cascade)
    tx.execute(projects.update().where(projects.c.id == row["id"]).values(deleted_at=clock.now()))
    _tell(tx, "project.deleted", row, person_id)


def restore(
    tx: Transaction, name_or_id: str, person: Person, new_name: str | None, retention_days: int
) -> dict[str, Any]:
    """Bring back a deleted project that `person` owns. Raises NotFound, NameInUse."""
    oldest = clock.now() - timedelta(days=retention_days)
    query = (
        sa.select(projects)
        .where(
            sa.or_(projects.c.name == name_or_id, projects.c.id == name_or_id),
            projects.c.deleted_at >= oldest,
        )
        .order_by(projects.c.deleted_at.desc())
    )
    for row in tx.execute(query).mappings():
        if role_of(tx.connection, row["id"], person) == Role.owner:
            break
    else:
        raise NotFound(f"There is no deleted project {name_or_id} of yours that could be restored.")
    name = new_name or row["name"]
    if _named(tx.connection, name) is not None:
        raise NameInUse(f"The name {name} has been taken meanwhile. Give another one.")
    values = {"name": name, "deleted_at": None, "updated_at": clock.now()}
    tx.execute(projects.update().where(projects.c.id == row["id"]).values(values))
    restored = {**row, **values}
    _tell(tx, "project.restored", restored, person.id)
    return restored


def purge(tx: Transaction, retention_days: int, hooks: Sequence[PurgeHook]) -> int:
    """Empty one project that can no longer be restored: how many there were.

    Its row stays, without members: neither its id nor its number, which its group's id comes from, is used again.
    """
    query = (
        sa.select(projects)
        .where(
            projects.c.deleted_at < clock.now() - timedelta(days=retention_days),
            projects.c.id.in_(sa.select(members.c.project_id)),
        )
        .limit(1)
    )
    project = tx.execute(query).mappings().first()
    if project is None:
        return 0
    for hook in hooks:
        hook(tx, dict(project))
    tx.execute(members.delete().where(members.c.project_id == project["id"]))
    return 1


def purged(connection: Connection) -> set[str]:
    """Ids of the projects that were emptied."""
    query = sa.select(projects.c.id).where(
        projects.c.deleted_at.isnot(None), projects.c.id.notin_(sa.select(members.c.project_id))
    )
    return set(connection.execute(query).scalars())


def list_members(connection: Connection, project_id: str) -> list[dict[str, Any]]:
    """Members with their names and roles, owners first."""
    rows = connection.execute(sa.select(members).where(members.c.project_id == project_id)).all()
    names = people.names(connection, {row.member for row in rows if row.kind == "person"})
    shown = [{"kind": row.kind, "name": names.get(row.member, row.member), "role": row.role} for row in rows]
    return sorted(shown, key=lambda m: (-Role[m["role"]], m["kind"], m["name"]))


def set_member(
    tx: Transaction,
    project: dict[str, Any],
    kind: str,
    name: str,
    role: str,
    person_id: str | None,
    hooks: Sequence[AccessHook] = (),
) -> dict[str, Any]:
    """Give a person (by hub name) or a hub group a role. Raises Invalid for a person never seen."""
    _fresh(tx, project["id"])
    member = _member(tx.connection, kind, name)
    _refuse_last_owner(tx, project, kind, member, role)
    before = _roles(tx.connection, project["id"], kind, member)
    where = _is_member(project["id"], kind, member)
    if tx.execute(members.update().where(where).values(role=role)).rowcount == 0:
        tx.execute(members.insert().values(project_id=project["id"], kind=kind, member=member, role=role))
    data = {"member": {"kind": kind, "name": name, "role": role}, **_who(kind, member)}
    _tell(tx, "project.changed", project, person_id, data)
    _end_access(tx, project["id"], before, _roles(tx.connection, project["id"], kind, member), hooks)
    return {"kind": kind, "name": name, "role": role}


def remove_member(
    tx: Transaction,
    project: dict[str, Any],
    kind: str,
    name: str,
    person_id: str | None,
    hooks: Sequence[AccessHook] = (),
) -> None:
    """Take a member out. Raises NotFound, and Invalid for the last owner."""
    member = _member(tx.connection, kind, name)
    _refuse_last_owner(tx, project, kind, member, "none")
    before = _roles(tx.connection, project["id"], kind, member)
    if tx.execute(members.delete().where(_is_member(project["id"], kind, member))).rowcount == 0:
        raise NotFound(f"{name} is not a member of {project['name']}.")
    data = {"removed": {"kind": kind, "name": name}, **_who(kind, member)}
    _tell(tx, "project.changed", project, person_id, data)
    _end_access(tx, project["id"], before, _roles(tx.connection, project["id"], kind, member), hooks)


def leave_groups(tx: Transaction, person: Person, left: set[str], hooks: Sequence[AccessHook]) -> None:
    """Tell the hooks of the projects in which a person who left hub groups may do less than these let them."""
    through = sa.and_(members.c.kind == "group", members.c.member.in_(left))
    had: dict[str, Role] = {}
    for row in tx.execute(sa.select(members.c.project_id, members.c.role).where(through)).mappings():
        had[row["project_id"]] = max(had.get(row["project_id"], Role.none), Role[row["role"]])
    for project_id, before in had.items():
        after = role_of(tx.connection, project_id, person)
        _end_access(tx, project_id, {person.id: before}, {person.id: after}, hooks)


def _roles(connection: Connection, project_id: str, kind: str, member: str) -> dict[str, Role]:
    """The role of each person whom a change of this member concerns, by their id."""
    one = people.get(connection, member) if kind == "person" else None
    concerned = people.of_group(connection, member) if kind == "group" else [one] if one else []
    return {who.id: role_of(connection, project_id, who) for who in concerned}


def _end_access(
    tx: Transaction,
    project_id: str,
    before: dict[str, Role],
    after: dict[str, Role],
    hooks: Sequence[AccessHook],
) -> None:
    """Tell the hooks whose role fell below editor, or from viewer to none; a new viewer has lost nothing."""
    ended = {who for who, role in after.items() if role < min(before[who], Role.editor)}
    if ended:
        for hook in hooks:
            hook(tx, project_id, ended)


def _member(connection: Connection, kind: str, name: str) -> str:
    if kind == "group":
        return name
    person = people.named(connection, name)
    if person is None:
        raise Invalid.field("name", f"Nobody named {name} has signed in yet. They must sign in once first.")
    return person.id


def _who(kind: str, member: str) -> dict[str, str]:
    """For the person's own topic of the live channel."""
    return {"member_id": member} if kind == "person" else {}


def _is_member(project_id: str, kind: str, member: str) -> sa.ColumnElement[bool]:
    return sa.and_(members.c.project_id == project_id, members.c.kind == kind, members.c.member == member)


def _refuse_last_owner(tx: Transaction, project: dict[str, Any], kind: str, member: str, role: str) -> None:
    if role == "owner":
        return
    owners = tx.execute(
        sa.select(members.c.kind, members.c.member).where(
            members.c.project_id == project["id"], members.c.role == "owner"
        )
    ).all()
    if [tuple(owner) for owner in owners] == [(kind, member)]:
        raise Invalid.field("role", "This is the last owner. Make somebody else owner first.")
    if project["personal_of"] == member:
        raise Invalid.field("role", "A personal project stays with its person.")


def _named(connection: Connection, name: str) -> dict[str, Any] | None:
    query = sa.select(projects).where(projects.c.name == name, projects.c.deleted_at.is_(None))
    found = connection.execute(query).mappings().first()
    return dict(found) if found else None


def _fresh(tx: Transaction, project_id: str) -> dict[str, Any]:
    found = by_id(tx.connection, project_id)
    if found is None or found["deleted_at"] is not None:
        raise NotFound("This project has been deleted.")
    return found


def _tell(
    tx: Transaction, kind: str, row: dict[str, Any], person_id: str | None, data: dict[str, Any] | None = None
) -> None:
    subject = ("project", row["id"], row["name"])
    events.emit(tx, kind, subject=subject, project=row["id"], person=person_id, data=data)
