"""Games, policies, methods and bots from elsewhere: by name, by plug-in, all the way through."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
import zsc.registry
from tests.games import Meadow
from zsc import Family, UserError
from zsc.agents.bots import scripted_partners
from zsc.agents.policy import build
from zsc.cli.shared import Game, env_of
from zsc.envs.base import settings_of
from zsc.envs.registry import rebuild
from zsc.evaluation import crossplay
from zsc.nets.torsos import scaled
from zsc.populations import FictitiousCoPlay, HighEntropy, OtherPlay, SelfPlay
from zsc.registry import Registry, resolve
from zsc.train.recipes import RECIPES
from zsc.types import Array

TINY = zsc.PPOConfig(envs=4, segments=1, epochs=1, minibatches=1, shaping_steps=0)


@dataclass(frozen=True)
class Elsewhere(Meadow):
    """A game that the toolkit does not know, with nested settings."""

    paths: tuple[tuple[int, ...], ...] = ()

    @property
    def spec(self) -> zsc.EnvSpec:
        return replace(super().spec, id="elsewhere")

    def restore(self, snapshot: dict[str, Any]) -> Any:
        return super().restore({k: jnp.asarray(x, jnp.int32) for k, x in snapshot.items()})


def idlers(env: zsc.Environment) -> zsc.Pool:
    policy = zsc.constant_policy(num_actions=env.spec.num_actions)
    return zsc.make_pool(env.spec, policy, jnp.array([4], jnp.int32), [zsc.Label("idler")])


zsc.register_env("elsewhere", Family(Elsewhere, {"corner": {"centred": False}}))
zsc.register_bots("elsewhere", idlers)


def test_a_game_from_elsewhere_goes_all_the_way_through(tmp_path: Path) -> None:
    assert {"elsewhere", "elsewhere/corner"} <= set(zsc.list_envs())
    env = zsc.make("elsewhere/corner", horizon=5)
    assert env == Elsewhere(centred=False, horizon=5)
    zsc.check_environment(env, games=4)

    recipe = SelfPlay(members=2, steps=40, learner=TINY, network=zsc.mlp_policy)
    pool = recipe.train(env, seed=0, out=tmp_path / "run")
    again = env_of((tmp_path / "run",))
    assert again == env
    assert zsc.load_pool(tmp_path / "run").ids == pool.ids
    assert recipe.train(env, seed=0, out=tmp_path / "run", resume=True).ids == pool.ids

    played = crossplay(env, {"own": pool, "bots": scripted_partners(env)}, episodes=2, seed=0)
    assert np.isfinite(played.values).all()
    one = pool.take([0])
    zsc.record(env, (one, one), episodes=2, seed=0).save(tmp_path / "games.zsc", env)
    loaded, seen, _ = zsc.load_record(tmp_path / "games.zsc")
    assert loaded == env
    assert len(seen.length) == 2


def test_settings_come_back_from_json_as_they_were() -> None:
    env = Elsewhere(paths=((1,), (2, 3)))
    told = json.loads(json.dumps(settings_of(env)))
    assert rebuild("elsewhere", told) == env
    assert settings_of(env)["paths"] == ((1,), (2, 3))
    assert zsc.make("elsewhere", paths=[[1], [2, 3]]) == env


def test_game_that_calls_itself_otherwise_is_refused() -> None:
    zsc.register_env("alias", Elsewhere)
    with pytest.raises(UserError, match="'alias' calls itself 'elsewhere'"):
        zsc.make("alias")
    with pytest.raises(UserError, match="registered already"):
        zsc.register_env("elsewhere", Meadow)
    with pytest.raises(UserError, match="without a slash"):
        zsc.register_env("else/where", Meadow)


def test_name_that_is_not_known_says_the_nearest_and_how_to_add_one() -> None:
    with pytest.raises(UserError, match=r"'overcookd'.*mean 'overcooked'.*zsc.register_env"):
        zsc.make("overcookd")
    with pytest.raises(UserError, match=r"'hanabi/small'.*mean 'hanabi/small-2p'"):
        zsc.make("hanabi/small")
    with pytest.raises(UserError, match=r"unknown policy 'mlpp'.*zsc.register_policy"):
        build("mlpp", ())
    with pytest.raises(UserError, match="horizon is 'long': give a whole number"):
        zsc.make("overcooked/cramped_room", horizon="long")


def test_recipes_are_known_by_their_names() -> None:
    mine = {"sp": SelfPlay, "op": OtherPlay, "he": HighEntropy, "fcp": FictitiousCoPlay}
    assert {name: RECIPES.get(name) for name in mine} == mine


def test_game_without_bots_says_so() -> None:
    with pytest.raises(UserError, match=r"no scripted partners for lever.*zsc.register_bots"):
        scripted_partners(zsc.make("lever"))
    assert len(scripted_partners(zsc.make("hanabi/tiny-2p"))) > 0


def test_registering_again_is_fine_for_the_same_and_refused_for_another() -> None:
    names: Registry[Any] = Registry("toy", "register_toy")
    first = type("Toy", (), {"__module__": "cell", "__qualname__": "Toy"})
    second = type("Toy", (), {"__module__": "cell", "__qualname__": "Toy"})
    names.add("a", first)
    names.add("a", first)
    names.add("a", second)  # the cell of a notebook, run again
    assert names.get("a") is second
    with pytest.raises(UserError, match=r"toy 'a' is registered already, as cell.Toy"):
        names.add("a", SelfPlay)
    makers = [lambda: 1, lambda: 2]
    names.add("b", makers[0])
    with pytest.raises(UserError, match="registered already"):
        names.add("b", makers[1])


class Point:
    def __init__(self, name: str, load: Any) -> None:
        self.name, self.value, self.load = name, f"package:{name}", load


def test_plug_ins_are_loaded_once_when_needed_and_a_broken_one_stops_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def broken() -> Any:
        raise ImportError("no such\nlibrary")

    def points(group: str) -> list[Point]:
        asked.append(group)
        return [Point("bad", broken), Point("known", lambda: 2), Point("good", lambda: 3)]

    monkeypatch.setattr(zsc.registry, "entry_points", points)
    names: Registry[Any] = Registry("toy", "register_toy")
    names.add("known", 1)
    assert names.get("known") == 1
    assert asked == []
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert names.get("good") == 3
    lines = [str(warning.message) for warning in said]
    assert len(lines) == 2
    assert "'bad'" in lines[0]
    assert "ImportError: no such library" in lines[0]
    assert "'known'" in lines[1]
    assert names.names() == ("known", "good")
    assert names.get("known") == 1
    assert asked == ["zsc.register_toy"]


def test_families_are_imported_when_they_are_asked_for() -> None:
    assert resolve("tests.games:Meadow") is Meadow
    zsc.register_env("meadow", Family("tests.games:Meadow"))
    assert zsc.make("meadow", horizon=3) == Meadow(horizon=3)


def test_settings_of_the_command_line() -> None:
    game = Game(env="lever", env_set=("rounds=3", "payoffs=[1.0, 0.5]"))
    assert game.make() == zsc.make("lever", rounds=3, payoffs=(1.0, 0.5))
    room = Game(env="overcooked/cramped_room", env_set=("random_starts=true", "encoding=grid"))
    expected = zsc.make("overcooked/cramped_room", random_starts=True, encoding="grid")
    assert room.make() == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("round=3",), "did you mean 'rounds'"),
        (("rounds",), "KEY=VALUE"),
        (("rounds=2", "rounds=3"), "given twice"),
        (("rounds=__import__('os')",), "give a whole number"),
        (("rounds={'a': 1}",), "give a whole number"),
    ],
)
def test_bad_settings_of_the_command_line_get_one_line(given: tuple[str, ...], words: str) -> None:
    with pytest.raises(UserError, match=words):
        Game(env="lever", env_set=given).make()


def test_networks_divide_by_scales_below_one_too() -> None:
    obs = jnp.array([0.05, -3.0, 7.0])
    assert np.allclose(scaled(obs, (0.1, 2.0, 0)), [0.5, -1.5, 7.0])


# what the game gets wrong: (its spec, the clause)
BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "sign": ({"obs_signed": False}, "no observation is negative"),
    "magnitude": ({"obs_scale": (0.4,) * 4}, "exceeds obs_scale"),
    "axis": ({"obs_scale": (1.0,) * 3}, "covers the last observation axis"),
    "most": ({"max_return": 0.5}, "more than max_return"),
    "least": ({"min_return": 0.5}, "less than min_return"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_the_contract_notices_a_spec_that_promises_too_much(fault: str) -> None:
    changed, clause = BROKEN[fault]

    class Broken(Meadow):
        @property
        def spec(self) -> zsc.EnvSpec:
            return replace(super().spec, **changed)

    with pytest.raises(AssertionError, match=clause):
        zsc.check_environment(Broken(), games=16)


def test_unbounded_observations_need_only_be_finite() -> None:
    class Wide(Meadow):
        @property
        def spec(self) -> zsc.EnvSpec:
            return replace(super().spec, obs_scale=(0.4,) * 4, obs_bounded=False)

    zsc.check_environment(Wide(), games=4)


class PaysOne(Meadow):
    def step(self, key: Array, state: Any, action: Array) -> Any:
        after, shown = super().step(key, state, action)
        return after, shown._replace(reward=shown.reward * jnp.array([1.0, 0.0]))


class ShowsLate(Meadow):
    def show(self, state: Any) -> Any:
        return super().show(state._replace(time=state.time + 1))


class PaysInShow(Meadow):
    def show(self, state: Any) -> Any:
        return self._show(state, jnp.float32(1))


class NoWorld(Meadow):
    def world(self, state: Any) -> Any:
        return jnp.log(state.at.astype(jnp.float32) - 9)


@pytest.mark.parametrize(
    ("env", "clause"),
    [
        (PaysOne(), "paid the same"),
        (ShowsLate(), r"what was shown \((mask|terminated)\)|not over"),
        (PaysInShow(), "pays nothing"),
        (NoWorld(), "world is finite"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_the_contract_notices_a_game_that_breaks_it(env: Any, clause: str) -> None:
    with pytest.raises(AssertionError, match=clause):
        zsc.check_environment(env, games=16)


@pytest.mark.parametrize(
    ("name", "settings", "bounds"),
    [
        ("lever", {}, (0.0, 1.0)),
        ("lever", {"rounds": 2, "payoffs": (1.0, -3.0)}, (-6.0, 2.0)),
        ("lever", {"payoffs": (-1.0, -3.0)}, (-3.0, 0.0)),
        ("hanabi/full-2p", {}, (0.0, 25.0)),
        ("hanabi/tiny-2p", {}, (0.0, 5.0)),
        ("hanabi", {"colours": 1, "hand_size": 5}, (0.0, 2.0)),  # dealt out: one turn each
        ("overcooked/cramped_room", {}, (0.0, 360.0)),
        ("overcooked/cramped_room", {"horizon": 24}, (0.0, 0.0)),
        ("overcooked/cramped_room", {"horizon": 25}, (0.0, 20.0)),
    ],
)
def test_bounds_of_what_a_game_can_pay(
    name: str, settings: dict[str, Any], bounds: tuple[float, float]
) -> None:
    spec = zsc.make(name, **settings).spec
    assert (spec.min_return, spec.max_return) == bounds


def test_a_world_is_what_all_agents_see() -> None:
    env = zsc.make("hanabi/tiny-2p")
    state, shown = env.reset(jax.random.key(0))
    assert np.array_equal(env.world(state), np.asarray(shown.obs).reshape(-1))
