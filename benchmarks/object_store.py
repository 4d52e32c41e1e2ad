"""Objects on S3, against boto3 with as many threads on the same server, and against a directory.

    python benchmarks/object_store.py [--files 2000] [--large-mib 256] [--rounds 5] [--json]

The server is the Versity gateway on a folder of this machine, compiled by Go where it is not there yet. boto3 only
moves bytes under names that it is told; the store hashes them on their way, and what is laid out is on the disk
when it says so. Each round has new content, a new folder on this machine, and its own order.

- put: files of 4 KiB from memory; boto3: `put_object`;
- lay out: those files as a folder; boto3: `get_object`, written to files;
- put one file, lay out one file: in parts; boto3: `upload_file`, `download_file`.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import boto3
from _platform import ROOT
from _report import Report, Series, at_least_one, options
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from himalia.storage.base import ObjectStore
from himalia.storage.directory import DirectoryStore
from himalia.storage.s3.place import S3Place
from himalia.storage.s3.store import PARALLEL, S3Store
from himalia.storage.trees import Tree, TreeFile

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "cluster")]
from s3_gateway import gateway  # noqa: E402
from s3_servers import ACCESS, SECRET, credentials  # noqa: E402

BUCKET = "measured"
FILE_BYTES = 4096
FILES, LARGE = ("put", "lay out"), ("put one file", "lay out one file")
WHO = ("himalia", "boto3", "directory")


class Ours:
    """A store of ours: S3, or the directory."""

    def __init__(self, make: Callable[[Path], ObjectStore], folder: Path) -> None:
        self.make = make
        self.folder = folder

    def round(self, contents: list[bytes], large: Path) -> dict[str, float]:
        """Seconds of each step."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        checkouts = folder / "checkouts"
        checkouts.mkdir()
        took: dict[str, float] = {}
        with closing(self.make(folder)) as store:
            began = time.perf_counter()
            stored = store.put_many(contents)
            took["put"] = time.perf_counter() - began
            tree = Tree.of(TreeFile(f"{n}", one.size, one.digest) for n, one in enumerate(stored))
            store.put(tree.to_bytes())
            took["lay out"] = _timed(lambda: store.checkout(tree.digest, checkouts))
            began = time.perf_counter()
            one = store.adopt(large)
            took["put one file"] = time.perf_counter() - began
            tree = Tree.of([TreeFile("large", one.size, one.digest)])
            store.put(tree.to_bytes())
            took["lay out one file"] = _timed(lambda: store.checkout(tree.digest, checkouts))
        shutil.rmtree(folder)
        return took


class Plain:
    """boto3 alone."""

    def __init__(self, address: str, folder: Path) -> None:
        self.folder = folder
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=address,
            region_name="us-east-1",
            aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET,
            config=Config(max_pool_connections=2 * PARALLEL),
        )
        self.transfer = TransferConfig(max_concurrency=PARALLEL)

    def round(self, contents: list[bytes], large: Path) -> dict[str, float]:
        """Seconds of each step."""
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        names = [f"plain/{folder.name}/{n}" for n in range(len(contents))]

        def put(pair: tuple[str, bytes]) -> None:
            self.client.put_object(Bucket=BUCKET, Key=pair[0], Body=pair[1])

        def get(name: str) -> None:
            body = self.client.get_object(Bucket=BUCKET, Key=name)["Body"].read()
            (folder / name.rpartition("/")[2]).write_bytes(body)

        with ThreadPoolExecutor(PARALLEL) as pool:
            took = {
                "put": _timed(lambda: _all(pool.map(put, zip(names, contents, strict=True)))),
                "lay out": _timed(lambda: _all(pool.map(get, names))),
            }
        key, back = f"plain/{folder.name}/large", str(folder / "large")
        upload = lambda: self.client.upload_file(str(large), BUCKET, key, Config=self.transfer)  # noqa: E731
        took["put one file"] = _timed(upload)
        download = lambda: self.client.download_file(BUCKET, key, back, Config=self.transfer)  # noqa: E731
        took["lay out one file"] = _timed(download)
        shutil.rmtree(folder)
        return took


def _all(results: Iterable[object]) -> None:
    for _ in results:
        pass


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def measure(files: int, large_mib: int, rounds: int, folder: Path) -> list[Report]:
    """A report for each step."""
    key = credentials(folder)
    steps = (*FILES, *LARGE)
    seconds: dict[str, dict[str, list[float]]] = {who: {step: [] for step in steps} for who in WHO}
    with gateway(folder) as server:
        place = S3Place(BUCKET, "", server.address)
        plain = Plain(server.address, folder)
        plain.client.create_bucket(Bucket=BUCKET)
        parties: dict[str, Ours | Plain] = {
            "himalia": Ours(lambda near: S3Store(place, near / "near", key), folder),
            "boto3": plain,
            "directory": Ours(lambda near: DirectoryStore(near / "objects"), folder),
        }
        for number in range(rounds + 1):  # one more, to warm up
            contents = [os.urandom(FILE_BYTES) for _ in range(files)]
            for who in random.sample(WHO, len(WHO)):
                large = folder / "large"
                with large.open("wb") as file:
                    for _ in range(large_mib):
                        file.write(os.urandom(1 << 20))
                took = parties[who].round(contents, large)
                if number:
                    for step, value in took.items():
                        seconds[who][step].append(value)
    reports = []
    for step in steps:
        amount, unit = (files, "files a second") if step in FILES else (large_mib, "MiB a second")
        ours, *peers = (Series(who, values=[amount / s for s in seconds[who][step]]) for who in WHO)
        reports.append(Report(step, unit, ours, peers))
    return reports


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--files", type=at_least_one, default=2000)
    parser.add_argument("--large-mib", type=at_least_one, default=256)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="himalia-bench-") as folder:
        for report in measure(arguments.files, arguments.large_mib, arguments.rounds, Path(folder)):
            report.show(arguments.json)


if __name__ == "__main__":
    main()
