"""Endpoints: deploy a model, call it, update it while it is called, return to what served before."""

from __future__ import annotations

import builtins
import html
import time
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from datetime import datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from himalia.client import inference, submission
from himalia.client.api import Api, escaped, items
from himalia.client.bridge import blocking, blocking_items, bound, closing
from himalia.client.errors import HimaliaError, Invalid, WaitTimeout
from himalia.client.records import Record, Who, many, moment
from himalia.client.things import Thing, ThingVerbs
from himalia.client.watching import Watch

if TYPE_CHECKING:
    AnyPath = str | PathLike[str]

E = TypeVar("E", bound="EndpointRecord")
TOKEN_S = 3600
"""How long the token is good that `predict` makes for itself."""


class Revision(Record):
    """One version of what an endpoint answers with; `weight` is its share of the calls in per cent, and `packages`
    are those that its model needed beyond the environment, each with its version."""

    _made: ClassVar = {"started_at": moment, "ended_at": moment, "created_at": moment, "created_by": Who}
    _shown = ("number", "state", "ready", "weight")
    number: int
    id: str
    spec: dict[str, Any]
    model: dict[str, str] | None
    packages: list[str] | None
    weight: int
    ready: bool
    state: str
    reason: str | None
    message: str | None
    attempt: int
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    created_by: Who


class EndpointStatus(Record):
    """What was seen. `next` is the revision that is being started to take over."""

    _made: ClassVar = {"revisions": many(Revision), "deleted_at": moment}
    _shown = ("state", "message", "next")
    state: str
    ready: bool
    message: str | None
    next: int | None
    revisions: list[Revision]
    deleted_at: datetime | None


class EndpointToken(Record):
    """A token that opens one endpoint; `token` is there only when it was just made."""

    _made: ClassVar = {"created_at": moment, "created_by": Who, "expires_at": moment}
    _shown = ("id", "note", "hint")
    id: str
    note: str
    hint: str
    token: str
    created_at: datetime
    created_by: Who
    expires_at: datetime | None


class EndpointSeries(Record):
    """Figures of a revision; each point is [time, calls, failures, p50, p95, p99 in ms].

    What was `refused` is the caller's doing, such as inputs that the model does not take, and no failure.
    """

    _shown = ("revision", "requests", "failures", "refused")
    revision: int
    points: list[list[Any]]
    requests: int
    failures: int
    refused: int


class Example(Record):
    """A call that the model takes: as JSON, as a curl line, in Python."""

    _shown = ("url", "body")
    url: str
    body: dict[str, Any]
    curl: str
    python: str


class EndpointRecord(Thing):
    """An endpoint as it was when last seen."""

    _made: ClassVar = {
        "status": EndpointStatus,
        "created_at": moment,
        "created_by": Who,
        "updated_at": moment,
    }
    id: str
    name: str
    project: str
    labels: dict[str, str]
    url: str
    direct_url: str
    model: str
    spec: dict[str, Any]
    status: EndpointStatus
    created_at: datetime
    created_by: Who
    updated_at: datetime
    etag: str

    @property
    def state(self) -> str:
        """STARTING, READY, UPDATING, UNAVAILABLE, FAILED, STOPPING or STOPPED."""
        return self.status.state

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.project}/{self.name}: {self.state}>"

    def _repr_html_(self) -> str:
        rows = [("State", f"{self.state} {self.status.message or ''}".strip()), ("Address", self.url)]
        rows += [
            (f"Revision {one.number}", f"{one.weight} %, {one.state}")
            for one in self.status.revisions
            if one.weight or one.number == self.status.next
        ]
        cells = "".join(
            f"<tr><th style='text-align:left'>{title}</th>"
            f"<td style='text-align:left'>{html.escape(text)}</td></tr>"
            for title, text in rows
        )
        return f"<b>{html.escape(self.project)}/{html.escape(self.name)}</b><table>{cells}</table>"


class EndpointVerbs(ThingVerbs[E]):
    """What can be done with endpoints. Where an `endpoint` is asked for, give its name or the endpoint itself, which
    is then brought up to date; `project` is the one of the endpoint, else the client's."""

    _noun = "endpoints"

    def __init__(self, api: Api, make: Callable[[Mapping[str, Any]], E]) -> None:
        super().__init__(api, make)
        self._tokens: dict[str, tuple[str, float]] = {}

    async def deploy(
        self,
        model: str | None = None,
        *,
        folder: AnyPath | None = None,
        name: str | None = None,
        profile: str | None = None,
        size: str | None = None,
        environment: str | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> E:
        """Serve a model version, as `iris@3` or `iris@champion`, or the MLflow model in a `folder`, at a new address.

        It answers when it is ready: see `wait`. Raises Invalid, NameInUse.
        """
        where = await self._api.project(project)
        spec = await self._spec(where, model, folder, profile, size, environment, env, secrets)
        body: dict[str, Any] = {"labels": dict(labels or {}), "spec": spec}
        if name is not None:
            body["name"] = name
        headers = {"Idempotency-Key": uuid.uuid4().hex}
        path = escaped("projects", where, "endpoints")
        return self._make(await self._api.call("POST", path, body=body, headers=headers))

    async def update(
        self,
        endpoint: str | E,
        model: str | None = None,
        *,
        folder: AnyPath | None = None,
        profile: str | None = None,
        size: str | None = None,
        environment: str | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Iterable[str] = (),
        weight: int = 100,
        replace: bool = False,
        project: str | None = None,
    ) -> E:
        """Serve another model version from now on; no call fails meanwhile.

        It starts beside the present one and gets `weight` per cent of the calls when it is ready. Where it does not
        fit beside, NoCapacity says so; `replace` stops the present one first, and calls fail until the new one is
        ready. Profile, size and environment are the present ones unless they are given.
        """
        now = await self.get(endpoint, project=project)
        present = now.status.revisions[0].spec
        chosen = {"profile": present["profile"], "size": present["size"], "environment": None}
        if profile is not None:
            chosen = {"profile": profile, "size": size, "environment": environment}
        spec = await self._spec(
            now.project,
            model,
            folder,
            chosen["profile"],
            size or chosen["size"],
            environment or (present["environment"] if folder is not None and profile is None else None),
            present["env"] if env is None else env,
            secrets or present["secrets"],
        )
        body = {"spec": spec, "weight": weight, "replace": replace}
        path = await self._path(endpoint, project)
        return self._now(endpoint, await self._api.call("POST", f"{path}/revisions", body=body))

    async def _spec(
        self,
        project: str,
        model: str | None,
        folder: AnyPath | None,
        profile: str | None,
        size: str | None,
        environment: str | None,
        env: Mapping[str, str] | None,
        secrets: Iterable[str],
    ) -> dict[str, Any]:
        if (model is None) == (folder is None):
            raise Invalid("Name a model version, or the folder of an MLflow model: one of the two.")
        files = None
        if folder is not None:
            found = await self._api.transport.aside(lambda: _snapshot(folder))
            files = await submission.upload(self._api, project, found)
        spec = {
            "model": model,
            "files": files,
            "profile": profile or await submission.default_profile(self._api),
            "size": size,
            "environment": environment,
            "env": dict(env or {}),
            "secrets": [secrets] if isinstance(secrets, str) else [*secrets],
        }
        return {field: value for field, value in spec.items() if value is not None}

    async def get(self, endpoint: str | E, *, project: str | None = None) -> E:
        """The endpoint as it is now. Raises NotFound."""
        return self._now(endpoint, await self._api.call("GET", await self._path(endpoint, project)))

    async def list(
        self,
        *,
        state: str | Iterable[str] | None = None,
        text: str | None = None,
        label: Mapping[str, str] | None = None,
        deleted: bool = False,
        project: str | None = None,
    ) -> AsyncGenerator[E, None]:
        """The endpoints, newest first: those in a `state`, with `text` in their name, with these labels."""
        async with closing(self._listed(project, state, text, label, deleted)) as found:
            async for one in found:
                yield one

    async def wait(self, endpoint: str | E, *, timeout: float = 300, project: str | None = None) -> E:
        """Wait until it is ready and no update is under way. Raises HimaliaError when it fails, WaitTimeout."""
        found = await self.get(endpoint, project=project)
        watch = Watch(self._api, f"endpoint:{found.id}", time.monotonic() + timeout)
        try:
            async with closing(watch.messages()) as changes:
                async for _ in changes:
                    found = await self.get(found)
                    if found.state == "READY":
                        break
                    if found.state in ("FAILED", "STOPPED"):
                        words = found.status.message or f"The endpoint {found.name} is {found.state.lower()}."
                        raise HimaliaError(words)
        except WaitTimeout as error:
            raise WaitTimeout(
                f"The endpoint {found.name} is not ready in time: it is {found.state}."
            ) from error
        return found

    async def predict(
        self, endpoint: str | E, data: Any, *, token: str | None = None, project: str | None = None
    ) -> Any:
        """What the model answers for `data`: rows, a mapping of inputs to values, an array or a DataFrame.

        Without a `token` one is made that is good for an hour. The answer is a list, or a mapping of lists where the
        model has several outputs. Raises Invalid for data that the model does not take.
        """
        known = (
            endpoint if isinstance(endpoint, EndpointRecord) else await self.get(endpoint, project=project)
        )
        opens = token or await self._own_token(known)
        address = f"{known.url}/v2/models/{known.model}"
        about = await self._api.transport.aside(lambda: inference.call("GET", address, opens))
        body = inference.request(data, about.get("inputs") or [])
        found = await self._api.transport.aside(
            lambda: inference.call("POST", f"{address}/infer", opens, body)
        )
        return inference.answer(found)

    async def _own_token(self, endpoint: EndpointRecord) -> str:
        token, until = self._tokens.get(endpoint.id, ("", 0.0))
        if time.monotonic() >= until:
            path = escaped("projects", endpoint.project, "endpoints", endpoint.name, "tokens")
            body = {"note": "made by the SDK to call it", "expires_in_s": TOKEN_S}
            token = (await self._api.call("POST", path, body=body))["token"]
            self._tokens[endpoint.id] = token, time.monotonic() + TOKEN_S / 2
        return token

    async def rollback(
        self,
        endpoint: str | E,
        revision: int | None = None,
        *,
        replace: bool = False,
        project: str | None = None,
    ) -> E:
        """Return to an earlier revision, by default the one that served before; no call fails meanwhile."""
        body = {"revision": revision, "replace": replace}
        path = await self._path(endpoint, project)
        return self._now(endpoint, await self._api.call("POST", f"{path}/rollback", body=body))

    async def set_traffic(
        self, endpoint: str | E, weights: Mapping[int, int], *, project: str | None = None
    ) -> E:
        """Share the calls among revisions that are ready: per cent by number, 100 together."""
        body = {"weights": {str(number): weight for number, weight in weights.items()}}
        path = await self._path(endpoint, project)
        return self._now(endpoint, await self._api.call("PUT", f"{path}/traffic", body=body))

    async def stop(self, endpoint: str | E, *, project: str | None = None) -> E:
        """Take no more calls, finish those under way, end the model servers. Raises WrongState."""
        path = await self._path(endpoint, project)
        return self._now(endpoint, await self._api.call("POST", f"{path}/stop"))

    async def start(self, endpoint: str | E, *, project: str | None = None) -> E:
        """Start it again. Raises WrongState when it runs."""
        path = await self._path(endpoint, project)
        return self._now(endpoint, await self._api.call("POST", f"{path}/start"))

    async def edit(
        self,
        endpoint: str | E,
        *,
        name: str | None = None,
        labels: Mapping[str, str] | None = None,
        project: str | None = None,
    ) -> E:
        """Rename or label it; its name is part of its address. Given as an object, it must be as it was: Stale."""
        return await self._changed(endpoint, name, labels, project)

    async def delete(self, endpoint: str | E, *, cascade: bool = False, project: str | None = None) -> None:
        """Delete it; it can be restored for 30 days. `cascade` stops it first if it runs."""
        await self._deleted(endpoint, cascade, project)

    async def restore(self, endpoint: str | E, *, name: str | None = None, project: str | None = None) -> E:
        """Bring a deleted endpoint back, stopped, by its name or id; under a new `name` where the old is taken."""
        return await self._restored(endpoint, name, project)

    async def tokens(self, endpoint: str | E, *, project: str | None = None) -> builtins.list[EndpointToken]:
        """The tokens that open it, without their values."""
        path = await self._path(endpoint, project) + "/tokens"
        return [EndpointToken(one) for one in items(await self._api.call("GET", path))]

    async def create_token(
        self,
        endpoint: str | E,
        note: str = "",
        *,
        expires_in_s: int | None = None,
        project: str | None = None,
    ) -> EndpointToken:
        """A new token for callers; its `token` is shown only now."""
        body = {"note": note, "expires_in_s": expires_in_s}
        path = await self._path(endpoint, project) + "/tokens"
        return EndpointToken(await self._api.call("POST", path, body=body))

    async def revoke_token(
        self, endpoint: str | E, token: str | EndpointToken, *, project: str | None = None
    ) -> None:
        """Make a token, given by its id, worthless from now on."""
        given = token.id if isinstance(token, EndpointToken) else token
        await self._api.call("DELETE", await self._path(endpoint, project) + escaped("tokens", given))

    async def log(self, endpoint: str | E, *, revision: int | None = None, project: str | None = None) -> str:
        """What the server of a revision, by default the newest, printed since its last start."""
        path = await self._path(endpoint, project) + "/log"
        request = self._api.request("GET", path, {"revision": revision, "limit": 16 << 20})
        return (await self._api.send(request)).content.decode(errors="replace")

    async def metrics(
        self, endpoint: str | E, *, project: str | None = None
    ) -> builtins.list[EndpointSeries]:
        """Calls, failures and times of the last hour, by revision."""
        path = await self._path(endpoint, project) + "/metrics"
        return [EndpointSeries(one) for one in (await self._api.call("GET", path))["series"]]

    async def example(self, endpoint: str | E, *, project: str | None = None) -> Example:
        """A call that the model takes. Raises Unavailable until it is ready."""
        return Example(await self._api.call("GET", await self._path(endpoint, project) + "/example"))


def _snapshot(folder: AnyPath) -> Any:
    from himalia.client.snapshot import build  # takes a while to import, and only this needs it

    return build(folder)


class Endpoints:
    """`client.endpoints`."""

    def __init__(self, api: Api) -> None:
        self._verbs: EndpointVerbs[Endpoint] = EndpointVerbs(api, lambda data: Endpoint(data, self))

    deploy = blocking(EndpointVerbs["Endpoint"].deploy)
    update = blocking(EndpointVerbs["Endpoint"].update)
    get = blocking(EndpointVerbs["Endpoint"].get)
    list = blocking_items(EndpointVerbs["Endpoint"].list)
    wait = blocking(EndpointVerbs["Endpoint"].wait)
    predict = blocking(EndpointVerbs["Endpoint"].predict)
    rollback = blocking(EndpointVerbs["Endpoint"].rollback)
    set_traffic = blocking(EndpointVerbs["Endpoint"].set_traffic)
    stop = blocking(EndpointVerbs["Endpoint"].stop)
    start = blocking(EndpointVerbs["Endpoint"].start)
    edit = blocking(EndpointVerbs["Endpoint"].edit)
    delete = blocking(EndpointVerbs["Endpoint"].delete)
    restore = blocking(EndpointVerbs["Endpoint"].restore)
    tokens = blocking(EndpointVerbs["Endpoint"].tokens)
    create_token = blocking(EndpointVerbs["Endpoint"].create_token)
    revoke_token = blocking(EndpointVerbs["Endpoint"].revoke_token)
    log = blocking(EndpointVerbs["Endpoint"].log)
    metrics = blocking(EndpointVerbs["Endpoint"].metrics)
    example = blocking(EndpointVerbs["Endpoint"].example)


class Endpoint(EndpointRecord):
    """An endpoint of a `Client`; its methods bring it up to date."""

    refresh = bound(Endpoints.get)
    update = bound(Endpoints.update)
    wait = bound(Endpoints.wait)
    predict = bound(Endpoints.predict)
    rollback = bound(Endpoints.rollback)
    set_traffic = bound(Endpoints.set_traffic)
    stop = bound(Endpoints.stop)
    start = bound(Endpoints.start)
    edit = bound(Endpoints.edit)
    delete = bound(Endpoints.delete)
    restore = bound(Endpoints.restore)
    tokens = bound(Endpoints.tokens)
    create_token = bound(Endpoints.create_token)
    revoke_token = bound(Endpoints.revoke_token)
    log = bound(Endpoints.log)
    metrics = bound(Endpoints.metrics)
    example = bound(Endpoints.example)


class AsyncEndpoint(EndpointRecord):
    """An endpoint of an `AsyncClient`; its methods are awaited and bring it up to date."""

    refresh = bound(EndpointVerbs["AsyncEndpoint"].get)
    update = bound(EndpointVerbs["AsyncEndpoint"].update)
    wait = bound(EndpointVerbs["AsyncEndpoint"].wait)
    predict = bound(EndpointVerbs["AsyncEndpoint"].predict)
    rollback = bound(EndpointVerbs["AsyncEndpoint"].rollback)
    set_traffic = bound(EndpointVerbs["AsyncEndpoint"].set_traffic)
    stop = bound(EndpointVerbs["AsyncEndpoint"].stop)
    start = bound(EndpointVerbs["AsyncEndpoint"].start)
    edit = bound(EndpointVerbs["AsyncEndpoint"].edit)
    delete = bound(EndpointVerbs["AsyncEndpoint"].delete)
    restore = bound(EndpointVerbs["AsyncEndpoint"].restore)
    tokens = bound(EndpointVerbs["AsyncEndpoint"].tokens)
    create_token = bound(EndpointVerbs["AsyncEndpoint"].create_token)
    revoke_token = bound(EndpointVerbs["AsyncEndpoint"].revoke_token)
    log = bound(EndpointVerbs["AsyncEndpoint"].log)
    metrics = bound(EndpointVerbs["AsyncEndpoint"].metrics)
    example = bound(EndpointVerbs["AsyncEndpoint"].example)


def async_endpoints(api: Api) -> EndpointVerbs[AsyncEndpoint]:
    """`client.endpoints` of an `AsyncClient`."""
    verbs: EndpointVerbs[AsyncEndpoint] = EndpointVerbs(api, lambda data: AsyncEndpoint(data, verbs))
    return verbs
