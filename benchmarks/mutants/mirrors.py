"""The tests that mirror a file: what a change of it should make fail."""

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
_LADDER = "tests/populations/test_ladder.py"
_REASONING = "tests/populations/test_reasoning.py"


def _row(method: str) -> tuple[str, ...]:
    """What is tested of every method, for one of them."""
    every = (
        "test_nothing_is_reported_but_true_returns_and_ratios_begin_at_one",
        "test_every_parameter_learns",
        "test_a_run_is_the_same_alone",
    )
    return tuple(f"tests/populations/test_every_method.py::{name}[{method}]" for name in every)


#: The tests that mirror a file, where that is not the file of the same name.
MIRRORS = {
    "zsc/learn/gae.py": ("tests/learn/test_gae.py", "tests/learn/test_ppo.py"),
    "zsc/play/acting.py": (
        "tests/play/test_rollout.py",
        "tests/play/test_episode.py",
        "tests/train/test_core.py",
    ),
    "zsc/play/episode.py": ("tests/play/test_episode.py",),
    "zsc/play/film.py": ("tests/play/test_films.py",),
    "zsc/play/kinds.py": ("tests/play/test_crossplay.py",),
    "zsc/play/rollout.py": ("tests/play/test_rollout.py",),
    "zsc/play/teams.py": ("tests/play/test_teams.py", "tests/evaluation/test_teams.py"),
    "zsc/play/tiles.py": ("tests/play/test_crossplay.py",),
    "zsc/train/loop.py": ("tests/train/test_loop.py",),
    "zsc/train/method.py": ("tests/train/test_update.py",),
    "zsc/train/run.py": ("tests/train/test_state.py",),
    "zsc/train/sinks.py": ("tests/train/test_loop.py",),
    "zsc/train/state.py": ("tests/train/test_update.py",),
    "zsc/train/update.py": ("tests/train/test_update.py",),
    "populations/behaviour_cloning.py": ("tests/populations/test_cloning_by_hand.py",),
    "populations/best_response.py": (
        "tests/populations/test_partners.py",
        "tests/populations/test_recipes.py",
    ),
    "populations/hooks/partners.py": ("tests/populations/test_partners.py",),
    "populations/hooks/payoffs.py": ("tests/train/test_core.py",),
    "populations/hooks/snapshots.py": (
        "tests/train/test_core.py",
        "tests/populations/test_fictitious_co_play.py",
    ),
    "populations/journal.py": ("tests/train/test_core.py", "tests/populations/test_resume.py"),
    **{
        f"populations/{name}.py": ("tests/populations/test_recipes.py",)
        for name in ("high_entropy", "other_play", "presets", "recipe", "self_play", "stage")
    },
    "zsc/play/stepping.py": ("tests/web/test_game.py", "tests/adapters/test_doors.py"),
    "populations/hooks/beliefs.py": (_REASONING,),
    "populations/hooks/fictions.py": (_REASONING,),
    "populations/hooks/groups.py": ("tests/populations/test_hooks.py", *_row("lipo")),
    "populations/hooks/guesses.py": (f"{_LADDER}::test_a_predictor_finds_out_who_the_partner_is",),
    "populations/hooks/players.py": ("tests/populations/test_hooks.py",),
    "populations/hooks/shapley.py": (
        f"{_LADDER}::test_coles_values_are_those_of_the_paper_s_game",
        f"{_LADDER}::test_who_is_not_there_counts_nothing",
        *_row("cole"),
    ),
    "populations/hooks/starts.py": (
        f"{_LADDER}::test_states_are_those_that_pairs_of_the_group_reach",
        f"{_LADDER}::test_episodes_begin_where_the_group_came_with_the_clock_at_zero",
    ),
    "populations/any_play.py": (
        f"{_LADDER}::test_any_play_specialists_show_their_code",
        *_row("any-play"),
    ),
    "populations/best_response_diversity.py": (
        "tests/populations/test_hooks.py",
        f"{_LADDER}::test_brdiv_and_its_lagrangian_pairs_are_of_no_use_to_each_other",
        *_row("brdiv"),
        *_row("lbrdiv"),
    ),
    "populations/cole.py": (
        f"{_LADDER}::test_coles_values_are_those_of_the_paper_s_game",
        *_row("cole"),
    ),
    "populations/comedi.py": (
        f"{_LADDER}::test_only_mixed_play_goes_on_after_a_round_that_failed",
        *_row("comedi"),
    ),
    "populations/e3t.py": (
        f"{_LADDER}::test_a_predictor_finds_out_who_the_partner_is",
        *_row("e3t"),
    ),
    "populations/hidden_utility.py": (
        f"{_LADDER}::test_most_different_takes_shares_of_the_largest_count",
        f"{_LADDER}::test_hsp_keeps_partners_of_different_tastes",
        *_row("hsp"),
    ),
    "populations/human_regularised.py": (
        "tests/populations/test_human_regularised.py",
        *_row("hr"),
    ),
    "populations/incompatible_policies.py": (
        f"{_LADDER}::test_lipo_members_shun_each_other",
        *_row("lipo"),
    ),
    "populations/k_level.py": (_REASONING, *_row("k-level")),
    "populations/maximum_entropy.py": (
        "tests/populations/test_hooks.py",
        f"{_LADDER}::test_mep_spreads_the_population",
        f"{_LADDER}::test_mep_meets_each_partner_and_seat_by_its_rank",
    ),
    "populations/off_belief.py": (_REASONING,),
    "populations/paired.py": (
        f"{_LADDER}::test_regret_keeps_a_partner_that_can_be_answered_and_minimax_does_not",
        *_row("paired"),
    ),
    "populations/pecan.py": ("tests/populations/test_pecan.py", *_row("pecan")),
    "populations/population_based.py": (f"{_LADDER}::test_pbt_copies_the_best", *_row("pbt")),
    "populations/rotate.py": (
        f"{_LADDER}::test_a_partner_of_rotate_is_of_use_where_only_its_response_would_have_led",
        *_row("rotate"),
    ),
    "populations/sad.py": (_REASONING,),
    "populations/state_augmentation.py": (
        f"{_LADDER}::test_episodes_begin_where_the_group_came_with_the_clock_at_zero",
        *_row("sa"),
    ),
    "populations/trajectory_diversity.py": (
        f"{_LADDER}::test_trajedis_gradient_is_that_of_the_divergence",
        f"{_LADDER}::test_trajedi_moves_members_apart_at_no_cost",
        *_row("trajedi"),
    ),
    "populations/two_stage.py": (
        "tests/populations/test_fictitious_co_play.py",
        f"{_LADDER}::test_mep_meets_each_partner_and_seat_by_its_rank",
        *_row("mep"),
        *_row("comedi"),
    ),
    "evaluation/stats.py": (
        "tests/evaluation/test_node_bootstrap.py",
        "tests/evaluation/test_stats.py",
    ),
}


def near(file: str) -> tuple[str, ...]:
    """The tests that mirror a file."""
    if file in MIRRORS:
        return MIRRORS[file]
    folder = Path("tests", *Path(file).parts[1 if file.startswith("zsc/") else 0 : -1])
    return (str(folder / f"test_{Path(file).name}"),)


def wide(file: str) -> tuple[str, ...]:
    """The rest of the folder that mirrors a file's, the quicker files first."""
    room = Path(file).parts[1 if file.startswith("zsc/") else 0]
    slow = {
        "test_ladder.py",
        "test_every_method.py",
        "test_films.py",
        "test_resume.py",
        "test_heldout.py",
    }
    rest = [
        str(path.relative_to(ROOT))
        for path in sorted(
            (ROOT / "tests" / room).glob("test_*.py"), key=lambda p: p.stat().st_size
        )
        if path.name not in slow
    ]
    return tuple(path for path in rest if path not in near(file))
