"""Sums of what is held are those of the holdings, whatever comes and goes."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as some

from himalia.engine.held import Held, Holding
from himalia.engine.resources import Resources

MACHINES = ("a", "b")
holdings = some.builds(
    lambda cpus, machine, devices: (cpus, machine, devices),
    some.integers(0, 5),
    some.sampled_from(MACHINES),
    some.frozensets(some.sampled_from(["d0", "d1", "d2"]), max_size=2),
)
steps = some.lists(some.tuples(some.sampled_from("uvwx"), some.lists(holdings, max_size=3)), max_size=30)


@given(steps)
def test_sums_are_those_of_what_is_held(
    steps: list[tuple[str, list[tuple[int, str, frozenset[str]]]]],
) -> None:
    held, plain = Held(), dict[str, list[Holding]]()
    for workload, wanted in steps:
        made = [
            Holding(workload, Resources.of(cpus, 1, {"gpu": len(devices)}), machine, devices)
            for cpus, machine, devices in wanted
        ]
        if made:
            held.put(workload, made)
            plain[workload] = made
        else:
            held.pop(workload)
            plain.pop(workload, None)
        every = [one for of_one in plain.values() for one in of_one]
        assert Counter(held) == Counter(every)
        assert set(held.workloads) == set(plain)
        for machine in MACHINES:
            here, use = [one for one in every if one.machine == machine], held.on(machine)
            assert use.total.cpus_m == sum(one.reserve.cpus_m for one in here)
            assert use.total.memory_bytes == sum(one.reserve.memory_bytes for one in here)
            assert dict(use.total.devices).get("gpu", 0) == sum(len(one.devices) for one in here)
            assert use.devices == {device for one in here for device in one.devices}
            assert Counter(use.holdings()) == Counter(here)


def test_a_workload_that_moves_keeps_its_turn() -> None:
    held = Held([Holding("u", Resources(), "a"), Holding("v", Resources(), "a")])
    held.put("u", [Holding("u", Resources(), "b")])
    assert list(held.workloads) == ["u", "v"]
    assert [one.id for one in held.on("a").holdings()] == ["v"]
