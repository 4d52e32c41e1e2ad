"""`Client` and `AsyncClient`: the same nouns and verbs, called and awaited."""

from __future__ import annotations

from himalia.client import config
from himalia.client.api import Api
from himalia.client.bridge import blocking, run
from himalia.client.config import Place
from himalia.client.datasets import Datasets, DatasetVerbs
from himalia.client.endpoints import Endpoints, async_endpoints
from himalia.client.experiments import Experiments, async_experiments
from himalia.client.jobs import Jobs, async_jobs
from himalia.client.models import Models, ModelVerbs
from himalia.client.nouns import (
    AccountVerbs,
    Projects,
    ProjectVerbs,
    Secrets,
    SecretVerbs,
    Tokens,
    TokenVerbs,
)
from himalia.client.tracking import Tracking, TrackingVerbs
from himalia.client.transport import AsyncTransport, BlockingTransport, Transport
from himalia.client.workloads import Workloads, WorkloadVerbs


def _api(place: Place, transport: Transport, project: str | None) -> Api:
    return Api(place, transport, config.find_project(project))


class Client:
    """The platform, for programs.

    `url` is the platform's address, `token` an access token, `project` the project for calls that name none.
    What is left out is found: see `himalia.client.config`. Inside a notebook server or a job nothing is needed.

        client = himalia.Client()
        job = client.jobs.submit("train.ipynb", parameters={"epochs": 3})
        job.wait()

    One client may be used from several threads. Close it, or use it in a `with` block, to free its connections.
    """

    def __init__(self, url: str | None = None, token: str | None = None, project: str | None = None) -> None:
        self.place = config.find_place(url, token)
        self._transport = BlockingTransport(self.place)
        api = _api(self.place, self._transport, project)
        self._verbs = AccountVerbs(api)
        self._api = api
        self.datasets = Datasets(api)
        self.jobs = Jobs(api)
        self.experiments = Experiments(api)
        self.models = Models(api)
        self.endpoints = Endpoints(api)
        self.projects = Projects(api)
        self.secrets = Secrets(api)
        self.tokens = Tokens(api)
        self.tracking = Tracking(api)
        self.workloads = Workloads(api)

    whoami = blocking(AccountVerbs.whoami)
    profiles = blocking(AccountVerbs.profiles)

    @property
    def project(self) -> str:
        """The name of the current project."""
        return run(self._api.project())

    def close(self) -> None:
        """Close the connections."""
        run(self._transport.close())

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<himalia.Client of {self.place.shown}>"


class AsyncClient:
    """The same as `Client`, for programs with an event loop: verbs are awaited, lists and logs iterated with
    `async for`. To be used on one event loop.

        async with himalia.AsyncClient() as client:
            job = await client.jobs.submit("train.ipynb")
            await job.wait()
    """

    def __init__(self, url: str | None = None, token: str | None = None, project: str | None = None) -> None:
        self.place = config.find_place(url, token)
        self._transport = AsyncTransport(self.place)
        self._api = _api(self.place, self._transport, project)
        account = AccountVerbs(self._api)
        self.datasets = DatasetVerbs(self._api)
        self.jobs = async_jobs(self._api)
        self.experiments = async_experiments(self._api)
        self.models = ModelVerbs(self._api)
        self.endpoints = async_endpoints(self._api)
        self.projects = ProjectVerbs(self._api)
        self.secrets = SecretVerbs(self._api)
        self.tokens = TokenVerbs(self._api)
        self.tracking = TrackingVerbs(self._api)
        self.workloads = WorkloadVerbs(self._api)
        self.whoami = account.whoami
        self.profiles = account.profiles

    async def project(self) -> str:
        """The name of the current project."""
        return await self._api.project()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.close()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"<himalia.AsyncClient of {self.place.shown}>"
