"""A network that is trained, and scripted partners."""

import jax
import jax.numpy as jnp

import zsc


def linear(*, obs_shape, num_actions):
    """Logits and a value that are linear in the observation; stored agents are made again by it."""
    config = (("num_actions", num_actions), ("obs_shape", obs_shape))
    shape = (num_actions + 1, *obs_shape)

    def init(key):
        return 0.01 * jax.random.normal(key, shape)

    def apply(weights, carry, inputs):
        said = (weights * inputs.obs).reshape(num_actions + 1, -1).sum(1)
        return carry, zsc.Out(logits=said[:-1], value=said[-1:])

    return zsc.Policy("linear", config, init, tuple, apply)


def linear_network(spec):
    """The network for a game: what `--network linear` trains."""
    return linear(obs_shape=spec.obs_shape, num_actions=spec.num_actions)


def waiter(*, cells):
    """Walks to a cell of its own, which is its parameter, and waits there."""

    def init(key):
        return jax.random.randint(key, (), 0, cells)

    def apply(cell, carry, inputs):
        here = inputs.obs[:cells].argmax()
        wanted = 1 + jnp.sign(cell - here)  # left, stay, right
        return carry, zsc.Out(logits=jnp.where(jnp.arange(3) == wanted, 0.0, -30.0),
                              value=jnp.zeros(1))  # fmt: skip

    return zsc.Policy("waiter", (("cells", cells),), init, tuple, apply)


def partners(env):
    """Waiters at both ends and in the middle."""
    cells = jnp.array([0, env.cells // 2, env.cells - 1])
    labels = [zsc.Label(where) for where in ("left", "middle", "right")]
    return zsc.make_pool(env.spec, waiter(cells=env.cells), cells, labels)
