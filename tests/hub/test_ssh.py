"""SSH into notebook servers of a whole platform, with OpenSSH's own client."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from hub_platform import Browser, Lab
from platforms import PASSWORD, Person, Running
from ssh_client import new_key, ssh

PROFILE = "name: {0}\ntitle: {0}\nenvironment: base\nsizes: [{{name: small, title: Small, cpus: 1, memory: 1GiB}}]\n"
needs_sshd = pytest.mark.skipif(
    not shutil.which("sshd", path="/usr/local/sbin:/usr/sbin:/sbin"), reason="OpenSSH's sshd is not installed"
)


@pytest.fixture(scope="module")
def running(environments: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    profiles = tmp_path_factory.mktemp("profiles")
    (profiles / "plain.yaml").write_text(PROFILE.format("plain"))
    (profiles / "open.yaml").write_text(PROFILE.format("open") + "ssh: true\n")
    with Running(("base",), HIMALIA_PROFILES_DIR=str(profiles)) as running:
        for name in ("ada", "bob"):
            running.add_user(name)
        yield running


@pytest.fixture(scope="module")
def lab(running: Running) -> Iterator[Lab]:
    """Ada's server, with SSH."""
    with Browser(running, "ada") as browser:  # type: ignore[arg-type]
        browser.sign_in(PASSWORD)
        browser.start_server("open/small")
        yield Lab(running, "ada", browser.hub_token())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ada(running: Running) -> Iterator[Person]:
    person = Person(running, "ada")
    yield person
    person.close()


@needs_sshd
def test_the_owner_signs_in_with_a_key(lab: Lab, ada: Person, tmp_path: Path) -> None:
    key = new_key(tmp_path / "ada")
    refused = ssh(ada, key, "true")
    assert refused.returncode == 255
    assert b"Permission denied (publickey)" in refused.stderr, refused.stderr
    with lab.kernel() as kernel:
        public = key.with_suffix(".pub").read_text()
        kernel.run(
            "import pathlib; home = pathlib.Path.home() / '.ssh'; home.mkdir(exist_ok=True)\n"
            f"(home / 'authorized_keys').write_text({public!r})"
        )
    done = ssh(ada, key, 'echo "$JUPYTERHUB_USER $PWD $(tty)"; exit 3')
    assert (done.returncode, done.stdout) == (3, b"ada /home/ada not a tty\n"), done.stderr
    terminal = ssh(ada, key, "-tt", "tty; test -t 0 && echo a terminal")
    assert b"/dev/pts/" in terminal.stdout, terminal
    assert b"a terminal" in terminal.stdout, terminal
    much = os.urandom(20 * 2**20)
    assert ssh(ada, key, "cat", input=much).stdout == much
    stranger = ssh(ada, new_key(tmp_path / "other"), "true")
    assert b"Permission denied (publickey)" in stranger.stderr


def test_nobody_else_gets_to_it(lab: Lab, ada: Person, running: Running) -> None:
    url = f"{running.url}/user/ada/himalia/ssh"
    bob = Person(running, "bob")
    reading = ada.session("POST", "/tokens", json={"scopes": ["read"], "note": "reads"}).json()["token"]
    one = {"scopes": ["write"], "note": "one", "project": ada.project}
    limited = ada.session("POST", "/tokens", json=one).json()["token"]
    for token, status, words in (
        ("", 401, "himalia login"),
        ("him_user_nonsense", 401, ""),
        (bob.token, 403, "somebody else's"),
        (reading, 403, "may write in all of your projects"),
        (limited, 403, "may write in all of your projects"),
    ):
        answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"} if token else {})
        assert (answer.status_code, words in answer.text) == (status, True), (token[:10], answer.text)
    with_page = httpx.get(url, cookies=dict(ada.browser.cookies.items()))
    assert with_page.status_code == 401, "cookies, which any page of the origin could use, do not count"
    bob.close()


def test_a_profile_without_ssh_has_none(running: Running) -> None:
    with Browser(running, "bob") as browser:  # type: ignore[arg-type]
        browser.sign_in(PASSWORD)
        browser.start_server("plain/small")
        bob = Person(running, "bob")
        said = ssh(bob, Path("/nonexistent/key"), "true")
        assert (said.returncode, b"profile does not offer SSH" in said.stderr) == (1, True), said.stderr
        bob.close()
