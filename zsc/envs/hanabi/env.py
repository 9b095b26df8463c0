"""Hanabi as an environment: rules, observations, turns and symmetries put together."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from zsc.checks import settle
from zsc.envs.base import EnvSpec, TimeStep, world_of
from zsc.envs.hanabi import observation, render, rules
from zsc.envs.hanabi.rules import LastMove, Rules, State
from zsc.envs.hanabi.symmetry import colour_symmetry
from zsc.envs.symmetry import Symmetry
from zsc.errors import UserError, unknown
from zsc.types import Array, Key

ENCODINGS = ("canonical", "belief")

#: Games by name. full: 50 cards in five colours; the others fit a laptop's evening.
VARIANTS: dict[str, dict[str, Any]] = {
    "full-2p": {},
    "full-3p": {"players": 3},
    "full-4p": {"players": 4, "hand_size": 4},
    "full-5p": {"players": 5, "hand_size": 4},
    "small-2p": {"colours": 2, "hand_size": 2, "info_tokens": 3, "life_tokens": 1},
    "very-small-2p": {"colours": 1, "hand_size": 2, "info_tokens": 3, "life_tokens": 1},
    # five colours of a single rank: no card has a successor, so hints are all convention
    "tiny-2p": {
        "ranks": 1,
        "copies": (2,),
        "hand_size": 3,
        "info_tokens": 2,
        "life_tokens": 1,
    },
    "mini-2p": {"colours": 3, "ranks": 3, "copies": (2, 2, 1), "hand_size": 3, "info_tokens": 5},
}

#: What happened in a step, per player: counted in cross-play.
EVENT_NAMES = (
    "play",
    "scored",
    "misplay",
    "discard",
    "colour_hint",
    "rank_hint",
    "colour_known",  # of a played card
    "rank_known",
    "bomb",  # the last life is lost
)


@dataclass(frozen=True)
class Hanabi:
    """Hanabi for 2 to 5 players, as the Hanabi Learning Environment plays it.

    players, colours, ranks, copies (of each rank in a colour), hand_size, info_tokens,
    life_tokens: the sizes of the game.
    encoding: "canonical" (the reference's bits) or "belief" (the V0 belief in the knowledge part).
    strict: an illegal action raises; for one game at a time, outside jit. Otherwise it passes the
        turn.

    One player moves, the others take the no-op, which comes last. The reward is the change of the
    score, so losing the last life pays minus the score so far. After `horizon` turns a game is
    truncated, which games of legal moves never reach.
    """

    players: int = 2
    colours: int = 5
    ranks: int = 5
    copies: tuple[int, ...] = (3, 2, 2, 2, 1)
    hand_size: int = 5
    info_tokens: int = 8
    life_tokens: int = 3
    encoding: str = "canonical"
    strict: bool = False

    def __post_init__(self) -> None:
        settle(self)
        if self.encoding not in ENCODINGS:
            raise unknown("encoding", self.encoding, ENCODINGS)
        # refused here, not inside jit, and not cached: 5.0 would be found under 5
        _build_rules(self)

    @property
    def rules(self) -> Rules:
        """The sizes of the game."""
        return _rules(self)

    @property
    def spec(self) -> EnvSpec:
        """Sizes and names."""
        return _spec(self)

    def reset(self, key: Key) -> tuple[State, TimeStep]:
        """A game with a shuffled deck; the only place where anything is random."""
        return self._begin(rules.shuffled(self.rules, key))

    def reset_from_deck(self, deck: Array) -> tuple[State, TimeStep]:
        """A game with the given deck [D, 2] of (colour, rank), in the order of the deal.

        Raises UserError for a deck of the wrong size and, outside jit, with the wrong cards.
        """
        return self._begin(rules.deck_from_pairs(self.rules, deck))

    def step(self, key: Key, state: State, action: Array) -> tuple[State, TimeStep]:
        """One turn, action [A]: that of the player whose turn it is counts."""
        del key
        if self.strict:
            _check_legal(self, state, action)
        move = jnp.where(jnp.arange(self.players) == state.cur, action, 0).sum()
        before, was_over = rules.score(state), self._over(state)
        after = rules.step(self.rules, state, move)
        after = jax.tree.map(lambda old, new: jnp.where(was_over, old, new), state, after)
        # without it the compiler works the move out again for every part of the observation
        after = jax.lax.optimization_barrier(after)
        reward = (rules.score(after) - before).astype(jnp.float32)
        return after, self._show(after, reward, self._events(state, after, was_over))

    def show(self, state: State) -> TimeStep:
        """What is shown in a state, as if the game began in it."""
        events = jnp.zeros((self.players, len(EVENT_NAMES)), bool)
        return self._show(state, jnp.float32(0), events)

    def world(self, state: State) -> Array:
        """[A * D] what all players see: together every card but those in the deck."""
        return world_of(self.show(state))

    def symmetry(self) -> Symmetry:
        """All permutations of the colours."""
        return colour_symmetry(self.rules)

    def render(self, state: State) -> np.ndarray:
        """[H, W, 3] uint8 picture of the table."""
        return render.draw(self.rules, jax.device_get(state))

    def encoded(self, obs_id: str) -> Hanabi:
        """The same game in the encoding of an `EnvSpec.obs_id`; UserError if it has no such."""
        return replace(self, encoding=obs_id.split(":")[0])

    def observe(self, state: State) -> Array:
        """[A, D] what every player sees."""
        encode = observation.belief if self.encoding == "belief" else observation.canonical
        return encode(self.rules, state)

    def explain(self, obs: Array) -> dict[str, tuple[str, ...]]:
        """What one observation [D] says: for each section the bits that are set, in words.

        With the belief encoding the shares stand behind the words.
        """
        return observation.explain(self.rules, np.asarray(obs))

    def snapshot(self, state: State) -> dict[str, Any]:
        """The public names (cur, score, life, info, deck_size, fireworks [C], discard_counts
        [C, R], hands [P, H, 2] as (colour, rank) with -1 for no card, terminal), and what is
        further needed to restore: deck, dealt, knowledge, last move."""
        size = self.rules
        card = state.hands.astype(jnp.int32)[..., None]
        pair = jnp.concatenate([card // size.ranks, card % size.ranks], axis=-1)
        rest = state._asdict() | {"last": state.last._asdict()}
        for name in ("hands", "discards"):
            rest.pop(name)
        return rest | {
            "score": rules.score(state),
            "deck_size": size.deck_size - state.dealt.astype(jnp.int32),
            "discard_counts": state.discards.reshape(size.colours, size.ranks),
            "hands": jnp.where(card < 0, -1, pair),
            "terminal": rules.over(size, state),
        }

    def restore(self, snapshot: dict[str, Any]) -> State:
        """The state of a snapshot; any state can be injected."""
        like = jax.eval_shape(self.reset, jax.random.key(0))[0]
        pair = jnp.asarray(snapshot["hands"], jnp.int32)
        cards = jnp.where(pair[..., 0] < 0, -1, pair[..., 0] * self.ranks + pair[..., 1])
        given = {name: snapshot[name] for name in State._fields if name in snapshot}
        given |= {
            "hands": cards,
            "discards": jnp.asarray(snapshot["discard_counts"]).reshape(-1),
            "last": LastMove(**snapshot["last"]),
        }
        return jax.tree.map(lambda x, shape: jnp.asarray(x, shape.dtype), State(**given), like)

    def _begin(self, deck: Array) -> tuple[State, TimeStep]:
        state = rules.first_state(self.rules, deck)
        return state, self.show(state)

    def _over(self, state: State) -> Array:
        return rules.over(self.rules, state) | (state.time >= self.spec.horizon)

    def _show(self, state: State, reward: Array, events: Array) -> TimeStep:
        terminated = rules.over(self.rules, state)
        late = state.time >= self.spec.horizon
        moving = (jnp.arange(self.players) == state.cur)[:, None]
        moves = rules.legal_moves(self.rules, state)
        mask = jnp.concatenate([moving & moves, ~moving], axis=1)
        return TimeStep(
            obs=self.observe(state),
            mask=mask | terminated | late,
            reward=jnp.broadcast_to(reward, self.players),
            terminated=terminated,
            truncated=late & ~terminated,
            info={"shaped": jnp.zeros(self.players, jnp.float32), "events": events},
        )

    def _events(self, before: State, after: State, was_over: Array) -> Array:
        """[A, events] what the player who moved did."""
        last = after.last
        mover = jnp.arange(self.players) == before.cur
        slot = jnp.arange(self.hand_size) == last.slot
        played = last.kind == rules.PLAY
        known = lambda told: played & (mover[:, None] & slot & told).any()
        happened = jnp.stack(
            [
                played,
                last.scored,
                played & ~last.scored,
                last.kind == rules.DISCARD,
                last.kind == rules.COLOUR_HINT,
                last.kind == rules.RANK_HINT,
                known(before.colour_told),
                known(before.rank_told),
                after.life <= 0,
            ]
        )
        return mover[:, None] & happened & ~was_over


@cache
def _rules(env: Hanabi) -> Rules:
    return _build_rules(env)


def _build_rules(env: Hanabi) -> Rules:
    return Rules(*(getattr(env, field.name) for field in fields(Rules)))


@cache
def _spec(env: Hanabi) -> EnvSpec:
    size = env.rules
    bits = observation.size(size)
    draws = size.deck_size - size.players * size.hand_size
    name = next((n for n, sizes in VARIANTS.items() if _rules(Hanabi(**sizes)) == size), None)
    text = (
        f"{size.players}p-{size.colours}x{size.ranks}-{''.join(map(str, size.copies))}"
        f"-h{size.hand_size}-i{size.info_tokens}-l{size.life_tokens}"
    )
    return EnvSpec(
        id=f"hanabi/{name or text}",
        version=1,
        num_agents=size.players,
        num_actions=size.moves + 1,
        obs_shape=(bits,),
        obs_dtype="float32" if env.encoding == "belief" else "uint8",
        obs_scale=(1,) * bits,
        obs_id=f"{env.encoding}:{text}",
        horizon=size.max_turns,
        fixed_length=False,
        action_names=_action_names(size),
        event_names=EVENT_NAMES,
        idle_action=size.moves,
        turns=True,
        min_return=0.0,
        # each draw follows a card that was played, and after the last each player has one turn
        max_return=float(min(size.max_score, draws + size.players)),
    )


def _action_names(size: Rules) -> tuple[str, ...]:
    slots, ahead = range(size.hand_size), range(1, size.players)
    names = [f"discard slot {i}" for i in slots] + [f"play slot {i}" for i in slots]
    names += [f"tell +{p} {observation.colour_name(c)}" for p in ahead for c in range(size.colours)]
    names += [f"tell +{p} {r + 1}" for p in ahead for r in range(size.ranks)]
    return (*names, "wait")


def _check_legal(env: Hanabi, state: State, action: Array) -> None:
    if any(isinstance(x, jax.core.Tracer) for x in (state.cur, action)):
        raise UserError(
            "a strict game checks every action on the host: call step outside jit and vmap, or "
            "make the environment with strict=False"
        )
    mask = np.asarray(env._show(state, jnp.float32(0), jnp.zeros(0)).mask)
    names = env.spec.action_names
    for player, chosen in enumerate(np.asarray(action).tolist()):
        if not 0 <= chosen < len(names):
            raise UserError(f"player {player} chose action {chosen}: 0 to {len(names) - 1} exist")
        if not mask[player, chosen]:
            allowed = ", ".join(names[i] for i in np.flatnonzero(mask[player]))
            raise UserError(f"player {player} may not {names[chosen]!r} now; legal: {allowed}")
