"""Whatever reads the id of the caller was looked at for tokens that are limited to scopes or projects.

`auth.uid()` is the owner of such a token. A policy, view or function that shows or changes what belongs to a person and
no project uses `auth.reader_uid()`, `auth.writer_uid()`, `auth.account_uid()` or `auth.unlimited_uid()` instead, which
are null where the token does not allow it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

pytestmark = pytest.mark.anyio

_REVIEWED = {
    # Beside a condition on the projects that the caller can see or edit, which are those of the token.
    'policy public.project_members "members can leave, admins can remove, owners also remove admins"',
    'policy public.tasks "members and assignees can update tasks"',
    'policy storage.objects "members can delete their own files, admins those of their proje"',
    'policy storage.objects "members can replace and move files below their own id"',
    'policy storage.objects "members can upload files below their own id"',
    "function monynha.is_withheld(uuid[])",
    "view public.visible_emails",
    # For system admins, whose rights no limited token has but one with the scope `admin` and no projects.
    'policy public.project_members "system admins can leave projects"',
    # Beside `reader_uid()`: which of the rows that are public otherwise.
    'policy public.users "signed-in users can view confirmed users"',
    # The keys of requests that the token itself may send.
    'policy monynha.idempotency_keys "users can manage their own idempotency keys"',
    # What it answers is a property of the caller, or narrows what they see.
    "function auth.is_anonymous()",
    "function auth.owes_second_factor()",
    "function withheld_project_ids()",
    # After `require_role_grant` or `invitation_of_caller`, which want the scope `admin` and the project.
    "function monynha.accept_invitation(uuid,text)",
    "function monynha.create_invitation(uuid,text,text,text,interval)",
    "function monynha.resend_invitation(uuid,text,interval)",
    # They define the limits.
    "function visible_project_ids()",
    "function editable_project_ids()",
    "function active_project_ids()",
    "function manageable_project_ids()",
    "function owned_project_ids()",
    "function visible_user_ids()",
    # Who did it, or how much they may store.
    "function monynha.enqueue_job(text,jsonb,integer,interval,text,integer)",
    "function monynha.enqueue_jobs(text,jsonb[],integer,interval,integer)",
    "function monynha.record_audit_event(text,uuid,text,text,text,jsonb,text,text,text)",
    "function monynha.record_file(uuid,text,uuid,boolean)",
    "function monynha.file_usage(uuid)",
    "function monynha.expected_file_usage(uuid)",
}
_FINDINGS = r"""
select 'policy ' || schemaname || '.' || tablename || ' "' || policyname || '"' as name
from pg_policies
where roles && '{monynha_app,monynha_admin,public}'::name[] and permissive = 'PERMISSIVE'
  and coalesce(qual, '') || coalesce(with_check, '') ~ 'auth\.uid\(\)|\muid\(\)'
union all
select 'view ' || schemaname || '.' || viewname from pg_views
where schemaname in ('public', 'auth', 'monynha', 'storage') and definition ~ '\muid\(\)'
  and has_any_column_privilege('monynha_app', (schemaname || '.' || viewname)::regclass, 'select')
union all
select 'function ' || p.oid::regprocedure from pg_proc p join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'auth', 'monynha', 'storage') and p.prosecdef and p.prosrc ~ 'auth\.uid\(\)'
  and has_function_privilege('monynha_app', p.oid, 'execute')
order by 1
"""


async def test_every_use_of_the_callers_id_was_reviewed(
    program: object, owner_sql: Callable[..., Awaitable[list[Any]]]
) -> None:
    findings = {row["name"] for row in await owner_sql(_FINDINGS)}

    unreviewed = sorted(findings - _REVIEWED)
    assert not unreviewed, "\n".join(unreviewed)
