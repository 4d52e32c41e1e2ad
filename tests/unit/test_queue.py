"""The queue: properties that hold for any workloads and machines, and the cases people ask about."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from itertools import chain

from hypothesis import example, given, settings
from hypothesis import strategies as st

from himalia.engine.held import Held, Holding
from himalia.engine.queue import Placement, Waiting, could_ever_run, free, plan
from himalia.engine.resources import Machine, Resources, Spot, total
from himalia.profiles.constraints import Constraints, Taint

GIB = 2**30
GPU = "nvidia.com/gpu"


def needs(cpus: float, memory_gib: float = 1, gpus: int = 0) -> Resources:
    return Resources.of(cpus, round(memory_gib * GIB), {GPU: gpus})


def machine(name: str = "one", cpus: float = 4, memory_gib: float = 8, gpus: int = 0) -> Machine:
    devices = {GPU: tuple(f"{name}-gpu{number}" for number in range(gpus))} if gpus else {}
    return Machine(name, Resources.of(cpus, round(memory_gib * GIB), {GPU: gpus}), devices)


def line(*reserves: Resources, waited_s: float = 0.0) -> list[Waiting]:
    return [Waiting(f"w{n}", reserve, (0, n), waited_s) for n, reserve in enumerate(reserves)]


def group(replicas: int, reserve: Resources, number: int = 0, waited_s: float = 0.0) -> Waiting:
    return Waiting(f"g{number}", reserve, (0, number), waited_s, replicas)


def planned(
    waiting: list[Waiting], holding: list[Holding], machines: list[Machine], patience_s: float = 30
) -> list[Placement]:
    return plan(waiting, Held(holding), machines, {one.shape for one in waiting}, patience_s)


reserves = st.builds(
    needs, st.sampled_from([0, 0.5, 1, 2, 4]), st.sampled_from([0.5, 1, 2, 6]), st.sampled_from([0, 0, 1, 2])
)
machines_ = st.lists(
    st.tuples(st.integers(1, 8), st.integers(1, 16), st.integers(0, 4)), min_size=1, max_size=3
).map(lambda shapes: [machine(f"m{n}", *shape) for n, shape in enumerate(shapes)])


def lines_of(most: int) -> st.SearchStrategy[list[Waiting]]:
    """Queues in their order, of at most so many."""
    shapes = st.tuples(
        reserves, st.integers(-2, 2), st.sampled_from([0.0, 10.0, 100.0]), st.sampled_from([1, 1, 1, 2, 4])
    )
    return st.lists(shapes, max_size=most).map(
        lambda items: sorted(
            (
                Waiting(f"w{n}", reserve, (-priority, n), waited, replicas)
                for n, (reserve, priority, waited, replicas) in enumerate(items)
            ),
            key=lambda one: one.order,
        )
    )


lines = lines_of(25)


def held(placement: Placement, waiting: list[Waiting]) -> list[Holding]:
    one = next(w for w in waiting if w.id == placement.id)
    spots = [Spot(placement.machine, placement.devices), *placement.others]
    assert len(spots) == one.replicas, "a group starts as a whole"
    return [
        Holding(one.id, one.reserve, spot.machine, frozenset(chain(*spot.devices.values())), one.order)
        for spot in spots
    ]


@given(lines, machines_)
@settings(deadline=None)
def test_no_machine_is_given_more_than_it_has(waiting: list[Waiting], machines: list[Machine]) -> None:
    placements = planned(waiting, [], machines)
    holding = [item for one in placements for item in held(one, waiting)]
    assert len({one.id for one in placements}) == len(placements)
    for here in machines:
        mine = [one for one in holding if one.machine == here.name]
        assert total(one.reserve for one in mine).fits(here.allocatable)
        given_out = [device for one in mine for device in one.devices]
        assert (
            len(given_out)
            == len(set(given_out))
            == sum(dict(one.reserve.devices).get(GPU, 0) for one in mine)
        )
        assert set(given_out) <= set(here.devices.get(GPU, ()))


@given(lines, machines_)
@settings(deadline=None)
def test_the_same_input_gives_the_same_plan(waiting: list[Waiting], machines: list[Machine]) -> None:
    assert planned(waiting, [], machines) == planned(list(waiting), [], list(machines))


@given(lines, machines_)
@settings(deadline=None)
def test_what_fits_first_in_line_always_starts(waiting: list[Waiting], machines: list[Machine]) -> None:
    placed = {one.id for one in planned(waiting, [], machines)}
    for one in waiting:
        if not could_ever_run(one.reserve, machines, one.replicas):
            continue
        # The first that could ever run finds the machines empty.
        assert one.id in placed
        break


@example(line(needs(2), needs(4)), [machine()])
@example([*line(needs(2)), group(2, needs(2), 1)], [machine()])
@given(lines_of(12), machines_)
@settings(deadline=None, max_examples=60)
def test_nobody_waits_for_ever(waiting: list[Waiting], machines: list[Machine]) -> None:
    """While small ones keep coming behind them, each that could run waits for one turn of all that may run at most:
    one ends in each round."""
    able = [one for one in waiting if could_ever_run(one.reserve, machines, one.replicas)]
    left = deque([replace(one, waited_s=100.0) for one in able])
    running: deque[list[Holding]] = deque()
    number = 1000
    at_once = sum(here.allocatable.memory_bytes // needs(0, 0.5).memory_bytes for here in machines)
    for _ in range(len(able) * at_once + 1):
        if not left:
            return
        flood = [Waiting(f"s{number + n}", needs(0.5, 0.5), (3, number + n), 0.0) for n in range(3)]
        number += 3
        line_now = sorted([*left, *flood], key=lambda one: one.order)
        for placement in planned(line_now, list(chain(*running)), machines):
            running.append(held(placement, line_now))
        started = {group[0].id for group in running}
        left = deque(one for one in left if one.id not in started)
        if running:
            running.popleft()
    assert not left


def test_order_is_priority_then_arrival() -> None:
    waiting = sorted(
        [
            Waiting("late", needs(3), (0, 3)),
            Waiting("early", needs(3), (0, 1)),
            Waiting("urgent", needs(3), (-5, 9)),
        ],
        key=lambda one: one.order,
    )
    assert [one.id for one in planned(waiting, [], [machine()])] == ["urgent"]
    assert [one.id for one in planned(waiting[1:], [], [machine()])] == ["early"]


def test_small_ones_fill_gaps_while_a_large_one_has_not_waited_long() -> None:
    holding = [Holding("h", needs(2), "one")]
    waiting = line(needs(4), needs(1), needs(1))
    assert [one.id for one in planned(waiting, holding, [machine()])] == ["w1", "w2"]


def test_a_large_one_that_waited_long_is_held_a_place() -> None:
    holding = [Holding("h", needs(2), "one", order=(0, -1))]
    waiting = line(needs(4), needs(1), waited_s=60)
    assert planned(waiting, holding, [machine()]) == []
    assert [one.id for one in planned(waiting, [], [machine()])] == ["w0"]


def test_what_the_large_one_will_not_need_is_used_meanwhile() -> None:
    holding = [Holding("h", needs(2, 1), "one", order=(0, -1))]
    waiting = line(needs(3, 4), needs(1, 2), needs(1, 2), waited_s=60)
    assert [one.id for one in planned(waiting, holding, [machine()])] == ["w1"]


def test_one_that_no_machine_could_hold_keeps_nobody_waiting() -> None:
    waiting = line(needs(99), needs(1), waited_s=1000)
    assert [one.id for one in planned(waiting, [], [machine()])] == ["w1"]


def test_the_fullest_machine_that_fits_is_taken() -> None:
    machines = [machine("large", 16, 64), machine("small", 2, 4)]
    (placement,) = planned(line(needs(1)), [], machines)
    assert placement.machine == "small"


def test_devices_are_given_once() -> None:
    here = machine(gpus=2)
    holding = [Holding("h", needs(1, 1, 1), "one", frozenset({"one-gpu0"}))]
    placements = planned(line(needs(1, 1, 1), needs(1, 1, 1)), holding, [here])
    assert [one.devices for one in placements] == [{GPU: ("one-gpu1",)}]


def test_foreign_use_is_not_given_out() -> None:
    here = Machine("one", needs(4, 8), foreign=needs(3, 1))
    assert planned(line(needs(2)), [], [here]) == []
    assert free(Held(), [here]) == {"one": needs(1, 7)}


def test_what_runs_on_an_unknown_machine_counts_nowhere() -> None:
    holding = [Holding("h", needs(4), "gone")]
    assert [one.id for one in planned(line(needs(4)), holding, [machine()])] == ["w0"]


def test_a_group_starts_on_as_many_machines_as_it_takes() -> None:
    machines = [machine("a", 3, 8), machine("b", 2, 8)]
    (placement,) = planned([group(4, needs(1))], [], machines)
    spots = [placement.machine, *(spot.machine for spot in placement.others)]
    assert sorted(spots) == ["a", "a", "b", "b"] or sorted(spots) == ["a", "a", "a", "b"]


def test_a_group_for_which_one_place_is_missing_takes_none() -> None:
    machines = [machine("a", 2, 8, gpus=2), machine("b", 1, 8, gpus=1)]
    waiting = [group(4, needs(1, 1, 1)), Waiting("small", needs(1, 1, 1), (0, 1))]
    placements = planned(waiting, [], machines)
    assert [one.id for one in placements] == ["small"]
    assert len(placements[0].devices[GPU]) == 1
    assert not could_ever_run(needs(1, 1, 1), machines, 4)
    assert could_ever_run(needs(1, 1, 1), machines, 3)


def test_each_rank_gets_devices_of_its_own() -> None:
    (placement,) = planned([group(2, needs(1, 1, 2))], [], [machine(gpus=4)])
    given_out = [*placement.devices[GPU], *placement.others[0].devices[GPU]]
    assert len(set(given_out)) == len(given_out) == 4


def test_a_group_that_waited_long_is_held_a_place_for_every_rank() -> None:
    machines = [machine("a", 2, 8), machine("b", 2, 8), machine("c", 1, 8)]
    holding = [Holding("h", needs(2), "a", order=(0, -1))]
    waiting = [group(2, needs(2), 0, waited_s=60), *(Waiting(f"s{n}", needs(1), (0, n)) for n in (1, 2, 3))]
    placements = planned(waiting, holding, machines)
    assert [(one.id, one.machine) for one in placements] == [("s1", "c")], "a and b are kept for the group"
    assert planned(waiting, [], machines)[0].id == "g0"


ARM = Constraints.of({"arch": "arm64"})


def on(processor: str, name: str, *taints: Taint) -> Machine:
    return replace(machine(name), labels={"arch": processor}, taints=taints)


def of_arm(number: int, reserve: Resources, replicas: int = 1, waited_s: float = 0.0) -> Waiting:
    return Waiting(f"a{number}", reserve, (0, number), waited_s, replicas, "arm", ARM)


def test_a_profile_chooses_among_machines_by_their_labels() -> None:
    machines = [on("amd64", "one"), on("arm64", "two")]
    waiting = [of_arm(0, needs(4)), of_arm(1, needs(4)), Waiting("any", needs(4), (0, 2))]
    placed = {one.id: one.machine for one in planned(waiting, [], machines)}
    assert placed == {"a0": "two", "any": "one"}


def test_what_waits_for_a_labelled_machine_holds_a_place_there_alone() -> None:
    machines = [on("amd64", "one"), on("arm64", "two")]
    busy = [Holding("busy", needs(4), "two", order=(0, -1))]
    small = [Waiting(f"s{n}", needs(1), (0, n)) for n in range(1, 6)]
    placements = planned([of_arm(0, needs(4), waited_s=100), *small], busy, machines)
    assert [one.machine for one in placements] == ["one"] * 4
    nowhere = planned([of_arm(0, needs(4), waited_s=100), *small], [], machines[:1])
    assert len(nowhere) == 4, "what no machine is for keeps no place from others"


def test_a_group_is_placed_on_labelled_machines_alone() -> None:
    machines = [on("arm64", "one"), on("amd64", "two"), on("arm64", "three")]
    (placed,) = planned([of_arm(0, needs(4), replicas=2)], [], machines)
    assert {placed.machine, *(spot.machine for spot in placed.others)} == {"one", "three"}
    assert not planned([of_arm(0, needs(4), replicas=3)], [], machines)
    assert not could_ever_run(needs(4), machines, 3, ARM)
    assert could_ever_run(needs(4), machines, 2, ARM)


def test_a_taint_keeps_away_who_does_not_tolerate_it() -> None:
    taint = Taint("team", "vision", "NoSchedule")
    machines = [on("amd64", "one", taint)]
    tolerant = Constraints.of({}, [{"key": "team", "operator": "Exists"}])
    waiting = [Waiting("any", needs(1)), Waiting("own", needs(1), (0, 1), 0, 1, "vision", tolerant)]
    assert [one.id for one in planned(waiting, [], machines)] == ["own"]
