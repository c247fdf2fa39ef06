"""What a mutant changes: one place of one module, by the usual operators.

Comparisons, arithmetic, `and` and `or`, negation, constants, conditions, loops, returned values, assignments and
statements that are calls. Left alone is what cannot matter to what is decoded: docstrings, annotations and types,
`TYPE_CHECKING` blocks, imports, decorators, `__all__`, `__repr__`, `assert_never`, the texts of errors and diagnoses
(strings of several words, f-strings, whatever stands in a `raise`), and blocks that only a broken program reaches.

Law: the mutations of one source text come in one order, so a number names one of them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_TYPING = {"Union", "Optional", "Literal", "Callable", "TypeVar", "NewType", "cast", "Annotated", "ClassVar"}
_SENTENCE = re.compile(r"\w[,;:.]? \w")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Mutation:
    """One change: where, by which operator, what stood there and stands there now; `apply` makes it in the tree.

    `function` has the first and last line of the outermost function around it, decorators included; None at the level
    of a module or class, where it acts when the module is imported.
    """

    line: int
    operator: str
    before: str
    after: str
    function: tuple[int, int] | None
    apply: Callable[[], None]


def mutations(tree: ast.Module) -> Iterator[Mutation]:
    """Yield every mutation of a module, in the order of its text."""
    yield from _Walk().block(tree)


def mutated(source: str, number: int, filename: str) -> ast.Module:
    """Return the tree of a module with one of its mutations made.

    Raises:
        IndexError: there are fewer.
    """
    tree = ast.parse(source, filename)
    for at, mutation in enumerate(mutations(tree)):
        if at == number:
            mutation.apply()
            return ast.fix_missing_locations(tree)
    raise IndexError(f"{filename} has no mutation {number}")


class _Walk:
    def __init__(self) -> None:
        self._function: tuple[int, int] | None = None

    def block(self, node: ast.AST) -> Iterator[Mutation]:
        for name, value in ast.iter_fields(node):
            if name in ("annotation", "returns", "decorator_list", "type_params"):
                continue
            for at, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(child, ast.AST) and not _is_left_alone(child):
                    yield from self._child(node, name, at, child)

    def _child(self, parent: ast.AST, name: str, at: int | None, child: ast.AST) -> Iterator[Mutation]:
        def put(new: ast.AST) -> None:
            if at is None:
                setattr(parent, name, new)
            else:
                getattr(parent, name)[at] = new

        # Its defaults are no part of a function: they act when its module is imported.
        outermost = self._function is None and isinstance(parent, _FUNCTIONS) and name == "body"
        if outermost:
            assert isinstance(parent, _FUNCTIONS)
            first = min([parent.lineno, *(each.lineno for each in parent.decorator_list)])
            self._function = first, parent.end_lineno or parent.lineno
        for operator, new in _replacements(child):
            if isinstance(new, (ast.expr, ast.stmt)):
                ast.copy_location(new, child)
            before, after = _shown(child), _shown(new)
            line = getattr(child, "lineno", getattr(parent, "lineno", 0))
            yield Mutation(line, operator, before, after, self._function, lambda new=new: put(new))  # type: ignore[misc]
        yield from self.block(child)
        if outermost:
            self._function = None


def _is_left_alone(node: ast.AST) -> bool:
    if isinstance(node, (ast.Import, ast.ImportFrom, ast.Raise, ast.Assert, ast.Global, ast.Nonlocal)):
        return True
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return True
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return True
    if isinstance(node, _FUNCTIONS) and node.name in ("__repr__", "__str__", "__getattr__"):
        return True
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        target = node.targets[0] if isinstance(node, ast.Assign) else node.target
        if isinstance(target, ast.Name) and target.id in ("__all__", "__slots__"):
            return True
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in _TYPING:
        return True
    return isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in (*_TYPING, "assert_never")


def _replacements(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Yield (operator, what to put in the place of a node)."""
    if isinstance(node, ast.expr):
        yield from _expressions(node)
    elif isinstance(node, ast.stmt):
        yield from _statements(node)
    elif isinstance(node, ast.comprehension):
        for at, test in enumerate(node.ifs):
            ifs = [*node.ifs[:at], _negated(test), *node.ifs[at + 1 :]]
            yield "condition", ast.comprehension(node.target, node.iter, ifs, node.is_async)


def _expressions(node: ast.expr) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.Compare):
        for at, found in enumerate(node.ops):
            for other in _COMPARISONS[type(found)]:
                yield (
                    "comparison",
                    ast.Compare(node.left, [*node.ops[:at], other(), *node.ops[at + 1 :]], node.comparators),
                )
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        yield "arithmetic", ast.BinOp(node.left, _ARITHMETIC[type(node.op)](), node.right)
    elif isinstance(node, ast.BoolOp):
        other_op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield "boolean", ast.BoolOp(other_op, node.values)
        for at in range(len(node.values)):
            rest = [*node.values[:at], *node.values[at + 1 :]]
            yield "operand", rest[0] if len(rest) == 1 else ast.BoolOp(node.op, rest)
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, (ast.Not, ast.USub)):
            yield "negation", node.operand
    elif isinstance(node, ast.IfExp):
        yield "condition", ast.IfExp(_negated(node.test), node.body, node.orelse)
    elif isinstance(node, ast.Constant):
        yield from _constants(node)


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.AST]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", ast.Constant(not value)
    elif isinstance(value, int):
        yield "number", ast.Constant(value + 1)
        if value > 1:
            yield "number", ast.Constant(value - 1)
    elif isinstance(value, str) and not _SENTENCE.search(value):
        # Of signs one is lost: a set of them, or a marker, that is larger is hardly ever seen to be.
        are_signs = len(value) > 1 and not any(map(str.isalnum, value))
        yield "string", ast.Constant(value[:-1] if are_signs else f"X{value}X" if value else "X")


def _statements(node: ast.stmt) -> Iterator[tuple[str, ast.AST]]:
    if isinstance(node, ast.If):
        yield "condition", ast.If(_negated(node.test), node.body, node.orelse)
    elif isinstance(node, ast.While):
        yield "condition", ast.While(ast.Constant(False), node.body, node.orelse)
    elif isinstance(node, ast.For):
        yield "no round", ast.For(node.target, ast.Tuple([], ast.Load()), node.body, node.orelse)
    elif isinstance(node, ast.Break):
        yield "loop", ast.Continue()
    elif isinstance(node, ast.Continue):
        yield "loop", ast.Break()
    elif isinstance(node, ast.Return):
        value = node.value
        if value is not None and not (isinstance(value, ast.Constant) and value.value in (None, True, False)):
            yield "return", ast.Return(ast.Constant(None))
    elif isinstance(node, ast.AugAssign):
        yield "statement", ast.Pass()
        if type(node.op) in _ARITHMETIC:
            yield "arithmetic", ast.AugAssign(node.target, _ARITHMETIC[type(node.op)](), node.value)
    elif isinstance(node, ast.Assign):
        if not isinstance(node.value, ast.Constant) and not any(isinstance(each, ast.Tuple) for each in node.targets):
            yield "assignment", ast.Assign(node.targets, ast.Constant(None))
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        yield "statement", ast.Pass()


def _negated(test: ast.expr) -> ast.expr:
    return (
        test.operand if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) else ast.UnaryOp(ast.Not(), test)
    )


def _shown(node: ast.AST) -> str:
    shown = ast.unparse(node).split("\n")[0]
    return shown if len(shown) <= 100 else shown[:97] + "..."
