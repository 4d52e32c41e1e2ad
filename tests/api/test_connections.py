"""Connections that are kept open between calls."""

from __future__ import annotations

import http.client
import socket
import time

from platforms import Running

HEALTH = "/services/himalia/health"


def test_an_idle_connection_is_kept_longer_than_clients_keep_it(himalia: Running) -> None:
    """Most clients give one up after 5 s, ours after 20; one that is closed as they send costs them the call."""
    host, _, port = himalia.address.partition(":")
    to_proxy = http.client.HTTPConnection(host, int(port), timeout=10)
    to_service = http.client.HTTPConnection("service", timeout=10)
    to_service.sock = socket.socket(socket.AF_UNIX)
    to_service.sock.connect(str(himalia.home / "s" / "service" / "api.sock"))
    both = (to_proxy, to_service)
    first = [_asked(one) for one in both]
    time.sleep(6)
    assert [_asked(one) for one in both] == first
    for one in both:
        one.close()


def _asked(connection: http.client.HTTPConnection) -> tuple[int, object]:
    """The answer's status, and the socket that it came through."""
    connection.request("GET", HEALTH)
    answer = connection.getresponse()
    answer.read()
    return answer.status, connection.sock
