"""Where a model server listens: what its command says, else what its backend put into its environment."""

from __future__ import annotations

import pytest

from himalia.serving import __main__ as serving


@pytest.mark.parametrize(
    ("arguments", "variables", "place"),
    [
        ([], {}, (None, None)),
        ([], {"SOCKET": "/s"}, ("/s", None)),
        ([], {"ADDRESS": "0.0.0.0:8080"}, (None, "0.0.0.0:8080")),
        (["--address", "127.0.0.1:1"], {"SOCKET": "/s"}, (None, "127.0.0.1:1")),
        (["--socket", "/own"], {"ADDRESS": "0.0.0.0:8080"}, ("/own", None)),
    ],
)
def test_the_command_wins_over_the_environment(
    arguments: list[str],
    variables: dict[str, str],
    place: tuple[str | None, str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("SOCKET", "ADDRESS"):
        monkeypatch.delenv(f"HIMALIA_SERVE_{name}", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(f"HIMALIA_SERVE_{name}", value)
    monkeypatch.setattr("sys.argv", ["serving", "model", *arguments])
    given = serving._arguments()
    assert (given.socket, given.address) == place
