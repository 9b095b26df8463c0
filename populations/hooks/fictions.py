"""Targets of off-belief learning: what an action is worth in a state that the agent believes in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy
from zsc.learn.base import Task
from zsc.learn.q_learning import Experience, QConfig, Setting, epsilon_greedy
from zsc.nets import sample
from zsc.play.acting import apply_batch, apply_one, inputs_of
from zsc.play.rollout import put_turn, take_turn
from zsc.populations.hooks.beliefs import Redraw, joint_actions
from zsc.types import Array, Carry, Key, Params, State


@dataclass(frozen=True)
class Fictitious:
    """Targets of a value learner: one action in a drawn state, the others' replies, and the value
    of what the agent sees then."""

    redraw: Redraw

    def __call__(
        self, config: QConfig, task: Task, key: Key, setting: Setting, games: Experience
    ) -> tuple[Array, Array]:
        """Targets [G, T, R], and where they hold [G, T, R]."""
        draw_key, play_key = jax.random.split(key)
        states = self.redraw(task, draw_key, setting.state.given, games)
        joint = jax.vmap(partial(joint_actions, task.env))(games)
        acted = jnp.concatenate([jnp.full_like(joint[:, :1], -1), joint[:, :-1]], axis=1)
        memories = tuple(
            jax.tree.map(lambda x: x[:, :-1], carries(task, params, games))
            for params in (setting.params, setting.state.target)
        )
        first, seat = games.inputs.first[:, :-1], games.inputs.agent[:, :-1]
        value = partial(self.value, config, task, setting)
        shared = (0, 0, 0, None, None, 0, 0)  # roles of a game share memories and what was done
        value = jax.vmap(jax.vmap(jax.vmap(value, shared)))
        keys = jax.random.split(play_key, seat.shape)
        goal = value(states, seat, games.action, memories, acted, first, keys)
        return goal, games.playing

    def value(
        self,
        config: QConfig,
        task: Task,
        setting: Setting,
        state: State,
        seat: Array,
        action: Array,
        memories: tuple[Carry, Carry],
        acted: Array,
        first: Array,
        key: Key,
    ) -> Array:
        """[] the target of one action of one seat in one drawn state."""
        env, spec, policy = task.env, task.env.spec, task.policy
        assert isinstance(policy, Policy)  # a recipe's network is no team
        behave, seats = epsilon_greedy(policy), jnp.arange(spec.num_agents)
        shown, paid, (own, slow) = env.show(state), jnp.float32(0), memories
        rounds = spec.num_agents if spec.turns else 1

        def ask(policy: Policy, params: Params, carry: Carry) -> Any:
            seen = inputs_of(policy.reads, obs=shown.obs, mask=shown.mask, first=first,
                             seat=seats, acted=acted)  # fmt: skip
            return jax.vmap(partial(apply_one, policy, params))(carry, seen)

        for turn in range(rounds):
            noise_key, rules_key = jax.random.split(jax.random.fold_in(key, turn))
            slow, _ = ask(policy, setting.state.target, slow)
            own, out = ask(behave, (setting.params, setting.epsilon), own)
            acted = sample(out.logits, shown.mask, jax.random.gumbel(noise_key, out.logits.shape))
            acted = jnp.where(seats == seat, action, acted) if turn == 0 else acted
            state, shown = env.step(rules_key, state, acted)
            paid = paid + config.gamma**turn * shown.reward[seat]
            first = jnp.zeros_like(first)
        now = ask(policy, setting.params, own)[1].logits[seat]
        then = ask(policy, setting.state.target, slow)[1].logits[seat]
        best = jnp.where(shown.mask[seat], now, -jnp.inf).argmax()
        # who waits when the time is over would be asked what it never learned
        ended = shown.terminated | (shown.truncated & spec.turns)
        return paid + config.gamma**rounds * then[best] * ~ended


def carries(task: Task, params: Params, games: Experience) -> Carry:
    """[G, T + 1, A, ...] the memories of all agents before each step."""
    policy, turns = task.policy, task.env.spec.turns
    assert isinstance(policy, Policy)

    def step(carry: Carry, inputs: Any) -> tuple[Carry, Carry]:
        turn = inputs.agent if turns else None
        after, _ = apply_batch(policy, params, take_turn(carry, turn), inputs)
        return put_turn(carry, turn, after), carry

    by_time = jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), games.inputs)
    before = jax.lax.scan(step, games.carry, by_time)[1]
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1), before)
