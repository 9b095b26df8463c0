"""Settings that are known to work, per game: what a recipe uses unless told otherwise.

Those of the games in benchmarks/RESULTS.md were found by the runs that it lists; other sizes of
Hanabi get their nearest relative's, and every other game the first.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

from zsc.agents.networks import MakePolicy
from zsc.agents.policy import Policy, gru_policy, mlp_policy
from zsc.envs.base import EnvSpec
from zsc.errors import UserError
from zsc.learn.base import Learner
from zsc.learn.ppo import PPOConfig

#: How many partners a response meets at the same time.
PARTNERS_AT_ONCE = 24


class Preset(NamedTuple):
    """How a self-play member learns, for how many environment steps, and with which network."""

    learner: PPOConfig | Learner
    steps: float
    network: MakePolicy = mlp_policy

    def but(
        self,
        learner: PPOConfig | Learner | None,
        steps: float | None,
        network: MakePolicy | None,
    ) -> Preset:
        """The same with what was asked for instead."""
        return Preset(
            learner or self.learner,
            self.steps if steps is None else steps,
            network or self.network,
        )


def with_heads(network: MakePolicy, count: int) -> MakePolicy:
    """The network with so many value heads; making it raises UserError if it cannot have them."""

    def made(spec: EnvSpec) -> Policy:
        try:
            return network(spec, num_values=count)  # type: ignore[call-arg]
        except TypeError:
            raise UserError(
                f"this method needs {count} value heads: give mlp_policy, cnn_policy or "
                "gru_policy, or a network that takes num_values"
            ) from None

    return made


def response_preset(spec: EnvSpec) -> Preset:
    """The settings of a best response to one partner: more games at a time, and longer."""
    usual = preset(spec)
    return usual._replace(learner=_games(usual, 16), steps=3 * usual.steps)


def co_play_preset(spec: EnvSpec) -> Preset:
    """The settings of a best response to many partners: as many games of each as it takes."""
    usual = preset(spec)
    learner = _games(usual, 2 * PARTNERS_AT_ONCE)
    shared = -(-learner.envs // PARTNERS_AT_ONCE) * PARTNERS_AT_ONCE
    return usual._replace(learner=replace(learner, envs=shared), steps=6 * usual.steps)


def diverse_preset(spec: EnvSpec, *, kinds: int = 2) -> Preset:
    """The settings of a partner that plays with itself and with others: games of several kinds."""
    usual = preset(spec)
    learner = _games(usual, 8 * kinds)
    envs = -(-learner.envs // (8 * kinds)) * 8 * kinds
    return usual._replace(learner=replace(learner, envs=envs), steps=2 * usual.steps)


def bonus_preset(spec: EnvSpec) -> float:
    """The weight of MEP's bonus, in units of reward a step (benchmarks/RESULTS.md, "Presets")."""
    return 0.03 if spec.id.startswith("overcooked") else 0.1


def high_entropy_preset(spec: EnvSpec) -> Preset:
    """Self-play with a memory, entropy of at least .05 and lambda .9 (arXiv 2511.22581)."""
    usual = preset(spec)
    learner = _ppo(usual)
    learner = replace(learner, entropy=max(0.05, learner.entropy), lam=0.9)
    recurrent = usual.network(spec).recurrent
    return usual._replace(learner=learner, network=usual.network if recurrent else gru_policy)


def _games(usual: Preset, least: int) -> PPOConfig:
    learner = _ppo(usual)
    return replace(learner, envs=max(least, learner.envs))


def _ppo(usual: Preset) -> PPOConfig:
    """All presets are PPO's."""
    assert isinstance(usual.learner, PPOConfig)
    return usual.learner


_DEFAULT = Preset(PPOConfig(), 500_000)
_ONE_SHOT = PPOConfig(envs=64, segments=1, epochs=4, minibatches=1, shaping_steps=0)
_SHORT = replace(_ONE_SHOT, learning_rate=0.01, entropy=0.01, final_entropy=0.0)
# whole episodes at a time: a memory has its past, and no turn is left without its outcome
_HANABI = PPOConfig(
    envs=128,
    segments=1,
    epochs=4,
    minibatches=4,
    learning_rate=2e-3,
    gamma=0.99,
    lam=0.95,
    entropy=0.01,
    shaping_steps=0,
)
# games of random players end soon: in parts, each is followed by the next game before long.
# A lost game pays nothing in all, so only a discount makes its first points worth having.
_FULL_HANABI = replace(
    _HANABI, envs=64, segments=4, epochs=2, minibatches=2, learning_rate=1e-3, gamma=0.98,
)  # fmt: skip
# returns are large beside what one step changes: a value that weighs as much as usual would take
# nearly all of the clipped gradient, and nobody learns to walk
_DUAL = PPOConfig(
    envs=48,
    segments=4,
    epochs=4,
    minibatches=16,
    learning_rate=2e-3,
    gamma=0.95,
    entropy=0.02,
    final_entropy=0.0,
    value_weight=0.02,
    shaping_steps=0,
)
# the public recurrent baseline's, scaled to a CPU: fewer games and half the widths; four updates
# in the hundred steps of a battle, so that who has won does not wait for long
_SMAX = PPOConfig(
    envs=64,
    segments=4,
    epochs=4,
    minibatches=4,
    learning_rate=2e-3,
    gamma=0.99,
    lam=0.95,
    entropy=0.01,
    max_grad_norm=0.25,
    shaping_steps=0,
)
# an agent that loads alone at the wrong food earns nothing until the other comes: a short view
# suffices, and entropy brings both beside the same food
_FORAGING = PPOConfig(
    envs=64,
    segments=4,
    epochs=4,
    minibatches=8,
    learning_rate=2e-3,
    gamma=0.95,
    entropy=0.02,
    final_entropy=0.002,
    shaping_steps=0,
)
# coins, then a beam at the other, then five steps of nothing: a longer view
_STORM = replace(_FORAGING, envs=32, gamma=0.97)
_PRESETS = {
    "lever": Preset(_ONE_SHOT, 64 * 200),
    **{name: Preset(_SHORT, 64 * 2 * 200) for name in ("two_step_matrix", "two_step_lever")},
    "hidden_coin": Preset(_SHORT, 64 * 200),
    "cat_and_dog": Preset(_SHORT, 64 * 2 * 200),
    "switch_riddle": Preset(replace(_SHORT, envs=256, learning_rate=5e-3), 1_000_000, gru_policy),
    "lever/iterated": Preset(_ONE_SHOT, 64 * 6 * 200),
    "overcooked/forced_coordination": Preset(PPOConfig(), 800_000),
    # its first soup is a long way off: more games, a longer view, and much entropy at first, or
    # some seeds content themselves with the shaped reward
    "overcooked/counter_circuit": Preset(
        PPOConfig(envs=32, learning_rate=3e-3, gamma=0.99, entropy=0.2, final_entropy=0.02),
        2_000_000,
    ),
    "hanabi/tiny-2p": Preset(_HANABI, 700_000, gru_policy),
    "hanabi/mini-2p": Preset(_HANABI, 1_500_000, gru_policy),
    "hanabi/small-2p": Preset(_HANABI, 1_500_000, gru_policy),
    "hanabi/very-small-2p": Preset(_HANABI, 700_000, gru_policy),
}
_FAMILIES = {
    "dual_destination": Preset(_DUAL, 2_000_000),
    "smax": Preset(_SMAX, 2_000_000, gru_policy),
    "lbf": Preset(_FORAGING, 1_500_000),
    "storm": Preset(_STORM, 1_500_000),
    "hanabi": Preset(_FULL_HANABI, 1e7, partial(gru_policy, widths=(128,), hidden=128)),
}


def preset(spec: EnvSpec) -> Preset:
    """The settings for a game."""
    family = _FAMILIES.get(spec.id.split("/")[0], _DEFAULT)
    return _PRESETS.get(spec.id, family)
