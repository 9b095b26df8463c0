"""More games of seconds with known answers, beside those of `zsc.envs.small`."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp

from zsc.envs.small import HiddenGame, HiddenState, RoundGame
from zsc.envs.small.rounds import RoundState
from zsc.learn.ppo import PPOConfig
from zsc.types import Array

#: Learns any of them in seconds.
PPO = PPOConfig(
    envs=64,
    segments=1,
    epochs=4,
    minibatches=1,
    learning_rate=0.02,
    final_learning_rate=0.02,
    entropy=0.0,
    shaping_steps=0,
)


@dataclass(frozen=True)
class ShownLever(RoundGame):
    """Two rounds of levers: the first pulls are seen and pay nothing, the second pay 1 together.

    A specialiser that shows its latent in the first round is understood in the second.
    """

    actions: int = 4
    rounds: int = 2

    def pays(self, state: RoundState, action: Array) -> Array:
        return (state.time == 1) * (action[0] == action[1]) * 1.0


@dataclass(frozen=True)
class StoppingLever(RoundGame):
    """Rounds of levers that pay 1 where both pull the same; both pulling the first ends it."""

    actions: int = 3
    rounds: int = 4
    own_first: bool = True

    def pays(self, state: RoundState, action: Array) -> Array:
        return 1.0 * (action[0] == action[1])

    def stops(self, state: RoundState) -> Array:
        return (state.done == 0).all(1).any()


@dataclass(frozen=True)
class Hint(HiddenGame):
    """The first agent sees a coin and says one of two words; the second names the coin for 1.

    The word of the coin pays .1, so that all agree on what the words say.
    """

    def first_pays(self, state: HiddenState, move: Array) -> Array:
        return 0.1 * (move == state.hidden)

    def second_pays(self, state: HiddenState, move: Array) -> Array:
        return 1.0 * (move == state.hidden)


@dataclass(frozen=True)
class HelpOrDo(RoundGame):
    """Work, idle, assist, solo: who does it alone is paid .8, who assists one who works 1.

    With a partner that works always, assisting is best; with one that idles half of the time, doing
    it alone. So is it with partners of all ages, alike: .75 of them work.
    """

    actions: int = 4

    def pays(self, state: RoundState, action: Array) -> Array:
        solo, helped = (action == 3).any(), (action == 2).any() & (action == 0).any()
        return jnp.where(solo, 0.8, 1.0 * helped)
