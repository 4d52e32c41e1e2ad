"""The pages' own sign-in: other pages of the same origin get nothing through its cookie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from platforms import PASSWORD, Person, Running
from playwright.sync_api import Page, sync_playwright

BASE = "/services/himalia"
NAVIGATE = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def cookies(ada: Person) -> dict[str, str]:
    """What ada's browser keeps of the service."""
    return {c.name: c.value or "" for c in ada.browser.cookies.jar if c.name.startswith("himalia-")}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"},
        {**NAVIGATE, "Sec-Fetch-Dest": "iframe"},
        NAVIGATE,  # what an API answers to a navigation, its opener could read
        {"X-Himalia-XSRF": "0" * 64},
        {"X-Himalia-XSRF": ""},
    ],
)
def test_the_api_takes_the_cookie_with_its_value_alone(
    himalia: Running, cookies: dict[str, str], headers: dict[str, str]
) -> None:
    address = f"{himalia.url}{BASE}/api/v1/whoami"
    assert httpx.get(address, cookies=cookies, headers=headers).status_code == 401
    right = {"X-Himalia-XSRF": cookies["himalia-xsrf"]}
    assert httpx.get(address, cookies=cookies, headers=right).json()["credential"] == "session"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        (NAVIGATE, 200),
        ({**NAVIGATE, "Sec-Fetch-Dest": "iframe"}, 302),
        ({"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}, 401),
        ({"Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "worker"}, 401),
    ],
)
def test_pages_open_for_navigations_alone(
    himalia: Running, cookies: dict[str, str], headers: dict[str, str], status: int
) -> None:
    for page in ("/", "/login", "/docs"):
        answer = httpx.get(f"{himalia.url}{BASE}{page}", cookies=cookies, headers=headers)
        assert answer.status_code == status
        if status == 200:
            assert answer.headers["cross-origin-opener-policy"] == "noopener-allow-popups"
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_signing_in_sets_cookies_that_scripts_do_not_see(himalia: Running, ada: Person) -> None:
    with httpx.Client(base_url=himalia.url, headers=NAVIGATE) as browser:
        begun = browser.get(f"{BASE}/login")
        query = parse_qs(urlsplit(begun.headers["location"]).query)
        assert query["code_challenge_method"] == ["S256"]
        assert "httponly" in begun.headers["set-cookie"].lower()
        browser.cookies.update({c.name: c.value or "" for c in ada.browser.cookies.jar if c.path == "/hub/"})
        state = query["state"][0]
        for wrong in (f"code=x&state={state}x", "code=x", "", "state=%ff"):
            assert browser.get(f"{BASE}/oauth_callback?{wrong}").status_code == 401
        # A state that another browser began does not count here.
        other = httpx.get(f"{himalia.url}{BASE}/oauth_callback?code=x&state={state}", headers=NAVIGATE)
        assert other.status_code == 401
    for cookie in ada.browser.cookies.jar:
        if cookie.name.startswith("himalia-"):
            assert cookie.path == f"{BASE}/"
            assert cookie.has_nonstandard_attr("HttpOnly"), cookie.name


def test_signing_out_of_the_hub_ends_the_session(himalia: Running, people: Callable[..., Person]) -> None:
    himalia.add_user("leaver")
    leaver = Person(himalia, "leaver")
    try:
        assert leaver.session("GET", "/whoami").status_code == 200
        leaver.browser.get("/hub/logout")
        deadline_calls = 60
        while leaver.session("GET", "/whoami").status_code == 200:
            deadline_calls -= 1
            assert deadline_calls
            _pause()
        assert leaver.session("GET", "/whoami").status_code == 401
    finally:
        leaver.close()


def _pause() -> None:
    """The hub's answers are trusted for a few seconds."""
    import time

    time.sleep(0.2)


@pytest.fixture
def page(himalia: Running, ada: Person) -> Iterator[Page]:
    """A real browser in which ada has signed in to the hub and to the service."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page()
        page.goto(f"{himalia.url}/hub/login?next=/hub/home")
        page.fill("input[name=username]", ada.name)
        page.fill("input[name=password]", PASSWORD)
        page.click("#login_submit, [type=submit]")
        page.wait_for_url("**/hub/home")
        page.goto(f"{himalia.url}{BASE}/")
        page.wait_for_selector("text=Signed in as")
        page.goto(f"{himalia.url}/hub/home")
        yield page
        chromium.close()


def test_another_page_of_the_origin_gets_nothing(page: Page) -> None:
    """What a notebook's page could try: it has the same origin, and the browser sends it the cookies."""
    fetched = page.evaluate(
        """async (base) => {
            const paths = ['/api/v1/whoami', '/login', '/', '/docs'];
            return Promise.all(paths.map(async p => (await fetch(base + p, {redirect: 'manual'})).status));
        }""",
        BASE,
    )
    assert fetched == [401, 401, 401, 401]
    seen = page.evaluate(
        """(base) => { history.pushState(null, '', base + '/'); return document.cookie; }""", BASE
    )
    assert "himalia" not in seen
    opened = page.evaluate(
        """async (base) => {
            const found = [];
            for (const path of ['/login', '/api/v1/whoami']) {
                const popup = window.open(base + path);
                const frame = document.createElement('iframe');
                frame.src = base + path;
                document.body.append(frame);
                await new Promise(done => setTimeout(done, 1500));
                for (const other of [popup, frame.contentWindow]) {
                    try { found.push(other.document.documentElement.innerText); }
                    catch (error) { found.push(String(error)); }
                }
            }
            return found.join('\\n');
        }""",
        BASE,
    )
    assert "_xsrf" not in opened
    assert "The code that the command shows" not in opened
    assert "personal_project" not in opened
