"""What is known of the packages in an image, which the service cannot look into."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from himalia.core.settings import Settings
from himalia.environments.places import ImageEnvironments
from himalia.models.environments import lacking
from himalia.profiles.load import load
from himalia.profiles.model import Kubernetes, Profile, Profiles, Resources, Size

LOCK = """\
numpy==2.4.6 ; python_full_version < '3.12' \\
    --hash=sha256:{0}
numpy==2.5.5 ; python_full_version >= '3.12' \\
    --hash=sha256:{0}
colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{0}
Scikit_Learn==1.9.1 \\
    --hash=sha256:{0}
mlflow-skinny==3.17.2 \\
    --hash=sha256:{0}
""".format("0" * 64)


@pytest.fixture
def environments(tmp_path: Path) -> ImageEnvironments:
    (tmp_path / "images" / "scikit-learn").mkdir(parents=True)
    (tmp_path / "images" / "scikit-learn" / "requirements.lock").write_text(LOCK)
    profiles = load()
    settings = Settings(home=Path("/h"), images_dir=tmp_path / "images", kubernetes_images={"ours": "a/b:1"})
    return ImageEnvironments(settings, lambda: profiles)


def test_a_lock_tells_what_this_python_gets(environments: ImageEnvironments) -> None:
    numpy = "2.4.6" if sys.version_info < (3, 12) else "2.5.5"
    expected = {"numpy": numpy, "scikit-learn": "1.9.1", "mlflow-skinny": "3.17.2"}
    assert environments.packages("scikit-learn") == expected


def test_a_model_trained_in_an_image_lacks_nothing_in_it(environments: ImageEnvironments) -> None:
    numpy = environments.packages("scikit-learn")["numpy"]
    asked = ["mlflow==3.17.2", "scikit-learn==1.9.1", f"numpy=={numpy}"]
    assert lacking(asked, environments.packages("scikit-learn")) is None
    assert lacking([*asked, "skops"], environments.packages("scikit-learn")) is not None


def test_nothing_is_known_of_somebody_elses_image(environments: ImageEnvironments) -> None:
    assert environments.packages("ours") == {}


def test_overlays_are_told_apart_by_image_and_processor(tmp_path: Path) -> None:
    size = Size("one", "One", Resources(1, 2**30, {}))

    def profile(name: str, **kubernetes: Any) -> Profile:
        return Profile(name, name, "", "", "base", (size,), kubernetes=Kubernetes(**kubernetes))

    arm = {"kubernetes.io/arch": "arm64", "pool": "fast"}
    profiles = Profiles(
        (
            profile("own", image="r/own:1"),
            profile("arm", node_selector=arm, image="r/own:1"),
            profile("base"),
        ),
        tmp_path,
    )
    settings = Settings(home=Path("/h"), kubernetes_image="r/himalia-{environment}:1")
    made = ImageEnvironments(settings, lambda: profiles)
    assert made.marker("base", "base") == "r/himalia-base:1"
    assert made.marker("base", "own") == "r/own:1"
    assert made.marker("base", "arm") == "r/own:1 arm64"
    digests = {made.overlay_digest("base", name, b"six") for name in ("own", "arm")}
    assert len(digests) == 2
