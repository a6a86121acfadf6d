"""The diagram: where the services stand, and the lines between them. Lengths are units of its drawing area."""

from dataclasses import dataclass

WIDTH, HEIGHT = 1000, 430


@dataclass(frozen=True, slots=True)
class Node:
    """A process: its box, its name, and in plain words who it plays."""

    key: str
    name: str
    plays: tuple[str, ...]
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Edge:
    """A line: `paths` that dots move along, what runs there in words, and where the words and the count stand."""

    key: str
    words: str
    paths: tuple[str, ...]
    label: tuple[int, int]
    count: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Drawing:
    """All of it."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


DRAWING = Drawing(
    WIDTH,
    HEIGHT,
    nodes=(
        Node("booking", "booking", ("the jail (LEA),", "and the clock"), 20, 125, 215, 145),
        Node(
            "biometric_match",
            "biometric_match",
            ("the FBI (IAFIS), DHS (IDENT),", "the support center (LESC)"),
            385,
            15,
            230,
            130,
        ),
        Node("detainer", "detainer", ("ICE's field office,", "and the jail's policy"), 765, 125, 215, 145),
        Node("audit", "audit", ("logs who told whom what",), 385, 315, 230, 105),
        Node("witness_1", "witness 1", ("cosigns",), 765, 325, 102, 90),
        Node("witness_2", "witness 2", ("cosigns",), 878, 325, 102, 90),
    ),
    edges=(
        Edge("booking-matcher", "prints (CAR)", ("M127,125 C127,65 230,50 385,50",), (240, 40), (240, 84)),
        Edge("matcher-booking", "answers (SRE, IDR)", ("M385,115 C330,120 290,132 235,160",), (318, 110), (318, 154)),
        Edge("matcher-detainer", "status on file (IAR)", ("M615,50 C770,50 873,65 873,125",), (750, 40), (750, 84)),
        Edge("detainer-booking", "request to hold (I-247), answers", ("M765,195 L235,195",), (638, 186), (368, 186)),
        Edge("booking-detainer", "stages of custody, days", ("M235,240 L765,240",), (638, 231), (368, 231)),
        Edge(
            "all-audit",
            "every disclosure",
            (
                "M127,270 C127,345 250,365 385,367",
                "M500,145 L500,315",
                "M800,270 C760,310 700,335 615,340",
            ),
            (225, 395),
            (225, 338),
        ),
        Edge("audit-witnesses", "checkpoints", ("M615,385 L765,385",), (690, 378), (690, 403)),
    ),
)
