"""OBL, off-belief learning (Hu et al. 2021, arXiv 2103.04000): no convention can arise.

The value of an action is that of a fictitious state, drawn from what the agent would believe if all
had played pi_0 so far (section 4 of the paper):

    Q(a | tau_i) = E_{tau' ~ B_pi0(tau_i)} [ r + gamma V(tau') ].

In it the agent's own action is taken, then the others reply by the current policy, with their
memories from before and their exploration; what follows at the agent's next turn is bootstrapped.
So moves mean what they show, and nothing else. pi_0 is uniform; level k believes in level k - 1,
and begins as it.

Beliefs under pi_0 are a function of the state (`Belief`). Hanabi's is exact for moves that say
nothing of the hand; deviation: that a uniform LEGAL hint is a little likelier where fewer hints are
legal is left out. Levels from 2 on need a game whose deals can be enumerated; their beliefs are
exact but for memories, which stay those of the real game. Further deviations: states are drawn and
targets made anew at each gradient step, where the authors' code stores the target of acting;
uniform replay, no priorities, no multi-step; shaped rewards are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy
from zsc.agents.pool import Label, Pool
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Learner, Task
from zsc.learn.q_learning import Experience, QConfig, Setting, epsilon_greedy, value_learner
from zsc.nets import sample
from zsc.play.acting import apply_batch, apply_one, inputs_of
from zsc.play.rollout import put_turn, take_turn
from zsc.populations.hooks.beliefs import (
    BELIEFS,
    DEALS,
    Belief,
    ByHistory,
    ByState,
    Deals,
    Redraw,
    joint_actions,
)
from zsc.populations.presets import Preset, preset
from zsc.populations.recipe import Load, Recipe, Run, at_least_one
from zsc.train.method import Method
from zsc.train.state import TrainState
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


@dataclass(frozen=True, kw_only=True)
class OffBelief(Recipe):
    """Agents that act by what they see, not by what others may have meant.

    levels: the level that is returned; the one below it is trained first, for as many steps.
    belief: what a seat may be in under uniform play, (env, state, seat, key) -> state; None takes
        that of the game's family.
    deals: of the game, for levels from 2 on, env -> states [X, ...]; None takes the family's.
    tremble: share of random moves in what is believed of the level below.
    learner: its settings are those of `iql(QConfig(...))`; None takes the usual ones.
    """

    levels: int = 1
    belief: Belief | None = None
    deals: Deals | None = None
    tremble: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "levels")
        if not 0 < self.tremble <= 1:
            raise UserError(f"tremble is {self.tremble}: give a share above 0, up to 1")
        if self.learner is not None and self.learner.segments != 1:
            raise UserError("obl learns from whole games: give a learner with segments=1")
        self._values()

    def check(self, env: Environment) -> None:
        """Raise UserError for a game without a belief, or deals that cannot be enumerated."""
        policy = self.agents(env.spec)
        if set(policy.reads) - {"actions"}:
            raise UserError(f"obl's agents see observations alone: {policy.name} reads more")
        if self.levels > 1:
            jax.eval_shape(lambda: self._deals(env.spec)(env))

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How each level learns in a game. Raises UserError for one without a belief."""
        belief = self.belief or BELIEFS.get(_family(spec))
        if belief is None:
            raise UserError(
                f"{spec.id} has no belief: give belief, (env, state, seat, key) -> the state "
                "with what that seat cannot know redrawn"
            )
        draws: list[Redraw] = [ByState(belief)]
        if self.levels > 1:
            draws += [ByHistory(self._deals(spec), self.tremble)] * (self.levels - 1)
        usual, config = preset(spec), self._values()
        learners = [value_learner(config, None, "iql", Fictitious(x)) for x in draws]
        return tuple(usual.but(learner, self.steps, self.network) for learner in learners)

    def loads(self) -> tuple[Load, ...]:
        """Each level, and the one below it."""
        return tuple(Load(self.members, kept=int(k > 0)) for k in range(self.levels))

    def build(self, run: Run) -> Pool:
        """The members of the last level, greedy."""
        lower: Params = None
        for level in range(1, self.levels + 1):
            stage = run.stage(
                Method("off_belief"),
                members=self.members,
                number=level - 1,
                name="" if level == 1 else f"level-{level}",
                title=f"level {level}",
            )
            state = stage.train(run.log, begin=None if level == 1 else partial(_above, lower))
            lower = state.params
        done = self.levels * stage.steps_done(state)
        labels = [Label("off_belief", run.seed, m, done) for m in range(self.members)]
        return stage.pool(state, labels)

    def _values(self) -> QConfig:
        """How action values are learned. Raises UserError for a learner of another kind."""
        if self.learner is None:
            return QConfig()
        if not isinstance(self.learner, Learner) or self.learner.name != "iql":
            raise UserError("obl learns action values: give learner=iql(QConfig(...))")
        return self.learner.config[0]

    def _deals(self, spec: EnvSpec) -> Deals:
        deals = self.deals or DEALS.get(_family(spec))
        if deals is None:
            raise UserError(f"{spec.id} has no list of deals: train with levels=1, or give deals")
        return deals


def _family(spec: EnvSpec) -> str:
    return spec.id.split("/")[0]


def _above(lower: Params, state: TrainState) -> TrainState:
    """A population that begins as the level below, and believes in it."""
    copy = partial(jax.tree.map, jnp.copy)
    kept = state.learner._replace(target=copy(lower), given=copy(lower))
    return state._replace(params=copy(lower), learner=kept)
