"""Kitchens that are drawn in the program: solvable, new, and each of a game's own."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import zsc
from zsc.envs.overcooked import (
    ManyKitchens,
    RandomKitchens,
    digest,
    is_solvable,
    random_layouts,
)
from zsc.envs.overcooked.drawings import parse_layout
from zsc.envs.overcooked.layouts import CLASSIC, COUNTER, FLOOR, POT
from zsc.envs.overcooked.solvable import difficulty, solvable
from zsc.envs.overcooked.templates import TemplateKitchens
from zsc.errors import UserError

CELLS = "XODPS "


@pytest.fixture(scope="module")
def terrains():
    """Four hundred kitchens of the generator."""
    made = jax.jit(jax.vmap(TemplateKitchens()))(jax.random.split(jax.random.key(0), 400))
    return jax.tree.map(np.asarray, made)


def drawn(terrain, i):
    """A kitchen of the generator as text."""
    symbols = [CELLS[kind] for kind in terrain.kinds[i]]
    for player, cell in enumerate(terrain.starts[i]):
        assert symbols[cell] == " "
        symbols[cell] = str(player + 1)
    return "\n".join("".join(symbols[row * 9 : row * 9 + 9]) for row in range(9))


def test_every_kitchen_of_the_generator_can_be_solved_and_is_new(terrains):
    classic = {
        tuple(np.rot90(plan[:, ::-1] if flip else plan, turn).reshape(-1))
        for name in CLASSIC
        for plan in [np.asarray(zsc.make(f"overcooked/{name}").kitchen.terrain((9, 9)).kinds)]
        for plan in [plan.reshape(9, 9)]
        for flip in (False, True)
        for turn in range(4)
    }
    seen = set()
    for i in range(len(terrains.kinds)):
        assert is_solvable(parse_layout(drawn(terrains, i)))
        assert tuple(terrains.kinds[i]) not in classic
        pots = np.flatnonzero(terrains.kinds[i] == POT)
        assert terrains.pots[i].tolist() == [*pots, -1][:2]
        seen.add(drawn(terrains, i))
    assert len(seen) > 395


def test_the_generator_draws_all_patterns_one_or_two_objects_and_all_turns(terrains):
    floor = (terrains.kinds == FLOOR).sum(1)
    assert set(floor) == {len(zsc.make(f"overcooked/{n}").kitchen.floor) for n in CLASSIC}
    pots = (terrains.kinds == POT).sum(1)
    assert 0.35 < (pots == 1).mean() < 0.65
    corners = terrains.kinds.reshape(-1, 9, 9)[:, [1, 1, 7, 7], [1, 7, 1, 7]] == FLOOR
    assert (corners.mean(0) > 0.1).all()  # the pattern stands in every corner of the frame


def test_solvable_in_the_program_is_solvable_on_the_host():
    """Of kitchens by chance, good and bad: walls are put where objects were."""
    rng = np.random.default_rng(0)
    test = jax.jit(solvable)
    said = []
    for layout in random_layouts(3, 60, (7, 7)):
        kinds = np.asarray(layout.terrain((7, 7)).kinds).copy()
        walls = rng.random(kinds.shape) < 0.2
        floor = kinds == FLOOR
        kinds[floor & walls] = COUNTER
        starts = np.asarray(layout.terrain((7, 7)).starts)
        kinds[starts] = FLOOR
        symbols = [CELLS[kind] for kind in kinds]
        for player, cell in enumerate(starts):
            symbols[cell] = str(player + 1)
        text = "\n".join("".join(symbols[row * 7 : row * 7 + 7]) for row in range(7))
        try:
            right = is_solvable(parse_layout(text)) and all_in_reach(parse_layout(text))
        except UserError:  # an object that nobody reaches
            right = False
        assert bool(test(kinds.reshape(7, 7), starts)) == right
        said.append(right)
    assert 10 < sum(said) < 50


def all_in_reach(layout):
    rooms = set().union(*(layout.component(start) for start in layout.starts))
    objects = np.flatnonzero((layout.kinds != FLOOR) & (layout.kinds != COUNTER))
    return all(rooms & set(layout.neighbours(cell).values()) for cell in objects)


@pytest.mark.long
def test_games_of_the_generator_keep_the_contract():
    env = ManyKitchens(kitchens=TemplateKitchens(), horizon=20)
    zsc.check_environment(env, steps=22, games=4)


def test_games_of_the_generator_are_made_again_from_a_manifest():
    env = ManyKitchens(kitchens=TemplateKitchens(), horizon=20)
    again = zsc.envs.registry.rebuild(
        env.spec.id,
        {"kitchens": {"size": [9, 9], "seconds": 0.5, "tries": 8}, "size": [9, 9], "horizon": 20},
    )
    assert again == env


def test_kitchens_that_agents_are_judged_in_are_kept_out_of_training():
    judged = RandomKitchens(seed=1, count=8, size=(5, 6))
    usual = RandomKitchens(seed=1, count=20, size=(5, 6))
    apart = RandomKitchens(seed=1, count=20, size=(5, 6), without=judged.digests)
    assert set(judged.digests) <= set(usual.digests)
    assert not set(judged.digests) & set(apart.digests)
    assert len(set(apart.digests)) == 20
    assert [digest(layout) for layout in apart.layouts] == list(apart.digests)


def test_difficulty_of_the_classic_kitchens():
    of = {name: difficulty(zsc.make(f"overcooked/{name}").kitchen) for name in CLASSIC}
    assert [name for name, hard in of.items() if hard.together] == ["forced_coordination"]
    assert of["coordination_ring"].floor == 8
    assert of["coordination_ring"].bottlenecks == 0
    assert of["cramped_room"].path == 5 * 1 + 2 * 2 + 2
    assert of["cramped_room"].path < of["counter_circuit"].path


def test_generators_that_cannot_be_are_refused():
    with pytest.raises(UserError, match="give a square of at least 9"):
        TemplateKitchens(size=(5, 9))
    with pytest.raises(UserError, match="give a probability"):
        TemplateKitchens(seconds=2.0)
