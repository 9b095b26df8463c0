"""The scripted cooks: each does its own work, and together they make soup."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import zsc
from zsc.agents.bots import OVERCOOKED_BOTS, overcooked_bots
from zsc.envs.overcooked import Overcooked
from zsc.envs.overcooked.state import INTERACT, NORTH, NOTHING, ONION, SOUTH, STAY, WEST
from zsc.evaluation import CrossPlay, crossplay

HORIZON = 200
EPISODES = 8
EVERYONE = ("random", "idle", "onion_carrier", "plate_server", "greedy_cook", "hog")
# who is looked at where: one compiled program per kitchen
COOKS = {
    "cramped_room": EVERYONE,
    "coordination_ring": ("greedy_cook", "hog"),
    "forced_coordination": ("greedy_cook",),
}


@cache
def games(layout: str) -> CrossPlay:
    env = Overcooked(layout, horizon=HORIZON)
    return crossplay(env, {"bots": overcooked_bots(env, COOKS[layout])}, episodes=EPISODES)


def mean(layout: str, metric: str, cook: str, partner: str, seat: int = 0) -> float:
    """Mean of what the cook did in a seat while the partner sat in the other."""
    place = {name: i for i, name in enumerate(COOKS[layout])}
    return float(games(layout).matrix(metric, seat)[place[cook], place[partner]])


def every(metric: str, cook: str) -> np.ndarray:
    """[partner, seat] what the cook did per episode in cramped_room, with everyone."""
    both = [games("cramped_room").matrix(metric, seat) for seat in (0, 1)]
    return np.stack(both, axis=-1)[EVERYONE.index(cook)]


def test_all_six_cooks_are_there() -> None:
    assert tuple(OVERCOOKED_BOTS) == EVERYONE
    assert (
        overcooked_bots(Overcooked()).where(method="hog").ids
        == overcooked_bots(Overcooked(), ("hog",)).ids
    )
    assert len(set(overcooked_bots(Overcooked()).ids)) == 6


@pytest.mark.parametrize("layout", COOKS)
def test_greedy_cooks_deliver_soups_in_both_seatings(layout: str) -> None:
    played = games(layout)
    place = COOKS[layout].index("greedy_cook")
    earned = played.games("return")[place, place]
    assert earned.mean() >= 20  # a soup per episode
    assert (earned > 0).mean() >= 0.75
    assert (earned % 20 == 0).all()


def test_cooks_of_divided_kitchen_share_the_work() -> None:
    """Player 1 has the pots and the window, player 2 the onions and the dishes."""
    layout, cook = "forced_coordination", "greedy_cook"
    served = [mean(layout, "soup_delivery", cook, cook, seat) for seat in (0, 1)]
    carried = [mean(layout, "onion_drop", cook, cook, seat) for seat in (0, 1)]
    assert served[0] >= 1
    assert served[1] == 0
    assert carried[1] >= 3 * served[0]


def test_idle_cook_never_acts() -> None:
    played = games("cramped_room")
    for event in played.event_names:
        done = every(event, "idle")
        assert (done == (HORIZON if event == "stay" else 0)).all(), event


def test_random_cook_does_everything() -> None:
    stay = every("stay", "random").mean() / HORIZON
    interact = sum(every(f"{kind}_interact", "random") for kind in ("useful", "useless"))
    assert stay == pytest.approx(1 / 6, abs=0.02)
    assert interact.mean() / HORIZON == pytest.approx(1 / 6, abs=0.02)
    assert (every("blocked", "random") > 0).all()
    assert (every("onion_pickup", "random").sum() > 0).all()


def actions(cook: str, agent: int, **scene: object) -> np.ndarray:
    """[6] probabilities of a cook's actions in cramped_room, as a snapshot's fields have it."""
    env = Overcooked("cramped_room", horizon=HORIZON)
    pool = overcooked_bots(env, (cook,))
    begun, shown = env.reset(jax.random.key(0))
    state = env.restore(env.snapshot(begun) | scene)
    seen = zsc.Inputs(shown.obs[agent], shown.mask[agent], jnp.bool_(True), jnp.int32(agent), state)
    params = jax.tree.map(lambda x: x[0], pool.params)
    return np.asarray(jax.nn.softmax(jax.jit(pool.policy.apply)(params, (), seen)[1].logits))


@pytest.mark.parametrize("held", [(0, 0), (1, 2)])
def test_random_cook_takes_all_actions_equally_often(held: tuple[int, int]) -> None:
    found = actions("random", 0, held=np.array(held))
    np.testing.assert_allclose(found, np.full(6, 1 / 6), rtol=1e-4)


def before_the_pot(held: tuple[int, int]) -> dict[str, object]:
    """Player 1 before the only pot, with two onions in it; player 2 beside it."""
    pos, pot = np.array([(2, 1), (3, 1)]), np.array([2])
    return {"pos": pos, "dir": np.array([NORTH, WEST]), "held": np.array(held), "pot_n": pot}


def test_greedy_cook_with_an_onion_before_a_pot_puts_it_in() -> None:
    assert actions("greedy_cook", 0, **before_the_pot((ONION, NOTHING))).argmax() == INTERACT


def test_greedy_cook_steps_aside_where_its_partner_is_in_the_only_way() -> None:
    found = actions("greedy_cook", 1, **before_the_pot((NOTHING, ONION)))
    assert found[WEST] < 0.5  # it does not insist, as a hog does
    assert found[SOUTH] > 0.2
    assert actions("hog", 1, **before_the_pot((NOTHING, ONION)))[WEST] > 0.9


def test_greedy_cook_without_work_makes_way_to_the_pot_for_its_partner() -> None:
    found = actions("greedy_cook", 0, **before_the_pot((NOTHING, ONION)))
    assert found[STAY] < 0.5


def test_onion_carrier_fills_pots_and_delivers_by_accident_at_most() -> None:
    beside_idle = every("potting_onion", "onion_carrier")[EVERYONE.index("idle")]
    assert (beside_idle == 3).all()  # one soup, and nobody to take it
    assert (every("potting_onion", "onion_carrier") > 0).all()
    assert every("soup_delivery", "onion_carrier").mean() < 0.05  # one action in 20 is random
    assert every("soup_pickup", "onion_carrier").mean() < 0.05


def test_plate_server_delivers_what_others_cook_and_never_pots() -> None:
    assert (every("potting_onion", "plate_server") == 0).all()
    together = mean("cramped_room", "soup_delivery", "plate_server", "onion_carrier")
    assert together >= 2
    assert mean("cramped_room", "return", "plate_server", "plate_server") == 0
    assert mean("cramped_room", "return", "onion_carrier", "onion_carrier") == 0


def test_specialists_need_each_other() -> None:
    for seat in (0, 1):
        earned = mean("cramped_room", "return", "onion_carrier", "plate_server", seat)
        assert earned >= 40
        assert mean("cramped_room", "return", "onion_carrier", "idle", seat) == 0


def test_greedy_cook_cooks_alone_unless_its_partner_blocks_the_dishes() -> None:
    """An idle player 1 stands where alone the dishes of cramped_room can be reached."""
    assert mean("cramped_room", "return", "greedy_cook", "idle") >= 40
    assert mean("cramped_room", "return", "idle", "greedy_cook") == 0
    assert mean("cramped_room", "return", "idle", "idle") == 0


def test_two_hogs_earn_less_than_two_greedy_cooks_on_a_ring() -> None:
    ring = "coordination_ring"
    hogs, greedy = (mean(ring, "return", who, who) for who in ("hog", "greedy_cook"))
    assert hogs < greedy / 2
    in_the_way = [mean(ring, "collision", who, who) for who in ("hog", "greedy_cook")]
    assert in_the_way[0] > 2 * in_the_way[1]
