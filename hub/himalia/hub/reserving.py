# mypy: disable-error-code="no-untyped-call"
"""What every spawner of ours does alike: it offers the service's profiles, and reserves before it starts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyterhub.spawner import Spawner, SpawnException
from jupyterhub.utils import isoformat
from sqlalchemy.orm import object_session
from traitlets import Integer, Unicode, default
from traitlets.config import LoggingConfigurable

from himalia.hub import spawn_form
from himalia.hub.service import ServiceClient, ServiceError, service_variables

# A spawner must start and stop servers, which this part of one does not.
if TYPE_CHECKING:
    _Base = Spawner
else:
    _Base = LoggingConfigurable


class StartFailed(SpawnException):
    """Why a server did not start: a sentence, which the hub's pages show as it is."""

    def __init__(self, message: str, *, reason: str, status_code: int = 400) -> None:
        super().__init__(message, reason=reason, status_code=status_code)
        self.jupyterhub_message = message


class Reserving(_Base):
    """The part of a spawner whose servers take what they need from the service, and give it back at their end."""

    service_url = Unicode(
        os.environ.get("HIMALIA_SERVICE_URL", ""),
        help="Where the service answers, as http://127.0.0.1:8003.",
        config=True,
    )
    service_token_file = Unicode(
        os.environ.get("HIMALIA_SERVICE_TOKEN_FILE", ""),
        help="File that holds the service's token.",
        config=True,
    )
    idle_timeout_s = Integer(
        7200, help="Seconds without use after which kernels end, then the server; 0: never.", config=True
    )

    def __init__(self, **kwargs: Any) -> None:
        self.reservation = ""
        super().__init__(**kwargs)

    @default("options_form")
    def _options_form(self) -> Any:
        return spawn_form.render

    @default("options_from_form")
    def _options_from_form_default(self) -> Any:
        return spawn_form.reader(self)

    @default("apply_user_options")
    def _apply_user_options_default(self) -> Any:
        return _nothing_to_apply

    @property
    def service(self) -> ServiceClient:
        """The service that reservations are asked of."""
        return ServiceClient(self.service_url, Path(self.service_token_file))

    @property
    def groups(self) -> list[str]:
        """The hub's groups that the person is a member of."""
        return [group.name for group in self.user.groups]

    def get_env(self) -> dict[str, str]:
        """With the way to the service, which a hub's own `environment` may not name."""
        token = {"MLFLOW_TRACKING_TOKEN": str(self.api_token)}
        return {**service_variables(self.service_url), **token, **super().get_env()}

    def get_state(self) -> dict[str, Any]:
        """With the reservation, so that the next hub can give it back."""
        state: dict[str, Any] = super().get_state()
        return {**state, "reservation": self.reservation} if self.reservation else state

    def load_state(self, state: dict[str, Any]) -> None:
        """Undo `get_state`."""
        super().load_state(state)
        self.reservation = state.get("reservation", "")

    def clear_state(self) -> None:
        """Forget the server."""
        super().clear_state()
        self.reservation = ""

    def keep_state(self) -> None:
        """Write the state down now: a hub that is killed before the server is ready finds it again."""
        self.orm_spawner.state = self.get_state()
        session: Any = object_session(self.orm_spawner)
        session.commit()

    async def reserve(self) -> dict[str, Any]:
        """Take what the chosen profile and size need. Raises StartFailed with the service's own sentence."""
        try:
            chosen = spawn_form.choice(await self.service.profiles(self.groups), self.user_options)
            created = self.user.orm_user.created
            request = {
                "user": self.user.name,
                # In the hub's own form: the service compares it with what the hub's API says.
                "user_created": created and isoformat(created),
                "server": self.name,
                "groups": self.groups,
                **chosen,
            }
            granted = await self.service.reserve(request)
        except ServiceError as error:
            raise StartFailed(error.message, reason="refused", status_code=error.status) from error
        except ValueError as error:
            self.orm_spawner.user_options = None  # else the next start would begin with it
            raise StartFailed(str(error), reason="options", status_code=422) from error
        # The next start's form begins with this choice.
        self.user_options: dict[str, Any] = chosen
        self.orm_spawner.user_options = chosen
        self.reservation = str(granted["id"])
        return granted

    async def release(self) -> None:
        """Give the reservation back. Safe to do twice."""
        if not self.reservation:
            return
        try:
            await self.service.release(self.reservation)
        except ServiceError as error:
            # The service compares its reservations with the hub's servers when it is back.
            self.log.warning("Reservation %s is not released: %s", self.reservation, error)
        self.reservation = ""


def _nothing_to_apply(_spawner: Any, _options: Any) -> None:
    """The choice of profile and size is not a setting of the spawner: the service acts on it."""
