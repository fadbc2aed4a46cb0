"""The audit log: who signed in or failed to, and who changed which right; append-only.

record        records an event in the caller's transaction
policies.sql  who may record and see events; nobody may change one
"""

from monynha.domains.audit.record import record_audit_event

__all__ = ["record_audit_event"]
