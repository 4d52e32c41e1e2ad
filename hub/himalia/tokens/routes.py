"""HTTP for personal access tokens and logins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from himalia.core.access import CurrentAccess, GatedRoute
from himalia.core.database import Database
from himalia.core.schema import Items, Who
from himalia.tokens import service
from himalia.tokens.logins import INTERVAL_S, LIFETIME_S, Logins
from himalia.tokens.schema import (
    LoginCode,
    LoginFinish,
    LoginResult,
    LoginStart,
    NewToken,
    Token,
    TokenCreate,
)
from himalia.tokens.service import Tokens

router = APIRouter(tags=["tokens"], route_class=GatedRoute)


@dataclass(frozen=True, slots=True)
class TokenParts:
    """What the routes need."""

    database: Database
    tokens: Tokens
    logins: Logins
    address: str


async def _parts(request: Request) -> TokenParts:
    parts: TokenParts = request.app.state.tokens
    return parts


Parts = Annotated[TokenParts, Depends(_parts)]


@router.get("/tokens", operation_id="tokens.list")
async def list_tokens(access: CurrentAccess, parts: Parts) -> Items[Token]:
    """Your personal access tokens."""
    person_id = access.person.id
    return Items[Token](items=await parts.database.read(lambda c: service.list_tokens(c, person_id)))


@router.post("/tokens", operation_id="tokens.create", status_code=201)
async def create_token(access: CurrentAccess, parts: Parts, body: TokenCreate) -> NewToken:
    """Make a personal access token; its value is shown this once. Only a signed-in person can."""
    identity, person = access.identity, access.person
    return await parts.database.write(lambda tx: parts.tokens.create(tx, identity, person, body))


@router.delete("/tokens/{token_id}", operation_id="tokens.delete", status_code=204)
async def delete_token(access: CurrentAccess, parts: Parts, token_id: str) -> Response:
    """Revoke one of your tokens; it is refused from now on."""
    person_id = access.person.id
    await parts.database.write(lambda tx: parts.tokens.delete(tx, person_id, token_id))
    return Response(status_code=204)


@router.post("/login/codes", operation_id="login.start")
async def start_login(access: CurrentAccess, parts: Parts, request: Request, body: LoginStart) -> LoginCode:
    """Begin a login of a command: a code that a signed-in person enters on the page named here (RFC 8628)."""
    # The last entry is the nearest proxy's own; the ones before it are whatever the caller wrote. No proxy calls at
    # the Unix socket, but what runs in a sandbox: all of that is one address.
    forwarded = request.headers.get("x-forwarded-for", "") if request.client is not None else ""
    login = parts.logins.start(body.client, forwarded.split(",")[-1].strip()[:64])
    return LoginCode(
        device_code=login.device_code,
        user_code=login.user_code,
        verification_url=f"{parts.address}/services/himalia/login",
        expires_in=LIFETIME_S,
        interval=INTERVAL_S,
    )


@router.post("/login/token", operation_id="login.finish")
async def finish_login(
    access: CurrentAccess, parts: Parts, response: Response, body: LoginFinish
) -> LoginResult:
    """Wait up to 25 s for the approval: 200 with the token, or 202 when it is still to come."""
    login = await parts.logins.finish(body.device_code)
    if login is None or login.token is None or login.person is None:
        response.status_code = 202
        return LoginResult(status="pending")
    return LoginResult(
        status="approved",
        token=login.token.token,
        person=Who(id=login.person.id, name=login.person.name),
        scopes=login.token.scopes,
        expires_at=login.token.expires_at,
    )
