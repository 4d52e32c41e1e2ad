"""Workloads as Jobs of a cluster. Their runners call the service; this watches what becomes of their pods."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from himalia.core import clock
from himalia.core.errors import Unavailable
from himalia.core.settings import Settings
from himalia.engine.backends.base import (
    Admitted,
    Backend,
    Batch,
    Ended,
    Known,
    Launch,
    OfAttempt,
    Placed,
    Progress,
    Recalled,
    Report,
    Seen,
    Waits,
)
from himalia.engine.backends.kubernetes import names, reasons, seen
from himalia.engine.backends.kubernetes.attempt import FRESH_S, Attempt
from himalia.engine.backends.kubernetes.client import Api, ApiError, Object, Unreachable
from himalia.engine.backends.kubernetes.machines import Machines, Node
from himalia.engine.backends.kubernetes.manifests import SERVE_PORT, STORE_S
from himalia.engine.backends.kubernetes.objects import FIRST_PAUSE_S, LONGEST_PAUSE_S, Objects, persist
from himalia.engine.backends.kubernetes.reasons import Finding, When
from himalia.engine.backends.kubernetes.seen import Foreign, Job, Pod, Queued, Server, Warned
from himalia.engine.backends.kubernetes.volumes import Volume
from himalia.engine.backends.kubernetes.watch import Watch
from himalia.engine.reception import Reception
from himalia.engine.resources import Machine

log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""What a runner said last may still be on its way when its pod's end is seen."""

OPENS_S = 2.0
"""What it takes a cluster that answers to list what is there."""

NOT_ENDED = "It did not end when it was asked to, and was ended."
QUEUED_KINDS = frozenset({"job"})
"""What waits in Kueue's queue where there is one: people wait for the rest, or it serves them."""

WAITS = "Waiting in the queue {} of the cluster."
NEVER_BEGAN = "It was stopped before it began."


class KubernetesBackend(Backend):
    """See docs/architecture.md, “Kubernetes”."""

    reception: Reception

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.reception = Reception(self._take, self._settled)
        if settings.kubernetes_queue:
            self.queued_kinds = QUEUED_KINDS
        self._namespace = settings.kubernetes_namespace
        self._machines = Machines()
        self._attempts: dict[str, Attempt] = {}
        self._of_pod: dict[str, Attempt] = {}
        self._removals: dict[str, asyncio.Task[None]] = {}
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened = asyncio.Event()
        self._closing = False

    async def open(self, known: Sequence[Known]) -> None:
        self.api = await Api.connect()
        self._objects = Objects(self.api, self.settings)
        for one in known:
            if not one.offered:
                self._attempts[one.name] = Attempt(one.name, one.kind, one.replicas)
                self.reception.expect(one.name)
        self._spawn(self._find({one.name: one for one in known}))

    async def _find(self, known: dict[str, Known]) -> None:
        """See what is there. The cluster may be away: until it answers, runners are heard and what is new waits."""
        await persist(self._objects.bring_runner, "Bringing the runner to the cluster")
        self._watches(await self._pods_path())
        for watch in (self._jobs, self._pods, self._nodes):
            self._spawn(watch.run())
        self._spawn(self._events.run())
        if self.queued_kinds:
            self._spawn(self._queued.run())
        for watch in (self._jobs, self._pods, self._nodes):
            await watch.listed.wait()
        self._opened.set()
        self._adopt(known)
        self.machines_changed()

    def _watches(self, pods: str) -> None:
        ours = {"labelSelector": names.selector(names.common(self.settings.kubernetes_release))}
        warnings = {"fieldSelector": "type=Warning"}
        events = names.core(self._namespace, "events")
        self._jobs = Watch(self.api, names.jobs(self._namespace), seen.job, self._job_changed, ours)
        self._pods: Watch[Pod | Server | Foreign] = Watch(self.api, pods, self._keep_pod, self._pod_changed)
        self._nodes = Watch(self.api, "/api/v1/nodes", self._machines.keep, self._node_changed)
        queued = names.workloads(self._namespace)
        self._queued = Watch(self.api, queued, seen.queued, self._queued_changed)
        self._events = Watch(self.api, events, seen.warned, self._warned, warnings, news_only=True)

    async def _pods_path(self) -> str:
        """Pods of all namespaces, to know what others use, where this account may see them; else our own."""
        every, own = "/api/v1/pods", names.core(self._namespace, "pods")
        while True:
            try:
                await self.api.get(every, {"limit": 1})
                return every
            except ApiError as error:
                if error.status == 403:
                    return own
                log.warning("Looking at pods: %s", error)
            except Unreachable as error:
                log.warning("Looking at pods: %s", error)
            await asyncio.sleep(FIRST_PAUSE_S)

    def _adopt(self, known: dict[str, Known]) -> None:
        """Take up what an earlier service has started; what nobody knows of is removed."""
        for job in list(self._jobs.records.values()):
            attempt = self._attempts.get(job.name)
            if attempt is None and job.name in known and known[job.name].offered:
                attempt = Attempt(job.name, job.kind, job.replicas, offered=True)
                self._attempts[job.name] = attempt
            if attempt is None:
                self._spawn(self._objects.remove(job.name, job.uid))
            else:
                attempt.job, attempt.uid = job, job.uid
        for attempt in list(self._attempts.values()):
            if attempt.job is None and attempt.making is None and attempt.left:
                self._forget(attempt)  # nobody has its Job any more, so it is found to be lost
        for pod in list(self._pods.records.values()):
            if isinstance(pod, Pod):
                self._pod_changed(None, pod)
        for attempt in list(self._attempts.values()):
            self._look(attempt)

    async def close(self) -> None:
        self._closing = True
        self.reception.close()
        for attempt in self._attempts.values():
            if attempt.look is not None:
                attempt.look.cancel()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.api.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("The backend failed: %s", error, exc_info=error)

    # The seam

    def start(self, launch: Launch) -> None:
        attempt = self._attempts.get(launch.name)
        if attempt is None:
            attempt = Attempt(launch.name, launch.kind, launch.replicas)
            self._attempts[launch.name] = attempt
        self.reception.expect(launch.name)
        if attempt.offered:
            self._begin(attempt)
        if attempt.making is None and not attempt.has_begun():
            attempt.making = self._spawn(self._make(attempt, launch))

    def offer(self, launch: Launch) -> None:
        attempt = self._attempts.get(launch.name)
        if attempt is None:
            attempt = Attempt(launch.name, launch.kind, launch.replicas, offered=True)
            self._attempts[launch.name] = attempt
        attempt.admitted, attempt.told = False, ""
        if attempt.making is None and attempt.job is None:
            attempt.making = self._spawn(self._make(attempt, launch))
        self._look(attempt)

    def recall(self, names: Sequence[str]) -> None:
        for name in names:
            if (attempt := self._attempts.get(name)) is not None and attempt.offered:
                self._let_go(attempt)
                self._put([Recalled(name)])

    def _begin(self, attempt: Attempt) -> None:
        """It waits no longer in Kueue's queue: what is seen of its pods counts from now on."""
        attempt.offered, attempt.told = False, ""
        for pod in attempt.pods.values():
            if pod.node:
                self._put([Placed(attempt.name, pod.node, pod.rank)])
        self._look(attempt)

    def stop(self, name: str, grace_s: float, reason: str) -> None:
        attempt = self._attempts.get(name)
        if attempt is None:
            return
        attempt.stopping = reason
        for rank in attempt.left:
            if self._opened.is_set() and not attempt.runs(rank):
                self._end(attempt, rank, Finding(reason, NEVER_BEGAN))
        if attempt.left:
            self.reception.stop(name, grace_s, reason)
            asyncio.get_running_loop().call_later(grace_s + STORE_S, self._end_all, attempt)

    def advise_stop(self, name: str) -> None:
        self.reception.advise_stop(name)

    def observe(self, names: Sequence[str]) -> dict[str, Seen]:
        return {name: self._seen(self._attempts.get(name)) for name in names}

    @staticmethod
    def _seen(attempt: Attempt | None) -> Seen:
        if attempt is None:
            return Seen.GONE
        return Seen.RUNNING if attempt.has_begun() else Seen.STARTING

    async def changes(self) -> AsyncIterator[Batch]:
        while True:
            yield await self._batches.get()

    def machines(self) -> list[Machine]:
        return self._machines.all() if self._opened.is_set() else []

    def addresses(self, name: str) -> list[str] | None:
        if not self._opened.is_set():
            return None
        attempt = self._attempts.get(name)
        if attempt is None or attempt.kind != "endpoint":
            return []
        pods = (attempt.pods.get(rank) for rank in attempt.left if attempt.runs(rank))
        return [f"http://{pod.ip}:{SERVE_PORT}" for pod in pods if pod is not None and pod.ip]

    async def logs(self, name: str, rank: int = 0) -> bytes:
        attempt = self._attempts.get(name)
        pod = attempt.pods.get(rank) if attempt is not None else None
        if pod is None:
            return b""
        try:
            return await self._objects.log(pod.name)
        except (ApiError, Unreachable) as error:
            log.debug("The log of %s: %s", pod.name, error)
            return b""

    async def claims(self, *volumes: Volume) -> None:
        """Have the claims of these volumes be there, for a pod that somebody else makes. Raises Unavailable."""
        try:
            await self._objects.claims.ensure(*volumes)
        except (ApiError, Unreachable, OSError) as error:
            raise Unavailable(f"The cluster gives no room for files: {error}") from error

    # Making

    async def _make(self, attempt: Attempt, launch: Launch) -> None:
        """Make an attempt's objects; what cannot be made now is tried again, as long as it has a chance."""
        pause = FIRST_PAUSE_S
        if (removal := self._removals.get(attempt.name)) is not None:
            await asyncio.wait([removal])
        try:
            await self._until_opened(attempt)
            if attempt.has_begun() or (attempt.offered and attempt.job is not None):
                return
            while attempt.left:
                try:
                    if attempt.offered:
                        await self._objects.offer(launch)
                    else:
                        attempt.uid = await self._objects.make(launch, attempt.uid)
                        self._clear(attempt)
                    return
                except ApiError as error:
                    finding = reasons.refused(error.message)
                    if error.passes:
                        log.warning("Making %s: %s", attempt.name, error)
                        finding = reasons.away(error.message)
                except Unreachable as error:
                    log.warning("Making %s: %s", attempt.name, error)
                    finding = Finding("start_failed", reasons.AWAY, When.NEVER)
                except OSError as error:
                    words = f"A folder for it could not be made: {error.strerror}."
                    finding = Finding("start_failed", words, When.LATER)
                self._weigh(attempt, finding)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
        finally:
            attempt.making = None

    async def _until_opened(self, attempt: Attempt) -> None:
        """Wait until it is seen what is there; say so where that is longer than it takes a cluster that answers."""
        try:
            await asyncio.wait_for(self._opened.wait(), OPENS_S)
        except TimeoutError:
            self._tell(attempt, reasons.AWAY)
            await self._opened.wait()

    # What runners say

    def _take(self, batch: Batch) -> None:
        """Take what a runner says; a model server is heard once its address is known, which is asked for then."""
        attempt = self._attempts.get(batch.reports[0].name) if batch.reports else None
        if attempt is not None and attempt.kind == "endpoint" and not attempt.is_located():
            attempt.held.append(batch)
        else:
            self._pass_on(batch)

    def _pass_on(self, batch: Batch) -> None:
        """Pass on what a runner says. An end that was told already, since its pod was gone, is not told again."""
        reports = [one for one in batch.reports if not isinstance(one, Ended) or self._is_news(one)]
        for report in reports:
            if (attempt := self._attempts.get(report.name)) is not None and not isinstance(report, OfAttempt):
                attempt.spoke.add(report.rank)
                self._clear(attempt)
        self._put(reports, batch)

    def _is_news(self, ended: Ended) -> bool:
        attempt = self._attempts.get(ended.name)
        if attempt is None or ended.rank in attempt.ended:
            return False
        attempt.spoke.add(ended.rank)
        attempt.ended.add(ended.rank)
        return True

    def _settled(self, ended: Ended) -> Ended:
        attempt = self._attempts.get(ended.name)
        pod = attempt.pods.get(ended.rank) if attempt is not None else None
        if attempt is not None and attempt.taken_back and ended.reason == "platform_stopped":
            return replace(ended, reason="preempted", message=attempt.taken_back)
        finding = reasons.interrupted(ended.reason, pod)
        return replace(ended, reason=finding.reason, message=finding.message) if finding else ended

    def _put(self, reports: Sequence[Report], batch: Batch | None = None) -> None:
        def durable() -> None:
            if batch is not None:
                batch.durable()
            for report in reports:
                if isinstance(report, Ended):
                    self._stored(report)

        self._batches.put_nowait(Batch(reports, durable))

    def _stored(self, ended: Ended) -> None:
        """An end is durable: when that is so of all ranks, nothing of the attempt is needed any more."""
        attempt = self._attempts.get(ended.name)
        if attempt is None:
            return
        attempt.stored.add(ended.rank)
        if attempt.stored.issuperset(attempt.ranks):
            self._let_go(attempt)

    def _forget(self, attempt: Attempt) -> None:
        if attempt.look is not None:
            attempt.look.cancel()
        for pod in attempt.pods.values():
            self._of_pod.pop(pod.name, None)
        del self._attempts[attempt.name]
        self.reception.forget(attempt.name)

    def _let_go(self, attempt: Attempt) -> None:
        """Forget an attempt, and remove what was made for it."""
        self._forget(attempt)
        self._removals[attempt.name] = self._spawn(self._remove(attempt))

    async def _remove(self, attempt: Attempt) -> None:
        try:
            if attempt.making is not None:
                attempt.making.cancel()
                await asyncio.wait([attempt.making])
            await self._objects.remove(attempt.name)
        finally:
            self._removals.pop(attempt.name, None)

    # What is seen

    def _node_changed(self, before: Node | None, now: Node | None) -> None:
        self._machines.node(before, now)
        self._roomier()

    def _roomier(self) -> None:
        """Something may fit that did not."""
        if self._opened.is_set():
            self.machines_changed()

    def _keep_pod(self, item: Object) -> Pod | Server | Foreign | None:
        about = item["metadata"]
        labels = about.get("labels", {})
        is_ours = (
            about["namespace"] == self._namespace
            and labels.get(names.INSTANCE) == self.settings.kubernetes_release
            and labels.get(names.ROLE) in names.OURS
        )
        if not is_ours:
            return seen.foreign(item)
        return seen.server(item) if labels[names.ROLE] == "server" else seen.pod(item)

    def _pod_changed(self, before: Pod | Server | Foreign | None, now: Pod | Server | Foreign | None) -> None:
        if isinstance(now, Server):
            self._server_placed(before, now)
            return
        if isinstance(before, Foreign) or isinstance(now, Foreign):
            foreign = [one if isinstance(one, Foreign) else None for one in (before, now)]
            self._machines.foreign(*foreign)
            self._roomier()
        pod = now if isinstance(now, Pod) else before
        if not self._opened.is_set() or not isinstance(pod, Pod):
            return
        if (attempt := self._attempts.get(pod.job)) is None:
            return
        if attempt.uid is not None and pod.job_uid != attempt.uid:
            return  # of an earlier Job of the name, which was taken back
        if now is None:
            attempt.gone.add(pod.rank)
            self._of_pod.pop(pod.name, None)
        else:
            self._placed(attempt, pod)
            attempt.pods[pod.rank] = pod
            attempt.gone.discard(pod.rank)
            self._of_pod[pod.name] = attempt
        if attempt.is_located():
            held, attempt.held = attempt.held, []
            for batch in held:
                self._pass_on(batch)
        self._look(attempt)

    def _server_placed(self, before: object, now: Server) -> None:
        """A reservation has one attempt, and its pod is made by the hub: only where it is, is told here."""
        if now.node and now != before:
            self._put([Placed(f"{now.workload}-1", now.node)])

    def _placed(self, attempt: Attempt, pod: Pod) -> None:
        """Tell on which machine a rank is, as soon as the scheduler has said so."""
        before = attempt.pods.get(pod.rank)
        if pod.node and not attempt.offered and (before is None or before.node != pod.node):
            self._put([Placed(attempt.name, pod.node, pod.rank)])

    def _job_changed(self, before: Job | None, now: Job | None) -> None:
        job = now or before
        if job is None or not self._opened.is_set():
            return
        if (attempt := self._attempts.get(job.name)) is None:
            # Its making was called off, and the API had taken it nevertheless.
            if before is None:
                self._spawn(self._objects.remove(job.name, job.uid))
            return
        attempt.job = now
        if now is not None:
            attempt.uid = now.uid
        elif before is not None and before.uid == attempt.uid and attempt.offered:
            self.recall([attempt.name])
            return
        elif before is not None and before.uid == attempt.uid:
            self._end_soon(attempt, {rank: Finding("lost", "Its Job was deleted.") for rank in attempt.left})
        self._look(attempt)

    def _queued_changed(self, before: Queued | None, now: Queued | None) -> None:
        queued = now or before
        if queued is not None and (attempt := self._attempts.get(queued.job)) is not None:
            attempt.queued = now
            self._look(attempt)

    def _warned(self, _: Warned | None, now: Warned | None) -> None:
        if now is None:
            return
        attempt = (self._attempts if now.kind == "Job" else self._of_pod).get(now.name)
        if attempt is not None and not reasons.is_passing(now.said, attempt.name):
            attempt.warn(now.name, now.said)
            self._look(attempt)

    # What it means

    def _look(self, attempt: Attempt) -> None:
        """See how it stands with an attempt, after something of it has changed."""
        if not self._opened.is_set():
            return
        if attempt.offered:
            self._look_in_queue(attempt)
            return
        ends = {rank: attempt.end_of(rank) for rank in attempt.left}
        self._end_soon(attempt, {rank: finding for rank, finding in ends.items() if finding is not None})
        if attempt.making is None:
            self._weigh(attempt, attempt.trouble())

    def _look_in_queue(self, attempt: Attempt) -> None:
        """See how it stands with what waits in Kueue's queue: a Job that it does not suspend any more may begin."""
        waits = WAITS.format(self.settings.kubernetes_queue)
        if attempt.job is None:
            self._tell(attempt, attempt.told or waits)
        elif attempt.job.suspended:
            attempt.trouble_since = None
            self._tell(attempt, (attempt.queued.waits if attempt.queued is not None else "") or waits)
        elif not attempt.admitted:
            attempt.admitted = True
            self._put([Admitted(attempt.name)])

    def _end_soon(self, attempt: Attempt, ends: dict[int, Finding]) -> None:
        for rank, finding in ends.items():
            asyncio.get_running_loop().call_later(SETTLE_S, self._end, attempt, rank, finding)

    def _weigh(self, attempt: Attempt, trouble: Finding | None) -> None:
        """Tell what keeps an attempt from beginning, and end it when that cannot, or does not, get better."""
        if attempt.look is not None:
            attempt.look.cancel()
            attempt.look = None
        if trouble is None or not attempt.left:
            self._clear(attempt)
            return
        now = clock.monotonic()
        if trouble.when == When.NEVER:
            attempt.trouble_since = None
        elif attempt.trouble_since is None:
            attempt.trouble_since = now
        self._tell(attempt, trouble.message)
        waited = 0.0 if attempt.trouble_since is None else now - attempt.trouble_since
        left = self.settings.kubernetes_patience_s - waited
        if trouble.when == When.NOW or (trouble.when == When.LATER and left <= 0):
            for rank in attempt.left:
                self._end(attempt, rank, trouble)
        else:
            pause = min(FRESH_S, left) if trouble.when == When.LATER else FRESH_S
            attempt.look = asyncio.get_running_loop().call_later(pause, self._look, attempt)

    def _clear(self, attempt: Attempt) -> None:
        """It is coming, or there."""
        attempt.trouble_since = None
        self._tell(attempt, "")

    def _tell(self, attempt: Attempt, words: str) -> None:
        """What people see of an attempt that has not begun; it passes, as any progress does."""
        if words != attempt.told:
            attempt.told = words
            if attempt.offered:
                self._put([Waits(attempt.name, words)])
            else:
                self._put([Progress(attempt.name, {"message": words} if words else {})])

    def _end_all(self, attempt: Attempt) -> None:
        """What has not ended in its grace ends without its runner's word."""
        for rank in attempt.left:
            self._end(attempt, rank, Finding(attempt.stopping or "lost", NOT_ENDED))

    def _end(self, attempt: Attempt, rank: int, finding: Finding) -> None:
        """Tell the end of a rank of which its runner did not tell."""
        if self._closing or rank in attempt.ended or self._attempts.get(attempt.name) is not attempt:
            return
        attempt.ended.add(rank)
        pod = attempt.pods.get(rank)
        reason = attempt.stopping or finding.reason
        code = pod.exit_code if pod is not None else None
        self._put([Ended(attempt.name, reason, finding.message, code, final=False, rank=rank)])
