"""The gate before every operation: who calls, what of, and whether they may."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Annotated, Any

from fastapi import Depends, Path, Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.engine import Connection

from himalia.core.database import Database
from himalia.core.errors import Forbidden, NotFound, Unauthenticated
from himalia.core.identity import Credentials, Identity
from himalia.core.people import Person
from himalia.core.permissions import OPERATIONS, Role, Rule, covers

ANONYMOUS = Identity("none")
FindProject = Callable[[Connection, str, Person | None], tuple[dict[str, Any], Role]]
Session = Callable[[Request], Awaitable["Identity | None"]]


@dataclass(frozen=True, slots=True)
class Access:
    """A call that was let in. `project` is the row of the project in its path, if it has one."""

    identity: Identity
    project: dict[str, Any] | None = None
    role: Role = Role.none

    @property
    def in_project(self) -> dict[str, Any]:
        """The project's row, for operations below `/projects/{project}`."""
        if self.project is None:
            raise NotFound("There is no such project.")
        return self.project

    @property
    def person(self) -> Person:
        """The person who calls, or for whom the workload runs."""
        if self.identity.person is None:
            raise Unauthenticated("This call needs a person's token.")
        return self.identity.person


@dataclass
class Gate:
    """Checks each call against the permission table. What it looked up of projects is kept until one changes."""

    database: Database
    credentials: Credentials
    find_project: FindProject
    session: Session
    _projects: dict[tuple[str, str, tuple[str, ...]], tuple[dict[str, Any], Role]] = field(
        default_factory=dict
    )
    _changes: int = 0

    def forget(self, changed: list[dict[str, Any]]) -> None:
        """Listen to events: what is known of projects is out of date when one of them changed."""
        if any(event["kind"].startswith("project.") for event in changed):
            self._changes += 1
            self._projects.clear()

    async def identify(self, request: Request) -> Identity:
        """The caller of a request: its bearer token, else the page session."""
        header = request.headers.get("authorization")
        if header is None:
            return await self.session(request) or ANONYMOUS
        scheme, _, token = header.partition(" ")
        if scheme.lower() not in ("bearer", "token"):
            raise Unauthenticated("Send the token as Authorization: Bearer <token>.")
        return await self.credentials.identify(token.strip())

    async def admit(self, operation: str, identity: Identity, path: dict[str, Any]) -> Access:
        """The access that `identity` has to an operation. Raises Unauthenticated, Forbidden or NotFound."""
        rule = OPERATIONS[operation]
        self._check_credential(rule, identity, path)
        if rule.scope is not None and identity.kind != "service" and not covers(identity.scopes, rule.scope):
            raise Forbidden(f"This needs a token with the scope {rule.scope}, which yours does not have.")
        name = path.get("project")
        if name is None:
            if identity.project is not None and identity.kind != "workload" and not rule.limited:
                raise Forbidden("This token is limited to one project, and this is outside of it.")
            return Access(identity)
        project, role = await self.project(name, identity)
        if role < rule.role:
            raise Forbidden(
                f"This needs the role {rule.role.name} in {project['name']}, and you are {role.name}. "
                "Ask one of its owners."
            )
        return Access(identity, project, role)

    @staticmethod
    def _check_credential(rule: Rule, identity: Identity, path: dict[str, Any]) -> None:
        if identity.kind == "none":
            raise Unauthenticated("Sign in, or send a token as Authorization: Bearer <token>.")
        if identity.kind == "workload":
            if "workload" in rule.by and path.get("workload") == identity.workload:
                return
            if not identity.runner_only:
                if rule.own and path.get("workload") == identity.workload:
                    return
                if rule.submit and "submit" in identity.permissions:
                    return
            raise Forbidden(
                "A workload's token may not do this. Give its job the permission to submit, if it should."
            )
        if identity.kind not in rule.by:
            if identity.kind == "user":
                raise Forbidden(
                    "An access token may not do this. Do it on the platform's pages or in a notebook server."
                )
            raise Forbidden("This kind of credential may not do this.")

    async def project(self, name: str, identity: Identity) -> tuple[dict[str, Any], Role]:
        """A project and the caller's role in it. Raises NotFound for one that the caller may not see."""
        person = identity.person
        key = (name, person.id if person else "", person.groups if person else ())
        found = self._projects.get(key)
        if found is None:
            before = self._changes
            found = await self.database.read(lambda c: self.find_project(c, name, person))
            if len(self._projects) > 10_000:
                self._projects.clear()
            if self._changes == before:  # else it may be what was true before a change
                self._projects[key] = found
        project, role = found
        if "admin" in identity.scopes:
            role = Role.owner
        if role == Role.none or identity.project not in (None, project["id"]):
            raise NotFound(f"There is no project named {name}, or you are not a member of it.")
        return project, role


class GatedRoute(APIRoute):
    """A route whose caller is let in, or not, before anything of the body is read.

    Its `operation_id` is its row in the permission table.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def gated(request: Request) -> Response:
            request.state.access = await self.admitted(request)
            return await handler(request)

        return gated

    async def admitted(self, request: Request) -> Access:
        """The access that a request has. Raises HimaliaError for one that has none."""
        gate: Gate = request.app.state.gate
        operation = str(self.operation_id)
        if "none" in OPERATIONS[operation].by:
            return Access(ANONYMOUS)
        return await gate.admit(operation, await gate.identify(request), request.path_params)


async def authorize(request: Request) -> Access:
    """FastAPI dependency: the access that the route's gate gave."""
    access: Access = request.state.access
    return access


CurrentAccess = Annotated[Access, Depends(authorize)]


async def authorize_in_project(
    request: Request, project: Annotated[str, Path(max_length=40, description="Name of the project.")]
) -> Access:
    """The same for routes below `/projects/{project}`; declares the parameter for the OpenAPI document."""
    return await authorize(request)


InProject = Annotated[Access, Depends(authorize_in_project)]
