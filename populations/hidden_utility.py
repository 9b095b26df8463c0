"""HSP, hidden-utility self-play (Yu et al. 2023, arXiv 2302.01605): partners with tastes of their
own.

People do not only want soups. A biased partner earns w . events + w_r * reward for a hidden vector
w, its mate the true reward; they learn together (section 4.1). Of many such partners those are
kept whose events differ most (section 4.2, greedily by the summed L1 distance of event counts,
each as a share of its largest), and half of the pool are partners of MEP.

A game without named events is judged by its actions: how often each was taken. Deviations: stage 2
is that of `TwoStage`; the mate's shaped reward stays.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from zsc import keys
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool, join
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError, unknown
from zsc.learn.base import Played
from zsc.play.crossplay import versus
from zsc.play.episode import record
from zsc.play.match import MatchSpec
from zsc.play.rollout import Trajectory
from zsc.populations.maximum_entropy import MaximumEntropy
from zsc.populations.recipe import Load, Run, at_least_one
from zsc.train.method import Member, Method
from zsc.types import Array, Key, Params

Likes = tuple[tuple[str, tuple[float, ...]], ...]
REWARD = "reward"  # stands for the true reward among the events
_EPISODES = 16

#: What is drawn for a kitchen's biased partners (arXiv 2302.01605, appendix; ring, counter, asymm).
KITCHEN: Likes = (
    ("onion_pickup", (-10.0, 0.0, 10.0)),
    ("dish_pickup", (0.0, 10.0)),
    ("useful_dish_pickup", (-10.0, 0.0, 10.0)),
    ("soup_pickup", (-10.0, 0.0, 10.0)),
    ("potting_onion", (-10.0, 0.0)),
    (REWARD, (0.0, 1.0)),
)


def happenings(spec: EnvSpec) -> tuple[str, ...]:
    """What a biased partner may like: the game's events, or its actions if it names none."""
    return spec.event_names or spec.action_names


def likes_of(spec: EnvSpec) -> Likes:
    """What is drawn in a game unless told otherwise."""
    if spec.id.startswith("overcooked"):
        return KITCHEN
    return (*((name, (-1.0, 0.0, 1.0)) for name in happenings(spec)), (REWARD, (0.0, 1.0)))


@dataclass(frozen=True)
class DrawTastes:
    """The init hook: hidden weights [M, F + 1] of all members, the last that of the reward."""

    spec: EnvSpec
    likes: Likes

    def __call__(self, key: Key, params: Params, partners: Params) -> tuple[Array, Params]:
        """One row for each member, from its own stream."""
        members = len(jax.tree.leaves(params)[0])
        each = jax.vmap(lambda m: self.of(jax.random.fold_in(key, m)))
        return each(jnp.arange(members)), partners

    def of(self, key: Key) -> Array:
        """[F + 1] the weights of one partner."""
        names = (*happenings(self.spec), REWARD)
        weights = jnp.zeros(len(names))
        for place, (name, values) in enumerate(self.likes):
            drawn = jax.random.choice(jax.random.fold_in(key, place), jnp.asarray(values))
            weights = weights.at[names.index(name)].set(drawn)
        return weights


@dataclass(frozen=True)
class PayTastes:
    """The reward hook: role 0 earns what it likes, its mate the true reward."""

    spec: EnvSpec

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with role 0's utility as its reward."""
        del policy
        (game,) = played
        weights = member.mstate[member.index]
        liked = done_by(self.spec, game, 0) @ weights[:-1] + weights[-1] * game.reward[..., 0]
        playing = game.playing[..., 0]
        return (
            game._replace(
                reward=game.reward.at[..., 0].set(liked * playing),
                shaped=game.shaped.at[..., 0].set(0.0),
            ),
        )


def done_by(spec: EnvSpec, game: Trajectory, role: int) -> Array:
    """[T, E, F] what a role did, as numbers."""
    if spec.event_names:
        return game.events[:, :, role].astype(jnp.float32)
    return jax.nn.one_hot(game.action[:, :, role], spec.num_actions)


def most_different(counts: np.ndarray, keep: int) -> np.ndarray:
    """[keep] places of the agents whose counts [n, F] differ most.

    Begins with the first; then, one by one, whoever is farthest from those chosen, by the summed L1
    distance of counts as shares of the largest of each event.
    """
    shares = counts / np.maximum(np.abs(counts).max(0), 1e-9)
    apart = np.abs(shares[:, None] - shares[None]).sum(-1)
    chosen = [0]
    while len(chosen) < keep:
        far = apart[:, chosen].sum(1)
        far[chosen] = -np.inf
        chosen.append(int(far.argmax()))
    return np.array(chosen)


@dataclass(frozen=True, kw_only=True)
class HiddenUtility(MaximumEntropy):
    """Best responses to partners with hidden tastes, and to those of MEP.

    Beside the fields of `MaximumEntropy`:

    partners: of each run, biased ones included.
    biased: partners of each run that have tastes.
    draws: biased partners that are trained for each run, of which the most different are kept.
    likes: for each event, or "reward", the weights among which one is drawn; None takes the game's
        preset.
    """

    partners: int = 8
    biased: int = 4
    draws: int = 12
    likes: Likes | None = None
    title: ClassVar[str] = "hidden_utility"

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least_one(self, "biased")
        if not self.biased < self.partners:
            raise UserError(
                f"{self.biased} of {self.partners} partners are biased: leave one of MEP's at least"
            )
        if self.draws < self.biased:
            raise UserError(f"draws is {self.draws}: train at least the {self.biased} biased ones")

    def check(self, env: Environment) -> None:
        """Raise UserError for a taste for what the game has not, or a game of more than two."""
        super().check(env)
        if env.spec.num_agents != 2:
            raise UserError(f"{env.spec.id} has {env.spec.num_agents} agents: HSP needs two")
        for name, values in self.likes or ():
            if name not in (*happenings(env.spec), REWARD):
                raise unknown("event to like", name, (*happenings(env.spec), REWARD))
            if not values:
                raise UserError(f"no weights for {name!r}: give at least one number")

    def loads(self) -> tuple[Load, ...]:
        """All that are trained at the same time."""
        first, *rest = super().loads()
        return (first._replace(members=self.members * max(self.draws, self.partners)), *rest)

    def train_partners(self, run: Run) -> Pool:
        """Stage 1: MEP's partners and the biased ones, those of a run together."""
        shared = {one.name: getattr(self, one.name) for one in fields(MaximumEntropy)}
        plain = MaximumEntropy(**shared | {"partners": self.partners - self.biased})
        varied = plain.train_partners(run)
        biased = self.train_biased(run)
        each, ages = len(varied) // self.members, len(biased) // self.members
        both = join([varied, biased])
        order = [
            np.r_[r * each : (r + 1) * each, len(varied) + np.arange(r * ages, (r + 1) * ages)]
            for r in range(self.members)
        ]
        return both.take(np.concatenate(order).astype(int))

    def train_biased(self, run: Run) -> Pool:
        """The most different of `draws` biased partners, for each run."""
        spec = run.env.spec
        one = run.stages[0].network(spec)
        method = Method(
            "hidden_utility/biased",
            (MatchSpec("pair", cast=(0, 1)),),
            init=DrawTastes(spec, self.likes or likes_of(spec)),
            reward=PayTastes(spec),
        )
        stage = run.stage(
            method,
            members=self.members * self.draws,
            policy=Team((one, one)),
            offset=keys.PARTNER_SEEDS + 1,
            name="biased",
            title="biased partners",
        )
        state = stage.train(run.log)
        done = stage.steps_done(state)
        labels = [Label(method.name, run.seed, m, done) for m in range(stage.members)]
        biased = stage.pool(state, labels)
        mates = stage.pool(state, labels, part=1)
        counts = event_counts(run.env, biased, mates, run.seed)
        kept = [
            r * self.draws + most_different(counts[r * self.draws :][: self.draws], self.biased)
            for r in range(self.members)
        ]
        return biased.take(np.concatenate(kept))


def event_counts(env: Environment, agents: Pool, mates: Pool, seed: int) -> np.ndarray:
    """[P, F] how often each agent did what per episode, with its own mate."""
    key = keys.of_seed(seed, keys.CHOICE)
    meet = partial(versus, env, episodes=_EPISODES, key=key)
    rows: list[Any] = []
    for agent, mate in zip(agents, mates, strict=True):
        if env.spec.event_names:
            rows.append(meet([agent], [mate]).events[0, 0].mean(0))
        else:
            games = record(env, (agent, mate), episodes=_EPISODES, seed=seed)
            taken = games.action[..., 0, None] == np.arange(env.spec.num_actions)
            rows.append((taken & games.playing[..., None]).sum(1).mean(0))
    return np.stack(rows)
