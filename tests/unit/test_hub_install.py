"""What `install(c)` adds to a hub's configuration, and what it leaves alone."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from traitlets.config import Config

import himalia.hub
from himalia.hub.accounts.store import AccountStore
from himalia.hub.install import ADMIN, READ, WRITE, install
from himalia.hub.kubernetes.config import configure


@pytest.fixture
def token(tmp_path: Path) -> Path:
    path = tmp_path / "service-token"
    path.write_text("abc\n")
    return path


def test_adds_to_what_is_there(token: Path) -> None:
    c = Config()
    c.JupyterHub.load_roles = [{"name": "own"}]
    c.JupyterHub.services = [{"name": "other"}]
    c.JupyterHub.extra_user_scopes = {"read:hub"}
    c.JupyterHub.template_paths = ["/own"]
    c.JupyterHub.authenticator_class = "dummy"
    c.Spawner.environment = {"OWN": "1", "HIMALIA_URL": "https://elsewhere/services/himalia"}
    install(c, service_url="http://127.0.0.1:9/", service_token_file=token, admin_users={"eve", "ada"})
    assert [role["name"] for role in c.JupyterHub.load_roles] == ["own", "himalia", "himalia-admin"]
    assert c.JupyterHub.load_roles[2] == {"name": "himalia-admin", "scopes": [ADMIN], "users": ["ada", "eve"]}
    other, ours = c.JupyterHub.services
    assert other == {"name": "other"}
    assert (ours["name"], ours["api_token"], ours["timeout"]) == ("himalia", "abc", 3)
    assert "command" not in ours
    assert c.JupyterHub.extra_user_scopes >= {"read:hub", f"{READ}!user", f"{WRITE}!user"}
    assert Path(c.JupyterHub.template_paths[0], "spawn.html").is_file()
    assert c.JupyterHub.template_paths[1:] == ["/own"]
    assert c.JupyterHub.authenticator_class == "dummy"
    assert "spawner_class" not in c.JupyterHub
    assert c.Spawner.environment["OWN"] == "1"
    assert c.Spawner.environment["HIMALIA_URL"] == "https://elsewhere/services/himalia"
    assert not [scope for scope in c.Spawner.server_token_scopes if "admin" in scope]


def test_what_the_chart_is_told_is_added_to_or_outranks_the_chart(
    token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cookie-secret", "proxy-token"):
        (tmp_path / name).write_text("00" * 32)
    given = {
        "JupyterHub": {
            "load_roles": [{"name": "culler"}],
            "services": [{"name": "culler"}],
            "extra_handlers": [["/own", "handler"]],
            "concurrent_spawn_limit": 7,
        },
        "Spawner": {"environment": {"TZ": "UTC"}, "start_timeout": 60},
    }
    (tmp_path / "values.json").write_text(json.dumps(given))
    told = {
        "HIMALIA_SECRETS_DIR": str(tmp_path),
        "HIMALIA_HUB_URL": "http://hub:8081",
        "HIMALIA_PROXY_API_URL": "http://proxy:8001",
        "HIMALIA_SERVICE_URL": "http://service:8003",
        "HIMALIA_SERVICE_TOKEN_FILE": str(token),
        "HIMALIA_KUBERNETES_NAMESPACE": "ml",
        "HIMALIA_KUBERNETES_RELEASE": "himalia",
        "HIMALIA_HUB_VALUES": str(tmp_path / "values.json"),
        "HUB_DATABASE_URL": "sqlite://",
    }
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    c = Config()
    configure(c, told)
    assert [role["name"] for role in c.JupyterHub.load_roles] == ["culler", "himalia", "himalia-admin"]
    assert [one["name"] for one in c.JupyterHub.services] == ["culler", "himalia"]
    assert [one[0] for one in c.JupyterHub.extra_handlers][:2] == ["/own", "/ready"]
    assert c.JupyterHub.concurrent_spawn_limit == 7
    assert (c.Spawner.environment["TZ"], c.Spawner.start_timeout) == ("UTC", 60)
    assert c.Spawner.environment["HIMALIA_URL"] == "http://service:8003/services/himalia"


def test_what_is_not_said_is_taken_from_the_environment(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "SERVICE_URL": "http://service:8003",
        "SERVICE_TOKEN_FILE": str(token),
        "GATEWAY_URL": "http://gateway:8004",
        "ADMIN_USERS": " grace,, ada ",
    }.items():
        monkeypatch.setenv(f"HIMALIA_{name}", value)
    c = Config()
    install(c, spawner="kubernetes")
    assert [service["url"] for service in c.JupyterHub.services] == [
        "http://service:8003",
        "http://gateway:8004",
    ]
    assert c.JupyterHub.load_roles[-1]["users"] == ["ada", "grace"]
    assert c.JupyterHub.spawner_class == "himalia.hub.kubernetes.spawner.HimaliaKubeSpawner"
    assert c.HimaliaKubeSpawner.service_token_file == str(token)
    assert c.Spawner.environment["HIMALIA_URL"] == "http://service:8003/services/himalia"
    c = Config()
    install(c, service_url="http://other", admin_users=[])
    assert c.JupyterHub.services[0]["url"] == "http://other"
    assert "users" not in c.JupyterHub.load_roles[-1]


def test_what_is_missing_is_said(token: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SERVICE_URL", "SERVICE_TOKEN_FILE", "HOME"):
        monkeypatch.delenv(f"HIMALIA_{name}", raising=False)
    with pytest.raises(ValueError, match="service_url: give it, or set HIMALIA_SERVICE_URL"):
        install(Config())
    with pytest.raises(ValueError, match="set HIMALIA_SERVICE_TOKEN_FILE"):
        install(Config(), service_url="http://x")
    with pytest.raises(ValueError, match="absent: No such file"):
        install(Config(), service_url="http://x", service_token_file=tmp_path / "absent")
    empty = tmp_path / "empty"
    empty.touch()
    with pytest.raises(ValueError, match="is empty"):
        install(Config(), service_url="http://x", service_token_file=empty)
    with pytest.raises(ValueError, match="knows no spawner 'docker'"):
        install(Config(), service_url="http://x", service_token_file=token, spawner="docker")  # type: ignore[arg-type]


def test_the_gateway_is_a_route_and_no_more(token: Path) -> None:
    c = Config()
    install(c, service_url="http://127.0.0.1:9", service_token_file=token, gateway_url="http://127.0.0.1:7")
    ours, gateway = c.JupyterHub.services
    assert gateway == {
        "name": "himalia-gateway",
        "url": "http://127.0.0.1:7",
        "display": False,
        "timeout": 3,
    }
    assert "himalia-gateway" not in str(c.JupyterHub.load_roles)
    assert ours["name"] == "himalia"


def test_sets_the_local_parts_when_asked(token: Path, tmp_path: Path) -> None:
    c = Config()
    with pytest.raises(ValueError, match="home"):
        install(c, service_url="http://127.0.0.1:9", service_token_file=token, spawner=True)
    c = Config()
    himalia.hub.install(
        c,
        service_url="http://127.0.0.1:9",
        service_token_file=token,
        home=tmp_path,
        authenticator=True,
        spawner=True,
    )
    environment = dict(c.Spawner.environment)
    token_of = environment.pop("MLFLOW_TRACKING_TOKEN")
    assert token_of(SimpleNamespace(api_token="its own")) == "its own"
    assert environment == {
        "HIMALIA_URL": "http://127.0.0.1:9/services/himalia",
        "MLFLOW_TRACKING_URI": "http://127.0.0.1:9/services/himalia/mlflow",
        "MLFLOW_EXPERIMENT_NAME": "Default",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    assert c.LocalSpawner.home == c.LocalAuthenticator.home == str(tmp_path)
    assert c.LocalSpawner.service_token_file == str(token)
    assert "users" not in c.JupyterHub.load_roles[-1]
    accounts = AccountStore.of_home(tmp_path)
    accounts.add("grace", admin=True)
    accounts.add("ada")
    c = Config()
    install(c, service_url="http://127.0.0.1:9", service_token_file=token, home=tmp_path, authenticator=True)
    assert c.JupyterHub.load_roles[-1]["users"] == ["grace"]
    assert "abc" not in repr(c.LocalSpawner)
