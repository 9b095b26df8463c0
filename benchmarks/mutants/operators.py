"""Every small change that can be made to a source file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import NamedTuple

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.Gt),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.Lt),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
ARITHMETIC = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Add,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
TWINS = {
    "minimum": "maximum",
    "min": "max",
    "argmin": "argmax",
    "any": "all",
    "sum": "mean",
    "zeros": "ones",
    "zeros_like": "ones_like",
}
TWINS |= {other: one for one, other in TWINS.items()}


class Mutant(NamedTuple):
    """One change in one file."""

    file: str
    line: int
    before: str  # what stood there
    after: str  # what stands there instead
    source: str  # the whole file with the change
    name: str = ""  # of the named faults

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def what(self) -> str:
        return self.name or f"`{self.before}` -> `{self.after}`"


def mutants_of(file: str, source: str) -> list[Mutant]:
    """All mutants of a file that are Python, in the order of the source."""
    lines = source.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    raw, found = source.encode(), {}
    for node in _code(ast.parse(source)):
        at = starts[node.lineno - 1] + node.col_offset
        end = starts[node.end_lineno - 1] + node.end_col_offset
        before = raw[at:end].decode()
        for new in _changes(node):
            after = (
                f"({ast.unparse(new)})"
                if isinstance(new, ast.BinOp | ast.BoolOp)
                else ast.unparse(new)
            )
            changed = (raw[:at] + after.encode() + raw[end:]).decode()
            if ast.unparse(new) != ast.unparse(node) and _parses(changed):
                place = (at, end, after)
                found[place] = Mutant(file, node.lineno, _short(before), _short(after), changed)
    return [found[place] for place in sorted(found)]


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 70 else text[:67] + "..."


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


def _code(node: ast.AST) -> Iterator[ast.expr]:
    """Expressions that decide what is done: no annotations, texts, messages, decorators, and no
    default settings, which are choices and no facts."""
    if isinstance(node, ast.Raise | ast.JoinedStr | ast.Import | ast.ImportFrom | ast.Assert):
        return
    if isinstance(node, ast.ClassDef):
        for part in node.body:
            if not isinstance(part, ast.AnnAssign | ast.Assign | ast.Expr):
                yield from _code(part)
        return
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        for part in node.body:
            yield from _code(part)
        return
    if isinstance(node, ast.Module):
        for part in node.body:
            if isinstance(part, ast.FunctionDef | ast.ClassDef):
                yield from _code(part)
        return
    if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("warn", "print", "Text")):
        return
    if isinstance(node, ast.AnnAssign):
        if node.value is not None:
            yield from _code(node.value)
        return
    if isinstance(node, ast.expr):
        yield node
    for part in ast.iter_child_nodes(node):
        yield from _code(part)


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=[op], left=left, comparators=right):
            for other in COMPARISONS.get(type(op), ()):
                yield ast.Compare(left, [other()], right)
        case ast.BinOp(left=left, op=op, right=right):
            yield from _arithmetic(node, left, op, right)
        case ast.BoolOp(op=op, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
        case ast.UnaryOp(op=ast.Not() | ast.Invert() | ast.USub(), operand=operand):
            if not isinstance(operand, ast.Constant):
                yield operand
        case ast.Constant(value=value):
            yield from _constants(value)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Call():
            yield from _calls(node)
        case ast.Subscript(value=value, slice=ast.Slice() as part):
            yield from (ast.Subscript(value, other, node.ctx) for other in _slices(part))


def _arithmetic(
    node: ast.BinOp, left: ast.expr, op: ast.operator, right: ast.expr
) -> Iterator[ast.expr]:
    text = any(isinstance(side, ast.Constant | ast.JoinedStr) and isinstance(
        getattr(side, "value", ""), str) for side in (left, right))  # fmt: skip
    if text or type(op) not in ARITHMETIC:
        return
    yield ast.BinOp(left, ARITHMETIC[type(op)](), right)
    if isinstance(op, ast.Add | ast.Sub | ast.Mult | ast.BitAnd):
        yield left  # a dropped term


def _constants(value: object) -> Iterator[ast.expr]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float) and value in (0, 1):
        yield ast.Constant(type(value)(1 - value))
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)


def _calls(node: ast.Call) -> Iterator[ast.expr]:
    function, args = node.func, node.args
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if name in TWINS:
        twin: ast.expr = ast.Name(TWINS[name])
        if isinstance(function, ast.Attribute):
            twin = ast.Attribute(function.value, TWINS[name], ast.Load())
        yield ast.Call(twin, args, node.keywords)
    if name == "where" and len(args) == 3:
        yield ast.Call(function, [args[0], args[2], args[1]], node.keywords)
    if name in ("stop_gradient", "abs", "sorted", "swapaxes"):
        yield args[0] if name != "swapaxes" else function.value  # type: ignore[attr-defined]
    plain = ast.Name | ast.Attribute | ast.Subscript | ast.Constant
    if len(args) == 2 and all(isinstance(arg, plain) for arg in args) and name not in TWINS:
        yield ast.Call(function, args[::-1], node.keywords)


def _slices(part: ast.Slice) -> Iterator[ast.Slice]:
    for end in ("lower", "upper"):
        bound = getattr(part, end)
        for other in _shifted(bound):
            yield ast.Slice(
                other if end == "lower" else part.lower,
                other if end == "upper" else part.upper,
                part.step,
            )


def _shifted(bound: ast.expr | None) -> Iterator[ast.expr | None]:
    if bound is None:
        return
    yield None
    if not isinstance(bound, ast.Constant | ast.UnaryOp):
        yield ast.BinOp(bound, ast.Add(), ast.Constant(1))
