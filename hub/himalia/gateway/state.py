"""What the gateway routes by: a file that the service writes and the gateway reads, so that it outlives both.

```json
{"endpoints": [{"id", "project", "name", "message", "tokens": {"<sha256>": <expires at, or null>},
                "revisions": [{"id", "number", "attempt", "address", "weight", "secret"}]}]}
```

`message` is what callers are told while no revision can answer. Tokens are hashes only. An address is
`unix:/path/of/a.socket` or `http://IP:port`; a server at one of the latter shows that it knows the `secret`.
"""

from __future__ import annotations

import json
import logging
import os
import random
from bisect import bisect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

from himalia.gateway.upstream import Pool

log = logging.getLogger(__name__)

FILE = "state.json"
PREFIX = "/services/himalia-gateway"
"""Where the hub's proxy sends on to the gateway."""
CONTROL = "control.sock"
ASK_S = 10.0
"""How long a server may take for what the service asks it through the gateway."""
_Key = tuple[str, int, str]  # revision, attempt, address: another of these is another server


@dataclass(eq=False)
class Revision:
    """One model server. It stays the same object for as long as it is served; `running` counts its requests."""

    id: str
    number: int
    endpoint: str
    attempt: int
    pool: Pool
    running: int = 0


@dataclass(frozen=True)
class Endpoint:
    """Who may call it, and who answers. `shares` are the revisions' weights, added up."""

    id: str
    message: str
    tokens: Mapping[str, float | None]
    revisions: tuple[Revision, ...]
    shares: tuple[int, ...]

    def admits(self, hashed: str, now: float) -> bool:
        """Whether a token with this hash opens the endpoint at `now` (seconds since the epoch)."""
        if hashed not in self.tokens:
            return False
        expires = self.tokens[hashed]
        return expires is None or now < expires

    def choose(self) -> list[Revision]:
        """Revisions in the order in which to try them: one by its weight, then the others."""
        if len(self.revisions) < 2:
            return list(self.revisions)
        first = bisect(self.shares, random.random() * self.shares[-1])  # noqa: S311  (no secret)
        return [self.revisions[first], *(one for i, one in enumerate(self.revisions) if i != first)]


@dataclass
class Table:
    """The endpoints by `project/name`, and the revisions that still have requests."""

    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    revisions: dict[_Key, Revision] = field(default_factory=dict)
    retiring: set[Revision] = field(default_factory=set)

    def replace(self, state: Mapping[str, Any]) -> None:
        """Take over a state; what it no longer names gets no new request, and finishes those it has.

        Raises KeyError, TypeError or ValueError, with nothing changed, when it cannot be read.
        """
        revisions: dict[_Key, Revision] = {}
        endpoints = {
            f"{one['project']}/{one['name']}": self._endpoint(one, revisions) for one in state["endpoints"]
        }
        for key in self.revisions.keys() - revisions.keys():
            gone = self.revisions[key]
            gone.pool.close()
            self.retiring.add(gone)
        self.endpoints, self.revisions = endpoints, revisions
        self.retiring = {one for one in self.retiring if one.running}

    def _endpoint(self, one: Mapping[str, Any], revisions: dict[_Key, Revision]) -> Endpoint:
        found = []
        for shown in one["revisions"]:
            key = (str(shown["id"]), int(shown["attempt"]), _address(shown))
            known = self.revisions.get(key) or Revision(
                key[0],
                int(shown["number"]),
                str(one["id"]),
                key[1],
                Pool(key[2], str(shown.get("secret", ""))),
            )
            revisions[key] = known
            found.append((known, int(shown["weight"])))
        shared = [(revision, weight) for revision, weight in found if weight > 0]
        return Endpoint(
            str(one["id"]),
            str(one["message"]),
            dict(one["tokens"]),
            tuple(revision for revision, _ in shared),
            tuple(accumulate(weight for _, weight in shared)),
        )

    def everyone(self) -> Iterable[Revision]:
        """Every revision that may have connections."""
        return (*self.revisions.values(), *self.retiring)

    def running(self, revision: str) -> int:
        """How many requests a revision has."""
        return sum(one.running for one in self.everyone() if one.id == revision)


def _address(shown: Mapping[str, Any]) -> str:
    """Where a server is; a state that 0.2 wrote names its socket."""
    return str(shown["address"]) if "address" in shown else f"unix:{shown['socket']}"


def write(folder: Path, state: Mapping[str, Any]) -> None:
    """Put a state in place of the last one; a reader sees the one or the other."""
    temporary = folder / f".{FILE}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(state, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / FILE)


def addresses(folder: Path) -> dict[tuple[str, int], list[str]]:
    """Where the servers of each revision and attempt are by the state that was written last; empty without one."""
    found: dict[tuple[str, int], list[str]] = {}
    try:
        for one in json.loads((folder / FILE).read_bytes())["endpoints"]:
            for shown in one["revisions"]:
                found.setdefault((str(shown["id"]), int(shown["attempt"])), []).append(_address(shown))
    except (OSError, KeyError, TypeError, ValueError) as error:
        log.info("What the gateway was told last cannot be read: %s", error)
    return found
