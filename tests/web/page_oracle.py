"""The page without a server against the rules, observations and policies that it stands for.

python -m tests.web.page_oracle --steps 20000

Its scripts play given joint actions in a headless Chromium: every field of every state, every
payment and every number that a cook sees has to be ours, and what agents would do greedily.
"""

from __future__ import annotations

import argparse
import base64
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import zsc
from tests.browser import browser
from tests.oracle.actions import chance, mixed, scripted
from tests.oracle.injection import Injector
from zsc.agents.policy import Policy, greedy, gru_policy, mlp_policy
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.overcooked import Overcooked
from zsc.evaluation.heldout import roster
from zsc.play.acting import apply_one, inputs_of
from zsc.web.single_page import write_single_page

KITCHENS = ("asymmetric_advantages", "coordination_ring", "counter_circuit")
ENCODINGS = ("compact", "grid")
SHORT = 5  # steps from an injected state
ROUND = 42  # episodes: two whole ones, then injected states
FIELDS = ("cell", "direction", "held", "counter", "pot_n", "pot_tick", "time")

#: Plays one episode in the page: [place of the kitchen, first state, joint actions, agents].
SCRIPT = """
const [place, first, actions, agents] = arguments;
const { data, kitchens, networks, load } = overcooked, kitchen = data.kitchens[place];
const text = array => {
  let out = "";
  for (const byte of new Uint8Array(array.buffer)) out += String.fromCharCode(byte);
  return btoa(out);
};
const players = agents.map(agent => [0, 1].map(() => load(data.agents[agent])));
const states = [first], paid = [], seen = { compact: [], grid: [] }, said = [], best = [];
const look = state => {
  const views = {};
  for (const name of ["compact", "grid"]) {
    views[name] = [0, 1].map(seat => kitchens.observe(kitchen, name, state, seat));
    for (const obs of views[name]) seen[name].push(...obs);
  }
  agents.forEach((agent, i) => [0, 1].forEach(seat => {
    const logits = players[i][seat].logits(views[data.agents[agent].encoding][seat]);
    said.push(...logits);
    best.push(networks.best(logits).reduce((sum, action) => sum + 2 ** action, 0));
  }));
};
look(first);
for (const action of actions) {
  const [after, earned] = kitchens.step(kitchen, states.at(-1), action);
  states.push(after); paid.push(earned); look(after);
}
return { states, paid, best, said: text(Float32Array.from(said)),
  compact: text(Uint8Array.from(seen.compact)), grid: text(Uint8Array.from(seen.grid)) };
"""


class Episode(NamedTuple):
    """What our rules say of T steps, from any state."""

    actions: np.ndarray  # [T, 2]
    states: Any  # leaves [T + 1, ...]
    obs: dict[str, np.ndarray]  # by encoding, [T + 1, 2, ...]
    paid: np.ndarray  # [T, 2]
    events: np.ndarray  # [T, 2, events]


class Found(NamedTuple):
    """What was compared, and what differed."""

    counts: Counter[str]
    logits: float  # the largest difference


def main() -> int:
    """Compare, print, exit with 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=0)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = compare(Path(folder) / "play.html", KITCHENS, told.steps, told.seed)
    for name, number in sorted(found.counts.items()):
        print(f"{name:40}{number:>9,}")
    print(f"largest difference of a logit: {found.logits:.1e}")
    wrong = {name: number for name, number in found.counts.items() if name.startswith("differs")}
    print(f"differs: {wrong}" if wrong else "no difference")
    return 1 if wrong else 0


def compare(path: Path, kitchens: tuple[str, ...], steps: int, seed: int) -> Found:
    """Write a page of these kitchens and compare so many steps, the same number in each."""
    envs = [Overcooked(name) for name in kitchens]
    entries = [entry for number, env in enumerate(envs) for entry in cooks(env, seed + number)]
    write_single_page(path, entries)
    counts, apart = Counter[str](), 0.0
    with browser(1280, 900) as session:
        session.get(path.as_uri())
        for place, env in enumerate(envs):
            own = [(i, entry) for i, entry in enumerate(entries) if entry[2].layout == env.layout]
            for episode in episodes(env, -(-steps // len(envs)), seed + place):
                first = {name: one.tolist() for name, one in at(episode.states, 0).items()}
                told = session.execute_script(
                    SCRIPT, place, first, episode.actions.tolist(), [i for i, _ in own]
                )
                faults, far = differences(env, episode, told, [entry for _, entry in own])
                counts, apart = counts + faults, max(apart, far)
        severe = [x["message"] for x in session.get_log("browser") if x["level"] == "SEVERE"]
        assert severe == []
    return Found(counts, apart)


def cooks(env: Overcooked, seed: int) -> list[tuple[str, Pool, Overcooked]]:
    """Agents of three kinds: a trained one, one with memory, one that sees the grid.

    The trained one is a roster's response, moved a little: itself it could not be exported.
    """
    trained = roster(env.spec.id).responses[-1:]
    moved = jax.tree.map(lambda x: 1.001 * x, trained.params)
    known = make_pool(env.spec, trained.policy, moved, [replace(trained.labels[0], id="")])
    whole = replace(env, encoding="grid")
    return [
        (f"{env.layout} trained", known, env),
        (f"{env.layout} gru", fresh(env, gru_policy(env.spec, activation="tanh"), seed), env),
        (f"{env.layout} grid", fresh(whole, mlp_policy(whole.spec), seed), whole),
    ]


def fresh(env: Overcooked, policy: Policy, seed: int) -> Pool:
    """An untrained agent that has made up its mind: its head is far larger than at first."""
    params: Any = policy.init(jax.random.key(seed))
    params["params"]["ActorCritic_0"]["actor"]["kernel"] *= 100
    return make_pool(
        env.spec, policy, jax.tree.map(lambda x: x[None], params), [Label("untrained", seed)]
    )


def episodes(env: Overcooked, steps: int, seed: int) -> Iterator[Episode]:
    """So many steps of the kinds of play that the comparison with the reference engine uses, from
    the start and from states by chance."""
    rng, number, done = np.random.default_rng(seed), 0, 0
    inject = Injector(env.kitchen, env.horizon, rng)
    whole = (lambda: scripted(env.kitchen, rng), lambda: mixed(env.kitchen, rng),
             lambda: chance(rng, 0.4))  # fmt: skip
    while done < steps:
        injected = number % ROUND >= 2
        # both interact at once half the time: then it matters who comes first
        policy = chance(rng, 0.7) if injected else whole[number // ROUND % 2 + number % ROUND]()
        state = env.restore(inject.draw()) if injected else env.reset(jax.random.key(0))[0]
        length = min(SHORT if injected else env.horizon + 2, steps - done)
        yield play(env, state, policy, length)
        number, done = number + 1, done + length


def play(env: Overcooked, state: Any, policy: Any, length: int) -> Episode:
    """An episode of our own rules."""
    states, paid, events, actions = [jax.device_get(state)], [], [], []
    for _ in range(length):
        actions.append(policy(jax.device_get(_snapshot(env, state))))
        state, told = _step(env, state, np.array(actions[-1]))
        states.append(jax.device_get(state))
        paid.append(told.info["sparse"])
        events.append(told.info["events"])
    stacked = jax.tree.map(lambda *x: np.stack(x), *states)
    obs = {n: np.asarray(_seen(replace(env, encoding=n), stacked)) for n in ENCODINGS}
    return Episode(np.array(actions), stacked, obs, np.stack(paid), np.stack(events))


@partial(jax.jit, static_argnums=0)
def _step(env: Overcooked, state: Any, action: jax.Array) -> tuple[Any, Any]:
    return env.step(jax.random.key(0), state, action)


@partial(jax.jit, static_argnums=0)
def _snapshot(env: Overcooked, state: Any) -> dict[str, Any]:
    return env.snapshot(state)


@partial(jax.jit, static_argnums=0)
def _seen(env: Overcooked, states: Any) -> jax.Array:
    return jax.vmap(env.observe)(states)


def at(states: Any, step: int) -> dict[str, np.ndarray]:
    """The fields of one state."""
    return {name: getattr(states, name)[step] for name in FIELDS}


def differences(
    env: Overcooked, episode: Episode, told: dict[str, Any], agents: list[tuple[str, Pool, Any]]
) -> tuple[Counter[str], float]:
    """What the page says otherwise, by kind; and how far its logits are from ours."""
    length, counts = len(episode.actions), Counter[str]()
    for name in FIELDS:
        theirs = np.array([state[name] for state in told["states"]])
        ours = getattr(episode.states, name)
        wrong = (ours != theirs).reshape(length + 1, -1).any(1)
        counts[f"differs: {name}"] += int(wrong.sum())
    counts["differs: paid"] += int((np.array(told["paid"]) != episode.paid).any(1).sum())
    for name in ENCODINGS:
        theirs = np.frombuffer(base64.b64decode(told[name]), np.uint8)
        ours = episode.obs[name].reshape(length + 1, -1)
        counts[f"differs: seen as {name}"] += int((ours != theirs.reshape(ours.shape)).any(1).sum())
    shape = (length + 1, len(agents), 2)
    said = np.frombuffer(base64.b64decode(told["said"]), np.float32).reshape(*shape, 6)
    best, apart = np.array(told["best"]).reshape(shape), 0.0
    for place, (_, pool, game) in enumerate(agents):
        logits, chosen = answers(pool, episode.obs[game.encoding])
        sets = (chosen * 2 ** np.arange(6)).sum(-1)
        counts[f"differs: {pool.policy.name} greedily"] += int((sets != best[:, place]).sum())
        counts["greedy choices compared"] += sets.size
        apart = max(apart, float(np.abs(logits - said[:, place]).max()))
    happened = zip(env.spec.event_names, episode.events.sum((0, 1)), strict=True)
    counts["steps compared"] += length
    counts += Counter({f"event: {name}": int(times) for name, times in happened})
    return counts, apart  # += keeps what is above 0 only


def answers(pool: Pool, obs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """[T + 1, 2, N] logits of an agent in both seats, and which actions it would take greedily."""
    params = jax.tree.map(lambda x: x[0], pool.params)
    return tuple(map(np.asarray, _answers(pool.policy, params, obs)))  # type: ignore[return-value]


@partial(jax.jit, static_argnums=0)
def _answers(policy: Policy, params: Any, obs: jax.Array) -> tuple[jax.Array, jax.Array]:
    def one(policy: Policy, seat: jax.Array) -> jax.Array:
        def step(carry: Any, now: Any) -> Any:
            seen, first = now
            inputs = inputs_of((), obs=seen, mask=jnp.ones(6, bool), first=first, seat=seat)
            carry, out = apply_one(policy, params, carry, inputs)
            return carry, out.logits

        first = jnp.arange(len(obs)) == 0
        return jax.lax.scan(step, policy.carry(), (obs[:, seat], first))[1]

    both = [jnp.stack([one(p, jnp.int32(s)) for s in (0, 1)], 1) for p in (policy, greedy(policy))]
    return both[0], both[1] == 0


if __name__ == "__main__":
    zsc.setup()
    sys.exit(main())
