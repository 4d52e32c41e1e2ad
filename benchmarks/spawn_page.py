"""Milliseconds of the page on which people choose what to start, with 50 profiles and what is free of each.

    python benchmarks/spawn_page.py [--rounds 20] [--profiles 50] [--json]

`GET /hub/spawn` of a platform started for this, as a browser that is signed in asks for it: through proxy and hub,
which asks the service, to the last byte. There is no peer; the goal is 200 ms.
"""

from __future__ import annotations

import time
from pathlib import Path

from _platform import Person, fresh_home, signed_in
from _report import Report, Series, at_least_one, options

GOAL_MS = 200
PROFILE = """
name: profile-{number}
title: Profile {number}
description: The profile number {number}, to see how long a page with many of them takes.
framework: Framework {number}
environment: base
sizes:
  - {{name: small, title: Small, cpus: 1, memory: 512MiB}}
  - {{name: medium, title: Medium, cpus: 1.5, memory: 1GiB}}
  - {{name: gpu, title: One GPU, cpus: 2, memory: 2GiB, accelerators: {{nvidia.com/gpu: 1}}}}
"""


def write_profiles(folder: Path, count: int) -> None:
    """So many profiles with three sizes each."""
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.yaml").write_text(PROFILE.format(number=number))


def page_ms(person: Person, profiles: int) -> float:
    """One look at the page. Raises RuntimeError if it does not show every profile."""
    begun = time.perf_counter()
    answer = person.browser.get("/hub/spawn")
    taken = 1000 * (time.perf_counter() - begun)
    shown = answer.text.count('name="choice"')
    if shown != 3 * profiles:
        raise RuntimeError(f"The page shows {shown} sizes instead of {3 * profiles}.")
    return taken


def main() -> None:
    parser = options(__doc__, rounds=20)
    parser.add_argument("--profiles", type=at_least_one, default=50)
    chosen = parser.parse_args()
    ours = Series("himalia")
    with fresh_home() as running:
        folder = running.home.parent / "profiles"
        write_profiles(folder, chosen.profiles)
        with (running.home / "himalia.toml").open("a") as settings:
            settings.write(f'profiles_dir = "{folder}"\n')
        with signed_in(running.up()) as person:
            for number in range(chosen.rounds + 1):
                taken = page_ms(person, chosen.profiles)
                if number:  # templates are read at the first one
                    ours.values.append(taken)
    notes = {"goal": f"at most {GOAL_MS} ms", "met": ours.median <= GOAL_MS}
    Report(f"The spawn page with {chosen.profiles} profiles", "ms", ours, notes=notes).show(chosen.json)


if __name__ == "__main__":
    main()
