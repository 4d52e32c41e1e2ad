"""What an environment needs of the machine beside itself."""

from __future__ import annotations

import os
from pathlib import Path

_MAX_HOPS = 40  # as many links as the kernel follows


def base_prefixes(environment: Path) -> list[Path]:
    """The interpreters' folders that a sandbox must see, read-only and under the same paths, to run `environment`.

    They are found by following `bin/python` link by link, since a sandbox must hold every place on the way.
    /usr is left out, because every sandbox has it. Raises FileNotFoundError where the interpreter is gone.
    """
    prefixes: list[Path] = []
    program = environment / "bin/python"
    for _ in range(_MAX_HOPS):
        if not program.is_symlink():
            program.stat()
            return prefixes
        program = Path(os.path.normpath(program.parent / program.readlink()))
        for folder in (program.parent.parent, program.parent.resolve().parent):
            known = (Path("/usr"), environment, *prefixes)
            # Debian's /bin is a link to /usr/bin, and its prefix would be the whole machine.
            if folder != Path("/") and not any(folder.is_relative_to(other) for other in known):
                prefixes.append(folder)
    raise FileNotFoundError(f"{environment}/bin/python is a link that leads nowhere.")
