"""A hub run by a user without any right; prints what its servers' code sees, as JSON."""

from __future__ import annotations

import json

from hub_platform import Browser, Lab, Platform, runs, until

LOOK = """
import json, os
from pathlib import Path
hidden = [path for path in HIDDEN if Path(path).exists()]
home = sorted(str(path.relative_to(HOME)) for path in Path(HOME).rglob("*"))
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
Path("mine").write_text("x")
print(json.dumps({"hidden": hidden, "home": home, "CapEff": status["CapEff"], "CapBnd": status["CapBnd"],
                  "NoNewPrivs": status["NoNewPrivs"], "cwd": os.getcwd()}))
"""


def main() -> None:
    platform = Platform()
    try:
        bob = platform.reservations.person("bob")
        (platform.reservations.home_of(bob) / "notes").write_text("bob's")
        hidden = [
            "/etc/shadow",
            str(platform.home / "hub"),
            str(platform.reservations.home_of(bob) / "notes"),
        ]
        look = LOOK.replace("HIDDEN", repr(hidden)).replace("HOME", repr(str(platform.home)))
        with Browser(platform, "ada") as ada:
            ada.sign_in()
            ada.start_server()
            with Lab(platform, "ada", ada.hub_token()).kernel() as kernel:
                seen = json.loads(kernel.run(look))
        child = platform.state("ada")["process"]["child"]
        mine = platform.reservations.home_of(platform.reservations.people["ada"]) / "mine"
        own = platform.reservations.overlays_of(platform.reservations.people["ada"]).relative_to(
            platform.home
        )
        seen["home"] = sorted({*seen["home"]} - {str(path) for path in (own, *own.parents)})
        seen["owner"] = mine.stat().st_uid
        platform.api("DELETE", "/users/ada/server")
        until(lambda: platform.server("ada") is None, "the server ends")
        seen["left"] = runs(child)
        seen["sockets"] = [path.name for path in (platform.home / "s").iterdir() if path.name != "service"]
        print(json.dumps(seen))
    finally:
        platform.stop()


main()
