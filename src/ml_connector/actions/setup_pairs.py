"""What is said about pairs and codes while a connection is set up; the commands are those of `ml-connector setup`."""

from __future__ import annotations

from ml_connector.access.permissions import Permission
from ml_connector.actions.action import Action
from ml_connector.actions.setup_takes import Accept, Mapped, Named, Number, One, Pairs, Search
from ml_connector.planning.workbench import Known
from ml_connector.service import first_mapping as mapped
from ml_connector.service import pairing
from ml_connector.views import first_mapping, pairs, setup
from ml_connector.views.first_mapping import FirstMapping
from ml_connector.views.pairs import PairLook, PairView, Workbench

_PATH = "/setups/{connection}"

BENCH = Action(
    name="setup.pairs",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/pairs",
    takes=PairLook,
    gives=Workbench,
    call=lambda call, given: pairs.workbench(call.app, given),
    command="setup pairs",
    sentence="A page of projects or vendors with what looks like them in Procore, and what was said about each.",
)
"""What the steps of pairs show."""
PAIR = Action(
    name="setup.pair",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/pair",
    takes=One,
    gives=PairView,
    call=lambda call, given: pairs.pair(call.app, given.connection, given.kind, given.record),
    command="setup pairs",
    sentence="One project or supplier with what looks like it in Procore.",
)
"""One row of it."""
SEARCH = Action(
    name="setup.search",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/candidates",
    takes=Search,
    gives=list[Known],
    call=lambda call, given: pairs.searched(call.app, given.connection, given.kind, given.q),
    command="setup find",
    sentence="Projects or vendors of Procore that have some words in name, number or place.",
)
"""For a pair chosen by hand."""
ANSWER = Action(
    name="setup.answer",
    permission=Permission.CONFIGURE,
    method="POST",
    path=f"{_PATH}/pairs",
    takes=Pairs,
    gives=Number,
    call=lambda call, given: Number(pairing.say(call.app, given.connection, given.kind, given.answers)),
    command="setup pair",
    sentence="Remembers what a person says about pairs; the first plan uses it.",
)
"""The steps of pairs, one by one."""
ACCEPT = Action(
    name="setup.accept",
    permission=Permission.CONFIGURE,
    method="POST",
    path=f"{_PATH}/pairs/accept",
    takes=Accept,
    gives=Number,
    call=lambda call, given: Number(pairing.accept(call.app, given.connection, given.kind, given.threshold)),
    command="setup accept",
    sentence="Links in one go the pairs that stand alone, differ in nothing and reach a likeness.",
)
"""The same in one go."""
ACCEPTABLE = Action(
    name="setup.acceptable",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/pairs/acceptable",
    takes=Accept,
    gives=Number,
    call=lambda call, given: Number(setup.acceptable_now(call.app, given.connection, given.kind, given.threshold)),
    command="setup accept",
    sentence="How many pairs would be linked in one go at a likeness.",
)
"""What that would do, before it is done."""
GAPS = Action(
    name="setup.gaps",
    permission=Permission.CONFIGURE,
    method="GET",
    path=f"{_PATH}/mapping",
    takes=Named,
    gives=FirstMapping,
    call=lambda call, given: first_mapping.first_mapping(call.app, given.connection),
    command="setup map",
    sentence="Code strings in use that lead nowhere yet, with a guess and its evidence.",
)
"""What the mapping step shows."""
MAP = Action(
    name="setup.map",
    permission=Permission.CONFIGURE,
    method="POST",
    path=f"{_PATH}/mapping",
    takes=Mapped,
    gives=Number,
    call=lambda call, given: Number(mapped.save(call.app, given.connection, given.answers)),
    command="setup map",
    sentence="Adds a row to the mapping for each gap that was given a code.",
)
"""The mapping step."""

ACTIONS = (BENCH, PAIR, SEARCH, ANSWER, ACCEPT, ACCEPTABLE, GAPS, MAP)
"""Pairs and codes of a set-up."""
