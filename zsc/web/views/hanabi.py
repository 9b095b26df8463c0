"""What a player of Hanabi may see: all hands but the own one, and what is known of every card."""

from __future__ import annotations

from typing import Any

import numpy as np

from zsc.envs.hanabi import Hanabi
from zsc.envs.hanabi.observation import colour_name
from zsc.web.stage import Shown

_COLOURS = ("red", "yellow", "green", "white", "blue", "purple", "teal", "orange")
_KINDS = ("play", "discard", "colour", "rank")


def scene(env: Hanabi) -> dict[str, Any]:
    """The sizes of the game. Moves are numbered discard, play (by slot), colour, rank hints."""
    return {
        "players": env.players,
        "colours": [
            {"name": _COLOURS[c % len(_COLOURS)], "letter": colour_name(c)}
            for c in range(env.colours)
        ],
        "ranks": env.ranks,
        "copies": list(env.copies),
        "hand": env.hand_size,
        "hints": env.info_tokens,
        "lives": env.life_tokens,
        "most": env.rules.max_score,
    }


def state(env: Hanabi, shown: Shown, seat: int) -> dict[str, Any]:
    """The table as the player in a seat sees it. The own cards and the deck are not in it."""
    now = shown.snapshot
    idle = env.spec.num_actions - 1
    return {
        "turn": int(now["cur"]),
        "score": int(now["score"]),
        "lives": int(now["life"]),
        "hints": int(now["info"]),
        "deck": int(now["deck_size"]),
        "fireworks": np.asarray(now["fireworks"]).tolist(),
        "discards": np.asarray(now["discard_counts"]).tolist(),
        "hands": [
            [_card(now, player, slot, player == seat) for slot in range(env.hand_size)]
            for player in range(env.players)
        ],
        "legal": [int(a) for a in np.flatnonzero(shown.mask[seat]) if a != idle],
        "last_round": bool(now["deck_size"] == 0),
    }


def story(env: Hanabi, shown: Shown) -> dict[str, Any] | None:
    """The last move, which everybody saw."""
    last = {name: np.asarray(value) for name, value in shown.snapshot["last"].items()}
    if int(last["actor"]) < 0:
        return None
    kind = int(last["kind"])
    told: dict[str, Any] = {"actor": int(last["actor"]), "kind": "pass"}
    if kind < 0:
        return told
    told["kind"] = _KINDS[kind]
    if int(last["card"]) >= 0:
        colour, rank = divmod(int(last["card"]), env.ranks)
        told |= {"card": [colour, rank], "slot": int(last["slot"]), "fits": bool(last["scored"])}
    if int(last["target"]) >= 0:
        told |= {"target": int(last["target"]), "slots": np.flatnonzero(last["told"]).tolist()}
        told |= {"value": int(last["colour"] if _KINDS[kind] == "colour" else last["rank"])}
    return told


def _card(now: dict[str, Any], player: int, slot: int, own: bool) -> dict[str, Any] | None:
    """A card of a hand: its face unless it is one's own, and what its holder knows of it."""
    colour, rank = (int(x) for x in now["hands"][player][slot])
    if colour < 0:
        return None
    told = [bool(now["colour_told"][player][slot]), bool(now["rank_told"][player][slot])]
    known = {
        "colours": np.flatnonzero(now["colours"][player][slot]).tolist(),
        "ranks": np.flatnonzero(now["ranks"][player][slot]).tolist(),
        "told": told,
    }
    return known if own else known | {"card": [colour, rank]}
