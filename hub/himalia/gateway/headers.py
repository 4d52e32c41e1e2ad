"""Which headers pass between callers and model servers. What is not named here does not.

No model sees a credential or where its caller is; no model sets a cookie, or anything else that a browser would
take for the platform's word.
"""

from __future__ import annotations

from collections.abc import Iterable

from multidict import CIMultiDict

TO_SERVER = frozenset(
    {
        *(b"accept", b"accept-encoding", b"accept-language", b"content-type", b"content-encoding"),
        *(b"user-agent", b"inference-header-content-length", b"x-request-id", b"traceparent", b"tracestate"),
    }
)
TO_CALLER = frozenset(
    {
        *(
            b"content-type",
            b"content-encoding",
            b"content-language",
            b"content-disposition",
            b"cache-control",
        ),
        *(b"etag", b"last-modified", b"retry-after", b"inference-header-content-length", b"x-request-id"),
    }
)
OWN = {
    "Server": "himalia",
    "X-Content-Type-Options": "nosniff",
    # What a model answers is never rendered with the rights of the platform's origin.
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""On every answer."""


def request_head(method: str, path: str, headers: Iterable[tuple[bytes, bytes]], length: int | None) -> bytes:
    """The head of a request to a model server; `length` is None for a body of unknown length."""
    lines = [f"{method} {path} HTTP/1.1\r\nhost: endpoint\r\n".encode("ascii", "surrogateescape")]
    for name, value in headers:
        lower = name.lower()
        if lower in TO_SERVER:
            lines.append(b"%b: %b\r\n" % (lower, value))
    if length is None:
        lines.append(b"transfer-encoding: chunked\r\n\r\n")
    else:
        lines.append(b"content-length: %d\r\n\r\n" % length)
    return b"".join(lines)


def answer_headers(headers: Iterable[tuple[bytes, bytes]]) -> CIMultiDict[str]:
    """The headers of an answer for the caller, from those of the model server (names in lower case)."""
    passed = CIMultiDict(OWN)
    for name, value in headers:
        if name in TO_CALLER:
            passed[name.decode("ascii")] = value.decode("latin-1")
    return passed
