"""Pictures of a Hanabi table: fireworks, tokens, discards, and every hand with what it was told."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from zsc.envs.hanabi import rules as game
from zsc.envs.hanabi.observation import colour_name
from zsc.envs.hanabi.rules import Rules, State

CARD_WIDTH, CARD_HEIGHT, GAP, MARGIN = 34, 44, 6, 12
_ROW = CARD_HEIGHT + 30  # a hand with its captions
_BACK, _INK, _PALE, _TURN = (250, 248, 244), (45, 45, 50), (150, 148, 144), (255, 176, 32)
_COLOURS = ((214, 60, 52), (232, 184, 30), (62, 150, 76), (236, 236, 238), (52, 108, 196),
            (140, 82, 170), (90, 180, 190), (180, 120, 80))  # fmt: skip


def draw(rules: Rules, state: State) -> np.ndarray:
    """[H, W, 3] uint8 picture of one table."""
    left = rules.hand_size * (CARD_WIDTH + GAP) + 40
    piles = rules.colours * (CARD_WIDTH + GAP)
    copies = sum(rules.copies)
    right = max(piles, copies * 15 + 30, 190)
    height = max(rules.players * _ROW, CARD_HEIGHT + 110 + 17 * rules.colours) + 2 * MARGIN + 34
    picture = Image.new("RGB", (left + right + 3 * MARGIN, height), _BACK)
    pen = ImageDraw.Draw(picture)
    pen.text((MARGIN, MARGIN), last_move(rules, state), _INK, _font(14))
    top = MARGIN + 30
    for player in range(rules.players):
        _hand(pen, rules, state, player, (MARGIN, top + player * _ROW))
    _board(pen, rules, state, (left + 2 * MARGIN, top))
    return np.asarray(picture)


def last_move(rules: Rules, state: State) -> str:
    """The last move in a line of words."""
    last = state.last
    if int(last.actor) < 0:
        return "the deal"
    if int(last.kind) < 0:
        return f"player {int(last.actor)} passed"
    who, kind = f"player {int(last.actor)}", int(last.kind)
    if kind in (game.PLAY, game.DISCARD):
        card = f"{colour_name(int(last.card) // rules.ranks)}{int(last.card) % rules.ranks + 1}"
        end = "" if kind == game.DISCARD else ": it fits" if last.scored else ": a life lost"
        return f"{who} {'plays' if kind == game.PLAY else 'discards'} {card}{end}"
    what = colour_name(int(last.colour)) if kind == game.COLOUR_HINT else int(last.rank) + 1
    slots = ", ".join(str(i) for i in np.flatnonzero(last.told))
    return f"{who} tells player {int(last.target)}: {what} in slot {slots}"


def _hand(
    pen: ImageDraw.ImageDraw, rules: Rules, state: State, player: int, at: tuple[int, int]
) -> None:
    x, y = at
    if int(state.cur) == player and not game.over(rules, state):
        box = (x - 4, y - 4, x + 34 + rules.hand_size * (CARD_WIDTH + GAP), y + CARD_HEIGHT + 20)
        pen.rounded_rectangle(box, 8, outline=_TURN, width=3)
    pen.text((x + 4, y + 14), f"P{player}", _INK, _font(14))
    for slot, card in enumerate(np.asarray(state.hands[player]).tolist()):
        left = x + 30 + slot * (CARD_WIDTH + GAP)
        _card(pen, rules, card, (left, y))
        if card >= 0:
            told = colour_name(card // rules.ranks) if state.colour_told[player, slot] else ""
            told += str(card % rules.ranks + 1) if state.rank_told[player, slot] else ""
            pen.text((left + CARD_WIDTH / 2, y + CARD_HEIGHT + 2), told or "?",
                     _INK if told else _PALE, _font(12), anchor="ma")  # fmt: skip


def _card(pen: ImageDraw.ImageDraw, rules: Rules, card: int, at: tuple[int, int]) -> None:
    x, y = at
    box = (x, y, x + CARD_WIDTH, y + CARD_HEIGHT)
    if card < 0:
        pen.rounded_rectangle(box, 5, outline=_PALE)
        return
    colour = _COLOURS[card // rules.ranks % len(_COLOURS)]
    pen.rounded_rectangle(box, 5, fill=colour, outline=_INK)
    ink = _INK if sum(colour) > 480 else (255, 255, 255)
    middle = (x + CARD_WIDTH / 2, y + CARD_HEIGHT / 2)
    pen.text(middle, str(card % rules.ranks + 1), ink, _font(22), anchor="mm")


def _board(pen: ImageDraw.ImageDraw, rules: Rules, state: State, at: tuple[int, int]) -> None:
    x, y = at
    for colour, height in enumerate(np.asarray(state.fireworks).tolist()):
        top = colour * rules.ranks + height - 1 if height else -1
        _card(pen, rules, top, (x + colour * (CARD_WIDTH + GAP), y))
    y += CARD_HEIGHT + 12
    left = rules.deck_size - int(state.dealt)
    facts = (
        f"score {int(game.score(state))} of {rules.max_score}   deck {left}",
        f"hints {int(state.info)} of {rules.info_tokens}   lives {int(state.life)} of "
        f"{rules.life_tokens}",
    )
    for line in facts:
        pen.text((x, y), line, _INK, _font(14))
        y += 20
    pen.text((x, y), "discards", _PALE, _font(12))
    y += 18
    counts = np.asarray(state.discards).reshape(rules.colours, rules.ranks)
    for colour in range(rules.colours):
        pen.rectangle((x, y + 2, x + 12, y + 13), _COLOURS[colour % len(_COLOURS)], _INK)
        cards = [str(r + 1) for r in range(rules.ranks) for _ in range(counts[colour, r])]
        pen.text((x + 20, y), " ".join(cards), _INK, _font(13))
        y += 17


def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)
