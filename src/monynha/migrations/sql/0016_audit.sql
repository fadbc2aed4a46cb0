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

-- Seals: each is a hash over the events since the one before and over the seal before, so that an event or a seal that
-- is changed or removed later shows. A seal survives its events.

create table monynha.audit_seals (
  number bigint primary key,
  -- The numbers of the events that it covers, without a gap between seals.
  first_event bigint not null,
  last_event bigint not null,
  event_count bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  sealed_at timestamptz not null,
  -- Over the hashes of its events.
  events_hash bytea not null,
  -- Over all of the above and the hash of the seal before.
  hash bytea not null,
  -- By a key that the database does not have (HMAC of the hash), and which key that is.
  signature bytea,
  key_id text,
  -- The number of each event with the first 8 bytes of its hash: tells which one was changed.
  event_digests bytea,
  -- When the retention deleted its events, and whether they were still what had been sealed.
  pruned_at timestamptz,
  was_intact boolean,
  constraint audit_seal_range_is_valid check (first_event <= last_event)
);
comment on table monynha.audit_seals is 'Chain of hashes over the audit log.';
create index audit_seals_unpruned_idx on monynha.audit_seals (number) where pruned_at is null;

-- How far the next seal may reach, once every transaction that had an earlier number has ended.
create table monynha.audit_horizon (
  is_only boolean primary key default true,
  last_event bigint not null,
  -- The id of a transaction that began after the number was read.
  bound xid8 not null,
  constraint audit_horizon_is_one_row check (is_only)
);
comment on table monynha.audit_horizon is 'The events that are waiting to be sealed.';

alter table monynha.audit_seals enable row level security;
alter table monynha.audit_seals force row level security;
alter table monynha.audit_horizon enable row level security;
alter table monynha.audit_horizon force row level security;

create function monynha.prevent_seal_change() returns trigger
language plpgsql set search_path = '' as $$
begin
  if tg_op = 'UPDATE' then
    if (new.number, new.first_event, new.last_event, new.event_count, new.first_at, new.last_at, new.sealed_at,
        new.events_hash, new.hash)
      is not distinct from
      (old.number, old.first_event, old.last_event, old.event_count, old.first_at, old.last_at, old.sealed_at,
        old.events_hash, old.hash)
      and (old.signature is null or new.signature = old.signature)
      and (old.pruned_at is null or (new.pruned_at, new.was_intact) = (old.pruned_at, old.was_intact)) then
      return new;
    end if;
  end if;
  raise exception 'the audit log is append-only' using errcode = 'insufficient_privilege';
end
$$;
comment on function monynha.prevent_seal_change() is 'Trigger: rejects changing or deleting a seal.';
create trigger audit_seals_are_kept before update or delete on monynha.audit_seals
  for each row execute function monynha.prevent_seal_change();
create trigger audit_seals_are_not_truncated before truncate on monynha.audit_seals
  for each statement execute function monynha.prevent_seal_change();

-- Without a SET clause, so that the planner can inline these three.
create function monynha.microseconds(moment timestamptz) returns bigint
language sql immutable
  return (extract(epoch from moment) * 1000000)::bigint;
comment on function monynha.microseconds(timestamptz) is 'The time in microseconds since 1970, whatever the time zone.';

create function monynha.audit_event_hash(e monynha.audit_events) returns bytea
language sql stable as $$
  select sha256(convert_to(json_build_array(
    e.number, e.id, e.action, e.actor_id, e.actor_role, e.target_type, e.target_id, e.details, e.ip, e.user_agent,
    e.request_id, monynha.microseconds(e.created_at)
  )::text, 'UTF8'))
$$;
comment on function monynha.audit_event_hash(monynha.audit_events) is 'SHA-256 over all columns of an audit event.';

create function monynha.audit_seal_hash(s monynha.audit_seals, previous_hash bytea) returns bytea
language sql stable as $$
  select sha256(convert_to(json_build_array(
    s.number, encode(previous_hash, 'hex'), s.first_event, s.last_event, s.event_count,
    monynha.microseconds(s.first_at), monynha.microseconds(s.last_at), monynha.microseconds(s.sealed_at),
    encode(s.events_hash, 'hex')
  )::text, 'UTF8'))
$$;
comment on function monynha.audit_seal_hash(monynha.audit_seals, bytea) is
  'SHA-256 over a seal and the hash of the seal before; that of the first is empty.';

create function monynha.mark_audit_horizon() returns void
language plpgsql security definer set search_path = '' as $$
declare
  newest bigint;
begin
  if exists (select from monynha.audit_horizon) then
    return;
  end if;
  select case when s.is_called then s.last_value else 0 end into newest from monynha.audit_event_numbers s;
  -- A transaction has its id before it draws a number. So all that drew one up to the newest have an id below that of
  -- this transaction, if this one gets its id only now; when they have ended, no such event can be added any more.
  if newest > coalesce((select max(s.last_event) from monynha.audit_seals s), 0) then
    insert into monynha.audit_horizon (last_event, bound) values (newest, pg_catalog.pg_current_xact_id())
    on conflict do nothing;
  end if;
end
$$;
comment on function monynha.mark_audit_horizon() is
  'Begins a seal: remembers which events it shall cover. No writer waits for it.';

create function monynha.seal_audit_events() returns setof monynha.audit_seals
language plpgsql security definer set search_path = '' as $$
declare
  horizon monynha.audit_horizon;
  previous monynha.audit_seals;
  seal monynha.audit_seals;
begin
  select * into horizon from monynha.audit_horizon for update;
  -- The id of a transaction that has not begun yet is from the server of a backup that was restored here.
  if horizon.bound is null or (
    horizon.bound > pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot())
    and horizon.bound <= pg_catalog.pg_current_xact_id()
  ) then
    return;
  end if;
  delete from monynha.audit_horizon;
  select * into previous from monynha.audit_seals s order by s.number desc limit 1;
  seal.number := coalesce(previous.number, 0) + 1;
  seal.first_event := coalesce(previous.last_event, 0) + 1;
  seal.last_event := horizon.last_event;
  seal.sealed_at := clock_timestamp();
  select count(*), min(e.created_at), max(e.created_at), sha256(string_agg(h.hash, '' order by e.number)),
    string_agg(int8send(e.number) || substr(h.hash, 1, 8), '' order by e.number)
  into seal.event_count, seal.first_at, seal.last_at, seal.events_hash, seal.event_digests
  from monynha.audit_events e cross join lateral (select monynha.audit_event_hash(e) as hash) h
  where e.number between seal.first_event and seal.last_event;
  if seal.event_count = 0 then
    return;
  end if;
  seal.hash := monynha.audit_seal_hash(seal, coalesce(previous.hash, ''));
  insert into monynha.audit_seals select seal.*;
  return next seal;
end
$$;
comment on function monynha.seal_audit_events() is
  'Seals the events up to the horizon and returns the seal; nothing while a transaction may still add one of them, or '
  'if there are none.';

create function monynha.is_audit_horizon_marked() returns boolean
language sql stable security definer set search_path = '' as $$
  select exists (select from monynha.audit_horizon)
$$;
comment on function monynha.is_audit_horizon_marked() is 'Whether events wait for transactions that are under way.';

create function monynha.sign_audit_seal(number bigint, signature bytea, key_id text) returns void
language sql security definer set search_path = '' as $$
  update monynha.audit_seals s set signature = sign_audit_seal.signature, key_id = sign_audit_seal.key_id
  where s.number = sign_audit_seal.number and s.signature is null
$$;
comment on function monynha.sign_audit_seal(bigint, bytea, text) is 'Signs a seal that is not signed yet.';

create function monynha.check_audit_seals(after bigint, max_seals integer) returns table (
  number bigint, first_event bigint, last_event bigint, event_count bigint, found_count bigint, first_at timestamptz,
  last_at timestamptz, hash bytea, signature bytea, key_id text, pruned_at timestamptz, is_chained boolean,
  is_intact boolean, sealed_digests bytea, found_digests bytea
)
language sql stable security definer set search_path = '' as $$
  select s.number, s.first_event, s.last_event, s.event_count, found.event_count, s.first_at, s.last_at, s.hash,
    s.signature, s.key_id, s.pruned_at,
    s.hash = monynha.audit_seal_hash(s, coalesce(previous.hash, ''))
      and s.first_event = coalesce(previous.last_event, 0) + 1
      and (previous.number is not null or s.number = 1),
    compared.is_intact,
    case when not compared.is_intact then s.event_digests end,
    case when not compared.is_intact then found.event_digests end
  from monynha.audit_seals s
  left join monynha.audit_seals previous on previous.number = s.number - 1
  cross join lateral (
    select count(*) as event_count, sha256(string_agg(h.hash, '' order by e.number)) as events_hash,
      string_agg(int8send(e.number) || substr(h.hash, 1, 8), '' order by e.number) as event_digests
    from monynha.audit_events e cross join lateral (select monynha.audit_event_hash(e) as hash) h
    where e.number between s.first_event and s.last_event
  ) found
  cross join lateral (
    select case
      when s.pruned_at is not null then s.was_intact and found.event_count = 0
      else found.event_count = s.event_count and found.events_hash is not distinct from s.events_hash
    end as is_intact
  ) compared
  where s.number > after order by s.number limit max_seals
$$;
comment on function monynha.check_audit_seals(bigint, integer) is
  'Compares seals with the events that they cover and with the seals before, oldest first.';

create function monynha.count_unsealed_audit_events() returns bigint
language sql stable security definer set search_path = '' as $$
  select count(*) from monynha.audit_events e
  where e.number > coalesce((select max(s.last_event) from monynha.audit_seals s), 0)
$$;
comment on function monynha.count_unsealed_audit_events() is 'How many audit events no seal covers yet.';

create function monynha.oldest_audit_seal(before timestamptz)
returns table (number bigint, first_event bigint, last_event bigint, last_at timestamptz)
language sql stable security definer set search_path = '' as $$
  select s.number, s.first_event, s.last_event, s.last_at from monynha.audit_seals s
  where s.pruned_at is null and s.last_at < least(before, now() - interval '1 day') order by s.number limit 1
$$;
comment on function monynha.oldest_audit_seal(timestamptz) is
  'The oldest seal whose events are not deleted yet, if all of them are before a time and more than a day old.';

create function monynha.delete_sealed_audit_events(seal bigint) returns bigint
language plpgsql security definer set search_path = '' as $$
declare
  pruned monynha.audit_seals;
  deleted bigint;
begin
  -- What was changed before it was deleted must not be forgotten with it.
  update monynha.audit_seals s
  set pruned_at = clock_timestamp(), event_digests = null,
    was_intact = (select c.is_intact from monynha.check_audit_seals(seal - 1, 1) c)
  where s.number = seal and s.pruned_at is null and s.last_at < now() - interval '1 day'
  returning s.* into pruned;
  if not found then
    return 0;
  end if;
  perform set_config('monynha.deletes_audit_events', 'on', true);
  delete from monynha.audit_events e where e.number between pruned.first_event and pruned.last_event;
  get diagnostics deleted = row_count;
  perform set_config('monynha.deletes_audit_events', '', true);
  return deleted;
end
$$;
comment on function monynha.delete_sealed_audit_events(bigint) is
  'Deletes the events of a seal and returns how many; what is not sealed, or not a day old, is never deleted.';

revoke all on all functions in schema monynha from public;
