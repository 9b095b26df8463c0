"""Networks by name: what `zsc train --network NAME` trains, those of installed packages too."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from zsc.agents.policy import Policy, cnn_policy, gru_policy, mlp_policy
from zsc.envs.base import EnvSpec
from zsc.registry import Registry

MakePolicy: TypeAlias = Callable[[EnvSpec], Policy]

NETWORKS: Registry[MakePolicy] = Registry("network", "register_network")


def register_network(name: str, make: MakePolicy) -> None:
    """Make a network known to `zsc train --network NAME` and to files of settings.

    make: the policy for a game's spec, what a recipe's `network` takes; methods that need several
    value heads call it with `num_values=`. An entry point of the group "zsc.register_network" does
    the same. Stored agents find their policy by `zsc.register_policy`. Raises UserError for a name
    that is taken.
    """
    NETWORKS.add(name, make)


register_network("mlp", mlp_policy)
register_network("cnn", cnn_policy)
register_network("gru", gru_policy)
