"""Streams of random keys by name.

Every key is made from another by `jax.random.fold_in(key, number)`. The numbers stand here, so that
no two draws share a stream by accident. They are part of what a seed means: another number makes
other agents, or other episodes.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from zsc.types import Array, Key

# of a member's key of one update
MATCH, START, PLAY = 0, 1, 2  # who meets whom; the deal; noise and rules
# of the key of one segment; smaller numbers are the kinds of games
START_STATES = 77  # where episodes begin, for `Method.start`
DEAL = 98  # games that follow others within an update
LEARN = 99  # the order of minibatches, draws from a replay buffer
# of a member's key: what its learner begins with
LEARNER = 2**31 - 5
# of an episode's key: its deal. No step has this number, so it shares no draw with a step.
BEGIN = 2**31 - 1
# of the key of a whole run
METHOD = 2**31 - 1  # a method's own state
SKILL = 2**31 - 2  # measuring what the agents earn with themselves
CHECKPOINT_SKILL = 2**31 - 3  # the same of checkpoints
CHOICE = 2**31 - 4  # choosing among several tries
MODEL = 2**31 - 6  # recording partners and learning a model of them
VALIDATION = 2**31 - 7  # the games by which members are judged while they learn
# added to a run's seed, so that no stage starts from the seeds of another
PARTNER_SEEDS = 1_000_003
RESPONSE_SEEDS = 2_000_003


def fold(keys: Key, data: Any) -> Key:
    """`fold_in` for keys [M]: the same number for all of them."""
    return jax.vmap(lambda key: jax.random.fold_in(key, data))(keys)


def of_seed(seed: int, number: int) -> Key:
    """The key of a seed, folded with a number: one small program, where single steps are four."""
    return _of_seed(seed_bits(seed), np.uint32(number))


def seed_bits(seed: int) -> np.uint32:
    """What a key is made from a seed by, as an argument of a program."""
    return np.uint32(seed & 0xFFFFFFFF)


@jax.jit
def _of_seed(seed: Array, number: Array) -> Key:
    return jax.random.fold_in(jax.random.key(seed), number)
