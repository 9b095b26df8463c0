"""One file in which anyone plays Overcooked with exported agents, without a server.

Rules, observations and networks are scripts of the page (`pages/kitchen.js`, `network.js`), held
against ours by `python -m tests.web.page_oracle`. It is drawn and played as `zsc play` is.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from zsc.agents.pool import Pool, check_home
from zsc.checks import plain
from zsc.envs.base import Environment
from zsc.envs.overcooked import Overcooked
from zsc.errors import UserError
from zsc.evaluation.heldout import folder_of, list_rosters, trained_ids
from zsc.files import write_text
from zsc.version import __version__
from zsc.web.bundle import PAGES, bundle
from zsc.web.partners import title_of
from zsc.web.views import overcooked as view
from zsc.web.weights import network_of, weights_of

ENCODINGS = ("compact", "grid")
_TITLE = "Cook with agents"


def write_single_page(
    path: str | Path, entries: Sequence[tuple[str, Pool, Environment]], rosters: Sequence[str] = ()
) -> Path:
    """Write the page. entries: name, agents and their game; all of them can be chosen in the page.

    rosters: of your own (names or folders), whose agents must not be in it either. Raises UserError
    for agents of a roster, a game or a kind of policy that a page cannot run, and a file that is
    there.
    """
    target = Path(path)
    check_public({name: pool for name, pool, _ in entries}, rosters)
    parts = {
        "@DATA@": _embedded(page_data(entries)),
        "@SCRIPT@": bundle("single"),
        "@STYLE@": (PAGES / "style.css").read_text("utf-8"),
        "@TITLE@": _TITLE,
        "@VERSION@": html.escape(__version__),
    }
    page = (PAGES / "single.html").read_text("utf-8")
    # all at once: a name may be one of the marks
    page = re.sub("|".join(parts), lambda mark: parts[mark[0]], page)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_text(target, page, new=True)
    return target


def check_public(pools: Mapping[str, Pool], rosters: Sequence[str] = ()) -> None:
    """Raise UserError if an agent belongs to a roster: of the package's, or of these.

    Whoever has the page has the weights, and would train with partners that have to be strangers.
    """
    for roster in dict.fromkeys([*list_rosters(), *rosters]):
        theirs = trained_ids(folder_of(roster))
        for name, pool in pools.items():
            for place, label in enumerate(pool.labels):
                if label.id in theirs:
                    raise UserError(
                        f"{name}/{place} belongs to the held-out roster {roster}: a page would "
                        "make its weights public; export agents of your own runs"
                    )


def page_data(entries: Sequence[tuple[str, Pool, Environment]]) -> dict[str, Any]:
    """What the page's script reads: kitchens, networks, and agents with their weights."""
    kitchens: list[Overcooked] = []
    networks: list[dict[str, Any]] = []
    agents = []
    for name, pool, env in entries:
        game = _playable(name, env)
        check_home(pool, game.spec)
        kitchen = replace(game, encoding="compact")  # who sees it how does not make it another
        network = _network(name, pool)
        common = {
            "kitchen": _place(kitchen, kitchens),
            "network": _place(network, networks),
            "encoding": game.encoding,
        }
        for place, (label, weights) in enumerate(zip(pool.labels, weights_of(pool), strict=True)):
            who = {"name": f"{name} {place}", "title": title_of(name, place, label)}
            agents.append(common | who | {"id": label.id, "weights": weights})
    if not agents:
        raise UserError("nobody to play with: give the folders of one or more runs")
    told = [kitchen_data(game) for game in kitchens]
    return {"kitchens": told, "networks": networks, "agents": agents, "keys": view.KEYS}


def kitchen_data(env: Overcooked) -> dict[str, Any]:
    """A kitchen as `pages/kitchen.js` reads it: cells by kind, and which of them are what."""
    kitchen, rules = env.kitchen, env.rules
    starts = kitchen.start_pairs.tolist() if env.random_starts else [list(map(int, kitchen.starts))]
    name = env.spec.id.removeprefix("overcooked/").replace("_", " ")
    more = [f"{env.horizon} steps"] * (env.horizon != Overcooked.horizon)
    more += ["starts by chance"] * env.random_starts
    scene = {what: value for what, value in view.scene(env).items() if what != "keys"}
    return scene | {
        "name": f"{name} ({', '.join(more)})" if more else name,
        "counters": kitchen.counters.tolist(),
        "reachable": int(kitchen.num_reachable_counters),
        "floor": kitchen.floor.tolist(),
        "starts": starts,
        "horizon": env.horizon,
        "cook_time": rules.longest,
    }


def _playable(name: str, env: Environment) -> Overcooked:
    fits = isinstance(env, Overcooked) and not env.rules.new and env.spec.num_agents == 2
    if not (isinstance(env, Overcooked) and fits and env.encoding in ENCODINGS):
        raise UserError(
            f"{name} plays {env.spec.id} ({env.spec.obs_id}): a page plays Overcooked of two cooks "
            "by the rules of 2019 in one kitchen, seen as compact or grid; give runs of that"
        )
    return env


def _network(name: str, pool: Pool) -> dict[str, Any]:
    try:
        return network_of(pool.policy)
    except UserError as error:
        raise UserError(f"{name}: {error}") from None


def _place(thing: Any, things: list[Any]) -> int:
    """Where it is in a list, at whose end it is put if it was not there."""
    if thing not in things:
        things.append(thing)
    return things.index(thing)


def _embedded(data: dict[str, Any]) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(plain(data), separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")
