"""A file of events, as TensorBoard reads it."""

from __future__ import annotations

import base64
from pathlib import Path


def events(folder: Path) -> str:
    """A real file of TensorBoard's events, with one scalar, in base64."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(folder))
    summary = Summary(value=[Summary.Value(tag="loss", simple_value=0.5)])
    writer.add_event(Event(wall_time=1.0, step=1, summary=summary))
    writer.close()
    [file] = folder.iterdir()
    return base64.b64encode(file.read_bytes()).decode()
