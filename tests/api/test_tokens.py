"""Access tokens, and logins of commands that a signed-in person approves, end to end with the page."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from platforms import Person, Running

from himalia.hub.accounts.store import AccountStore

API = "/services/himalia/api/v1"


def start(himalia: Running, client: str = "") -> dict[str, Any]:
    answer = httpx.post(f"{himalia.url}{API}/login/codes", json={"client": client})
    assert answer.status_code == 200, answer.text
    code: dict[str, Any] = answer.json()
    return code


def finish(himalia: Running, code: dict[str, Any]) -> httpx.Response:
    body = {"device_code": code["device_code"]}
    return httpx.post(f"{himalia.url}{API}/login/token", json=body, timeout=30)


def fill(person: Person, **fields: str) -> httpx.Response:
    """Send the login page's form, as the page itself does."""
    page = person.browser.get("/services/himalia/login").text
    found = re.search(r'name="_xsrf" value="([0-9a-f]{64})"', page)
    assert found, page
    return person.browser.post("/services/himalia/login", data={"_xsrf": found[1], **fields})


def test_a_command_logs_in(himalia: Running, ada: Person) -> None:
    code = start(himalia, "laptop <b>of ada</b>")
    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", code["user_code"])
    assert code["verification_url"].endswith("/services/himalia/login")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(finish, himalia, code)
        shown = fill(ada, code=code["user_code"].lower().replace("-", " ")).text
        assert "laptop &lt;b&gt;of ada" in shown
        assert html.escape(code["user_code"]) in shown
        done = fill(ada, code=code["user_code"], decision="approve", scope="read", days="7")
        assert "The command is logged in" in done.text
        answer = waiting.result(30).json()
    assert (answer["status"], answer["person"]["name"], answer["scopes"]) == ("approved", "ada", ["read"])
    headers = {"Authorization": f"Bearer {answer['token']}"}
    who = httpx.get(f"{himalia.url}{API}/whoami", headers=headers).json()
    assert (who["credential"], who["scopes"]) == ("user", ["read"])
    assert finish(himalia, code).status_code == 401  # a code works once
    assert fill(ada, code=code["user_code"], decision="approve").status_code == 404
    for name in ("service", "hub", "proxy"):
        assert answer["token"] not in himalia.log(name)
        assert code["device_code"] not in himalia.log(name)


def test_a_login_can_be_refused(himalia: Running, ada: Person) -> None:
    code = start(himalia)
    assert "Refused" in fill(ada, code=code["user_code"], decision="deny").text
    refused = finish(himalia, code)
    assert (refused.status_code, refused.json()["error"]["message"]) == (401, "The login was refused.")


@pytest.mark.parametrize(
    "fields",
    [
        {"scope": "emperor"},
        {"days": "many"},
        {"days": "0"},
        {"days": "9" * 30},
        {"scope": "admin"},
        {"days": "365"},
    ],
)
def test_a_changed_form_gives_nothing_and_the_code_stays_good(
    himalia: Running, ada: Person, fields: dict[str, str]
) -> None:
    code = start(himalia)
    refused = fill(ada, code=code["user_code"], decision="approve", **fields)
    assert refused.status_code in (403, 422), refused.status_code
    assert "Refused" in fill(ada, code=code["user_code"], decision="deny").text


def test_guesses_are_few(himalia: Running, bob: Person) -> None:
    statuses = [fill(bob, code=f"BBBB-BBB{letter}").status_code for letter in "BCDFGHJKLMNP"]
    assert statuses == [404] * 10 + [429] * 2
    code = start(himalia)
    assert fill(bob, code=code["user_code"]).status_code == 429


def test_the_form_counts_with_its_own_value_alone(himalia: Running, ada: Person) -> None:
    code = start(himalia)
    for xsrf in ("", "0" * 64):
        data = {"_xsrf": xsrf, "code": code["user_code"], "decision": "approve"}
        assert ada.browser.post("/services/himalia/login", data=data).status_code == 401
    large = ada.browser.post("/services/himalia/login", content=b"a" * 20_000)
    assert large.status_code in (401, 403)


def test_an_address_is_the_nearest_proxys_word(himalia: Running, ada: Person) -> None:
    answer = httpx.post(
        f"{himalia.url}{API}/login/codes", json={}, headers={"X-Forwarded-For": "203.0.113.7"}
    )
    shown = fill(ada, code=answer.json()["user_code"]).text
    assert "127.0.0.1" in shown
    assert "203.0.113.7" not in shown


def test_who_calls_at_the_socket_has_no_address_to_choose(himalia: Running, ada: Person) -> None:
    socket = httpx.HTTPTransport(uds=str(himalia.home / "s" / "service" / "api.sock"))
    with httpx.Client(transport=socket, base_url="http://service") as inside:
        headers = {"X-Forwarded-For": "203.0.113.8"}
        answer = inside.post(f"{API}/login/codes", json={}, headers=headers).raise_for_status()
    assert "203.0.113.8" not in fill(ada, code=answer.json()["user_code"]).text


def test_tokens_are_shown_once_and_revoked_at_once(himalia: Running, ada: Person, bob: Person) -> None:
    made = ada.session("POST", "/tokens", json={"note": "mine 🙂", "scopes": ["read"], "days": 1}).json()
    assert made["token"].startswith("him_user_")
    listed = ada.http.get("/tokens")
    assert made["id"] in [one["id"] for one in listed.json()["items"]]
    assert made["token"] not in listed.text
    stored = b"".join(path.read_bytes() for path in (himalia.home / "service").glob("himalia.sqlite*"))
    assert made["token"].encode() not in stored
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert ada.http.get("/whoami", headers=headers).status_code == 200
    assert bob.http.delete(f"/tokens/{made['id']}").status_code == 404
    assert ada.http.delete(f"/tokens/{made['id']}").status_code == 204
    assert ada.http.get("/whoami", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"scopes": ["admin"]}, 403),
        ({"scopes": []}, 422),
        ({"scopes": ["emperor"]}, 422),
        ({"days": 91}, 422),
        ({"days": 0}, 422),
        ({"project": "no-such-project"}, 422),
        ({"note": "a\0"}, 422),
        ({"note": "n" * 201}, 422),
    ],
)
def test_tokens_with_too_much(ada: Person, body: dict[str, Any], status: int) -> None:
    assert ada.session("POST", "/tokens", json=body).status_code == status


def test_a_token_for_a_project_needs_a_place_in_it(ada: Person, bob: Person) -> None:
    there = bob.session("POST", "/tokens", json={"project": ada.project})
    not_there = bob.session("POST", "/tokens", json={"project": "no-such-project"})
    assert (there.status_code, not_there.status_code) == (422, 422)
    messages = [one.json()["error"]["message"] for one in (there, not_there)]
    assert messages[0].replace(ada.project, "no-such-project") == messages[1]


def test_an_administrator_revokes_all_of_a_persons_tokens(
    ada: Person, admin: Person, people: Callable[..., Person]
) -> None:
    frank = people("frank")
    made = [frank.session("POST", "/tokens", json={"scopes": ["read"]}).json()["token"] for _ in range(2)]
    assert ada.http.delete("/people/frank/tokens").status_code == 403
    assert admin.http.delete("/people/nobody-here/tokens").status_code == 404
    assert admin.http.delete("/people/frank/tokens").json()["tokens"] >= 3
    for token in (*made, frank.token):
        headers = {"Authorization": f"Bearer {token}"}
        assert ada.http.get("/whoami", headers=headers).status_code == 401


def test_a_disabled_accounts_tokens_are_refused(himalia: Running, people: Callable[..., Person]) -> None:
    gina = people("gina")
    assert gina.http.get("/whoami").status_code == 200
    AccountStore.of_home(himalia.home).disable("gina")
    deadline = time.monotonic() + 20  # the hub's answer about an account is trusted for a few seconds
    while (answer := gina.http.get("/whoami")).status_code == 200:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert answer.status_code == 401
    assert gina.session("GET", "/whoami").status_code == 401
