-- Accounts, their sessions, and the functions by which every statement learns who asks.
-- Runs as monynha_owner. Policies and grants stand in domains/auth/policies.sql.

create schema auth;

-- An account: who somebody is and how they prove it. What others see of them is the users domain's.
create table auth.users (
  id uuid primary key default gen_random_uuid(),
  email text,
  phone text,
  -- Null for those who never chose a password (magic links, providers, anonymous).
  password_hash text,
  email_confirmed_at timestamptz,
  phone_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_sent_at timestamptz,
  recovery_sent_at timestamptz,
  reauthentication_sent_at timestamptz,
  new_email text,
  email_change_sent_at timestamptz,
  -- Whether one of the two addresses has agreed to the change already.
  is_email_change_half_confirmed boolean not null default false,
  last_sign_in_at timestamptz,
  -- Only the program and admins write this one: rights may hang on it.
  app_metadata jsonb not null default '{}',
  -- People write this one themselves: it never gives rights.
  user_metadata jsonb not null default '{}',
  is_anonymous boolean not null default false,
  banned_until timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint account_email_is_unique unique (email),
  constraint account_phone_is_unique unique (phone),
  -- The "C" collation folds ASCII alone and so the same on every server; the rest is folded before.
  constraint account_email_is_lower_case check (email = lower(email collate "C")),
  constraint account_email_is_short check (length(email) <= 255),
  constraint account_new_email_is_lower_case check (new_email = lower(new_email collate "C")),
  constraint account_email_or_phone_is_required
    check (is_anonymous or deleted_at is not null or email is not null or phone is not null),
  constraint account_app_metadata_is_an_object check (jsonb_typeof(app_metadata) = 'object'),
  constraint account_user_metadata_is_an_object check (jsonb_typeof(user_metadata) = 'object')
);

-- Admins list the newest first.
create index users_created_at_idx on auth.users (created_at desc, id desc);

-- A way to prove an account: its address, or an account at a provider.
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

-- A sign-in that lasts. Its row is what makes an access token worth something; without it the token is refused.
create table auth.sessions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  aal text not null default 'aal1',
  amr jsonb not null default '[]',
  user_agent text,
  ip text,
  -- The current refresh token is this number, signed: nothing that could be used is stored.
  refresh_counter integer not null default 0,
  -- When the counter reached its last values, newest first: the refresh tokens replaced a moment ago.
  rotated_at timestamptz[] not null default '{}',
  not_after timestamptz,
  refreshed_at timestamptz,
  created_at timestamptz not null default now(),
  constraint session_aal_is_known check (aal in ('aal1', 'aal2', 'aal3'))
);

create index sessions_user_id_idx on auth.sessions (user_id);

-- What a mail or message carries: a link and a short code, each good for one use. Only their hashes are kept.
create table auth.one_time_tokens (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null references auth.users (id) on delete cascade,
  kind text not null,
  link_hash text not null,
  code_hash text not null,
  -- The address it was sent to: a code sent to one address proves no other.
  relates_to text not null,
  failed_attempts integer not null default 0,
  -- Set by clients that finish a sign-in with a secret of their own (RFC 7636).
  code_challenge text,
  code_challenge_method text,
  expires_at timestamptz not null,
  created_at timestamptz not null default now(),
  constraint one_time_token_kind_is_known check (
    kind in ('confirmation', 'invite', 'magiclink', 'recovery', 'email_change_current', 'email_change_new',
      'reauthentication')
  ),
  -- A newer one takes the place of the older.
  constraint one_time_token_is_unique_per_kind unique (user_id, kind),
  constraint one_time_token_link_is_unique unique (link_hash)
);

create index one_time_tokens_relates_to_idx on auth.one_time_tokens (relates_to);

-- The step between a followed link and a session for clients that hold a code verifier (RFC 7636).
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

-- Who asks, or null for nobody. A setting that was used once is '' afterwards, not null: both are nobody.
-- No SET clause and no definer, so that the planner can inline it.
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

-- What the token says the asker is: authenticated, anon or service_role.
create function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;

-- All claims of the asker's token.
create function auth.jwt() returns jsonb language sql stable as $$
  select nullif(current_setting('request.jwt.claims', true), '')::jsonb
$$;

-- Whether the asker may do what an owner may: a system admin as their row says now, or the service key.
create function auth.is_admin() returns boolean language sql stable as $$
  select coalesce(current_setting('monynha.system_role', true) in ('admin', 'service_role'), false)
$$;

-- Let the asker in: true, and the claims are set until the transaction ends; false where the account or the
-- session is gone, and then nobody is asking. It stands in every read, hence one select does all of it.
create function auth.set_actor(claims text, sub uuid, session uuid) returns boolean
  language plpgsql volatile security definer set search_path = '' as $$
begin
  -- People and admins are asked about as two roles, so that each has policies with plain plans. Who comes as the
  -- wrong one is not let in; the program then tries the other.
  if sub is null then
    if (claims::jsonb ->> 'role' is not distinct from 'service_role')
      <> (current_setting('role') = 'monynha_admin') then
      return false;
    end if;
    perform
      set_config('request.jwt.claims', claims, true),
      set_config('request.jwt.claim.sub', '', true),
      set_config('request.jwt.claim.role', known.role, true),
      set_config('monynha.system_role', known.role, true)
    from (select case claims::jsonb ->> 'role' when 'service_role' then 'service_role' else 'anon' end) as known (role);
    return true;
  end if;
  perform
    set_config('request.jwt.claims', claims, true),
    set_config('request.jwt.claim.sub', sub::text, true),
    set_config('request.jwt.claim.role', 'authenticated', true),
    set_config(
      'monynha.system_role', case account.app_metadata ->> 'role' when 'admin' then 'admin' else 'authenticated' end, true
    )
  from auth.users as account
  where account.id = sub
    and account.deleted_at is null
    and (account.app_metadata ->> 'role' is not distinct from 'admin')
      = (current_setting('role') = 'monynha_admin')
    and (account.banned_until is null or account.banned_until <= now())
    and (
      session is null
      or exists (
        select from auth.sessions as live
        where live.id = session
          and live.user_id = sub
          and (live.not_after is null or live.not_after > now())
      )
    );
  if found then
    return true;
  end if;
  -- Whoever entered before in this transaction is not the asker either.
  perform
    set_config('request.jwt.claims', '', true),
    set_config('request.jwt.claim.sub', '', true),
    set_config('request.jwt.claim.role', '', true),
    set_config('monynha.system_role', '', true);
  return false;
end
$$;

-- The same for a transaction of several statements: it raises, so that none of them runs as nobody.
create function auth.set_actor_or_raise(claims text, sub uuid, session uuid) returns void
  language plpgsql volatile set search_path = '' as $$
begin
  if not auth.set_actor(claims, sub, session) then
    raise exception 'the session is over' using errcode = 'MN401';
  end if;
end
$$;

-- Functions are everybody's unless taken back; policies.sql says whose they are.
revoke all on all functions in schema auth from public;
