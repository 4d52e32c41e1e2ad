"""A device plugin: the kubelet allots what it lists, as with a vendor's own plugin on hardware.

Speaks version v1beta1 of the kubelet's device plugin API (https://kubernetes.io/docs/concepts/extend-kubernetes/
compute-storage-net/device-plugins/). A container is told its devices by the variable that the vendor's plugin sets.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_log = logging.getLogger("devices")
VARIABLES = {"nvidia.com/gpu": "NVIDIA_VISIBLE_DEVICES", "huawei.com/Ascend910": "ASCEND_VISIBLE_DEVICES"}
LOOK_S = 0.5
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "Empty": {},
    "Options": {},
    "Register": {"version": (1, "string"), "endpoint": (2, "string"), "resource_name": (3, "string")},
    "Device": {"ID": (1, "string"), "health": (2, "string")},
    "Devices": {"devices": (1, "Device*")},
    "ContainerRequest": {"devices_ids": (1, "string*")},
    "AllocateRequest": {"container_requests": (1, "ContainerRequest*")},
    "Variable": {"key": (1, "string"), "value": (2, "string")},
    "ContainerResponse": {"envs": (1, "Variable*")},
    "AllocateResponse": {"container_responses": (1, "ContainerResponse*")},
}
"""What is used of the API's messages: number and type of each field, ``*`` for several."""


def _messages() -> dict[str, Any]:
    """The message classes, made from the table above."""
    file = descriptor_pb2.FileDescriptorProto(name="deviceplugin.proto", package="v1beta1", syntax="proto3")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            label = 3 if kind.endswith("*") else 1
            kind = kind.rstrip("*")
            if kind == "string":
                message.field.add(name=field, number=number, label=label, type=9)
            else:
                message.field.add(
                    name=field, number=number, label=label, type=11, type_name=f".v1beta1.{kind}"
                )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found = ((name, pool.FindMessageTypeByName(f"v1beta1.{name}")) for name in _MESSAGES)
    return {name: message_factory.GetMessageClass(descriptor) for name, descriptor in found}


M = _messages()


async def serve(folder: Path, resources: dict[str, int]) -> None:
    """Offer so many devices of each resource to the kubelet that has ``folder``, and again whenever it restarts."""
    await asyncio.gather(*(_Plugin(folder, name, count).run() for name, count in resources.items()))


class _Plugin:
    def __init__(self, folder: Path, resource: str, count: int) -> None:
        self.folder = folder
        self.resource = resource
        self.socket = folder / f"{resource.replace('/', '-')}.sock"
        self.devices = [M["Device"](ID=str(number), health="Healthy") for number in range(count)]

    async def run(self) -> None:
        """The kubelet removes all plugins' sockets when it starts, and waits to be told of them anew."""
        kubelet = self.folder / "kubelet.sock"
        seen, server = 0, None
        while True:
            now = kubelet.stat().st_ino if kubelet.exists() else 0
            if now and (now != seen or not self.socket.exists()):
                if server is not None:
                    await server.stop(None)
                server = await self._offer()
                try:
                    await self._register(kubelet)
                    seen = now
                except grpc.aio.AioRpcError as error:
                    _log.warning("%s: %s", self.resource, error.details())
            await asyncio.sleep(LOOK_S)

    async def _offer(self) -> Any:
        self.socket.unlink(missing_ok=True)
        server = grpc.aio.server()
        methods = {
            "GetDevicePluginOptions": grpc.unary_unary_rpc_method_handler(
                self.options, *_codec("Empty", "Options")
            ),
            "ListAndWatch": grpc.unary_stream_rpc_method_handler(
                self.list_devices, *_codec("Empty", "Devices")
            ),
            "Allocate": grpc.unary_unary_rpc_method_handler(
                self.allocate, *_codec("AllocateRequest", "AllocateResponse")
            ),
        }
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("v1beta1.DevicePlugin", methods),)
        )
        server.add_insecure_port(f"unix:{self.socket}")
        await server.start()
        return server

    async def _register(self, kubelet: Path) -> None:
        options = [("grpc.default_authority", "localhost")]
        async with grpc.aio.insecure_channel(f"unix:{kubelet}", options=options) as channel:
            call = channel.unary_unary(
                "/v1beta1.Registration/Register", M["Register"].SerializeToString, M["Empty"].FromString
            )
            await call(
                M["Register"](version="v1beta1", endpoint=self.socket.name, resource_name=self.resource),
                timeout=5,
            )
        _log.info("%s: %d offered", self.resource, len(self.devices))

    async def options(self, request: Any, context: Any) -> Any:
        return M["Options"]()

    async def list_devices(self, request: Any, context: Any) -> AsyncIterator[Any]:
        yield M["Devices"](devices=self.devices)
        await asyncio.Event().wait()

    async def allocate(self, request: Any, context: Any) -> Any:
        answer = M["AllocateResponse"]()
        for container in request.container_requests:
            chosen = ",".join(sorted(container.devices_ids, key=int))
            variable = VARIABLES.get(self.resource, "VISIBLE_DEVICES")
            answer.container_responses.add().envs.add(key=variable, value=chosen)
        return answer


def _codec(request: str, response: str) -> tuple[Any, Any]:
    return M[request].FromString, M[response].SerializeToString
