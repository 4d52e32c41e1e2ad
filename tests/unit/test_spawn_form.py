"""The spawn page's form and the check of what it sends."""

from __future__ import annotations

import copy
from html.parser import HTMLParser
from typing import Any

import pytest

from himalia.hub.spawn_form import choice, human_bytes, page

GB = 2**30
SMALL = {
    "name": "small",
    "title": "Small",
    "cpus": 1,
    "memory_bytes": GB,
    "accelerators": {},
    "default": False,
}
GPU = {
    **SMALL,
    "name": "gpu",
    "title": "GPU",
    "cpus": 4,
    "accelerators": {"nvidia.com/gpu": 1},
    "default": True,
}
BIG = {**SMALL, "name": "big", "cpus": 900.0, "free_now": 0, "reason": "No machine here has 900 cores."}
OFFERED: dict[str, Any] = {
    "items": [
        {
            "name": "base",
            "title": "Python",
            "description": "Plain.",
            "framework": "Python",
            "environment": "base",
            "available": True,
            "reason": None,
            "sizes": [{**SMALL, "free_now": 3, "reason": None}, {**GPU, "free_now": 0, "reason": None}, BIG],
        },
        {
            "name": "gone",
            "title": "<script>alert(1)</script>",
            "description": "x",
            "framework": "",
            "environment": "gone",
            "available": False,
            "reason": "Make it with `himalia environments create gone`.",
            "sizes": [{**SMALL, "free_now": None, "reason": None}],
        },
    ],
    "machine": {"cpus": 8, "memory_bytes": 16 * GB, "free_memory_bytes": 12.5 * GB},
}


class Radios(HTMLParser):
    """Radio buttons of the form: value to (checked, in a disabled fieldset)."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: dict[str, tuple[bool, bool]] = {}
        self.disabled = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "fieldset":
            self.disabled = "disabled" in given
        if tag == "input":
            self.found[str(given["value"])] = ("checked" in given, self.disabled or "disabled" in given)


def test_the_first_choice_is_the_default_size_of_what_is_available() -> None:
    assert choice(OFFERED, {}) == {"profile": "base", "size": "gpu"}
    assert choice(OFFERED, {"profile": "base", "size": "small"}) == {"profile": "base", "size": "small"}
    assert Radios(page(OFFERED, {})).found == {
        "base/small": (False, False),
        "base/gpu": (True, False),
        "base/big": (False, True),
        "gone/small": (False, True),
    }


def test_the_last_choice_is_preselected_while_it_can_be_had() -> None:
    last = {"profile": "base", "size": "small"}
    assert Radios(page(OFFERED, last)).found["base/small"] == (True, False)
    for last in ({"profile": "gone", "size": "small"}, {"profile": ["x"], "size": {}}, {"profile": "never"}):
        assert Radios(page(OFFERED, last)).found["base/gpu"] == (True, False)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"profile": "nope"}, "no profile 'nope'"),
        ({"profile": "base", "size": "-1"}, "no size '-1'"),
        ({"profile": "base", "size": "9" * 1000}, "no size"),
        ({"profile": "../base", "size": "small"}, "no profile"),
        ({"profile": ["base"], "size": "small"}, "no profile"),
        ({"profile": "base", "size": None, "x": 1}, ""),
        ({"profile": "gone", "size": "small"}, "himalia environments create gone"),
        ({"profile": "base", "size": "big"}, "No machine here has 900 cores"),
        ({"profile": ""}, "no profile"),
    ],
)
def test_what_is_not_offered_is_refused_in_a_sentence(options: dict[str, Any], says: str) -> None:
    if not says:
        assert choice(OFFERED, options)["size"] == "gpu"
        return
    with pytest.raises(ValueError, match=says) as failure:
        choice(OFFERED, options)
    assert len(str(failure.value)) < 200


def test_nothing_to_choose_from() -> None:
    nothing = {"items": [], "machine": {}}
    with pytest.raises(ValueError, match="No profile"):
        choice(nothing, {})
    assert "No profile is set up yet" in page(nothing, {})
    unavailable = copy.deepcopy(OFFERED)
    unavailable["items"] = unavailable["items"][1:]
    assert Radios(page(unavailable, {})).found == {"gone/small": (False, True)}


def test_the_page_says_what_is_free_and_shows_text_as_text() -> None:
    html = page(OFFERED, {})
    for text in (
        "8 cores",
        "16 GiB memory",
        "12.5 GiB free now",
        "3 free now",
        "None free now",
        "900 cores",
        "1 × nvidia.com/gpu",
    ):
        assert text in " ".join(html.split())
    assert "<code>himalia environments create gone</code>" in html
    assert html.count("<script>") == 1
    assert "alert(1)</script>" not in html


def test_what_is_not_available_is_folded_unless_nothing_is() -> None:
    html = page(OFFERED, {})
    shown, folded = html.split("<details")
    assert "base/small" in shown
    assert "gone/small" not in shown
    assert "gone/small" in folded
    assert "1 profile is not available here" in folded
    assert " open>" not in folded
    nothing = {**OFFERED, "items": OFFERED["items"][1:]}
    assert " open>" in page(nothing, {}).split("<details")[1]
    assert "<details" not in page({**OFFERED, "items": OFFERED["items"][:1]}, {})


def test_what_is_free_is_marked_for_the_script() -> None:
    html = page(OFFERED, {}, "/hub/free")
    assert 'data-free="base/small">3 free now<' in html
    assert 'data-free="base/gpu">None free now<' in html
    assert 'data-free="base/big"' not in html
    assert 'fetch("/hub/free")' in html


def test_sizes_in_words() -> None:
    assert [human_bytes(n) for n in (0, 5 * 2**20, GB, 1.5 * GB)] == ["0 B", "5 MiB", "1 GiB", "1.5 GiB"]
