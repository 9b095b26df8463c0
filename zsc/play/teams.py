"""Teams of more than two: which of a roster's policies play together, and what they earn.

A matrix has a cell for two policies. With A seats a team is a multiset of A policies, and its
result is the mean over episodes that seat it in turns.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations_with_replacement, permutations

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool, Roster, check_home
from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.play.episode import episode
from zsc.types import Array, Key, Params


def all_teams(policies: int, seats: int) -> np.ndarray:
    """[X, A] every multiset of A of the policies, each team in ascending order."""
    return np.array(list(combinations_with_replacement(range(policies), seats)))


def seatings(agents: int) -> np.ndarray:
    """[A!, A] all ways of seating a team, role r in seat [., r]; any A in a row seat everyone once
    in each seat."""
    orders = [(0, *rest) for rest in permutations(range(1, agents))]
    return np.array([np.roll(order, turn) for order in orders for turn in range(agents)])


def play_teams(
    env: Environment, roster: Roster, teams: np.ndarray, *, episodes: int, key: Key
) -> np.ndarray:
    """[X, episodes] true returns of teams [X, A] of places in the roster.

    Episode e seats a team by seating e mod A!, so that in any multiple of A episodes every member
    sits as often in each seat. All teams share the episodes' keys. One program per combination of
    kinds of policies. Raises UserError for pools of another game, wrong teams or no episodes.
    """
    for pool in roster:
        check_home(pool, env.spec)
    size = sum(len(pool) for pool in roster)
    teams = np.asarray(teams)
    if teams.ndim != 2 or teams.shape[1] != env.spec.num_agents:
        raise UserError(
            f"teams of shape {teams.shape}: {env.spec.id} needs [X, {env.spec.num_agents}]"
        )
    if episodes < 1 or not ((teams >= 0) & (teams < size)).all():
        raise UserError(f"give at least 1 episode, and teams of the places 0 to {size - 1}")
    where = [(pool, i) for pool in roster for i in range(len(pool))]
    kinds = [pool.policy for pool, _ in where]
    groups: dict[tuple[Policy, ...], list[int]] = {}
    for number, team in enumerate(teams):
        groups.setdefault(tuple(kinds[i] for i in team), []).append(number)
    returns = np.zeros((len(teams), episodes), np.float32)
    for policies, numbers in groups.items():
        params = tuple(_stack(where, teams[numbers, role]) for role in range(teams.shape[1]))
        returns[numbers] = np.asarray(_play(env, policies, params, episodes, key))
    return returns


def _stack(where: list[tuple[Pool, int]], places: np.ndarray) -> Params:
    chosen = [
        jax.tree.map(lambda x, i=i: x[i], pool.params) for pool, i in (where[p] for p in places)
    ]
    return jax.tree.map(lambda *x: jnp.stack(x), *chosen)


@partial(jax.jit, static_argnums=(0, 1, 3))
def _play(
    env: Environment,
    policies: tuple[Policy, ...],
    params: tuple[Params, ...],
    episodes: int,
    key: Key,
) -> Array:
    orders = seatings(env.spec.num_agents)
    numbers = np.arange(episodes)
    seats = jnp.asarray(orders[numbers % len(orders)])
    keys = jax.vmap(partial(jax.random.fold_in, key))(numbers)

    def team(params: tuple[Params, ...]) -> Array:
        def one(seats: Array, key: Key) -> Array:
            # of all that an episode leaves only the rewards are asked for, and only they are made
            reward = episode(env, policies, params, seats, key)[4]
            return reward[:, 0].sum()

        return jax.vmap(one)(seats, keys)

    return jax.lax.map(team, params)
