"""Who may do what: one row per operation of the API.

Allowed is what the credential's scope, the person's role in the project and the kind of credential all allow.
docs/permissions.md is made from this table; an operation without a row fails the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Scope = Literal["read", "write", "admin"]
Credential = Literal["hub", "user", "session", "workload", "service", "none"]

SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
ADMIN_ROLE = "himalia-admin"
"""The hub's role for those who administer Himalia."""
PERSON: frozenset[Credential] = frozenset({"hub", "user", "session"})


class Role(IntEnum):
    """What a member may do in a project; each includes the ones before it."""

    none = 0
    viewer = 1
    editor = 2
    owner = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """`by`: which credentials may come, `workload` meaning the runner of the one in the path; `own`: a workload's
    token counts for that workload itself;
    `submit`: a workload's token counts when its job was given the permission to submit; `limited`: a token that
    is limited to one project may come, though no project is named."""

    scope: Scope | None = "read"
    role: Role = Role.none
    by: frozenset[Credential] = PERSON
    own: bool = False
    submit: bool = False
    limited: bool = False


def _anyone() -> Rule:
    return Rule(scope=None, by=frozenset({"none"}))


def _own() -> Rule:
    return Rule(scope=None, by=frozenset({"workload"}), own=True)


def _service() -> Rule:
    return Rule(scope=None, by=frozenset({"service"}))


def _mlflow(scope: Scope, role: Role) -> Rule:
    """By token alone: what is logged there is not for the pages of this origin. A job's counts in its project."""
    return Rule(scope, role, by=frozenset({"hub", "user"}), own=True)


_READ = Rule("read", Role.viewer)
_WRITE = Rule("write", Role.editor)
_OWN = Rule("write", Role.owner)
_ADMIN = Rule("admin", by=PERSON | {"service"})
_READ_OR_SUBMIT = Rule("read", Role.viewer, submit=True)
_WRITE_OR_SUBMIT = Rule("write", Role.editor, submit=True)

OPERATIONS: dict[str, Rule] = {
    "health": _anyone(),
    "live": _anyone(),
    "ready": _anyone(),
    "metrics": _ADMIN,
    "whoami": Rule("read", submit=True, limited=True),
    "people.search": Rule("read", limited=True),
    "people.revoke": _ADMIN,
    "profiles.list": Rule("read", by=PERSON | {"service"}, submit=True, limited=True),
    "projects.list": Rule("read", submit=True, limited=True),
    "projects.create": Rule("write"),
    "projects.get": _READ_OR_SUBMIT,
    "projects.update": _OWN,
    "projects.delete": _OWN,
    "projects.restore": Rule("write"),
    "projects.members": _READ,
    "projects.set_member": _OWN,
    "projects.remove_member": _OWN,
    "secrets.list": _READ,
    "secrets.set": _OWN,
    "secrets.delete": _OWN,
    "snapshots.create": _WRITE_OR_SUBMIT,
    "objects.put": _WRITE_OR_SUBMIT,
    "overlays.create": _WRITE,
    "overlays.get": _READ_OR_SUBMIT,
    "overlays.log": _READ_OR_SUBMIT,
    "overlays.stop": _WRITE,
    "datasets.list": _READ_OR_SUBMIT,
    "datasets.create": _WRITE_OR_SUBMIT,
    "datasets.get": _READ_OR_SUBMIT,
    "datasets.update": _WRITE,
    "datasets.delete": _WRITE,
    "datasets.restore": _WRITE,
    "datasets.versions": _READ_OR_SUBMIT,
    "datasets.add_version": _WRITE_OR_SUBMIT,
    "datasets.verify": _WRITE,
    "datasets.verified": _READ_OR_SUBMIT,
    "datasets.checkout": _READ_OR_SUBMIT,
    "datasets.version": _READ_OR_SUBMIT,
    "datasets.delete_version": _WRITE,
    "datasets.restore_version": _WRITE,
    "datasets.set_alias": _WRITE_OR_SUBMIT,
    "datasets.remove_alias": _WRITE,
    "datasets.files": _READ_OR_SUBMIT,
    "datasets.file": _READ_OR_SUBMIT,
    "datasets.diff": _READ_OR_SUBMIT,
    "datasets.preview": _READ_OR_SUBMIT,
    "datasets.make_preview": _WRITE,
    "datasets.thumbnails": _READ_OR_SUBMIT,
    "datasets.croissant": _READ_OR_SUBMIT,
    "drafts.list": _READ_OR_SUBMIT,
    "drafts.create": _WRITE_OR_SUBMIT,
    "drafts.get": _READ_OR_SUBMIT,
    "drafts.files": _READ_OR_SUBMIT,
    "drafts.announce": _WRITE_OR_SUBMIT,
    "drafts.bundle": _WRITE_OR_SUBMIT,
    "uploads.create": _WRITE_OR_SUBMIT,
    "uploads.state": _READ_OR_SUBMIT,
    "uploads.append": _WRITE_OR_SUBMIT,
    "uploads.delete": _WRITE_OR_SUBMIT,
    "drafts.update": _WRITE_OR_SUBMIT,
    "drafts.import": _WRITE_OR_SUBMIT,
    "drafts.import_paths": Rule("read", by=PERSON, limited=True),
    "drafts.stop_import": _WRITE_OR_SUBMIT,
    "drafts.commit": _WRITE_OR_SUBMIT,
    "drafts.delete": _WRITE_OR_SUBMIT,
    "jobs.list": _READ_OR_SUBMIT,
    "jobs.create": _WRITE_OR_SUBMIT,
    "jobs.get": _READ_OR_SUBMIT,
    "jobs.update": _WRITE,
    "jobs.delete": _WRITE,
    "jobs.restore": _WRITE,
    "jobs.stop": _WRITE_OR_SUBMIT,
    "jobs.retry": _WRITE,
    "jobs.rerun": _WRITE,
    "jobs.log": _READ_OR_SUBMIT,
    "jobs.metrics": _READ_OR_SUBMIT,
    "jobs.outputs": _READ_OR_SUBMIT,
    "jobs.output": _READ_OR_SUBMIT,
    "jobs.events": _READ,
    "endpoints.list": _READ_OR_SUBMIT,
    "endpoints.create": _WRITE_OR_SUBMIT,
    "endpoints.get": _READ_OR_SUBMIT,
    "endpoints.update": _WRITE,
    "endpoints.delete": _WRITE,
    "endpoints.restore": _WRITE,
    "endpoints.revisions": _READ_OR_SUBMIT,
    "endpoints.add_revision": _WRITE_OR_SUBMIT,
    "endpoints.rollback": _WRITE,
    "endpoints.set_traffic": _WRITE,
    "endpoints.stop": _WRITE,
    "endpoints.start": _WRITE,
    "endpoints.tokens": _READ,
    "endpoints.create_token": _WRITE,
    "endpoints.delete_token": _WRITE,
    "endpoints.log": _READ,
    "endpoints.metrics": _READ,
    "endpoints.example": _READ,
    "models.list": _READ_OR_SUBMIT,
    "models.create": _WRITE_OR_SUBMIT,
    "models.get": _READ_OR_SUBMIT,
    "models.update": _WRITE,
    "models.delete": _WRITE,
    "models.versions": _READ_OR_SUBMIT,
    "models.register": _WRITE_OR_SUBMIT,
    "models.version": _READ_OR_SUBMIT,
    "models.update_version": _WRITE,
    "models.delete_version": _WRITE,
    "models.set_alias": _WRITE_OR_SUBMIT,
    "models.remove_alias": _WRITE,
    "models.card": _READ_OR_SUBMIT,
    "models.set_card": _WRITE,
    "models.files": _READ_OR_SUBMIT,
    "models.file": _READ_OR_SUBMIT,
    "models.download": _READ_OR_SUBMIT,
    "models.code": _READ_OR_SUBMIT,
    "models.evaluate": _WRITE_OR_SUBMIT,
    "models.evaluations": _READ_OR_SUBMIT,
    "lineage.get": _READ_OR_SUBMIT,
    "experiments.samplers": Rule("read", limited=True),
    "experiments.list": _READ_OR_SUBMIT,
    "experiments.create": _WRITE,
    "experiments.get": _READ_OR_SUBMIT,
    "experiments.update": _WRITE,
    "experiments.delete": _WRITE,
    "experiments.restore": _WRITE,
    "experiments.stop": _WRITE,
    "experiments.resume": _WRITE,
    "experiments.best": _READ_OR_SUBMIT,
    "experiments.trials": _READ_OR_SUBMIT,
    "experiments.trial": _READ_OR_SUBMIT,
    "experiments.stop_trial": _WRITE,
    "experiments.plot": _READ_OR_SUBMIT,
    "tokens.list": Rule("read"),
    "tokens.create": Rule("write", by=frozenset({"session"})),
    "tokens.delete": Rule("write"),
    "login.start": _anyone(),
    "login.finish": _anyone(),
    "events.list": Rule("read", limited=True),
    "events.stream": Rule("read", limited=True),
    "tracking.get": _READ,
    "tracking.open": _READ,
    "mlflow.read": _mlflow("read", Role.viewer),
    "mlflow.write": _mlflow("write", Role.editor),
    "workloads.list": _ADMIN,
    "workloads.stream": _ADMIN,
    "workloads.stop": _ADMIN,
    "machines.list": _ADMIN,
    "workloads.snapshot": _own(),
    "workloads.output": _own(),
    "workloads.outputs": _own(),
    "workloads.report": _own(),
    "workloads.orders": _own(),
    "reservations.create": _service(),
    "reservations.delete": _service(),
}


def covers(held: frozenset[str], needed: Scope) -> bool:
    """Whether scopes `held` include `needed`: admin includes write, write includes read."""
    return any(scope in held for scope in SCOPES[SCOPES.index(needed) :])
