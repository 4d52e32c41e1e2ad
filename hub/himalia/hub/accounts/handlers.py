# mypy: disable-error-code="no-untyped-call"
"""The hub's pages for local accounts: making one with an invitation, and changing one's password."""

from __future__ import annotations

from typing import Any

from jupyterhub.handlers.base import BaseHandler
from jupyterhub.utils import new_token
from tornado.web import HTTPError, authenticated

from himalia.core.errors import HimaliaError


class _FormHandler(BaseHandler):
    """A page with one form, which comes back with a sentence when something is wrong."""

    page = ""

    async def show(self, *, status: int = 200, error: str = "", **values: Any) -> None:
        self.set_status(status)
        self.finish(await self.render_template(self.page, form_error=error, **values))

    def field(self, name: str, *, strip: bool = False) -> str:
        """One value of the posted form. A password keeps its spaces."""
        value: str = self.get_body_argument(name, "", strip=strip)
        return value


class SignUpHandler(_FormHandler):
    """`/hub/signup`: only while somebody is invited."""

    page = "signup.html"

    async def get(self) -> None:
        self._check_open()
        await self.show(username="")

    async def post(self) -> None:
        self._check_open()
        authenticator = self.authenticator
        name = authenticator.normalize_username(self.field("username", strip=True))
        password = self.field("password")
        if password != self.field("password_again"):
            await self.show(status=422, error="The two passwords differ. Type them again.", username=name)
            return
        try:
            async with authenticator.attempt(self, f"sign-up:{name}") as attempt:
                code = self.field("code", strip=True)
                await authenticator.in_thread(authenticator.store.sign_up, code, name, password)
                attempt.succeeded = True
        except HimaliaError as error:
            await self.show(status=error.status, error=error.message, username=name)
            return
        except HTTPError as error:
            await self.show(status=error.status_code, error=error.log_message or "", username=name)
            return
        user = await self.login_user({"username": name, "password": password})
        self.redirect(self.get_next_url(user))

    def _check_open(self) -> None:
        if not self.authenticator.sign_up_open():
            raise HTTPError(404, "Accounts are made by invitation. Ask an administrator for a code.")


class PasswordHandler(_FormHandler):
    """`/hub/password`: a signed-in person's own password."""

    page = "password.html"

    @authenticated
    async def get(self) -> None:
        await self.show(done=False)

    @authenticated
    async def post(self) -> None:
        authenticator, user = self.authenticator, self.current_user
        new = self.field("password")
        if new != self.field("password_again"):
            await self.show(status=422, error="The two passwords differ. Type them again.", done=False)
            return
        try:
            async with authenticator.attempt(self, user.name) as attempt:
                change = authenticator.store.change_password
                await authenticator.in_thread(change, user.name, self.field("old_password"), new)
                attempt.succeeded = True
        except HimaliaError as error:
            await self.show(status=error.status, error=error.message, done=False)
            return
        except HTTPError as error:
            await self.show(status=error.status_code, error=error.log_message or "", done=False)
            return
        # Whoever else is signed in as this person has to sign in again.
        user.orm_user.cookie_id = new_token()
        user.db.commit()
        self.set_login_cookie(user)
        await self.show(done=True)
