"""OvercookedV2 beside the engine of jaxmarl 0.2.0, step by step.

    python -m tests.overcooked_v2_oracle --steps 100000 --seed 0

Each of our states is injected into the reference, both take the same step, and everything that is
shown, paid and kept is compared: since they agree after each step, they agree over whole games.
Half of the games begin in kitchens that are filled by chance, and are dealt anew now and then, so
that dishes are there to be delivered.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from zsc.envs.overcooked_v2 import LAYOUTS, OvercookedV2
from zsc.envs.overcooked_v2.layouts import BUTTON
from zsc.errors import UserError

#: Options that were tried: each appears with and without the others.
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"view": 2, "negative_rewards": True, "sample_recipe_on_delivery": True},
    {"view": 1, "start_cooking_interaction": True, "indicate_successful_delivery": True},
    {
        "view": 3,
        "negative_rewards": True,
        "start_cooking_interaction": True,
        "sample_recipe_on_delivery": True,
        "indicate_successful_delivery": True,
    },
)
GAMES, SEGMENT = 64, 25  # at a time, and steps until half of them are dealt anew
FIELDS = ("pos", "dir", "inventory", "grid", "recipe", "delivered", "time")


def reference_of(env: OvercookedV2) -> Any:
    """The same game as the reference engine makes it."""
    from jaxmarl.environments.overcooked_v2.layouts import Layout, overcooked_v2_layouts
    from jaxmarl.environments.overcooked_v2.overcooked import OvercookedV2 as Reference

    named = overcooked_v2_layouts.get(env.layout)
    if named is None:
        recipes = [list(recipe) for recipe in env.kitchen.recipes]
        named = Layout.from_string(env.kitchen.text(), possible_recipes=recipes)
    return Reference(
        layout=named,
        max_steps=env.horizon,
        agent_view_size=env.view,
        start_cooking_interaction=env.start_cooking_interaction,
        negative_rewards=env.negative_rewards,
        sample_recipe_on_delivery=env.sample_recipe_on_delivery,
        indicate_successful_delivery=env.indicate_successful_delivery,
    )


def to_reference(snapshot: dict[str, Any]) -> Any:
    """The reference's state with the plain arrays of a snapshot."""
    from jaxmarl.environments.overcooked_v2.common import Agent, Position
    from jaxmarl.environments.overcooked_v2.overcooked import State

    pos = snapshot["pos"]
    return State(
        agents=Agent(
            pos=Position(x=pos[:, 0], y=pos[:, 1]),
            dir=snapshot["dir"],
            inventory=snapshot["inventory"],
        ),
        grid=snapshot["grid"],
        recipe=snapshot["recipe"],
        new_correct_delivery=snapshot["delivered"],
        step=snapshot["time"],
        done=jnp.bool_(False),
    )


def from_reference(state: Any) -> dict[str, Any]:
    """The snapshot of a state of the reference."""
    return {
        "pos": state.agents.pos.to_array(),
        "dir": state.agents.dir,
        "inventory": state.agents.inventory,
        "grid": state.grid,
        "recipe": state.recipe,
        "delivered": state.new_correct_delivery,
        "time": state.step,
    }


def compare(
    env: OvercookedV2, *, segments: int, seed: int
) -> tuple[Counter[str], Counter[str], int]:
    """What differed, by field, what happened, by event, and how many steps were compared.

    `segments` times SEGMENT steps of GAMES games.
    """
    assert env.horizon % SEGMENT == 0, "the reference goes on after the end, a segment does not"
    reference, agents = reference_of(env), env.spec.num_agents
    dealt = OvercookedV2(**{**vars(env), "random_starts": True})

    def one(key: Any, state: Any, action: Any) -> tuple[Any, dict[str, Any], Any]:
        acts = {f"agent_{i}": action[i] for i in range(agents)}
        ours_now = env.snapshot(state)
        obs, after, paid, done, info = reference.step_env(key, to_reference(ours_now), acts)
        expected = from_reference(after)
        moved, shown = env.advance(state, action, expected["recipe"])
        got = env.snapshot(moved)
        wrong = {name: jnp.any(expected[name] != got[name]) for name in FIELDS}
        names = [f"agent_{i}" for i in range(agents)]
        pairs = {
            "observation": (jnp.stack([obs[n] for n in names]), shown.obs),
            "reward": (jnp.stack([paid[n] for n in names]), shown.reward),
            "shaped": (jnp.stack([info["shaped_reward"][n] for n in names]), shown.info["shaped"]),
            "end": (done["__all__"], shown.done),
        }
        wrong |= {name: jnp.any(a != b) for name, (a, b) in pairs.items()}
        return moved, wrong, shown.info["events"].any(0)

    def segment(key: Any, states: Any) -> tuple[Any, Any, Any]:
        deal, play = jax.random.split(key)
        fresh = jax.vmap(lambda k: dealt.reset(k)[0])(jax.random.split(deal, GAMES))
        anew = (np.arange(GAMES) % 2 == 0) | (states.time >= env.horizon)
        states = jax.tree.map(
            lambda new, old: jnp.where(anew.reshape(-1, *[1] * (new.ndim - 1)), new, old),
            fresh,
            states,
        )

        def forward(states: Any, key: Any) -> Any:
            acts, steps = jax.random.split(key)
            weights = jnp.log(jnp.array([1.0, 1.0, 1.0, 1.0, 0.5, 3.0]))
            action = jax.random.categorical(acts, weights, shape=(GAMES, agents))
            keys = jax.random.split(steps, GAMES)
            states, wrong, events = jax.vmap(one)(keys, states, action)
            return states, (jax.tree.map(lambda x: x.sum(), wrong), events.sum(0))

        states, (wrong, events) = jax.lax.scan(forward, states, jax.random.split(play, SEGMENT))
        return states, jax.tree.map(lambda x: x.sum(), wrong), events.sum(0)

    run = jax.jit(segment)
    keys = jax.random.split(jax.random.key(seed), segments + 1)
    states = jax.vmap(lambda k: env.reset(k)[0])(jax.random.split(keys[0], GAMES))
    wrong: Counter[str] = Counter()
    events: Counter[str] = Counter()
    for key in keys[1:]:
        states, differed, happened = run(key, states)
        wrong.update({name: int(count) for name, count in differed.items()})
        events.update(dict(zip(env.spec.event_names, map(int, happened), strict=True)))
    return +wrong, events, segments * SEGMENT * GAMES


def random_kitchens(seed: int, count: int) -> Iterator[str]:
    """Drawings of kitchens by chance: one to four agents, up to four ingredients."""
    rng = np.random.default_rng(seed)
    while count:
        height, width = rng.integers(4, 8), rng.integers(5, 10)
        plan = np.full((height, width), "W")
        plan[1:-1, 1:-1] = np.where(rng.random((height - 2, width - 2)) < 0.25, "W", " ")
        walls = rng.permutation(np.argwhere(plan == "W"))
        symbols = [*"XPBR0", *rng.choice(list("XPBL0123"), rng.integers(2, 8))]
        floor = rng.permutation(np.argwhere(plan == " "))[: rng.integers(1, 5)]
        for symbol, (y, x) in zip(symbols, walls, strict=False):
            plan[y, x] = symbol
        for y, x in floor:
            plan[y, x] = "A"
        drawing = "\n".join("".join(row) for row in plan)
        try:
            OvercookedV2(layout=drawing)
        except UserError:
            continue
        count -= 1
        yield drawing


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--generated", type=int, default=20)
    args = parser.parse_args()
    layouts = [*LAYOUTS, *random_kitchens(args.seed, args.generated)]
    segments = -(-args.steps // (len(layouts) * 2 * SEGMENT * GAMES))
    total, all_wrong, all_events = 0, Counter[str](), Counter[str]()
    for number, layout in enumerate(layouts):
        for options in (OPTIONS[number % 4], OPTIONS[(number + 1 + number // 4 % 3) % 4]):
            env = OvercookedV2(layout=layout, encoding="grid", horizon=100, **options)
            wrong, events, steps = compare(env, segments=segments, seed=args.seed + number)
            total += steps
            all_wrong += wrong
            all_events += events
            print(f"{env.kitchen.name[:60]:60} {options} {steps} steps: {dict(wrong) or 'equal'}")
        jax.clear_caches()
    print(f"{total} steps, {len(layouts)} kitchens, differences: {dict(all_wrong) or 'none'}")
    print({name: all_events[name] for name in all_events})
    assert not all_wrong
    assert all(all_events[name] for name in zsc.make("overcooked_v2/two_rooms").spec.event_names)
    assert any(len(OvercookedV2(layout=layout).kitchen.cells(BUTTON)) for layout in layouts)


if __name__ == "__main__":
    main()
