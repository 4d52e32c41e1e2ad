"""Where environments are: folders of this machine, or images on a cluster."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from packaging.markers import Marker

from himalia.core import architecture
from himalia.core.settings import Settings
from himalia.environments import local, overlay
from himalia.environments.interpreter import base_prefixes
from himalia.profiles.constraints import Constraints
from himalia.profiles.model import Kubernetes, Profile, Profiles
from himalia.profiles.pods import PodParts, parts

IMAGE_PREFIX = Path("/opt/environment")
"""Where an image holds its environment."""
OVERLAYS_INSIDE = Path("/overlays")
"""Where a pod sees its person's overlays."""
_LOCKED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;]+) *(?:; *([^\\]+?))? *\\?$", re.MULTILINE)


class Environments(ABC):
    """The environments that workloads can run in here, by name."""

    shared_cpus = 0.0
    """Cores that a notebook server or an endpoint reserves unless its profile says it: mostly it waits."""

    @abstractmethod
    def names(self) -> list[str]:
        """All that are ready."""

    @abstractmethod
    def is_ready(self, name: str) -> bool:
        """Whether a workload can run in it."""

    @abstractmethod
    def missing(self, name: str) -> str:
        """A sentence: that it is not ready, and what makes it so."""

    @abstractmethod
    def prefix(self, name: str) -> Path:
        """Its folder, as whoever runs in it sees it."""

    @abstractmethod
    def binds(self, name: str) -> list[str]:
        """What of this machine a sandbox must see beside the prefix."""

    @abstractmethod
    def packages(self, name: str) -> dict[str, str]:
        """Versions of its packages by their normalized names, as far as they are known. Reads the disk."""

    @abstractmethod
    def marker(self, name: str, profile: str) -> str:
        """What tells it, as a profile has it, apart from all others; its overlays are named by that.

        Raises FileNotFoundError.
        """

    def overlay_digest(self, name: str, profile: str, requirements: bytes) -> str:
        """The name of the overlay that `requirements` makes on it. Raises FileNotFoundError where it is missing."""
        return overlay.digest_on(self.marker(name, profile), requirements)

    def image(self, name: str, profile: str) -> tuple[str, PodParts | None]:
        """The image that a workload of a profile runs in, and what the profile adds to its pod.

        Without a `name`, the platform's own. Nothing where there are no pods.
        """
        return "", None

    @abstractmethod
    def constraints(self, profile: str) -> Constraints:
        """The machines that a profile's workloads may be put on, or the platform's own where it has no name."""

    @abstractmethod
    def build_command(self, name: str, destination: Path, requirements: bytes) -> list[str]:
        """What builds an overlay, run where `destination` is seen. Raises RequirementsError."""


class FolderEnvironments(Environments):
    """Virtual environments in `<home>/environments`, made by `himalia environments create`."""

    def __init__(self, home: Path, profiles: Callable[[], Profiles]) -> None:
        self.folder = home / "environments"
        self._profiles = profiles

    def names(self) -> list[str]:
        names = sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))
        return [name for name in names if self.is_ready(name)]

    def is_ready(self, name: str) -> bool:
        return os.path.exists(f"{self.folder}/{name}/bin/python")  # noqa: PTH110 (often called)

    def missing(self, name: str) -> str:
        return (
            f"The environment {name} is not on this machine. An administrator makes it with: "
            f"`himalia environments create {name}`"
        )

    def prefix(self, name: str) -> Path:
        return self.folder / name

    def binds(self, name: str) -> list[str]:
        return [str(path) for path in base_prefixes(self.prefix(name))]

    def constraints(self, profile: str) -> Constraints:
        """Of a node selector, one machine has the processor's label alone."""
        found = _named(self._profiles(), profile)
        wanted = found.kubernetes.node_selector if found else {}
        return Constraints.of({name: value for name, value in wanted.items() if name == architecture.LABEL})

    def packages(self, name: str) -> dict[str, str]:
        # PyPA, "Recording installed projects"
        found = {}
        for path in self.prefix(name).glob("lib/python3.*/site-packages/*.dist-info"):
            package, _, version = path.name.removesuffix(".dist-info").partition("-")
            found[normal(package)] = version
        return found

    def marker(self, name: str, profile: str) -> str:
        return local.marker(self.prefix(name))

    def build_command(self, name: str, destination: Path, requirements: bytes) -> list[str]:
        return overlay.build_command(self.prefix(name), destination, requirements)


class ImageEnvironments(Environments):
    """Images that profiles or settings name; what is in them is known where they are made of our own locks."""

    shared_cpus = 0.1
    """A node shares its cores by what pods ask for: one that asks for nothing gets next to nothing beside jobs."""

    def __init__(self, settings: Settings, profiles: Callable[[], Profiles]) -> None:
        self.template = settings.kubernetes_image
        self.images = settings.kubernetes_images
        self.platform_image = settings.kubernetes_platform_image
        secrets = [{"name": name} for name in settings.kubernetes_pull_secrets]
        self.defaults = dict(settings.kubernetes_pod_defaults)
        # What `pods` names comes beside them, each once.
        more = [one for one in self.defaults.get("imagePullSecrets", []) if one not in secrets]
        if secrets or more:
            self.defaults["imagePullSecrets"] = [*secrets, *more]
        self.definitions = settings.images_dir or local.default_images()
        self._profiles = profiles

    def image(self, name: str, profile: str) -> tuple[str, PodParts]:
        found, added = _named(self._profiles(), profile), self._added(profile)
        if not name:
            return self.platform_image, added
        if found and found.environment == name:
            return found.kubernetes.image or self._named_after(name), added
        own = next((one.kubernetes.image for one in self._of(name) if one.kubernetes.image), None)
        return own or self._named_after(name), added

    def constraints(self, profile: str) -> Constraints:
        spec = self._added(profile).spec
        return Constraints.of(spec.get("nodeSelector", {}), spec.get("tolerations", ()))

    def _added(self, profile: str) -> PodParts:
        found = _named(self._profiles(), profile)
        return parts(found.kubernetes if found else Kubernetes(), self.defaults)

    def _named_after(self, name: str) -> str:
        return self.images.get(name) or self.template.format(environment=name)

    def _of(self, name: str) -> list[Profile]:
        return [one for one in self._profiles() if one.environment == name]

    def names(self) -> list[str]:
        return sorted({one.environment for one in self._profiles()} | self.images.keys())

    def is_ready(self, name: str) -> bool:
        return name in self.images or any(one.environment == name for one in self._profiles())

    def missing(self, name: str) -> str:
        known = ", ".join(self.names()) or "none"
        return f"There is no environment {name} on this cluster. There are: {known}."

    def prefix(self, name: str) -> Path:
        return IMAGE_PREFIX

    def binds(self, name: str) -> list[str]:
        return []

    def packages(self, name: str) -> dict[str, str]:
        if name in self.images or any(one.kubernetes.image for one in self._of(name)):
            return {}  # an image of somebody else's: it may hold anything
        try:
            text = (self.definitions / name / "requirements.lock").read_text()
        except OSError:
            return {}
        # The images stand on the same Debian as the platform's, so markers mean what they mean here.
        return {
            normal(package): version
            for package, version, marker in _LOCKED.findall(text)
            if not marker or Marker(marker).evaluate()
        }

    def marker(self, name: str, profile: str) -> str:
        """The image, and the processor where the profile wants one: an image can be there for several."""
        if not self.is_ready(name):
            raise FileNotFoundError(self.missing(name))
        image, added = self.image(name, profile)
        return " ".join([image, *filter(None, [added.spec.get("nodeSelector", {}).get(architecture.LABEL)])])

    def build_command(self, name: str, destination: Path, requirements: bytes) -> list[str]:
        return [
            *("python3", "-m", "himalia.environments.overlay_build", "--uv", "uv"),
            *("--base", str(IMAGE_PREFIX)),
            *("--destination", str(OVERLAYS_INSIDE / destination.name)),
            f"--requirements={overlay.parse(requirements)}",
        ]


def make_environments(settings: Settings, profiles: Callable[[], Profiles]) -> Environments:
    """The environments of this installation."""
    if settings.is_cluster:
        return ImageEnvironments(settings, profiles)
    return FolderEnvironments(settings.home, profiles)


def _named(profiles: Profiles, name: str) -> Profile | None:
    return next((one for one in profiles if one.name == name), None)


def normal(package: str) -> str:
    """A package's name as it is compared (PyPA, "Names and normalization")."""
    return re.sub(r"[-_.]+", "-", package).lower()
