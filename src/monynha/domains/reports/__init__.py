"""Reports: a weekly mail to the owner of each project, and analytics of the whole system for its admins.

models: the `analytics` resource
weekly_report: the numbers of a project's week, and the mails with them
weekly_report.sql: counts a week of a batch of projects
chart: the bar chart of a week as a PNG
unsubscriptions: who wants no weekly reports, and the links in the mails that say so
period_counts: counts days and months, and reads them for an admin
daily_analytics.sql, monthly_analytics.sql: count a day, and a month
jobs: the schedules of the domain, and what their jobs do
http: the endpoint of the analytics
policies.sql: what the report service can view, and who can view the analytics
"""

from monynha.domains.reports.models import AnalyticsPeriod, analytics

__all__ = ["AnalyticsPeriod", "analytics"]
