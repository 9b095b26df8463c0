"""The buffer is a ring, and only what is in it is drawn."""

import jax
import jax.numpy as jnp
import numpy as np

from zsc.learn.replay import add, draw, empty


def filled(*rounds):
    """A buffer of six games of two steps, after rounds of games by number."""
    buffer = empty({"x": jax.ShapeDtypeStruct((2,), jnp.float32)}, 6)
    for games in rounds:
        buffer = add(buffer, {"x": jnp.repeat(jnp.array(games, jnp.float32)[:, None], 2, 1)})
    return buffer


def test_new_games_take_the_places_of_the_oldest():
    buffer = filled([1, 2], [3, 4])
    assert buffer.games["x"][:, 0].tolist() == [1, 2, 3, 4, 0, 0]
    assert int(buffer.seen) == 4
    buffer = filled([1, 2], [3, 4], [5, 6], [7, 8], [9, 10])
    assert buffer.games["x"][:, 1].tolist() == [7, 8, 9, 10, 5, 6]
    assert int(buffer.seen) == 10


def test_games_that_are_in_it_are_drawn_alike_and_no_others():
    some, full = filled([1, 2], [3, 4]), filled([1, 2], [3, 4], [5, 6], [7, 8])
    for buffer, there in ((some, [1, 2, 3, 4]), (full, [3, 4, 5, 6, 7, 8])):
        drawn = draw(buffer, jax.random.key(0), 3000)["x"]
        assert drawn.shape == (3000, 2)
        values, counts = np.unique(np.asarray(drawn[:, 0]), return_counts=True)
        assert values.tolist() == there
        np.testing.assert_allclose(counts / 3000, 1 / len(there), atol=0.04)
