"""The only SQL: crosswalk, journal, holds, audit, evidence."""
