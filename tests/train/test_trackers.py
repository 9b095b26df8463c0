"""Sinks for other people's programs, against stand-ins that keep what they are told."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import zsc
from zsc import PPOConfig, UserError
from zsc.populations import SelfPlay
from zsc.train import trackers
from zsc.train.sinks import Progress

Told = list[tuple[Any, ...]]


def fake(monkeypatch: pytest.MonkeyPatch, name: str, **parts: Any) -> None:
    module = ModuleType(name)
    for part, value in parts.items():
        setattr(module, part, value)
    monkeypatch.setitem(sys.modules, name, module)


def fake_tensorboard(monkeypatch: pytest.MonkeyPatch) -> Told:
    told: Told = []

    class SummaryWriter:
        def __init__(self, logdir: str, purge_step: int | None = None) -> None:
            told.append(("open", logdir, purge_step))

        def add_scalar(self, tag: str, value: float, step: int) -> None:
            told.append((tag, value, step))

        def close(self) -> None:
            told.append(("close",))

    fake(monkeypatch, "tensorboardX", SummaryWriter=SummaryWriter)
    return told


def fake_wandb(monkeypatch: pytest.MonkeyPatch) -> Told:
    told: Told = []

    class Run:
        def define_metric(self, name: str, step_metric: str) -> None:
            told.append(("axis", name, step_metric))

        def log(self, figures: dict[str, float]) -> None:
            told.append(("log", figures))

        def finish(self) -> None:
            told.append(("finish",))

    def init(**settings: Any) -> Run:
        told.append(("init", settings))
        return Run()

    fake(monkeypatch, "wandb", init=init)
    return told


def fake_mlflow(monkeypatch: pytest.MonkeyPatch) -> Told:
    told: Told = []
    fake(
        monkeypatch,
        "mlflow",
        set_tracking_uri=lambda uri: told.append(("uri", uri)),
        start_run=lambda **settings: told.append(("start", settings)),
        log_metrics=lambda figures, step: told.append(("log", figures, step)),
        end_run=lambda: told.append(("end",)),
    )
    return told


ROW = {
    "update": 3, "steps": 300, "return": np.array([1.0, 3.0]), "loss": np.array([2.0, np.nan])
}  # fmt: skip


def feed(sink: trackers.Tracker) -> None:
    sink.start(Progress(2, 9, 100, 2, "training"))
    sink.write([ROW], 1.0)
    sink.judged({"update": 3, "steps": 300, "return": np.array([0.5, 0.5]), "with hog": [0.5, 0.5]})
    sink.close()
    sink.start(Progress(0, 9, 100, 2, "responses"))
    sink.write([ROW], 1.0)
    sink.close()


def test_tensorboard_gets_means_and_members_and_forgets_what_is_done_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = fake_tensorboard(monkeypatch)
    feed(trackers.tensorboard(tmp_path, members=1))
    assert told == [
        ("open", str(tmp_path), 201),
        ("return", 2.0, 300),
        ("return/member 0", 1.0, 300),
        ("loss", 2.0, 300),
        ("validation/return", 0.5, 300),
        ("validation/return/member 0", 0.5, 300),
        ("validation/with hog", 0.5, 300),
        ("close",),
        ("open", str(tmp_path), None),
        ("responses/return", 2.0, 300),
        ("responses/return/member 0", 1.0, 300),
        ("responses/loss", 2.0, 300),
        ("close",),
    ]


def test_wandb_has_steps_as_its_axis(monkeypatch: pytest.MonkeyPatch) -> None:
    told = fake_wandb(monkeypatch)
    feed(trackers.wandb(project="zsc", name="x", members=1))
    assert told[:3] == [
        ("init", {"project": "zsc", "name": "x"}),
        ("axis", "*", "steps"),
        ("log", {"return": 2.0, "return/member 0": 1.0, "loss": 2.0, "steps": 300}),
    ]
    assert told[-1] == ("finish",)
    assert "responses/return" in told[-2][1]


def test_mlflow_gets_figures_at_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    told = fake_mlflow(monkeypatch)
    feed(trackers.mlflow(uri="file:x", run_name="y", members=0))
    assert told[:3] == [
        ("uri", "file:x"),
        ("start", {"run_name": "y"}),
        ("log", {"return": 2.0, "loss": 2.0}, 300),
    ]
    assert told[-1] == ("end",)


def test_a_training_tells_a_tracker_every_update(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    told = fake_tensorboard(monkeypatch)
    ppo = PPOConfig(envs=16, segments=1, epochs=2, minibatches=1, shaping_steps=0)
    recipe = SelfPlay(members=3, steps=16 * 7, learner=ppo)
    recipe.train(zsc.make("lever"), sinks=[trackers.tensorboard(tmp_path)])
    assert [step for tag, _, step in told[1:-1] if tag == "return"] == [16 * u for u in range(1, 8)]
    assert told[-1] == ("close",)


@pytest.mark.parametrize(
    ("make", "package"),
    [
        (lambda: trackers.tensorboard("x"), "tensorboardX"),
        (trackers.wandb, "wandb"),
        (trackers.mlflow, "mlflow"),
    ],
)
def test_what_is_not_installed_is_said_in_one_line(
    make: Any, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)  # as if it were not there
    with pytest.raises(UserError, match=f"pip install {package}$"):
        make()
