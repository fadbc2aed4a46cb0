-- The keys that sign access tokens, where they are not signed with JWT_SECRET.

create table auth.signing_keys (
  kid text primary key,
  algorithm text not null,
  -- Null for HS256, whose key is secret as a whole.
  public_jwk jsonb,
  -- The private half, or the secret, encrypted with a key that is derived from JWT_SECRET.
  encrypted_key bytea not null,
  -- Published before it signs, so that whoever verifies tokens has it by then.
  signs_from timestamptz not null,
  -- When the last token that it has signed is over; null until another key replaces it.
  verifies_until timestamptz,
  created_at timestamptz not null default now(),
  constraint signing_key_algorithm_is_known check (algorithm in ('HS256', 'ES256', 'RS256')),
  constraint signing_key_has_a_public_half check ((algorithm = 'HS256') = (public_jwk is null))
);
comment on table auth.signing_keys is 'Keys that sign access tokens, now, before or next.';
alter table auth.signing_keys enable row level security;
alter table auth.signing_keys force row level security;

-- The account of somebody whom another Supabase has signed in: created when its token is first seen, with its profile.
-- Returns whether there is one now that was not there before. A confirmed address of somebody else is not taken over.
create function auth.create_foreign_account(claim jsonb, sub uuid) returns boolean
language plpgsql volatile security definer set search_path = '' as $$
declare
  address text := nullif(lower(claim ->> 'email' collate "C"), '');
  metadata jsonb := case when jsonb_typeof(claim -> 'user_metadata') = 'object' then claim -> 'user_metadata'
    else '{}' end;
  is_anonymous boolean := coalesce((claim ->> 'is_anonymous')::boolean, false);
  display_name text := btrim(left(coalesce(
    nullif(btrim(metadata ->> 'name'), ''), nullif(btrim(metadata ->> 'full_name'), ''),
    nullif(split_part(address, '@', 1), ''), 'Guest'
  ), 255));
begin
  if length(address) > 255 or (address is null and not is_anonymous and nullif(claim ->> 'phone', '') is null)
    or exists (select from auth.users u where u.id = sub) then
    return false;
  end if;
  -- Tokens of ours carry it too, and have a size.
  if octet_length(metadata::text) > 3000 then
    metadata := '{}';
  end if;
  insert into auth.users (
    id, email, email_confirmed_at, phone, phone_confirmed_at, app_metadata, user_metadata, is_anonymous
  )
  values (
    sub, address, case when address is not null then now() end, nullif(claim ->> 'phone', ''),
    case when nullif(claim ->> 'phone', '') is not null then now() end,
    -- Nobody becomes an admin here by what the other Supabase says.
    '{"provider": "supabase", "providers": ["supabase"]}', metadata, is_anonymous
  )
  on conflict do nothing;
  if not found then
    return false;
  end if;
  insert into auth.identities (user_id, provider, provider_id, identity_data)
  values (
    sub, 'supabase', sub::text, jsonb_build_object('sub', sub, 'email', address, 'iss', claim ->> 'iss')
  );
  insert into public.users (id, email, name, email_verified) values (sub, address, display_name, address is not null);
  return true;
end
$$;
comment on function auth.create_foreign_account(jsonb, uuid) is
  'Creates the account and the profile of a person whom the Supabase of SUPABASE_URL has signed in.';
revoke all on function auth.create_foreign_account(jsonb, uuid) from public;

-- The same for a transaction of several statements: raises, so that none of them runs without a caller.
create or replace function auth.set_actor_or_raise(claims text, sub uuid, session uuid) returns void
language plpgsql volatile set search_path = '' as $$
begin
  -- The first time creates an account that did not exist yet.
  if not auth.set_actor(claims, sub, session)
    and not (starts_with(claims, '{"foreign"') and auth.set_actor(claims, sub, session)) then
    raise exception 'the session is not active' using errcode = 'MN401';
  end if;
end
$$;
