-- Accounts, sessions and tokens, and the functions that tell a statement who the caller is.
-- Runs as monynha_owner. Policies and grants are in domains/auth/policies.sql.

create schema auth;

-- An account: how a user signs in. The profile that other users see is public.users.
create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text,
  phone text,
  -- Null for accounts without a password (magic links, providers, anonymous).
  password_hash text,
  email_confirmed_at timestamptz,
  phone_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_sent_at timestamptz,
  recovery_sent_at timestamptz,
  reauthentication_sent_at timestamptz,
  new_email text,
  email_change_sent_at timestamptz,
  -- Whether one of the two addresses has confirmed the change.
  is_email_change_half_confirmed boolean not null default false,
  last_sign_in_at timestamptz,
  -- Written by the program and by admins only; rights may depend on it.
  app_metadata jsonb not null default '{}',
  -- Written by the user; never grants rights.
  user_metadata jsonb not null default '{}',
  is_anonymous boolean not null default false,
  banned_until timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint account_email_is_unique unique (email),
  constraint account_phone_is_unique unique (phone),
  -- The "C" collation lower-cases ASCII only, the same on every server; the program has lower-cased the rest.
  constraint account_email_is_lower_case check (email = lower(email collate "C")),
  constraint account_email_is_short check (length(email) <= 255),
  constraint account_new_email_is_lower_case check (new_email = lower(new_email collate "C")),
  constraint account_email_or_phone_is_required
    check (is_anonymous or deleted_at is not null or email is not null or phone is not null),
  constraint account_app_metadata_is_an_object check (jsonb_typeof(app_metadata) = 'object'),
  constraint account_user_metadata_is_an_object check (jsonb_typeof(user_metadata) = 'object')
);

-- For the list of accounts, newest first.
create index users_created_at_idx on auth.users (created_at desc, id desc);

-- A way to sign in to an account: its email address, or an account at an identity provider.
create table auth.identities (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  provider text not null,
  provider_id text not null,
  identity_data jsonb not null default '{}',
  last_sign_in_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint identity_is_unique unique (provider, provider_id)
);

create index identities_user_id_idx on auth.identities (user_id);

-- A session. An access token is accepted only while the row of its session exists.
create table auth.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  aal text not null default 'aal1',
  amr jsonb not null default '[]',
  user_agent text,
  ip text,
  -- The current refresh token is this number, signed: no secret is stored.
  refresh_counter integer not null default 0,
  -- When the counter reached its latest values, newest first: decides whether a replaced refresh token may be reused.
  rotated_at timestamptz[] not null default '{}',
  not_after timestamptz,
  refreshed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint session_aal_is_known check (aal in ('aal1', 'aal2', 'aal3'))
);

create index sessions_user_id_idx on auth.sessions (user_id);

-- What an email or text message contains: a link and a short code, each valid once. Only their hashes are stored.
create table auth.one_time_tokens (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null,
  link_hash text not null,
  code_hash text not null,
  -- The address it was sent to: a code verifies only that address.
  relates_to text not null,
  failed_attempts integer not null default 0,
  -- Set by clients that use PKCE (RFC 7636).
  code_challenge text,
  code_challenge_method text,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint one_time_token_kind_is_known check (
    kind in ('confirmation', 'invite', 'magiclink', 'recovery', 'email_change_current', 'email_change_new',
      'reauthentication')
  ),
  -- A new token replaces the previous one of its kind.
  constraint one_time_token_is_unique_per_kind unique (user_id, kind),
  constraint one_time_token_link_is_unique unique (link_hash)
);

create index one_time_tokens_relates_to_idx on auth.one_time_tokens (relates_to);

-- Authorization codes of PKCE (RFC 7636): exchanged with the code verifier for a session.
create table auth.authorization_codes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  code_hash text not null,
  code_challenge text not null,
  code_challenge_method text not null,
  authentication_method text not null,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint authorization_code_is_unique unique (code_hash)
);

create index authorization_codes_user_id_idx on auth.authorization_codes (user_id);

alter table auth.users enable row level security;
alter table auth.users force row level security;
alter table auth.identities enable row level security;
alter table auth.identities force row level security;
alter table auth.sessions enable row level security;
alter table auth.sessions force row level security;
alter table auth.one_time_tokens enable row level security;
alter table auth.one_time_tokens force row level security;
alter table auth.authorization_codes enable row level security;
alter table auth.authorization_codes force row level security;

-- The id of the caller, null for anonymous. A setting that was set once in the session reads '' afterwards, not null.
-- Neither a SET clause nor SECURITY DEFINER, so that the planner can inline it.
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

-- The role in the caller's token: authenticated, anon or service_role.
create function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;

-- All claims of the caller's token.
create function auth.jwt() returns jsonb language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;

-- Whether the caller is a system admin, by the current row of the account, or holds the service key.
create function auth.is_admin() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.system_role', true) in ('admin', 'service_role'), false)
$$;

-- Set the caller for the rest of the transaction. Returns false, and sets no caller, if the account or the session
-- does not exist any more. It is part of every read, so one query does all of it.
create function auth.set_actor(claims text, sub uuid, session uuid) returns boolean
  language plpgsql volatile security definer set search_path = '' as $$
begin
  -- Users and admins use two database roles, so that the policies of each have simple plans. A caller who comes with
  -- the wrong role is rejected; the program then tries the other one.
  if sub is null then
    if (claims::jsonb ->> 'role' is not distinct from 'service_role')
      <> (current_setting('role') = 'monynha_admin') then
      return false;
    end if;
    perform
      set_config('request.jwt.claims', claims, true),
      set_config('request.jwt.claim.sub', '', true),
      set_config('request.jwt.claim.role', claim.role, true),
      set_config('monynha.system_role', claim.role, true)
    from (select case claims::jsonb ->> 'role' when 'service_role' then 'service_role' else 'anon' end) as claim (role);
    return true;
  end if;
  perform
    set_config('request.jwt.claims', claims, true),
    set_config('request.jwt.claim.sub', sub::text, true),
    set_config('request.jwt.claim.role', 'authenticated', true),
    set_config(
      'monynha.system_role',
      case account.app_metadata ->> 'role' when 'admin' then 'admin' else 'authenticated' end,
      true
    )
  from auth.users account
  where account.id = sub
    and account.deleted_at is null
    and (account.app_metadata ->> 'role' is not distinct from 'admin')
      = (current_setting('role') = 'monynha_admin')
    and (account.banned_until is null or account.banned_until <= now())
    and (
      session is null
      or exists (
        select from auth.sessions live
        where live.id = session
          and live.user_id = sub
          and (live.not_after is null or live.not_after > now())
      )
    );
  if found then
    return true;
  end if;
  -- The caller set earlier in this transaction, if any, is not valid either.
  perform
    set_config('request.jwt.claims', '', true),
    set_config('request.jwt.claim.sub', '', true),
    set_config('request.jwt.claim.role', '', true),
    set_config('monynha.system_role', '', true);
  return false;
end
$$;

-- The same for a transaction of several statements: raises, so that none of them runs without a caller.
create function auth.set_actor_or_raise(claims text, sub uuid, session uuid) returns void
  language plpgsql volatile set search_path = '' as $$
begin
  if not auth.set_actor(claims, sub, session) then
    raise exception 'the session is not active' using errcode = 'MN401';
  end if;
end
$$;

-- PostgreSQL grants EXECUTE to PUBLIC by default; policies.sql grants it to roles.
revoke all on all functions in schema auth from public;
