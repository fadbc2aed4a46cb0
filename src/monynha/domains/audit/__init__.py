"""The audit log: who signed in or failed to, and who changed which right; append-only.

record: records an event in the caller's transaction
models: the `audit` resource
http: the list of events for system admins, as JSON or as CSV
csv_export: the CSV
jobs: seals the log each hour
seals: chains the events in hashes, and checks the chain
retention: reads and deletes what is older than it is kept
policies.sql: who may record and see events; nobody may change one
"""

from monynha.domains.audit.models import AuditEvent, audit
from monynha.domains.audit.record import record_audit_event

__all__ = ["AuditEvent", "audit", "record_audit_event"]
