"""Pictures: their sizes, modes, labels and intensities, and some of them as thumbnails in one picture."""

from __future__ import annotations

import math
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps, ImageStat, UnidentifiedImageError

from himalia import run
from himalia.datasets import preview
from himalia.datasets.work.preview.child import Crashed, guarded
from himalia.datasets.work.preview.files import File

TYPES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"}
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
MOST_LOOKED_AT = 2000
MOST_THUMBNAILS = 60
MOST_PIXELS = 64 << 20
MOST_BYTES = 128 << 20
MOST_TOLD = 20
MOST_LABELS = 200
BATCH = 100
BATCH_S = 20.0
CELL = 96
PICTURE = 88
COLUMNS = 10
BINS = 32


@dataclass
class Look:
    """What a look at the pictures found; `more` are its notes and `bad` the files that are none."""

    images: preview.Images | None = None
    bad: list[preview.Unreadable] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def look(root: Path, files: list[File], out: Path, seconds: float) -> Look:
    """Look at the pictures among `files`, at all of them or at some spread evenly; the sheet is written to `out`."""
    result = Look()
    labels = _labels(files)
    chosen = _spread(files, MOST_LOOKED_AT)
    small = _thumbnails(chosen, labels)
    measured, histograms = _measure(root, chosen, small, out, time.monotonic() + seconds, result)
    if not measured:
        return result
    if len(measured) + len(result.bad) < len(files):
        result.notes.append(
            f"Looked at {len(measured):,} of {len(files):,} pictures, spread over all folders."
        )
    shown = [one for one in measured if (out / f"{one['path_at']}.png").exists()]
    _write_sheet([out / f"{one['path_at']}.png" for one in shown], out / preview.SHEET)
    result.images = preview.Images(
        count=len(files),
        looked_at=len(measured),
        labels=_counted(Counter(label for label in labels.values() if label is not None), MOST_LABELS),
        sizes=_counted(Counter(f"{one['width']} × {one['height']}" for one in measured)),
        modes=_counted(Counter(one["mode"] for one in measured)),
        formats=_counted(Counter(one["format"] for one in measured)),
        channels=_channels(measured, histograms),
        sheet=preview.Sheet(columns=COLUMNS, cell=CELL),
        thumbnails=[
            preview.Thumbnail(
                path=chosen[one["path_at"]].path,
                label=labels[chosen[one["path_at"]].path],
                width=one["width"],
                height=one["height"],
            )
            for one in shown
        ],
    )
    return result


def _labels(files: list[File]) -> dict[str, str | None]:
    """The name of each picture's folder; None for all when that tells nothing."""
    names = {file.path: file.path.rpartition("/")[0].rpartition("/")[2] or None for file in files}
    return names if len(set(names.values())) > 1 else dict.fromkeys(names)


def _spread(files: list[File], most: int) -> list[File]:
    if len(files) <= most:
        return files
    return [files[at * len(files) // most] for at in range(most)]


def _thumbnails(files: list[File], labels: dict[str, str | None]) -> set[int]:
    """Which of `files` to show: as many of each label, spread over it."""
    by_label: dict[str | None, list[int]] = {}
    for at, file in enumerate(files):
        by_label.setdefault(labels[file.path], []).append(at)
    each = max(1, MOST_THUMBNAILS // len(by_label))
    chosen = [
        group[at * len(group) // min(each, len(group))]
        for group in by_label.values()
        for at in range(min(each, len(group)))
    ]
    return set(chosen[:MOST_THUMBNAILS])


def _measure(
    root: Path, files: list[File], small: set[int], out: Path, deadline: float, result: Look
) -> tuple[list[dict[str, Any]], list[list[int]]]:
    """Measures of the pictures in batches, thumbnails' batches first: a batch that crashes costs no other one."""
    order = iter(sorted(range(len(files)), key=lambda at: at not in small))
    measured: list[dict[str, Any]] = []
    histograms = [[0] * BINS for _ in range(3)]
    done = 0
    while batch := list(islice(order, BATCH)):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        work = partial(_look_at, root, {at: files[at].path for at in batch}, small, out)
        try:
            answer = guarded(work, min(left, BATCH_S))
        except Crashed as error:
            result.notes.append(f"{len(batch)} pictures, from {files[batch[0]].path!r} on: one {error}.")
        else:
            measured += answer["measured"]
            result.bad += [preview.Unreadable(path=files[at].path, why=why) for at, why in answer["bad"]]
            for sums, more in zip(histograms, answer["histograms"], strict=True):
                sums[:] = [a + b for a, b in zip(sums, more, strict=True)]
        done += len(batch)
        run.progress(f"Looked at {done:,} of {len(files):,} pictures", 0.6 * done / len(files))
    return sorted(measured, key=lambda one: one["path_at"]), histograms


# In the child


def _look_at(root: Path, paths: dict[int, str], small: set[int], out: Path) -> dict[str, Any]:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    measured, bad = [], []
    histograms = [[0] * BINS for _ in range(3)]
    for at, path in paths.items():
        try:
            one, plain = _open(root / path)
            one["path_at"] = at
            _add_intensities(one, plain, histograms)
            if at in small:
                _thumbnail(plain).save(out / f"{at}.png")
            measured.append(one)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            bad.append((at, f"It has more than {MOST_PIXELS / 1e6:.0f} million pixels."))
        except UnidentifiedImageError:
            bad.append((at, "It is no picture of a known format."))
        except MemoryError:
            raise
        except Exception as error:  # Pillow's readers raise whatever hostile bytes make them raise
            bad.append((at, f"It cannot be read: {str(error)[:200] or type(error).__name__}."))
    return {"measured": measured, "bad": bad, "histograms": histograms}


def _open(path: Path) -> tuple[dict[str, Any], Image.Image]:
    """What an image says of itself, and its pixels as grey or RGB, of reduced size where it is large."""
    if path.stat().st_size > MOST_BYTES:
        raise ValueError(f"it has more than {MOST_BYTES >> 20} MiB")
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise Image.DecompressionBombError
        one = {"width": width, "height": height, "mode": image.mode, "format": image.format}
        image.draft("RGB" if image.mode in ("RGB", "YCbCr") else image.mode, (512, 512))
        image.load()
        upright = ImageOps.exif_transpose(image)
        plain = _plain(upright)
    plain.thumbnail((512, 512), Image.Resampling.BOX)
    return one, plain


def _plain(image: Image.Image) -> Image.Image:
    """The image as `L` or `RGB`, with what is deeper than 8 bits scaled to its own range."""
    if image.mode.startswith(("I", "F")):
        deep = image.convert("F")
        low, high = deep.getextrema()
        if not (isinstance(low, float) and isinstance(high, float) and math.isfinite(high - low)):
            raise ValueError("its values are not finite")
        scale = 255.0 / (high - low) if high > low else 0.0
        return deep.point(lambda value: value * scale - low * scale).convert("L")
    if image.mode in ("1", "L"):
        return image.convert("L")
    if image.mode in ("LA", "La", "RGBA", "RGBa", "PA", "P"):
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        flat = Image.alpha_composite(white, clear)
        return flat.convert("L" if image.mode in ("LA", "La") else "RGB")
    return image.convert("RGB")


def _add_intensities(one: dict[str, Any], plain: Image.Image, histograms: list[list[int]]) -> None:
    statistic = ImageStat.Stat(plain)
    one["mean"], one["square"] = (
        statistic.mean,
        [total / max(1, count) for total, count in zip(statistic.sum2, statistic.count, strict=True)],
    )
    step = 256 // BINS
    whole = plain.histogram()
    for channel in range(3):
        own = whole[(channel * 256) % len(whole) :][:256]  # grey is its own red, green and blue
        for at in range(BINS):
            histograms[channel][at] += sum(own[at * step : (at + 1) * step])


def _thumbnail(plain: Image.Image) -> Image.Image:
    """Fitted into a cell: what is small is enlarged by whole pixels, so that it stays what it is."""
    largest = max(plain.size)
    if largest * 2 <= PICTURE:
        factor = PICTURE // largest
        return plain.resize((plain.width * factor, plain.height * factor), Image.Resampling.NEAREST)
    fitted = plain.copy()
    fitted.thumbnail((PICTURE, PICTURE), Image.Resampling.LANCZOS)
    return fitted


# In the parent again: what it opens here, the child has written


def _write_sheet(thumbnails: list[Path], target: Path) -> None:
    rows = max(1, math.ceil(len(thumbnails) / COLUMNS))
    sheet = Image.new("RGBA", (COLUMNS * CELL, rows * CELL), (0, 0, 0, 0))
    for at, path in enumerate(thumbnails):
        with Image.open(path, formats=("PNG",)) as one:
            left, top = (CELL - one.width) // 2, (CELL - one.height) // 2
            sheet.paste(one, (at % COLUMNS * CELL + left, at // COLUMNS * CELL + top))
        path.unlink()
    sheet.save(target, "WEBP", quality=90, method=4)


def _channels(measured: list[dict[str, Any]], histograms: list[list[int]]) -> list[preview.Channel]:
    grey = all(len(one["mean"]) == 1 for one in measured)
    channels = []
    for at, name in enumerate(["grey"] if grey else ["red", "green", "blue"]):
        means = [one["mean"][at % len(one["mean"])] for one in measured]
        squares = [one["square"][at % len(one["square"])] for one in measured]
        mean, square = sum(means) / len(means), sum(squares) / len(squares)
        std = math.sqrt(max(0.0, square - mean * mean))
        channels.append(preview.Channel(name=name, mean=mean, std=std, histogram=histograms[at]))
    return channels


def _counted(counts: Counter[str], most: int = MOST_TOLD) -> list[preview.Counted]:
    return [preview.Counted(value=value, count=count) for value, count in counts.most_common(most)]
