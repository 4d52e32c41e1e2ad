"""From a runner in a pod to the service, over HTTP: reports are handed in, and orders waited for.

Two threads, so that neither waits for the other. Both try again for ever while the service is away; what they learn
lies ready in :meth:`Uplink.news`, and ``wake`` is called.
"""

from __future__ import annotations

import collections
import http.client
import json
import random
import sys
import threading
import time
import urllib.parse
from dataclasses import dataclass
from typing import Any, Callable, Deque, Dict, List, Optional, Tuple

from himalia.runner import lines
from himalia.runner.api import BASE, connect, error_message

#: A report that makes the call larger waits for the next one.
CALL_BYTES = 1 << 20
#: What the service is to hear at once; everything else is gathered for as long as it says.
URGENT = ("started", "ended")
WAIT_S = 50.0
_TIMEOUT_S = 60.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 15.0
_FIRST_GATHER_S = 0.1
#: What the service has taken and not stored yet is told of again after this time.
_AGAIN_S = 1.0
#: A workload that ends at once needs no call for orders.
_FIRST_ORDERS_S = 1.0
#: The service closes connections that are idle for longer.
_KEPT_S = 30.0
_OVER = (401, 404, 409)
_LATER = (408, 425, 429)

News = Dict[str, Any]


class AttemptOver(Exception):
    """The service knows nothing of this attempt any more, or not of this runner; the text is its sentence."""


class _Away(Exception):
    """The service cannot be reached, or is not well."""


class _Refused(Exception):
    """The service will never take this."""


@dataclass(frozen=True)
class Identity:
    """Who reports to which service (``url``)."""

    url: str
    workload: str
    attempt: int
    rank: int
    runner: str
    token: str


class _Line:
    """One kept connection to the service, for one thread."""

    def __init__(self, identity: Identity, over: threading.Event, wait_s: float) -> None:
        self._identity = identity
        self._over = over
        self._timeout_s = _TIMEOUT_S + wait_s
        self._connection: Optional[http.client.HTTPConnection] = None
        self._prefix = ""
        self._used_at = 0.0

    def call(self, method: str, path: str, body: Optional[bytes] = None) -> Dict[str, Any]:
        """What the service answers, however long it is away. Raises AttemptOver and _Refused."""
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return self._once(method, path, body)
            except _Away as error:
                if pause == _FIRST_PAUSE_S * 2:
                    print(f"The service does not answer ({error}); trying on.", file=sys.stderr, flush=True)
            # Thousands of runners must not come back to it in the same moment.
            if self._over.wait(pause * random.uniform(0.5, 1.5)):
                raise AttemptOver("It has ended.")
            pause = min(pause * 2, _LONGEST_PAUSE_S)

    def _once(self, method: str, path: str, body: Optional[bytes]) -> Dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._identity.token}", "Content-Type": "application/json"}
        if time.monotonic() > self._used_at + _KEPT_S:
            self._drop()
        try:
            if self._connection is None:
                self._connection, self._prefix = connect(self._identity.url, self._timeout_s)
            workload = urllib.parse.quote(self._identity.workload, safe="")
            target = f"{self._prefix}{BASE}/workloads/{workload}/{path}"
            self._connection.request(method, target, body, headers)
            response = self._connection.getresponse()
            if response.status == 200:
                self._used_at = time.monotonic()
                return _checked(json.loads(response.read()))
            message = error_message(response)
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._drop()
            raise _Away(str(error) or type(error).__name__) from None
        self._drop()
        if response.status in _OVER:
            raise AttemptOver(message)
        if response.status >= 500 or response.status in _LATER or response.status < 400:
            raise _Away(f"HTTP {response.status}: {message}")
        raise _Refused(message)

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class Uplink:
    """Reports given to :meth:`add` are kept until they are acknowledged, which ``news`` tells."""

    def __init__(self, identity: Identity, wake: Callable[[], None]) -> None:
        self._identity = identity
        self._wake = wake
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._waiting: Deque[Tuple[int, bytes]] = collections.deque()
        self._urgent = False
        self._gather_s = _FIRST_GATHER_S
        self._news: Deque[News] = collections.deque()
        self._knows_advice = self._knows_stop = False

    def start(self) -> None:
        """Begin; both threads end with the process."""
        for work in (self._hand_in, self._wait_for_orders):
            threading.Thread(target=self._guarded, args=(work,), daemon=True).start()

    def add(self, report: Dict[str, Any]) -> None:
        """Have a report handed in: at once, or with those that gather meanwhile."""
        with self._changed:
            self._waiting.append((int(report["n"]), lines.encode(report).rstrip(b"\n")))
            self._urgent = self._urgent or report.get("op") in URGENT
            self._changed.notify()

    def news(self) -> List[News]:
        """What has been learnt since the last call: ``{"acknowledged": n}``, ``{"should_stop": True}``,
        ``{"stop": {"grace_s", "reason"}}``, and ``{"over": sentence}``, after which there is no more."""
        found = []
        while self._news:
            found.append(self._news.popleft())
        return found

    @property
    def empty(self) -> bool:
        """Whether everything is acknowledged."""
        return not self._waiting

    def close(self) -> None:
        """Try nothing again from now on."""
        self._over.set()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except AttemptOver as error:
            self._over.set()
            self._tell({"over": str(error)})

    def _tell(self, *news: News) -> None:
        self._news.extend(news)
        self._wake()

    # Reports.

    def _hand_in(self) -> None:
        line = _Line(self._identity, self._over, 0.0)
        last = float("-inf")
        while True:
            reports = self._gathered(last)
            last = time.monotonic()
            try:
                self._take_answer(line.call("POST", "reports", self._body(reports)), reports[-1][0])
            except _Refused as error:
                self._part(line, reports, error)

    def _gathered(self, last: float) -> List[Tuple[int, bytes]]:
        """The reports of the next call, once it is due."""
        with self._changed:
            while not self._waiting:
                self._changed.wait()
            while not self._urgent:
                left = last + self._gather_s - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
            reports: List[Tuple[int, bytes]] = []
            size = 0
            for one in self._waiting:
                size += len(one[1])
                if reports and size > CALL_BYTES:
                    return reports  # the rest follows at once if any of it is urgent
                reports.append(one)
            self._urgent = False
            return reports

    def _body(self, reports: List[Tuple[int, bytes]]) -> bytes:
        who = self._identity
        head = json.dumps({"attempt": who.attempt, "rank": who.rank, "runner": who.runner})
        return b'%s,"reports":[%s]}' % (head[:-1].encode(), b",".join(text for _, text in reports))

    def _take_answer(self, answer: Dict[str, Any], last: int) -> None:
        upto = int(answer["acknowledged"])
        with self._changed:
            while self._waiting and self._waiting[0][0] <= upto:
                self._waiting.popleft()
            self._gather_s = float(answer.get("pause_s", self._gather_s))
            if upto < last:
                self._gather_s = max(self._gather_s, _AGAIN_S)
        self._tell({"acknowledged": upto}, *self._orders(answer))

    def _part(self, line: _Line, reports: List[Tuple[int, bytes]], error: _Refused) -> None:
        """The service refuses something of a call: all but that is handed in."""
        if len(reports) > 1:
            for one in reports:
                try:
                    self._take_answer(line.call("POST", "reports", self._body([one])), one[0])
                except _Refused as refused:
                    self._part(line, [one], refused)
            return
        print(f"The service does not take a report: {error}", file=sys.stderr, flush=True)
        number = reports[0][0]
        self._take_answer({"acknowledged": number, "should_stop": False, "stop": None}, number)

    # Orders.

    def _wait_for_orders(self) -> None:
        line = _Line(self._identity, self._over, WAIT_S)
        pause = _FIRST_ORDERS_S
        while not (self._over.wait(pause) or self._knows_stop):
            asked = time.monotonic()
            try:
                news = self._orders(line.call("GET", f"orders?{self._query()}"))
            except _Refused as error:
                print(f"The service gives no orders: {error}", file=sys.stderr, flush=True)
                news = []
            if news:
                self._tell(*news)
            # A service that ends lets go of those who wait, without an order.
            pause = 0.0 if news or time.monotonic() - asked > 1.0 else 1.0

    def _query(self) -> str:
        who = self._identity
        query: Dict[str, Any] = {"attempt": who.attempt, "rank": who.rank, "wait_s": WAIT_S}
        if self._knows_advice:
            query["should_stop"] = "true"
        return urllib.parse.urlencode(query)

    def _orders(self, answer: Dict[str, Any]) -> List[News]:
        """What is new of an answer's orders."""
        news: List[News] = []
        if answer["should_stop"] and not self._knows_advice:
            self._knows_advice = True
            news.append({"should_stop": True})
        if answer["stop"] and not self._knows_stop:
            self._knows_stop = True
            news.append({"stop": answer["stop"]})
        return news


def _checked(answer: Any) -> Dict[str, Any]:
    if not isinstance(answer, dict) or not {"should_stop", "stop"} <= answer.keys():
        raise ValueError("what answers there is no service of ours")
    return answer
