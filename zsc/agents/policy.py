"""Policies: pure functions for one agent, rebuilt from a name and a config.

A policy has no parameters of its own; `init` makes them, and whoever stacks parameters makes a
population. The same type holds networks, scripted partners and mixtures, so everything that plays
takes any of them.
"""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp

from zsc.checks import plain
from zsc.envs.base import EnvSpec
from zsc.errors import UserError, unknown
from zsc.nets import FeedForward, Recurrent, distribution, log_probs
from zsc.registry import Registry
from zsc.types import Array, Carry, Key, Params, State

Config = tuple[tuple[str, Any], ...]

READS = ("state", "actions", "latent", "meant")  # what a policy may be given beside observations


class Inputs(NamedTuple):
    """What one agent is given at one step."""

    obs: Array  # [...] as the game shows it
    mask: Array  # [N] legal actions
    first: Array  # [] bool, first step of an episode: the carry is as good as `Policy.carry()`
    agent: Array  # [] int32, the seat
    state: State = ()  # the game's state; if the policy reads "state"
    # [A] int32 the last joint action, its own first, then by seat; -1 before the first; "actions"
    acted: Any = ()
    latent: Any = ()  # what the match told this role; if it reads "latent"
    # [A] int32, as `acted`: what those who learn would have done had they not explored; "meant"
    meant: Any = ()


class Out(NamedTuple):
    """What one agent answers."""

    logits: Array  # [N]
    value: Array  # [V]
    extra: Any = ()


@dataclass(frozen=True)
class Policy:
    """Pure functions for ONE agent, unbatched; `jax.vmap` adds axes.

    init(key) -> params; carry() -> the carry of a fresh episode; apply(params, carry, Inputs) ->
    (carry, Out). Two policies of equal name and config are equal and share compiled programs.

    reads: what it is given beside observations, any of "state" (scripts and views of another
        encoding), "actions" (the last joint action), "latent" (what a match told its role) and
        "meant" (the greedy last joint action, which is the last one where nobody explores).
    """

    name: str
    config: Config
    init: Callable[[Key], Params] = field(compare=False, repr=False)
    carry: Callable[[], Carry] = field(compare=False, repr=False)
    apply: Callable[[Params, Carry, Inputs], tuple[Carry, Out]] = field(compare=False, repr=False)
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in self.reads:
            if name not in READS:
                raise unknown("entry of reads", name, READS)

    @property
    def recurrent(self) -> bool:
        """True if the policy remembers anything."""
        return bool(jax.tree.leaves(self.carry()))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as it is stored: by name and config, since functions made inside others cannot
        be. Raises UserError if that would be another policy."""
        check_rebuilds(self)
        return build, (self.name, self.config)

    def __copy__(self) -> Policy:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Policy:
        return self


@dataclass(frozen=True)
class Team:
    """Several policies that one member trains together, such as a confederate and its response.

    Parameters are a tuple with one entry for each. `MatchSpec.cast` says which of them plays which
    role; one that is cast in no role plays nowhere and learns from the method's loss alone, as a
    discriminator does.

    rates: learning rates of the policies as multiples of the learner's; all 1 if left out. Each
        policy has its own gradient clipping and moments.
    """

    policies: tuple[Policy, ...]
    rates: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.policies:
            raise UserError("a team of no policies: give at least one")
        if self.rates and len(self.rates) != len(self.policies):
            raise UserError(
                f"{len(self.rates)} rates for {len(self.policies)} policies: give one for each"
            )

    def init(self, key: Key) -> tuple[Params, ...]:
        """Fresh parameters of all of them."""
        return tuple(
            policy.init(jax.random.fold_in(key, i)) for i, policy in enumerate(self.policies)
        )


def policies_of(policy: Policy | Team) -> tuple[Policy, ...]:
    """The policies of a team; one policy is a team of one."""
    return policy.policies if isinstance(policy, Team) else (policy,)


POLICIES: Registry[Callable[..., Policy]] = Registry("policy", "register_policy")


def register(name: str) -> Callable[[Callable[..., Policy]], Callable[..., Policy]]:
    """Make a builder known under a name, so that stored pools can rebuild their policy.

    Public as `zsc.register_policy`; an entry point of that group names the builder itself. Raises
    UserError for a name that is taken.
    """
    return lambda builder: POLICIES.add(name, builder)


def build(name: str, config: Config) -> Policy:
    """The policy of that name and config. Raises UserError for an unknown name."""
    return POLICIES.get(name)(**dict(config))


def as_config(value: Any) -> Any:
    """A config as tuples of plain values, of JSON's lists and numpy's numbers."""
    value = plain(value)
    return tuple(map(as_config, value)) if isinstance(value, list | tuple) else value


def check_rebuilds(policy: Policy) -> None:
    """Raise UserError unless name and config build the same policy again."""
    if policy.name not in POLICIES:
        raise UserError(
            f"the policy {policy.name!r} is not registered, so that it cannot be built again: put "
            f"@zsc.register_policy({policy.name!r}) before the function that builds it"
        )
    again = build(policy.name, policy.config)
    same = (again.config, again.reads) == (policy.config, policy.reads)
    if not same or any(_code(again, f) != _code(policy, f) for f in ("init", "carry", "apply")):
        raise UserError(
            f"what is registered as policy {policy.name!r} builds another one than this: give "
            "yours a name of its own, and register the function that builds it by "
            "zsc.register_policy"
        )


def check_written(policy: Policy) -> None:
    """Raise UserError for a policy that no file can describe, or that would load as another one.

    Warns if it is not registered: it can be written, but not be loaded before it is.
    """
    try:
        config = as_config(json.loads(json.dumps(as_config(policy.config))))
    except (TypeError, ValueError):
        config = None
    if config != policy.config:
        raise UserError(
            f"the config of policy {policy.name!r} cannot be written: give it as (name, value) "
            "pairs of numbers, texts, None, and tuples of them"
        )
    if policy.name in POLICIES:
        check_rebuilds(policy)
        return
    warnings.warn(
        f"the policy {policy.name!r} is not registered: no other program can load its agents "
        f"before it imports what puts @zsc.register_policy({policy.name!r}) before the function "
        "that builds it",
        stacklevel=3,
    )


def _code(policy: Policy, function: str) -> Any:
    """What a function of a policy does, whatever it was made with; lines do not matter."""
    whole = inspect.unwrap(getattr(policy, function))
    code = getattr(whole, "__code__", None)
    return type(whole) if code is None else (code.co_code, code.co_names, code.co_freevars)


@overload
def in_turns(spec: EnvSpec, policy: Policy) -> Policy: ...


@overload
def in_turns(spec: EnvSpec, policy: Policy | Team) -> Policy | Team: ...


def in_turns(spec: EnvSpec, policy: Policy | Team) -> Policy | Team:
    """The policy as it plays a game: in a game of turns its memory stands still while it waits.

    So it remembers its own turns, and training need not work out what a waiting agent thinks. All
    that plays (rollouts, cross-play, records) asks policies through this. In games without turns,
    and without memory, it is the policy itself. Of a team, each of its policies.
    """
    if isinstance(policy, Team):
        return Team(tuple(in_turns(spec, one) for one in policy.policies), policy.rates)
    if not spec.turns or not policy.recurrent:
        return policy

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        after, out = policy.apply(params, carry, inputs)
        waits = inputs.mask[spec.idle_action] & (inputs.mask.sum() == 1)
        return jax.tree.map(lambda old, new: jnp.where(waits, old, new), carry, after), out

    return replace(policy, apply=apply)


def no_carry() -> Carry:
    """The carry of a policy without memory."""
    return ()


@register("mlp")
def _mlp(**config: Any) -> Policy:
    return _feed_forward("mlp", config)


@register("cnn")
def _cnn(**config: Any) -> Policy:
    return _feed_forward("cnn", config)


def _feed_forward(name: str, config: dict[str, Any]) -> Policy:
    shape = config["obs_shape"]
    options = {key: value for key, value in config.items() if key != "obs_shape"}
    network = FeedForward(**options)

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        said: Any = network.apply(params, inputs.obs)
        logits, value = said
        return carry, Out(logits, value)

    return Policy(
        name=name,
        config=tuple(sorted(config.items())),
        init=lambda key: network.init(key, jnp.zeros(shape)),
        carry=no_carry,
        apply=apply,
    )


@register("gru")
def _gru(**config: Any) -> Policy:
    shape, hidden = config["obs_shape"], config["hidden"]
    options = {key: value for key, value in config.items() if key != "obs_shape"}
    network = Recurrent(**options)

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        carry = jnp.where(inputs.first, 0.0, carry)
        said: Any = network.apply(params, carry, inputs.obs)
        carry, (logits, value) = said
        return carry, Out(logits, value)

    return Policy(
        name="gru",
        config=tuple(sorted(config.items())),
        init=lambda key: network.init(key, jnp.zeros(hidden), jnp.zeros(shape)),
        carry=lambda: jnp.zeros(hidden),
        apply=apply,
    )


def _base_config(spec: EnvSpec) -> dict[str, Any]:
    return {
        "num_actions": spec.num_actions,
        "obs_shape": spec.obs_shape,
        "obs_max": spec.obs_scale,
    }


def mlp_policy(
    spec: EnvSpec,
    *,
    widths: tuple[int, ...] = (64, 64),
    activation: str = "relu",
    num_values: int = 1,
) -> Policy:
    """Dense layers with one trunk for actor and critic.

    num_values: value heads; `MatchSpec.value` says which of them learns from which games.
    """
    extra = {"widths": widths, "activation": activation, "num_values": num_values}
    return _mlp(**_base_config(spec), **extra)


def cnn_policy(
    spec: EnvSpec,
    *,
    channels: tuple[int, ...] = (32, 32),
    widths: tuple[int, ...] = (64,),
    activation: str = "relu",
    num_values: int = 1,
    interior: bool = True,
) -> Policy:
    """3x3 convolutions on a grid observation [H, W, C], then dense layers.

    interior: the first convolution is centred on cells with eight neighbours only. The border of a
    kitchen is wall and still seen; the arithmetic is a third (small kitchens) to a half.
    """
    extra = {"channels": channels, "widths": widths, "activation": activation}
    inside = interior and min(spec.obs_shape[:2]) > 2
    return _cnn(**_base_config(spec), **extra, num_values=num_values, interior=inside)


def gru_policy(
    spec: EnvSpec,
    *,
    widths: tuple[int, ...] = (64,),
    hidden: int = 64,
    activation: str = "relu",
    num_values: int = 1,
) -> Policy:
    """Dense layers and a gated recurrent unit."""
    extra = {"widths": widths, "hidden": hidden, "activation": activation, "num_values": num_values}
    return _gru(**_base_config(spec), **extra)


@register("constant")
def constant_policy(*, num_actions: int) -> Policy:
    """Always the same action, which is the parameter: an int32 []."""
    return Policy(
        name="constant",
        config=(("num_actions", num_actions),),
        init=lambda key: jax.random.randint(key, (), 0, num_actions, jnp.int32),
        carry=no_carry,
        apply=lambda params, carry, inputs: (
            carry,
            Out(certain(params, num_actions), jnp.zeros(1)),
        ),
    )


def certain(action: Array, num_actions: int) -> Array:
    """Logits [N] of a policy that is sure of one action."""
    return jnp.where(jnp.arange(num_actions) == action, 0.0, -1e9)


@register("greedy")
def _greedy(*, name: str, config: Config) -> Policy:
    return greedy(build(name, config))


def greedy(policy: Policy) -> Policy:
    """The same policy, always taking its most likely legal action. Same parameters.

    Actions that are exactly as likely are taken in turn by chance: the first of them would be a
    convention that nobody has learned.
    """
    if policy.name == "greedy":
        return policy

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        carry, out = policy.apply(params, carry, inputs)
        probs = jnp.where(inputs.mask, log_probs(out.logits, inputs.mask), -jnp.inf)
        return carry, out._replace(logits=jnp.where(probs == probs.max(), 0.0, -1e9))

    config = (("config", policy.config), ("name", policy.name))
    return replace(policy, name="greedy", config=config, apply=apply)


@register("mixture")
def _mixture(*, name: str, config: Config, epsilon: float) -> Policy:
    return mixture(build(name, config), epsilon)


def mixture(policy: Policy, epsilon: float | Array) -> Policy:
    """With probability epsilon a uniform legal action, else the policy's. Same parameters."""

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        carry, out = policy.apply(params, carry, inputs)
        own = distribution(out.logits, inputs.mask).probs
        uniform = inputs.mask / inputs.mask.sum()
        probs = epsilon * uniform + (1.0 - epsilon) * own
        return carry, out._replace(logits=jnp.log(jnp.maximum(probs, 1e-30)))

    config = (("config", policy.config), ("epsilon", epsilon), ("name", policy.name))
    return replace(policy, name="mixture", config=config, apply=apply)


@register("trembling")
def _trembling(*, name: str, config: Config) -> Policy:
    return trembling(build(name, config))


def trembling(policy: Policy) -> Policy:
    """`mixture` with epsilon as a parameter: (own parameters, epsilon []), fresh ones with 0.

    So agents that differ in how often they act at random are a pool of one kind; with epsilon 1
    the agent is the uniform policy, whatever its own parameters.
    """

    def apply(params: Any, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        own, epsilon = params
        return mixture(policy, epsilon).apply(own, carry, inputs)

    config = (("config", policy.config), ("name", policy.name))
    init = lambda key: (policy.init(key), jnp.zeros(()))
    return replace(policy, name="trembling", config=config, init=init, apply=apply)


@register("told")
def _told(*, name: str, config: Config, latent: tuple[float, ...]) -> Policy:
    return told(build(name, config), latent)


def told(policy: Policy, latent: tuple[float, ...]) -> Policy:
    """The policy with a latent of its own instead of what a match would tell it. Same parameters.

    Outside training nobody draws latents: cross-play and records take policies that need none.
    """
    if "latent" not in policy.reads:
        raise UserError(f"the policy {policy.name!r} reads no latent: play it as it is")

    def apply(params: Params, carry: Carry, inputs: Inputs) -> tuple[Carry, Out]:
        return policy.apply(params, carry, inputs._replace(latent=jnp.asarray(latent)))

    config = (("config", policy.config), ("latent", latent), ("name", policy.name))
    reads = tuple(name for name in policy.reads if name != "latent")
    return replace(policy, name="told", config=config, apply=apply, reads=reads)
