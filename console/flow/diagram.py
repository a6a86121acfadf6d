"""The diagram: where the services stand, and the lines between them. Lengths are units of its drawing area."""

from dataclasses import dataclass

WIDTH, HEIGHT = 1015, 430


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
        Node("booking", "The jail", ("booking (LEA),", "and the clock of days"), 20, 125, 215, 145),
        Node(
            "biometric_match",
            "FBI and DHS",
            ("matcher (biometric_match):", "IAFIS, IDENT, LESC"),
            375,
            10,
            250,
            135,
        ),
        Node("detainer", "ICE", ("detainer: field office (ERO),", "and the jail's policy"), 770, 125, 230, 145),
        Node("audit", "The log", ("audit: who told whom what",), 375, 313, 250, 108),
        Node("witness_1", "Witness 1", ("cosigns",), 735, 330, 127, 88),
        Node("witness_2", "Witness 2", ("cosigns",), 873, 330, 127, 88),
    ),
    edges=(
        Edge("booking-matcher", "prints (CAR)", ("M127,125 C127,65 230,45 375,45",), (235, 38), (262, 80)),
        Edge("matcher-booking", "answers (SRE, IDR)", ("M375,112 C330,116 280,135 235,168",), (290, 112), (322, 158)),
        Edge("matcher-detainer", "status on file (IAR)", ("M625,45 C780,45 885,65 885,125",), (775, 38), (755, 80)),
        Edge("detainer-booking", "request to hold (I-247), answers", ("M770,200 L235,200",), (637, 192), (365, 192)),
        Edge("booking-detainer", "stages of custody, days", ("M235,245 L770,245",), (637, 237), (365, 237)),
        Edge(
            "all-audit",
            "every disclosure",
            (
                "M127,270 C127,345 250,365 375,367",
                "M500,145 L500,313",
                "M815,270 C785,310 715,335 625,340",
            ),
            (215, 392),
            (240, 340),
        ),
        Edge("audit-witnesses", "checkpoints", ("M625,390 L735,390",), (678, 382), (678, 410)),
    ),
)
