"""Executing the cells of a notebook with nbclient, telling what happens while it happens."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode

from himalia.runner import words
from himalia.runner.notebook.errors import NotebookError
from himalia.runner.notebook.kernel import Kernel
from himalia.runner.notebook.save import Saver
from himalia.runner.outcome import KERNEL_KILLED

#: Text of one cell that is kept in the notebook; the log has the rest.
_MOST_CELL_TEXT = 1 << 20
#: Pictures, tables and the like that are kept in one notebook.
_MOST_RICH_BYTES = 64 << 20
_LONGEST_REASON = 500
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
# A SyntaxError names the file that IPython makes up for a cell.
_CELL_FILE = re.compile(r"\(\d+\.py, line")
#: What a carriage return overwrites, as a progress bar does.
_OVERWRITTEN = re.compile(r"[^\n]*\r(?=[^\n\r])")
_ENDED_WELL = ("", "0", "None")


class _EndedByItself(Exception):
    """The notebook called ``sys.exit()``: the rest of it is not wanted, and that is no failure."""


class Client(NotebookClient):
    """Runs ``notebook`` in ``kernel``; ``progress`` is called with ``{"cell", "cells"}`` as cells begin."""

    def __init__(
        self, notebook: NotebookNode, kernel: Kernel, saver: Saver, progress: Callable[[dict[str, Any]], None]
    ) -> None:
        # An answer may come long after its cell's last output when there is much of that.
        super().__init__(notebook, km=kernel.manager, timeout=None, iopub_timeout=60, allow_errors=False)
        self.kc = kernel.client
        self._kernel = kernel
        self._saver = saver
        self._progress = progress
        self._cell_text = 0
        self._rich_bytes = 0

    async def run(self) -> None:
        """Execute all cells in order, saving as it goes; the last of it is left to the caller.

        Raises NotebookError with a sentence that names the cell.
        """
        self.reset_execution_trackers()
        self.nb.metadata["language_info"] = self._kernel.language_info
        cells = [index for index, cell in enumerate(self.nb.cells) if self._is_executed(cell)]
        for cell in self.nb.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        self._saver.after_cell()
        for number, index in enumerate(cells, 1):
            self._progress({"cell": number, "cells": len(cells)})
            self._cell_text = 0
            try:
                await self._run_cell(number, index)
            except _EndedByItself:
                break
            finally:
                self.set_widgets_metadata()
                self._saver.after_cell()

    async def _run_cell(self, number: int, index: int) -> None:
        try:
            await self.async_execute_cell(self.nb.cells[index], index, execution_count=number)
        except CellExecutionError as error:
            raise _failure(number, error) from None
        except DeadKernelError:
            signal_number = self._kernel.exit_signal()
            how = words.ended_by_signal(signal_number) if signal_number else "The kernel ended."
            reason = KERNEL_KILLED if signal_number == 9 else "user_error"
            raise NotebookError(f"Cell {number} failed: {how}", reason) from None

    def _is_executed(self, cell: NotebookNode) -> bool:
        tags = cell.metadata.get("tags", [])
        return cell.cell_type == "code" and bool(cell.source.strip()) and self.skip_cells_with_tag not in tags

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Take one message of the kernel into the notebook, and its text into the log."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            _log(content["text"])
            content["text"] = self._kept_text(content["text"])
        elif kind in ("display_data", "execute_result"):
            _log(str(content["data"].get("text/plain", "")) + "\n")
            self._limit_rich(msg)
        elif kind == "error":
            _log("\n".join(content["traceback"]) + "\n")
        try:
            return super().process_message(msg, cell, cell_index)
        finally:
            if kind in ("stream", "display_data", "execute_result", "update_display_data", "clear_output"):
                self._saver.soon()

    def output(
        self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> NotebookNode | None:
        """Append an output, text to the text before it."""
        last = outs[-1] if outs and not self.clear_before_next_output else None
        content = msg["content"]
        if msg["msg_type"] == "stream":
            if not content["text"]:
                return None
            if last is not None and last.output_type == "stream" and last.name == content["name"]:
                head, newline, line = last.text.rpartition("\n")
                last.text = head + newline + _OVERWRITTEN.sub("", line + content["text"])
                return last
            content["text"] = _OVERWRITTEN.sub("", content["text"])
        return super().output(outs, msg, display_id, cell_index)

    def _kept_text(self, text: str) -> str:
        """What of ``text`` is kept in the notebook."""
        room = _MOST_CELL_TEXT - self._cell_text
        self._cell_text += len(text)
        if len(text) <= room:
            return text
        notice = "\n[himalia: this cell printed more; it is in the job's log]\n"
        return text[:room] + notice if room > 0 else ""

    def _limit_rich(self, msg: dict[str, Any]) -> None:
        """Replace an output by a line when the notebook would become too large with it."""
        count = sum(
            len(value) if isinstance(value, str) else len(json.dumps(value))
            for value in msg["content"]["data"].values()
        )
        if self._rich_bytes + count <= _MOST_RICH_BYTES:
            self._rich_bytes += count
            return
        limit = words.size(_MOST_RICH_BYTES)
        text = f"[himalia: an output of {words.size(count)} was left out; a notebook keeps {limit}]"
        msg["content"]["data"] = {"text/plain": text}


def _failure(number: int, error: CellExecutionError) -> NotebookError:
    """The sentence for a cell that raised.

    Raises _EndedByItself instead when that was an exit without an error.
    """
    value = _CELL_FILE.sub("(line", _ANSI.sub("", str(error.evalue)).strip())
    if error.ename == "SystemExit":
        if value in _ENDED_WELL:
            raise _EndedByItself
        return NotebookError(f"Cell {number} ended the notebook with exit code {value}.")
    if error.ename == "StdinNotImplementedError":
        return NotebookError(
            f"Cell {number} asks for input, and nobody can answer in a job: make what it asks for a parameter."
        )
    reason = value.splitlines()[0][:_LONGEST_REASON] if value else ""
    return NotebookError(
        f"Cell {number} failed: {error.ename}: {reason}"
        if reason
        else f"Cell {number} failed: {error.ename}."
    )


def _log(text: str) -> None:
    """Write to the job's log."""
    sys.stdout.write(text)
    sys.stdout.flush()
