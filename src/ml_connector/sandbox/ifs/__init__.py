"""The simulated IFS Cloud: OData projections with state, rules and error shapes."""
