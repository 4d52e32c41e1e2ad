"""One body of logic, two ways to call it.

What the client can do is written once, as coroutines over a `Transport`. `AsyncClient` hands them out as they
are. `Client` gives them a blocking transport, whose coroutines never wait for an event loop, so that each runs
to its end in one step: the functions here take that step.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from typing import Concatenate

    from typing_extensions import ParamSpec

    P = ParamSpec("P")

T = TypeVar("T")


def run(call: Coroutine[Any, Any, T]) -> T:
    """The result of a coroutine that works through a blocking transport."""
    try:
        call.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    call.close()
    raise RuntimeError("A blocking call tried to wait for an event loop.")


def iterate(items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
    """The items of an asynchronous generator that works through a blocking transport."""
    try:
        while True:
            try:
                item = run(_next(items))
            except StopAsyncIteration:
                return
            yield item
    finally:
        run(_close(items))


async def _next(items: AsyncGenerator[T, None]) -> T:
    return await items.__anext__()


async def _close(items: AsyncGenerator[T, None]) -> None:
    await items.aclose()


class closing:  # noqa: N801 - named as contextlib's, which has it from Python 3.10 on
    """Close an asynchronous generator at the end of a block, so that what it holds is freed at once."""

    def __init__(self, items: AsyncGenerator[T, None]) -> None:
        self.items: Any = items

    async def __aenter__(self) -> AsyncIterator[Any]:
        return self.items  # type: ignore[no-any-return]

    async def __aexit__(self, *_: object) -> None:
        await self.items.aclose()


def blocking(verb: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """A method that calls `verb` of the object's `_verbs` and waits for its result."""

    @functools.wraps(verb)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return run(verb(self._verbs, *args, **kwargs))

    return call


def blocking_items(
    verb: Callable[Concatenate[Any, P], AsyncGenerator[T, None]],
) -> Callable[Concatenate[Any, P], Generator[T, None, None]]:
    """The same for a verb that gives many results, one after the other."""

    @functools.wraps(verb)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> Generator[T, None, None]:
        return iterate(verb(self._verbs, *args, **kwargs))

    return call


def _without_target(verb: Callable[..., Any]) -> inspect.Signature:
    found = inspect.signature(verb)
    itself, _target, *others = found.parameters.values()
    return found.replace(parameters=[itself, *others])


def bound(verb: Callable[Concatenate[Any, Any, P], T]) -> Callable[Concatenate[Any, P], T]:
    """A method of an object that calls a verb of its `_verbs` with the object itself."""

    @functools.wraps(verb)
    def call(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return verb(self._verbs, self, *args, **kwargs)

    call.__signature__ = _without_target(verb)  # type: ignore[attr-defined]
    return call
