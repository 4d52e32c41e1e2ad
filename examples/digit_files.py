"""Write handwritten digits as files: a picture each, in a folder for each digit, and a table of all of them.

    python examples/digit_files.py digits
    himalia datasets add digits digits

The pictures are those that scikit-learn brings (UCI's Optical Recognition of Handwritten Digits, CC BY 4.0): real
handwriting, 8 × 8 pixels of 17 shades. Writing them again gives the same files.
"""

import argparse
import csv
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits


def write(folder: str | Path, count: int | None = None) -> Path:
    """Write the first `count` digits, or all 1,797, into `folder`; answers the folder.

    `images/<digit>/<number>.png` is a picture. `digits.csv` has a row for each: file, label, ink (the mean darkness,
    from 0 to 1), and width and height of what is written, in pixels.
    """
    folder = Path(folder)
    digits = load_digits()
    rows = []
    for number, (shades, label) in enumerate(zip(digits.images[:count], digits.target[:count], strict=True)):
        file = folder / "images" / str(label) / f"{number:04}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.rint(shades * 255 / 16).astype(np.uint8)).save(file)
        written = np.argwhere(shades > 0)
        height, width = np.ptp(written, axis=0) + 1
        rows.append([file.relative_to(folder), label, round(float(shades.mean()) / 16, 4), width, height])
    with (folder / "digits.csv").open("w", newline="") as table:
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow(["file", "label", "ink", "width", "height"])
        writer.writerows(rows)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write handwritten digits as files.")
    parser.add_argument("folder", help="where to; it is made")
    parser.add_argument("--count", type=int, help="how many; all 1,797 when left out")
    options = parser.parse_args()
    write(options.folder, options.count)
    print(f"Wrote {options.folder}.")
