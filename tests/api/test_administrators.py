"""Who administers Himalia without administering the hub: holders of the role, by name or by a group."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from platforms import Person, Running

STEWARD = "a-token-of-the-tests-that-manages-groups"
CONFIG = f"""
c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allow_all = True
c.JupyterHub.load_groups = {{"operators": {{"users": ["olga"]}}}}
c.JupyterHub.services = [*c.JupyterHub.services, {{"name": "steward", "api_token": "{STEWARD}"}}]
c.JupyterHub.load_roles = [
    *c.JupyterHub.load_roles,
    {{"name": "steward", "scopes": ["groups"], "services": ["steward"]}},
]
for role in c.JupyterHub.load_roles:
    if role["name"] == "himalia-admin":
        role.update(users=["grace"], groups=["operators"])
"""


@pytest.fixture(scope="module")
def other_hub(environments: object) -> Iterator[Running]:
    """A platform with another authenticator, as an administrator's own settings make it."""
    running = Running(("base",), HIMALIA_HUB_CACHE_S="0.5")
    (running.home / "jupyterhub_config.py").write_text(CONFIG)
    try:
        yield running.up()
    finally:
        running.remove()


@pytest.mark.parametrize("name", ["grace", "olga"])
def test_the_role_makes_an_administrator(other_hub: Running, name: str) -> None:
    person = Person(other_hub, name, ("admin",))
    assert person.http.get("/whoami").json()["scopes"] == ["admin"]
    assert person.http.get("/workloads").status_code == 200
    if name == "olga":
        headers = {"Authorization": f"token {STEWARD}"}
        url = f"{other_hub.url}/hub/api/groups/operators/users"
        gone = httpx.request("DELETE", url, headers=headers, json={"users": ["olga"]})
        assert gone.status_code == 200, gone.text
        refused = person.http.get("/workloads")
        while refused.status_code == 200:  # the hub's answer is kept for half a second
            refused = person.http.get("/workloads")
        assert refused.status_code == 403
    person.close()


def test_others_cannot_make_such_a_token(other_hub: Running) -> None:
    person = Person(other_hub, "ada")
    refused = person.session("POST", "/tokens", json={"scopes": ["admin"]})
    assert refused.status_code == 403
    assert person.http.get("/workloads").status_code == 403
    person.close()
