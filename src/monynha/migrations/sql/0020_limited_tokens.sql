-- API tokens, and tokens that are limited to scopes and projects.

-- An API token acts for its owner, by its scopes and in its projects. Its secret is stored nowhere: the id is the
-- first 128 bits of the SHA-256 of the whole token.
create table public.api_tokens (
  id uuid primary key,
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  name varchar(100) not null,
  -- How the token begins, so that its owner recognizes it.
  prefix varchar(20) not null,
  scopes text[] not null,
  -- The only projects that it may reach; null for all.
  project_ids text[],
  -- The assurance level of the session that created it.
  aal varchar(10) not null default 'aal1',
  last_used_at timestamptz,
  expires_at timestamptz,
  created_at timestamptz not null default now(),
  version bigint not null default 1,
  constraint token_name_is_not_blank check (name <> '' and name = btrim(name)),
  constraint token_scopes_are_known check (scopes <@ array['read', 'write', 'admin'] and cardinality(scopes) > 0),
  constraint token_names_at_most_100_projects check (cardinality(project_ids) <= 100)
);
comment on table public.api_tokens is 'API tokens of users.';
create index api_tokens_user_id_created_at_idx on public.api_tokens (user_id, created_at desc, id desc);
create index api_tokens_created_at_idx on public.api_tokens (created_at desc, id desc);
alter table public.api_tokens enable row level security;
alter table public.api_tokens force row level security;

-- Its end closes what is open with it, as the end of a session does.
create trigger api_tokens_events_on_delete after delete on public.api_tokens
  referencing old table as old_rows for each statement execute function monynha.log_sessions_events();

-- What a limited token may do. The settings are local to the transaction; a token without limits sets none of them.

create function auth.is_limited() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.token_scope', true), '') <> ''
$$;
comment on function auth.is_limited() is 'Whether the caller has a token that is limited to scopes or projects.';

create function auth.is_project_limited() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.token_projects', true), '') <> ''
$$;
comment on function auth.is_project_limited() is 'Whether the token of the caller is limited to projects.';

create function auth.token_project_ids() returns uuid[] language sql stable as $$
  select nullif(current_setting('monynha.token_projects', true), '')::uuid[]
$$;
comment on function auth.token_project_ids() is 'The projects that the token of the caller is limited to, else null.';

create function auth.can_write() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.token_scope', true), '') <> 'read'
$$;
comment on function auth.can_write() is 'Whether the token of the caller allows changes.';

create function auth.can_administer() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.token_scope', true), '') in ('', 'admin')
$$;
comment on function auth.can_administer() is 'Whether the token of the caller allows all that its owner may do.';

create function auth.reader_uid() returns uuid language sql stable as $$
  select case when not auth.is_project_limited() then auth.uid() end
$$;
comment on function auth.reader_uid() is
  'The caller, if their token lets them read what belongs to no project; else null.';

create function auth.writer_uid() returns uuid language sql stable as $$
  select case when not auth.is_project_limited() and auth.can_write() then auth.uid() end
$$;
comment on function auth.writer_uid() is
  'The caller, if their token lets them change what belongs to no project; else null.';

create function auth.account_uid() returns uuid language sql stable as $$
  select case when not auth.is_project_limited() and auth.can_administer() then auth.uid() end
$$;
comment on function auth.account_uid() is 'The caller, if their token lets them manage their account; else null.';

create function auth.unlimited_uid() returns uuid language sql stable as $$
  select case when not auth.is_limited() then auth.uid() end
$$;
comment on function auth.unlimited_uid() is 'The caller, if their token has no limits; else null.';

-- The caller of a limited token: `claim` are its claims, which have `scopes`.
create function auth.set_limited_actor(claim jsonb, sub uuid, session uuid) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  token public.api_tokens;
  token_scopes jsonb := claim -> 'scopes';
  project_ids jsonb := claim -> 'project_ids';
  effective_scope text;
  is_api_token boolean := claim ? 'token_id';
begin
  if is_api_token and sub is not null then
    -- The row decides, not what the token says of itself.
    select t.* into token from public.api_tokens t
      where t.id = session and t.user_id = sub and (t.expires_at is null or t.expires_at > now());
    if not found then
      return auth.clear_actor();
    end if;
    token_scopes := to_jsonb(token.scopes);
    project_ids := to_jsonb(token.project_ids);
    claim := claim || jsonb_build_object('scopes', token_scopes, 'project_ids', project_ids, 'aal', token.aal);
  end if;
  if sub is null or jsonb_typeof(token_scopes) is distinct from 'array'
    or jsonb_typeof(coalesce(nullif(project_ids, 'null'), '[]')) <> 'array' then
    return auth.clear_actor();
  end if;
  effective_scope := case
    when token_scopes ? 'admin' then 'admin'
    when token_scopes ? 'write' then 'write'
    when token_scopes ? 'read' then 'read'
  end;
  if effective_scope is null then
    perform auth.clear_actor();
    raise exception 'the token has no scope' using errcode = 'MN403';
  end if;
  perform
    set_config('request.jwt.claims', claim::text, true),
    set_config('request.jwt.claim.sub', sub::text, true),
    set_config('request.jwt.claim.role', 'authenticated', true),
    set_config('monynha.token_scope', effective_scope, true),
    set_config(
      'monynha.token_projects',
      case when project_ids is null or project_ids = 'null' then ''
        else (array(select jsonb_array_elements_text(project_ids)::uuid))::text end,
      true
    ),
    set_config('monynha.system_role', as_admin.system_role, true),
    -- An API token was made by somebody who had signed in, with the assurance level that they had then.
    set_config(
      'monynha.aal',
      auth.level_of(
        claim ->> 'aal' is not distinct from 'aal2', live.aal, session is not null and not is_api_token,
        account.has_second_factor, as_admin.system_role = 'admin',
        exists (select from monynha.projects_requiring_aal2)
      ),
      true
    )
  from auth.users account
    left join auth.sessions live on live.id = session and live.user_id = sub
      and (live.not_after is null or live.not_after > now()),
    -- The rights of a system admin are not limited to projects, so a token that is has none of them.
    lateral (select case
      when account.app_metadata ->> 'role' is not distinct from 'admin' and effective_scope = 'admin'
        and (project_ids is null or project_ids = 'null') then 'admin' else 'authenticated'
    end) as as_admin (system_role)
  where account.id = sub
    and account.deleted_at is null
    and (as_admin.system_role = 'admin') = (current_setting('role') = 'monynha_admin')
    and (account.banned_until is null or account.banned_until <= now())
    and (is_api_token or session is null or live.id is not null);
  if not found then
    return auth.clear_actor();
  end if;
  if current_setting('monynha.aal', true) = 'insufficient' then
    raise exception 'the session needs the assurance level aal2' using errcode = 'MN4A2';
  end if;
  if effective_scope = 'read' then
    -- Refuses what the policies do not see: functions that run with other rights, and triggers.
    perform set_config('transaction_read_only', 'on', true);
  end if;
  return true;
end
$$;
comment on function auth.set_limited_actor(jsonb, uuid, uuid) is
  'Sets the caller of a limited token, as auth.set_actor does.';

create function auth.clear_actor() returns boolean
language plpgsql volatile set search_path = '' as $$
begin
  perform
    set_config('request.jwt.claims', '', true),
    set_config('request.jwt.claim.sub', '', true),
    set_config('request.jwt.claim.role', '', true),
    set_config('monynha.system_role', '', true),
    set_config('monynha.aal', '', true),
    set_config('monynha.token_scope', '', true),
    set_config('monynha.token_projects', '', true);
  return false;
end
$$;
comment on function auth.clear_actor() is
  'Sets no caller: the one who was set earlier in this transaction, if any, is not valid either. Returns false.';

-- As in 0001, with limited tokens and the assurance level of 0018; raises MN4A2 where that is insufficient.
create or replace function auth.set_actor(claims text, sub uuid, session uuid) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  claims_aal2 boolean;
begin
  -- Users and admins use two database roles, so that the policies of each have simple plans. A caller who comes with
  -- the wrong role is rejected; the program then tries the other one.
  if sub is null then
    -- A key belongs to nobody whose rights could be limited.
    if starts_with(claims, '{"scopes"') or (claims::jsonb ->> 'role' is not distinct from 'service_role')
      <> (current_setting('role') = 'monynha_admin') then
      return false;
    end if;
    perform
      set_config('request.jwt.claims', claims, true),
      set_config('request.jwt.claim.sub', '', true),
      set_config('request.jwt.claim.role', claim.role, true),
      set_config('monynha.system_role', claim.role, true),
      set_config('monynha.aal', case claim.role when 'service_role' then 'aal2' else 'aal1' end, true)
    from (select case claims::jsonb ->> 'role' when 'service_role' then 'service_role' else 'anon' end) as claim (role);
    return true;
  end if;
  claims_aal2 := strpos(claims, '"aal":"aal2"') > 0 and claims::jsonb ->> 'aal' = 'aal2';
  perform
    set_config(
      'request.jwt.claims',
      case when claims_aal2 and live.aal = 'aal1' then jsonb_set(claims::jsonb, '{aal}', '"aal1"')::text else claims end,
      true
    ),
    set_config('request.jwt.claim.sub', sub::text, true),
    set_config('request.jwt.claim.role', 'authenticated', true),
    set_config(
      'monynha.system_role',
      case account.app_metadata ->> 'role' when 'admin' then 'admin' else 'authenticated' end,
      true
    ),
    set_config(
      'monynha.aal',
      auth.level_of(
        claims_aal2, live.aal, session is not null, account.has_second_factor,
        account.app_metadata ->> 'role' = 'admin', exists (select from monynha.projects_requiring_aal2)
      ),
      true
    )
  from auth.users account
  left join auth.sessions live on live.id = session and live.user_id = sub
    and (live.not_after is null or live.not_after > now())
  where account.id = sub
    -- The claims of a limited token begin with its scopes (core/actor.py): finding that out costs next to nothing.
    and not starts_with(claims, '{"scopes"')
    and account.deleted_at is null
    and (account.app_metadata ->> 'role' is not distinct from 'admin')
      = (current_setting('role') = 'monynha_admin')
    and (account.banned_until is null or account.banned_until <= now())
    and (session is null or live.id is not null);
  if not found then
    if starts_with(claims, '{"scopes"') then
      return auth.set_limited_actor(claims::jsonb, sub, session);
    elsif starts_with(claims, '{"foreign":true') and current_setting('role') = 'monynha_app' then
      -- Seen from the next statement on: the program asks again.
      perform auth.create_foreign_account(claims::jsonb, sub);
    end if;
    return auth.clear_actor();
  end if;
  if current_setting('monynha.aal', true) = 'insufficient' then
    raise exception 'the session needs the assurance level aal2' using errcode = 'MN4A2';
  end if;
  return true;
end
$$;

revoke all on all functions in schema auth from public;

-- The projects of the caller by right: those of the token alone, where it is limited to projects, and without those
-- that require an assurance level which the caller does not have.

create or replace function public.visible_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  if auth.is_project_limited() or auth.is_withholding() then
    return query
      select m.project_id from public.project_members m
      where m.user_id = auth.uid()
        and (not auth.is_project_limited() or m.project_id = any (auth.token_project_ids()))
        and m.project_id <> all ((select public.withheld_project_ids())::uuid[]);
  else
    return query select m.project_id from public.project_members m where m.user_id = auth.uid();
  end if;
end
$$;

create or replace function public.editable_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  if auth.is_limited() or auth.is_withholding() then
    return query
      select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
      where m.user_id = auth.uid() and m.role in ('member', 'admin', 'owner') and p.status = 'active'
        and auth.can_write()
        and (not auth.is_project_limited() or m.project_id = any (auth.token_project_ids()))
        and m.project_id <> all ((select public.withheld_project_ids())::uuid[]);
  else
    return query
      select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
      where m.user_id = auth.uid() and m.role in ('member', 'admin', 'owner') and p.status = 'active';
  end if;
end
$$;

create or replace function public.active_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  if auth.is_limited() or auth.is_withholding() then
    return query
      select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
      where m.user_id = auth.uid() and p.status = 'active'
        and auth.can_write()
        and (not auth.is_project_limited() or m.project_id = any (auth.token_project_ids()))
        and m.project_id <> all ((select public.withheld_project_ids())::uuid[]);
  else
    return query
      select m.project_id from public.project_members m join public.projects p on p.id = m.project_id
      where m.user_id = auth.uid() and p.status = 'active';
  end if;
end
$$;

create or replace function public.manageable_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  if auth.is_limited() or auth.is_withholding() then
    return query
      select m.project_id from public.project_members m
      where m.user_id = auth.uid() and m.role in ('admin', 'owner')
        and auth.can_write()
        and (not auth.is_project_limited() or m.project_id = any (auth.token_project_ids()))
        and m.project_id <> all ((select public.withheld_project_ids())::uuid[]);
  else
    return query
      select m.project_id from public.project_members m
      where m.user_id = auth.uid() and m.role in ('admin', 'owner');
  end if;
end
$$;

create or replace function public.owned_project_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  if auth.is_limited() or auth.is_withholding() then
    return query
      select m.project_id from public.project_members m
      where m.user_id = auth.uid() and m.role = 'owner'
        and auth.can_administer()
        and (not auth.is_project_limited() or m.project_id = any (auth.token_project_ids()))
        and m.project_id <> all ((select public.withheld_project_ids())::uuid[]);
  else
    return query select m.project_id from public.project_members m where m.user_id = auth.uid() and m.role = 'owner';
  end if;
end
$$;

-- Whom a token that is limited to projects may see: its owner, and the other members of those projects.
create function public.visible_user_ids() returns setof uuid
language plpgsql stable security definer set search_path = '' rows 20 as $$
begin
  return query
    select auth.uid()
    union
    select m.user_id from public.project_members m
      where m.project_id = any (array(select public.visible_project_ids()));
end
$$;
comment on function public.visible_user_ids() is 'The caller and the members of the projects that the caller can see.';

create or replace view public.visible_emails with (security_barrier) as
  select u.id, u.email, u.email_verified
  from public.users u
  where u.id = (select auth.uid())
    or (select auth.is_admin())
    or exists (
      select from public.project_members theirs
      join public.project_members own on own.project_id = theirs.project_id
      where theirs.user_id = u.id and own.user_id = (select auth.uid())
        and (not (select auth.is_project_limited()) or own.project_id = any ((select auth.token_project_ids())::uuid[]))
    );
revoke execute on all functions in schema public from public;

create function public.limit_api_tokens() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  -- The account's row is locked, so that concurrent creations count each other.
  perform from auth.users where id = new.user_id for no key update;
  if (select count(*) from public.api_tokens t where t.user_id = new.user_id) >= 100 then
    raise exception using errcode = 'check_violation', constraint = 'user_has_too_many_tokens';
  end if;
  return new;
end
$$;
comment on function public.limit_api_tokens() is 'Trigger: rejects the 101st API token of a user.';
revoke execute on function public.limit_api_tokens() from public;
create trigger api_tokens_limit before insert on public.api_tokens
  for each row execute function public.limit_api_tokens();

create function public.audit_api_token() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if tg_op = 'INSERT' then
    perform monynha.record_own_audit_event(
      'token.created', 'token', new.id::text,
      jsonb_build_object('name', new.name, 'prefix', new.prefix, 'scopes', new.scopes, 'projectIds', new.project_ids)
    );
  else
    perform monynha.record_own_audit_event(
      'token.revoked', 'token', old.id::text,
      jsonb_build_object('name', old.name, 'prefix', old.prefix, 'userId', old.user_id)
    );
  end if;
  return null;
end
$$;
comment on function public.audit_api_token() is 'Trigger: records that an API token was created or revoked.';
revoke execute on function public.audit_api_token() from public;
create trigger api_tokens_audit after insert or delete on public.api_tokens
  for each row execute function public.audit_api_token();
