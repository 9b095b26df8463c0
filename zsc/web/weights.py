"""Networks as a page's script reads them: which layers there are, and their weights in a row."""

from __future__ import annotations

import base64
from typing import Any

import jax
import numpy as np

from zsc.agents.policy import Policy
from zsc.agents.pool import Pool
from zsc.errors import UserError

#: The parts of flax's gated recurrent unit, as its cell names them.
_GATES = ("ir", "iz", "in", "hr", "hz", "hn")
KINDS = ("mlp", "gru")


def network_of(policy: Policy) -> dict[str, Any]:
    """What `pages/network.js` has to know of a policy beside its weights.

    Layers are [name, inputs, outputs, has a bias]; the critic is left out, it does not act. Raises
    UserError for a policy that a page cannot run.
    """
    if policy.name not in KINDS:
        raise UserError(
            f"agents of the kind {policy.name!r} cannot act in a page: give such of mlp_policy or "
            "gru_policy"
        )
    config = dict(policy.config)
    shapes = jax.eval_shape(policy.init, jax.random.key(0))
    layers = [
        [name, *layer["kernel"].shape, "bias" in layer]
        for name, layer in _layers(policy, shapes).items()
    ]
    return {
        "activation": config["activation"],
        "hidden": config.get("hidden", 0),
        "scale": config["obs_max"],
        "layers": layers,
    }


def weights_of(pool: Pool) -> list[str]:
    """[P] the weights of each agent's layers, in the order of `network_of`: base64 of float32,
    little end first."""
    layers = _layers(pool.policy, pool.params).values()
    arrays = [layer[part] for layer in layers for part in ("kernel", "bias") if part in layer]
    rows = [np.asarray(array, "<f4").reshape(len(pool), -1) for array in arrays]
    return [base64.b64encode(row.tobytes()).decode() for row in np.concatenate(rows, axis=1)]


def _layers(policy: Policy, params: Any) -> dict[str, dict[str, Any]]:
    """Kernel and bias of each layer, by what the script calls it, in its order."""
    own = params["params"]
    torso = range(len(dict(policy.config)["widths"]))
    layers = {f"torso{i}": own["MLP_0"][f"Dense_{i}"] for i in torso}
    if policy.name == "gru":
        layers |= {gate: own["GRUCell_0"][gate] for gate in _GATES}
    return layers | {"actor": own["ActorCritic_0"]["actor"]}
