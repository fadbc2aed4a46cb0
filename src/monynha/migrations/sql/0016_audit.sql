-- The audit log: who signed in or failed to, and who changed which right. Append-only: rows are inserted by a function,
-- never updated, and deleted only by the retention.

create sequence monynha.audit_event_numbers as bigint;

create table monynha.audit_events (
  -- The order in which events are sealed; gaps are transactions that were rolled back.
  number bigint primary key,
  id uuid not null default gen_random_uuid(),
  action text not null,
  -- No foreign key: an event outlives the account.
  actor_id uuid,
  actor_role text not null,
  target_type text,
  target_id text,
  details jsonb not null default '{}',
  ip text,
  user_agent text,
  request_id text,
  created_at timestamptz not null default clock_timestamp(),
  constraint audit_event_action_is_named check (length(action) between 1 and 100),
  constraint audit_event_details_are_an_object check (jsonb_typeof(details) = 'object')
);
comment on table monynha.audit_events is 'Audit log: sign-ins and failures, changes of accounts and rights.';

create unique index audit_events_id_idx on monynha.audit_events (id);
create index audit_events_created_at_id_idx on monynha.audit_events (created_at desc, id desc);
create index audit_events_actor_id_created_at_idx on monynha.audit_events (actor_id, created_at desc, id desc)
  where actor_id is not null;
create index audit_events_target_id_created_at_idx on monynha.audit_events (target_id, created_at desc, id desc)
  where target_id is not null;
create index audit_events_action_created_at_idx on monynha.audit_events (action, created_at desc, id desc);
create index audit_events_ip_created_at_idx on monynha.audit_events (ip, created_at desc, id desc)
  where ip is not null;

alter table monynha.audit_events enable row level security;
alter table monynha.audit_events force row level security;

-- With the rights of the caller: only system admins see events.
create view public.audit_events with (security_invoker) as
  select
    e.id, e.action, e.actor_id, e.actor_role, e.target_type, e.target_id, e.details, e.ip, e.user_agent, e.request_id,
    e.created_at, 1::bigint as version
  from monynha.audit_events e;
comment on view public.audit_events is 'The audit log as system admins see it.';

create function monynha.prevent_audit_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  -- No role has the grant either; this stops the owner's own functions and an operator's slip.
  if tg_op = 'DELETE' and current_setting('monynha.deletes_audit_events', true) = 'on' then
    return null;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
comment on function monynha.prevent_audit_change() is 'Trigger: rejects changing or deleting audit events.';
create trigger audit_events_are_append_only before update or delete or truncate on monynha.audit_events
  for each statement execute function monynha.prevent_audit_change();

create function monynha.record_audit_event(
  action text,
  actor_id uuid,
  actor_role text,
  target_type text,
  target_id text,
  details jsonb default '{}',
  ip text default null,
  user_agent text default null,
  request_id text default null
) returns void
language plpgsql security definer set search_path = '' as $$
#variable_conflict use_column
declare
  -- What `begin` set for the transaction of a request (infra/postgres/database.py).
  origin jsonb := nullif(current_setting('monynha.request', true), '')::jsonb;
begin
  -- A transaction of a user records what that user did, whoever it says it was.
  if current_setting('role') in ('monynha_app', 'monynha_admin') then
    actor_id := auth.uid();
    actor_role := coalesce(auth.role(), 'anon');
  end if;
  -- The transaction has its id before the number is drawn: sealing relies on it.
  perform pg_catalog.pg_current_xact_id();
  insert into monynha.audit_events (
    number, action, actor_id, actor_role, target_type, target_id, details, ip, user_agent, request_id
  )
  values (
    nextval('monynha.audit_event_numbers'), record_audit_event.action, record_audit_event.actor_id,
    record_audit_event.actor_role, record_audit_event.target_type, left(record_audit_event.target_id, 200),
    case when octet_length(record_audit_event.details::text) <= 8000 then record_audit_event.details
      else '{"truncated": true}' end,
    coalesce(nullif(record_audit_event.ip, ''), origin ->> 'ip'),
    left(coalesce(nullif(record_audit_event.user_agent, ''), origin ->> 'user_agent'), 500),
    left(coalesce(nullif(record_audit_event.request_id, ''), origin ->> 'request_id'), 200)
  );
end
$$;
comment on function monynha.record_audit_event(text, uuid, text, text, text, jsonb, text, text, text) is
  'Records an audit event, seen when the transaction has committed. Address, user agent and request id default to those '
  'of the transaction.';

create function monynha.record_own_audit_event(action text, target_type text, target_id text, details jsonb)
returns void
language plpgsql set search_path = '' as $$
declare
  origin constant jsonb := nullif(current_setting('monynha.request', true), '')::jsonb;
begin
  -- A transaction of the program itself has no caller, but it may be part of a request that has one.
  perform monynha.record_audit_event(
    action, coalesce(auth.uid(), (origin ->> 'actor_id')::uuid),
    coalesce(
      nullif(auth.role(), ''), origin ->> 'actor_role', case when origin is null then 'system' else 'anon' end
    ),
    target_type, target_id, details
  );
end
$$;
comment on function monynha.record_own_audit_event(text, text, text, jsonb) is
  'Records an audit event of the caller of the transaction; for triggers.';

-- Rights on projects. What follows from the deletion of a project or an account is not recorded for each member.

create function monynha.audit_project_member() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  member constant public.project_members := case when tg_op = 'DELETE' then old else new end;
  details jsonb := jsonb_build_object('projectId', member.project_id, 'role', member.role);
begin
  if tg_op = 'DELETE' and not (
    exists (select from public.projects p where p.id = old.project_id)
    and exists (select from public.users u where u.id = old.user_id)
  ) then
    return null;
  end if;
  if tg_op = 'UPDATE' then
    details := details || jsonb_build_object('formerRole', old.role);
  end if;
  perform monynha.record_own_audit_event(
    case tg_op when 'INSERT' then 'member.added' when 'UPDATE' then 'member.role_changed' else 'member.removed' end,
    'user', member.user_id::text, details
  );
  return null;
end
$$;
comment on function monynha.audit_project_member() is 'Trigger: records changes of who may do what in a project.';
create trigger project_members_audit_insert after insert on public.project_members
  for each row when (new.role <> 'owner') execute function monynha.audit_project_member();
create trigger project_members_audit_update after update on public.project_members
  for each row when (old.role is distinct from new.role) execute function monynha.audit_project_member();
create trigger project_members_audit_delete after delete on public.project_members
  for each row execute function monynha.audit_project_member();

create function monynha.audit_project() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'DELETE' then
    perform monynha.record_own_audit_event(
      'project.deleted', 'project', old.id::text, jsonb_build_object('ownerId', old.owner_id)
    );
  else
    perform monynha.record_own_audit_event(
      'project.owner_changed', 'project', new.id::text,
      jsonb_build_object('ownerId', new.owner_id, 'formerOwnerId', old.owner_id)
    );
  end if;
  return null;
end
$$;
comment on function monynha.audit_project() is 'Trigger: records that a project was deleted or given to another owner.';
create trigger projects_audit_update after update of owner_id on public.projects
  for each row when (old.owner_id is distinct from new.owner_id) execute function monynha.audit_project();
create trigger projects_audit_delete after delete on public.projects
  for each row execute function monynha.audit_project();

-- Rights of accounts: the system role, bans and deletions, whichever way they come.

create function monynha.audit_account() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  former_role constant text := old.app_metadata ->> 'role';
  new_role text;
begin
  if tg_op = 'DELETE' then
    perform monynha.record_own_audit_event('user.deleted', 'user', old.id::text, '{}');
    return null;
  end if;
  new_role := new.app_metadata ->> 'role';
  if new.deleted_at is not null and old.deleted_at is null then
    perform monynha.record_own_audit_event('user.deleted', 'user', new.id::text, '{"keepsRow": true}');
    return null;
  end if;
  if new_role is distinct from former_role then
    perform monynha.record_own_audit_event(
      'user.role_changed', 'user', new.id::text, jsonb_build_object('role', new_role, 'formerRole', former_role)
    );
  end if;
  if new.banned_until is distinct from old.banned_until then
    perform monynha.record_own_audit_event(
      case when new.banned_until > now() then 'user.banned' else 'user.unbanned' end, 'user', new.id::text,
      jsonb_build_object('until', new.banned_until)
    );
  end if;
  return null;
end
$$;
comment on function monynha.audit_account() is 'Trigger: records changes of the system role, bans and deletions.';
create trigger users_audit_update after update on auth.users for each row when (
    old.app_metadata -> 'role' is distinct from new.app_metadata -> 'role'
    or old.banned_until is distinct from new.banned_until
    or old.deleted_at is distinct from new.deleted_at
  ) execute function monynha.audit_account();
create trigger users_audit_delete after delete on auth.users
  for each row execute function monynha.audit_account();

revoke all on all functions in schema monynha from public;
