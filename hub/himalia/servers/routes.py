"""HTTP for the hub's spawner, and the profiles that everybody sees."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from himalia.core.access import CurrentAccess, GatedRoute
from himalia.servers.schema import ProfileItems, Reservation, ReservationCreate
from himalia.servers.service import Servers

router = APIRouter(tags=["servers"], route_class=GatedRoute)


async def _servers(request: Request) -> Servers:
    servers: Servers = request.app.state.servers
    return servers


Service = Annotated[Servers, Depends(_servers)]


@router.get("/profiles", operation_id="profiles.list")
async def list_profiles(
    access: CurrentAccess,
    servers: Service,
    groups: Annotated[list[str] | None, Query(max_length=1000)] = None,
) -> ProfileItems:
    """Profiles with their sizes and what is free now; those that you may use.

    The hub names the `groups` of the person whom it asks for, an empty one for nobody's.
    """
    person = access.identity.person
    return servers.catalogue.show(groups if person is None else person.groups)


@router.post("/reservations", operation_id="reservations.create", status_code=201)
async def reserve(
    access: CurrentAccess, servers: Service, request: Request, body: ReservationCreate
) -> Reservation:
    """Take what a notebook server needs; refused at once when it is not free."""
    return await servers.reserve(request.app.state.gate.credentials, body)


@router.delete("/reservations/{reservation}", operation_id="reservations.delete", status_code=204)
async def release(access: CurrentAccess, servers: Service, reservation: str) -> Response:
    """Give a reservation back."""
    await servers.release(reservation)
    return Response(status_code=204)
