"""The standing names of the simulated world: suppliers, job sites, code values, trades and the known troubles.

Every firm, person and place here is invented. The codes follow the MasterFormat way of numbering that
US builders use for cost codes; telephone numbers are of the 555-01xx range kept for fiction.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from ml_connector.sandbox.world import JobSite

COMPANY = "10"
"""The IFS company id."""
COMPANY_NAME = "Kestrel Hoists & Cranes"
PROCORE_COMPANY_ID = 562949953430001
"""Above 32 bits on purpose, as Procore's ids are (facts/procore.md, trap 10)."""
PROCORE_COMPANY_NAME = "Kestrel Hoists & Cranes, Inc."
BUYERS = ("MHALE", "TORTEGA", "JLIND", "SPATEL")

COST_TYPES = (
    ("M", "Materials", "materials"),
    ("S", "Commitment", "commitment"),
    ("E", "Equipment", "equipment"),
    ("L", "Labor", "labor"),
    ("O", "Other", "other"),
)
ACCOUNT_OF_TYPE: Mapping[str, str] = MappingProxyType({"M": "4110", "S": "4120", "E": "4130", "L": "4140", "O": "4150"})
"""Which cost account an order line of that Procore cost type is posted to."""

ACCOUNTS = (
    ("1010", "Operating bank account"),
    ("1210", "Accounts receivable"),
    ("1410", "Raw material stock"),
    ("1530", "Work in progress, projects"),
    ("2010", "Accounts payable"),
    ("2020", "Goods received, not invoiced"),
    ("2030", "Retention payable, subcontractors"),
    ("2410", "Sales tax payable"),
    ("3010", "Project revenue"),
    ("4110", "Project materials"),
    ("4115", "Project freight on materials"),
    ("4120", "Project subcontract cost"),
    ("4130", "Project equipment cost"),
    ("4140", "Project labour cost"),
    ("4150", "Other project cost"),
)

COST_CODES = (
    ("01-310", "Project management"),
    ("01-450", "Quality control"),
    ("01-510", "Temporary utilities"),
    ("01-540", "Construction aids"),
    ("01-560", "Temporary barriers"),
    ("01-740", "Cleaning and waste"),
    ("02-410", "Demolition"),
    ("03-110", "Concrete forming"),
    ("03-210", "Reinforcing steel"),
    ("03-310", "Concrete"),
    ("03-410", "Precast concrete"),
    ("03-620", "Grouting"),
    ("04-220", "Unit masonry"),
    ("05-120", "Structural steel"),
    ("05-210", "Steel joists"),
    ("05-310", "Steel decking"),
    ("05-510", "Metal stairs"),
    ("05-520", "Railings"),
    ("07-210", "Insulation"),
    ("07-410", "Roof and wall panels"),
    ("07-920", "Joint sealants"),
    ("08-110", "Metal doors and frames"),
    ("08-330", "Coiling doors"),
    ("09-250", "Gypsum board"),
    ("09-910", "Painting"),
    ("09-970", "Industrial coatings"),
    ("14-410", "Lifts"),
    ("21-130", "Fire sprinklers"),
    ("22-110", "Plumbing piping"),
    ("23-310", "Ductwork"),
    ("23-810", "Unitary heating and cooling"),
    ("26-050", "Electrical basics"),
    ("26-240", "Switchboards and panels"),
    ("26-510", "Interior lighting"),
    ("31-230", "Excavation and fill"),
    ("31-620", "Driven piles"),
    ("32-110", "Base courses"),
    ("32-120", "Paving"),
    ("33-410", "Storm drainage"),
    ("41-220", "Cranes and hoists"),
)
UNKNOWN_COST_CODE = "31-625"
"""Used by one open order and known to neither system, until somebody creates the code value."""
EXPIRED_COST_CODE = ("02-820", "Asbestos abatement")
"""Exists in IFS, valid until the end of 2025, used by no order."""

COST_CENTRES = (("410", "Site operations"), ("420", "Crane assembly"), ("430", "Field service"), ("440", "Engineering"))
EQUIPMENT_CLASSES = (
    ("TC", "Tower cranes"),
    ("MC", "Mobile cranes"),
    ("HO", "Hoists"),
    ("AW", "Aerial work platforms"),
    ("EM", "Earth moving"),
    ("GN", "Generators"),
)
OBJECTS = (("FA-0107", "Gantry crane, bay 2"), ("FA-0112", "Test tower"), ("FA-0119", "Blast cabin"))

ESTIMATE_STORY: Mapping[str, str] = MappingProxyType(
    {
        "1202": "Two lines were estimated anew in IFS after the budget was typed into Procore.",
        "1204": "Holds one cost code that Procore does not have on this project.",
    }
)
"""Projects whose IFS estimate is not what Procore has as its budget; the others agree line by line."""
ESTIMATED_ANEW = (1500, -700)
"""By how much the two lines of the first of them moved, in company currency."""

SITES = (
    JobSite("1201", "Harbor Terminal Crane Rail", "Crane rail and quay works", "DUL", "MARTA_HALE", "Started",
            "1201", "Harbor Terminal Crane Rail", "400 Garfield Avenue", "Duluth", "MN", "55802"),
    JobSite("1202", "Peoria Assembly Hall", "New hall for hoist assembly", "PEO", "TOMAS_ORTEGA", "Started",
            "1202", "Peoria Assembly Hall - Phase 1", "2150 Darst Street", "Peoria", "IL", "61607"),
    JobSite("1203", "Riverfront Tower Crane Bases", "Foundations for four tower cranes", "RIV", "JUDITH_LIND",
            "Started", "1203", "Riverfront Tower Crane Bases", "88 Wharf Road", "Davenport", "IA", "52801"),
    JobSite("1204", "Northgate Test Stand", "Load test stand for mobile cranes", "NOR", "SUNIL_PATEL", "Approved",
            "NG-04", "Northgate Test Stand", "711 Commerce Loop", "Fargo", "ND", "58102"),
    JobSite("1205", "Lakeshore Service Depot", "Service depot with paint shop", "LAK", "MARTA_HALE", "Started",
            "P-1205", "Lakeshore Service Depot", "35 Marina Drive", "Racine", "WI", "53403"),
)  # fmt: skip

ACTIVITIES = (
    ("010", "Preliminaries", "Released"),
    ("020", "Site preparation", "Closed"),
    ("030", "Foundations", "Released"),
    ("040", "Structure", "Released"),
    ("050", "Envelope", "Released"),
    ("060", "Building services", "Released"),
    ("070", "Crane installation", "Released"),
    ("080", "Commissioning", "Planned"),
)
"""Activity number, description and state, the same on each project; orders use the released ones only."""


class Firm(NamedTuple):
    """A supplier before it gets numbers: its name, its trade, where it is; `ein` False means none is known."""

    name: str
    trade: str
    address: str
    city: str
    state: str | None
    zip_code: str
    ein: bool = True
    country: str = "US"


FIRMS = (
    Firm("Hollis & Webb Concrete, Inc.", "concrete", "910 Quarry Road", "Moline", "IL", "61265"),
    Firm("Superior Ready Mix LLC", "concrete", "14 Silo Lane", "Superior", "WI", "54880"),
    Firm("Blackhawk Precast Company", "concrete", "2200 Industrial Park Drive", "Rockford", "IL", "61109"),
    Firm("Ironwood Rebar & Mesh, Inc.", "steel", "63 Foundry Street", "Gary", "IN", "46402"),
    Firm("Calumet Structural Steel Corp.", "steel", "1200 Mill Gate", "Hammond", "IN", "46320"),
    Firm("Twin Ports Fabrication LLC", "steel", "77 Railroad Street", "Duluth", "MN", "55806"),
    Firm("Delacroix Stair and Rail, Inc.", "steel", "5 Anvil Court", "Dubuque", "IA", "52001"),
    Firm("Prairie Deck Systems LLC", "steel", "3300 Highway 10 East", "Moorhead", "MN", "56560", False),
    Firm("Ostrander Masonry", "finishes", "18 Kiln Street", "Galesburg", "IL", "61401", False),
    Firm("Whitcomb Drywall Partners LLP", "finishes", "244 Cedar Avenue", "Kenosha", "WI", "53140"),
    Firm("Sentinel Coatings Group, Inc.", "finishes", "901 Solvent Way", "Milwaukee", "WI", "53207"),
    Firm("Fairmont Painting Contractors, Inc.", "finishes", "37 Birch Street", "Racine", "WI", "53402"),
    Firm("Boreal Insulation Supply Co.", "envelope", "6 Frost Road", "Bemidji", "MN", "56601"),
    Firm("Kettle Moraine Roofing, Inc.", "envelope", "1440 Ridge Road", "West Bend", "WI", "53095"),
    Firm("Sable Panel Systems LLC", "envelope", "500 Cladding Drive", "Elgin", "IL", "60120"),
    Firm("Marchetti Door & Dock, Inc.", "envelope", "81 Loading Lane", "Joliet", "IL", "60432"),
    Firm("Voltaire Electric Company", "electrical", "12 Ampere Street", "Peoria", "IL", "61602"),
    Firm("Northern Switchgear, Inc.", "electrical", "4000 Bus Bar Road", "Fargo", "ND", "58103"),
    Firm("Lumen & Lathe Lighting LLC", "electrical", "220 Filament Court", "Madison", "WI", "53704"),
    Firm("Quad Cities Wire Supply, Inc.", "electrical", "9 Spool Street", "Bettendorf", "IA", "52722"),
    Firm("Abernathy Mechanical Contractors, Inc.", "mechanical", "600 Duct Avenue", "Springfield", "IL", "62703"),
    Firm("Halvorsen Plumbing and Heating Co.", "mechanical", "28 Copper Street", "Cloquet", "MN", "55720"),
    Firm("Redwing Fire Protection LLC", "mechanical", "73 Hydrant Road", "Red Wing", "MN", "55066"),
    Firm("Tri-County Sheet Metal, Inc.", "mechanical", "155 Brake Street", "Waukegan", "IL", "60085"),
    Firm("Grady Earthworks, Inc.", "civil", "1 Borrow Pit Road", "East Peoria", "IL", "61611"),
    Firm("Mesabi Aggregates LLC", "civil", "8800 Taconite Trail", "Virginia", "MN", "55792"),
    Firm("Pioneer Pile Driving Corporation", "civil", "30 Caisson Street", "Duluth", "MN", "55802"),
    Firm("Stonebridge Paving Co.", "civil", "415 Asphalt Drive", "Davenport", "IA", "52806"),
    Firm("Culver Drainage Products, Inc.", "civil", "66 Manhole Lane", "Ottawa", "IL", "61350", False),
    Firm("Bigelow Crane Rental, Inc.", "rental", "2500 Boom Street", "Chicago", "IL", "60609"),
    Firm("Summit Lift & Access LLC", "rental", "19 Platform Way", "Green Bay", "WI", "54304"),
    Firm("Eastgate Generator Rentals, Inc.", "rental", "810 Standby Road", "Des Moines", "IA", "50309"),
    Firm("Cardinal Scaffold Company", "rental", "48 Ledger Lane", "Cedar Rapids", "IA", "52401"),
    Firm("Beacon Wire Rope & Rigging, Inc.", "crane", "3 Shackle Street", "Cleveland", "OH", "44113"),
    Firm("Talbot Gear Works, Inc.", "crane", "540 Pinion Avenue", "Akron", "OH", "44304"),
    Firm("Maple Ridge Hydraulics Ltd.", "crane", "27 Cylinder Road", "Hamilton", "ON", "L8L 4Y4", False, "CA"),
    Firm("Rheinkran Antriebstechnik GmbH", "crane", "Hafenstrasse 114", "Duisburg", None, "47119", False, "DE"),
    Firm("Larkspur Inspection Services LLC", "services", "100 Caliper Court", "Naperville", "IL", "60563"),
    Firm("Dunmore Engineering Associates, P.C.", "services", "350 Vellum Street", "Minneapolis", "MN", "55401"),
    Firm("Waste Away Hauling, Inc.", "services", "58 Rolloff Road", "Fond du Lac", "WI", "54935"),
    Firm("Jessup Office Furniture, Inc.", "none", "12 Swivel Street", "Aurora", "IL", "60505"),
)

UNRELATED_VENDORS = (
    ("Alder Creek Landscaping LLC", "Eau Claire", "WI"),
    ("Brightwater Pools, Inc.", "Oak Brook", "IL"),
    ("Crosswind Telecom Services, Inc.", "Sioux Falls", "SD"),
    ("Emmerich Tile and Stone Co.", "St. Paul", "MN"),
    ("Foxglove Interiors LLC", "Evanston", "IL"),
    ("Granite State Surveyors, Inc.", "Nashua", "NH"),
    ("Jupiter Elevator Company", "Indianapolis", "IN"),
    ("Nettleton Glass Works", "Toledo", "OH"),
    ("Osprey Security Systems, Inc.", "Omaha", "NE"),
    ("Zephyr Air Balancing LLC", "Lincoln", "NE"),
)

KNOWN_BY_EIN = (
    "Calumet Structural Steel Corp.",
    "Voltaire Electric Company",
    "Grady Earthworks, Inc.",
    "Bigelow Crane Rental, Inc.",
)
"""Suppliers whose Procore vendor carries the same name and the same EIN."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing known to be awkward in the cast: where it is, and what a good integration does about it."""

    supplier_id: str | None
    order_no: str | None
    story: str


TROUBLES: Mapping[str, Trouble] = MappingProxyType(
    {
        "vendor_two_spellings": Trouble(
            "S1001",
            "P100002",
            "Spelled another way in Procore, and no EIN there; the same firm once legal form is set aside.",
        ),
        "vendor_same_ein": Trouble(
            "S1011", "P100003", "Stands in Procore under a shorter name with the same EIN, and nobody linked the two."
        ),
        "supplier_without_purchase_data": Trouble("S1041", None, "Has no purchase data, so no order can name it."),
        "order_typed_by_hand": Trouble(
            "S1005", "P100004", "Typed into Procore by a person: same number, vendor and lines, no origin id."
        ),
        "order_with_rental_line": Trouble("S1030", "P100006", "Hires a crane: one line is a rental line."),
        "order_with_unknown_code": Trouble(
            "S1027", "P100009", "One line is on cost code 31-625, which is in neither system."
        ),
        "order_with_cancelled_line": Trouble("S1017", "P100012", "One line was cancelled and must not be committed."),
        "order_on_two_projects": Trouble("S1021", "P100014", "Its lines lie on two projects; Procore wants one each."),
        "order_in_foreign_currency": Trouble("S1037", "P100017", "Ordered in euros from Germany."),
        "order_planned": Trouble("S1025", "P100019", "Still planned: not to be sent."),
    }
)
"""The known troubles by name. They are the same for every seed and size, so tests and demos may point at them."""
