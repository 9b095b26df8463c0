"""Human-regularised self-play: PPO that pays for every step away from what people would do.

A clone of people (see `BehaviourCloning`) is the prior tau, and the policy pi learns

    min  L_PPO(pi) + weight * E[KL(pi(.|o) || tau(.|o))],

the penalty of piKL and human-regularised reinforcement learning (Jacob et al. 2022, arXiv
2112.07544; Bakhtin et al. 2022, arXiv 2210.05492; Hu et al. 2022, arXiv 2210.05125, in Hanabi)
within PPO, as in HR-PPO of self-driving (Cornelisse & Vinitsky 2024, arXiv 2403.19648). Where
several conventions pay alike, a strong enough weight keeps to the one of people; where people err,
reward wins only if the weight is small beside what it pays. The weight is untuned beyond levers.
Deviation: advantages are normalised here, so the weight has no unit of reward.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import jax
import jax.numpy as jnp

from zsc.agents.policy import Policy, Team, in_turns
from zsc.agents.pool import Label, Pool, check_home
from zsc.envs.base import Environment, EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Played
from zsc.nets import distribution
from zsc.play.acting import fresh_carry
from zsc.play.rollout import Trajectory, replay
from zsc.populations.recipe import Recipe, Run, from_zero_on
from zsc.train.method import Member, Method
from zsc.types import Array, Params

METHOD = "human_regularised"


@dataclass(frozen=True)
class KeepToPrior:
    """The loss hook: weight * KL(pi || tau), the mean over steps with a choice.

    The partners of the training are the parameters [P, ...] of the prior: tau is the mean of their
    action probabilities, and a share `floor` of uniform ones, without which a move that no clone
    ever makes would cost infinitely much.
    """

    prior: Policy  # as it plays, see `in_turns`
    agents: int
    weight: float
    floor: float

    def __call__(
        self, params: Params, member: Member, policy: Policy | Team, played: Played
    ) -> Array:
        """[] the penalty of one member."""
        (game,) = played
        mask = game.inputs.mask
        said = jax.nn.log_softmax(distribution(replay(policy, params, game).logits, mask).logits)
        away = jnp.where(mask, jnp.exp(said) * (said - self.log_prior(member.partners, game)), 0.0)
        steps = jnp.maximum(game.valid.sum(), 1)
        return self.weight * (away.sum(-1) * game.valid).sum() / steps

    def log_prior(self, params: Params, game: Trajectory) -> Array:
        """[T, E, R, N] log tau along a trajectory that begins with its games."""
        mask, envs = game.inputs.mask, game.inputs.agent.shape[1]
        fresh = game._replace(carry=fresh_carry(self.prior, (envs, self.agents)))
        probs = lambda one: distribution(replay(self.prior, one, fresh).logits, mask).probs
        tau = jax.vmap(probs)(params).mean(0)
        uniform = mask / jnp.maximum(mask.sum(-1, keepdims=True), 1)
        return jnp.log(jnp.maximum((1 - self.floor) * tau + self.floor * uniform, 1e-30))


@dataclass(frozen=True, kw_only=True)
class HumanRegularised(Recipe):
    """Self-play that keeps to what people would do.

    prior: clones of people, or any pool of the game; they stay as they are. Several count alike.
    weight: of the divergence from them; 0 is self-play.
    floor: share of uniform moves in the prior.
    Other fields: as in `Recipe`. A prior with a memory needs a learner of segments=1: it has to
    see games from their start.
    """

    prior: Pool = field(kw_only=False)
    weight: float = 0.1
    floor: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        from_zero_on(self, "weight")
        if not 0 < self.floor <= 1:
            raise UserError(f"floor is {self.floor}: give a share above 0, at most 1")
        if len(self.prior) == 0:
            raise UserError("the prior is an empty pool: give at least one clone")

    def check(self, env: Environment) -> None:
        """Raise UserError for a prior of another game, or one that cannot follow the learning."""
        check_home(self.prior, env.spec)
        prior, (plan,) = self.prior.policy, self.stages(env.spec)
        more = set(prior.reads) - set(plan.network(env.spec).reads)
        if more:
            raise UserError(
                f"the prior reads {', '.join(sorted(more))}, which those who learn are not given: "
                "take clones that act by what they see"
            )
        if prior.recurrent and plan.learner.segments > 1:
            raise UserError(
                "a prior with a memory has to see games from their start: give a learner with "
                "segments=1, or a clone without a memory"
            )

    def method(self, spec: EnvSpec) -> Method:
        """Self-play with the penalty."""
        plays = in_turns(spec, self.prior.policy)
        return Method(METHOD, loss=KeepToPrior(plays, spec.num_agents, self.weight, self.floor))

    def build(self, run: Run) -> Pool:
        """The final members; their labels name the prior."""
        stage = run.stage(self.method(run.env.spec), members=self.members)
        state = stage.train(run.log, partners=self.prior.params)
        done, parents = stage.steps_done(state), tuple(dict.fromkeys(self.prior.ids))
        labels = [Label(METHOD, run.seed, m, done, parents=parents) for m in range(self.members)]
        return stage.pool(state, labels)
