"""What an administrator can set, from `HIMALIA_*` in the environment or `<home>/himalia.toml`.

Every field here stands in docs/settings.md; a test compares the two.
"""

from __future__ import annotations

import os
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from himalia.core.home import HOME_LENGTH, default_home

HTTP = r"^https?://[^/\s]+$"


OF_PODS = frozenset(
    {
        *(
            "affinity",
            "nodeName",
            "nodeSelector",
            "schedulerName",
            "tolerations",
            "topologySpreadConstraints",
        ),
        *("preemptionPolicy", "priorityClassName", "runtimeClassName"),
        *("dnsConfig", "dnsPolicy", "hostAliases", "imagePullSecrets"),
    }
)
"""Fields of a pod (core/v1) that settings can change: none of them gives it rights (docs/isolation.md)."""


class Settings(BaseSettings):
    """The service's settings. Units are in the names."""

    model_config = SettingsConfigDict(env_prefix="HIMALIA_", extra="ignore")

    home: Path = Field(default_factory=default_home, description="Folder that holds everything.")
    address: str = Field("http://127.0.0.1:8000", description="Public address of the platform.")
    backend: str = Field(
        "local",
        pattern=r"^(local|kubernetes|[A-Za-z_][\w.]*:[A-Za-z_]\w*)$",
        description="Where workloads run: local (this machine), kubernetes, or package.module:Class of another one.",
    )
    listen: str = Field("127.0.0.1", min_length=1, description="Host at which the service listens.")
    service_port: int = Field(8003, gt=0, lt=65536, description="Port of the service.")
    service_url: str | None = Field(
        None,
        pattern=HTTP,
        description="Where workloads and notebook servers reach the service; default: its port on loopback.",
    )
    gateway_address: str = Field(
        "127.0.0.1:8004",
        pattern=r"^.+:[0-9]{1,5}$",
        description="HOST:PORT at which the gateway listens for calls to endpoints.",
    )
    endpoint_body_limit_bytes: int = Field(
        100 * 2**20, gt=0, description="Largest body of a call to an endpoint."
    )
    endpoint_timeout_s: float = Field(
        60.0, gt=0, description="Time in which a model server must go on with its answer."
    )
    gateway_url: str | None = Field(
        None,
        pattern=HTTP,
        description="Public address of the gateway itself, if it is not the machine's name with its port.",
    )
    gateway_control: str | None = Field(
        None,
        pattern=HTTP,
        description="http://HOST:PORT of all gateways' control, HOST a name of all their addresses; the secret file "
        "gateway-token opens it. Default: a Unix socket in the home.",
    )
    hub_port: int = Field(8001, gt=0, lt=65536, description="Loopback port of the hub.")
    hub_url: str | None = Field(
        None, pattern=HTTP, description="Where the service reaches the hub; default: its port on loopback."
    )
    secrets_dir: Path | None = Field(
        None, description="Folder of the platform's own secret files; default: secrets in the home."
    )
    database_url: str | None = Field(None, description="SQLAlchemy URL; default: SQLite in the home.")
    accounts_url: str | None = Field(
        None, description="SQLAlchemy URL of the local accounts; default: SQLite in the home."
    )
    object_store_url: str = Field(
        "",
        description="s3://BUCKET/PREFIX?endpoint=URL&region=NAME, where objects are kept. Credentials: the secret "
        "file s3-credentials, as Amazon's tools write them, or AWS's usual variables. Default: objects in the home.",
    )
    mlflow_mode: Literal["process", "sidecar"] = Field(
        "process",
        description="process: the service starts MLflow at its first use; sidecar: `python -m "
        "himalia.tracking.sidecar` runs beside it.",
    )
    mlflow_database_url: str | None = Field(
        None, description="SQLAlchemy URL of MLflow's database; default: SQLite in the home."
    )
    profiles_dir: Path | None = Field(
        None, description="Folder of spawner profiles; default: those that come with Himalia."
    )
    images_dir: Path | None = Field(
        None, description="Folder of environments' definitions; default: those that come with Himalia."
    )
    log_limit_bytes: int = Field(64 * 2**20, gt=0, description="Largest log kept of one attempt.")
    snapshot_limit_bytes: int = Field(100 * 2**20, gt=0, description="Largest code snapshot of a job.")
    output_limit_bytes: int = Field(10 * 2**30, gt=0, description="Largest single output file of a job.")
    dataset_file_limit_bytes: int = Field(1 * 2**40, gt=0, description="Largest single file of a dataset.")
    body_limit_bytes: int = Field(2 * 2**20, gt=0, description="Largest JSON body of a request.")
    disk_floor_bytes: int = Field(2**30, ge=0, description="Free disk under which new work is refused.")
    stop_grace_s: float = Field(
        10.0, ge=0, description="Time between asking a workload to end and ending it."
    )
    lost_after_s: float = Field(
        10.0, gt=0, description="Time until a workload without a sign of life is lost."
    )
    runner_idle_s: float = Field(300.0, ge=0, description="Time after which an idle resident runner ends.")
    warm_kernels: int = Field(1, ge=0, description="Warm kernels kept per person, project and environment.")
    warm_kernel_idle_s: float = Field(
        300.0,
        ge=0,
        description="Time after which a kernel that waits, warm or kept for its group, ends.",
    )
    hub_cache_s: float = Field(
        5.0, ge=0, description="Time for which the hub's answer about a token is trusted."
    )
    server_check_s: float = Field(
        60.0, gt=0, description="Time between two looks for reservations whose notebook server is gone."
    )
    token_days: int = Field(90, gt=0, description="Longest life of a personal access token.")
    retention_days: int = Field(30, ge=0, description="Time for which a deleted thing can be restored.")
    draft_days: int = Field(
        7, ge=0, description="Time after its last change for which an uncommitted draft of a dataset is kept."
    )
    import_paths: list[Path] = Field(
        [], description="Folders of this machine from which people may import files into datasets."
    )
    overlay_days: int = Field(
        30,
        ge=0,
        description="Time after its last use for which an environment from a requirements.txt is kept.",
    )
    collect_every_s: float = Field(
        3600.0, gt=0, description="Time between two removals of what is not needed."
    )
    object_grace_s: float = Field(
        86400.0, gt=0, description="Age below which an unneeded object stays; longer than any upload takes."
    )
    content_address: str = Field(
        "127.0.0.1:8005",
        pattern=r"^.+:\d{1,5}$",
        description="HOST:PORT at which MLflow's pages are listened for: an origin of their own.",
    )
    content_url: str | None = Field(
        None,
        description="Public address of MLflow's pages, if it is not the platform's host with that port.",
    )
    mlflow_idle_s: float = Field(900.0, ge=0, description="Time after its last use for which MLflow is kept.")
    mlflow_memory_bytes: int = Field(
        2 * 2**30, gt=0, description="Memory at which MLflow is ended and made anew."
    )
    artifact_limit_bytes: int = Field(10 * 2**30, gt=0, description="Largest file logged to MLflow.")
    uid_base: int = Field(200_000, description="First numeric UID given to a person (root only).")
    gid_base: int = Field(400_000, description="First numeric GID given to a project (root only).")
    kubernetes_namespace: str = Field("", description="Namespace in which everything runs.")
    kubernetes_release: str = Field(
        "himalia",
        pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$",
        description="Name of this installation on its cluster: a label, and the beginning of names.",
    )
    kubernetes_image: str = Field(
        "himalia-{environment}:latest", description="Image of an environment, named by {environment}."
    )
    kubernetes_images: dict[str, str] = Field(
        {}, description="Images of environments for which kubernetes_image does not hold, by name (JSON)."
    )
    kubernetes_platform_image: str = Field(
        "", description="Image of the platform itself, in which imports, previews and checks run."
    )
    kubernetes_pull_secrets: list[str] = Field(
        [], description="Secrets with which images are pulled (JSON list of names)."
    )
    kubernetes_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        "IfNotPresent", description="When images of people's pods are pulled."
    )
    kubernetes_data_claim: str = Field("", description="Claim of the volume that is the service's home.")
    kubernetes_home_storage: dict[str, Any] = Field(
        {"size": "10Gi", "access": "ReadWriteOnce"},
        description="Storage of a person's home (JSON): class, size, access; or shared: true, a folder of the data "
        "claim.",
    )
    kubernetes_project_storage: dict[str, Any] = Field(
        {"shared": True}, description="Storage of a project's shared folder (JSON), as of a person's home."
    )
    kubernetes_queue: str = Field(
        "",
        description="Kueue's LocalQueue, in which jobs wait; empty: they wait in the platform's own queue.",
    )
    kubernetes_pod_defaults: dict[str, Any] = Field(
        {},
        description="What is merged into the specification of every pod of a person (JSON): "
        + ", ".join(sorted(OF_PODS))
        + ".",
    )
    kubernetes_patience_s: float = Field(
        300.0,
        ge=0,
        description="Time for which an image that cannot be fetched, or a pod that the cluster does not take, is "
        "waited for.",
    )

    prometheus_url: str | None = Field(
        None,
        pattern=HTTP,
        description="Prometheus that knows how much pods use their accelerators, for idle.unused_accelerators of "
        "profiles.",
    )
    accelerator_query: str = Field(
        "max by (namespace, pod, exported_namespace, exported_pod) (max_over_time(DCGM_FI_DEV_GPU_UTIL[{seconds}s]))",
        pattern=r"\{seconds\}",
        description="PromQL for the most that each pod used of its accelerators in the last {seconds}; 0 is unused.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = init_settings().get("home") or os.environ.get("HIMALIA_HOME") or default_home()
        toml = TomlConfigSettingsSource(settings_cls, Path(home) / "himalia.toml")
        return init_settings, env_settings, toml

    def model_post_init(self, _context: Any) -> None:
        self.home = self.home.absolute()
        for path in self.import_paths:
            if str(path) != os.path.normpath(path) or not path.is_absolute() or path == Path("/"):
                raise ValueError(
                    f"import_paths names {path}, and each must be a plain absolute path below /."
                )
        if self.import_paths and self.is_cluster:
            raise ValueError(
                "import_paths names folders of one machine, which workloads on a cluster do not see."
            )
        if others := self.kubernetes_pod_defaults.keys() - OF_PODS:
            raise ValueError(
                f"kubernetes_pod_defaults names {', '.join(sorted(others))}, which is not for settings to say. "
                f"It takes {', '.join(sorted(OF_PODS))}."
            )
        if "{environment}" not in self.kubernetes_image:
            raise ValueError("kubernetes_image must name {environment}.")
        if len(os.fsencode(self.home)) > HOME_LENGTH:
            raise ValueError(
                f"The home folder's path may have {HOME_LENGTH} bytes, and {self.home} is longer. "
                "Choose a shorter one with --home."
            )

    @property
    def database(self) -> str:
        """The SQLAlchemy URL in force."""
        return self.database_url or f"sqlite:///{self.home / 'service' / 'himalia.sqlite'}"

    @property
    def is_cluster(self) -> bool:
        """Whether workloads run elsewhere than on the service's own machine."""
        return self.backend != "local"

    @property
    def reached_at(self) -> str:
        """Where workloads reach the service."""
        return self.service_url or f"http://127.0.0.1:{self.service_port}"

    def read_secret(self, name: str) -> str:
        """The content of a secret file. Raises BadSettings where it is not there."""
        path = (self.secrets_dir or self.home / "secrets") / name
        try:
            return path.read_text().strip()
        except OSError as error:
            raise BadSettings(f"The secret file {path} cannot be read: {error.strerror}.") from error


class BadSettings(Exception):
    """What is set cannot be used; the text says what, and where to correct it."""


def read_settings(home: Path | None) -> Settings:
    """The settings of one home. Raises BadSettings, also for a name that is no setting's."""
    place = Path(home or os.environ.get("HIMALIA_HOME") or default_home()) / "himalia.toml"
    try:
        unknown = _unknown(place)
        settings = Settings(home=home) if home else Settings()
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(f"{place} cannot be read: {error}. Correct it, then start again.") from error
    except ValidationError as error:
        words = "; ".join(
            f"{one['loc'][0] if one['loc'] else 'home'}: {one['msg']}" for one in error.errors()
        )
        raise BadSettings(f"{words}. Correct it in {place} or the environment, then start again.") from error
    for name in unknown:
        like = get_close_matches(name, Settings.model_fields, 1)
        hint = f" Did you mean {like[0]}?" if like else ""
        raise BadSettings(f"{place} sets {name}, and there is no such setting.{hint}")
    return settings


def _unknown(place: Path) -> list[str]:
    """What a file sets that is no setting's; `project` is the command's, which uses files of the same name."""
    if not place.exists():
        return []
    return sorted(tomllib.loads(place.read_text()).keys() - Settings.model_fields.keys() - {"project"})
