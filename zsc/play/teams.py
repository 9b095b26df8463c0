"""Teams of more than two: which of a roster's policies play together, and what they earn.

A matrix has a cell for two policies. With A seats a team is a multiset of A policies, and its
result is the mean over episodes that seat it in turns.
"""

from __future__ import annotations

from functools import partial
from itertools import combinations_with_replacement, cycle, islice, permutations
from math import comb

import jax
import jax.numpy as jnp
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Roster, check_home
from zsc.envs.base import Environment, returned
from zsc.errors import UserError
from zsc.machine.memory import bytes_of, check
from zsc.play.episode import episode
from zsc.play.kinds import kinds_of, take
from zsc.switches import door
from zsc.types import Array, Key, Params


def count_teams(policies: int, seats: int) -> int:
    """How many multisets of A of the policies there are."""
    return comb(policies + seats - 1, seats)


def all_teams(policies: int, seats: int) -> np.ndarray:
    """[X, A] every multiset of A of the policies, each team in ascending order."""
    return np.array(list(combinations_with_replacement(range(policies), seats)))


def some_teams(policies: int, seats: int, most: int, *, seed: int = 0) -> np.ndarray:
    """[X, A] at most `most` teams without repetition, in the order of `all_teams`.

    All of them where they are so few. Else every policy with copies of itself, since self-play is
    what others are compared with and would hardly ever be drawn, and a uniform sample of the rest.
    Raises UserError for less room than there are policies.
    """
    if count_teams(policies, seats) <= most:
        return all_teams(policies, seats)
    if most < policies:
        raise UserError(f"most is {most}: allow at least one team for each of {policies} policies")
    rng = np.random.default_rng(seed)
    chosen = {(policy,) * seats for policy in range(policies)}
    if 2 * most > count_teams(policies, seats):  # drawing would meet the same ones ever again
        mixed = [team for team in map(tuple, all_teams(policies, seats)) if team not in chosen]
        picked = rng.choice(len(mixed), most - policies, replace=False)
        chosen.update(mixed[i] for i in picked)
    while len(chosen) < most:
        # stars and bars: A of N + A - 1 places, each less those before it, are a uniform multiset
        places = np.sort(rng.choice(policies + seats - 1, seats, replace=False))
        chosen.add(tuple((places - np.arange(seats)).tolist()))
    return np.array(sorted(chosen))


def seatings(agents: int, episodes: int) -> np.ndarray:
    """[episodes, A] how episodes seat a team: role r in seat [., r].

    Rotations: any A episodes from a multiple of A on seat everyone once in each seat. Every A
    episodes the neighbours change too, until all A! seatings were there.
    """
    orders = ((0, *rest) for rest in cycle(permutations(range(1, agents))))
    turned = (np.roll(order, turn) for order in orders for turn in range(agents))
    return np.array(list(islice(turned, episodes)))


@door
def play_teams(
    env: Environment, roster: Roster, teams: np.ndarray, *, episodes: int, key: Key
) -> np.ndarray:
    """[X, episodes] true returns of teams [X, A] of places in the roster.

    Episodes are seated by `seatings`, so that in any multiple of A episodes every member sits as
    often in each seat. All teams share the episodes' keys. One program per combination of kinds of
    policies. Raises UserError for a game that does not pay the team, pools of another game, wrong
    teams or no episodes.
    """
    check_team_reward(env)
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
    # every team has its policies' parameters beside those of the others
    largest = max(bytes_of(pool.params) / len(pool) for pool in roster if len(pool))
    what = f"playing {len(teams):,} teams of {env.spec.num_agents}, {episodes:,} episodes each"
    needed = len(teams) * (largest * env.spec.num_agents + 4 * episodes)
    check(what, needed, "play fewer teams at a time, or fewer episodes")
    returns = np.zeros((len(teams), episodes), np.float32)
    for policies, params, numbers in by_kinds(roster, teams):
        returns[numbers] = np.asarray(_play(env, policies, params, episodes, key))
    return returns


def team_reward(env: Environment) -> bool:
    """True for a game that pays the team: all seats of an episode have the same return."""
    return bool(env.spec.team_reward or env.spec.shares)


def check_team_reward(env: Environment) -> None:
    """Raises UserError for a game that pays each agent by itself: a team has no one return."""
    if not team_reward(env):
        raise UserError(
            f"{env.spec.id} pays each agent by itself, so a team has no return: use crossplay, "
            "which keeps every seat's own"
        )


Group = tuple[tuple[Policy, ...], tuple[Params, ...], np.ndarray]


def by_kinds(roster: Roster, teams: np.ndarray) -> list[Group]:
    """Teams [X, A] by the policies of their roles: one program plays each group.

    A group is (policies [A], for each role the parameters [x, ...], which teams [x]).
    """
    kinds = kinds_of(roster)
    size = sum(len(kind.members) for kind in kinds)
    kind_of, row_of = np.zeros(size, int), np.zeros(size, int)
    for number, kind in enumerate(kinds):
        kind_of[kind.members], row_of[kind.members] = number, np.arange(len(kind.members))
    groups: dict[tuple[int, ...], list[int]] = {}
    for number, team in enumerate(np.asarray(teams)):
        groups.setdefault(tuple(kind_of[team].tolist()), []).append(number)
    return [
        (
            tuple(kinds[k].policy for k in chosen),
            tuple(
                take(kinds[k].params, row_of[teams[numbers, role]]) for role, k in enumerate(chosen)
            ),
            np.array(numbers),
        )
        for chosen, numbers in groups.items()
    ]


@partial(jax.jit, static_argnums=(0, 1, 3))
def _play(
    env: Environment,
    policies: tuple[Policy, ...],
    params: tuple[Params, ...],
    episodes: int,
    key: Key,
) -> Array:
    """[x, episodes] what teams with parameters [x, ...] in each role earn."""
    seats = jnp.asarray(seatings(env.spec.num_agents, episodes))
    keys = jax.vmap(partial(jax.random.fold_in, key))(np.arange(episodes))

    def team(params: tuple[Params, ...]) -> Array:
        def one(seats: Array, key: Key) -> Array:
            # only the rewards are used: the compiler leaves out everything else
            reward = episode(env, policies, params, seats, key)[4]
            return returned(env.spec, reward)[
                :, 0
            ].sum()  # seat 0's is the team's, see check_team_reward

        return jax.vmap(one)(seats, keys)

    return jax.lax.map(team, params)
