"""Faults that were made by hand because they would be believed: always tried."""

from __future__ import annotations

from pathlib import Path

from benchmarks.mutants.operators import Mutant

#: (what it does, file, the text that is there, what stands there instead)
FAULTS = (
    (
        "PPO takes the larger of the two surrogates",
        "zsc/learn/ppo.py",
        "surrogate = jnp.minimum(",
        "surrogate = jnp.maximum(",
    ),
    (
        "the value loss leaves forced moves out",
        "zsc/learn/ppo.py",
        "0.5 * mean(value_error, old.playing)",
        "0.5 * mean(value_error)",
    ),
    (
        "the shaped reward never fades",
        "zsc/learn/ppo.py",
        "left = 1.0 - clock.steps / config.shaping_steps if",
        "left = 1.0 - 0.0 * clock.steps / config.shaping_steps if",
    ),
    (
        "the ratio is not clipped",
        "zsc/learn/ppo.py",
        "jnp.clip(ratio, 1.0 - config.clip, 1.0 + config.clip)",
        "ratio",
    ),
    (
        "the entropy bonus has the other sign",
        "zsc/learn/ppo.py",
        "mean(-surrogate - now.entropy * entropy)",
        "mean(-surrogate + now.entropy * entropy)",
    ),
    (
        "advantages are normalised over all samples",
        "zsc/learn/ppo.py",
        "jnp.mean(batch.advantage, where=batch.trajectory.valid)",
        "jnp.mean(batch.advantage)",
    ),
    (
        "values are learned towards advantages",
        "zsc/learn/ppo.py",
        "return Batch(trajectory, advantage, advantage + value, memory)",
        "return Batch(trajectory, advantage, advantage, memory)",
    ),
    (
        "minibatches are dealt once and not for each epoch",
        "zsc/learn/ppo.py",
        "key=jax.random.fold_in(key, epoch)",
        "key=key",
    ),
    (
        "a time limit is the end of the game",
        "zsc/learn/gae.py",
        "gamma * next_value * ~terminated - value",
        "gamma * next_value * ~(terminated | truncated) - value",
    ),
    (
        "advantages reach over the end of a game",
        "zsc/learn/gae.py",
        "gamma * lam * ~(terminated | truncated)",
        "gamma * lam * jnp.ones_like(~truncated)",
    ),
    (
        "the target network chooses its own action",
        "zsc/learn/q_learning.py",
        "best = jnp.where(mask, now, -jnp.inf)",
        "best = jnp.where(mask, then, -jnp.inf)",
    ),
    (
        "a value learner forgets that the game ended",
        "zsc/learn/q_learning.py",
        "rules.config.gamma * after * ~ended",
        "rules.config.gamma * after",
    ),
    (
        "games that are not there yet are drawn from the buffer",
        "zsc/learn/replay.py",
        "jnp.minimum(buffer.seen, capacity)",
        "capacity",
    ),
    (
        "the learner always sits in seat 0",
        "zsc/play/match.py",
        "seats = (seats + drawn) % num_agents",
        "seats = (seats + 0 * drawn) % num_agents",
    ),
    (
        "all roles see the game through the same symmetry",
        "zsc/play/match.py",
        "elements = jax.random.randint(symmetry_key, elements.shape, 0, symmetries)",
        "elements = elements + jax.random.randint(symmetry_key, (envs, 1), 0, symmetries)",
    ),
    (
        "every block is given the same partner",
        "populations/hooks/partners.py",
        "place = jnp.take(table.places, drawn)",
        "place = jnp.take(table.places, 0 * drawn + drawn[0])",
    ),
    (
        "the partner that pays most is met most",
        "populations/hooks/partners.py",
        "loss = -returns",
        "loss = returns",
    ),
    (
        "the halfway checkpoint is the last one",
        "populations/two_stage.py",
        "np.stack([np.zeros_like(middle), middle,",
        "np.stack([np.zeros_like(middle), np.full_like(middle, last),",
    ),
    (
        "all responses have the partners of the first",
        "populations/two_stage.py",
        "groups = np.arange(len(partners)).reshape(self.members, -1)",
        "groups = np.arange(len(partners)).reshape(self.members, -1)[[0] * self.members]",
    ),
    (
        "weights belong to seeds instead of checkpoints",
        "populations/two_stage.py",
        "weights[: groups.shape[1]]",
        "np.repeat(weights[: len(self.ages)], groups.shape[1] // len(self.ages))",
    ),
    (
        "the worst try of a best response is kept",
        "populations/best_response.py",
        ".mean((1, 2, 3)).argmax()",
        ".mean((1, 2, 3)).argmin()",
    ),
    (
        "other-play does not relabel",
        "populations/other_play.py",
        "MatchSpec(relabel=True)",
        "MatchSpec(relabel=False)",
    ),
    (
        "checkpoints are taken an update late",
        "populations/hooks/snapshots.py",
        "begin(told.update + 1)",
        "begin(told.update)",
    ),
    (
        "what a block paid is told of another block",
        "zsc/train/update.py",
        "spec.blocks, -1).mean(-1)",
        "spec.blocks, -1).mean(-1)[:, ::-1]",
    ),
    (
        "the node bootstrap is not widened for pairs",
        "evaluation/stats.py",
        "cells = (size - 1) / (size - 2) if size > 2",
        "cells = 1.0 if size > 2",
    ),
)


def named(root: Path) -> tuple[list[Mutant], list[str]]:
    """The named faults as mutants, and the names of those whose place was rewritten."""
    found, lost = [], []
    for name, file, before, after in FAULTS:
        source = (root / file).read_text()
        if source.count(before) != 1:
            lost.append(name)
            continue
        line = source[: source.index(before)].count("\n") + 1
        found.append(Mutant(file, line, before, after, source.replace(before, after), name))
    return found, lost
