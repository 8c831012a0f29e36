"""What the suppliers of each trade sell: description, cost code, cost type, unit, and the usual price and quantity."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Item(NamedTuple):
    """What can stand on an order line. Price range in cents, quantity range in thousandths with that many decimals."""

    code: str
    cost_type: str
    kind: str
    part_no: str | None
    description: str
    unit: str
    price: tuple[int, int]
    quantity: tuple[int, int]
    decimals: int


Span = tuple[int, int]


def _part(code: str, part_no: str, text: str, unit: str, price: Span, most: Span) -> Item:
    """A stocked part bought as material; price range in dollars, largest quantity with its decimals."""
    return Item(code, "M", "part", part_no, text, unit, _cents(price), (1000, most[0] * 1000), most[1])


def _work(code: str, cost_type: str, text: str, unit: str, price: Span, most: Span) -> Item:
    """Work or goods without a part number; a largest quantity of 1 makes a lump sum."""
    return Item(code, cost_type, "nopart", None, text, unit, _cents(price), (1000, most[0] * 1000), most[1])


def _hire(code: str, text: str, unit: str, price: Span, most: int) -> Item:
    """Hired equipment, by the day, week or month."""
    return Item(code, "E", "rental", None, text, unit, _cents(price), (1000, most * 1000), 0)


def _cents(dollars: Span) -> Span:
    return dollars[0] * 100, dollars[1] * 100


CATALOGUE: Mapping[str, tuple[Item, ...]] = MappingProxyType(
    {
        "concrete": (
            _part("03-310", "RMX-4000", "Ready-mix concrete 4000 psi", "CY", (138, 176), (240, 2)),
            _part("03-310", "RMX-5000", "Ready-mix concrete 5000 psi, air entrained", "CY", (152, 191), (180, 2)),
            _part("03-620", "GRT-NS50", "Non-shrink grout, 50 lb bag", "EA", (21, 34), (300, 0)),
            _work("03-310", "S", "Place and finish slab", "SF", (3, 6), (9000, 1)),
            _work("03-110", "S", "Form and strip footings", "SF", (9, 15), (2400, 1)),
            _work("03-410", "S", "Precast wall panels, supply and set", "LS", (48000, 185000), (1, 0)),
        ),
        "steel": (
            _part("03-210", "RB-05", "Reinforcing bar no. 5, cut and bent", "TON", (1180, 1460), (42, 3)),
            _part("03-210", "WWM-66", "Welded wire mesh 6x6", "SF", (1, 3), (9000, 1)),
            _part("05-120", "WF-12", "Wide flange beam W12, fabricated", "TON", (3150, 3980), (36, 3)),
            _part("05-310", "DK-15", "Roof deck 1.5 inch, galvanised", "SF", (3, 6), (8000, 1)),
            _work("05-120", "S", "Erect structural frame", "LS", (52000, 240000), (1, 0)),
            _work("05-210", "S", "Steel joists, supply and erect", "TON", (3400, 4100), (24, 3)),
            _work("05-510", "S", "Egress stair, shop built", "EA", (8200, 16400), (4, 0)),
            _work("05-520", "S", "Pipe railing, two line", "LF", (74, 118), (420, 2)),
        ),
        "finishes": (
            _part("09-910", "PT-EPX5", "Epoxy paint, 5 gal", "EA", (212, 296), (60, 0)),
            _work("09-250", "S", "Board, tape and finish", "SF", (3, 5), (7000, 1)),
            _work("09-910", "S", "Paint offices", "LS", (6500, 28000), (1, 0)),
            _work("09-970", "S", "Blast and coat crane rail supports", "SF", (7, 12), (5200, 1)),
            _work("04-220", "S", "Block wall, 8 inch", "SF", (16, 24), (2600, 1)),
            _work("07-920", "S", "Joint sealant at panels", "LF", (4, 8), (3000, 2)),
        ),
        "envelope": (
            _part("07-210", "INS-R20", "Rigid insulation R20", "SF", (2, 4), (8000, 1)),
            _part("08-110", "HM-3070", "Hollow metal door with frame", "EA", (640, 980), (24, 0)),
            _part("08-330", "CD-1214", "Coiling door 12x14", "EA", (5800, 8900), (6, 0)),
            _work("07-410", "S", "Insulated wall panels, installed", "SF", (18, 27), (9000, 1)),
            _work("07-410", "S", "Standing seam roof", "LS", (64000, 210000), (1, 0)),
        ),
        "electrical": (
            _part("26-050", "CU-500", "Copper conductor 500 kcmil", "LF", (11, 17), (2400, 1)),
            _part("26-240", "PNL-400", "Distribution panel 400 A", "EA", (3100, 4900), (6, 0)),
            _part("26-510", "HB-LED", "High bay LED fixture", "EA", (184, 268), (90, 0)),
            _work("26-050", "S", "Branch wiring, hall bays", "LS", (22000, 98000), (1, 0)),
            _work("26-240", "S", "Main switchboard, supply and set", "LS", (58000, 132000), (1, 0)),
            _work("01-510", "S", "Temporary power", "LS", (3800, 9600), (1, 0)),
        ),
        "mechanical": (
            _part("22-110", "CP-2L", "Copper pipe type L 2 inch", "LF", (14, 22), (900, 1)),
            _part("23-810", "RTU-10", "Rooftop unit 10 ton", "EA", (11800, 16400), (4, 0)),
            _work("23-310", "S", "Ductwork, spiral, installed", "LB", (7, 11), (5400, 1)),
            _work("21-130", "S", "Wet pipe sprinkler system", "LS", (41000, 96000), (1, 0)),
            _work("22-110", "S", "Rough-in plumbing", "LS", (18000, 62000), (1, 0)),
        ),
        "civil": (
            _part("32-110", "AGG-CA6", "Crushed aggregate CA-6", "TON", (17, 26), (1800, 3)),
            _part("33-410", "RCP-24", "Reinforced concrete pipe 24 inch", "LF", (58, 83), (480, 1)),
            _work("31-230", "S", "Mass excavation and haul-off", "CY", (11, 19), (6400, 2)),
            _work("31-230", "L", "Operator with labourer", "HR", (118, 146), (120, 2)),
            _work("31-620", "S", "Drive H-piles", "LF", (46, 71), (2200, 2)),
            _work("32-120", "S", "Asphalt paving, two lifts", "TON", (92, 128), (900, 3)),
            _work("02-410", "S", "Saw cut and remove slab", "LS", (8600, 31000), (1, 0)),
        ),
        "rental": (
            _hire("41-220", "Mobile crane 80 t with operator", "DAY", (2350, 3100), 12),
            _hire("01-540", "Scaffold, frame type, erected", "MO", (1450, 3900), 5),
            _hire("01-540", "Boom lift 60 ft", "WK", (890, 1240), 9),
            _hire("01-510", "Generator 100 kW", "WK", (720, 1080), 12),
            _hire("31-230", "Excavator 20 t", "WK", (2280, 2940), 8),
            _work("01-540", "O", "Delivery and pick-up", "EA", (180, 460), (4, 0)),
        ),
        "crane": (
            _part("41-220", "WR-22", "Wire rope 22 mm, non-rotating", "LF", (6, 11), (1600, 2)),
            _part("41-220", "SHV-500", "Sheave 500 mm with bearing", "EA", (640, 1180), (16, 0)),
            _part("41-220", "GBX-45", "Hoist gearbox, 45 kW", "EA", (9800, 15400), (4, 0)),
            _part("14-410", "CYL-140", "Hydraulic cylinder 140 mm", "EA", (2150, 3460), (8, 0)),
            _work("41-220", "L", "Fitter, crane erection", "HR", (96, 134), (160, 2)),
        ),
        "services": (
            _work("01-450", "O", "Weld inspection, ultrasonic", "HR", (128, 165), (60, 2)),
            _work("01-450", "O", "Concrete cylinder tests", "EA", (42, 68), (80, 0)),
            _work("01-310", "O", "Structural engineering review", "LS", (4200, 18500), (1, 0)),
            _work("01-740", "O", "Roll-off container, emptied", "EA", (390, 560), (14, 0)),
            _work("01-560", "O", "Barrier rental and setting", "LS", (1900, 6400), (1, 0)),
        ),
    }
)
"""Trade to what it sells."""

AREAS = (
    "bay 1", "bay 2", "bay 3", "bay 4", "grid line A-D", "grid line E-H", "north wall", "south wall", "east yard",
    "quay side", "crane base 1", "crane base 2", "office wing", "paint shop",
)  # fmt: skip
"""Where on the site a line belongs; makes the descriptions of an order's lines differ."""
