"""The local backend: the common suite in real sandboxes, and what only processes of one machine can get wrong."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from processes import kill

from himalia.core.settings import Settings
from himalia.core.unix import connected
from himalia.engine.backends.base import WHOLE, Account, Place, Seen
from himalia.engine.backends.local import link
from himalia.engine.backends.local.backend import LocalBackend
from himalia.engine.backends.local.machine import this_machine
from himalia.engine.backends.local.runner import Runner, Runners
from himalia.engine.folders import Folders
from himalia.engine.resources import Resources, Spot
from himalia.storage.directory import DirectoryStore
from himalia.storage.trees import Tree, TreeFile
from himalia.testing.backends import COUNTED, FOREVER, BackendSuite, count
from himalia.testing.groups import GroupSuite, group
from himalia.testing.service_side import Service, World, eventually
from himalia.testing.workload_api import WorkloadApi

ROOT = os.geteuid() == 0
GPU = "nvidia.com/gpu"
ON_GPU = """
from ctypes import CDLL, byref, c_int, c_size_t, c_uint64, c_void_p, create_string_buffer

cuda = CDLL("libcuda.so.1")

def call(name, *arguments):
    if code := getattr(cuda, name)(*arguments):
        raise SystemExit(f"{name} answered {code}")

call("cuInit", 0)
count, device, context, memory = c_int(), c_int(), c_void_p(), c_uint64()
call("cuDeviceGetCount", byref(count))
print(count.value, "devices")
call("cuDeviceGet", byref(device), 0)
call("cuDevicePrimaryCtxRetain", byref(context), device)
call("cuCtxSetCurrent", context)
call("cuMemAlloc_v2", byref(memory), c_size_t(4))
call("cuMemsetD8_v2", memory, 0x37, c_size_t(4))
back = create_string_buffer(4)
call("cuMemcpyDtoH_v2", back, memory, c_size_t(4))
print(back.raw.decode())
"""
"""The driver's own interface, which needs no framework: count the devices, and have one fill memory with sevens."""


@pytest.fixture
def home(environments: Path) -> Iterator[Path]:
    """A home with an environment; afterwards no process of it may be left."""
    outer = Path(tempfile.mkdtemp(prefix="h", dir="/tmp"))
    outer.chmod(0o711)
    home = outer / "home"
    Folders(home).prepare()
    (home / "environments" / "base").symlink_to(environments / "base")
    yield home
    shutil.rmtree(outer)


@pytest.fixture
def local_world(home: Path) -> Iterator[World]:
    settings = Settings(home=home, log_limit_bytes=2**21, warm_kernels=0)
    folders = Folders(home)
    person = Account("p1", "ada", 210_001 if ROOT else None, 210_001 if ROOT else None)
    project = Place("j1", "digits", 410_001 if ROOT else None)
    api = WorkloadApi(home / "s" / "service" / "api.sock")
    yield World(
        backend=lambda: LocalBackend(settings),
        person=person,
        project=project,
        shared=folders.shared(project),
        environment="base",
        log_limit_bytes=settings.log_limit_bytes,
        api=api,
    )
    end_runners(settings)
    api.down()
    assert sandboxes(home) == []


class TestGroups(GroupSuite):
    @pytest.fixture
    def world(self, local_world: World) -> World:
        return local_world

    async def test_nobody_else_reaches_a_groups_ports(self, world: World) -> None:
        listen = (
            "import os, socket, time; port = 29500 + int(os.environ['RANK']); "
            "s = socket.create_server(('127.0.0.1', port)); print('up'); time.sleep(3600)"
        )
        reach = "import socket; socket.create_connection(('127.0.0.1', 29500), timeout=5)"
        async with Service(world) as service:
            service.backend.start(world.python(listen, "g-1", replicas=2, others=(Spot("here"),)))
            await service.printed("g-1", "up")
            alone = await service.run(world.python(reach, "b-1"))
            service.backend.stop("g-1", 1.0, "stopped_by_user")
            await service.ended("g-1", 0)
        assert alone.exit_code == 1
        assert "refused" in service.log("b-1")

    async def test_a_killed_runner_takes_all_ranks_along(self, world: World, home: Path) -> None:
        async with Service(world) as service:
            service.backend.start(group(world, "echo up; " + FOREVER))
            for rank in (0, 1):
                await service.printed("g-1", "up", rank)
            kill_runner(home)
            ended = await service.ended("g-1")
            assert (ended.reason, ended.rank) == ("lost", WHOLE)
            assert service.backend.observe(["g-1"]) == {"g-1": Seen.GONE}


class TestLocalBackend(BackendSuite):
    @pytest.fixture
    def world(self, local_world: World) -> World:
        return local_world

    async def test_killed_runner_takes_its_workloads_along(self, world: World, home: Path) -> None:
        async with Service(world) as service:
            service.backend.start(world.shell(COUNTED + "echo begun; " + FOREVER))
            await service.printed("a-1", "begun")
            kill_runner(home)
            ended = await service.ended("a-1")
            assert (ended.reason, ended.exit_code, ended.final) == ("lost", None, False)
            assert service.backend.observe(["a-1"]) == {"a-1": Seen.GONE}
            assert (await service.run(world.shell("true", "b-1"))).reason is None
        assert count(world) == 1

    async def test_runner_killed_while_nobody_listened(self, world: World, home: Path) -> None:
        launch = world.shell(FOREVER)
        async with Service(world) as service:
            service.backend.start(launch)
            await service.started("a-1")
        kill_runner(home)
        async with Service(world, launch) as after:
            assert after.backend.observe(["a-1"]) == {"a-1": Seen.GONE}
            assert (await after.run(world.shell("true", "b-1"))).reason is None
        assert not [line for line in sandboxes(home) if "a-1" in line]

    async def test_start_that_a_dying_runner_never_took_goes_to_a_new_one(
        self, world: World, home: Path
    ) -> None:
        async with Service(world) as service:
            await service.run(world.shell("true"))
            os.kill(runner_pid(home), signal.SIGSTOP)
            service.backend.start(world.shell(COUNTED + "exit 7", "b-1"))
            await asyncio.sleep(0.1)
            kill_runner(home)
            assert (await service.ended("b-1")).exit_code == 7
        assert count(world) == 1

    async def test_link_in_place_of_the_runners_socket_is_not_followed(
        self, world: World, home: Path
    ) -> None:
        async with Service(world) as service:
            await service.run(world.shell("true"))
            (state,) = states(home)
            sockets = Path(json.loads(state.read_text())["sockets"])
        taken: list[bytes] = []

        async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            taken.append(await reader.readline())
            writer.close()

        secret = await asyncio.start_unix_server(take, home / "run" / "secret.sock")
        (sockets / "runner.sock").unlink()
        (sockets / "runner.sock").symlink_to(home / "run" / "secret.sock")
        with pytest.raises(OSError, match="is not a socket"):
            connected(sockets / "runner.sock")
        async with Service(world) as after:
            assert (await after.run(world.shell("true", "b-1"))).reason is None
        secret.close()
        assert taken == []

    async def test_link_in_place_of_an_isolated_ones_folder_is_not_followed(
        self, world: World, home: Path
    ) -> None:
        async with Service(world) as service:
            # What the person's own jobs can write in must not decide where a later one works.
            await service.run(world.shell("ln -s /var/lib /job/b-1 && ln -s /var/lib /job/b", "a-1"))
            launch = world.shell("echo in > $PWD/here", "b-1", isolated=True)
            assert (await service.run(launch)).exit_code == 0
        assert not is_there("/var/lib/b-1")

    async def test_link_in_place_of_an_overlay_shows_an_isolated_one_nothing(
        self, world: World, home: Path
    ) -> None:
        (home / "closed" / "bin").mkdir(parents=True)
        (home / "closed" / "bin" / "python").touch(0o755)
        overlay = Folders(home).overlays(world.person) / ("d" * 64)
        overlay.symlink_to(home / "closed")
        launch = world.shell("true", isolated=True, overlay=overlay.name)
        async with Service(world) as service:
            assert (await service.run(launch)).reason == "environment_missing"

    async def test_runner_that_does_not_say_hello_is_ended(
        self, world: World, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(link, "HELLO_S", 2.0)
        launch = world.shell(FOREVER)
        async with Service(world) as service:
            service.backend.start(launch)
            await service.started("a-1")
            os.kill(inner_pid(home), signal.SIGSTOP)
        async with Service(world, launch) as after:
            assert after.backend.observe(["a-1"]) == {"a-1": Seen.GONE}
            assert (await after.run(world.shell("true", "b-1"))).reason is None

    async def test_sandbox_that_cannot_be_made_says_why(self, world: World, home: Path) -> None:
        async with Service(world) as service:
            launch = world.shell("true", devices={"example.com/accelerator": ("/dev/no-such-device",)})
            ended = await service.run(launch)
            assert (ended.reason, ended.final) == ("start_failed", False)
            assert "/dev/no-such-device" in str(ended.message)
            assert (await service.run(world.shell("true", "b-1"))).reason is None

    async def test_devices_are_in_a_sandbox_of_its_own_that_ends_with_the_attempt(
        self, world: World, home: Path
    ) -> None:
        devices = {"example.com/accelerator": ("/dev/full",)}
        async with Service(world) as service:
            service.backend.start(world.shell("[ -c /dev/full ] && sleep 0.3", "with-1", devices=devices))
            service.backend.start(world.shell("true", "without-1"))
            assert (await service.ended("with-1")).reason is None
            assert (await service.ended("without-1")).reason is None
            await eventually(lambda: len(states(home)) == 1, "only the shared runner to stay")

    @pytest.mark.gpu
    @pytest.mark.skipif(not this_machine().devices.get(GPU), reason="no NVIDIA GPU is here")
    async def test_gpu_computes_for_whom_it_was_given_to_alone(self, world: World) -> None:
        given = this_machine().devices[GPU][-1:]
        async with Service(world) as service:
            await service.run(world.python(ON_GPU, "with-1", devices={GPU: given}))
            await service.run(world.python(ON_GPU, "without-1"))
        assert service.log("with-1").splitlines() == ["1 devices", "7777"]
        assert "cuInit answered 100" in service.log("without-1")  # CUDA_ERROR_NO_DEVICE

    async def test_input_is_a_read_only_link(self, world: World, home: Path) -> None:
        tree = lay_out(home, world.project, {"a/one.txt": "1"})
        script = "cat inputs/*/a/one.txt inputs/part/one.txt; ! echo 2 > inputs/part/one.txt; ! touch inputs/whole/b"
        inputs = {"inputs/whole": {"tree": tree, "path": ""}, "inputs/part": {"tree": tree, "path": "a"}}
        async with Service(world) as service:
            assert (await service.run(world.shell(script, inputs=inputs))).exit_code == 0
        assert service.log("a-1").startswith("11")

    async def test_isolated_one_sees_its_inputs_and_nothing_else(self, world: World, home: Path) -> None:
        mine, other = (lay_out(home, world.project, {"one.txt": text}) for text in ("mine", "other"))
        code = ISOLATED.format(other=other, project=world.project.name)
        inputs = {"model": {"tree": mine, "path": ""}}
        async with Service(world) as service:
            service.backend.start(world.shell(FOREVER, "other-1"))
            await service.started("other-1")
            launch = world.python(code, isolated=True, inputs=inputs, limit=Resources.of(1, 2**29))
            assert (await service.run(launch)).exit_code == 0, service.log("a-1")
            assert service.log("a-1") == "mine\n"
            service.backend.stop("other-1", 0, "stopped_by_user")
            await service.ended("other-1")
            await eventually(lambda: not folders_of(home, "a-1"), "the isolated runner's folder to go")

    async def test_isolated_one_that_a_dying_runner_never_took_has_its_folder(
        self, world: World, home: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with Service(world) as service:
            backend = service.backend
            assert isinstance(backend, LocalBackend)
            remove = backend.runners.remove

            def slowly(runner: Runner) -> None:
                time.sleep(0.3)  # as a disk may be: the new runner would be there by then
                remove(runner)

            monkeypatch.setattr(backend.runners, "remove", slowly)
            backend.start(world.shell(COUNTED_ALONE, isolated=True))
            await eventually(lambda: states(home), "the first runner")
            kill_runner(home)
            assert (await service.ended("a-1")).exit_code == 7, service.log("a-1")

    async def test_builders_of_environments_have_no_token(self, world: World) -> None:
        (home,) = {Path(world.shared).parents[2]}
        Folders(home).overlays(world.person)
        launch = world.shell("env | grep -c HIMALIA_TOKEN", kind="task", purpose="overlay", overlay="d" * 64)
        async with Service(world) as service:
            await service.run(launch)
        assert service.log("a-1") == "0\n"

    async def test_isolated_one_serves_on_its_socket(self, world: World) -> None:
        launch = world.python(SERVER, isolated=True)
        async with Service(world) as service:
            assert service.backend.addresses("a-1") == []
            service.backend.start(launch)
            await service.printed("a-1", "ready")
            assert await answer(service.backend.addresses("a-1")) == b"hello"
        async with Service(world, launch) as after:
            assert await answer(after.backend.addresses("a-1")) == b"hello"
            after.backend.stop("a-1", 0, "stopped_by_user")
            await after.ended("a-1")


COUNTED_ALONE = "sleep 0.5; echo here > file && exit 7"
ISOLATED = """
import os, socket
from pathlib import Path
print(Path("model/one.txt").read_text())
assert sorted(path.name for path in Path("/checkouts").iterdir()) == [Path("model").readlink().name]
assert not Path("/checkouts/{other}").exists()
assert not Path("/shared").exists() and not Path("/home").exists()
assert [path.name for path in Path("/job").iterdir() if not path.name.startswith(".")] == ["a-1"]
assert not {{"HIMALIA_TOKEN", "HIMALIA_API_SOCKET", "HIMALIA_URL"}} & set(os.environ)
assert os.listdir("/sys/class/net") == ["lo"] if Path("/sys/class/net").exists() else True
probe = socket.socket()
probe.settimeout(5)
try:
    probe.connect(("192.0.2.1", 80))
except OSError as error:
    assert error.errno == 101, error  # no network at all
else:
    raise AssertionError("a network")
"""
SERVER = """
import os, socket
listener = socket.socket(socket.AF_UNIX)
listener.bind(os.environ["HIMALIA_SERVE_SOCKET"])
listener.listen()
print("ready", flush=True)
while True:
    listener.accept()[0].sendall(b"hello")
"""


def lay_out(home: Path, project: Place, files: dict[str, str]) -> str:
    """A tree with these files, checked out for the project: its digest."""
    store = DirectoryStore(home / "objects")
    stored = [(path, store.put(text.encode())) for path, text in files.items()]
    tree = Tree(tuple(TreeFile(path, one.size, one.digest) for path, one in stored))
    digest = store.put(tree.to_bytes()).digest
    store.checkout(digest, Folders(home).checkouts(project))
    store.close()
    return digest


def folders_of(home: Path, name: str) -> list[Path]:
    """Where an attempt works."""
    return list(home.glob(f"people/*/*/*/{name}"))


async def answer(addresses: list[str]) -> bytes:
    """What the server at the only address says."""
    (address,) = addresses
    reader, writer = await asyncio.open_unix_connection(address.removeprefix("unix:"))
    said = await reader.read(5)
    writer.close()
    return said


def states(home: Path) -> list[Path]:
    """What is written down of the runners there are."""
    return sorted((home / "run" / "runners").glob("*.json"))


def runner_pid(home: Path) -> int:
    """The first process of the only runner's sandbox."""
    (state,) = states(home)
    return int(json.loads(state.read_text())["process"]["child"])


def is_there(path: str) -> bool:
    return Path(path).exists()


def inner_pid(home: Path) -> int:
    """The runner itself, which the sandbox's first process has started."""
    first = runner_pid(home)
    (child,) = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return int(child)


def kill_runner(home: Path) -> None:
    """SIGKILL to the only runner, as a crash would."""
    kill(runner_pid(home))


def end_runners(settings: Settings) -> None:
    """End the runners that a test left: they outlive their service."""
    runners = Runners(settings, Folders(settings.home))
    for runner in runners.found():
        assert runner.process is not None
        runner.process.stop(0.0)
        runners.remove(runner)


def sandboxes(home: Path) -> list[str]:
    """Command lines of processes that name `home`, as every sandbox's does."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(home) in line:
                found.append(line.decode(errors="replace"))
    return found
