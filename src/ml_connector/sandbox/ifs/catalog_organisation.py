"""Company, sites, projects, activities, the history log and the tenant's catalogue (facts/ifs.md 2.1, 10 and 11)."""

from __future__ import annotations

from ml_connector.sandbox.ifs.catalog_purchasing import states
from ml_connector.sandbox.ifs.model import Entity, EntitySet, Function, LogicalUnit, Nav, Projection, attributes

PROJECT_STATE = states("ProjectState", "Initialized", "Approved", "Started", "Completed", "Closed", "Cancelled")
ACTIVITY_STATE = states("ActivityState", "Planned", "Released", "Completed", "Closed", "Cancelled")
AMOUNT_METHOD = states("DefAmountMethod", "GrossAmountEntry", "NetAmountEntry")
PROJECT_ORIGIN = states("ProjectOrigin", "Project", "GeneralLedger")
FINANCIAL_STATE = states("AccountingProjectState", "Open", "Completed")
HISTORY_TYPE = states("HistoryType", "Insert", "Modify", "Delete")

SITE = LogicalUnit(
    "Site",
    attributes(
        """
        Contract* text 5
        Company text 20
        Description text 50
        """
    ),
)
COMPANY = LogicalUnit(
    "CompanyFinance",
    attributes(
        """
        Company* text 20
        Description text 100
        CurrencyCode text 3
        ParallelAccCurrency text 3
        ParallelBase text 20
        CorrectionType text 20
        DefAmountMethod DefAmountMethod
        CreationFinished bool
        ValidFrom date
        """,
        (AMOUNT_METHOD,),
    ),
)
PERSON = LogicalUnit("PersonInfo", attributes("PersonId* text 20\nName text 100"))
PROJECT = LogicalUnit(
    "Project",
    attributes(
        """
        ProjectId* text 10
        Objstate ProjectState read
        Name text 35
        Description text 200
        Company text 20
        CompanyName text 100
        Manager text 20
        DefaultSite text 5
        CustomerId text 20
        CustomerCategory text 20
        PlanStart,PlanFinish,ActualStart,ActualFinish date
        ApprovedDate,CloseDate,CancelDate,FrozenDate date
        AccessOnOff bool
        FinancialProjectExist bool
        BudgetControlOn,ControlAsBudgeted,ControlOnTotalBudget bool
        ProjUniquePurchase,ProjUniqueSale bool
        EarnedValueMethod text 20
        BaselineRevisionNumber int
        """,
        (PROJECT_STATE,),
    ),
)
ACTIVITY = LogicalUnit(
    "Activity",
    attributes(
        """
        ActivitySeq* int
        Objstate ActivityState read
        ProjectId text 10
        SubProjectId text 10
        ActivityNo text 10
        ShortName text 20
        Description text 200
        Company text 20
        Manager text 20
        EarlyStart,EarlyFinish,LateStart,LateFinish,ActualStart,ActualFinish date
        ProgressMethod text 20
        """,
        (ACTIVITY_STATE,),
    ),
)
HISTORY = LogicalUnit(
    "HistoryLog",
    attributes(
        """
        LogId* int
        LuName text 30
        TimeStamp stamp
        Username text 30
        HistoryType HistoryType
        Keys text 600
        Note text 2000
        """,
        (HISTORY_TYPE,),
    ),
)
HISTORY_ATTRIBUTE = LogicalUnit(
    "HistoryLogAttribute",
    attributes(
        """
        LogId* int
        ColumnName* text 30
        ColumnNamePrompt text 200
        OldValue text 4000
        NewValue text 4000
        """
    ),
)
CATALOGUE = LogicalUnit(
    "ProjectionConfig",
    attributes(
        """
        ProjectionName* text 200
        Description text 2000
        Category text 20
        ApiClass text 20
        """
    ),
)

ACCOUNTING_PROJECT = LogicalUnit(
    "AccountingProject",
    attributes(
        """
        Company* text 20
        ProjectId* text 10
        Description text 100
        ProjectGroup text 20
        ProjectOrigin ProjectOrigin
        Objstate AccountingProjectState read
        """,
        (PROJECT_ORIGIN, FINANCIAL_STATE),
    ),
)
PROJECT_COST = LogicalUnit(
    "ProjectCost",
    attributes(
        """
        ProjectId* text 10
        ActivitySeq* int
        ProjectCostElement* text 100
        Estimated,Planned,Baseline,EarnedValue,ScheduledWork dec
        PlannedCommitted,Committed,Used,Actual dec
        """
    ),
)
PROJECT_ESTIMATE = LogicalUnit(
    "ProjectEstimate",
    attributes(
        """
        ProjectId* text 10
        ActivitySeq* int
        ProjectCostElement* text 100
        Estimated dec
        """
    ),
)
"""What people typed as the estimate; no projection shows it but as columns of ProjectCost."""

_PROJECT_NAVS = (
    Nav("ManagerRef", "PersonInfo", (("Manager", "PersonId"),), many=False),
    Nav("AccountingProjectRef", "AccountingProject", (("Company", "Company"), ("ProjectId", "ProjectId")), many=False),
)
_PROJECT_ENTITY = Entity("Project", PROJECT, navs=_PROJECT_NAVS)
_PERSON_ENTITY = Entity("PersonInfo", PERSON)
_ACCOUNTING_ENTITY = Entity("AccountingProject", ACCOUNTING_PROJECT)

ORGANISATION = (
    Projection(
        "CompanySiteHandling", "Sites of a company", (Entity("Site", SITE),), (EntitySet("SiteSet", "Site", "R"),)
    ),
    Projection(
        "ProjectsHandling",
        "Projects",
        (_PROJECT_ENTITY, _PERSON_ENTITY, _ACCOUNTING_ENTITY),
        (EntitySet("Projects", "Project", "R"),),
    ),
    Projection(
        "ProjectMonitoringHandling",
        "Cost of a project by activity and cost element",
        (
            Entity(
                "Project",
                PROJECT,
                navs=(Nav("ProjectCostArray", "ProjectCost", (("ProjectId", "ProjectId"),), crud="R"),),
            ),
            Entity("ProjectCost", PROJECT_COST),
        ),
        (EntitySet("Projects", "Project", "R"),),
    ),
    Projection(
        "ActivityListHandling",
        "Activities of all projects",
        (
            Entity(
                "Activity", ACTIVITY, navs=(Nav("ProjectRef", "Project", (("ProjectId", "ProjectId"),), many=False),)
            ),
            _PROJECT_ENTITY,
            _PERSON_ENTITY,
            _ACCOUNTING_ENTITY,
        ),
        (EntitySet("Activities", "Activity", "R"),),
    ),
    Projection(
        "HistoryLogHandling",
        "What was changed in logical units under history",
        (
            Entity(
                "HistoryLog",
                HISTORY,
                navs=(Nav("HistoryLogAttributeArray", "HistoryLogAttribute", (("LogId", "LogId"),), crud="R"),),
            ),
            Entity("HistoryLogAttribute", HISTORY_ATTRIBUTE),
        ),
        (EntitySet("HistoryLogOverviewSet", "HistoryLog", "R"), EntitySet("HistoryLogDetailsSet", "HistoryLog", "R")),
    ),
    Projection(
        "AllProjections",
        "Projections of this tenant",
        (Entity("ProjectionConfig", CATALOGUE),),
        (EntitySet("Projections", "ProjectionConfig", "R"),),
    ),
    Projection("FrameworkServices", "Services of the framework", (), (), (Function("GetCurrentUserInformation"),)),
)
