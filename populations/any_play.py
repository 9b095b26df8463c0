"""Any-Play (Lucas & Allen 2022, arXiv 2201.12436): an accommodator learns with many specialists.

Two policies learn together. The specialist is told a code, drawn for each game; the accommodator is
not, and guesses it from what it sees. The guess is learned by cross-entropy, and what the
accommodator comes to know of the code is paid to the specialist (the intrinsic reward of section
3), which so learns one manner of play for each code, all of them playable. The agents are the
accommodators; specialists with each code are in the run folder's `partners/`.

Deviation: the specialist is paid for the action that told, as in the paper; the authors' code has
the auxiliary loss alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.guessing import guessing_policy
from zsc.agents.policy import Policy, Team
from zsc.agents.pool import Label, Pool
from zsc.agents.told import latent_policy, with_latent
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Played
from zsc.play.match import Match, MatchSpec
from zsc.play.rollout import Trajectory, replay
from zsc.populations.hooks.groups import Draw
from zsc.populations.hooks.guesses import each_latent
from zsc.populations.presets import Preset, diverse_preset
from zsc.populations.recipe import Recipe, Run, from_zero_on
from zsc.train.method import Matches, Member, Method
from zsc.types import Array, Key, Params

SPECIALIST, ACCOMMODATOR = 0, 1  # their places in the team


@dataclass(frozen=True)
class TellCode:
    """The match hook: each game has a code, of which only the specialist is told."""

    draw: Draw
    codes: int

    def __call__(self, mstate: tuple[()], keys: Key, params: Params, partners: Params) -> Matches:
        """Matches [M, ...] with latents."""
        del mstate, params, partners

        def one(key: Key) -> Match:
            match = self.draw(key)
            shape = (len(match.seats), 1)
            drawn = jax.random.randint(jax.random.fold_in(key, 1), shape, 0, self.codes)
            told = jnp.broadcast_to(drawn, match.seats.shape)
            return match._replace(latent=jax.nn.one_hot(told, self.codes))

        return (jax.vmap(one)(keys),)


def known(params: Params, policy: Policy | Team, game: Trajectory) -> Array:
    """[T, E] log probability of the code by what the accommodator has seen."""
    players = (SPECIALIST, *(ACCOMMODATOR,) * (game.action.shape[-1] - 1))
    said = jax.nn.log_softmax(replay(policy, params, game, players).extra[ACCOMMODATOR])
    return (said[:, :, 0] * game.inputs.latent[:, :, SPECIALIST]).sum(-1)


@dataclass(frozen=True)
class PayForTelling:
    """The reward hook: the specialist earns by how much more is known after its action."""

    weight: float

    def __call__(self, member: Member, policy: Policy | Team, played: Played) -> Played:
        """The games with the bonus in the specialist's reward."""
        (game,) = played
        knows = known(member.params, policy, game)
        gain = (knows[1:] - knows[:-1]) * game.playing[1:, :, SPECIALIST]
        bonus = self.weight * jnp.concatenate([gain, jnp.zeros_like(knows[:1])])
        return (game._replace(reward=game.reward.at[..., SPECIALIST].add(bonus)),)


@dataclass(frozen=True)
class LearnToGuess:
    """The loss hook: the cross-entropy of the accommodator's guess."""

    weight: float

    def __call__(
        self, params: Params, member: Member, policy: Policy | Team, played: Played
    ) -> Array:
        """[] its mean over the steps of living games."""
        del member
        (game,) = played
        where = game.playing[..., ACCOMMODATOR]
        error = -known(params, policy, game) * where
        return self.weight * error.sum() / jnp.maximum(where.sum(), 1)


@dataclass(frozen=True, kw_only=True)
class AnyPlay(Recipe):
    """Accommodators of specialists that play in as many ways as there are codes.

    Beside the fields of `Recipe`:

    codes: ways of playing.
    bonus: what a specialist earns for one nat that is known of its code.
    guess: weight of the loss of the guess.
    """

    codes: int = 8
    bonus: float = 1.0
    guess: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "bonus", "guess")
        if self.codes < 2:
            raise UserError(f"codes is {self.codes}: at least 2 ways of playing are needed")

    def check(self, env: Environment) -> None:
        """Raise UserError for a game for more than two."""
        if env.spec.num_agents != 2:
            raise UserError(f"{env.spec.id} has {env.spec.num_agents} agents: Any-Play needs two")

    def stages(self, spec: EnvSpec) -> tuple[Preset, ...]:
        """How pairs learn in a game."""
        return (diverse_preset(spec).but(self.learner, self.steps, self.network),)

    def agents(self, spec: EnvSpec) -> Policy:
        """What an accommodator is."""
        return guessing_policy(spec, self.codes, network=self.stages(spec)[0].network)

    def can_be_validated(self) -> bool:
        """Its members are teams."""
        return False

    def build(self, run: Run) -> Pool:
        """The accommodators."""
        spec, network = run.env.spec, run.stages[0].network
        specialist = latent_policy(spec, self.codes, network=network)
        pair = MatchSpec("pair", cast=(SPECIALIST, ACCOMMODATOR))
        draw = Draw(pair, run.stages[0].learner.envs, spec.num_agents)
        method = Method(
            "any_play",
            (pair,),
            match=TellCode(draw, self.codes),
            reward=PayForTelling(self.bonus),
            loss=LearnToGuess(self.guess),
        )
        team = Team((specialist, self.agents(spec)))
        stage = run.stage(method, members=self.members, policy=team)
        state = stage.train(run.log)
        done = stage.steps_done(state)
        labels = [Label("any_play", run.seed, m, done) for m in range(self.members)]
        room = jax.tree.map(lambda x: x[:, None], state.params[SPECIALIST])
        told = jax.tree.map(lambda x: x[:, 0], each_latent(room, self.codes))
        who = np.repeat(np.arange(self.members), self.codes)
        names = [Label("any_play/specialist", run.seed, int(m), done) for m in who]
        partners = stage.measured(with_latent(specialist, self.codes), told, names)
        run.log.write_pool(partners, "partners")
        return stage.pool(state, labels, part=ACCOMMODATOR)
