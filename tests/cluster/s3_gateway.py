"""The S3 server of these tests: the Versity gateway on a folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from machinery.binaries import programs
from platforms import free_port
from s3_servers import S3Server, versitygw


@contextmanager
def gateway(folder: Path, host: str = "127.0.0.1") -> Iterator[S3Server]:
    """A running server that keeps its objects below `folder`, also while it does not run."""
    server = versitygw(programs("versitygw") / "versitygw", free_port(), folder, host)
    try:
        server.start()
        yield server
    finally:
        server.kill()
