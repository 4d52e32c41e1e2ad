"""A hub run by a user without any right; prints what its servers' code sees, as JSON."""

from __future__ import annotations

import json

from hub_platform import Browser, Lab, Platform, runs, until

LOOK = """
import json, os
from pathlib import Path
hidden = [path for path in HIDDEN if Path(path).exists()]
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
Path("mine").write_text("x")
print(json.dumps({"hidden": hidden, "CapEff": status["CapEff"], "CapBnd": status["CapBnd"],
                  "NoNewPrivs": status["NoNewPrivs"], "cwd": os.getcwd()}))
"""


def main() -> None:
    platform = Platform()
    try:
        bob = platform.reservations.person("bob")
        (platform.reservations.home_of(bob) / "notes").write_text("bob's")
        hidden = ["/etc/shadow", str(platform.home), str(platform.reservations.home_of(bob) / "notes")]
        with Browser(platform, "ada") as ada:
            ada.sign_in()
            ada.start_server()
            with Lab(platform, "ada", ada.hub_token()).kernel() as kernel:
                seen = json.loads(kernel.run(LOOK.replace("HIDDEN", repr(hidden))))
        child = platform.state("ada")["process"]["child"]
        mine = platform.reservations.home_of(platform.reservations.people["ada"]) / "mine"
        seen["owner"] = mine.stat().st_uid
        platform.api("DELETE", "/users/ada/server")
        until(lambda: platform.server("ada") is None, "the server ends")
        seen["left"] = runs(child)
        seen["sockets"] = [path.name for path in (platform.home / "s").iterdir()]
        print(json.dumps(seen))
    finally:
        platform.stop()


main()
