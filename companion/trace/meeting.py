"""Two recordings side by side: the learner's and the reference's, down to the first value that differs.

Only what both must have is compared: arguments and results of public functions, and of modules where both call the same
ones in the same order. If the learner builds something otherwise (three projections in place of one), its inside is not
compared, and it counts from outside. Variables inside help to tell where, if both sides have one of that name.
"""

from dataclasses import dataclass, replace

from companion.trace.recording import NOTHING, Node
from grader.differences import Difference, difference


@dataclass(frozen=True)
class Fault:
    """The first value that differs.

    `path` leads to it: pairs of nodes, the learner's and the reference's, from the probe inwards. kind: "given" (the
    last node was called with something else: its caller is at fault), "inside" (a variable of the last node), "gives"
    (its result), or "stopped" (it did not end).
    """

    path: tuple[tuple[Node, Node], ...]
    kind: str
    name: str
    mine: object
    theirs: object
    difference: Difference | None
    agree: int = 0  # so many calls of the last node agree

    @property
    def node(self) -> Node:
        """The call in which the learner's code goes another way."""
        return self.path[-2][0] if self.kind == "given" and len(self.path) > 1 else self.path[-1][0]


def first_fault(mine: Node, theirs: Node, rtol: float, atol: float) -> Fault | None:
    """Where the learner's recording first differs from the reference's; None if it nowhere does.

    What the check itself hands over is not the learner's doing: where that differs (it may be drawn at random), a call
    is left out.
    """
    meeting = _Meeting(rtol, atol)
    for pair in zip(mine.children, theirs.children, strict=False):
        if pair[0].name != pair[1].name:
            return None
        found = meeting.at(*pair, ((mine, theirs), pair))
        if found and not (found.kind == "given" and len(found.path) == 2):
            return found
    return None


def forget_what_varies(one: Node, again: Node) -> None:
    """Take out of a recording what was another value when the same was done again: the time, for example."""
    for name in ("given", "inside"):
        values, others = getattr(one, name), getattr(again, name)
        setattr(one, name, {key: value for key, value in values.items() if _same(value, others.get(key, NOTHING))})
    one.gives = one.gives if _same(one.gives, again.gives) else NOTHING
    if alike(one, again):
        for pair in zip(one.children, again.children, strict=False):
            forget_what_varies(*pair)


def _same(value: object, again: object) -> bool:
    return value is again or (
        NOTHING is not again and NOTHING is not value and difference(value, again, 0.0, 0.0) is None
    )


def alike(mine: Node, theirs: Node) -> bool:
    """Whether both call the same things in the same order, so that these can be compared one by one."""
    own, others = ([child.name for child in node.children] for node in (mine, theirs))
    return own == others or (not mine.ended and own == others[: len(own)])  # it may have stopped on the way


class _Meeting:
    def __init__(self, rtol: float, atol: float):
        self.rtol, self.atol = rtol, atol

    def at(self, mine: Node, theirs: Node, path: tuple[tuple[Node, Node], ...]) -> Fault | None:
        found = self._among("given", mine.given, theirs.given, path)
        if found:
            return found
        if alike(mine, theirs):
            for place, pair in enumerate(zip(mine.children, theirs.children, strict=False)):
                found = self.at(*pair, (*path, pair))
                if found:
                    return self._sooner(found, path, place)
        if mine.ended != theirs.ended:
            return Fault(path, "goes on" if mine.ended else "stopped", "", mine.gives, theirs.gives, None)
        result = self._among("gives", {"": mine.gives}, {"": theirs.gives}, path)
        return result and (self._among("inside", mine.inside, theirs.inside, path) or result)

    def _sooner(self, found: Fault, path: tuple[tuple[Node, Node], ...], place: int) -> Fault:
        """A call that is given something else: if a variable of its caller holds just that, the variable says more."""
        if found.kind != "given" or found.path[:-1] != path:
            return found
        mine, theirs = path[-1]
        inside = self._among("inside", mine.inside, theirs.inside, path, like=found.mine)
        return replace(inside, agree=place) if inside else found

    def _among(
        self,
        kind: str,
        mine: dict[str, object],
        theirs: dict[str, object],
        path: tuple[tuple[Node, Node], ...],
        like: object = NOTHING,
    ) -> Fault | None:
        """The first of the values that both have that differs; of those that are `like` a value, if one is given."""
        for name, value in theirs.items():
            own = mine.get(name, NOTHING)
            if own is NOTHING or value is NOTHING or (like is not NOTHING and self._differ(own, like)):
                continue
            if found := self._differ(own, value):
                return Fault(path, kind, name, own, value, found, len(path[-1][0].children))
        return None

    def _differ(self, mine: object, theirs: object) -> Difference | None:
        return difference(mine, theirs, self.rtol, self.atol)
