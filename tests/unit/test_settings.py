"""What an administrator sets wrongly is told in words, with the place to correct it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from himalia.core.settings import BadSettings, read_settings


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder whose path is short enough for a home."""
    with tempfile.TemporaryDirectory(prefix="him", dir="/tmp") as folder:
        yield Path(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "disk_flor_bytes = 5",
            "sets disk_flor_bytes, and there is no such setting. Did you mean disk_floor_bytes?",
        ),
        ("zzz = 5", "sets zzz, and there is no such setting."),
        ('token_days = "x"', "token_days: Input should be a valid integer"),
        ("token_days = 0", "token_days: Input should be greater than 0"),
        ("hub_port = 70000", "hub_port: Input should be less than 65536"),
        (
            "warm_kernels = -1\nstop_grace_s = -1",
            "stop_grace_s: Input should be greater than or equal to 0; warm",
        ),
        (
            "kubernetes_pod_defaults = {hostNetwork = true, nodeSelector = {a = 'b'}, initContainers = []}",
            "names hostNetwork, initContainers, which is not for settings to say. It takes affinity, dnsConfig,",
        ),
        ("x = [", "cannot be read"),
    ],
)
def test_wrong_settings(home: Path, text: str, words: str) -> None:
    (home / "himalia.toml").write_text(text)
    with pytest.raises(BadSettings) as raised:
        read_settings(home)
    assert words in str(raised.value)
    assert str(home / "himalia.toml") in str(raised.value)


def test_right_settings(home: Path) -> None:
    assert read_settings(home).token_days == 90
    (home / "himalia.toml").write_text("token_days = 7\n")
    assert read_settings(home).token_days == 7
