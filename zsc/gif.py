"""Watching a game: the states of one episode, as pictures and as a GIF."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image, ImageDraw

from zsc.envs.base import Environment
from zsc.errors import UserError
from zsc.nets import sample
from zsc.policy import Inputs, Policy
from zsc.pool import Pool, check_home
from zsc.types import Array, Carry, Key, Params, State


def film(
    env: Environment, agents: tuple[Pool, ...], *, seed: int = 0, steps: int | None = None
) -> tuple[list[np.ndarray], np.ndarray]:
    """The frames [H, W, 3] of one episode and the return up to each of them.

    agents: one pool of a single agent per seat. Raises UserError for a wrong number of seats or
    a pool of another game.
    """
    if len(agents) != env.spec.num_agents or any(len(pool) != 1 for pool in agents):
        raise UserError(
            f"{env.spec.id} has {env.spec.num_agents} seats: give one single-agent pool per seat, "
            "e.g. pool.take([0])"
        )
    for pool in agents:
        check_home(pool, env.spec)
    params = tuple(jax.tree.map(lambda x: x[0], pool.params) for pool in agents)
    policies = tuple(pool.policy for pool in agents)
    states, rewards, done = _episode(env, policies, params, jax.random.key(seed))
    length = int(np.asarray(done).argmax()) + 1 if np.asarray(done).any() else env.spec.horizon
    length = min(length, steps or length)
    frames = [env.render(jax.tree.map(lambda x, t=t: x[t], states)) for t in range(length + 1)]
    earned = np.concatenate([[0.0], np.asarray(rewards)[:length, 0].cumsum()])
    return frames, earned


def save_gif(
    path: str | Path,
    frames: list[np.ndarray],
    *,
    captions: list[str] | None = None,
    milliseconds: int = 90,
    scale: float = 1.0,
) -> Path:
    """Write frames as an endless GIF, with a line of text under each if captions are given."""
    images = [Image.fromarray(frame) for frame in frames]
    if scale != 1.0:
        images = [x.resize((int(x.width * scale), int(x.height * scale))) for x in images]
    if captions is not None:
        images = [_captioned(x, text) for x, text in zip(images, captions, strict=True)]
    small = [image.quantize(64) for image in images]
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    small[0].save(
        target, save_all=True, append_images=small[1:], duration=milliseconds, loop=0, optimize=True
    )
    return target


def _captioned(image: Image.Image, text: str) -> Image.Image:
    page = Image.new("RGB", (image.width, image.height + 18), (255, 255, 255))
    page.paste(image, (0, 0))
    ImageDraw.Draw(page).text((4, image.height + 3), text, fill=(30, 30, 30))
    return page


@partial(jax.jit, static_argnums=(0, 1))
def _episode(
    env: Environment, policies: tuple[Policy, ...], params: tuple[Params, ...], key: Key
) -> tuple[State, Array, Array]:
    """States [T+1], rewards [T, A] and done [T] of one episode."""

    def step(now: tuple[State, object, tuple[Carry, ...]], time: Array):  # type: ignore[no-untyped-def]
        state, timestep, carries = now
        here = jax.random.fold_in(key, time)
        noise = jax.random.gumbel(here, (env.spec.num_agents, env.spec.num_actions))
        actions, after = [], []
        for seat, policy in enumerate(policies):
            seen = Inputs(
                timestep.obs[seat],  # type: ignore[attr-defined]
                timestep.mask[seat],  # type: ignore[attr-defined]
                time == 0,
                jnp.int32(seat),
                state if policy.needs_state else (),
            )
            carry, out = policy.apply(params[seat], carries[seat], seen)
            actions.append(sample(out.logits, seen.mask, noise[seat]))
            after.append(carry)
        state, timestep = env.step(here, state, jnp.stack(actions))
        return (state, timestep, tuple(after)), (state, timestep.reward, timestep.done)

    state, timestep = env.reset(jax.random.fold_in(key, 2**31 - 1))
    carries = tuple(policy.carry() for policy in policies)
    _, (states, rewards, done) = jax.lax.scan(
        step, (state, timestep, carries), jnp.arange(env.spec.horizon)
    )
    everything = jax.tree.map(lambda a, b: jnp.concatenate([a[None], b]), state, states)
    return everything, rewards, done
