"""Real sandboxes: what is seen inside, what is not, and that nothing is left behind."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from himalia.engine.backends.local import sandbox as module
from himalia.engine.backends.local.process import SandboxError, SandboxProcess
from himalia.engine.backends.local.sandbox import Sandbox, start

UID = 210_001
GID = 210_001
SHARED_GID = 410_001

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a root hub's recipe")


@pytest.fixture
def place() -> Iterator[Path]:
    """A short folder that other users may pass through, as a home folder is."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="h"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


def owned(path: Path, uid: int = UID, gid: int = GID, mode: int = 0o700) -> Path:
    path.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
    path.chmod(mode)
    return path


def made(place: Path, **changes: object) -> Sandbox:
    fields: dict[str, object] = {
        "user": "ada",
        "uid": UID,
        "gid": GID,
        "home": "/home/ada",
        "directory": "/home/ada",
        "writable": {"/home/ada": place / "ada"},
        "environment": {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
    }
    return Sandbox(**{**fields, **changes})  # type: ignore[arg-type]


def run(sandbox: Sandbox, *argv: str) -> tuple[int | None, str]:
    """Exit status and output of a command in the sandbox."""
    with tempfile.TemporaryFile() as log:
        process = start(sandbox, argv, log)
        try:
            assert process.wait(20)
            return process.returncode, text_of(log)
        finally:
            process.stop(0)


def text_of(log: object) -> str:
    log.seek(0)  # type: ignore[attr-defined]
    return log.read().decode()  # type: ignore[attr-defined,no-any-return]


def shell(sandbox: Sandbox, script: str) -> str:
    status, output = run(sandbox, "/bin/sh", "-c", script)
    assert status == 0, output
    return output


@pytest.fixture
def sandbox(place: Path) -> Sandbox:
    owned(place / "ada")
    owned(place / "bob", UID + 1, UID + 1)
    (place / "bob" / "notes.txt").write_text("bob's")
    owned(place / "hub", os.geteuid(), os.getegid())
    (place / "hub" / "hub.sqlite").write_text("secret")
    return made(place)


@needs_root
def test_runs_as_the_person_without_any_right(sandbox: Sandbox) -> None:
    status = shell(sandbox, "cat /proc/self/status; id -u; id -g; id -un; pwd; umask")
    values = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert values["Uid"].split() == [str(UID)] * 4
    assert values["Gid"].split() == [str(GID)] * 4
    assert [values[f"Cap{kind}"] for kind in ("Eff", "Prm", "Inh", "Bnd", "Amb")] == ["0" * 16] * 5
    assert values["NoNewPrivs"] == "1"
    assert values.get("Groups", "").split() == []
    assert status.splitlines()[-5:] == [str(UID), str(GID), "ada", "/home/ada", "0007"]


@needs_root
def test_has_a_limit_of_processes(sandbox: Sandbox) -> None:
    limits = shell(sandbox, "cat /proc/self/limits").splitlines()
    most = next(line.split()[2:4] for line in limits if line.startswith("Max processes"))
    assert most == [str(module.most_processes())] * 2
    assert 4096 <= module.most_processes() < int(Path("/proc/sys/kernel/pid_max").read_text())


@needs_root
def test_sees_neither_shadow_nor_other_homes_nor_the_hub(sandbox: Sandbox, place: Path) -> None:
    shutil.copy(place / "hub" / "hub.sqlite", place / "open.txt")  # even what all may read
    (place / "open.txt").chmod(0o644)
    script = f"""
        for path in /etc/shadow /root/.ssh {place} {place}/bob/notes.txt {place}/hub {place}/open.txt; do
            test -e "$path" && echo "sees $path"
        done
        ls /; ls /home; ls /proc | grep -c '^[0-9]'
        touch /usr/x 2>/dev/null && echo "writes /usr"
        touch {module.PACKAGE}/x 2>/dev/null && echo "writes the package"
        touch /home/ada/mine && echo written
    """
    output = shell(sandbox, script).splitlines()
    assert not [line for line in output if line.startswith(("sees", "writes"))]
    assert output[-1] == "written"
    assert (place / "ada" / "mine").stat().st_uid == UID
    assert output[output.index("ada")] == "ada"
    assert int(output[-2]) < 10


@needs_root
def test_a_shared_folder_is_for_its_group(place: Path) -> None:
    owned(place / "ada")
    owned(place / "shared", os.geteuid(), SHARED_GID, 0o2770)
    member = made(place, groups=(SHARED_GID,), writable={"/shared/p": place / "shared"})
    member = made(place, groups=(SHARED_GID,), writable={**member.writable, "/home/ada": place / "ada"})
    shell(member, "echo hello > /shared/p/file && id -Gn")
    made_file = (place / "shared" / "file").stat()
    assert (made_file.st_uid, made_file.st_gid, made_file.st_mode & 0o777) == (UID, SHARED_GID, 0o660)
    outsider = made(place, writable={"/shared/p": place / "shared", "/home/ada": place / "ada"})
    status, output = run(outsider, "/bin/cat", "/shared/p/file")
    assert status != 0
    assert "Permission denied" in output


@needs_root
def test_environment_is_exact_and_never_reaches_what_has_rights(sandbox: Sandbox, place: Path) -> None:
    """A preloaded library named by the user must not be loaded by bubblewrap or setpriv."""
    source = place / "evil.c"
    source.write_text(
        "#include <fcntl.h>\n#include <unistd.h>\n"
        '__attribute__((constructor)) void f(void) { if (getuid() == 0) open("/home/ada/root", O_CREAT, 0600);'
        ' else open("/home/ada/user", O_CREAT, 0600); }\n'
    )
    subprocess.run(["cc", "-shared", "-fPIC", "-o", place / "ada" / "evil.so", source], check=True)
    (place / "ada" / "evil.so").chmod(0o755)
    odd = 'it\'s "$HOME" `id`\n\\ ü'
    environment = {"LD_PRELOAD": "/home/ada/evil.so", "ODD": odd, "PATH": "/usr/bin:/bin"}
    changed = made(place, environment=environment)
    status, output = run(
        changed, sys.executable, "-c", "import os, json; print(json.dumps(dict(os.environ)))"
    )
    assert status == 0, output
    seen = json.loads(output.splitlines()[-1])
    assert seen["ODD"] == odd
    assert seen["HOME"] == "/home/ada"
    assert "HIMALIA_HOME" not in seen
    assert (place / "ada" / "user").exists()
    assert not (place / "ada" / "root").exists()


@pytest.mark.parametrize("name", ["A B", "A;id", "", "1A", "Ä", "A\nB"])
def test_odd_environment_names_are_refused(place: Path, name: str) -> None:
    with pytest.raises(SandboxError):
        made(place, environment={name: "x"}).made_files()


@pytest.mark.parametrize("inside", ["/home/../etc", "home/ada", "/home/ada/", "/home//ada"])
def test_odd_paths_are_refused(place: Path, inside: str) -> None:
    changed = made(place, writable={inside: place})
    with pytest.raises(SandboxError):
        module.command(changed, ["true"], root=True, descriptors={})


def test_never_runs_as_root(place: Path) -> None:
    for changes in ({"uid": 0}, {"gid": 0}, {"groups": (0,)}):
        with pytest.raises(SandboxError):
            module.command(made(place, **changes), ["true"], root=True, descriptors={})


def test_no_value_stands_in_the_arguments(place: Path) -> None:
    secret = made(place, environment={"TOKEN": "very-secret"})
    descriptors = dict.fromkeys(secret.made_files(), 9)
    line = module.command(secret, ["true"], root=True, descriptors=descriptors, info_fd=8)
    assert not [word for word in line if "very-secret" in word or "TOKEN" in word]


@needs_root
def test_the_platform_interpreter_runs_inside(sandbox: Sandbox) -> None:
    script = "import himalia, jupyterhub, sys; print(himalia.__file__, sys.prefix)"
    status, output = run(sandbox, sys.executable, "-P", "-c", script)
    assert status == 0, output
    assert sys.prefix in output
    output = shell(sandbox, f"test -r {module.PACKAGE}/__init__.py && echo readable")
    assert output == "readable\n"


@needs_root
def test_temporary_folders_and_devices_are_private(sandbox: Sandbox, place: Path) -> None:
    marker = f"marker-{place.name}"
    shell(sandbox, f"touch /tmp/{marker} /dev/shm/{marker} && head -c1 /dev/urandom > /dev/null")
    assert not Path("/tmp", marker).exists()
    assert not Path("/dev/shm", marker).exists()
    assert "absent" in shell(sandbox, "test -e /dev/kmsg -o -e /dev/fuse || echo absent")
    bound = made(place, devices=("/dev/full",))
    assert "there" in shell(bound, "test -c /dev/full && test -d /sys/class && echo there")


@needs_root
def test_a_network_of_its_own(place: Path) -> None:
    owned(place / "ada")
    alone = shell(made(place, share_net=False), "cat /proc/net/dev")
    names = [line.split(":")[0].strip() for line in alone.splitlines()[2:]]
    assert names == ["lo"]


def members_of(child: int) -> list[int]:
    """Processes of the sandbox whose first process is `child`, by their PID namespace."""
    namespace = Path(f"/proc/{child}/ns/pid").readlink()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "ns/pid").readlink() == namespace:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def runs(pid: int) -> bool:
    """False for a zombie too: the machine's first process may take its time to reap."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except OSError:
        return False


def ready(reading: int) -> None:
    assert select.select([reading], [], [], 20)[0]
    assert os.read(reading, 100).startswith(b"ready")


@needs_root
def test_stop_ends_the_whole_tree_also_from_another_process(sandbox: Sandbox) -> None:
    """A command that handles SIGTERM ends by itself; what it detached is killed with it."""
    script = "setsid sleep 600 & trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.05; done"
    reading, writing = os.pipe()
    try:
        process = start(sandbox, ["/bin/sh", "-c", script], writing)
        ready(reading)
        members = members_of(process.child)
        assert len(members) >= 3
        again = SandboxProcess.from_state(json.loads(json.dumps(process.to_state())))
        assert again.alive()
        again.stop(10)
        assert os.read(reading, 100) == b"bye\n"
        assert not again.alive()
        assert not process.alive()
        assert process.returncode == 3
        assert not [pid for pid in members if runs(pid)]
        again.stop(10)
    finally:
        os.close(reading)
        os.close(writing)


@needs_root
def test_stop_kills_what_ignores_being_asked(sandbox: Sandbox) -> None:
    reading, writing = os.pipe()
    try:
        process = start(sandbox, ["/bin/sh", "-c", "trap '' TERM; echo ready; sleep 600"], writing)
        ready(reading)
        process.stop(0.2)
        assert not process.alive()
        assert not runs(process.child)
    finally:
        os.close(reading)
        os.close(writing)


@needs_root
def test_a_command_that_ended_leaves_orphans_which_stop_ends(sandbox: Sandbox) -> None:
    reading, writing = os.pipe()
    try:
        process = start(sandbox, ["/bin/sh", "-c", "setsid sleep 600 & echo ready"], writing)
        ready(reading)
        assert process.wait(10)
        assert runs(process.child)
        process.stop(0)
        assert not runs(process.child)
    finally:
        os.close(reading)
        os.close(writing)


def test_state_of_another_boot_or_process_is_not_alive() -> None:
    mine = {"pid": os.getpid(), "started": 1, "child": os.getpid(), "child_started": 1}
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    for state in ({**mine, "boot": boot}, {**mine, "boot": "another"}):
        process = SandboxProcess.from_state(state)
        assert not process.alive()
        process.stop(0)  # and does not hit this very process


@needs_root
def test_a_missing_folder_is_an_error_in_the_log(place: Path) -> None:
    with tempfile.TemporaryFile() as log:
        try:
            process = start(made(place), ["true"], log)
        except SandboxError:
            pass
        else:
            assert process.wait(10)
            assert process.returncode != 0
            process.stop(0)
        assert "ada" in text_of(log)


ORDINARY = """
import json, os, sys, tempfile
from pathlib import Path
from himalia.engine.backends.local.sandbox import Sandbox, start
home = Path(sys.argv[1])
box = Sandbox(user="ada", uid=210001, gid=210001, home="/home/ada", directory="/home/ada",
              writable={"/home/ada": home}, environment={"PATH": "/usr/bin:/bin"})
script = "id -u; id -un; grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; ls -d /etc/shadow /root " + sys.argv[2]
with tempfile.TemporaryFile() as log:
    process = start(box, ["/bin/sh", "-c", script + "; touch mine; setsid sleep 600 & exit 0"], log)
    assert process.wait(20)
    process.stop(1)
    stat = Path(f"/proc/{process.child}/stat")
    left = stat.exists() and stat.read_text().rpartition(") ")[2][0] != "Z"
    log.seek(0)
    print(json.dumps({"output": log.read().decode(), "left": left}))
"""


@needs_root
def test_an_ordinary_users_sandbox(place: Path) -> None:
    """The recipe with a user namespace, run by a UID that has no rights and no account."""
    owned(place / "ada", 65_000, 65_000)
    owned(place / "secret", 65_000, 65_000)
    drop = ["setpriv", "--reuid", "65000", "--regid", "65000", "--clear-groups"]
    program = Path(__file__).parents[2] / "hub"
    # The test's interpreter may lie where no other user can pass.
    python = "/usr/bin/python3"
    environment = {"PYTHONPATH": str(program), "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    line = [*drop, python, "-B", "-c", ORDINARY, str(place / "ada"), str(place / "secret")]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["left"] is False
    lines = answer["output"].splitlines()
    assert lines[:2] == ["210001", "ada"]
    assert "CapEff:\t0000000000000000" in lines
    assert "NoNewPrivs:\t1" in lines
    for hidden in ("/etc/shadow", "/root", str(place / "secret")):
        assert any(hidden in line and "No such file" in line for line in lines)
    assert (place / "ada" / "mine").stat().st_uid == 65_000
