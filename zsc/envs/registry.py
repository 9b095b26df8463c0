"""Games by name, those of installed packages too.

A name is a family, or a family and one of its variants: "hanabi", "hanabi/small-2p". The ids of a
family's games begin with its name, so that a run or a record finds its game again.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, is_dataclass
from typing import Any

from zsc.envs.base import Environment, settings_of
from zsc.envs.dual_destination import DualDestination
from zsc.envs.hanabi import VARIANTS, Hanabi
from zsc.envs.lbf import VARIANTS as FORAGING
from zsc.envs.lbf import Foraging
from zsc.envs.lever import Lever
from zsc.envs.mpe import SCENES, Particles
from zsc.envs.overcooked import LAYOUTS, ORDERED, ManyKitchens, Overcooked
from zsc.envs.overcooked_v2 import LAYOUTS as V2_LAYOUTS
from zsc.envs.overcooked_v2 import OvercookedV2
from zsc.envs.small import CatAndDog, HiddenCoin, SwitchRiddle, TwoStepLever, TwoStepMatrix
from zsc.envs.smax import SCENARIOS, Smax
from zsc.envs.storm import VARIANTS as STORMS
from zsc.envs.storm import Storm
from zsc.errors import UserError, shorten, unknown
from zsc.registry import Registry, resolve
from zsc.schema import MisfitError, as_fields


@dataclass(frozen=True)
class Family:
    """A game with its variants.

    build: the game's frozen dataclass (or what makes it), or "module:name" of it, imported when the
        game is asked for.
    variants: settings of the named games, e.g. {"small-2p": {"colours": 2}}.
    bots: "module:function", environment -> pool of scripted partners.
    table: "module:function", the table of behaviour of a cross-play of this game.
    needs: settings that the bare name must be given.
    forms: games of the family with a class of their own, by what follows the slash.
    """

    build: Callable[..., Any] | str
    variants: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    bots: str | None = None
    table: str | None = None
    needs: tuple[str, ...] = ()
    forms: Mapping[str, Callable[..., Any] | str] = field(default_factory=dict)


FAMILIES: Registry[Family] = Registry("environment", "register_env")


def register_env(name: str, family: Family | Callable[..., Any]) -> None:
    """Make a game known to `make`, to resumed runs and to records.

    family: a `Family`, or the game's class alone. Packages that are installed do without the call:
    an entry point of the group "zsc.register_env" with that name and object is found by itself.
    Raises UserError for a name that is taken, or has a slash.
    """
    FAMILIES.add(name, family if isinstance(family, Family) else Family(family))


def make(name: str, /, **settings: Any) -> Environment:
    """The game of that name, e.g. `make("overcooked/cramped_room", horizon=200)`.

    Settings are the fields of the game's class. `make("overcooked", layout=TEXT)` builds any
    kitchen from a drawing. Raises UserError for an unknown name or setting.
    """
    family, variant = _named(name)
    if variant in family.forms:
        family, variant = Family(family.forms[variant]), ""
    fixed = family.variants[variant] if variant else {}
    other = {key: value for key, value in settings.items() if fixed.get(key) != value}
    _check(f"setting of {name}", other, set(_settings(family)) - set(fixed))
    for need in () if variant else family.needs:
        if need not in settings:
            article = "an" if need[0] in "aeiou" else "a"
            example = f", or a name such as {name}/{next(iter(family.variants), None)}"
            raise UserError(
                f'{name} needs {article} {need}: make("{name}", {need}=...)'
                f"{example if family.variants else ''}"
            )
    return _built(name, family, {**fixed, **settings})


def rebuild(id: str, settings: Mapping[str, Any]) -> Environment:
    """The game with this id and all its settings, as a run's manifest tells them.

    Raises UserError for an unknown game or setting, and for settings of another type.
    """
    name, _, form = id.partition("/")
    family = _family(name, id)
    if form in family.forms:
        family = Family(family.forms[form])
    _check(f"setting of {id}", settings, _settings(family))
    kind: Any = resolve(family.build)
    if is_dataclass(kind):
        try:
            settings = as_fields(kind, settings, names=tuple(settings))
        except MisfitError as error:
            raise UserError(f"{id} cannot be made with such settings: {error}") from None
        except NameError:  # types that are named for the checker only
            pass
    return _built(id, family, settings)


def bots_of(env: Environment) -> Callable[[Environment], Any] | None:
    """What makes the scripted partners that a game's family names, None if it names none."""
    family = FAMILIES.find(env.spec.id.partition("/")[0])
    return resolve(family.bots) if isinstance(family, Family) and family.bots else None


def list_envs() -> tuple[str, ...]:
    """Every name that `make` knows."""
    known = [(name, _family(name)) for name in FAMILIES]
    return tuple(
        x
        for name, family in known
        for x in (name, *(f"{name}/{v}" for v in (*family.variants, *family.forms)))
    )


def _named(name: str) -> tuple[Family, str]:
    """The family of a name, and the variant, "" for the family's own name."""
    start, slash, variant = name.partition("/")
    family = _family(start, name)
    if slash and variant not in family.variants and variant not in family.forms:
        raise FAMILIES.unknown(name, list_envs())
    return family, variant


def _family(name: str, asked: str | None = None) -> Family:
    found: Any = FAMILIES.find(name)
    if found is None:
        raise FAMILIES.unknown(asked or name, list_envs())
    # an entry point may name the class alone
    return found if isinstance(found, Family) else Family(found)


def _settings(family: Family) -> tuple[str, ...]:
    return tuple(inspect.signature(resolve(family.build)).parameters)


def _check(what: str, settings: Mapping[str, Any], allowed: Any) -> None:
    for setting in settings:
        if setting not in allowed:
            raise unknown(what, setting, allowed)


def _built(name: str, family: Family, settings: Mapping[str, Any]) -> Environment:
    try:
        env: Environment = resolve(family.build)(
            **{key: _hashable(value) for key, value in settings.items()}
        )
        hash(env)
        spec = env.spec
    except UserError:
        raise
    except Exception as error:  # with values that are not its own, a game can fail in any way
        given = ", ".join(f"{key}={value!r}" for key, value in settings.items())
        raise UserError(f"{name} cannot be made with {shorten(given, 400)}: {error}") from error
    family_name = name.partition("/")[0]
    if spec.id.partition("/")[0] != family_name:
        raise UserError(
            f"the game registered as {family_name!r} calls itself {spec.id!r}: its id must "
            f"begin with {family_name!r}, or no run would find it again"
        )
    settings_of(env)  # refused here if they cannot be written down
    return env


def _hashable(value: Any) -> Any:
    """Lists as tuples, at any depth: JSON knows no other, and environments are hashed."""
    return tuple(map(_hashable, value)) if isinstance(value, list | tuple) else value


register_env("lever", Family(Lever, {"iterated": {"rounds": 6}}))
register_env("two_step_matrix", Family(TwoStepMatrix))
register_env("two_step_lever", Family(TwoStepLever))
register_env("hidden_coin", Family(HiddenCoin))
register_env("cat_and_dog", Family(CatAndDog))
register_env("switch_riddle", Family(SwitchRiddle))
register_env("dual_destination", Family(DualDestination, {"fixed": {"fixed": True}}))
# any game of jaxmarl, where that is installed
register_env("jaxmarl", Family("zsc.adapters.jaxmarl:JaxmarlGame", needs=("env",)))
# and those of jumanji that have several agents
register_env("jumanji", Family("zsc.adapters.jumanji:JumanjiGame", needs=("env",)))
register_env("mpe", Family(Particles, {name: {"scene": name} for name in SCENES}, needs=("scene",)))
register_env(
    "lbf",
    Family(
        Foraging,
        FORAGING,
        bots="zsc.agents.bots.lbf:foraging_bots",
        table="zsc.evaluation.games.lbf:foraging_table",
    ),
)
register_env(
    "overcooked",
    Family(
        Overcooked,
        {name: {"layout": name} for name in LAYOUTS}
        | {name: {"layout": name, "dynamics": "2020"} for name in ORDERED},
        bots="zsc.agents.bots.overcooked:overcooked_bots",
        table="zsc.evaluation.games.overcooked:event_table",
        needs=("layout",),
        forms={"kitchens": ManyKitchens},
    ),
)
register_env(
    "overcooked_v2",
    Family(
        OvercookedV2,
        {name: {"layout": name} for name in V2_LAYOUTS},
        bots="zsc.agents.bots.overcooked_v2:overcooked_v2_bots",
        needs=("layout",),
    ),
)
register_env(
    "hanabi",
    Family(
        Hanabi,
        VARIANTS,
        bots="zsc.agents.bots.hanabi:hanabi_bots",
        table="zsc.evaluation.games.hanabi:play_table",
    ),
)
register_env(
    "smax",
    Family(
        Smax,
        {name: {"scenario": name} for name in SCENARIOS},
        bots="zsc.agents.bots.smax:smax_bots",
        needs=("scenario",),
    ),
)
register_env("storm", Family(Storm, STORMS, table="zsc.evaluation.games.storm:meeting_table"))
