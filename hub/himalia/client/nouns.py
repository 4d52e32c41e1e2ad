"""Projects, secrets, tokens and what else the client knows, each verb written once."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Any

from himalia.client.api import Api, escaped, items
from himalia.client.bridge import blocking
from himalia.client.records import Caller, Member, Profile, Project, Secret, Token


class ProjectVerbs:
    """Shared spaces and their members."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(
        self, name: str, *, title: str = "", description: str = "", labels: Mapping[str, str] | None = None
    ) -> Project:
        """Make a shared project; you are its owner. Raises NameInUse."""
        spec = {"title": title, "description": description}
        body = {"name": name, "labels": dict(labels or {}), "spec": spec}
        return Project(await self._api.call("POST", "/projects", body=body))

    async def get(self, name: str | None = None) -> Project:
        """One project; without a name, the current one. Raises NotFound."""
        return Project(await self._api.call("GET", await self._path(name)))

    async def update(
        self,
        project: str | Project,
        *,
        name: str | None = None,
        title: str | None = None,
        description: str | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Project:
        """Change what is given, and leave the rest. Given as an object, the project must be as it was: Stale."""
        old = project if isinstance(project, Project) else await self.get(project)
        body: dict[str, Any] = {} if name is None else {"name": name}
        if title is not None or description is not None:
            body["spec"] = {
                "title": old.spec.title if title is None else title,
                "description": old.spec.description if description is None else description,
            }
        if labels is not None:
            body["labels"] = dict(labels)
        headers = {"If-Match": f'"{old.etag}"'}
        return Project(await self._api.call("PATCH", await self._path(old.name), body=body, headers=headers))

    async def delete(self, name: str, *, cascade: bool = False) -> None:
        """Delete a project; it can be restored for 30 days. `cascade` stops what runs in it."""
        await self._api.call("DELETE", await self._path(name), {"cascade": cascade or None})

    async def restore(self, project: str, *, name: str | None = None) -> Project:
        """Bring a deleted project back, by its name or id; under a new `name` where the old one is taken."""
        body = {} if name is None else {"name": name}
        return Project(await self._api.call("POST", await self._path(project) + "/restore", body=body))

    async def members(self, project: str | None = None) -> builtins.list[Member]:
        """People and hub groups of a project, owners first."""
        return [
            Member(one) for one in items(await self._api.call("GET", await self._path(project) + "/members"))
        ]

    async def set_member(
        self, member: str, role: str, *, kind: str = "person", project: str | None = None
    ) -> Member:
        """Make a person, or a group with kind="group", a `viewer`, `editor` or `owner`."""
        path = await self._path(project) + escaped("members", kind, member)
        return Member(await self._api.call("PUT", path, body={"role": role}))

    async def remove_member(self, member: str, *, kind: str = "person", project: str | None = None) -> None:
        """Take a member out; what they run in the project is stopped."""
        await self._api.call("DELETE", await self._path(project) + escaped("members", kind, member))

    async def list(self, *, deleted: bool = False, everyone: bool = False) -> builtins.list[Project]:
        """The projects you are a member of; `everyone`'s, for administrators."""
        params = {"deleted": deleted or None, "everyone": everyone or None}
        return [Project(one) for one in items(await self._api.call("GET", "/projects", params))]

    async def _path(self, name: str | None) -> str:
        return escaped("projects", await self._api.project(name))


class SecretVerbs:
    """Values that jobs get and nobody can read back."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def set(self, name: str, value: str, *, project: str | None = None) -> None:
        """Write a secret: a name as of an environment variable, and text of at most 64 KiB."""
        await self._api.call("PUT", await self._path(name, project), body={"value": value})

    async def delete(self, name: str, *, project: str | None = None) -> None:
        """Remove a secret."""
        await self._api.call("DELETE", await self._path(name, project))

    async def list(self, *, project: str | None = None) -> builtins.list[Secret]:
        """The names of the project's secrets."""
        path = escaped("projects", await self._api.project(project), "secrets")
        return [Secret(one) for one in items(await self._api.call("GET", path))]

    async def _path(self, name: str, project: str | None) -> str:
        return escaped("projects", await self._api.project(project), "secrets", name)


class TokenVerbs:
    """Personal access tokens."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def create(
        self,
        note: str = "",
        *,
        scopes: Iterable[str] = ("write",),
        project: str | None = None,
        days: int = 30,
    ) -> Token:
        """Make a token; its value is in the answer's `token`, this once. `note` says what it is for.

        `scopes` are of read, write and admin; `project` limits it to one project. Only a token of the hub may make
        tokens, as in a notebook server: raises Forbidden.
        """
        body: dict[str, Any] = {"note": note, "scopes": [*scopes], "days": days}
        if project is not None:
            body["project"] = project
        return Token(await self._api.call("POST", "/tokens", body=body))

    async def delete(self, token: str | Token) -> None:
        """Revoke a token, by its id; it is refused from now on."""
        given = token.id if isinstance(token, Token) else token
        await self._api.call("DELETE", escaped("tokens", given))

    async def list(self) -> builtins.list[Token]:
        """Your tokens, without their values."""
        return [Token(one) for one in items(await self._api.call("GET", "/tokens"))]


class AccountVerbs:
    """What belongs to no noun."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def whoami(self) -> Caller:
        """Who calls, and what they may do."""
        return Caller(await self._api.call("GET", "/whoami"))

    async def profiles(self) -> list[Profile]:
        """The profiles that you may use, with what is free now."""
        return [Profile(one) for one in items(await self._api.call("GET", "/profiles"))]


class Projects:
    """`client.projects`."""

    def __init__(self, api: Api) -> None:
        self._verbs = ProjectVerbs(api)

    create = blocking(ProjectVerbs.create)
    get = blocking(ProjectVerbs.get)
    update = blocking(ProjectVerbs.update)
    delete = blocking(ProjectVerbs.delete)
    restore = blocking(ProjectVerbs.restore)
    members = blocking(ProjectVerbs.members)
    set_member = blocking(ProjectVerbs.set_member)
    remove_member = blocking(ProjectVerbs.remove_member)
    list = blocking(ProjectVerbs.list)


class Secrets:
    """`client.secrets`."""

    def __init__(self, api: Api) -> None:
        self._verbs = SecretVerbs(api)

    set = blocking(SecretVerbs.set)
    delete = blocking(SecretVerbs.delete)
    list = blocking(SecretVerbs.list)


class Tokens:
    """`client.tokens`."""

    def __init__(self, api: Api) -> None:
        self._verbs = TokenVerbs(api)

    create = blocking(TokenVerbs.create)
    delete = blocking(TokenVerbs.delete)
    list = blocking(TokenVerbs.list)
