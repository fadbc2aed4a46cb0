-- Second factors, passkeys and recovery codes, and what needs a session with the assurance level aal2.

-- A second factor of an account. A set of recovery codes is one, too.
create table auth.factors (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  factor_type text not null,
  status text not null default 'unverified',
  friendly_name text,
  -- Of a TOTP factor: its secret, encrypted, and the last time step whose code was accepted (RFC 6238 §5.2).
  encrypted_secret bytea,
  last_time_step bigint,
  phone text,
  -- Of a WebAuthn factor, from its verification on.
  credential_id bytea,
  public_key bytea,
  sign_count bigint not null default 0,
  transports text[] not null default '{}',
  -- Wrong codes since the first of them in the current period.
  failed_attempts integer not null default 0,
  failing_since timestamptz,
  last_challenged_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint factor_type_is_known check (factor_type in ('totp', 'phone', 'webauthn', 'recovery_code')),
  constraint factor_status_is_known check (status in ('unverified', 'verified')),
  constraint factor_name_is_short check (length(friendly_name) <= 255),
  constraint factor_credential_is_unique unique (credential_id)
);
comment on table auth.factors is 'Second factors of accounts.';
create index factors_user_id_idx on auth.factors (user_id);
create unique index factor_name_is_unique on auth.factors (user_id, friendly_name) where friendly_name <> '';
create unique index factor_recovery_codes_are_one_set on auth.factors (user_id) where factor_type = 'recovery_code';

-- A challenge of a factor, or of a passkey. It is deleted when it has been answered.
create table auth.factor_challenges (
  id uuid primary key default gen_random_uuid(),
  purpose text not null,
  -- Null for the sign-in with a passkey, where nobody is known yet.
  user_id uuid references auth.users (id) on delete cascade,
  factor_id uuid references auth.factors (id) on delete cascade,
  session_id uuid,
  -- Of WebAuthn: the random bytes that are signed.
  nonce bytea,
  -- Of a phone: the keyed hash of the code that was sent.
  code_hash text,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint factor_challenge_purpose_is_known check (purpose in ('factor', 'passkey_registration', 'passkey_sign_in'))
);
comment on table auth.factor_challenges is 'Challenges that wait for the answer of a factor or a passkey.';
create index factor_challenges_user_id_idx on auth.factor_challenges (user_id);
create index factor_challenges_factor_id_idx on auth.factor_challenges (factor_id);
create index factor_challenges_expires_at_idx on auth.factor_challenges (expires_at);

create table auth.recovery_codes (
  factor_id uuid not null references auth.factors (id) on delete cascade,
  code_hash text not null,
  used_at timestamptz,
  constraint recovery_code_is_unique primary key (factor_id, code_hash)
);
comment on table auth.recovery_codes is 'Keyed hashes of recovery codes.';

-- A passkey: a WebAuthn credential that signs in without a password.
create table auth.passkeys (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  credential_id bytea not null,
  public_key bytea not null,
  sign_count bigint not null default 0,
  transports text[] not null default '{}',
  is_backed_up boolean not null default false,
  friendly_name text not null,
  last_used_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint passkey_credential_is_unique unique (credential_id),
  constraint passkey_name_is_short check (length(friendly_name) <= 120)
);
comment on table auth.passkeys is 'Passkeys of accounts.';
create index passkeys_user_id_idx on auth.passkeys (user_id);

alter table auth.factors enable row level security;
alter table auth.factors force row level security;
alter table auth.factor_challenges enable row level security;
alter table auth.factor_challenges force row level security;
alter table auth.recovery_codes enable row level security;
alter table auth.recovery_codes force row level security;
alter table auth.passkeys enable row level security;
alter table auth.passkeys force row level security;

-- The factor by which a session reached aal2. No foreign key: the trigger that lowers the session is all it needs.
alter table auth.sessions add column factor_id uuid;
-- Refresh tokens with a lower number were issued at a lower assurance level, and get no tokens of the higher one.
alter table auth.sessions add column assured_counter integer not null default 0;
-- Kept by a trigger, since every statement of a user reads it.
alter table auth.users add column has_second_factor boolean not null default false;
alter table public.projects add column requires_aal2 boolean not null default false;
comment on column public.projects.requires_aal2 is 'Whether members see the project only with a second factor.';

-- What every statement of a caller below aal2 looks up: a table of its own, which is small, and mostly empty.
create table monynha.projects_requiring_aal2 (
  project_id uuid primary key references public.projects (id) on delete cascade
);
comment on table monynha.projects_requiring_aal2 is 'The projects that require aal2.';
alter table monynha.projects_requiring_aal2 enable row level security;
alter table monynha.projects_requiring_aal2 force row level security;

create function public.record_required_aal2() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  if new.requires_aal2 then
    insert into monynha.projects_requiring_aal2 (project_id) values (new.id) on conflict do nothing;
  else
    delete from monynha.projects_requiring_aal2 s where s.project_id = new.id;
  end if;
  return null;
end
$$;
comment on function public.record_required_aal2() is 'Trigger: lists a project that requires aal2 for the policies.';
create trigger projects_record_required_aal2_on_insert after insert on public.projects
  for each row when (new.requires_aal2) execute function public.record_required_aal2();
create trigger projects_record_required_aal2_on_update after update of requires_aal2 on public.projects
  for each row when (new.requires_aal2 <> old.requires_aal2) execute function public.record_required_aal2();

create function auth.count_second_factors() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  owner_id uuid := case when tg_op = 'DELETE' then old.user_id else new.user_id end;
begin
  update auth.users u set has_second_factor = not u.has_second_factor
    where u.id = owner_id and u.has_second_factor <> exists (
      select from auth.factors f
      where f.user_id = owner_id and f.status = 'verified' and f.factor_type <> 'recovery_code'
    );
  if found then
    -- Recovery codes are never the only factor.
    delete from auth.factors f using auth.users u
      where u.id = owner_id and not u.has_second_factor and f.user_id = owner_id and f.factor_type = 'recovery_code';
  end if;
  return null;
end
$$;
comment on function auth.count_second_factors() is
  'Trigger: keeps whether an account has a verified second factor other than recovery codes.';
create trigger factors_count_second_factors after insert or delete or update of status on auth.factors
  for each row execute function auth.count_second_factors();

create function auth.lower_sessions_of_factor() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  update auth.sessions s set aal = 'aal1', factor_id = null, amr = (
      select coalesce(jsonb_agg(entry order by position), '[]')
      from jsonb_array_elements(s.amr) with ordinality as methods (entry, position)
      where entry ->> 'method' not in ('totp', 'mfa/phone', 'mfa/webauthn', 'mfa/recovery_code')
    )
    where s.user_id = old.user_id and s.factor_id = old.id;
  return null;
end
$$;
comment on function auth.lower_sessions_of_factor() is
  'Trigger: takes aal2 from the sessions that reached it by a deleted factor.';
create trigger factors_lower_sessions after delete on auth.factors
  for each row execute function auth.lower_sessions_of_factor();

-- What is open is looked at again: sockets and subscriptions of a session that was lowered, of an account whose first
-- factor was verified, and of the members of a project that requires aal2 from now on.

create function monynha.log_lowered_session() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
  perform monynha.write_account_events(array[new.user_id], array[new.id], 'sessions', 'update');
  return null;
end
$$;
comment on function monynha.log_lowered_session() is 'Trigger: writes an event for a session that was lowered.';
create trigger sessions_events_on_lower after update of aal on auth.sessions
  for each row when (new.aal < old.aal) execute function monynha.log_lowered_session();

create trigger accounts_events_on_second_factor after update of has_second_factor on auth.users
  for each row when (old.has_second_factor is distinct from new.has_second_factor)
  execute function monynha.log_accounts_events();

create function public.review_project_members() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
  user_ids uuid[] := array(
    select m.user_id from public.project_members m where m.project_id = new.id
    union
    -- System admins see every project, and may be subscribed to it.
    select u.id from auth.users u where u.app_metadata ->> 'role' = 'admin' and u.deleted_at is null
  );
begin
  perform monynha.write_account_events(user_ids, user_ids, 'accounts', 'update');
  return null;
end
$$;
comment on function public.review_project_members() is
  'Trigger: lets what members of a project have open be checked again when the project begins to require aal2.';
create trigger projects_review_members after update of requires_aal2 on public.projects
  for each row when (new.requires_aal2 and not old.requires_aal2) execute function public.review_project_members();

-- The assurance level of the caller.

create function auth.is_aal2() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.aal', true) = 'aal2', false)
$$;
comment on function auth.is_aal2() is
  'Whether both the token and the session of the caller have the assurance level aal2, or the caller is the service key.';

create function auth.owes_second_factor() returns boolean
language plpgsql stable security definer set search_path = '' as $$
begin
  return not auth.is_aal2()
    and exists (select from auth.users account where account.id = auth.uid() and account.has_second_factor);
end
$$;
comment on function auth.owes_second_factor() is 'Whether the caller has a second factor that their session has not shown.';

-- Without a sub-select, and with each argument once, so that the planner can inline it.
create function auth.level_of(
  is_claimed boolean, session_aal text, is_sign_in boolean, has_second_factor boolean, is_admin boolean,
  is_any_project_strict boolean
) returns text language sql stable
  return case
    when is_claimed and session_aal is distinct from 'aal1' then 'aal2'
    when is_sign_in and has_second_factor
      and strpos(current_setting('monynha.require_mfa', true), 'enrolled') > 0 then 'insufficient'
    when is_admin and strpos(current_setting('monynha.require_mfa', true), 'admins') > 0 then 'insufficient'
    when is_any_project_strict then 'withholding'
    else 'aal1'
  end;
comment on function auth.level_of(boolean, text, boolean, boolean, boolean, boolean) is
  'The assurance level of a caller: that of the session, null for a token without one, unless the token claims less. '
  '`insufficient` where MONYNHA_REQUIRE_MFA, which the program sets for its connections, demands aal2; `withholding` '
  'instead of `aal1` where there are projects that require aal2.';

create function auth.is_withholding() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.aal', true) = 'withholding', false)
$$;
comment on function auth.is_withholding() is
  'Whether there are projects that require aal2, and the caller has less.';

create function public.withheld_project_ids() returns uuid[]
language plpgsql stable security definer set search_path = '' as $$
begin
  if not auth.is_withholding() then
    return '{}';
  end if;
  return array(select s.project_id from monynha.projects_requiring_aal2 s);
end
$$;
comment on function public.withheld_project_ids() is
  'Projects that require aal2, whoever their members are; none for a caller with aal2.';

create function monynha.is_withheld(ids uuid[]) returns boolean
language plpgsql stable security definer set search_path = '' as $$
declare
  project_ids uuid[];
begin
  if not auth.is_withholding() then
    return false;
  end if;
  project_ids := array(
    select s.project_id from monynha.projects_requiring_aal2 s
    where auth.is_admin()
      or exists (
        select from public.project_members m where m.project_id = s.project_id and m.user_id = auth.uid()
      )
      -- See 0020: a token that is limited to projects learns nothing of others.
      and (not auth.is_project_limited() or s.project_id = any (auth.token_project_ids()))
  );
  return project_ids <> '{}' and (
    project_ids && ids
    or exists (select from public.tasks t where t.id = any (ids) and t.project_id = any (project_ids))
    or exists (select from public.files f where f.id = any (ids) and f.project_id = any (project_ids))
  );
end
$$;
comment on function monynha.is_withheld(uuid[]) is
  'Whether one of the ids is a project, task or file that the caller would see with the assurance level aal2.';

create or replace view public.activity with (security_barrier) as
  select
    md5(e.stream::text || e.version)::uuid as id,
    e.stream as project_id,
    e.version as position,
    e.resource,
    case e.verb when 'insert' then 'created' when 'update' then 'updated' else 'deleted' end as verb,
    e.row_id,
    monynha.camel_case_keys(e.old) as old,
    case when e.verb = 'update'
      then monynha.camel_case_keys((
        select jsonb_object_agg(pair.key, pair.value) from jsonb_each(e.new) pair where e.old ? pair.key
      ))
      else monynha.camel_case_keys(e.new)
    end as new,
    e.actor as actor_id,
    e.at,
    e.version
  from monynha.events e
  where e.kind = 'project'
    and ((select auth.is_admin()) or e.stream = any (array(select public.visible_project_ids())))
    and e.stream <> all ((select public.withheld_project_ids())::uuid[]);

-- PostgreSQL grants EXECUTE to PUBLIC by default; policies.sql grants it to roles.
revoke all on all functions in schema auth from public;
revoke execute on function
  public.withheld_project_ids(), public.record_required_aal2(), public.review_project_members() from public;
revoke execute on function monynha.is_withheld(uuid[]), monynha.log_lowered_session() from public;
