"""How much memory there is, and what is refused before it is taken."""

from __future__ import annotations

import os
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from tests.conftest import Refused
from zsc import Method, PPOConfig, UserError, init_state, mlp_policy
from zsc.evaluation import crossplay
from zsc.evaluation.teams import teams
from zsc.machine import memory
from zsc.machine.memory import bytes_of, check, device_room, room
from zsc.populations import BehaviourCloning, BestResponse, FictitiousCoPlay, SelfPlay
from zsc.records.record import Record

LEVER = zsc.make("lever")
ROOM = zsc.make("overcooked/cramped_room", horizon=20)
SMALL = PPOConfig(envs=4, segments=2, epochs=1, minibatches=1)
GIB = 2**30


@pytest.fixture
def groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the limits of control groups stand."""
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(memory, "_GROUPS", tmp_path)
    return tmp_path


def test_there_is_as_much_as_the_machine_has(groups: Path) -> None:
    size = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    assert room() == size
    assert device_room() == size  # the devices of a CPU have no other


@pytest.mark.parametrize("file", ["memory.max", "memory/memory.limit_in_bytes"])
def test_a_group_may_use_less(file: str, groups: Path) -> None:
    path = groups / file
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{GIB}\n")
    assert room() == GIB
    path.write_text("max\n")
    assert room() != GIB


@pytest.mark.parametrize(
    ("text", "size"),
    [("1000", 1000), ("24G", 24 * GIB), ("0.5g", GIB // 2), ("2 TiB", 2048 * GIB), ("1MB", 2**20)],
)
def test_a_user_may_state_it(text: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, text)
    assert room() == size
    check("as much as there is", size, "nothing")
    with pytest.raises(UserError, match=r"more than there is needs about .*: ask for less, or set"):
        check("more than there is", size + 1, "ask for less")


def test_without_a_limit_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, "unlimited")
    check("everything", 1e30, "nothing")


@pytest.mark.parametrize("text", ["much", "0", "-3G", "3X"])
def test_what_is_no_size_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(memory.VARIABLE, text)
    with pytest.raises(UserError, match=f"ZSC_MEMORY is '{text}'"):
        room()


def test_accelerators_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(memory.VARIABLE, raising=False)
    monkeypatch.setattr(jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(memory, "device_memory", lambda: 5 * GIB)
    assert device_room() == 5 * GIB * len(jax.local_devices())
    monkeypatch.setattr(memory, "device_memory", lambda: 0)  # it does not say
    assert device_room() is None


def test_bytes_are_those_of_the_arrays() -> None:
    tree = {"a": np.zeros((3, 5), np.float32), "b": jax.ShapeDtypeStruct((7,), jnp.uint8)}
    assert bytes_of(tree) == 3 * 5 * 4 + 7


FREE = {"steps": 1e6, "learner": SMALL}
PARTNERS = {"partner_steps": 1e6, "blocks": 1, **FREE}

# what does not fit: (recipe, what to change)
TOO_LARGE = {
    "members": (SelfPlay(members=10**8, **FREE), "train fewer members"),
    "games": (
        SelfPlay(members=2, steps=1e12, learner=PPOConfig(envs=10**9)),
        "play fewer games at the same time",
    ),
    "partners": (
        FictitiousCoPlay(members=10**4, partners=10**4, **PARTNERS),
        "training 100,000,000 members",
    ),
    "checkpoints": (
        FictitiousCoPlay(members=1, partners=1, snapshots=10**9, **PARTNERS),
        "train fewer members",
    ),
    "tries": (BestResponse(zsc.overcooked_bots(ROOM, ("hog",)), tries=10**8, **FREE), "fewer"),
}


@pytest.mark.parametrize("case", TOO_LARGE)
def test_a_training_that_cannot_fit_is_refused_and_leaves_no_folder(
    case: str, tmp_path: Path
) -> None:
    recipe, words = TOO_LARGE[case]
    with pytest.raises(UserError, match=words) as said:
        recipe.train(ROOM, out=tmp_path / "run")
    assert re.search("needs about .* of memory, there are .*, or set ZSC_MEMORY", str(said.value))
    assert not (tmp_path / "run").exists()


def test_clones_without_number_are_refused(tmp_path: Path) -> None:
    cooks = zsc.overcooked_bots(ROOM, ("hog",))
    games: Record = zsc.record(ROOM, (cooks, cooks))
    with pytest.raises(UserError, match="cloning 1,000,000,000 members"):
        BehaviourCloning(games, members=10**9).train(ROOM, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_what_fits_is_not_refused_and_the_count_is_not_far_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A population is refused at a limit below its own size, and not at ten times of it."""
    policy, method = mlp_policy(ROOM.spec, widths=(8,)), Method("self_play")
    made = lambda: init_state(ROOM, policy, method, SMALL, members=3, seed=0, updates=2)
    size = bytes_of(made())
    monkeypatch.setenv(memory.VARIABLE, str(size))
    made()
    monkeypatch.setenv(memory.VARIABLE, str(size - 1))
    with pytest.raises(UserError, match="a population of 3 needs"):
        made()
    recipe = SelfPlay(members=3, steps=160, learner=SMALL, network=lambda spec: policy)
    with pytest.raises(UserError, match="training 3 members with 4 games each"):
        recipe.train(ROOM)
    monkeypatch.setenv(memory.VARIABLE, str(10 * size))
    recipe.train(ROOM)


def test_matrices_records_and_teams_that_cannot_fit_are_refused() -> None:
    cooks = zsc.overcooked_bots(ROOM, ("hog", "idle"))
    with pytest.raises(UserError, match=r"a matrix of 2 x 2 agents and 100,000,000,000 episodes"):
        crossplay(ROOM, {"bots": cooks}, episodes=10**11)
    one = cooks.take([0])
    with pytest.raises(UserError, match=r"a record of 10,000,000,000 games .* fewer episodes"):
        zsc.record(ROOM, (one, one), episodes=10**10)
    with pytest.raises(UserError, match="playing 3 teams of 2, 100,000,000,000 episodes each"):
        teams(ROOM, {"bots": cooks}, episodes=10**11)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_line_says_it_in_a_line(place: Path, refused: Refused) -> None:
    game = ("--env", "overcooked/cramped_room", "--members", "100000000")
    line = refused("train", "sp", *game, "--out", "new")
    assert "training 100,000,000 members" in line
    assert "ZSC_MEMORY=64G, or unlimited" in line


def test_memory_that_ran_out_all_the_same_is_a_line(
    place: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    for error in (MemoryError(), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating")):

        def full(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(SelfPlay, "train", lambda *_, **__: full())
        assert "the memory is used up" in refused("train", "sp", "--env", "lever", "--out", "new")
