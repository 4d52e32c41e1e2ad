"""The numeric identities of people and projects on this machine: given once, never again."""

from __future__ import annotations

import os
from typing import Any

from himalia.core.people import Person
from himalia.core.settings import Settings
from himalia.engine.backends.base import Account, Place


class Identities:
    """UIDs and GIDs are made from the numbers of people and projects.

    There are none where the platform is not root, and on a cluster, where everybody has the same ones.
    """

    def __init__(self, settings: Settings) -> None:
        self.uid_base = settings.uid_base
        self.gid_base = settings.gid_base
        self.has_accounts = os.geteuid() == 0 and not settings.is_cluster

    def account(self, person: Person) -> Account:
        """The account that a person's sandboxes run as."""
        number = self.uid_base + person.number if self.has_accounts else None
        return Account(person.id, person.name, number, number)

    def place(self, project: dict[str, Any]) -> Place:
        """A project with the group of its shared folder; `project` is its row."""
        number = self.gid_base + project["number"] if self.has_accounts else None
        return Place(project["id"], project["name"], number)
