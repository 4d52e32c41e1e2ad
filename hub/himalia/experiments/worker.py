"""`python -m himalia.experiments.worker`: one study, spoken to in JSON lines over standard input and output.

Requests, each answered by one line, in order: `{"result": …}` or `{"error": "a sentence"}`.

    {"op": "open", "name", "spec", "trials": [...]}         null; `trials` as `Optimizer.add` takes them
    {"op": "ask", "number"}                                 {"parameters", "notes"}
    {"op": "report", "number", "steps"}                     the step at which to end early, or null
    {"op": "tell", "number", "state", "values", "steps"}    null; `steps` are all of its values on the way
    {"op": "importances"}                                   [{parameter: share}, …], one an objective

It ends when its input does, and with whoever started it.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from typing import IO, Any

_PR_SET_PDEATHSIG = 1
NICE = 5


class Worker:
    """Answers requests."""

    def __init__(self) -> None:
        from himalia.experiments.optimizer import Optimizer

        self._make = Optimizer
        self._study: Optimizer | None = None

    def answer(self, request: dict[str, Any]) -> Any:
        """The result of one request. Raises whatever goes wrong."""
        op = request["op"]
        if op == "open":
            self._study = self._make(request["name"], request["spec"])
            for trial in request["trials"]:
                self._study.add(trial)
            return None
        study = self._study
        if study is None:
            raise RuntimeError("The study was not opened.")
        if op == "ask":
            parameters, notes = study.ask(request["number"])
            return {"parameters": parameters, "notes": notes}
        if op == "report":
            return study.report(request["number"], request["steps"])
        if op == "tell":
            study.report(request["number"], request["steps"])
            return study.tell(request["number"], request["state"], request["values"])
        if op == "importances":
            return study.importances()
        raise ValueError(f"There is no operation {op}.")


def serve(requests: IO[bytes], answers: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    worker = Worker()
    for line in requests:
        try:
            answer = {"result": worker.answer(json.loads(line))}
        except Exception as error:  # whatever a library raises is told, and the next request is answered
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer).encode() + b"\n")
        answers.flush()


def main() -> None:
    """Serve on this process's standard streams."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if len(sys.argv) > 1 and os.getppid() != int(sys.argv[1]):
        return  # whoever started it is gone already
    os.nice(NICE)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print must not look like an answer
    serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
