"""What an attempt's end leads to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from himalia.engine.states import ENDED, HOLDING, REASONS, RESTARTS, STOPS, Counts, Outcome, State, settle

FRESH = Counts(restarts=0, max_restarts=3, tries=0, retries=0)
USERS = sorted(set(REASONS) - RESTARTS - STOPS - {"platform_stopped"})
counts = st.builds(Counts, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5))


def test_an_end_without_a_reason_is_success() -> None:
    following = settle(Outcome(None), FRESH)
    assert (following.state, following.attempt_state) == (State.SUCCEEDED, State.SUCCEEDED)


@pytest.mark.parametrize("reason", sorted(STOPS))
def test_what_was_stopped_stays_stopped(reason: str) -> None:
    assert settle(Outcome(reason), Counts(0, 3, 0, 5)).state == State.STOPPED


@pytest.mark.parametrize("reason", USERS)
def test_the_users_own_failures_count_against_retries(reason: str) -> None:
    assert settle(Outcome(reason), FRESH).state == State.FAILED
    again = settle(Outcome(reason), Counts(0, 3, 0, 1))
    assert (again.state, again.tries, again.restarts) == (State.QUEUED, 1, 0)
    assert settle(Outcome(reason), Counts(0, 3, 1, 1)).state == State.FAILED


@pytest.mark.parametrize("reason", sorted(RESTARTS))
def test_what_is_nobodys_fault_counts_against_restarts(reason: str) -> None:
    again = settle(Outcome(reason), FRESH)
    assert (again.state, again.restarts, again.tries) == (State.QUEUED, 1, 0)
    assert settle(Outcome(reason), Counts(3, 3, 0, 9)).state == State.FAILED


@given(counts)
def test_a_stop_of_the_platform_counts_against_nothing(before: Counts) -> None:
    following = settle(Outcome("platform_stopped"), before)
    assert following.state == State.QUEUED
    assert (following.restarts, following.tries) == (before.restarts, before.tries)


@given(st.one_of(st.none(), st.sampled_from(sorted(REASONS))), counts)
def test_every_end_leads_somewhere_and_not_for_ever(reason: str | None, before: Counts) -> None:
    following = settle(Outcome(reason), before)
    assert following.state in ENDED | {State.QUEUED}
    assert following.attempt_state in ENDED
    if following.state == State.QUEUED and reason != "platform_stopped":
        assert following.restarts + following.tries == before.restarts + before.tries + 1
        assert following.restarts == before.restarts or following.restarts <= before.max_restarts
        assert following.tries == before.tries or following.tries <= before.retries


def test_states_hold_resources_or_have_ended_or_wait() -> None:
    assert HOLDING | ENDED | {State.QUEUED} == set(State)
    assert not HOLDING & ENDED
