"""Event files for TensorBoard, and what it makes of them in a running Lab."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from hub_platform import Lab

WRITES = """
import base64, pathlib, sys
place = pathlib.Path("outputs/board")
place.mkdir(parents=True)
(place / "events.out.tfevents.1.job").write_bytes(base64.b64decode(sys.argv[1]))
"""


def events(tmp_path: Path) -> str:
    """A real file of TensorBoard's events, with one scalar, in base64."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    summary = Summary(value=[Summary.Value(tag="loss", simple_value=0.5)])
    writer.add_event(Event(wall_time=1.0, step=1, summary=summary))
    writer.close()
    [file] = tmp_path.iterdir()
    return base64.b64encode(file.read_bytes()).decode()


def runs(lab: Lab) -> Any:
    """The runs that TensorBoard knows; it looks for others every few seconds."""
    found = lab.call("GET", "/tensorboard/data/runs")
    return sorted(json.loads(found.text)) if found.status_code == 200 else found.status_code
