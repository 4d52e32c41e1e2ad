"""Takes the pictures of the documentation anew: runs the browser tests that see them, and keeps theirs, made small.

    python tools/screenshots.py            # needs a machine that can run the browser tests, and some minutes
    python tools/screenshots.py --copy     # only takes over what the tests left when they ran last

Look at what has changed before you commit it.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
TESTS = ROOT / "tests" / "browser"
COLOURS = 256


def wanted() -> set[str]:
    """The names of all pictures that pages show."""
    return {
        name
        for page in DOCS.rglob("*.md")
        for name in re.findall(r"\(images/([^)]+)\.png\)", page.read_text())
    }


def taken_by(module: Path) -> set[str]:
    """The names of the pictures that a module of tests takes."""
    return set(re.findall(r'shot\((?:page, )?"([^"]+)"', module.read_text()))


def take() -> None:
    """Run what takes the pictures; those of before are gone."""
    modules = [module for module in TESTS.glob("test_*.py") if taken_by(module) & wanted()]
    if taken_by(TESTS / "six_steps.py") & wanted():
        modules.append(TESTS / "test_six_steps.py")
    for old in (TESTS / "shots").glob("*.png"):
        old.unlink()
    line = [sys.executable, str(ROOT / "tests" / "keeper.py"), sys.executable, "-m", "pytest", "-q"]
    line += sorted({str(module) for module in modules})
    subprocess.run(line, cwd=ROOT, check=True)


def main() -> None:
    if "--copy" not in sys.argv:
        take()
    for name in sorted(wanted()):
        source, target = TESTS / "shots" / f"{name}.png", DOCS / "images" / f"{name}.png"
        if not source.exists():
            print(f"No test has taken {name}.png: it stays as it is.")
            continue
        small = Image.open(source).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(target, optimize=True)
        print(f"{target.relative_to(ROOT)}: {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
