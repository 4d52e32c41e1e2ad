"""How a server's start is refused, fails or is cleaned up, and who gets which rights in it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import unescape
from typing import Any

import httpx
import pytest
from hub_platform import Browser, Lab, Platform, until
from processes import kill

from himalia.hub import lab as lab_module

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="a root hub gives each person a UID")


@contextmanager
def person(platform: Platform, name: str) -> Iterator[Browser]:
    with Browser(platform, name) as browser:
        browser.sign_in(f"{name}-password")
        yield browser


def himalia_scopes(platform: Platform, token: str) -> set[str]:
    answer = httpx.get(f"{platform.url}/hub/api/user", headers={"Authorization": f"token {token}"})
    assert answer.status_code == 200, answer.text
    return {scope for scope in answer.json()["scopes"] if scope.startswith("custom:himalia")}


def page_token(browser: Browser, owner: str) -> str:
    """The token that JupyterLab's page holds, after the visitor's sign-in to the server."""
    page = browser.get(f"/user/{owner}/lab")
    if page.url.path == "/hub/api/oauth2/authorize":  # a visitor is asked first
        scopes = [unescape(found) for found in re.findall(r'name="scopes" value="([^"]*)"', page.text)]
        page = browser.post(str(page.url), data={"scopes": scopes, "_xsrf": browser.xsrf()})
    found = re.search(r'id="jupyter-config-data"[^>]*>(.*?)</script>', page.text, re.DOTALL)
    assert found, page.text[:2000]
    token: str = json.loads(found[1])["token"]
    return token


def test_only_the_owner_gets_rights_in_a_server(short_lived: Platform, servers: dict[str, Lab]) -> None:
    with Browser(short_lived, "ada") as ada, Browser(short_lived, "admin") as admin:
        ada.sign_in()
        admin.sign_in()
        owned = {"custom:himalia:read!user=ada", "custom:himalia:write!user=ada"}
        assert himalia_scopes(short_lived, page_token(ada, "ada")) == owned
        visiting = himalia_scopes(short_lived, page_token(admin, "ada"))
        # The service counts a filter only when it names the token's own owner.
        assert not [scope for scope in visiting if not scope.endswith("!user=ada")]
        with servers["ada"].kernel() as kernel:
            token = kernel.run("import os; print(os.environ['JUPYTERHUB_API_TOKEN'])").strip()
        assert himalia_scopes(short_lived, token) == owned


def test_a_stranger_does_not_get_into_a_server(short_lived: Platform, servers: dict[str, Lab]) -> None:
    with Browser(short_lived, "bob") as bob:
        bob.sign_in()
        assert bob.get("/user/ada/lab").status_code in (403, 404)
        headers = {"Authorization": f"token {servers['bob'].token}"}
        assert bob.get("/user/ada/api/contents", headers=headers).status_code == 403


def test_lab_calls_nobody_by_itself(servers: dict[str, Lab], short_lived: Platform) -> None:
    with Browser(short_lived, "ada") as ada:
        ada.sign_in()
        page = ada.get("/user/ada/lab").text
        data: dict[str, Any] = json.loads(re.search(r'config-data"[^>]*>(.*?)</script>', page, re.DOTALL)[1])
    assert data["news"] == {"disabled": True}
    install = {"cmd": "install", "extension_name": "x"}
    assert servers["ada"].call("POST", "/lab/api/extensions", json=install).status_code >= 400


def test_a_socket_bent_elsewhere_is_not_followed(short_lived: Platform, servers: dict[str, Lab]) -> None:
    """The server's owner may put anything at the socket's name: hub and proxy do not look there."""
    with servers["ada"].kernel() as kernel:
        code = (
            "import os; os.rename('/run/himalia/lab.sock', '/run/himalia/kept');"
            f"os.symlink('{short_lived.home}/run/up.sock', '/run/himalia/lab.sock'); print('bent')"
        )
        assert kernel.run(code) == "bent\n"
        assert servers["ada"].call("GET", "/api/status").status_code == 200


def test_what_is_not_free_is_refused_in_a_sentence(short_lived: Platform) -> None:
    with person(short_lived, "carl") as carl:
        answer = carl.spawn("base/large")
        assert "large needs 6442450944 bytes and less is free" not in answer.text
        until(lambda: (short_lived.server("carl") or {}).get("ready"), "carl's server")
        with person(short_lived, "dan") as dan:
            refused = dan.spawn("base/large")
            assert refused.status_code == 409
            assert "large needs 6442450944 bytes and less is free" in refused.text
            assert short_lived.server("dan") is None
        short_lived.api("DELETE", "/users/carl/server")
        until(lambda: short_lived.server("carl") is None, "carl's server ends")
    assert not {"carl", "dan"} & {item["user"] for item in short_lived.reservations.taken.values()}


@pytest.mark.parametrize(
    "choice", ["nope/small", "base/huge", "missing/small", "base/-1", "../base", "", "base"]
)
def test_odd_choices_bring_the_form_again(short_lived: Platform, choice: str) -> None:
    with person(short_lived, "dan") as dan:
        answer = dan.spawn(choice)
        assert 'class="spawn-error-msg alert alert-danger"' in answer.text
        assert 'value="base/small"' in answer.text
        assert "Traceback" not in answer.text
    assert short_lived.server("dan") is None


def test_odd_options_over_the_api_are_a_422(short_lived: Platform) -> None:
    with person(short_lived, "dan") as dan:
        for options in ({"profile": "nope"}, {"profile": ["base"]}, {"profile": "base", "size": 1e308}):
            answer = dan.hub_api("POST", "/users/dan/server", json=options)
            assert answer.status_code == 422, answer.text
            assert "Traceback" not in answer.text
    assert short_lived.server("dan") is None


def test_a_server_that_dies_while_starting_says_why(short_lived: Platform) -> None:
    dan = short_lived.reservations.person("dan")
    settings = short_lived.reservations.home_of(dan) / ".jupyter"
    settings.mkdir()
    config = settings / "jupyter_server_config.py"
    config.write_text("import os\nos.write(2, b'\\x1b[31mI give up <b>now</b>\\x1b[0m\\n')\nos._exit(3)\n")
    with person(short_lived, "dan") as browser:
        answer = browser.hub_api("POST", "/users/dan/server", json={})
        assert answer.status_code in (202, 400), answer.text
        until(lambda: short_lived.server("dan") is None, "the hub gives up")
        browser.get("/hub/spawn")
        page = browser.spawn()
        until(lambda: short_lived.server("dan") is None, "the hub gives up again")
        page = browser.get("/hub/spawn-pending/dan").text
        assert "ended while starting: I give up &lt;b&gt;now&lt;/b&gt;" in page
    config.unlink()
    assert "dan" not in {item["user"] for item in short_lived.reservations.taken.values()}
    assert short_lived.server("dan") is None


def test_a_server_that_is_killed_is_cleared_away(short_lived: Platform) -> None:
    with person(short_lived, "dan") as dan:
        dan.start_server()
    state = short_lived.state("dan")
    kill(state["process"]["child"])
    until(lambda: short_lived.server("dan") is None, "the hub notices")
    assert state["reservation"] not in short_lived.reservations.taken
    assert not os.path.lexists(state["sockets"])


def test_without_the_service_the_page_says_so(short_lived: Platform) -> None:
    short_lived.service.stop()
    try:
        with person(short_lived, "dan") as dan:
            assert "does not answer now" in dan.get("/hub/spawn").text
            answer = dan.spawn()
            assert "does not answer now" in answer.text
            assert "Traceback" not in answer.text
    finally:
        short_lived.start_service()


def test_the_last_choice_is_kept_and_the_first_page_is_lab(
    short_lived: Platform, servers: dict[str, Lab]
) -> None:
    examples = lab_module.examples_folder()
    first = servers["bob"].call("GET", "/", follow_redirects=False).headers["location"].rstrip("?")
    assert first.endswith(f"/lab/tree/examples/{lab_module.FIRST_NOTEBOOK}" if examples else "/lab")
    with person(short_lived, "dan") as dan:
        page = dan.get("/hub/spawn").text
        assert re.search(r'value="base/small" required\s+checked', page)
