"""What a record contains: its moves, and the situations in which a rule shows."""

from __future__ import annotations

from collections import Counter

from tests.hanabi_oracle.record import NO_CARD, Move, Record, Snapshot, Variant, at, read_move


def cover(record: Record) -> Counter[str]:
    """Count the moves of a record by kind and by what came of them, and how the game ended."""
    counts = Counter(games=1, steps=len(record.moves), bits=record.obs.size)
    for step, number in enumerate(record.moves):
        old, new = at(record.states, step), at(record.states, step + 1)
        move = read_move(record.variant, int(number))
        if move.seat:
            counts.update(_hint(record, step, old, move))
        else:
            counts.update(_card_move(record, step, old, new, move))
        counts["last-round move"] += int(old["deck_size"] == 0)
        counts["discard forbidden"] += int(old["info"] == record.variant.info_tokens)
        counts["hint forbidden"] += int(old["info"] == 0)
    short = (record.states["hands"][..., 0] == NO_CARD).any((1, 2))
    counts["state with a short hand"] = int(short.sum())
    counts[_end(record)] += 1
    counts["longest possible game"] += int(len(record.moves) == record.variant.longest)
    return +counts


def _hint(record: Record, step: int, old: Snapshot, move: Move) -> list[str]:
    """A hint: to whom, how many cards it touches, and whether it tells anything."""
    target = (int(old["cur"]) + move.seat) % record.variant.players
    kind = ("colour", "rank").index(move.kind)
    touched = old["hands"][target, :, kind] == move.value
    before = record.told[step, target, touched, kind]
    return [
        f"{move.kind} hint +{move.seat}",
        "hint touches several" if touched.sum() > 1 else "hint touches one",
        *["hint repeated"] * bool(before.all()),
        *["hint partly repeated"] * bool(before.any() and not before.all()),
        *["hint in last round"] * bool(old["deck_size"] == 0),
        *["hint to short hand"] * bool((old["hands"][target, :, 0] == NO_CARD).any()),
        *["hint with last token"] * bool(old["info"] == 1),
    ]


def _card_move(record: Record, step: int, old: Snapshot, new: Snapshot, move: Move) -> list[str]:
    """A play or a discard: what came of it, and what it did to the hand and the deck."""
    told = record.told[step, int(old["cur"])]
    colour, rank = old["hands"][int(old["cur"]), move.slot]
    found = ["discard"] if move.kind == "discard" else _play(record.variant, old, new, int(colour))
    if old["deck_size"] == 0:
        found.append(f"{move.kind} in last round")
    if old["deck_size"] == 1 and new["deck_size"] == 0:
        found.append(f"last card drawn after {move.kind}")
    if told[move.slot + 1 :].any():
        found.append("hinted card moves up")
    if told[move.slot].any():
        found.append("hinted card leaves")
    if new["discard_counts"][colour, rank] > max(1, old["discard_counts"][colour, rank]):
        found.append("second copy discarded")
    return found


def _play(variant: Variant, old: Snapshot, new: Snapshot, colour: int) -> list[str]:
    if new["life"] == 0:
        return ["bomb, points lost" if old["score"] else "bomb, no points"]
    if new["life"] < old["life"]:
        return ["misplay"]
    if new["fireworks"][colour] < variant.ranks:
        return ["play scores"]
    full = old["info"] == variant.info_tokens
    return ["play scores", f"colour completed, {'tokens full' if full else 'token back'}"]


def _end(record: Record) -> str:
    """How the game ended."""
    last, before = at(record.states, -1), at(record.states, -2)
    late = " in last round" if before["deck_size"] == 0 else ""
    if last["life"] == 0:
        return f"ends: bomb{late}"
    if last["score"] == record.variant.perfect:
        return f"ends: perfect{late}"
    gone = int((last["hands"][..., 0] == NO_CARD).any(-1).sum())
    whole = gone == record.variant.players
    return f"ends: out of cards, {'all hands short' if whole else 'some hands whole'}"
