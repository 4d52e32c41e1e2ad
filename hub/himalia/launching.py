"""What an attempt needs to start, put together of what is true now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Set
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Connection

from himalia.core import people
from himalia.core.clock import monotonic
from himalia.core.database import Database
from himalia.core.errors import DiskFull, NotFound, Unauthenticated, Unavailable
from himalia.core.people import Person
from himalia.core.tokens import WorkTokens
from himalia.engine.backends.base import Account, Launch, Place
from himalia.engine.board import Active
from himalia.engine.folders import Folders
from himalia.engine.resources import Resources
from himalia.engine.states import State
from himalia.environments.places import Environments
from himalia.projects import service as projects_service
from himalia.secrets.service import Secrets
from himalia.servers.identities import Identities
from himalia.storage.base import ObjectStore
from himalia.storage.errors import ObjectMissingError, StoreFullError, StoreUnavailableError
from himalia.storage.trees import TreeError

log = logging.getLogger(__name__)

STORE_PATIENCE_S = 600.0
"""How long a start waits for an object store that is away, before it counts as one that failed."""
STORE_AGAIN_S = 5.0


class Launcher:
    """Makes launches for the reconciler."""

    def __init__(
        self,
        database: Database,
        identities: Identities,
        secrets: Secrets,
        work_tokens: WorkTokens,
        store: ObjectStore,
        folders: Folders,
        environments: Environments,
        variables: Mapping[str, str],
        serving: Mapping[str, str],
        is_cluster: bool = False,
    ) -> None:
        self.is_cluster = is_cluster
        self.variables = variables
        self.serving = serving
        self.database = database
        self.store = store
        self.folders = folders
        self.environments = environments
        self.identities = identities
        self.secrets = secrets
        self.work_tokens = work_tokens
        # Threads of its own: what is laid out may have to be fetched, and others must not wait for that.
        self._laying_out = ThreadPoolExecutor(4, "lay-out")
        self._known: dict[tuple[str, str], tuple[Account, Place]] = {}
        self._made: set[tuple[Account, Place]] = set()

    async def _whose(self, item: Active) -> tuple[Account, Place]:
        """The account and the place of a workload; kept, since neither changes but with its project's events."""
        key = (item.person_id, item.project_id)
        if key not in self._known:

            def read(connection: Connection) -> tuple[Person | None, dict[str, Any] | None]:
                return people.get(connection, item.person_id), projects_service.by_id(
                    connection, item.project_id
                )

            person, project = await self.database.read(read)
            if person is None or project is None:
                raise Unauthenticated("Its person or project is gone.")
            self._known[key] = self.identities.account(person), self.identities.place(project)
        return self._known[key]

    def events(self, committed: list[dict[str, Any]]) -> None:
        """Listen to commits: a project's name is part of what its workloads are told."""
        if any(event["kind"].startswith("project.") for event in committed):
            self._known.clear()

    def _secret_values(self, connection: Connection, item: Active) -> dict[str, str]:
        own = projects_service.personal(connection, item.person_id)
        where = [item.project_id, *([own["id"]] if own else [])]
        return self.secrets.values(connection, where, item.spec["secrets"])

    async def _check_out(self, item: Active, trees: Set[str], place: Place) -> None:
        """Lay out what a workload reads. Raises NotFound for what is gone, Unavailable, DiskFull."""
        for tree in sorted(trees):
            checkouts = await asyncio.to_thread(self.folders.checkouts, place)
            try:
                await self._lay_out(item, tree, checkouts)
            except (ObjectMissingError, TreeError) as error:
                raise NotFound(f"An input could not be laid out: {error}") from error
            except StoreFullError as error:
                raise DiskFull("There is no room on the disk to lay out the inputs.") from error
            except OSError as error:
                raise Unavailable(f"An input could not be laid out: {error.strerror}.") from error

    async def _lay_out(self, item: Active, tree: str, checkouts: Path) -> None:
        """Lay out one tree. Where the store is away, that is tried again for a while: it costs no restart."""
        patient_until = monotonic() + STORE_PATIENCE_S
        lay_out = partial(self.store.checkout, tree, checkouts)
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self._laying_out, lay_out)
                return
            except StoreUnavailableError as error:
                if item.state == State.STOPPING or monotonic() > patient_until:
                    raise
                log.warning("%s waits for its inputs: %s", item.attempt_name, error)
                await asyncio.sleep(STORE_AGAIN_S)

    async def _make_folders(self, account: Account, place: Place) -> None:
        """Make what a pod mounts of the data claim: the cluster would, but as folders of root's."""
        if not self.is_cluster or (account, place) in self._made:
            return

        def make() -> None:
            self.folders.overlays(account)
            self.folders.shared(place)
            self.folders.checkouts(place)

        await asyncio.to_thread(make)
        self._made.add((account, place))

    async def launch(self, item: Active) -> Launch:
        """Everything that starting an attempt needs, read now: rights may have changed since it was submitted."""

        account, place = await self._whose(item)
        inputs = item.spec.get("inputs", {})
        await self._check_out(item, {one["tree"] for one in inputs.values() if "tree" in one}, place)
        isolated = item.spec.get("isolated", False)
        names = item.spec["secrets"]
        secrets = await self.database.read(lambda c: self._secret_values(c, item)) if names else {}
        if self.is_cluster and item.kind == "endpoint":
            secrets = {
                **secrets,
                "HIMALIA_SERVE_SECRET": self.work_tokens.server_secret(item.id, item.attempt),
            }
        await self._make_folders(account, place)
        image, pod = self.environments.image(item.spec["environment"], item.spec.get("profile", ""))
        return Launch(
            name=item.attempt_name,
            workload=item.id,
            attempt=item.attempt,
            kind=item.kind,
            person=account,
            project=place,
            environment=item.spec["environment"],
            overlay=item.spec["overlay"],
            task=item.spec["task"],
            limit=Resources.from_json(item.spec["limit"]),
            reserve=Resources.from_json(item.spec["reserve"]),
            devices=item.devices,
            replicas=item.replicas,
            others=item.others,
            time_limit_s=item.spec["time_limit_s"],
            variables={
                **({} if isolated else {**self.variables, "MLFLOW_WORKSPACE": place.name}),
                **(self.serving if item.kind == "endpoint" else {}),
                **item.spec["variables"],
                "HIMALIA_WORKLOAD": item.id,
                "HIMALIA_ATTEMPT": str(item.attempt),
            },
            secrets=secrets,
            token=self.work_tokens.make(item.id, item.attempt),
            purpose=item.purpose,
            inputs=inputs,
            isolated=isolated,
            kernel_group=item.spec.get("kernel_group"),
            image=image,
            pod=pod,
        )
