"""Trees: one canonical form, and no path that leads anywhere else."""

from __future__ import annotations

import json

import pytest
from blake3 import blake3

from himalia.storage.trees import MAX_PATH_BYTES, BadPathError, Tree, TreeError, TreeFile, validate_path

DIGEST = blake3(b"x").hexdigest()


@pytest.mark.parametrize(
    "path",
    [
        "a",
        "a/b.txt",
        "日本/ünï.ipynb",
        " spaces kept ",
        "-rf",
        "...",
        "a..b",
        "con",
        "C:\\x",
        "a/" * 120 + "b",
        "😀",
    ],
)
def test_plain_paths_are_accepted(path: str) -> None:
    validate_path(path)
    assert Tree.of([TreeFile(path, 1, DIGEST)]).files[0].path == path


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "not empty"),
        (None, "text"),
        (b"bytes", "text"),
        ("/etc/passwd", "relative"),
        ("//x", "relative"),
        ("..", "upwards"),
        ("../x", "upwards"),
        ("a/../../x", "upwards"),
        ("a/..", "upwards"),
        ("./a", "empty part"),
        ("a//b", "empty part"),
        ("a/", "empty part"),
        (".", "empty part"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x7fb", "control"),
        ("a\x85b", "control"),
        ("e\u0301.txt", "NFC"),
        ("\udcff", "Unicode"),
        ("x" * (MAX_PATH_BYTES + 1), "longer"),
        ("ü" * 128, "255"),
    ],
)
def test_paths_that_trick_are_refused_in_a_sentence(path: str, why: str) -> None:
    with pytest.raises(BadPathError, match=why) as caught:
        validate_path(path)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).endswith(".")
    with pytest.raises(TreeError):
        Tree.parse({"files": [{"path": path, "size": 1, "digest": DIGEST}]})


def test_canonical_form_and_digest() -> None:
    files = [TreeFile("é", 2, DIGEST), TreeFile("a/b", 1, DIGEST, executable=True), TreeFile("Z", 0, DIGEST)]
    tree = Tree.of(files)
    assert tree.to_bytes().decode() == (
        f'{{"files":[{{"digest":"{DIGEST}","executable":false,"path":"Z","size":0}},'
        f'{{"digest":"{DIGEST}","executable":true,"path":"a/b","size":1}},'
        f'{{"digest":"{DIGEST}","executable":false,"path":"é","size":2}}]}}'
    )
    assert tree.digest == blake3(tree.to_bytes()).hexdigest()
    assert (
        Tree.of(reversed(files))
        == tree
        == Tree.parse(tree.to_bytes())
        == Tree.parse(json.dumps(tree.manifest()))
    )
    assert (tree.size, tree.digests) == (3, {DIGEST})


def test_names_may_differ_in_case_alone() -> None:
    assert len(Tree.of([TreeFile("README", 1, DIGEST), TreeFile("readme", 1, DIGEST)]).files) == 2


@pytest.mark.parametrize("paths", [["a", "a"], ["a", "a/b"], ["a/b/c", "a/b"], ["a", "a-b", "a/b/c"]])
def test_a_path_has_one_meaning(paths: list[str]) -> None:
    with pytest.raises(BadPathError):
        Tree.of([TreeFile(path, 1, DIGEST) for path in paths])


@pytest.mark.parametrize(
    "manifest",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        "[]",
        "{}",
        '{"files": {}}',
        '{"files": [], "more": 1}',
        '{"files": [1]}',
        '{"files": [{"path": "a"}]}',
        {"files": [{"path": "a", "size": 1, "digest": DIGEST, "mode": 7}]},
        {"files": [{"path": "a", "size": -1, "digest": DIGEST}]},
        {"files": [{"path": "a", "size": 1.0, "digest": DIGEST}]},
        {"files": [{"path": "a", "size": True, "digest": DIGEST}]},
        {"files": [{"path": "a", "size": 1 << 60, "digest": DIGEST}]},
        {"files": [{"path": "a", "size": 1, "digest": DIGEST.upper()}]},
        {"files": [{"path": "a", "size": 1, "digest": "../" + DIGEST}]},
        {"files": [{"path": "a", "size": 1, "digest": DIGEST, "executable": 1}]},
        {"files": [{"path": ["a"], "size": 1, "digest": DIGEST}]},
        {"files": [{"path": 3, "size": 1, "digest": DIGEST}, {"path": "a", "size": 1, "digest": DIGEST}]},
    ],
)
def test_what_is_no_manifest_is_refused(manifest: bytes) -> None:
    with pytest.raises(TreeError) as caught:
        Tree.parse(manifest)
    assert str(caught.value).endswith(".")
