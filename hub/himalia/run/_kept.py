"""A kernel that serves one notebook after another: what each leaves in it, and clearing it for the next.

The executor of notebooks calls this inside of the kernel. Modules stay imported, with what was set in them, and
random numbers go on where they were. What a new kernel does not have is taken away; where that cannot be done with
certainty, the kernel is not kept.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ctypes
import functools
import gc
import importlib
import io
import linecache
import logging
import os
import signal
import sys
import threading
import warnings
from typing import Any, Callable, Dict, Iterator, Optional

_HOOKS = ("displayhook", "excepthook", "stdin", "stdout", "stderr")
_SHELL_SETTINGS = ("ast_node_interactivity", "custom_exceptions")
_SHELL_LISTS = ("ast_transformers", "input_transformers_cleanup", "input_transformers_post")
#: Who may have tasks in the kernel's event loop.
_OF_THE_KERNEL = frozenset(("IPython", "anyio", "comm", "ipykernel", "jupyter_client", "tornado", "zmq"))
#: Who may keep threads, too: they watch, and run nothing of the user's.
_WATCHERS = frozenset(("tqdm",))
_FILES = frozenset((io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom))


class _Start:
    """What the kernel had before its first notebook; ``folder`` is the working folder of the present one."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.folder = ""
        self.has_exit_handlers = False
        self.directory = os.getcwd()
        self.namespace = dict(shell.user_ns)
        self.environment = dict(os.environ)
        self.path = list(sys.path)
        self.hooks = {name: getattr(sys, name) for name in _HOOKS}
        self.settings = {name: getattr(shell, name) for name in _SHELL_SETTINGS}
        self.lists = {name: list(getattr(shell, name)) for name in _SHELL_LISTS}
        self.compiler_flags = shell.compile.flags
        self.extensions = set(shell.extension_manager.loaded)
        self.threads = set(threading.enumerate())
        self.signals = {number: signal.getsignal(number) for number in signal.valid_signals()}
        self.warnings = list(warnings.filters)
        self.log_handlers = list(logging.root.handlers)
        self.log_level = logging.root.level
        self._watch_exit_handlers()

    def _watch_exit_handlers(self) -> None:
        register: Any = atexit.register

        @functools.wraps(register)
        def watched(function: Any, *args: Any, **options: Any) -> Any:
            self.has_exit_handlers = self.has_exit_handlers or self.is_users(_module(function))
            return register(function, *args, **options)

        atexit.register = watched  # type: ignore[assignment]

    def is_users(self, module: Optional[str]) -> bool:
        """Whether the module of this name is the notebook, or was imported from its working folder."""
        return module in (None, "__main__") or self.lies_within(sys.modules.get(module or ""))

    def lies_within(self, module: Any) -> bool:
        """Whether ``module`` was imported from the working folder."""
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        return any(_is_inside(place, self.folder) for place in places if isinstance(place, str))

    # What would go on by itself, or is still to come.

    def left_behind(self) -> Iterator[str]:
        """What the notebook leaves that cannot be taken away."""
        if self.has_exit_handlers:
            yield "exit handlers"
        for thread in threading.enumerate():
            target = getattr(thread, "_target", None)
            module = _module(target) if type(thread) is threading.Thread else type(thread).__module__
            if thread not in self.threads and _package(module) not in _OF_THE_KERNEL | _WATCHERS:
                yield f"the thread {thread.name}"
        with contextlib.suppress(RuntimeError):  # no loop runs
            for task in asyncio.all_tasks():
                coroutine: Any = task.get_coro()
                frame = getattr(coroutine, "cr_frame", None)
                module = frame.f_globals.get("__name__") if frame is not None else None
                if _package(module) not in _OF_THE_KERNEL:
                    yield f"the task {task.get_name()}"

    # Taking away.

    def restore(self) -> None:
        """Make the kernel what it was."""
        os.chdir(self.directory)
        os.environ.clear()
        os.environ.update(self.environment)
        sys.path[:] = self.path
        for name, value in self.hooks.items():
            setattr(sys, name, value)
        for number, handler in self.signals.items():
            if handler is not None and signal.getsignal(number) is not handler:
                signal.signal(number, handler)
        signal.alarm(0)
        warnings.resetwarnings()
        warnings.filters[:] = self.warnings  # type: ignore[index]
        self._restore_logging()
        self._restore_shell()
        self._drop_modules()

    def _restore_logging(self) -> None:
        for handler in [one for one in logging.root.handlers if one not in self.log_handlers]:
            logging.root.removeHandler(handler)
            handler.close()
        logging.root.setLevel(self.log_level)
        logging.disable(logging.NOTSET)
        for logger in list(logging.root.manager.loggerDict.values()):
            for handler in list(getattr(logger, "handlers", ())):
                if isinstance(handler, logging.FileHandler) and _is_inside(handler.baseFilename, self.folder):
                    logger.removeHandler(handler)  # type: ignore[union-attr]
                    handler.close()

    def _restore_shell(self) -> None:
        shell = self.shell
        for name in shell.extension_manager.loaded - self.extensions:
            shell.extension_manager.unload_extension(name)
            shell.extension_manager.loaded.discard(
                name
            )  # some cannot be unloaded, but all can be loaded again
        for callbacks in shell.events.callbacks.values():
            callbacks[:] = [one for one in callbacks if not self.is_users(_module(one))]
        for name, value in self.settings.items():
            setattr(shell, name, value)
        for name, values in self.lists.items():
            getattr(shell, name)[:] = values
        for formatter in shell.display_formatter.formatters.values():
            for printers in (formatter.type_printers, formatter.singleton_printers):
                for kind in [kind for kind, printer in printers.items() if self.is_users(_module(printer))]:
                    del printers[kind]
        shell.compile.flags = self.compiler_flags
        shell.reset()
        for name, value in self.namespace.items():
            shell.user_ns.setdefault(name, value)
        for name in ("last_type", "last_value", "last_traceback", "last_exc"):
            if hasattr(sys, name):
                delattr(sys, name)
        linecache.clearcache()

    def _drop_modules(self) -> None:
        for name, module in list(sys.modules.items()):
            if self.lies_within(module):
                del sys.modules[name]
        for place in [place for place in sys.path_importer_cache if _is_inside(place, self.folder)]:
            del sys.path_importer_cache[place]
        importlib.invalidate_caches()


_start: Optional[_Start] = None


def enter(folder: str, directory: str, variables: Dict[str, str]) -> bool:
    """A notebook begins, in ``directory`` of its working folder ``folder`` and with ``variables``; answers True."""
    global _start
    if _start is None:
        shell: Any = __import__("IPython").get_ipython()
        _start = _Start(shell)
    _start.folder = os.path.realpath(folder)  # as os.getcwd() gives it, and with that the import system
    os.environ.update(variables)
    os.chdir(directory)
    return True


def clear() -> str:
    """Clear the kernel for the next notebook; answers an empty text, or what hinders it.

    Then it has not been cleared, and is to end in its own way.
    """
    start = _start
    if start is None:
        return "it was never entered"
    flush_files()
    hindrance = _tidy(_POOLS) or next(start.left_behind(), "") or _tidy(_LIBRARIES)
    if not hindrance:
        start.restore()
        gc.collect()
        hindrance = _tidy(_POOL_WATCHERS)
        _release_memory()
    return hindrance


def flush_files() -> None:
    """Write out what files that are open hold back, as their end would."""
    for file in gc.get_objects():
        if type(file) in _FILES and not file.closed:
            with contextlib.suppress(OSError, ValueError):
                file.flush()


def _release_memory() -> None:
    gc.freeze()  # what is left stays: the next time need not look at it
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    with contextlib.suppress(AttributeError):  # not every C library has it
        ctypes.CDLL(None).malloc_trim(0)


def _tidy(libraries: Dict[str, Callable[[Any], Any]]) -> str:
    """Have those libraries let go that were imported; answers an empty text, or what hinders it."""
    for module, tidy in libraries.items():
        if module in sys.modules:
            try:
                tidy(sys.modules[module])
            except Exception as error:  # whatever a library does not like in its present version
                return f"{module}: {error}"
    return ""


def _end_loky(loky: Any) -> None:
    """End the processes that joblib keeps for the next `Parallel`, which starts them anew."""
    if loky._executor is not None:
        loky._executor.terminate(kill_workers=True)


def _end_tracker(tracker: Any) -> None:
    """End the process that watches over what pools share; it is started again when it is needed."""
    tracker._resource_tracker._stop()


def _end_mlflow(mlflow: Any) -> None:
    if mlflow.active_run() is not None:
        mlflow.end_run()


#: What runs processes.
_POOLS: Dict[str, Callable[[Any], Any]] = {
    "joblib.externals.loky.reusable_executor": _end_loky,
}
#: What watches over them, and must outlive what they share.
_POOL_WATCHERS: Dict[str, Callable[[Any], Any]] = {
    "joblib.externals.loky.backend.resource_tracker": _end_tracker,
    "multiprocessing.resource_tracker": _end_tracker,
}
#: What holds something of the notebook's.
_LIBRARIES: Dict[str, Callable[[Any], Any]] = {
    "mlflow": _end_mlflow,
    "matplotlib.pyplot": lambda pyplot: pyplot.close("all"),
    "matplotlib": lambda matplotlib: matplotlib.rc_file_defaults(),
    "ipywidgets": lambda ipywidgets: ipywidgets.Widget.close_all(),
    "himalia.run": lambda run: run._begin_anew(),
}


def _module(function: Any) -> Optional[str]:
    """The module that a function was written in."""
    while isinstance(function, functools.partial):
        function = function.func
    name: Optional[str] = getattr(function, "__module__", None)
    return name


def _package(module: Optional[str]) -> str:
    return (module or "").partition(".")[0]


def _is_inside(path: str, folder: str) -> bool:
    return bool(folder) and path.startswith(folder + os.sep)
