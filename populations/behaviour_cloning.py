"""Behaviour cloning: agents that act as the players of recorded games did (human proxies).

The plain recipe of Carroll et al. 2019 (arXiv 1910.05789): maximise the likelihood of the recorded
actions. Members differ in their initial weights and in which of the games they see: each draws as
many as there are, with replacement, so that their spread says how much the few players matter.
Where it is known who played, people are drawn and held out, not games.

A clone with a memory learns in stretches, whose memory at the start is that of the whole game up to
there (burn-in from the start of the episode; it is worked out anew before each pass, as stored
states are in R2D2, Kapturowski et al. 2019).
"""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from zsc import keys
from zsc.agents.policy import Inputs, Policy, in_turns, mlp_policy
from zsc.agents.pool import Label, Pool, make_pool
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.machine.cluster import leads, to_host
from zsc.machine.members import make_members, map_members
from zsc.machine.memory import bytes_of, check
from zsc.machine.progress import Lines
from zsc.nets import distribution
from zsc.play.acting import fresh_carry, inputs_of
from zsc.play.crossplay import self_play_returns
from zsc.populations.journal import Log
from zsc.populations.presets import Preset
from zsc.populations.recipe import Recipe, Run, at_least_one
from zsc.populations.stage import SKILL_EPISODES, STOPPED
from zsc.records.record import Record
from zsc.records.whose import Whose, groups_of, split_people
from zsc.switches import door
from zsc.train.sinks import Progress
from zsc.types import Array, Key, Params

METHOD = "behaviour_cloning"
_DIVERGED = 2.0  # times the loss of guessing: nothing was learned


class _Samples(NamedTuple):
    """S stretches of T steps of one player each."""

    inputs: Inputs  # [S, T, ...]
    action: Array  # [S, T]
    counts: Array  # [S, T] bool: played, and with a choice
    game: Array  # [S] which recorded game, or which people if that is known


@dataclass(frozen=True, kw_only=True)
class BehaviourCloning(Recipe):
    """Agents that imitate recorded games.

    games: what was recorded; every seat's player is imitated unless `seats` names some.
    members: agents, each with its own resample of the games.
    epochs: passes over the games. stretch: steps that a recurrent network learns in one go; others
        learn step by step.
    held_out: share of the games, taken from the end, on which accuracy and likelihood are measured
        and nobody learns; whole people if `whose` is given.
    whose: for each game and seat who played it, "" for an agent, whom nobody imitates
        (`zsc.records.whose.whose_games` reads it from a file's notes).
    network: as in `Recipe`; None is `mlp_policy`.
    """

    games: Record = field(kw_only=False)
    members: int = 4
    epochs: int = 60
    batch: int = 256
    learning_rate: float = 1e-3
    stretch: int = 64
    held_out: float = 0.0
    seats: tuple[int, ...] | None = None
    whose: Whose | None = None
    steps: None = field(init=False, default=None, repr=False)
    learner: None = field(init=False, default=None, repr=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "members", "epochs", "batch", "stretch")
        if not 0 <= self.held_out < 1:
            raise UserError(f"held_out is {self.held_out}: give a share from 0 to less than 1")

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """Nothing is played for learning."""
        del spec
        return ()

    def agents(self, spec: EnvSpec) -> Policy:
        """What the imitators are."""
        return (self.network or mlp_policy)(spec)

    def split(self) -> tuple[np.ndarray, np.ndarray]:
        """[E] bool which games are held out, and [E] which of those that are learned from, or whose
        people, belong together: numbers from 0. Raises UserError for too few games."""
        count = len(self.games.action)
        if self.whose is None:
            kept = count - round(count * self.held_out)
            if kept < 1 or (kept == count and self.held_out > 0):
                raise UserError(f"{count} games are too few to hold out {self.held_out:g} of them")
            return np.arange(count) >= kept, np.arange(count)
        if [len(row) for row in self.whose] != [self.games.action.shape[2]] * count:
            raise UserError(f"whose names {len(self.whose)} games: give who sat in each seat of "
                            f"all {count}")  # fmt: skip
        held, groups = split_people(self.whose, self.held_out), groups_of(self.whose)
        learned = np.unique(groups[~held])
        return held, np.where(held, groups, np.searchsorted(learned, groups))

    def check(self, env: Environment) -> None:
        """Raise UserError for games of another environment, too few to hold some out, or more
        members than clearly fit into memory."""
        policy = self.agents(env.spec)
        each = bytes_of(jax.eval_shape(policy.init, jax.random.key(0))) + 16 * self.epochs
        check(f"cloning {self.members:,} members", self.members * each, "train fewer members")
        self._samples(env.spec, policy)

    def can_be_validated(self) -> bool:
        """Clones do not play to learn."""
        return False

    def build(self, run: Run) -> Pool:
        """The imitators."""
        env, policy = run.env, self.agents(run.env.spec)
        learn, test = self._samples(env.spec, policy)
        root = jax.random.key(run.seed)
        members = jax.vmap(partial(jax.random.fold_in, root))(np.arange(self.members))
        params = make_members(policy.init, members)
        plays = in_turns(env.spec, policy)
        games = int(learn.game.max()) + 1
        fit = map_members(partial(_fit, plays, self, games, learn, test))
        lines = Lines("cloning", self.epochs) if run.log.progress and leads() else None
        if lines is not None:
            lines.start(f"members {self.members}, epochs {self.epochs}")
        began = time.perf_counter()
        params, told = to_host(jax.jit(fit)(params, members))
        seconds = time.perf_counter() - began
        if lines is not None:
            lines.done = self.epochs
            lines.end()
        well = _check_learned(told, env.spec.num_actions)
        steps = int(np.asarray(learn.counts).sum()) * self.epochs
        key = jax.random.fold_in(root, keys.SKILL)
        skills = self_play_returns(env, policy, params, episodes=SKILL_EPISODES, key=key)
        labels = [
            Label(METHOD, run.seed, m, steps, skill=float(skills[m])) for m in range(self.members)
        ]
        labels = [
            label if good else replace(label, checkpoint=STOPPED)
            for label, good in zip(labels, well, strict=True)
        ]
        _write(run.log, told, seconds)
        return make_pool(env.spec, policy, params, labels)

    def _samples(self, spec: EnvSpec, policy: Policy) -> tuple[_Samples, _Samples]:
        """What is learned from, and what was held out."""
        games = self.games
        count, length, agents = games.action.shape
        if games.obs.shape[3:] != spec.obs_shape or games.mask.shape[-1] != spec.num_actions:
            raise UserError(
                f"the games show observations {games.obs.shape[3:]}, {spec.id} shows "
                f"{spec.obs_shape}: record or convert them with the settings of this environment"
            )
        seats = range(agents) if self.seats is None else self.seats
        if any(not 0 <= seat < agents for seat in seats):
            raise UserError(f"seats {tuple(seats)}: the games have seats 0 to {agents - 1}")
        if not list(seats):
            raise UserError("seats is empty: name the seats whose players are imitated")
        held, group = self.split()
        stretch = min(self.stretch, length) if policy.recurrent else 1
        cut = lambda x: _cut(np.asarray(x)[:, :, list(seats)], stretch)
        number = np.broadcast_to(np.arange(count)[:, None, None], (count, length, agents))
        seat = np.broadcast_to(np.arange(agents), (count, length, agents))
        mask = cut(games.mask)
        playing = np.broadcast_to(games.playing[..., None], (count, length, agents))
        if self.whose is not None:
            playing = playing & (np.array(self.whose) != "")[:, None]
        begins = np.broadcast_to((np.arange(length) == 0)[:, None], (count, length, agents))
        first = cut(begins) if policy.recurrent else np.ones(mask.shape[:2], bool)
        time = cut(np.broadcast_to(np.arange(length)[:, None], (count, length, agents)))
        again = np.diff(time, axis=1, prepend=-1) == 0  # the last step, which fills a stretch up
        counts = cut(playing) & (mask.sum(-1) > 1) & ~again
        which = cut(number)[:, 0]
        all_of_them = _Samples(
            inputs=inputs_of(
                policy.reads,
                obs=jnp.asarray(cut(games.obs)),
                mask=jnp.asarray(mask),
                first=jnp.asarray(first),
                seat=jnp.asarray(cut(seat)),
                acted=jnp.asarray(cut(_acted_before(games.action))),
            ),
            action=jnp.asarray(cut(games.action)),
            counts=jnp.asarray(counts),
            game=jnp.asarray(group[which]),
        )
        part = lambda chosen: jax.tree.map(lambda x: x[chosen], all_of_them)
        return part(~held[which]), part(held[which])


class Foretold(NamedTuple):
    """How well M clones foretell what the players of some games did."""

    accuracy: np.ndarray  # [M] share of steps in which the most likely action was done
    likelihood: np.ndarray  # [M] mean log likelihood of what was done, in nats a step


@door
def foretold(env: Environment, clones: Pool, games: Record) -> Foretold:
    """How well clones foretell recorded games; steps without a choice do not count.

    For people whom the clones did not learn from this says how good they are. Raises UserError for
    games that were recorded with other settings.
    """
    recipe = BehaviourCloning(games, members=len(clones))
    policy = clones.policy
    samples, _ = recipe._samples(env.spec, policy)
    _, length, seats = games.action.shape
    stretch = samples.action.shape[1]
    plays = in_turns(env.spec, policy)

    def one(params: Params) -> tuple[Array, Array]:
        memory = _memories(plays, params, samples, -(-length // stretch), seats)
        said, right = _judge(plays, params, samples, memory)
        mean = lambda x: (x * samples.counts).sum() / jnp.maximum(samples.counts.sum(), 1)
        return mean(right), mean(said)

    told = jax.jit(partial(jax.lax.map, one))(clones.params)
    return Foretold(*map(np.asarray, told))


def _acted_before(action: np.ndarray) -> np.ndarray:
    """[E, T, A, A] the joint action before each step of actions [E, T, A], for each player."""
    before = np.concatenate([np.full_like(action[:, :1], -1), action[:, :-1]], axis=1)
    return np.repeat(before[:, :, None], action.shape[2], axis=2)


def _cut(x: np.ndarray, stretch: int) -> np.ndarray:
    """[E, T, A, ...] as stretches [S, T', ...] of one player; the last one repeats the last step.

    Those of a game come in order, the players of a stretch side by side, as `_memories` reads them.
    """
    parts = -(-x.shape[1] // stretch)
    more = [(0, 0)] * x.ndim
    more[1] = (0, parts * stretch - x.shape[1])
    cut = np.pad(x, more, mode="edge").reshape(x.shape[0], parts, stretch, *x.shape[2:])
    return np.moveaxis(cut, 3, 2).reshape(-1, stretch, *x.shape[3:])


def _memories(policy: Policy, params: Params, samples: _Samples, parts: int, players: int) -> Any:
    """[S, ...] what a policy remembers at the start of each stretch, from the start of the game.

    parts: stretches of a game. players: of whom there are stretches in each.
    """
    if not policy.recurrent:
        return policy.carry()
    by_part = lambda x: jnp.moveaxis(x.reshape(-1, parts, players, *x.shape[1:]), 1, 0)
    inputs = jax.tree.map(by_part, samples.inputs)  # [parts, E, A, T', ...]
    one = lambda carry, inputs: jax.lax.scan(
        lambda carry, now: (policy.apply(params, carry, now)[0], None), carry, inputs
    )[0]
    shape = inputs.agent.shape[1:3]
    fresh = fresh_carry(policy, shape)
    step = lambda carry, inputs: (jax.vmap(jax.vmap(one))(carry, inputs), carry)
    before = jax.lax.scan(step, fresh, inputs)[1]
    return jax.tree.map(lambda x: jnp.moveaxis(x, 0, 1).reshape(-1, *x.shape[3:]), before)


def _fit(
    policy: Policy,
    recipe: BehaviourCloning,
    games: int,
    learn: _Samples,
    test: _Samples,
    params: Params,
    key: Key,
) -> tuple[Params, dict[str, Array]]:
    """One member: parameters and, for each epoch, loss and accuracies.

    A member whose numbers go bad keeps what it was before that epoch, and stays so: "alive" is 0.
    """
    size = len(learn.game)
    drawn = jax.random.randint(jax.random.fold_in(key, 1), (games,), 0, games)
    weight = (drawn[:, None] == learn.game).sum(0)  # how often the member has each stretch's game
    batch = min(recipe.batch, size)
    batches = size // batch
    stretch, (_, length, seats) = learn.action.shape[1], recipe.games.action.shape
    parts = -(-length // stretch)
    players = seats if recipe.seats is None else len(recipe.seats)
    memories = lambda params, samples: _memories(policy, params, samples, parts, players)
    optimizer = optax.adam(
        optax.cosine_decay_schedule(recipe.learning_rate, recipe.epochs * batches)
    )

    def loss(params: Params, chosen: Array, memory: Any) -> tuple[Array, Array]:
        part, begin = jax.tree.map(lambda x: x[chosen], (learn, memory))
        likelihood, right = _judge(policy, params, part, begin)
        share = part.counts * weight[chosen][:, None]
        total = jnp.maximum(share.sum(), 1)
        return -(likelihood * share).sum() / total, (right * share).sum() / total

    def step(memory: Any, carry: Any, chosen: Array) -> Any:
        params, state = carry
        (value, right), grads = jax.value_and_grad(loss, has_aux=True)(params, chosen, memory)
        updates, state = optimizer.update(grads, state)
        return (optax.apply_updates(params, updates), state), (value, right)

    def epoch(before: Any, number: Array) -> Any:
        """One pass over the games, which counts if its numbers are good."""
        last, alive = before
        order = jax.random.permutation(jax.random.fold_in(key, 2 + number), size)
        after, (value, right) = jax.lax.scan(
            partial(step, memories(last[0], learn)),
            last,
            order[: batches * batch].reshape(batches, batch),
        )
        finite = [jnp.isfinite(x).all() for x in (value, *jax.tree.leaves(after[0]))]
        alive = alive & jnp.stack(finite).all()
        carry = jax.tree.map(lambda new, old: jnp.where(alive, new, old), after, last)
        told = {"loss": value.mean(), "accuracy": right.mean(), "alive": alive * 1.0}
        if len(test.game):
            likelihood, hits = _judge(policy, carry[0], test, memories(carry[0], test))
            mean = lambda x: (x * test.counts).sum() / jnp.maximum(test.counts.sum(), 1)
            told["held_out_accuracy"] = mean(hits)
            told["held_out_log_likelihood"] = mean(likelihood)  # nats a step
        return (carry, alive), told

    begin = (params, optimizer.init(params)), jnp.asarray(True)
    ((params, _), _), told = jax.lax.scan(epoch, begin, jnp.arange(recipe.epochs))
    return params, told


def _judge(
    policy: Policy, params: Params, samples: _Samples, memory: Any = None
) -> tuple[Array, Array]:
    """[S, T] log likelihood of what was done, and whether it was the most likely action.

    memory [S, ...]: what is remembered at the start of each stretch; nothing if left out.
    """
    if memory is None:
        memory = fresh_carry(policy, (len(samples.action),))

    def one(begin: Any, inputs: Inputs) -> Array:
        return jax.lax.scan(
            lambda carry, now: _said(policy.apply(params, carry, now)), begin, inputs
        )[1]

    says = distribution(jax.vmap(one)(memory, samples.inputs), samples.inputs.mask)
    return says.log_prob(samples.action), says.mode() == samples.action


def _said(answer: tuple[Any, Any]) -> tuple[Any, Array]:
    carry, out = answer
    return carry, out.logits


def _check_learned(told: dict[str, np.ndarray], actions: int) -> np.ndarray:
    """[M] bool: who learned to the end. Raises UserError if nobody did, and warns of others."""
    loss, well = np.asarray(told["loss"]), np.asarray(told["alive"])[:, -1] > 0  # [M, epochs], [M]
    with np.errstate(invalid="ignore"):
        learned = well & (loss[:, -1] < _DIVERGED * np.log(actions))
    if not learned.all():
        lost = np.flatnonzero(~learned)
        line = (
            f"{len(lost)} of {len(learned)} members did not learn to foretell the recorded actions "
            f"(member {lost[0]} has a loss of {loss[lost[0], -1]:.3g}, guessing one of "
            f"{np.log(actions):.3g}): take a smaller learning_rate"
        )
        if not learned.any():
            raise UserError(line)
        warnings.warn(line, stacklevel=3)
    return well


def _write(log: Log, told: dict[str, Array], seconds: float) -> None:
    rows = [
        {"update": epoch + 1} | {name: np.asarray(value)[:, epoch] for name, value in told.items()}
        for epoch in range(next(iter(told.values())).shape[1])
    ]
    for sink in log.quiet_sinks(""):
        sink.start(Progress(0, len(rows), 1, len(next(iter(told.values()))), "cloning"))
        sink.write(rows, seconds)
        sink.close()
