"""Descriptors that clients hand over, and uploads that grow from them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from blake3 import blake3

from himalia.core.errors import Invalid
from himalia.core.ids import new_id
from himalia.datasets import handed, partial
from himalia.datasets.handed import HandedFiles
from himalia.datasets.partial import PartialFiles


def with_socket(folder: Path, work: Callable[[HandedFiles], Awaitable[None]]) -> None:
    async def run() -> None:
        files = HandedFiles(folder / "files.sock", [folder])
        files.start()
        try:
            await work(files)
        finally:
            files.close()

    asyncio.run(run())


async def hand_over(place: Path, *descriptors: int) -> tuple[socket.socket, str]:
    """The connection, and the name that was given; empty where nothing was taken."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(0)
    connection.connect(str(place))
    socket.send_fds(connection, [b"\0"], [*descriptors])
    try:
        return connection, (await asyncio.get_running_loop().sock_recv(connection, 64)).decode()
    except ConnectionResetError:
        return connection, ""


def test_a_name_holds_as_long_as_its_connection(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")

    async def work(files: HandedFiles) -> None:
        with (tmp_path / "file").open("rb") as opened:
            connection, name = await hand_over(files.path, opened.fileno())
        mine = files.duplicate(name)
        assert os.pread(mine, 100, 0) == b"content"
        connection.close()
        while True:  # until the service has seen it
            try:
                os.close(files.duplicate(name))
            except Invalid:
                break
            await asyncio.sleep(0)
        assert os.pread(mine, 100, 0) == b"content"  # who copies now goes on
        os.close(mine)

    with_socket(tmp_path, work)


def test_what_could_hold_up_the_reader_or_cannot_be_read_is_not_taken(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    os.mkfifo(tmp_path / "pipe")
    not_taken = [
        os.open(tmp_path, os.O_RDONLY),
        os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK),
        os.open(file, os.O_WRONLY),
        os.open(file, os.O_PATH),
        os.open("/proc/self/status", os.O_RDONLY),
        os.memfd_create("elsewhere"),
    ]

    async def work(files: HandedFiles) -> None:
        for descriptor in not_taken:
            connection, name = await hand_over(files.path, descriptor)
            connection.close()
            assert name == "", descriptor
        connection, name = await hand_over(files.path, *not_taken[2:4])
        connection.close()
        assert name == ""

    try:
        with_socket(tmp_path, work)
    finally:
        for descriptor in not_taken:
            os.close(descriptor)


def test_nobody_takes_all_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_bytes(b"content")
    monkeypatch.setattr(handed, "MOST_OF_ONE", 2)

    async def work(files: HandedFiles) -> None:
        with (tmp_path / "file").open("rb") as opened:
            held = [await hand_over(files.path, opened.fileno()) for _ in range(3)]
        assert [bool(name) for _, name in held] == [True, True, False]
        for connection, _ in held:
            connection.close()

    with_socket(tmp_path, work)


def test_what_was_copied_is_hashed_from_the_first_byte_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial, "BLOCK_BYTES", 100_000)
    content = os.urandom(1_000_000)
    (tmp_path / "source").write_bytes(content)
    source, upload = os.open(tmp_path / "source", os.O_RDONLY), new_id()
    try:
        with PartialFiles(tmp_path).growing(upload) as file:
            file.write(content[:250_001])
        files = PartialFiles(tmp_path)  # as after a restart
        assert files.digest(upload) is None
        with files.growing(upload) as file:
            file.copy(source, 400_000, lambda: None)
        assert files.offset(upload) == 650_001
        with files.growing(upload) as file:
            file.copy(source, 10_000_000, lambda: None)
        assert files.path(upload).read_bytes() == content
        assert files.digest(upload) == blake3(content).hexdigest()
        with files.growing(upload) as file:
            file.write(b"more")
        assert files.digest(upload) == blake3(content + b"more").hexdigest()
    finally:
        os.close(source)


def test_who_still_writes_to_a_closed_file_writes_to_no_other(tmp_path: Path) -> None:
    files = PartialFiles(tmp_path)
    with files.growing(new_id()) as file:
        pass
    with (tmp_path / "another").open("wb"), pytest.raises(OSError, match="Bad file descriptor"):
        file.write(b"late")
    assert (tmp_path / "another").read_bytes() == b""
