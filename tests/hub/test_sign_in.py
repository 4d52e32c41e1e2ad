"""Signing in, signing up, changing a password and being disabled, on the hub's real pages."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator

import httpx
import pytest
from hub_platform import Browser, Platform, until


@pytest.fixture
def carol(platform: Platform) -> Iterator[Browser]:
    """A person of her own for each test, so that what one is refused touches no other."""
    number = len(platform.accounts.list())
    name = f"carol{number}"
    platform.accounts.add(name, "carol-password")
    with Browser(platform, name) as browser:
        yield browser


def signed_in(browser: Browser) -> bool:
    return browser.hub_api("GET", "/user").status_code == 200


def test_sign_in_and_out(carol: Browser) -> None:
    assert carol.sign_in("wrong-password").status_code == 403
    assert not signed_in(carol)
    carol.sign_in("carol-password")
    assert signed_in(carol)
    assert carol.hub_api("GET", "/user").json()["admin"] is False
    carol.get("/hub/logout")
    assert not signed_in(carol)


def test_the_administrator_administers_himalia(platform: Platform) -> None:
    with Browser(platform, "admin") as admin:
        admin.sign_in()
        model = admin.hub_api("GET", "/user").json()
        assert model["admin"]
        assert "himalia-admin" in model["roles"]
        assert admin.get("/hub/admin").status_code == 200


def service_scopes(browser: Browser) -> set[str]:
    """Himalia's scopes in the token that a sign-in to the service's own pages gives (RFC 6749, 7636)."""
    platform, verifier = browser.platform, "v" * 50
    digest = hashlib.sha256(verifier.encode()).digest()
    callback = "/services/himalia/oauth_callback"
    asked = {"client_id": "service-himalia", "redirect_uri": callback, "response_type": "code", "state": "s"}
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    asked |= {"code_challenge": challenge, "code_challenge_method": "S256"}
    answer = browser.get("/hub/api/oauth2/authorize", params=asked, follow_redirects=False)
    assert answer.status_code == 302, answer.text
    form = {
        "client_id": "service-himalia",
        "client_secret": platform.token,
        "grant_type": "authorization_code",
        "code": httpx.URL(answer.headers["location"]).params["code"],
        "redirect_uri": callback,
        "code_verifier": verifier,
    }
    token = httpx.post(f"{platform.url}/hub/api/oauth2/token", data=form).json()["access_token"]
    model = httpx.get(f"{platform.url}/hub/api/user", headers={"Authorization": f"token {token}"}).json()
    return {scope for scope in model["scopes"] if scope.startswith("custom:himalia")}


def test_only_the_service_pages_carry_the_administrators_scope(platform: Platform, carol: Browser) -> None:
    with Browser(platform, "admin") as admin:
        admin.sign_in()
        assert "custom:himalia:admin" in service_scopes(admin)
    carol.sign_in("carol-password")
    assert service_scopes(carol) == {
        f"custom:himalia:read!user={carol.name}",
        f"custom:himalia:write!user={carol.name}",
    }


def test_many_wrong_passwords_make_one_wait(platform: Platform, carol: Browser) -> None:
    answers = [carol.sign_in("wrong-password") for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert "Too many failed attempts. Try again in" in answers[-1].text
    # The right password has to wait too, else the answer would tell which one is right.
    assert carol.sign_in("carol-password").status_code == 429
    assert not signed_in(carol)


def test_odd_names_are_simply_wrong(platform: Platform) -> None:
    for name in ("../ada", "ada\u202e", "ada%00", "a" * 5000, "' OR 1=1 --"):
        with Browser(platform, name) as browser:
            assert browser.sign_in("some-password").status_code == 403


def test_forms_need_their_xsrf_token(platform: Platform, carol: Browser) -> None:
    code = platform.accounts.invite()
    data = {
        "code": code,
        "username": "mallory",
        "password": "long-password",
        "password_again": "long-password",
    }
    assert httpx.post(f"{platform.url}/hub/signup", data=data).status_code == 403
    assert platform.accounts.get("mallory") is None
    carol.sign_in("carol-password")
    change = {
        "old_password": "carol-password",
        "password": "long-password",
        "password_again": "long-password",
    }
    assert carol.post("/hub/password", data=change).status_code == 403
    assert platform.accounts.verify(carol.name, "carol-password")


def sign_up(browser: Browser, **changes: str) -> httpx.Response:
    browser.get("/hub/signup")
    data = {
        "username": browser.name,
        "password": "long-password",
        "password_again": "long-password",
        **changes,
    }
    return browser.post("/hub/signup", data={"_xsrf": browser.xsrf(), **data})


def test_sign_up_with_a_code(platform: Platform) -> None:
    with Browser(platform, "dora") as dora:
        code = platform.accounts.invite()
        assert "/hub/signup" in dora.get("/hub/login").text
        answer = sign_up(dora, code=code, password_again="other-password")
        assert (answer.status_code, "differ" in answer.text) == (422, True)
        answer = sign_up(dora, code="abcd-abcd-abcd-abcd")
        assert (answer.status_code, "not valid" in answer.text) == (403, True)
        for name in ("Dora/..", "root", "ďora", "ada"):
            answer = sign_up(dora, code=code, username=name)
            assert answer.status_code in (409, 422)
            assert '<p class="alert alert-danger"' in answer.text
        answer = sign_up(dora, code=code)
        assert answer.status_code == 200
        assert signed_in(dora)
        assert code not in platform.log("hub.log")
        assert code not in str(answer.history)


def test_sign_up_is_off_without_an_invitation(platform: Platform) -> None:
    with platform.accounts._write() as connection:
        connection.exec_driver_sql("DELETE FROM invitations")
    with Browser(platform, "erin") as erin:
        assert "/hub/signup" not in erin.get("/hub/login").text
        answer = erin.get("/hub/signup")
        assert answer.status_code == 404
        assert "by invitation" in answer.text


def test_changing_the_password_ends_other_sessions(platform: Platform, carol: Browser) -> None:
    carol.sign_in("carol-password")
    with Browser(platform, carol.name) as elsewhere:
        elsewhere.sign_in("carol-password")
        assert 'href="/hub/password"' in carol.get("/hub/home").text
        carol.get("/hub/password")
        data = {"old_password": "wrong", "password": "new-password", "password_again": "new-password"}
        answer = carol.post("/hub/password", data={"_xsrf": carol.xsrf(), **data})
        assert (answer.status_code, "present password is wrong" in answer.text) == (403, True)
        data["old_password"] = "carol-password"
        answer = carol.post("/hub/password", data={"_xsrf": carol.xsrf(), **data})
        assert "is changed" in answer.text
        assert signed_in(carol)
        assert not signed_in(elsewhere)


def test_a_disabled_account_is_refused_at_once(platform: Platform, carol: Browser) -> None:
    carol.sign_in("carol-password")
    token = carol.hub_token()

    def with_token() -> int:
        headers = {"Authorization": f"token {token}"}
        return httpx.get(f"{platform.url}/hub/api/user", headers=headers).status_code

    assert with_token() == 200
    platform.accounts.disable(carol.name)
    # The hub looks at an account once a second.
    until(lambda: with_token() == 403, "the token is refused", 5)
    assert not signed_in(carol)
    assert "disabled" in carol.sign_in("carol-password").text
    platform.accounts.enable(carol.name)
    assert with_token() == 403  # what was signed in stays ended
    carol.sign_in("carol-password")
    assert signed_in(carol)
